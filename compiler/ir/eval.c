/* SPDX-License-Identifier: MIT */
/* The reference interpreter: an operator and the contents of its inputs come
 * in, any element of its lets and outputs goes out with a bound on the error
 * of any faithful kernel. Values are those of exact arithmetic (computed in
 * double, not rounded at typed points; integers as integers, which wrap and
 * truncate as their types say), bounds add up as eval_num.c and eval_reduce.c describe.
 *
 * An element is found by solving the statement's write index for its axes: a
 * dimension's index is a mixed-radix sum of axes, each axis in one dimension
 * (ir.h), so dividing by the coefficients, greatest first, recovers them. Lets
 * are remembered in pages; when those outgrow PAGE_LIMIT bytes all are
 * forgotten and computed again on demand. */
#include "ir/eval_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { PAGE_LIMIT = 192 << 20 };

struct ir_eval *ir_eval_create(const struct ir_operator *o,
	const void *const *data)
{
	struct arena *a = arena_create();
	struct ir_eval *e = ARENA_NEW(a, struct ir_eval);
	size_t n = (size_t)o->n_tensors;

	e->a = a;
	e->page_arena = arena_create();
	e->o = o;
	e->data = data;
	e->at = ARENA_ARRAY(a, (size_t)o->n_axes, int64_t);
	e->stmts = ARENA_ARRAY(a, (size_t)o->n_stmts, struct eval_stmt);
	e->memos = ARENA_ARRAY(a, n, struct memo);
	e->quanta = ARENA_ARRAY(a, n, double);
	e->bytes = ARENA_ARRAY(a, n, double *);
	for (size_t i = 0; i < n; i++)
		e->quanta[i] = -1;
	return e;
}

void ir_eval_destroy(struct ir_eval *e)
{
	if (!e)
		return;
	arena_destroy(e->page_arena);
	arena_destroy(e->a);
}

/* ---- from elements to statements and axes ---- */

/* Axes of extent 1 left out, greatest coefficient first. */
static void order_terms(const struct ir_operator *o, struct eval_index *x)
{
	int n = 0;

	for (int i = 0; i < x->n_terms; i++) {
		struct eval_term t = x->terms[i];
		const struct ir_axis *axis = &o->axes[t.axis];
		int j;

		x->c += t.coef * axis->lo;
		if (axis->extent == 1)
			continue;
		for (j = n++; j > 0 && x->terms[j - 1].coef < t.coef; j--)
			x->terms[j] = x->terms[j - 1];
		x->terms[j] = t;
	}
	x->n_terms = n;
}

static const struct eval_stmt *prepared(struct ir_eval *e, int i)
{
	const struct ir_stmt *s = &e->o->stmts[i];
	const struct ir_tensor *t = &e->o->tensors[s->tensor];
	struct eval_stmt *p = &e->stmts[i];
	struct eval_index *last;

	if (p->root)
		return p;
	p->index = ARENA_ARRAY(e->a, (size_t)t->rank, struct eval_index);
	p->run = NO_RUN;
	for (int d = 0; d < t->rank; d++) {
		p->index[d] = plan_index(e, s->index[d]);
		assert(p->index[d].affine);
		order_terms(e->o, &p->index[d]);
	}
	last = t->rank ? &p->index[t->rank - 1] : NULL;
	if (last && last->n_terms && last->terms[last->n_terms - 1].coef == 1)
		p->run = last->terms[last->n_terms - 1].axis;
	p->root = plan_node(e, s->expr);
	return p;
}

/* Axis values at which dimension index "x" is "value"; false if there are
 * none. */
static bool solve(struct ir_eval *e, const struct eval_index *x, int64_t value)
{
	int64_t rest = value - x->c;

	if (rest < 0)
		return false;
	for (int i = 0; i < x->n_terms; i++) {
		const struct ir_axis *axis = &e->o->axes[x->terms[i].axis];
		int64_t v = rest / x->terms[i].coef;

		if (v >= axis->extent)
			return false;
		e->at[axis->id] = axis->lo + v;
		rest -= v * x->terms[i].coef;
	}
	return rest == 0;
}

/* The statement that writes "tensor" at "idx", its axes set to do so. */
static const struct eval_stmt *statement_at(struct ir_eval *e, int tensor,
	const int64_t *idx)
{
	for (int i = 0; i < e->o->n_stmts; i++) {
		const struct ir_stmt *s = &e->o->stmts[i];
		const struct eval_stmt *p;
		bool here = true;

		if (s->tensor != tensor)
			continue;
		p = prepared(e, i);
		for (int j = 0; j < s->n_axes; j++)
			e->at[s->axes[j]] = e->o->axes[s->axes[j]].lo;
		for (int d = 0; d < e->o->tensors[tensor].rank && here; d++)
			here = solve(e, &p->index[d], idx[d]);
		if (here)
			return p;
	}
	assert(!"no statement writes this element");
	return NULL;
}

/* What computing in a wider type leaves to do when the value is stored. */
static void settle(struct node *x, enum dtype t, int n)
{
	struct format f = format_cast(t);
	bool arith = x->e->kind == IR_OP || x->e->kind == IR_REDUCE;

	if (!arith || dtype_row(t)->bits >= 32)
		return;
	for (int i = 0; i < n; i++) {
		struct ir_num v = num_settle(t, &f, node_lane(x, i));

		x->v[i] = v.v;
		x->err[i] = v.err;
	}
	node_close(x, n);
}

