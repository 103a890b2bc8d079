/* SPDX-License-Identifier: MIT */
/* Running plans on a driver that does nothing: which variant serves, what is told
 * the driver, and what callers get wrong. The kernels' own results are
 * tests/plan.t's. */
#include "tests/unit/plan_subject.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
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
	REFUSED(WPK_E_OVERLAP, t.y.data = pair_memory.workspace);
	REFUSED(WPK_E_OVERLAP, t.a.data = (void *)(0x40000000 + 496));
	REFUSED(WPK_E_ARGUMENT, t.a.byte_offset = (uint64_t)-16);
	REFUSED(WPK_E_ARGUMENT, t.a.data = (void *)(UINTPTR_MAX - 63));
#undef REFUSED
	pair_make(&t, 4, 8);
	t.y.data = (void *)(0x10000 + 128);
	t.a.strides = NULL;
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	t.a.data = (void *)(0x40000000 + 512);
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

/* Each row is a variant of [M, K] and [M]: what stands before the dims, the dims
 * themselves, and steps. */
static const char variant_form[] =
	", {'target': 'sm_80', %s, 'tensors': [%s, {'dims': ['M'], 'elements':"
	" 'M', 'layout': [{'dim': 0, 'div': 1, 'mod': 0, 'extent': 'M',"
	" 'stride': 1}]}], 'workspace': %s, 'prepared': 0, 'prepare': [],"
	" 'steps': [%s]}";
static const char usual_dims[] = "{'dims': ['M', 'K'], 'elements': 'M * K',"
	" 'layout': [{'dim': 0, 'div': 1, 'mod': 0, 'extent': 'M', 'stride':"
	" 'K'}, {'dim': 1, 'div': 1, 'mod': 0, 'extent': 'K', 'stride': 1}]}";
static const char small_dims[] = "{'dims': ['M', 'K'], 'elements': 1,"
	" 'layout': [{'dim': 0, 'div': 1, 'mod': 0, 'extent': 'M', 'stride':"
	" 'K'}, {'dim': 1, 'div': 1, 'mod': 0, 'extent': 'K', 'stride': 1}]}";
static const char cut_dims[] = "{'dims': [4, 2, 8], 'elements': 32, 'layout': ["
	"{'dim': 0, 'div': 1, 'mod': 0, 'extent': 4, 'stride': 8}, {'dim': 2, "
	"'div': 1, 'mod': 0, 'extent': 8, 'stride': 1}]}";

static struct wpk_plan *with_variant(struct subject *s, const char *head,
	const char *dims, const char *workspace, const char *steps)
{
	char variant[4000];
	struct wpk_error e;
	struct wpk_plan *p;

	snprintf(variant, sizeof variant, variant_form, head, dims, workspace,
		steps);
	p = subject_read(s, plan_of("variant", variant, NULL), &e);
	if (!p)
		fail_msg("%s", e.text);
	return p;
}

#define LAUNCH(name, grid, args) "{'kernel': '" name "', 'grid': [" grid \
	", 1, 1], 'threads': 32, 'cluster': [1, 1, 1], 'shared': 0, 'args': [" \
	args "]}"

/* What was made for one shape may have names, too. */
static void a_shape_has_its_own_lets(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = with_variant(s, "'general': false, 'sizes': {'M':"
		" 6, 'K': 8}, 'lets': [{'name': 'Q', 'value': 'M * 7'}], "
		"'conditions': ['Q == 42']", usual_dims, "0",
		LAUNCH("own", "'Q'", "{'i32': 'Q + K'}"));
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 6, 8);
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_OK);
	assert_string_equal(s->driver->function, "own");
	assert_int_equal(s->driver->launch.grid[0], 42);
	assert_int_equal(s->driver->args[0], 50);
	wpk_plan_destroy(p);
}

/* Where no memory is needed, none is given: its places are empty. */
static void empty_places_need_no_memory(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = with_variant(s, "'general': true, 'sizes': {}, "
		"'lets': [], 'conditions': ['M == 0']", usual_dims, "'M * 4'",
		"{'clear': 0, 'bytes': 'M * 4'}, " LAUNCH("sum", "1",
		"{'workspace': 0}, {'prepared': 0}"));
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 0, 8);
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_OK);
	assert_string_equal(s->driver->function, "sum");
	assert_int_equal(s->driver->args[0], 0);
	wpk_plan_destroy(p);
}

/* An empty tensor lies nowhere, and a huge one of no elements is no harm. */
static void empty_tensors_overlap_nothing(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = with_variant(s, "'general': true, 'sizes': {}, "
		"'lets': [], 'conditions': ['K == 0']", usual_dims, "0",
		LAUNCH("fill", "1", "{'tensor': 1}"));
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 64, 0);
	t.a.data = (char *)t.y.data + 16;
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_OK);
	t.a.data = NULL;
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_OK);
	wpk_plan_destroy(p);
}

