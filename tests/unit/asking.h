/* SPDX-License-Identifier: MIT */
/* A schedule that allows what lowers precision. */
#ifndef WPK_TESTS_UNIT_ASKING_H
#define WPK_TESTS_UNIT_ASKING_H

#include "schedule/schedule.h"

/* "mma(TENSOR, KEY = WORD)": the word is what the point has. */
static inline const struct schedule *asking(struct arena *a, const char *tensor,
	const char *key)
{
	struct schedule *s = ARENA_NEW(a, struct schedule);
	struct sched_arg *args = ARENA_ARRAY(a, 2, struct sched_arg);
	struct sched_expr *of = ARENA_NEW(a, struct sched_expr);
	struct sched_expr **list = ARENA_ARRAY(a, 1, struct sched_expr *);
	struct sched_directive *d = ARENA_NEW(a, struct sched_directive);

	*of = (struct sched_expr){ .kind = SX_NAME, .name = tensor };
	list[0] = of;
	args[0] = (struct sched_arg){ .value = { list, 1, { 0 } } };
	args[1] = (struct sched_arg){ .key = key };
	*d = (struct sched_directive){ "mma", args, 2, { 0 } };
	s->directives = d;
	s->n_directives = 1;
	return s;
}

#endif
