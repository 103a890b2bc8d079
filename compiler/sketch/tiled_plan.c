/* SPDX-License-Identifier: MIT */
/* From the numbers of a tiled contraction to its stages and its grid: what fits
 * and what does not, with a sentence. */
#include "base/number.h"
#include "sketch/asked.h"
#include "sketch/raster.h"
#include "sketch/tiled.h"

#include <math.h>

static int max_int(int x, int y)
{
	return x > y ? x : y;
}

void tiled_read_split(int parts, int combine, struct tiling *p)
{
	bool streams = combine == TILED_STREAM && parts > 1;

	p->streams = streams ? parts : 0;
	p->split = streams ? 1 : parts;
	p->joins = combine == TILED_CLUSTER && parts > 1;
}

const char *tiled_sizes(const struct product *f, const struct tiling *p)
{
	if (p->bm < 1 || p->bn < 1 || p->bk < 1 || p->stages < 1 ||
	    p->split < 1 || p->group < 1)
		return "tiles, stages, split and group are at least 1";
	if (p->bm > 1024 || p->bn > 1024 || p->bk > 1024 || p->stages > 16)
		return "a tile is at most 1024 wide and 16 stages deep";
	if (p->order < 0 || p->order >= f->n_orders)
		return "there is no such order of the reduction";
	return NULL;
}

int tiled_together(const struct epilogue *e)
{
	int v = 2;

	for (int i = 0; i < e->n; i++)
		while (e->outputs[i].stored &&
		       v * dtype_row(e->outputs[i].tensor->type)->bits < 128)
			v *= 2;
	return v;
}

/* ---- tails ---- */

/* Where the last tile is moved back, vectors must start where they may. */
static const char *plan_tail(struct arena *a, const char *name, int64_t extent,
	int tile, int vec, struct stage *s)
{
	if (extent < tile)
		return arena_printf(a, "tail(%s, shift) wants a tile of at most "
			"%lld, not %d: predicate", name, (long long)extent,
			tile);
	if ((extent - tile) % vec)
		return arena_printf(a, "tail(%s, shift) moves the last tile to "
			"%lld, where vectors of %d do not start: predicate",
			name, (long long)(extent - tile), vec);
	s->ragged = false;
	return NULL;
}

enum { SHIFT = 2 };		/* among the words of tail */

const char *tiled_tails(const struct product *f, struct arena *a, int tail_m,
	int tail_n, int vm, int vn, struct tiling *p)
{
	bool along_n = f->epilogue.along_n;
	const struct stage *l = &p->left, *r = &p->right;
	const char *why = NULL;

	vm = max_int(along_n ? 1 : max_int(vm, p->share.vec),
		l->order->k_inner ? 1 : l->vec);
	vn = max_int(along_n ? max_int(vn, p->share.vec) : 1,
		r->order->k_inner ? 1 : r->vec);
	if (p->left.halo.high && tail_m == SHIFT)
		return arena_printf(a, "patches that reach beyond an image are "
			"guarded: tail(%s, predicate), or halo = off", f->m_name);
	p->shift_m = tail_m == SHIFT && f->m % p->bm;
	p->shift_n = tail_n == SHIFT && f->n % p->bn;
	if (p->shift_m)
		why = plan_tail(a, f->m_name, f->m, p->bm, vm, &p->left);
	if (!why && p->shift_n)
		why = plan_tail(a, f->n_name, f->n, p->bn, vn, &p->right);
	p->twin.ragged = p->right.ragged;
	return why;
}

/* ---- stages ---- */

enum { AUTO, ON, OFF };

/* Matrix instructions read rows of 16 bytes: chunks that change places cost
 * nothing, where a row has some. */
static bool swizzles(const struct stage *s, const int *pins)
{
	int in = pins[TILED_STAGE_SWIZZLE], own = pins[TILED_SWIZZLE];

	if (in == AUTO && own == AUTO)
		return s->matrix && s->order->k_inner && pins[TILED_PAD] != ON &&
			s->tile_k * s->op->tile_elem >= 32;
	return in == ON || own == ON;
}

/* How a tensor is to be staged, as far as that is pinned. */
static const char *stage_pins(struct arena *a, struct stage *s,
	const int *pins)
{
	const char *name = s->op->tensor->name;
	int in = pins[TILED_STAGE_SWIZZLE], own = pins[TILED_SWIZZLE];

	s->vec = s->order->vec;
	if (pins[TILED_VECTOR])
		s->vec = asked_number(pins[TILED_VECTOR]);
	if (s->vec > s->order->vec || s->order->vec % s->vec)
		return arena_printf(a, "'%s' is copied %d elements at a time at "
			"most, not %d", name, s->order->vec, s->vec);
	if (in && own && in != own)
		return arena_printf(a, "swizzle(%s) and stage(%s, swizzle = ..) "
			"disagree", name, name);
	s->swizzled = swizzles(s, pins) && (!s->panel || s->order->k_inner);
	s->padded = pins[TILED_PAD] != OFF && !s->swizzled;
	if (s->swizzled && pins[TILED_PAD] == ON)
		return arena_printf(a, "'%s' is swizzled or padded, not both",
			name);
	return NULL;
}

