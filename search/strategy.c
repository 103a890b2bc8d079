/* SPDX-License-Identifier: MIT */
/* The tables of search: strategies and the names of verdicts. */
#include "search/strategy.h"

#include <assert.h>
#include <string.h>

static const struct strategy *const strategies[] = {
	&strategy_auto, &strategy_ga, &strategy_bo, &strategy_rl,
	&strategy_random, &strategy_exhaustive, NULL
};

static const char *const verdicts[N_VERDICTS] = {
	[V_PRUNED] = "pruned", [V_COMPILE] = "compile", [V_SPILL] = "spill",
	[V_LAUNCH] = "launch", [V_FAULT] = "fault", [V_TIMEOUT] = "timeout",
	[V_WRONG] = "wrong", [V_SLOW] = "slow", [V_MEASURED] = "measured",
};

const char *verdict_name(enum verdict v)
{
	assert((unsigned)v < N_VERDICTS);
	return verdicts[v];
}

const struct strategy *const *strategy_list(void)
{
	return strategies;
}

const struct strategy *strategy_named(const char *name)
{
	for (int i = 0; strategies[i]; i++)
		if (strcmp(strategies[i]->name, name) == 0)
			return strategies[i];
	return NULL;
}
