/* SPDX-License-Identifier: MIT */
/* The sizes at which an open operator is looked at. They are ragged: a prime
 * each, times what conditions such as K % 8 == 0 ask for, so that nothing holds
 * of them by chance that does not hold of every size. Large ones show every
 * loop and guard, small ones what only holds of the large, round ones what only
 * holds of the ragged. */
#include "driver/general.h"

#include <string.h>

enum { FIT = 8, TIMES_MAX = 1024, TRIES = 64, SMALL = 6,
	LARGE = 72 };

struct choosing {
	struct arena *a;
	const struct program *frame;
	int n;			/* sizes */
	struct general_scale to;
	VEC(const int64_t *) rows;
};

static bool is_prime(int64_t v)
{
	for (int64_t k = 2; k * k <= v; k++)
		if (v % k == 0)
			return false;
	return v > 1;
}

/* The least odd prime that is not below "v". */
static int64_t prime_from(int64_t v)
{
	v = v < 3 ? 3 : v | 1;
	while (!is_prime(v))
		v += 2;
	return v;
}

static int64_t *row(const struct choosing *c)
{
	return ARENA_ARRAY(c->a, (size_t)c->n + 1, int64_t);
}

static int held(const struct choosing *c, const int64_t *sizes)
{
	return general_held(c->frame, sizes);
}

/* Let conditions hold, if it can be without size "fixed"; false where it cannot
 * be at all. */
static bool mend(const struct choosing *c, int fixed, int64_t *sizes)
{
	int64_t old[c->n + 1];

	memcpy(old, sizes, (size_t)c->n * sizeof *sizes);
	if (general_mend(c->frame, &c->to, fixed, sizes))
		return true;
	memcpy(sizes, old, (size_t)c->n * sizeof *sizes);
	return general_mend(c->frame, &c->to, -1, sizes);
}

/* Sizes of about scale / times each, all different. */
static void fill(const struct choosing *c, int64_t *sizes)
{
	int64_t p = 0;

	for (int i = 0; i < c->n; i++) {
		int64_t from = c->to.scale / c->to.times[i];

		p = prime_from(p && from <= p ? p + 1 : from);
		sizes[i] = p * c->to.times[i];
	}
}

/* Let one size be a multiple of the least number with which more conditions
 * hold; false where none helps. */
static bool improve(struct choosing *c, int64_t *sizes)
{
	int before = held(c, sizes);

	for (int64_t m = 2; m <= TIMES_MAX; m++)
		for (int i = 0; i < c->n; i++) {
			int64_t old = c->to.times[i];
			int now;

			c->to.times[i] = old * m;
			fill(c, sizes);
			now = held(c, sizes);
			if (now < 0 || now > before)
				return true;
			c->to.times[i] = old;
		}
	fill(c, sizes);
	return false;
}

static bool find_times(struct choosing *c, int64_t *sizes)
{
	for (int i = 0; i < c->n; i++)
		c->to.times[i] = 1;
	fill(c, sizes);
	while (!mend(c, -1, sizes)) {
		fill(c, sizes);
		if (!improve(c, sizes))
			return false;
	}
	return true;
}

/* The next above "about" that conditions allow. */
static bool next_allowed(const struct choosing *c, int64_t *sizes, int i,
	int64_t about)
{
	int64_t times = c->to.times[i], p = about / times;

	for (int tries = 0; tries < TRIES; tries++) {
		p = p > 1 || times < about ? prime_from(p) : 1;
		sizes[i] = p++ * times;
		if (held(c, sizes) < 0)
			return true;
	}
	return false;
}

/* Size "i" is "about" and others move with it; or else what conditions allow. */
static bool set(const struct choosing *c, int64_t *sizes, int i, int64_t about)
{
	int64_t times = c->to.times[i], old[c->n + 1], first[c->n + 1];
	size_t bytes = (size_t)c->n * sizeof *sizes;

	memcpy(old, sizes, bytes);
	sizes[i] = times < about ? prime_from(about / times) * times : times;
	memcpy(first, sizes, bytes);
	if (general_mend(c->frame, &c->to, i, sizes))
		return true;
	memcpy(sizes, old, bytes);
	if (next_allowed(c, sizes, i, about))
		return true;
	memcpy(sizes, first, bytes);
	if (general_mend(c->frame, &c->to, -1, sizes))
		return true;
	memcpy(sizes, old, bytes);
	return false;
}

static void keep(struct choosing *c, const int64_t *sizes)
{
	for (int i = 0; i < c->rows.n; i++)
		if (!memcmp(c->rows.v[i], sizes, (size_t)c->n *
		    sizeof *sizes))
			return;
	vec_push(c->a, &c->rows, sizes);
}

/* So much of the scale: less, but where that is small already. Where C is a
 * multiple of 32, 32 alone is no large size. */
static int64_t share(const struct choosing *c, int i, int percent)
{
	int64_t least = 3 * c->to.times[i], about = c->to.scale * (c->to.scale <
		LARGE ? 80 + percent / 2 : percent) / 100;

	return about > least ? about : least;
}

