/* SPDX-License-Identifier: MIT */
/* Faults planted in sums that go to others after some products, short ones to f32 and
 * scaled ones, are all found; see plant_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mutation.h"

static const struct mutation promoted[] = {
	{ "a sum that is not begun anew", "wgmma_m64k32", "(t & 1) != 0", "t != 0",
		1 },
	{ "a sum that is begun too often", "wgmma_m64k32", "(t & 1) != 0", "0",
		1 },
	{ "the rest left out", "\tif (((t + 1) & 1) == 0", " || t + 1 == 5", "",
		1 },
	{ "promoted too often", "\tif (((t + 1) & 1) == 0", "& 1", "& 0", 1 },
	{ "nothing promoted", "settled_f32(", "settled_f32(",
		"0 * settled_f32(", 1 },
	{ "begun as something", "\tsum[i][j] = 0.0f", "0.0f", "1.0f", 1 },
	{ "no wait for a product", "\twgmma_wait<", "wgmma_wait",
		"if (0) wgmma_wait", 1 },
};

enum { N_PROMOTED = sizeof promoted / sizeof *promoted };

static const char promoted_text[] =
	"op mm {\n"
	"  in A: e4m3[67, 160] layout(0, 1) align 16\n"
	"  in B: e4m3[22, 160] layout(0, 1) align 16\n"
	"  out out: f32[67, 22] layout(0, 1) align 16\n"
	"  out[i:67, j:22] = sum[k:160](mul(f32(A[i, k]), f32(B[j, k]))) : f32\n"
	"}\n";

/* After 64, which is every other chunk. */
static const struct subject_value promoted_at[] = {
	{ "tile.block.i", 64 }, { "tile.block.j", 16 }, { "tile.block.k", 32 },
	{ "bind.threads", 128 }, { "mma.out.swap", 0 }, { "split_k.out", 1 },
	{ "pipeline.k.async", 2 }, { "pipeline.k.stages", 3 },
	{ "mma.out.promote", 3 }, { NULL, 0 }
};

static void faults_of_promotion_are_found(void **state)
{
	int n[N_PROMOTED] = { 0 };

	(void)state;
	mutate(subject_open_for("sm_90a", 1, promoted_text, "wgmma",
		promoted_at), promoted, N_PROMOTED, n);
	assert_places(promoted, N_PROMOTED, n);
}

static const struct mutation scaled[] = {
	{ "a sum that is not begun anew", "wgmma_m64k16", "(t & 1) +", "t +", 1 },
	{ "scales of the next", "row_scale[i] = ", "= s[", "= s[1 + ", 1 },
	{ "a scale of another row", "\tconst int i2 =", "(i & 1) * 8",
		"(i & 1) * 7", 1 },
	{ "a scale of another column", "\tconst int j =", "(i & 1)", "0", 1 },
	{ "rows beyond the last", "\tconst int i2 =", ", 66)", ", 66000000)", 1 },
	{ "one row's for another", "row_scale[(r", "(r >> 1)", "(r >> 2)", 1 },
	{ "one column's for another", "col_scale[(r", "(r >> 2)", "(r >> 3)", 1 },
	{ "no wait for a product", "\twgmma_wait<", "wgmma_wait",
		"if (0) wgmma_wait", 1 },
};

enum { N_SCALED = sizeof scaled / sizeof *scaled };

static const char scaled_text[] =
	"op mm {\n"
	"  in A: f16[67, 192] layout(0, 1) align 16\n"
	"  in B: f16[22, 192] layout(0, 1) align 16\n"
	"  in s: f32[67, 3] layout(0, 1) align 16\n"
	"  in w: f32[22, 3] layout(0, 1) align 16\n"
	"  out out: f32[67, 22] layout(0, 1) align 16\n"
	"  out[i:67, j:22] = sum[q:3, k:64](mul("
	"mul(f32(A[i, add(mul(q, 64), k)]), s[i, q]), "
	"mul(f32(B[j, add(mul(q, 64), k)]), w[j, q]))) : f32\n"
	"}\n";

/* After 64, which is every other chunk. */
static const struct subject_value scaled_at[] = {
	{ "tile.block.i", 64 }, { "tile.block.j", 16 }, { "tile.block.qk", 32 },
	{ "bind.threads", 128 }, { "mma.out.swap", 0 }, { "split_k.out", 1 },
	{ "pipeline.qk.async", 2 }, { "pipeline.qk.stages", 3 }, { NULL, 0 }
};

static void faults_of_scales_are_found(void **state)
{
	int n[N_SCALED] = { 0 };

	(void)state;
	mutate(subject_open_for("sm_90a", 1, scaled_text, "wgmma", scaled_at),
		scaled, N_SCALED, n);
	assert_places(scaled, N_SCALED, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_of_promotion_are_found),
		cmocka_unit_test(faults_of_scales_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
