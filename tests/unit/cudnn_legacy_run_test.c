/* SPDX-License-Identifier: MIT */
/* What legacy convolutions of cuDNN compute, which is a stub here: each algorithm
 * in every direction against plain loops, and which graphs are any. */
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

/* ---- convolutions ---- */

/* Runs each that "text" begins with; how many there were. */
static int run_each(struct library_call *l, const char *text,
	void (*check)(void *data, const struct memory *m), void *data,
	struct memory *m, int out)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *is;
	int n, found = 0;

	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	for (int i = 0; i < n; i++) {
		if (library_call_choose(l, i, &workspace, &is, &e))
			fail_msg("%s", e.text);
		if (strncmp(is, "legacy", 6))
			continue;
		if (!strstr(is, text))
			fail_msg("'%s' is not '%s'", is, text);
		memset(m->address[out], 0xff, m->bytes[out]);
		run_call(l, m);
		check(data, m);
		found++;
	}
	return found;
}

struct subject {
	struct conv c;
	struct graph g;
};

static void check_conv(void *data, const struct memory *m)
{
	const struct subject *x = data;

	conv_compare(&x->c, &x->g, m);
}

static int try_conv(struct stub *s, struct conv c)
{
	struct subject x = { c, conv_graph(&c) };
	struct library_call *l = call_of(s, graph_step(&x.g));
	struct memory m = take_memory(l, 16);
	int n;

	tensor_fill(&x.g.t[0], m.address[0], 1);
	tensor_fill(&x.g.t[1], m.address[1], 2);
	if (c.fused)
		tensor_fill(&x.g.t[3], m.address[2], 3);
	n = run_each(l, c.transposed ? "backward data" : "forward", check_conv,
		&x, &m, c.fused ? 3 : 2);
	free_memory(&m);
	library_call_destroy(l);
	return n;
}

/* Axes, strides, dilations, groups, both layouts and directions, and types: all
 * are served. Nothing follows a transposed one. */
static void test_convolutions(void **state)
{
	static const enum type types[] = { F16, BF16, F32, F64 };
	struct stub *s = usual();

	(void)state;
	for (int i = 0; i < 96; i++) {
		struct conv c = conv_plain(1 + i % 3);

		for (int k = 0; k < 3; k++) {
			c.pad[k] = c.end[k] = i / 3 % 2 ? 1 + k % 2 : 0;
			c.stride[k] = 1 + i / 6 % 2 + (k == 1);
			c.dilation[k] = c.filter[k] > 1 && i % 5 == 0 ? 2 : 1;
		}
		c.groups = i % 4 == 3 ? 2 : 1;
		c.last = i / 12 % 2;
		c.transposed = i / 24 % 2;
		c.fused = i / 48 % 2;
		c.type = types[i / 2 % 4];
		if (!try_conv(s, c) != (c.fused && c.transposed))
			fail_msg("case %d", i);
	}
	stub_destroy(s);
}

/* As many zeros behind as there are before, or so few that it does not matter. */
static void test_zeros(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);

	(void)state;
	c.pad[0] = 1;
	assert_int_equal(try_conv(s, c), 0);
	c.stride[0] = 3;
	assert_int_equal(try_conv(s, c), 9);
	stub_destroy(s);
}

static void test_depthwise(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);

	(void)state;
	c.groups = c.c = 3;
	assert_true(try_conv(s, c) > 0);
	c.last = true;
	assert_true(try_conv(s, c) > 0);
	c.transposed = true;
	assert_true(try_conv(s, c) > 0);
	stub_destroy(s);
}

/* ---- what follows ---- */

#define TENSORS "{'library': 'cudnn', 'call': {'graph': {'tensors': [" \
	"{'type': 'f32', 'dims': [1, 2, 3, 3], 'strides': [18, 9, 3, 1], " \
	"'place': {'tensor': 0}}, " \
	"{'type': 'f32', 'dims': [2, 2, 1, 1], 'strides': [2, 1, 1, 1], " \
	"'place': {'tensor': 1}}, " \
	"{'type': 'f32', 'dims': [1, 2, 1, 1], 'strides': [2, 1, 2, 2], " \
	"'place': {'tensor': 2}}, " \
	"{'type': 'f32', 'dims': [1, 2, 3, 3], 'strides': [18, 9, 3, 1], " \
	"'place': {'tensor': 3}}, " IMAGE "}, " IMAGE "}, "
#define IMAGE "{'type': 'f32', 'dims': [1, 2, 3, 3], 'strides': [18, 9, 3, 1]"
#define CONV IMAGE ", 'place': {'tensor': 4}}], 'nodes': [{'op': 'conv', 'x': " \
	"0, 'w': 1, 'y': 4, 'compute': 'tf32'}"
#define NODE(mode, more, y) ", {'op': 'pointwise', 'mode': '" mode "', " more \
	", 'y': " y "}"
#define END "]}}}"

/* y = relu(w x + bias + added) in every order, and less of it: so many algorithms
 * serve. Tensors 4 and on are virtual, but for the last, 7, or 6 where "two" nodes
 * follow. */
