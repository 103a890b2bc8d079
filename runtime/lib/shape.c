/* SPDX-License-Identifier: MIT */
/* What is worked out for some sizes of an operator: which variant serves them, its
 * numbers, and what tensors must be like. Those met last are remembered, in places
 * that were taken when the plan was read. Nobody waits: who finds a shape is one of
 * its place's users until it leaves, and who worked out another one puts it into the
 * place that was found least recently, if that has no users at the moment. */
#include "runtime/lib/plan.h"

#include <string.h>

enum { FILLING = -1 };

static size_t align(size_t n)
{
	return (n + 15) / 16 * 16;
}

size_t shape_room(const struct wpk_operator *op)
{
	return align((size_t)op->most_slots * sizeof(int64_t)) +
		align((size_t)op->n_tensors * sizeof(struct placed));
}

void shape_give_room(const struct wpk_operator *op, struct shape *s,
	char *room)
{
	s->place = NULL;
	s->values = (int64_t *)room;
	s->tensors = (struct placed *)(room + align((size_t)op->most_slots *
		sizeof(int64_t)));
}

/* One is enough where all is known. */
bool shapes_create(struct pool *p, struct wpk_operator *op)
{
	struct shapes *s = op->shapes = pool_take(p, 1, sizeof *s);
	int n = op->n_sizes ? SHAPES_MOST : 1;
	char *room = pool_take(p, (size_t)n, shape_room(op));

	if (!s || !room)
		return false;
	s->v = pool_take(p, (size_t)n, sizeof *s->v);
	s->hashes = pool_take(p, (size_t)n, sizeof *s->hashes);
	if (!s->v || !s->hashes)
		return false;
	s->n = n;
	s->clock = 1;
	for (int i = 0; i < n; i++) {
		shape_give_room(op, &s->v[i].shape, room + (size_t)i *
			shape_room(op));
		s->v[i].shape.place = &s->v[i];
	}
	return true;
}

/* ---- working it out ---- */

static size_t unsigned_of(int64_t n)
{
	return n > 0 ? (size_t)n : 0;
}

/* Scratch of libraries lies behind what kernels share. */
static void measure(const struct variant *v, struct shape *s)
{
	s->workspace = unsigned_of(s->values[v->workspace]);
	if (v->scratch)
		s->workspace = (s->workspace + 255) / 256 * 256 + v->scratch;
	s->prepared = unsigned_of(s->values[v->prepared]);
}

static bool fill(const struct wpk_operator *op, const struct variant *v,
	const int64_t *names, struct shape *s)
{
	s->v = v;
	memcpy(s->sizes, names, (size_t)op->n_sizes * sizeof *names);
	for (int i = 0; i < v->n_slots; i++)
		if (!number_value(&v->slots[i], names, &s->values[i]))
			return false;
	for (int i = 0; i < op->n_tensors; i++)
		if (!geometry_place(&op->tensors[i], &v->tensors[i], names,
		    &s->tensors[i]))
			return false;
	measure(v, s);
	return true;
}

static bool work_out(const struct wpk_operator *op, int64_t *names,
	struct shape *s)
{
	for (int i = 0; i < op->n_variants; i++)
		if (variant_serves(op, &op->variants[i], names) &&
		    fill(op, &op->variants[i], names, s))
			return true;
	return false;
}

/* ---- remembering ---- */

/* Of the sizes, each of which counts in all bits (MurmurHash3's constant). */
static uint64_t hash_of(const struct wpk_operator *op, const int64_t *sizes)
{
	uint64_t h = 1;

	for (int i = 0; i < op->n_sizes; i++) {
		h = (h ^ (uint64_t)sizes[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return h;
}

/* One more user, unless it is being filled. */
static bool enter(struct shape_place *p)
{
	int n = atomic_load_explicit(&p->users, memory_order_relaxed);

	while (n != FILLING)
		if (atomic_compare_exchange_weak_explicit(&p->users, &n, n + 1,
		    memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

static void leave(struct shape_place *p)
{
	atomic_fetch_sub_explicit(&p->users, 1, memory_order_release);
}

/* The clock goes on whenever another shape is found than the last time, so that one
 * that comes again and again writes nothing here. */
static void touch(struct shapes *all, struct shape_place *p)
{
	uint64_t now = atomic_load_explicit(&all->clock, memory_order_relaxed);

	if (atomic_load_explicit(&p->used, memory_order_relaxed) == now)
		return;
	atomic_store_explicit(&all->clock, now + 1, memory_order_relaxed);
	atomic_store_explicit(&p->used, now + 1, memory_order_relaxed);
}

static const struct shape *find(const struct wpk_operator *op,
	const int64_t *names, uint64_t hash)
{
	struct shapes *all = op->shapes;

	for (int i = 0; i < all->n; i++) {
		struct shape_place *p = &all->v[i];

		if (atomic_load_explicit(&all->hashes[i],
		    memory_order_relaxed) != hash || !enter(p))
			continue;
		if (p->shape.v && !memcmp(p->shape.sizes, names,
		    (size_t)op->n_sizes * sizeof *names)) {
			touch(all, p);
			return &p->shape;
		}
		leave(p);
	}
	return NULL;
}

static struct shape_place *least_recent(const struct shapes *all)
{
	struct shape_place *found = NULL;
	uint64_t least = UINT64_MAX, used;

	for (int i = 0; i < all->n; i++) {
		struct shape_place *p = &all->v[i];

		used = atomic_load_explicit(&p->used, memory_order_relaxed);
		if (used < least && !atomic_load_explicit(&p->users,
		    memory_order_relaxed)) {
			least = used;
			found = p;
		}
	}
	return found;
}

static void remember(const struct wpk_operator *op, const struct shape *s,
	uint64_t hash)
{
	struct shape_place *p = least_recent(op->shapes);
	int none = 0;

	if (!p || !atomic_compare_exchange_strong_explicit(&p->users, &none,
	    FILLING, memory_order_acquire, memory_order_relaxed))
		return;
	p->shape.v = s->v;
	p->shape.workspace = s->workspace;
	p->shape.prepared = s->prepared;
	memcpy(p->shape.sizes, s->sizes, sizeof s->sizes);
	memcpy(p->shape.values, s->values, shape_room(op));
	atomic_store_explicit(&op->shapes->hashes[p - op->shapes->v], hash,
		memory_order_relaxed);
	touch(op->shapes, p);
	atomic_store_explicit(&p->users, 0, memory_order_release);
}

const struct shape *shape_find(const struct wpk_operator *op, int64_t *names,
	struct shape *spare)
{
	uint64_t hash = hash_of(op, names);
	const struct shape *s = find(op, names, hash);

	if (s)
		return s;
	if (!work_out(op, names, spare))
		return NULL;
	remember(op, spare, hash);
	return spare;
}

void shape_leave(const struct shape *s)
{
	if (s && s->place)
		leave(s->place);
}
