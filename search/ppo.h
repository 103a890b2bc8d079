/* SPDX-License-Identifier: MIT */
/* A policy that learns where to move: for each gene far down, one down, stay,
 * one up or far up, chosen by a small network from where one is; trained by
 * what the moves were worth. */
#ifndef WPK_SEARCH_PPO_H
#define WPK_SEARCH_PPO_H

#include <stdbool.h>

#include "base/arena.h"
#include "search/search.h"

enum ppo_move {
	PPO_FAR_DOWN, PPO_DOWN, PPO_STAY, PPO_UP, PPO_FAR_UP, PPO_MOVES
};

struct ppo;

/* "inputs" numbers describe where one is; at most "steps" steps are kept
 * between two calls of ppo_learn. */
struct ppo *ppo_create(struct arena *a, int inputs, int genes, int steps,
	struct rng *rng);

/* Choose moves at "state" and remember the step; false when "steps" are kept
 * already. Its reward must follow; "last" ends an episode. */
bool ppo_act(struct ppo *p, const double *state, int *moves);
void ppo_reward(struct ppo *p, double reward, bool last);

/* Learn from the steps kept, and forget them. */
void ppo_learn(struct ppo *p);

#endif
