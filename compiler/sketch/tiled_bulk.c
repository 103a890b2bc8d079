/* SPDX-License-Identifier: MIT */
/* The main loop of a tiled contraction in which one warp copies whole tiles by
 * bulk, and the others multiply. Stages go round: the copies fill one, counted in
 * bytes by its barrier "full"; each warp that has read it arrives at its barrier
 * "empty", and it is filled again. Both barriers' phases alternate, one a round;
 * before the first all stages are empty. A persistent
 * block goes on with the ring from tile to tile: while results are stored, the
 * next tile's chunks arrive. */
#include "kernel/intrin.h"
#include "sketch/tiled.h"

struct ring {
	struct tiled_code *g;
	struct k_buffer *full, *empty;
	struct k_var *before;		/* turns of the tiles before this one, or
					 * NULL if there are none */
};

static struct kx *num(const struct ring *r, int64_t v)
{
	return kx_int(r->g->a, v);
}

static struct kx *at(const struct ring *r, struct k_buffer *barriers,
	struct kx *slot)
{
	return kx_address(r->g->a, k_place(barriers, slot));
}

static struct k_buffer *barriers(struct ring *r, const char *name)
{
	int64_t dims[1] = { r->g->p->stages };

	return kernel_array(r->g->k, K_SHARED, name, T_I64, 1, dims, 16);
}

static void initialise(struct ring *r, struct k_block *b)
{
	struct arena *a = r->g->a;
	struct k_block *first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		r->g->thread, num(r, 0))), *each;
	struct kx *i;

	each = tile_loop(a, first, "s", r->g->p->stages, &i);
	ks_call(a, each, INTRIN_MBARRIER_INIT, 2, at(r, r->full, i),
		num(r, 1));
	ks_call(a, each, INTRIN_MBARRIER_INIT, 2, at(r, r->empty, i),
		num(r, (int64_t)r->g->p->threads / 32 * r->g->p->cluster));
	ks_call(a, first, INTRIN_FENCE_MBARRIER_INIT, 0);
	ks_barrier(a, b, r->g->p->cluster > 1 ? BARRIER_CLUSTER :
		BARRIER_BLOCK);
}

/* The tile the block has now: its own, or in a persistent block one after the
 * other, of which each takes up "turns" turns of the ring. */
static struct k_block *tiles(struct ring *r, struct k_block *b, bool stores)
{
	struct tiled_code *g = r->g;
	struct arena *a = g->a;
	struct kx *at = kx_special(a, K_BLOCK_X);

	r->before = NULL;
	if (g->p->blocks) {
		r->before = ks_mutable(a, b, "turns", T_I32, num(r, 0));
		b = ks_for(a, b, LOOP_TILES, "tile", num(r, 0), num(r,
			g->p->tiles), NULL, &at);
	}
	tiled_own(g, b, at, stores);
	return b;
}

static void next_tile(struct ring *r, struct k_block *b)
{
	if (r->before)
		ks_update(r->g->a, b, r->before, OP_ADD, r->g->chunks);
}

/* Turn "t" of the loop over a tile's chunks: its stage, and the parity of its
 * round. */
static struct k_block *turns(struct ring *r, struct k_block *b, struct kx **t,
	struct kx **slot, struct kx **parity)
{
	struct arena *a = r->g->a;
	struct kx *stages = num(r, r->g->p->stages), *turn;

	b = ks_serial(a, b, "t", num(r, 0), r->g->chunks, num(r, 1), t);
	turn = r->before ? ks_let(a, b, "turn", kx_add(a, kx_var(a, r->before),
		*t)) : *t;
	*slot = ks_let(a, b, "slot", kx_mod(a, turn, stages));
	*parity = ks_let(a, b, "parity", kx_mod(a, kx_div(a, turn, stages),
		num(r, 2)));
	return b;
}

/* ---- the warp that copies ---- */

static void copy_chunks(struct ring *r, struct k_block *b)
{
	struct tiled_code *g = r->g;
	struct arena *a = g->a;
	struct kx *t, *slot, *parity, *k0;
	int64_t bytes = stage_bytes(&g->p->left) + stage_bytes(&g->p->right);

	b = turns(r, b, &t, &slot, &parity);
	ks_call(a, b, INTRIN_MBARRIER_WAIT, 2, at(r, r->empty, slot),
		kx_call(a, INTRIN_BIT_XOR, T_I32, 2, parity, num(r, 1)));
	ks_call(a, b, INTRIN_MBARRIER_EXPECT, 2, at(r, r->full, slot),
		num(r, bytes));
	k0 = ks_let(a, b, "k0", kx_mul(a, kx_add(a, g->first_chunk, t),
		num(r, g->p->bk)));
	bulk_copy(&g->left_bulk, b, k0, slot, k_place(r->full, slot));
	bulk_copy(&g->right_bulk, b, k0, slot, k_place(r->full, slot));
}

