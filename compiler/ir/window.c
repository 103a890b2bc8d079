/* SPDX-License-Identifier: MIT */
/* Windows of 3 x 3 that move by one: contractions in which two dimensions of
 * one factor, the image, go along an axis of the result plus one of the
 * reduction, each of three. In comes a statement of a folded and split
 * operator; out go the roles of its axes, or the sentence that says why it is
 * no such window and what would make it one. */
#include "ir/winograd.h"

struct looking {
	struct arena *a;
	const struct ir_operator *o;
	struct ir_window *w;
	const char *why;
	int n_dims;
};

static bool fail(struct looking *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct looking *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	x->why = arena_vprintf(x->a, fmt, ap);
	va_end(ap);
	return false;
}

/* The one axis of the list that the form goes along: -1 if none does, -2 if
 * several do. */
static int mover(const struct looking *x, const struct ir_affine *f,
	const int *axes, int n)
{
	int found = -1;

	for (int i = 0; i < n; i++)
		if (f->coef[axes[i]] && x->o->axes[axes[i]].extent > 1)
			found = found == -1 ? axes[i] : -2;
	return found;
}

static bool takes_dim(struct looking *x, const struct ir_affine *f, int dim,
	int along, int tap)
{
	struct ir_window *w = x->w;
	const struct ir_axis *r = tap < 0 ? NULL : &x->o->axes[tap];

	if (along == -2 || tap == -2)
		return fail(x, "dimension %d of the image moves by more than "
			"one axis of the window", dim + 1);
	if (r->extent != WINOGRAD_TAPS)
		return fail(x, "axis %s of its window has %lld values, wanted "
			"are windows of 3 x 3", r->name, (long long)r->extent);
	if (f->coef[along] != 1)
		return fail(x, "its window moves by %lld along %s, wanted are "
			"steps of 1", (long long)f->coef[along],
			x->o->axes[along].name);
	if (f->coef[tap] != 1)
		return fail(x, "the elements of its window lie %lld apart along "
			"%s, wanted is 1: no dilation, not backwards",
			(long long)f->coef[tap], r->name);
	if (x->n_dims == 2)
		return fail(x, "its window moves along more than two axes");
	w->along[x->n_dims] = along;
	w->taps[x->n_dims] = tap;
	w->dims[x->n_dims] = dim;
	w->first[x->n_dims++] = f->c;
	return true;
}

/* Dimensions in which no window moves are never padded. */
static bool stays_inside(struct looking *x, const struct ir_expr *read, int dim)
{
	const struct ir_tensor *t = &x->o->tensors[read->tensor];
	int64_t lo, hi;

	if (ir_range(x->o, read->args[dim], &lo, &hi) && lo >= 0 &&
	    hi < t->dims[dim])
		return true;
	return fail(x, "%s is padded in dimension %d, in which no window moves",
		t->name, dim + 1);
}

/* Finds the dimensions of "read" that move; false where one is not as wanted,
 * or none does (and then "why" is NULL). */
static bool moves(struct looking *x, const struct ir_expr *read)
{
	const struct ir_contraction *c = &x->w->c;
	struct ir_affine f;

	x->n_dims = 0;
	for (int d = 0; d < read->n_args; d++) {
		int along, tap;

		if (!ir_affine(x->a, x->o, read->args[d], &f))
			return fail(x, "an index of it is not affine");
		along = mover(x, &f, c->stmt->axes, c->stmt->n_axes);
		tap = mover(x, &f, c->k, c->n_k);
		if (along == -1 || tap == -1) {
			if (!stays_inside(x, read, d))
				return false;
		} else if (!takes_dim(x, &f, d, along, tap)) {
			return false;
		}
	}
	return x->n_dims > 0;
}

