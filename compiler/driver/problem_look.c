/* SPDX-License-Identifier: MIT */
/* A short look from a point of a candidate's problem: what is better near it comes
 * out, by the model. */
#include "driver/problem.h"

#include <math.h>
#include <string.h>

/* Legal points near an illegal one, best first by the model. */
struct repairs {
	struct answers *of;	/* not asked: few points come again */
	int *genes;		/* the point, as it is changed */
	int *found;		/* REPAIRS points */
	int held;		/* the gene that is left alone; -1: none */
	double seconds[8];
	int n;
};

enum { REPAIRS = 8 };

static void add_repair(struct repairs *r)
{
	size_t n = (size_t)r->of->c->space->n_genes;
	double t;
	int k;

	if (!problem_price(r->of->c, r->of->tmp, r->genes, &t))
		return;
	if (r->n == REPAIRS && t >= r->seconds[REPAIRS - 1])
		return;
	r->n += r->n < REPAIRS;
	for (k = r->n - 1; k > 0 && r->seconds[k - 1] > t; k--) {
		r->seconds[k] = r->seconds[k - 1];
		memcpy(r->found + (size_t)k * n, r->found + (size_t)(k - 1) * n,
			n * sizeof *r->found);
	}
	r->seconds[k] = t;
	memcpy(r->found + (size_t)k * n, r->genes, n * sizeof *r->found);
}

/* Every change of "more" genes from gene "from" on. */
static void change(struct repairs *r, int from, int more)
{
	const struct space *sp = r->of->c->space;

	if (!more) {
		add_repair(r);
		return;
	}
	for (int i = from; i < sp->n_genes; i++) {
		int keep = r->genes[i];

		for (int k = 0; i != r->held && k < sp->genes[i].n; k++) {
			r->genes[i] = sp->genes[i].values[k];
			if (r->genes[i] != keep)
				change(r, i + 1, more - 1);
		}
		r->genes[i] = keep;
	}
}

/* "genes", or the best legal point that differs in one gene more, or in two; in one
 * where gene "held" is to stay (-1: none is). False if there is none. */
static bool repair(struct session *s, struct answers *q, int *genes, int held)
{
	size_t n = (size_t)q->c->space->n_genes;
	struct repairs r = { .of = q, .genes = genes, .held = held,
		.found = ARENA_ARRAY(s->a, n * REPAIRS + 1, int) };
	double t;

	if (answers_legal(q, genes, &t) &&
	    !problem_illegal_anywhere(q->c, q->tmp, genes))
		return true;
	for (int more = 1; more <= (held < 0 ? 2 : 1) && !r.n; more++)
		change(&r, 0, more);
	for (int i = 0; i < r.n; i++) {
		const int *at = r.found + (size_t)i * n;

		if (problem_illegal_anywhere(q->c, q->tmp, at))
			continue;
		memcpy(genes, at, n * sizeof *genes);
		return true;
	}
	return false;
}

bool problem_look(struct session *s, struct candidate *c, int *genes,
	double *seconds)
{
	size_t size = (size_t)c->space->n_genes * sizeof *genes;
	int *other = ARENA_ARRAY(s->a, c->space->n_genes + 1, int);
	double second = INFINITY;
	struct answers q;

	answers_begin(&q, c);
	problem_start(c, other);
	*seconds = INFINITY;
	if (repair(s, &q, genes, -1))
		*seconds = c->general ? problem_seconds(c, q.tmp, genes) :
			problem_descend(&q, genes, problem_illegal_anywhere);
	if (!c->general && repair(s, &q, other, -1))
		second = problem_descend(&q, other, problem_illegal_anywhere);
	if (second < *seconds * 0.999) {
		memcpy(genes, other, size);
		*seconds = second;
	}
	answers_end(&q);
	return !isinf(*seconds);
}

/* Down from "genes" with another value of gene "i", and where that is not legal of
 * one gene more, if that comes lower. */
static void other_way(struct session *s, struct answers *q, int *genes, int i,
	double *seconds)
{
	const struct candidate *c = q->c;
	const struct gene *g = &c->space->genes[i];
	size_t bytes = (size_t)c->space->n_genes * sizeof *genes;
	int *from = ARENA_ARRAY(s->a, c->space->n_genes, int);

	for (int k = 0; k < g->n; k++) {
		double t;

		if (g->values[k] == genes[i])
			continue;
		memcpy(from, genes, bytes);
		from[i] = g->values[k];
		if (!repair(s, q, from, i))
			continue;
		t = problem_descend(q, from, problem_illegal_anywhere);
		if (t < *seconds * 0.99) {
			memcpy(genes, from, bytes);
			*seconds = t;
			return;
		}
	}
}

void problem_look_around(struct session *s, struct candidate *c, int *genes,
	double *seconds)
{
	enum { FEW = 3 };
	struct answers q;

	answers_begin(&q, c);
	for (int i = 0; i < c->space->n_genes; i++)
		if (c->space->genes[i].n <= FEW)
			other_way(s, &q, genes, i, seconds);
	answers_end(&q);
}
