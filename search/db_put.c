/* SPDX-License-Identifier: MIT */
/* Storing and deleting, each call one transaction. */
#include <string.h>

#include "search/db_private.h"

/* ---- storing ---- */

/* The statements that storing needs, prepared once a call; and of records from
 * elsewhere their runs, with the ids that these have here, 0: none yet. */
struct put {
	struct db *db;
	struct sql add_problem, find_problem, known, add;
	const struct db_run *runs;
	int64_t *ids;
	int n_runs, added;
};

static const char *key_list(struct db *db, const char *format)
{
	struct str s;

	str_init(&s, db->tmp);
	fields_list(&s, "", db_key_fields, DB_KEY_FIELDS);
	return arena_printf(db->tmp, format, str_text(&s));
}

static const char *add_text(struct db *db)
{
	struct str s;

	str_init(&s, db->tmp);
	str_puts(&s, "INSERT INTO record(problem, run, number, origin, verdict, "
		"point, features, ");
	fields_list(&s, "", db_fields, DB_FIELDS);
	str_puts(&s, ") VALUES(?, ?, ?, ?, ?, ?, ?");
	for (int i = 0; i < DB_FIELDS; i++)
		str_puts(&s, ", ?");
	str_puts(&s, ")");
	return str_text(&s);
}

static struct put start(struct db *db)
{
	const struct db_layer *l = &db->layers[0];