static const char *plan_stage(struct arena *a, struct stage *s, int bk,
	const int *pins)
{
	const char *why = stage_pins(a, s, pins);

	if (bk % s->order->share)
		return arena_printf(a, "%d steps of the reduction have part of "
			"an element of '%s', of which %d are made", bk,
			s->op->tensor->name, s->order->share);
	if (!why)
		why = stage_plan(a, s);
	if (!why && pins[TILED_VECTOR] &&
	    s->vec != asked_number(pins[TILED_VECTOR]))
		return arena_printf(a, "vectors of %d do not divide the tile of "
			"'%s'", asked_number(pins[TILED_VECTOR]),
			s->op->tensor->name);
	return why;
}

const char *tiled_no_bulk(struct arena *a, const struct stage *s,
	const char *why, const char *or)
{
	return why ? arena_printf(a, "a bulk copy wants a tensor that a map "
		"describes, and '%s' %s: async = %s%s", s->op->tensor->name, why,
		s->op->value ? "off" : "on", or) : NULL;
}

static const char *check_bulk(const struct task *t, struct arena *a,
	const struct tiling *p)
{
	const struct stage *stages[] = { &p->left, &p->right, &p->twin };

	if (!t->target->bulk_copy)
		return arena_printf(a, "%s has no bulk copies: async = on is "
			"what it can do", t->target->name);
	for (int i = 0; i < (p->right.weave ? 3 : 2); i++) {
		const char *why = tiled_no_bulk(a, stages[i],
			bulk_refuse(stages[i]), "");

		if (why)
			return why;
	}
	return p->stages >= 2 + p->lag ? NULL : arena_printf(a, "bulk copies "
		"need %d stages or more, not %d", 2 + p->lag, p->stages);
}

static const char *check_async(const struct task *t, struct arena *a,
	const struct tiling *p)
{
	if (p->bulk)
		return check_bulk(t, a, p);
	if (!p->async && p->stages > 2)
		return t->target->cp_async ?
			"more than 2 stages need pipeline(.., async = on)" :
			arena_printf(a, "%s has no asynchronous copies, and so "
				"at most 2 stages, not %d", t->target->name,
				p->stages);
	if (!p->async)
		return NULL;
	if (!t->target->cp_async)
		return arena_printf(a, "%s has no asynchronous copies: async = "
			"off is what it can do", t->target->name);
	if (p->left.op->value || p->right.op->value ||
	    (p->right.weave && p->twin.op->value))
		return "what is computed on its way to shared memory passes "
			"through registers: async = off";
	if (p->stages < 2 + p->lag)
		return arena_printf(a, "asynchronous copies need %d stages or "
			"more, not %d", 2 + p->lag, p->stages);
	if (p->left.vec * p->left.op->elem < 4 ||
	    p->right.vec * p->right.op->elem < 4)
		return "asynchronous copies move 4 bytes or more, which an "
			"operand's layout does not allow: async = off";
	return NULL;
}

static void describe(const struct operand *op, const struct tiling *p,
	int rows, struct stage *s)
{
	if (!s->op)
		s->op = op;
	s->order = &s->op->orders[p->order];
	s->tile_rows = rows;
	s->tile_k = p->bk / s->order->share;
	s->threads = p->threads;
	s->async = p->async;
	s->bulk = p->bulk;
	s->shares = p->cluster > 1 && (s == &p->left) != p->along_m ?
		p->cluster : 0;
	s->wide = op->tensor->elements > INT32_MAX;
}

/* As the right one's, from another tensor. */
static const char *plan_twin(const struct product *f, struct arena *a,
	const int *pins, struct tiling *p)
{
	const struct image *image = p->twin.image;

	p->twin = p->right;
	p->twin.image = image;
	p->twin.op = &f->twin;
	p->twin.order = &f->twin.orders[p->order];
	p->twin.wide = f->twin.tensor->elements > INT32_MAX;
	p->twin.second = true;
	return plan_stage(a, &p->twin, p->bk, tiled_right(f, pins));
}

const char *tiled_stages(const struct task *t, const struct product *f,
	struct arena *a, const int *pins, struct tiling *p)
{
	const char *why;

