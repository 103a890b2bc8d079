/* SPDX-License-Identifier: MIT */
/* Products by cuBLASLt, which is a stub here: every kind of operand against a plain
 * loop, what is listed, pinned and refused, and that all is given back. */
#include "library_stub.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/types.h"

enum { M = 5, N = 7, K = 6, MOST_BATCH = 3 };

/* A matrix of a case: "columns" as it lies, "flag": said by "transposed". */
struct matrix {
	enum type type;
	bool columns, flag;
	int pad;
	int64_t rows, cols, ld, stride;
};

struct product {
	const char *compute, *epilogue;
	struct matrix a, b, c, d;
	bool addend, same;	/* "same": b is one for the whole batch */
	int batch;
	enum type bias;
};

static void lay(struct matrix *x, int rows, int cols)
{
	x->rows = rows;
	x->cols = cols;
	x->ld = (x->columns ? rows : cols) + x->pad;
	x->stride = x->ld * (x->columns ? cols : rows) + x->pad;
}

static int64_t at(const struct matrix *x, int z, int i, int j)
{
	return z * x->stride + (x->columns ? i + j * x->ld : i * x->ld + j);
}

static void say_matrix(char *to, const char *name, int tensor,
	const struct matrix *x)
{
	sprintf(to, "'%s': {'place': {'tensor': %d}, 'type': '%s', 'order': '%s',"
		" 'ld': %d, 'stride': %d, 'transposed': %s, 'align': 16}", name,
		tensor, type_facts[x->type].name, x->columns != x->flag ?
		"col" : "row", (int)x->ld, (int)x->stride, x->flag ? "true" :
		"false");
}

static json_t *step_for(struct product *p)
{
	char a[200], b[200], c[200] = "'c': null", d[200], bias[200] = "null";

	lay(&p->a, M, K);
	lay(&p->b, K, N);
	lay(&p->c, M, N);
	lay(&p->d, M, N);
	p->b.stride = p->same ? 0 : p->b.stride;
	say_matrix(a, "a", 0, &p->a);
	say_matrix(b, "b", 1, &p->b);
	if (p->addend)
		say_matrix(c, "c", 2, &p->c);
	say_matrix(d, "d", 3, &p->d);
	if (strstr(p->epilogue, "bias"))
		sprintf(bias, "{'place': {'prepared': 64}, 'type': '%s', "
			"'along': '%s'}", type_facts[p->bias].name,
			p->d.columns ? "m" : "n");
	return step_of("{'library': 'cublaslt', 'call': {'gemm': {'m': %d, "
		"'n': %d, 'k': %d, 'batch': %d, 'compute': '%s', %s, %s, %s, %s, "
		"'epilogue': '%s', 'bias': %s}}}", M, N, K, p->batch,
		p->compute, a, b, c, d, p->epilogue, bias);
}

/* Small whole numbers for whole types. */
static void fill(enum type t, void *p, size_t bytes, unsigned seed)
{
	bool whole = t == I8 || t == I32;

	for (size_t i = 0; i < bytes / type_facts[t].bytes; i++) {
		seed = seed * 1103515245 + 12345;
		put(t, p, i, whole ? (int)(seed >> 16 & 7) - 3 :
			(seed >> 16 & 255) / 128.0 - 1);
	}
}

static double expected(const struct product *p, const struct memory *m, int z,
	int i, int j)
{
	const void *bias = m->address[p->addend ? 4 : 3];
	double v = 0;

	for (int k = 0; k < K; k++)
		v += get(p->a.type, m->address[0], at(&p->a, z, i, k)) *
			get(p->b.type, m->address[1], at(&p->b, z, k, j));
	if (p->addend)
		v += get(p->c.type, m->address[2], at(&p->c, z, i, j));
	if (strstr(p->epilogue, "bias"))
		v += get(p->bias, bias, p->d.columns ? i : j);
	if (strstr(p->epilogue, "relu"))
		v = fmax(v, 0);
	return strstr(p->epilogue, "gelu") ? gelu_tanh(v) : v;
}

static void compare(const struct product *p, const struct memory *m)
{
	void *d = m->address[p->addend ? 3 : 2];

	for (int z = 0; z < p->batch; z++)
		for (int i = 0; i < M; i++)
			for (int j = 0; j < N; j++) {
				double v = expected(p, m, z, i, j);
				double got = get(p->d.type, d, at(&p->d, z, i,
					j));
				double off = type_facts[p->d.type].step *
					(1 + fabs(v));

				if (!(fabs(got - v) <= off))
					fail_msg("D[%d, %d, %d] is %g, not %g",
						z, i, j, got, v);
			}
}

