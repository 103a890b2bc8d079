/* SPDX-License-Identifier: MIT */
/* The gemv sketch's kernel: from a point to kernel IR. In order: which tile the
 * block owns, what of it the thread reads, the loop over its part of the
 * reduction, the joining of the block's sums, and the epilogue. */
#include "sketch/gemv.h"

#include <assert.h>

#include "kernel/intrin.h"
#include "sketch/gemv_read.h"
#include "sketch/parts.h"
#include "sketch/raster.h"

/* A kernel under construction. "big_raw" [step][row][k], or [0][k][row] where
 * vectors run along the rows; "big_value" the same of one step, converted;
 * "first_k" of this block's part, "lane_k" and "lane_row" the thread's place. */
struct gemv_code {
	const struct task *t;
	const struct gemv *f;
	const struct gemv_plan *p;
	struct arena *a;
	struct program *program;
	struct p_step step;
	struct kernel *k;
	struct k_buffer **buffers;
	struct reader big, small;
	struct k_buffer *acc, *out, *board, *tile;
	struct k_buffer *big_raw, *big_value, *small_raw;
	struct kx *batch, *row_first, *col_first, *thread;
	struct kx *lane_row, *lane_k, *first_k;
};

static struct kx *num(const struct gemv_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

static struct kx *let(struct gemv_code *g, struct k_block *b, const char *name,
	struct kx *v)
{
	return b ? ks_let(g->a, b, name, v) : v;
}

/* ---- which tile ---- */

/* Unless another order is chosen, columns change fastest: blocks that run
 * together share rows in L2. */
static void own_tile(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	int64_t per_batch = p->tiles_rows * p->tiles_cols;
	struct kx *at = kx_special(a, K_BLOCK_X), *row, *col;

	g->batch = NULL;
	if (g->f->of.batch > 1) {
		g->batch = let(g, b, "batch", kx_div(a, at, num(g, per_batch)));
		at = kx_mod(a, at, num(g, per_batch));
	}
	if (p->rows_major)
		raster_tile(a, b, at, p->group, p->tiles_rows, p->tiles_cols,
			&row, &col);
	else
		raster_tile(a, b, at, p->group, p->tiles_cols, p->tiles_rows,
			&col, &row);
	g->row_first = let(g, b, arena_printf(a, "%s_first", g->f->row_name),
		kx_mul(a, row, num(g, p->bm)));
	g->col_first = let(g, b, arena_printf(a, "%s_first", g->f->col_name),
		kx_mul(a, col, num(g, p->bc)));
}

/* Neighbouring threads lie along what is contiguous in the big operand. */
static void own_part(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	struct kx *fast = num(g, p->along_k ? p->team : p->across), *in, *out;

	g->thread = let(g, b, "thread", kx_special(a, K_THREAD_X));
	in = let(g, b, p->along_k ? "lane_k" : "lane_row",
		kx_mod(a, g->thread, fast));
	out = let(g, b, p->along_k ? "lane_row" : "lane_k",
		kx_div(a, g->thread, fast));
	g->lane_k = p->along_k ? in : out;
	g->lane_row = p->along_k ? out : in;
	g->first_k = num(g, 0);
	if (p->split > 1)
		g->first_k = let(g, b, "k_first", kx_mul(a,
			kx_special(a, K_BLOCK_Y), num(g, p->part)));
}

/* ---- operands ---- */

static struct k_buffer *bind(struct gemv_code *g, const struct ir_tensor *t)
{
	if (!g->buffers[t->id])
		g->buffers[t->id] = program_bind(g->a, g->program, &g->step,
			g->k, t, false);
	return g->buffers[t->id];
}

static struct reader reader_of(struct gemv_code *g, const struct operand *op,
	const char *suffix)
{
	bool same = g->f->big->tensor == g->f->small->tensor;
	const char *name = op->tensor->name;

	return (struct reader){ .a = g->a, .kernel = g->k, .op = op,
		.k = &op->orders[g->p->order].k, .global = bind(g, op->tensor),
		.name = same ? arena_printf(g->a, "%s_%s", name, suffix) : name,
		.batch = g->batch, .lanes = 1, .vec = 1 };
}

static void describe_readers(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	int vec = p->along_k ? 1 : p->vec;

	g->big = reader_of(g, g->f->big, "rows");
	g->big.first = let(g, b, "row_mine", kx_add(g->a, g->row_first,
		kx_mul(g->a, g->lane_row, num(g, vec))));
	g->big.n = p->mine;
	g->big.lanes = p->across;
	g->big.vec = vec;
	g->big.ragged = gemv_ragged_rows(g->f, p);
	reader_create(&g->big, b);
	g->small = reader_of(g, g->f->small, "cols");
	g->small.first = g->col_first;
	g->small.n = p->bc;
	g->small.ragged = gemv_ragged_cols(g->f, p);
	reader_create(&g->small, b);
}

static void declare_registers(struct gemv_code *g)
{
	const struct gemv_plan *p = g->p;
	enum dtype acc = g->f->of.acc;
	int64_t sums[2] = { p->mine, p->bc };
	int64_t raw[3] = { p->steps, p->along_k ? p->mine : p->ks,
		p->along_k ? p->ks : p->mine };
	int64_t ks[1] = { p->ks };

	g->acc = kernel_array(g->k, K_REGISTER, "sum", acc, 2, sums, 16);
	g->big_raw = kernel_array(g->k, K_REGISTER, arena_printf(g->a,
		"%s_part", g->big.name), g->f->big->tensor->type, 3, raw, 16);
	raw[0] = 1;
	g->big_value = g->big_raw;
	if (g->f->big->tensor->type != acc)
		g->big_value = kernel_array(g->k, K_REGISTER, arena_printf(g->a,
			"%s_value", g->big.name), acc, 3, raw, 16);
	g->small_raw = kernel_array(g->k, K_REGISTER, arena_printf(g->a,
		"%s_part", g->small.name), g->f->small->tensor->type, 1, ks,
		16);
}

/* The k at which the thread's step "u" of the chunk at "k0" starts. */
static struct kx *step_k(struct gemv_code *g, struct kx *k0, struct kx *u)
{
	struct kx *at = kx_add(g->a, kx_mul(g->a, u, num(g, g->p->team)),
		g->lane_k);

	return kx_add(g->a, k0, kx_mul(g->a, at, num(g, g->p->ks)));
}

/* Does k lie in the reduction? NULL where the chunk is whole. */
static struct kx *inside(struct gemv_code *g, struct kx *k, bool whole)
{
	return whole ? NULL : kx_lt(g->a, k, num(g, g->f->of.k));
}

static void load_along_k(struct gemv_code *g, struct k_block *b, struct kx *k0,
	bool whole)
{
	struct kx *forms[FORMS_MAX], *u, *i, *k;

	b = tile_loop(g->a, b, "u", g->p->steps, &u);
	k = let(g, b, "k", step_k(g, k0, u));
	reader_at(&g->big, b, k, forms);
	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	reader_copy(&g->big, b, i, forms, g->p->vec,
		k_place(g->big_raw, u, i, num(g, 0)), inside(g, k, whole));
}

static void load_along_rows(struct gemv_code *g, struct k_block *b,
	struct kx *k0, bool whole)
{
	struct kx *forms[FORMS_MAX], *e, *i, *k;
	int vec = g->p->vec;

	b = tile_loop(g->a, b, "e", g->p->ks, &e);
	k = let(g, b, "k", kx_add(g->a, step_k(g, k0, num(g, 0)), e));
	reader_at(&g->big, b, k, forms);
	b = tile_loop(g->a, b, "i", g->p->mine / vec, &i);
	reader_copy(&g->big, b, i, forms, vec, k_place(g->big_raw, num(g, 0), e,
		kx_mul(g->a, i, num(g, vec))), inside(g, k, whole));
}

/* ---- the small operand ---- */

/* Columns in shared memory: the ks of this block's part, zeros past the end. */
static void stage_small(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	int64_t dims[2] = { p->bc, p->part };
	int64_t each = p->part / p->small_vec;
	struct reader one = g->small;
	struct kx *forms[FORMS_MAX], *at, *col, *kk, *k;
	struct k_block *body;

	g->tile = kernel_array(g->k, K_SHARED, arena_printf(a, "%s_tile",
		g->small.name), g->f->small->tensor->type, 2, dims, 16);
	body = ks_for(a, b, LOOP_THREADS, "at", num(g, 0),
		num(g, p->bc * each), NULL, &at);
	col = ks_let(a, body, "col", kx_div(a, at, num(g, each)));
	kk = ks_let(a, body, "kk", kx_mul(a, kx_mod(a, at, num(g, each)),
		num(g, p->small_vec)));
	k = ks_let(a, body, "k", kx_add(a, g->first_k, kk));
	one.n = 1;
	one.first = kx_add(a, g->col_first, col);
	reader_create(&one, body);
	reader_at(&one, body, k, forms);
	reader_copy(&one, body, num(g, 0), forms, p->small_vec,
		k_place(g->tile, col, kk),
		inside(g, k, p->part * p->split == g->f->of.k));
	ks_barrier(a, b, BARRIER_BLOCK);
}

/* The thread's ks of column "j" from "k" on. */
static void load_small(struct gemv_code *g, struct k_block *b, struct kx *j,
	struct kx *k, bool whole)
{
	int elem = g->f->small->elem, width = g->p->small_vec;
	struct kx *forms[FORMS_MAX], *e;

	if (g->p->staged)
		width = 16 / elem < g->p->ks ? 16 / elem : g->p->ks;
	b = tile_loop(g->a, b, "e", g->p->ks / width, &e);
	e = kx_mul(g->a, e, num(g, width));
	k = kx_add(g->a, k, e);
	if (g->p->staged) {
		ks_copy(g->a, b, COPY_PLAIN, k_place(g->small_raw, e),
			k_place(g->tile, j, kx_sub(g->a, k, g->first_k)),
			width * elem, NULL, 0);
		return;
	}
	reader_at(&g->small, b, k, forms);
	reader_copy(&g->small, b, j, forms, width, k_place(g->small_raw, e),
		inside(g, k, whole));
}

/* ---- multiply ---- */

static struct kx *big_at(struct gemv_code *g, struct k_buffer *buffer,
	struct kx *u, struct kx *i, struct kx *e)
{
	return g->p->along_k ? kx_load(g->a, buffer, u, i, e) :
		kx_load(g->a, buffer, u, e, i);
}

static void convert_big(struct gemv_code *g, struct k_block *b, struct kx *u)
{
	struct kx *zero = num(g, 0), *i, *e;
	struct k_place to;

	if (g->big_value == g->big_raw)
		return;
	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	b = tile_loop(g->a, b, "e", g->p->ks, &e);
	to = g->p->along_k ? k_place(g->big_value, zero, i, e) :
		k_place(g->big_value, zero, e, i);
	ks_store(g->a, b, to, kx_cast(g->a, g->f->of.acc,
		big_at(g, g->big_raw, u, i, e)));
}

static void multiply(struct gemv_code *g, struct k_block *b, struct kx *u,
	struct kx *k, bool whole)
{
	enum dtype acc = g->f->of.acc;
	struct kx *from = g->big_value == g->big_raw ? u : num(g, 0);
	struct kx *i, *j, *e, *y;

	convert_big(g, b, u);
	b = tile_loop(g->a, b, "j", g->p->bc, &j);
	load_small(g, b, j, k, whole);
	b = tile_loop(g->a, b, "e", g->p->ks, &e);
	y = kx_load(g->a, g->small_raw, e);
	if (y->type != acc)
		y = ks_let(g->a, b, "y", kx_cast(g->a, acc, y));
	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	ks_store(g->a, b, k_place(g->acc, i, j), product_add(g->a, acc,
		big_at(g, g->big_value, from, i, e), y,
		kx_load(g->a, g->acc, i, j)));
}

/* All loads of the big operand first: they are in flight together. */
static void chunk(struct gemv_code *g, struct k_block *b, struct kx *k0,
	bool whole)
{
	struct kx *u;

	if (g->p->along_k)
		load_along_k(g, b, k0, whole);
	else
		load_along_rows(g, b, k0, whole);
	b = tile_loop(g->a, b, "u", g->p->steps, &u);
	multiply(g, b, u, let(g, b, "k", step_k(g, k0, u)), whole);
}

/* Whole chunks without a test, then the ragged end in the last part. */
static void main_loop(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	int64_t whole = g->f->of.k / p->chunk;
	struct kx *n = num(g, p->chunks_split < whole ? p->chunks_split :
		whole), *k0;
	struct k_block *body;

	if (p->split * p->chunks_split > whole && p->split > 1)
		n = let(g, b, "chunks", kx_op(a, OP_MIN, T_I32, 2, n,
			kx_sub(a, num(g, whole), kx_mul(a,
				kx_special(a, K_BLOCK_Y),
				num(g, p->chunks_split)))));
	if (whole || g->f->open_k) {
		body = ks_for(a, b, LOOP_SERIAL, "k0", g->first_k, kx_add(a,
			g->first_k, kx_mul(a, n, num(g, p->chunk))),
			num(g, p->chunk), &k0);
		chunk(g, body, k0, true);
	}
	if (g->f->of.k % p->chunk == 0 && !g->f->open_k)
		return;
	if (p->split > 1)
		b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
			kx_special(a, K_BLOCK_Y), num(g, p->split - 1)));
	chunk(g, b, num(g, whole * p->chunk), false);
}

