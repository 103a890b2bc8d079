/* SPDX-License-Identifier: MIT */
/* The wgmma sketch's kernel: from a point to kernel IR. Four warps multiply what
 * descriptors say of shared memory, or rows out of registers, and at the end each
 * thread has its share of the sums in rows and columns, for what follows in every
 * tiled contraction.
 *
 * PTX ISA, "Register Fragments for wgmma": of 64 rows warp w of four has 16 w to
 * 16 w + 15, and of those thread t rows t / 4 and t / 4 + 8, in columns 2 (t % 4)
 * and the next of each 8. */
#include "sketch/wgmma.h"
#include "sketch/promotion.h"
#include "sketch/wgmma_descriptor.h"

#include <assert.h>

struct wgmma_code {
	struct tiled_code of;
	const struct wgmma *f;
	const struct wgmma_plan *p;
	struct k_buffer *sums;		/* [64 rows][results], of which short
					 * ones are promoted to of.acc */
	struct kx *group;		/* of four warps */
	struct wgmma_store store;
	struct wgmma_fragment fragment;
	struct wgmma_rest rest;
	struct scaler scales;
};

static struct kx *num(const struct wgmma_code *g, int64_t v)
{
	return kx_int(g->of.a, v);
}

/* ---- sums ---- */

/* Of results that are stored one by one, ptxas packs two conversions to 16 bits into
 * one, in front of the wait, and then makes each product wait for the one before
 * (C7514); it does not where -0 is added first, or a promoted sum is. */
static bool are_copied(const struct wgmma_code *g)
{
	return g->f->row->acc == T_F32 && !g->p->promote &&
		!g->p->store.columns && (g->p->swap || g->p->vec == 1);
}

/* A result behind the wait: to the compiler it is there as soon as its products
 * begin. */
static struct kx *settled(struct wgmma_code *g, struct kx *x)
{
	enum intrin f = g->f->row->acc == T_I32 ? INTRIN_SETTLED_I32 :
		are_copied(g) ? INTRIN_COPIED_F32 : INTRIN_SETTLED_F32;

	return kx_call(g->of.a, f, g->f->row->acc, 1, x);
}

/* Each of the thread's results "*sum", and where it goes in its rows and columns:
 * of four two are 8 rows below the others. A second product's come behind the first's
 * on the side of N. */
static struct k_block *each_result(struct wgmma_code *g, struct k_block *b,
	struct kx **sum, struct k_place *to)
{
	struct arena *a = g->of.a;
	struct kx *i, *r, *row, *col;

	b = tile_loop(a, b, "i", g->p->sum_each, &i);
	b = tile_loop(a, b, "r", g->p->sum_cols / 2, &r);
	row = kx_add(a, kx_mul(a, i, num(g, 2)), kx_mod(a, kx_div(a, r,
		num(g, 2)), num(g, 2)));
	col = kx_add(a, kx_mul(a, kx_div(a, r, num(g, 4)), num(g, 2)), kx_mod(a,
		r, num(g, 2)));
	*to = g->p->swap ? k_place(g->of.acc, col, row) :
		k_place(g->of.acc, row, col);
	*sum = settled(g, kx_load(a, g->sums, i, r));
	return b;
}

static void share_out(void *ctx, struct k_block *b)
{
	struct wgmma_code *g = ctx;
	struct kx *sum;
	struct k_place to;

	if (g->p->promote)
		return;
	ks_comment(g->of.a, b, "each thread's results, in its rows and "
		"columns");
	b = each_result(g, b, &sum, &to);
	ks_store(g->of.a, b, to, sum);
}

static void promote(struct wgmma_code *g, struct k_block *b)
{
	struct kx *sum;
	struct k_place to;

	b = each_result(g, b, &sum, &to);
	promote_add(g->of.a, b, to, sum, scaler_value(&g->scales, to.index[0],
		to.index[1]));
}

/* ---- who owns what ---- */

/* Sums that others' are added to once they are taken out, and those that are copied:
 * nvcc does not see that the next tile begins anew, and would keep both. Settled, or
 * ptxas moves them among the products (C7515). */
static void clear_sums(struct wgmma_code *g, struct k_block *b)
{
	enum dtype t = g->f->row->acc;
	struct arena *a = g->of.a;
	struct kx *i, *r;

	b = tile_loop(a, b, "i", g->p->sum_each, &i);
	b = tile_loop(a, b, "r", g->p->sum_cols / 2, &r);
	ks_store(a, b, k_place(g->sums, i, r), kx_call(a, t == T_I32 ?
		INTRIN_SETTLED_I32 : INTRIN_SETTLED_F32, t, 1, product_zero(a,
			t)));
}