static void fill_all(const struct product *p, const struct memory *m)
{
	int d = p->addend ? 3 : 2;

	fill(p->a.type, m->address[0], m->bytes[0], 1);
	fill(p->b.type, m->address[1], m->bytes[1], 2);
	if (p->addend)
		fill(p->c.type, m->address[2], m->bytes[2], 3);
	if (strstr(p->epilogue, "bias"))
		fill(p->bias, m->address[d + 1], m->bytes[d + 1], 4);
}

/* Each of the first algorithms there are. */
static void try_product(struct stub *s, struct product p)
{
	struct library_call *l = call_of(s, step_for(&p));
	struct memory m = take_memory(l, 64);
	struct wpk_error e = { 0 };
	int d = p.addend ? 3 : 2, n = 0;
	size_t workspace;
	const char *text;

	assert_int_equal(library_call_count(l, 8, &n, &e), WPK_OK);
	assert_true(n >= 4);
	fill_all(&p, &m);
	for (int i = 0; i < n; i++) {
		assert_int_equal(library_call_choose(l, i, &workspace, &text,
			&e), WPK_OK);
		assert_non_null(strstr(text, "algorithm "));
		memset(m.address[d], 0xff, m.bytes[d]);
		run_call(l, &m);
		compare(&p, &m);
	}
	free_memory(&m);
	library_call_destroy(l);
}

static char *here(const char *name)
{
	static char path[400];

	return (char *)stub_path(name, path);
}

static struct stub *usual(void)
{
	return stub_create(here("libcublaslt.so"), "");
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

static struct product plain(void)
{
	return (struct product){ .compute = "f32", .epilogue = "none",
		.batch = 1, .a = { .type = F32 }, .b = { .type = F32 },
		.c = { .type = F32 }, .d = { .type = F32 } };
}

static void test_places(void **state)
{
	struct product p = plain();
	struct stub *s = usual();
	struct library_call *l;
	const struct place *q;
	int n;

	(void)state;
	p.epilogue = "bias";
	p.bias = F32;
	l = call_of(s, step_for(&p));
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
	struct product p = plain();
	struct stub *s = usual();
	struct library_call *l, *other;
	json_t *all = json_array(), *one;
	struct wpk_error e = { 0 };
	int n, few;

	(void)state;
	s->context.library_workspace = 2000;
	l = call_of(s, step_for(&p));
	other = call_of(s, step_for(&p));
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

static enum wpk_status refuse(struct library_call *l, int n, const char *why)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	enum wpk_status status = library_call_choose(l, n, &workspace, &text,
		&e);

	assert_int_not_equal(status, WPK_OK);
	assert_int_equal(e.status, status);
	if (!strstr(e.text, why))
		fail_msg("'%s' is not '%s'", e.text, why);
	return status;
}

/* A library whose heuristic promised less workspace than it takes. */
static void test_lies(void **state)
{
	struct product p = plain();
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	size_t workspace;
	int n;

	(void)state;
	s->context.library_workspace = 2000;
	l = call_of(s, step_for(&p));
	assert_int_equal(library_call_count(l, 6, &n, &e), WPK_OK);
	setenv("STUB_LT_MORE", "1001", 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 1001);
	setenv("STUB_LT_MORE", "2001", 1);
	assert_int_equal(refuse(l, 0, "wants 2001 bytes of workspace, and 2000"),
		WPK_E_LIBRARY);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_E_LIBRARY);
	assert_non_null(strstr(e.text, "2001"));
	unsetenv("STUB_LT_MORE");
	refuse(l, 1000, "has no algorithm 1000");
	assert_int_equal(refuse(l, -1, "no algorithm -1"), WPK_E_ARGUMENT);
	library_call_destroy(l);
	stub_destroy(s);
}

static struct library_call *with(struct stub *s, struct product *p,
	const char *key, json_t *v)
{
	json_t *step = step_for(p);

	json_object_set_new(step, key, v);
	return call_of(s, step);
}

