/* SPDX-License-Identifier: MIT */
/* Problems: what records are records of. list and runs print them. */
#include <stdio.h>
#include <string.h>

#include "wpkdb/wpkdb.h"

bool problems_find(struct wpkdb *w, key_list *out)
{
	int n;
	struct record_key *v = db_problems(w->db, w->a, &w->query, &n);

	if (!v)
		return false;
	*out = (key_list){ v, n, n };
	return true;
}

struct db_record *problems_records(struct wpkdb *w, struct arena *a,
	const struct record_key *key, int *n)
{
	struct db_query q = w->query;

	q.hash = key->hash;
	q.family = key->family;
	q.op = key->op;
	q.shape = key->shape;
	q.types = key->types;
	q.grouped = true;
	q.group = key->group;
	q.kernel = key->kernel;
	q.target = key->target;
	q.gpu = key->gpu;
	q.how = key->how;
	q.share = key->share;
	return db_find(w->db, a, &q, n);
}

const char *problem_title(struct arena *a, const struct record_key *key)
{
	struct str s;

	str_init(&s, a);
	str_printf(&s, "%s.%d", key->op, key->group);
	if (*key->kernel)
		str_printf(&s, " (%s)", key->kernel);
	if (*key->shape)
		str_printf(&s, ", %s", key->shape);
	if (*key->types)
		str_printf(&s, ", %s", key->types);
	str_printf(&s, ": %s, %s, %s", key->gpu, key->target, key->how);
	if (key->share != 100)
		str_printf(&s, ", %d %%", key->share);
	return text_plain(a, str_text(&s));
}

/* ---- list ---- */

/* A problem in figures: records, points, how many of these were measured, and
 * the winner, the best that is no foreigner's word. */
struct figures {
	int records, points, measured, foreign;
	const struct db_record *best;
};

static struct figures figures_of(struct db_record *v, int n)
{
	struct figures f = { .records = n };

	for (int i = 0; i < n; i++)
		f.foreign += v[i].origin == DB_FOREIGN;
	f.points = db_count(v, n);
	for (int i = 0; i < f.points; i++) {
		if (v[i].r.verdict != V_MEASURED)
			continue;
		f.measured++;
		if (!f.best && v[i].origin != DB_FOREIGN)
			f.best = &v[i];
	}
	return f;
}

static json_t *problem_json(struct arena *a, const struct record_key *key,
	const struct figures *f)
{
	struct db_record r = { .r = { .key = *key } };
	json_t *all = json_record(a, &r), *v = json_object();

	for (int i = 0; all && i < DB_KEY_FIELDS; i++)
		json_object_set(v, db_key_fields[i].name, json_object_get(all,
			db_key_fields[i].name));
	json_decref(all);
	json_object_set_new(v, "records", json_integer(f->records));
	json_object_set_new(v, "points", json_integer(f->points));
	json_object_set_new(v, "measured", json_integer(f->measured));
	json_object_set_new(v, "foreign", json_integer(f->foreign));
	json_object_set_new(v, "best", f->best ? json_record(a, f->best) :
		json_null());
	return v;
}

static void print_problem(struct arena *a, const struct record_key *key,
	const struct figures *f)
{
	printf("%s\n    %d records of %d points, %d measured", problem_title(a,
		key), f->records, f->points, f->measured);
	if (f->foreign)
		printf(", %d foreign", f->foreign);
	if (f->best)
		printf("; best %s by %s", text_time(a, f->best->r.seconds),
			text_plain(a, f->best->r.key.sketch));
	printf("\n");
}

/* One problem, printed or added to "all". */
static bool list_problem(struct wpkdb *w, const struct record_key *key,
	json_t *all)
{
	struct arena *a = arena_create();
	int n = 0;
	struct db_record *v = problems_records(w, a, key, &n);
	struct figures f = figures_of(v, n);

	if (f.records && w->json)
		json_array_append_new(all, problem_json(a, key, &f));
	else if (f.records)
		print_problem(a, key, &f);
	arena_destroy(a);
	return v;
}

/* "all", if that is what was asked for, and done with. */
static void print_list(struct wpkdb *w, json_t *all)
{
	struct str out;

	str_init(&out, w->a);
	json_print(all, &out);
	if (w->json)
		printf("%s\n", str_text(&out));
	json_decref(all);
}

int wpkdb_list(struct wpkdb *w)
{
	json_t *all;
	key_list keys;
	bool ok = true;

	if (!problems_find(w, &keys))
		return wpkdb_fail_db(w);
	all = json_array();
	for (int i = 0; i < keys.n && ok; i++)
		ok = list_problem(w, &keys.v[i], all);
	if (ok)
		print_list(w, all);
	else
		json_decref(all);
	return ok ? EXIT_DONE : wpkdb_fail_db(w);
}

/* ---- runs ---- */

static json_t *run_json(const struct db_run *r)
{
	json_t *v = json_object(), *words = json_array();

	for (int i = 0; i < r->argc; i++)
		json_array_append_new(words, json_string(r->argv[i]));
	json_object_set_new(v, "run", json_integer(r->id));
	json_object_set_new(v, "folder", json_string(r->folder));
	json_object_set_new(v, "command", words);
	json_object_set_new(v, "options", json_string(r->options));
	json_object_set_new(v, "version", json_string(r->version));
	json_object_set_new(v, "started", json_string(r->started));
	json_object_set_new(v, "ended", json_string(r->ended));
	json_object_set_new(v, "interrupted", json_boolean(r->interrupted));
	json_object_set_new(v, "candidates", json_integer(r->candidates));
	return v;
}

static void print_run(struct arena *a, const struct db_run *r)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < r->argc; i++) {
		str_puts(&s, i ? " " : "");
		str_word(&s, r->argv[i]);
	}
	printf("%lld: %s, %d candidates, %s\n    %s\n", (long long)r->id,
		text_plain(a, r->started), r->candidates, r->interrupted ?
		"interrupted" : *r->ended ? "ended" : "not ended",
		text_plain(a, str_text(&s)));
}

int wpkdb_runs(struct wpkdb *w)
{
	int n;
	struct db_run *v = db_runs(w->db, w->a, 0, &n);
	json_t *all;

	if (!v)
		return wpkdb_fail_db(w);
	all = json_array();
	for (int i = 0; i < n; i++)
		if (w->json)
			json_array_append_new(all, run_json(&v[i]));
		else
			print_run(w->a, &v[i]);
	print_list(w, all);
	return EXIT_DONE;
}
