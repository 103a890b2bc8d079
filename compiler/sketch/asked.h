/* SPDX-License-Identifier: MIT */
/* Numbers and words that follow from others, such as the threads of a block
 * whose tiles are chosen. A schedule may ask for one; it is then a condition on
 * the others. Their tunables are "auto" unless pinned, and search leaves them
 * alone. */
#ifndef WPK_COMPILER_SKETCH_ASKED_H
#define WPK_COMPILER_SKETCH_ASKED_H

#include "schedule/space.h"

/* What a number may be: values are indices; "auto" is the first. */
extern const char *const asked_numbers[];

/* The number asked for, 0 where none is. */
int asked_number(int v);

/* directive(subject, key = number); subject or key may be NULL. */
struct tunable asked_tunable(struct arena *a, const char *directive,
	const char *subject, const char *key);
/* tail(AXIS, predicate), for sketches whose last tiles are guarded. "axes" is
 * NULL-ended. */
struct tunable asked_tail(struct arena *a, const char *const *axes);

/* NULL if nothing is asked of "t" or what "is", else a sentence. */
const char *asked_wrong(struct arena *a, const struct tunable *t, int v,
	int64_t is);

#endif
