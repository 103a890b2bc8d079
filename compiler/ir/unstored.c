/* SPDX-License-Identifier: MIT */
/* Products that need not be in memory. In comes a hoisted operator with a let that is a
 * product, read in many ways; out goes one that means the same in which reductions
 * along a dimension of it alone read it, and no two along different ones: maps between
 * are written out in what reduces them, few elements that others read, such as the
 * score of the right word or a diagonal, are computed where they are read, and for
 * reductions along another dimension there is another product. */
#include <string.h>

#include "ir/group.h"

/* What reads so many times fewer elements than the product has computes them anew. */
enum { FEWER = 64 };

struct unstored {
	struct arena *a;
	struct ir_operator *o;
	int tensor;
	bool *made;		/* by tensor: a let, a map of the product's */
	bool fails;
	struct group_along *out;
};

static const struct ir_stmt *writer(const struct unstored *u, int tensor)
{
	int w = group_writer(u->o, tensor);

	return w < 0 ? NULL : &u->o->stmts[w];
}

/* ---- an element, computed where it is read ---- */

/* May index "d" of the read be outside, such as one that is computed? */
static bool leaves(const struct ir_operator *o, const struct ir_expr *read, int d)
{
	int64_t lo, hi;

	return !ir_range(o, read->args[d], &lo, &hi) || lo < 0 ||
		hi >= o->tensors[read->tensor].dims[d];
}

struct ir_expr *group_padded(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e)
{
	struct ir_expr *c = ir_like(a, e);

	for (int i = 0; i < e->n_args; i++) {
		c->args[i] = group_padded(a, o, e->args[i]);
		if (e->kind == IR_READ && e->pad == IR_PAD_NONE &&
		    leaves(o, e, i)) {
			c->pad = IR_PAD_VALUE;
			c->f = 0;
		}
	}
	return c;
}

/* Is the element that is read there? */
static struct ir_expr *is_there(const struct unstored *u,
	const struct ir_expr *read)
{
	struct arena *a = u->a;
	struct ir_expr *all = NULL;

	for (int d = 0; d < read->n_args; d++) {
		struct ir_expr *x = read->args[d], *in = ir_apply(a, OP_AND,
			T_BOOL, 2, ir_apply(a, OP_LE, T_BOOL, 2, ir_int(a, 0,
			T_I64), x), ir_apply(a, OP_LT, T_BOOL, 2, x, ir_int(a,
			u->o->tensors[read->tensor].dims[d], T_I64)));

		if (leaves(u->o, read, d))
			all = all ? ir_apply(a, OP_AND, T_BOOL, 2, all, in) : in;
	}
	return all;
}

/* Axes of their own for what "e" reduces over, as "with" says from then on. */
static void own_reduced(struct unstored *u, const struct ir_expr *e,
	struct ir_expr **with)
{
	for (int i = 0; i < e->n_red; i++)
		with[e->red[i]] = ir_axis_value(u->a, ir_add_axis(u->a, u->o,
			u->o->axes[e->red[i]]));
}

/* What "w" writes where "read" reads it. */
static struct ir_expr *element(struct unstored *u, const struct ir_stmt *w,
	const struct ir_expr *read)
{
	struct ir_expr **with = ARENA_ARRAY(u->a, u->o->n_axes + 1,
		struct ir_expr *), *e, *there = is_there(u, read);

	if (!ir_stmt_plain(u->o, w) || read->pad == IR_PAD_EDGE ||
	    (read->pad == IR_PAD_VALUE && !there)) {
		u->fails = true;
		return (struct ir_expr *)read;
	}
	for (int d = 0; d < w->n_axes; d++)
		with[w->axes[d]] = read->args[d];
	own_reduced(u, w->expr, with);
	e = ir_substitute(u->a, w->expr, with);
	for (int i = 0; i < e->n_red; i++)
		e->red[i] = with[w->expr->red[i]]->axis;
	if (read->pad == IR_PAD_NONE)
		return e;
	return ir_apply(u->a, OP_SELECT, e->type, 3, there, group_padded(u->a, u->o, e),
		dtype_is_float(e->type) ? ir_float(u->a, read->f, e->type) :
		ir_int(u->a, (int64_t)read->f, e->type));
}

