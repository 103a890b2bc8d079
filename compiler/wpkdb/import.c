/* SPDX-License-Identifier: MIT */
/* Records into the database, all or none: JSON lines, or another database. They
 * are foreign unless --own says that they were measured here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wpkdb/wpkdb.h"

typedef VEC(struct db_record) record_list;

static void settle_origin(const struct wpkdb *w, record_list *v)
{
	for (int i = 0; i < v->n; i++)
		v->v[i].origin = w->own ? DB_OWN : DB_FOREIGN;
}

static int take(struct wpkdb *w, const struct db_run *runs, int n_runs,
	record_list *v)
{
	int added, code = wpkdb_open(w, true, false);

	if (code != EXIT_DONE)
		return code;
	settle_origin(w, v);
	if (!db_take(w->db, runs, n_runs, v->v, v->n, &added))
		return wpkdb_fail_db(w);
	printf("%d records, %d of them new\n", v->n, added);
	return EXIT_DONE;
}

/* ---- JSON lines ---- */

static const char *read_line(struct wpkdb *w, const char *line, size_t n,
	record_list *out)
{
	json_error_t error;
	json_t *v = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
	struct db_record r;
	const char *why;

	if (!v)
		return arena_printf(w->a, "no JSON: %s", error.text);
	why = json_read_record(w->a, v, &r);
	json_decref(v);
	if (!why)
		vec_push(w->a, out, r);
	return why;
}

static bool is_blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n", line[i]) || !line[i])
			return false;
	return true;
}

static int read_file(struct wpkdb *w, const char *path, record_list *out)
{
	bool standard = !strcmp(path, "-");
	FILE *f = standard ? stdin : fopen(path, "r");
	const char *why = NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int at = 0, code = EXIT_DONE;

	if (!f)
		return wpkdb_fail(w, EXIT_USER, "cannot read '%s': %s", path,
			strerror(errno));
	while (!why && (n = getline(&line, &cap, f)) > 0) {
		at++;
		if (!is_blank(line, (size_t)n))
			why = read_line(w, line, (size_t)n, out);
	}
	if (why)
		code = wpkdb_fail(w, EXIT_USER, "%s:%d: %s", standard ?
			"<stdin>" : path, at, why);
	else if (ferror(f))
		code = wpkdb_fail(w, EXIT_USER, "cannot read '%s': %s", path,
			strerror(errno));
	free(line);
	if (!standard)
		fclose(f);
	return code;
}

int wpkdb_import(struct wpkdb *w)
{
	record_list v = {0};

	for (int i = 0; i < w->words.n; i++) {
		int code = read_file(w, w->words.v[i], &v);

		if (code != EXIT_DONE)
			return code;
	}
	return take(w, NULL, 0, &v);
}

/* ---- another database ---- */

int wpkdb_merge(struct wpkdb *w)
{
	const char *paths[] = { w->words.v[0], NULL }, *why;
	struct db_query all = {0};
	struct db *other;
	struct db_record *v;
	struct db_run *runs;
	record_list list;
	int n, n_runs = 0;

	other = db_open(w->a, paths, DB_READ, &why);
	if (!other)
		return wpkdb_fail(w, EXIT_USER, "%s", why);
	v = db_find(other, w->a, &all, &n);
	runs = v ? db_runs(other, w->a, 0, &n_runs) : NULL;
	why = runs ? NULL : db_why(other);
	db_close(other);
	if (why)
		return wpkdb_fail(w, EXIT_USER, "%s", why);
	list = (record_list){ v, n, n };
	return take(w, runs, n_runs, &list);
}