	return (struct put){ .db = db,
		.add_problem = sql_start(db, l, key_list(db,
			"INSERT OR IGNORE INTO problem(%s) VALUES"
			"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
		.find_problem = sql_start(db, l, key_list(db,
			"SELECT id FROM problem WHERE (%s) = "
			"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
		.known = sql_start(db, l, "SELECT count(*) FROM record WHERE "
			"problem = ? AND sketch = ? AND point = ? AND "
			"verdict = ? AND date = ? AND seconds IS ?"),
		.add = sql_start(db, l, add_text(db)) };
}

static bool end(struct put *p)
{
	bool ok = true;

	ok &= sql_end(&p->add_problem);
	ok &= sql_end(&p->find_problem);
	ok &= sql_end(&p->known);
	ok &= sql_end(&p->add);
	return ok;
}

static int64_t problem_of(struct put *p, const struct record *r)
{
	int64_t id = 0;

	sql_again(&p->add_problem);
	fields_bind(&p->add_problem, db_key_fields, DB_KEY_FIELDS, r);
	sql_row(&p->add_problem);
	sql_again(&p->find_problem);
	fields_bind(&p->find_problem, db_key_fields, DB_KEY_FIELDS, r);
	if (!p->add_problem.failed && sql_row(&p->find_problem))
		id = sql_get_int(&p->find_problem);
	return id;
}

static bool is_known(struct put *p, int64_t problem, const struct record *r)
{
	sql_again(&p->known);
	sql_int(&p->known, problem);
	sql_text(&p->known, r->key.sketch);
	sql_text(&p->known, fields_point(p->db->tmp, r));
	sql_text(&p->known, verdict_name(r->verdict));
	sql_text(&p->known, r->date);
	fields_bind(&p->known, &db_fields[2], 1, r);
	return sql_row(&p->known) && sql_get_int(&p->known) > 0;
}

/* What the run that a record names is called here; 0: it names none of those
 * that came along. */
static bool run_here(struct put *p, int64_t run, int64_t *here)
{
	*here = 0;
	for (int i = 0; i < p->n_runs; i++) {
		if (p->runs[i].id != run)
			continue;
		if (!p->ids[i])
			p->ids[i] = run_add(p->db, &p->runs[i]);
		*here = p->ids[i];
		return *here != 0;
	}
	return true;
}

/* "run" 0: of none. */
static bool add(struct put *p, const struct db_record *v, int64_t run)
{
	const struct record *r = &v->r;
	int64_t problem = problem_of(p, r);

	if (!problem)
		return false;
	p->added++;
	sql_again(&p->add);
	sql_int(&p->add, problem);
	if (run) {
		sql_int(&p->add, run);
		sql_int(&p->add, v->number);
	} else {
		sql_null(&p->add);
		sql_null(&p->add);
	}
	sql_int(&p->add, (int)v->origin);
	sql_text(&p->add, verdict_name(r->verdict));
	sql_text(&p->add, fields_point(p->db->tmp, r));
	sql_text(&p->add, fields_features(p->db->tmp, r));
	fields_bind(&p->add, db_fields, DB_FIELDS, r);
	sql_row(&p->add);
	arena_reset(p->db->tmp);
	return !p->add.failed;
}

static bool is_finite(struct db *db, const struct record *r)
{
	return fields_finite(r) || sql_say(db, "a record of '%s' has a number "
		"that is none", r->key.op ? r->key.op : "");
}

/* The last number that a candidate of the run has. */
static bool last_of(struct db *db, int64_t run, int *last)
{
	struct sql s = sql_start(db, &db->layers[0],
		"SELECT max(number) FROM record WHERE run = ?");

	sql_int(&s, run);
	*last = sql_row(&s) ? (int)sql_get_int(&s) : 0;
	return sql_end(&s);
}

bool db_put(struct db *db, int64_t run, const struct record *v, int n,
	int *first)
{
	struct put p;
	bool ok;
	int last = 0;

	if (!sql_begin(db))
		return false;
	p = start(db);
	ok = !run || last_of(db, run, &last);
	for (int i = 0; i < n && ok; i++) {
		struct db_record r = { .r = v[i], .number = last + 1 + i };

		ok = is_finite(db, &v[i]) && add(&p, &r, run);
	}
	if (first)
		*first = last + 1;
	ok &= end(&p);
	return sql_finish(db, ok);
}

/* One record of elsewhere, where it is not here already. */
static bool take(struct put *p, const struct db_record *v)
{
	int64_t problem = problem_of(p, &v->r), run;

	if (!problem || is_known(p, problem, &v->r))
		return problem != 0 && !p->known.failed;
	return run_here(p, v->run, &run) && add(p, v, run);
}

bool db_take(struct db *db, const struct db_run *runs, int n_runs,
	const struct db_record *v, int n, int *added)
{
	struct put p;
	bool ok = true;

	if (!sql_begin(db))
		return false;
	p = start(db);
	p.runs = runs;
	p.n_runs = n_runs;
	p.ids = ARENA_ARRAY(db->a, (size_t)n_runs + 1, int64_t);
	for (int i = 0; i < n && ok; i++)
		ok = is_finite(db, &v[i].r) && take(&p, &v[i]);
	*added = p.added;
	ok &= end(&p);
	return sql_finish(db, ok);
}

/* ---- changing ---- */

static bool each_id(struct db *db, const char *text, const int64_t *ids,
	int n, const enum db_origin *origin)
{
	struct sql s = sql_start(db, &db->layers[0], text);

	for (int i = 0; i < n && !s.failed; i++) {
		sql_again(&s);
		if (origin)
			sql_int(&s, (int)*origin);
		sql_int(&s, ids[i]);
		sql_row(&s);
	}
	return sql_end(&s);
}

bool db_mark(struct db *db, const int64_t *ids, int n, enum db_origin origin)
{
	return sql_begin(db) && sql_finish(db, each_id(db,
		"UPDATE record SET origin = ? WHERE id = ?", ids, n, &origin));
}

bool db_remove(struct db *db, const int64_t *ids, int n)
{
	const char *why;

	if (!sql_begin(db) || !sql_finish(db, each_id(db,
	    "DELETE FROM record WHERE id = ?", ids, n, NULL) &&
	    sql_run(db, &db->layers[0], "DELETE FROM problem WHERE id NOT IN "
	    "(SELECT problem FROM record)")))
		return false;
	why = db->why;
	sql_run(db, &db->layers[0], "VACUUM");
	db->why = why;
	return true;
}
