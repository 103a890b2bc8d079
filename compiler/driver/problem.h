/* SPDX-License-Identifier: MIT */
/* Between problem.c and problem_look.c: what is asked of a candidate's point. */
#ifndef WPK_COMPILER_DRIVER_PROBLEM_H
#define WPK_COMPILER_DRIVER_PROBLEM_H

#include "driver/session.h"

/* NULL if the point is legal at the job's own sizes, at all that it is for, or why
 * not. */
const char *problem_illegal_here(struct candidate *c, struct arena *a,
	const int *genes);
const char *problem_illegal_anywhere(struct candidate *c, struct arena *a,
	const int *genes);
/* What the model predicts of a legal one. */
double problem_seconds(const struct candidate *c, struct arena *a,
	const int *genes);
/* The sketch's own default. */
void problem_start(const struct candidate *c, int *genes);
/* From a legal point, the best value of one gene after the other by the model,
 * until a round changes nothing: some hundred predictions, a millisecond. "refuses"
 * is asked of what is legal here and better. */
double problem_descend(struct candidate *c, struct arena *tmp, int *genes,
	const char *(*refuses)(struct candidate *, struct arena *, const int *));

#endif
