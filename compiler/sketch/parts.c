/* SPDX-License-Identifier: MIT */
/* The reduction of parts of a split reduction. */
#include "sketch/parts.h"

#include "sketch/product.h"

int64_t parts_workspace(int64_t tiles, int split, int64_t sums, int acc_bytes)
{
	return split > 1 ? tiles * (split * sums * acc_bytes + 4) : 0;
}

struct k_buffer *parts_room(struct parts *g, struct p_step *step,
	int64_t slots, const char *name, int64_t n)
{
	int64_t sums = (int64_t)g->rows * g->cols * g->threads;
	int partial = program_workspace(g->a, g->program, "partial",
		g->acc->type, slots * sums);
	int cleared = program_workspace(g->a, g->program, name, T_I32, n);
	struct p_step clear = { .kind = P_CLEAR, .tensor = cleared };

	vec_push(g->a, &g->program->steps, clear);
	g->partial = program_bind_at(g->a, g->program, step, g->k, partial,
		true);
	return program_bind_at(g->a, g->program, step, g->k, cleared, true);
}

void parts_declare(struct parts *g, struct p_step *step)
{
	int64_t one[1] = { 1 };

	g->tickets = parts_room(g, step, g->tiles * g->split, "tickets",
		g->tiles);
	g->last = kernel_array(g->k, K_SHARED, "is_last", T_I32, 1, one, 16);
}

/* The slot of part "part" of this block's tile. */
static struct kx *slot_of(const struct parts *g, struct kx *part)
{
	return kx_add(g->a, kx_mul(g->a, kx_special(g->a, K_BLOCK_X),
		kx_int(g->a, g->split)), part);
}

/* Element i, j of a slot: neighbouring threads write neighbouring elements. */
static struct kx *partial_at(const struct parts *g, struct kx *at,
	struct kx *i, struct kx *j)
{
	struct arena *a = g->a;
	int64_t sums = (int64_t)g->rows * g->cols * g->threads;

	at = kx_mul(a, g->partial->wide ? kx_cast(a, T_I64, at) : at,
		kx_int(a, sums));
	at = kx_add(a, at, kx_mul(a, kx_add(a, kx_mul(a, i,
		kx_int(a, g->cols)), j), kx_int(a, g->threads)));
	return kx_add(a, at, g->thread);
}

static struct k_block *each_sum(const struct parts *g, struct k_block *b,
	struct kx **i, struct kx **j)
{
	b = tile_loop(g->a, b, "i", g->rows, i);
	return tile_loop(g->a, b, "j", g->cols, j);
}

void parts_leave(const struct parts *g, struct k_block *b, struct kx *slot)
{
	struct kx *i, *j;

	b = each_sum(g, b, &i, &j);
	ks_store(g->a, b, k_place(g->partial, partial_at(g, slot, i, j)),
		kx_load(g->a, g->acc, i, j));
}

void parts_add(const struct parts *g, struct k_block *b, struct kx *slot)
{
	struct arena *a = g->a;
	struct kx *i, *j;

	b = each_sum(g, b, &i, &j);
	ks_store(a, b, k_place(g->acc, i, j), reducer_join(a, g->reducer,
		g->acc->type, kx_load(a, g->acc, i, j), kx_load(a, g->partial,
			partial_at(g, slot, i, j))));
}

void parts_meet(const struct parts *g, struct k_block *b)
{
	if (g->alone)
		ks_barrier_named(g->a, b, PARTS_BARRIER, g->threads);
	else
		ks_barrier(g->a, b, BARRIER_BLOCK);
}

/* Every thread learns whether its block is the tile's last. */
static struct kx *take_ticket(const struct parts *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *ticket, *zero = kx_int(a, 0);
	struct k_block *first;

	ks_fence(a, b, true);
	parts_meet(g, b);
	first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		g->thread, zero));
	ticket = ks_atomic(a, first, OP_ADD, k_place(g->tickets,
		kx_special(a, K_BLOCK_X)), kx_int(a, 1), "ticket");
	ks_store(a, first, k_place(g->last, zero), kx_cast(a, T_I32,
		kx_op(a, OP_EQ, T_BOOL, 2, ticket, kx_int(a, g->split - 1))));
	parts_meet(g, b);
	return kx_op(a, OP_NE, T_BOOL, 2, kx_load(a, g->last, zero), zero);
}

/* Some 16 loads at once: nvcc left to itself unrolls further, and spills. */
static struct k_block *part_loop(const struct parts *g, struct k_block *b,
	struct kx **part)
{
	int at_once = 16 / (g->rows * g->cols);
	struct k_block *inner = ks_for(g->a, b, at_once > 1 ? LOOP_UNROLLED :
		LOOP_SERIAL, "part", kx_int(g->a, 0), kx_int(g->a, g->split),
		kx_int(g->a, 1), part);

	b->s.v[b->s.n - 1].factor = at_once > 1 ? at_once : 1;
	return inner;
}

static void add_parts(const struct parts *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct k_block *inner;
	struct kx *i, *j, *part;

	inner = each_sum(g, b, &i, &j);
	ks_store(a, inner, k_place(g->acc, i, j), reducer_identity(a,
		g->reducer, g->acc->type));
	inner = part_loop(g, b, &part);
	parts_add(g, inner, slot_of(g, part));
}

struct k_place parts_sum(const struct parts *g, struct kx *part, struct kx *i,
	struct kx *j)
{
	return k_place(g->partial, partial_at(g, slot_of(g, part), i, j));
}

struct k_block *parts_last(struct parts *g, struct k_block *b)
{
	b = ks_if(g->a, b, take_ticket(g, b));
	ks_fence(g->a, b, true);
	return b;
}

struct k_block *parts_combine(struct parts *g, struct k_block *b,
	struct kx *mine)
{
	ks_comment(g->a, b, "leave this part's sums; the last block adds them "
		"all");
	parts_leave(g, ks_if(g->a, b, mine), slot_of(g, kx_special(g->a,
		K_BLOCK_Y)));
	b = ks_if(g->a, b, take_ticket(g, b));
	ks_fence(g->a, b, true);
	b = ks_if(g->a, b, mine);
	add_parts(g, b);
	return b;
}