static void own_part(void *ctx, struct k_block *b)
{
	struct wgmma_code *g = ctx;
	struct tiled_code *c = &g->of;
	struct arena *a = c->a;
	struct side *rows = g->p->swap ? &c->out.n : &c->out.m;
	struct side *cols = g->p->swap ? &c->out.m : &c->out.n;
	struct kx *lane = ks_let(a, b, "lane", kx_mod(a, c->thread,
		num(g, 32)));
	struct kx *warp = ks_let(a, b, "warp", kx_mod(a, kx_div(a, c->thread,
		num(g, 32)), num(g, 4)));

	g->group = g->p->groups > 1 ? ks_let(a, b, "group", kx_div(a, c->thread,
		num(g, 128))) : num(g, 0);
	g->store.share = g->group;
	g->store.group = c->p->crews > 1 ? c->crew : g->group;
	rows->lane = ks_let(a, b, "lane_row", kx_div(a, lane, num(g, 4)));
	cols->lane = ks_let(a, b, "lane_col", kx_mod(a, lane, num(g, 4)));
	rows->first = ks_let(a, b, "row_own", kx_add(a, rows->first, kx_add(a,
		kx_mul(a, g->group, num(g, 64 * g->p->each)), kx_mul(a, warp,
			num(g, 16)))));
	if (g->p->registers)
		wgmma_fragment_own(&g->fragment, b, g->group, warp, lane);
	if (g->p->promote)
		promote_clear(c, b);
	if (c->p->streams || (g->p->persistent && are_copied(g)))
		clear_sums(g, b);
}

/* ---- products ---- */

/* The same "kk" steps and "mi" times 64 rows on. */
static struct kx *advance(struct wgmma_code *g, const struct stage *s,
	struct kx *from, struct kx *kk, struct kx *mi)
{
	return wgmma_advance(g->of.a, s, from, kk, mi);
}

static struct kx *descriptor_of(struct wgmma_code *g, struct k_block *b,
	const struct stager *x, struct k_buffer *tile, const char *name,
	struct kx *slot, struct kx *row)
{
	return ks_let(g->of.a, b, arena_printf(g->of.a, "%s_%s", x->name, name),
		wgmma_descriptor(g->of.a, x->s, tile, slot, row));
}

static struct kx *descriptor(struct wgmma_code *g, struct k_block *b,
	const struct stager *x, struct kx *slot, struct kx *row)
{
	return descriptor_of(g, b, x, x->tile, "chunk", slot, row);
}

/* The same at the windows' row "tap": pixels that many rows further down, by the
 * tile behind. */
static struct kx *tap_on(struct wgmma_code *g, const struct stage *s,
	struct kx *from, struct kx *tap)
{
	int64_t lines = s->taps ? stage_tap_lines(s) : (int64_t)s->halo.apart *
		s->halo.wide;
	struct arena *a = g->of.a;

	return kx_add(a, from, kx_cast(a, T_I64, kx_mul(a, tap, num(g, lines *
		wgmma_row_bytes(s) / 16))));
}

static const struct stager *rows_of(const struct wgmma_code *g)
{
	return g->p->swap ? &g->of.right : &g->of.left;
}

static const struct stager *cols_of(const struct wgmma_code *g)
{
	return g->p->swap ? &g->of.left : &g->of.right;
}

/* Is there a sum to add to? The first product of all begins it, or the first
 * after it was promoted, "kk" steps behind that in this chunk. */
static struct kx *goes_on(struct wgmma_code *g, struct kx *kk)
{
	struct arena *a = g->of.a;
	struct kx *turn = g->of.turn;

	if (g->p->promote)
		turn = promote_turn(&g->of, g->p->promote);
	return kx_op(a, OP_NE, T_BOOL, 2, kx_add(a, turn, kk), num(g, 0));
}

/* sums[mi] += rows * cols, or sums[mi] = rows * cols where "onward", unless NULL,
 * is false. "rows" is a descriptor, or NULL where "left" says where in registers they
 * are. */
static void multiply(struct wgmma_code *g, struct k_block *b, struct kx *rows,
	struct k_place left, struct kx *cols, struct kx *onward, struct kx *mi)
{
	const struct wgmma_row *r = g->f->row;
	bool swap = g->p->swap;
	struct arena *a = g->of.a;
	struct kx **args = ARENA_ARRAY(a, 3, struct kx *);

