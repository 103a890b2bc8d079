/* SPDX-License-Identifier: MIT */
/* What "elementwise" and "reduce" emit, run by the emulator and compared with
 * the reference: lengths around powers of two, all dtypes, layouts and pads,
 * the default of each operator and random points; where neither $WPK_FULL nor
 * "WPK_POINTS", how many of those, is set, operators take turns. "WPK_SEED" says
 * which points, "WPK_CASE" the one operator to run. Then parts of sums of "fma" that
 * clusters join, watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cuda/cuda.h"
#include "driver/check.h"
#include "sketch_cases.h"
#include "subject.h"

static int number_from(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

static void run_point(const struct sketch_case *c, struct rng *r, int k)
{
	struct arena *a = arena_create();
	struct prepared plain = prepare_plain(a, c->text);
	struct prepared x = prepare(a, c->text);
	const struct target *t = target_named(k % 2 ? "sm_75" : "sm_90");
	struct program *p;
	struct cuda_unit u;
	struct check_request request = { .op = plain.o, .target = t,
		.seed = rng_next(r), .how = k % 4 == 3 ? CHECK_ADDRESS : 0 };
	struct check_result result;
	struct str what, text;

	str_init(&what, a);
	x.which = k + (int)(c - sketch_cases);
	p = random_program(&x, "t", t, k ? r : NULL, &what);
	str_init(&text, a);
	u = cuda_unit_of(a, "case.wpk", "test", t, p);
	cuda_emit(&u, &text);
	request.program = p;
	request.arithmetic = x.arithmetic;
	request.cuda = text.p;
	request.n_cuda = text.n;
	check_program(a, &request, &result);
	if (result.verdict != CHECK_VERIFIED)
		fail_msg("%s, %s\n%s\n%s\n%s", c->name, str_text(&what),
			result.line, result.detail, str_text(&text));
	assert_true(result.whole && result.outputs > 0);
	arena_destroy(a);
}

static void results_agree(void **state)
{
	const char *only = getenv("WPK_CASE"), *full = getenv("WPK_FULL");
	bool all = only || getenv("WPK_POINTS") || (full && *full);
	int points = number_from("WPK_POINTS", 2);
	struct rng r;

	(void)state;
	rng_seed(&r, (uint64_t)number_from("WPK_SEED", 1));
	for (int i = 0; i < n_sketch_cases; i++)
		for (int k = 0; k < points; k++)
			if (only ? !strcmp(only, sketch_cases[i].name) :
			    all || k == i / 2 % points)
				run_point(&sketch_cases[i], &r, k);
}

/* "type" x "type" summed in "acc", results along rows or columns. */
#define LONG_SUM(type, acc, out, along) \
	"op t {\n  in a: " type "[2, 36, 248] layout(0, 1, 2) align 16\n" \
	"  in b: " type "[2, 248, 52] layout(0, 1, 2) align 16\n" \
	"  in v: " acc "[52] layout(0) align 16\n" \
	"  let s: " acc "[2, 36, 52]\n" \
	"  out c: " out "[2, 36, 52] layout(0, " along ") align 16\n" \
	"  s[z:2, i:36, j:52] = sum[k:248](mul(" acc "(a[z, i, k]), " \
	acc "(b[z, k, j]))) : " acc "\n" \
	"  c[z:2, i:36, j:52] = " out "(add(s[z, i, j], v[j]))\n}\n"

/* Tiles, threads', parts: 2 = "shift". */
#define JOINED_AT(m, n, k, tm, tn, parts, async, tail) \
	{ { "tile.block.i", m }, { "tile.block.j", n }, { "tile.block.k", k }, \
	  { "tile.thread.i", tm }, { "tile.thread.j", tn }, \
	  { "split_k.s", parts }, { "split_k.s.combine", 2 }, \
	  { "pipeline.k.async", async }, { "pipeline.k.stages", 2 }, \
	  { "tail.i", tail }, { "tail.j", tail } }

static void parts_meet_in_clusters(void **state)
{
	static const struct {
		const char *text;
		struct subject_value at[12];
	} cases[] = {
		{ LONG_SUM("f32", "f32", "f32", "1, 2"),
			JOINED_AT(32, 32, 8, 4, 4, 8, 1, 0) },
		{ LONG_SUM("f32", "f32", "f32", "1, 2"),
			JOINED_AT(24, 48, 8, 2, 2, 3, 0, 2) },
		{ LONG_SUM("f16", "f32", "f16", "2, 1"),
			JOINED_AT(32, 16, 8, 4, 2, 4, 0, 0) },
		{ LONG_SUM("f64", "f64", "f64", "1, 2"),
			JOINED_AT(16, 32, 8, 2, 2, 2, 1, 0) },
		{ LONG_SUM("i8", "i32", "i32", "1, 2"),
			JOINED_AT(48, 16, 16, 2, 2, 6, 0, 0) },
		{ LONG_SUM("bf16", "f32", "bf16", "1, 2"),
			JOINED_AT(8, 64, 8, 1, 8, 8, 0, 0) },
		{ LONG_SUM("f32", "f32", "f32", "2, 1"),
			JOINED_AT(24, 32, 16, 6, 4, 8, 0, 0) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct subject s = subject_open_for("sm_90", 0, cases[i].text,
			"fma", cases[i].at);
		struct check_result r = subject_check(&s, CHECK_RACE |
			CHECK_INIT | CHECK_ADDRESS);

		assert_int_equal(s.program->steps.n, 1);
		assert_int_equal(s.program->workspace, 0);
		if (r.verdict != CHECK_VERIFIED)
			fail_msg("%zu: %s\n%s\n%s", i, r.line, r.detail,
				s.cuda);
		arena_destroy(s.a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_agree),
		cmocka_unit_test(parts_meet_in_clusters),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
