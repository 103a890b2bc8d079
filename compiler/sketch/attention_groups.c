/* SPDX-License-Identifier: MIT */
/* Attention by instructions of four warps (wgmma): one warp copies by bulk what the
 * others multiply. Keys and values go round in stages of their own, each with a
 * barrier "full", counted in bytes, and one "empty", at which every warp arrives
 * that has read it. Where products lap over, groups of warps take turns at tensor
 * cores, which then multiply for one while another makes weights of its scores (Shah
 * et al., "FlashAttention-3", arXiv:2407.08608). Queries and keys lie in parts of the
 * depth, as swizzled rows have 128 bytes at most. */
#include "sketch/attention.h"

#include "kernel/intrin.h"
#include "sketch/common.h"
#include "sketch/wgmma_descriptor.h"

enum { INSTRUCTION = 16 };

/* Named barriers; from TURNS on one of each group. */
enum { QUERIES_THERE = PARTS_BARRIER + 1, TURNS };

/* With longer rows than these a group's products take several times what its weights
 * do, and which are first matters no more. */
enum { TURNS_COLS = 128 };

/* Stages of keys, or of values. */
struct ring {
	struct bulk copy;
	struct k_buffer *full, *empty;
};

struct groups {
	struct attention_code *g;
	struct bulk query;
	struct k_buffer *query_full;
	struct ring key, value;
};

static struct kx *num(const struct groups *x, int64_t v)
{
	return kx_int(x->g->a, v);
}

static struct kx *at(const struct groups *x, struct k_buffer *barriers,
	struct kx *slot)
{
	return kx_address(x->g->a, k_place(barriers, slot));
}

/* ---- barriers ---- */

static struct k_buffer *barriers(struct groups *x, const char *name, int n)
{
	const int64_t dims[1] = { n };

	return kernel_array(x->g->k, K_SHARED, name, T_I64, 1, dims, 16);
}

static void create_ring(struct groups *x, struct ring *r, const char *name)
{
	struct arena *a = x->g->a;

	r->full = barriers(x, arena_printf(a, "%s_full", name),
		x->g->p->stages);
	r->empty = barriers(x, arena_printf(a, "%s_empty", name),
		x->g->p->stages);
}

static void initialise(struct groups *x, struct k_block *b)
{
	struct arena *a = x->g->a;
	struct k_block *first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		x->g->thread, num(x, 0))), *each;
	struct ring *rings[] = { &x->key, &x->value };
	struct kx *i;

	if (x->query_full)
		ks_call(a, first, INTRIN_MBARRIER_INIT, 2, at(x, x->query_full,
			num(x, 0)), num(x, 1));
	each = tile_loop(a, first, "s", x->g->p->stages, &i);
	for (int r = 0; r < 2; r++) {
		ks_call(a, each, INTRIN_MBARRIER_INIT, 2, at(x, rings[r]->full,
			i), num(x, 1));
		ks_call(a, each, INTRIN_MBARRIER_INIT, 2, at(x, rings[r]->empty,
			i), num(x, x->g->p->warps));
	}
	ks_call(a, first, INTRIN_FENCE_MBARRIER_INIT, 0);
	ks_barrier(a, b, BARRIER_BLOCK);
}

static struct kx *slot_of(struct groups *x, struct kx *t)
{
	return kx_mod(x->g->a, t, num(x, x->g->p->stages));
}

static struct kx *parity_of(struct groups *x, struct kx *t)
{
	return kx_mod(x->g->a, kx_div(x->g->a, t, num(x, x->g->p->stages)),
		num(x, 2));
}

/* Steps "t" from "first" on: each one's stage, and the parity of its round. */
static struct k_block *steps(struct groups *x, struct k_block *b, int first,
	struct kx **t, struct kx **slot, struct kx **parity)
{
	struct arena *a = x->g->a;

	b = ks_serial(a, b, "t", num(x, first), x->g->steps, num(x, 1), t);
	*slot = ks_let(a, b, "slot", slot_of(x, *t));
	*parity = ks_let(a, b, "parity", parity_of(x, *t));
	return b;
}

/* ---- the warp that copies ---- */