	args[0] = rows ? rows : num(g, 0);
	args[1] = cols;
	args[2] = onward;
	ks_push(a, b, (struct ks){ .kind = KS_MMA, .mma = MMA_WGMMA, .m = 64,
		.n = g->p->sum_cols, .k = r->k, .args = args,
		.n_args = onward ? 3 : 2, .acc = k_place(g->sums, mi, num(g, 0)),
		.acc_type = r->acc, .left_type = swap ? r->right : r->left,
		.right_type = swap ? r->left : r->right, .left = left,
		.left_trans = rows && !rows_of(g)->s->order->k_inner,
		.right_trans = !cols_of(g)->s->order->k_inner });
}

/* The steps of an instruction in "n" of a chunk. */
static struct k_block *each_step(struct wgmma_code *g, struct k_block *b, int n,
	struct kx **kk)
{
	*kk = num(g, 0);
	if (n == g->f->row->k)
		return b;
	return ks_for(g->of.a, b, LOOP_UNROLLED, "kk", num(g, 0), num(g, n),
		num(g, g->f->row->k), kk);
}

/* A step's products with what its fragments hold; the small ones first. */
static void multiply_fragments(struct wgmma_code *g, struct k_block *b,
	struct kx *cols, struct kx *rest, struct kx *kk)
{
	const struct wgmma_fragment *x = &g->fragment;
	const struct stage *s = cols_of(g)->s;
	struct kx *mi, *zero = num(g, 0), *onward = goes_on(g, kk);
	struct k_place part, left;

	b = tile_loop(g->of.a, b, "i", g->p->each, &mi);
	part = wgmma_fragment_at(x, x->part, kk, mi);
	cols = advance(g, s, cols, kk, zero);
	if (rest) {
		left = wgmma_fragment_at(x, x->rest, kk, mi);
		multiply(g, b, NULL, left, cols, onward, mi);
		multiply(g, b, NULL, part, advance(g, s, rest, kk, zero), NULL,
			mi);
	}
	multiply(g, b, NULL, part, cols, rest ? NULL : onward, mi);
}

/* Lanes meet where the next chunk is taken apart, not at the end of this one. */
static bool meets_late(const struct wgmma_code *g)
{
	return g->p->of.lag && g->p->thrice;
}

/* Rows out of registers: while a step's products are under way, the next one's
 * rows are read, and those of the step before are done. All lanes have read a stage
 * when one of them releases it: at the end of a chunk, or where the next one has been
 * taken apart, or at the end of all. */
static void compute_fragments(struct wgmma_code *g, struct k_block *b,
	struct kx *slot)
{
	struct arena *a = g->of.a;
	const struct stager *y = cols_of(g);
	struct kx *cols = descriptor(g, b, y, slot, num(g, 0)), *rest = NULL;
	struct kx *kk, *next;
	struct k_block *step, *each;

	if (g->p->thrice) {
		rest = descriptor_of(g, b, y, g->rest.tile, "rest", slot,
			num(g, 0));
		wgmma_rest_split(&g->rest, b, slot);
	}
	wgmma_fragment_open(&g->fragment, b, slot);
	wgmma_fragment_load(&g->fragment, b, num(g, 0));
	scaler_load(&g->scales, b, g->p->promote, num(g, 0));
	step = each_step(g, b, g->p->of.bk, &kk);
	wgmma_fragment_make(&g->fragment, step, kk);
	ks_call(a, step, INTRIN_WGMMA_FENCE, 0);
	multiply_fragments(g, step, cols, rest, kk);
	ks_call(a, step, INTRIN_WGMMA_COMMIT, 0);
	next = kx_add(a, kk, num(g, g->f->row->k));
	each = ks_if(a, step, kx_lt(a, next, num(g, g->p->of.bk)));
	wgmma_fragment_load(&g->fragment, each, next);
	if (g->p->of.lag)
		ks_call(a, step, INTRIN_WGMMA_WAIT, 1, num(g, 1));
	else if (g->p->of.bk > 2 * g->f->row->k)
		ks_call(a, each, INTRIN_WGMMA_WAIT, 1, num(g, 1));
	if (!g->p->of.lag)
		ks_call(a, b, INTRIN_WGMMA_WAIT, 1, num(g, 0));
	if (g->p->promote)
		promote(g, promote_block(&g->of, b, g->p->promote));
	if (g->p->of.bulk && !meets_late(g))
		ks_barrier(a, b, BARRIER_WARP);
}

/* The products of "steps" from step "from" of the chunk on, at all of the windows'
 * rows that it has. */
static void multiply_steps(struct wgmma_code *g, struct k_block *b,
	struct kx *rows, struct kx *cols, struct kx *from, int steps)
{
	const struct stage *x = rows_of(g)->s, *y = cols_of(g)->s;
	int taps = g->p->of.left.halo.taps;
	struct k_place none = { NULL, { NULL } };
	struct kx *kk, *at, *mi, *tap = num(g, 0);

