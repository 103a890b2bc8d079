/* SPDX-License-Identifier: MIT */
/* Statistics in parts. In comes a hoisted operator in which reductions go along the
 * rows of a product, rows too long for a tile to hold, such as scores of a whole
 * vocabulary. Out goes one that means the same in which a row is cut into parts: a
 * statistic is one of each part, which a tile holds, and then of those, and nothing of
 * the product need be in memory. A sum of exp(v - m), where m is the greatest v, is
 * one of exp(v - p) where p is the part's greatest, and scaled by exp(p - m) when
 * parts meet (Milakov and Gimelshein, "Online normalizer calculation for softmax",
 * arXiv:1805.02867). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ir/group.h"
#include "ir/hoist.h"
#include "ir/split.h"

struct statistic {
	bool is;
	int greatest;		/* the statement of m, or -1 */
	const struct ir_expr *read;	/* its read of it */
	const struct ir_expr *part;	/* the read of the parts', once made */
};

struct partial {
	struct arena *a;
	struct ir_operator *o;
	struct statistic *of;	/* by statement */
	bool *late;		/* by tensor: made of statistics */
};

/* ---- what is made of statistics ---- */

static bool reads_late(const struct partial *p, const struct ir_expr *e)
{
	bool late = e->kind == IR_READ && p->late[e->tensor];

	for (int i = 0; i < e->n_args && !late; i++)
		late = reads_late(p, e->args[i]);
	return late;
}

static void find_late(struct partial *p)
{
	for (int i = 0; i < p->o->n_stmts; i++)
		if (p->of[i].is || reads_late(p, p->o->stmts[i].expr))
			p->late[p->o->stmts[i].tensor] = true;
}

/* By axis of "w": what stands for it where "read" reads what "w" wrote; NULL if that
 * is at other elements. */
static struct ir_expr **standing(const struct partial *p,
	const struct ir_stmt *w, const struct ir_expr *read)
{
	int n = p->o->n_axes, *map = ARENA_ARRAY(p->a, n + 1, int);
	struct ir_expr **with = ARENA_ARRAY(p->a, n + 1, struct ir_expr *);

	if (read->pad != IR_PAD_NONE ||
	    !ir_correspond(p->a, p->o, w, read, map))
		return NULL;
	for (int i = 0; i < w->n_axes; i++) {
		int axis = w->axes[i];

		with[axis] = map[axis] >= 0 ? ir_axis_value(p->a, map[axis]) :
			ir_int(p->a, p->o->axes[axis].lo, T_I64);
	}
	return with;
}

/* "e" with maps that are made of statistics written out. */
static struct ir_expr *expanded(const struct partial *p, struct ir_expr *e)
{
	int w = e->kind == IR_READ && p->late[e->tensor] ?
		group_writer(p->o, e->tensor) : -1;
	struct ir_expr *c, **with;

	if (w >= 0 && p->o->stmts[w].expr->kind != IR_REDUCE) {
		with = standing(p, &p->o->stmts[w], e);
		return with ? expanded(p, ir_substitute(p->a,
			p->o->stmts[w].expr, with)) : e;
	}
	c = ir_like(p->a, e);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = expanded(p, e->args[i]);
	return c;
}

/* ---- sums beside the greatest ---- */

static bool is_wide(enum dtype t)
{
	return t == T_F32 || t == T_F64;
}

/* Is "e", which statement "stmt" reduces, v - m, where another has m, the greatest v
 * of the row? */
static bool is_below(struct partial *p, int stmt, const struct ir_expr *e)
{
	struct ir_operator *o = p->o;
	const struct ir_expr *m = e->n_args == 2 ? e->args[1] : NULL, *r;
	struct ir_expr **with;
	int w;

	if (e->kind != IR_OP || e->op != OP_SUB || m->kind != IR_READ)
		return false;
	w = group_writer(o, m->tensor);
	r = w < 0 ? NULL : o->stmts[w].expr;
	if (!r || !p->of[w].is || r->reducer != RED_MAX || !is_wide(r->type) ||
	    reads_late(p, r->args[0]))
		return false;
	with = standing(p, &o->stmts[w], m);
	if (!with)
		return false;
	with[r->red[0]] = ir_axis_value(p->a, o->stmts[stmt].expr->red[0]);
	if (!ir_equal(e->args[0], ir_substitute(p->a, r->args[0], with)))
		return false;
	p->of[stmt].greatest = w;
	p->of[stmt].read = m;
	return true;
}

