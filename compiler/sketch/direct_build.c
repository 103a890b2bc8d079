/* SPDX-License-Identifier: MIT */
/* The direct sketch's kernel: from a point to kernel IR. A block stages the box
 * of the input that its tile of the result reads, halo included, with what lies
 * outside filled in; each thread takes a segment of it into registers and
 * slides its window over that; what follows the reduction is applied to the
 * accumulators. */
#include "sketch/direct_code.h"

#include <assert.h>
#include <stdlib.h>

#include "sketch/box.h"
#include "sketch/common.h"
#include "sketch/raster.h"
#include "sketch/stage.h"

static struct kx *num(const struct direct_code *m, int64_t v)
{
	return kx_int(m->a, v);
}

static struct kx *scaled(const struct direct_code *m, struct kx *x, int64_t by)
{
	return kx_mul(m->a, x, num(m, by));
}

static struct kx *let(struct direct_code *m, struct k_block *b, const char *name,
	struct kx *x)
{
	return b ? ks_let(m->a, b, name, x) : x;
}

/* ---- which tile ---- */

static void set_first(struct direct_code *m, struct k_block *b,
	struct kx **first, int i, struct kx *tile)
{
	first[i] = let(m, b, arena_printf(m->a, "%s_first", m->d->out[i].name),
		scaled(m, tile, m->p->tile[i]));
}

/* The last two axes in another order than that of memory; what is left of
 * "at". */
static struct kx *own_raster(struct direct_code *m, struct k_block *b,
	struct kx **first, struct kx *at, int64_t rest)
{
	const struct direct_plan *p = m->p;
	int col = m->d->n_out - 1, row = col - 1;
	int major = p->by_columns ? col : row, minor = row + col - major;
	struct kx *n = num(m, p->tiles[row] * p->tiles[col]), *x, *y;

	raster_tile(m->a, b, rest > 1 ? kx_mod(m->a, at, n) : at, p->group,
		p->tiles[major], p->tiles[minor], &x, &y);
	set_first(m, b, first, major, x);
	set_first(m, b, first, minor, y);
	return rest > 1 ? let(m, b, "block_rest", kx_div(m->a, at, n)) : at;
}

/* First position of the block's tile along every axis; without a block the
 * expressions themselves: block.x is all they depend on. */
static void own_tile(struct direct_code *m, struct k_block *b, struct kx **first)
{
	const struct direct_plan *p = m->p;
	struct kx *at = kx_special(m->a, K_BLOCK_X);
	int64_t rest = p->blocks;
	int last = m->d->n_out - 1;

	if (p->by_columns || p->group > 1) {
		rest /= p->tiles[last] * p->tiles[last - 1];
		at = own_raster(m, b, first, at, rest);
		last -= 2;
	}
	for (int i = last; i >= 0; i--) {
		struct kx *n = num(m, p->tiles[i]), *tile = at;

		rest /= p->tiles[i];
		if (p->tiles[i] == 1)
			tile = num(m, 0);
		else if (rest > 1)
			tile = kx_mod(m->a, at, n);
		set_first(m, b, first, i, tile);
		if (rest > 1 && p->tiles[i] > 1)
			at = let(m, b, "block_rest", kx_div(m->a, at, n));
	}
}

static void own_part(struct direct_code *m, struct k_block *b)
{
	const struct direct_plan *p = m->p;
	struct kx *at = m->thread;
	int64_t rest = p->threads;

	for (int i = m->d->n_out - 1; i >= 0; i--) {
		struct kx *n = num(m, p->lanes[i]), *lane = at;

		rest = (rest + p->lanes[i] - 1) / p->lanes[i];
		if (p->lanes[i] == 1)
			lane = num(m, 0);
		else if (rest > 1)
			lane = kx_mod(m->a, at, n);
		m->own[i] = ks_let(m->a, b, arena_printf(m->a, "%s_own",
			m->d->out[i].name), scaled(m, lane, p->thread[i]));
		if (rest > 1 && p->lanes[i] > 1)
			at = ks_let(m->a, b, "thread_rest", kx_div(m->a, at,
				n));
	}
}

