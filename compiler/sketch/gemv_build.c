/* SPDX-License-Identifier: MIT */
/* The gemv sketch's kernel: from a point to kernel IR. In order: which tile the
 * block owns, what of it the thread reads, the loop over its part of the
 * reduction; gemv_multiply.c multiplies what was loaded, gemv_join.c joins the
 * sums. */
#include "sketch/gemv_code.h"

#include <assert.h>

#include "sketch/raster.h"

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

static void bind_read(struct ir_expr *e, void *ctx)
{
	struct gemv_code *g = ctx;

	if (e->kind == IR_READ)
		bind(g, &g->t->op->tensors[e->tensor]);
}

static struct computed computed_of(struct gemv_code *g,
	const struct operand *op)
{
	const struct product *f = &g->f->of;
	bool left = op == &f->left;

	if (op->value)
		ir_walk((struct ir_expr *)op->value, bind_read, g);
	for (int i = 0; i < op->n_choices; i++)
		ir_walk((struct ir_expr *)op->choices[i].index, bind_read, g);
	return product_computed(g->a, g->t->op, f, left, g->p->order,
		g->buffers);
}

static struct reader reader_of(struct gemv_code *g, const struct operand *op,
	const char *suffix)
{
	const struct product *f = &g->f->of;
	bool same = f->left.tensor == f->right.tensor || (f->products > 1 &&
		(f->twin.tensor == f->left.tensor ||
		f->twin.tensor == f->right.tensor));
	const char *name = op->tensor->name;

	return (struct reader){ .a = g->a, .kernel = g->k, .op = op,
		.k = &op->orders[g->p->order].k, .global = bind(g, op->tensor),
		.name = same ? arena_printf(g->a, "%s_%s", name, suffix) : name,
		.batch = g->batch, .lanes = 1, .vec = 1 };
}

/* Of the thread's rows, from "first" on. */
static void describe_rows(struct gemv_code *g, struct k_block *b,
	struct reader *r, struct kx *first, struct computed *c)
{
	r->first = first;
	r->n = g->p->mine;
	r->lanes = g->p->across;
	r->vec = gemv_vector_rows(g->p);
	r->ragged = gemv_ragged_rows(g->f, g->p);
	*c = computed_of(g, r->op);
	c->batch = g->batch;
	r->computed = c;
	reader_create(r, b);
}

static void describe_readers(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct kx *first;

	g->big = reader_of(g, g->f->big, "rows");
	first = let(g, b, "row_mine", kx_add(g->a, g->row_first, kx_mul(g->a,
		g->lane_row, num(g, gemv_vector_rows(p)))));
	describe_rows(g, b, &g->big, first, &g->big_computed);
	if (g->f->of.products > 1) {
		g->twin = reader_of(g, &g->f->of.twin, "twin");
		describe_rows(g, b, &g->twin, first, &g->twin_computed);
	}
	g->small_computed = computed_of(g, g->f->small);
	g->small_computed.batch = g->batch;
	g->small = reader_of(g, g->f->small, "cols");
	g->small.first = g->col_first;
	g->small.n = p->bc;
	g->small.ragged = gemv_ragged_cols(g->f, p);
	g->small.computed = &g->small_computed;
	reader_create(&g->small, b);
}

