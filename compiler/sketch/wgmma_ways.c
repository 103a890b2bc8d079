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

/* Do registers take the factor as it lies? */
static bool is_raw(const struct wgmma_plan *p, bool right)
{
	return p->registers && right == p->swap;
}

/* What is copied of a factor. */
static const struct operand *copied(const struct wgmma *f, bool right, bool raw)
{
	return raw ? right ? &f->raw_right.of : &f->raw_left.of :
		right ? &f->of.right : &f->of.left;
}

/* Why no map describes it, whatever the tiles are. */
static const char *never(const struct wgmma *f, bool right, bool raw, bool halo,
	int order)
{
	struct wgmma_plan p = { .registers = raw, .swap = right,
		.of.order = order };
	struct stage s = { .op = copied(f, right, raw),
		.image = wgmma_image(f, &p, right) };
	const char *why;

	s.order = &s.op->orders[order];
	s.halo.high = halo;	/* no size yet */
	why = bulk_never(&s);
	if (why || !right || raw || f->of.products == 1)
		return why;
	s.op = &f->of.twin;
	s.image = f->twin[order];
	s.order = &s.op->orders[order];
	return bulk_never(&s);
}

void wgmma_ways_find(struct wgmma *f)
{
	for (int i = 0; i < 8 * f->of.n_orders; i++) {
		bool right = i & 1, raw = i & 2, halo = i & 4;

		f->never[right][raw][halo][i / 8] = never(f, right, raw, halo,
			i / 8);
	}
}

/* NULL, or why none describes it in this plan. */
static const char *refused(const struct wgmma *f, const struct wgmma_plan *p,
	bool right)
{
	return f->never[right][is_raw(p, right)][p->halo && !right][
		p->of.order];
}

/* Would registers take the factor as it lies, and a bulk copy the other? */
static bool helps_register(const struct wgmma *f, const struct wgmma_plan *p,
	bool right)
{
	struct wgmma_plan rows = *p;

	rows.registers = true;
	rows.swap = right;
	return f->open.v[WGMMA_FROM].n > 1 && !refused(f, &rows, right) &&
		!refused(f, &rows, !right);
}

/* The factor of which no map describes what is copied, and why; -1: there is
 * none. */
static int not_by_bulk(const struct wgmma *f, const struct wgmma_plan *p,
	const char **why)
{
	for (int right = 0; right < 2; right++) {
		*why = refused(f, p, right);
		if (*why)
			return right;
	}
	return -1;
}

static const char *check_bulk(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p)
{
	const char *why;
	int right = not_by_bulk(f, p, &why);
	struct stage s;

	if (right < 0)
		return NULL;
	s.op = copied(f, right, is_raw(p, right));
	return tiled_no_bulk(a, &s, why, helps_register(f, p,
		right) ? arena_printf(a, ", or mma(STATEMENT, from = register, "
		"swap = %s)", right ? "on" : "off") : "");
}

const char *wgmma_wants_bulk(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p, const char *what, const char *instead)
{
	const char *why;
	int right = not_by_bulk(f, p, &why);

	if (right < 0)
		return arena_printf(a, "%s: pipeline(.., async = bulk), or %s",
			what, instead);
	return arena_printf(a, "%s, which is by bulk, and '%s' %s: %s", what,
		copied(f, right, is_raw(p, right))->tensor->name, why, instead);
}

const char *wgmma_ways(const struct wgmma *f, struct arena *a, const int *values,
	const struct wgmma_plan *p)
{
	const char *why = wgmma_halo_refuse(f, a, p);

	if (why)
		return why;
	if (p->registers && p->swap && f->of.products > 1)
		return "registers take rows of one product, and here are two: "
			"from = shared, or swap = off";
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