/* "e" with maps of the product written out, or else, "anew", its elements. */
static struct ir_expr *written(struct unstored *u, struct ir_expr *e, bool anew)
{
	struct ir_expr *c;

	if (e->kind == IR_READ && (anew ? e->tensor == u->tensor :
	    u->made[e->tensor])) {
		c = element(u, writer(u, e->tensor), e);
		return u->fails || anew ? c : written(u, c, anew);
	}
	c = ir_like(u->a, e);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = written(u, e->args[i], anew);
	return c;
}

/* ---- maps ---- */

static bool reads_made(const struct unstored *u, const struct ir_expr *e)
{
	bool reads = e->kind == IR_READ && (e->tensor == u->tensor ||
		u->made[e->tensor]);

	for (int i = 0; i < e->n_args && !reads; i++)
		reads = reads_made(u, e->args[i]);
	return reads;
}

/* Has the map an element for each of the product's? */
static bool is_made(const struct unstored *u, const struct ir_stmt *s)
{
	const struct ir_tensor *t = &u->o->tensors[s->tensor];

	return s->expr->kind != IR_REDUCE && t->role == IR_LET &&
		t->elements >= u->o->tensors[u->tensor].elements &&
		writer(u, s->tensor) && reads_made(u, s->expr);
}

/* Writes out what is made of the product elementwise, and drops it. */
static void write_maps(struct unstored *u)
{
	struct ir_operator *o = u->o;
	int n = 0;

	for (int i = 0; i < o->n_stmts; i++)
		u->made[o->stmts[i].tensor] |= is_made(u, &o->stmts[i]);
	for (int i = 0; i < o->n_stmts; i++)
		if (!u->made[o->stmts[i].tensor])
			o->stmts[i].expr = ir_fold_expr(u->a, o, written(u,
				o->stmts[i].expr, false));
	for (int i = 0; i < o->n_stmts; i++) {
		if (u->made[o->stmts[i].tensor])
			continue;
		group_own_axes(o, &o->stmts[i], n);
		o->stmts[n++] = o->stmts[i];
	}
	o->n_stmts = n;
}

/* ---- who reads the product ---- */

/* The dimension of it that the reduction goes along, all of it and no other, for each
 * row; -1: it does something else, or reads as much that was computed besides. */
static int along(const struct unstored *u, const struct ir_stmt *s)
{
	const struct ir_tensor *t = u->o->tensors;
	int *map = ARENA_ARRAY(u->a, u->o->n_axes + 1, int), dim = -1;
	const struct ir_stmt *w = writer(u, u->tensor);
	struct group_reads reads = {0};

	if (s->expr->kind != IR_REDUCE || s->expr->n_red != 1 ||
	    s->n_axes + 1 != w->n_axes || u->o->axes[s->expr->red[0]].open)
		return -1;
	group_collect(u->a, u->o, s->expr, &reads);
	for (int i = 0; i < reads.n; i++) {
		const struct ir_expr *r = reads.v[i];
		int d = 0;

		if (r->tensor != u->tensor && t[r->tensor].elements >=
		    t[u->tensor].elements)
			return -1;
		if (r->tensor != u->tensor)
			continue;
		if (r->pad != IR_PAD_NONE ||
		    !ir_correspond(u->a, u->o, w, r, map))
			return -1;
		while (d < r->n_args && !(r->args[d]->kind == IR_AXIS &&
		    r->args[d]->axis == s->expr->red[0]))
			d++;
		if (d == r->n_args || (dim >= 0 && dim != d))
			return -1;
		dim = d;
	}
	return dim;
}

static bool is_few(const struct unstored *u, const struct ir_stmt *s)
{
	double n = FEWER;

	for (int i = 0; i < s->n_axes; i++)
		n *= (double)u->o->axes[s->axes[i]].extent;
	for (int i = 0; i < s->expr->n_red; i++)
		n *= (double)u->o->axes[s->expr->red[i]].extent;
	return n <= (double)u->o->tensors[u->tensor].elements;
}

/* Few elements are computed where others than reductions along it read them. False:
 * they are many. */
static bool compute_few(struct unstored *u)
{
	struct ir_operator *o = u->o;
	bool any = false;

	for (int i = 0; i < o->n_stmts; i++) {
		struct ir_stmt *s = &o->stmts[i];

		if (!ir_reads(s->expr, u->tensor) || along(u, s) >= 0)
			continue;
		if (!is_few(u, s))
			return false;
		s->expr = ir_fold_expr(u->a, o, written(u, s->expr, true));
		any = true;
	}
	if (any)
		ir_hoist(u->a, o);
	return !u->fails;
}

