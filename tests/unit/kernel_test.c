/* SPDX-License-Identifier: MIT */
/* Kernel IR: expressions fold to what they equal, texts name things apart, and
 * the verifier reports every fault planted here, and nothing in sound
 * kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/intrin.h"
#include "kernel/kernel.h"
#include "schedule/target.h"

/* ---- expressions ---- */

static const char *shown(struct arena *a, const struct kx *e)
{
	struct str s;

	str_init(&s, a);
	kx_print(e, &s);
	return str_text(&s);
}

static void folds(void **state)
{
	struct arena *a = arena_create();
	struct kx *x = kx_special(a, K_BLOCK_X), *t, *e;

#define I(v) kx_int(a, v)
	(void)state;
	t = kx_special(a, K_THREAD_X);
	assert_ptr_equal(kx_add(a, x, I(0)), x);
	assert_ptr_equal(kx_mul(a, I(1), x), x);
	assert_string_equal(shown(a, kx_mul(a, x, I(0))), "0");
	assert_string_equal(shown(a, kx_add(a, kx_add(a, I(3), x), I(4))),
		"add(block.x, 7)");
	assert_string_equal(shown(a, kx_add(a, kx_sub(a, x, I(3)), I(3))),
		"block.x");
	assert_string_equal(shown(a, kx_mul(a, kx_mul(a, x, I(3)), I(4))),
		"mul(block.x, 12)");
	assert_string_equal(shown(a, kx_div(a, kx_mul(a, x, I(8)), I(4))),
		"mul(block.x, 2)");
	assert_string_equal(shown(a, kx_div(a, kx_div(a, x, I(8)), I(4))),
		"div(block.x, 32)");
	e = kx_add(a, kx_mul(a, x, I(16)), kx_mod(a, t, I(16)));
	assert_string_equal(shown(a, kx_div(a, e, I(16))), "block.x");
	assert_string_equal(shown(a, kx_mod(a, e, I(16))),
		"mod(thread.x, 16)");
	assert_string_equal(shown(a, kx_mod(a, kx_mod(a, t, I(16)), I(8))),
		"mod(thread.x, 8)");
	assert_null(kx_and(a, NULL, kx_lt(a, kx_mod(a, t, I(8)), I(8))));
	assert_ptr_equal(kx_and(a, NULL, e), e);
	assert_string_equal(shown(a, kx_div(a, I(-1), I(2))), "-1");
	assert_string_equal(shown(a, kx_mod(a, I(-1), I(2))), "1");
	assert_int_equal(kx_mul(a, I(1 << 20), I(1 << 20))->type, T_I64);
#undef I
	arena_destroy(a);
}

/* A random expression over block.x, and the value it must have at "at". */
static struct kx *random_expr(struct arena *a, uint32_t *seed, int depth,
	int64_t at, int64_t *value)
{
	int64_t y, k;
	struct kx *e;

	*seed = *seed * 1664525 + 1013904223;
	k = 1 + (*seed >> 8) % 12;
	if (depth == 0) {
		*value = *seed >> 24 & 1 ? at : k;
		return *seed >> 24 & 1 ? kx_special(a, K_BLOCK_X) :
			kx_int(a, k);
	}
	e = random_expr(a, seed, depth - 1, at, value);
	switch (*seed >> 28) {
	case 0: case 1: case 2:
		*value *= k;
		return kx_mul(a, e, kx_int(a, k));
	case 3: case 4: case 5:
		*value /= k;
		return kx_div(a, e, kx_int(a, k));
	case 6: case 7: case 8:
		*value %= k;
		return kx_mod(a, e, kx_int(a, k));
	case 9:
		*value += k - 6 > 0 ? k - 6 : 0;
		return kx_add(a, e, kx_int(a, k - 6 > 0 ? k - 6 : 0));
	default:
		e = kx_add(a, e, random_expr(a, seed, depth - 1, at, &y));
		*value += y;
		return e;
	}
}

static void folding_keeps_values(void **state)
{
	struct arena *a = arena_create();
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t at = i % 100, want, got;
		struct kx *e = random_expr(a, &seed, 1 + i % 6, at, &want);

		assert_true(kx_eval(e, at, &got));
		assert_int_equal(got, want);
		if (i % 1000 == 0)
			arena_reset(a);
	}
	assert_false(kx_eval(kx_special(a, K_THREAD_X), 0, &(int64_t){ 0 }));
	arena_destroy(a);
}

