/* SPDX-License-Identifier: MIT */
/* A set of integer vectors: open addressing into an array that holds them all. */
#include "base/seen.h"

#include <stdint.h>
#include <string.h>

#include "base/vec.h"

void seen_init(struct seen *s, struct arena *a, int d)
{
	memset(s, 0, sizeof *s);
	s->a = a;
	s->d = d;
	s->n_slots = 64;
	s->slots = ARENA_ARRAY(a, s->n_slots, int);
}

/* Mixed two numbers at a time: validity tests may be cheaper than a hash of bytes. */
static uint64_t hash_of(const int *point, int d)
{
	uint64_t h = 0x9e3779b97f4a7c15;

	for (int i = 0; i < d; i += 2) {
		uint64_t high = i + 1 < d ? (unsigned)point[i + 1] : 0;

		h = (h ^ (unsigned)point[i] ^ high << 32) * 0xbf58476d1ce4e5b9;
		h ^= h >> 29;
	}
	return h;
}

/* The slot where "point" is, or where it would go. */
static int slot_of(const struct seen *s, const int *point)
{
	size_t bytes = (size_t)s->d * sizeof *point;
	int at = (int)(hash_of(point, s->d) & (uint64_t)(s->n_slots - 1));

	for (; s->slots[at]; at = (at + 1) & (s->n_slots - 1)) {
		const int *old = s->v + (size_t)(s->slots[at] - 1) * s->d;

		if (memcmp(old, point, bytes) == 0)
			break;
	}
	return at;
}

bool seen_has(const struct seen *s, const int *point)
{
	return s->n && s->slots[slot_of(s, point)] != 0;
}

int seen_find(const struct seen *s, const int *point)
{
	return s->slots[slot_of(s, point)] - 1;
}

void seen_clear(struct seen *s)
{
	s->n = 0;
	memset(s->slots, 0, (size_t)s->n_slots * sizeof *s->slots);
}

static void rehash(struct seen *s)
{
	s->n_slots *= 4;
	s->slots = ARENA_ARRAY(s->a, s->n_slots, int);
	for (int i = 0; i < s->n; i++)
		s->slots[slot_of(s, s->v + (size_t)i * s->d)] = i + 1;
}

int seen_place(struct seen *s, const int *point, bool *fresh)
{
	int at = slot_of(s, point);
	size_t d = (size_t)s->d;

	*fresh = !s->slots[at];
	if (!*fresh)
		return s->slots[at] - 1;
	if (s->n == s->cap)
		s->v = vec_grow(s->a, s->v, s->n, &s->cap, d * sizeof *s->v);
	memcpy(s->v + s->n * d, point, d * sizeof *point);
	s->slots[at] = ++s->n;
	if (2 * s->n > s->n_slots)
		rehash(s);
	return s->n - 1;
}

bool seen_add(struct seen *s, const int *point)
{
	bool fresh;

	seen_place(s, point, &fresh);
	return fresh;
}
