/* SPDX-License-Identifier: MIT */
/* Running plans on a driver that does nothing: which variant serves, what is told
 * the driver, and what callers get wrong. The kernels' own results are
 * tests/plan.t's. */
#include "tests/unit/plan_subject.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_shape_takes_its_own_kernel(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = subject_plan(s);
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 4, 8);
	assert_int_equal(wpk_plan_needs(wpk_plan_operator(p, 0), t.v, 2,
		&needs, &e), WPK_OK);
	assert_int_equal(needs.workspace, 512);
	assert_string_equal(needs.by, "special");
	assert_int_equal(needs.general, 0);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	assert_int_equal(s->driver->filled, 0x40000100);
	assert_int_equal(s->driver->fill_bytes, 64);
	assert_string_equal(s->driver->function, "special");
	assert_int_equal(s->driver->launch.grid[0], 7);
	assert_int_equal(s->driver->launch.block[0], 128);
	assert_ptr_equal(s->driver->launch.stream, (void *)0x77);
	assert_int_equal(s->driver->launch.n_attributes, 0);
	assert_int_equal(s->driver->args[0], 0x20000000);
	assert_int_equal(s->driver->args[1], 0x10000);
	assert_int_equal(s->driver->args[2], 0x40000100);
	assert_int_equal(s->driver->args[3], 11);
	wpk_plan_destroy(p);
}

static void other_shapes_take_the_general_one(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	char *text = plan_of("cluster", "2", NULL);
	struct wpk_plan *p = subject_read(s, text, &e);
	struct pair t;

	pair_make(&t, 9, 100);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "general");
	assert_int_equal(s->driver->launch.grid[0], 3);
	assert_int_equal(s->driver->launch.grid[1], 4);
	assert_int_equal(s->driver->launch.n_attributes, 1);
	assert_int_equal(s->driver->args[2], 9);
	assert_int_equal(s->driver->args[3], 8);
	pair_make(&t, 9, 101);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_E_NO_KERNEL);
	assert_string_equal(e.text, "product: the plan has nothing for these "
		"sizes for sm_90");
	wpk_plan_destroy(p);
}

/* What a caller can get wrong; each is changed from what runs. */
static void tensors_are_checked(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = subject_plan(s);
	const struct wpk_operator *op = wpk_plan_find(p, "product");
	struct wpk_error e;
	struct pair t;
	const DLTensor *none[2] = { NULL, NULL };

#define REFUSED(want, change) do { \
		pair_make(&t, 4, 8); \
		change; \
		assert_int_equal(pair_run(p, &t, &pair_memory, &e), want); \
		assert_int_equal(e.status, want); \
		assert_true(*e.text); \
		assert_int_equal(s->driver->launches, 0); \
	} while (0)
	REFUSED(WPK_E_NULL, t.a.data = NULL);
	REFUSED(WPK_E_NULL, t.a.shape = NULL);
	REFUSED(WPK_E_NULL, t.v[1] = NULL);
	REFUSED(WPK_E_SHAPE, t.a.ndim = 3);
	REFUSED(WPK_E_SHAPE, t.a.ndim = -1);
	REFUSED(WPK_E_SHAPE, t.shapes[1][0] = 5);
	REFUSED(WPK_E_SHAPE, t.shapes[0][0] = -4);
	REFUSED(WPK_E_LAYOUT, t.strides[0][0] = 9);
	REFUSED(WPK_E_LAYOUT, t.strides[0][1] = 2);
	REFUSED(WPK_E_DTYPE, t.a.dtype.bits = 16);
	REFUSED(WPK_E_DTYPE, t.y.dtype.code = kDLInt);
	REFUSED(WPK_E_DTYPE, t.y.dtype.lanes = 4);
	REFUSED(WPK_E_DEVICE, t.a.device.device_type = kDLCPU);
	REFUSED(WPK_E_DEVICE, t.a.device.device_id = 1);
	REFUSED(WPK_E_ALIGNMENT, t.a.byte_offset = 4);
	REFUSED(WPK_E_ALIGNMENT, t.a.data = (void *)0x10008);
	REFUSED(WPK_E_OVERLAP, t.y.data = (void *)0x10000);
	REFUSED(WPK_E_OVERLAP, t.y.data = (void *)(0x10000 + 112));
	REFUSED(WPK_E_OVERLAP, t.y.data = (void *)(0x10000 - 16);
		t.y.byte_offset = 16);
