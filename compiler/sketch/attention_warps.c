/* SPDX-License-Identifier: MIT */
/* Attention by instructions of a warp (mma.sync): all threads copy, by cp.async, and
 * each warp multiplies its own rows; sums of the first product are in registers as
 * the second takes its left factor. */
#include "sketch/attention.h"

#include "sketch/common.h"

enum { INSTRUCTION = 16 };

static struct kx *num(const struct attention_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* ---- copies ---- */

static void stage_operands(struct attention_code *g, struct k_block *b)
{
	g->query = attention_stager(g, &g->p->query, "queries");
	g->key = attention_stager(g, &g->p->key, "keys");
	g->value = attention_stager(g, &g->p->value, "values");
	attention_bind(g);
	ks_comment(g->a, b, "addresses of what this thread copies");
	stager_create(&g->query, b, 1, g->row_first, g->batch);
	stager_declare(&g->key, b, g->p->stages, g->batch);
	stager_create(&g->value, b, g->p->stages, num(g, 0), g->batch);
	if (stage_entries_alike(&g->p->key, &g->p->value))
		g->value.entries = g->key.entries;
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
		g->f->keys_name), kx_mul(a, kx_add(a, g->step_first, t),
			num(g, g->p->keys)));

	stager_rows(&g->key, b, first);
	stager_look_up(&g->key, b, num(g, 0));
	if (!stage_entries_alike(&g->p->key, &g->p->value))
		stager_look_up(&g->value, b, first);
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

static void clear_scores(struct attention_code *g, struct k_block *b)
{
	struct kx *i, *r;

	b = tile_loop(g->a, b, "i", blocks(g), &i);
	b = tile_loop(g->a, b, "r", g->p->keys / 2, &r);
	ks_store(g->a, b, k_place(g->scores, i, r), kx_float(g->a, 0, T_F32));
}

/* "of" += left * right, 16 of "cols" columns of the right one after the other. */
struct products {
	struct fragment *right;
	struct k_buffer *of, *left;
	int steps, cols;
};

static void multiply_cols(struct attention_code *g, struct k_block *b,
	const struct products *x, struct kx *slot, struct kx *kk)
{
	struct arena *a = g->a;
	struct kx *j, *i;

	b = tile_loop(a, b, "j", x->cols / INSTRUCTION, &j);
	fragment_load_16(x->right, b, slot, kx_mul(a, kk, num(g, INSTRUCTION)),
		kx_mul(a, j, num(g, INSTRUCTION)), k_place(x->right->value,
		kx_mul(a, j, num(g, 2)), num(g, 0)));
	b = tile_loop(a, b, "i", blocks(g), &i);
	for (int half = 0; half < 2; half++) {
		struct kx *col = kx_add(a, kx_mul(a, j, num(g, 2)),
			num(g, half));

		multiply(g, b, k_place(x->of, i, kx_mul(a, col, num(g, 4))),
			k_place(x->left, i, kx_mul(a, kk, num(g, 4))),
			k_place(x->right->value, col, num(g, 0)));
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
	struct kx *i;

	b = tile_loop(g->a, b, "i", blocks(g), &i);
	fragment_load_16(&x->query, b, num(g, 0), kx_mul(g->a, kk, num(g,
		INSTRUCTION)), kx_mul(g->a, i, num(g, INSTRUCTION)),
		k_place(x->queries, i, kx_mul(g->a, kk, num(g, 4))));
}

static void create_fragments(struct attention_code *g, struct k_block *b,
	struct fragments *x)
{
	const struct attention_plan *p = g->p;
	const int64_t dims[2] = { blocks(g), p->depth / 4 };

	ks_comment(g->a, b, "fragments of what this warp multiplies");
	x->query = fragment_of(g, &g->query, false);
	x->key = fragment_of(g, &g->key, true);
	x->value = fragment_of(g, &g->value, true);
	fragment_create(&x->query, b, kx_mul(g->a, g->warp, num(g, p->warp)),
		p->warp);
	fragment_create(&x->key, b, num(g, 0), p->keys);
	fragment_create(&x->value, b, num(g, 0), p->cols);
	x->queries = kernel_array(g->k, K_REGISTER, arena_printf(g->a,
		"%s_part", g->query.name), T_U32, 2, dims, 16);
	attention_registers(g, b);
	attention_rows_start(g, b);
}

/* The step whose keys lie in stage "slot". */
static void step(struct attention_code *g, struct k_block *b,
	struct fragments *x, struct kx *slot)
{
	const struct attention_plan *p = g->p;
	struct products first = { &x->key, g->scores, x->queries,
		p->depth / INSTRUCTION, p->keys };
	struct products second = { &x->value, g->sums, g->weights,
		p->keys / INSTRUCTION, p->cols };
	struct k_block *each;
	struct kx *kk;

	ks_comment(g->a, b, "scores of this step");
	clear_scores(g, b);
	each = tile_loop(g->a, b, "kk", first.steps, &kk);
	if (!p->keep)
		load_queries(g, each, x, kk);
	multiply_cols(g, each, &first, slot, kk);
	attention_rows_weigh(g, b);
	attention_rows_turn(g, b);
	ks_comment(g->a, b, "weights times values");
	each = tile_loop(g->a, b, "kk", second.steps, &kk);
	multiply_cols(g, each, &second, slot, kk);
}

/* Queries come with the first step; those that stay are fetched there. */
static void start_copies(struct attention_code *g, struct k_block *b,
	struct kx *steps)
{
	struct arena *a = g->a;

	stager_look_up(&g->query, b, num(g, 0));
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
	struct kx *t, *next, *steps = g->steps, *kk;

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
		g->f->keys_name), kx_mul(a, kx_add(a, g->step_first, t),
		num(g, g->p->keys)));
	step(g, body, x, slot_of(g, body, "ready", t));
}

void attention_warps(struct attention_code *g, struct k_block *b)
{
	struct fragments x;

	stage_operands(g, b);
	create_fragments(g, b, &x);
	main_loop(g, b, &x);
	attention_finish(g, b);
}
