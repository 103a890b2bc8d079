/* SPDX-License-Identifier: MIT */
/* Which record of a point counts. Records are never overwritten: a point that
 * was measured again has several, and what they say of it is decided here, in
 * one place, when they are read. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "search/db_private.h"

/* Does the verdict say what the candidate is, whenever it is asked? One that is
 * slow was given up early, and a time limit depends on the machine's load. */
static bool decides(const struct db_record *x)
{
	return x->r.verdict != V_SLOW && x->r.verdict != V_TIMEOUT;
}

/* A record made here says more than one that came, whatever its age; what was
 * seen here not to compute the right values says nothing. */
static int standing(const struct db_record *x)
{
	static const int ranks[N_DB_ORIGINS] = {
		[DB_OWN] = 2, [DB_PROVED] = 1, [DB_FOREIGN] = 0,
		[DB_REFUSED] = -1
	};

	return ranks[x->origin];
}

static int sign(double x, double y)
{
	return (x > y) - (x < y);
}

static int by_words(const char *const *x, int n, const char *const *y, int m)
{
	int c = 0;

	for (int i = 0; i < n && i < m && !c; i++)
		c = strcmp(x[i], y[i]);
	return c ? c : n - m;
}

static int by_point(const struct db_record *x, const struct db_record *y)
{
	int c = strcmp(x->r.key.sketch, y->r.key.sketch);

	if (!c)
		c = by_words(x->r.names, x->r.n, y->r.names, y->r.n);
	return c ? c : by_words(x->r.values, x->r.n, y->r.values, y->r.n);
}

/* Of one point, the one that counts first. */
static int by_weight(const struct db_record *x, const struct db_record *y)
{
	int c = standing(y) - standing(x);

	if (!c)
		c = (int)x->r.throttled - (int)y->r.throttled;
	if (!c)
		c = (int)decides(y) - (int)decides(x);
	if (!c)
		c = strcmp(y->r.date, x->r.date);
	if (!c)
		c = x->layer - y->layer;
	return c ? c : sign((double)y->id, (double)x->id);
}

static int by_point_weight(const void *v, const void *w)
{
	int c = by_point(v, w);

	return c ? c : by_weight(v, w);
}

static int by_time(const void *v, const void *w)
{
	const struct db_record *x = v, *y = w;
	int c = sign(x->r.seconds, y->r.seconds);

	return c ? c : by_point(x, y);
}

int db_count(struct db_record *v, int n)
{
	int count = 0;

	if (n)
		qsort(v, (size_t)n, sizeof *v, by_point_weight);
	for (int i = 0; i < n; i++)
		if (v[i].origin != DB_REFUSED &&
		    (!count || by_point(&v[count - 1], &v[i])))
			v[count++] = v[i];
	if (count)
		qsort(v, (size_t)count, sizeof *v, by_time);
	return count;
}

struct db_record *db_known(struct db *db, struct arena *a,
	const struct record_key *key, int *n)
{
	struct db_query q = db_of(key);
	struct db_record *v = db_find(db, a, &q, n);

	if (v)
		*n = db_count(v, *n);
	return v;
}
