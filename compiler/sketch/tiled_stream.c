/* SPDX-License-Identifier: MIT */
/* Tiles whose reductions are shared out evenly among the blocks that run at once
 * (stream-K; Osama et al., "Stream-K: Work-centric Parallel Decomposition for
 * Dense Matrix-Matrix Multiplication on the GPU", 2023). Of more than two rounds
 * of tiles the last whole one and the rest are: each block has a range of these
 * tiles' chunks, one to two tiles long; further rounds are of whole tiles.
 *
 * A block goes through its range tile by tile from the last to the first, and then
 * takes whole tiles. Its last tile may end beyond the range: these sums it leaves
 * in the workspace and sets its flag. The block that has a tile's last chunk adds
 * what others left, in the order of the chunks, once their flags are set, and
 * finishes the tile: which sums are added in which order follows from the number
 * of blocks, a constant of the program, and not from timing.
 *
 * No block waits for ever. It waits for such of lower numbers alone, and these leave
 * their sums before they wait for anything: they need but have begun. There are no
 * more blocks than run at once on the GPU that the program is for; and where others
 * take part of it, or it has less room, GPUs begin blocks in the order of their
 * numbers, though CUDA does not promise that, and one at a time is enough, as on
 * the emulator. Flags are cleared before each launch.
 *
 * Where blocks are clusters, which copy for each other, these share the chunks
 * out: all of below then counts clusters, and a block joins those of its rank. */
#include "kernel/intrin.h"
#include "sketch/tiled.h"

/* ---- who has what ---- */

static int64_t least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static bool any_open(const struct task *t, const struct product *f)
{
	const struct ir_contraction *c = &f->c;

	return ir_any_open(t->op, c->m, c->n_m) ||
		ir_any_open(t->op, c->n, c->n_n) ||
		ir_any_open(t->op, c->k, c->n_k) ||
		ir_any_open(t->op, c->batch, c->n_batch);
}

/* The fewest parts of "tiles" that give all "most" a range, 2 at least. */
static int64_t enough(int64_t tiles, int64_t most)
{
	int64_t n = (most + tiles - 1) / tiles;

	return n > 2 ? n : 2;
}

static const char *refuse(const struct task *t, const struct product *f,
	struct arena *a, const struct tiling *p, int64_t tiles, int64_t most)
{
	int n = p->streams;

	if (any_open(t, f))
		return "ranges of chunks are shared out when compiling, and a "
			"size is known at the call only: combine = workspace";
	if (n > enough(tiles, most))
		return arena_printf(a, "%lld tiles in %d parts are more than "
			"the %lld blocks that run at once on %s: split_k by "
			"%lld", (long long)p->tiles, n, (long long)most *
			p->cluster, t->gpu->name, (long long)enough(tiles,
				most));
	if (tiles >= most && tiles % most == 0)
		return arena_printf(a, "%lld tiles are whole rounds of the %lld "
			"blocks that run at once on %s, and none is left to "
			"share out: split_k by 1", (long long)p->tiles,
			(long long)most * p->cluster, t->gpu->name);
	if (least(most, tiles * n) > tiles * p->chunks)
		return arena_printf(a, "split_k by %d leaves parts empty: %s has "
			"%lld tiles of %d", n, f->k_name, (long long)p->chunks,
			p->bk);
	if (tiles * p->chunks > INT32_MAX)
		return "there are more than 2^31 chunks of tiles to share out: "
			"split_k by 1, or combine = workspace";
	return NULL;
}

const char *tiled_stream_plan(const struct task *t, const struct product *f,
	struct arena *a, int occupancy, struct tiling *p)
{
	int64_t tiles = p->tiles / p->cluster, chunks;
	int64_t most = gpu_clusters(t->gpu, occupancy, p->cluster);
	struct p_stream *s = &p->stream;
	const char *why = refuse(t, f, a, p, tiles, most);

