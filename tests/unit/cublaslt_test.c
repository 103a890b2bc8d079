/* SPDX-License-Identifier: MIT */
/* Products by cuBLASLt, which is a stub here: every kind of operand against a plain
 * loop, and algorithms as they are listed, pinned and refused. */
#include "product_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Each of the first algorithms there are. */
static void try_product(struct stub *s, struct product p)
{
	struct library_call *l = call_of(s, product_step(&p));
	struct memory m = take_memory(l, 64);
	struct wpk_error e = { 0 };
	int d = p.addend ? 3 : 2, n = 0;
	size_t workspace;
	const char *text;

	assert_int_equal(library_call_count(l, 8, &n, &e), WPK_OK);
	assert_true(n >= 4);
	product_fill(&p, &m);
	for (int i = 0; i < n; i++) {
		assert_int_equal(library_call_choose(l, i, &workspace, &text,
			&e), WPK_OK);
		assert_non_null(strstr(text, "algorithm "));
		memset(m.address[d], 0xff, m.bytes[d]);
		run_call(l, &m);
		product_compare(&p, &m);
	}
	free_memory(&m);
	library_call_destroy(l);
}

static struct stub *usual(void)
{
	char path[400];

	return stub_create(stub_path("libcublaslt.so", path), "");
}

/* ---- operands ---- */

/* Every side of every operand, told by order and by "transposed". */
static void test_layouts(void **state)
{
	struct stub *s = usual();

	(void)state;
	for (int i = 0; i < 64; i++)
		try_product(s, (struct product){ .compute = "f32",
			.epilogue = "none", .batch = 1,
			.a = { F32, i & 1, i >> 3 & 1, i & 1, 0, 0, 0, 0 },
			.b = { F32, i >> 1 & 1, i >> 4 & 1, 2, 0, 0, 0, 0 },
			.c = { .type = F32, .columns = i >> 2 & 1, .pad = 3 },
			.d = { F32, i >> 2 & 1, i >> 5 & 1, 1, 0, 0, 0, 0 },
			.addend = i & 1 });
	stub_destroy(s);
}

static void test_epilogues(void **state)
{
	static const char *const words[] = { "none", "bias", "relu",
		"relu_bias", "gelu", "gelu_bias" };
	struct stub *s = usual();

	(void)state;
	for (int i = 0; i < 24; i++)
		try_product(s, (struct product){ .compute = "f32",
			.epilogue = words[i / 4], .batch = i & 1 ? 3 : 1,
			.a = { .type = F16 }, .b = { .type = F16 },
			.c = { .type = F16, .columns = i & 2 },
			.d = { .type = F16, .columns = i & 2 }, .bias = F16,
			.addend = i & 1 });
	stub_destroy(s);
}

static void test_types(void **state)
{
	static const struct {
		const char *compute;
		enum type a, d;
	} rows[] = { { "f32", F16, F16 }, { "f32", F16, F32 },
		{ "f32", BF16, BF16 }, { "f32", BF16, F32 },
		{ "f32", F32, F32 }, { "tf32", F32, F32 }, { "f64", F64, F64 },
		{ "i32", I8, I32 }, { "i32", I8, I8 } };
	struct stub *s = usual();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int batch = 1; batch <= MOST_BATCH; batch++)
			try_product(s, (struct product){
				.compute = rows[i].compute,
				.epilogue = "none", .batch = batch,
				.a = { .type = rows[i].a },
				.b = { .type = rows[i].a, .columns = true },
				.c = { .type = rows[i].d },
				.d = { .type = rows[i].d, .pad = 1 },
				.addend = batch == 2, .same = batch == 3 });
	stub_destroy(s);
}

/* 8-bit floats want the sides that are summed over side by side. */
static void test_float8(void **state)
{
	struct product p = { .compute = "f32", .epilogue = "none", .batch = 1,
		.a = { .type = E4M3 }, .b = { .type = E5M2, .columns = true },
		.c = { .type = BF16 }, .d = { .type = BF16 }, .addend = true };
	struct stub *s = usual();

	(void)state;
	try_product(s, p);
	p.b.type = E4M3;
	p.d.type = F32;
	p.c.type = F32;
	try_product(s, p);
	stub_destroy(s);
}

