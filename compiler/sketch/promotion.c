/* SPDX-License-Identifier: MIT */
/* What a schedule says of promoted sums, the code that all tiled contractions have
 * in common for it, and the arithmetic that is: 14 bits of an instruction's sum,
 * from which the reference derives its bound (ir/eval_short.c). */
#include "sketch/promotion.h"

#include <stdlib.h>

#include "sketch/common.h"

enum { BITS = 14 };

const char *const promote_words[] = { "auto", "fast", "32", "64", "128", "256",
	"512", "1024", NULL };
/* The first is the usual one: the reduction of 4 instructions of Hopper. */
const int promote_values[PROMOTE_VALUES] = { 4, 2, 3, 5, 6, 7, PROMOTE_FAST };

static bool is_short(enum dtype t)
{
	return t == T_E4M3 || t == T_E5M2;
}

bool promotes(enum dtype left, enum dtype right)
{
	return is_short(left) && is_short(right);
}

int promote_after(const struct product *f, int order, int value)
{
	if (value >= PROMOTE_NUMBERS)
		return atoi(promote_words[value]);
	return f->scales.any ? (int)f->scales.group[order] : 0;
}

const char *promote_unsaid(const struct task *t, const char *tensor,
	enum dtype left, enum dtype right)
{
	if (sched_said(t->schedule, "mma", tensor, "promote"))
		return NULL;
	return arena_printf(t->a, "tensor cores of %s keep %d bits of sums of "
		"%s x %s: mma(STATEMENT, promote = 128) adds them to f32 after "
		"every 128 products, promote = fast never", t->target->name,
		BITS, dtype_row(left)->name, dtype_row(right)->name);
}

/* The largest number of promote_words up to "most" that divides "bk". */
static int dividing(int bk, int most)
{
	int best = 32;

	for (int n = 32; n <= most; n *= 2)
		if (bk % n == 0)
			best = n;
	return best;
}

const char *promote_streams(struct arena *a, const struct product *f, int value)
{
	if (f->scales.any)
		return "sums that are scaled are of whole tiles, and combine = "
			"stream shares out their chunks: combine = workspace";
	return arena_printf(a, "promote = %s sums whole tiles, and combine = "
		"stream shares out their chunks: combine = workspace, or promote "
		"= fast", promote_words[value]);
}

/* Chunks of a sum that is scaled begin and end with a scale, and the last is whole. */
static const char *check_scales(struct arena *a, const struct product *f,
	int after, const struct tiling *p)
{
	int64_t group = f->scales.group[p->order];

	if (group == 1)
		return arena_printf(a, "reorder(%s) ends with what a scale "
			"changes along: another order",
			f->order_words[p->order]);
	if (group % after)
		return arena_printf(a, "a scale is of %lld of %s, and sums are "
			"promoted once for each, or more often: promote = %d",
			(long long)group, f->k_name, dividing((int)group,
				after));
	if (p->bk % group && group % p->bk)
		return arena_printf(a, "a scale is of %lld of %s, which neither "
			"divide a chunk of %d nor are a multiple of it: take %d",
			(long long)group, f->k_name, p->bk, dividing((int)group,
				p->bk));
	return f->k % p->bk ? arena_printf(a, "chunks of %d of %s leave a rest "
		"of %lld, and a scale is of whole ones: take %d", p->bk,
		f->k_name, (long long)(f->k % p->bk), dividing((int)f->k, p->bk)) : NULL;
}

const char *promote_check(struct arena *a, const struct product *f, bool is_short,
	int value, const struct tiling *p)
{
	int after = promote_after(f, p->order, value), bk = p->bk;
	const char *why;

	if (is_short != (value != PROMOTE_AUTO))
		return is_short ? "sums of 8-bit floats are promoted, or fast" :
			arena_printf(a, "sums of %s are not kept short here, "
				"which is what promote is for: leave it out",
				dtype_row(f->left.tile_type)->name);
	if (after && p->streams)
		return promote_streams(a, f, value);
	why = f->scales.any ? check_scales(a, f, after, p) : NULL;
	if (why || !after || bk % after == 0 || after % bk == 0)
		return why;
	return arena_printf(a, "sums are promoted after %d products, which "
		"neither divide a chunk of %d nor are a multiple of it: "
		"promote = %d", after, bk, dividing(bk, after));
}

/* ---- code ---- */

void promote_clear(struct tiled_code *g, struct k_block *b)
{
	struct kx *i, *j;

	b = tile_loop(g->a, b, "i", (int)g->acc->dims[0], &i);
	b = tile_loop(g->a, b, "j", (int)g->acc->dims[1], &j);
	ks_store(g->a, b, k_place(g->acc, i, j), kx_float(g->a, 0, T_F32));
}

/* Chunks between promotions, at least one. */
static struct kx *between(const struct tiled_code *g, int after)
{
	return kx_int(g->a, after > g->p->bk ? after / g->p->bk : 1);
}

struct k_block *promote_block(struct tiled_code *g, struct k_block *b,
	int after)
{
	struct arena *a = g->a;
	struct kx *next = kx_add(a, g->turn, kx_int(a, 1));

	if (after <= g->p->bk)
		return b;
	return ks_if(a, b, kx_op(a, OP_OR, T_BOOL, 2, kx_op(a, OP_EQ, T_BOOL, 2,
		kx_mod(a, next, between(g, after)), kx_int(a, 0)), kx_op(a,
		OP_EQ, T_BOOL, 2, next, g->chunks)));
}

struct kx *promote_turn(struct tiled_code *g, int after)
{
	return kx_mod(g->a, g->turn, between(g, after));
}

void promote_add(struct arena *a, struct k_block *b, struct k_place to,
	struct kx *sum, struct kx *scale)
{
	struct kx *all = kx_load(a, to.buffer, to.index[0], to.index[1]);

	sum = lower_convert(a, sum, T_F32);
	ks_store(a, b, to, scale ? product_add(a, T_F32, sum, scale, all) :
		kx_op(a, OP_ADD, T_F32, 2, all, sum));
}

/* ---- arithmetic ---- */

/* A subnormal factor's exponent is that of one up to 2^(significand - 1) times
 * as large. */
static int subnormal(enum dtype left, enum dtype right)
{
	int l = dtype_row(left)->significand;
	int r = dtype_row(right)->significand;

	return 1 << ((l > r ? l : r) - 1);
}

void promote_rewrite(struct arena *a, const struct product *f, int at_once,
	int after, struct ir_operator *o)
{
	const struct ir_stmt *sums[] = { f->c.stmt, f->products > 1 ?
		f->own.stmt : f->c.stmt };
	struct ir_accumulator *x = ARENA_NEW(a, struct ir_accumulator);

	*x = (struct ir_accumulator){ BITS, at_once, after,
		subnormal(f->left.tile_type, f->right.tile_type) };
	for (int i = 0; i < o->n_stmts; i++)
		if ((o->stmts[i].tensor == sums[0]->tensor ||
		    o->stmts[i].tensor == sums[1]->tensor) &&
		    o->stmts[i].expr->kind == IR_REDUCE) {
			struct ir_expr *e = ARENA_NEW(a, struct ir_expr);

			*e = *o->stmts[i].expr;
			e->accumulator = x;
			o->stmts[i].expr = e;
		}
}
