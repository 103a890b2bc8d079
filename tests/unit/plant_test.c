/* SPDX-License-Identifier: MIT */
/* Faults planted in what each sketch emits, one at a time, are all found: a
 * barrier or a wait that is missing, a guard that lets one more through, a
 * store that is gone, a vector that is out of place. A mutant that is right
 * after all would be a statement that the kernel does not need. Every mutant
 * where $WPK_FULL is set, else of each sketch the first of a kind, and one in some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mutation.h"

/* A product for wgmma, of some chunks. */
#define HALVES \
	"op mm {\n" \
	"  in A: f16[67, 168] layout(0, 1) align 16\n" \
	"  in B: f16[22, 168] layout(0, 1) align 16\n" \
	"  out out: f32[67, 22] layout(0, 1) align 16\n" \
	"  out[i:67, j:22] = sum[k:168](mul(f32(A[i, k]), f32(B[j, k]))) : f32\n" \
	"}\n"

#define WGMMA_AT(copies, deep) \
	{ { "tile.block.i", 64 }, { "tile.block.j", 16 }, \
	  { "tile.block.k", 16 }, { "bind.threads", 128 }, \
	  { "mma.out.swap", 0 }, { "split_k.out", 1 }, \
	  { "pipeline.k.async", copies }, { "pipeline.k.stages", deep } }

/* One whose rows are made in registers. */
#define MADE \
	"op mm {\n" \
	"  in A: i8[67, 176] layout(0, 1) align 16\n" \
	"  in s: f32[176] layout(0) align 16\n" \
	"  in B: f16[22, 176] layout(0, 1) align 16\n" \
	"  out out: f32[67, 22] layout(0, 1) align 16\n" \
	"  out[i:67, j:22] = sum[k:176](mul(f32(f16(mul(f32(A[i, k]), s[k]))), " \
	"f32(B[j, k]))) : f32\n" \
	"}\n"
#define MADE_AT(copies, deep) \
	{ { "tile.block.i", 64 }, { "tile.block.j", 16 }, \
	  { "tile.block.k", 32 }, { "bind.threads", 128 }, \
	  { "mma.out.swap", 0 }, { "split_k.out", 1 }, \
	  { "pipeline.k.async", copies }, { "pipeline.k.stages", deep }, \
	  { "mma.out.from", 2 } }

/* One of three products. */
#define THRICE \
	"op mm {\n" \
	"  in A: f32[67, 88] layout(0, 1) align 16\n" \
	"  in B: f32[44, 88] layout(0, 1) align 16\n" \
	"  out out: f32[67, 44] layout(0, 1) align 16\n" \
	"  out[i:67, j:44] = sum[k:88](mul(A[i, k], B[j, k])) : f32\n" \
	"}\n"
#define THRICE_AT(copies, deep) \
	{ { "tile.block.i", 64 }, { "tile.block.j", 32 }, \
	  { "tile.block.k", 16 }, { "bind.threads", 128 }, \
	  { "mma.out.swap", 0 }, { "split_k.out", 1 }, \
	  { "pipeline.k.async", copies }, { "pipeline.k.stages", deep }, \
	  { "mma.out.precision", 2 } }

/* HALVES where a cluster joins parts of the sum, "split_k" the ninth. */
#define PARTS_AT(parts) \
	{ { "tile.block.i", 64 }, { "tile.block.j", 16 }, \
	  { "tile.block.k", 16 }, { "bind.threads", 128 }, \
	  { "mma.out.swap", 0 }, { "split_k.out.combine", 2 }, \
	  { "pipeline.k.async", 2 }, { "pipeline.k.stages", 3 }, \
	  { "split_k.out", parts } }
