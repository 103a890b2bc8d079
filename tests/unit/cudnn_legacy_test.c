/* SPDX-License-Identifier: MIT */
/* Legacy convolutions of cuDNN, which is a stub here: listed beside engines, each
 * run against plain loops in every direction, named, pinned and refused. */
#include "graph_cases.h"

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
	return stub_create(NULL, here("libcudnn.so"));
}

static struct library_call *conv_call(struct stub *s, const struct conv *c,
	const char *key, json_t *v)
{
	struct graph g = conv_graph(c);
	json_t *step = graph_step(&g);

	if (key)
		json_object_set_new(step, key, v);
	return call_of(s, step);
}

static struct library_call *plain_call(struct stub *s, const char *key,
	json_t *v)
{
	struct conv c = conv_plain(2);

	return conv_call(s, &c, key, v);
}

static struct library_call *named_call(struct stub *s, const struct conv *c,
	const char *name)
{
	return conv_call(s, c, "algorithm", json_string(name));
}

/* ---- lists ---- */

/* The texts from "from" on, as far as names are given; how many there are. */
static int expect_list(struct library_call *l, int from,
	const char *const *names)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	int n;

	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	for (int i = 0; names[i]; i++) {
		assert_true(from + i < n);
		assert_int_equal(library_call_choose(l, from + i, &workspace,
			&text, &e), WPK_OK);
		assert_string_equal(text, names[i]);
		assert_int_equal(workspace, library_call_workspace(l));
	}
	return n;
}

/* After the heuristics' engines and before the others: as cuDNN's heuristic has
 * them, then by number; none that is over the limit, or converts. */
static void test_list(void **state)
{
	static const char *const names[] = { "engine 2, stages 3",
		"legacy 1 (forward implicit_precomp_gemm), tensor",
		"legacy 0 (forward implicit_gemm), fma",
		"legacy 0 (forward implicit_gemm), tensor",
		"legacy 0 (forward implicit_gemm), default",
		"legacy 1 (forward implicit_precomp_gemm), default",
		"legacy 1 (forward implicit_precomp_gemm), fma",
		"legacy 3 (forward direct), tensor",
		"legacy 3 (forward direct), default",
		"legacy 3 (forward direct), fma",
		"legacy 5 (forward fft_tiling), default",
		"legacy 5 (forward fft_tiling), fma", "engine 1", "engine 2",
		"engine 1, tile_size 0", NULL };
	struct stub *s = usual();
	struct library_call *l = plain_call(s, NULL, NULL);
	struct wpk_error e = { 0 };
	int n;

	(void)state;
	assert_int_equal(library_call_count(l, 6, &n, &e), WPK_OK);
	assert_int_equal(n, 6);
	assert_int_equal(expect_list(l, 3, names), 22);
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_unranked(void **state)
{
	static const char *const names[] = {
		"legacy 0 (forward implicit_gemm), tensor",
		"legacy 0 (forward implicit_gemm), default", NULL };
	struct stub *s = usual();
	struct library_call *l = plain_call(s, NULL, NULL);

	(void)state;
	setenv("STUB_DNN_RANK", "0", 1);
	assert_int_equal(expect_list(l, 4, names), 22);
	unsetenv("STUB_DNN_RANK");
	library_call_destroy(l);
	stub_destroy(s);
}

/* Where tf32 will not do, f32 is multiplied as such. */
static void test_strict(void **state)
{
	static const char *const names[] = {
		"legacy 0 (forward implicit_gemm), fma",
		"legacy 1 (forward implicit_precomp_gemm), fma",
		"legacy 3 (forward direct), fma",
		"legacy 5 (forward fft_tiling), fma", "engine 1", NULL };
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct library_call *l;

	(void)state;
	c.type = F32;
	l = conv_call(s, &c, NULL, NULL);
	assert_int_equal(expect_list(l, 3, names), 11);
	library_call_destroy(l);
	stub_destroy(s);
}

/* ---- what they compute ---- */

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
	struct library_call *l = conv_call(s, &c, NULL, NULL);
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
	"'place': {'tensor': 3}}, " IMAGE ", " IMAGE ", " IMAGE ", " \
	"{'type': 'f32', 'dims': [1, 2, 3, 3], 'strides': [18, 9, 3, 1], " \
	"'place': {'tensor': 4}}"
#define IMAGE "{'type': 'f32', 'dims': [1, 2, 3, 3], 'strides': [18, 9, 3, 1]}"
#define CONV "], 'nodes': [{'op': 'conv', 'x': 0, 'w': 1, 'y': 4, 'compute': " \
	"'tf32'}"
#define NODE(mode, more, y) ", {'op': 'pointwise', 'mode': '" mode "', " more \
	", 'y': " y "}"
#define END "]}}}"

/* y = relu(w x + bias + added) in every order, and less of it; "legacy": how many
 * algorithms serve. "used" tensors that the graph has. */
static const struct {
	const char *nodes;
	int legacy;
	bool bias, added, relu;
} followings[] = {
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("relu", "'x': 6", "7"), 11, true, true, true },
	{ NODE("add", "'x': 3, 'b': 4", "5") NODE("add", "'x': 5, 'b': 2", "6")
		NODE("relu", "'x': 6, 'lower': 0", "7"), 11, true, true, true },
	{ NODE("add", "'x': 3, 'b': 4", "5") NODE("add", "'x': 2, 'b': 5", "6")
		NODE("identity", "'x': 6", "7"), 0, true, true, false },
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("relu", "'x': 6, 'upper': 6", "7"), 0, true, true, true },
	{ NODE("add", "'x': 4, 'b': 2", "5") NODE("mul", "'x': 5, 'b': 3", "6")
		NODE("relu", "'x': 6", "7"), 0, true, true, true },
	{ NODE("add", "'x': 4, 'b': 3", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("add", "'x': 6, 'b': 2", "7"), 0, true, true, false },
	{ NODE("relu", "'x': 4", "5") NODE("add", "'x': 5, 'b': 3", "6")
		NODE("add", "'x': 6, 'b': 2", "7"), 0, true, true, true },
};