	why = tiled_share_out(t, f, a, p);
	if (why)
		return why;
	describe(&f->left, p, p->bm, &p->left);
	describe(&f->right, p, p->bn, &p->right);
	if (p->bulk && (pins[TILED_VECTOR] ||
	    tiled_right(f, pins)[TILED_VECTOR]))
		return "bulk copies move whole rows: vectorize of an operand is "
			"for async = on or off";
	why = plan_stage(a, &p->left, p->bk, pins);
	if (!why)
		why = plan_stage(a, &p->right, p->bk, tiled_right(f, pins));
	if (!why && f->products > 1)
		why = plan_twin(f, a, pins, p);
	return why ? why : check_async(t, a, p);
}

/* Of one operand, up to where the next may begin. */
static int64_t stages_bytes(const struct tiling *p, const struct stage *s)
{
	int64_t align = s->align ? s->align : 16;

	return (p->stages * stage_bytes(s) + align - 1) / align * align;
}

int64_t tiled_shared(const struct tiling *p)
{
	int64_t barriers = p->bulk ? 2 * ((8 * p->stages + 15) / 16 * 16) +
		(p->crews > 1 ? 8 * p->crews : 0) : 0;

	return stages_bytes(p, &p->left) + stages_bytes(p, &p->right) +
		barriers + (p->joins ? p->share.bytes : p->split > 1 ?
		PARTS_SHARED : 0);
}

const char *tiled_too_much(const struct task *t, struct arena *a,
	const struct tiling *p, int64_t shared)
{
	int64_t sums = p->share.bytes, has = t->target->smem_block;

	if (shared <= has)
		return NULL;
	return arena_printf(a, "%d stages of %d x %d x %d%s take %lld bytes of "
		"shared memory, %s has %lld: enough for %lld", p->stages,
		p->bm, p->bn, p->bk, sums ? " and the sums that a cluster joins"
		: "", (long long)shared, t->target->name, (long long)has,
		(long long)(has < sums ? 0 : p->stages * (has - sums) /
			(shared - sums)));
}

/* ---- grid ---- */

static int64_t whole_clusters(int64_t tiles, int mates)
{
	return number_ceil(tiles, mates) * mates;
}

int tiled_steps(const struct tiling *p)
{
	return p->bk * (p->right.taps ? p->right.taps : 1);
}

const char *tiled_grid(const struct product *f, struct arena *a,
	struct tiling *p)
{
	const struct halo *h = &p->left.halo;
	int mates_m = p->along_m ? p->cluster : 1;
	int mates_n = p->along_m ? 1 : p->cluster;

	p->tiles_m = whole_clusters(h->high ? number_ceil(halo_all(h),
		h->patches) : number_ceil(f->m, p->bm), mates_m);
	p->tiles_n = whole_clusters(number_ceil(f->n, p->bn), mates_n);
	p->tiles = p->tiles_m * p->tiles_n * f->batch;
	p->chunks = number_ceil(f->k, tiled_steps(p));
	p->gap = p->chunks * tiled_steps(p) - f->k;
	p->ragged = p->gap || p->left.order->k.open;
	p->chunks_split = (p->chunks + p->split - 1) / p->split;
	if (p->tiles > INT32_MAX)
		return "the grid is larger than 2^31 blocks";
	if ((p->split - 1) * p->chunks_split >= p->chunks)
		return arena_printf(a, "split_k by %d leaves parts empty: %s "
			"has %lld tiles of %d", p->split, f->k_name,
			(long long)p->chunks, tiled_steps(p));
	p->workspace_bytes = p->joins ? 0 : parts_workspace(p->tiles, p->split,
		(int64_t)p->bm * p->bn * f->products, f->acc_bytes);
	if (p->workspace_bytes > (int64_t)1 << 30)
		return "split_k would need more than 1 GiB of workspace";
	return raster_wrong(a, p->group, p->by_columns ? p->tiles_n / mates_n :
		p->tiles_m / mates_m);
}

/* In tiles of the largest size. */
static bool too_large(const struct product *f)
{
	const double side = 256;

	return ceil((double)f->m / side) * ceil((double)f->n / side) *
		(double)f->batch > INT32_MAX;
}

const char *tiled_refuse(const struct task *t, const struct product *f)
{
	if (too_large(f))
		return arena_printf(t->a, "the result is %lld of %lld x %lld: "
			"tiles of it are more than the 2^31 blocks that a grid "
			"has", (long long)f->batch, (long long)f->m,
			(long long)f->n);
	if (f->epilogue.rows)
		return arena_printf(t->a, "no tile of whole rows of '%s' fits "
			"%s, with what their statistics read",
			f->epilogue.outputs[0].tensor->name, t->target->name);
	return arena_printf(t->a, "no tile of '%s' fits %s",
		f->left.tensor->name, t->target->name);
}
