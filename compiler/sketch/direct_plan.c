/* SPDX-License-Identifier: MIT */
/* From a point of the direct sketch to everything that follows from it: the
 * box a block stages, the segment of it that a thread holds, shared memory,
 * registers, grid; and whether that fits the target. */
#include "sketch/direct.h"
#include "sketch/asked.h"
#include "sketch/common.h"
#include "sketch/raster.h"

#include <string.h>

enum { THREADS_MAX = 1024, REGS_MAX = 216, WARP = 32 };

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

static int64_t below(int64_t v)
{
	return v < 0 ? v : 0;
}

static int64_t round_up(int64_t v, int64_t to)
{
	return (v + to - 1) / to * to;
}

static int64_t round_down(int64_t v, int64_t to)
{
	return v >= 0 ? v / to * to : -round_up(-v, to);
}

static int power(int64_t v, int limit)
{
	while (limit > 1 && v % limit)
		limit /= 2;
	return limit;
}

static int number(const struct direct *d, const int *values, int which,
	int otherwise)
{
	return d->at[which] < 0 ? otherwise : values[d->at[which]];
}

/* ---- tiles ---- */

/* Neighbours along the last axis that some output can take at once. */
static int widest_store(const struct direct *d)
{
	int v = 1;

	for (int i = 0; i < d->epilogue.n; i++)
		if (d->epilogue.outputs[i].stored &&
		    d->epilogue.outputs[i].vec_n > v)
			v = d->epilogue.outputs[i].vec_n;
	return v;
}

static const char *read_tiles(const struct direct *d, struct arena *a,
	const int *values, struct direct_plan *p)
{
	int64_t threads = 1, acc = 1;

	p->blocks = 1;
	for (int i = 0; i < d->n_out; i++) {
		const struct direct_axis *x = &d->out[i];
		int tile = values[i], own = values[d->n_out + i];

		if (tile < 1 || own < 1 || tile > round_up(x->extent, own))
			return arena_printf(a, "%d along %s is not possible, "
				"%lld is", tile < 1 || own > 0 ? tile : own,
				x->name, (long long)(tile < 1 || own < 1 ? 1 :
				round_up(x->extent, own)));
		if (tile % own)
			return arena_printf(a, "a thread's %d along %s do not "
				"divide the block's %d", own, x->name, tile);
		p->tile[i] = tile;
		p->thread[i] = own;
		p->lanes[i] = tile / own;
		p->tiles[i] = (x->extent + tile - 1) / tile;
		p->blocks *= p->tiles[i];
		threads *= p->lanes[i];
		acc *= own;
		if (threads > THREADS_MAX || acc > 256)
			return arena_printf(a, threads > THREADS_MAX ? "more "
				"than %d threads" : "more than %d results a "
				"thread", threads > THREADS_MAX ? THREADS_MAX :
				256);
	}
	p->working = (int)threads;
	p->threads = (int)round_up(threads, WARP);
	p->acc_elements = (int)acc;
	p->tile_elements = acc * threads;
	p->shared = number(d, values, DIRECT_RESULT, RESULT_NONE) ==
		RESULT_SHARED;
	p->store_vec = power(p->shared ? p->tile[d->n_out - 1] :
		p->thread[d->n_out - 1], widest_store(d));
	if (2 * p->working < p->threads && p->blocks > 1)
		return arena_printf(a, "of %d threads only %d would have "
			"results: take larger tiles of the block or smaller "
			"ones of a thread", p->threads, p->working);
	p->by_columns = number(d, values, DIRECT_RASTER, 0);
	p->group = number(d, values, DIRECT_GROUP, 1);
	return p->blocks > INT32_MAX ? "a grid has fewer than 2^31 blocks" :
		raster_wrong(a, p->group, d->n_out < 2 ? 1 : p->tiles[d->n_out -
			2 + p->by_columns]);
}

