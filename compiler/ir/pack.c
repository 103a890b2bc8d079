/* SPDX-License-Identifier: MIT */
/* Packing. In comes a hoisted operator, out goes one that means the same in
 * which factors of contractions that cannot be copied in vectors, such as images
 * of three channels or rows of odd length, are written first, as lets that can.
 * The innermost axes of the reduction, one or more, become one: along it a let is
 * contiguous, and as many zeros follow as make its length a multiple of what is
 * asked for. So a row of a filter, taps by channels, is one run, for which
 * elements that neighbouring windows share are written several times; along the
 * channels alone nothing is. */
#include <string.h>

#include "ir/pack.h"

static struct ir_expr *number(const struct run *r, int64_t v)
{
	return ir_int(r->a, v, T_I64);
}

/* A let under construction: its dimensions, an axis of its statement for each,
 * and the index at which the sum reads it. "with" has the axes of the sum in
 * terms of its own. */
struct copy {
	int64_t dims[IR_RANK + 1];
	int axes[IR_RANK + 1];
	struct ir_expr *at[IR_RANK + 1], **with;
	int rank;
};

static struct ir_expr *add_dim(struct run *r, struct copy *x, const char *name,
	int64_t extent, struct ir_expr *at)
{
	struct ir_axis axis = { .name = name, .extent = extent,
		.stmt = r->h->stmts.n };

	x->dims[x->rank] = extent;
	x->at[x->rank] = at;
	x->axes[x->rank] = ir_add_axis(r->a, r->o, axis);
	return ir_axis_value(r->a, x->axes[x->rank++]);
}

/* Axes that dimension "f" of the factor goes along beside the packed ones become
 * dimensions of the let, but for those that stand still. */
static void add_others(struct run *r, struct copy *x, const struct ir_affine *f)
{
	for (int i = 0; i < r->axis; i++) {
		const struct ir_axis *axis = &r->o->axes[i];

		if (!f->coef[i] || pack_holds(r, i) || x->with[i])
			continue;
		x->with[i] = axis->extent == 1 && !axis->open ? number(r, axis->lo) :
			add_dim(r, x, axis->name, axis->extent,
				ir_axis_value(r->a, i));
	}
}

/* The packed axes in terms of the one that they have become. */
static void take_apart(struct run *r, struct copy *x, struct ir_expr *at)
{
	for (int i = r->n - 1; i >= 0; i--) {
		struct ir_expr *extent = number(r,
			r->o->axes[r->of[i]].extent);

		x->with[r->of[i]] = i ? ir_apply(r->a, OP_MOD, T_I64, 2, at,
			extent) : at;
		at = ir_apply(r->a, OP_DIV, T_I64, 2, at, extent);
	}
}

static const char *axis_name(struct run *r, const struct ir_expr *index, int d)
{
	return index->kind == IR_AXIS ? r->o->axes[index->axis].name :
		arena_printf(r->a, "at%d", d);
}

/* Dimensions that no packed axis goes along stay as they are. */
static void add_dims(struct run *r, struct copy *x, const struct ir_expr *read,
	struct ir_expr **args)
{
	const struct ir_tensor *t = &r->o->tensors[read->tensor];
	struct ir_affine f;

	for (int d = 0; d < read->n_args; d++)
		if (pack_index(r, read, d, &f) && !pack_goes_along(&f, r->of, r->n))
			args[d] = add_dim(r, x, axis_name(r, read->args[d], d),
				t->dims[d], read->args[d]);
	for (int d = 0; d < read->n_args; d++)
		if (!args[d] && pack_index(r, read, d, &f))
			add_others(r, x, &f);
	take_apart(r, x, add_dim(r, x, r->name, r->extent,
		ir_axis_value(r->a, r->axis)));
	for (int d = 0; d < read->n_args; d++)
		if (!args[d])
			args[d] = ir_substitute(r->a, read->args[d], x->with);
}

/* The factor at the let's axes: 0 beyond the end of those packed, whatever the
 * tensor has there. */
static struct ir_expr *value(struct run *r, const struct copy *x,
	const struct ir_expr *read, struct ir_expr **args)
{
	struct ir_tensor *t = &r->o->tensors[read->tensor];
	struct ir_expr *e = ir_read_tensor(r->a, t, args), *zero;
	struct ir_expr *at = ir_axis_value(r->a, x->axes[x->rank - 1]);
	bool grows = r->extent > r->have;

	e->pad = grows ? IR_PAD_VALUE : read->pad;
	if (!grows || pack_ends_in_zeros(r, read))
		return ir_fold_expr(r->a, r->o, e);
	zero = dtype_is_float(t->type) ? ir_float(r->a, 0, t->type) :
		ir_int(r->a, 0, t->type);
	e = ir_apply(r->a, OP_SELECT, t->type, 3, ir_apply(r->a, OP_LT, T_BOOL,
		2, at, number(r, r->have)), e, zero);
	return ir_fold_expr(r->a, r->o, e);
}

static bool is_taken(const struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (!strcmp(o->tensors[i].name, name))
			return true;
	return false;
}

static const char *let_name(const struct run *r, const struct ir_packing *p)
{
	const char *name = arena_printf(r->a, "%s_%s%d", p->of, p->along, p->to);

	for (int i = 2; is_taken(r->o, name); i++)
		name = arena_printf(r->a, "%s_%s%d_%d", p->of, p->along, p->to,
			i);
	return name;
}

