/* SPDX-License-Identifier: MIT */
/* Which ways of a wgmma kernel go together, whatever its tiles are: who copies, whether
 * blocks are persistent, share out chunks or make clusters. Asked before any number,
 * so that what forbids all of them is what is told. */
#include "sketch/wgmma.h"
#include "sketch/promotion.h"

const struct image *wgmma_image(const struct wgmma *f,
	const struct wgmma_plan *p, bool right)
{
	const struct image *const *of = right ? f->right : f->left;
	const struct raw *raw = right ? &f->raw_right : &f->raw_left;

	return (p->registers && right == p->swap ? raw->images :
		of)[p->of.order];
}

/* What is copied of a factor, as far as tiles do not matter. */
static struct stage copied(const struct wgmma *f, const struct wgmma_plan *p,
	bool right)
{
	const struct raw *raw = right ? &f->raw_right : &f->raw_left;
	struct stage s = { .op = p->registers && right == p->swap ? &raw->of :
		right ? &f->of.right : &f->of.left,
		.image = wgmma_image(f, p, right) };

	s.order = &s.op->orders[p->of.order];
	s.halo.high = p->halo && !right;	/* no size yet */
	return s;
}

/* Would registers take the factor as it lies, and a bulk copy the other? */
static bool helps_register(const struct wgmma *f, const struct wgmma_plan *p,
	bool right)
{
	struct wgmma_plan rows = *p;
	struct stage s, other;

	rows.registers = true;
	rows.swap = right;
	s = copied(f, &rows, right);
	other = copied(f, &rows, !right);
	return f->open.v[WGMMA_FROM].n > 1 && !bulk_never(&s) &&
		!bulk_never(&other);
}

/* The factor of which no map describes what is copied, whatever the tiles are, and
 * why; -1: there is none. */
static int not_by_bulk(const struct wgmma *f, const struct wgmma_plan *p,
	struct stage *s, const char **why)
{
	for (int right = 0; right < 2; right++) {
		*s = copied(f, p, right);
		*why = bulk_never(s);
		if (*why)
			return right;
	}
	return -1;
}

static const char *check_bulk(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p)
{
	const char *why;
	struct stage s;
	int right = not_by_bulk(f, p, &s, &why);

	return right < 0 ? NULL : tiled_no_bulk(a, &s, why, helps_register(f, p,
		right) ? arena_printf(a, ", or mma(STATEMENT, from = register, "
		"swap = %s)", right ? "on" : "off") : "");
}

const char *wgmma_wants_bulk(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p, const char *what, const char *instead)
{
	const char *why;
	struct stage s;

	if (not_by_bulk(f, p, &s, &why) < 0)
		return arena_printf(a, "%s: pipeline(.., async = bulk), or %s",
			what, instead);
	return arena_printf(a, "%s, which is by bulk, and '%s' %s: %s", what,
		s.op->tensor->name, why, instead);
}

const char *wgmma_ways(const struct wgmma *f, struct arena *a, const int *values,
	const struct wgmma_plan *p)
{
	const char *why = wgmma_halo_refuse(f, a, p);

	if (why)
		return why;
	if (p->promote && p->of.streams)
		return promote_streams(a, &f->of, values[WGMMA_PROMOTE]);
	if (p->of.streams && p->of.crews > 1)
		return "two crews have whole tiles by turns, and no chunks of "
			"them to share out: persistent = on, or combine = "
			"workspace";
	if (p->of.bulk)
		return check_bulk(f, a, p);
	if (p->persistent)
		return wgmma_wants_bulk(f, a, p, "blocks are persistent where "
			"one warp copies ahead", "persistent = off");
	return p->of.cluster == 1 ? NULL : wgmma_wants_bulk(f, a, p, "blocks of "
		"a cluster copy for each other", "no cluster");
}
