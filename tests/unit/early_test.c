/* SPDX-License-Identifier: MIT */
/* Launches that begin before the kernel ahead of them has ended: which ones do,
 * where they wait, and what the verifier says of those that wait too late; and what
 * others write while a kernel runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/intrin.h"
#include "kernel/kernel.h"
#include "schedule/target.h"

/* y[thread] = x[thread], of tensors 0 and 1, or 1 and 2. */
static struct p_step copying(struct arena *a, const char *name, int from)
{
	struct kernel *k = kernel_create(a, name, 32);
	struct k_buffer *x = kernel_global(k, "x", T_F32, 4, false, false);
	struct k_buffer *y = kernel_global(k, "y", T_F32, 4, true, false);
	struct kx *at = ks_let(a, &k->body, "at", kx_special(a, K_THREAD_X));
	struct p_step s = { .kind = P_LAUNCH, .kernel = k, .grid = { 1, 1, 1 },
		.args = ARENA_ARRAY(a, 2, int), .n_args = 2 };

	ks_store(a, ks_if(a, &k->body, kx_lt(a, at, kx_int(a, 20))),
		k_place(y, at), kx_load(a, x, at));
	s.args[0] = from;
	s.args[1] = from + 1;
	return s;
}

static struct program *two_copies(struct arena *a)
{
	static const struct p_tensor tensors[] = {
		{ .name = "a", .role = P_IN, .type = T_F32, .elements = 20,
			.align = 16 },
		{ .name = "w", .role = P_WORKSPACE, .type = T_F32,
			.elements = 20, .align = 16 },
		{ .name = "b", .role = P_OUT, .type = T_F32, .elements = 20,
			.align = 16 },
	};
	struct program *p = program_create(a, "twice");

	for (int i = 0; i < 3; i++)
		vec_push(a, &p->tensors, tensors[i]);
	vec_push(a, &p->steps, copying(a, "first", 0));
	vec_push(a, &p->steps, copying(a, "second", 1));
	program_layout(p);
	return p;
}

static void expect_early(enum p_overlap how, bool first, bool second,
	const char *text)
{
	struct arena *a = arena_create();
	struct program *p = two_copies(a);
	struct str s;

	program_overlap(a, p, how);
	assert_int_equal(p->steps.v[0].early, first);
	assert_int_equal(p->steps.v[1].early, second);
	assert_int_equal(kernel_waits(p->steps.v[0].kernel), first);
	assert_int_equal(kernel_waits(p->steps.v[1].kernel), second);
	assert_null(program_verify(a, p, target_named("sm_90")));
	str_init(&s, a);
	program_print(p, &s);
	assert_non_null(strstr(str_text(&s), text));
	arena_destroy(a);
}

static void begins_early(void **state)
{
	(void)state;
	expect_early(P_APART, false, false, "launch second grid(1, 1, 1)");
	expect_early(P_STEPS, false, true, "launch second early grid(1, 1, 1)");
	expect_early(P_STEPS, false, true, "  let at: i32 = thread.x\n"
		"  // kernels before this one may still run up to here\n"
		"  grid_wait()\n  if lt(at, 20) {");
	expect_early(P_STEPS, false, true, "  let at: i32 = thread.x\n"
		"  grid_launch_dependents()\n  if lt(at, 20) {");
	expect_early(P_STREAM, true, true, "  grid_wait()\n"
		"  grid_launch_dependents()\n");
}

/* A launch that may begin early and does not wait, or waits behind its first
 * access, or behind what is no launch; or on a target that has none. */
static void early_faults_are_told(void **state)
{
	const char *const waits = "touches memory before it waits";
	struct arena *a = arena_create();
	struct program *p = two_copies(a);
	struct p_step clear = { .kind = P_CLEAR, .tensor = 1 };
	const char *why;

	(void)state;
	p->steps.v[1].early = true;
	why = program_verify(a, p, target_named("sm_90"));
	assert_non_null(why);
	assert_non_null(strstr(why, waits));
	ks_call(a, &p->steps.v[1].kernel->body, INTRIN_GRID_WAIT, 0);
	why = program_verify(a, p, target_named("sm_90"));
	assert_non_null(why);
	assert_non_null(strstr(why, waits));

	p = two_copies(a);
	program_overlap(a, p, P_STEPS);
	why = program_verify(a, p, target_named("sm_89"));
	assert_non_null(why);
	assert_non_null(strstr(why, "needs sm_90"));
	p->steps.v[0] = clear;
	why = program_verify(a, p, target_named("sm_90"));
	assert_non_null(why);
	assert_non_null(strstr(why, "no launch is before it"));

	p = two_copies(a);
	p->steps.v[0] = clear;
	program_overlap(a, p, P_STREAM);
	assert_false(p->steps.v[1].early);
	arena_destroy(a);
}

/* What a kernel reads that waits, and what it reads of what it writes, is no
 * restricted pointer; what it only writes is one. */
static void others_write_too(void **state)
{
	struct arena *a = arena_create();
	struct program *p = two_copies(a);
	const struct kernel *second = p->steps.v[1].kernel;
	struct kernel *k = kernel_create(a, "counts", 32);
	struct k_buffer *sums = kernel_global(k, "sums", T_F32, 4, true, false);
	struct k_buffer *count = kernel_global(k, "count", T_I32, 4, true,
		false);
	struct k_buffer *flag = kernel_global(k, "flag", T_I32, 4, true, false);
	struct k_buffer *y = kernel_global(k, "y", T_F32, 4, true, false);
	struct kx *zero = kx_int(a, 0);
	struct k_block *last;

	(void)state;
	assert_true(kernel_alone(second, second->globals.v[0]));
	program_overlap(a, p, P_STEPS);
	assert_false(kernel_alone(second, second->globals.v[0]));
	assert_true(kernel_alone(second, second->globals.v[1]));

	ks_store(a, &k->body, k_place(sums, kx_special(a, K_BLOCK_X)),
		kx_float(a, 1, T_F32));
	assert_true(kernel_alone(k, sums));
	last = ks_if(a, &k->body, kx_op(a, OP_EQ, T_BOOL, 2, ks_atomic(a,
		&k->body, OP_ADD, k_place(count, zero), kx_int(a, 1), "ticket"),
		kx_int(a, 3)));
	ks_call(a, last, INTRIN_FLAG_SET, 1, kx_address(a, k_place(flag,
		zero)));
	ks_store(a, last, k_place(y, zero), kx_load(a, sums, zero));
	assert_false(kernel_alone(k, sums));
	assert_false(kernel_alone(k, count));
	assert_false(kernel_alone(k, flag));
	assert_true(kernel_alone(k, y));
	arena_destroy(a);
}

/* A tensor is written as one argument and read as another. */
static void two_names_are_told(void **state)
{
	struct arena *a = arena_create();
	struct program *p = two_copies(a);
	const char *why;

	(void)state;
	p->steps.v[1].args[1] = 1;
	why = program_verify(a, p, target_named("sm_90"));
	assert_non_null(why);
	assert_non_null(strstr(why, "knows w by two names"));
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_early),
		cmocka_unit_test(early_faults_are_told),
		cmocka_unit_test(others_write_too),
		cmocka_unit_test(two_names_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
