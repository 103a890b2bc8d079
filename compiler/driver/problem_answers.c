/* SPDX-License-Identifier: MIT */
/* What was asked of a candidate's points, remembered: descents from several points,
 * and rounds of one, come by the same ones again and again. */
#include "driver/problem.h"

void answers_begin(struct answers *q, struct candidate *c)
{
	q->c = c;
	q->tmp = arena_create();
	q->kept = arena_create();
	memo_init(&q->seconds, q->kept, c->space->n_genes);
}

void answers_end(struct answers *q)
{
	arena_destroy(q->tmp);
	arena_destroy(q->kept);
}

bool answers_legal(struct answers *q, const int *genes, double *seconds)
{
	bool fresh;
	double *known = memo_at(&q->seconds, genes, &fresh);

	if (fresh && !problem_price(q->c, q->tmp, genes, known))
		*known = ILLEGAL;
	*seconds = *known;
	return *seconds != ILLEGAL;
}
