/* SPDX-License-Identifier: MIT */
/* The parts of a split reduction, joined on the chip: the blocks that have the
 * parts of one tile are a cluster. Each leaves its sums in its shared memory,
 * behind a barrier of the cluster adds up its share of the tile, the others' sums
 * read from theirs in the order of the parts, and finishes that. So results do
 * not depend on timing, and need neither workspace nor another launch. */
#include "kernel/intrin.h"
#include "sketch/epilogue_code.h"
#include "sketch/stage.h"
#include "sketch/tiled.h"

enum { CLUSTER_MOST = 8 };	/* blocks, on every GPU that has clusters */

/* ---- who finishes what ---- */

static int min_int(int x, int y)
{
	return x < y ? x : y;
}

/* The largest number up to "most" that divides "n". */
static int divisor(int n, int most)
{
	int d = min_int(n, most);

	while (n % d)
		d--;
	return d;
}

static const char *refuse(const struct task *t, const struct product *f,
	struct arena *a, const struct tiling *p, int outer)
{
	const char *name = f->epilogue.along_n ? f->m_name : f->n_name;

	if (!t->target->clusters)
		return arena_printf(a, "%s has no clusters: combine = "
			"workspace is how parts are joined there",
			t->target->name);
	if (f->products > 1)
		return "a cluster joins the sums of one product, and here are "
			"two: combine = workspace, or stream";
	if (p->split > CLUSTER_MOST)
		return arena_printf(a, "a cluster has up to %d blocks, and %d "
			"parts are too many: split_k by %d, or combine = "
			"workspace", CLUSTER_MOST, p->split, CLUSTER_MOST);
	if (p->cluster > 1)
		return "blocks of a cluster join parts of a tile or copy for "
			"their neighbours: cluster by 1, or combine = workspace";
	if (outer % p->split)
		return arena_printf(a, "%d blocks share a tile's %d of %s, which "
			"they do not divide: split_k by %d, or combine = "
			"workspace", p->split, outer, name,
			divisor(outer, p->split));
	return NULL;
}

/* Neighbours of a thread: 16 bytes of what is stored, but rather fewer of them
 * than threads without any. */
static int together(const struct product *f, const struct tiling *p, int results,
	int inner)
{
	int v = tiled_together(&f->epilogue), least = 16 / f->acc_bytes;

	while (inner % v || (v > least && results / v < p->threads))
		v /= 2;
	return v;
}

const char *tiled_share_out(const struct task *t, const struct product *f,
	struct arena *a, struct tiling *p)
{
	bool along_n = f->epilogue.along_n;
	struct tiled_share *s = &p->share;
	int outer = along_n ? p->bm : p->bn;
	const char *why = p->joins ? refuse(t, f, a, p, outer) : NULL;

	if (!p->joins || why)
		return why;
	s->outer = outer / p->split;
	s->inner = along_n ? p->bn : p->bm;
	s->pitch = s->inner + (s->inner % 16 ? 0 : 8);
	s->vec = together(f, p, s->outer * s->inner, s->inner);
	s->lanes_inner = divisor(s->inner / s->vec, p->threads);
	s->lanes_outer = divisor(s->outer, p->threads / s->lanes_inner);
	s->bytes = (int64_t)outer * s->pitch * f->acc_bytes;
	return NULL;
}

/* ---- sums that are left ---- */