static const struct {
	const char *nodes;
	bool two;
	int legacy;
} followings[] = {
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("relu", "'x': 6", "7"), false, 11 },
	{ NODE("add", "'x': 3, 'b': 4", "5") NODE("add", "'x': 5, 'b': 2", "6")
		NODE("relu", "'x': 6, 'lower': 0", "7"), false, 11 },
	/* Without relu, one algorithm alone. */
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("add", "'x': 5, 'b': 3", "6"),
		true, 3 },
	{ NODE("add", "'x': 3, 'b': 4", "5") NODE("add", "'x': 2, 'b': 5", "6")
		NODE("identity", "'x': 6", "7"), false, 0 },
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("relu", "'x': 6, 'upper': 6", "7"), false, 0 },
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("mul", "'x': 5, 'b': 3", "6")
		NODE("relu", "'x': 6", "7"), false, 0 },
	{ NODE("add", "'x': 4, 'b': 3", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("add", "'x': 6, 'b': 2", "7"), false, 0 },
	{ NODE("relu", "'x': 4", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("add", "'x': 6, 'b': 2", "7"), false, 0 },
};

static void check_following(void *data, const struct memory *m)
{
	const bool *two = data;

	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 9; i++) {
			double v = get(F32, m->address[2], k) +
				get(F32, m->address[3], k * 9 + i), is;

			for (int c = 0; c < 2; c++)
				v += get(F32, m->address[1], k * 2 + c) *
					get(F32, m->address[0], c * 9 + i);
			is = get(F32, m->address[4], k * 9 + i);
			v = *two ? v : fmax(v, 0);
			if (!(fabs(is - v) < 1e-5))
				fail_msg("%g is not %g", is, v);
		}
}

static void fill(const struct memory *m, int n)
{
	for (int t = 0; t < n; t++)
		for (size_t i = 0; i < m->bytes[t] / 4; i++)
			put(F32, m->address[t], (int64_t)i,
				(double)((i * 7 + t * 3) % 11) - 5);
}

static void test_followings(void **state)
{
	struct stub *s = usual();

	(void)state;
	for (size_t i = 0; i < sizeof followings / sizeof *followings; i++) {
		bool two = followings[i].two;
		struct library_call *l = call_of(s, step_of("%s%s%s%s%s", TENSORS,
			two ? "" : IMAGE "}, ", CONV, followings[i].nodes, END));
		struct memory m = take_memory(l, 16);

		fill(&m, 4);
		if (run_each(l, "forward", check_following, &two, &m, 4) !=
		    followings[i].legacy)
			fail_msg("case %d", (int)i);
		free_memory(&m);
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* ---- gradients of filters ---- */

/* Of a convolution of [N, C, H, W] to [N, K, P, Q], in words of a graph: of C images
 * of N channels with K filters, as library_conv.c writes it. */
enum { N = 2, C = 3, K = 4, H = 7, W = 5, R = 3, S = 2, P = 4, Q = 2, PAD = 1,
	STRIDE = 2, DILATION_S = 3 };

static void check_gradient(void *data, const struct memory *m)
{
	const float *x = m->address[0], *dy = m->address[1];
	const float *dw = m->address[2];

	(void)data;
	for (int f = 0; f < K * C * R * S; f++) {
		int k = f / (C * R * S), c = f / (R * S) % C;
		double v = 0;

		for (int i = 0; i < N * P * Q; i++) {
			int n = i / (P * Q), p = i / Q % P, q = i % Q;
			int h = p * STRIDE + f / S % R - PAD;
			int w = q * STRIDE + f % S * DILATION_S - PAD;

			if (h >= 0 && h < H && w >= 0 && w < W)
				v += x[((n * C + c) * H + h) * W + w] *
					dy[((n * K + k) * P + p) * Q + q];
		}
		/* dw lies as [K, C, R, S] */
		if (!(fabs(dw[f] - v) < 1e-4))
			fail_msg("element %d is %g, not %g", f, dw[f], v);
	}
}

static void test_gradient(void **state)
{
	struct stub *s = usual();
	struct library_call *l = call_of(s, step_of("{'library': 'cudnn', "
		"'call': {'graph': {'tensors': ["
		"{'type': 'f32', 'dims': [%d, %d, %d, %d], 'strides': [%d, %d, "
		"%d, 1], 'place': {'tensor': 0}}, "
		"{'type': 'f32', 'dims': [%d, %d, %d, %d], 'strides': [%d, %d, "
		"%d, 1], 'place': {'tensor': 1}}, "
		"{'type': 'f32', 'dims': [%d, %d, %d, %d], 'strides': [%d, %d, "
		"%d, 1], 'place': {'tensor': 2}}], 'nodes': [{'op': 'conv', "
		"'x': 0, 'w': 1, 'y': 2, 'pad': [%d, %d], 'pad_end': [1, 0], "
		"'stride': [1, %d], 'dilation': [%d, %d], 'compute': 'tf32'}]}}}",
		C, N, H, W, H * W, C * H * W, W,
		K, N, P, Q, P * Q, K * P * Q, Q,
		C, K, R, S, R * S, C * R * S, S, PAD, PAD, DILATION_S, STRIDE,
		STRIDE));
	struct memory m = take_memory(l, 16);

	(void)state;
	fill(&m, 2);
	assert_int_equal(run_each(l, "backward filter", check_gradient, NULL, &m,
		2), 9);
	free_memory(&m);
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_depthwise),
		cmocka_unit_test(test_followings),
		cmocka_unit_test(test_gradient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
