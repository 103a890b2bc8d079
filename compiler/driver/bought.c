/* SPDX-License-Identifier: MIT */
/* What each directive bought. In: a group whose winner is known. Out: for every
 * number of its schedule the cost of the best point in which that number says
 * nothing, or is the next smaller or larger one, and all others are as they were
 * or, where a short look finds better, chosen again. What the schedule pins is
 * taken away like the rest, though no search would. */
#include "driver/bought.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The winner's group with gene "gene" held at another value; or its directive's
 * others as well, "whole". */
struct taking_away {
	const struct bought *b;
	int group;
	int gene;
	bool whole;
	struct candidate c;
	struct space space;
	int *values;		/* of genes that are held */
};

static const struct bought_group *group_of(const struct taking_away *t)
{
	return &t->b->groups[t->group];
}

static const struct tunable *first_follower(const struct space *sp, int gene)
{
	for (int i = 0; i < sp->n_tunables; i++)
		if (sp->follows[i] == gene)
			return &sp->tunables[i];
	return NULL;
}

static bool same_subjects(const struct tunable *x, const struct tunable *y)
{
	int i = 0;

	if (!x->subjects || !y->subjects)
		return x->subjects == y->subjects;
	while (x->subjects[i] && y->subjects[i] &&
	       !strcmp(x->subjects[i], y->subjects[i]))
		i++;
	return !x->subjects[i] && !y->subjects[i];
}

/* Is gene "i" a number of the same directive, with a neutral value? */
static bool goes_along(const struct taking_away *t, int i, int *neutral)
{
	const struct tunable *own = first_follower(&t->space, t->gene);
	const struct tunable *other = first_follower(&t->space, i);

	return i != t->gene && own && other &&
		!strcmp(own->directive, other->directive) &&
		same_subjects(own, other) && bought_neutral(other, neutral);
}

static void hold_gene(struct taking_away *t, int i, int value)
{
	t->values[i] = value;
	t->space.genes[i].values = &t->values[i];
	t->space.genes[i].n = 1;
}

/* "genes": the winner's, with what is held. */
static void hold(struct taking_away *t, int value, int *genes)
{
	const struct bought_group *g = group_of(t);
	const struct space *sp = g->open->space;
	size_t n = (size_t)sp->n_genes;
	int neutral;

	t->c = *g->open;
	t->space = *sp;
	t->c.space = &t->space;
	t->values = ARENA_ARRAY(t->b->s->a, n + 1, int);
	t->space.genes = ARENA_ARRAY(t->b->s->a, n + 1, struct gene);
	memcpy(t->space.genes, sp->genes, n * sizeof *sp->genes);
	memcpy(genes, g->genes, n * sizeof *genes);
	hold_gene(t, t->gene, value);
	genes[t->gene] = value;
	for (int i = 0; t->whole && i < sp->n_genes; i++)
		if (goes_along(t, i, &neutral)) {
			hold_gene(t, i, neutral);
			genes[i] = neutral;
		}
}

/* The best of the point as it stands and of a look from there; "kept" leaves
 * everything else alone. */
static struct bought_try take(struct taking_away *t, enum taking how, int value,
	bool kept)
{
	const struct bought_group *g = group_of(t);
	struct session *s = t->b->s;
	struct bought_try x = { .how = how, .ratio = INFINITY,
		.whole = t->whole };
	size_t n = (size_t)g->open->space->n_genes;
	int *as_is = ARENA_ARRAY(s->a, n + 1, int);
	int *look = ARENA_ARRAY(s->a, n + 1, int);
	double seconds;

	hold(t, value, as_is);
	memcpy(look, as_is, n * sizeof *look);
	x.value = space_text(s->a, &t->space.genes[t->gene], value);
	x.why = problem_refuses(&t->c, s->a, as_is);
	x.cost = (struct bought_cost){ .predicted = INFINITY,
		.measured = INFINITY };
	if (!x.why)
		x.cost = bought_cost(t->b, t->group, &t->c, as_is);
	if (!kept && (x.why || !t->c.general) &&
	    problem_look(s, &t->c, look, &seconds) &&
	    seconds < x.cost.predicted * 0.999) {
		x.cost = bought_cost(t->b, t->group, &t->c, look);
		x.rechosen = true;
	}
	if (isinf(x.cost.predicted))
		return x;
	if (!kept)
		x.cost.measured = bought_least(t->b, t->group, &t->c, t->gene,
			value);
	x.ratio = bought_ratio(&x.cost, &g->cost, &x.by_measure);
	return x;
}

/* ---- rows ---- */

static const char *const *followers(struct arena *a, const struct space *sp,
	int gene)
{
	const char **v = ARENA_ARRAY(a, (size_t)sp->n_tunables + 1,
		const char *);
	int n = 0;

	for (int i = 0; i < sp->n_tunables; i++)
		if (sp->follows[i] == gene)
			v[n++] = sp->tunables[i].name;
	return v;
}

/* A gene with one value all the same is the sketch's where that is what the
 * tunable has by itself. */
static enum origin origin_of(const struct bought_group *g, int gene)
{
	const struct gene *x = &g->open->space->genes[gene];
	const struct tunable *t = first_follower(g->open->space, gene);

	if (x->n > 1)
		return ORIGIN_CHOSEN;
	return t && t->n == 1 && t->values[0] == g->genes[gene] ?
		ORIGIN_SKETCH : ORIGIN_PINNED;
}