/* ---- joining ---- */

static struct k_block *each_sum(struct gemv_code *g, struct k_block *b,
	struct kx **i, struct kx **j)
{
	b = tile_loop(g->a, b, "i", g->p->mine, i);
	return tile_loop(g->a, b, "j", g->p->bc, j);
}

static void clear_sums(struct gemv_code *g, struct k_block *b)
{
	struct kx *i, *j;

	b = each_sum(g, b, &i, &j);
	ks_store(g->a, b, k_place(g->acc, i, j),
		product_zero(g->a, g->f->of.acc));
}

static void join_lanes(struct gemv_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	enum dtype acc = g->f->of.acc;
	struct kx *i, *j;

	b = each_sum(g, b, &i, &j);
	for (int d = g->p->sub / 2; d > 0; d /= 2) {
		struct kx *other = ks_let(a, b, "other", kx_call(a,
			INTRIN_SHUFFLE_XOR, acc, 2, kx_load(a, g->acc, i, j),
			num(g, d)));

		ks_store(a, b, k_place(g->acc, i, j), kx_op(a, OP_ADD, acc, 2,
			kx_load(a, g->acc, i, j), other));
	}
}

/* Row of the tile that the thread's "i" is. */
static struct kx *tile_row(struct gemv_code *g, struct kx *i)
{
	struct arena *a = g->a;
	int vec = g->big.vec;
	struct kx *at = kx_mul(a, g->lane_row, num(g, vec));