static int add_let(struct run *r, const struct copy *x,
	const struct ir_expr *read)
{
	const struct ir_tensor t = r->o->tensors[read->tensor];
	struct ir_packing *p = ARENA_NEW(r->a, struct ir_packing);
	int let;

	*p = (struct ir_packing){ t.name, r->name, r->to };
	let = ir_add_let(r->a, r->o, let_name(r, p), t.type, x->dims, x->rank);
	r->o->tensors[let].packing = p;
	r->o->tensors[let].constant = t.constant;
	return let;
}

/* Are dimensions beyond the packed ones read past their ends? */
static bool leaves(const struct run *r, struct ir_expr *e)
{
	bool below, above, any = false;

	e->pad = IR_PAD_VALUE;
	for (int d = 0; d < e->n_args; d++) {
		ir_leaves(r->o, e, d, &below, &above);
		any |= below || above;
	}
	return any;
}

/* The tensor of a statement before it that writes the same, or -1. */
static int same_let(const struct run *r, const struct ir_stmt *s)
{
	struct ir_expr **with = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1,
		struct ir_expr *);

	for (int i = 0; i < r->h->stmts.n; i++) {
		const struct ir_stmt *x = &r->h->stmts.v[i];
		bool same = r->o->tensors[x->tensor].packing &&
			x->n_axes == s->n_axes;

		for (int k = 0; k < s->n_axes && same; k++) {
			same = r->o->axes[x->axes[k]].extent ==
				r->o->axes[s->axes[k]].extent;
			with[x->axes[k]] = ir_axis_value(r->a, s->axes[k]);
		}
		if (same && ir_equal(ir_substitute(r->a, x->expr, with),
		    s->expr))
			return x->tensor;
	}
	return -1;
}

/* Writes the factor first; the read that the sum has in its place. */
static struct ir_expr *written(struct run *r, const struct ir_expr *read)
{
	struct ir_expr **args = ARENA_ARRAY(r->a, (size_t)read->n_args + 1,
		struct ir_expr *), *e;
	struct copy x = { .with = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1,
		struct ir_expr *) };
	struct ir_stmt s = { .at = read->at };

	add_dims(r, &x, read, args);
	s.n_axes = x.rank;
	s.axes = ARENA_ARRAY(r->a, (size_t)x.rank, int);
	memcpy(s.axes, x.axes, (size_t)x.rank * sizeof *s.axes);
	s.index = ir_axis_values(r->a, s.axes, x.rank);
	s.expr = value(r, &x, read, args);
	s.tensor = same_let(r, &s);
	if (s.tensor < 0) {
		s.tensor = add_let(r, &x, read);
		group_own_axes(r->o, &s, r->h->stmts.n);
		vec_push(r->a, &r->h->stmts, s);
	}
	e = ir_read_tensor(r->a, &r->o->tensors[s.tensor], x.at);
	if (!leaves(r, e))
		e->pad = IR_PAD_NONE;
	return e;
}

/* The factor as it lies, read along the new axis: zeros follow. */
static struct ir_expr *followed(struct run *r, const struct ir_expr *read)
{
	struct ir_expr **with = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1,
		struct ir_expr *), *e;

	with[r->of[0]] = ir_axis_value(r->a, r->axis);
	e = ir_substitute(r->a, read, with);
	if (r->extent > r->have)
		e->pad = IR_PAD_VALUE;
	return e;
}

/* ---- the sum ---- */

static struct ir_expr *replaced(struct run *r, struct ir_expr *e,
	struct ir_expr *left, struct ir_expr *right)
{
	struct ir_expr *c;

	if (e == r->c.left || e == r->c.right)
		return e == r->c.left ? left : right;
	c = ARENA_NEW(r->a, struct ir_expr);
	*c = *e;
	c->args = ARENA_ARRAY(r->a, (size_t)e->n_args + 1, struct ir_expr *);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = replaced(r, e->args[i], left, right);
	return c;
}

/* The reduction's axes with the new one in the place of the last packed. */
static void reduce_over(struct run *r, struct ir_expr *sum)
{
	const int *old = sum->red;
	int n = 0, last = 0;

	for (int i = 0; i < sum->n_red; i++)
		last = pack_holds(r, old[i]) ? i : last;
	sum->red = ARENA_ARRAY(r->a, (size_t)sum->n_red, int);
	for (int i = 0; i < sum->n_red; i++)
		if (i == last)
			sum->red[n++] = r->axis;
		else if (!pack_holds(r, old[i]))
			sum->red[n++] = old[i];
	sum->n_red = n;
}

static struct ir_expr *packed(struct run *r)
{
	struct ir_axis axis = { .name = r->name, .extent = r->extent,
		.reduced = true, .stmt = r->h->stmts.n };
	bool left = pack_writes(r, r->c.left), right = pack_writes(r, r->c.right);
	struct ir_expr *l, *e;

	r->axis = ir_add_axis(r->a, r->o, axis);
	l = (left ? written : followed)(r, r->c.left);
	e = replaced(r, r->c.stmt->expr, l, (right ? written : followed)(r,
		r->c.right));
	reduce_over(r, e);
	return e;
}

void group_pack(struct arena *a, struct ir_operator *o, const struct ir_cut *cut)
{
	struct hoist h = { .a = a, .o = o };

	for (int i = 0; i < o->n_stmts; i++) {
		struct run r = { .a = a, .o = o, .h = &h };
		struct ir_stmt *s = &o->stmts[i];

		hoist_begin(&h, s);
		if (pack_find(&r, cut, i))
			s->expr = packed(&r);
		hoist_end(&h, s);
	}
	o->stmts = h.stmts.v;
	o->n_stmts = h.stmts.n;
}
