/* SPDX-License-Identifier: MIT */
/* Library calls of every class, on a stub of cuBLASLt: nonsense in plans, libraries
 * that are missing, old, broken or fail, several threads, and that all is given
 * back. */
#include "product_cases.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *here(const char *name)
{
	static char path[400];

	return (char *)stub_path(name, path);
}

static struct stub *usual(void)
{
	return stub_create(here("libcublaslt.so"), "");
}

/* ---- bad calls ---- */

#define MATRIX "{'place': {'tensor': 0}, 'type': 'f32', 'ld': 8}"
#define GEMM(start) "{'library': 'cublaslt', 'call': {'gemm': {" start "}}}"
#define SIZES "'m': 8, 'n': 8, 'k': 8, 'compute': 'f32', "
#define ABOUT(a) GEMM(SIZES "'a': " a ", 'b': " MATRIX ", 'd': " MATRIX)
#define WITH(more) GEMM(SIZES "'a': " MATRIX ", 'b': " MATRIX ", 'd': " MATRIX \
	", " more)

static const struct {
	const char *step, *says;
} bad_calls[] = {
	{ "{}", "step.library: '' is neither cublaslt nor cudnn" },
	{ "{'library': 'mkl'}", "'mkl' is neither" },
	{ "{'library': 7}", "'' is neither" },
	{ "{'library': 'cublaslt'}", "step: \"call\" is missing" },
	{ "{'library': 'cublaslt', 'call': 3}", "\"call\" is no object" },
	{ "{'library': 'cublaslt', 'call': {}}", "call: \"gemm\" is missing" },
	{ "{'library': 'cublaslt', 'call': {}, 'algorithm': -1}",
		"\"algorithm\" is -1, not 0 to " },
	{ "{'library': 'cublaslt', 'call': {}, 'pinned': []}",
		"\"pinned\" is no object" },
	{ GEMM("'m': 0"), "call.gemm: \"m\" is 0, not 1 to " },
	{ GEMM("'m': 'M'"), "\"m\" is no integer" },
	{ GEMM("'m': 1.5"), "\"m\" is no integer" },
	{ GEMM("'m': 1"), "\"n\" is missing" },
	{ GEMM("'m': 1, 'n': 4294967296"), "\"n\" is 4294967296" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1, 'batch': 0"), "\"batch\" is 0" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1"), "\"compute\" is missing" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1, 'compute': 'f8'"),
		"\"compute\" knows no 'f8'" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1, 'compute': 1"), "\"compute\" is no text" },
	{ WITH("'epilogue': 'sin'"), "\"epilogue\" knows no 'sin'" },
	{ WITH("'epilogue': 'bias'"), "\"bias\" is missing" },
	{ WITH("'bias': " MATRIX), "the epilogue has none" },
	{ WITH("'epilogue': 'bias', 'bias': {'place': {'tensor': 1}, 'type': "
		"'f32', 'along': 'm'}"), "adds none along m to a D in rows" },
	{ WITH("'epilogue': 'bias', 'bias': {'place': {'tensor': 1}, 'type': "
		"'f32', 'along': 'k'}"), "\"along\" knows no 'k'" },
	{ WITH("'fast': 1"), "\"fast\" is neither true nor false" },
	{ WITH("'c': {'place': {'tensor': 0}, 'type': 'f32', 'ld': 8, 'order': "
		"'col'}"), "c and d are of different orders" },
	{ ABOUT("null"), "\"a\" is missing" },
	{ ABOUT("{}"), "call.gemm.a: \"type\" is '', which is no" },
	{ ABOUT("{'type': 'i4'}"), "\"type\" is 'i4', which is no" },
	{ ABOUT("{'type': 'f32', 'order': 'up'}"), "\"order\" knows no 'up'" },
	{ ABOUT("{'type': 'f32', 'ld': 7}"), "\"ld\" is 7, and less than 8" },
	{ ABOUT("{'type': 'f32', 'ld': 4000000000000000000}"),
		"is larger than memory" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'align': 24}"), "no power of two" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'stride': -1}"), "\"stride\" is -1" },
	{ ABOUT("{'type': 'f32', 'ld': 8}"), "\"place\" is missing" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'place': 0}"), "\"place\" is no object" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'place': {}}"),
		"no tensor, workspace or prepared" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'place': {'tensor': -1}}"),
		"\"tensor\" is -1" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'transposed': 'no', 'place': "
		"{'tensor': 1}}"), "\"transposed\" is neither" },
	{ GEMM(SIZES "'batch': 2, 'a': " MATRIX ", 'b': " MATRIX ", 'd': "
		"{'type': 'f32', 'ld': 8, 'stride': 63, 'place': {'tensor': 1}}"
		), "\"stride\" is 63, and one matrix covers 64" },
	{ GEMM(SIZES "'a': " MATRIX ", 'b': " MATRIX ", 'd': {'type': 'f32', "
		"'ld': 8, 'place': {'prepared': 1}}"), "is not written" },
};

