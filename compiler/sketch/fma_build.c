/* SPDX-License-Identifier: MIT */
/* The fma sketch's kernel: from a point to kernel IR. Which part of the block's
 * tile a thread owns is decided here, fma_compute.c multiplies, and the rest is
 * that of every tiled contraction. */
#include "sketch/fma_code.h"

#include <assert.h>

static struct kx *num(const struct fma_code *g, int64_t v)
{
	return kx_int(g->of.a, v);
}

/* A warp covers warp_y x warp_x threads' tiles, so that its fragment loads hit
 * few distinct rows of shared memory. */
static void own_part(void *ctx, struct k_block *b)
{
	struct fma_code *g = ctx;
	const struct fma_plan *p = g->p;
	struct tiled_code *c = &g->of;
	struct arena *a = c->a;
	struct kx *lane, *warp, *warps_x = num(g, p->warp_x ?
		p->tx / p->warp_x : 1);

	if (!p->warp_x) {
		c->out.n.lane = ks_let(a, b, "tx", kx_mod(a, c->thread,
			num(g, p->tx)));
		c->out.m.lane = ks_let(a, b, "ty", kx_div(a, c->thread,
			num(g, p->tx)));
		return;
	}
	lane = ks_let(a, b, "lane", kx_mod(a, c->thread, num(g, 32)));
	warp = ks_let(a, b, "warp", kx_div(a, c->thread, num(g, 32)));
	c->out.n.lane = ks_let(a, b, "tx", kx_add(a, kx_mul(a, kx_mod(a, warp,
		warps_x), num(g, p->warp_x)), kx_mod(a, lane, num(g,
			p->warp_x))));
	c->out.m.lane = ks_let(a, b, "ty", kx_add(a, kx_mul(a, kx_div(a, warp,
		warps_x), num(g, p->warp_y)), kx_div(a, lane, num(g,
			p->warp_x))));
}

static void clear_accumulators(struct fma_code *g, struct k_block *b)
{
	struct arena *a = g->of.a;
	struct kx *i, *j;

	b = tile_loop(a, b, "i", g->p->tm, &i);
	b = tile_loop(a, b, "j", g->p->tn * g->f->of.products, &j);
	ks_store(a, b, k_place(g->of.acc, i, j), product_none(a, &g->f->of));
}

static void start(void *ctx, struct k_block *b)
{
	struct fma_code *g = ctx;

	clear_accumulators(g, b);
	g->l = fma_fragment_make(g, &g->of.left, &g->of.out.m);
	g->r[0] = fma_fragment_make(g, &g->of.right, &g->of.out.n);
	if (g->f->of.products > 1)
		g->r[1] = fma_fragment_make(g, &g->of.twin, &g->of.out.n);
}

static const struct tiled_calls calls = {
	.own = own_part, .start = start, .compute = fma_compute
};

void fma_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	const struct fma *f = t->state;
	struct fma_plan p;
	struct fma_code g = { .f = f, .p = &p, .of = { .t = t, .f = &f->of,
		.p = &p.of, .a = a, .program = out, .calls = &calls,
		.ctx = &g } };
	const char *why = fma_plan(t, a, values, &p);

	assert(!why);
	(void)why;
	tiled_build(&g.of, (struct share){ p.tm, p.vm, p.ty, 0, 0 },
		(struct share){ p.tn, p.vn, p.tx, 0, 0 }, p.promised);
}