/* Other proportions of the sizes: each moves on its own. */
static void add_large(struct choosing *c, const int64_t *first)
{
	static const int percent[] = { 100, 37, 61, 83, 29, 71, 47, 91 };
	enum { N = sizeof percent / sizeof *percent };

	keep(c, first);
	for (int tries = 1; c->rows.n < FIT && tries < 4 * FIT; tries++) {
		int64_t *sizes = row(c);
		bool ok = true;

		memcpy(sizes, first, (size_t)c->n * sizeof *sizes);
		for (int i = 0; i < c->n && ok; i++)
			ok = set(c, sizes, i, share(c, i,
				percent[(tries * (2 * i + 1) + i) % N]));
		if (ok)
			keep(c, sizes);
	}
}

/* "about", but more than the size before: no two are equal. */
static int64_t next(const int64_t *sizes, int i, int64_t about)
{
	return i && sizes[i - 1] >= about && sizes[i - 1] < 2 * about ?
		sizes[i - 1] + 1 : about;
}

/* Each size small alone, and all of them. */
static void add_small(struct choosing *c, const int64_t *first)
{
	static const int small[SMALL] = { 5, 11, 13, 19, 37, 131 };

	for (int k = 0; k < SMALL; k++) {
		int64_t *all = row(c);
		bool ok = true;

		memcpy(all, first, (size_t)c->n * sizeof *all);
		for (int i = 0; i < c->n; i++) {
			int64_t *one = row(c);

			memcpy(one, first, (size_t)c->n * sizeof *one);
			if (set(c, one, i, small[k]))
				keep(c, one);
			ok &= set(c, all, i, next(all, i, small[k] + 2 * i));
		}
		if (ok)
			keep(c, all);
	}
}

/* Round sizes, which need no tails: alone and together, by powers of two. */
static void add_round(struct choosing *c, const int64_t *first)
{
	for (int64_t m = 2; m <= 128 && m * 7 <= c->to.scale; m *= 4) {
		int64_t *all = row(c);

		for (int i = 0; i < c->n; i++) {
			int64_t *one = row(c);

			all[i] = (5 + 2 * i) * m * c->to.times[i];
			memcpy(one, first, (size_t)c->n * sizeof *one);
			one[i] = all[i];
			if (mend(c, i, one))
				keep(c, one);
		}
		if (mend(c, -1, all))
			keep(c, all);
	}
}

const int64_t *general_huge(struct arena *a, const struct program *frame, int i,
	int64_t scale)
{
	struct choosing c = { .a = a, .frame = frame, .n = frame->sizes.n,
		.to = { ARENA_ARRAY(a, (size_t)frame->sizes.n + 1, int64_t),
			scale } };
	int64_t *sizes = row(&c);
	bool ok = find_times(&c, sizes);

	for (int k = 0; k < c.n && ok; k++)
		if (k != i)
			ok = set(&c, sizes, k, next(sizes, k, 11 + 2 * k));
	return ok && set(&c, sizes, i, scale) ? sizes : NULL;
}

const int64_t *const *general_sizes(struct arena *a, const struct program *frame,
	int64_t scale, const int64_t *const *huge, int n_huge, int *n_fit,
	int *n)
{
	struct choosing c = { .a = a, .frame = frame, .n = frame->sizes.n,
		.to = { ARENA_ARRAY(a, (size_t)frame->sizes.n + 1, int64_t),
			scale } };
	int64_t *first = row(&c);

	if (!find_times(&c, first))
		return NULL;
	add_large(&c, first);
	*n_fit = c.rows.n;
	for (int i = 0; i < n_huge; i++)
		keep(&c, huge[i]);
	add_small(&c, first);
	add_round(&c, first);
	*n = c.rows.n;
	return c.rows.v;
}

/* ---- checks ---- */

/* All sizes about "about", each the next after the one before. */
static void add_case(struct choosing *c, const int64_t *first, int64_t about,
	bool round)
{
	int64_t *sizes = row(c);
	bool ok = true;

	memcpy(sizes, first, (size_t)c->n * sizeof *sizes);
	for (int i = 0; i < c->n && !round; i++)
		ok &= set(c, sizes, i, (about + (about + 3) / 4 * i) *
			c->to.times[i]);
	for (int i = 0; i < c->n && round; i++)
		sizes[i] = (about + (about > 8 ? 8 * i : 0)) * c->to.times[i];
	if (ok && mend(c, -1, sizes))
		keep(c, sizes);
}

const int64_t *const *general_cases(struct arena *a, const struct program *frame,
	int64_t scale, int *n)
{
	struct choosing c = { .a = a, .frame = frame, .n = frame->sizes.n,
		.to = { ARENA_ARRAY(a, (size_t)frame->sizes.n + 1, int64_t),
			scale } };
	int64_t *first = row(&c), middle = scale / 8 < 140 ? scale / 8 : 140;

	*n = 0;
	if (!find_times(&c, first))
		return NULL;
	add_case(&c, first, 1, true);
	add_case(&c, first, 3, false);
	add_case(&c, first, 8, true);
	add_case(&c, first, middle, false);
	add_case(&c, first, middle < 16 ? 8 : middle / 16 * 16, true);
	*n = c.rows.n;
	return c.rows.v;
}