/* By one lane; the warp meets again, since it comes to the cluster's barrier as
 * one. */
static void copy(struct ring *r, struct k_block *b)
{
	struct tiled_code *g = r->g;
	struct arena *a = g->a;
	struct k_block *each;

	if (g->p->helpers > 32)
		b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, kx_special(a,
			K_WARP), num(r, g->p->threads / 32)));
	each = tiles(r, ks_if(a, b, kx_call(a, INTRIN_ELECT_ONE, T_BOOL, 0)),
		false);
	g->left_bulk.row = g->m_first;
	g->right_bulk.row = g->n_first;
	g->left_bulk.batch = g->right_bulk.batch = g->batch;
	if (g->p->cluster > 1)
		g->left_bulk.part = g->right_bulk.part = kx_special(a,
			K_CLUSTER_RANK);
	copy_chunks(r, each);
	next_tile(r, each);
	if (g->k->cluster > 1)
		ks_barrier(a, b, BARRIER_WARP);
}

/* ---- those that multiply ---- */

/* A warp has read the stage of turn "t" of the tile: all who copy into it learn
 * that. */
static void release(struct ring *r, struct k_block *b, struct kx *t)
{
	struct arena *a = r->g->a;
	struct kx *turn = r->before ? kx_add(a, kx_var(a, r->before), t) : t;

	struct kx *lane = kx_mod(a, r->g->thread, num(r, 32));
	struct kx *empty = at(r, r->empty, kx_mod(a, turn, num(r,
		r->g->p->stages)));

	b = ks_if(a, b, kx_lt(a, lane, num(r, r->g->p->cluster)));
	if (r->g->p->cluster > 1)
		ks_call(a, b, INTRIN_MBARRIER_ARRIVE_REMOTE, 2, empty, lane);
	else
		ks_call(a, b, INTRIN_MBARRIER_ARRIVE, 1, empty);
}

static void multiply_chunks(struct ring *r, struct k_block *b)
{
	struct tiled_code *g = r->g;
	struct arena *a = g->a;
	struct kx *t, *slot, *parity, *one = num(r, 1);
	struct k_block *body = turns(r, b, &t, &slot, &parity);

	ks_call(a, body, INTRIN_MBARRIER_WAIT, 2, at(r, r->full, slot), parity);
	g->turn = t;
	g->calls->compute(g->ctx, body, slot);
	if (!g->p->lag) {
		release(r, body, t);
		return;
	}
	release(r, ks_if(a, body, kx_lt(a, num(r, 0), t)), kx_sub(a, t, one));
	if (g->calls->drain)
		g->calls->drain(g->ctx, b);
	if (r->before)
		release(r, b, kx_sub(a, g->chunks, one));
}

static void multiply(struct ring *r, struct k_block *b)
{
	struct tiled_code *g = r->g;

	b = tiles(r, b, true);
	multiply_chunks(r, b);
	next_tile(r, b);
	if (g->calls->finish)
		g->calls->finish(g->ctx, b);
	if (g->p->joins)
		tiled_leave(g, b);
	else
		tiled_end(g, b);
}

void tiled_bulk(struct tiled_code *g, struct k_block *b)
{
	struct ring r = { .g = g };
	int warps = g->p->threads / 32;

	r.full = barriers(&r, "full");
	r.empty = barriers(&r, "empty");
	initialise(&r, b);
	multiply(&r, ks_role(g->a, b, "multiply", 0, warps, g->p->keep));
	copy(&r, ks_role(g->a, b, "copy", warps, warps + g->p->helpers / 32,
		g->p->give));
	if (g->p->joins) {
		tiled_own(g, b, kx_special(g->a, K_BLOCK_X), false);
		tiled_join(g, b);
	}
	if (g->p->cluster == 1)
		return;
	ks_comment(g->a, b, "nobody leaves while others' copies are under way");
	ks_barrier(g->a, b, BARRIER_CLUSTER);
}
