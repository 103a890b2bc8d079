/* SPDX-License-Identifier: MIT */
/* What the files problem*.c share: what is asked of a candidate's point. */
#ifndef WPK_COMPILER_DRIVER_PROBLEM_H
#define WPK_COMPILER_DRIVER_PROBLEM_H

#include "base/memo.h"
#include "driver/session.h"

/* Of the points of "c" that were asked for, "seconds" of each, ILLEGAL where it is
 * not legal here. "tmp" is anybody's, for the time of a call. */
struct answers {
	struct candidate *c;
	struct arena *tmp, *kept;
	struct memo seconds;
};

#define ILLEGAL (-1.0)

/* ---- problem.c ---- */

/* NULL if the point is legal at the job's own sizes, at all that it is for, or why
 * not. */
const char *problem_illegal_here(struct candidate *c, struct arena *a,
	const int *genes);
/* The first without a sentence. */
bool problem_is_legal_here(struct candidate *c, struct arena *a,
	const int *genes);
const char *problem_illegal_anywhere(struct candidate *c, struct arena *a,
	const int *genes);
/* The same, and what the model predicts; of points near a legal one, so that nobody
 * is told what refuses others. */
bool problem_price(struct candidate *c, struct arena *a, const int *genes,
	double *seconds);
/* What the model predicts of a legal one. */
double problem_seconds(const struct candidate *c, struct arena *a,
	const int *genes);
/* The sketch's own default. */
void problem_start(const struct candidate *c, int *genes);
/* From a legal point, the best value of one gene after the other by the model,
 * until a round changes nothing: some hundred predictions, a millisecond. "refuses"
 * is asked of what is legal here and better. */
double problem_descend(struct answers *q, int *genes,
	const char *(*refuses)(struct candidate *, struct arena *, const int *));

/* ---- problem_answers.c ---- */

void answers_begin(struct answers *q, struct candidate *c);
void answers_end(struct answers *q);
/* Is the point legal here? "*seconds" is then what the model predicts. */
bool answers_legal(struct answers *q, const int *genes, double *seconds);

#endif
