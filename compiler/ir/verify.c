/* SPDX-License-Identifier: MIT */
/* The verifier. In comes an operator, out goes the first thing wrong with it.
 * What passes has well-typed expressions over axes in scope, layouts in which
 * every element has a place, reads that stay within their tensor or are
 * padded, statements in order of dependence, and every tensor that is read or
 * returned written exactly once, in pieces that tile it. Tables are checked by
 * verify_tables.c, one expression by verify_expr.c. */
#include "ir/verify.h"

#include <stdlib.h>
#include <string.h>

bool verify_fail(struct verify *v, const char *fmt, ...)
{
	va_list ap;
	const char *what;

	if (v->why)
		return false;
	va_start(ap, fmt);
	what = arena_vprintf(v->a, fmt, ap);
	va_end(ap);
	if (v->stmt >= 0)
		what = arena_printf(v->a, "statement %d (%s): %s", v->stmt,
			v->o->tensors[v->o->stmts[v->stmt].tensor].name, what);
	v->why = what;
	return false;
}

bool verify_scope_add(struct verify *v, int axis, bool reduced)
{
	const struct ir_operator *o = v->o;
	const struct ir_axis *x;

	if (axis < 0 || axis >= o->n_axes)
		return verify_fail(v, "there is no axis %d", axis);
	x = &o->axes[axis];
	if (x->stmt != v->stmt || x->reduced != reduced)
		return verify_fail(v, "axis %s belongs elsewhere", x->name);
	for (int i = 0; i < v->axes.n; i++)
		if (!strcmp(o->axes[v->axes.v[i]].name, x->name))
			return verify_fail(v, "two axes are named %s", x->name);
	vec_push(v->a, &v->axes, axis);
	return true;
}

/* One axis of a dimension's write index. */
struct digit {
	int64_t coef, extent;
};

static int by_coef(const void *x, const void *y)
{
	const struct digit *p = x, *q = y;

	return (p->coef > q->coef) - (p->coef < q->coef);
}

/* True if the digits count 0, 1, 2, ... */
static bool counts(struct digit *d, int n)
{
	int64_t unit = 1;

	qsort(d, (size_t)n, sizeof *d, by_coef);
	for (int i = 0; i < n; i++) {
		if (d[i].coef != unit)
			return false;
		unit *= d[i].extent;
	}
	return true;
}

/* The values dimension "dim" of the write index takes, each once. */
static bool write_dim(struct verify *v, const struct ir_stmt *s, int dim,
	bool *used, int64_t *lo, int64_t *hi)
{
	const struct ir_operator *o = v->o;
	struct digit *d = ARENA_ARRAY(v->a, s->n_axes, struct digit);
	struct ir_affine f;
	int n = 0;

	if (!s->index[dim] || !ir_affine(v->a, o, s->index[dim], &f))
		return verify_fail(v, "write index %d is not affine", dim);
	for (int i = 0; i < o->n_axes; i++)
		if (f.coef[i] && (o->axes[i].stmt != v->stmt ||
				o->axes[i].reduced))
			return verify_fail(v, "write index %d uses %s", dim,
				o->axes[i].name);
	for (int i = 0; i < s->n_axes; i++) {
		const struct ir_axis *x = &o->axes[s->axes[i]];

		if (!f.coef[s->axes[i]] || x->extent == 1)
			continue;
		if (used[i])
			return verify_fail(v, "%s is in two write indices",
				x->name);
		used[i] = true;
		d[n++] = (struct digit){ f.coef[s->axes[i]], x->extent };
	}
	if (!counts(d, n))
		return verify_fail(v, "write index %d skips or repeats values",
			dim);
	if (!ir_range(o, s->index[dim], lo, hi) || *lo < 0 ||
			*hi >= o->tensors[s->tensor].dims[dim])
		return verify_fail(v, "write index %d leaves the tensor", dim);
	return true;
}

/* Two boxes of equal rank, [lo, hi] in each dimension. */
static bool overlap(const struct piece *x, const struct piece *y, int rank)
{
	for (int i = 0; i < rank; i++)
		if (x->lo[i] > y->hi[i] || y->lo[i] > x->hi[i])
			return false;
	return true;
}

