/* SPDX-License-Identifier: MIT */
/* Dimensions of libraries over axes of operators. A library's tensor has a
 * stride a dimension; an operator's may be split into axes, or have several in
 * place of one. They agree where the axes' strides are one stride times their
 * weights. */
#include "sketch/library.h"

#include <stdlib.h>

void axes_add(const struct library_group *g, struct dim_axes *l, int axis)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i] == axis)
			return;
	if (g->t->op->axes[axis].extent != 1 && l->n < COORDINATE_AXES)
		l->v[l->n++] = axis;
}

void axes_sort(struct dim_axes *l, const struct ir_affine *by)
{
	for (int i = 1; i < l->n; i++)
		for (int j = i; j > 0 && llabs(by->coef[l->v[j]]) >
		     llabs(by->coef[l->v[j - 1]]); j--) {
			int x = l->v[j];

			l->v[j] = l->v[j - 1];
			l->v[j - 1] = x;
		}
}

static void put_inside(const struct library_group *g, struct coordinate *c,
	const struct dim_axes *l)
{
	for (int i = l ? l->n - 1 : -1; i >= 0; i--) {
		c->weight[l->v[i]] = c->extent;
		c->extent *= g->t->op->axes[l->v[i]].extent;
	}
}

struct coordinate coordinate_of(const struct library_group *g,
	const struct dim_axes *outer, const struct dim_axes *inner)
{
	struct coordinate c = { 1, ARENA_ARRAY(g->t->a, g->t->op->n_axes,
		int64_t) };

	put_inside(g, &c, inner);
	put_inside(g, &c, outer);
	return c;
}

struct coordinate coordinate_form(const struct library_group *g,
	const struct ir_affine *f, int64_t extent)
{
	struct coordinate c = { extent, ARENA_ARRAY(g->t->a,
		g->t->op->n_axes, int64_t) };

	for (int i = 0; i < g->t->op->n_axes; i++)
		if (g->t->op->axes[i].extent != 1)
			c.weight[i] = f->coef[i];
	return c;
}

bool coordinate_stride(const struct library_group *g,
	const struct coordinate *c, const struct ir_affine *address,
	int64_t *stride)
{
	bool known = false;

	*stride = 0;
	for (int i = 0; i < g->t->op->n_axes; i++) {
		if (!c->weight[i])
			continue;
		if (!known)
			*stride = address->coef[i] / c->weight[i];
		known = true;
		if (address->coef[i] != *stride * c->weight[i])
			return false;
	}
	return *stride >= 0;
}

bool coordinate_strides(const struct library_group *g,
	const struct coordinate *c, int n, const struct ir_affine *address,
	int64_t *strides)
{
	for (int i = 0; i < g->t->op->n_axes; i++) {
		bool found = !address->coef[i] ||
			g->t->op->axes[i].extent == 1;

		for (int k = 0; k < n; k++)
			found |= c[k].weight[i] != 0;
		if (!found)
			return false;
	}
	for (int k = 0; k < n; k++)
		if (!coordinate_stride(g, &c[k], address, &strides[k]))
			return false;
	return address->c == 0;
}

bool library_inside(const struct library_group *g, const struct ir_expr *read,
	uint64_t but)
{
	const struct ir_tensor *t = &g->t->op->tensors[read->tensor];

	for (int d = 0; d < read->n_args; d++) {
		int64_t lo, hi;

		if (but >> d & 1)
			continue;
		if (!ir_range(g->t->op, read->args[d], &lo, &hi) || lo < 0 ||
		    hi >= t->dims[d])
			return false;
	}
	return true;
}
