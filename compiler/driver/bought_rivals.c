/* SPDX-License-Identifier: MIT */
/* Why the others lost. In: a job, its lock. Out: the winner of each group with
 * its cost, the other sketches with theirs or with why they do not serve, and
 * the other cuts into kernels. */
#include <math.h>
#include <string.h>

#include "driver/bought.h"

/* ---- sketches ---- */

static void look_at_rival(const struct bought *b, int group,
	struct candidate *c, struct bought_rival *r)
{
	const struct bought_group *g = &b->groups[group];
	double seconds;
	int *genes;

	*r = (struct bought_rival){ .sketch = c->sketch, .ratio = INFINITY };
	genes = c->space ? problem_default(b->s, c, &seconds) : NULL;
	r->why = genes ? NULL : c->why;
	if (!genes)
		return;
	r->cost = bought_cost(b, group, c, genes);
	r->cost.measured = bought_least(b, group, c, -1, 0);
	r->ratio = bought_ratio(&r->cost, &g->cost, &r->by_measure);
}

/* Those that serve first, cheapest first; else as the table has them. */
static void sort_rivals(struct bought_rival *v, int n)
{
	for (int i = 1; i < n; i++)
		for (int k = i; k > 0 && v[k].ratio < v[k - 1].ratio; k--) {
			struct bought_rival x = v[k];

			v[k] = v[k - 1];
			v[k - 1] = x;
		}
}

static void find_rivals(const struct bought *b, int group,
	const struct part *others)
{
	struct bought_group *g = &b->groups[group];

	g->rivals = ARENA_ARRAY(b->s->a, (size_t)others->n + 1,
		struct bought_rival);
	for (int i = 0; i < others->n; i++)
		if (others->candidates[i].sketch != g->open->sketch)
			look_at_rival(b, group, &others->candidates[i],
				&g->rivals[g->n_rivals++]);
	sort_rivals(g->rivals, g->n_rivals);
}

/* ---- the winner ---- */

/* The chosen sketch as the schedule and --set leave it, without what the lock
 * says; a file has nothing open. */
static struct candidate *unlocked(struct session *s, const struct job *j,
	int group)
{
	const struct candidate *chosen = j->parts[group].choice.candidate;
	struct candidate *c = ARENA_NEW(s->a, struct candidate);

	candidates_try(s, j, group, chosen->sketch, true, c);
	if (c->space && c->space->n_genes == chosen->space->n_genes)
		return c;
	*c = *chosen;
	return c;
}

static double look_again(struct session *s, const struct bought_group *g)
{
	size_t n = (size_t)g->open->space->n_genes;
	int *genes = ARENA_ARRAY(s->a, n + 1, int);
	double seconds;

	memcpy(genes, g->genes, n * sizeof *genes);
	return problem_look(s, g->open, genes, &seconds) &&
		seconds < g->cost.predicted * 0.999 ? seconds : INFINITY;
}

static void find_winner(struct bought *b, int group)
{
	struct bought_group *g = &b->groups[group];
	const struct job *j = b->job;
	const struct choice *c = &j->parts[group].choice;

	g->kernel = plan_kernel(b->s->a, j->op, &j->partition->groups[group],
		", ");
	g->choice = c;
	g->genes = c->genes;
	g->open = unlocked(b->s, j, group);
	g->cost = bought_cost(b, group, g->open, g->genes);
	if (b->from_lock && !strcmp(c->measured, "gpu"))
		g->cost.measured = fmin(g->cost.measured, c->seconds);
	g->better = look_again(b->s, g);
}

/* ---- cuts into kernels ---- */

static const char *sketches_of(struct arena *a, const struct plan *p)
{
	const char *text = "";

	for (int g = 0; g < p->partition->n_groups; g++)
		if (p->parts && p->parts[g].choice.candidate)
			text = arena_printf(a, "%s%s%s", text, *text ? ", " : "",
				p->parts[g].choice.candidate->sketch->name);
	return text;
}

static const struct candidate *nearest(const struct part *p)
{
	const struct candidate *near = NULL;

	for (int i = 0; i < p->n; i++) {
		if (p->candidates[i].space)
			return NULL;
		if (!near || p->candidates[i].refusal > near->refusal)
			near = &p->candidates[i];
	}
	return near;
}