static const char *read_numbers(const struct task *t, const struct direct *d,
	struct arena *a, const int *values, struct direct_plan *p)
{
	p->vec = number(d, values, DIRECT_VECTOR, 1);
	p->stages = number(d, values, DIRECT_STAGES, 1);
	p->async = number(d, values, DIRECT_ASYNC, 0);
	p->unroll = number(d, values, DIRECT_UNROLL, 1);
	p->cached = number(d, values, DIRECT_CACHE, CACHE_REGISTER) ==
		CACHE_SHARED;
	p->chunks = 1;
	for (int r = 0; r < d->n_red; r++)
		p->step[r] = d->red[r].extent;
	if (d->chunk >= 0) {
		const struct direct_axis *x = &d->red[d->chunk];
		int64_t step = number(d, values, DIRECT_CHUNK, 1);

		if (step < 1 || step > x->extent || x->extent % step)
			return arena_printf(a, "%lld along %s do not divide "
				"its %lld; 1 does", (long long)step, x->name,
				(long long)x->extent);
		p->step[d->chunk] = step;
		p->chunks = x->extent / step;
	}
	p->order = d->orders[number(d, values, DIRECT_ORDER, 0)];
	if (p->unroll < 1 || p->unroll > 64)
		return "unroll is from 1 to 64";
	if (p->stages < 1 || p->stages > 2 || p->stages > p->chunks)
		return arena_printf(a, "%d stages are not possible: %lld is "
			"the most with %lld chunks", p->stages,
			(long long)(p->chunks > 1 ? 2 : 1),
			(long long)p->chunks);
	if (p->async && !t->target->cp_async)
		return arena_printf(a, "%s has no asynchronous copies: async = "
			"off is what it can do", t->target->name);
	return NULL;
}

/* ---- the box and the segment ---- */

/* A thread unrolls the axes of the reduction along which its results slide,
 * and those that lie in the innermost dimension, where vectors run, unless
 * they are long. */
static void choose_inner(const struct direct *d, struct direct_plan *p)
{
	enum { LONGEST = 32 };
	const struct direct_dim *last = &d->x.dims[d->x.n_dims - 1];

	for (int r = 0; r < d->n_red; r++) {
		bool inner = last->red[r] != 0 && p->step[r] <= LONGEST;

		for (int k = 0; k < d->x.n_dims; k++)
			for (int i = 0; i < d->n_out; i++)
				inner |= p->thread[i] > 1 && direct_slides(d,
					&d->x.dims[k], i, r);
		p->inner[r] = inner ? p->step[r] : 1;
	}
}

/* The loops that go through axis "r", outermost and innermost: chunks of it,
 * what a thread does not unroll, what it unrolls; in each in order. */
static void loops_of(const struct direct *d, const struct direct_plan *p,
	int place, int *outer, int *inner)
{
	int r = p->order.axis[place];
	bool is[3] = { p->step[r] < d->red[r].extent, p->inner[r] < p->step[r],
		p->inner[r] > 1 };

	*outer = 3 * DIRECT_REDS;
	*inner = -1;
	for (int level = 2; level >= 0; level--)
		if (is[level])
			*outer = level * DIRECT_REDS + place;
	for (int level = 0; level < 3; level++)
		if (is[level])
			*inner = level * DIRECT_REDS + place;
}

/* Does the order that is asked for hold? */
static const char *check_order(const struct direct *d, struct arena *a,
	const struct direct_plan *p)
{
	for (int x = 0; x < d->n_red; x++)
		for (int y = x + 1; y < d->n_red; y++) {
			int outer, inner, none;

			loops_of(d, p, x, &none, &inner);
			loops_of(d, p, y, &outer, &none);
			if (inner > outer)
				return arena_printf(a, "with these tiles %s is "
					"gone through inside of %s, not around "
					"it: chunks come first, and what lies "
					"along vectors or a thread's results "
					"share is unrolled last",
					d->red[p->order.axis[x]].name,
					d->red[p->order.axis[y]].name);
		}
	return NULL;
}

/* Elements that start every row of the box at a multiple of the vector. */
static int vector_limit(const struct direct *d, const struct direct_plan *p)
{
	const struct direct_window *x = &d->x;
	const struct direct_dim *last = &x->dims[x->n_dims - 1];
	int v = 16 / x->elem;

	if (last->stride != 1 || (x->edge && last->leaves))
		return 1;
	v = power(last->size, v);
	v = power(x->base, v);
	for (int k = 0; k + 1 < x->n_dims; k++)
		v = power(x->dims[k].stride, v);
	for (int i = 0; i < d->n_out; i++)
		if (p->tiles[i] > 1)
			v = power(last->out[i] * p->tile[i], v);
	for (int r = 0; r < d->n_red; r++)
		if (p->step[r] < d->red[r].extent)
			v = power(last->red[r] * p->step[r], v);
	while (v > 1 && x->tensor->align % (v * x->elem))
		v /= 2;
	return v;
}

