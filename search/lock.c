/* SPDX-License-Identifier: MIT */
/* The entries of a lock: sorted, one at a place, found, put and taken out. Their
 * text is lock_text.c's. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/lock_private.h"

/* ---- order ---- */

static int by_place(const struct lock_entry *x, const struct lock_entry *y)
{
	int c = strcmp(x->op, y->op);

	if (!c)
		c = strcmp(x->target, y->target);
	if (!c)
		c = strcmp(x->gpu, y->gpu);
	return c ? c : (x->share > y->share) - (x->share < y->share);
}

int lock_by_group(const struct lock_entry *x, const struct lock_entry *y)
{
	int c = by_place(x, y);

	return c ? c : (x->group > y->group) - (x->group < y->group);
}

static int by_group_v(const void *x, const void *y)
{
	return lock_by_group(x, y);
}

bool lock_same_place(const struct lock_entry *x, const struct lock_entry *y)
{
	return by_place(x, y) == 0;
}

static int by_name(const void *x, const void *y)
{
	const struct lock_pair *p = x, *q = y;

	return strcmp(p->name, q->name);
}

void lock_set_pairs(struct arena *a, struct lock_entry *e, struct lock_pair *v,
	int n)
{
	if (n)
		qsort(v, (size_t)n, sizeof *v, by_name);
	e->n = n;
	e->names = ARENA_ARRAY(a, n, const char *);
	e->values = ARENA_ARRAY(a, n, const char *);
	for (int i = 0; i < n; i++) {
		e->names[i] = v[i].name;
		e->values[i] = v[i].value;
	}
}

double lock_seconds(double seconds)
{
	char buf[32];

	snprintf(buf, sizeof buf, "%.3e", seconds);
	return strtod(buf, NULL);
}

/* ---- looking up, changing ---- */

const struct lock_entry *lock_find(const struct lock *l, uint64_t hash,
	const char *target, const char *gpu, int share, int group)
{
	const struct lock_entry *found = NULL;

	for (int i = 0; i < l->n; i++) {
		const struct lock_entry *e = &l->v[i];

		if (e->hash != hash || e->group != group
				|| e->share != share
				|| strcmp(e->target, target))
			continue;
		if (gpu && strcmp(e->gpu, gpu) == 0)
			return e;
		if (!gpu && found && strcmp(found->gpu, e->gpu))
			return NULL;
		if (!gpu && !found)
			found = e;
	}
	return found;
}

static struct lock_entry copy(struct arena *a, const struct lock_entry *e)
{
	struct lock_pair *v = ARENA_ARRAY(a, e->n, struct lock_pair);
	struct lock_entry c = *e;

	assert(isfinite(e->seconds) && e->seconds >= 0);
	c.op = arena_strdup(a, e->op);
	c.target = arena_strdup(a, e->target);
	c.gpu = arena_strdup(a, e->gpu);
	c.kernel = e->kernel ? arena_strdup(a, e->kernel) : NULL;
	c.sketch = arena_strdup(a, e->sketch);
	c.measured = arena_strdup(a, e->measured);
	c.verified = arena_strdup(a, e->verified);
	c.seconds = lock_seconds(e->seconds);
	for (int i = 0; i < e->n; i++)
		v[i] = (struct lock_pair){ arena_strdup(a, e->names[i]),
			arena_strdup(a, e->values[i]), 0 };
	lock_set_pairs(a, &c, v, e->n);
	return c;
}

void lock_trim(struct lock *l, const struct lock_entry *at, int groups)
{
	const struct lock_entry place = *at;	/* which may be of the lock */
	int n = 0;

	for (int i = 0; i < l->n; i++)
		if (l->v[i].group < groups || by_place(&l->v[i], &place))
			l->v[n++] = l->v[i];
	l->n = n;
}

void lock_put(struct arena *a, struct lock *l, const struct lock_entry *e)
{
	struct lock_entry c = copy(a, e), *v;

	for (int i = 0; i < l->n; i++)
		if (lock_by_group(&l->v[i], &c) == 0) {
			l->v[i] = c;
			return;
		}
	v = ARENA_ARRAY(a, l->n + 1, struct lock_entry);
	if (l->n)
		memcpy(v, l->v, (size_t)l->n * sizeof *v);
	v[l->n++] = c;
	qsort(v, (size_t)l->n, sizeof *v, by_group_v);
	l->v = v;
}