/* One whose results are rounded and go by bulk stores, in three parts. */
#define STORED \
	"op mm {\n" \
	"  in A: f16[67, 72] layout(0, 1) align 16\n" \
	"  in B: f16[88, 72] layout(0, 1) align 16\n" \
	"  in r: f16[67, 88] layout(0, 1) align 16\n" \
	"  let acc: f32[67, 88]\n" \
	"  out out: f16[67, 88] layout(0, 1) align 16\n" \
	"  acc[i:67, j:88] = sum[k:72](mul(f32(A[i, k]), f32(B[j, k]))) : f32\n" \
	"  out[i:67, j:88] = f16(add(acc[i, j], f32(r[i, j])))\n" \
	"}\n"
#define STORED_AT \
	{ { "tile.block.i", 64 }, { "tile.block.j", 96 }, \
	  { "tile.block.k", 16 }, { "bind.threads", 128 }, \
	  { "mma.acc.swap", 0 }, { "split_k.acc", 1 }, \
	  { "pipeline.k.async", 2 }, { "pipeline.k.stages", 3 }, \
	  { "epilogue.out.bulk", 32 } }

/* Odd sizes, so that every guard is in use. */
/* "idle": bits of guards (1: the first) that keep threads from computing what
 * nobody stores; one more does no harm. wgmma is for sm_90a. */
static const struct {
	const char *sketch, *text;
	unsigned idle;
	struct subject_value at[10];
} cases[] = {
	{ "fma", "op mm {\n"
		"  in A: f32[67, 45] layout(0, 1) align 16\n"
		"  in B: f32[45, 70] layout(0, 1) align 16\n"
		"  out out: f32[67, 70] layout(0, 1) align 16\n"
		"  out[i:67, j:70] = sum[k:45](mul(A[i, k], B[k, j])) : f32\n"
		"}\n", 0, { { NULL, 0 } } },
	{ "fma", "op norm {\n"
		"  in A: f32[67, 21] layout(0, 1) align 16\n"
		"  in B: f32[21, 70] layout(0, 1) align 16\n"
		"  in c: f32[70] layout(0) align 16\n"
		"  in g: f32[67] layout(0) align 16\n"
		"  let s: f32[67, 70]\n"
		"  let z: f32[67]\n"
		"  out out: f32[67, 70] layout(0, 1) align 16\n"
		"  s[i:67, j:70] = sum[k:21](mul(A[i, k], B[k, j])) : f32\n"
		"  z[i:67] = sum[j:70](add(mul(s[i, j], s[i, j]), mul(c[j], "
		"g[i]))) : f32\n"
		"  out[i:67, j:70] = mul(s[i, j], z[i])\n"
		"}\n", 1 << 2 | 1 << 4, { { NULL, 0 } } },
	{ "reduce", "op soft {\n"
		"  in x: f32[9, 1501] layout(0, 1) align 16\n"
		"  let m: f32[9]\n"
		"  let z: f32[9]\n"
		"  out out: f32[9, 1501] layout(0, 1) align 16\n"
		"  m[b:9] = max[l:1501](x[b, l]) : f32\n"
		"  z[b:9] = sum[l:1501](exp(sub(x[b, l], m[b]))) : f32\n"
		"  out[b:9, l:1501] = div(exp(sub(x[b, l], m[b])), z[b])\n"
		"}\n", 0, { { NULL, 0 } } },
	{ "gemv", "op mv {\n"
		"  in A: f32[1, 333] layout(0, 1) align 16\n"
		"  in B: f32[70, 333] layout(0, 1) align 16\n"
		"  out out: f32[1, 70] layout(0, 1) align 16\n"
		"  out[i:1, j:70] = sum[k:333](mul(A[i, k], B[j, k])) : f32\n"
		"}\n", 0, { { NULL, 0 } } },
	{ "direct", "op dw {\n"
		"  in x: f32[1, 5, 19, 23] layout(0, 1, 2, 3) align 16\n"
		"  in w: f32[5, 3, 3] layout(0, 1, 2) align 16\n"
		"  out out: f32[1, 5, 19, 23] layout(0, 1, 2, 3) align 16\n"
		"  out[n:1, c:5, p:19, q:23] = sum[r:3, s:3](mul(x[n, c, "
		"add(add(p, r), -1), add(add(q, s), -1)] pad 0.0, "
		"w[c, r, s])) : f32\n"
		"}\n", 1 << 3, { { NULL, 0 } } },
	{ "winograd", "op conv {\n"
		"  in x: f32[1, 17, 5, 7] layout(0, 1, 2, 3) align 16\n"
		"  in w: f32[3, 17, 3, 3] layout(0, 1, 2, 3) align 16\n"
		"  out out: f32[1, 3, 5, 7] layout(0, 1, 2, 3) align 16\n"
		"  out[n:1, f:3, p:5, q:7] = sum[c:17, r:3, s:3](mul(x[n, c, "
		"add(add(p, r), -1), add(add(q, s), -1)] pad 0.0, "
		"w[f, c, r, s])) : f32\n"
		"}\n", 0, { { NULL, 0 } } },
	{ "transpose", "op tr {\n"
		"  in x: f32[67, 101] layout(0, 1) align 16\n"
		"  out out: f32[101, 67] layout(0, 1) align 16\n"
		"  out[i:101, j:67] = x[j, i]\n"
		"}\n", 0, { { NULL, 0 } } },
	{ "elementwise", "op map {\n"
		"  in x: f32[1003] layout(0) align 16\n"
		"  out out: f32[1003] layout(0) align 16\n"
		"  out[i:1003] = mul(x[i], 2.0:f32)\n"
		"}\n", 0, { { NULL, 0 } } },
	{ "mma", HALVES, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6,
	  { { "tile.block.i", 32 }, { "tile.block.j", 16 },
		{ "tile.block.k", 16 }, { "tile.warp.i", 16 },
		{ "tile.warp.j", 16 }, { "pipeline.k.async", 1 },
		{ "pipeline.k.stages", 3 }, { "split_k.out", 4 },
		{ "split_k.out.combine", 2 } } },
	{ "wgmma", HALVES, 0, WGMMA_AT(2, 3) },
	{ "wgmma", HALVES, 1 << 1, WGMMA_AT(1, 3) },
	{ "wgmma", HALVES, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6, WGMMA_AT(0, 2) },
	{ "wgmma", HALVES, 1 << 1, PARTS_AT(2) },
	{ "wgmma", STORED, 0, STORED_AT },
	{ "wgmma", MADE, 0, MADE_AT(2, 3) },
	{ "wgmma", MADE, 0, MADE_AT(2, 2) },
	{ "wgmma", MADE, 1 << 1 | 1 << 3, MADE_AT(1, 3) },
	{ "wgmma", THRICE, 0, THRICE_AT(2, 3) },
	{ "wgmma", THRICE, 0, THRICE_AT(1, 2) },
};

