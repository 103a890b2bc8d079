/* SPDX-License-Identifier: MIT */
/* Rows of a recorded space as its readers find them: texts, of which the table
 * is made when all are there. For replay*.c only. */
#ifndef WPK_SEARCH_REPLAY_ROWS_H
#define WPK_SEARCH_REPLAY_ROWS_H

#include "base/source.h"
#include "base/vec.h"
#include "search/replay.h"

struct replay_row {
	const char **cells;		/* one for each name */
	double seconds, compile_seconds;
	enum verdict verdict;
	const char *message;
};

struct replay_rows {
	struct arena *a;
	const char *path;
	const struct source *src;	/* NULL of a database */
	VEC(const char *) names;
	VEC(struct replay_row) rows;
	const char *why;		/* "FILE:LINE: sentence", or NULL */
};

/* Set "why", unless it is set, at line "line", 0 if there are none; false. */
bool replay_fail(struct replay_rows *t, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Seconds and verdict of "text": a number of units of "unit" seconds each, or
 * a failure's name. False if it is neither. */
bool replay_outcome(struct replay_row *r, const char *text, double unit);

/* Each of them adds rows; false with "why" set. */
bool replay_csv(struct replay_rows *t);
bool replay_json(struct replay_rows *t);
bool replay_records(struct replay_rows *t);

#endif
