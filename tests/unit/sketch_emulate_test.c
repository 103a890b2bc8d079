/* SPDX-License-Identifier: MIT */
/* What "elementwise" and "reduce" emit, run by the emulator and compared with
 * the reference: lengths around powers of two, all dtypes, layouts and pads,
 * the default of each operator and random points. "WPK_POINTS" sets how many
 * of those, "WPK_SEED" which, "WPK_CASE" the one operator to run. */
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
	int points = number_from("WPK_POINTS", 2);
	const char *only = getenv("WPK_CASE");
	struct rng r;

	(void)state;
	rng_seed(&r, (uint64_t)number_from("WPK_SEED", 1));
	for (int i = 0; i < n_sketch_cases; i++)
		for (int k = 0; k < points; k++)
			if (!only || !strcmp(only, sketch_cases[i].name))
				run_point(&sketch_cases[i], &r, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_agree),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
