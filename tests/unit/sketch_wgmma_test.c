/* SPDX-License-Identifier: MIT */
/* What "wgmma" emits, run by the emulator, watched for races and for what is read
 * unwritten, and compared with the reference: every pair of type, layout, ending,
 * pipeline, split, edge, batch, tile, side, store, rounds and work on rows
 * (tensor_cases.h), all other numbers random; then the widest instructions and some
 * of odd columns. One case in some, all where $WPK_FULL is set. And that sums of 8-bit
 * floats are promoted as the bound has it, and what tf32 costs. */
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

enum { ONE_IN = 25, WATCHED = CHECK_RACE | CHECK_INIT };

static bool full(void)
{
	const char *set = getenv("WPK_FULL");

	return set && *set;
}

static struct tensor_pins pins(const struct tensor_case *c, struct rng *r)
{
	const struct tensor_tile *t = tensor_tile(c);
	bool swap = c->level[BY_SWAP];

	(void)r;
	return (struct tensor_pins){ swap ? t->cols : t->rows, swap ? t->rows :
		t->cols, t->bytes * 8 / dtype_row(tensor_type(c)->dtype)->bits,
		{ { "bind.threads", tensor_threads(c) }, { "mma.acc.swap", swap },
		{ "epilogue.c.bulk", tensor_store(c) },
		{ "raster.persistent", c->level[BY_ROUNDS] },
		{ "mma.acc.from", tensor_in_registers(c) ? 2 : 1 } } };
}

static void every_pair_agrees(void **state)
{
	struct tensor_case cases[MOST_CASES];
	int pairs, possible, run = 0, n = tensor_cases(&tensor_wgmma, cases,
		&pairs, &possible);
	int only = tensor_number("WPK_CASE", -1);

	(void)state;
	assert_int_equal(pairs, possible);
	for (int i = 0; i < n; i++)
		if (only < 0 ? full() || i % ONE_IN == 0 : only == i) {
			tensor_case_agrees(&cases[i], i, pins, WATCHED);
			run++;
		}
	print_message("# %d cases have all %d pairs of levels; %d were run\n", n,
		pairs, run);
}

/* By each kind of copy, both factors along the reduction or, of 2 bytes, along
 * rows and columns. */
static void agree_at(const struct tensor_tile *tile, bool across)
{
	struct tensor_family of = tensor_wgmma;
	struct tensor_case c = { .of = &of };

	of.tiles = tile;
	for (int type = 0; type < of.n_types; type++) {
		const char *promote = of.types[type].promote;

		if (promote && strcmp(promote, "fast") != 0 &&
		    tile->cols > 128)
			continue;
		c.level[BY_TYPE] = type;
		c.level[BY_PIPELINE] = type == 0 ? 6 : type == 1 ? 3 : 5;
		c.level[BY_LAYOUT] = type < 2 && across ? 3 : 0;
		c.level[BY_SWAP] = type == 1;
		c.level[BY_WORK] = tensor_thrice(&c) ? WORK_NONE_REGISTER :
			WORK_NONE;
		if ((full() || type == 0) && tensor_fits(&c))
			tensor_case_agrees(&c, 1000 + type, pins, WATCHED);
	}
}

static void widest_and_odd_columns_agree(void **state)
{
	static const struct tensor_tile widest = { 64, 256, 128, 32 };
	static const struct tensor_tile odd = { 128, 24, 128, 64 };

	(void)state;
	agree_at(&widest, true);
	agree_at(&odd, false);
}

/* ---- what promotion is worth ---- */

/* Nothing of the sum is taken away again. */
static const char positive[] =
	"op t {\n  in a: e4m3[64, 4096] layout(0, 1) align 16\n"
	"  in b: e4m3[8, 4096] layout(0, 1) align 16\n"
	"  let acc: f32[64, 8]\n"
	"  out c: f32[64, 8] layout(0, 1) align 16\n"
	"  acc[i:64, j:8] = sum[k:4096](mul(f32(e4m3(abs(f32(a[i, k])))), "
	"f32(e4m3(abs(f32(b[j, k])))))) : f32\n"
	"  c[i:64, j:8] = mul(acc[i, j], 2:f32)\n}\n";

/* Within its bound, and near enough that a kernel that promotes never is not. */
static void sums_are_promoted_as_asked(void **state)
{
	static const struct tensor_case eights = { &tensor_wgmma,
		{ [BY_TYPE] = 6 } };
	static const struct {
		const char *is, *as;
		enum check_verdict verdict;
	} rows[] = {
		{ "32", "32", CHECK_VERIFIED }, { "128", "128", CHECK_VERIFIED },
		{ "1024", "1024", CHECK_VERIFIED },
		{ "fast", "fast", CHECK_VERIFIED }, { "fast", "32", CHECK_WRONG },
		{ "fast", "128", CHECK_WRONG }, { "fast", NULL, CHECK_WRONG },
		{ "1024", "32", CHECK_WRONG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(tensor_judged(&eights, positive, "promote",
			rows[i].is, rows[i].as).verdict, rows[i].verdict);
}

static void precision_is_what_was_asked(void **state)
{
	(void)state;
	tensor_precision_agrees(&tensor_wgmma);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_agrees),
		cmocka_unit_test(widest_and_odd_columns_agree),
		cmocka_unit_test(sums_are_promoted_as_asked),
		cmocka_unit_test(precision_is_what_was_asked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
