/* SPDX-License-Identifier: MIT */
/* The main loop of a tiled contraction in which one warp copies whole tiles by
 * bulk, and the others multiply. Stages go round: the copies fill one, counted in
 * bytes by its barrier "full"; each warp that has read it arrives at its barrier
 * "empty", and it is filled again. Both barriers' phases alternate, one a round;
 * before the first all stages are empty. A persistent
 * block goes on with the ring from tile to tile: while results are stored, the
 * next tile's chunks arrive. So it does where chunks of tiles are shared out.
 *
 * Those that multiply may be two crews, of which each has a tile of its own, every
 * other one of the block's, and passes over the chunks of the rest. They have
 * tensor cores by turns: a crew multiplies when the other's barrier "turns" says
 * that it has come to the end of a tile, and that crew stores results
 * meanwhile. */
#include "kernel/intrin.h"
#include "sketch/tiled.h"

struct ring {
	struct tiled_code *g;
	struct k_buffer *full, *empty, *turns;
	struct k_var *before;		/* turns of the tiles before this one, or
					 * NULL if there are none */
	struct k_var *round;		/* parity of the crew's tiles */
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

static struct k_buffer *barriers(struct ring *r, const char *name, int64_t n)
{
	int64_t dims[1] = { n };

	return kernel_array(r->g->k, K_SHARED, name, T_I64, 1, dims, 16);
}

/* Warps of a crew. */
static int64_t crew_warps(const struct ring *r)
{
	return r->g->p->threads / 32 / r->g->p->crews;
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
		num(r, crew_warps(r) * r->g->p->cluster));
	if (r->turns) {
		each = tile_loop(a, first, "c", r->g->p->crews, &i);
		ks_call(a, each, INTRIN_MBARRIER_INIT, 2, at(r, r->turns, i),
			num(r, crew_warps(r)));
	}
	ks_call(a, first, INTRIN_FENCE_MBARRIER_INIT, 0);
	ks_barrier(a, b, r->g->p->cluster > 1 ? BARRIER_CLUSTER :
		BARRIER_BLOCK);
}

/* A crew's tiles, every other one of the block's. The first crew may begin at once:
 * of a barrier that nobody has come to the phase before is over. */
static struct k_block *crew_tiles(struct ring *r, struct k_block *b,
	struct kx **at)
{
	struct tiled_code *g = r->g;
	struct arena *a = g->a;
	struct kx *grid = kx_special(a, K_GRID_X);

	ks_comment(a, b, "every other tile of the block's");
	g->crew = ks_let(a, b, "crew", kx_div(a, kx_special(a, K_WARP), num(r,
		crew_warps(r))));
	r->before = ks_mutable(a, b, "turns_before", T_I32, kx_mul(a, g->crew,
		g->chunks));
	r->round = ks_mutable(a, b, "round", T_I32, kx_call(a, INTRIN_BIT_XOR,
		T_I32, 2, g->crew, num(r, 1)));
	return ks_serial(a, b, "tile", kx_add(a, kx_special(a, K_BLOCK_X),
		kx_mul(a, g->crew, grid)), num(r, g->p->tiles), kx_mul(a, grid,
		num(r, g->p->crews)), at);
}

/* The tile the block has now: its own, or in a persistent block one after the
 * other, of which each takes up "turns" turns of the ring. */
static struct k_block *tiles(struct ring *r, struct k_block *b, bool stores)
{
	struct tiled_code *g = r->g;
	struct arena *a = g->a;
	struct kx *at = kx_special(a, K_BLOCK_X);

	r->before = NULL;
	if (stores && g->p->crews > 1) {
		b = crew_tiles(r, b, &at);
	} else if (g->p->streams) {
		r->before = ks_mutable(a, b, "turns", T_I32, num(r, 0));
		b = tiled_stream_turns(g, b, &at);
	} else if (g->p->blocks) {
		r->before = ks_mutable(a, b, "turns", T_I32, num(r, 0));
		b = ks_for(a, b, LOOP_TILES, "tile", num(r, 0), num(r,
			g->p->tiles), NULL, &at);
	}
	tiled_own(g, b, at, stores);
	return b;
}