/* ---- a sound kernel, and faults planted into it ---- */

struct plant {
	struct arena *a;
	struct kernel *k;
	struct k_block *b;
	struct k_buffer *x, *y, *tile, *r;
	struct kx *thread;
};

static struct kx *n(struct plant *p, int64_t v)
{
	return kx_int(p->a, v);
}

/* y = x staged through shared memory by asynchronous copies of 16 bytes. */
static struct plant sound(struct arena *a)
{
	struct plant p = { .a = a, .k = kernel_create(a, "copy", 128) };
	int64_t dims[] = { 2, 512 }, four[] = { 4 };
	struct kx *at;

	p.b = &p.k->body;
	p.x = kernel_global(p.k, "x", T_F32, 16, false, false);
	p.y = kernel_global(p.k, "y", T_F32, 16, true, false);
	p.tile = kernel_array(p.k, K_SHARED, "tile", T_F32, 2, dims, 16);
	p.r = kernel_array(p.k, K_REGISTER, "r", T_F32, 1, four, 16);
	kernel_layout(p.k);
	p.thread = kx_special(a, K_THREAD_X);
	at = kx_mul(a, p.thread, n(&p, 4));
	ks_copy(a, p.b, COPY_ASYNC, k_place(p.tile, n(&p, 0), at),
		k_place(p.x, at), 16, NULL, 0);
	ks_commit(a, p.b);
	ks_wait(a, p.b, 0);
	ks_barrier(a, p.b, BARRIER_BLOCK);
	ks_copy(a, p.b, COPY_PLAIN, k_place(p.r, n(&p, 0)),
		k_place(p.tile, n(&p, 0), at), 16, NULL, 0);
	ks_copy(a, p.b, COPY_PLAIN, k_place(p.y, at), k_place(p.r, n(&p, 0)),
		16, NULL, 0);
	return p;
}

static void divergent_barrier(struct plant *p)
{
	struct k_block *b = ks_if(p->a, p->b, kx_lt(p->a, p->thread,
		n(p, 100)));

	ks_barrier(p->a, b, BARRIER_BLOCK);
}

/* Through a variable that only some threads change. */
static void divergent_variable(struct plant *p)
{
	struct k_var *v = ks_mutable(p->a, p->b, "v", T_I32, n(p, 0));
	struct k_block *b;

	b = ks_if(p->a, p->b, kx_lt(p->a, p->thread, n(p, 5)));
	ks_assign(p->a, b, v, n(p, 1));
	b = ks_if(p->a, p->b, kx_op(p->a, OP_EQ, T_BOOL, 2,
		kx_var(p->a, v), n(p, 1)));
	ks_barrier(p->a, b, BARRIER_BLOCK);
}

static void divergent_loop(struct plant *p)
{
	struct kx *i;
	struct k_block *b = ks_for(p->a, p->b, LOOP_SERIAL, "i", n(p, 0),
		p->thread, NULL, &i);

	ks_barrier(p->a, b, BARRIER_BLOCK);
}

static void divergent_strides(struct plant *p)
{
	struct kx *i;
	struct k_block *b = ks_for(p->a, p->b, LOOP_THREADS, "i", n(p, 0),
		n(p, 200), NULL, &i);

	ks_barrier(p->a, b, BARRIER_BLOCK);
}

static void warp_barrier(struct plant *p)
{
	struct k_block *b = ks_if(p->a, p->b, kx_lt(p->a,
		kx_special(p->a, K_LANE), n(p, 4)));

	ks_barrier(p->a, b, BARRIER_WARP);
}

static void divergent_shuffle(struct plant *p)
{
	struct k_block *b = ks_if(p->a, p->b, kx_lt(p->a, p->thread,
		n(p, 16)));

	ks_let(p->a, b, "s", kx_call(p->a, INTRIN_SHUFFLE_XOR, T_F32, 2,
		kx_float(p->a, 1, T_F32), n(p, 1)));
}

static void cluster_barrier(struct plant *p)
{
	struct k_block *b;

	p->k->cluster = 2;
	b = ks_if(p->a, p->b, kx_lt(p->a, kx_special(p->a, K_BLOCK_X),
		n(p, 7)));
	ks_barrier(p->a, b, BARRIER_CLUSTER);
}