/* Parts of the depth lie behind each other, as stages do. */
static void copy_parts(struct groups *x, struct k_block *b, struct bulk *of,
	struct kx *row, struct kx *slot, struct k_place full)
{
	struct arena *a = x->g->a;
	int chunks = x->g->p->chunks;
	struct kx *c;

	of->row = row;
	of->batch = x->g->batch;
	b = tile_loop(a, b, "c", chunks, &c);
	bulk_copy(of, b, kx_mul(a, c, num(x, of->s->tile_k)), kx_add(a,
		kx_mul(a, slot, num(x, chunks)), c), full);
}

static void expect(struct groups *x, struct k_block *b, struct k_place full,
	int64_t bytes)
{
	ks_call(x->g->a, b, INTRIN_MBARRIER_EXPECT, 2, kx_address(x->g->a,
		full), num(x, bytes));
}

/* The stage is empty, and what comes is counted. */
static struct k_place refill(struct groups *x, struct k_block *b,
	const struct ring *r, struct kx *slot, struct kx *parity, int64_t bytes)
{
	struct arena *a = x->g->a;
	struct k_place full = k_place(r->full, slot);

	ks_call(a, b, INTRIN_MBARRIER_WAIT, 2, at(x, r->empty, slot),
		kx_call(a, INTRIN_BIT_XOR, T_I32, 2, parity, num(x, 1)));
	expect(x, b, full, bytes);
	return full;
}

/* Pages of keys and values, which are mostly the same, before stages are waited
 * for. */
static void look_up(struct groups *x, struct k_block *b, struct kx *first)
{
	struct bulk *key = &x->key.copy, *value = &x->value.copy;

	key->batch = value->batch = x->g->batch;
	bulk_look_up(key, b, first);
	if (pages_alike(key, value))
		value->entries = key->entries;
	else
		bulk_look_up(value, b, first);
}

static void copy(struct groups *x, struct k_block *b)
{
	const struct attention_plan *p = x->g->p;
	struct arena *a = x->g->a;
	struct kx *t, *slot, *parity, *first;
	struct k_place full;

	if (p->helpers > 32)
		b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, kx_special(a,
			K_WARP), num(x, p->warps)));
	b = ks_if(a, b, kx_call(a, INTRIN_ELECT_ONE, T_BOOL, 0));
	if (p->query.bulk) {
		full = k_place(x->query_full, num(x, 0));
		expect(x, b, full, p->chunks * stage_bytes(&p->query));
		copy_parts(x, b, &x->query, x->g->row_first, num(x, 0), full);
	}
	b = steps(x, b, 0, &t, &slot, &parity);
	first = ks_let(a, b, arena_printf(a, "%s_first", x->g->f->keys_name),
		kx_mul(a, kx_add(a, x->g->step_first, t), num(x, p->keys)));
	look_up(x, b, first);
	full = refill(x, b, &x->key, slot, parity, p->chunks *
		stage_bytes(&p->key));
	copy_parts(x, b, &x->key.copy, first, slot, full);
	full = refill(x, b, &x->value, slot, parity, stage_bytes(&p->value));
	x->value.copy.row = num(x, 0);
	x->value.copy.batch = x->g->batch;
	bulk_copy(&x->value.copy, b, first, slot, full);
}

/* ---- those that multiply ---- */

static void multiply(struct groups *x, struct k_block *b, struct k_place acc,
	int cols, struct kx *left, struct k_place registers, struct kx *right,
	struct kx *onward)
{
	enum dtype t = x->g->f->form->factor;
	struct arena *a = x->g->a;
	struct kx **args = ARENA_ARRAY(a, 3, struct kx *);

	args[0] = left ? left : num(x, 0);
	args[1] = right;
	args[2] = onward;
	ks_push(a, b, (struct ks){ .kind = KS_MMA, .mma = MMA_WGMMA, .m = 64,
		.n = cols, .k = INSTRUCTION, .args = args,
		.n_args = onward ? 3 : 2, .acc = acc, .acc_type = T_F32,
		.left_type = t, .right_type = t, .left = registers,
		.right_trans = left ? false : !x->g->value.s->order->k_inner });
}