/* ---- staging ---- */

/* First position of the box along dimension "k". */
static struct kx *box_origin(struct direct_code *m, struct k_block *b, int k)
{
	const struct direct_dim *x = &m->d->x.dims[k];
	struct kx *at = num(m, m->p->origin[k]);

	for (int i = 0; i < m->d->n_out; i++)
		at = kx_add(m->a, at, scaled(m, m->first[i], x->out[i]));
	for (int r = 0; r < m->d->n_red; r++)
		at = kx_add(m->a, at, scaled(m, m->chunk[r], x->red[r]));
	return ks_let(m->a, b, arena_printf(m->a, "%s_d%d",
		m->d->x.tensor->name, k), at);
}

static void stage_window(struct direct_code *m, struct k_block *b, struct kx *slot)
{
	const struct direct_window *w = &m->d->x;
	const struct direct_plan *p = m->p;
	struct box x = { .a = m->a, .name = w->tensor->name, .n = w->n_dims,
		.vec = p->vec, .fill = w->fill, .thread = m->thread,
		.from = m->buffers[w->tensor->id], .to = m->tile,
		.at = num(m, w->base), .to_at = scaled(m, slot,
			p->box_elements), .threads = p->threads,
		.async = p->async };

	for (int k = 0; k < w->n_dims; k++)
		x.dims[k] = (struct box_dim){ .extent = p->box[k],
			.stride = w->dims[k].stride, .pitch = p->pitch[k],
			.size = w->dims[k].size,
			.guard = p->outside[k] && !w->edge,
			.clamp = p->outside[k] && w->edge,
			.origin = box_origin(m, b, k) };
	box_copy(&x, b);
}

static void add_dim(struct box *x, struct box_dim d)
{
	int k = x->n++;

	for (; k > 0 && llabs(x->dims[k - 1].stride) < llabs(d.stride); k--)
		x->dims[k] = x->dims[k - 1];
	x->dims[k] = d;
}

/* Vectors where weights lie along the same axis in both memories. */
static void widen(struct box *x, const struct direct_weights *w)
{
	const struct box_dim *last = &x->dims[x->n - 1];
	int64_t v = 16 / w->elem, c = w->c;

	if (last->stride != 1 || last->pitch != 1)
		return;
	while (v > 1 && (last->extent % v || last->size % v || c % v ||
	    w->tensor->align % (v * w->elem)))
		v /= 2;
	for (int k = 0; k < x->n - 1; k++)
		while (v > 1 && (x->dims[k].stride % v || x->dims[k].pitch % v))
			v /= 2;
	x->vec = (int)v;
}

/* May the last tile along an axis of results be less than whole? */
static bool ragged(const struct direct_code *m, int i)
{
	return ir_common(m->t->op, m->d->out[i].id) % m->p->tile[i] != 0;
}

static void stage_weights(struct direct_code *m, struct k_block *b, int n,
	struct kx *slot)
{
	const struct direct_weights *w = &m->d->w[n];
	const struct direct_plan *p = m->p;
	const struct direct_pitch *q = &p->w[n];
	struct box x = { .a = m->a, .name = m->w_tile[n]->name, .vec = 1,
		.from = m->buffers[w->tensor->id], .to = m->w_tile[n],
		.thread = m->thread, .threads = p->threads, .async = p->async,
		.at = num(m, w->c), .to_at = scaled(m, slot, q->elements) };

	for (int i = 0; i < m->d->n_out; i++)
		if (w->out[i])
			add_dim(&x, (struct box_dim){ .extent = p->tile[i],
				.stride = w->out[i], .pitch = q->out[i],
				.size = m->d->out[i].extent,
				.guard = ragged(m, i),
				.origin = m->first[i] });
	for (int r = 0; r < m->d->n_red; r++)
		if (w->red[r])
			add_dim(&x, (struct box_dim){ .extent = p->step[r],
				.stride = w->red[r], .pitch = q->red[r],
				.size = m->d->red[r].extent,
				.origin = m->chunk[r] });
	if (!x.n)
		add_dim(&x, (struct box_dim){ .extent = 1, .stride = 1,
			.pitch = 1, .size = 1, .origin = num(m, 0) });
	widen(&x, w);
	box_copy(&x, b);
}

