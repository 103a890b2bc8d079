/* SPDX-License-Identifier: MIT */
/* Statistics of rows in an fma kernel: a block's tile must hold whole rows.
 * Which tiles do, which threads share a row, what that takes and costs. */
#include "sketch/fma.h"
#include "sketch/walk.h"

static const struct output *statistic(const struct fma *f)
{
	const struct epilogue *e = &f->of.epilogue;

	for (int i = 0; i < e->n; i++)
		if (e->outputs[i].reduction)
			return &e->outputs[i];
	return NULL;
}

static int64_t length(const struct fma *f)
{
	return f->of.epilogue.rows_along_n ? f->of.n : f->of.m;
}

static const char *along(const struct fma *f)
{
	return f->of.epilogue.rows_along_n ? f->of.n_name : f->of.m_name;
}

static bool is_open(const struct task *t, const struct fma *f)
{
	const struct ir_contraction *c = &f->of.c;

	return f->of.epilogue.rows_along_n ?
		ir_any_open(t->op, c->n, c->n_n) :
		ir_any_open(t->op, c->m, c->n_m);
}

const char *fma_rows_refuse(const struct task *t, const struct fma *f)
{
	const char *name;

	if (!f->of.epilogue.rows)
		return NULL;
	name = statistic(f)->tensor->name;
	if (is_open(t, f))
		return arena_printf(t->a, "'%s' is of all of %s, whose size is "
			"known at the call only: a block's tile has a fixed one",
			name, along(f));
	if (length(f) > IR_PRODUCT_ROW)
		return arena_printf(t->a, "'%s' is of all %lld of %s, and a "
			"block's tile holds up to %d", name,
			(long long)length(f), along(f), IR_PRODUCT_ROW);
	return NULL;
}

/* A few widths that hold a row: the least multiple of 16, and round ones. */
const int *fma_rows_tiles(const struct task *t, const struct fma *f, int *n)
{
	static const int round[] = { 8, 16, 32, 48, 64, 96, 128, 192, 256, 384,
		512, 768, IR_PRODUCT_ROW };
	int *v = ARENA_ARRAY(t->a, 3, int), tight = (int)(length(f) + 15) /
		16 * 16;

	*n = 0;
	for (int i = 0; i < (int)(sizeof round / sizeof *round) && *n < 2; i++)
		if (round[i] >= length(f))
			v[(*n)++] = round[i];
	if (tight <= IR_PRODUCT_ROW && (*n == 0 || (tight != v[0] && tight != v[1])))
		v[(*n)++] = tight;
	return v;
}

/* Threads of a warp lie warp_x wide; in plain order as many as fit. */
static void share(struct fma_plan *p, bool along_n)
{
	int x = p->warp_x, y = p->warp_y;

	for (x = x ? x : 32; p->tx % x; x /= 2)
		;
	y = y ? y : p->tx == x ? 32 / x : 1;
	p->rows = along_n ? (struct row_threads){ x, 1, p->tx / x } :
		(struct row_threads){ y, x, p->ty / y };
}

const char *fma_rows_plan(const struct fma *f, struct arena *a,
	struct fma_plan *p)
{
	bool along_n = f->of.epilogue.rows_along_n;
	int tile = along_n ? p->of.bn : p->of.bm;

	if (!f->of.epilogue.rows)
		return NULL;
	if (tile < length(f))
		return arena_printf(a, "'%s' is of all %lld of %s, which one "
			"tile must hold: tile(block, %s = %d) is too small",
			statistic(f)->tensor->name, (long long)length(f),
			along(f), along(f), tile);
	if (p->of.split > 1)
		return arena_printf(a, "'%s' is of whole sums: split_k by 1, not "
			"%d", statistic(f)->tensor->name, p->of.split);
	share(p, along_n);
	return NULL;
}

/* ---- what it takes ---- */

int64_t fma_rows_shared(const struct fma *f, const struct fma_plan *p)
{
	const struct epilogue *e = &f->of.epilogue;
	int64_t values = (int64_t)p->rows.parts * (e->rows_along_n ? p->of.bm :
		p->of.bn), bytes = 0;

	for (int i = 0; i < e->n && p->rows.parts > 1; i++) {
		const struct ir_expr *r = e->outputs[i].reduction;

		if (!r)
			continue;
		bytes += values * dtype_row(reducer_type(r))->bits / 8 + 16;
		if (reducer_indexed(r->reducer))
			bytes += values * dtype_row(lower_type(r->type))->bits /
				8 + 16;
	}
	return bytes;
}

static int words(enum dtype t)
{
	return dtype_row(t)->bits > 32 ? 2 : 1;
}

/* Of a row's value; what is sought with its place has both beside it. */
static int row_words(const struct output *o)
{
	int n = words(o->tensor->type);

	if (o->reduction && reducer_indexed(o->reduction->reducer))
		n += words(reducer_type(o->reduction)) + 1;
	return n;
}

int fma_rows_regs(const struct fma *f, const struct fma_plan *p)
{
	const struct epilogue *e = &f->of.epilogue;
	int rows = e->rows_along_n ? p->tm : p->tn, n = 0;

	for (int i = 0; i < e->n; i++)
		n += e->outputs[i].per_row ? rows * row_words(&e->outputs[i]) : 0;
	return n + (e->held > 1 ? (e->held - 1) * p->tm * p->tn *
		words(f->of.acc) : 0);
}

/* ---- what it costs ---- */

/* Steps of a tree over "n". */
static int steps(int n)
{
	int s = 0;

	for (; n > 1; n /= 2)
		s++;
	return s;
}

struct fma_rows_cost fma_rows_cost(const struct fma *f,
	const struct fma_plan *p)
{
	const struct epilogue *e = &f->of.epilogue;
	int mine = e->rows_along_n ? p->tm : p->tn;
	double elements = (double)p->tm * p->tn;
	struct fma_rows_cost c = { 0, 0, 0 };

	for (int i = 0; i < e->n && e->rows; i++) {
		const struct output *o = &e->outputs[i];
		struct cost_of x = { 0, 0 };
		double n = o->per_row && !o->reduction ? mine : elements;

		if (o->value)
			x = expr_cost(o->value);
		c.issue += n * (x.ops + 1);
		c.special += n * x.special;
		if (!o->reduction)
			continue;
		c.issue += mine * (2.0 * steps(p->rows.lanes) +
			(p->rows.parts > 1 ? 6 + 2 * p->rows.parts : 0));
		c.chain += 30.0 * steps(p->rows.lanes) + 2 * mine +
			(p->rows.parts > 1 ? 100 + 30.0 * p->rows.parts : 0);
	}
	return c;
}
