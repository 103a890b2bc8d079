/* SPDX-License-Identifier: MIT */
/* Joining running values. Teams of consecutive threads join by
 * shuffles within a warp and then, through shared memory, across warps; teams
 * whose threads lie across the block go through shared memory alone; the blocks
 * of a cluster read each other's. The order is fixed, so that the same inputs
 * give the same bits. */
#include "kernel/intrin.h"
#include "sketch/team.h"

enum { WARP = 32, AT_ONCE = 8 };

static struct kx *shuffled(struct arena *a, struct k_block *b, struct k_var *v,
	int distance)
{
	struct kx *x = lower_convert(a, kx_var(a, v),
		v->type == T_BOOL ? T_I32 : v->type);

	x = kx_call(a, INTRIN_SHUFFLE_XOR, x->type, 2, x,
		kx_int(a, distance));
	return ks_let(a, b, "other", lower_convert(a, ks_let(a, b,
		"shuffled", x), v->type));
}

void lanes_join(struct arena *a, struct k_block *b, const struct running *r,
	int n, int stride)
{
	for (int d = n / 2; d > 0; d /= 2) {
		struct kx *x = shuffled(a, b, r->value, d * stride);
		struct kx *at = r->at ? shuffled(a, b, r->at, d * stride) :
			NULL;

		running_take(a, b, r, x, at);
	}
}

struct board board_create(struct arena *a, struct kernel *k,
	const struct running *r, int64_t n)
{
	struct board x = { NULL, NULL };
	const char *name = reducer_rows[r->reducer].name;

	x.value = kernel_array(k, K_SHARED, arena_printf(a, "%s_shared",
		name), r->type, 1, &n, 8);
	if (r->at)
		x.at = kernel_array(k, K_SHARED, arena_printf(a,
			"%s_at_shared", name), r->at->type, 1, &n, 8);
	return x;
}

void board_write(struct arena *a, struct k_block *b, const struct board *x,
	const struct running *r, struct kx *i)
{
	ks_store(a, b, k_place(x->value, i), kx_var(a, r->value));
	if (r->at)
		ks_store(a, b, k_place(x->at, i), kx_var(a, r->at));
}

/* Copy number "i" in place of what "r" holds. */
static void board_read(struct arena *a, struct k_block *b, const struct board *x,
	const struct running *r, struct kx *i)
{
	ks_assign(a, b, r->value, kx_load(a, x->value, i));
	if (r->at)
		ks_assign(a, b, r->at, kx_load(a, x->at, i));
}

void board_take(struct arena *a, struct k_block *b, const struct board *x,
	const struct running *r, struct kx *i)
{
	running_take(a, b, r, kx_load(a, x->value, i), x->at ? kx_load(a,
		x->at, i) : NULL);
}

/* ---- teams of one block ---- */

/* Boards have room for each copy, so that nobody waits until one is read. */
static int64_t room(const struct team *t, int64_t n)
{
	return t->copy ? n * t->copies : n;
}

/* Entry "i" of "n" of the copy at hand. */
static struct kx *entry(const struct team *t, int64_t n, struct kx *i)
{
	return t->copy ? kx_add(t->a, kx_mul(t->a, t->copy, kx_int(t->a, n)),
		i) : i;
}

/* A warp writes one value; then every warp joins its team's values again. */
static void join_warps(struct team *t, struct k_block *b,
	const struct running *r)
{
	struct arena *a = t->a;
	int warps = t->threads / WARP;
	int64_t n = (int64_t)warps * t->rows;
	struct board x = board_create(a, t->k, r, room(t, n));
	struct kx *thread = kx_special(a, K_THREAD_X);
	struct k_block *first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		kx_mod(a, thread, kx_int(a, WARP)), kx_int(a, 0)));

	board_write(a, first, &x, r, entry(t, n, kx_div(a, thread,
		kx_int(a, WARP))));
	ks_barrier(a, b, BARRIER_BLOCK);
	board_read(a, b, &x, r, ks_let(a, b, "from", entry(t, n, kx_add(a,
		kx_mul(a, t->row, kx_int(a, warps)), kx_mod(a, thread,
			kx_int(a, warps))))));
	lanes_join(a, b, r, warps, 1);
}