static const struct mutation mutations[] = {
	{ "no barrier", "\t__syncthreads();\n", "__syncthreads();", "", 1 },
	{ "no wait", "\tcopy_async_wait<", "copy_async_wait",
		"if (0) copy_async_wait", 1 },
	{ "one too many", "\tif (", " < ", " <= ", 1 },
	{ "no store", "\tout[", "out[", "if (0) out[", 2 },
	{ "no vector stored", "\t*(float2 *)&out[", "*", "if (0) *", 1 },
	{ "a store beside its place", "\tout[", "out[", "out[1 + ", 2 },
	{ "a vector beside its place", "*)&out[", "&out[", "&out[1 + ", 2 },
	{ "a read beside its place", "const float4 *)&", "]", " + 1]", 2 },
	{ "another stride", "= wgmma_descriptor(", "256", "512", 2 },
	{ "another swizzle", "= wgmma_descriptor(", "3);", "2);", 2 },
	{ "no wait for a product", "\twgmma_wait<", "wgmma_wait",
		"if (0) wgmma_wait", 1 },
	{ "a product more in flight", "\twgmma_wait<1>", "1", "2", 1 },
	{ "lanes not waited for", "\t\t\t__syncwarp();", "__syncwarp();", "", 1 },
	{ "the other fragment", "_part[(kk", "& 1]", "& 1 ^ 1]", 1 },
	{ "a fragment of other rows", "_raw[0][r][0]", "fragment_row", "1 + "
		"fragment_row", 1 },
	{ "no rest of columns", "\t*(float4 *)&B_rest[", "*(float4 *)&B_rest", "if "
		"(0) *(float4 *)&B_rest", 1 },
	{ "no rest of rows", "\tA_rest[(kk", "settled_u32(", "0 & settled_u32(", 1 },
	{ "registers without a fence", "\twgmma_fence();", "wgmma_fence();", "",
		1 },
	{ "no group", "\twgmma_commit();", "wgmma_commit();", "", 1 },
	{ "no fence of proxies", "\tfence_proxy_async();",
		"fence_proxy_async();", "", 1 },
	{ "the other phase of full", "mbarrier_wait(&full", "parity",
		"parity ^ 1", 1 },
	{ "the other phase of empty", "mbarrier_wait(&empty", " ^ 1", "", 1 },
	{ "no wait for a copy", "\tmbarrier_wait(&full", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "no wait for a reader", "\tmbarrier_wait(&empty", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "a stage released early", "mbarrier_arrive(&empty", "(t - 1)", "t",
		1 },
	{ "more bytes than come", "mbarrier_arrive_expect(", "], ", "], 16 + ",
		1 },
	{ "a warp less awaited", "mbarrier_init(&empty", "4", "3", 1 },
	{ "no wait for kernels before", "\tgrid_wait();\n", "grid_wait();", "",
		1 },
	{ "no barrier of the cluster", "\tcluster_sync();\n",
		"cluster_sync();", "", 1 },
	{ "a block leaves its cluster", "\tcluster_wait();\n",
		"cluster_wait();", "", 1 },
	{ "a part left out", "\tfor (int part = 0;", "0;", "1;", 1 },
	{ "a part beside its place", "\t\t\tremote_load_x4(", "share_inner * 4",
		"share_inner * 4 + 4", 1 },
	{ "a box beside its place", "\tcopy_tensor_2d(", "k0", "k0 + 8", 2 },
	{ "no barrier of four warps", "\tbarrier_sync(", "barrier_sync",
		"if (0) barrier_sync", 1 },
	{ "no matrix", "\tstmatrix_x4(", "stmatrix", "if (0) stmatrix", 1 },
	{ "a matrix not swizzled", "\tstmatrix_x4(", "^ turn", "^ 0", 1 },
	{ "no wait for a store", "\tcopy_bulk_wait_read<", "copy_bulk_wait",
		"if (0) copy_bulk_wait", 1 },
	{ "one store more in flight", "\tcopy_bulk_wait_read<1", "1", "2", 1 },
	{ "stores of no group", "\tcopy_bulk_commit();", "copy_bulk_commit();",
		"", 1 },
	{ "a store beside its box", "\tcopy_tensor_store_2d(", "i_first",
		"8 + i_first", 1 },
};