static void test_bad_calls(void **state)
{
	struct stub *s = usual();
	struct wpk_error e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad_calls / sizeof *bad_calls; i++) {
		struct library_call *l = (struct library_call *)s;
		json_t *step = step_of("%s", bad_calls[i].step);

		assert_int_equal(library_call_create(&s->context, step, &l, &e),
			WPK_E_PLAN);
		assert_int_equal(e.status, WPK_E_PLAN);
		assert_null(l);
		if (!strstr(e.text, bad_calls[i].says))
			fail_msg("%s: '%s' is not '%s'", bad_calls[i].step,
				e.text, bad_calls[i].says);
		assert_int_equal(library_call_create(&s->context, step, &l,
			NULL), WPK_E_PLAN);
		json_decref(step);
	}
	assert_int_equal(s->reset ? *s->alive : 1, 0);
	stub_destroy(s);
}

/* Types that do not go together are the library's to refuse. */
static void test_unsupported(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	size_t workspace;
	int n = 5;

	(void)state;
	p.a.type = F16;
	l = call_of(s, product_step(&p));
	assert_int_equal(library_call_count(l, 10, &n, &e), WPK_OK);
	assert_int_equal(n, 0);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_E_LIBRARY);
	assert_non_null(strstr(e.text, "has no algorithm 0"));
	assert_int_equal(library_call_run(l, NULL, NULL, NULL, &e),
		WPK_E_ARGUMENT);
	library_call_destroy(l);
	stub_destroy(s);
}

/* ---- bad libraries ---- */

static void expect_unfit(const char *file, const char *says)
{
	struct stub *s = stub_create(file, "");
	struct product p = product_plain();
	json_t *step = product_step(&p);
	struct library_call *l;
	struct wpk_error e = { 0 };
	const char *why = NULL;

	assert_int_equal(library_version(&s->context, LIBRARY_CUBLASLT, &why),
		0);
	assert_non_null(why);
	if (!strstr(why, says))
		fail_msg("'%s' is not '%s'", why, says);
	assert_int_equal(library_call_create(&s->context, step, &l, &e),
		WPK_E_LIBRARY);
	assert_string_equal(e.text, why);
	assert_null(l);
	json_decref(step);
	stub_destroy(s);
}

static void test_unfit(void **state)
{
	(void)state;
	expect_unfit("", "the context is to do without cuBLASLt");
	expect_unfit("/nowhere/libcublasLt.so", "cuBLASLt is not on this machine "
		"(/nowhere/libcublasLt.so)");
	expect_unfit(here("libcublaslt-lacks.so"), "it has no "
		"cublasLtMatmulAlgoCheck");
	setenv("STUB_LT_VERSION", "110103", 1);
	expect_unfit(here("libcublaslt.so"), "is of version 110103, and 120000 "
		"is the oldest");
	unsetenv("STUB_LT_VERSION");
	setenv("STUB_FAIL", "cublasLtCreate:1:1", 1);
	expect_unfit(here("libcublaslt.so"), "does not start: "
		"CUBLAS_STATUS_NOT_INITIALIZED");
	unsetenv("STUB_FAIL");
}

/* The environment names another file, the context is preferred to it, and the
 * emulator has none but such as run there. */
static void test_named(void **state)
{
	struct stub *s = stub_create(NULL, "");
	const char *why;

	(void)state;
	setenv("WPK_LIBCUBLASLT", here("libcublaslt.so"), 1);
	assert_int_equal(library_version(&s->context, LIBRARY_CUBLASLT, &why),
		130100);
	assert_null(why);
	stub_destroy(s);
	s = stub_create(NULL, "");
	s->context.emulated = true;
	assert_int_equal(library_version(&s->context, LIBRARY_CUBLASLT, &why),
		130100);
	stub_destroy(s);
	setenv("WPK_LIBCUBLASLT", "", 1);
	s = stub_create(NULL, "");
	s->context.emulated = true;
	assert_int_equal(library_version(&s->context, LIBRARY_CUBLASLT, &why),
		0);
	assert_string_equal(why, "cuBLASLt does not run on the emulator");
	stub_destroy(s);
	setenv("WPK_LIBCUBLASLT", "libm.so.6", 1);
	s = stub_create(NULL, "");
	s->context.emulated = true;
	assert_int_equal(library_version(&s->context, LIBRARY_CUBLASLT, &why),
		0);
	assert_string_equal(why, "cuBLASLt (libm.so.6) does not run on the "
		"emulator: it has no wpk_emu_library");
	stub_destroy(s);
	setenv("WPK_LIBCUBLASLT", "/nowhere", 1);
	s = usual();
	s->context.emulated = true;
	assert_int_equal(library_version(&s->context, LIBRARY_CUBLASLT, NULL),
		130100);
	stub_destroy(s);
	unsetenv("WPK_LIBCUBLASLT");
}