/* Alignment that is promised makes more algorithms fit; the share of the device
 * and fast addition are passed on. */
static void test_passed_on(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct library_call *l;
		struct memory m;
		int n;

		p.align = i ? 32 : 16;
		p.fast = i;
		s->context.share = i ? 25 : 100;
		l = call_of(s, product_step(&p));
		m = take_memory(l, 64);
		assert_int_equal(library_call_count(l, 6, &n, &e), WPK_OK);
		product_fill(&p, &m);
		for (int k = 0; k < n; k++) {
			size_t before = strlen("algorithm ");
			const char *text;

			assert_int_equal(library_call_choose(l, k, &workspace,
				&text, &e), WPK_OK);
			if (k == 2)
				assert_int_equal(text[before], i ? '3' : '1');
			run_call(l, &m);
			product_compare(&p, &m);
		}
		assert_int_equal(*s->fast, i);
		assert_int_equal(*s->sms, i ? 25 : 0);
		free_memory(&m);
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* A bias for each of a batch. */
static void test_biases(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();

	(void)state;
	p.epilogue = "relu_bias";
	p.bias = F32;
	p.batch = 3;
	p.apart = N + 1;
	try_product(s, p);
	stub_destroy(s);
}

static void test_places(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct library_call *l;
	const struct place *q;
	int n;

	(void)state;
	p.epilogue = "bias";
	p.bias = F32;
	l = call_of(s, product_step(&p));
	q = library_call_places(l, &n);
	assert_int_equal(n, 4);
	for (int i = 0; i < n; i++) {
		assert_int_equal(q[i].kind, i < 3 ? PLACE_TENSOR :
			PLACE_PREPARED);
		assert_int_equal(q[i].align, 16);
		assert_int_equal(q[i].written, i == 2);
	}
	assert_int_equal(q[2].value, 3);
	assert_int_equal(q[0].bytes, M * K * 4);
	assert_int_equal(q[3].bytes, N * 4);
	assert_int_equal(q[3].value, 64);
	library_call_destroy(l);
	stub_destroy(s);
}

/* ---- algorithms ---- */

static json_t *chosen(struct library_call *l, int i)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;

	if (library_call_choose(l, i, &workspace, &text, &e))
		fail_msg("%s", e.text);
	assert_true(workspace <= 2000);
	return library_call_pinned(l);
}

/* No algorithm is there twice, none takes too much, and a long list begins with
 * a short one. */
static void test_list(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct library_call *l, *other;
	json_t *all = json_array(), *one;
	struct wpk_error e = { 0 };
	int n, few;

	(void)state;
	s->context.library_workspace = 2000;
	l = call_of(s, product_step(&p));
	other = call_of(s, product_step(&p));
	assert_int_equal(library_call_count(other, 3, &few, &e), WPK_OK);
	assert_int_equal(few, 3);
	assert_int_equal(library_call_count(l, 100000, &n, &e), WPK_OK);
	assert_true(n > 40 && n < 2000);
	for (int i = 0; i < n; i++)
		json_array_append_new(all, chosen(l, i));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			assert_false(json_equal(json_array_get(all, i),
				json_array_get(all, j)));
	for (int i = 0; i < few; i++) {
		one = chosen(other, i);
		assert_true(json_equal(one, json_array_get(all, i)));
		json_decref(one);
	}
	assert_int_equal(library_call_count(other, n + 9, &few, &e), WPK_OK);
	assert_int_equal(few, n);
	json_decref(all);
	library_call_destroy(l);
	library_call_destroy(other);
	stub_destroy(s);
}

