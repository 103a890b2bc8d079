/* SPDX-License-Identifier: MIT */
/* Releases by atomic operations, kept by address, and those that the running
 * block has seen, by block. Blocks run one after another, so only the running
 * one's are kept. */
#include "race.h"

#include <stdlib.h>

#include "emu.h"

enum { BUCKETS = 4096, SEEN = 4096 };

/* Atomic operations on one address; those before "next" were seen by
 * "reader". */
struct object {
	const void *p;
	struct race_release *v;
	size_t n, room, next;
	uint32_t reader;
	struct object *chain;
};

static struct object *buckets[BUCKETS];
static struct race_seen *seen[SEEN], *last_seen;
static uint32_t seen_by;

static void *need(void *p)
{
	if (!p)
		fault("memory", 0, "no memory to watch accesses");
	return p;
}

static void forget_seen(void)
{
	for (int i = 0; i < SEEN; i++)
		while (seen[i]) {
			struct race_seen *gone = seen[i];

			seen[i] = gone->next;
			free(gone);
		}
	last_seen = NULL;
}

void race_forget(void)
{
	forget_seen();
	for (int i = 0; i < BUCKETS; i++)
		while (buckets[i]) {
			struct object *gone = buckets[i];

			buckets[i] = gone->chain;
			for (size_t j = 0; j < gone->n; j++)
				free(gone->v[j].fenced);
			free(gone->v);
			free(gone);
		}
}

static struct object *object_at(const void *p)
{
	struct object **b = &buckets[(uintptr_t)p / 4 % BUCKETS], *o;

	for (o = *b; o; o = o->chain)
		if (o->p == p)
			return o;
	o = need(calloc(1, sizeof *o));
	o->p = p;
	o->chain = *b;
	*b = o;
	return o;
}

static void note(const struct race_release *r, int thread, struct race_time at,
	bool acquires)
{
	struct race_seen *s = need(malloc(sizeof *s));
	struct race_seen **list = &seen[r->block % SEEN];

	*s = (struct race_seen){ .what = *r, .at = at, .acquired = at,
		.thread = thread, .by = acquires ? thread : -1, .next = *list,
		.before = last_seen };
	*list = last_seen = s;
}

static void see(const void *p, uint32_t block, int thread, struct race_time at,
	bool acquires)
{
	struct object *o = object_at(p);

	if (seen_by != block)
		forget_seen();
	seen_by = block;
	if (o->reader != block)
		o->next = 0;
	o->reader = block;
	for (; o->next < o->n; o->next++)
		if (o->v[o->next].block != block)
			note(&o->v[o->next], thread, at, acquires);
}

void race_see(const void *p, uint32_t block, int thread, struct race_time at)
{
	see(p, block, thread, at, true);
}

void race_exchange(const void *p, struct race_release mine,
	struct race_time at)
{
	struct object *o = object_at(p);

	see(p, mine.block, mine.thread, at, false);
	for (size_t i = o->n; i-- > 0 && o->v[i].block == mine.block; )
		if (o->v[i].thread == mine.thread) {
			free(o->v[i].fenced);
			o->v[i] = mine;
			return;
		}
	if (o->n == o->room) {
		o->room = o->room ? 2 * o->room : 16;
		o->v = need(realloc(o->v, o->room * sizeof *o->v));
	}
	o->v[o->n++] = mine;
}

const struct race_seen *race_seen(uint32_t block)
{
	const struct race_seen *s = seen[block % SEEN];

	while (s && s->what.block != block)
		s = s->next;
	return s;
}

struct race_seen *race_last_seen(uint32_t block)
{
	return seen_by == block ? last_seen : NULL;
}
