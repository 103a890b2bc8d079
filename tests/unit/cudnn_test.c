/* SPDX-License-Identifier: MIT */
/* Graphs by cuDNN, which is a stub here: convolutions of every kind, products and
 * pointwise nodes against plain loops. */
#include "graph_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stub *usual(void)
{
	char path[400];

	return stub_create(NULL, stub_path("libcudnn.so", path));
}

/* With each of its algorithms; how many there were. */
static int try_conv(struct stub *s, struct conv c)
{
	struct graph g = conv_graph(&c);
	struct library_call *l = call_of(s, graph_step(&g));
	struct memory m = take_memory(l, 16);
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	int n = 0, out = c.fused ? 3 : 2;

	assert_int_equal(m.n, c.fused ? 4 : 3);
	tensor_fill(&g.t[0], m.address[0], 1);
	tensor_fill(&g.t[1], m.address[1], 2);
	if (c.fused)
		tensor_fill(&g.t[3], m.address[2], 3);
	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	for (int i = 0; i < n; i++) {
		if (library_call_choose(l, i, &workspace, &text, &e))
			fail_msg("%s", e.text);
		memset(m.address[out], 0xff, m.bytes[out]);
		run_call(l, &m);
		conv_compare(&c, &g, &m);
	}
	free_memory(&m);
	library_call_destroy(l);
	return n;
}

/* Axes, padding before and after, strides, dilations, groups, both directions and
 * layouts, alone and fused. */
static void test_convolutions(void **state)
{
	struct stub *s = usual();

	(void)state;
	for (int i = 0; i < 96; i++) {
		struct conv c = conv_plain(1 + i % 3);

		for (int k = 0; k < 3; k++) {
			c.pad[k] = i / 3 % 2 ? 1 + k % 2 : 0;
			c.end[k] = i % 9 == 3 ? c.pad[k] : i / 3 % 2 ? k : 0;
			c.stride[k] = 1 + i / 6 % 2 + (k == 1);
			c.dilation[k] = c.filter[k] > 1 && i % 5 == 0 ? 2 : 1;
		}
		c.groups = i % 4 == 3 ? 2 : 1;
		c.last = i / 12 % 2;
		c.transposed = i / 24 % 2;
		c.fused = i / 48 % 2;
		try_conv(s, c);
	}
	stub_destroy(s);
}

static void test_types(void **state)
{
	static const enum type types[] = { F16, BF16, F32, F64, I8, E4M3 };
	struct stub *s = usual();

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct conv c = conv_plain(2);

		c.type = types[i];
		try_conv(s, c);
	}
	stub_destroy(s);
}

/* Depthwise, and one group for each input. */
static void test_depthwise(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);

	(void)state;
	c.groups = c.c = 3;
	try_conv(s, c);
	c.transposed = true;
	try_conv(s, c);
	stub_destroy(s);
}

/* ---- products ---- */

static struct tensor cube(enum type t, int place, int64_t a, int64_t b,
	int64_t c)
{
	return (struct tensor){ t, 3, place, false, { a, b, c }, { 0 } };
}

/* A[b, 4, 5] B[5, 6] times a constant, through gelu. */
static void test_matmul(void **state)
{
	struct stub *s = usual();
	struct graph g = { .n = 0 };
	struct library_call *l;
	struct memory m;
	struct wpk_error e = { 0 };
	size_t workspace;
	int n;

	(void)state;
	graph_tensor(&g, cube(BF16, 0, 3, 4, 5));
	graph_tensor(&g, cube(BF16, 1, 1, 5, 6));
	graph_tensor(&g, cube(F32, -1, 3, 4, 6));
	graph_tensor(&g, cube(F32, -1, 3, 4, 6));
	graph_tensor(&g, cube(F32, 2, 3, 4, 6));
	strcat(g.tensors, ", {'type': 'f32', 'dims': [1, 1, 1], 'strides': "
		"[1, 1, 1], 'value': 0.5}");
	graph_node(&g, "'op': 'matmul', 'a': 0, 'b': 1, 'c': 2");
	graph_node(&g, "'op': 'pointwise', 'mode': 'mul', 'x': 2, 'b': 5, 'y': 3");
	graph_node(&g, "'op': 'pointwise', 'mode': 'gelu', 'x': 3, 'y': 4");
	l = call_of(s, graph_step(&g));
	m = take_memory(l, 16);
	tensor_fill(&g.t[0], m.address[0], 1);
	tensor_fill(&g.t[1], m.address[1], 2);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	run_call(l, &m);
	for (int64_t i = 0; i < 3 * 4 * 6; i++) {
		double v = 0, got = get(F32, m.address[2], i);

		for (int64_t k = 0; k < 5; k++)
			v += get(BF16, m.address[0], i / 6 * 5 + k) *
				get(BF16, m.address[1], k * 6 + i % 6);
		v = v / 4 * (1 + erf(v / 2 / sqrt(2)));
		if (fabs(got - v) > 1e-5)
			fail_msg("element %d is %g, not %g", (int)i, got, v);
	}
	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	assert_int_equal(n, 12);	/* with the engine for products */
	free_memory(&m);
	library_call_destroy(l);
	stub_destroy(s);
}