static void undefined(struct plant *p)
{
	struct k_var *v;
	struct k_block *b = ks_if(p->a, p->b, kx_lt(p->a, p->thread,
		n(p, 5)));

	v = ks_mutable(p->a, b, "inner", T_I32, n(p, 0));
	ks_let(p->a, p->b, "w", kx_add(p->a, kx_var(p->a, v), n(p, 1)));
}

static void never_written(struct plant *p)
{
	int64_t dims[] = { 8 };
	struct k_buffer *b = kernel_array(p->k, K_REGISTER, "ghost", T_F32, 1,
		dims, 4);

	ks_store(p->a, p->b, k_place(p->y, n(p, 0)), kx_load(p->a, b,
		n(p, 0)));
}

static void written_after(struct plant *p)
{
	int64_t dims[] = { 8 };
	struct k_buffer *b = kernel_array(p->k, K_REGISTER, "late", T_F32, 1,
		dims, 4);

	ks_store(p->a, p->b, k_place(p->y, n(p, 0)), kx_load(p->a, b,
		n(p, 0)));
	ks_store(p->a, p->b, k_place(b, n(p, 0)), kx_float(p->a, 0, T_F32));
}

static void wrong_rank(struct plant *p)
{
	struct k_place at = k_place(p->tile, n(p, 0), n(p, 0));

	at.index[1] = NULL;
	ks_store(p->a, p->b, at, kx_float(p->a, 0, T_F32));
}

static void outside(struct plant *p)
{
	ks_store(p->a, p->b, k_place(p->tile, n(p, 2), n(p, 0)),
		kx_float(p->a, 0, T_F32));
}

static void odd_offset(struct plant *p)
{
	struct kx *at = kx_add(p->a, kx_mul(p->a, p->thread, n(p, 4)),
		n(p, 2));

	ks_copy(p->a, p->b, COPY_PLAIN, k_place(p->r, n(p, 0)),
		k_place(p->x, at), 16, NULL, 0);
}

static void odd_row(struct plant *p)
{
	int64_t dims[] = { 8, 33 };
	struct k_buffer *b = kernel_array(p->k, K_SHARED, "padded", T_F32, 2,
		dims, 16);

	kernel_layout(p->k);
	ks_copy(p->a, p->b, COPY_PLAIN, k_place(b, n(p, 1), n(p, 4)),
		k_place(p->r, n(p, 0)), 16, NULL, 0);
}

static void weak_base(struct plant *p)
{
	p->x->align = 4;
}

static void too_much_shared(struct plant *p)
{
	int64_t dims[] = { 100000 };

	kernel_array(p->k, K_SHARED, "huge", T_F32, 1, dims, 16);
	kernel_layout(p->k);
}

static void odd_threads(struct plant *p)
{
	p->k->threads = 100;
}

static void too_many_threads(struct plant *p)
{
	p->k->threads = 2048;
}

static void no_layout(struct plant *p)
{
	p->k->shared_bytes = 0;
}

static void late_intrinsic(struct plant *p)
{
	ks_call(p->a, p->b, INTRIN_WGMMA_FENCE, 0);
}

static void wrong_memory(struct plant *p)
{
	ks_call(p->a, p->b, INTRIN_MBARRIER_INIT, 2, kx_address(p->a,
		k_place(p->y, n(p, 0))), n(p, 1));
}

static void role_outside(struct plant *p)
{
	ks_role(p->a, p->b, "loader", 0, 5, 0);
}

static void role_overlap(struct plant *p)
{
	ks_role(p->a, p->b, "loader", 0, 2, 0);
	ks_role(p->a, p->b, "worker", 1, 4, 0);
}

static void role_barrier(struct plant *p)
{
	ks_barrier(p->a, ks_role(p->a, p->b, "loader", 0, 2, 0),
		BARRIER_BLOCK);
}

static void uncommitted(struct plant *p)
{
	p->b->s.v[1].kind = KS_FENCE;
	p->b->s.v[2].kind = KS_FENCE;
}

static void unawaited(struct plant *p)
{
	p->b->s.v[2].kind = KS_FENCE;
}

static void lone_wait(struct plant *p)
{
	p->b->s.v[0].copy = COPY_PLAIN;
	p->b->s.v[1].kind = KS_FENCE;
}

static void narrow_arithmetic(struct plant *p)
{
	ks_let(p->a, p->b, "h", kx_op(p->a, OP_ADD, T_F16, 2,
		kx_float(p->a, 1, T_F16), kx_float(p->a, 2, T_F16)));
}