	if (vec > 1)
		at = kx_add(a, at, kx_mod(a, i, num(g, vec)));
	return kx_add(a, at, kx_mul(a, kx_div(a, i, num(g, vec)),
		num(g, (int64_t)g->p->across * vec)));
}

/* Each group's sums on a board in shared memory, [group][column][row]. */
static void write_board(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	int64_t dims[3] = { p->groups, p->bc, p->bm };
	struct kx *group = kx_div(a, g->lane_k, num(g, p->sub)), *i, *j;
	struct k_block *inner = b;

	g->board = kernel_array(g->k, K_SHARED, "board", g->f->of.acc, 3, dims,
		16);
	if (p->sub > 1)
		inner = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, kx_mod(a,
			g->lane_k, num(g, p->sub)), num(g, 0)));
	inner = each_sum(g, inner, &i, &j);
	ks_store(a, inner, k_place(g->board, group, j, tile_row(g, i)),
		kx_load(a, g->acc, i, j));
	ks_barrier(a, b, BARRIER_BLOCK);
}

/* ---- results ---- */

/* The thread's place among those that hold results. */
struct writer {
	struct kx *row, *col;
};

static struct writer writer_of(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	bool rows_first = g->f->of.epilogue.along_n != g->f->left_big;
	struct kx *fast = num(g, rows_first ? p->lanes_rows : p->lanes_cols);
	struct kx *x = ks_let(a, b, rows_first ? "out_row" : "out_col",
		kx_mod(a, g->thread, fast));
	struct kx *y = ks_let(a, b, rows_first ? "out_col" : "out_row",
		kx_div(a, g->thread, fast));

	return (struct writer){ rows_first ? x : y, rows_first ? y : x };
}