/* A library whose heuristic promised less workspace than it takes. */
static void test_lies(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	size_t workspace;
	int n;

	(void)state;
	s->context.library_workspace = 2000;
	l = call_of(s, product_step(&p));
	assert_int_equal(library_call_count(l, 6, &n, &e), WPK_OK);
	setenv("STUB_LT_MORE", "1001", 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 1001);
	setenv("STUB_LT_MORE", "2001", 1);
	assert_int_equal(call_refuses(l, 0, "wants 2001 bytes of workspace, and 2000"),
		WPK_E_LIBRARY);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_E_LIBRARY);
	assert_non_null(strstr(e.text, "2001"));
	unsetenv("STUB_LT_MORE");
	call_refuses(l, 1000, "has no algorithm 1000");
	assert_int_equal(call_refuses(l, -1, "no algorithm -1"), WPK_E_ARGUMENT);
	library_call_destroy(l);
	stub_destroy(s);
}

static struct library_call *with(struct stub *s, struct product *p,
	const char *key, json_t *v)
{
	json_t *step = product_step(p);

	json_object_set_new(step, key, v);
	return call_of(s, step);
}

static void test_pinned(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct library_call *l = call_of(s, product_step(&p)), *again;
	struct wpk_error e = { 0 };
	json_t *pinned, *other;
	size_t workspace;

	(void)state;
	assert_null(library_call_pinned(l));
	assert_string_equal(library_call_text(l), "");
	pinned = chosen(l, 2);
	s->reset();
	again = with(s, &p, "pinned", json_deep_copy(pinned));
	setenv("STUB_FAIL", "cublasLtMatmulAlgoGetHeuristic:0:14", 1);
	assert_int_equal(library_call_ready(again, &workspace, &e), WPK_OK);
	unsetenv("STUB_FAIL");
	other = library_call_pinned(again);
	assert_true(json_equal(pinned, other));
	assert_string_equal(library_call_text(l), library_call_text(again));
	assert_int_equal(s->warnings, 0);
	library_call_destroy(again);
	json_decref(other);

	for (int i = 1; i <= 2; i++) {
		json_object_set_new(pinned, "version", json_integer(120000));
		again = with(s, &p, "pinned", json_deep_copy(pinned));
		assert_int_equal(library_call_ready(again, &workspace, &e),
			WPK_OK);
		assert_int_equal(s->warnings, 1);
		assert_non_null(strstr(s->text, "tuned with cuBLASLt 120000"));
		library_call_destroy(again);
	}
	json_decref(pinned);
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_pinned_badly(void **state)
{
	static const char *const bad[] = { "'xyz'", "17", "null",
		"'00000000000000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000000000000000000000000000000000"
		"000g'",
		"'00000000000000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000000000000000000000000000000000"
		"0000'" };
	struct product p = product_plain();
	struct stub *s = usual();
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct library_call *l = with(s, &p, "pinned", step_of(
			"{'version': 130100, 'algo': %s}", bad[i]));

		assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
		assert_int_equal(s->warnings, i + 1);
		assert_non_null(strstr(s->text, i < 4 ? "pinned.algo" :
			"does not serve"));
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* By place: a spoilt algorithm is passed over, with a warning. */
static void test_by_place(void **state)
{
	struct product p = product_plain();
	struct stub *s = usual();
	struct library_call *l = with(s, &p, "algorithm", json_integer(1));
	struct wpk_error e = { 0 };
	size_t workspace;
	int n;

	(void)state;
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_non_null(strstr(library_call_text(l), "algorithm 2, tile 5"));
	assert_int_equal(s->warnings, 0);
	library_call_destroy(l);

	l = with(s, &p, "algorithm", json_integer(1));
	assert_int_equal(library_call_count(l, 4, &n, &e), WPK_OK);
	setenv("STUB_LT_SPOILT", "2", 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	unsetenv("STUB_LT_SPOILT");
	assert_non_null(strstr(library_call_text(l), "algorithm 1, tile 5"));
	assert_int_equal(s->warnings, 1);
	library_call_destroy(l);

	l = with(s, &p, "algorithm", json_integer(77777));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(s->warnings, 2);
	assert_non_null(strstr(s->text, "no algorithm 77777"));
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_epilogues),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_float8),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_biases),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_pinned_badly),
		cmocka_unit_test(test_by_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