static bool add_piece(struct verify *v, const struct ir_stmt *s,
	struct piece *p)
{
	int rank = v->o->tensors[s->tensor].rank;

	for (struct piece *q = v->pieces[s->tensor]; q; q = q->next)
		if (overlap(p, q, rank))
			return verify_fail(v, "it is written twice");
	p->next = v->pieces[s->tensor];
	v->pieces[s->tensor] = p;
	return true;
}

static bool empty(const struct ir_operator *o, const struct ir_stmt *s)
{
	for (int i = 0; i < s->n_axes; i++)
		if (!o->axes[s->axes[i]].extent)
			return true;
	return false;
}

/* What the statement writes, added to the pieces of its tensor. */
static bool check_write(struct verify *v, const struct ir_stmt *s)
{
	const struct ir_operator *o = v->o;
	int rank = o->tensors[s->tensor].rank;
	bool *used = ARENA_ARRAY(v->a, s->n_axes, bool);
	struct piece *p = ARENA_NEW(v->a, struct piece);

	if (empty(o, s))
		return true;
	p->lo = ARENA_ARRAY(v->a, rank, int64_t);
	p->hi = ARENA_ARRAY(v->a, rank, int64_t);
	p->elements = 1;
	for (int i = 0; i < rank; i++) {
		if (!write_dim(v, s, i, used, &p->lo[i], &p->hi[i]))
			return false;
		p->elements *= p->hi[i] - p->lo[i] + 1;
	}
	for (int i = 0; i < s->n_axes; i++)
		if (!used[i] && o->axes[s->axes[i]].extent > 1)
			return verify_fail(v, "axis %s is not written along",
				o->axes[s->axes[i]].name);
	return add_piece(v, s, p);
}

bool verify_complete(const struct verify *v, int tensor)
{
	const struct ir_tensor *t = &v->o->tensors[tensor];
	int64_t n = 1;

	if (t->role == IR_IN)
		return true;
	if (!v->written[tensor])
		return false;
	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	for (const struct piece *p = v->pieces[tensor]; p; p = p->next)
		n -= p->elements;
	return n == 0;
}

static bool check_stmt(struct verify *v, int i)
{
	const struct ir_operator *o = v->o;
	const struct ir_stmt *s = &o->stmts[i];

	v->stmt = -1;
	if (s->tensor < 0 || s->tensor >= o->n_tensors ||
			o->tensors[s->tensor].role == IR_IN)
		return verify_fail(v, "statement %d writes no let or output", i);
	v->stmt = i;
	v->axes.n = 0;
	if (!s->expr || (!s->index && o->tensors[s->tensor].rank))
		return verify_fail(v, "it has no expression or index");
	for (int k = 0; k < s->n_axes; k++)
		if (!verify_scope_add(v, s->axes[k], false))
			return false;
	if (!verify_expr(v, s->expr))
		return false;
	if (s->expr->type != o->tensors[s->tensor].type)
		return verify_fail(v, "the expression is %s, the tensor %s",
			dtype_row(s->expr->type)->name,
			dtype_row(o->tensors[s->tensor].type)->name);
	v->written[s->tensor] = true;
	return check_write(v, s);
}

const char *ir_verify(struct arena *a, const struct ir_operator *o)
{
	struct verify v = { .a = a, .o = o, .stmt = -1 };

	v.pieces = ARENA_ARRAY(a, o->n_tensors, struct piece *);
	v.written = ARENA_ARRAY(a, o->n_tensors, bool);
	if (!verify_tables(&v))
		return v.why;
	for (int i = 0; i < o->n_stmts; i++)
		if (!check_stmt(&v, i))
			return v.why;
	v.stmt = -1;
	for (int i = 0; i < o->n_tensors; i++)
		if (o->tensors[i].role == IR_OUT && !verify_complete(&v, i))
			verify_fail(&v, "%s is not fully written",
				o->tensors[i].name);
	return v.why;
}