static void find_segment(const struct direct *d, struct direct_plan *p, int k)
{
	const struct direct_dim *x = &d->x.dims[k];
	int64_t low = 0, n = 1 + x->most - x->least;

	for (int i = 0; i < d->n_out; i++) {
		low += below(x->out[i] * (p->thread[i] - 1));
		n += magnitude(x->out[i]) * (p->thread[i] - 1);
	}
	for (int r = 0; r < d->n_red; r++) {
		low += below(x->red[r] * (p->inner[r] - 1));
		n += magnitude(x->red[r]) * (p->inner[r] - 1);
	}
	p->first[k] = x->least + low - p->origin[k];
	p->seg[k] = n;
}

static void find_box(const struct direct *d, struct direct_plan *p, int k)
{
	const struct direct_dim *x = &d->x.dims[k];
	int64_t low = x->least, n = 1 + x->most - x->least;

	for (int i = 0; i < d->n_out; i++) {
		low += below(x->out[i] * (p->tile[i] - 1));
		n += magnitude(x->out[i]) * (p->tile[i] - 1);
	}
	for (int r = 0; r < d->n_red; r++) {
		low += below(x->red[r] * (p->step[r] - 1));
		n += magnitude(x->red[r]) * (p->step[r] - 1);
	}
	p->origin[k] = low;
	p->box[k] = n;
}

/* Vectors along the innermost dimension: the box starts on one of the copies',
 * a thread's segment on one of its own. */
static void align_innermost(const struct direct *d, struct direct_plan *p)
{
	int k = d->x.n_dims - 1;
	const struct direct_dim *x = &d->x.dims[k];
	int64_t start = round_down(p->origin[k], p->vec), last;
	int v = 16 / (d->x.elem > 4 ? d->x.elem : 4);

	if (d->x.elem < 4)
		v = 16 / d->x.elem;
	p->box[k] += p->origin[k] - start;
	p->origin[k] = start;
	find_segment(d, p, k);
	for (int i = 0; i < d->n_out; i++)
		if (p->lanes[i] > 1)
			v = power(x->out[i] * p->thread[i], v);
	for (int r = 0; r < d->n_red; r++)
		if (p->inner[r] < p->step[r])
			v = power(x->red[r] * p->inner[r], v);
	while (v > 1 && v / 2 >= p->seg[k])
		v /= 2;
	p->seg_vec = v;
	p->lead = p->first[k] - round_down(p->first[k], v);
	p->first[k] -= p->lead;
	p->seg[k] = round_up(p->seg[k] + p->lead, v);
	last = p->first[k] + p->seg[k];
	for (int i = 0; i < d->n_out; i++)
		if (x->out[i] > 0)
			last += x->out[i] * (p->tile[i] - p->thread[i]);
	for (int r = 0; r < d->n_red; r++)
		if (x->red[r] > 0)
			last += x->red[r] * (p->step[r] - p->inner[r]);
	p->box[k] = round_up(last > p->box[k] ? last : p->box[k],
		p->vec > v ? p->vec : v);
}

/* May positions of some block's box lie outside of the dimension? */
static bool box_outside(const struct direct *d, const struct direct_plan *p,
	int k)
{
	const struct direct_dim *x = &d->x.dims[k];
	int64_t lo = p->origin[k], hi = lo + p->box[k] - 1;

	for (int i = 0; i < d->n_out; i++) {
		int64_t far = x->out[i] * (p->tiles[i] - 1) * p->tile[i];

		*(far < 0 ? &lo : &hi) += far;
	}
	for (int r = 0; r < d->n_red; r++) {
		int64_t far = x->red[r] * (d->red[r].extent - p->step[r]);

		*(far < 0 ? &lo : &hi) += far;
	}
	return lo < 0 || hi >= x->size;
}

