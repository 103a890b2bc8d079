/* SPDX-License-Identifier: MIT */
/* Between the files of the database. */
#ifndef WPK_SEARCH_DB_PRIVATE_H
#define WPK_SEARCH_DB_PRIVATE_H

#include <sqlite3.h>

#include "base/str.h"
#include "search/db.h"

/* "sql" NULL: the file is not there, which is as good as an empty one. */
struct db_layer {
	const char *path;
	sqlite3 *sql;
};

/* "a" is the caller's, for what lives as long as the database; "tmp" is reset
 * after every record. */
struct db {
	struct arena *a, *tmp;
	struct db_layer *layers;	/* 0: the user's */
	int n;
	enum db_mode mode;
	const char *why;
};

/* ---- db_sql.c: statements ---- */

/* One statement: values are bound in order from the first, columns read in
 * order from the first. After a failure the rest does nothing, and sql_end()
 * says so. */
struct sql {
	struct db *db;
	const struct db_layer *layer;
	sqlite3_stmt *s;
	int bound, column;
	bool failed;
};

/* db->why as a sentence about what SQLite answered; returns false. */
bool sql_fail(struct db *db, const struct db_layer *l);
bool sql_say(struct db *db, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct sql sql_start(struct db *db, const struct db_layer *l,
	const char *text);
void sql_text(struct sql *s, const char *text);
void sql_note(struct sql *s, const char *text);
void sql_int(struct sql *s, int64_t v);
void sql_real(struct sql *s, double v);
void sql_null(struct sql *s);
/* To the next row; false where there is none. */
bool sql_row(struct sql *s);
/* Columns of the row, the next at each call; texts live in "a". */
const char *sql_get_text(struct sql *s, struct arena *a);
const char *sql_get_note(struct sql *s, struct arena *a);
int64_t sql_get_int(struct sql *s);
/* "none" where the column is NULL. */
double sql_get_real(struct sql *s, double none);
/* Ready to be bound and run again. */
void sql_again(struct sql *s);
bool sql_end(struct sql *s);
/* A statement without values or rows. */
bool sql_run(struct db *db, const struct db_layer *l, const char *text);
/* Only the user's layer is written. "finish" commits if "ok", else rolls back. */
bool sql_begin(struct db *db);
bool sql_finish(struct db *db, bool ok);

/* ---- db_schema.c ---- */

/* Is the layer one of ours, of a version that this program knows? An empty one
 * is made ours if "write", else closed. */
bool schema_settle(struct db *db, struct db_layer *l, bool write);

/* ---- db_run.c ---- */

/* The id of a run, stored within the caller's transaction; 0 after an error. */
int64_t run_add(struct db *db, const struct db_run *r);

/* ---- db_fields.c ---- */

/* Columns p."hash", p."family", ... with a comma between. */
void fields_list(struct str *out, const char *table,
	const struct db_field *v, int n);
void fields_bind(struct sql *s, const struct db_field *v, int n,
	const struct record *r);
void fields_read(struct sql *s, struct arena *a, const struct db_field *v,
	int n, struct record *r);
const char *fields_point(struct arena *a, const struct record *r);
bool fields_set_point(struct arena *a, const char *text, struct record *r);
const char *fields_features(struct arena *a, const struct record *r);
bool fields_set_features(struct arena *a, const char *text, struct record *r);
/* Is every number of "r" one that can be stored? */
bool fields_finite(const struct record *r);

#endif