/* Of crews that take turns. */
static const struct mutation turns[] = {
	{ "no wait for a copy", "\tmbarrier_wait(&full", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "no wait for a reader", "\tmbarrier_wait(&empty", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "no wait for a store", "\tcopy_bulk_wait_read<", "copy_bulk_wait",
		"if (0) copy_bulk_wait", 1 },
	{ "the other crew's turn", "mbarrier_wait(&turns", "round", "round ^ 1",
		1 },
	{ "no turn for the other", "if (t == 4)", "4", "5", 1 },
	{ "a turn of its own", "&turns[crew ^ 1]", "crew ^ 1", "crew", 1 },
	{ "chunks of the other's", "\tturns_before += ", "10", "5", 1 },
	{ "tiles of the other's", "tile = blockIdx.x + crew", "crew", "0", 1 },
	{ "slots of the other's", "\tconst int slot = crew", "crew", "0", 1 },
};

/* Of blocks that share out chunks of tiles. */
static const struct mutation shared_out[] = {
	{ "no release", "\tflag_set(", "flag_set(&flags[blockIdx.x])",
		"flags[blockIdx.x] = 1", 1 },
	{ "no flag", "\tflag_set(", "flag_set", "if (0) flag_set", 1 },
	{ "another's flag set", "\tflag_set(", "[blockIdx.x", "[1 + blockIdx.x",
		1 },
	{ "no acquire", "\tflag_wait(", "flag_wait(",
		"if (*(const volatile int *)", 1 },
	{ "no wait", "\tflag_wait(", "flag_wait", "if (0) flag_wait", 1 },
	{ "another's flag", "\tflag_wait(", "&flags[", "&flags[1 + ", 1 },
	{ "no barrier of those that multiply", "\tbarrier_sync(",
		"barrier_sync", "if (0) barrier_sync", 1 },
	{ "no barrier", "\t__syncthreads();\n", "__syncthreads();", "", 1 },
	{ "a range that ends late", "int range_end = ", "(unit",
		"1 + (unit", 1 },
	{ "a range that begins late", "int range = ", "unit", "1 + unit", 1 },
	{ "a tile that ends early", "int chunk_end = ", "min_int(",
		"-1 + min_int(", 1 },
	{ "sums of another", "sum[i][j] += partial[", "[(", "[4096 + (", 1 },
	{ "sums beside their place", "\tpartial[", "partial[", "partial[1 + ",
		1 },
};