static void wrong_type(struct plant *p)
{
	ks_store(p->a, p->b, k_place(p->y, n(p, 0)), n(p, 1));
}

static void read_only(struct plant *p)
{
	ks_store(p->a, p->b, k_place(p->x, n(p, 0)),
		kx_float(p->a, 1, T_F32));
}

static void float_max_atomic(struct plant *p)
{
	ks_atomic(p->a, p->b, OP_MAX, k_place(p->y, n(p, 0)),
		kx_float(p->a, 1, T_F32), NULL);
}

static void reports(void **state)
{
	static const struct {
		void (*plant)(struct plant *p);
		const char *why;
	} faults[] = {
		{ divergent_barrier, "barrier of the block in if lt(thread.x, "
			"100), which not all threads of the block" },
		{ divergent_variable, "barrier of the block in if eq(v, 1)" },
		{ divergent_loop, "barrier of the block in the loop over i" },
		{ divergent_strides, "in the loop over i" },
		{ warp_barrier, "not all threads of the warp" },
		{ divergent_shuffle, "__shfl_xor_sync in if" },
		{ cluster_barrier, "not all threads of the cluster" },
		{ undefined, "inner is used where it isn't defined" },
		{ never_written, "ghost is read before anything writes it" },
		{ written_after, "late is read before anything writes it" },
		{ wrong_rank, "tile has rank 2 and is indexed by 1" },
		{ outside, "index 0 of tile is 2, outside 0..2" },
		{ odd_offset, "index of x that is no multiple of 4" },
		{ odd_row, "index of padded that is no multiple of 4" },
		{ weak_base, "16 bytes move at once, but x is aligned to 4" },
		{ too_much_shared, "bytes of shared memory" },
		{ odd_threads, "100 threads a block" },
		{ too_many_threads, "2048 threads a block" },
		{ no_layout, "tile has no room in shared memory" },
		{ late_intrinsic, "wgmma_fence needs sm_90a" },
		{ wrong_memory, "mbarrier_init cannot take the address of y" },
		{ role_outside, "role loader has warps 0..5 of 4" },
		{ role_overlap, "roles loader and worker share warps" },
		{ role_barrier, "barrier of the block in a role" },
		{ uncommitted, "never committed" },
		{ unawaited, "never waited for" },
		{ lone_wait, "a wait without a commit" },
		{ narrow_arithmetic, "add computes in f16" },
		{ wrong_type, "y of f32 is given a value of i32" },
		{ read_only, "x is written but declared read-only" },
		{ float_max_atomic, "no atomic max of f32" },
	};
	struct arena *a = arena_create();
	const struct target *t = target_named("sm_90");

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct plant p = sound(a);
		const char *why = kernel_verify(a, p.k, t);

		if (why)
			fail_msg("the sound kernel: %s", why);
		faults[i].plant(&p);
		why = kernel_verify(a, p.k, t);
		if (!why || !strstr(why, faults[i].why))
			fail_msg("\"%s\" expected, not \"%s\"", faults[i].why,
				why ? why : "no fault");
	}
	arena_destroy(a);
}

static void respects_targets(void **state)
{
	struct arena *a = arena_create();
	const char *why = kernel_verify(a, sound(a).k, target_named("sm_75"));

	(void)state;
	assert_non_null(why);
	assert_non_null(strstr(why, "need sm_80"));
	assert_null(kernel_verify(a, sound(a).k, target_named("sm_80")));
	arena_destroy(a);
}

/* Barriers that all threads do reach, though not at first sight. */
static void accepts(void **state)
{
	struct arena *a = arena_create();
	struct plant p = sound(a);
	struct k_block *b;
	struct kx *i;
	const char *why;

	(void)state;
	b = ks_for(a, p.b, LOOP_THREADS, "i", n(&p, 0), n(&p, 512), NULL, &i);
	ks_barrier(a, b, BARRIER_BLOCK);
	b = ks_for(a, p.b, LOOP_TILES, "t", n(&p, 0), n(&p, 77), NULL, &i);
	ks_barrier(a, b, BARRIER_BLOCK);
	b = ks_if(a, p.b, kx_lt(a, kx_load(a, p.tile, n(&p, 0), n(&p, 0)),
		kx_float(a, 1, T_F32)));
	ks_barrier(a, b, BARRIER_BLOCK);
	b = ks_if(a, p.b, kx_lt(a, p.thread, n(&p, 64)));
	ks_let(a, b, "s", kx_call(a, INTRIN_SHUFFLE_DOWN, T_F32, 2,
		kx_float(a, 1, T_F32), n(&p, 1)));
	why = kernel_verify(a, p.k, target_named("sm_80"));
	if (why)
		fail_msg("%s", why);
	arena_destroy(a);
}

