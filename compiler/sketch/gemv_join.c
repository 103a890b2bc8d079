/* SPDX-License-Identifier: MIT */
/* The sums of a block's threads become results: neighbours of a team join
 * theirs by shuffles, its groups on a board in shared memory, blocks through
 * parts.c; threads in the order of the result then apply what follows. */
#include "sketch/gemv_code.h"

#include "kernel/intrin.h"
#include "sketch/parts.h"

static struct kx *num(const struct gemv_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

static struct k_block *each_sum(struct gemv_code *g, struct k_block *b,
	struct kx **i, struct kx **j)
{
	b = tile_loop(g->a, b, "i", g->p->all, i);
	return tile_loop(g->a, b, "j", g->p->bc, j);
}

void gemv_clear(struct gemv_code *g, struct k_block *b)
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

		ks_store(a, b, k_place(g->acc, i, j), lower_wrapping(a,
			OP_ADD, acc, kx_load(a, g->acc, i, j), other));
	}
}

/* Row of the tile that the thread's "i" is; those of a second product's tile come
 * behind the first's. */
static struct kx *tile_row(struct gemv_code *g, struct kx *i)
{
	struct arena *a = g->a;
	int vec = g->big.vec;
	struct kx *at = kx_mul(a, g->lane_row, num(g, vec));

	if (g->f->of.products > 1) {
		at = kx_add(a, at, kx_mul(a, kx_div(a, i, num(g, g->p->mine)),
			num(g, g->p->bm)));
		i = kx_mod(a, i, num(g, g->p->mine));
	}
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
	int64_t dims[3] = { p->groups, p->bc, (int64_t)p->bm *
		g->f->of.products };
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

/* Where on the board the thread's rows lie, from its first on. */
static struct kx *board_row(struct gemv_code *g, struct kx *i)
{
	struct arena *a = g->a;
	struct kx *mine = num(g, g->p->mine_rows);
	struct kx *lanes = num(g, g->p->lanes_rows);

	if (g->f->of.products == 1)
		return kx_mul(a, i, lanes);
	return kx_add(a, kx_mul(a, kx_div(a, i, mine), num(g, g->p->bm)),
		kx_mul(a, kx_mod(a, i, mine), lanes));
}

/* Sums of all groups, in their order. */
static void read_board(struct gemv_code *g, struct k_block *b,
	const struct writer *w)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	struct kx *i, *j, *x, *row, *col;
	struct k_place at;

	b = tile_loop(a, b, "i", (int64_t)p->mine_rows * g->f->of.products, &i);
	b = tile_loop(a, b, "j", p->mine_cols, &j);
	row = ks_let(a, b, "row", kx_add(a, w->row, board_row(g, i)));
	col = ks_let(a, b, "col", kx_add(a, w->col, kx_mul(a, j,
		num(g, p->lanes_cols))));
	at = g->f->left_big ? k_place(g->out, i, j) : k_place(g->out, j, i);
	ks_store(a, b, at, kx_load(a, g->board, num(g, 0), col, row));
	if (p->groups == 1)
		return;
	b = ks_for(a, b, LOOP_SERIAL, "group", num(g, 1), num(g, p->groups),
		NULL, &x);
	ks_store(a, b, at, lower_wrapping(a, OP_ADD, g->f->of.acc,
		g->f->left_big ? kx_load(a, g->out, i, j) :
			kx_load(a, g->out, j, i),
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

void gemv_join(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	const struct product *of = &g->f->of;
	int rows = g->f->left_big ? p->mine_rows : p->mine_cols;
	int cols = g->f->left_big ? p->mine_cols : p->mine_rows *
		of->products;
	int64_t dims[2] = { rows, cols };
	struct writer w;
	struct kx *mine = p->writers < p->threads ? kx_lt(g->a, g->thread,
		num(g, p->writers)) : NULL;
	struct storing out = { .t = g->t, .c = &of->c, .e = &of->epilogue,
		.a = g->a, .k = g->k, .buffers = g->buffers, .batch = g->batch };
	struct parts parts = { .a = g->a, .program = g->program, .k = g->k,
		.tiles = p->tiles, .split = p->split, .rows = rows,
		.cols = cols, .threads = p->threads, .thread = g->thread };

	join_lanes(g, b);
	write_board(g, b);
	w = writer_of(g, b);
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
