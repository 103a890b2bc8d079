/* SPDX-License-Identifier: MIT */
/* Statements: SQLite's interface with the errors kept until the end, and said as
 * sentences about the file. */
#include <stdarg.h>
#include <string.h>

#include "search/db_private.h"

bool sql_say(struct db *db, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	db->why = arena_vprintf(db->a, fmt, ap);
	va_end(ap);
	return false;
}

/* What stands behind SQLite's own words, where these are too few. */
static const char *reason(struct db *db, sqlite3 *sql)
{
	int code = sqlite3_errcode(sql) & 0xff, error = sqlite3_system_errno(sql);

	if (code == SQLITE_NOTADB)
		return "it is no tuning database, or damaged: move it away, or "
			"name another by WPK_DB";
	if (code == SQLITE_CORRUPT)
		return "it is damaged: sqlite3 FILE .recover may save what is "
			"left; then move it away";
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return "another process has kept it locked for a minute";
	if (code == SQLITE_FULL)
		return "the disk is full";
	if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && error)
		return arena_printf(db->a, "%s: %s", sqlite3_errmsg(sql),
			strerror(error));
	return sqlite3_errmsg(sql);
}

bool sql_fail(struct db *db, const struct db_layer *l)
{
	return sql_say(db, "%s: %s", l->path, reason(db, l->sql));
}

static void note_failure(struct sql *s)
{
	if (!s->failed)
		sql_fail(s->db, s->layer);
	s->failed = true;
}

struct sql sql_start(struct db *db, const struct db_layer *l,
	const char *text)
{
	struct sql s = { .db = db, .layer = l };

	if (sqlite3_prepare_v2(l->sql, text, -1, &s.s, NULL) != SQLITE_OK)
		note_failure(&s);
	return s;
}

/* ---- UTF-8 ---- */

/* Bytes of the well-formed character at "p", or 0. */
static int character(const unsigned char *p)
{
	int n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 :
		*p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;

	for (int i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static bool is_clean(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		int n = character(p);

		if (!n)
			return false;
		p += n;
	}
	return true;
}

static const char *clean(struct arena *a, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	struct str out;

	if (is_clean(text))
		return text;
	str_init(&out, a);
	while (*p) {
		int n = character(p);

		if (n)
			str_putn(&out, (const char *)p, (size_t)n);
		else
			str_puts(&out, "\xef\xbf\xbd");
		p += n ? n : 1;
	}
	return str_text(&out);
}

/* ---- values ---- */

static void bound(struct sql *s, int code)
{
	if (code != SQLITE_OK)
		note_failure(s);
}

void sql_text(struct sql *s, const char *text)
{
	if (!s->failed)
		bound(s, sqlite3_bind_text(s->s, ++s->bound, clean(s->db->tmp,
			text ? text : ""), -1, SQLITE_TRANSIENT));
}

void sql_note(struct sql *s, const char *text)
{
	if (text)
		sql_text(s, text);
	else
		sql_null(s);
}

void sql_int(struct sql *s, int64_t v)
{
	if (!s->failed)
		bound(s, sqlite3_bind_int64(s->s, ++s->bound, v));
}

void sql_real(struct sql *s, double v)
{
	if (!s->failed)
		bound(s, sqlite3_bind_double(s->s, ++s->bound, v));
}

void sql_null(struct sql *s)
{
	if (!s->failed)
		bound(s, sqlite3_bind_null(s->s, ++s->bound));
}

/* ---- rows ---- */

bool sql_row(struct sql *s)
{
	int code;

	if (s->failed)
		return false;
	s->column = 0;
	code = sqlite3_step(s->s);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		note_failure(s);
	return code == SQLITE_ROW;
}

const char *sql_get_note(struct sql *s, struct arena *a)
{
	const char *text = (const char *)sqlite3_column_text(s->s, s->column++);

	return text ? arena_strdup(a, text) : NULL;
}

const char *sql_get_text(struct sql *s, struct arena *a)
{
	const char *text = sql_get_note(s, a);

	return text ? text : "";
}

int64_t sql_get_int(struct sql *s)
{
	return sqlite3_column_int64(s->s, s->column++);
}

double sql_get_real(struct sql *s, double none)
{
	int i = s->column++;

	return sqlite3_column_type(s->s, i) == SQLITE_NULL ? none :
		sqlite3_column_double(s->s, i);
}

void sql_again(struct sql *s)
{
	sqlite3_reset(s->s);
	s->bound = 0;
}

bool sql_end(struct sql *s)
{
	sqlite3_finalize(s->s);
	s->s = NULL;
	return !s->failed;
}

bool sql_run(struct db *db, const struct db_layer *l, const char *text)
{
	struct sql s = sql_start(db, l, text);

	while (sql_row(&s))
		;
	return sql_end(&s);
}

bool sql_begin(struct db *db)
{
	if (db->mode != DB_WRITE)
		return sql_say(db, "%s was opened to be read",
			db->layers[0].path);
	return sql_run(db, &db->layers[0], "BEGIN IMMEDIATE");
}

/* A failure of the commit itself, or one that SQLite has answered by rolling
 * back, leaves nothing either; what is said is the first thing that went
 * wrong. */
bool sql_finish(struct db *db, bool ok)
{
	const char *why;

	if (ok && sql_run(db, &db->layers[0], "COMMIT"))
		return true;
	why = db->why;
	if (!sqlite3_get_autocommit(db->layers[0].sql))
		sql_run(db, &db->layers[0], "ROLLBACK");
	db->why = why;
	return false;
}