/* ---- text ---- */

static void names_apart(void **state)
{
	struct arena *a = arena_create();
	struct plant p = sound(a);
	struct k_block *b;
	struct kx *i, *x;
	struct str s;

	(void)state;
	x = ks_let(a, p.b, "x", kx_add(a, p.thread, n(&p, 1)));
	ks_let(a, p.b, "m0", kx_add(a, x, n(&p, 1)));
	b = ks_for(a, p.b, LOOP_SERIAL, "i", n(&p, 0), x, NULL, &i);
	ks_let(a, b, "m0", kx_add(a, i, x));
	b = ks_for(a, p.b, LOOP_SERIAL, "i", n(&p, 0), x, NULL, &i);
	ks_let(a, b, "i", kx_add(a, i, x));
	str_init(&s, a);
	kernel_print(p.k, &s);
	assert_non_null(strstr(str_text(&s),
		"  let x2: i32 = add(thread.x, 1)\n"
		"  let m0: i32 = add(x2, 1)\n"
		"  for i: serial 0..x2 step 1 {\n"
		"    let m0_2: i32 = add(i, x2)\n"
		"  }\n"
		"  for i: serial 0..x2 step 1 {\n"
		"    let i2: i32 = add(i, x2)\n"
		"  }\n"));
	arena_destroy(a);
}

static void lays_out(void **state)
{
	struct arena *a = arena_create();
	struct kernel *k = kernel_create(a, "k", 32);
	int64_t three[] = { 3 };
	struct k_buffer *x, *y;

	(void)state;
	x = kernel_array(k, K_SHARED, "x", T_F16, 1, three, 2);
	y = kernel_array(k, K_SHARED, "y", T_F32, 1, three, 128);
	kernel_layout(k);
	assert_int_equal(x->offset, 0);
	assert_int_equal(y->offset, 128);
	assert_int_equal(k->shared_bytes, 140);
	arena_destroy(a);
}

/* ---- what a statement is made of ---- */

static void note_int(void *ctx, const struct kx *e)
{
	if (e->kind == KX_INT)
		str_printf(ctx, "%d ", (int)e->i);
}

static void all_of_a_statement_is_visited(void **state)
{
	struct arena *a = arena_create();
	struct kernel *k = kernel_create(a, "k", 32);
	struct k_buffer *x = kernel_global(k, "x", T_F32, 4, false, false);
	struct k_role roles[] = { { .body = k_block(a) }, { .body =
		k_block(a) } };
	struct kx *v[12];
	struct str out;
	struct ks s;

	(void)state;
	for (int i = 0; i < 12; i++)
		v[i] = kx_int(a, i);
	s = (struct ks){ .value = kx_load(a, x, kx_add(a, kx_special(a,
		K_LANE), v[1])), .lo = v[2], .hi = v[3], .step = v[4],
		.cond = v[5], .dst = k_place(x, v[6]), .src = k_place(x, v[7]),
		.mbar = k_place(x, v[8]), .acc = k_place(x, v[9]), .left =
		k_place(x, v[10]), .right = k_place(x, v[11]), .args = v,
		.n_args = 1, .body = k_block(a), .roles = roles, .n_roles = 2 };
	str_init(&out, a);
	ks_visit(&s, note_int, &out);
	assert_string_equal(str_text(&out), "1 2 3 4 5 6 7 8 9 10 11 0 ");
	assert_ptr_equal(ks_place(&s, KS_PLACES - 1), &s.right);
	assert_int_equal(ks_blocks(&s), 4);
	assert_ptr_equal(ks_block(&s, 0), s.body);
	assert_null(ks_block(&s, 1));
	assert_ptr_equal(ks_block(&s, 3), roles[1].body);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds),
		cmocka_unit_test(folding_keeps_values),
		cmocka_unit_test(reports),
		cmocka_unit_test(respects_targets),
		cmocka_unit_test(accepts),
		cmocka_unit_test(names_apart),
		cmocka_unit_test(lays_out),
		cmocka_unit_test(all_of_a_statement_is_visited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