/* The first group that no sketch serves, and what the nearest sketch says. */
static const char *why_not(struct arena *a, const struct plan *p)
{
	for (int g = 0; p->parts && g < p->partition->n_groups; g++) {
		const struct candidate *near = nearest(&p->parts[g]);

		if (near)
			return arena_printf(a, "no sketch computes %s; %s: %s",
				plan_kernel(a, p->op, &p->partition->groups[g],
				", "), near->sketch->name, near->why);
	}
	return "one of the schedule's directives is taken by none of them";
}

/* What records say of a file, whose records are of a hash of its own. */
static double file_measured(const struct bought *b, const struct plan *untuned,
	int plan)
{
	const struct part *p = untuned[plan].parts;
	struct job j = *b->job;
	struct bought of = *b;

	if (!untuned[plan].file || !p || !p[0].choice.candidate)
		return INFINITY;
	j.plans = (struct plan *)untuned;
	plan_use(&j, plan);
	of.job = &j;
	return bought_least(&of, 0, p[0].choice.candidate, -1, 0);
}

static double winner_measured(const struct bought *b)
{
	double sum = 0;

	for (int g = 0; g < b->n_groups; g++)
		sum += b->groups[g].cost.measured;
	return sum;
}

static void add_plan(struct bought *b, const struct plan *untuned, int plan,
	double winner)
{
	struct bought_plan *x = &b->plans[b->n_plans++];
	const struct plan *p = &untuned[plan];

	*x = (struct bought_plan){ .kernels = p->file ? p->file->name :
		plan_kernels(b->s->a, p), .by = sketches_of(b->s->a, p),
		.predicted = p->seconds, .taken = plan == b->job->plan,
		.measured = file_measured(b, untuned, plan) };
	if (x->taken)
		x->predicted = winner;
	x->ratio = isinf(x->predicted) && isfinite(winner_measured(b)) ?
		x->measured / winner_measured(b) : x->predicted / winner;
	if (p->file && isinf(x->predicted))
		x->why = isinf(x->measured) ? "written by hand: nobody knows "
			"its cost" : arena_printf(b->s->a, "written by hand: "
			"%.4g us measured", x->measured * 1e6);
	else if (isinf(x->predicted))
		x->why = why_not(b->s->a, p);
}

static void find_plans(struct bought *b, const struct plan *untuned)
{
	const struct job *j = b->job;
	double winner = 0;

	for (int g = 0; g < b->n_groups; g++)
		if (!plan_prepares(j, g))
			winner += b->groups[g].cost.predicted;
	b->plans = ARENA_ARRAY(b->s->a, (size_t)j->n_plans, struct bought_plan);
	for (int i = 0; i < j->n_plans; i++)
		add_plan(b, untuned, i, winner);
}

/* ---- all ---- */

/* The lock's choice, or where it has none that can be used, the default, which
 * is made in any case: it says what else there was. */
static bool choose(struct session *s, struct job *j, struct bought *b,
	struct plan **untuned)
{
	int plan;

	if (!plans_find(s, j))
		return false;
	if (j->dropped)
		return true;
	plan = j->plan;
	*untuned = ARENA_ARRAY(s->a, (size_t)j->n_plans, struct plan);
	memcpy(*untuned, j->plans, (size_t)j->n_plans * sizeof **untuned);
	b->from_lock = slice_choose(s, j, &b->unused);
	if (b->from_lock)
		return true;
	memcpy(j->plans, *untuned, (size_t)j->n_plans * sizeof **untuned);
	plan_use(j, plan);
	return true;
}

bool bought_explain(struct session *s, struct job *j, struct bought *b)
{
	struct plan *untuned;

	b->s = s;
	b->job = j;
	if (!choose(s, j, b, &untuned))
		return false;
	if (j->dropped)
		return true;
	b->n_groups = j->partition->n_groups;
	b->groups = ARENA_ARRAY(s->a, (size_t)b->n_groups, struct bought_group);
	for (int g = 0; g < b->n_groups; g++) {
		find_winner(b, g);
		bought_rows(b, g);
		find_rivals(b, g, &untuned[j->plan].parts[g]);
	}
	find_plans(b, untuned);
	return true;
}