static bool choose_image(struct looking *x)
{
	struct ir_window *w = x->w;
	struct ir_contraction *c = &w->c;

	w->image_left = moves(x, c->left);
	if (x->why || (!w->image_left && !moves(x, c->right)))
		return x->why ? false : fail(x,
			"no window moves over one of its factors");
	w->image = w->image_left ? c->left : c->right;
	w->weights = w->image_left ? c->right : c->left;
	w->image_addr = w->image_left ? &c->left_addr : &c->right_addr;
	w->weights_addr = w->image_left ? &c->right_addr : &c->left_addr;
	if (x->n_dims < 2)
		return fail(x, "its window moves along one axis, wanted are "
			"windows of 3 x 3");
	return true;
}

/* Does the image go along axis "axis" in another dimension than "but"? */
static bool occurs_beside(struct looking *x, int axis, int but)
{
	struct ir_affine f;

	for (int d = 0; d < x->w->image->n_args; d++)
		if (d != but && ir_affine(x->a, x->o, x->w->image->args[d],
		    &f) && f.coef[axis])
			return true;
	return false;
}

static int *without(struct looking *x, const int *axes, int n, const int *two,
	int *n_left)
{
	int *v = ARENA_ARRAY(x->a, (size_t)n + 1, int);

	*n_left = 0;
	for (int i = 0; i < n; i++)
		if (axes[i] != two[0] && axes[i] != two[1])
			v[(*n_left)++] = axes[i];
	return v;
}

static bool one_group(struct looking *x)
{
	const struct ir_contraction *c = &x->w->c;

	for (int i = 0; i < c->n_batch; i++)
		if (x->o->axes[c->batch[i]].extent > 1)
			return fail(x, "axis %s occurs in both factors and the "
				"result, wanted is one group",
				x->o->axes[c->batch[i]].name);
	return true;
}

static bool roles(struct looking *x)
{
	struct ir_window *w = x->w;
	struct ir_contraction *c = &w->c;

	for (int i = 0; i < 2; i++)
		if (occurs_beside(x, w->along[i], w->dims[i]) ||
		    occurs_beside(x, w->taps[i], w->dims[i]))
			return fail(x, "the window moves in two dimensions of "
				"the image at once");
	for (int d = 0; d < w->weights->n_args; d++)
		if (!stays_inside(x, w->weights, d))
			return false;
	w->outer = without(x, w->image_left ? c->m : c->n, w->image_left ?
		c->n_m : c->n_n, w->along, &w->n_outer);
	w->filters = w->image_left ? c->n : c->m;
	w->n_filters = w->image_left ? c->n_n : c->n_m;
	w->channels = without(x, c->k, c->n_k, w->taps, &w->n_channels);
	return true;
}

/* Floats that are multiplied and added in f32. */
static bool types(struct looking *x)
{
	const struct ir_window *w = x->w;
	enum dtype image = x->o->tensors[w->image->tensor].type;
	enum dtype weights = x->o->tensors[w->weights->tensor].type;

	if (w->c.pair)
		return fail(x, "what is summed is no product of two tensors");
	if (w->c.left_choices.n || w->c.right_choices.n)
		return fail(x, "an index of it is not affine");
	if (w->c.left_value != w->c.left || w->c.right_value != w->c.right)
		return fail(x, "a factor of it is computed as it is loaded");
	if (!dtype_is_float(image) || !dtype_is_float(weights) ||
	    w->c.product != T_F32 || w->c.acc != T_F32)
		return fail(x, "it multiplies %s by %s and adds in %s, wanted "
			"are floats, multiplied and added in f32",
			dtype_row(image)->name, dtype_row(weights)->name,
			dtype_row(w->c.acc)->name);
	return true;
}

bool ir_window(struct arena *a, const struct ir_operator *o, int stmt,
	struct ir_window *out, const char **why)
{
	struct looking x = { .a = a, .o = o, .w = out };

	*out = (struct ir_window){ .n_outer = 0 };
	if (ir_contraction(a, o, stmt, &out->c, why)) {
		if (one_group(&x) && choose_image(&x) && roles(&x) &&
		    types(&x))
			return true;
		*why = x.why;
	}
	return false;
}