static void check_following(void *data, const struct memory *m)
{
	(void)data;
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 9; i++) {
			double v = get(F32, m->address[2], k) +
				get(F32, m->address[3], k * 9 + i), is;

			for (int c = 0; c < 2; c++)
				v += get(F32, m->address[1], k * 2 + c) *
					get(F32, m->address[0], c * 9 + i);
			is = get(F32, m->address[4], k * 9 + i);
			if (!(fabs(is - fmax(v, 0)) < 1e-5))
				fail_msg("%g is not %g", is, fmax(v, 0));
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
		struct library_call *l = call_of(s, step_of("%s%s%s%s", TENSORS,
			CONV, followings[i].nodes, END));
		struct memory m = take_memory(l, 16);

		fill(&m, 4);
		if (run_each(l, "forward", check_following, NULL, &m, 4) !=
		    followings[i].legacy)
			fail_msg("case %d", (int)i);
		free_memory(&m);
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* Without relu one algorithm alone adds a bias. */
static void test_bias(void **state)
{
	static const char *const names[] = {
		"legacy 1 (forward implicit_precomp_gemm), tensor",
		"legacy 1 (forward implicit_precomp_gemm), default",
		"legacy 1 (forward implicit_precomp_gemm), fma", "engine 1",
		NULL };
	struct stub *s = usual();
	char text[3000];
	struct library_call *l;

	(void)state;
	snprintf(text, sizeof text, "%s%s%s%s", TENSORS, CONV
		NODE("add", "'x': 4, 'b': 2", "5"),
		NODE("add", "'x': 5, 'b': 3", "7"), END);
	memmove(strstr(text, ", " IMAGE), strstr(text, ", " IMAGE) + strlen(", "
		IMAGE), strlen(strstr(text, ", " IMAGE) + strlen(", " IMAGE)) +
		1);
	for (char *p = text; (p = strstr(p, "'y': ")); p += 5)
		p[5] = p[5] == '7' ? '6' : p[5];
	l = call_of(s, step_of("%s", text));
	(void)expect_list(l, 4, names);
	library_call_destroy(l);
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

/* ---- names and pins ---- */

/* By name, in the JSON of what was chosen, and by that again. */
static void test_pinned(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct library_call *l = named_call(s, &c, "legacy_1_tensor");
	struct wpk_error e = { 0 };
	json_t *pinned, *again;
	size_t workspace;

	(void)state;
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 768);
	pinned = library_call_pinned(l);
	again = step_of("{'version': 91900, 'legacy': 1, 'math': 'tensor'}");
	assert_true(json_equal(pinned, again));
	json_decref(again);
	library_call_destroy(l);
	l = plain_call(s, "pinned", json_deep_copy(pinned));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l),
		"legacy 1 (forward implicit_precomp_gemm), tensor");
	assert_int_equal(s->warnings, 0);
	library_call_destroy(l);
	json_object_set_new(pinned, "version", json_integer(91001));
	l = plain_call(s, "pinned", json_deep_copy(pinned));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 1, tile_size 2");
	assert_int_equal(s->warnings, 1);
	library_call_destroy(l);
	json_decref(pinned);
	stub_destroy(s);
}

