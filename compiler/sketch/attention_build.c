/* SPDX-License-Identifier: MIT */
/* The attention sketch's kernel. A block copies its queries once, and keys and values
 * through a ring of stages; in each step a warp multiplies its rows of queries with
 * the step's keys, makes weights of the scores in the same registers
 * (attention_rows.c), and multiplies these with the step's values. */
#include "sketch/attention.h"

#include "sketch/common.h"

#include <assert.h>

enum { INSTRUCTION = 16 };

static struct kx *num(const struct attention_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* ---- who owns what ---- */

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
		kx_mul(a, at, num(g, p->rows)));
	g->own_first = ks_let(a, b, arena_printf(a, "%s_own", rows), kx_add(a,
		g->row_first, kx_mul(a, g->warp, num(g, p->warp))));
	g->rows_ragged = g->f->rows % p->rows || ir_any_open(g->t->op,
		g->f->row_axes, g->f->n_row_axes);
	if (g->batch)
		flat_axes(a, b, g->t->op, g->f->scores.c.batch,
			g->f->scores.c.n_batch, g->batch, g->axes);
}

/* ---- memory ---- */

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

/* What becomes of scores may read tensors, and values of rows may be results. */
static void bind_between(struct attention_code *g)
{
	const struct epilogue *e = &g->f->scores.epilogue;

	for (int i = 0; i < e->n; i++) {
		const struct output *o = &e->outputs[i];

		if (o->value)
			ir_walk(o->value, bind_read, g);
		if (o->stored)
			g->buffers[o->tensor->id] = program_bind(g->a,
				g->program, &g->step, g->k, o->tensor, true);
	}
	ir_walk((struct ir_expr *)g->f->w.weight, bind_read, g);
	if (g->f->w.norm)
		ir_walk((struct ir_expr *)g->f->w.norm, bind_read, g);
}

static void describe_stager(struct attention_code *g, struct stager *s,
	const struct stage *stage, const char *otherwise)
{
	const struct ir_tensor *t = stage->op->tensor;
	bool twice = (s != &g->query && t == g->p->query.op->tensor) ||
		(s != &g->key && t == g->p->key.op->tensor) ||
		(s != &g->value && t == g->p->value.op->tensor);

	*s = (struct stager){ .s = stage, .a = g->a, .kernel = g->k,
		.thread = g->thread, .global = bind(g, t),
		.name = twice ? arena_printf(g->a, "%s_%s", t->name,
			otherwise) : t->name };
}

static void stage_operands(struct attention_code *g, struct k_block *b)
{
	describe_stager(g, &g->query, &g->p->query, "queries");
	describe_stager(g, &g->key, &g->p->key, "keys");
	describe_stager(g, &g->value, &g->p->value, "values");
	bind_between(g);
	ks_comment(g->a, b, "addresses of what this thread copies");
	stager_create(&g->query, b, 1, g->row_first, g->batch);
	stager_declare(&g->key, b, g->p->stages, g->batch);
	stager_create(&g->value, b, g->p->stages, num(g, 0), g->batch);
}

/* Elements past the depth are none. */
static struct kx *depth_limit(struct attention_code *g, const struct stage *s)
{
	return g->f->depth % s->tile_k ? num(g, g->f->depth) : NULL;
}

/* Keys and values of step "t" to stage "slot". */
static void load_step(struct attention_code *g, struct k_block *b, struct kx *t,
	struct kx *slot)
{
	struct arena *a = g->a;
	struct kx *first = ks_let(a, b, arena_printf(a, "%s_next",
		g->f->keys_name), kx_mul(a, t, num(g, g->p->keys)));

	stager_rows(&g->key, b, first);
	stager_load(&g->key, b, num(g, 0), slot, depth_limit(g, &g->p->key));
	stager_load(&g->value, b, first, slot, g->p->ragged ? kx_sub(a,
		num(g, g->f->keys), first) : NULL);
}

/* ---- products ---- */

static struct fragment fragment_of(struct attention_code *g,
	const struct stager *s, bool right)
{
	return (struct fragment){ .a = g->a, .kernel = g->k, .g = s,
		.form = g->f->form, .load = mma_load_of(s->s->op->tile_type,
			s->s->order->k_inner), .right = right,
		.lane = g->lane };
}

