/* SPDX-License-Identifier: MIT */
/* Joining running values within a block. Teams of consecutive threads join by
 * shuffles within a warp and then, through shared memory, across warps; teams
 * whose threads lie across the block go through shared memory alone. The order
 * is fixed, so that the same inputs give the same bits. */
#include "kernel/intrin.h"
#include "sketch/reduce.h"

enum { WARP = 32 };

static struct kx *shuffled(struct team *t, struct k_block *b, struct k_var *v,
	int distance)
{
	struct arena *a = t->a;
	struct kx *x = lower_convert(a, kx_var(a, v),
		v->type == T_BOOL ? T_I32 : v->type);

	x = kx_call(a, INTRIN_SHUFFLE_XOR, x->type, 2, x,
		kx_int(a, distance));
	return ks_let(a, b, "other", lower_convert(a, ks_let(a, b,
		"shuffled", x), v->type));
}

/* Threads whose numbers differ below "n", a power of two. */
static void join_lanes(struct team *t, struct k_block *b,
	const struct running *r, int n)
{
	for (int d = n / 2; d > 0; d /= 2) {
		struct kx *x = shuffled(t, b, r->value, d);
		struct kx *at = r->at ? shuffled(t, b, r->at, d) : NULL;

		running_take(t->a, b, r, x, at);
	}
}

/* Shared copies of running values, one for each of "n". */
struct board {
	struct k_buffer *value, *at;
};

static struct board board_create(struct team *t, const struct running *r,
	int64_t n)
{
	struct board x = { NULL, NULL };
	const char *name = reducer_rows[r->reducer].name;

	x.value = kernel_array(t->k, K_SHARED, arena_printf(t->a, "%s_shared",
		name), r->type, 1, &n, 8);
	if (r->at)
		x.at = kernel_array(t->k, K_SHARED, arena_printf(t->a,
			"%s_at_shared", name), r->at->type, 1, &n, 8);
	return x;
}

static void board_write(struct team *t, struct k_block *b,
	const struct board *x, const struct running *r, struct kx *i)
{
	ks_store(t->a, b, k_place(x->value, i), kx_var(t->a, r->value));
	if (r->at)
		ks_store(t->a, b, k_place(x->at, i), kx_var(t->a, r->at));
}

static struct kx *board_at(struct team *t, const struct board *x, struct kx *i)
{
	return x->at ? kx_load(t->a, x->at, i) : NULL;
}

/* A warp writes one value; then every warp joins its team's values again. */
static void join_warps(struct team *t, struct k_block *b,
	const struct running *r)
{
	struct arena *a = t->a;
	int warps = t->threads / WARP;
	struct board x = board_create(t, r, (int64_t)warps * t->rows);
	struct kx *thread = kx_special(a, K_THREAD_X), *i;
	struct k_block *first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		kx_mod(a, thread, kx_int(a, WARP)), kx_int(a, 0)));

	board_write(t, first, &x, r, kx_div(a, thread, kx_int(a, WARP)));
	ks_barrier(a, b, BARRIER_BLOCK);
	i = ks_let(a, b, "from", kx_add(a, kx_mul(a, t->row,
		kx_int(a, warps)), kx_mod(a, thread, kx_int(a, warps))));
	ks_assign(a, b, r->value, kx_load(a, x.value, i));
	if (r->at)
		ks_assign(a, b, r->at, kx_load(a, x.at, i));
	join_lanes(t, b, r, warps);
}

static void join_across(struct team *t, struct k_block *b,
	const struct running *r)
{
	struct arena *a = t->a;
	struct board x = board_create(t, r, (int64_t)t->threads * t->rows);
	struct kx *i, *from;
	struct k_block *loop;

	board_write(t, b, &x, r, kx_special(a, K_THREAD_X));
	ks_barrier(a, b, BARRIER_BLOCK);
	ks_assign(a, b, r->value, kx_load(a, x.value, t->row));
	if (r->at)
		ks_assign(a, b, r->at, kx_load(a, x.at, t->row));
	loop = ks_for(a, b, LOOP_SERIAL, "part", kx_int(a, 1),
		kx_int(a, t->threads), NULL, &i);
	from = ks_let(a, loop, "from", kx_add(a, kx_mul(a, i,
		kx_int(a, t->rows)), t->row));
	running_take(a, loop, r, kx_load(a, x.value, from),
		board_at(t, &x, from));
}

void team_join(struct team *t, struct k_block *b, const struct running *r)
{
	if (t->threads == 1)
		return;
	if (t->across) {
		join_across(t, b, r);
		return;
	}
	join_lanes(t, b, r, t->threads < WARP ? t->threads : WARP);
	if (t->threads > WARP)
		join_warps(t, b, r);
}
