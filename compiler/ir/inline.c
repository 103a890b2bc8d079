/* SPDX-License-Identifier: MIT */
/* Inlining. In comes a hoisted operator, out goes one that means the same in
 * which lets that are maps have been substituted into their readers where
 *
 *  - a reader is a contraction and the let only renames or widens a tensor, or
 *    may cost more and depends on no reduction;
 *  - a reader is another reduction that does not read it elementwise;
 *  - a reader is a map, and the let depends on no reduction or the map reads
 *    it elementwise;
 *
 * and doing so repeats little work, or no more than asked for. What was packed
 * stays in memory. What a row
 * reduction reads elementwise stays a statement of its own: its sketch decides
 * where the values live. */
#include "ir/group.h"

enum { CHEAP = 12, CHEAP_READS = 3, COSTLY = 100 };

/* What a costly let may become: so many operations over all its uses. No let
 * of more nodes than BULKY is copied, or chains of lets would grow with the
 * square of their length. */
enum { WORTH = 8 * COSTLY, BULKY = 256 };

struct use {
	int stmt;
	const struct ir_expr *read;
};

struct inliner {
	struct arena *a, *tmp;	/* tmp: for what one decision needs */
	bool costly;
	struct ir_operator *o;
	bool *after_reduce;	/* by statement: depends on a reduction */
	VEC(struct use) uses;	/* of the let at hand */
	int tensor, writer;
};

static int op_cost(const struct ir_expr *e)
{
	if (e->kind != IR_OP)
		return 0;
	if (e->op == OP_DIV || e->op == OP_MOD)
		return e->type == T_I64 ? 1 : COSTLY;
	return op_rows[e->op].ulp > 0.5 || e->op == OP_SQRT ? COSTLY : 1;
}

/* Operations and reads of values; index arithmetic is not counted. */
static void count_cost(const struct ir_expr *e, int *ops, int *reads)
{
	*ops += op_cost(e);
	if (e->kind == IR_READ) {
		++*reads;
		return;
	}
	for (int i = 0; i < e->n_args; i++)
		count_cost(e->args[i], ops, reads);
}

static bool is_cheap(const struct ir_stmt *s)
{
	int ops = 0, reads = 0;

	count_cost(s->expr, &ops, &reads);
	return ops <= CHEAP && reads <= CHEAP_READS;
}

static int64_t ops_of(const struct ir_stmt *s)
{
	int ops = 0, reads = 0;

	count_cost(s->expr, &ops, &reads);
	return ops;
}

static bool is_bulky(const struct ir_stmt *s)
{
	return ir_nodes(s->expr) > BULKY;
}

static int64_t points(const struct ir_operator *o, const struct ir_stmt *s)
{
	int64_t n = 1;

	for (int i = 0; i < s->n_axes; i++)
		n *= o->axes[s->axes[i]].extent;
	return n;
}

static void find_after_reduce(struct inliner *n)
{
	struct ir_operator *o = n->o;
	bool *t = ARENA_ARRAY(n->tmp, o->n_tensors, bool);

	n->after_reduce = ARENA_ARRAY(n->tmp, o->n_stmts, bool);
	for (int i = 0; i < o->n_stmts; i++) {
		struct group_reads reads = {0};

		group_collect(n->tmp, o, o->stmts[i].expr, &reads);
		n->after_reduce[i] = o->stmts[i].expr->kind == IR_REDUCE;
		for (int k = 0; k < reads.n; k++)
			n->after_reduce[i] |= t[reads.v[k]->tensor];
		t[o->stmts[i].tensor] |= n->after_reduce[i];
	}
}

static void find_uses(struct inliner *n)
{
	n->uses.v = NULL;
	n->uses.n = n->uses.cap = 0;
	for (int i = 0; i < n->o->n_stmts; i++) {
		struct group_reads reads = {0};

		group_collect(n->tmp, n->o, n->o->stmts[i].expr, &reads);
		for (int k = 0; k < reads.n; k++)
			if (reads.v[k]->tensor == n->tensor)
				vec_push(n->tmp, &n->uses,
					(struct use){ i, reads.v[k] });
	}
}

static bool stays_inside(const struct inliner *n, const struct ir_expr *read)
{
	bool below, above;

	for (int k = 0; k < read->n_args; k++) {
		ir_leaves(n->o, read, k, &below, &above);
		if (read->args[k]->type != T_I64 || below || above)
			return false;
	}
	return true;
}

/* True if "read" is a factor of the product the reduction "e" sums. */
static bool is_factor(const struct ir_expr *e, const struct ir_expr *read)
{
	const struct ir_expr *p;

	if (e->kind != IR_REDUCE || e->reducer != RED_SUM)
		return false;
	p = group_stripped(e->args[0], T_NONE);
	return p->kind == IR_OP && p->op == OP_MUL &&
		(group_stripped(p->args[0], p->type) == read ||
		group_stripped(p->args[1], p->type) == read);
}

/* What a contraction stages it may read itself; what it could not, such as
 * rows that are looked up, is better written first. */
