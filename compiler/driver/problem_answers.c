/* SPDX-License-Identifier: MIT */
/* What was asked of a candidate's points, remembered: descents from several points,
 * and rounds of one, come by the same ones again and again. */
#include "driver/problem.h"

#include <string.h>

#include "base/vec.h"

void answers_begin(struct answers *q, struct candidate *c)
{
	q->c = c;
	q->tmp = arena_create();
	q->kept = arena_create();
	seen_init(&q->points, q->kept, c->space->n_genes);
	q->seconds = NULL;
	q->cap = 0;
}

void answers_end(struct answers *q)
{
	arena_destroy(q->tmp);
	arena_destroy(q->kept);
}

bool answers_legal(struct answers *q, const int *genes, double *seconds)
{
	int at = seen_find(&q->points, genes);

	if (at < 0) {
		at = q->points.n;
		if (at == q->cap)
			q->seconds = vec_grow(q->kept, q->seconds, at, &q->cap,
				sizeof *q->seconds);
		q->seconds[at] = problem_is_legal_here(q->c, q->tmp, genes) ?
			problem_seconds(q->c, q->tmp, genes) : ILLEGAL;
		seen_add(&q->points, genes);
	}
	*seconds = q->seconds[at];
	return *seconds != ILLEGAL;
}
