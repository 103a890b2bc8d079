/* SPDX-License-Identifier: MIT */
/* Plans whose steps are calls of cuBLASLt, which is a stub that computes: a plan
 * with no kernel at all, on the emulator in its streams and graphs, and machines
 * without the library. */
#include "library_stub.h"
#include "tests/unit/plan_subject.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/lib/driver.h"

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

/* ---- on the emulator ---- */

/* a, b and y lie one behind the other. */
struct emulated {
	void *driver;
	struct cuda_calls cuda;
	struct wpk_context *c;
	struct wpk_plan *p;
	wpk_cu stream;
	float (*v)[N][N];
	int64_t shape[3][2];
	DLTensor t[3];
};

static void emulate(struct emulated *m)
{
	const char *build = getenv("top_builddir");
	char path[400], library[400], why[300], *text;
	struct wpk_options o = { .size = sizeof o, .driver = path,
		.cublaslt = stub_path("libcublaslt.so", library), .cudnn = "" };
	wpk_cu_pointer at;
	struct wpk_error e;

	snprintf(path, sizeof path, "%s/libwpkemu.so", build ? build : ".");
	m->driver = cuda_open(&m->cuda, path, why);
	assert_non_null(m->driver);
	assert_int_equal(wpk_context_create(&m->c, &o, &e), WPK_OK);
	text = library_plan("0", once);
	assert_int_equal(wpk_plan_read(m->c, text, strlen(text), NULL, NULL,
		&m->p, &e), WPK_OK);
	free(text);
	assert_int_equal(m->cuda.stream(&m->stream, 1), 0);
	assert_int_equal(m->cuda.allocate(&at, 3 * sizeof *m->v), 0);
	m->v = (float (*)[N][N])(uintptr_t)at;
	for (int i = 0; i < 3; i++)
		tensor_of(&m->t[i], m->shape[i], m->v[i]);
}

static void emulate_no_more(struct emulated *m)
{
	wpk_plan_destroy(m->p);
	assert_int_equal(m->cuda.release((uintptr_t)m->v), 0);
	wpk_context_destroy(m->c);
	dlclose(m->driver);
}

/* a is 0, 1, 2, ..., b so many times the identity: y is a times that. */
static void give(struct emulated *m, float times)
{
	for (int i = 0; i < N * N; i++) {
		m->v[0][i / N][i % N] = (float)i;
		m->v[1][i / N][i % N] = i / N == i % N ? times : 0;
		m->v[2][i / N][i % N] = -1;
	}
}

static void expect(const struct emulated *m, float times)
{
	for (int i = 0; i < N * N; i++)
		assert_true(m->v[2][i / N][i % N] == times * (float)i);
}

static void queue(const struct emulated *m)
{
	const DLTensor *all[] = { &m->t[0], &m->t[1], &m->t[2] };
	struct wpk_error e;

	assert_int_equal(wpk_plan_run(wpk_plan_operator(m->p, 0), all, 3, NULL,
		m->stream, &e), WPK_OK);
	assert_true(m->v[2][0][0] == -1);
}

/* What the tensors hold when the stream comes to it counts. */
static void calls_have_their_turn(void **state)
{
	struct emulated m;

	(void)state;
	emulate(&m);
	give(&m, 2);
	queue(&m);
	give(&m, 3);
	assert_int_equal(m.cuda.synchronize(m.stream), 0);
	expect(&m, 3);
	emulate_no_more(&m);
}

static void graphs_hold_calls(void **state)
{
	wpk_cu graph = NULL, exec = NULL;
	struct emulated m;

	(void)state;
	emulate(&m);
	give(&m, 2);
	assert_int_equal(m.cuda.begin_capture(m.stream, 0), 0);
	queue(&m);
	assert_int_equal(m.cuda.end_capture(m.stream, &graph), 0);
	assert_int_equal(m.cuda.instantiate(&exec, graph, 0), 0);
	assert_int_equal(m.cuda.drop_graph(graph), 0);
	for (int times = 5; times < 8; times++) {
		give(&m, (float)times);
		assert_int_equal(m.cuda.replay(exec, m.stream), 0);
		assert_true(m.v[2][0][0] == -1);
		assert_int_equal(m.cuda.synchronize(m.stream), 0);
		expect(&m, (float)times);
	}
	assert_int_equal(m.cuda.drop_exec(exec), 0);
	emulate_no_more(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(calls_follow_one_another),
		CASE(without_the_library_nothing_serves),
		cmocka_unit_test(calls_have_their_turn),
		cmocka_unit_test(graphs_hold_calls)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
