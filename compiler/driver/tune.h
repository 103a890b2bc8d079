/* SPDX-License-Identifier: MIT */
/* Between the files of --tune. */
#ifndef WPK_COMPILER_DRIVER_TUNE_H
#define WPK_COMPILER_DRIVER_TUNE_H

#include "driver/session.h"

enum { TUNE_FINALISTS = 12 };

/* Open measuring, and say by what costs are known. */
bool tune_begin(struct session *s);
/* The strategy asked for; else what is best where a point is dear, or cheap. */
const char *tune_strategy(const struct session *s);
/* Search the hopeful plans of a job that has candidates, number "number", and use
 * the best. False after an error. */
bool tune_search(struct session *s, struct job *j, int number, double seconds);
/* Of the "left" seconds, for so many rounds of searches, what one of "j" gets. */
double tune_time(const struct session *s, const struct job *j, double left,
	int rounds);

/* ---- tune_kept.c ---- */

/* Of what is chosen, and whether all of that was timed. */
double tune_seconds(const struct job *j);
bool tune_is_measured(const struct job *j);
/* After a search that was cut short: does the job go on with what the lock has,
 * because nothing better was found? */
bool tune_keeps_lock(struct session *s, struct job *j);

/* ---- tune_record.c ---- */

/* What is chosen of the job, into s->lock. */
void tune_record(struct session *s, const struct job *j);

/* ---- tune_tell.c ---- */

/* The first line of "*text", which is moved behind it. */
const char *tune_line(struct session *s, const char **text);
/* The job's time, sketches and counts; "passed" are lines "VERDICT MESSAGE" of
 * finalists that were passed over, or NULL. */
void tune_tell(struct session *s, const struct job *j, const char *proof,
	const char *passed);
/* For which GPUs costs are predicted. */
void tune_tell_places(const struct session *s);

/* ---- tune_rank.c ---- */

struct finalist;

/* A group's finalists over all sketches, best first. */
struct finalist *tune_rank(struct session *s, const struct part *p, int *n);
/* The best of them measured against one another, and against what would be taken
 * without a search. */
void tune_finals(struct session *s, struct job *j, int group,
	struct finalist *v, int n);

#endif
