/* SPDX-License-Identifier: MIT */
/* What tf32 leaves of the columns' factor: room for it, and the code that takes a
 * chunk apart, 16 bytes at a time, wherever in the tile they lie. A stage's rests
 * are read as long as the stage is, so there are as many of both. */
#include "sketch/wgmma_rest.h"

#include "kernel/intrin.h"
#include "sketch/precision.h"
#include "sketch/wgmma.h"

enum { ALIGN = 1024, CHUNK = 16, WORDS = 4, BARRIER = 6 };

static const struct stage *stage_of(const struct wgmma_plan *p)
{
	return p->swap ? &p->of.left : &p->of.right;
}

/* Those who take a chunk apart: all who multiply the tile. */
static int threads_of(const struct wgmma_plan *p)
{
	return p->of.threads / p->of.crews;
}

static int turns_of(const struct wgmma_plan *p)
{
	int chunks = (int)(stage_bytes(stage_of(p)) / CHUNK);

	return (chunks + threads_of(p) - 1) / threads_of(p);
}

/* ---- what it takes ---- */

int64_t wgmma_rest_bytes(const struct wgmma_plan *p)
{
	int64_t bytes = p->of.stages * stage_bytes(stage_of(p));

	return p->thrice ? (bytes + ALIGN - 1) / ALIGN * ALIGN : 0;
}

int wgmma_rest_regs(const struct wgmma_plan *p)
{
	return p->thrice ? 2 * WORDS + 6 : 0;
}

/* 16 bytes read and written twice; two conversions and a difference each word. */
double wgmma_rest_issue(const struct wgmma_plan *p)
{
	return p->thrice ? turns_of(p) * (6.0 + 3 * WORDS) + 10 : 0;
}

double wgmma_rest_waves(const struct wgmma_plan *p)
{
	return p->thrice ? 3 * (double)stage_bytes(stage_of(p)) / 128 : 0;
}

/* ---- code ---- */

static struct kx *num(const struct wgmma_rest *g, int64_t v)
{
	return kx_int(g->of->a, v);
}

void wgmma_rest_create(struct wgmma_rest *g)
{
	const struct stage *s = stage_of(g->p);
	int64_t row = (int64_t)s->row_stride * s->op->tile_elem;
	int64_t dims[3] = { g->p->of.stages, stage_bytes(s) / row,
		s->row_stride }, part[2] = { 2, WORDS };

	g->y = g->p->swap ? &g->of->left : &g->of->right;
	g->tile = kernel_array(g->of->k, K_SHARED, arena_printf(g->of->a,
		"%s_rest", g->y->name), T_F32, 3, dims, ALIGN);
	g->tile->comment = "what tf32 leaves of it";
	g->part = kernel_array(g->of->k, K_REGISTER, arena_printf(g->of->a,
		"%s_split", g->y->name), T_F32, 2, part, 16);
}

/* The 16 bytes from column "col" of line "line" on. */
static void split_one(struct wgmma_rest *g, struct k_block *b,
	struct kx *slot, struct kx *line, struct kx *col)
{
	struct arena *a = g->of->a;
	struct k_place at = k_place(g->y->tile, slot, line, col);
	struct k_block *each;
	struct kx *e, *high, *rest;

	ks_copy(a, b, COPY_PLAIN, k_place(g->part, num(g, 0), num(g, 0)), at,
		CHUNK, NULL, 0);
	each = tile_loop(a, b, "e", WORDS, &e);
	high = precision_split(a, each, kx_load(a, g->part, num(g, 0), e),
		&rest);
	ks_store(a, each, k_place(g->part, num(g, 0), e), high);
	ks_store(a, each, k_place(g->part, num(g, 1), e), rest);
	ks_copy(a, b, COPY_PLAIN, at, k_place(g->part, num(g, 0), num(g, 0)),
		CHUNK, NULL, 0);
	ks_copy(a, b, COPY_PLAIN, k_place(g->tile, slot, line, col), k_place(
		g->part, num(g, 1), num(g, 0)), CHUNK, NULL, 0);
}

/* The block's barrier where all of it multiplies, else one of those who do. */
static void publish(struct wgmma_rest *g, struct k_block *b)
{
	struct arena *a = g->of->a;
	struct kx *id = num(g, BARRIER);

	ks_call(a, b, INTRIN_FENCE_PROXY_ASYNC, 0);
	if (!g->p->of.bulk) {
		ks_barrier(a, b, BARRIER_BLOCK);
		return;
	}
	if (g->p->of.crews > 1)
		id = kx_add(a, id, g->of->crew);
	ks_call(a, b, INTRIN_BARRIER_SYNC, 2, id, num(g, threads_of(g->p)));
}

void wgmma_rest_split(struct wgmma_rest *g, struct k_block *b,
	struct kx *slot)
{
	struct arena *a = g->of->a;
	const struct stage *s = stage_of(g->p);
	int threads = threads_of(g->p), row = s->row_stride / WORDS;
	int64_t chunks = stage_bytes(s) / CHUNK;
	struct kx *own = g->of->thread, *i, *at;
	struct k_block *each;

	if (g->p->of.crews > 1)
		own = kx_mod(a, own, num(g, threads));
	each = tile_loop(a, b, "i", turns_of(g->p), &i);
	at = ks_let(a, each, "at", kx_add(a, own, kx_mul(a, i, num(g,
		threads))));
	if (chunks % threads)
		each = ks_if(a, each, kx_lt(a, at, num(g, chunks)));
	split_one(g, each, slot, kx_div(a, at, num(g, row)), kx_mul(a, kx_mod(a,
		at, num(g, row)), num(g, WORDS)));
	publish(g, b);
}
