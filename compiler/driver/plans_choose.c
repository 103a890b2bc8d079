/* SPDX-License-Identifier: MIT */
/* Of the ways to cut an operator into kernels, the one to take: the one whose
 * kernels take least time by the model; or, where none serves, the one that says
 * best why. */
#include "driver/session.h"
#include "driver/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool plan_prepares(const struct job *j, int group)
{
	return ir_prepares(j->op, &j->partition->groups[group]);
}

bool plan_choose(struct session *s, struct job *j, int plan, double bar)
{
	bool serves;

	plan_use(j, plan);
	serves = candidates_find(s, j) && choices_make(s, j, bar);
	j->plans[plan].parts = j->parts;
	return serves;
}

bool plan_competes(const struct job *j, int plan)
{
	return j->plans[plan].file && !j->file_pinned;
}

static void explain_cost(const struct session *s, const struct job *j,
	const struct plan *p)
{
	if (!s->o->verbose || j->n_plans == 1)
		return;
	if (p->file)
		session_say(s, "%s: by %s: no predicted cost", j->name,
			p->file->name);
	else
		session_say(s, "%s: kernels %s: %.3g us predicted", j->name,
			plan_kernels(s->a, p), p->seconds * 1e6);
}

/* How near the sketches of the present plan came. */
static enum refusal nearest(const struct job *j)
{
	enum refusal best = REFUSED_OTHER;

	for (int g = 0; g < j->partition->n_groups; g++)
		for (int i = 0; i < j->parts[g].n; i++)
			if (j->parts[g].candidates[i].refusal > best)
				best = j->parts[g].candidates[i].refusal;
	return best;
}

/* Groups of the present plan that no sketch serves. */
static int unserved(const struct job *j)
{
	int n = 0;

	for (int g = 0; g < j->partition->n_groups; g++)
		n += !candidates_serve(&j->parts[g]);
	return n;
}

/* Of plans that pack, the one of which least is amiss; -1 if none does. */
static int nearest_packed(struct job *j)
{
	int best = -1, least = 0;

	for (int i = 0; i < j->n_plans; i++) {
		if (j->plans[i].cut.rule != IR_PACKED || j->plans[i].file)
			continue;
		plan_use(j, i);
		if (best < 0 || unserved(j) < least) {
			best = i;
			least = unserved(j);
		}
	}
	return best;
}

/* What --set says of "what", or NULL. */
static const char *set_to(const struct session *s, const struct job *j,
	const char *what)
{
	const char *value = NULL;

	for (int i = 0; i < s->o->settings.n; i++) {
		const char *name = candidates_setting(j,
			s->o->settings.v[i].name);

		if (name && !strcmp(name, what))
			value = s->o->settings.v[i].value;
	}
	return value;
}

/* How near the sketch "name" came to a group that none serves. */
static enum refusal came(const struct part *p, const char *name)
{
	for (int i = 0; i < p->n; i++)
		if (!strcmp(p->candidates[i].sketch->name, name))
			return p->candidates[i].refusal;
	return REFUSED_OTHER;
}

/* The least of that in the present plan, which has such a group. */
static enum refusal nearest_of(const struct job *j, const char *name)
{
	enum refusal least = REFUSED_POINTS;
	bool any = false;

	for (int g = 0; g < j->partition->n_groups; g++)
		if (!candidates_serve(&j->parts[g])) {
			enum refusal r = came(&j->parts[g], name);

			any = true;
			least = r < least ? r : least;
		}
	return any ? least : REFUSED_OTHER;
}

/* Has the present plan a chain, where the sketch "name" is for those? */
static bool has_its_chain(const struct job *j, const char *name)
{
	const struct sketch *k = sketch_named(name);

	for (int g = 0; k && k->chains && g < j->partition->n_groups; g++)
		if (j->partition->groups[g].anchor == IR_CHAIN)
			return true;
	return false;
}

/* The plan in which the sketch that --set names has a number that is amiss, and is
 * not of the wrong kind; -1 if there is none, or none is named. */
static int nearest_named(const struct session *s, struct job *j)
{
	const char *name = set_to(s, j, "sketch");
	enum refusal best = REFUSED_GROUP;
	int plan = -1;

	for (int i = 0; name && i < j->n_plans; i++) {
		enum refusal r;

		plan_use(j, i);
		r = nearest_of(j, name);
		if (r > best || (r == best && plan < 0 &&
		    has_its_chain(j, name)))
			plan = i;
		best = r > best ? r : best;
	}
	return plan;
}

