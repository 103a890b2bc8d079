/* SPDX-License-Identifier: MIT */
/* What a point costs, and how that is known. In: a candidate's point, and
 * records. Out: the model's prediction with its bounds, and the least time that
 * a record of the same operator, sketch and GPU has for it. Times of different
 * kinds are never compared. */
#include <math.h>
#include <string.h>

#include "driver/bought.h"

static const char *value_named(const struct record *r, const char *name)
{
	for (int i = 0; i < r->n; i++)
		if (!strcmp(r->names[i], name))
			return r->values[i];
	return NULL;
}

/* Of this operator's group and sketch, timed on as much of the GPU. */
static bool is_of(const struct record *r, const struct bought *b, int group,
	const struct candidate *c)
{
	const struct record_key *k = &r->key;
	const struct place *p = b->job->place;
	int share = b->job->share;

	return r->verdict == V_MEASURED && !strcmp(k->how, "gpu") &&
		k->hash == b->job->hash && k->group == group &&
		k->share % 100 == share &&
		!strcmp(k->sketch, c->sketch->name) &&
		!strcmp(k->target, p->target->name) &&
		!strcmp(k->gpu, p->gpu->name) && (!*k->kernel ||
		!strcmp(k->kernel, plan_kernel(b->s->a, b->job->op,
			&b->job->partition->groups[group], ",")));
}

static bool has_value(const struct bought *b, const struct record *r,
	const struct gene *g, int value)
{
	const char *v = value_named(r, g->name);

	return v && !strcmp(v, space_text(b->s->a, g, value));
}

/* What is open must be told; what is not need not. */
static bool is_at(const struct bought *b, const struct record *r,
	const struct candidate *c, const int *genes)
{
	for (int i = 0; i < c->space->n_genes; i++) {
		const struct gene *g = &c->space->genes[i];

		if ((c->open[i] || value_named(r, g->name)) &&
		    !has_value(b, r, g, genes[i]))
			return false;
	}
	return true;
}

static double measured_at(const struct bought *b, int group,
	const struct candidate *c, const int *genes)
{
	double best = INFINITY;

	for (int i = 0; b->records && i < b->records->lines.n; i++) {
		const struct record *r = &b->records->lines.v[i].record;

		if (is_of(r, b, group, c) && is_at(b, r, c, genes))
			best = fmin(best, r->seconds);
	}
	return best;
}

double bought_least(const struct bought *b, int group,
	const struct candidate *c, int gene, int value)
{
	double best = INFINITY;

	for (int i = 0; b->records && i < b->records->lines.n; i++) {
		const struct record *r = &b->records->lines.v[i].record;

		if (is_of(r, b, group, c) && (gene < 0 || has_value(b, r,
		    &c->space->genes[gene], value)))
			best = fmin(best, r->seconds);
	}
	return best;
}

struct bought_cost bought_cost(const struct bought *b, int group,
	const struct candidate *c, const int *genes)
{
	struct bought_cost cost = { .measured = measured_at(b, group, c, genes) };

	problem_features(c, b->s->a, genes, &cost.features);
	model_bounds(&cost.features, c->task.gpu, &cost.bounds);
	cost.predicted = cost.bounds.total;
	return cost;
}

double bought_ratio(const struct bought_cost *x, const struct bought_cost *to,
	bool *by_measure)
{
	*by_measure = isfinite(x->measured) && isfinite(to->measured);
	return *by_measure ? x->measured / to->measured :
		x->predicted / to->predicted;
}
