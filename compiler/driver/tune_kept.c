/* SPDX-License-Identifier: MIT */
/* What the lock file has of an operator stays where a search that was cut short
 * found nothing better: the best found so far may be of an earlier day. */
#include "driver/tune.h"

#include <string.h>

double tune_seconds(const struct job *j)
{
	double sum = 0;

	for (int g = 0; g < j->partition->n_groups; g++)
		if (!plan_prepares(j, g))
			sum += j->parts[g].choice.seconds;
	return sum;
}

bool tune_is_measured(const struct job *j)
{
	for (int g = 0; g < j->partition->n_groups; g++)
		if (!plan_prepares(j, g) &&
		    !strcmp(j->parts[g].choice.measured, "model"))
			return false;
	return true;
}

/* How its kernels were timed: the first's that runs in each call. */
static const char *measured_by(const struct job *j)
{
	int g = 0;

	while (g + 1 < j->partition->n_groups && plan_prepares(j, g))
		g++;
	return j->parts[g].choice.measured;
}

/* By costs of one kind the lesser; a prediction never before what was timed. */
static bool is_better(const struct job *held, const struct job *found)
{
	if (tune_is_measured(held) != tune_is_measured(found))
		return tune_is_measured(held);
	return !strcmp(measured_by(held), measured_by(found)) &&
		tune_seconds(held) <= tune_seconds(found);
}

/* The lock's word for this very GPU, also where it has that of others. */
static bool take_lock(struct session *s, struct job *j)
{
	const struct place *place = j->place;
	struct place named = *place;
	const char *why;
	bool taken;

	named.named = place->gpu->name;
	j->place = &named;
	taken = choices_from_lock(s, j, &why);
	j->place = place;
	return taken;
}

/* The counts of verdicts stay with the plan. */
static void keep_results(struct job *j, const struct part *old)
{
	for (int g = 0; g < j->partition->n_groups; g++) {
		j->parts[g].candidates = old[g].candidates;
		j->parts[g].n = old[g].n;
		j->parts[g].results = old[g].results;
	}
}

static struct part **all_parts(struct session *s, const struct job *j)
{
	struct part **v = ARENA_ARRAY(s->a, (size_t)j->n_plans, struct part *);

	for (int i = 0; i < j->n_plans; i++)
		v[i] = j->plans[i].parts;
	return v;
}

bool tune_keeps_lock(struct session *s, struct job *j)
{
	struct part **old = all_parts(s, j);
	struct job found = *j;

	if (!*s->stop && (!s->measuring || tune_is_measured(j)))
		return false;
	if (take_lock(s, j) && is_better(j, &found)) {
		if (old[j->plan])
			keep_results(j, old[j->plan]);
		return true;
	}
	j->plans[j->plan].parts = old[j->plan];
	*j = found;
	return false;
}