/* ---- failures of the library's ---- */

static const char *const calls_made[] = { "cublasLtMatrixLayoutCreate",
	"cublasLtMatrixLayoutSetAttribute", "cublasLtMatmulDescInit_internal",
	"cublasLtMatmulDescSetAttribute", "cublasLtMatmulPreferenceCreate",
	"cublasLtMatmulPreferenceSetAttribute",
	"cublasLtMatmulAlgoGetHeuristic", "cublasLtMatmulAlgoGetIds",
	"cublasLtMatmul" };

/* Each call fails once at each of its first places: it is said, nothing leaks. */
static void test_failures(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct wpk_error e;
	char cue[100];

	(void)state;
	p.epilogue = "gelu_bias";
	p.batch = 2;
	p.bias = F32;
	for (size_t i = 0; i < sizeof calls_made / sizeof *calls_made; i++)
		for (int n = 1; n <= 2; n++) {
			sprintf(cue, "%s:%d:%d", calls_made[i], i < 6 && i != 4
				&& i != 2 ? n : 1, n == 1 ? 3 : 14);
			setenv("STUB_FAIL", cue, 1);
			s->reset();
			e = (struct wpk_error){ 0 };
			if (call_lives(s, product_step(&p), 64, &e) != (n == 1 ?
			    WPK_E_MEMORY : WPK_E_LIBRARY))
				fail_msg("%s: %s", cue, e.text);
			assert_int_equal(e.cuda, n == 1 ? 3 : 14);
			assert_non_null(strstr(e.text, "cuBLASLt"));
		}
	unsetenv("STUB_FAIL");
	assert_int_equal(call_lives(s, product_step(&p), 64, &e), WPK_OK);
	stub_destroy(s);
}

/* ---- threads ---- */

struct runner {
	struct stub *stub;
	const struct library_call *call;
	struct product p;
	pthread_t thread;
	bool wrong;
};

/* Each with tensors and a bias of its own. */
static void *many_runs(void *data)
{
	struct runner *r = data;
	struct memory m = take_memory(r->call, 64);
	struct wpk_error e;

	if (library_version(&r->stub->context, LIBRARY_CUBLASLT, NULL) != 130100)
		r->wrong = true;
	product_fill(&r->p, &m);
	fill_numbers(F32, m.address[3], m.bytes[3], 5 + (unsigned)(uintptr_t)r % 97);
	for (int i = 0; i < 200; i++) {
		memset(m.address[2], 0xff, m.bytes[2]);
		if (library_call_run(r->call, m.address, NULL, NULL, &e))
			r->wrong = true;
		for (int j = 0; j < M * N; j++)
			if (fabs(get(F32, m.address[2], j) - product_value(&r->p, &m,
			    0, j / N, j % N)) > 1e-4)
				r->wrong = true;
	}
	free_memory(&m);
	return NULL;
}

static void *open_one(void *data)
{
	library_version(&((struct stub *)data)->context, LIBRARY_CUBLASLT, NULL);
	return NULL;
}

static void test_threads(void **state)
{
	struct stub *s = usual();
	struct runner r[4] = { { 0 } };
	struct product p = product_plain();
	struct wpk_error e = { 0 };
	struct library_call *l;
	size_t workspace;
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, open_one, s);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(*s->alive, 1);
	p.epilogue = "relu_bias";
	p.bias = F32;
	l = call_of(s, product_step(&p));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 0);
	for (int i = 0; i < 4; i++) {
		r[i] = (struct runner){ .stub = s, .call = l, .p = p };
		pthread_create(&r[i].thread, NULL, many_runs, &r[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		assert_false(r[i].wrong);
	}
	assert_int_equal(*s->runs, 800);
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_calls),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
