/* SPDX-License-Identifier: MIT */
/* Which axes of a reader stand for which of a writer. In come the statement
 * that writes a tensor and a read of it, out goes the pairing of their axes if
 * the read is elementwise: dimension by dimension, the same coefficients on
 * axes of the same extents. */
#include "ir/group.h"

/* "axis" takes part in a correspondence. */
static bool counts(const struct ir_axis *x)
{
	return x->extent != 1;
}

static int nonzero(const struct ir_operator *o, const struct ir_affine *f)
{
	int n = 0;

	for (int i = 0; i < o->n_axes; i++)
		n += f->coef[i] && counts(&o->axes[i]);
	return n;
}

/* The constant with axes of extent 1 in it. */
static int64_t constant(const struct ir_operator *o, const struct ir_affine *f)
{
	int64_t c = f->c;

	for (int i = 0; i < o->n_axes; i++)
		if (!counts(&o->axes[i]))
			c += f->coef[i] * o->axes[i].lo;
	return c;
}

static bool taken(const struct ir_operator *o, const int *map, int axis)
{
	for (int i = 0; i < o->n_axes; i++)
		if (map[i] == axis)
			return true;
	return false;
}

/* The axis of "r" that stands for "x", whose coefficient is "coef". */
static int partner(const struct ir_operator *o, const struct ir_affine *r,
	const struct ir_axis *x, int64_t coef, const int *map)
{
	for (int i = 0; i < o->n_axes; i++)
		if (r->coef[i] == coef && o->axes[i].extent == x->extent &&
				o->axes[i].lo == x->lo && !taken(o, map, i))
			return i;
	return -1;
}

static bool pair_dim(const struct ir_operator *o, const struct ir_affine *w,
	const struct ir_affine *r, int *map)
{
	if (constant(o, w) != constant(o, r) || nonzero(o, w) != nonzero(o, r))
		return false;
	for (int i = 0; i < o->n_axes; i++) {
		if (!w->coef[i] || !counts(&o->axes[i]))
			continue;
		map[i] = partner(o, r, &o->axes[i], w->coef[i], map);
		if (map[i] < 0)
			return false;
	}
	return true;
}

bool ir_correspond(struct arena *a, const struct ir_operator *o,
	const struct ir_stmt *w, const struct ir_expr *read, int *map)
{
	struct ir_affine x, y;

	for (int i = 0; i < o->n_axes; i++)
		map[i] = -1;
	for (int k = 0; k < read->n_args; k++)
		if (!ir_affine(a, o, w->index[k], &x) ||
				!ir_affine(a, o, read->args[k], &y) ||
				!pair_dim(o, &x, &y, map))
			return false;
	return true;
}

int group_writer(const struct ir_operator *o, int tensor)
{
	int w = -1;

	for (int i = 0; i < o->n_stmts; i++) {
		if (o->stmts[i].tensor != tensor)
			continue;
		if (w >= 0)
			return -1;
		w = i;
	}
	return w;
}

void group_collect(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e, struct group_reads *out)
{
	if (e->kind == IR_READ && o->tensors[e->tensor].role != IR_IN)
		vec_push(a, out, e);
	for (int i = 0; i < e->n_args; i++)
		group_collect(a, o, e->args[i], out);
}

struct owner {
	struct ir_operator *o;
	int stmt;
};

static void own_reduced(struct ir_expr *e, void *ctx)
{
	struct owner *w = ctx;

	for (int i = 0; i < e->n_red; i++)
		w->o->axes[e->red[i]].stmt = w->stmt;
}

void group_own_axes(struct ir_operator *o, const struct ir_stmt *s, int stmt)
{
	struct owner w = { o, stmt };

	for (int i = 0; i < s->n_axes; i++)
		o->axes[s->axes[i]].stmt = stmt;
	ir_walk(s->expr, own_reduced, &w);
}
