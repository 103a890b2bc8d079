/* SPDX-License-Identifier: MIT */
/* The tuning database: every record of every measurement, in SQLite. Layers: the
 * first path is the user's own, which alone is written; those after it are only
 * read, and may be absent. Any number of processes may read and write at once:
 * a writer waits for its turn, up to a minute.
 *
 * A record is stored when db_put() has returned true, and a process that is
 * killed at any moment after that loses nothing: what it wrote is the kernel's
 * (write-ahead log, synchronous=NORMAL). When the power fails, what was stored
 * since the last checkpoint may be lost, never anything before it, and what is
 * left is whole; db_close() makes a checkpoint.
 *
 * A database that is damaged, newer or of something else is an error with its
 * path, and left as it is. A struct db belongs to one thread, and not to a
 * child after fork(). */
#ifndef WPK_SEARCH_DB_H
#define WPK_SEARCH_DB_H

#include <stddef.h>

#include "search/record.h"

struct db;

enum db_mode { DB_READ, DB_WRITE };

/* How far a record is to be trusted. It was made here; it came from elsewhere;
 * it came from elsewhere and its point was seen to compute the right values
 * here; or was seen not to. Records of layers that are only read come from
 * elsewhere, whatever they say themselves: wpkdb verify leaves a copy of what
 * it proved in the user's. */
enum db_origin { DB_OWN, DB_FOREIGN, DB_PROVED, DB_REFUSED, N_DB_ORIGINS };

const char *db_origin_name(enum db_origin o);

/* "id" is the row's of its layer; "number" that of the candidate within "run",
 * both 0 where there was no run. */
struct db_record {
	struct record r;
	int64_t id, run;
	int number, layer;
	enum db_origin origin;
};

/* What to look for; zero and NULL ask for anything. "verdicts" and "origins"
 * are bits; "group" counts where "grouped" says so; "before" and "after" are
 * dates, exclusive. */
struct db_query {
	uint64_t hash, family;
	const char *op, *shape, *types, *kernel, *sketch, *target, *gpu, *how;
	const char *version, *before, *after;
	bool grouped;
	int group, share;
	unsigned verdicts, origins;
	int64_t run;
	int number;
};

/* ---- db.c ---- */

/* $WPK_DB, else ${XDG_DATA_HOME:-$HOME/.local/share}/wpkc/tuning.db; NULL
 * where the environment has none of these. */
const char *db_user_path(struct arena *a);

/* Open the layers, NULL-ended. The first is created, with its folders, by
 * DB_WRITE. NULL with "*why", a sentence with the path. */
struct db *db_open(struct arena *a, const char *const *paths,
	enum db_mode mode, const char **why);
void db_close(struct db *db);
/* Why the last call failed. */
const char *db_why(const struct db *db);
/* Is the user's layer undamaged, as far as SQLite can tell? */
bool db_sound(struct db *db);

/* ---- db_put.c ---- */

/* Store "n" records, all or none. Of a run (not 0) they are its candidates
 * "*first" and the following; "first" may be NULL. Bytes that are no UTF-8 are
 * replaced; numbers must be finite, "seconds" may be INFINITY. */
bool db_put(struct db *db, int64_t run, const struct record *v, int n,
	int *first);
/* Store records of elsewhere, with their origin, all or none. One that is here
 * already, with its date, verdict and seconds, is not stored again; "*added"
 * counts the others. Those of the "n_runs" runs that come along stay candidates
 * of these, which get new ids; others are of no run. */
struct db_run;
bool db_take(struct db *db, const struct db_run *runs, int n_runs,
	const struct db_record *v, int n, int *added);
/* Mark rows of the user's layer. */
bool db_mark(struct db *db, const int64_t *ids, int n, enum db_origin origin);
/* Delete rows of the user's layer, and what only they needed, all or none. */
bool db_remove(struct db *db, const int64_t *ids, int n);

/* ---- db_get.c ---- */

/* Every record that answers, layer by layer, in an order that depends on what
 * they say alone; it lives until "each" returns, which ends it by false. */
bool db_each(struct db *db, const struct db_query *q,
	bool (*each)(void *ctx, const struct db_record *r), void *ctx);
/* The same as an array in "a"; NULL after an error. */
struct db_record *db_find(struct db *db, struct arena *a,
	const struct db_query *q, int *n);
/* The distinct keys of records that answer, sketches apart (they are NULL),
 * sorted; "origins" does not count. NULL after an error. */
struct record_key *db_problems(struct db *db, struct arena *a,
	const struct db_query *q, int *n);
/* The query for all records of a problem; "key->sketch" NULL: of any. */
struct db_query db_of(const struct record_key *key);

/* ---- db_pick.c: which record of a point counts, and which point ---- */

/* Of the records of one problem, "n" in any order, those that count go to the
 * front, best first; returns how many. One counts of each sketch and point: not
 * throttled before throttled, what decides (measured, or a failure of the
 * candidate's own) before slow and timeout, the newer by date before the older.
 * Records refused here, or foreign where another is not, do not count. */
int db_count(struct db_record *v, int n);
/* All points of a problem that are known, each by the record that counts: what a
 * search that goes on need not measure again. NULL after an error. */
struct db_record *db_known(struct db *db, struct arena *a,
	const struct record_key *key, int *n);

/* ---- db_near.c: records of other problems, for transfer ---- */

/* "distance" as in db_near.c. */
struct db_near {
	struct db_record record;
	double distance;
};

/* At most "want" measured records to start a search of "key" from, the nearest
 * first, each sketch and point once; those of "key" itself are not among them.
 * NULL after an error. */
struct db_near *db_nearest(struct db *db, struct arena *a,
	const struct record_key *key, int want, int *n);

/* ---- db_run.c ---- */

/* One call of a tuner: its "argc" words, the folder it was called in, what it
 * settled on as text, and dates as of records; "ended" "" while it runs, or if
 * it was killed. "candidates" are counted when read. */
struct db_run {
	int64_t id;
	const char *folder, *options, *version, *started, *ended;
	const char *const *argv;
	int argc, candidates;
	bool interrupted;
};

/* Its id, from 1 and never given again; 0 after an error. */
int64_t db_run_begin(struct db *db, const struct db_run *r);
bool db_run_end(struct db *db, int64_t id, const char *ended,
	bool interrupted);
/* The user's runs, or the one called "id" (0: all), oldest first; NULL after an
 * error. */
struct db_run *db_runs(struct db *db, struct arena *a, int64_t id, int *n);

/* ---- db_fields.c: what a record consists of ---- */

/* TEXT that may be NULL is a NOTE; a TIME is INFINITY where there is none. */
enum db_kind { DB_HASH, DB_TEXT, DB_NOTE, DB_INT, DB_REAL, DB_TIME, DB_FLAG };

/* A field of struct record at byte "at", under the name that the database and
 * exports have for it. The point, the verdict and the features stand apart. */
struct db_field {
	const char *name;
	enum db_kind kind;
	size_t at;
};

enum { DB_KEY_FIELDS = 11, DB_FIELDS = 13 };
extern const struct db_field db_key_fields[DB_KEY_FIELDS];
extern const struct db_field db_fields[DB_FIELDS];

/* "2026-11-20T12:00:00Z" of a time, in "a". */
const char *db_date(struct arena *a, int64_t seconds);
/* Words as one line of text, in which % and what is not a printable letter of a
 * word stands as %XX; and back, NULL if it is no such text. */
const char *db_join(struct arena *a, const char *const *words, int n);
const char *const *db_split(struct arena *a, const char *text, int *n);
/* A verdict by its name, or N_VERDICTS. */
enum verdict db_verdict(const char *name);

#endif