/* Until all but "under_way" products of what was committed are done. */
static void settle(struct groups *x, struct k_block *b, int under_way)
{
	ks_call(x->g->a, b, INTRIN_WGMMA_WAIT, 1, num(x, under_way));
}

static void commit(struct groups *x, struct k_block *b)
{
	ks_call(x->g->a, b, INTRIN_WGMMA_COMMIT, 0);
}

/* Step "kk" of the depth behind "from", which is a part's beginning. */
static struct kx *at_depth(struct groups *x, const struct stage *s,
	struct kx *from, struct kx *kk)
{
	struct arena *a = x->g->a;
	struct kx *part = num(x, s->tile_k);
	struct kx *step = kx_mul(a, kk, num(x, INSTRUCTION));

	from = wgmma_advance(a, s, from, kx_mod(a, step, part), num(x, 0));
	return kx_add(a, from, kx_cast(a, T_I64, kx_mul(a, kx_div(a, step, part),
		num(x, stage_bytes(s) / 16))));
}

static struct kx *descriptor(struct groups *x, struct k_block *b,
	const struct stager *s, struct kx *slot, struct kx *row)
{
	return ks_let(x->g->a, b, arena_printf(x->g->a, "%s_matrix", s->name),
		wgmma_descriptor(x->g->a, s->s, s->tile, slot, row));
}

/* scores = queries * keys */
static void score(struct groups *x, struct k_block *b, struct kx *queries,
	struct kx *slot)
{
	struct attention_code *g = x->g;
	struct k_place none = { NULL, { NULL } };
	struct arena *a = g->a;
	struct k_block *each;
	struct kx *keys, *kk;

	ks_comment(a, b, "scores of this step");
	keys = descriptor(x, b, &g->key, kx_mul(a, slot, num(x, g->p->chunks)),
		num(x, 0));
	each = tile_loop(a, b, "kk", g->p->depth / INSTRUCTION, &kk);
	multiply(x, each, k_place(g->scores, num(x, 0), num(x, 0)), g->p->keys,
		at_depth(x, &g->p->query, queries, kk), none, at_depth(x,
		&g->p->key, keys, kk), kx_op(a, OP_NE, T_BOOL, 2, kk,
		num(x, 0)));
	commit(x, b);
}

/* sums += weights * values */
static void add_values(struct groups *x, struct k_block *b, struct kx *slot)
{
	struct attention_code *g = x->g;
	struct arena *a = g->a;
	struct kx *values, *kk, *zero = num(x, 0);
	struct k_block *each;

	ks_comment(a, b, "weights times values");
	values = descriptor(x, b, &g->value, slot, zero);
	each = tile_loop(a, b, "kk", g->p->keys / INSTRUCTION, &kk);
	multiply(x, each, k_place(g->sums, zero, zero), g->p->cols, NULL,
		k_place(g->weights, zero, kx_mul(a, kk, num(x, 4))),
		wgmma_advance(a, &g->p->value, values, kx_mul(a, kk, num(x,
		INSTRUCTION)), zero), NULL);
	commit(x, b);
}

static void wait(struct groups *x, struct k_block *b, struct k_buffer *full,
	struct kx *slot, struct kx *parity)
{
	ks_call(x->g->a, b, INTRIN_MBARRIER_WAIT, 2, at(x, full, slot), parity);
}

/* The warp has read the stage. */
static void release(struct groups *x, struct k_block *b, const struct ring *r,
	struct kx *slot)
{
	struct arena *a = x->g->a;

	b = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, x->g->lane, num(x, 0)));
	ks_call(a, b, INTRIN_MBARRIER_ARRIVE, 1, at(x, r->empty, slot));
}

static void fence(struct groups *x, struct k_block *b)
{
	ks_call(x->g->a, b, INTRIN_WGMMA_FENCE, 0);
}

/* To the compiler results are there as soon as their products begin. */
static void settle_results(struct groups *x, struct k_block *b,
	struct k_buffer *of)
{
	struct kx *r, *zero = num(x, 0);
	struct arena *a = x->g->a;

