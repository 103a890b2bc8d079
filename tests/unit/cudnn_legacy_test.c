/* SPDX-License-Identifier: MIT */
/* Legacy convolutions of cuDNN, which is a stub here: listed beside engines, each
 * run against plain loops in every direction, named, pinned and refused. */
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

/* cuBLASLt's have none. */
static void test_names_elsewhere(void **state)
{
	struct stub *s = usual();
	json_t *step = step_of("{'library': 'cublaslt', 'call': {}, "
		"'algorithm': 'legacy_1_fma'}");
	struct library_call *l;
	struct wpk_error e = { 0 };

	(void)state;
	assert_int_equal(library_call_create(&s->context, step, &l, &e),
		WPK_E_PLAN);
	assert_non_null(strstr(e.text, "\"algorithm\" is no integer"));
	json_decref(step);
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

static void test_threads(void **state)
{
	struct stub *s = usual();
	struct conv c = conv_plain(2);
	struct library_call *l = named_call(s, &c, "legacy_0_fma");

	(void)state;
	graph_threads(l, s->runs);
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_unranked),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_named_elsewhere),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lacks),
		cmocka_unit_test(test_pinned_badly),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_names_elsewhere),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