/* Is but a number amiss in every group of the present plan that none serves? */
static bool wants_numbers(const struct job *j)
{
	bool all = true;

	for (int g = 0; g < j->partition->n_groups; g++) {
		enum refusal best = REFUSED_OTHER;

		for (int i = 0; i < j->parts[g].n; i++)
			if (j->parts[g].candidates[i].refusal > best)
				best = j->parts[g].candidates[i].refusal;
		all &= candidates_serve(&j->parts[g]) || best == REFUSED_POINTS;
	}
	return all;
}

/* The plan that computes lets where they are read and takes all that the schedule
 * says, but for numbers; -1 if there is none. */
static int nearest_inlined(struct job *j)
{
	for (int i = 0; i < j->n_plans; i++) {
		enum ir_rule rule = j->plans[i].cut.rule;

		plan_use(j, i);
		if ((rule == IR_INLINED || rule == IR_PAIRS) &&
		    !j->plans[i].file && wants_numbers(j))
			return i;
	}
	return -1;
}

/* The plan that says why none serves: the first, but where the schedule asks for
 * packing, for a sketch by name or a file's, or for what is of pairs, one that has
 * that. */
static int most_telling(const struct session *s, struct job *j)
{
	int packed = cuts_pack(s, j->schedule) ? nearest_packed(j) : -1;
	int named = packed < 0 ? nearest_named(s, j) : packed;

	named = named < 0 ? nearest_inlined(j) : named;
	if (named >= 0)
		return named;
	for (int i = 0; i < j->n_plans; i++) {
		plan_use(j, i);
		if (nearest(j) > REFUSED_OTHER && (!i || j->file))
			return i;
	}
	return 0;
}

/* The plan that --set asks for by its number, or -1. */
static int plan_set(const struct session *s, const struct job *j)
{
	const char *number = set_to(s, j, "plan");

	return number ? atoi(number) : -1;
}

/* Is the plan what --set leaves, and does it serve, in less than "bar"? */
static bool chosen(struct session *s, struct job *j, int plan, int set,
	double bar)
{
	struct plan *p = &j->plans[plan];

	if (set < 0 || set == plan)
		return plan_choose(s, j, plan, plan_competes(j, plan) ?
			INFINITY : bar);
	p->parts = ARENA_ARRAY(s->a, (size_t)p->partition->n_groups,
		struct part);
	return false;
}

/* A file written by hand has no cost before it is measured: it is taken where
 * nothing else serves, or --set leaves nothing else. */
bool plans_prefer(struct session *s, struct job *j)
{
	int best = -1, by_hand = -1, set = plan_set(s, j);

	for (int i = 0; i < j->n_plans; i++) {
		struct plan *p = &j->plans[i];
		double bar = best < 0 ? INFINITY : j->plans[best].seconds;
		bool serves = chosen(s, j, i, set, bar);

		p->seconds = serves && !plan_competes(j, i) ? tune_seconds(j) :
			INFINITY;
		explain_cost(s, j, p);
		if (serves && plan_competes(j, i) && by_hand < 0)
			by_hand = i;
		if (p->seconds < bar)
			best = i;
	}
	best = best < 0 ? by_hand : best;
	plan_use(j, best < 0 ? most_telling(s, j) : best);
	if (best >= 0 && best == by_hand)
		j->plans[best].seconds = tune_seconds(j);
	return best >= 0;
}

bool plans_find(struct session *s, struct job *j)
{
	if (plans_prefer(s, j)) {
		contenders_tell(s, j);
		return true;
	}
	if (!j->optional)
		return !cuts_report(s, j) && candidates_report(s, j);
	session_say(s, "%s: no kernel serves all sizes: its launcher takes the "
		"shapes named, and no others", j->name);
	j->dropped = true;
	return true;
}

void jobs_forget(struct session *s)
{
	int n = 0;

	for (int i = 0; i < s->n_jobs; i++)
		if (!s->jobs[i].dropped)
			s->jobs[n++] = s->jobs[i];
	s->n_jobs = n;
}

/* A file that competes has its contest with the best of the others. */
static bool ranks_before(const struct job *j, int x, int y)
{
	double p = j->plans[x].seconds, q = j->plans[y].seconds;

	if (isinf(p) || isinf(q) || plan_competes(j, x) == plan_competes(j, y))
		return p < q;
	return plan_competes(j, y);
}

void plans_rank(struct job *j)
{
	int best = j->plan;

	for (int i = 0; i < j->n_plans; i++)
		if (ranks_before(j, i, best))
			best = i;
	plan_use(j, best);
}
