/* SPDX-License-Identifier: MIT */
/* Faults planted in what the attention sketch emits are all found: waits, phases,
 * releases and fences that are missing, what was summed that is not scaled, keys
 * that there are not, rows of lanes that do not meet, pages of others. All are tried
 * where $WPK_FULL is set, else every other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mutation.h"

/* Attention of 93 keys, of which a row sees those that "seen" says; sums of rows
 * are divided by. Depths of two parts. */
#define ATTENTION(seen) \
	"op t {\n" \
	"  in q: f16[67, 72] layout(0, 1) align 16\n" \
	"  in k: f16[93, 72] layout(0, 1) align 16\n" \
	"  in v: f16[93, 24] layout(0, 1) align 16\n" \
	"  let s: f32[67, 93]\n  let x: f32[67, 93]\n  let m: f32[67]\n" \
	"  let e: f32[67, 93]\n  let z: f32[67]\n  let p: f16[67, 93]\n" \
	"  let acc: f32[67, 24]\n" \
	"  out out: f16[67, 24] layout(0, 1) align 16\n" \
	"  s[i:67, j:93] = sum[d:72](mul(f32(q[i, d]), f32(k[j, d]))) : f32\n" \
	"  x[i:67, j:93] = " seen "\n" \
	"  m[i:67] = max[j:93](x[i, j]) : f32\n" \
	"  e[i:67, j:93] = exp(sub(x[i, j], m[i]))\n" \
	"  z[i:67] = sum[j:93](e[i, j]) : f32\n" \
	"  p[i:67, j:93] = f16(div(e[i, j], z[i]))\n" \
	"  acc[i:67, c:24] = sum[j:93](mul(f32(p[i, j]), f32(v[j, c]))) : f32\n" \
	"  out[i:67, c:24] = f16(acc[i, c])\n" \
	"}\n"

static const char all_keys[] = ATTENTION("mul(s[i, j], 0.125:f32)");
static const char causal[] = ATTENTION("select(le(j, add(i, 26)), "
	"mul(s[i, j], 0.125:f32), -inf:f32)");
/* Seventeen keys before a row's own, and sixty behind it. */
static const char window[] = ATTENTION("select(and(le(j, add(i, 60)), "
	"lt(add(i, -18), j)), mul(s[i, j], 0.125:f32), -inf:f32)");

/* Of 80 keys in pages, of which there are some, the first n[0]. */
static const char paged[] =
	"op t {\n"
	"  in q: f16[67, 72] layout(0, 1) align 16\n"
	"  in n: i32[1] layout(0) align 16\n"
	"  in k: f16[9, 16, 72] layout(0, 1, 2) align 16\n"
	"  in v: f16[9, 16, 24] layout(0, 1, 2) align 16\n"
	"  in table: i32[5] layout(0) align 16\n"
	"  let s: f32[67, 80]\n  let x: f32[67, 80]\n  let m: f32[67]\n"
	"  let e: f32[67, 80]\n  let z: f32[67]\n  let p: f16[67, 80]\n"
	"  let acc: f32[67, 24]\n"
	"  out out: f16[67, 24] layout(0, 1) align 16\n"
	"  s[i:67, j:80] = sum[d:72](mul(f32(q[i, d]), f32(k[sub(mul(i64(table["
	"div(j, 16)]), 2), 6), mod(j, 16), d] pad 0.0))) : f32\n"
	"  x[i:67, j:80] = select(lt(j, i64(n[0])), mul(s[i, j], 0.125:f32), "
	"-inf:f32)\n"
	"  m[i:67] = max[j:80](x[i, j]) : f32\n"
	"  e[i:67, j:80] = exp(sub(x[i, j], m[i]))\n"
	"  z[i:67] = sum[j:80](e[i, j]) : f32\n"
	"  p[i:67, j:80] = f16(div(e[i, j], z[i]))\n"
	"  acc[i:67, c:24] = sum[j:80](mul(f32(p[i, j]), f32(v[sub(mul(i64(table["
	"div(j, 16)]), 2), 6), mod(j, 16), c] pad 0.0))) : f32\n"
	"  out[i:67, c:24] = f16(acc[i, c])\n"
	"}\n";