/* In another version a name holds, and nothing is warned of. */
static void test_named_elsewhere(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct graph g = conv_graph(&c);
	json_t *step = graph_step(&g);
	struct library_call *l;
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	json_object_set_new(step, "algorithm", json_string("legacy_0_fma"));
	json_object_set_new(step, "pinned", step_of("{'version': 91001, "
		"'legacy': 3, 'math': 'fma'}"));
	l = call_of(s, step);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l),
		"legacy 0 (forward implicit_gemm), fma");
	assert_int_equal(s->warnings, 0);
	library_call_destroy(l);
	stub_destroy(s);
}

static void expect_refused(struct stub *s, struct library_call *l,
	const char *why)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	int before = s->warnings;

	assert_int_not_equal(library_call_choose_own(l, &workspace, &e),
		WPK_OK);
	assert_int_equal(workspace, 0);
	if (!strstr(e.text, why))
		fail_msg("'%s' is not '%s'", e.text, why);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(s->warnings, before + 1);
	assert_non_null(strstr(s->text, why));
	assert_string_equal(library_call_text(l), "engine 1, tile_size 2");
	library_call_destroy(l);
}

/* No other is taken where it counts, as in a search; else the first that works,
 * with a warning. */
static void test_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "legacy_8_tensor", "has no legacy 8, tensor: 7 is the last" },
		{ "legacy_2_fma", "legacy 2 (forward gemm), fma wants 16777216 "
			"bytes of workspace, and 1048576 are the most" },
		{ "legacy_4_fma", "does not take legacy 4 (forward fft), fma: "
			"CUDNN_STATUS_NOT_SUPPORTED (as the stub was told)" },
		{ "legacy_1", "knows no algorithm 'legacy_1': names are such "
			"as legacy_1_tensor" },
		{ "legacy_1_tensors", "knows no algorithm" },
		{ "legacy_1_tensor_", "knows no algorithm" },
		{ "legacy_-1_fma", "knows no algorithm" },
		{ "fastest", "knows no algorithm 'fastest'" },
	};
	struct stub *s = usual();
	struct conv c = conv_plain(2);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_refused(s, named_call(s, &c, bad[i][0]), bad[i][1]);
	c.pad[0] = 1;
	expect_refused(s, named_call(s, &c, "legacy_0_fma"), "has no legacy "
		"algorithm for this: its zeros behind are not those before");
	c.pad[0] = 0;
	c.type = F32;
	expect_refused(s, named_call(s, &c, "legacy_1_default"), "legacy 1 "
		"(forward implicit_precomp_gemm), default may round f32 to tf32");
	stub_destroy(s);
}

/* A library of graphs alone serves without. */
static void test_lacks(void **state)
{
	struct stub *s = stub_create(NULL, here("libcudnn-graph.so"));
	struct conv c = conv_plain(2);

	(void)state;
	expect_refused(s, named_call(s, &c, "legacy_0_fma"), "this cuDNN has no "
		"legacy convolutions: it has no cudnnCreateTensorDescriptor");
	stub_destroy(s);
}

static void test_pinned_badly(void **state)
{
	static const char *const bad[][2] = {
		{ "{'version': 91900, 'legacy': -1}", "\"legacy\" is -1" },
		{ "{'version': 91900, 'legacy': 'x'}", "\"legacy\" is no int" },
		{ "{'version': 91900, 'legacy': 1}", "\"math\" is '', and not" },
		{ "{'version': 91900, 'legacy': 1, 'math': 'slow'}",
			"\"math\" is 'slow', and not tensor, default or fma" },
		{ "{'version': 91900, 'legacy': 9, 'math': 'fma'}",
			"has no legacy 9, fma" },
	};
	struct stub *s = usual();
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct library_call *l = plain_call(s, "pinned", step_of("%s",
			bad[i][0]));

		assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
		assert_int_equal(s->warnings, i + 1);
		if (!strstr(s->text, bad[i][1]))
			fail_msg("'%s' is not '%s'", s->text, bad[i][1]);
		library_call_destroy(l);
	}
	stub_destroy(s);
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = { "",
		"legacy_1_tensor_and_more_than_there_is_room_for" };
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct graph g = conv_graph(&c);
	struct wpk_error e = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *step = graph_step(&g);
		struct library_call *l;

		json_object_set_new(step, "algorithm", json_string(bad[i]));
		assert_int_equal(library_call_create(&s->context, step, &l, &e),
			WPK_E_PLAN);
		assert_non_null(strstr(e.text, "and no algorithm's name"));
		json_decref(step);
	}
	stub_destroy(s);
}

/* ---- failures ---- */

