/* SPDX-License-Identifier: MIT */
/* Engines of cuDNN, which is a stub without legacy convolutions here: listed,
 * chosen, pinned and refused; graphs that make no sense; failures, addresses and
 * threads. */
#include "graph_cases.h"

#include <math.h>
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
	return stub_create(NULL, here("libcudnn-graph.so"));
}

/* ---- engines ---- */

static struct library_call *plain_call(struct stub *s, const char *key,
	json_t *v)
{
	struct conv c = conv_plain(2);
	struct graph g = conv_graph(&c);
	json_t *step = graph_step(&g);

	if (key)
		json_object_set_new(step, key, v);
	return call_of(s, step);
}

/* Heuristics first, then engines as they come, then with a knob turned; none is
 * there that computes less exactly. */
static void test_list(void **state)
{
	static const char *const names[] = { "engine 1, tile_size 2",
		"engine 0", "engine 4", "engine 2, stages 3", "engine 1",
		"engine 2", "engine 1, tile_size 0", "engine 1, tile_size 1",
		"engine 1, tile_size 3", "engine 2, stages 2",
		"engine 2, stages 4" };
	static const size_t workspaces[] = { 1536, 0, 0, 0, 512, 0, 512, 1024,
		2048, 0, 0 };
	struct stub *s = usual();
	struct library_call *l = plain_call(s, NULL, NULL);
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	int n;

	(void)state;
	for (int most = 1; most < 20; most += 6) {
		assert_int_equal(library_call_count(l, most, &n, &e), WPK_OK);
		assert_int_equal(n, most < 11 ? most : 11);
		for (int i = 0; i < n; i++) {
			assert_int_equal(library_call_choose(l, i, &workspace,
				&text, &e), WPK_OK);
			assert_string_equal(text, names[i]);
			assert_int_equal(workspace, workspaces[i]);
		}
	}
	library_call_destroy(l);
	stub_destroy(s);
}