static struct k_buffer *registers(struct attention_code *g, const char *name,
	enum dtype t, int64_t n, int64_t each)
{
	const int64_t dims[2] = { n, each };

	return kernel_array(g->k, K_REGISTER, name, t, 2, dims, 16);
}

static void multiply(struct attention_code *g, struct k_block *b,
	struct k_place acc, struct k_place left, struct k_place right)
{
	const struct mma_row *form = g->f->form;

	ks_push(g->a, b, (struct ks){ .kind = KS_MMA, .mma = MMA_SYNC,
		.m = form->m, .n = form->n, .k = form->k, .acc = acc,
		.left = left, .right = right, .acc_type = form->acc,
		.left_type = form->factor, .right_type = form->factor });
}

/* Both products have "blocks" of 16 rows. */
static int blocks(const struct attention_code *g)
{
	return g->p->warp / INSTRUCTION;
}

static void clear(struct attention_code *g, struct k_block *b,
	struct k_buffer *of)
{
	struct kx *n, *r;

	b = tile_loop(g->a, b, "n", of->dims[0], &n);
	b = tile_loop(g->a, b, "r", of->dims[1], &r);
	ks_store(g->a, b, k_place(of, n, r), kx_float(g->a, 0, T_F32));
}

/* "of" += left * right over "steps" instructions, 16 columns of the right one after
 * the other; "left" yields the left factor of block "i" at step "kk". */
struct products {
	struct fragment *right;
	struct k_buffer *of, *left;
	int steps, cols;
};

static void multiply_cols(struct attention_code *g, struct k_block *b,
	const struct products *x, struct kx *slot, struct kx *kk)
{
	struct arena *a = g->a;
	struct kx *zero = num(g, 0), *j, *i;

	b = tile_loop(a, b, "j", x->cols / INSTRUCTION, &j);
	fragment_load_16(x->right, b, slot, kx_mul(a, kk, num(g, INSTRUCTION)),
		kx_mul(a, j, num(g, INSTRUCTION)), kx_mul(a, j, num(g, 2)));
	b = tile_loop(a, b, "i", blocks(g), &i);
	for (int half = 0; half < 2; half++) {
		struct kx *col = kx_add(a, kx_mul(a, j, num(g, 2)),
			num(g, half));

		multiply(g, b, k_place(x->of, kx_add(a, kx_mul(a, i,
			num(g, x->cols / 8)), col), zero), k_place(x->left,
			kx_add(a, kx_mul(a, i, num(g, x->steps)), kk), zero),
			k_place(x->right->value, col, zero));
	}
}

/* ---- kernel ---- */

struct fragments {
	struct fragment query, key, value;
	struct k_buffer *queries;
};

/* Queries of step "kk" of the depth into their registers. */
static void load_queries(struct attention_code *g, struct k_block *b,
	struct fragments *x, struct kx *kk)
{
	struct arena *a = g->a;
	struct kx *i;

	b = tile_loop(a, b, "i", blocks(g), &i);
	fragment_load_16(&x->query, b, num(g, 0), kx_mul(a, kk, num(g,
		INSTRUCTION)), kx_mul(a, i, num(g, INSTRUCTION)), kx_add(a,
		kx_mul(a, i, num(g, g->p->depth / INSTRUCTION)), kk));
}

static void create_fragments(struct attention_code *g, struct k_block *b,
	struct fragments *x)
{
	const struct attention_plan *p = g->p;

	ks_comment(g->a, b, "fragments of what this warp multiplies");
	x->query = fragment_of(g, &g->query, false);
	x->key = fragment_of(g, &g->key, true);
	x->value = fragment_of(g, &g->value, true);
	fragment_create(&x->query, b, kx_mul(g->a, g->warp, num(g, p->warp)),
		p->warp);
	fragment_create(&x->key, b, num(g, 0), p->keys);
	fragment_create(&x->value, b, num(g, 0), p->cols);
	x->query.value = registers(g, arena_printf(g->a, "%s_part",
		g->query.name), T_U32, (int64_t)blocks(g) * p->depth /
		INSTRUCTION, 4);
	g->scores = registers(g, "scores", T_F32, (int64_t)blocks(g) * p->keys /
		8, 4);
	g->weights = registers(g, "weights", T_U32, (int64_t)blocks(g) *
		p->keys / INSTRUCTION, 4);
	g->sums = registers(g, "sums", T_F32, (int64_t)blocks(g) * p->cols / 8,
		4);
	clear(g, b, g->sums);
	attention_rows_start(g, b);
}

