/* SPDX-License-Identifier: MIT */
/* Opening and closing. What can go wrong with a file is found here: that it is
 * no file, no database, one of something else, or of a newer version. */
#include "search/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/db_private.h"

enum { BUSY_MS = 60000 };

/* A relative folder in XDG_DATA_HOME does not count, says its specification. */
const char *db_user_path(struct arena *a)
{
	const char *path = getenv("WPK_DB"), *data = getenv("XDG_DATA_HOME"),
		*home = getenv("HOME");

	if (path && *path)
		return path;
	if (data && *data == '/')
		return arena_printf(a, "%s/wpkc/tuning.db", data);
	return home && *home ? arena_printf(a,
		"%s/.local/share/wpkc/tuning.db", home) : NULL;
}

/* ---- one layer ---- */

/* The folders that "path" is to lie in. */
static bool make_folders(struct db *db, const char *path)
{
	char *folder = arena_strdup(db->a, path);

	for (char *p = strchr(folder + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(folder, 0700) && errno != EEXIST)
			return sql_say(db, "cannot create '%s' for the tuning "
				"database: %s", folder, strerror(errno));
		*p = '/';
	}
	return true;
}

/* SQLite has meanings of its own for names that begin otherwise. */
static const char *plain_name(struct arena *a, const char *path)
{
	return *path == '/' ? path : arena_printf(a, "./%s", path);
}

/* A file that nobody writes and that lies where no log can be made beside it. */
static const char *immutable_name(struct arena *a, const char *path)
{
	struct str s;

	str_init(&s, a);
	str_puts(&s, "file:");
	for (path = plain_name(a, path); *path; path++)
		if (strchr("%?#", *path))
			str_printf(&s, "%%%02x", *path);
		else
			str_putc(&s, *path);
	str_puts(&s, "?immutable=1");
	return str_text(&s);
}

static bool open_as(struct db *db, struct db_layer *l, const char *name,
	int flags)
{
	if (sqlite3_open_v2(name, &l->sql, flags | SQLITE_OPEN_EXRESCODE,
	    NULL) != SQLITE_OK)
		return sql_fail(db, l);
	sqlite3_busy_timeout(l->sql, BUSY_MS);
	return true;
}

static void close_layer(struct db_layer *l)
{
	sqlite3_close(l->sql);
	l->sql = NULL;
}

static bool has_log(struct arena *a, const char *path)
{
	struct stat st;

	return !stat(arena_printf(a, "%s-wal", path), &st) && st.st_size > 0;
}

/* The user's own may be written by others while it is read, and then has a log;
 * where there is none and none can be made, nobody does. A layer of the second
 * kind leaves no traces beside the file. */
static bool open_to_read(struct db *db, struct db_layer *l, bool user)
{
	const char *alone = immutable_name(db->a, l->path);
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
	bool log = has_log(db->a, l->path);

	if (!user && !log)
		return open_as(db, l, alone, flags) &&
			schema_settle(db, l, false);
	if (open_as(db, l, plain_name(db->a, l->path), user ?
	    SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) &&
	    schema_settle(db, l, false))
		return true;
	if (log || (sqlite3_errcode(l->sql) & 0xff) != SQLITE_CANTOPEN)
		return false;
	close_layer(l);
	return open_as(db, l, alone, flags) && schema_settle(db, l, false);
}

static bool open_to_write(struct db *db, struct db_layer *l)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	if (!make_folders(db, l->path) ||
	    !open_as(db, l, plain_name(db->a, l->path), flags))
		return false;
	if (sqlite3_db_readonly(l->sql, "main") == 1)
		return sql_say(db, "%s: it may not be written", l->path);
	return schema_settle(db, l, true);
}

static bool open_layer(struct db *db, struct db_layer *l, bool user)
{
	bool write = user && db->mode == DB_WRITE;
	struct stat st;

	if (stat(l->path, &st)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return sql_say(db, "%s: %s", l->path, strerror(errno));
		return !write || open_to_write(db, l);
	}
	if (!S_ISREG(st.st_mode))
		return sql_say(db, "%s: it is no file", l->path);
	return write ? open_to_write(db, l) : open_to_read(db, l, user);
}

/* ---- all ---- */

struct db *db_open(struct arena *a, const char *const *paths,
	enum db_mode mode, const char **why)
{
	struct db *db = ARENA_NEW(a, struct db);
	int n = 0;

	while (paths[n])
		n++;
	*db = (struct db){ .a = a, .tmp = arena_create(), .mode = mode, .n = n,
		.layers = ARENA_ARRAY(a, (size_t)n + 1, struct db_layer) };
	for (int i = 0; i < n; i++) {
		db->layers[i].path = paths[i];
		if (!open_layer(db, &db->layers[i], i == 0)) {
			*why = db->why;
			db_close(db);
			return NULL;
		}
	}
	return db;
}

/* The log goes into the file and both are on the disk; where others are at
 * work the last of them sees to what is left. */
void db_close(struct db *db)
{
	if (db->n && db->layers[0].sql && db->mode == DB_WRITE)
		sqlite3_wal_checkpoint_v2(db->layers[0].sql, NULL,
			SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	for (int i = 0; i < db->n; i++)
		close_layer(&db->layers[i]);
	arena_destroy(db->tmp);
}

const char *db_why(const struct db *db)
{
	return db->why ? db->why : "";
}

bool db_sound(struct db *db)
{
	const struct db_layer *l = &db->layers[0];
	const char *found;
	struct sql s;

	if (!l->sql)
		return true;
	s = sql_start(db, l, "PRAGMA integrity_check(1)");
	found = sql_row(&s) ? sql_get_text(&s, db->a) : "";
	if (sql_end(&s) && strcmp(found, "ok"))
		return sql_say(db, "%s: it is damaged: %s", l->path, found);
	return !s.failed;
}