static const char *plan_box(const struct direct *d, struct arena *a,
	bool ordered, bool widest, struct direct_plan *p)
{
	int limit = vector_limit(d, p), n = d->x.n_dims;
	const char *why;

	if (widest)
		p->vec = limit;
	if (p->vec < 1 || p->vec > limit || p->vec & (p->vec - 1))
		return arena_printf(a, "'%s' cannot move in vectors of %d with "
			"these tiles; %d is the most", d->x.tensor->name,
			p->vec, limit);
	choose_inner(d, p);
	why = ordered ? check_order(d, a, p) : NULL;
	if (why)
		return why;
	p->box_elements = p->seg_elements = 1;
	for (int k = 0; k < n; k++) {
		find_box(d, p, k);
		find_segment(d, p, k);
	}
	align_innermost(d, p);
	for (int k = n - 1; k >= 0; k--) {
		if (p->box[k] > 1 << 20 || p->seg[k] > 1 << 12)
			return arena_printf(a, "the window's part of '%s' is "
				"too large; take smaller tiles",
				d->x.tensor->name);
		p->outside[k] = box_outside(d, p, k);
		p->pitch[k] = p->box_elements;
		p->seg_pitch[k] = p->seg_elements;
		p->box_elements *= p->box[k];
		p->seg_elements *= p->seg[k];
		if (p->box_elements > 1 << 20 || p->seg_elements > 1 << 12)
			return arena_printf(a, "the window's part of '%s' is "
				"too large; take smaller tiles",
				d->x.tensor->name);
	}
	if (p->async && p->vec * d->x.elem < 4)
		return arena_printf(a, "asynchronous copies move 4 bytes or "
			"more, which vectors of %d of '%s' are not: async = off",
			p->vec, d->x.tensor->name);
	if (p->async && d->x.fill != 0)
		return "asynchronous copies pad with 0 only: async = off";
	return NULL;
}

/* ---- weights ---- */

/* The last axis of which a thread has several, so that its registers are
 * contiguous along it; or else the last. */
static int fast_axis(const struct direct *d, const struct direct_weights *w,
	const struct direct_plan *p)
{
	int best = -1;

	for (int i = 0; i < d->n_out; i++)
		if (w->out[i] && (best < 0 || p->thread[i] > 1 ||
		    p->thread[best] == 1))
			best = i;
	return best;
}

/* What a thread loads at once from global memory. */
static int global_vector(const struct direct *d, const struct direct_weights *w,
	const struct direct_plan *p, int fast)
{
	int v = 16 / w->elem;

	if (fast < 0 || w->out[fast] != 1)
		return 1;
	v = power(p->thread[fast], power(d->out[fast].extent, v));
	v = power(w->c, v);
	for (int i = 0; i < d->n_out; i++)
		v = i == fast ? v : power(w->out[i], v);
	for (int r = 0; r < d->n_red; r++)
		v = power(w->red[r], v);
	while (v > 1 && w->tensor->align % (v * w->elem))
		v /= 2;
	return v;
}

/* Rows along the fast axis, an odd number of 16 bytes apart where threads fill
 * them across. */
static void plan_weights(const struct direct *d, struct direct_plan *p, int n)
{
	const struct direct_weights *w = &d->w[n];
	struct direct_pitch *q = &p->w[n];
	int64_t chunk = 16 / w->elem;

	q->fast = fast_axis(d, w, p);
	q->elements = 1;
	if (!p->cached) {
		q->vec = global_vector(d, w, p, q->fast);
		return;
	}
	q->vec = 1;
	if (q->fast >= 0) {
		q->out[q->fast] = 1;
		q->elements = p->tile[q->fast];
		if (p->thread[q->fast] > 1) {
			q->vec = power(p->thread[q->fast], (int)chunk);
			q->elements = round_up(q->elements, chunk);
		}
		if (q->elements * w->elem % 128 == 0)
			q->elements += chunk;
	}
	for (int i = d->n_out - 1; i >= 0; i--)
		if (w->out[i] && i != q->fast) {
			q->out[i] = q->elements;
			q->elements *= p->tile[i];
		}
	for (int r = d->n_red - 1; r >= 0; r--)
		if (w->red[r]) {
			q->red[r] = q->elements;
			q->elements *= p->step[r];
		}
	q->elements = round_up(q->elements, chunk);
}

/* ---- resources ---- */

static int words(int64_t elements, enum dtype t)
{
	return (int)(elements * (dtype_row(t)->bits < 32 ? 1 :
		dtype_row(t)->bits / 32));
}