#define AT_PAGES(kind, rows) \
	{ { "tile.block.i", rows }, { "tile.block.j_oj_i", 32 }, \
	  { "tile.warp.i", 16 }, { "pipeline.j_oj_i.stages", 2 }, \
	  { "pipeline.j_oj_i.overlap", 0 }, { "mma.acc.kind", kind }, \
	  { "split_k.acc", 1 }, { "cache.q.scope", 0 }, { NULL, 0 } }

static const struct subject_value rows_of_pages[] = AT_PAGES(0, 32);
static const struct subject_value boxes_of_pages[] = AT_PAGES(1, 64);

#define AT(kind, rows, deep, overlap, split) \
	{ { "tile.block.i", rows }, { "tile.block.j", 16 }, \
	  { "tile.warp.i", 16 }, { "pipeline.j.stages", deep }, \
	  { "pipeline.j.overlap", overlap }, { "mma.acc.kind", kind }, \
	  { "split_k.acc", split }, { "cache.q.scope", 0 }, { NULL, 0 } }

static const struct subject_value by_warps[] = AT(0, 32, 3, 0, 1);
static const struct subject_value by_groups[] = AT(1, 64, 3, 0, 1);
static const struct subject_value lapped[] = AT(1, 64, 3, 1, 1);
static const struct subject_value by_turns[] = AT(1, 128, 2, 1, 1);
static const struct subject_value shared_out[] = AT(1, 64, 2, 0, 3);

static const struct mutation warps[] = {
	{ "sums not scaled", "\t\tsums[i >> 1]", "scale[i]", "1.0f", 1 },
	{ "a row's sum not scaled", "z_here = z_row[i] * grown", "grown", "1.0f",
		2 },
	{ "a maximum of one lane", "m_here = max_nan(m_here, shuffled",
		"shuffled", "m_here + 0 * shuffled", 1 },
	{ "a sum of one lane", "z_here += shuffled", "shuffled", "0 * shuffled",
		2 },
	{ "not divided", ": 1.0f / z_row", "/ z_row[i]", "", 1 },
	{ "a key too many", "= j < 93", "93", "94", 2 },
	{ "no last keys", "if (!(j_first + 16 <= 93))", "93", "96", 1 },
	{ "no barrier", "\t__syncthreads();\n", "__syncthreads();", "", 2 },
	{ "no wait", "\tcopy_async_wait<", "copy_async_wait",
		"if (0) copy_async_wait", 1 },
	{ "another stage", "const int ready = ", "t % 3", "(t + 1) % 3", 2 },
	{ "a stage in use", "const int free = ", "next % 3", "t % 3", 1 },
	{ "values past the keys", "v_k < 93 - j_next", "93", "94", 2 },
	{ "scores not begun anew", "\tscores[0][r] = 0.0f", "scores", "if (t == 0) "
		"scores", 1 },
	{ "weights of another row", "\t\tweights[i >> 1]", "i & 1", "~i & 1",
		2 },
	{ "a row too many", "if (i2 < ", "67", "68", 1 },
};