static void join_across(struct team *t, struct k_block *b,
	const struct running *r)
{
	struct arena *a = t->a;
	struct board x = board_create(a, t->k, r,
		(int64_t)t->threads * t->rows);
	struct k_block *loop;
	struct kx *i;

	board_write(a, b, &x, r, kx_special(a, K_THREAD_X));
	ks_barrier(a, b, BARRIER_BLOCK);
	board_read(a, b, &x, r, t->row);
	loop = ks_for(a, b, LOOP_UNROLLED, "part", kx_int(a, 1),
		kx_int(a, t->threads), NULL, &i);
	if (t->threads - 1 > AT_ONCE)
		b->s.v[b->s.n - 1].factor = AT_ONCE;
	board_take(a, loop, &x, r, ks_let(a, loop, "from", kx_add(a, kx_mul(a,
		i, kx_int(a, t->rows)), t->row)));
}

/* ---- across the blocks of a cluster ---- */

static enum dtype board_type(enum dtype t)
{
	return t == T_BOOL ? T_I32 : t;
}

static struct k_buffer *own_board(struct team *t, struct k_block *b,
	const char *name, struct k_var *v)
{
	const int64_t n = room(t, t->rows);
	struct k_buffer *board = kernel_array(t->k, K_SHARED, arena_printf(
		t->a, "%s_block", name), board_type(v->type), 1, &n, 8);

	ks_store(t->a, b, k_place(board, entry(t, t->rows, t->row)), lower_convert(t->a,
		kx_var(t->a, v), board->type));
	return board;
}

/* The team's entry of block "rank"'s board, as a "type". */
static struct kx *remote(struct team *t, struct k_block *b,
	struct k_buffer *board, struct kx *rank, enum dtype type)
{
	int size = dtype_row(board->type)->bits;
	int call = board->type == T_F32 ? INTRIN_REMOTE_LOAD_F32 :
		size == 64 ? INTRIN_REMOTE_LOAD_I64 : INTRIN_REMOTE_LOAD_I32;
	enum dtype loaded = board->type == T_F32 ? T_F32 : size == 64 ?
		T_I64 : T_I32;
	struct kx *x = ks_let(t->a, b, "theirs", kx_call(t->a, call, loaded,
		2, kx_address(t->a, k_place(board, entry(t, t->rows,
			t->row))), rank));

	if (loaded != board->type)
		x = kx_bits(t->a, board->type, x);
	return lower_convert(t->a, x, type);
}

/* The first thread of each team leaves its value for the others' blocks; then
 * every thread takes all in, in the order of the blocks. */
static void join_blocks(struct team *t, struct k_block *b,
	const struct running *r)
{
	struct arena *a = t->a;
	const char *name = reducer_rows[r->reducer].name;
	struct k_block *first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		t->lane, kx_int(a, 0)));
	struct k_buffer *value = own_board(t, first, name, r->value);
	struct k_buffer *at = !r->at ? NULL : own_board(t, first,
		arena_printf(a, "%s_at", name), r->at);
	struct kx *rank;

	ks_barrier(a, b, BARRIER_CLUSTER);
	rank = kx_int(a, 0);
	ks_assign(a, b, r->value, remote(t, b, value, rank, r->value->type));
	if (at)
		ks_assign(a, b, r->at, remote(t, b, at, rank, r->at->type));
	b = ks_for(a, b, LOOP_UNROLLED, "rank", kx_int(a, 1),
		kx_int(a, t->blocks), NULL, &rank);
	running_take(a, b, r, remote(t, b, value, rank, r->value->type),
		at ? remote(t, b, at, rank, r->at->type) : NULL);
}

/* ---- all ---- */

static void join_block(struct team *t, struct k_block *b,
	const struct running *r)
{
	if (t->across) {
		join_across(t, b, r);
		return;
	}
	lanes_join(t->a, b, r, t->threads < WARP ? t->threads : WARP, 1);
	if (t->threads > WARP)
		join_warps(t, b, r);
}

void team_join(struct team *t, struct k_block *b, const struct running *r)
{
	if (t->threads > 1)
		join_block(t, b, r);
	if (t->blocks > 1)
		join_blocks(t, b, r);
}