	ks_call(g->of.a, b, INTRIN_WGMMA_FENCE, 0);
	if (taps) {
		ks_comment(g->of.a, b, "all rows of the windows, each from its "
			"row of pixels on");
		b = tile_loop(g->of.a, b, "tap", taps, &tap);
	}
	b = each_step(g, b, steps, &kk);
	b = tile_loop(g->of.a, b, "i", g->p->sum_each, &mi);
	at = kx_add(g->of.a, from, kk);
	rows = tap_on(g, x, advance(g, x, rows, at, mi), tap);
	cols = tap_on(g, y, advance(g, y, cols, at, num(g, 0)), tap);
	multiply(g, b, rows, none, cols, goes_on(g, kx_add(g->of.a, tap, kk)),
		mi);
}

/* The group's, as it lies in shared memory. */
static struct kx *first_row(struct wgmma_code *g)
{
	const struct halo *h = &rows_of(g)->s->halo;
	struct kx *row = kx_mul(g->of.a, g->group, num(g, 64 * g->p->sum_each));

	return h->patches > 1 ? halo_pixel(g->of.a, h, row) : row;
}

static void compute_shared(struct wgmma_code *g, struct k_block *b,
	struct kx *slot)
{
	struct arena *a = g->of.a;
	struct kx *rows = descriptor(g, b, rows_of(g), slot, first_row(g));
	struct kx *cols = descriptor(g, b, cols_of(g), slot, num(g, 0));
	int bk = g->p->of.bk, steps = g->p->promote && g->p->promote < bk ?
		g->p->promote : bk;
	struct kx *from = num(g, 0);

	if (steps < bk)
		b = ks_for(a, b, LOOP_UNROLLED, "from", num(g, 0), num(g, bk),
			num(g, steps), &from);
	scaler_load(&g->scales, b, g->p->promote, from);
	multiply_steps(g, b, rows, cols, from, steps);
	ks_call(a, b, INTRIN_WGMMA_COMMIT, 0);
	ks_call(a, b, INTRIN_WGMMA_WAIT, 1, num(g, g->p->of.lag));
	if (g->p->promote)
		promote(g, promote_block(&g->of, b, g->p->promote));
}

static void compute(void *ctx, struct k_block *b, struct kx *slot)
{
	struct wgmma_code *g = ctx;

	(g->p->registers ? compute_fragments : compute_shared)(g, b, slot);
}

/* ---- kernel ---- */

static void drain(void *ctx, struct k_block *b)
{
	struct wgmma_code *g = ctx;

	if (g->p->of.lag)
		ks_call(g->of.a, b, INTRIN_WGMMA_WAIT, 1, num(g, 0));
	if (g->p->of.bulk && meets_late(g))
		ks_barrier(g->of.a, b, BARRIER_WARP);
}

static void start(void *ctx, struct k_block *b)
{
	struct wgmma_code *g = ctx;
	int64_t dims[2] = { g->p->sum_each, g->p->sum_cols / 2 };

	(void)b;
	g->sums = kernel_array(g->of.k, K_REGISTER, "sums", g->f->row->acc, 2,
		dims, 16);
	if (g->p->registers)
		wgmma_fragment_create(&g->fragment);
	g->scales.of = &g->of;
	scaler_create(&g->scales, wgmma_share_m(g->p), wgmma_share_n(g->p));
	g->rest = (struct wgmma_rest){ .of = &g->of, .p = g->p };
	if (g->p->thrice)
		wgmma_rest_create(&g->rest);
	g->store.of = &g->of;
	g->store.p = g->p;
	if (g->p->store.columns)
		wgmma_store_create(&g->store, g->f);
}

static void leave(void *ctx, struct k_block *b)
{
	struct wgmma_code *g = ctx;

	if (g->p->store.columns)
		wgmma_store_end(&g->store, b);
}

static const struct tiled_calls calls = {
	.own = own_part, .start = start, .compute = compute, .drain = drain,
	.finish = share_out, .leave = leave
};

void wgmma_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	const struct wgmma *f = t->state;
	struct wgmma_plan p;
	struct wgmma_code g = { .f = f, .p = &p, .of = { .t = t, .f = &f->of,
		.p = &p.of, .a = a, .program = out, .calls = &calls,
		.ctx = &g } };
	const char *why = wgmma_plan(t, a, values, &p);

	assert(!why);
	(void)why;
	g.of.proxy = !p.thrice;
	g.fragment = (struct wgmma_fragment){ .of = &g.of, .f = f, .p = &p };
	tiled_build(&g.of, wgmma_share_m(&p), wgmma_share_n(&p), p.promised);
}
