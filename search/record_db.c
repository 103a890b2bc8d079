/* SPDX-License-Identifier: MIT */
/* Records of a tuning database as lines, with what their runs say of them: the
 * strategy that was settled on, and the source, a word of the command. Records
 * that were refused here are left out. */
#include <stdio.h>
#include <string.h>

#include "search/db.h"
#include "search/record_read.h"

struct reading {
	struct arena *a;
	struct record_lines *out;
	struct db_run *runs;
	int n_runs;
};

static const struct db_run *run_of(const struct reading *r, int64_t id)
{
	for (int i = 0; i < r->n_runs; i++)
		if (r->runs[i].id == id)
			return &r->runs[i];
	return NULL;
}

/* "ga" of "tune=ga measure=gpu", or of --tune=ga. */
static const char *strategy_of(struct arena *a, const struct db_run *run)
{
	if (run && !strncmp(run->options, "tune=", 5))
		return arena_strndup(a, run->options + 5,
			strcspn(run->options + 5, " "));
	for (int i = 0; run && i < run->argc; i++)
		if (!strncmp(run->argv[i], "--tune=", 7))
			return run->argv[i] + 7;
	return "";
}

static const char *source_of(const struct db_run *run)
{
	for (int i = 1; run && i < run->argc; i++) {
		size_t n = strlen(run->argv[i]);

		if (run->argv[i][0] != '-' && n > 4 &&
		    !strcmp(run->argv[i] + n - 4, ".wpk"))
			return run->argv[i];
	}
	return "";
}

static void add_record(struct reading *r, const struct db_record *x)
{
	const struct db_run *run = run_of(r, x->run);
	const double predicted = x->r.predicted;
	struct record_line line = { .record = x->r, .candidate = x->number,
		.run = x->run ? arena_printf(r->a, "%lld", (long long)x->run) :
			"", .strategy = strategy_of(r->a, run),
		.source = source_of(run), .command = "" };

	if (x->r.verdict == V_MEASURED && !record_is_duration(x->r.seconds))
		return;
	line.record.predicted = record_is_duration(predicted) ? predicted : 0;
	vec_push(r->a, &r->out->lines, line);
}

bool record_is_db(const char *path)
{
	char head[16] = {0};
	FILE *f = fopen(path, "rb");
	bool is = f && fread(head, 1, sizeof head, f) == sizeof head &&
		!memcmp(head, "SQLite format 3", sizeof head);

	if (f)
		fclose(f);
	return is;
}

const char *record_db_read(struct arena *a, const char *path,
	struct record_lines *out)
{
	const char *const paths[] = { path, NULL };
	const struct db_query q = { .origins = (1u << N_DB_ORIGINS) - 1 -
		(1u << DB_REFUSED) };
	struct reading r = { .a = a, .out = out };
	struct db_record *v;
	const char *why;
	struct db *db = db_open(a, paths, DB_READ, &why);
	int n;

	if (!db)
		return why;
	r.runs = db_runs(db, a, 0, &r.n_runs);
	v = r.runs ? db_find(db, a, &q, &n) : NULL;
	why = v ? NULL : db_why(db);
	for (int i = 0; v && i < n; i++)
		add_record(&r, &v[i]);
	db_close(db);
	return why;
}
