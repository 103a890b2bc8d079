/* SPDX-License-Identifier: MIT */
/* What the tables are. A file of ours says so by its application_id, and of
 * which schema by its user_version; version 1 is the first. A later one adds
 * its steps to the end of "steps", so that every older file is brought up to
 * date by the steps it lacks. */
#include "search/db_private.h"

enum { OURS = 0x77706b64 };	/* "wpkd" */

static const char *const steps[] = {
	"CREATE TABLE run(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" folder TEXT NOT NULL, command TEXT NOT NULL,"
	" options TEXT NOT NULL, version TEXT NOT NULL,"
	" started TEXT NOT NULL, ended TEXT NOT NULL,"
	" interrupted INTEGER NOT NULL);"
	"CREATE TABLE problem(id INTEGER PRIMARY KEY,"
	" hash TEXT NOT NULL, family TEXT NOT NULL, op TEXT NOT NULL,"
	" shape TEXT NOT NULL, types TEXT NOT NULL,"
	" \"group\" INTEGER NOT NULL, kernel TEXT NOT NULL,"
	" target TEXT NOT NULL, gpu TEXT NOT NULL, how TEXT NOT NULL,"
	" share INTEGER NOT NULL, UNIQUE(hash, family, op, shape, types,"
	" \"group\", kernel, target, gpu, how, share));"
	"CREATE INDEX problem_family ON problem(family);"
	"CREATE TABLE record(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" problem INTEGER NOT NULL REFERENCES problem,"
	" run INTEGER REFERENCES run, number INTEGER,"
	" origin INTEGER NOT NULL, verdict TEXT NOT NULL,"
	" point TEXT NOT NULL, features TEXT NOT NULL,"
	" sketch TEXT NOT NULL, message TEXT, seconds REAL,"
	" spread REAL NOT NULL, predicted REAL NOT NULL,"
	" compile_seconds REAL NOT NULL, registers INTEGER NOT NULL,"
	" spill_bytes INTEGER NOT NULL, clock_mhz REAL NOT NULL,"
	" throttled INTEGER NOT NULL, driver TEXT NOT NULL,"
	" version TEXT NOT NULL, date TEXT NOT NULL);"
	"CREATE INDEX record_problem ON record(problem, sketch, point,"
	" date);"
	"CREATE UNIQUE INDEX record_run ON record(run, number)"
	" WHERE run IS NOT NULL;",
};

enum { SCHEMA = sizeof steps / sizeof *steps };

static bool pragma(struct db *db, const struct db_layer *l, const char *text,
	int64_t *v)
{
	struct sql s = sql_start(db, l, text);

	*v = sql_row(&s) ? sql_get_int(&s) : 0;
	return sql_end(&s);
}

struct identity {
	int64_t application, version, tables;
};

/* Within a transaction, so that nobody makes it ours between the questions. */
static bool identify(struct db *db, const struct db_layer *l,
	struct identity *id)
{
	return pragma(db, l, "PRAGMA application_id", &id->application) &&
		pragma(db, l, "PRAGMA user_version", &id->version) &&
		pragma(db, l, "SELECT count(*) FROM sqlite_master",
			&id->tables);
}

static bool is_ours(struct db *db, const struct db_layer *l,
	const struct identity *id)
{
	if (id->application != OURS)
		return sql_say(db, "%s: it is a database of something else, no "
			"tuning database of wpkc", l->path);
	if (id->version > SCHEMA)
		return sql_say(db, "%s: it was written by a newer wpkc (schema "
			"%lld, this version knows %d): use that one, or name "
			"another database by WPK_DB", l->path,
			(long long)id->version, SCHEMA);
	return true;
}

static bool is_empty(const struct identity *id)
{
	return !id->application && !id->version && !id->tables;
}

/* The steps that are lacking, in the one transaction that the caller opened:
 * others may want to take them too, and who comes second finds nothing to
 * do. */
static bool take_steps(struct db *db, const struct db_layer *l)
{
	struct identity id;

	if (!identify(db, l, &id) || (!is_empty(&id) && !is_ours(db, l, &id)))
		return false;
	for (int64_t i = id.version; i < SCHEMA; i++)
		if (sqlite3_exec(l->sql, steps[i], NULL, NULL, NULL))
			return sql_fail(db, l);
	return sql_run(db, l, arena_printf(db->a, "PRAGMA application_id = %d",
		OURS)) && sql_run(db, l, arena_printf(db->a,
		"PRAGMA user_version = %d", SCHEMA));
}

/* Where others have it open the change to the log is refused without a wait:
 * then it is theirs to make, or that of whoever opens it next. */
static bool use_log(struct db *db, const struct db_layer *l)
{
	const char *why = db->why;

	sql_run(db, l, "PRAGMA journal_mode = WAL");
	db->why = why;
	return sql_run(db, l, "PRAGMA synchronous = NORMAL") &&
		sql_run(db, l, "PRAGMA foreign_keys = ON");
}

/* What is sorted or kept for a moment stays in memory: a killed process leaves
 * no files of its own. */
bool schema_settle(struct db *db, struct db_layer *l, bool write)
{
	struct identity id;

	if (!sql_run(db, l, "PRAGMA temp_store = MEMORY"))
		return false;
	if (!sql_run(db, l, "BEGIN") || !identify(db, l, &id) ||
	    !sql_run(db, l, "COMMIT"))
		return false;
	if (!is_empty(&id) && !is_ours(db, l, &id))
		return false;
	if (!write) {
		if (is_empty(&id)) {
			sqlite3_close(l->sql);
			l->sql = NULL;
		}
		return true;
	}
	if (id.version < SCHEMA && (!sql_run(db, l, "BEGIN IMMEDIATE") ||
	    !sql_finish(db, take_steps(db, l))))
		return false;
	return use_log(db, l);
}