static void stage_chunk(struct direct_code *m, struct k_block *b, struct kx *chunk,
	struct kx *slot)
{
	for (int r = 0; r < m->d->n_red; r++)
		m->chunk[r] = num(m, 0);
	if (m->p->chunks > 1)
		m->chunk[m->d->chunk] = ks_let(m->a, b, arena_printf(m->a,
			"%s_first", m->d->red[m->d->chunk].name), scaled(m,
			chunk, m->p->step[m->d->chunk]));
	stage_window(m, b, slot);
	for (int n = 0; n < m->d->n_w && m->p->cached; n++)
		stage_weights(m, b, n, slot);
}

/* ---- the loop over chunks ---- */

static void arrived(struct direct_code *m, struct k_block *b)
{
	if (m->p->async) {
		ks_commit(m->a, b);
		ks_wait(m->a, b, 0);
	}
	ks_barrier(m->a, b, BARRIER_BLOCK);
}

/* One buffer: it is filled when all have used it. */
static void one_stage(struct direct_code *m, struct k_block *b)
{
	struct arena *a = m->a;
	struct kx *chunk = num(m, 0);

	if (m->p->chunks > 1)
		b = ks_serial(a, b, "chunk", num(m, 0),
			num(m, m->p->chunks), num(m, 1), &chunk);
	stage_chunk(m, b, chunk, num(m, 0));
	arrived(m, b);
	direct_compute(m, b, num(m, 0));
	if (m->p->chunks > 1)
		ks_barrier(a, b, BARRIER_BLOCK);
}

/* Two buffers: the next chunk comes while one is used. Past the barrier all
 * have finished with the buffer that the copies overwrite. */
static void two_stages(struct direct_code *m, struct k_block *b)
{
	struct arena *a = m->a;
	struct kx *chunk, *next, *slot;
	struct k_block *more;

	stage_chunk(m, b, num(m, 0), num(m, 0));
	if (m->p->async)
		ks_commit(a, b);
	b = ks_serial(a, b, "chunk", num(m, 0), num(m, m->p->chunks),
		num(m, 1), &chunk);
	if (m->p->async)
		ks_wait(a, b, 0);
	ks_barrier(a, b, BARRIER_BLOCK);
	next = ks_let(a, b, "next", kx_add(a, chunk, num(m, 1)));
	more = ks_if(a, b, kx_lt(a, next, num(m, m->p->chunks)));
	stage_chunk(m, more, next, kx_mod(a, next, num(m, 2)));
	if (m->p->async)
		ks_commit(a, b);
	slot = ks_let(a, b, "slot", kx_mod(a, chunk, num(m, 2)));
	m->chunk[m->d->chunk] = ks_let(a, b, arena_printf(a, "%s_first",
		m->d->red[m->d->chunk].name), scaled(m, chunk,
		m->p->step[m->d->chunk]));
	direct_compute(m, b, slot);
}

/* ---- kernel ---- */

static struct k_buffer *bind(struct direct_code *m, const struct ir_tensor *t)
{
	if (!m->buffers[t->id])
		m->buffers[t->id] = program_bind(m->a, m->program, &m->step,
			m->k, t, false);
	return m->buffers[t->id];
}

static void bind_read(struct ir_expr *e, void *ctx)
{
	struct direct_code *m = ctx;

	if (e->kind == IR_READ)
		bind(m, &m->t->op->tensors[e->tensor]);
}

static struct k_buffer *array(struct direct_code *m, enum k_scope scope,
	const char *name, enum dtype t, int64_t n)
{
	return kernel_array(m->k, scope, name, t, 1, &n, 16);
}

