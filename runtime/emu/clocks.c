/* SPDX-License-Identifier: MIT */
/* What each thread of a cluster knows of the others' clocks, by barriers in
 * memory and by number, and by the cluster's: vector clocks, of which a thread
 * adds its own to an object when it arrives there, and takes what is there when
 * it has waited. Besides its threads a block has two agents a warp, one that reads
 * for wgmma, and one that does for bulk stores. */
#include "race.h"

#include <stdlib.h>
#include <string.h>

#include "emu.h"

enum { BUCKETS = 1024, PER_WARP = WARP + 2, AT_ONCE = 8 };

/* "fenced": what a fence made known to what is asynchronous; "over": what may be
 * overwritten, but what threads wrote not read, for no release for the cluster
 * told of it; NULL if nothing. */
struct vector {
	uint32_t *v, *fenced, *over;
};

static struct object {
	const void *p;
	struct vector known;
	struct object *next;
} *objects[BUCKETS];

static struct vector threads[CLUSTER_MAX * THREADS_MAX];
/* What all threads of a block know by its own barrier. */
static struct vector base[CLUSTER_MAX];
static size_t per_block, length;	/* of a vector, as the launch is */
static bool used;	/* by other than the blocks' own barriers */

static uint32_t *zeros(void)
{
	uint32_t *v = calloc(length, sizeof *v);

	if (!v)
		fault("memory", 0, "no memory for clocks");
	return v;
}

static void drop(struct vector *k)
{
	free(k->v);
	free(k->fenced);
	free(k->over);
	*k = (struct vector){ NULL, NULL, NULL };
}

void clocks_begin(int blocks, int warps)
{
	for (int i = 0; i < BUCKETS && used; i++)
		while (objects[i]) {
			struct object *gone = objects[i];

			objects[i] = gone->next;
			drop(&gone->known);
			free(gone);
		}
	for (int i = 0; i < CLUSTER_MAX * THREADS_MAX && used; i++)
		drop(&threads[i]);
	used = false;
	per_block = (size_t)warps * PER_WARP;
	length = ((size_t)blocks * per_block + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
	for (int i = 0; i < CLUSTER_MAX; i++) {
		drop(&base[i]);
		base[i].v = i < blocks ? zeros() : NULL;
	}
}

/* Of the threads there are, then of their warps' agents. */
static size_t index_of(int rank, int member)
{
	size_t at = (size_t)rank * per_block, warps = per_block / PER_WARP;

	if (member < AGENTS)
		return at + (size_t)member;
	if (member < STORE_AGENTS)
		return at + warps * WARP + (size_t)(member - AGENTS);
	return at + warps * (WARP + 1) + (size_t)(member - STORE_AGENTS);
}

static struct vector *of_thread(int rank, int thread)
{
	struct vector *k = &threads[rank * THREADS_MAX + thread];

	if (!k->v)
		k->v = zeros();
	used = true;
	return k;
}

static struct vector *of_object(const void *p)
{
	struct object **b = &objects[(uintptr_t)p / 2 % BUCKETS], *o = *b;

	while (o && o->p != p)
		o = o->next;
	if (!o) {
		o = calloc(1, sizeof *o);
		if (!o)
			fault("memory", 0, "no memory for clocks");
		o->p = p;
		o->known.v = zeros();
		o->next = *b;
		*b = o;
	}
	return &o->known;
}

/* Runs of AT_ONCE, which the compiler makes vectors of. */
static void join(uint32_t *restrict to, const uint32_t *restrict from)
{
	for (size_t i = 0; i < length; i += AT_ONCE)
		for (size_t k = i; k < i + AT_ONCE; k++)
			to[k] = from[k] > to[k] ? from[k] : to[k];
}

static void join_some(uint32_t **to, const uint32_t *from)
{
	if (!from)
		return;
	if (!*to)
		*to = zeros();
	join(*to, from);
}

static void join_vectors(struct vector *to, const struct vector *from)
{
	join(to->v, from->v);
	join_some(&to->fenced, from->fenced);
	join_some(&to->over, from->over);
}

static void raise(uint32_t *at, uint32_t to)
{
	if (to > *at)
		*at = to;
}

void clocks_learn(int rank, int thread, int member, uint32_t clock)
{
	raise(&of_thread(rank, thread)->v[index_of(rank, member)], clock);
}

void clocks_release(const void *object, int rank, int thread)
{
	struct vector *k = of_thread(rank, thread);

	join_vectors(k, &base[rank]);
	join_vectors(of_object(object), k);
}

void clocks_give_over(const void *object, int rank, int thread)
{
	struct vector *k = of_thread(rank, thread), *o = of_object(object);

	join_vectors(k, &base[rank]);
	join_some(&o->over, k->v);
	join_some(&o->over, k->over);
}

void clocks_acquire(const void *object, int rank, int thread)
{
	join_vectors(of_thread(rank, thread), of_object(object));
}

void clocks_fence(int rank, int thread)
{
	struct vector *k = of_thread(rank, thread);

	join_vectors(k, &base[rank]);
	if (!k->fenced)
		k->fenced = zeros();
	memcpy(k->fenced, k->v, length * sizeof *k->v);
}

void clocks_meet(int rank, int n)
{
	for (int i = 0; i < n && used; i++) {
		const struct vector *k = &threads[rank * THREADS_MAX + i];

		if (k->v)
			join(base[rank].v, k->v);
		join_some(&base[rank].over, k->over);
	}
}

void clocks_tell(int rank, int member, uint32_t clock)
{
	raise(&base[rank].v[index_of(rank, member)], clock);
}

bool clocks_any(int rank, int thread)
{
	return threads[rank * THREADS_MAX + thread].v != NULL;
}

uint32_t clocks_known(int rank, int thread, int of, int member)
{
	const struct vector *k = &threads[rank * THREADS_MAX + thread];
	uint32_t known = base[rank].v[index_of(of, member)];

	if (k->v)
		raise(&known, k->v[index_of(of, member)]);
	return known;
}

bool clocks_has(int rank, int thread, int of, int member, uint32_t lanes,
	uint32_t clock, bool over)
{
	const struct vector *k = &threads[rank * THREADS_MAX + thread];
	const struct vector *b = &base[rank];
	const uint32_t *all[] = { b->v, k->v, over ? b->over : NULL,
		over ? k->over : NULL };
	size_t at = index_of(of, member);

	for (size_t i = 0; i < sizeof all / sizeof *all && lanes; i++)
		for (uint32_t left = all[i] ? lanes : 0; left; left &= left - 1) {
			int l = __builtin_ctz(left);

			if (all[i][at + (size_t)l] >= clock)
				lanes &= ~(1u << l);
		}
	return !lanes;
}

uint32_t clocks_fenced(int rank, int thread, int of, int member)
{
	const struct vector *k = &threads[rank * THREADS_MAX + thread];

	return k->fenced ? k->fenced[index_of(of, member)] : 0;
}