#undef REFUSED
	pair_make(&t, 4, 8);
	t.y.data = (void *)(0x10000 + 128);
	t.a.strides = NULL;
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	assert_int_equal(wpk_plan_run(op, t.v, 1, &pair_memory, NULL, &e),
		WPK_E_COUNT);
	assert_int_equal(wpk_plan_run(op, NULL, 2, &pair_memory, NULL, &e),
		WPK_E_NULL);
	assert_int_equal(wpk_plan_run(op, none, 2, &pair_memory, NULL, &e),
		WPK_E_NULL);
	assert_int_equal(wpk_plan_run(NULL, t.v, 2, &pair_memory, NULL, NULL),
		WPK_E_NULL);
	wpk_plan_destroy(p);
}

static void a_stride_of_one_element_does_not_matter(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = subject_plan(s);
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 1, 8);
	t.strides[0][0] = 12345;
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	wpk_plan_destroy(p);
}

static void workspace_is_checked(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = subject_plan(s);
	struct wpk_memory m = pair_memory;
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 4, 8);
	m.workspace_bytes = 511;
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_WORKSPACE);
	assert_string_equal(e.text, "product needs 512 bytes of workspace, not "
		"511");
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_E_WORKSPACE);
	m.workspace_bytes = 512;
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_OK);
	m.workspace = (void *)0x40000080;
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_ALIGNMENT);
	wpk_plan_destroy(p);
}

static void failures_of_the_driver_are_told(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = subject_plan(s);
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 4, 8);
	setenv("WPK_NULL_FAIL", "cuLaunchKernelEx", 1);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_E_CUDA);
	assert_int_equal(e.cuda, 1);
	assert_string_equal(e.text, "special: CUDA_ERROR_INVALID_VALUE");
	wpk_plan_destroy(p);
}

static void operators_describe_themselves(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = subject_plan(s);
	const struct wpk_operator *op = wpk_plan_find(p, "product");
	struct wpk_tensor t = { .size = sizeof t };
	struct wpk_error e;

	assert_int_equal(wpk_plan_operators(p), 1);
	assert_null(wpk_plan_find(p, "sum"));
	assert_null(wpk_plan_operator(p, 1));
	assert_int_equal(wpk_operator_tensors(op), 2);
	assert_int_equal(wpk_operator_tensor(op, 0, &t, &e), WPK_OK);
	assert_string_equal(t.name, "a");
	assert_string_equal(t.shape, "[M, K]");
	assert_int_equal(t.output, 0);
	assert_int_equal(t.ndim, 2);
	assert_int_equal(t.dims[0], -1);
	assert_int_equal(wpk_operator_tensor(op, 2, &t, &e), WPK_E_ARGUMENT);
	wpk_plan_destroy(p);
}

/* ---- threads ---- */

enum { THREADS = 4, SIZES = 40, TURNS = 50 };

struct asking {
	const struct wpk_plan *plan;
	int first;
	pthread_t thread;
	bool wrong;
};

/* More shapes than a plan remembers, each with a workspace of its own. */
static void *ask(void *p)
{
	struct asking *a = p;
	const struct wpk_operator *op = wpk_plan_find(a->plan, "product");

	for (int i = 0; i < SIZES * TURNS; i++) {
		int64_t m = 5 + (a->first + i) % SIZES;
		struct wpk_needs needs = { .size = sizeof needs };
		struct pair t;

		pair_make(&t, m, 8);
		if (wpk_plan_needs(op, t.v, 2, &needs, NULL) ||
		    needs.workspace != (size_t)m * 4 || !needs.general)
			a->wrong = true;
	}
	return NULL;
}

static void threads_share_a_plan(void **state)
{
	struct wpk_plan *p = subject_plan(*state);
	struct asking a[THREADS];

	for (int i = 0; i < THREADS; i++) {
		a[i] = (struct asking){ .plan = p, .first = i * 10 };
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask,
			&a[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(a[i].thread, NULL);
		assert_false(a[i].wrong);
	}
	wpk_plan_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_shape_takes_its_own_kernel),
		CASE(other_shapes_take_the_general_one),
		CASE(tensors_are_checked),
		CASE(a_stride_of_one_element_does_not_matter),
		CASE(workspace_is_checked),
		CASE(failures_of_the_driver_are_told),
		CASE(operators_describe_themselves),
		CASE(threads_share_a_plan)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