/* Words of "elements" of "t" as what they are multiplied as: nvcc converts them
 * once. */
static int held_words(const struct direct *d, int64_t elements,
	const struct ir_tensor *t)
{
	return words(elements, dtype_row(d->acc)->bits > 32 ? d->acc :
		lower_type(t->type));
}

/* Of tensor "i" what a thread reads at each step of the reduction. */
static int weight_words(const struct direct *d, const struct direct_plan *p,
	int i)
{
	int64_t own = 1;

	for (int k = 0; k < d->n_out; k++)
		own *= d->w[i].out[k] ? p->thread[k] : 1;
	return held_words(d, own, d->w[i].tensor);
}

/* Accumulators, what is held of the segment at a time, weights on their way,
 * and addresses. Assembled, random points take about 30 + 1.3 accumulators +
 * 0.3 of the segment + 4 weights, with more where the compiler finds room; too
 * low an estimate would spill, because __launch_bounds__ promises the occupancy
 * it gives. */
static int estimate_regs(const struct direct *d, const struct direct_plan *p)
{
	int acc = words(p->acc_elements, d->acc);
	int seg = held_words(d, p->seg_elements, d->x.tensor);
	int n = 40 + acc + acc / 3 + seg * 5 / 8 + 3 * d->x.n_dims;

	for (int i = 0; i < d->n_w; i++)
		n += 3 * weight_words(d, p, i);
	if (p->by_columns || p->group > 1)
		n += 4;
	return p->chunks > 1 ? n + 8 : n;
}

/* Weights that come from global memory in one unrolled stretch. */
static int early_words(const struct direct *d, const struct direct_plan *p)
{
	int64_t steps = p->unroll, n = 0;

	if (p->cached)
		return 0;
	for (int r = 0; r < d->n_red; r++)
		steps *= p->inner[r];
	for (int i = 0; i < d->n_w; i++)
		n += steps * weight_words(d, p, i);
	return n > REGS_MAX ? REGS_MAX : (int)n;
}

static const char *plan_resources(const struct task *t, const struct direct *d,
	struct arena *a, struct direct_plan *p)
{
	p->shared_bytes = round_up(p->box_elements * d->x.elem, 16);
	for (int i = 0; i < d->n_w; i++) {
		plan_weights(d, p, i);
		if (p->cached)
			p->shared_bytes += round_up(p->w[i].elements *
				d->w[i].elem, 16);
	}
	p->shared_bytes *= p->stages;
	if (p->shared)
		p->shared_bytes += round_up(p->tile_elements *
			dtype_row(d->acc)->bits / 8, 16);
	if (p->shared_bytes > t->target->smem_block)
		return arena_printf(a, "the tiles of a block take %lld bytes of "
			"shared memory, %s has %d", (long long)p->shared_bytes,
			t->target->name, t->target->smem_block);
	p->regs = estimate_regs(d, p);
	if (p->regs > REGS_MAX)
		return arena_printf(a, "%d results a thread and their window "
			"take about %d registers, more than %d",
			p->acc_elements, p->regs, REGS_MAX);
	p->promised = promise_blocks(t->target, p->threads, p->regs,
		early_words(d, p), (int)p->shared_bytes);
	return promise_room(t->target, p->threads, p->regs,
		(int)p->shared_bytes, &p->occupancy);
}

static const char *plan(const struct task *t, struct arena *a,
	const int *values, bool widest, struct direct_plan *p)
{
	const struct direct *d = t->state;
	const char *why;

	memset(p, 0, sizeof *p);
	why = read_tiles(d, a, values, p);
	if (!why)
		why = read_numbers(t, d, a, values, p);
	if (!why)
		why = asked_wrong(a, &d->tunables[d->at[DIRECT_THREADS]],
			values[d->at[DIRECT_THREADS]], p->threads);
	if (!why)
		why = plan_box(d, a, number(d, values, DIRECT_ORDER, 0), widest,
			p);
	if (!why)
		why = plan_resources(t, d, a, p);
	return why;
}

const char *direct_plan(const struct task *t, struct arena *a,
	const int *values, struct direct_plan *p)
{
	return plan(t, a, values, false, p);
}

bool direct_plan_widest(const struct task *t, const int *values,
	struct direct_plan *p)
{
	return !plan(t, NULL, values, true, p);
}