	if (why)
		return why;
	s->chunks = p->chunks;
	s->units = least(most, tiles * p->streams);
	s->tiles = tiles < 2 * most ? tiles : tiles % most + most;
	s->rounds = (tiles - s->tiles) / s->units;
	chunks = s->tiles * p->chunks;
	s->each = chunks / s->units;
	s->more = chunks % s->units;
	p->blocks = (int)s->units * p->cluster;
	p->workspace_bytes = p->blocks * ((int64_t)p->bm * p->bn *
		f->products * f->acc_bytes + 4);
	return NULL;
}

/* ---- a block's turns ---- */

static struct kx *num(const struct tiled_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

static struct kx *choose(const struct tiled_code *g, struct kx *cond,
	struct kx *yes, struct kx *no)
{
	return kx_op(g->a, OP_SELECT, T_I32, 3, cond, yes, no);
}

static struct kx *smaller(const struct tiled_code *g, struct kx *x,
	struct kx *y)
{
	return kx_op(g->a, OP_MIN, T_I32, 2, x, y);
}

const char *tiled_in_place(const struct tiling *p)
{
	return p->streams ? "combine = stream shares out chunks of tiles: combine "
		"= workspace" : NULL;
}

/* The first chunk of unit "u", of all tiles: the first "more" have one more. */
static struct kx *range_of(const struct tiled_code *g, struct kx *u)
{
	const struct p_stream *s = &g->p->stream;
	struct kx *at = kx_mul(g->a, u, num(g, s->each));

	return s->more ? kx_add(g->a, at, smaller(g, u, num(g, s->more))) : at;
}

static struct kx *tile_of(const struct tiled_code *g, struct kx *chunk)
{
	return kx_div(g->a, chunk, num(g, g->p->chunks));
}

/* Turn "turn" of "streamed" ones that go down from tile "last", or behind them:
 * every units-th whole tile. */
static struct kx *tile_at(struct tiled_code *g, struct k_block *b,
	struct kx *turn, struct kx *streamed, struct kx *last)
{
	const struct p_stream *s = &g->p->stream;
	struct arena *a = g->a;
	struct kx *down = kx_sub(a, last, turn);

	if (s->rounds)
		down = choose(g, kx_lt(a, turn, streamed), down, kx_add(a,
			kx_add(a, num(g, s->tiles), g->unit), kx_mul(a,
				kx_sub(a, turn, streamed), num(g, s->units))));
	return ks_let(a, b, g->p->cluster == 1 ? "tile" : "tiles", down);
}

struct k_block *tiled_stream_turns(struct tiled_code *g, struct k_block *b,
	struct kx **at)
{
	const struct p_stream *s = &g->p->stream;
	struct arena *a = g->a;
	struct kx *from, *end, *last, *streamed, *turn, *start, *whole, *to;
	int64_t chunks = g->p->chunks;
	int mates = g->p->cluster;

	ks_comment(a, b, "chunks of the first %lld tiles are shared out evenly, "
		"and gone through from the last tile down",
		(long long)s->tiles * mates);
	g->unit = ks_let(a, b, "unit", kx_div(a, kx_special(a, K_BLOCK_X),
		num(g, mates)));
	from = ks_let(a, b, "range", range_of(g, g->unit));
	end = ks_let(a, b, "range_end", range_of(g, kx_add(a, g->unit,
		num(g, 1))));
	last = ks_let(a, b, "tile_last", tile_of(g, kx_sub(a, end,
		num(g, 1))));
	streamed = ks_let(a, b, "streamed", kx_add(a, kx_sub(a, last,
		tile_of(g, from)), num(g, 1)));
	b = ks_serial(a, b, "at_turn", kx_special(a, K_BLOCK_Y), kx_add(a,
		streamed, num(g, s->rounds)), kx_special(a, K_GRID_Y), &turn);
	whole = tile_at(g, b, turn, streamed, last);
	start = kx_mul(a, whole, num(g, chunks));
	g->first_chunk = ks_let(a, b, "chunk_first", kx_op(a, OP_MAX, T_I32, 2,
		kx_sub(a, from, start), num(g, 0)));
	to = smaller(g, kx_sub(a, end, start), num(g, chunks));
	if (s->rounds)
		to = choose(g, kx_lt(a, turn, streamed), to, num(g, chunks));
	g->chunk_end = ks_let(a, b, "chunk_end", to);
	g->chunks = ks_let(a, b, "chunks", kx_sub(a, g->chunk_end,
		g->first_chunk));
	g->whole = whole;
	*at = mates == 1 ? whole : ks_let(a, b, "tile", kx_add(a, kx_mul(a,
		whole, num(g, mates)), kx_mod(a, kx_special(a, K_BLOCK_X),
		num(g, mates))));
	return b;
}

/* ---- sums that are left, and joined ---- */

static struct kx *flag_of(const struct tiled_code *g, struct kx *block)
{
	return kx_address(g->a, k_place(g->parts.tickets, block));
}

static void leave(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *block = kx_special(a, K_BLOCK_X);

	ks_comment(a, b, "the tile's end is another block's: leave it these "
		"sums");
	parts_leave(&g->parts, b, block);
	parts_meet(&g->parts, b);
	ks_call(a, ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, g->thread, num(g,
		0))), INTRIN_FLAG_SET, 1, flag_of(g, block));
}

