/* SPDX-License-Identifier: MIT */
/* See tool_session.h. */
#include "tool_session.h"

bool tool_load(struct session *s)
{
	string_list dirs = s->o->dirs;
	struct front_options fo = {0};

	vec_push(s->a, &dirs, NULL);
	fo.dirs = dirs.v;
	s->unit = front_load(s->a, s->o->input, &fo, &s->files, s->d);
	return s->unit && jobs_create(s);
}

bool tool_random_point(const struct candidate *c, const struct problem *p,
	int tries, struct rng *r, int *genes)
{
	struct arena *tmp = arena_create();
	bool found = false;

	for (int try = 0; try < tries && !found; try++) {
		for (int i = 0; i < c->space->n_genes; i++)
			genes[i] = c->space->genes[i].values[rng_below(r,
				c->space->genes[i].n)];
		found = !p->legal(p->ctx, tmp, genes);
		arena_reset(tmp);
	}
	arena_destroy(tmp);
	return found;
}