/* Sums of all groups, in their order. */
static void read_board(struct gemv_code *g, struct k_block *b,
	const struct writer *w)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	struct kx *i, *j, *x, *row, *col;
	struct k_place at;

	b = tile_loop(a, b, "i", p->mine_rows, &i);
	b = tile_loop(a, b, "j", p->mine_cols, &j);
	row = ks_let(a, b, "row", kx_add(a, w->row, kx_mul(a, i,
		num(g, p->lanes_rows))));
	col = ks_let(a, b, "col", kx_add(a, w->col, kx_mul(a, j,
		num(g, p->lanes_cols))));
	at = g->f->left_big ? k_place(g->out, i, j) : k_place(g->out, j, i);
	ks_store(a, b, at, kx_load(a, g->board, num(g, 0), col, row));
	if (p->groups == 1)
		return;
	b = ks_for(a, b, LOOP_SERIAL, "group", num(g, 1), num(g, p->groups),
		NULL, &x);
	ks_store(a, b, at, kx_op(a, OP_ADD, g->f->of.acc, 2, g->f->left_big ?
		kx_load(a, g->out, i, j) : kx_load(a, g->out, j, i),
		kx_load(a, g->board, x, col, row)));
}

static struct side side_of(struct gemv_code *g, const struct writer *w,
	bool left)
{
	const struct product *of = &g->f->of;
	const struct gemv_plan *p = g->p;
	bool rows = left == g->f->left_big;
	const int *axes = left ? of->c.m : of->c.n;
	int n = left ? of->c.n_m : of->c.n_n;
	int64_t extent = left ? of->m : of->n;

	return (struct side){ .name = n == 1 ? g->t->op->axes[axes[0]].name :
			left ? of->m_name : of->n_name,
		.axes = axes, .n_axes = n, .extent = extent, .vec = 1,
		.mine = rows ? p->mine_rows : p->mine_cols,
		.lanes = rows ? p->lanes_rows : p->lanes_cols,
		.first = rows ? g->row_first : g->col_first,
		.lane = rows ? w->row : w->col,
		.ragged = rows ? gemv_ragged_rows(g->f, p) :
			gemv_ragged_cols(g->f, p) };
}