static const struct mutation groups[] = {
	{ "sums not scaled", "as factors */", "scale[i]", "1.0f", 2 },
	{ "a row's sum not scaled", "z_here = z_row[i] * grown", "grown", "1.0f",
		1 },
	{ "a maximum of one lane", "m_here = max_nan(m_here, shuffled",
		"shuffled", "m_here + 0 * shuffled", 2 },
	{ "a key too many", "= j < 93", "93", "94", 1 },
	{ "no wait for queries", "\tmbarrier_wait(&q_full", "mbarrier_wait",
		"if (0) mbarrier_wait", 2 },
	{ "no wait for keys", "\tmbarrier_wait(&k_full", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "no wait for values", "\tmbarrier_wait(&v_full", "mbarrier_wait",
		"if (0) mbarrier_wait", 2 },
	{ "no wait for readers of keys", "\tmbarrier_wait(&k_empty",
		"mbarrier_wait", "if (0) mbarrier_wait", 1 },
	{ "no wait for readers of values", "\tmbarrier_wait(&v_empty",
		"mbarrier_wait", "if (0) mbarrier_wait", 2 },
	{ "the other phase of keys", "mbarrier_wait(&k_full[slot]", "parity",
		"parity ^ 1", 1 },
	{ "the other phase of readers", "_empty[slot], parity", " ^ 1", "", 2 },
	{ "keys not released", "mbarrier_arrive(&k_empty", "mbarrier_arrive",
		"if (0) mbarrier_arrive", 1 },
	{ "values not released", "mbarrier_arrive(&v_empty", "mbarrier_arrive",
		"if (0) mbarrier_arrive", 2 },
	{ "a warp less awaited", "mbarrier_init(&k_empty", "4", "3", 1 },
	{ "another part of queries", "(kk * 16 >> 6) * 512", "512", "256", 2 },
	{ "another part of keys", "(kk * 16 >> 6) * 128", "128", "64", 1 },
	{ "one part twice", ", c * 64,", "c * 64", "0 * c", 2 },
	{ "another swizzle", "wgmma_descriptor(&k_tile", "1);", "2);", 1 },
	{ "another stride of values", "wgmma_descriptor(&v_tile", "512", "1024",
		2 },
	{ "registers without a fence", "\twgmma_fence();", "wgmma_fence();", "",
		1 },
	{ "no group", "\twgmma_commit();", "wgmma_commit();", "", 2 },
	{ "no wait for a product", "\twgmma_wait<", "wgmma_wait",
		"if (0) wgmma_wait", 1 },
	{ "more bytes than come", "mbarrier_arrive_expect(", "], ", "], 16 + ",
		2 },
};

static const struct mutation laps[] = {
	{ "a product more in flight", "\twgmma_wait<1>", "1", "2", 1 },
	{ "no wait for a product", "\twgmma_wait<", "wgmma_wait",
		"if (0) wgmma_wait", 2 },
	{ "registers without a fence", "\twgmma_fence();", "wgmma_fence();", "",
		1 },
	{ "other values released", "mbarrier_arrive(&v_empty[", "[(t - 1)", "[(t)",
		2 },
	{ "values of another step", "wgmma_descriptor(&v_tile[(", "(t - 1)", "t",
		1 },
	{ "the other phase of values", "mbarrier_wait(&v_full[slot]", "parity",
		"parity ^ 1", 2 },
	{ "keys not released", "mbarrier_arrive(&k_empty", "mbarrier_arrive",
		"if (0) mbarrier_arrive", 1 },
};

static const struct mutation turns[] = {
	{ "a turn not passed", "\tbarrier_arrive(", "barrier_arrive", "if (0) "
		"barrier_arrive", 1 },
	{ "a turn of nobody", "\tbarrier_sync(", "+ 3", "+ 5", 2 },
	{ "the first waits, too", "if (4 <= threadIdx.x / 32)", "4", "0", 1 },
};

static const struct mutation masks[] = {
	{ "a block that ends early", "const int steps = ", "+ 15) >> 4", "- 1) >> "
		"4", 2 },
	{ "a key ahead", "? j2 <= i2 + 26", "26", "27", 1 },
	{ "masked too late", "j_first + 16 <= i_first + 27", "27", "48", 2 },
};

static const struct mutation windows[] = {
	{ "a block that begins a step late", "const int step_first = ", ", 0)",
		", 0) + 16", 1 },
	{ "a block that begins a key late", "const int step_first = ", "17", "16",
		1 },
	{ "a step too few", "const int steps = ", ";", " - 1;", 1 },
	{ "a key before", "i2 - 18 < j2", "18", "19", 2 },
	{ "masked too late", "i_first + 14 <= j_first", "14", "0", 1 },
};

static const struct mutation parts[] = {
	{ "no fence", "\t__threadfence();", "__threadfence();", "", 1 },
	{ "no barrier", "\tbarrier_sync(", "barrier_sync", "if (0) barrier_sync",
		2 },
	{ "not the last", "(ticket == 2)", "2", "1", 1 },
	{ "a part left out", "for (int part = 0;", "0;", "1;", 2 },
	{ "sums beside their place", "\tpartial[", "partial[", "partial[1 + ", 1 },
	{ "a part not scaled", "const float there =", "-shift", "0 * shift", 2 },
	{ "a part so far not scaled", "const float here =", "-shift", "0 * shift",
		1 },
	{ "keys of another part", "const int step_first = ", "blockIdx.y",
		"0 * blockIdx.y", 2 },
};