/* The block of the same rank in unit "u". */
static struct kx *mate_in(const struct tiled_code *g, struct kx *u)
{
	struct arena *a = g->a;
	struct kx *mates = num(g, g->p->cluster);

	return g->p->cluster == 1 ? u : kx_add(a, kx_mul(a, u, mates),
		kx_mod(a, kx_special(a, K_BLOCK_X), mates));
}

/* The unit that has a chunk. */
static struct kx *unit_of(const struct tiled_code *g, struct kx *chunk)
{
	const struct p_stream *s = &g->p->stream;
	struct arena *a = g->a;
	struct kx *each = num(g, s->each);
	int64_t longer = s->more * (s->each + 1);

	if (!s->more)
		return kx_div(a, chunk, each);
	return choose(g, kx_lt(a, chunk, num(g, longer)), kx_div(a, chunk,
		num(g, s->each + 1)), kx_div(a, kx_sub(a, chunk, num(g,
			s->more)), each));
}

/* A range that is no shorter than what a tile has beside its last chunk: then its
 * other chunks are all the unit's before. */
static bool has_one(const struct tiled_code *g)
{
	return g->p->stream.each >= g->p->chunks - 1;
}

static void wait_for(struct tiled_code *g, struct k_block *b, struct kx *first)
{
	struct arena *a = g->a;
	struct kx *u = first;

	if (has_one(g))
		b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, g->thread, num(g,
			0)));
	else
		b = ks_serial(a, b, "unit_waited", kx_add(a, first, g->thread),
			g->unit, num(g, g->p->threads), &u);
	ks_call(a, b, INTRIN_FLAG_WAIT, 1, flag_of(g, mate_in(g, u)));
}

static void join(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *first, *u;

	ks_comment(a, b, "add what others left of this tile, in its order");
	first = has_one(g) ? kx_sub(a, g->unit, num(g, 1)) : ks_let(a, b,
		"unit_first", unit_of(g, kx_mul(a, g->whole, num(g,
			g->p->chunks))));
	wait_for(g, b, first);
	parts_meet(&g->parts, b);
	u = first;
	if (!has_one(g))
		b = ks_serial(a, b, "unit_other", first, g->unit, num(g, 1),
			&u);
	parts_add(&g->parts, b, mate_in(g, u));
}

/* Has a block all chunks of a tile? */
static bool has_whole(const struct tiled_code *g)
{
	const struct p_stream *s = &g->p->stream;

	return s->rounds || s->each + (s->more > 0) >= s->chunks;
}

struct k_block *tiled_stream_join(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *chunks = num(g, g->p->chunks);
	struct k_block *ends = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		g->chunk_end, chunks)), *whole;

	leave(g, ks_else(a, b));
	join(g, ks_if(a, ends, kx_lt(a, num(g, 0), g->first_chunk)));
	if (!g->p->bulk && has_whole(g)) {
		whole = ks_else(a, ends);
		ks_comment(a, whole, "all have read before the next tile is "
			"copied");
		ks_barrier(a, whole, BARRIER_BLOCK);
	}
	return ends;
}
