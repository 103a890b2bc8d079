/* SPDX-License-Identifier: MIT */
/* The mma sketch's kernel: from a point to kernel IR. Fragments of both factors
 * come from the shared tiles into registers (mma_fragment.h), instructions add
 * their products to a warp's sums, and at the end each thread has its share of
 * them in rows and columns, for what follows in every tiled contraction. */
#include "sketch/mma.h"
#include "sketch/promotion.h"

#include <assert.h>

/* One factor's fragments, and of f32 what is left of it beyond tf32, if that
 * counts. */
struct factor {
	struct fragment of;
	struct k_buffer *rest;
};

struct mma_code {
	struct tiled_code of;
	const struct mma *f;
	const struct mma_plan *p;
	struct k_buffer *sums;		/* [rows][columns][results], of which
					 * short ones are promoted to of.acc */
	struct factor rows, cols;
	struct kx *lane, *warp_m, *warp_n;
	struct scaler scales;
};

static struct kx *num(const struct mma_code *g, int64_t v)
{
	return kx_int(g->of.a, v);
}

static int acc_regs(const struct mma_code *g)
{
	return mma_registers(g->f->row->m * g->f->row->n, g->f->row->acc);
}

/* ---- who owns what ---- */

/* Of rows that warps share: which part is this one's. */
static void own_rows(struct mma_code *g, struct kx *along, struct kx *across)
{
	bool along_n = g->of.f->epilogue.rows_along_n;
	struct row_threads *rows = &g->of.out.rows;

	rows->part = along_n ? along : across;
	rows->first = along_n ? g->warp_m : g->warp_n;
}

static void own_part(void *ctx, struct k_block *b)
{
	struct mma_code *g = ctx;
	struct tiled_code *c = &g->of;
	struct arena *a = c->a;
	struct kx *warp, *along, *across;
	struct side *rows = g->f->swap ? &c->out.n : &c->out.m;
	struct side *cols = g->f->swap ? &c->out.m : &c->out.n;

	g->lane = ks_let(a, b, "lane", kx_mod(a, c->thread, num(g, 32)));
	warp = ks_let(a, b, "warp", kx_div(a, c->thread, num(g, 32)));
	along = kx_mod(a, warp, num(g, g->p->warps_n));
	across = kx_div(a, warp, num(g, g->p->warps_n));
	g->warp_m = ks_let(a, b, "warp_m", kx_mul(a, across,
		num(g, g->p->wm)));
	g->warp_n = ks_let(a, b, "warp_n", kx_mul(a, along,
		num(g, g->p->wn)));
	rows->lane = ks_let(a, b, "lane_row", kx_div(a, g->lane, num(g, 4)));
	cols->lane = ks_let(a, b, "lane_col", kx_mod(a, g->lane, num(g, 4)));
	if (g->of.f->epilogue.rows)
		own_rows(g, along, across);
	c->out.m.first = ks_let(a, b, "m_own", kx_add(a, c->m_first,
		g->warp_m));
	c->out.n.first = ks_let(a, b, "n_own", kx_add(a, c->n_first,
		g->warp_n));
}

/* ---- fragments ---- */

/* f32 as tf32, and what that leaves of it. */
static void round_factor(struct mma_code *g, struct k_block *b,
	const struct factor *x)
{
	struct k_buffer *value = x->of.value;
	struct arena *a = g->of.a;
	struct kx *i, *r, *high, *rest;

	if (g->p->precision == PRECISION_AUTO)
		return;
	b = tile_loop(a, b, "i", x->of.n, &i);
	b = tile_loop(a, b, "r", x->of.regs, &r);
	high = precision_split(a, b, kx_bits(a, T_F32, kx_load(a, value, i, r)),
		&rest);
	ks_store(a, b, k_place(value, i, r), kx_bits(a, T_U32, high));
	if (x->rest)
		ks_store(a, b, k_place(x->rest, i, r), kx_bits(a, T_U32,
			rest));
}

static void load_factor(struct mma_code *g, struct k_block *b,
	const struct factor *x, struct kx *slot, struct kx *kk)
{
	fragment_load(&x->of, b, slot, kk);
	round_factor(g, b, x);
}

/* ---- sums ---- */

static struct k_block *each_sum(struct mma_code *g, struct k_block *b,
	struct kx **i, struct kx **j, struct kx **r)
{
	b = tile_loop(g->of.a, b, "i", g->rows.of.n, i);
	b = tile_loop(g->of.a, b, "j", g->cols.of.n, j);
	return tile_loop(g->of.a, b, "r", acc_regs(g), r);
}

static void clear_sums(struct mma_code *g, struct k_block *b)
{
	struct kx *i, *j, *r;

	b = each_sum(g, b, &i, &j, &r);
	ks_store(g->of.a, b, k_place(g->sums, i, j, r),
		product_zero(g->of.a, g->f->row->acc));
}

/* Each of the thread's sums, and where it goes in its rows and columns: results
 * 2, 3 of an instruction of 16 rows lie 8 rows below 0, 1. A second product's
 * come behind the first's on the side of N, where the factors of both are so. */
static struct k_block *each_result(struct mma_code *g, struct k_block *b,
	struct k_place *sum, struct k_place *to)
{
	struct arena *a = g->of.a;
	int halves = acc_regs(g) / 2;
	struct kx *i, *j, *r, *row, *col;

	b = each_sum(g, b, &i, &j, &r);
	row = kx_add(a, kx_mul(a, i, num(g, halves)), kx_div(a, r, num(g, 2)));
	col = kx_add(a, kx_mul(a, j, num(g, 2)), kx_mod(a, r, num(g, 2)));
	*sum = k_place(g->sums, i, j, r);
	*to = g->f->swap ? k_place(g->of.acc, col, row) :
		k_place(g->of.acc, row, col);
	return b;
}