/* The step whose keys lie in stage "slot". */
static void step(struct attention_code *g, struct k_block *b,
	struct fragments *x, struct kx *slot)
{
	const struct attention_plan *p = g->p;
	struct products first = { &x->key, g->scores, x->query.value,
		p->depth / INSTRUCTION, p->keys };
	struct products second = { &x->value, g->sums, g->weights,
		p->keys / INSTRUCTION, p->cols };
	struct k_block *each;
	struct kx *kk;

	ks_comment(g->a, b, "scores of this step");
	clear(g, b, g->scores);
	each = tile_loop(g->a, b, "kk", first.steps, &kk);
	if (!p->keep)
		load_queries(g, each, x, kk);
	multiply_cols(g, each, &first, slot, kk);
	attention_rows_step(g, b);
	ks_comment(g->a, b, "weights times values");
	each = tile_loop(g->a, b, "kk", second.steps, &kk);
	multiply_cols(g, each, &second, slot, kk);
}

/* Steps of this block: a causal mask hides the others from its last line. */
static struct kx *steps_of(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *all = num(g, g->p->steps), *last;

	if (!attention_stops(g->f, g->p))
		return all;
	last = kx_add(a, g->row_first, num(g, g->p->rows - 1));
	if (g->f->lines != g->f->rows)
		last = kx_mod(a, last, num(g, g->f->lines));
	last = kx_op(a, OP_MAX, T_I32, 2, kx_add(a, last, num(g, g->f->ahead)),
		num(g, 1));
	return ks_let(a, b, "steps", kx_op(a, OP_MIN, T_I32, 2, all, kx_div(a,
		kx_add(a, last, num(g, g->p->keys - 1)), num(g, g->p->keys))));
}

/* Queries come with the first step; those that stay are fetched there. */
static void start_copies(struct attention_code *g, struct k_block *b,
	struct kx *steps)
{
	struct arena *a = g->a;

	stager_load(&g->query, b, num(g, 0), num(g, 0), depth_limit(g,
		&g->p->query));
	for (int s = 0; s < g->p->stages - 1; s++) {
		load_step(g, ks_if(a, b, kx_lt(a, num(g, s), steps)), num(g, s),
			num(g, s));
		ks_commit(a, b);
	}
}

static struct kx *slot_of(struct attention_code *g, struct k_block *b,
	const char *name, struct kx *t)
{
	return ks_let(g->a, b, name, kx_mod(g->a, t, num(g, g->p->stages)));
}

/* Copies run stages - 1 steps ahead. One barrier a step suffices: past it, everybody
 * has finished the step whose stage the next copy overwrites. */
static void main_loop(struct attention_code *g, struct k_block *b,
	struct fragments *x)
{
	int ahead = g->p->stages - 1;
	struct k_block *body, *more;
	struct arena *a = g->a;
	struct kx *t, *next, *steps = steps_of(g, b), *kk;

	start_copies(g, b, steps);
	if (g->p->keep) {
		ks_wait(a, b, ahead - 1);
		ks_barrier(a, b, BARRIER_BLOCK);
		body = tile_loop(a, b, "kk", g->p->depth / INSTRUCTION, &kk);
		load_queries(g, body, x, kk);
	}
	body = ks_serial(a, b, "t", num(g, 0), steps, num(g, 1), &t);
	ks_wait(a, body, ahead - 1);
	ks_barrier(a, body, BARRIER_BLOCK);
	next = ks_let(a, body, "next", kx_add(a, t, num(g, ahead)));
	more = ks_if(a, body, kx_lt(a, next, steps));
	load_step(g, more, next, slot_of(g, more, "free", next));
	ks_commit(a, body);
	g->key_first = ks_let(a, body, arena_printf(a, "%s_first",
		g->f->keys_name), kx_mul(a, t, num(g, g->p->keys)));
	step(g, body, x, slot_of(g, body, "ready", t));
}