/* Is it exp(v - m), or made of it so that it grows as that does? */
static bool scales(struct partial *p, int stmt, const struct ir_expr *e)
{
	struct ir_expr *const *x = e->args;

	if (e->kind != IR_OP)
		return false;
	switch (e->op) {
	case OP_EXP:
		return is_below(p, stmt, x[0]);
	case OP_NEG:
		return scales(p, stmt, x[0]);
	case OP_MUL:
		return reads_late(p, x[0]) ?
			scales(p, stmt, x[0]) && !reads_late(p, x[1]) :
			scales(p, stmt, x[1]);
	case OP_DIV:
		return scales(p, stmt, x[0]) && !reads_late(p, x[1]);
	case OP_SELECT:
		return !reads_late(p, x[0]) && scales(p, stmt, x[1]) &&
			x[2]->kind == IR_FLOAT && x[2]->f == 0;
	default:
		return false;
	}
}

/* Can the statistic be had of parts'? */
static bool in_parts(struct partial *p, int stmt)
{
	struct ir_stmt *s = &p->o->stmts[stmt];
	struct ir_expr *terms = expanded(p, s->expr->args[0]);

	if (!reads_late(p, terms))
		return true;
	s->expr = ir_reduce_of(p->a, s->expr, terms);
	return s->expr->reducer == RED_SUM && is_wide(s->expr->type) &&
		scales(p, stmt, terms);
}

/* ---- cutting ---- */

/* The longest part, of "most" elements at most and half of them at least, of which a
 * row has a whole number; or "most", and the last has fewer. */
static int64_t part_of(int64_t row, int64_t most)
{
	for (int64_t n = most; n >= most / 2; n -= IR_PRODUCT_STEP)
		if (row % n == 0)
			return n;
	return most;
}

/* What changes no statistic. */
static struct ir_expr *neutral(struct arena *a, enum reducer r, enum dtype t)
{
	bool greatest = r == RED_MAX || r == RED_ARGMAX;
	int64_t lo, hi;

	if (!greatest && r != RED_MIN && r != RED_ARGMIN)
		return dtype_is_float(t) ? ir_float(a, r == RED_PROD, t) :
			ir_int(a, r == RED_PROD || r == RED_ALL, t);
	if (dtype_is_float(t))
		return ir_float(a, greatest ? -INFINITY : INFINITY, t);
	dtype_range(t, &lo, &hi);
	return ir_int(a, greatest ? lo : hi, t);
}

/* Rows of "tensor" get "row" elements along dimension "dim", products of nothing
 * behind the others, of which statistics take no notice. */
static void fill(struct partial *p, int tensor, int dim, int64_t row)
{
	struct ir_operator *o = p->o;
	struct ir_stmt *w = &o->stmts[group_writer(o, tensor)];
	struct ir_tensor *t = &o->tensors[tensor];
	int64_t had = t->dims[dim], *dims = ARENA_ARRAY(p->a, t->rank, int64_t);

	memcpy(dims, t->dims, (size_t)t->rank * sizeof *dims);
	dims[dim] = row;
	t->dims = dims;
	ir_row_major(p->a, t);
	o->axes[w->index[dim]->axis].extent = row;
	w->expr = group_padded(p->a, o, w->expr);
	for (int i = 0; i < o->n_stmts; i++) {
		struct ir_stmt *s = &o->stmts[i];
		struct ir_expr *x = s->expr->args[0];

		if (!p->of[i].is)
			continue;
		o->axes[s->expr->red[0]].extent = row;
		/* Of all types this one has no infinity. */
		if (x->type == T_E4M3)
			x = ir_cast(p->a, T_F32, x);
		x = ir_apply(p->a, OP_SELECT, x->type, 3, ir_apply(p->a, OP_LT,
			T_BOOL, 2, ir_axis_value(p->a, s->expr->red[0]),
			ir_int(p->a, had, T_I64)), group_padded(p->a, o, x),
			neutral(p->a, s->expr->reducer, x->type));
		s->expr = ir_reduce_of(p->a, s->expr, x);
	}
}