static void declare_weights(struct direct_code *m, int n)
{
	const struct direct_weights *w = &m->d->w[n];
	int64_t own = 1;

	for (int i = 0; i < m->d->n_out; i++)
		own *= w->out[i] ? m->p->thread[i] : 1;
	m->w_raw[n] = array(m, K_REGISTER, arena_printf(m->a, "%s_held",
		w->tensor->name), w->tensor->type, own);
	if (m->p->cached)
		m->w_tile[n] = array(m, K_SHARED, arena_printf(m->a, "%s_tile",
			w->tensor->name), w->tensor->type,
			m->p->w[n].elements * m->p->stages);
}

static void declare(struct direct_code *m)
{
	const struct ir_tensor *x = m->d->x.tensor;
	enum dtype computed = lower_type(x->type);

	m->tile = array(m, K_SHARED, arena_printf(m->a, "%s_tile", x->name),
		x->type, m->p->box_elements * m->p->stages);
	m->tile->comment = "the block's part of the input, with its halo";
	m->acc = array(m, K_REGISTER, "sum", m->d->acc, m->p->acc_elements);
	m->segment = array(m, K_REGISTER, arena_printf(m->a, "%s_segment",
		x->name), computed, m->p->seg_elements);
	if (computed != x->type)
		m->raw = array(m, K_REGISTER, arena_printf(m->a, "%s_held",
			x->name), x->type, m->p->seg_vec);
	for (int n = 0; n < m->d->n_w; n++)
		declare_weights(m, n);
}

/* One side of the box of results a thread stores, "mine" from "first" on. */
static struct side side_of(const struct direct_code *m, int i, struct kx *first,
	int mine)
{
	const struct direct_axis *x = &m->d->out[i];

	return (struct side){ .name = x->name, .axes = &x->id, .n_axes = 1,
		.extent = x->extent, .mine = mine, .lanes = 1, .first = first,
		.vec = i == m->d->n_out - 1 ? m->p->store_vec : 1,
		.ragged = ragged(m, i) };
}

static struct k_block *working(struct direct_code *m, struct k_block *b)
{
	if (m->p->working == m->p->threads)
		return b;
	return ks_if(m->a, b, kx_lt(m->a, m->thread, num(m, m->p->working)));
}

/* Every thread its own results. */
static void store_own(struct direct_code *m, struct k_block *b,
	struct storing *out)
{
	struct side sides[DIRECT_AXES];
	int n = m->d->n_out;

	for (int i = 0; i < n; i++)
		sides[i] = side_of(m, i, kx_add(m->a, m->first[i], m->own[i]),
			m->p->thread[i]);
	out->n = sides[n - 1];
	epilogue_emit_box(out, working(m, b), sides, n, num(m, 0));
}

static void leave_results(struct direct_code *m, struct k_block *b,
	struct k_buffer *tile)
{
	struct kx *from = num(m, 0), *to = num(m, 0), *i;

	b = working(m, b);
	for (int k = 0; k < m->d->n_out; k++) {
		b = tile_loop(m->a, b, "i", m->p->thread[k], &i);
		from = kx_add(m->a, scaled(m, from, m->p->thread[k]), i);
		to = kx_add(m->a, scaled(m, to, m->p->tile[k]),
			kx_add(m->a, m->own[k], i));
	}
	ks_store(m->a, b, k_place(tile, to), kx_load(m->a, m->acc, from));
}

/* Results in the order of memory, whoever computed them: neighbouring threads
 * store neighbours. */
static void store_shared(struct direct_code *m, struct k_block *b,
	struct storing *out)
{
	int n = m->d->n_out, v = m->p->store_vec;
	int64_t units = m->p->tile_elements / v;
	int64_t rounds = (units + m->p->threads - 1) / m->p->threads;
	struct side sides[DIRECT_AXES];
	struct kx *u, *unit, *rest;

