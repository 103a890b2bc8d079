/* SPDX-License-Identifier: MIT */
/* Statistics of rows in a tiled kernel: a block's tile must hold whole rows, and where
 * a side has several, one after the other, it holds one. Which tiles do, what that
 * takes and costs. */
#include "sketch/common.h"
#include "sketch/tiled.h"
#include "sketch/walk.h"

static const struct output *statistic(const struct product *f)
{
	const struct epilogue *e = &f->epilogue;

	for (int i = 0; i < e->n; i++)
		if (e->outputs[i].reduction)
			return &e->outputs[i];
	return NULL;
}

/* Is a row but part of its side? */
static bool is_part(const struct product *f)
{
	return f->epilogue.row < (f->epilogue.rows_along_n ? f->n : f->m);
}

static const char *along(const struct product *f)
{
	return f->epilogue.rows_along_n ? f->n_name : f->m_name;
}

static bool is_open(const struct task *t, const struct product *f)
{
	const struct ir_contraction *c = &f->c;

	return f->epilogue.rows_along_n ?
		ir_any_open(t->op, c->n, c->n_n) :
		ir_any_open(t->op, c->m, c->n_m);
}

const char *tiled_rows_refuse(const struct task *t, const struct product *f,
	int most)
{
	const char *name;

	if (!f->epilogue.rows)
		return NULL;
	name = statistic(f)->tensor->name;
	if (is_open(t, f))
		return arena_printf(t->a, "'%s' is of all of %s, whose size is "
			"known at the call only: a block's tile has a fixed one",
			name, along(f));
	if (f->epilogue.row > most)
		return arena_printf(t->a, "'%s' is of %s %lld of %s, and a "
			"block's tile holds up to %d", name, is_part(f) ?
			"each" : "all", (long long)f->epilogue.row, along(f),
			most);
	return NULL;
}

/* A few widths that hold a row: round ones, and the least multiple of "step"; of a
 * part of a side there is but one. */
static struct tiled_values widths(const struct task *t, const struct product *f,
	int step, int most)
{
	static const int round[] = { 8, 16, 32, 48, 64, 96, 128, 192, 256, 384,
		512, 768, IR_PRODUCT_ROW };
	int tight = (int)(f->epilogue.row + step - 1) / step * step, n = 0;
	int *v = ARENA_ARRAY(t->a, 3, int), rounds = is_part(f) ? 0 : 2;
	bool in = tight > most;

	for (int i = 0; i < (int)(sizeof round / sizeof *round) && n < rounds;
	     i++)
		if (round[i] >= f->epilogue.row && round[i] <= most &&
		    round[i] % step == 0)
			v[n++] = round[i];
	for (int i = 0; i < n; i++)
		in |= v[i] == tight;
	if (!in)
		v[n++] = tight;
	return (struct tiled_values){ v, n };
}

void tiled_add_tiles(const struct task *t, struct tunables *l,
	const struct product *f, struct tiled_values tiles, int step, int most)
{
	static const char *const level[] = { "block", NULL };
	struct tiled_values m = tiles, n = tiles;

	if (f->epilogue.rows)
		*(f->epilogue.rows_along_n ? &n : &m) = widths(t, f, step, most);
	tunables_add(t, l, "tile", level, f->m_name, m.v, m.n, NULL);
	tunables_add(t, l, "tile", level, f->n_name, n.v, n.n, NULL);
}

const char *tiled_rows_plan(const struct product *f, struct arena *a,
	const struct tiling *p)
{
	int tile = f->epilogue.rows_along_n ? p->bn : p->bm;

	if (!f->epilogue.rows)
		return NULL;
	if (tile < f->epilogue.row)
		return arena_printf(a, "'%s' is of all %lld of %s, which one "
			"tile must hold: tile(block, %s = %d) is too small",
			statistic(f)->tensor->name, (long long)f->epilogue.row,
			along(f), along(f), tile);
	if (p->split > 1 || p->streams)
		return arena_printf(a, "'%s' is of whole sums: split_k by 1, not "
			"%d", statistic(f)->tensor->name, p->split > 1 ?
			p->split : p->streams);
	if (tile != f->epilogue.row && is_part(f))
		return arena_printf(a, "'%s' is of each %lld of %s, and so is a "
			"tile: tile(block, %s = %d) has more", statistic(f)->
			tensor->name, (long long)f->epilogue.row, along(f),
			along(f), tile);
	if (p->cluster > 1 && p->along_m != f->epilogue.rows_along_n &&
	    !is_part(f))
		return arena_printf(a, "one tile holds all of %s, and leaves "
			"other blocks of its cluster none: cluster(%s = 1)",
			along(f), along(f));
	return NULL;
}

/* ---- what it takes ---- */

int64_t tiled_rows_shared(const struct product *f, const struct tiling *p)
{
	const struct epilogue *e = &f->epilogue;
	int64_t values = (int64_t)p->rows.parts * (e->rows_along_n ? p->bm :
		p->bn), bytes = 0;

	for (int i = 0; i < e->n && p->rows.parts > 1; i++) {
		const struct ir_expr *r = e->outputs[i].reduction;

		if (!r)
			continue;
		bytes += values * dtype_row(reducer_type(r))->bits / 8 + 16;
		if (reducer_indexed(r->reducer))
			bytes += values * 8 + 16;
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

int tiled_rows_regs(const struct product *f, int m, int n)
{
	const struct epilogue *e = &f->epilogue;
	int rows = e->rows_along_n ? m : n, regs = 0;

	for (int i = 0; i < e->n; i++)
		regs += e->outputs[i].per_row ? rows * row_words(&e->outputs[i]) :
			0;
	return regs + (e->held > 1 ? (e->held - 1) * m * n * words(f->acc) : 0);
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

struct tiled_rows_cost tiled_rows_cost(const struct product *f,
	const struct tiling *p, int m, int n)
{
	const struct epilogue *e = &f->epilogue;
	int mine = e->rows_along_n ? m : n;
	double elements = (double)m * n;
	struct tiled_rows_cost c = { 0, 0, 0 };

	for (int i = 0; i < e->n && e->rows; i++) {
		const struct output *o = &e->outputs[i];
		struct cost_of x = { 0, 0, 0 };
		double times = o->per_row && !o->reduction ? mine : elements;
		bool at = o->reduction && reducer_indexed(
			o->reduction->reducer);
		double join = at ? 2 + DISORDERED_ISSUE : 2;

		if (epilogue_finder(e, i) >= 0)
			continue;
		if (o->value)
			x = expr_cost(o->value);
		c.issue += times * (x.issue + (at ? INDEXED_ISSUE : 1));
		c.special += times * x.special;
		if (!o->reduction)
			continue;
		c.issue += mine * (join * steps(p->rows.lanes) +
			(p->rows.parts > 1 ? 6 + join * p->rows.parts : 0));
		c.chain += 30.0 * steps(p->rows.lanes) + 2 * mine +
			(p->rows.parts > 1 ? 100 + 30.0 * p->rows.parts : 0);
	}
	return c;
}

double tiled_rows_ilp(struct tiled_rows_cost rows, double ilp, double all)
{
	return ilp * all / (all - rows.issue);
}