static void declare_registers(struct gemv_code *g)
{
	const struct gemv_plan *p = g->p;
	enum dtype acc = g->f->of.acc;
	int64_t sums[2] = { p->all, p->bc };
	int64_t raw[3] = { p->stages * p->steps, p->along_k ? p->all :
		p->ks / p->pack_k, p->along_k ? p->vec : p->all /
		p->pack_rows };
	int64_t value[3] = { 1, p->along_k ? p->all : p->ks, p->along_k ?
		p->ks : p->all };
	int64_t ks[1] = { p->ks };

	g->acc = kernel_array(g->k, K_REGISTER, "sum", acc, 2, sums, 16);
	g->big_raw = kernel_array(g->k, K_REGISTER, arena_printf(g->a,
		"%s_part", g->big.name), g->f->big->tensor->type, 3, raw, 16);
	if (gemv_keeps_values(g->f, p))
		g->big_value = kernel_array(g->k, K_REGISTER, arena_printf(g->a,
			"%s_value", g->big.name), acc, 3, value, 16);
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

/* Where in registers "slot" has what it holds of step "u". */
static struct kx *held(struct gemv_code *g, int slot, struct kx *u)
{
	return kx_add(g->a, num(g, slot * g->p->steps), u);
}

/* A chunk of what "r" reads, the product's rows behind "behind" others, into "slot";
 * "some", or NULL, where there is one. */
static void load_along_k(struct gemv_code *g, const struct reader *r, int behind,
	struct k_block *b, int slot, struct kx *k0, bool whole, struct kx *some)
{
	struct kx *forms[FORMS_MAX], *u, *i, *k;

	b = tile_loop(g->a, b, "u", g->p->steps, &u);
	k = let(g, b, "k", step_k(g, k0, u));
	reader_at(r, b, k, forms);
	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	reader_copy(r, b, i, forms, g->p->vec, k_place(g->big_raw, held(g, slot,
		u), kx_add(g->a, i, num(g, behind)), num(g, 0)),
		some ? some : gemv_inside(g, k, whole));
}

static void load_along_rows(struct gemv_code *g, const struct reader *r,
	int behind, struct k_block *b, int slot, struct kx *k0, bool whole,
	struct kx *some)
{
	struct kx *forms[FORMS_MAX], *e, *i, *k;
	int vec = g->p->vec, pack = g->p->pack_k;

	b = tile_loop(g->a, b, "e", g->p->ks / pack, &e);
	k = let(g, b, "k", kx_add(g->a, step_k(g, k0, num(g, 0)), kx_mul(g->a,
		e, num(g, pack))));
	reader_at(r, b, k, forms);
	b = tile_loop(g->a, b, "i", g->p->mine / gemv_vector_rows(g->p), &i);
	reader_copy(r, b, i, forms, vec, k_place(g->big_raw, num(g, slot), e,
		kx_add(g->a, kx_mul(g->a, i, num(g, vec)), num(g, behind /
			g->p->pack_rows))), some ? some : gemv_inside(g, k, whole));
}

/* All loads of the big operand first: they are in flight together. */
static void load_chunk(struct gemv_code *g, struct k_block *b, int slot,
	struct kx *k0, bool whole, struct kx *some)
{
	const struct reader *readers[] = { &g->big, &g->twin };

	for (int i = 0; i < g->f->of.products; i++)
		(g->p->along_k ? load_along_k : load_along_rows)(g, readers[i],
			i * g->p->mine, b, slot, k0, whole, some);
}

/* ---- the loop ---- */

static void take_chunk(struct gemv_code *g, struct k_block *b, int slot,
	struct kx *k0, bool whole)
{
	struct kx *u;

	b = tile_loop(g->a, b, "u", g->p->steps, &u);
	gemv_multiply(g, b, held(g, slot, u), let(g, b, "k", step_k(g, k0, u)),
		whole);
}

static void chunk(struct gemv_code *g, struct k_block *b, struct kx *k0,
	bool whole)
{
	load_chunk(g, b, 0, k0, whole, NULL);
	take_chunk(g, b, 0, k0, whole);
}

/* Chunks up to "end", two at a time: while one is taken the next is on its way
 * to the other's registers. */
static void two_stages(struct gemv_code *g, struct k_block *b, struct kx *end)
{
	struct arena *a = g->a;
	struct kx *step = num(g, g->p->chunk), *k0, *next, *later, *more;

	load_chunk(g, b, 0, g->first_k, true, kx_lt(a, g->first_k, end));
	b = ks_serial(a, b, "k0", g->first_k, end, num(g, 2 * g->p->chunk),
		&k0);
	next = let(g, b, "next", kx_add(a, k0, step));
	later = let(g, b, "later", kx_add(a, next, step));
	more = kx_lt(a, next, end);
	load_chunk(g, b, 1, next, true, more);
	take_chunk(g, b, 0, k0, true);
	load_chunk(g, b, 0, later, true, kx_lt(a, later, end));
	take_chunk(g, ks_if(a, b, more), 1, next, true);
}

/* Whole chunks without a test, then the ragged end in the last part. */
static void main_loop(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	int64_t whole = g->f->of.k / p->chunk;
	struct kx *n = num(g, p->chunks_split < whole ? p->chunks_split :
		whole), *end = NULL, *k0;
	bool some = whole || g->f->open_k;
	struct k_block *body;

	if (p->split * p->chunks_split > whole && p->split > 1)
		n = let(g, b, "chunks", kx_op(a, OP_MIN, T_I32, 2, n,
			kx_sub(a, num(g, whole), kx_mul(a,
				kx_special(a, K_BLOCK_Y),
				num(g, p->chunks_split)))));
	if (some)
		end = kx_add(a, g->first_k, kx_mul(a, n, num(g, p->chunk)));
	if (some && p->stages > 1) {
		two_stages(g, b, let(g, b, "end", end));
	} else if (some) {
		body = ks_serial(a, b, "k0", g->first_k, end, num(g, p->chunk),
			&k0);
		chunk(g, body, k0, true);
	}
	if (g->f->of.k % p->chunk == 0 && !g->f->open_k)
		return;
	if (p->split > 1)
		b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
			kx_special(a, K_BLOCK_Y), num(g, p->split - 1)));
	chunk(g, b, num(g, whole * p->chunk), false);
}

/* ---- kernel ---- */

static void write_body(struct gemv_code *g, struct k_block *b)
{
	own_tile(g, b);
	own_part(g, b);
	describe_readers(g, b);
	declare_registers(g);
	if (g->p->staged)
		gemv_stage_small(g, b);
	gemv_clear(g, b);
	main_loop(g, b);
	ks_comment(g->a, b, "join the sums of the threads along %s",
		g->f->of.k_name);
	gemv_join(g, b);
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
	g.k->min_blocks = p.promised;
	write_body(&g, &g.k->body);
	kernel_prune(a, g.k);
	kernel_layout(g.k);
	finish_step(&g);
}