static void test_pinned(void **state)
{
	struct product p = plain();
	struct stub *s = usual();
	struct library_call *l = call_of(s, step_for(&p)), *again;
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
	struct product p = plain();
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
	struct product p = plain();
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
	{ "{'library': 'cublaslt'}", "step: call is missing" },
	{ "{'library': 'cublaslt', 'call': 3}", "call is no object" },
	{ "{'library': 'cublaslt', 'call': {}}", "call: gemm is missing" },
	{ "{'library': 'cublaslt', 'call': {}, 'algorithm': -1}",
		"algorithm is -1, and not from 0" },
	{ "{'library': 'cublaslt', 'call': {}, 'pinned': []}",
		"pinned is no object" },
	{ GEMM("'m': 0"), "call.gemm: m is 0, and not from 1" },
	{ GEMM("'m': 'M'"), "m is no whole number" },
	{ GEMM("'m': 1.5"), "m is no whole number" },
	{ GEMM("'m': 1"), "n is missing" },
	{ GEMM("'m': 1, 'n': 4294967296"), "n is 4294967296" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1, 'batch': 0"), "batch is 0" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1"), "compute is missing" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1, 'compute': 'f8'"),
		"compute 'f8' is not known" },
	{ GEMM("'m': 1, 'n': 1, 'k': 1, 'compute': 1"), "compute ''" },
	{ WITH("'epilogue': 'sin'"), "epilogue 'sin' is not known" },
	{ WITH("'epilogue': 'bias'"), "bias is missing" },
	{ WITH("'bias': " MATRIX), "the epilogue has none" },
	{ WITH("'epilogue': 'bias', 'bias': {'place': {'tensor': 1}, 'type': "
		"'f32', 'along': 'm'}"), "adds none along m to a D in rows" },
	{ WITH("'epilogue': 'bias', 'bias': {'place': {'tensor': 1}, 'type': "
		"'f32', 'along': 'k'}"), "along 'k' is not known" },
	{ WITH("'fast': 1"), "fast is neither true nor false" },
	{ WITH("'c': {'place': {'tensor': 0}, 'type': 'f32', 'ld': 8, 'order': "
		"'col'}"), "c and d are of different orders" },
	{ ABOUT("null"), "a is missing" },
	{ ABOUT("{}"), "call.gemm.a: type '' is no type" },
	{ ABOUT("{'type': 'i4'}"), "type 'i4' is no type" },
	{ ABOUT("{'type': 'f32', 'order': 'up'}"), "order 'up'" },
	{ ABOUT("{'type': 'f32', 'ld': 7}"), "ld is 7, and less than 8" },
	{ ABOUT("{'type': 'f32', 'ld': 4000000000000000000}"),
		"is larger than memory" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'align': 24}"), "no power of two" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'stride': -1}"), "stride is -1" },
	{ ABOUT("{'type': 'f32', 'ld': 8}"), "place is missing" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'place': 0}"), "place is no object" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'place': {}}"),
		"no tensor, workspace or prepared" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'place': {'tensor': -1}}"),
		"tensor is -1" },
	{ ABOUT("{'type': 'f32', 'ld': 8, 'transposed': 'no', 'place': "
		"{'tensor': 1}}"), "transposed is neither" },
	{ GEMM(SIZES "'batch': 2, 'a': " MATRIX ", 'b': " MATRIX ", 'd': "
		"{'type': 'f32', 'ld': 8, 'stride': 63, 'place': {'tensor': 1}}"
		), "stride is 63, and one matrix covers 64" },
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
	struct product p = plain();
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	size_t workspace;
	int n = 5;

	(void)state;
	p.a.type = F16;
	l = call_of(s, step_for(&p));
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
	struct product p = plain();
	json_t *step = step_for(&p);
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
 * emulator has none but what the context names. */
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
		0);
	assert_string_equal(why, "cuBLASLt does not run on the emulator");
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

/* Everything that can be done with a call. */
static enum wpk_status live(struct stub *s, struct product *p,
	struct wpk_error *e)
{
	json_t *step = step_for(p);
	struct library_call *l = NULL;
	enum wpk_status status = library_call_create(&s->context, step, &l, e);
	size_t workspace;
	int n;

	json_decref(step);
	if (!status)
		status = library_call_count(l, 1000, &n, e);
	if (!status)
		status = library_call_ready(l, &workspace, e);
	if (!status) {
		struct memory m = take_memory(l, 64);
		void *room = workspace ? aligned_alloc(256,
			(workspace + 255) / 256 * 256) : NULL;

		status = library_call_run(l, m.address, room, NULL, e);
		free(room);
		free_memory(&m);
	}
	library_call_destroy(l);
	return status;
}

/* Each call fails once at each of its first places: it is said, nothing leaks. */
static void test_failures(void **state)
{
	struct product p = plain();
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
			if (live(s, &p, &e) != (n == 1 ? WPK_E_MEMORY :
			    WPK_E_LIBRARY))
				fail_msg("%s: %s", cue, e.text);
			assert_int_equal(e.cuda, n == 1 ? 3 : 14);
			assert_non_null(strstr(e.text, "cuBLASLt"));
		}
	unsetenv("STUB_FAIL");
	assert_int_equal(live(s, &p, &e), WPK_OK);
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
	fill_all(&r->p, &m);
	fill(F32, m.address[3], m.bytes[3], 5 + (unsigned)(uintptr_t)r % 97);
	for (int i = 0; i < 200; i++) {
		memset(m.address[2], 0xff, m.bytes[2]);
		if (library_call_run(r->call, m.address, NULL, NULL, &e))
			r->wrong = true;
		for (int j = 0; j < M * N; j++)
			if (fabs(get(F32, m.address[2], j) - expected(&r->p, &m,
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
	struct product p = plain();
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
	l = call_of(s, step_for(&p));
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
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_epilogues),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_float8),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_pinned_badly),
		cmocka_unit_test(test_by_place),
		cmocka_unit_test(test_bad_calls),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