static void next_tile(struct ring *r, struct k_block *b, int crews)
{
	struct arena *a = r->g->a;

	if (r->before)
		ks_update(a, b, r->before, OP_ADD, kx_mul(a, r->g->chunks,
			num(r, crews)));
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
	if (g->f->products > 1)
		bulk_copy(&g->twin_bulk, b, k0, slot, k_place(r->full, slot));
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
	g->left_bulk.op = g->t->op;
	g->left_bulk.patches = &g->patches;
	g->right_bulk.row = g->twin_bulk.row = g->n_first;
	g->left_bulk.batch = g->right_bulk.batch = g->twin_bulk.batch = g->batch;
	bulk_choose(&g->left_bulk, each);
	bulk_choose(&g->right_bulk, each);
	g->twin_bulk.chosen = g->right_bulk.chosen;
	if (g->f->products > 1 && !choices_alike(&g->f->right, &g->f->twin))
		bulk_choose(&g->twin_bulk, each);
	if (g->p->cluster > 1)
		g->left_bulk.part = g->right_bulk.part = g->twin_bulk.part =
			kx_special(a, K_CLUSTER_RANK);
	copy_chunks(r, each);
	next_tile(r, each, 1);
	if (g->k->cluster > 1)
		ks_barrier(a, b, BARRIER_WARP);
}

/* ---- those that multiply ---- */

/* Products are this crew's from here on, and the other's from there. */
static void take_turn(struct ring *r, struct k_block *b)
{
	struct arena *a = r->g->a;
	struct kx *round;

	if (!r->turns)
		return;
	round = kx_var(a, r->round);
	ks_call(a, b, INTRIN_MBARRIER_WAIT, 2, at(r, r->turns, r->g->crew),
		round);
	ks_assign(a, b, r->round, kx_call(a, INTRIN_BIT_XOR, T_I32, 2, round,
		num(r, 1)));
}

/* Within the loop, when products of the last chunk "t" are under way: behind it
 * ptxas finds that it must wait for them before (C7514). */
static void pass_turn(struct ring *r, struct k_block *b, struct kx *t)
{
	struct arena *a = r->g->a;
	struct kx *lane = kx_mod(a, r->g->thread, num(r, 32));

	if (!r->turns)
		return;
	b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, t, kx_sub(a, r->g->chunks,
		num(r, 1))));
	b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, lane, num(r, 0)));
	ks_call(a, b, INTRIN_MBARRIER_ARRIVE, 1, at(r, r->turns, kx_call(a,
		INTRIN_BIT_XOR, T_I32, 2, r->g->crew, num(r, 1))));
}

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
	struct k_block *body;

	take_turn(r, b);
	body = turns(r, b, &t, &slot, &parity);
	ks_call(a, body, INTRIN_MBARRIER_WAIT, 2, at(r, r->full, slot), parity);
	g->turn = t;
	g->calls->compute(g->ctx, body, slot);
	if (!g->p->lag) {
		release(r, body, t);
		pass_turn(r, body, t);
		return;
	}
	pass_turn(r, body, t);
	release(r, ks_if(a, body, kx_lt(a, num(r, 0), t)), kx_sub(a, t, one));
	if (g->calls->drain)
		g->calls->drain(g->ctx, b);
	if (r->before)
		release(r, b, kx_sub(a, g->chunks, one));
}

static void multiply(struct ring *r, struct k_block *b)
{
	struct tiled_code *g = r->g;
	struct kx *thread = g->thread;
	struct k_block *tile = tiles(r, b, true);

	multiply_chunks(r, tile);
	next_tile(r, tile, g->p->crews);
	if (g->calls->finish)
		g->calls->finish(g->ctx, tile);
	if (g->p->joins)
		tiled_leave(g, tile);
	else
		tiled_end(g, tile);
	g->thread = thread;
	if (g->calls->leave)
		g->calls->leave(g->ctx, b);
}

void tiled_bulk(struct tiled_code *g, struct k_block *b)
{
	struct ring r = { .g = g };
	int warps = g->p->threads / 32;

	r.full = barriers(&r, "full", g->p->stages);
	r.empty = barriers(&r, "empty", g->p->stages);
	if (g->p->crews > 1)
		r.turns = barriers(&r, "turns", g->p->crews);
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
