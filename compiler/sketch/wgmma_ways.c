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

/* "what" needs bulk copies, and there are others; "instead" of it. */
static const char *wants_bulk(const struct wgmma *f, struct arena *a,
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

/* Patches are copied by bulk and multiplied from where they lie. */
static const char *check_halo(const struct wgmma *f, struct arena *a,
	const int *v, const struct wgmma_plan *p)
{
	const struct operand *op = &f->of.left;
	const char *why = halo_never(a, f->left[p->of.order]);

	if (v[WGMMA_HALO] <= HALO_OFF)
		return NULL;
	if (why)
		return arena_printf(a, "a halo is that of patches of an image, "
			"and '%s' %s: stage(%s, halo = off)", op->tensor->name,
			why, op->tensor->name);
	if (!p->of.bulk)
		return wants_bulk(f, a, p, "an image's patches are copied with "
			"their halo", "halo = off");
	if (p->registers)
		return "rows of a tile with a halo are multiplied from where they "
			"lie: from = shared, or halo = off";
	if (p->promote)
		return "short sums are promoted between chunks of few steps, and "
			"those of a halo have all rows of the windows: promote = "
			"fast, or halo = off";
	return p->of.cluster > 1 && !p->of.along_m ? "blocks of a cluster "
		"that have the same rows copy a part of them each, and a halo "
		"has none: a cluster along the rows, or halo = off" : NULL;
}

const char *wgmma_ways(const struct wgmma *f, struct arena *a, const int *values,
	const struct wgmma_plan *p)
{
	const char *why = check_halo(f, a, values, p);

	if (why)
		return why;
	if (p->promote && p->of.streams)
		return promote_streams(a, values[WGMMA_PROMOTE]);
	if (p->of.streams && p->of.crews > 1)
		return "two crews have whole tiles by turns, and no chunks of "
			"them to share out: persistent = on, or combine = "
			"workspace";
	if (p->of.bulk)
		return check_bulk(f, a, p);
	if (p->persistent)
		return wants_bulk(f, a, p, "blocks are persistent where one warp "
			"copies ahead", "persistent = off");
	return p->of.cluster == 1 ? NULL : wants_bulk(f, a, p, "blocks of a "
		"cluster copy for each other", "no cluster");
}
