/* SPDX-License-Identifier: MIT */
/* One call of wpkdb: what was asked, and the database that it is asked of. */
#ifndef WPK_COMPILER_WPKDB_WPKDB_H
#define WPK_COMPILER_WPKDB_WPKDB_H

#include <jansson.h>

#include "base/str.h"
#include "base/vec.h"
#include "driver/options.h"
#include "search/db.h"

/* "query" is what the filters say; "best" 0 and "days" -1 where not given. */
struct wpkdb {
	struct arena *a;
	const char *program, *path, *output;
	struct db_query query;
	int best, days;
	bool json, csv, own, dry_run, quiet;
	string_list words;
	struct db *db;
};

/* Report to standard error; returns "code", for "return wpkdb_fail(...)". */
enum exit_code wpkdb_fail(struct wpkdb *w, enum exit_code code,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for what the database said. */
enum exit_code wpkdb_fail_db(struct wpkdb *w);
/* Open the user's database, with the one that came with wpkc below it if
 * "layers". Reports an error. */
enum exit_code wpkdb_open(struct wpkdb *w, bool write, bool layers);

/* ---- options.c ---- */

/* What each command takes, as bits of this. */
enum takes_what {
	TAKES_FILTERS = 1, TAKES_JSON = 2, TAKES_OUTPUT = 4, TAKES_OWN = 8,
	TAKES_PRUNE = 16, TAKES_BEST = 32, TAKES_ALWAYS = 64
};

/* Read options into "w" and the other words into w->words; false after an
 * error. */
bool options_parse(struct wpkdb *w, const char *command, unsigned takes,
	int argc, char **argv);
/* The options that a command takes, a line each; "names" alone, or as help. */
void options_show(struct str *out, unsigned takes, bool names);

/* ---- problems.c ---- */

/* Problems that have records which answer the query, sorted. False after an
 * error. */
typedef VEC(struct record_key) key_list;
bool problems_find(struct wpkdb *w, key_list *out);
/* The records of one of them that answer the query. NULL after an error. */
struct db_record *problems_records(struct wpkdb *w, struct arena *a,
	const struct record_key *key, int *n);
/* "mm group 0, M=64 N=64, f32 f32: h200 (sm_90a), gpu" */
const char *problem_title(struct arena *a, const struct record_key *key);

/* ---- text.c ---- */

/* Text of a database for a terminal: what is no printable letter as \xXX. */
const char *text_plain(struct arena *a, const char *text);
/* "12.3 us", "-" where there is none. */
const char *text_time(struct arena *a, double seconds);

/* ---- json.c ---- */

/* A record as an object whose keys stand in a fixed order; NULL if JSON cannot
 * say it. */
json_t *json_record(struct arena *a, const struct db_record *r);
/* And back: NULL, or what is wrong with it. */
const char *json_read_record(struct arena *a, json_t *v, struct db_record *r);
void json_print(json_t *v, struct str *out);

/* ---- command.c ---- */

/* The commands of a shell that make candidate "r" of "run" again: a folder to go
 * to and a call of wpkc with the run's sources and pins and the candidate's
 * point. NULL with "*why". */
const char *command_text(struct arena *a, const struct db_run *run,
	const struct db_record *r, const char **why);
/* --set for every tunable of "r", as words. */
void command_settings(struct arena *a, const struct db_record *r,
	string_list *words);

/* ---- commands, each in a file of its own; they return the exit code ---- */

int wpkdb_list(struct wpkdb *w);
int wpkdb_runs(struct wpkdb *w);
int wpkdb_show(struct wpkdb *w);
int wpkdb_export(struct wpkdb *w);
int wpkdb_import(struct wpkdb *w);
int wpkdb_merge(struct wpkdb *w);
int wpkdb_prune(struct wpkdb *w);
int wpkdb_verify(struct wpkdb *w);
int wpkdb_check(struct wpkdb *w);

#endif