	b = tile_loop(a, b, "r", of->dims[1], &r);
	ks_store(a, b, k_place(of, zero, r), attention_settled(x->g, kx_load(a,
		of, zero, r)));
}

static void weigh(struct groups *x, struct k_block *b, struct kx *t)
{
	struct attention_code *g = x->g;

	settle_results(x, b, g->scores);
	g->key_first = ks_let(g->a, b, arena_printf(g->a, "%s_first",
		g->f->keys_name), kx_mul(g->a, kx_add(g->a, g->step_first, t),
		num(x, g->p->keys)));
	attention_rows_weigh(g, b);
}

/* ---- turns ---- */

static bool alternates(const struct groups *x)
{
	const struct attention_plan *p = x->g->p;

	return p->overlap && p->groups > 1 && p->cols <= TURNS_COLS;
}

/* Groups in their order start products that tensor cores then have one after the
 * other: if all did at once, each would wait for those of all. "only": of these
 * warps, or NULL. */
static void turn(struct groups *x, struct k_block *b, int intrin, int ahead,
	struct kx *only)
{
	struct kx *group = kx_div(x->g->a, x->g->warp, num(x, 4));
	struct arena *a = x->g->a;

	if (!alternates(x))
		return;
	if (ahead)
		group = kx_mod(a, kx_add(a, group, num(x, ahead)),
			num(x, x->g->p->groups));
	ks_call(a, only ? ks_if(a, b, only) : b, intrin, 2, kx_add(a, num(x,
		TURNS), group), num(x, 2 * 128));
}

/* Until the group before has started. At the beginning nobody is before the first,
 * "only" the others wait. */
static void take_turn(struct groups *x, struct k_block *b, struct kx *only)
{
	turn(x, b, INTRIN_BARRIER_SYNC, 0, only);
}

static void pass_turn(struct groups *x, struct k_block *b, struct kx *only)
{
	turn(x, b, INTRIN_BARRIER_ARRIVE, 1, only);
}

static struct kx *but_first(struct groups *x)
{
	return kx_op(x->g->a, OP_LE, T_BOOL, 2, num(x, 4), kx_special(x->g->a,
		K_WARP));
}

static struct kx *but_last(struct groups *x)
{
	return kx_lt(x->g->a, kx_special(x->g->a, K_WARP), num(x,
		x->g->p->warps - 4));
}

/* ---- steps ---- */

/* Weights of step "t", whose keys are in stage "slot". */
static void first_product(struct groups *x, struct k_block *b,
	struct kx *queries, struct kx *t, struct kx *slot, struct kx *parity)
{
	wait(x, b, x->key.full, slot, parity);
	take_turn(x, b, but_first(x));
	fence(x, b);
	score(x, b, queries, slot);
	pass_turn(x, b, NULL);
	settle(x, b, 0);
	release(x, b, &x->key, slot);
	weigh(x, b, t);
	attention_rows_turn(x->g, b);
}

/* One product after the other. */
static void plain_steps(struct groups *x, struct k_block *b, struct kx *queries)
{
	struct kx *t, *slot, *parity;

	b = steps(x, b, 0, &t, &slot, &parity);
	first_product(x, b, queries, t, slot, parity);
	wait(x, b, x->value.full, slot, parity);
	fence(x, b);
	add_values(x, b, slot);
	settle(x, b, 0);
	release(x, b, &x->value, slot);
}

/* While the scores of a step become weights, the step's before it are multiplied.
 * Where the next product's values are waited for is where ptxas has the wait for this
 * one: it moves that up to the step's maxima, but across no branch, and what is
 * behind it, exponentials too, waits for tensor cores. */