const struct node *eval_part(struct ir_eval *e, int tensor,
	const int64_t *idx, int64_t n, int *done)
{
	const struct eval_stmt *s = statement_at(e, tensor, idx);
	int64_t room = 1;

	if (s->run != NO_RUN)
		room = e->o->axes[s->run].lo + e->o->axes[s->run].extent -
			e->at[s->run];
	n = n < room ? n : room;
	*done = n < LANES ? (int)n : LANES;
	node_eval(e, s->root, s->run, *done);
	settle(s->root, e->o->tensors[tensor].type, *done);
	return s->root;
}

/* ---- lets remembered ---- */

static void forget(struct ir_eval *e)
{
	for (int i = 0; i < e->o->n_tensors; i++)
		if (e->memos[i].pages)
			memset(e->memos[i].pages, 0, sizeof *e->memos[i].pages *
				(size_t)e->memos[i].n_pages);
	arena_reset(e->page_arena);
}

static struct page **page_slot(struct ir_eval *e, int tensor, int64_t linear)
{
	struct memo *m = &e->memos[tensor];
	const struct ir_tensor *t = &e->o->tensors[tensor];
	int64_t elements = 1;

	if (!m->pages) {
		for (int d = 0; d < t->rank; d++)
			elements *= t->dims[d];
		m->n_pages = (elements + PAGE - 1) / PAGE;
		m->pages = ARENA_ARRAY(e->a, (size_t)m->n_pages,
			struct page *);
	}
	return &m->pages[linear / PAGE];
}

static struct page *page_made(struct ir_eval *e, int tensor, int64_t linear)
{
	struct page **slot = page_slot(e, tensor, linear);

	if (*slot)
		return *slot;
	if (arena_bytes(e->page_arena) > PAGE_LIMIT)
		forget(e);
	*slot = ARENA_NEW(e->page_arena, struct page);
	if (e->o->tensors[tensor].type == T_I64)
		(*slot)->whole = ARENA_ARRAY(e->page_arena, PAGE, int64_t);
	(*slot)->quantum = INFINITY;
	return *slot;
}

static bool is_done(const struct page *p, int64_t linear)
{
	int i = (int)(linear % PAGE);

	return p && (p->done[i / 64] >> (i % 64) & 1);
}

static void remember(struct ir_eval *e, int tensor, int64_t linear,
	struct ir_num v)
{
	struct page *p = page_made(e, tensor, linear);
	int i = (int)(linear % PAGE);

	p->v[i] = v.v;
	p->err[i] = v.err;
	if (p->whole)
		p->whole[i] = v.i;
	p->done[i / 64] |= 1ull << (i % 64);
	if (!(v.quantum >= p->quantum))
		p->quantum = v.quantum;
}

static void unravel(const struct ir_tensor *t, int64_t linear, int64_t *idx)
{
	for (int d = t->rank - 1; d >= 0; d--) {
		idx[d] = linear % t->dims[d];
		linear /= t->dims[d];
	}
}

/* Lanes that are not remembered yet, from "linear" on: at most "n" of them,
 * as many as one evaluation gives. */
static int compute(struct ir_eval *e, int tensor, int64_t linear, int n,
	struct node *x, int lane)
{
	int64_t idx[IR_RANK];
	const struct node *root;
	int done;

	unravel(&e->o->tensors[tensor], linear, idx);
	root = eval_part(e, tensor, idx, n, &done);
	for (int i = 0; i < done; i++) {
		node_set(x, lane + i, node_lane(root, i));
		remember(e, tensor, linear + i, node_lane(root, i));
	}
	return done;
}

void eval_remembered(struct ir_eval *e, int tensor, int64_t linear, int n,
	struct node *x, int lane)
{
	while (n > 0) {
		struct page *p = *page_slot(e, tensor, linear);
		int i = (int)(linear % PAGE), m = 1;

		if (is_done(p, linear)) {
			node_set(x, lane, (struct ir_num){ p->v[i], p->err[i],
				p->quantum, p->whole ? p->whole[i] : 0,
				p->whole });
		} else {
			while (m < n && !is_done(*page_slot(e, tensor,
			    linear + m), linear + m))
				m++;
			m = compute(e, tensor, linear, m, x, lane);
		}
		linear += m;
		lane += m;
		n -= m;
	}
}

/* ---- the door ---- */

void ir_eval_row(struct ir_eval *e, int tensor, const int64_t *idx, int64_t n,
	struct ir_num *out)
{
	int64_t at[IR_RANK] = { 0 };
	int last = e->o->tensors[tensor].rank - 1, done;

	for (int d = 0; d <= last; d++)
		at[d] = idx[d];
	for (int64_t i = 0; i < n; i += done) {
		const struct node *root = eval_part(e, tensor, at, n - i,
			&done);

		for (int j = 0; j < done; j++)
			out[i + j] = node_lane(root, j);
		if (last >= 0)
			at[last] += done;
	}
}

struct ir_num ir_eval_at(struct ir_eval *e, int tensor, const int64_t *idx)
{
	struct ir_num v;

	ir_eval_row(e, tensor, idx, 1, &v);
	return v;
}