static bool is_loaded(struct inliner *n, const struct ir_expr *e)
{
	return e->kind == IR_READ && group_factor(n->tmp, n->o, e,
		NULL);
}

/* May the row reduction's kernel hold the let that it reads elementwise? Not one
 * over fewer axes, which would be a kernel of its own. */
static bool shares_row(const struct inliner *n, const struct ir_stmt *w,
	const struct ir_stmt *r)
{
	return !n->costly || w->n_axes == r->n_axes + r->expr->n_red;
}

static bool may_inline(struct inliner *n, const struct use *u)
{
	const struct ir_operator *o = n->o;
	const struct ir_stmt *w = &o->stmts[n->writer], *r = &o->stmts[u->stmt];
	int *map = ARENA_ARRAY(n->tmp, o->n_axes, int);
	bool elementwise = ir_correspond(n->tmp, o, w, u->read, map);

	if (!stays_inside(n, u->read))
		return false;
	if (is_factor(r->expr, u->read))
		return n->costly ? !n->after_reduce[n->writer] :
			is_loaded(n, group_stripped(w->expr, T_NONE));
	if (r->expr->kind == IR_REDUCE)
		return !(elementwise && shares_row(n, w, r)) &&
			!n->after_reduce[n->writer];
	if (n->after_reduce[n->writer])
		return elementwise && points(o, w) == points(o, r);
	return true;
}

/* True if computing the let at each use is no more than a little work. */
static bool worth_it(struct inliner *n)
{
	const struct ir_operator *o = n->o;
	const struct ir_stmt *w = &o->stmts[n->writer];
	const struct ir_stmt *r;

	if (is_cheap(w))
		return true;
	if (is_bulky(w))
		return false;
	if (n->costly)
		return ops_of(w) * n->uses.n <= WORTH;
	if (n->uses.n != 1)
		return false;
	r = &o->stmts[n->uses.v[0].stmt];
	return r->expr->kind != IR_REDUCE && points(o, r) <= points(o, w);
}

static bool inlinable(struct inliner *n)
{
	const struct ir_operator *o = n->o;

	n->writer = group_writer(o, n->tensor);
	if (o->tensors[n->tensor].role != IR_LET || n->writer < 0 ||
			o->tensors[n->tensor].packing ||
			o->stmts[n->writer].expr->kind == IR_REDUCE)
		return false;
	find_uses(n);
	for (int i = 0; i < n->uses.n; i++)
		if (!may_inline(n, &n->uses.v[i]))
			return false;
	return n->uses.n && worth_it(n);
}

/* The value of axis "x", whose digit in "at" has weight "coef"; "at" counts
 * from 0. */
static struct ir_expr *digit(struct arena *a, struct ir_expr *at, int64_t coef,
	const struct ir_axis *x)
{
	at = ir_apply(a, OP_DIV, T_I64, 2, at, ir_int(a, coef, T_I64));
	at = ir_apply(a, OP_MOD, T_I64, 2, at, ir_int(a, x->extent, T_I64));
	return ir_apply(a, OP_ADD, T_I64, 2, at, ir_int(a, x->lo, T_I64));
}

/* The writer's axes in terms of the indices of a read: with[axis]. */
static struct ir_expr **axes_at(struct inliner *n, struct ir_expr *const *idx)
{
	struct ir_operator *o = n->o;
	const struct ir_stmt *w = &o->stmts[n->writer];
	struct ir_expr **with = ARENA_ARRAY(n->a, o->n_axes, struct ir_expr *);
	struct ir_affine f;

	for (int i = 0; i < w->n_axes; i++)
		with[w->axes[i]] = ir_int(n->a, o->axes[w->axes[i]].lo, T_I64);
	for (int k = 0; k < o->tensors[n->tensor].rank; k++) {
		int64_t base;

		if (!ir_affine(n->tmp, o, w->index[k], &f))
			continue;
		base = f.c;
		for (int i = 0; i < o->n_axes; i++)
			base += f.coef[i] * o->axes[i].lo;
		for (int i = 0; i < o->n_axes; i++)
			if (f.coef[i] && o->axes[i].extent != 1)
				with[i] = digit(n->a, ir_apply(n->a, OP_SUB,
					T_I64, 2, idx[k], ir_int(n->a, base,
					T_I64)), f.coef[i], &o->axes[i]);
	}
	return with;
}

/* The let's value at "idx"; where its type rounds, so does the copy. */
static struct ir_expr *value_at(struct inliner *n, struct ir_expr *const *idx)
{
	struct ir_expr *e = n->o->stmts[n->writer].expr;

	e = ir_substitute(n->a, e, axes_at(n, idx));
	if (e->kind == IR_OP && dtype_is_float(e->type) &&
			dtype_row(e->type)->bits < 32)
		e = ir_cast(n->a, e->type, e);
	return e;
}

static struct ir_expr *rewritten(struct inliner *n, struct ir_expr *e)
{
	bool found = e->kind == IR_READ && e->tensor == n->tensor;
	struct ir_expr *c;

