/* SPDX-License-Identifier: MIT */
/* Where code goes: targets, and the GPUs whose costs count. --target and --gpu
 * say so; where --gpu is silent, a lock with stanzas for several GPUs of a
 * target does, those for the share that --share names if there are such, and the
 * launcher chooses among them. A search is only for what
 * is named, or else for the GPU assumed: it writes what it was asked for. */
#include "driver/session.h"

#include <string.h>

static void add(struct session *s, const struct target *t,
	const struct gpu *g, const char *named)
{
	s->places[s->n_places++] = (struct place){ t, g, named, false,
		s->o->share % 100 };
}

/* The GPUs that --gpu names for the target, in its order. */
static void add_named(struct session *s, const struct target *t)
{
	for (int i = 0; i < s->o->gpus.n; i++) {
		const struct gpu *g = gpu_named(s->o->gpus.v[i]);
		bool again = false;

		for (int k = 0; k < i; k++)
			again |= !strcmp(s->o->gpus.v[k], s->o->gpus.v[i]);
		if (g->cc == t->cc && !again)
			add(s, t, g, g->name);
	}
}

enum { ANY_SHARE = -1 };

/* "g" NULL: any. */
static bool lock_has(const struct lock *l, const struct target *t,
	const struct gpu *g, int share)
{
	for (int i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].target, t->name) &&
		    (!g || !strcmp(l->v[i].gpu, g->name)) &&
		    (share == ANY_SHARE || l->v[i].share == share))
			return true;
	return false;
}

/* Those that the lock has stanzas for, if there are several. */
static void add_locked(struct session *s, const struct target *t)
{
	int before = s->n_places, share = s->o->share % 100;

	if (!lock_has(s->lock, t, NULL, share))
		share = ANY_SHARE;
	for (const struct gpu *g = gpu_list(); g->name; g++)
		if (lock_has(s->lock, t, g, share))
			add(s, t, g, g->name);
	if (s->n_places < before + 2)
		s->n_places = before;
}

static void add_target(struct session *s, const struct target *t)
{
	int before = s->n_places;

	add_named(s, t);
	if (s->n_places == before && !s->o->tune)
		add_locked(s, t);
	if (s->n_places == before)
		add(s, t, gpu_for_target(t), NULL);
	for (int i = before; i < s->n_places; i++)
		s->places[i].sister = s->n_places > before + 1;
}

/* Named by --target, or where that is silent what the GPUs' code is for. */
static bool is_wanted(const struct session *s, const struct target *t)
{
	const struct options *o = s->o;

	for (int i = 0; i < o->targets.n; i++)
		if (target_named(o->targets.v[i]) == t)
			return true;
	for (int i = 0; i < o->gpus.n && !o->targets.n; i++)
		if (target_named(gpu_named(o->gpus.v[i])->arch) == t)
			return true;
	return !o->targets.n && !o->gpus.n &&
		target_named(gpu_named("h200")->arch) == t;
}

void places_choose(struct session *s)
{
	int n = 0, gpus = s->o->gpus.n;

	for (const struct target *t = target_list(); t->name; t++)
		n++;
	for (const struct gpu *g = gpu_list(); g->name; g++)
		gpus++;
	s->places = ARENA_ARRAY(s->a, (size_t)n * (size_t)gpus, struct place);
	for (const struct target *t = target_list(); t->name; t++)
		if (is_wanted(s, t))
			add_target(s, t);
}