/* Of parts whose last block adds them up. */
static const struct mutation counted[] = {
	{ "no fence", "\t__threadfence();", "__threadfence();", "", 1 },
	{ "no barrier", "\t__syncthreads();\n", "__syncthreads();", "", 1 },
	{ "not the last", "(ticket == 3)", "3", "2", 1 },
	{ "sums of another", "sum[i][j] += partial[", "[(", "[4096 + (", 1 },
	{ "sums beside their place", "\tpartial[", "partial[", "partial[1 + ",
		1 },
};

/* Of blocks that copy for each other. */
static const struct mutation mates[] = {
	{ "no barrier of the cluster", "\tcluster_sync();\n",
		"cluster_sync();", "__syncthreads();", 1 },
	{ "no fence behind barriers", "\tfence_mbarrier_init();",
		"fence_mbarrier_init();", "", 1 },
	{ "copied for one alone", "(unsigned short)3", "3", "1", 1 },
	{ "a part of another", "cluster_rank(", "cluster_rank(", "0 * "
		"cluster_rank(", 1 },
	{ "released to one alone", "if ((thread & 31) < 2)", "< 2", "< 1", 1 },
	{ "released to one twice", "mbarrier_arrive_remote(", "thread & 31)",
		"0)", 1 },
	{ "released to itself", "mbarrier_arrive_remote(",
		"mbarrier_arrive_remote(", "if ((thread & 31) == "
		"cluster_rank()) mbarrier_arrive_remote(", 1 },
	{ "a stage released early", "&empty[(turns", "t - 1)", "t)", 1 },
	{ "a stage not released", "mbarrier_arrive_remote(",
		"mbarrier_arrive_remote(", "if (0) mbarrier_arrive_remote(",
		1 },
	{ "one reader's arrivals", "mbarrier_init(&empty", "8", "4", 1 },
	{ "no wait for a copy", "\tmbarrier_wait(&full", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "no wait for a reader", "\tmbarrier_wait(&empty", "mbarrier_wait",
		"if (0) mbarrier_wait", 1 },
	{ "bytes of its own", "mbarrier_arrive_expect(", "], ", "], -512 + ",
		1 },
};

enum { N_CASES = sizeof cases / sizeof *cases,
	N_MUTATIONS = sizeof mutations / sizeof *mutations,
	N_TURNS = sizeof turns / sizeof *turns,
	N_MATES = sizeof mates / sizeof *mates,
	N_SHARED_OUT = sizeof shared_out / sizeof *shared_out,
	N_COUNTED = sizeof counted / sizeof *counted };

