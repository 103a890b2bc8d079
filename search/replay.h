/* SPDX-License-Identifier: MIT */
/* A recorded space as a problem: what was measured once, exhaustively or not,
 * is played back instead of measured, so that searches can be judged anywhere
 * and as often as one likes. */
#ifndef WPK_SEARCH_REPLAY_H
#define WPK_SEARCH_REPLAY_H

#include "search/points.h"
#include "search/search.h"

/* "index" holds the "n" points as values, each once; "seconds" is what each
 * took, INFINITY of a failure; "verdicts" and "messages" say of which. Legal is
 * what the table has. "optimum" is the least time, INFINITY if all fail. */
struct replay {
	const char *path;
	struct space space;
	struct problem problem;
	struct seen index;
	int n, failures;
	double *seconds, *compile_seconds;
	enum verdict *verdicts;
	const char **messages;
	double optimum;
};

/* Read a table; the format follows from the text:
 * - CSV: a line of names, then a row for each point; "time_ms" is a number, or
 *   "fail" or the name of a verdict; "compile_ms", where there is one, is what
 *   compiling took; every other column is a tunable;
 * - JSON of the T4 form of auto-tuning results ("results");
 * - the cache of Kernel Tuner ("cache"), also one that was not closed;
 * - JSON lines: records (search/record.h) of one problem; or a tuning database
 *   that holds no others.
 * Values that are not all whole numbers are words. Of a point that is told
 * twice the last counts. On failure NULL, with "*why" naming file and line. */
struct replay *replay_read(struct arena *a, const char *path,
	const char **why);

/* The number of a point, or -1 if the table does not have it. */
int replay_find(const struct replay *r, const int *genes);

#endif