/* "e" with the greatest of the present part in place of the row's; not less than the
 * least number, as -inf less -inf is none. */
static struct ir_expr *of_part(const struct partial *p, const struct ir_expr *e,
	const struct ir_expr *m, struct ir_expr *part)
{
	struct ir_expr *c;

	if (e->kind == IR_READ && e->tensor == m->tensor)
		return ir_apply(p->a, OP_MAX, part->type, 2, part, ir_float(
			p->a, part->type == T_F64 ? -DBL_MAX : -FLT_MAX,
			part->type));
	c = ir_like(p->a, e);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = of_part(p, e->args[i], m, part);
	return c;
}

/* "e" over its axis number "which" alone, of "terms". */
static struct ir_expr *over(struct arena *a, const struct ir_expr *e, int which,
	struct ir_expr *terms)
{
	struct ir_expr *c = ir_reduce_of(a, e, terms);

	c->red = ARENA_ARRAY(a, 1, int);
	c->red[0] = e->red[which];
	c->n_red = 1;
	return c;
}

/* The parts' greatest of the row that "stmt" is in, of its present part. */
static struct ir_expr *greatest_of_part(const struct partial *p,
	const struct hoist *h, int stmt)
{
	const struct statistic *x = &p->of[stmt];
	const struct ir_expr *e = p->o->stmts[stmt].expr;
	const struct ir_stmt *m = NULL;
	struct ir_expr **with;

	for (int i = 0; i < h->stmts.n; i++)
		if (h->stmts.v[i].tensor == x->read->tensor)
			m = &h->stmts.v[i];
	with = standing(p, m, x->read);
	with[m->expr->red[0]] = ir_axis_value(p->a, e->red[0]);
	return ir_substitute(p->a, p->of[x->greatest].part, with);
}

static struct ir_expr *statistic_of_parts(struct partial *p, struct hoist *h,
	int stmt)
{
	const struct ir_expr *e = p->o->stmts[stmt].expr;
	struct statistic *x = &p->of[stmt];
	struct ir_expr *terms = e->args[0], *g = NULL;

	if (x->greatest >= 0) {
		g = greatest_of_part(p, h, stmt);
		terms = of_part(p, terms, x->read, g);
	}
	x->part = terms = hoist_let(h, over(p->a, e, 1, terms));
	if (g)
		terms = ir_apply(p->a, OP_MUL, e->type, 2, terms, ir_apply(p->a,
			OP_EXP, e->type, 1, ir_apply(p->a, OP_SUB, e->type, 2,
			g, x->read)));
	return over(p->a, e, 0, terms);
}

/* Where it is in the first of the parts that have the best. */
static struct ir_expr *place_of_parts(struct partial *p, struct hoist *h,
	int stmt)
{
	const struct ir_expr *e = p->o->stmts[stmt].expr;
	struct ir_expr *best = over(p->a, e, 1, e->args[0]), *place, *at;
	struct ir_expr **with = ARENA_ARRAY(p->a, p->o->n_axes + 1,
		struct ir_expr *);
	int64_t part = p->o->axes[e->red[1]].extent;

	best->type = e->args[0]->type;
	if (best->type == T_BOOL)
		best->reducer = e->reducer == RED_ARGMAX ? RED_ANY : RED_ALL;
	else
		best->reducer = e->reducer == RED_ARGMAX ? RED_MAX : RED_MIN;
	best = hoist_let(h, best);
	place = hoist_let(h, over(p->a, e, 1, e->args[0]));
	h->scope.n--;
	at = ir_cast(p->a, T_I64, hoist_let(h, over(p->a, e, 0, best)));
	with[e->red[0]] = at;
	place = ir_cast(p->a, T_I64, group_padded(p->a, p->o, ir_substitute(
		p->a, place, with)));
	return ir_cast(p->a, e->type, ir_apply(p->a, OP_ADD, T_I64, 2,
		ir_apply(p->a, OP_MUL, T_I64, 2, at, ir_int(p->a, part, T_I64)),
		place));
}