static void numbers_out_of_range_are_refused(void **state)
{
	const int64_t huge = INT64_C(1) << 40;
	struct subject *s = *state;
	struct wpk_plan *p = with_variant(s, "'general': true, 'sizes': {}, "
		"'lets': [], 'conditions': ['K % 4 == 1']", small_dims, "0",
		LAUNCH("cut", "1", "{'i32': 'K'}"));
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 1, 9);
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_OK);
	assert_int_equal(s->driver->args[0], 9);
	pair_make(&t, huge, huge + 1);
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_E_PLAN);
	assert_string_equal(e.text, "product: cut has an offset or extent that "
		"is out of range");
	t.a.strides = NULL;
	assert_int_equal(pair_run(p, &t, NULL, &e), WPK_E_PLAN);
	wpk_plan_destroy(p);
}

/* Of a layout that cuts dimensions or leaves one out, what lies in memory. Here
 * the first variant has more dimensions than the others. */
static void tensors_are_told_as_they_lie(void **state)
{
	struct wpk_plan *p = with_variant(*state, "'tuned': 'h200', 'general': "
		"false, 'sizes': {'M': 4, 'K': 8}, 'lets': [], 'conditions': []",
		cut_dims, "0", "");
	struct wpk_tensor t = { .size = sizeof t };
	struct wpk_error e;

	assert_int_equal(wpk_operator_tensor(wpk_plan_operator(p, 0), 0, &t,
		&e), WPK_OK);
	assert_int_equal(t.ndim, 2);
	assert_int_equal(t.dims[0], -1);
	assert_int_equal(t.dims[1], -1);
	assert_int_equal(t.strides[0], -1);
	assert_int_equal(t.strides[1], 1);
	wpk_plan_destroy(p);
}

static char *prepared_plan(const char *constant)
{
	static const char form[] = ", {'target': 'sm_80', 'general': false, "
		"'sizes': {'M': 6, 'K': 8}, 'lets': [], 'conditions': [], "
		"'tensors': [%s, {'dims': [6], 'elements': 6, 'layout': [{'dim':"
		" 0, 'div': 1, 'mod': 0, 'extent': 6, 'stride': 1}]}], "
		"'workspace': 256, 'prepared': 512, 'prepare': [" LAUNCH("pack",
		"1", "{'tensor': 0}, {'prepared': 256}") "], 'steps': [" LAUNCH(
		"use", "1", "{'prepared': 256}, {'tensor': 1}") "]}";
	char variant[4000];

	snprintf(variant, sizeof variant, form, usual_dims);
	return plan_of("variant", variant, "constant", constant, NULL);
}

/* To prepare wants the data of constants alone, and writes apart from them. */
static void constants_are_prepared(void **state)
{
	struct subject *s = *state;
	char *const prepared = (char *)0x50000000;
	struct wpk_memory m = { pair_memory.workspace, 256, prepared, 512 };
	struct wpk_error e;
	struct wpk_plan *p = subject_read(s, prepared_plan("true"), &e);
	const struct wpk_operator *op = wpk_plan_find(p, "product");
	struct pair t;

	pair_make(&t, 6, 8);
	t.y.data = NULL;
	assert_int_equal(wpk_plan_prepare(op, t.v, 2, &m, NULL, &e), WPK_OK);
	assert_string_equal(s->driver->function, "pack");
	assert_int_equal(s->driver->args[0], 0x10000);
	assert_int_equal(s->driver->args[1], 0x50000100);
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_NULL);
	t.a.data = prepared + 496;
	assert_int_equal(wpk_plan_prepare(op, t.v, 2, &m, NULL, &e),
		WPK_E_OVERLAP);
	assert_string_equal(e.text, "what is prepared overlaps a");
	t.a.data = NULL;
	assert_int_equal(wpk_plan_prepare(op, t.v, 2, &m, NULL, &e),
		WPK_E_NULL);
	pair_make(&t, 6, 8);
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_OK);
	assert_string_equal(s->driver->function, "use");
	t.y.data = prepared + 496;
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_OVERLAP);
	pair_make(&t, 6, 8);
	m.prepared = (char *)m.workspace - 256;
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_OVERLAP);
	assert_string_equal(e.text, "workspace overlaps prepared operands");
	m.prepared_bytes = 511;
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_PREPARED);
	wpk_plan_destroy(p);
	assert_null(subject_read(s, prepared_plan("false"), &e));
	assert_int_equal(e.status, WPK_E_PLAN);
	assert_non_null(strstr(e.text, "a is no constant, and is prepared"));
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