/* ---- pointwise nodes ---- */

static double swish2(double x) { return x / (1 + exp(-2 * x)); }
static double clipped(double x) { return x < 0 ? 0.25 * x : fmin(x, 0.5); }
static double elu2(double x) { return x > 0 ? x : 2 * (exp(x) - 1); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double relu(double x) { return x > 0 ? x : 0; }
static double gelu(double x) { return x / 2 * (1 + erf(x / sqrt(2))); }
static double neg(double x) { return -x; }
static double identity(double x) { return x; }
static double reciprocal(double x) { return 1 / x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double softplus(double x) { return log(1 + exp(2 * x)) / 2; }
static double add(double x, double b) { return x + b; }
static double sub(double x, double b) { return x - b; }
static double mul(double x, double b) { return x * b; }
static double divide(double x, double b) { return x / b; }
static double add_square(double x, double b) { return x + b * b; }

static const struct {
	const char *mode, *more;
	double (*one)(double);
	double (*two)(double, double);
} modes[] = {
	{ "abs", "", fabs, NULL }, { "ceil", "", ceil, NULL },
	{ "cos", "", cos, NULL }, { "erf", "", erf, NULL },
	{ "exp", "", exp, NULL }, { "floor", "", floor, NULL },
	{ "log", "", log, NULL }, { "neg", "", neg, NULL },
	{ "sin", "", sin, NULL }, { "sqrt", "", sqrt, NULL },
	{ "tan", "", tan, NULL }, { "tanh", "", tanh, NULL },
	{ "identity", "", identity, NULL },
	{ "reciprocal", "", reciprocal, NULL }, { "rsqrt", "", rsqrt, NULL },
	{ "sigmoid", "", sigmoid, NULL }, { "relu", "", relu, NULL },
	{ "relu", ", 'lower': 0, 'upper': 0.5, 'slope': 0.25", clipped, NULL },
	{ "elu", ", 'alpha': 2", elu2, NULL },
	{ "swish", ", 'beta': 2", swish2, NULL },
	{ "softplus", ", 'beta': 2", softplus, NULL },
	{ "gelu", "", gelu, NULL }, { "gelu_tanh", "", gelu_tanh, NULL },
	{ "add", "", NULL, add }, { "sub", "", NULL, sub },
	{ "mul", "", NULL, mul }, { "div", "", NULL, divide },
	{ "min", "", NULL, fmin }, { "max", "", NULL, fmax },
	{ "pow", "", NULL, pow }, { "add_square", "", NULL, add_square },
};

static void try_mode(struct stub *s, int mode)
{
	struct graph g = { .n = 0 };
	struct library_call *l;
	struct memory m;
	struct wpk_error e = { 0 };
	size_t workspace;

	graph_tensor(&g, cube(F32, 0, 2, 3, 4));
	graph_tensor(&g, cube(F32, 1, 2, 3, 4));
	if (modes[mode].two)
		graph_tensor(&g, cube(F32, 2, 1, 3, 1));
	graph_node(&g, "'op': 'pointwise', 'mode': '%s', 'x': 0, 'y': 1%s%s",
		modes[mode].mode, modes[mode].two ? ", 'b': 2" : "",
		modes[mode].more);
	l = call_of(s, graph_step(&g));
	m = take_memory(l, 16);
	tensor_fill(&g.t[0], m.address[0], mode);
	if (modes[mode].two)
		tensor_fill(&g.t[2], m.address[2], mode + 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	run_call(l, &m);
	for (int i = 0; i < 24; i++) {
		double x = get(F32, m.address[0], i), got = get(F32,
			m.address[1], i);
		double v = modes[mode].one ? modes[mode].one(x) :
			modes[mode].two(x, get(F32, m.address[2], i / 4 % 3));

		if (!isnan(v) && !isinf(v) && !(fabs(got - v) <= 1e-5 *
		    (1 + fabs(v))))
			fail_msg("%s of %g is %g, not %g", modes[mode].mode, x,
				got, v);
	}
	free_memory(&m);
	library_call_destroy(l);
}

static void test_pointwise(void **state)
{
	struct stub *s = usual();

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		try_mode(s, (int)i);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_depthwise),
		cmocka_unit_test(test_matmul),
		cmocka_unit_test(test_pointwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
