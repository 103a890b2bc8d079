/* SPDX-License-Identifier: MIT */
/* Kernels in one precision, judged by the bounds of others. */
#include "tensor_precision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tensor_run.h"

/* Sums of random products, and sums of roots, of which every second is taken
 * away: little is left of them, and both factors have all their bits. */
static const char *const sums[] = {
	"op t {\n  in a: f32[64, 200] layout(0, 1) align 16\n"
	"  in b: f32[16, 200] layout(0, 1) align 16\n"
	"  let acc: f32[64, 16]\n"
	"  out c: f32[64, 16] layout(0, 1) align 16\n"
	"  acc[i:64, j:16] = sum[k:200](mul(a[i, k], b[j, k])) : f32\n"
	"  c[i:64, j:16] = mul(acc[i, j], 2:f32)\n}\n",
	"op t {\n  in a: f32[64, 200] layout(0, 1) align 16\n"
	"  in b: f32[16, 200] layout(0, 1) align 16\n"
	"  let acc: f32[64, 16]\n"
	"  out c: f32[64, 16] layout(0, 1) align 16\n"
	"  acc[i:64, j:16] = sum[k:200](mul(sqrt(a[i, k]), "
	"mul(sqrt(b[j, k]), f32(sub(1, mul(2, mod(k, 2))))))) : f32\n"
	"  c[i:64, j:16] = mul(acc[i, j], 2:f32)\n}\n",
};

static const char *const precisions[] = { NULL, "tf32", "3xtf32" };

static int type_of(const struct tensor_family *of)
{
	int i = 0;

	while (!of->types[i].precision)
		i++;
	return i;
}

/* The verdict of a kernel in one precision judged by the bound of another, or
 * of the sum as it is written. */
static struct check_result judged(const struct tensor_family *of, int text,
	int is, int as)
{
	const struct tensor_case plain = { of, { [BY_TYPE] = type_of(of) } };

	return tensor_judged(&plain, sums[text], "precision", precisions[is],
		precisions[as]);
}

void tensor_precision_agrees(const struct tensor_family *of)
{
	for (int i = 0; i < 2; i++) {
		struct check_result two = judged(of, i, 1, 1);
		struct check_result six = judged(of, i, 2, 2);

		assert_int_equal(two.verdict, CHECK_VERIFIED);
		assert_int_equal(six.verdict, CHECK_VERIFIED);
		assert_int_equal(judged(of, i, 1, 2).verdict, CHECK_WRONG);
		assert_int_equal(judged(of, i, 1, 0).verdict, CHECK_WRONG);
		assert_int_equal(judged(of, i, 2, 1).verdict, CHECK_VERIFIED);
	}
}
