/* SPDX-License-Identifier: MIT */
/* Records to begin a search with that has none of its own: those of the problems
 * that are most alike. Problems are alike that have the family, the statements
 * and the way of measuring in common; how far apart two are is a sum, of
 *
 *	1	for each doubling of a size, upwards or down
 *	4	for a size that only one of them has
 *	1	for a tensor of another dtype, or one that only one has
 *	0.5	for another GPU of the target
 *	1.5	for a GPU of another target
 *	0.5	for each halving of the share of the GPU
 *
 * so that the same operator on a sister GPU is nearer than the next size, and
 * a size twice as large nearer than another generation. A record that took f
 * times as long as the best of its problem counts as 2 log2(f) further away:
 * before the second best of the nearest comes the best of one not much
 * farther. The numbers are judgements, not measurements; all that hangs on them
 * is the order in which points are tried. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "search/db_private.h"

static const double missing = 4, other_type = 1, other_gpu = 0.5,
	other_target = 1.5, halving = 0.5, slower = 2;

/* ---- "K=768 M=512" ---- */

struct word {
	const char *p;
	size_t n;
};

static struct word next_word(const char **text)
{
	struct word w;

	*text += strspn(*text, " ");
	w = (struct word){ *text, strcspn(*text, " ") };
	*text += w.n;
	return w;
}

/* What "shape" gives the size that "w" begins with, 0: nothing. */
static double size_in(const char *shape, struct word w)
{
	const char *equals = memchr(w.p, '=', w.n);
	size_t n = equals ? (size_t)(equals - w.p) + 1 : w.n;

	for (struct word x = next_word(&shape); x.n; x = next_word(&shape))
		if (equals && x.n > n && !strncmp(x.p, w.p, n))
			return strtod(x.p + n, NULL);
	return 0;
}

/* "both" of the two directions counts what they have in common. */
static double shapes_apart(const char *x, const char *y, bool both)
{
	const char *all = x;
	double sum = 0;

	for (struct word w = next_word(&x); w.n; w = next_word(&x)) {
		double here = size_in(all, w), there = size_in(y, w);

		if (here <= 0 || there <= 0)
			sum += missing;
		else if (both)
			sum += fabs(log2(here / there));
	}
	return sum;
}

static double types_apart(const char *x, const char *y)
{
	double sum = 0;

	for (;;) {
		struct word v = next_word(&x), w = next_word(&y);

		if (!v.n && !w.n)
			return sum;
		if (v.n != w.n || strncmp(v.p, w.p, v.n))
			sum += other_type;
	}
}

static double apart(const struct record_key *x, const struct record_key *y)
{
	double d = shapes_apart(x->shape, y->shape, true) +
		shapes_apart(y->shape, x->shape, false) +
		types_apart(x->types, y->types);

	if (strcmp(x->target, y->target))
		d += other_target;
	else if (strcmp(x->gpu, y->gpu))
		d += other_gpu;
	if (x->share > 0 && y->share > 0)
		d += halving * fabs(log2((double)x->share / y->share));
	return d;
}

/* ---- records ---- */

static bool same_problem(const struct record_key *x,
	const struct record_key *y)
{
	return x->hash == y->hash && x->group == y->group &&
		x->share == y->share && !strcmp(x->kernel, y->kernel) &&
		!strcmp(x->target, y->target) && !strcmp(x->gpu, y->gpu);
}

typedef VEC(struct db_near) near_list;

/* Records "v" of one problem. */
static void add_problem(struct arena *a, const struct record_key *key,
	struct db_record *v, int n, near_list *out)
{
	double d = apart(key, &v[0].r.key), best = 0;

	n = db_count(v, n);
	for (int i = 0; i < n; i++) {
		if (v[i].r.verdict != V_MEASURED || !(v[i].r.seconds > 0))
			continue;
		best = best > 0 ? best : v[i].r.seconds;
		vec_push(a, out, (struct db_near){ v[i],
			d + slower * log2(v[i].r.seconds / best) });
	}
}

static int by_problem(const void *v, const void *w)
{
	const struct record_key *x = &((const struct db_record *)v)->r.key;
	const struct record_key *y = &((const struct db_record *)w)->r.key;
	int c = (x->hash > y->hash) - (x->hash < y->hash);

	if (!c)
		c = strcmp(x->target, y->target);
	if (!c)
		c = strcmp(x->gpu, y->gpu);
	return c ? c : x->share - y->share;
}

static bool same_point(const struct record *x, const struct record *y)
{
	if (strcmp(x->key.sketch, y->key.sketch) || x->n != y->n)
		return false;
	for (int i = 0; i < x->n; i++)
		if (strcmp(x->names[i], y->names[i]) ||
		    strcmp(x->values[i], y->values[i]))
			return false;
	return true;
}

/* Equal distances keep the order of what they say. */
static int by_distance(const void *v, const void *w)
{
	const struct db_near *x = v, *y = w;
	int c = (x->distance > y->distance) - (x->distance < y->distance);

	if (!c)
		c = (x->record.r.seconds > y->record.r.seconds) -
			(x->record.r.seconds < y->record.r.seconds);
	if (!c)
		c = x->record.layer - y->record.layer;
	return c ? c : (x->record.id > y->record.id) -
		(x->record.id < y->record.id);
}

static int take_distinct(struct db_near *v, int n, int want)
{
	int taken = 0;

	for (int i = 0; i < n && taken < want; i++) {
		bool known = false;

		for (int k = 0; k < taken; k++)
			known |= same_point(&v[k].record.r, &v[i].record.r);
		if (!known)
			v[taken++] = v[i];
	}
	return taken;
}

struct db_near *db_nearest(struct db *db, struct arena *a,
	const struct record_key *key, int want, int *n)
{
	struct db_query q = { .family = key->family, .kernel = key->kernel,
		.sketch = key->sketch, .how = key->how, .grouped = true,
		.group = key->group };
	near_list out = {0};
	int m;
	struct db_record *v = db_find(db, a, &q, &m);

	if (!v)
		return NULL;
	if (m)
		qsort(v, (size_t)m, sizeof *v, by_problem);
	for (int i = 0, k; i < m; i = k) {
		for (k = i + 1; k < m && !by_problem(&v[i], &v[k]); )
			k++;
		if (!same_problem(&v[i].r.key, key))
			add_problem(a, key, v + i, k - i, &out);
	}
	if (out.n)
		qsort(out.v, (size_t)out.n, sizeof *out.v, by_distance);
	*n = take_distinct(out.v, out.n, want);
	return out.v ? out.v : ARENA_NEW(a, struct db_near);
}
