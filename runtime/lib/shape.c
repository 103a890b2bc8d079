/* SPDX-License-Identifier: MIT */
/* What is worked out for some sizes of an operator: which variant serves them, its
 * numbers, and what tensors must be like. Those met first are remembered, in
 * memory that was taken when the plan was read: a place is claimed by one thread,
 * filled, and never changed again, so that others read it without a lock. */
#include "runtime/lib/plan.h"

#include <string.h>

enum state { FREE, CLAIMED, READY };

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
	s->values = (int64_t *)room;
	s->tensors = (struct placed *)(room + align((size_t)op->most_slots *
		sizeof(int64_t)));
}

/* One is enough where all is known. */
bool shapes_create(struct pool *p, struct wpk_operator *op)
{
	struct shapes *s = &op->shapes;
	int n = op->n_sizes ? SHAPES_MOST : 1;
	char *room;

	s->v = pool_take(p, (size_t)n, sizeof *s->v);
	s->state = pool_take(p, (size_t)n, sizeof *s->state);
	room = pool_take(p, (size_t)n, shape_room(op));
	if (!s->v || !s->state || !room)
		return false;
	s->n = n;
	for (int i = 0; i < n; i++)
		shape_give_room(op, &s->v[i], room + (size_t)i * shape_room(op));
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

static struct shape *claim(const struct wpk_operator *op, int i)
{
	int expected = FREE;

	return atomic_compare_exchange_strong_explicit(&op->shapes.state[i],
		&expected, CLAIMED, memory_order_relaxed,
		memory_order_relaxed) ? &op->shapes.v[i] : NULL;
}

/* Places are filled in order, so the first that is free ends the search. */
const struct shape *shape_find(const struct wpk_operator *op, int64_t *names,
	struct shape *spare)
{
	const struct shapes *all = &op->shapes;
	struct shape *s = NULL;
	int i, state;

	for (i = 0; i < all->n; i++) {
		state = atomic_load_explicit(&all->state[i],
			memory_order_acquire);
		if (state == READY && !memcmp(all->v[i].sizes, names,
		    (size_t)op->n_sizes * sizeof *names))
			return &all->v[i];
		if (state == FREE)
			break;
	}
	if (!work_out(op, names, spare))
		return NULL;
	s = i < all->n ? claim(op, i) : NULL;
	if (s) {
		s->v = spare->v;
		s->workspace = spare->workspace;
		s->prepared = spare->prepared;
		memcpy(s->sizes, spare->sizes, sizeof s->sizes);
		memcpy(s->values, spare->values, shape_room(op));
		atomic_store_explicit(&all->state[i], READY,
			memory_order_release);
	}
	return s ? s : spare;
}