static struct kx *num(const struct tiled_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

static bool along_n(const struct tiled_code *g)
{
	return g->f->epilogue.along_n;
}

static struct k_place part_at(const struct tiled_code *g, struct kx *outer,
	struct kx *inner)
{
	return k_place(g->sums, outer, inner);
}

/* Where group "i" of "width" of a thread's results lies in the tile, which begins
 * at "first". */
static struct kx *in_tile(const struct tiled_code *g, const struct side *d,
	struct kx *first, struct kx *i, int width)
{
	struct kx *at = side_offset(g->a, d, i, width);

	return d->first == first ? at : kx_add(g->a, kx_sub(g->a, d->first,
		first), at);
}

/* Columns of a thread that are neighbours in its registers and in the tile. */
static int vector(const struct tiled_code *g)
{
	int v = along_n(g) ? g->out.n.vec : 1;

	while (v * g->f->acc_bytes > 16)
		v /= 2;
	return v;
}

void tiled_leave(struct tiled_code *g, struct k_block *b)
{
	const struct tiled_share *s = &g->p->share;
	int64_t dims[2] = { (int64_t)g->p->split * s->outer, s->pitch };
	struct arena *a = g->a;
	struct kx *i, *j, *row, *col;
	int v = vector(g);

	g->sums = kernel_array(g->k, K_SHARED, "part_sums", g->f->acc, 2, dims,
		16);
	ks_comment(a, b, "leave this part's sums to the cluster");
	b = tile_loop(a, b, "i", g->out.m.mine, &i);
	b = tile_loop(a, b, "j", g->out.n.mine / v, &j);
	row = in_tile(g, &g->out.m, g->m_first, i, 1);
	col = in_tile(g, &g->out.n, g->n_first, j, v);
	j = kx_mul(a, j, num(g, v));
	if (v > 1)
		ks_copy(a, b, COPY_PLAIN, part_at(g, row, col), k_place(g->acc,
			i, j), v * g->f->acc_bytes, NULL, 0);
	else
		ks_store(a, b, along_n(g) ? part_at(g, row, col) : part_at(g,
			col, row), kx_load(a, g->acc, i, j));
}

/* ---- and joined ---- */

static struct side share_side(const struct side *of, struct kx *first, int mine,
	int vec, int lanes, struct kx *lane)
{
	struct side d = *of;

	d.first = first;
	d.mine = mine;
	d.vec = vec;
	d.lanes = lanes;
	d.lane = lane;
	d.together = d.pitch = 0;
	return d;
}

/* From here on a thread's results are its part of the block's share. */
static void own_share(struct tiled_code *g, struct k_block *b)
{
	const struct tiled_share *s = &g->p->share;
	struct arena *a = g->a;
	struct side *in = along_n(g) ? &g->out.n : &g->out.m;
	struct side *out = along_n(g) ? &g->out.m : &g->out.n;
	struct kx *lanes = num(g, s->lanes_inner);
	struct kx *first = kx_add(a, along_n(g) ? g->m_first : g->n_first,
		kx_mul(a, kx_special(a, K_BLOCK_Y), num(g, s->outer)));
	int64_t dims[2];

	*in = share_side(in, along_n(g) ? g->n_first : g->m_first, s->inner /
		s->lanes_inner, s->vec, s->lanes_inner, ks_let(a, b,
		"share_inner", kx_mod(a, g->thread, lanes)));
	*out = share_side(out, ks_let(a, b, "share_first", first), s->outer /
		s->lanes_outer, 1, s->lanes_outer, ks_let(a, b, "share_outer",
		kx_div(a, g->thread, lanes)));
	dims[0] = g->out.m.mine;
	dims[1] = g->out.n.mine;
	g->acc = g->out.acc = kernel_array(g->k, K_REGISTER, "joined",
		g->f->acc, 2, dims, 16);
}

static struct k_place result_at(const struct tiled_code *g, struct kx *outer,
	struct kx *inner)
{
	return along_n(g) ? k_place(g->acc, outer, inner) : k_place(g->acc,
		inner, outer);
}

static struct kx *result(const struct tiled_code *g, struct kx *outer,
	struct kx *inner)
{
	return along_n(g) ? kx_load(g->a, g->acc, outer, inner) :
		kx_load(g->a, g->acc, inner, outer);
}

static void add(struct tiled_code *g, struct k_block *b, struct kx *i,
	struct kx *j, struct kx *theirs)
{
	ks_store(g->a, b, result_at(g, i, j), reducer_join(g->a,
		g->f->c.reducer, g->f->acc, result(g, i, j),
		kx_bits(g->a, g->f->acc, theirs)));
}

/* 16 bytes at once where sums of 4 bytes have enough neighbours. */
static int loaded(const struct tiled_code *g)
{
	return g->f->acc_bytes == 4 && g->p->share.vec % 4 == 0 ? 4 : 1;
}

/* Those that block "rank" left of the thread's results "i" and "j" to j + n. */
static void add_theirs(struct tiled_code *g, struct k_block *b, struct kx *rank,
	struct kx *i, struct kx *j, struct k_buffer *theirs)
{
	const struct side *in = along_n(g) ? &g->out.n : &g->out.m;
	const struct side *out = along_n(g) ? &g->out.m : &g->out.n;
	struct arena *a = g->a;
	int n = loaded(g);
	struct kx *at = kx_address(a, part_at(g, kx_add(a, kx_mul(a,
		kx_special(a, K_BLOCK_Y), num(g, g->p->share.outer)),
		side_offset(a, out, i, 1)), side_offset(a, in, j, n)));
	struct kx *e, *first = kx_mul(a, j, num(g, n));

	if (n == 1) {
		bool wide = g->f->acc_bytes == 8;

		add(g, b, i, j, ks_let(a, b, "theirs", kx_call(a, wide ?
			INTRIN_REMOTE_LOAD_I64 : INTRIN_REMOTE_LOAD_I32, wide ?
			T_I64 : T_I32, 2, at, rank)));
		return;
	}
	ks_call(a, b, INTRIN_REMOTE_LOAD_X4, 3, kx_address(a, k_place(theirs,
		num(g, 0))), at, rank);
	b = tile_loop(a, b, "e", n, &e);
	add(g, b, i, kx_add(a, first, e), kx_load(a, theirs, e));
}

/* Some 16 loads at once. */
static struct k_block *each_part(struct tiled_code *g, struct k_block *b,
	int loads, struct kx **rank)
{
	int at_once = 16 / loads;
	struct k_block *inner = ks_for(g->a, b, at_once > 1 ? LOOP_UNROLLED :
		LOOP_SERIAL, "part", num(g, 0), num(g, g->p->split), num(g, 1),
		rank);

	b->s.v[b->s.n - 1].factor = at_once > 1 ? at_once : 1;
	return inner;
}

static void add_parts(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	int rows = g->out.m.mine, cols = g->out.n.mine, n = loaded(g);
	int outer = along_n(g) ? rows : cols, inner = along_n(g) ? cols : rows;
	int64_t four[1] = { 4 };
	struct k_buffer *theirs = n == 1 ? NULL : kernel_array(g->k, K_REGISTER,
		"theirs", T_U32, 1, four, 16);
	struct k_block *each;
	struct kx *i, *j, *rank;

	each = tile_loop(a, b, "i", rows, &i);
	each = tile_loop(a, each, "j", cols, &j);
	ks_store(a, each, k_place(g->acc, i, j), product_none(a, g->f));
	each = each_part(g, b, rows * cols / n, &rank);
	each = tile_loop(a, each, "i", outer, &i);
	each = tile_loop(a, each, "j", inner / n, &j);
	add_theirs(g, each, rank, i, j, theirs);
}

void tiled_join(struct tiled_code *g, struct k_block *b)
{
	const struct tiled_share *s = &g->p->share;
	struct arena *a = g->a;
	int threads = s->lanes_inner * s->lanes_outer;
	struct kx *mine = threads < g->k->threads ? kx_lt(a, g->thread, num(g,
		threads)) : NULL;
	struct k_block *finish;

	ks_barrier(a, b, BARRIER_CLUSTER);
	ks_comment(a, b, "add up this block's share of the tile, and store it");
	own_share(g, b);
	add_parts(g, ks_if(a, b, mine));
	ks_call(a, b, INTRIN_CLUSTER_ARRIVE, 0);
	g->out.batch = g->batch;
	finish = ks_if(a, b, mine);
	epilogue_emit(&g->out, finish);
	ks_comment(a, b, "nobody leaves while others read its sums");
	ks_call(a, b, INTRIN_CLUSTER_WAIT, 0);
}