/* ---- one product for each dimension ---- */

static const char *other_name(const struct unstored *u)
{
	const char *name;
	int n = 0, i = 0;

	do {
		name = arena_printf(u->a, "%s_other%d", u->o->tensors[
			u->tensor].name, n++);
		for (i = 0; i < u->o->n_tensors; i++)
			if (!strcmp(u->o->tensors[i].name, name))
				break;
	} while (i < u->o->n_tensors);
	return name;
}

/* The product once more, as another let; its statement stands behind it. */
static int another(struct unstored *u)
{
	struct ir_operator *o = u->o;
	struct ir_tensor of = o->tensors[u->tensor];
	int at = group_writer(o, u->tensor), id;
	struct ir_stmt *all = ARENA_ARRAY(u->a, o->n_stmts + 1, struct ir_stmt);
	struct ir_stmt s = o->stmts[at];
	struct ir_expr **with = ARENA_ARRAY(u->a, o->n_axes + 1,
		struct ir_expr *);

	id = ir_add_let(u->a, o, other_name(u), of.type, of.dims, of.rank);
	s.tensor = id;
	s.axes = ARENA_ARRAY(u->a, s.n_axes, int);
	for (int i = 0; i < s.n_axes; i++) {
		int axis = o->stmts[at].axes[i];

		s.axes[i] = ir_add_axis(u->a, o, o->axes[axis]);
		with[axis] = ir_axis_value(u->a, s.axes[i]);
	}
	own_reduced(u, s.expr, with);
	s.index = ARENA_ARRAY(u->a, of.rank, struct ir_expr *);
	for (int d = 0; d < of.rank; d++)
		s.index[d] = ir_substitute(u->a, o->stmts[at].index[d], with);
	s.expr = ir_substitute(u->a, s.expr, with);
	for (int i = 0; i < s.expr->n_red; i++)
		s.expr->red[i] = with[s.expr->red[i]]->axis;
	for (int i = 0; i <= o->n_stmts; i++) {
		all[i] = i <= at ? o->stmts[i] : i == at + 1 ? s :
			o->stmts[i - 1];
		group_own_axes(o, &all[i], i);
	}
	o->stmts = all;
	o->n_stmts++;
	return id;
}

static struct ir_expr *redirected(struct unstored *u, const struct ir_expr *e,
	int to)
{
	struct ir_expr *c = ir_like(u->a, e);

	for (int i = 0; i < e->n_args; i++)
		c->args[i] = redirected(u, e->args[i], to);
	if (e->kind == IR_READ && e->tensor == u->tensor)
		c->tensor = to;
	return c;
}

/* Reductions along dimension "dim" read a product of their own, but for the first
 * dimension. */
static void part_ways(struct unstored *u, int dim)
{
	struct group_along *out = u->out;
	int to = u->tensor;

	for (int i = 0; i < u->o->n_stmts; i++) {
		struct ir_stmt *s = &u->o->stmts[i];

		if (!ir_reads(s->expr, u->tensor) || along(u, s) != dim)
			continue;
		if (!out->n || out->v[out->n - 1].dim != dim) {
			if (out->n) {
				to = another(u);
				s = &u->o->stmts[++i];
			}
			out->v[out->n].tensor = to;
			out->v[out->n++].dim = dim;
		}
		if (to != u->tensor)
			s->expr = redirected(u, s->expr, to);
	}
}

bool group_unstored(struct arena *a, struct ir_operator *o, int tensor,
	struct group_along *out)
{
	struct unstored u = { .a = a, .o = o, .tensor = tensor, .out = out };

	out->n = 0;
	u.made = ARENA_ARRAY(a, o->n_tensors + 1, bool);
	if (o->tensors[tensor].role != IR_LET || group_writer(o, tensor) < 0)
		return false;
	write_maps(&u);
	if (u.fails || !compute_few(&u))
		return false;
	for (int d = 0; d < o->tensors[tensor].rank && d < GROUP_ALONG; d++)
		part_ways(&u, d);
	return out->n > 0;
}
