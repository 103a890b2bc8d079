/* SPDX-License-Identifier: MIT */
/* The mma sketch's kernel: from a point to kernel IR. Fragments of both factors
 * come from the shared tiles into registers, instructions add their products to
 * a warp's sums, and at the end each thread has its share of them in rows and
 * columns, for what follows in every tiled contraction.
 *
 * PTX ISA, "Matrix Fragments for mma": of an instruction's results thread t has
 * columns 2 (t % 4) and the next, in row t / 4 and, of 16, row t / 4 + 8. Of the
 * left factor it has the same rows, of the right one column t / 4, and along the
 * reduction the 4 bytes number t % 4 of each 16; 8 bytes of f64. */
#include "sketch/mma.h"
#include "sketch/promotion.h"

#include <assert.h>

/* One factor's fragments in registers: "value" [instructions][registers], and of
 * f32 what is left of it beyond tf32, if that counts. Thread "lane" asks
 * ldmatrix for the 16 bytes number "turn" of row "row", or, transposed, of step
 * "row" for those from "turn" on. */
struct fragment {
	const struct stage *s;
	const struct stager *g;
	enum mma_load load;
	int n, each, regs;	/* instructions; rows or columns and registers
				 * of each */
	struct k_buffer *value, *rest;
	struct kx *row, *turn;
};

struct mma_code {
	struct tiled_code of;
	const struct mma *f;
	const struct mma_plan *p;
	struct k_buffer *sums;		/* [rows][columns][results], of which
					 * short ones are promoted to of.acc */
	struct fragment rows, cols;
	struct kx *lane, *warp_m, *warp_n;
};

static struct kx *num(const struct mma_code *g, int64_t v)
{
	return kx_int(g->of.a, v);
}