static enum wpk_status live(struct stub *s, const char *name,
	struct wpk_error *e)
{
	struct conv c = conv_plain(2);
	struct graph g;
	struct library_call *l = NULL;
	enum wpk_status status;
	size_t workspace;
	json_t *step;
	int n;

	c.fused = true;
	g = conv_graph(&c);
	step = graph_step(&g);
	json_object_set_new(step, "algorithm", json_string(name));
	status = library_call_create(&s->context, step, &l, e);
	json_decref(step);
	if (!status)
		status = library_call_count(l, 1000, &n, e);
	if (!status)
		status = library_call_choose_own(l, &workspace, e);
	if (!status) {
		struct memory m = take_memory(l, 16);
		void *room = aligned_alloc(256, 1024);

		status = library_call_run(l, m.address, room, NULL, e);
		free(room);
		free_memory(&m);
	}
	library_call_destroy(l);
	return status;
}

/* Whichever call fails, whenever: it is said, or done without, and nothing
 * leaks. */
static void test_failures(void **state)
{
	static const char *const calls[] = { "cudnnCreateTensorDescriptor",
		"cudnnCreateFilterDescriptor", "cudnnCreateConvolutionDescriptor",
		"cudnnCreateActivationDescriptor", "cudnnSetTensorNdDescriptor",
		"cudnnSetFilterNdDescriptor", "cudnnSetConvolutionNdDescriptor",
		"cudnnSetConvolutionGroupCount", "cudnnSetConvolutionMathType",
		"cudnnSetActivationDescriptor",
		"cudnnGetConvolutionForwardAlgorithm_v7",
		"cudnnGetConvolutionForwardWorkspaceSize",
		"cudnnConvolutionBiasActivationForward" };
	struct stub *s = usual();
	struct wpk_error e;
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		for (int n = 0; n <= 12; n++) {
			enum wpk_status status;
			char cue[80];
			int alive;

			sprintf(cue, "%s:%d:4003", calls[i], n);
			s->reset();
			library_version(&s->context, LIBRARY_CUDNN, NULL);
			alive = *s->alive;
			setenv("STUB_FAIL", cue, 1);
			e = (struct wpk_error){ 0 };
			status = live(s, "legacy_1_tensor", &e);
			if (status && (status != WPK_E_MEMORY || e.cuda != 4003
			    || !strstr(e.text, "HOST_ALLOCATION_FAILED")))
				fail_msg("%s: %s", cue, e.text);
			failed += status != WPK_OK;
			assert_int_equal(*s->alive, alive);
		}
	unsetenv("STUB_FAIL");
	assert_int_equal(failed, 13);
	setenv("STUB_DNN_UNRUN", "1", 1);
	assert_int_equal(live(s, "legacy_1_tensor", &e), WPK_E_LIBRARY);
	assert_non_null(strstr(e.text, "cuDNN does not run: "
		"CUDNN_STATUS_NOT_SUPPORTED"));
	unsetenv("STUB_DNN_UNRUN");
	assert_int_equal(live(s, "legacy_1_tensor", &e), WPK_OK);
	stub_destroy(s);
}

/* ---- runs ---- */

struct runner {
	const struct library_call *call;
	pthread_t thread;
	bool wrong;
};

static void *many_runs(void *data)
{
	struct runner *r = data;
	struct memory m = take_memory(r->call, 16);
	struct conv c = conv_plain(2);
	struct graph g = conv_graph(&c);
	struct wpk_error e;
	double *sum;

	tensor_fill(&g.t[0], m.address[0], (unsigned)(uintptr_t)r);
	tensor_fill(&g.t[1], m.address[1], 7);
	sum = conv_values(&c, &g, &m);
	for (int i = 0; i < 100; i++) {
		memset(m.address[2], 0xff, m.bytes[2]);
		if (library_call_run(r->call, m.address, NULL, r, &e))
			r->wrong = true;
		for (int64_t k = 0; k < tensor_elements(&g.t[2]); k++)
			if (fabs(get(F16, m.address[2], k) - sum[k]) > 0.02)
				r->wrong = true;
	}
	free(sum);
	free_memory(&m);
	return NULL;
}

static void test_threads(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct library_call *l = named_call(s, &c, "legacy_0_fma");
	struct runner r[4] = { { 0 } };
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 0);
	for (int i = 0; i < 4; i++) {
		r[i].call = l;
		pthread_create(&r[i].thread, NULL, many_runs, &r[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		assert_false(r[i].wrong);
	}
	assert_int_equal(*s->runs, 400);
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_unranked),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_depthwise),
		cmocka_unit_test(test_followings),
		cmocka_unit_test(test_bias),
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_named_elsewhere),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lacks),
		cmocka_unit_test(test_pinned_badly),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