static void add_try(struct bought_row *r, const struct bought_try *x)
{
	if (!isinf(x->cost.predicted))
		r->tries[r->n++] = *x;
}

/* Where a test of legality is dear, only values next to the winner's. */
static bool is_worth_a_look(const struct taking_away *t,
	const struct tunable *own, int v)
{
	const struct gene *g = &group_of(t)->open->space->genes[t->gene];
	int now = group_of(t)->genes[t->gene], next;

	if (v == now)
		return false;
	if (!t->b->job->general || g->words)
		return true;
	return (bought_smaller(g, own, now, &next) && v == next) ||
		(bought_larger(g, own, now, &next) && v == next);
}

/* What is neutral already: the best of the values that it is not. */
static void take_others(struct taking_away *t, struct bought_row *r)
{
	const struct gene *g = &group_of(t)->open->space->genes[t->gene];
	const struct tunable *own = first_follower(group_of(t)->open->space,
		t->gene);
	int n = own ? own->n : g->n;
	struct bought_try best = { .cost.predicted = INFINITY,
		.ratio = INFINITY };

	for (int i = 0; i < n; i++) {
		int v = own ? own->values[i] : g->values[i];
		struct bought_try x;

		if (!is_worth_a_look(t, own, v))
			continue;
		x = take(t, TAKE_OTHER, v, false);
		if (x.ratio < best.ratio)
			best = x;
	}
	add_try(r, &best);
}

static void take_neighbours(struct taking_away *t, struct bought_row *r)
{
	const struct space *sp = group_of(t)->open->space;
	const struct tunable *own = first_follower(sp, t->gene);
	int now = group_of(t)->genes[t->gene], v;
	struct bought_try x;

	if (bought_smaller(&sp->genes[t->gene], own, now, &v)) {
		x = take(t, TAKE_SMALLER, v, false);
		add_try(r, &x);
	}
	if (bought_larger(&sp->genes[t->gene], own, now, &v)) {
		x = take(t, TAKE_LARGER, v, false);
		add_try(r, &x);
	}
	if (sp->genes[t->gene].words)
		take_others(t, r);
}

static void take_gene(const struct bought *b, int group, int gene,
	struct bought_row *r)
{
	const struct bought_group *g = &b->groups[group];
	const struct space *sp = g->open->space;
	const struct tunable *own = first_follower(sp, gene);
	struct taking_away t = { .b = b, .group = group, .gene = gene };
	struct bought_try x;
	int neutral;

	*r = (struct bought_row){ .name = sp->genes[gene].name,
		.value = space_text(b->s->a, &sp->genes[gene], g->genes[gene]),
		.names = followers(b->s->a, sp, gene),
		.origin = origin_of(g, gene) };
	r->nothing = take(&t, TAKE_NOTHING, g->genes[gene], true).ratio;
	if (!own || !bought_neutral(own, &neutral)) {
		take_neighbours(&t, r);
		return;
	}
	r->neutral = neutral == g->genes[gene];
	if (r->neutral) {
		take_others(&t, r);
		return;
	}
	x = take(&t, TAKE_OFF, neutral, false);
	if (isinf(x.cost.predicted)) {
		t.whole = true;
		x = take(&t, TAKE_OFF, neutral, false);
	}
	add_try(r, &x);
}

/* A tunable that an expression over params gives. */
static void follow(const struct bought *b, int group, int tunable, int value,
	struct bought_row *r)
{
	const struct space *sp = b->groups[group].open->space;
	const struct tunable *t = &sp->tunables[tunable];
	const char **names = ARENA_ARRAY(b->s->a, 2, const char *);

	names[0] = t->name;
	*r = (struct bought_row){ .name = t->name, .names = names,
		.value = t->words ? t->words[value] :
			arena_printf(b->s->a, "%d", value),
		.origin = ORIGIN_FOLLOWS, .nothing = 1 };
}

/* What it bought: of a tile the lesser of both steps. */
static double gain(const struct bought_row *r)
{
	double least = INFINITY;

	for (int i = 0; i < r->n; i++)
		least = fmin(least, r->tries[i].ratio);
	return r->n ? least : -1;
}

/* What was not used stands last, whatever it would cost. */
static int by_gain(const void *x, const void *y)
{
	const struct bought_row *p = x, *q = y;
	double gp = gain(p), gq = gain(q);

	if ((p->n > 0) != (q->n > 0))
		return p->n > 0 ? -1 : 1;
	if (p->neutral != q->neutral)
		return p->neutral - q->neutral;
	if (gp != gq)
		return gp > gq ? -1 : 1;
	return strcmp(p->name, q->name);
}

void bought_rows(const struct bought *b, int group)
{
	struct bought_group *g = &b->groups[group];
	const struct space *sp = g->open->space;
	int *values = ARENA_ARRAY(b->s->a, (size_t)sp->n_tunables + 1, int);
	const char *why;

	g->rows = ARENA_ARRAY(b->s->a, (size_t)sp->n_genes +
		(size_t)sp->n_tunables + 1, struct bought_row);
	for (int i = 0; i < sp->n_genes; i++)
		take_gene(b, group, i, &g->rows[g->n_rows++]);
	if (space_tunables(b->s->a, sp, g->genes, values, &why))
		for (int i = 0; i < sp->n_tunables; i++)
			if (sp->follows[i] < 0)
				follow(b, group, i, values[i],
					&g->rows[g->n_rows++]);
	qsort(g->rows, (size_t)g->n_rows, sizeof *g->rows, by_gain);
}