static struct subject open_case(int i)
{
	return subject_open_for(cases[i].at[0].name ? "sm_90a" : "sm_80",
		0, cases[i].text, cases[i].sketch, cases[i].at);
}

static void planted_faults_are_found(void **state)
{
	int n[N_MUTATIONS] = { 0 }, of_sketch[N_MUTATIONS];

	(void)state;
	for (int i = 0; i < N_CASES; i++) {
		struct subject s = open_case(i);
		struct check_result r = mutation_look(&s);

		if (r.verdict == CHECK_UNAVAILABLE) {
			print_message("# %s\n# %s", r.line, r.detail);
			arena_destroy(s.a);
			skip();
		}
		if (r.verdict != CHECK_VERIFIED)
			fail_msg("%s\n%s", r.line, r.detail);
		if (!i || strcmp(cases[i].sketch, cases[i - 1].sketch) != 0)
			memset(of_sketch, 0, sizeof of_sketch);
		for (int k = 0; k < N_MUTATIONS; k++) {
			int here = mutate_all(&s, &mutations[k],
				cases[i].sketch, cases[i].idle, of_sketch[k]);

			of_sketch[k] += here;
			n[k] += here;
		}
		arena_destroy(s.a);
	}
	assert_places(mutations, N_MUTATIONS, n);
}

static const char turns_text[] =
	"op mm {\n"
	"  in A: f16[450, 72] layout(0, 1) align 16\n"
	"  in B: f16[88, 72] layout(0, 1) align 16\n"
	"  let acc: f32[450, 88]\n"
	"  out out: f16[450, 88] layout(0, 1) align 16\n"
	"  acc[i:450, j:88] = sum[k:72](mul(f32(A[i, k]), f32(B[j, k]))) : f32\n"
	"  out[i:450, j:88] = f16(acc[i, j])\n"
	"}\n";

static const struct subject_value turns_at[] = {
	{ "tile.block.i", 64 }, { "tile.block.j", 32 }, { "tile.block.k", 16 },
	{ "bind.threads", 256 }, { "mma.acc.swap", 0 }, { "split_k.acc", 1 },
	{ "pipeline.k.async", 2 }, { "pipeline.k.stages", 3 },
	{ "epilogue.out.bulk", 16 }, { "raster.persistent", 2 },
	{ "raster.group", 1 }, { NULL, 0 }
};

/* On a chip of one multiprocessor, whose blocks have some tiles each. */
static void faults_of_turns_are_found(void **state)
{
	int n[N_TURNS] = { 0 };

	(void)state;
	mutate(subject_open_for("sm_90a", 1, turns_text, "wgmma", turns_at),
		turns, N_TURNS, n);
	assert_places(turns, N_TURNS, n);
}

/* Clusters of two along either side, with some tiles each. */
static const struct subject_value mates_j_at[] = {
	{ "tile.block.i", 64 }, { "tile.block.j", 16 }, { "tile.block.k", 16 },
	{ "bind.threads", 128 }, { "mma.acc.swap", 0 }, { "split_k.acc", 1 },
	{ "pipeline.k.async", 2 }, { "pipeline.k.stages", 3 },
	{ "raster.persistent", 1 }, { "cluster.j", 2 }, { NULL, 0 }
}, mates_i_at[] = {
	{ "tile.block.i", 64 }, { "tile.block.j", 32 }, { "tile.block.k", 16 },
	{ "bind.threads", 128 }, { "mma.acc.swap", 0 }, { "split_k.acc", 1 },
	{ "pipeline.k.async", 2 }, { "pipeline.k.stages", 3 },
	{ "epilogue.out.bulk", 32 },
	{ "raster.persistent", 1 }, { "cluster.i", 2 }, { NULL, 0 }
};