/* f32 is multiplied as such, unless tf32 will do. */
static void test_strict(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct graph g;
	struct library_call *l;
	struct wpk_error e = { 0 };
	int n;

	(void)state;
	c.type = F32;
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		g = conv_graph(&c);
		if (relaxed)
			memcpy(strstr(g.nodes, "'f32'"), "'tf3", 4);
		if (relaxed)
			sprintf(strstr(g.nodes, "'tf3"), "'tf32'}");
		l = call_of(s, graph_step(&g));
		assert_int_equal(library_call_count(l, 100, &n, &e), WPK_OK);
		assert_int_equal(n, relaxed ? 11 : 7);
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* A library that lies about workspace, builds no plan, or takes forever. What was
 * chosen before stays chosen. */
static void test_refused(void **state)
{
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	const char *text;
	size_t workspace;

	(void)state;
	s->context.library_workspace = 1500;
	l = plain_call(s, NULL, NULL);
	assert_int_equal(library_call_choose(l, 1, &workspace, &text, &e),
		WPK_OK);
	call_refuses(l, 0, "tile_size 2 wants 1536 bytes of workspace, and 1500");
	setenv("STUB_DNN_MORE", "989", 1);
	call_refuses(l, 4, "engine 1 wants 1501 bytes");
	unsetenv("STUB_DNN_MORE");
	setenv("STUB_DNN_NEGATIVE", "1", 1);
	call_refuses(l, 0, "does not tell the workspace of engine 1, tile_size 2");
	unsetenv("STUB_DNN_NEGATIVE");
	setenv("STUB_DNN_SPOILT", "1", 1);
	assert_int_equal(call_refuses(l, 0, "does not build engine 1, tile_size 2: "
		"CUDNN_STATUS_NOT_SUPPORTED (as the stub was told)"),
		WPK_E_LIBRARY);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(s->warnings, 1);
	assert_string_equal(library_call_text(l), "engine 0");
	unsetenv("STUB_DNN_SPOILT");
	call_refuses(l, 10, "has no algorithm 10 for this: it has 10");
	assert_string_equal(library_call_text(l), "engine 0");
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_slow(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(2));
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	setenv("STUB_DNN_SLOW", "5.2", 1);
	call_refuses(l, 2, "s to build engine 4, more than 5 s: it is passed over");
	setenv("STUB_DNN_SLOW", "0.1", 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 4");
	unsetenv("STUB_DNN_SLOW");
	library_call_destroy(l);
	stub_destroy(s);
}

/* The same plan again, without a list; another version takes what works. */
static void test_pinned(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(3));
	struct wpk_error e = { 0 };
	json_t *pinned, *again;
	size_t workspace;

	(void)state;
	assert_null(library_call_pinned(l));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	pinned = library_call_pinned(l);
	again = step_of("{'version': 91900, 'engine': 2, 'knobs': {'14': 3}}");
	assert_true(json_equal(pinned, again));
	json_decref(again);
	library_call_destroy(l);
	l = plain_call(s, "pinned", json_deep_copy(pinned));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 2, stages 3");
	assert_int_equal(s->warnings, 0);
	library_call_destroy(l);
	json_object_set_new(pinned, "version", json_integer(91001));
	l = plain_call(s, "pinned", pinned);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 1, tile_size 2");
	assert_int_equal(s->warnings, 1);
	assert_non_null(strstr(s->text, "tuned with cuDNN 91001, and this is "
		"91900"));
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_pinned_badly(void **state)
{
	static const char *const bad[][2] = {
		{ "{'version': 91900}", "pinned: \"engine\" is missing" },
		{ "{'version': 91900, 'engine': -1}", "\"engine\" is -1" },
		{ "{'version': 91900, 'engine': 77}", "does not build engine 77" },
		{ "{'version': 91900, 'engine': 0, 'knobs': 7}",
			"\"knobs\" is no object" },
		{ "{'version': 91900, 'engine': 0, 'knobs': {'x': 7}}",
			"knob 'x' is no number" },
		{ "{'version': 91900, 'engine': 1, 'knobs': {'2': 'y'}}",
			"\"2\" is no integer" },
		{ "{'version': 91900, 'engine': 1, 'knobs': {'2': 4}}",
			"does not build engine 1, tile_size 4" },
		{ "{'version': 91900, 'engine': 1, 'knobs': {'99': 4}}",
			"does not build engine 1, knob 99 4" },
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
		assert_string_equal(library_call_text(l),
			"engine 1, tile_size 2");
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* ---- bad calls ---- */

#define GRAPH(tensors, nodes) "{'library': 'cudnn', 'call': {'graph': " \
	"{'tensors': [" tensors "], 'nodes': [" nodes "]}}}"
#define CUBE "'dims': [1, 2, 3], 'strides': [6, 3, 1], 'type': 'f32'"
#define T(place) "{" CUBE ", 'place': {" place "}}"
#define TWO T("'tensor': 0") ", " T("'tensor': 1")
#define COPY "{'op': 'pointwise', 'mode': 'identity', 'x': 0, 'y': 1}"

static const struct {
	const char *step, *says;
} bad_calls[] = {
	{ "{'library': 'cudnn', 'call': {}}", "call: \"graph\" is missing" },
	{ GRAPH("", ""), "call.graph: \"tensors\" has 0 entries" },
	{ GRAPH(TWO, ""), "\"nodes\" has 0 entries" },
	{ GRAPH("7", COPY), "tensors[0]: \"type\" is '', which is no" },
	{ GRAPH("{'type': 'f32'}", COPY), "\"dims\" is missing" },
	{ GRAPH("{'type': 'f32', 'dims': []}", COPY), "\"dims\" has 0 numbers" },
	{ GRAPH("{'type': 'f32', 'dims': [1, 0]}", COPY), "\"dims\" is 0" },
	{ GRAPH("{'type': 'f32', 'dims': [1, 2], 'strides': [1]}", COPY),
		"\"strides\" has 1 numbers, not 2" },
	{ GRAPH("{'type': 'f32', 'dims': [1, 2], 'strides': [1, -1]}", COPY),
		"\"strides\" is -1" },
	{ GRAPH("{'type': 'f64', 'dims': [9, 9], 'strides': "
		"[1000000000000000000, 1000000000000000000], 'place': {'tensor':"
		" 0}}", COPY), "is larger than memory" },
	{ GRAPH("{" CUBE ", 'align': 3}", COPY), "no power of two" },
	{ GRAPH("{" CUBE ", 'place': 3}", COPY), "\"place\" is no object" },
	{ GRAPH("{'dims': [1], 'strides': [1], 'type': 'f16', 'value': 1}", COPY),
		"a constant is an f32, f64 or i32" },
	{ GRAPH("{" CUBE ", 'value': 'x'}", COPY), "\"value\" is no number" },
	{ GRAPH(TWO, "3"), "nodes[0]: \"op\" is missing" },
	{ GRAPH(TWO, "{'op': 'fft'}"), "\"op\" knows no 'fft'" },
	{ GRAPH(TWO, "{'op': 'conv', 'compute': 'f8'}"),
		"\"compute\" knows no 'f8'" },
	{ GRAPH(TWO, "{'op': 'pointwise'}"), "\"mode\" is missing" },
	{ GRAPH(TWO, "{'op': 'pointwise', 'mode': 'and'}"),
		"\"mode\" knows no 'and'" },
	{ GRAPH(TWO, "{'op': 'pointwise', 'mode': 'add', 'x': 0, 'y': 1}"),
		"\"b\" is missing" },
	{ GRAPH(TWO, "{'op': 'matmul', 'a': 0, 'b': 2, 'c': 1}"), "\"b\" is 2" },
	{ GRAPH(TWO, COPY ", " COPY), "nodes[1]: tensor 1 is made again" },
	{ GRAPH(TWO ", " T("'tensor': 2"), COPY),
		"tensor 2 is of no node's" },
	{ GRAPH("{" CUBE "}, " T("'tensor': 1"), COPY),
		"tensor 0 is not yet made" },
	{ GRAPH(T("'tensor': 1") ", " T("'prepared': 0"), COPY),
		"what is prepared is not written" },
	{ GRAPH(T("'tensor': 1") ", {" CUBE ", 'value': 1}", COPY),
		"tensor 1 is constant" },
	{ GRAPH(T("'tensor': 1") ", {'dims': [1, 2], 'strides': [2, 1], 'type': "
		"'f32'}", COPY), "tensor 1 is of rank 2, and the first of 3" },
	{ GRAPH(TWO ", " T("'tensor': 2"), "{'op': 'conv', 'x': 0, 'w': 2, 'y':"
		" 1, 'pad': [1, 2]}"), "\"pad\" has 2 numbers, not 1" },
	{ GRAPH(TWO ", " T("'tensor': 2"), "{'op': 'conv', 'x': 0, 'w': 2, 'y':"
		" 1, 'stride': [0]}"), "\"stride\" is 0" },
	{ GRAPH("{'dims': [1, 2], 'strides': [2, 1], 'type': 'f32', 'place': "
		"{'tensor': 0}}", "{'op': 'conv', 'x': 0, 'w': 0, 'y': 0}"),
		"x has 2 in all" },
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
		assert_null(l);
		if (!strstr(e.text, bad_calls[i].says))
			fail_msg("%s: '%s' is not '%s'", bad_calls[i].step,
				e.text, bad_calls[i].says);
		json_decref(step);
	}
	stub_destroy(s);
}

/* Extents that do not go together are the library's to refuse. */
static void test_unsupported(void **state)
{
	struct stub *s = usual();
	struct library_call *l;
	json_t *step = step_of(GRAPH(TWO ", " T("'tensor': 2"),
		"{'op': 'conv', 'x': 0, 'w': 2, 'y': 1}"));
	struct wpk_error e = { 0 };

	(void)state;
	assert_int_equal(library_call_create(&s->context, step, &l, &e),
		WPK_E_LIBRARY);
	assert_non_null(strstr(e.text, "cuDNN does not take the convolution: "
		"CUDNN_STATUS_BAD_PARAM"));
	assert_int_equal(e.cuda, 2000);
	assert_null(l);
	json_decref(step);
	stub_destroy(s);
}

/* ---- failures of the library's ---- */

static void expect_unfit(const char *file, const char *says)
{
	struct stub *s = stub_create(NULL, file);
	const char *why = NULL;

	assert_int_equal(library_version(&s->context, LIBRARY_CUDNN, &why), 0);
	assert_non_null(why);
	if (!strstr(why, says))
		fail_msg("'%s' is not '%s'", why, says);
	stub_destroy(s);
}

static void test_unfit(void **state)
{
	(void)state;
	expect_unfit("", "the context is to do without cuDNN");
	expect_unfit("/nowhere/libcudnn.so", "cuDNN is not on this machine");
	expect_unfit(here("libcudnn-lacks.so"), "no cudnnBackendExecute");
	expect_unfit(here("libcublaslt.so"), "no cudnnGetVersion");
	setenv("STUB_DNN_VERSION", "8907", 1);
	expect_unfit(here("libcudnn.so"), "is of version 8907, and 90000 is");
	unsetenv("STUB_DNN_VERSION");
	setenv("STUB_FAIL", "cudnnCreate:1:1001", 1);
	expect_unfit(here("libcudnn.so"), "does not start: "
		"CUDNN_STATUS_NOT_INITIALIZED");
	unsetenv("STUB_FAIL");
}

static enum wpk_status live(struct stub *s, struct wpk_error *e)
{
	struct conv c = conv_plain(2);
	struct graph g;

	c.fused = true;
	g = conv_graph(&c);
	return call_lives(s, graph_step(&g), 16, e);
}

/* Whichever call fails, at whichever time: it is said, or done without, and
 * nothing leaks. */
static void test_failures(void **state)
{
	static const struct {
		const char *call;
		int times;
	} calls[] = { { "cudnnBackendCreateDescriptor", 90 },
		{ "cudnnBackendSetAttribute", 150 },
		{ "cudnnBackendFinalize", 90 },
		{ "cudnnBackendGetAttribute", 110 }, { "cudnnSetStream", 1 },
		{ "cudnnBackendExecute", 1 } };
	struct stub *s = usual();
	struct wpk_error e;
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		for (int n = 1; n <= calls[i].times; n++) {
			enum wpk_status status;
			char cue[80];
			int alive;

			sprintf(cue, "%s:%d:4003", calls[i].call, n);
			s->reset();
			library_version(&s->context, LIBRARY_CUDNN, NULL);
			alive = *s->alive;
			setenv("STUB_FAIL", cue, 1);
			e = (struct wpk_error){ 0 };
			status = live(s, &e);
			if (status && (status != WPK_E_MEMORY || e.cuda != 4003
			    || !strstr(e.text, "HOST_ALLOCATION_FAILED")))
				fail_msg("%s: %s", cue, e.text);
			failed += status != WPK_OK;
			assert_int_equal(*s->alive, alive);
		}
	unsetenv("STUB_FAIL");
	assert_true(failed > 60);
	assert_int_equal(live(s, &e), WPK_OK);
	stub_destroy(s);
}

/* ---- runs ---- */

/* Addresses that were seen are not described again; many are. */
static void test_packs(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(1));
	struct conv c = conv_plain(2);
	struct graph g = conv_graph(&c);
	struct wpk_error e = { 0 };
	struct memory m[12];
	size_t workspace;

	(void)state;
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	for (int i = 0; i < 12; i++) {
		m[i] = take_memory(l, 16);
		tensor_fill(&g.t[0], m[i].address[0], i);
		tensor_fill(&g.t[1], m[i].address[1], i + 1);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < (round < 2 ? 8 : 12); i++) {
			if (round == 1 && !i)
				setenv("STUB_FAIL",
					"cudnnBackendCreateDescriptor:0:4003",
					1);
			memset(m[i].address[2], 0xff, m[i].bytes[2]);
			run_call(l, &m[i]);
			conv_compare(&c, &g, &m[i]);
			if (round == 1 && i == 7)
				unsetenv("STUB_FAIL");
		}
	for (int i = 0; i < 12; i++)
		free_memory(&m[i]);
	library_call_destroy(l);
	stub_destroy(s);
}

/* Each run is on its stream; heuristics are for a share of the device. */
static void test_passed_on(void **state)
{
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	struct memory m;
	size_t workspace;
	char streams[3];

	(void)state;
	for (int share = 25; share <= 100; share += 75) {
		s->context.share = share;
		l = plain_call(s, "algorithm", json_integer(1));
		assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
		assert_int_equal(*s->sms, share == 25 ? 25 : -1);
		library_call_destroy(l);
	}
	l = plain_call(s, "algorithm", json_integer(1));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	m = take_memory(l, 16);
	for (int i = 0; i < 6; i++) {
		if (library_call_run(l, m.address, NULL, &streams[i / 2], &e))
			fail_msg("%s", e.text);
		assert_ptr_equal(*s->stream, &streams[i / 2]);
	}
	free_memory(&m);
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_threads(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(1));

	(void)state;
	graph_threads(l, s->runs);
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_pinned_badly),
		cmocka_unit_test(test_bad_calls),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_packs),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
