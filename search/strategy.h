/* SPDX-License-Identifier: MIT */
/* The strategies compiled in; a new one is a file and a row in strategy.c. */
#ifndef WPK_SEARCH_STRATEGY_H
#define WPK_SEARCH_STRATEGY_H

#include "search/search.h"

extern const struct strategy strategy_auto, strategy_ga, strategy_bo,
	strategy_rl, strategy_random, strategy_exhaustive;

#endif