/* A thread's own context is left alone, and plans are loaded into theirs. */
static void threads_keep_their_context(void **state)
{
	struct subject *s = *state;
	int (*set)(void *), (*get)(void **);
	void *other = s, *now = NULL;
	struct wpk_error e;
	struct wpk_plan *p;
	struct pair t;

	*(void **)&set = dlsym(s->library, "cuCtxSetCurrent");
	*(void **)&get = dlsym(s->library, "cuCtxGetCurrent");
	get(&now);
	assert_ptr_equal(now, s->driver);
	set(other);
	wpk_context_destroy(s->c);
	subject_context(s);
	get(&now);
	assert_ptr_equal(now, other);
	p = subject_plan(s);
	get(&now);
	assert_ptr_equal(now, other);
	pair_make(&t, 9, 8);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_E_CUDA);
	assert_int_equal(e.cuda, 201);
	assert_string_equal(e.text, "general: CUDA_ERROR_INVALID_CONTEXT: device"
		" 0's primary context is not current in this thread, which "
		"wpk_context_use() makes it");
	assert_int_equal(wpk_context_use(s->c, &e), WPK_OK);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	set(other);
	wpk_plan_destroy(p);
	assert_int_equal(s->driver->modules, 0);
	get(&now);
	assert_ptr_equal(now, other);
	set(NULL);
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

/* ---- kernels that are compiled in ---- */

static int compiled_runs;

static size_t compiled_workspace(const long long *sizes)
{
	return (size_t)sizes[0] * 2;
}

static int compiled_run(const long long *sizes, void *const *tensors,
	const struct wpk_memory *m, wpk_stream stream)
{
	assert_int_equal(sizes[0], 6);
	assert_int_equal(sizes[1], 8);
	assert_ptr_equal(tensors[0], (void *)0x10000);
	assert_ptr_equal(tensors[1], (void *)0x20000000);
	assert_ptr_equal(m->workspace, pair_memory.workspace);
	assert_ptr_equal(stream, (void *)0x77);
	return compiled_runs++ ? 700 : 0;
}

/* The launcher may be by hand: of a step that only it knows, with a workspace
 * that only it tells. */
static void launchers_serve_in_place_of_steps(void **state)
{
	static const struct wpk_compiled table[] = {
		{ "product", compiled_workspace, NULL, NULL, compiled_run },
		{ NULL, NULL, NULL, NULL, NULL }
	};
	struct subject *s = *state;
	struct wpk_needs needs = { .size = sizeof needs };
	char variant[4000], *text;
	struct wpk_error e;
	struct wpk_plan *p;
	struct pair t;

	snprintf(variant, sizeof variant, variant_form, "'general': false, "
		"'sizes': {'M': 6, 'K': 8}, 'lets': [], 'conditions': []",
		usual_dims, "'product_workspace()'", "{'file': 'mine.cu'}");
	text = plan_of("variant", variant, "modules", "", NULL);
	if (wpk_plan_read(s->c, text, strlen(text), NULL, table, &p, &e))
		fail_msg("%s", e.text);
	pair_make(&t, 6, 8);
	assert_int_equal(wpk_plan_needs(wpk_plan_operator(p, 0), t.v, 2,
		&needs, &e), WPK_OK);
	assert_int_equal(needs.workspace, 12);
	assert_string_equal(needs.by, "product");
	compiled_runs = 0;
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_E_CUDA);
	assert_int_equal(e.cuda, 700);
	assert_int_equal(s->driver->launches, 0);
	wpk_plan_destroy(p);
	wpk_context_destroy(s->c);
	setenv("WPK_NULL_CC", "75", 1);
	subject_context(s);
	assert_int_equal(wpk_plan_read(s->c, text, strlen(text), NULL, table,
		&p, &e), WPK_OK);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_E_NO_KERNEL);
	wpk_plan_destroy(p);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_shape_takes_its_own_kernel),
		CASE(other_shapes_take_the_general_one),
		CASE(tensors_are_checked),
		CASE(a_stride_of_one_element_does_not_matter),
		CASE(a_shape_has_its_own_lets),
		CASE(empty_places_need_no_memory),
		CASE(empty_tensors_overlap_nothing),
		CASE(numbers_out_of_range_are_refused),
		CASE(tensors_are_told_as_they_lie),
		CASE(constants_are_prepared),
		CASE(workspace_is_checked),
		CASE(failures_of_the_driver_are_told),
		CASE(threads_keep_their_context),
		CASE(operators_describe_themselves),
		CASE(launchers_serve_in_place_of_steps)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