static void finish(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	const struct product *of = &g->f->of;
	int rows = g->f->left_big ? p->mine_rows : p->mine_cols;
	int cols = g->f->left_big ? p->mine_cols : p->mine_rows;
	int64_t dims[2] = { rows, cols };
	struct writer w = writer_of(g, b);
	struct kx *mine = p->writers < p->threads ? kx_lt(g->a, g->thread,
		num(g, p->writers)) : NULL;
	struct storing out = { .t = g->t, .c = &of->c, .e = &of->epilogue,
		.a = g->a, .k = g->k, .buffers = g->buffers, .batch = g->batch };
	struct parts parts = { .a = g->a, .program = g->program, .k = g->k,
		.tiles = p->tiles, .split = p->split, .rows = rows,
		.cols = cols, .threads = p->threads, .thread = g->thread };

	g->out = kernel_array(g->k, K_REGISTER, "result", of->acc, 2, dims, 16);
	parts.acc = out.acc = g->out;
	out.m = side_of(g, &w, true);
	out.n = side_of(g, &w, false);
	epilogue_bind(&out, g->program, &g->step);
	read_board(g, ks_if(g->a, b, mine), &w);
	if (p->split > 1) {
		parts_declare(&parts, &g->step);
		b = parts_combine(&parts, b, mine);
	} else {
		b = ks_if(g->a, b, mine);
	}
	epilogue_emit(&out, b);
}

/* ---- kernel ---- */

static void write_body(struct gemv_code *g, struct k_block *b)
{
	own_tile(g, b);
	own_part(g, b);
	describe_readers(g, b);
	declare_registers(g);
	if (g->p->staged)
		stage_small(g, b);
	clear_sums(g, b);
	main_loop(g, b);
	ks_comment(g->a, b, "join the sums of the threads along %s",
		g->f->of.k_name);
	join_lanes(g, b);
	write_board(g, b);
	finish(g, b);
}

static void finish_step(struct gemv_code *g)
{
	const struct gemv_plan *p = g->p;
	bool left = g->f->left_big;

	own_tile(g, NULL);
	g->step.kind = P_LAUNCH;
	g->step.kernel = g->k;
	g->step.grid[0] = p->tiles;
	g->step.grid[1] = p->split;
	g->step.grid[2] = 1;
	g->step.tiling = (struct p_tiling){ .rows = g->f->of.m,
		.cols = g->f->of.n, .batch = g->f->of.batch,
		.tile_rows = left ? p->bm : p->bc,
		.tile_cols = left ? p->bc : p->bm,
		.row = left ? g->row_first : g->col_first,
		.col = left ? g->col_first : g->row_first,
		.batch_index = g->batch ? g->batch : num(g, 0) };
	vec_push(g->a, &g->program->steps, g->step);
}

void gemv_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	struct gemv_plan p;
	struct gemv_code g = { .t = t, .f = t->state, .p = &p, .a = a,
		.program = out, .buffers = ARENA_ARRAY(a,
			(size_t)t->op->n_tensors, struct k_buffer *) };
	const char *why = gemv_plan(t, a, values, &p);

	assert(!why);
	(void)why;
	g.k = kernel_create(a, program_kernel_name(a, out, t->n_groups > 1),
		p.threads);
	g.k->min_blocks = p.occupancy;
	write_body(&g, &g.k->body);
	kernel_prune(a, g.k);
	kernel_layout(g.k);
	finish_step(&g);
}
