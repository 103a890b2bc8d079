/* SPDX-License-Identifier: MIT */
/* Runs of a tuner: what was called, so that any of its candidates can be made
 * again. */
#include "base/vec.h"
#include "search/db_private.h"

int64_t run_add(struct db *db, const struct db_run *r)
{
	struct sql s = sql_start(db, &db->layers[0], "INSERT INTO run(folder, "
		"command, options, version, started, ended, interrupted) "
		"VALUES(?, ?, ?, ?, ?, ?, ?)");

	sql_text(&s, r->folder);
	sql_text(&s, db_join(db->tmp, r->argv, r->argc));
	sql_text(&s, r->options);
	sql_text(&s, r->version);
	sql_text(&s, r->started);
	sql_text(&s, r->ended);
	sql_int(&s, r->interrupted);
	sql_row(&s);
	return sql_end(&s) ? sqlite3_last_insert_rowid(db->layers[0].sql) : 0;
}

int64_t db_run_begin(struct db *db, const struct db_run *r)
{
	int64_t id;

	if (!sql_begin(db))
		return 0;
	id = run_add(db, r);
	return sql_finish(db, id != 0) ? id : 0;
}

static bool run_end(struct db *db, int64_t id, const char *ended,
	bool interrupted)
{
	struct sql s = sql_start(db, &db->layers[0], "UPDATE run SET "
		"ended = ?, interrupted = ? WHERE id = ?");

	sql_text(&s, ended);
	sql_int(&s, interrupted);
	sql_int(&s, id);
	sql_row(&s);
	return sql_end(&s);
}

bool db_run_end(struct db *db, int64_t id, const char *ended,
	bool interrupted)
{
	return sql_begin(db) && sql_finish(db, run_end(db, id, ended,
		interrupted));
}

static struct db_run read_run(struct sql *s, struct arena *a)
{
	struct db_run r = { .id = sql_get_int(s) };
	static const char *const none[] = { NULL };

	r.folder = sql_get_text(s, a);
	r.argv = db_split(a, sql_get_text(s, a), &r.argc);
	r.argv = r.argv ? r.argv : none;
	r.options = sql_get_text(s, a);
	r.version = sql_get_text(s, a);
	r.started = sql_get_text(s, a);
	r.ended = sql_get_text(s, a);
	r.interrupted = sql_get_int(s) != 0;
	r.candidates = (int)sql_get_int(s);
	return r;
}

struct db_run *db_runs(struct db *db, struct arena *a, int64_t id, int *n)
{
	const struct db_layer *l = &db->layers[0];
	VEC(struct db_run) v = {0};
	struct sql s;

	*n = 0;
	if (!l->sql)
		return ARENA_NEW(a, struct db_run);
	s = sql_start(db, l, "SELECT id, folder, command, options, version, "
		"started, ended, interrupted, (SELECT count(*) FROM record "
		"WHERE run = run.id) FROM run WHERE ?1 = 0 OR id = ?1 "
		"ORDER BY id");
	sql_int(&s, id);
	while (sql_row(&s))
		vec_push(a, &v, read_run(&s, a));
	if (!sql_end(&s))
		return NULL;
	*n = v.n;
	return v.n ? v.v : ARENA_NEW(a, struct db_run);
}
