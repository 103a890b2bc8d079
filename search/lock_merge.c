/* SPDX-License-Identifier: MIT */
/* Two locks with a common ancestor become one, as branches of a source meet. A
 * text merge cannot do it: stanzas of sister GPUs have most lines in common,
 * and are taken for one. What is merged is the stanzas of one operator, target,
 * GPU and share of it together, since its groups are one way to cut it. Where
 * one branch left them as they were, the other's count; where both changed
 * them, those that were measured before those that were predicted, and these
 * before those that were emulated, then the faster, then ours; for different
 * operators (hashes) ours, since which of them the merged source has is not to
 * be known here. */
#include <string.h>

#include "search/search.h"

/* Entries [from, to) of a lock, of one place; empty: it has none. */
struct stanzas {
	const struct lock_entry *v;
	int n;
};

/* Those at the place of "at", which stand together. */
static struct stanzas find(const struct lock *l, const struct lock_entry *at)
{
	struct stanzas s = {0};

	for (int i = 0; i < l->n; i++)
		if (lock_same_place(&l->v[i], at)) {
			s.v = s.n ? s.v : &l->v[i];
			s.n++;
		}
	return s;
}

static bool same_text(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool same_entry(const struct lock_entry *x, const struct lock_entry *y)
{
	if (x->hash != y->hash || x->group != y->group || x->n != y->n ||
	    x->seconds != y->seconds || strcmp(x->sketch, y->sketch) ||
	    !same_text(x->kernel, y->kernel) ||
	    strcmp(x->measured, y->measured) ||
	    strcmp(x->verified, y->verified))
		return false;
	for (int i = 0; i < x->n; i++)
		if (strcmp(x->names[i], y->names[i]) ||
		    strcmp(x->values[i], y->values[i]))
			return false;
	return true;
}

static bool same(struct stanzas x, struct stanzas y)
{
	for (int i = 0; i < x.n && i < y.n; i++)
		if (!same_entry(&x.v[i], &y.v[i]))
			return false;
	return x.n == y.n;
}

/* Costs of different kinds do not compare; what an emulator takes says the least
 * of a GPU. Of several the weakest counts. */
static int worth(struct stanzas s)
{
	int least = 2;

	for (int i = 0; i < s.n; i++) {
		int here = !strcmp(s.v[i].measured, "gpu") ? 2 :
			!strcmp(s.v[i].measured, "model");

		if (here < least)
			least = here;
	}
	return least;
}

static double seconds(struct stanzas s)
{
	double sum = 0;

	for (int i = 0; i < s.n; i++)
		sum += s.v[i].seconds;
	return sum;
}

static bool is_better(struct stanzas theirs, struct stanzas ours)
{
	if (!ours.n || !theirs.n)
		return theirs.n;
	if (ours.v[0].hash != theirs.v[0].hash)
		return false;
	if (worth(ours) != worth(theirs))
		return worth(theirs) > worth(ours);
	return seconds(theirs) < seconds(ours);
}

static struct stanzas choose(struct stanzas base, struct stanzas ours,
	struct stanzas theirs)
{
	if (same(theirs, base) || same(ours, theirs))
		return ours;
	if (same(ours, base))
		return theirs;
	return is_better(theirs, ours) ? theirs : ours;
}

static void add_places(struct arena *a, const struct lock *from,
	const struct lock *base, const struct lock *ours,
	const struct lock *theirs, struct lock *out)
{
	for (int i = 0; i < from->n; i++) {
		const struct lock_entry *at = &from->v[i];
		struct stanzas s = choose(find(base, at), find(ours, at),
			find(theirs, at));

		if (i && lock_same_place(at - 1, at))
			continue;
		for (int k = 0; k < s.n; k++)
			lock_put(a, out, &s.v[k]);
	}
}

struct lock *lock_merge(struct arena *a, const struct lock *base,
	const struct lock *ours, const struct lock *theirs)
{
	struct lock *out = ARENA_NEW(a, struct lock);

	add_places(a, ours, base, ours, theirs, out);
	add_places(a, theirs, base, ours, theirs, out);
	return out;
}
