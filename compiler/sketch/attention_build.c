/* SPDX-License-Identifier: MIT */
/* The attention sketch's kernel: which rows are whose, what it reads and writes, and
 * what becomes of the sums. In between a block copies its queries once, and keys and
 * values through a ring of stages; in each step its warps multiply queries with the
 * step's keys, make weights of the scores in the same registers
 * (attention_rows.c), and multiply these with the step's values: each by itself
 * (attention_warps.c), or four together (attention_groups.c). */
#include "sketch/attention.h"

#include "kernel/intrin.h"
#include "sketch/common.h"

#include <assert.h>

/* Lanes that share a row, and their columns of an instruction: of each EIGHT a PAIR. */
enum { QUAD = 4, EIGHT = 8, PAIR = 2 };

static struct kx *num(const struct attention_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* ---- who owns what ---- */

/* Of the tile number "at" of a batch. Where later rows have more to do, they come
 * first: what is left for the end is small. */
static struct kx *first_row(struct attention_code *g, struct kx *at)
{
	if (attention_grows(g->t, g->p))
		at = kx_sub(g->a, num(g, g->p->tiles - 1), at);
	return kx_mul(g->a, at, num(g, g->p->rows));
}

static void own(struct attention_code *g, struct k_block *b)
{
	const struct attention_plan *p = g->p;
	const char *rows = g->f->rows_name;
	struct kx *at = kx_special(g->a, K_BLOCK_X);
	struct arena *a = g->a;

	g->thread = ks_let(a, b, "thread", kx_special(a, K_THREAD_X));
	g->lane = ks_let(a, b, "lane", kx_mod(a, g->thread, num(g, 32)));
	g->warp = ks_let(a, b, "warp", kx_div(a, g->thread, num(g, 32)));
	g->lane_row = ks_let(a, b, "lane_row", kx_div(a, g->lane, num(g, 4)));
	g->lane_col = ks_let(a, b, "lane_col", kx_mod(a, g->lane, num(g, 4)));
	if (g->f->batch > 1) {
		g->batch = ks_let(a, b, "batch", kx_div(a, at,
			num(g, p->tiles)));
		at = kx_mod(a, at, num(g, p->tiles));
	}
	g->row_first = ks_let(a, b, arena_printf(a, "%s_first", rows),
		first_row(g, at));
	g->own_first = ks_let(a, b, arena_printf(a, "%s_own", rows), kx_add(a,
		g->row_first, kx_mul(a, g->warp, num(g, p->warp))));
	g->rows_ragged = g->f->rows % p->rows || ir_any_open(g->t->op,
		g->f->row_axes, g->f->n_row_axes);
	if (g->batch)
		flat_axes(a, b, g->t->op, g->f->scores.c.batch,
			g->f->scores.c.n_batch, g->batch, g->axes);
	attention_steps(g, b);
}

/* ---- memory ---- */

static struct side side_of(const struct attention_code *g, const int *axes,
	int n, const char *name, int64_t extent)
{
	return (struct side){ .name = n == 1 ? g->t->op->axes[axes[0]].name :
		name, .axes = axes, .n_axes = n, .extent = extent };
}

/* Is a store wider if a thread has eight neighbours of a row, not two of each eight? */
static bool gathers(const struct attention_code *g)
{
	const struct epilogue *e = &g->f->of.epilogue;
	bool wider = false;

	for (int i = 0; i < e->n; i++) {
		const struct output *o = &e->outputs[i];

		wider |= o->stored && !o->per_row && (e->along_n ? o->vec_n :
			o->vec_m) > PAIR;
	}
	return wider && g->f->rows_m == e->along_n && g->p->cols % (QUAD *
		EIGHT) == 0;
}

static struct storing describe_output(struct attention_code *g)
{
	const struct product *f = &g->f->of;
	struct storing s = { .t = &g->f->second, .c = &f->c, .e = &f->epilogue,
		.a = g->a, .k = g->k, .acc = g->acc, .buffers = g->buffers,
		.batch = g->batch, .row_values = g->of_rows,
		.row_inverses = g->inverse,
		.rows_m = g->f->rows_m,
		.regs = promise_registers(g->t->target, g->p->threads,
			g->k->min_blocks) };
	struct side *rows = g->f->rows_m ? &s.m : &s.n;
	struct side *cols = g->f->rows_m ? &s.n : &s.m;

	s.m = side_of(g, f->c.m, f->c.n_m, f->m_name, f->m);
	s.n = side_of(g, f->c.n, f->c.n_n, f->n_name, f->n);
	rows->mine = g->p->mine;
	rows->vec = 1;
	rows->lanes = 8;
	rows->lane = g->lane_row;
	rows->first = g->own_first;
	rows->ragged = g->rows_ragged;
	cols->mine = g->p->cols / QUAD;
	cols->vec = gathers(g) ? EIGHT : PAIR;
	cols->lanes = QUAD;
	cols->lane = g->lane_col;
	cols->first = num(g, 0);
	cols->ragged = g->f->cols != g->p->cols;
	return s;
}

static struct k_buffer *bind(struct attention_code *g, const struct ir_tensor *t)
{
	if (!g->buffers[t->id])
		g->buffers[t->id] = program_bind(g->a, g->program, &g->step,
			g->k, t, false);
	return g->buffers[t->id];
}

static void bind_read(struct ir_expr *e, void *ctx)
{
	struct attention_code *g = ctx;

	if (e->kind == IR_READ && attention_output(g->f, e) < 0)
		bind(g, &g->t->op->tensors[e->tensor]);
}

void attention_bind_reads(struct attention_code *g, const struct ir_expr *e)
{
	ir_walk((struct ir_expr *)e, bind_read, g);
}

void attention_bind(struct attention_code *g)
{
	const struct epilogue *e = &g->f->scores.epilogue;

	attention_rows_declare(g);
	for (int i = 0; i < e->n; i++) {
		const struct output *o = &e->outputs[i];

		if (o->value)
			attention_bind_reads(g, o->value);
		if (o->stored)
			g->buffers[o->tensor->id] = program_bind(g->a,
				g->program, &g->step, g->k, o->tensor, true);
	}
	attention_bind_reads(g, g->f->w.weight);
	if (g->f->w.norm)
		attention_bind_reads(g, g->f->w.norm);
	g->out = describe_output(g);
	epilogue_bind(&g->out, g->program, &g->step);
}

struct stager attention_stager(struct attention_code *g,
	const struct stage *stage, const char *otherwise)
{
	const struct ir_tensor *t = stage->op->tensor;
	const struct stage *all[] = { &g->p->query, &g->p->key, &g->p->value };
	bool twice = false;

	for (int i = 0; i < 3; i++)
		twice |= all[i] != stage && all[i]->op->tensor == t;
	return (struct stager){ .s = stage, .a = g->a, .kernel = g->k,
		.thread = g->thread, .global = bind(g, t),
		.table = stage->op->entry ? bind(g, &g->t->op->tensors[
			stage->op->entry->tensor]) : NULL,
		.name = twice ? arena_printf(g->a, "%s_%s", t->name,
			otherwise) : t->name };
}

/* ---- registers ---- */

static struct k_buffer *registers(struct attention_code *g, const char *name,
	enum dtype t, int each)
{
	const int64_t dims[2] = { g->p->mine / 2, each };

	return kernel_array(g->k, K_REGISTER, name, t, 2, dims, 16);
}

void attention_clear_sums(struct attention_code *g, struct k_block *b)
{
	struct kx *zero = kx_float(g->a, 0, T_F32), *i, *r;

	b = tile_loop(g->a, b, "i", g->sums->dims[0], &i);
	b = tile_loop(g->a, b, "r", g->sums->dims[1], &r);
	ks_store(g->a, b, k_place(g->sums, i, r), attention_settled(g, zero));
}

void attention_registers(struct attention_code *g, struct k_block *b)
{
	g->scores = registers(g, "scores", T_F32, g->p->keys / 2);
	g->weights = registers(g, "weights", T_U32, g->p->keys / 4);
	g->sums = registers(g, "sums", T_F32, g->p->cols / 2);
	attention_clear_sums(g, b);
	attention_split_declare(g);
}

/* ---- the end ---- */

static struct kx *result(struct attention_code *g, struct kx *i, struct kx *c)
{
	struct k_place at = attention_element(g, g->sums, i, c);

	return attention_settled(g, kx_load(g->a, g->sums, at.index[0],
		at.index[1]));
}

static void put(struct attention_code *g, struct k_block *b, struct kx *i,
	struct kx *c, struct kx *value)
{
	ks_store(g->a, b, g->f->rows_m ? k_place(g->acc, i, c) :
		k_place(g->acc, c, i), value);
}

/* Lanes "stride" apart, of which "upper" is the second, exchange the first's y for the
 * second's x. */
static void exchange(struct attention_code *g, struct k_block *b, int stride,
	struct kx *upper, struct kx **x, struct kx **y)
{
	struct arena *a = g->a;
	struct kx *theirs = ks_let(a, b, "theirs", kx_call(a,
		INTRIN_SHUFFLE_XOR, T_F32, 2, kx_op(a, OP_SELECT, T_F32, 3,
		upper, *x, *y), num(g, stride)));

	*x = ks_let(a, b, "x", kx_op(a, OP_SELECT, T_F32, 3, upper, theirs, *x));
	*y = ks_let(a, b, "y", kx_op(a, OP_SELECT, T_F32, 3, upper, *y, theirs));
}

/* Of four times eight columns each lane of four has a pair of each eight, and gets
 * the eight of its number. */
static void gather(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *i, *u, *e, *x[QUAD];
	struct kx *odd = ks_let(a, b, "odd", kx_op(a, OP_EQ, T_BOOL, 2, kx_mod(a,
		g->lane_col, num(g, 2)), num(g, 1)));
	struct kx *upper = ks_let(a, b, "upper", kx_op(a, OP_LE, T_BOOL, 2,
		num(g, 2), g->lane_col));

	b = tile_loop(a, b, "i", g->p->mine, &i);
	b = tile_loop(a, b, "u", g->p->cols / (QUAD * EIGHT), &u);
	b = tile_loop(a, b, "e", PAIR, &e);
	for (int j = 0; j < QUAD; j++)
		x[j] = ks_let(a, b, "x", result(g, i, kx_add(a, kx_mul(a, kx_add(a,
			kx_mul(a, u, num(g, QUAD)), num(g, j)), num(g, PAIR)), e)));
	exchange(g, b, 1, odd, &x[0], &x[1]);
	exchange(g, b, 1, odd, &x[2], &x[3]);
	exchange(g, b, 2, upper, &x[0], &x[2]);
	exchange(g, b, 2, upper, &x[1], &x[3]);
	for (int j = 0; j < QUAD; j++)
		put(g, b, i, kx_add(a, kx_add(a, kx_mul(a, u, num(g, EIGHT)),
			num(g, j * PAIR)), e), x[j]);
}

/* Sums in the thread's rows and columns. */
static void share_out(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *i, *c;

	ks_comment(a, b, "each thread's results, in its rows and columns");
	if (gathers(g)) {
		gather(g, b);
		return;
	}
	b = tile_loop(a, b, "i", g->p->mine, &i);
	b = tile_loop(a, b, "c", g->p->cols / QUAD, &c);
	put(g, b, i, c, result(g, i, c));
}

void attention_finish(struct attention_code *g, struct k_block *b)
{
	b = attention_split_join(g, b);
	attention_rows_end(g, b);
	share_out(g, b);
	ks_comment(g->a, b, "store the tile");
	epilogue_emit(&g->out, b);
	attention_rows_store(g, b);
}

static void finish_step(struct attention_code *g)
{
	const struct attention_plan *p = g->p;
	const struct attention *f = g->f;
	struct kx *at = kx_special(g->a, K_BLOCK_X), *tiles = num(g, p->tiles);
	struct kx *row = first_row(g, kx_mod(g->a, at, tiles));
	struct p_tiling *t = &g->step.tiling;

	g->step.kind = P_LAUNCH;
	g->step.kernel = g->k;
	g->step.grid[0] = p->blocks;
	g->step.grid[1] = p->split;
	g->step.grid[2] = 1;
	*t = (struct p_tiling){ .rows = f->of.m, .cols = f->of.n,
		.batch = f->batch, .tile_rows = f->rows_m ? p->rows : p->cols,
		.tile_cols = f->rows_m ? p->cols : p->rows,
		.row = f->rows_m ? row : num(g, 0),
		.col = f->rows_m ? num(g, 0) : row,
		.batch_index = kx_div(g->a, at, tiles) };
	vec_push(g->a, &g->program->steps, g->step);
}

void attention_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	const struct attention *f = t->state;
	size_t tensors = (size_t)t->op->n_tensors;
	struct attention_plan p;
	struct attention_code g = { .t = t, .f = f, .p = &p, .a = a,
		.program = out,
		.buffers = ARENA_ARRAY(a, tensors, struct k_buffer *),
		.of_rows = ARENA_ARRAY(a, tensors, struct k_buffer *),
		.inverse = ARENA_ARRAY(a, tensors, struct k_buffer *),
		.axes = ARENA_ARRAY(a, (size_t)t->op->n_axes, struct kx *) };
	const char *why = attention_plan(t, a, values, &p);
	int64_t dims[2] = { p.mine, p.cols / 4 };

	assert(!why);
	(void)why;
	for (int i = 0; i < t->op->n_axes; i++)
		g.axes[i] = kx_int(a, 0);
	g.k = kernel_create(a, program_kernel_name(a, out, t->n_groups > 1),
		p.threads + p.helpers);
	g.k->min_blocks = p.promised;
	if (!f->rows_m) {
		dims[0] = p.cols / 4;
		dims[1] = p.mine;
	}
	g.acc = kernel_array(g.k, K_REGISTER, "sum", T_F32, 2, dims, 16);
	own(&g, &g.k->body);
	(p.groups ? attention_groups : attention_warps)(&g, &g.k->body);
	kernel_prune(a, g.k);
	kernel_layout(g.k);
	finish_step(&g);
}