/* Entries are 3, 1, 8, 7 and 5, pages those from 3 to 7. */
static const struct mutation rows_found[] = {
	{ "another page of keys", "\tk_entry[i] = ", "? entry", "? 4 + 0 * entry", 2 },
	{ "keys of a page that there is not", "\tk_entry[i] = ", ": 2", ": 3",
		1 },
	{ "another page of values", "\tv_entry[j] = ", "? entry", "? 4 + 0 * entry",
		1 },
	{ "values of a page that there is not", "\tv_entry[j] = ", ": 2", ": 3",
		2 },
	{ "an entry of another row", "const int entry = ", ">> 4", ">> 5", 2 },
	{ "a row of another page", "(row2 & 15)", "15", "7", 1 },
	{ "a block that ends early", "const int steps = ", "+ 31) >> 5",
		"- 1) >> 5", 1 },
};

static const struct mutation boxes_found[] = {
	{ "another page", "k_page[i] = ", "? entry", "? 4 + 0 * entry", 1 },
	{ "a page that there is not", "k_page[i] = ", ": 2", ": 3", 1 },
	{ "an entry of another box", "const int entry = ", ">> 4", ">> 5", 1 },
	{ "the first box alone", "copy_tensor_3d(&v_tile", "k_page[i]",
		"k_page[0]", 1 },
	{ "another line of the stage", "copy_tensor_3d", "i * 16", "0 * i", 1 },
	{ "more bytes than come", "mbarrier_arrive_expect(", "], ", "], 16 + ",
		2 },
	{ "a block that ends early", "const int steps = ", "+ 31) >> 5",
		"- 1) >> 5", 1 },
};

enum { MOST = 32 };

#define COUNT(array) (int)(sizeof array / sizeof *array)

static void found(const char *text, const char *target,
	const struct subject_value *at, const struct mutation *some, int count)
{
	int n[MOST] = { 0 };

	assert_true(count <= MOST);
	mutate(subject_open_for(target, 0, text, "attention", at), some, count,
		n);
	assert_places(some, count, n);
}

static void faults_of_warps_are_found(void **state)
{
	(void)state;
	found(all_keys, "sm_80", by_warps, warps, COUNT(warps));
}

static void faults_of_groups_are_found(void **state)
{
	(void)state;
	found(all_keys, "sm_90a", by_groups, groups, COUNT(groups));
}

static void faults_of_steps_that_lap_are_found(void **state)
{
	(void)state;
	found(all_keys, "sm_90a", lapped, laps, COUNT(laps));
}

static void faults_of_turns_are_found(void **state)
{
	(void)state;
	found(all_keys, "sm_90a", by_turns, turns, COUNT(turns));
}

static void faults_of_masks_are_found(void **state)
{
	(void)state;
	found(causal, "sm_90a", by_groups, masks, COUNT(masks));
}

static void faults_of_windows_are_found(void **state)
{
	(void)state;
	found(window, "sm_80", by_warps, windows, COUNT(windows));
}

static void faults_of_parts_are_found(void **state)
{
	(void)state;
	found(all_keys, "sm_90a", shared_out, parts, COUNT(parts));
}

static void faults_of_pages_are_found(void **state)
{
	(void)state;
	found(paged, "sm_80", rows_of_pages, rows_found, COUNT(rows_found));
	found(paged, "sm_90a", boxes_of_pages, boxes_found, COUNT(boxes_found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_of_warps_are_found),
		cmocka_unit_test(faults_of_groups_are_found),
		cmocka_unit_test(faults_of_steps_that_lap_are_found),
		cmocka_unit_test(faults_of_turns_are_found),
		cmocka_unit_test(faults_of_masks_are_found),
		cmocka_unit_test(faults_of_windows_are_found),
		cmocka_unit_test(faults_of_parts_are_found),
		cmocka_unit_test(faults_of_pages_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
