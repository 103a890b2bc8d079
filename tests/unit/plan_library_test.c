/* SPDX-License-Identifier: MIT */
/* Plans whose steps are calls of cuBLASLt, which is a stub that computes: a plan
 * with no kernel at all, and machines without the library. */
#include "library_stub.h"
#include "tests/unit/plan_subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 4 };

#define SQUARE "{'dims': [4, 4], 'elements': 16, 'layout': [{'dim': 0, 'div': 1,"\
	" 'mod': 0, 'extent': 4, 'stride': 4}, {'dim': 1, 'div': 1, 'mod': 0, "\
	"'extent': 4, 'stride': 1}]}"
#define MATRIX(name, role) "{'name': '" name "', 'role': '" role "', 'dtype': "\
	"'f32', 'shape': '[4, 4]', 'align': 16, 'constant': false}"
#define OPERAND(place, ld) "{'place': {" place "}, 'type': 'f32', 'order': 'row',"\
	" 'ld': " ld ", 'align': 16}"
#define CALL(a, b, d) "{'library': 'cublaslt', 'call': {'gemm': {'m': 4, 'n': 4, "\
	"'k': 4, 'compute': 'f32', 'a': " a ", 'b': " b ", 'd': " d "}}}"

/* Products of 4 by 4, by steps that a case gives. */
static char *library_plan(const char *workspace, const char *steps)
{
	char *out = calloc(1, 8000);

	snprintf(out, 8000, "{'schema': 2, 'operators': [{'name': 'f', 'symbol':"
		" 'f', 'sizes': [], 'arguments': [], 'tensors': ["
		MATRIX("a", "in") ", " MATRIX("b", "in") ", " MATRIX("y", "out")
		"], 'variants': [{'target': 'sm_80', 'general': false, 'sizes': "
		"{}, 'lets': [], 'conditions': [], 'tensors': [" SQUARE ", "
		SQUARE ", " SQUARE "], 'workspace': %s, 'prepared': 0, "
		"'prepare': [], 'steps': [%s]}]}]}", workspace, steps);
	for (char *p = out; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	return out;
}

/* With the stub of that name, or a file that there is not. */
static void with_library(struct subject *s, const char *name)
{
	char path[400];

	wpk_context_destroy(s->c);
	s->cublaslt = name ? stub_path(name, path) : "/none";
	subject_context(s);
	s->cublaslt = "";
}

static const char once[] = CALL(OPERAND("'tensor': 0", "4"),
	OPERAND("'tensor': 1", "4"), OPERAND("'tensor': 2", "4"));
static const char twice[] = CALL(OPERAND("'tensor': 0", "4"),
	OPERAND("'tensor': 1", "4"), OPERAND("'workspace': 0", "4")) ", "
	CALL(OPERAND("'workspace': 0", "4"), OPERAND("'tensor': 1", "4"),
	OPERAND("'tensor': 2", "4"));

static void tensor_of(DLTensor *t, int64_t shape[2], void *data)
{
	shape[0] = shape[1] = N;
	*t = (DLTensor){ .data = data, .device = { kDLCUDA, 0 }, .ndim = 2,
		.dtype = { kDLFloat, 32, 1 }, .shape = shape };
}

/* (a * b) * b, in two calls that share the scratch behind the workspace. */
static void calls_follow_one_another(void **state)
{
	static _Alignas(256) float v[3][N][N], between[4 << 20];
	struct subject *s = *state;
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_memory m = { between, sizeof between, NULL, 0 };
	int64_t shape[3][2];
	DLTensor t[3];
	const DLTensor *all[] = { &t[0], &t[1], &t[2] };
	struct wpk_error e;
	struct wpk_plan *p;

	for (int i = 0; i < 3; i++)
		tensor_of(&t[i], shape[i], v[i]);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++) {
			v[0][i][k] = (float)(i * N + k);
			v[1][i][k] = (float)((i == k) * 3);
		}
	with_library(s, "libcublaslt.so");
	setenv("STUB_LT_MORE", "4096", 1);
	p = subject_read(s, library_plan("0", once), &e);
	assert_int_equal(wpk_plan_needs(wpk_plan_operator(p, 0), all, 3, &needs,
		&e), WPK_OK);
	assert_string_equal(needs.by, "cublaslt");
	assert_int_equal(needs.workspace, 4096);
	wpk_plan_destroy(p);
	p = subject_read(s, library_plan("64", twice), &e);
	assert_string_equal(e.text, "");
	assert_int_equal(wpk_plan_needs(wpk_plan_operator(p, 0), all, 3, &needs,
		&e), WPK_OK);
	assert_int_equal(needs.workspace, 256 + 4096);
	unsetenv("STUB_LT_MORE");
	m.workspace_bytes = needs.workspace;
	assert_int_equal(wpk_plan_run(wpk_plan_operator(p, 0), all, 3, &m, NULL,
		&e), WPK_OK);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			assert_true(v[2][i][k] == (float)(9 * (i * N + k)));
	wpk_plan_destroy(p);
}

/* It is said once, however many calls there are. */
static void without_the_library_nothing_serves(void **state)
{
	struct subject *s = *state;
	int64_t shape[2] = { N, N };
	const DLTensor t = { .ndim = 2, .shape = shape };
	const DLTensor *all[] = { &t, &t, &t };
	struct wpk_error e;
	struct wpk_plan *p;

	with_library(s, NULL);
	p = subject_read(s, library_plan("64", twice), &e);
	assert_int_equal(s->warnings, 1);
	assert_string_equal(s->warned, "f: cuBLASLt is not on this machine "
		"(/none)");
	assert_int_equal(wpk_plan_run(wpk_plan_operator(p, 0), all, 3, NULL,
		NULL, &e), WPK_E_NO_KERNEL);
	wpk_plan_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(calls_follow_one_another),
		CASE(without_the_library_nothing_serves)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
