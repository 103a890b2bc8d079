/* SPDX-License-Identifier: MIT */
/* The kernel of a tiled contraction, around what multiplies. In order: which
 * tile the block owns, staging hoisted out of the loop, the pipelined main loop,
 * the reduction of split parts, the epilogue. */
#include "sketch/tiled.h"

#include "kernel/intrin.h"
#include "sketch/common.h"
#include "sketch/raster.h"

static struct kx *num(const struct tiled_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* Without a block the expression itself: block.x is all it depends on. */
static struct kx *let(struct tiled_code *g, struct k_block *b, const char *name,
	struct kx *v)
{
	return b ? ks_let(g->a, b, name, v) : v;
}

/* ---- which tile ---- */

struct tile_index {
	struct kx *batch, *m, *n;
};

static struct tile_index index_tile(struct tiled_code *g, struct k_block *b,
	struct kx *at)
{
	const struct tiling *p = g->p;
	int64_t per_batch = p->tiles_m * p->tiles_n;
	struct tile_index r = { NULL, NULL, NULL };
	struct kx *mates = num(g, p->cluster), *mate = kx_mod(g->a, at, mates);
	int mates_m = p->along_m ? p->cluster : 1;
	int64_t tiles_m = p->tiles_m / mates_m;
	int64_t tiles_n = p->tiles_n / (p->cluster / mates_m);

	if (g->f->batch > 1) {
		r.batch = let(g, b, "batch", kx_div(g->a, at,
			num(g, per_batch)));
		at = kx_mod(g->a, at, num(g, per_batch));
	}
	at = kx_div(g->a, at, mates);
	if (p->by_columns)
		raster_tile(g->a, b, at, p->group, tiles_n, tiles_m, &r.n,
			&r.m);
	else
		raster_tile(g->a, b, at, p->group, tiles_m, tiles_n, &r.m,
			&r.n);
	*(p->along_m ? &r.m : &r.n) = kx_add(g->a, kx_mul(g->a, p->along_m ?
		r.m : r.n, mates), mate);
	return r;
}

/* The first row or column of tile "at". */
static struct kx *first_of(struct tiled_code *g, struct kx *at, int tile,
	int64_t extent, bool shift)
{
	struct kx *first = kx_mul(g->a, at, num(g, tile));

	return shift ? kx_op(g->a, OP_MIN, T_I32, 2, first,
		num(g, extent - tile)) : first;
}

static struct kx *first_m(struct tiled_code *g, struct kx *at)
{
	return first_of(g, at, g->p->bm, g->f->m, g->p->shift_m);
}

static struct kx *first_n(struct tiled_code *g, struct kx *at)
{
	return first_of(g, at, g->p->bn, g->f->n, g->p->shift_n);
}

/* Rows of tile "at", from the first on, or those of its patches. */
static void own_rows(struct tiled_code *g, struct k_block *b, struct kx *at)
{
	const struct halo *h = &g->p->left.halo;

	if (!h->high) {
		g->m_first = let(g, b, arena_printf(g->a, "%s_first",
			g->out.m.name), first_m(g, at));
		return;
	}
	g->m_first = num(g, 0);
	g->patches = halo_patches(g->a, b, g->t->op, h, at);
	g->patches.ragged = g->p->tiles_m * h->patches > halo_all(h);
	g->out.m.patches = &g->patches;
}

/* Of a side with several rows of statistics a tile is one. */
static void own_row(struct tiled_code *g)
{
	const struct epilogue *e = &g->f->epilogue;
	struct side *along = e->rows_along_n ? &g->out.n : &g->out.m;

	if (!e->rows || along->extent == e->row)
		return;
	along->row_first = along->first;
	along->row = e->row;
}

/* Of a block that shares out chunks each tile finds the thread's number anew: nvcc
 * would make all that follows from it before the first, and spill it. */
void tiled_own(struct tiled_code *g, struct k_block *b, struct kx *number,
	bool stores)
{
	struct tile_index at = index_tile(g, b, number);

	if (stores && g->p->streams)
		g->thread = g->parts.thread = ks_let(g->a, b, "thread",
			kx_call(g->a, INTRIN_SETTLED_I32, T_I32, 1, g->thread));
	g->batch = at.batch;
	if (g->p->shift_m)
		g->out.m.own = kx_mul(g->a, at.m, num(g, g->p->bm));
	if (g->p->shift_n)
		g->out.n.own = kx_mul(g->a, at.n, num(g, g->p->bn));
	own_rows(g, b, at.m);
	g->n_first = let(g, b, arena_printf(g->a, "%s_first",
		g->out.n.name), first_n(g, at.n));
	g->out.m.first = g->m_first;
	g->out.n.first = g->n_first;
	own_row(g);
	if (stores)
		g->calls->own(g->ctx, b);
}

/* ---- main loop ---- */

static struct kx *chunk_start(struct tiled_code *g, struct kx *chunk, bool first)
{
	struct arena *a = g->a;
	struct kx *k = kx_mul(a, chunk, num(g, g->p->bk));

	if (!g->p->ragged)
		return k;
	k = kx_sub(a, k, num(g, g->p->gap));
	return first ? kx_op(a, OP_MAX, T_I32, 2, k, num(g, 0)) : k;
}

/* Where chunk "t" of this part begins. The first chunk of all takes the ragged
 * end of k, so that the main loop never needs to test for it. */
static struct chunk chunk_at(struct tiled_code *g, struct k_block *b,
	struct kx *t, bool maybe_first)
{
	struct arena *a = g->a;
	struct kx *chunk = let(g, b, "chunk", kx_add(a, g->first_chunk, t));
	struct kx *k0 = let(g, b, "k0", chunk_start(g, chunk, maybe_first));
	struct kx *limit = NULL;

	if (g->p->ragged && maybe_first)
		limit = let(g, b, "limit", kx_op(a, OP_SELECT, T_I32, 3,
			kx_op(a, OP_EQ, T_BOOL, 2, chunk, num(g, 0)),
			num(g, g->p->bk - g->p->gap), num(g, g->p->bk)));
	return (struct chunk){ k0, limit };
}

struct chunk tiled_chunk(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *k0;

	if (!g->p->bulk)
		return chunk_at(g, b, g->turn, true);
	k0 = let(g, b, "k0", kx_mul(a, kx_add(a, g->first_chunk, g->turn),
		num(g, g->p->bk)));
	return (struct chunk){ k0, g->p->ragged ? kx_sub(a, num(g, g->f->k),
		k0) : NULL };
}

static void load_chunk(struct tiled_code *g, struct k_block *b, struct kx *t,
	struct kx *slot, bool maybe_first)
{
	struct chunk c = chunk_at(g, b, t, maybe_first);

	stager_load(&g->left, b, c.k0, slot, c.limit);
	stager_load(&g->right, b, c.k0, slot, c.limit);
	if (g->f->products > 1)
		stager_load(&g->twin, b, c.k0, slot, c.limit);
}

/* Chunk "t", which waits in registers. Where it began matters to what is
 * computed only. */
static void store_chunk(struct tiled_code *g, struct k_block *b, struct kx *t,
	struct kx *slot)
{
	struct chunk c = { NULL, NULL };

	if (g->p->left.op->value || g->p->right.op->value ||
	    g->f->twin.value)
		c = chunk_at(g, b, t, true);
	stager_store(&g->left, b, c.k0, slot, c.limit);
	stager_store(&g->right, b, c.k0, slot, c.limit);
	if (g->f->products > 1)
		stager_store(&g->twin, b, c.k0, slot, c.limit);
}

static struct kx *slot_of(struct tiled_code *g, struct k_block *b,
	const char *name, struct kx *t)
{
	return let(g, b, name, kx_mod(g->a, t, num(g, g->p->stages)));
}

/* What this thread copied is there for all, past a barrier. */
static void publish(struct tiled_code *g, struct k_block *b)
{
	if (g->proxy)
		ks_call(g->a, b, INTRIN_FENCE_PROXY_ASYNC, 0);
	ks_barrier(g->a, b, BARRIER_BLOCK);
}

/* Copies run stages - 1 chunks ahead, fewer where some are read late. One barrier
 * a chunk suffices: past it, everybody has finished the chunk whose buffer the
 * next copy overwrites. */
static void async_loop(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	int ahead = g->p->stages - 1 - g->p->lag;
	struct k_block *body, *more;
	struct kx *t, *next;

	for (int s = 0; s < ahead; s++) {
		more = ks_if(a, b, kx_lt(a, num(g, s), g->chunks));
		load_chunk(g, more, num(g, s), num(g, s), s == 0);
		ks_commit(a, b);
	}
	body = ks_serial(a, b, "t", num(g, 0), g->chunks, num(g, 1), &t);
	ks_wait(a, body, ahead - 1);
	publish(g, body);
	next = let(g, body, "next", kx_add(a, t, num(g, ahead)));
	more = ks_if(a, body, kx_lt(a, next, g->chunks));
	load_chunk(g, more, next, slot_of(g, more, "free", next), false);
	ks_commit(a, body);
	g->turn = t;
	g->calls->compute(g->ctx, body, slot_of(g, body, "ready", t));
}

/* Without asynchronous copies the next chunk waits in registers. */
static void held_loop(struct tiled_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	bool two = g->p->stages == 2;
	struct k_block *body, *more;
	struct kx *t, *next, *slot;

	load_chunk(g, b, num(g, 0), NULL, true);
	body = ks_serial(a, b, "t", num(g, 0), g->chunks, num(g, 1), &t);
	if (!two)
		ks_barrier(a, body, BARRIER_BLOCK);
	slot = slot_of(g, body, "slot", t);
	store_chunk(g, body, t, slot);
	publish(g, body);
	next = let(g, body, "next", kx_add(a, t, num(g, 1)));
	more = ks_if(a, body, kx_lt(a, next, g->chunks));
	load_chunk(g, more, next, NULL, false);
	g->turn = t;
	g->calls->compute(g->ctx, body, slot);
}

static void part_of_k(struct tiled_code *g, struct k_block *b)
{
	const struct tiling *p = g->p;
	struct arena *a = g->a;

	if (p->streams)
		return;
	g->first_chunk = num(g, 0);
	g->chunks = num(g, p->chunks);
	if (p->split == 1)
		return;
	g->first_chunk = let(g, b, "chunk_first", kx_mul(a,
		kx_special(a, K_BLOCK_Y), num(g, p->chunks_split)));
	g->chunks = num(g, p->chunks_split);
	if (p->chunks % p->split || p->left.order->k.open)
		g->chunks = let(g, b, "chunks", kx_op(a, OP_MIN, T_I32, 2,
			g->chunks, kx_sub(a, num(g, p->chunks),
				g->first_chunk)));
}

/* Nothing is read any more at its end. */
static void main_loop(struct tiled_code *g, struct k_block *b)
{
	if (g->p->async)
		async_loop(g, b);
	else
		held_loop(g, b);
	if (g->calls->drain)
		g->calls->drain(g->ctx, b);
}

/* ---- who stores what ---- */

static void describe_parts(struct tiled_code *g)
{
	const struct tiling *p = g->p;

	g->parts = (struct parts){ .a = g->a, .program = g->program, .k = g->k,
		.tiles = p->tiles, .split = p->split, .rows = g->out.m.mine,
		.cols = g->out.n.mine * g->f->products, .threads = p->threads,
		.acc = g->acc,
		.reducer = g->f->c.reducer, .alone = p->helpers > 0,
		.thread = g->thread };
	if (p->streams)
		g->parts.tickets = parts_room(&g->parts, &g->step, p->blocks,
			"flags", p->blocks);
	else if (p->split > 1 && !p->joins)
		parts_declare(&g->parts, &g->step);
}

static struct side side_of(const struct ir_operator *o, const int *axes, int n,
	const char *name, int64_t extent, struct share s)
{
	return (struct side){ .name = n == 1 ? o->axes[axes[0]].name : name,
		.axes = axes, .n_axes = n, .extent = extent, .mine = s.mine,
		.vec = s.vec, .lanes = s.lanes, .together = s.together,
		.pitch = s.pitch };
}

static void describe_output(struct tiled_code *g, struct share m,
	struct share n)
{
	const struct tiling *p = g->p;
	const struct ir_contraction *c = &g->f->c;
	const struct ir_operator *o = g->t->op;

	g->out = (struct storing){ .t = g->t, .c = c, .e = &g->f->epilogue,
		.a = g->a, .k = g->k, .acc = g->acc, .rows = p->rows,
		.buffers = ARENA_ARRAY(g->a, (size_t)o->n_tensors,
			struct k_buffer *) };
	g->out.regs = p->keep ? p->keep : promise_registers(g->t->target,
		p->threads + p->helpers, g->k->min_blocks);
	g->out.m = side_of(o, c->m, c->n_m, g->f->m_name, g->f->m, m);
	g->out.n = side_of(o, c->n, c->n_n, g->f->n_name, g->f->n, n);
	g->out.m.ragged = !p->shift_m && (p->tiles_m * p->bm > g->f->m ||
		ir_any_open(o, c->m, c->n_m));
	if (p->left.halo.high)
		g->out.m.name = "pixel";
	g->out.n.ragged = !p->shift_n && (p->tiles_n * p->bn > g->f->n ||
		ir_any_open(o, c->n, c->n_n));
}

static void create(struct tiled_code *g, struct share m, struct share n,
	int promised)
{
	int64_t dims[2] = { m.mine, n.mine * g->f->products };

	g->k = kernel_create(g->a, program_kernel_name(g->a, g->program,
		g->t->n_groups > 1), g->p->threads + g->p->helpers);
	g->k->min_blocks = promised;
	g->k->cluster = tiled_cluster(g->p);
	g->k->cluster_y = g->p->joins;
	g->acc = kernel_array(g->k, K_REGISTER, "sum", g->f->acc, 2, dims, 16);
	describe_output(g, m, n);
}

/* ---- staging ---- */

static struct k_buffer *bind(struct tiled_code *g, const struct ir_tensor *t)
{
	if (!g->out.buffers[t->id])
		g->out.buffers[t->id] = program_bind(g->a, g->program,
			&g->step, g->k, t, false);
	return g->out.buffers[t->id];
}

static void bind_read(struct ir_expr *e, void *ctx)
{
	struct tiled_code *g = ctx;

	if (e->kind == IR_READ)
		bind(g, &g->t->op->tensors[e->tensor]);
}

/* What the computing of an operand's elements needs, wherever that is done, and what
 * batches choose it by. */
static void describe_computed(struct tiled_code *g, struct stager *s)
{
	bool left = s->s == &g->p->left;
	const struct operand *op = left ? &g->f->left : s->s == &g->p->twin ?
		&g->f->twin : &g->f->right;

	if (!op->value && !op->n_choices)
		return;
	if (op->value)
		ir_walk((struct ir_expr *)op->value, bind_read, g);
	for (int i = 0; i < op->n_choices; i++)
		ir_walk((struct ir_expr *)op->choices[i].index, bind_read, g);
	s->computed = product_computed(g->a, g->t->op, g->f, left, g->p->order,
		g->out.buffers);
}

/* What sums are scaled by. */
static void bind_scales(struct tiled_code *g)
{
	const struct product_scales *s = &g->f->scales;

	if (s->m)
		ir_walk((struct ir_expr *)s->m, bind_read, g);
	if (s->n)
		ir_walk((struct ir_expr *)s->n, bind_read, g);
}

/* Is the tensor more than one operand? */
static bool is_twice(const struct tiled_code *g, const struct ir_tensor *t)
{
	const struct product *f = g->f;

	return (f->left.tensor == t) + (f->right.tensor == t) +
		(f->products > 1 && f->twin.tensor == t) > 1;
}

static void describe_stager(struct tiled_code *g, struct stager *s,
	const struct stage *stage, const char *suffix)
{
	const struct ir_tensor *t = stage->op->tensor;

	*s = (struct stager){ .s = stage, .a = g->a, .kernel = g->k,
		.thread = g->thread, .global = bind(g, t) };
	describe_computed(g, s);
	s->name = is_twice(g, t) ? arena_printf(g->a, "%s_%s", t->name, suffix) :
		t->name;
}

/* The tile, where compute() looks for it. */
static void create_bulk(struct tiled_code *g, struct bulk *x, struct stager *s)
{
	*x = (struct bulk){ .s = s->s, .a = g->a, .tile = s->tile,
		.computed = &s->computed };
	bulk_create(x, g->k, s->name, s->global, g->p->stages);
	s->tile = x->tile;
}

/* Says of the right tile what it holds. */
static void tell_twins(struct tiled_code *g)
{
	struct k_buffer *tile = g->right.tile;

	if (g->f->products > 1)
		tile->comment = arena_printf(g->a, "%s: %d of %s and of %s by "
			"turns", tile->comment, g->p->right.weave,
			g->right.name, g->twin.name);
}

static void create_stagers(struct tiled_code *g, struct k_block *b)
{
	if (g->p->bulk) {
		create_bulk(g, &g->left_bulk, &g->left);
		create_bulk(g, &g->right_bulk, &g->right);
		g->twin.tile = g->right.tile;
		if (g->f->products > 1)
			create_bulk(g, &g->twin_bulk, &g->twin);
		tell_twins(g);
		return;
	}
	ks_comment(g->a, b, "addresses of what this thread copies");
	stager_create(&g->left, b, g->p->stages, g->m_first, g->batch);
	stager_create(&g->right, b, g->p->stages, g->n_first, g->batch);
	g->twin.tile = g->right.tile;
	if (g->f->products > 1)
		stager_create(&g->twin, b, g->p->stages, g->n_first, g->batch);
	tell_twins(g);
}

static void stage_operands(struct tiled_code *g, struct k_block *b)
{
	describe_stager(g, &g->left, &g->p->left, "left");
	describe_stager(g, &g->right, &g->p->right, "right");
	if (g->f->products > 1)
		describe_stager(g, &g->twin, &g->p->twin, "twin");
	bind_scales(g);
	epilogue_bind(&g->out, g->program, &g->step);
	describe_parts(g);
	create_stagers(g, b);
	part_of_k(g, b);
}

/* ---- the end ---- */

/* How many results the tile of patches at "at" has. */
static struct kx *area_at(struct tiled_code *g, struct tile_index at)
{
	struct kx *cols = kx_op(g->a, OP_MIN, T_I32, 2, num(g, g->p->bn),
		kx_sub(g->a, num(g, g->f->n), first_n(g, at.n)));

	return kx_mul(g->a, halo_area(g->a, &g->p->left.halo, at.m),
		kx_op(g->a, OP_MAX, T_I32, 2, cols, num(g, 0)));
}

static void finish_step(struct tiled_code *g)
{
	const struct tiling *p = g->p;
	struct tile_index at = index_tile(g, NULL, kx_special(g->a,
		K_BLOCK_X));

	g->step.kind = P_LAUNCH;
	g->step.kernel = g->k;
	g->step.grid[0] = p->blocks ? p->blocks : p->tiles;
	g->step.grid[1] = p->split;
	g->step.grid[2] = 1;
	g->step.tiling = (struct p_tiling){ .rows = g->f->m, .cols = g->f->n,
		.batch = g->f->batch, .tile_rows = p->bm, .tile_cols = p->bn,
		.tiles = p->blocks ? p->tiles : 0, .row = first_m(g, at.m),
		.col = first_n(g, at.n),
		.batch_index = at.batch ? at.batch : num(g, 0),
		.stream = p->stream };
	if (p->left.halo.high) {
		g->step.tiling.rows = p->tiles_m * p->bm;
		g->step.tiling.results = g->f->m * g->f->n * g->f->batch;
		g->step.tiling.area = area_at(g, at);
	}
	vec_push(g->a, &g->program->steps, g->step);
}

void tiled_end(struct tiled_code *g, struct k_block *b)
{
	if (g->p->joins) {
		tiled_leave(g, b);
		tiled_join(g, b);
		return;
	}
	if (g->p->streams)
		b = tiled_stream_join(g, b);
	if (g->p->split > 1)
		b = parts_combine(&g->parts, b, NULL);
	ks_comment(g->a, b, "store the tile");
	g->out.batch = g->batch;
	epilogue_emit(&g->out, b);
}

static void call(const struct tiled_code *g,
	void (*f)(void *ctx, struct k_block *b), struct k_block *b)
{
	if (f)
		f(g->ctx, b);
}

static void one_tile(struct tiled_code *g, struct k_block *b, struct kx *at)
{
	tiled_own(g, b, at, true);
	stage_operands(g, b);
	call(g, g->calls->start, b);
	main_loop(g, b);
	call(g, g->calls->finish, b);
	tiled_end(g, b);
}

static void write_body(struct tiled_code *g, struct k_block *b)
{
	struct kx *at = kx_special(g->a, K_BLOCK_X);
	struct k_block *turns;
	struct kx *thread;

	g->thread = ks_let(g->a, b, "thread", kx_special(g->a, K_THREAD_X));
	if (g->p->bulk) {
		stage_operands(g, b);
		call(g, g->calls->start, b);
		tiled_bulk(g, b);
		return;
	}
	turns = g->p->streams ? tiled_stream_turns(g, b, &at) : b;
	thread = g->thread;
	one_tile(g, turns, at);
	g->thread = thread;
	call(g, g->calls->leave, b);
}

void tiled_build(struct tiled_code *g, struct share m, struct share n,
	int promised)
{
	create(g, m, n, promised);
	write_body(g, &g->k->body);
	kernel_prune(g->a, g->k);
	kernel_layout(g->k);
	finish_step(g);
}