/* ---- the end ---- */

static struct side side_of(const struct attention_code *g, const int *axes,
	int n, const char *name, int64_t extent)
{
	return (struct side){ .name = n == 1 ? g->t->op->axes[axes[0]].name :
		name, .axes = axes, .n_axes = n, .extent = extent };
}

static struct storing describe_output(struct attention_code *g)
{
	const struct product *f = &g->f->of;
	struct storing s = { .t = &g->f->second, .c = &f->c, .e = &f->epilogue,
		.a = g->a, .k = g->k, .acc = g->acc, .buffers = g->buffers,
		.batch = g->batch, .row_values = g->of_rows,
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
	cols->mine = g->p->cols / 4;
	cols->vec = 2;
	cols->lanes = 4;
	cols->lane = g->lane_col;
	cols->first = num(g, 0);
	cols->ragged = g->f->cols != g->p->cols;
	return s;
}

/* Sums in the thread's rows and columns. */
static void share_out(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *i, *c, *from;

	ks_comment(a, b, "each thread's results, in its rows and columns");
	b = tile_loop(a, b, "i", g->p->mine, &i);
	b = tile_loop(a, b, "c", g->p->cols / 4, &c);
	from = kx_load(a, g->sums, kx_add(a, kx_mul(a, kx_div(a, i, num(g, 2)),
		num(g, g->p->cols / 8)), kx_div(a, c, num(g, 2))), kx_add(a,
		kx_mul(a, kx_mod(a, i, num(g, 2)), num(g, 2)), kx_mod(a, c,
		num(g, 2))));
	ks_store(a, b, g->f->rows_m ? k_place(g->acc, i, c) :
		k_place(g->acc, c, i), from);
}

static void finish_step(struct attention_code *g)
{
	const struct attention_plan *p = g->p;
	const struct attention *f = g->f;
	struct kx *at = kx_special(g->a, K_BLOCK_X), *tiles = num(g, p->tiles);
	struct kx *row = kx_mul(g->a, kx_mod(g->a, at, tiles),
		num(g, p->rows));
	struct p_tiling *t = &g->step.tiling;

	g->step.kind = P_LAUNCH;
	g->step.kernel = g->k;
	g->step.grid[0] = p->blocks;
	g->step.grid[1] = g->step.grid[2] = 1;
	*t = (struct p_tiling){ .rows = f->of.m, .cols = f->of.n,
		.batch = f->batch, .tile_rows = f->rows_m ? p->rows : p->cols,
		.tile_cols = f->rows_m ? p->cols : p->rows,
		.row = f->rows_m ? row : num(g, 0),
		.col = f->rows_m ? num(g, 0) : row,
		.batch_index = kx_div(g->a, at, tiles) };
	vec_push(g->a, &g->program->steps, g->step);
}

static void write_body(struct attention_code *g, struct k_block *b)
{
	struct storing out;
	struct fragments x;

	own(g, b);
	stage_operands(g, b);
	create_fragments(g, b, &x);
	out = describe_output(g);
	epilogue_bind(&out, g->program, &g->step);
	main_loop(g, b, &x);
	attention_rows_end(g, b);
	share_out(g, b);
	ks_comment(g->a, b, "store the tile");
	epilogue_emit(&out, b);
	attention_rows_store(g, b);
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
		.axes = ARENA_ARRAY(a, (size_t)t->op->n_axes, struct kx *) };
	const char *why = attention_plan(t, a, values, &p);
	int64_t dims[2] = { p.mine, p.cols / 4 };

	assert(!why);
	(void)why;
	for (int i = 0; i < t->op->n_axes; i++)
		g.axes[i] = kx_int(a, 0);
	g.k = kernel_create(a, program_kernel_name(a, out, t->n_groups > 1),
		p.threads);
	g.k->min_blocks = p.promised;
	if (!f->rows_m) {
		dims[0] = p.cols / 4;
		dims[1] = p.mine;
	}
	g.acc = kernel_array(g.k, K_REGISTER, "sum", T_F32, 2, dims, 16);
	write_body(&g, &g.k->body);
	kernel_prune(a, g.k);
	kernel_layout(g.k);
	finish_step(&g);
}