static struct kx *value(struct mma_code *g, const struct k_place *p)
{
	return kx_load(g->of.a, p->buffer, p->index[0], p->index[1],
		p->index[2]);
}

static void share_out(void *ctx, struct k_block *b)
{
	struct mma_code *g = ctx;
	struct k_place sum, to;

	if (g->p->promote)
		return;
	ks_comment(g->of.a, b, "each thread's results, in its rows and "
		"columns");
	b = each_result(g, b, &sum, &to);
	ks_store(g->of.a, b, to, value(g, &sum));
}

/* Short sums go to those in f32, and begin anew. */
static void promote(struct mma_code *g, struct k_block *b)
{
	struct k_place sum, to;

	b = each_result(g, b, &sum, &to);
	promote_add(g->of.a, b, to, value(g, &sum), scaler_value(&g->scales,
		to.index[0], to.index[1]));
	ks_store(g->of.a, b, sum, product_zero(g->of.a, g->f->row->acc));
}

/* ---- products ---- */

static void multiply(struct mma_code *g, struct k_block *b,
	struct k_buffer *left, struct k_buffer *right, struct kx *i, struct kx *j)
{
	const struct mma_row *form = g->f->row;
	struct kx *zero = num(g, 0);

	ks_push(g->of.a, b, (struct ks){ .kind = KS_MMA, .mma = MMA_SYNC,
		.m = form->m, .n = form->n, .k = form->k,
		.acc = k_place(g->sums, i, j, zero),
		.left = k_place(left, i, zero), .right = k_place(right, j, zero),
		.acc_type = form->acc, .left_type = form->factor,
		.right_type = form->factor });
}

/* Of "steps" steps of the chunk from step "from" on. */
static void multiply_steps(struct mma_code *g, struct k_block *b,
	struct kx *slot, struct kx *from, int steps)
{
	struct arena *a = g->of.a;
	int step = g->f->row->k;
	struct kx *kk = num(g, 0), *i, *j;

	if (steps > step)
		b = ks_for(a, b, LOOP_UNROLLED, "kk", num(g, 0),
			num(g, steps), num(g, step), &kk);
	kk = kx_add(a, from, kk);
	load_factor(g, b, &g->rows, slot, kk);
	load_factor(g, b, &g->cols, slot, kk);
	b = tile_loop(a, b, "i", g->rows.of.n, &i);
	b = tile_loop(a, b, "j", g->cols.of.n, &j);
	if (g->rows.rest) {
		multiply(g, b, g->rows.rest, g->cols.of.value, i, j);
		multiply(g, b, g->rows.of.value, g->cols.rest, i, j);
	}
	multiply(g, b, g->rows.of.value, g->cols.of.value, i, j);
}

static void compute(void *ctx, struct k_block *b, struct kx *slot)
{
	struct mma_code *g = ctx;
	int bk = g->p->of.bk, steps = g->p->promote && g->p->promote < bk ?
		g->p->promote : bk;
	struct kx *from = num(g, 0);

	if (steps < bk)
		b = ks_for(g->of.a, b, LOOP_UNROLLED, "from", num(g, 0),
			num(g, bk), num(g, steps), &from);
	scaler_load(&g->scales, b, g->p->promote, from);
	multiply_steps(g, b, slot, from, steps);
	if (g->p->promote)
		promote(g, promote_block(&g->of, b, g->p->promote));
}

/* ---- kernel ---- */

static void describe_factor(struct mma_code *g, struct k_block *b,
	struct factor *x, bool right)
{
	bool left_operand = right == g->f->swap;

	*x = (struct factor){ .of = { .a = g->of.a, .kernel = g->of.k,
		.g = left_operand ? &g->of.left : &g->of.right,
		.form = g->f->row, .load = right ? g->p->col_load :
		g->p->row_load, .right = right, .lane = g->lane } };
	fragment_create(&x->of, b, left_operand ? g->warp_m : kx_mul(g->of.a,
		g->warp_n, num(g, g->f->of.products)), right ? mma_cols_of(g->f,
		g->p) : mma_rows_of(g->f, g->p));
	if (g->p->precision == PRECISION_3XTF32)
		x->rest = fragment_registers(&x->of, "rest");
}

static void start(void *ctx, struct k_block *b)
{
	struct mma_code *g = ctx;
	int64_t dims[3];

	ks_comment(g->of.a, b, "fragments of what this warp multiplies");
	describe_factor(g, b, &g->rows, false);
	describe_factor(g, b, &g->cols, true);
	dims[0] = g->rows.of.n;
	dims[1] = g->cols.of.n;
	dims[2] = acc_regs(g);
	g->sums = kernel_array(g->of.k, K_REGISTER, "sums", g->f->row->acc, 3,
		dims, 16);
	clear_sums(g, b);
	g->scales.of = &g->of;
	scaler_create(&g->scales, mma_share_m(g->f, g->p), mma_share_n(g->f,
		g->p));
	if (g->p->promote)
		promote_clear(&g->of, b);
}

static const struct tiled_calls calls = {
	.own = own_part, .start = start, .compute = compute,
	.finish = share_out
};

void mma_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	const struct mma *f = t->state;
	struct mma_plan p;
	struct mma_code g = { .f = f, .p = &p, .of = { .t = t, .f = &f->of,
		.p = &p.of, .a = a, .program = out, .calls = &calls,
		.ctx = &g } };
	const char *why = mma_plan(t, a, values, &p);

	assert(!why);
	(void)why;
	tiled_build(&g.of, mma_share_m(f, &p), mma_share_n(f, &p), p.promised);
}