static int elem_of(const struct mma_code *g)
{
	return dtype_row(g->f->tile)->bits / 8;
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

/* Bytes of the reduction that one instruction sums, in chunks of 16. */
static int chunks_of(const struct mma_code *g)
{
	return g->f->row->k * elem_of(g) / 16;
}

static struct k_buffer *registers_of(struct mma_code *g,
	const struct fragment *x, const char *suffix)
{
	int64_t dims[2] = { x->n, x->regs };

	return kernel_array(g->of.k, K_REGISTER, arena_printf(g->of.a, "%s_%s",
		x->g->name, suffix), mma_register(g->f->row->factor),
		2, dims, 16);
}

/* Of the four matrices of 8 rows that one ldmatrix fetches, which is thread
 * "lane"'s: "half" the second 8 rows, "chunk" the second 16 bytes. A left
 * factor's come rows first, a right one's bytes first. */
static void which_matrix(struct mma_code *g, bool right, struct kx **half,
	struct kx **chunk)
{
	struct arena *a = g->of.a;
	struct kx *low = kx_mod(a, kx_div(a, g->lane, num(g, 8)), num(g, 2));
	struct kx *high = kx_div(a, g->lane, num(g, 16));

	*half = right ? high : low;
	*chunk = right ? low : high;
	if (chunks_of(g) == 1) {
		*half = low;
		*chunk = num(g, 0);
	}
}

/* What ldmatrix addresses have in common, before the main loop. */
static void prepare(struct mma_code *g, struct k_block *b, struct fragment *x,
	struct kx *first, bool right)
{
	struct arena *a = g->of.a;
	struct kx *eight = kx_mod(a, g->lane, num(g, 8)), *half, *chunk;
	const char *name = x->g->name;

	if (x->load == MMA_ELEMENTS) {
		x->row = first;
		return;
	}
	which_matrix(g, right, &half, &chunk);
	if (x->load == MMA_TRANSPOSED) {
		x->row = ks_let(a, b, arena_printf(a, "%s_step", name),
			kx_add(a, kx_mul(a, chunk, num(g, 8)), eight));
		x->turn = ks_let(a, b, arena_printf(a, "%s_from", name),
			kx_add(a, first, kx_mul(a, half, num(g, 8))));
		return;
	}
	x->turn = kx_div(a, stager_column(x->g, eight, kx_mul(a, chunk,
		num(g, 16 / elem_of(g)))), num(g, 16 / elem_of(g)));
	x->turn = ks_let(a, b, arena_printf(a, "%s_turn", name), x->turn);
	x->row = ks_let(a, b, arena_printf(a, "%s_row", name), kx_add(a,
		kx_add(a, first, kx_mul(a, half, num(g, 8))), eight));
}

/* Chunk "chunk" of 16 bytes, counted from where the thread's turn is. */
static struct kx *column_at(struct mma_code *g, const struct fragment *x,
	struct kx *chunk)
{
	struct arena *a = g->of.a;
	struct kx *at = kx_add(a, chunk, x->turn);
	int64_t none;

	if (x->s->swizzled && !(kx_is_int(chunk, &none) && none == 0))
		at = kx_call(a, INTRIN_BIT_XOR, T_I32, 2, chunk, x->turn);
	return kx_mul(a, at, num(g, 16 / elem_of(g)));
}

/* ldmatrix for 16 rows of the tile from "from" on, at step "kk" of the chunk in
 * "slot", into the registers of instruction "to". */
static void load_matrices(struct mma_code *g, struct k_block *b,
	const struct fragment *x, struct kx *slot, struct kx *kk, struct kx *from,
	struct kx *to)
{
	struct arena *a = g->of.a;
	bool turned = x->load == MMA_TRANSPOSED, four = chunks_of(g) == 2;
	struct kx *chunk = kx_div(a, kk, num(g, 16 / elem_of(g)));
	struct kx *row = turned ? kx_add(a, x->row, kk) :
		kx_add(a, x->row, from);
	struct kx *col = turned ? kx_add(a, x->turn, from) :
		column_at(g, x, chunk);

	ks_call(a, b, turned ? four ? INTRIN_LDMATRIX_X4_TRANS :
		INTRIN_LDMATRIX_X2_TRANS : four ? INTRIN_LDMATRIX_X4 :
		INTRIN_LDMATRIX_X2, 2, kx_address(a, k_place(x->value, to,
			num(g, 0))), kx_address(a, k_place(x->g->tile, slot, row,
			col)));
}

/* Element of the tile at row "row" and step "k" of the chunk. */
static struct kx *element(struct mma_code *g, const struct fragment *x,
	struct kx *slot, struct kx *row, struct kx *k)
{
	struct k_place p = stager_place(x->g, slot, row, k);

	return kx_load(g->of.a, p.buffer, p.index[0], p.index[1], p.index[2]);
}

/* The elements of one register of 32 bits, lowest first. */
static struct kx *packed(struct mma_code *g, const struct fragment *x,
	struct kx *slot, struct kx *row, struct kx *k)
{
	struct arena *a = g->of.a;
	int n = 4 / elem_of(g);
	struct kx *v[4];

	for (int i = 0; i < n; i++)
		v[i] = element(g, x, slot, row, kx_add(a, k, num(g, i)));
	return kx_pack(a, v, n);
}

/* Register "r" of instruction "i": rows 8 apart come first, then 16 bytes. */
static void load_elements(struct mma_code *g, struct k_block *b,
	const struct fragment *x, struct kx *slot, struct kx *kk)
{
	struct arena *a = g->of.a;
	int halves = x->each / 8, per = elem_of(g) < 4 ? 4 / elem_of(g) : 1;
	struct kx *four = kx_mod(a, g->lane, num(g, 4));
	struct kx *eight = kx_div(a, g->lane, num(g, 4)), *i, *row, *k;

	b = tile_loop(a, b, "i", x->n, &i);
	for (int r = 0; r < x->regs; r++) {
		row = kx_add(a, kx_add(a, x->row, kx_mul(a, i, num(g, x->each))),
			kx_add(a, eight, num(g, r % halves * 8)));
		k = kx_add(a, kx_add(a, kk, kx_mul(a, four, num(g, per))),
			num(g, r / halves * (16 / elem_of(g))));
		ks_store(a, b, k_place(x->value, i, num(g, r)),
			x->value->type == T_F64 ? element(g, x, slot, row, k) :
			packed(g, x, slot, row, k));
	}
}

/* f32 as tf32, and what that leaves of it. */
static void round_fragment(struct mma_code *g, struct k_block *b,
	const struct fragment *x)
{
	struct arena *a = g->of.a;
	struct kx *i, *r, *high, *rest;

	if (g->p->precision == PRECISION_AUTO)
		return;
	b = tile_loop(a, b, "i", x->n, &i);
	b = tile_loop(a, b, "r", x->regs, &r);
	high = precision_split(a, b, kx_bits(a, T_F32, kx_load(a, x->value, i,
		r)), &rest);
	ks_store(a, b, k_place(x->value, i, r), kx_bits(a, T_U32, high));
	if (x->rest)
		ks_store(a, b, k_place(x->rest, i, r), kx_bits(a, T_U32,
			rest));
}

static void load_fragment(struct mma_code *g, struct k_block *b,
	const struct fragment *x, struct kx *slot, struct kx *kk)
{
	struct arena *a = g->of.a;
	struct k_block *each;
	struct kx *i;
	int at_once = 16 / x->each;

	if (x->load == MMA_ELEMENTS) {
		load_elements(g, b, x, slot, kk);
	} else {
		each = tile_loop(a, b, "i", x->n / at_once, &i);
		load_matrices(g, each, x, slot, kk, kx_mul(a, i, num(g, 16)),
			kx_mul(a, i, num(g, at_once)));
	}
	round_fragment(g, b, x);
}

/* ---- sums ---- */

static struct k_block *each_sum(struct mma_code *g, struct k_block *b,
	struct kx **i, struct kx **j, struct kx **r)
{
	b = tile_loop(g->of.a, b, "i", g->rows.n, i);
	b = tile_loop(g->of.a, b, "j", g->cols.n, j);
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
 * 2, 3 of an instruction of 16 rows lie 8 rows below 0, 1. */
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
	promote_add(g->of.a, b, to, value(g, &sum));
	ks_store(g->of.a, b, sum, kx_float(g->of.a, 0, T_F32));
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
	load_fragment(g, b, &g->rows, slot, kk);
	load_fragment(g, b, &g->cols, slot, kk);
	b = tile_loop(a, b, "i", g->rows.n, &i);
	b = tile_loop(a, b, "j", g->cols.n, &j);
	if (g->rows.rest) {
		multiply(g, b, g->rows.rest, g->cols.value, i, j);
		multiply(g, b, g->rows.value, g->cols.rest, i, j);
	}
	multiply(g, b, g->rows.value, g->cols.value, i, j);
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
	multiply_steps(g, b, slot, from, steps);
	if (g->p->promote)
		promote(g, promote_block(&g->of, b, g->p->promote));
}

/* ---- kernel ---- */

static void describe_fragment(struct mma_code *g, struct k_block *b,
	struct fragment *x, bool right)
{
	bool left_operand = right == g->f->swap;
	const struct mma_row *row = g->f->row;
	int mine = right ? g->p->wc : g->p->wr;

	*x = (struct fragment){ .g = left_operand ? &g->of.left : &g->of.right,
		.load = right ? g->p->col_load : g->p->row_load,
		.each = right ? row->n : row->m };
	x->s = x->g->s;
	x->n = mine / x->each;
	x->regs = mma_registers(x->each * row->k, row->factor);
	x->value = registers_of(g, x, "part");
	if (g->p->precision == PRECISION_3XTF32)
		x->rest = registers_of(g, x, "rest");
	prepare(g, b, x, left_operand ? g->warp_m : g->warp_n, right);
}

static void start(void *ctx, struct k_block *b)
{
	struct mma_code *g = ctx;
	int64_t dims[3];

	ks_comment(g->of.a, b, "fragments of what this warp multiplies");
	describe_fragment(g, b, &g->rows, false);
	describe_fragment(g, b, &g->cols, true);
	dims[0] = g->rows.n;
	dims[1] = g->cols.n;
	dims[2] = acc_regs(g);
	g->sums = kernel_array(g->of.k, K_REGISTER, "sums", g->f->row->acc, 3,
		dims, 16);
	clear_sums(g, b);
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
	struct share rows, cols;

	assert(!why);
	(void)why;
	rows = (struct share){ p.wr / 8, 1, 8, 0, 0 };
	cols = (struct share){ p.wc / 4, p.vec, 4, 0, 0 };
	tiled_build(&g.of, f->swap ? cols : rows, f->swap ? rows : cols,
		p.promised);
}