	out->acc = array(m, K_SHARED, "results", m->d->acc,
		m->p->tile_elements);
	leave_results(m, b, out->acc);
	ks_barrier(m->a, b, BARRIER_BLOCK);
	b = tile_loop(m->a, b, "u", rounds, &u);
	unit = ks_let(m->a, b, "unit", kx_add(m->a, m->thread, scaled(m, u,
		m->p->threads)));
	if (units % m->p->threads)
		b = ks_if(m->a, b, kx_lt(m->a, unit, num(m, units)));
	rest = unit;
	for (int i = n - 1; i >= 0; i--) {
		int mine = i == n - 1 ? v : 1;
		struct kx *extent = num(m, m->p->tile[i] / mine);
		struct kx *at = i ? kx_mod(m->a, rest, extent) : rest;

		sides[i] = side_of(m, i, kx_add(m->a, m->first[i], scaled(m,
			at, mine)), mine);
		if (i)
			rest = ks_let(m->a, b, "rest", kx_div(m->a, rest,
				extent));
	}
	out->n = sides[n - 1];
	epilogue_emit_box(out, b, sides, n, unit);
}

static void write_body(struct direct_code *m, struct k_block *b)
{
	struct storing out = { .t = m->t, .c = &m->d->roles, .a = m->a,
		.e = &m->d->epilogue, .k = m->k, .buffers = m->buffers };

	ir_walk(m->d->value, bind_read, m);
	epilogue_bind(&out, m->program, &m->step);
	declare(m);
	out.acc = m->acc;
	m->thread = ks_let(m->a, b, "thread", kx_special(m->a, K_THREAD_X));
	own_tile(m, b, m->first);
	own_part(m, b);
	direct_bases(m, b);
	direct_clear(m, b);
	if (m->p->stages > 1)
		two_stages(m, b);
	else
		one_stage(m, b);
	if (m->p->shared)
		store_shared(m, b, &out);
	else
		store_own(m, b, &out);
}

/* Results of this block: the tile but for what lies past the extents. */
static struct kx *area(struct direct_code *m, struct kx *const *first)
{
	struct kx *n = kx_cast(m->a, T_I64, num(m, 1));

	for (int i = 0; i < m->d->n_out; i++)
		n = kx_mul(m->a, n, kx_op(m->a, OP_MIN, T_I32, 2,
			num(m, m->p->tile[i]), kx_sub(m->a,
				num(m, m->d->out[i].extent), first[i])));
	return n;
}

/* The last two axes are rows and columns, the tiles of the others batches. */
static struct p_tiling tiling_of(struct direct_code *m)
{
	const struct direct_plan *p = m->p;
	struct kx *first[DIRECT_AXES];
	int n = m->d->n_out, col = n - 1, row = n - 2;
	int64_t tiles = p->tiles[col] * (row < 0 ? 1 : p->tiles[row]);
	struct p_tiling g = { .rows = 1, .tile_rows = 1, .row = num(m, 0),
		.cols = m->d->out[col].extent, .tile_cols = p->tile[col],
		.results = 1 };

	own_tile(m, NULL, first);
	g.col = first[col];
	if (row >= 0) {
		g.rows = m->d->out[row].extent;
		g.tile_rows = p->tile[row];
		g.row = first[row];
	}
	g.batch = p->blocks / tiles;
	g.batch_index = kx_div(m->a, kx_special(m->a, K_BLOCK_X),
		num(m, tiles));
	g.area = area(m, first);
	for (int i = 0; i < n; i++)
		g.results *= m->d->out[i].extent;
	return g;
}

void direct_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	struct direct_plan p;
	const char *why = direct_plan(t, a, values, &p);
	struct direct_code m = { .t = t, .d = t->state, .p = &p, .a = a,
		.program = out, .step = { .kind = P_LAUNCH } };

	assert(!why);
	(void)why;
	m.k = kernel_create(a, program_kernel_name(a, out, t->n_groups > 1),
		p.threads);
	m.k->min_blocks = p.promised;
	m.buffers = ARENA_ARRAY(a, (size_t)t->op->n_tensors, struct k_buffer *);
	write_body(&m, &m.k->body);
	kernel_prune(a, m.k);
	kernel_layout(m.k);
	m.step.kernel = m.k;
	m.step.grid[0] = p.blocks;
	m.step.grid[1] = m.step.grid[2] = 1;
	m.step.tiling = tiling_of(&m);
	vec_push(a, &out->steps, m.step);
}