static void lapped_steps(struct groups *x, struct k_block *b, struct kx *queries)
{
	struct kx *zero = num(x, 0), *t, *slot, *parity, *last;
	struct attention_code *g = x->g;
	struct arena *a = g->a;
	struct k_block *body;

	if (attention_bare(g->f, g->p))
		b = ks_if(a, b, kx_lt(a, zero, g->steps));
	first_product(x, b, queries, zero, zero, zero);
	wait(x, b, x->value.full, zero, zero);
	body = steps(x, b, 1, &t, &slot, &parity);
	last = kx_sub(a, t, num(x, 1));
	wait(x, body, x->key.full, slot, parity);
	take_turn(x, body, NULL);
	fence(x, body);
	score(x, body, queries, slot);
	add_values(x, body, slot_of(x, last));
	pass_turn(x, body, NULL);
	settle(x, body, 1);
	release(x, body, &x->key, slot);
	weigh(x, body, t);
	wait(x, body, x->value.full, slot, parity);
	settle(x, body, 0);
	release(x, body, &x->value, slot_of(x, last));
	attention_rows_turn(g, body);
	last = kx_sub(a, g->steps, num(x, 1));
	take_turn(x, b, NULL);
	fence(x, b);
	add_values(x, b, slot_of(x, last));
	pass_turn(x, b, but_last(x));
	settle(x, b, 0);
}

/* Queries that no map describes, by all who multiply: instructions read them
 * through the asynchronous proxy. */
static void copy_queries(struct groups *x, struct k_block *b)
{
	struct attention_code *g = x->g;
	const struct stage *s = g->query.s;
	struct arena *a = g->a;
	struct k_block *each;
	struct kx *c, *from;

	stager_create(&g->query, b, g->p->chunks, g->row_first, g->batch);
	stager_look_up(&g->query, b, num(x, 0));
	each = tile_loop(a, b, "c", g->p->chunks, &c);
	from = kx_mul(a, c, num(x, s->tile_k));
	stager_load(&g->query, each, from, c, g->f->depth % s->tile_k ?
		kx_sub(a, num(x, g->f->depth), from) : NULL);
	ks_commit(a, b);
	ks_wait(a, b, 0);
	ks_call(a, b, INTRIN_FENCE_PROXY_ASYNC, 0);
	ks_barrier_named(a, b, QUERIES_THERE, g->p->threads);
}

static void multiply_steps(struct groups *x, struct k_block *b)
{
	struct attention_code *g = x->g;
	struct kx *queries, *row;

	attention_registers(g, b);
	attention_rows_start(g, b);
	if (!g->p->query.bulk)
		copy_queries(x, b);
	row = kx_mul(g->a, kx_div(g->a, g->warp, num(x, 4)), num(x, 64));
	queries = descriptor(x, b, &g->query, num(x, 0), row);
	if (g->p->query.bulk)
		wait(x, b, x->query_full, num(x, 0), num(x, 0));
	(g->p->overlap ? lapped_steps : plain_steps)(x, b, queries);
	if (g->p->split > 1)
		settle_results(x, b, x->g->sums);
}

/* ---- all of it ---- */

static void create_bulk(struct groups *x, struct bulk *c, struct stager *s,
	int stages)
{
	*c = (struct bulk){ .s = s->s, .a = x->g->a, .op = x->g->t->op,
		.table = s->table };
	bulk_create(c, x->g->k, s->name, s->global, stages);
	s->tile = c->tile;
}

void attention_groups(struct attention_code *g, struct k_block *b)
{
	const struct attention_plan *p = g->p;
	struct groups x = { .g = g };
	struct k_block *multiplying;

	g->query = attention_stager(g, &p->query, "queries");
	g->key = attention_stager(g, &p->key, "keys");
	g->value = attention_stager(g, &p->value, "values");
	attention_bind(g);
	if (p->query.bulk)
		create_bulk(&x, &x.query, &g->query, p->chunks);
	create_bulk(&x, &x.key.copy, &g->key, p->stages * p->chunks);
	create_bulk(&x, &x.value.copy, &g->value, p->stages);
	if (p->query.bulk)
		x.query_full = barriers(&x, arena_printf(g->a, "%s_full",
			g->query.name), 1);
	create_ring(&x, &x.key, g->key.name);
	create_ring(&x, &x.value, g->value.name);
	initialise(&x, b);
	multiplying = ks_role(g->a, b, "multiply", 0, p->warps, p->keep_regs);
	multiply_steps(&x, multiplying);
	attention_finish(g, multiplying);
	copy(&x, ks_role(g->a, b, "copy", p->warps, p->warps + p->helpers / 32,
		p->give_regs));
}