	if (!e->n_args)
		return found ? value_at(n, NULL) : e;
	c = ARENA_NEW(n->a, struct ir_expr);
	*c = *e;
	c->args = ARENA_ARRAY(n->a, e->n_args, struct ir_expr *);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = rewritten(n, e->args[i]);
	return found ? value_at(n, c->args) : c;
}

static void remove_stmt(struct ir_operator *o, int stmt)
{
	o->n_stmts--;
	for (int i = stmt; i < o->n_stmts; i++) {
		o->stmts[i] = o->stmts[i + 1];
		group_own_axes(o, &o->stmts[i], i);
	}
}

static void inline_let(struct inliner *n)
{
	struct ir_operator *o = n->o;
	int last = -1;

	for (int i = 0; i < n->uses.n; i++) {
		int k = n->uses.v[i].stmt;

		if (k != last)
			o->stmts[k].expr = ir_fold_expr(n->a, o,
				rewritten(n, o->stmts[k].expr));
		last = k;
	}
	remove_stmt(o, n->writer);
}

/* ---- lets without readers ---- */

static bool is_read(struct inliner *n, int tensor)
{
	n->tensor = tensor;
	find_uses(n);
	return n->uses.n;
}

static void remove_unread(struct inliner *n)
{
	struct ir_operator *o = n->o;

	for (int i = o->n_stmts - 1; i >= 0; i--)
		if (o->tensors[o->stmts[i].tensor].role == IR_LET &&
				!is_read(n, o->stmts[i].tensor))
			remove_stmt(o, i);
}

static struct ir_expr *renumbered(struct arena *a, const struct ir_expr *e,
	const int *id)
{
	struct ir_expr *c = ARENA_NEW(a, struct ir_expr);

	*c = *e;
	if (e->n_args)
		c->args = ARENA_ARRAY(a, e->n_args, struct ir_expr *);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = renumbered(a, e->args[i], id);
	if (c->kind == IR_READ)
		c->tensor = id[c->tensor];
	return c;
}

/* Lets that nobody writes leave the table. */
static void remove_tensors(struct arena *a, struct ir_operator *o)
{
	int *id = ARENA_ARRAY(a, o->n_tensors, int), n = 0;
	struct ir_tensor *v = ARENA_ARRAY(a, o->n_tensors, struct ir_tensor);
	bool *written = ARENA_ARRAY(a, o->n_tensors, bool);

	for (int i = 0; i < o->n_stmts; i++)
		written[o->stmts[i].tensor] = true;
	for (int i = 0; i < o->n_tensors; i++) {
		if (o->tensors[i].role == IR_LET && !written[i])
			continue;
		id[i] = n;
		v[n] = o->tensors[i];
		v[n].id = n;
		n++;
	}
	if (n == o->n_tensors)
		return;
	o->tensors = v;
	o->n_tensors = n;
	for (int i = 0; i < o->n_stmts; i++) {
		o->stmts[i].tensor = id[o->stmts[i].tensor];
		o->stmts[i].expr = renumbered(a, o->stmts[i].expr, id);
	}
}

/* Do row reductions alone read the let, each where it is? Their kernel holds it
 * then. */
static bool held_by_rows(struct inliner *n)
{
	const struct ir_operator *o = n->o;
	int *map = ARENA_ARRAY(n->tmp, o->n_axes, int);

	for (int i = 0; i < n->uses.n; i++) {
		const struct ir_stmt *r = &o->stmts[n->uses.v[i].stmt];
		const struct ir_stmt *w = &o->stmts[n->writer];

		if (r->expr->kind != IR_REDUCE || !shares_row(n, w, r) ||
		    !ir_correspond(n->tmp, o, w, n->uses.v[i].read, map))
			return false;
	}
	return n->uses.n;
}

/* A costly let may be a reduction of few elements, if that makes it one that is
 * nowhere in memory. */
static bool inline_short(struct inliner *n, struct ir_stmt *s)
{
	struct ir_expr *old = s->expr, *all = n->costly ?
		group_written_out(n->a, n->o, s) : NULL;

	if (!all)
		return false;
	s->expr = all;
	find_after_reduce(n);
	if (inlinable(n)) {
		inline_let(n);
		return true;
	}
	if (!held_by_rows(n))
		s->expr = old;
	return false;
}

/* A let is inlined only after those it reads, so one pass is enough. */
void ir_inline(struct arena *a, struct ir_operator *o, bool costly)
{
	struct inliner n = { .a = a, .tmp = arena_create(), .costly = costly,
		.o = o };

	for (int i = 0; i < o->n_stmts; ) {
		arena_reset(n.tmp);
		find_after_reduce(&n);
		n.tensor = o->stmts[i].tensor;
		if (inlinable(&n))
			inline_let(&n);
		else if (!inline_short(&n, &o->stmts[i]))
			i++;
	}
	remove_unread(&n);
	arena_destroy(n.tmp);
	remove_tensors(a, o);
}