static void write_parts(struct partial *p)
{
	struct hoist h = { .a = p->a, .o = p->o, .suffix = "part" };

	for (int i = 0; i < p->o->n_stmts; i++) {
		struct ir_stmt *s = &p->o->stmts[i];
		enum reducer r = s->expr->reducer;

		hoist_begin(&h, s);
		if (p->of[i].is) {
			vec_push(p->a, &h.scope, s->expr->red[0]);
			s->expr = ir_fold_expr(p->a, p->o, r == RED_ARGMAX ||
				r == RED_ARGMIN ? place_of_parts(p, &h, i) :
				statistic_of_parts(p, &h, i));
		}
		hoist_end(&h, s);
	}
	p->o->stmts = h.stmts.v;
	p->o->n_stmts = h.stmts.n;
}

/* Are rows along the axis, to be cut, cut alike wherever they are reduced? */
static bool are_cut(const struct partial *p, int64_t part)
{
	for (int i = 0; i < p->o->n_stmts; i++) {
		const struct ir_expr *e = p->o->stmts[i].expr;

		if (p->of[i].is && (e->n_red != 2 ||
		    p->o->axes[e->red[1]].extent != part))
			return false;
	}
	return true;
}

/* Its statistics are what reads "tensor". */
static struct partial begin(struct arena *a, struct ir_operator *o, int tensor)
{
	struct partial p = { .a = a, .o = o };

	p.of = ARENA_ARRAY(a, o->n_stmts + 1, struct statistic);
	p.late = ARENA_ARRAY(a, o->n_tensors + 1, bool);
	for (int i = 0; i < o->n_stmts; i++) {
		p.of[i].greatest = -1;
		p.of[i].is = ir_reads(o->stmts[i].expr, tensor);
	}
	return p;
}

/* Cuts the rows of "tensor", along dimension "dim", if all statistics of them can be
 * had of parts. */
static bool cut_rows(struct arena *a, struct ir_operator *o, int tensor, int dim,
	int64_t most)
{
	const struct ir_stmt *w = &o->stmts[group_writer(o, tensor)];
	int64_t row = o->tensors[tensor].dims[dim], part = part_of(row, most);
	struct partial p = begin(a, o, tensor);

	if (w->index[dim]->kind != IR_AXIS)
		return false;
	find_late(&p);
	for (int i = 0; i < o->n_stmts; i++)
		if (p.of[i].is && !in_parts(&p, i))
			return false;
	if (row % part)
		fill(&p, tensor, dim, (row + part - 1) / part * part);
	ir_split_axis(a, o, w->index[dim]->axis, part);
	ir_split_axes(a, o);
	if (!are_cut(&p, part))
		return false;
	write_parts(&p);
	return true;
}

/* The same of all that reads it, whatever dimensions that goes along: a row of few
 * elements stays whole. */
static bool cut(struct arena *a, struct ir_operator *o, int tensor, int most)
{
	struct group_along along;
	bool any = false;

	if (!group_unstored(a, o, tensor, &along))
		return false;
	for (int i = 0; i < along.n; i++) {
		int of = along.v[i].tensor, dim = along.v[i].dim;

		if (o->tensors[of].dims[dim] <= most)
			continue;
		if (!cut_rows(a, o, of, dim, most))
			return false;
		any = true;
	}
	return any;
}

bool group_partial(struct arena *a, struct ir_operator *o, int most)
{
	int n = o->n_tensors;
	bool any = false;

	for (int i = 0; i < n; i++) {
		int w = group_writer(o, i);
		struct ir_contraction c;
		struct ir_operator *copy;

		if (w < 0 || !ir_contraction(a, o, w, &c, NULL) || c.pair)
			continue;
		copy = ir_copy(a, o);
		if (!cut(a, copy, i, most))
			continue;
		*o = *copy;
		any = true;
	}
	return any;
}