static void faults_of_mates_are_found(void **state)
{
	int n[N_MATES] = { 0 };

	(void)state;
	mutate(subject_open_for("sm_90a", 2, turns_text, "wgmma",
		mates_j_at), mates, N_MATES, n);
	mutate(subject_open_for("sm_90a", 2, turns_text, "wgmma",
		mates_i_at), mates, N_MATES, n);
	assert_places(mates, N_MATES, n);
}

/* Of more tiles than blocks, one of which has some of three, and of fewer. */
static const struct subject_value streams_at[] = {
	{ "tile.block.i", 64 }, { "tile.block.j", 48 }, { "tile.block.k", 16 },
	{ "bind.threads", 128 }, { "mma.acc.swap", 0 }, { "split_k.acc", 2 },
	{ "split_k.acc.combine", 3 }, { "pipeline.k.async", 2 },
	{ "pipeline.k.stages", 3 }, { "raster.persistent", 1 }, { NULL, 0 }
}, tiles_at[] = {
	{ "tile.block.i", 32 }, { "tile.block.j", 32 }, { "tile.block.k", 16 },
	{ "tile.warp.i", 16 }, { "tile.warp.j", 16 }, { "split_k.acc", 2 },
	{ "split_k.acc.combine", 3 }, { "pipeline.k.async", 1 },
	{ "pipeline.k.stages", 3 }, { NULL, 0 }
}, parts_at[] = {
	{ "tile.block.i", 32 }, { "tile.block.j", 32 }, { "tile.block.k", 16 },
	{ "tile.warp.i", 16 }, { "tile.warp.j", 16 }, { "split_k.out", 4 },
	{ "split_k.out.combine", 3 }, { "pipeline.k.async", 1 },
	{ "pipeline.k.stages", 3 }, { NULL, 0 }
}, counted_at[] = {
	{ "tile.block.i", 32 }, { "tile.block.j", 32 }, { "tile.block.k", 16 },
	{ "tile.warp.i", 16 }, { "tile.warp.j", 16 }, { "split_k.out", 4 },
	{ "split_k.out.combine", 1 }, { "pipeline.k.async", 0 },
	{ "pipeline.k.stages", 2 }, { NULL, 0 }
};

static void faults_of_shared_chunks_are_found(void **state)
{
	int n[N_SHARED_OUT] = { 0 };

	(void)state;
	mutate(subject_open_for("sm_90a", 1, turns_text, "wgmma",
		streams_at), shared_out, N_SHARED_OUT, n);
	mutate(subject_open_for("sm_80", 1, turns_text, "mma", tiles_at),
		shared_out, N_SHARED_OUT, n);
	mutate(subject_open_for("sm_80", 3, HALVES, "mma", parts_at),
		shared_out, N_SHARED_OUT, n);
	assert_places(shared_out, N_SHARED_OUT, n);
}

static void faults_of_counted_parts_are_found(void **state)
{
	int n[N_COUNTED] = { 0 };

	(void)state;
	mutate(subject_open_for("sm_80", 3, HALVES, "mma", counted_at),
		counted, N_COUNTED, n);
	assert_places(counted, N_COUNTED, n);
}

/* What launches before this one left there is no flag. */
static void flags_that_are_not_cleared_are_found(void **state)
{
	struct subject s = subject_open_for("sm_80", 3, HALVES, "mma", parts_at);
	struct check_result r;

	(void)state;
	subject_plant(&s, "cudaMemsetAsync(flags, 0, ",
		"cudaMemsetAsync(flags, 0, 0 * ");
	r = mutation_look(&s);
	if (r.verdict != CHECK_UNAVAILABLE)
		assert_int_equal(r.verdict, CHECK_FAULT);
	arena_destroy(s.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_faults_are_found),
		cmocka_unit_test(faults_of_turns_are_found),
		cmocka_unit_test(faults_of_mates_are_found),
		cmocka_unit_test(faults_of_shared_chunks_are_found),
		cmocka_unit_test(faults_of_counted_parts_are_found),
		cmocka_unit_test(flags_that_are_not_cleared_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
