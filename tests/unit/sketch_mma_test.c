/* SPDX-License-Identifier: MIT */
/* What "mma" emits, run by the emulator and compared with the reference: every
 * pair of type, layout, ending, pipeline, split, edge and batch
 * (tensor_cases.h), all other numbers random, in part with the sanitizers; one
 * case in some, all where $WPK_FULL is set; then that the bounds of tf32, of
 * 3xtf32 and of sums of 8-bit floats are those of what is computed, and no
 * wider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor_precision.h"
#include "tensor_run.h"

enum { ONE_IN = 5, FIRST = 3 };

static bool wanted(int number)
{
	const char *all = getenv("WPK_FULL");
	int only = tensor_number("WPK_CASE", -1);

	return only < 0 ? (all && *all) || number % ONE_IN == FIRST :
		number == only;
}

static struct tensor_pins pins(const struct tensor_case *c, struct rng *r)
{
	static const int sides[][2] = { { 32, 16 }, { 32, 32 }, { 64, 16 },
		{ 64, 32 } };
	int bits = dtype_row(tensor_type(c)->dtype)->bits;
	int narrow = bits == 64 && tensor_measures(c) ? 2 : 3;
	const int *m = sides[rng_below(r, 4) & narrow];
	const int *n = sides[rng_below(r, 4) & narrow];

	return (struct tensor_pins){ m[0], n[0], bits == 8 ? 32 : bits == 64 ?
		16 : rng_below(r, 2) ? 16 : 32, { { "tile.warp.i", m[1] },
		{ "tile.warp.j", n[1] } } };
}

static void every_pair_agrees(void **state)
{
	struct tensor_case cases[MOST_CASES];
	int pairs, possible, n = tensor_cases(&tensor_mma, cases, &pairs,
		&possible);

	(void)state;
	assert_int_equal(pairs, possible);
	print_message("# %d cases have all %d pairs of levels\n", n, pairs);
	for (int i = 0; i < n; i++)
		if (wanted(i))
			tensor_case_agrees(&cases[i], i, pins, i % 4 == 3 ?
				CHECK_ADDRESS : 0);
}

static void precision_is_what_was_asked(void **state)
{
	(void)state;
	tensor_precision_agrees(&tensor_mma);
}

/* ---- what Ada keeps of 8-bit floats ---- */

static const char positive[] =
	"op t {\n  in a: e4m3[32, 8192] layout(0, 1) align 16\n"
	"  in b: e4m3[16, 8192] layout(0, 1) align 16\n"
	"  let acc: f32[32, 16]\n"
	"  out c: f32[32, 16] layout(0, 1) align 16\n"
	"  acc[i:32, j:16] = sum[k:8192](mul(f32(e4m3(abs(f32(a[i, k])))), "
	"f32(e4m3(abs(f32(b[j, k])))))) : f32\n"
	"  c[i:32, j:16] = mul(acc[i, j], 2:f32)\n}\n";

/* Which is not what the sum says, unless it is promoted. */
static void short_sums_are_told(void **state)
{
	static const struct tensor_case eights = { &tensor_mma,
		{ [BY_TYPE] = 7 } };
	static const struct {
		const char *is, *as;
		enum check_verdict verdict;
	} rows[] = {
		{ "64", "64", CHECK_VERIFIED }, { "64", NULL, CHECK_VERIFIED },
		{ "fast", "fast", CHECK_VERIFIED }, { "fast", NULL, CHECK_WRONG },
		{ "fast", "64", CHECK_WRONG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(tensor_judged(&eights, positive, "promote",
			rows[i].is, rows[i].as).verdict, rows[i].verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_agrees),
		cmocka_unit_test(precision_is_what_was_asked),
		cmocka_unit_test(short_sums_are_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
