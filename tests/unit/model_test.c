/* SPDX-License-Identifier: MIT */
/* The analytic estimate: it ranks what is known to be faster first, is never
 * below the bounds of the chip, and never worse on a better chip. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "schedule/target.h"
#include "search/search.h"

/* C[m, n] += A[m, k] B[n, k] in float by blocks of bm x bn x bk, threads of
 * tm x tn results, "stages" buffers, k split over "split" blocks. */
struct tiling {
	double m, n, k;
	int bm, bn, bk, tm, tn, stages, split, regs;
};

static struct features features_of(const struct tiling *t,
	const struct target *target)
{
	double tiles = ceil(t->m / t->bm) * ceil(t->n / t->bn);
	double chunks = ceil(t->k / t->bk / t->split);
	double blocks = tiles * t->split;
	int threads = t->bm / t->tm * (t->bn / t->tn);
	double warps = blocks * threads / 32;
	double reads = (t->tm + t->tn) * t->bk / 4.0;
	double fmas = (double)t->tm * t->tn * t->bk;
	double staged = (double)(t->bm + t->bn) * t->bk * 4;
	double copies = staged / 16 / threads;
	int smem = t->stages * (int)staged;
	int occupancy = target_occupancy(target, threads, t->regs, smem);

	return (struct features){
		.flops = 2 * blocks * chunks * t->bm * t->bn * t->bk,
		.issue = warps * chunks * (fmas + reads + 4 * copies + 24),
		.dram_bytes = 4 * (t->m * t->k + t->n * t->k + t->m * t->n),
		.l2_bytes = blocks * chunks * staged
			+ (t->split > 1 ? 8 * blocks * t->bm * t->bn : 0),
		.smem_cycles = warps * chunks * (reads * 2 + copies * 4),
		.blocks = blocks, .threads = threads, .regs = t->regs,
		.smem = smem, .occupancy = occupancy,
		.chain = 900 + chunks * 60 + (t->split > 1 ? 1500 : 0),
		.ilp = t->tm * t->tn, .stages = t->stages - 1,
		.launches = t->split > 1 ? 2 : 1, .useful = 1,
	};
}

static double seconds_of(const struct tiling *t, const char *gpu)
{
	const struct gpu *g = gpu_named(gpu);
	struct features f;

	assert_non_null(g);
	f = features_of(t, target_named(g->arch));
	return model_seconds(&f, g);
}

static const struct tiling large = { 4096, 4096, 4096, 128, 128, 16, 8, 8, 3,
	1, 128 };
static const struct tiling middle = { 4096, 4096, 4096, 64, 64, 16, 4, 4, 3,
	1, 64 };
static const struct tiling small = { 4096, 4096, 4096, 32, 32, 16, 2, 2, 3, 1,
	40 };

static const char *const names[] = { "h200", "h100", "a100", "l4", "rtx4090",
	"t4", NULL };

static void test_tiles(void **state)
{
	(void)state;
	for (int i = 0; names[i]; i++) {
		double x = seconds_of(&large, names[i]);
		double y = seconds_of(&middle, names[i]);
		double z = seconds_of(&small, names[i]);

		print_message("# 4096^3 fp32 on %-7s 128: %6.2f ms, "
			"64: %6.2f, 32: %6.2f\n", names[i], x * 1e3, y * 1e3,
			z * 1e3);
		assert_true(x < y * (gpu_named(names[i])->f32_lanes_sm < 128
			? 1.06 : 0.97));
		assert_true(y < z);
	}
}

/* Where no wave is cut short and two blocks fit an SM, the larger tile wins
 * everywhere. With 64 lanes an SM every other issue slot is free, so it wins
 * by little. */
static void test_tiles_whole_waves(void **state)
{
	(void)state;
	for (int i = 0; names[i]; i++) {
		struct tiling x = large, y = middle, z = small;

		x.m = y.m = z.m = 256.0 * gpu_named(names[i])->sms;
		x.stages = y.stages = z.stages = 2;
		assert_true(seconds_of(&x, names[i])
			< seconds_of(&y, names[i]));
		assert_true(seconds_of(&y, names[i])
			< seconds_of(&z, names[i]));
	}
}

/* No estimate below what the chip can do, nor absurdly above. */
static void test_bounds(void **state)
{
	(void)state;
	for (const struct gpu *g = gpu_list(); g->name; g++) {
		double rate = 2.0 * g->sms * g->f32_lanes_sm * g->clock_mhz
			* 1e6;
		double t = seconds_of(&large, g->name);

		assert_true(t > 2 * pow(4096, 3) / rate);
		assert_true(t < 1.6 * 2 * pow(4096, 3) / rate);
	}
}

/* ResNet-18's last 3x3 at batch 1 as a contraction: 49 x 512 x 4608. Eight
 * tiles leave most of the chip idle. */
static void test_split_k(void **state)
{
	(void)state;
	for (int i = 0; names[i]; i++) {
		const struct gpu *g = gpu_named(names[i]);
		struct tiling t = { 49, 512, 4608, 64, 64, 16, 4, 4, 3, 1, 64 };
		double alone = seconds_of(&t, names[i]), best = INFINITY;
		int best_split = 0;

		for (t.split = 1; t.split <= 64; t.split *= 2) {
			double s = seconds_of(&t, names[i]);

			if (s < best) {
				best = s;
				best_split = t.split;
			}
		}
		print_message("# 49x512x4608 on %-7s split %2d: %6.1f us, "
			"alone %6.1f\n", names[i], best_split, best * 1e6,
			alone * 1e6);
		assert_true(best < alone / 3);
		assert_true(8 * best_split >= g->sms / 2);
		assert_in_range(best_split, 4, 32);
	}
}

/* One block more than fits takes a second wave. */
static void test_waves(void **state)
{
	const struct gpu *g = gpu_named("h200");
	struct features f = features_of(&large, target_named("sm_90"));
	double per_block = f.flops / f.blocks, one, two;

	(void)state;
	f.dram_bytes = f.l2_bytes = f.issue = f.smem_cycles = 0;
	f.blocks = g->sms;
	f.flops = per_block * f.blocks;
	one = model_seconds(&f, g);
	f.blocks = g->sms + 1;
	f.flops = per_block * f.blocks;
	two = model_seconds(&f, g);
	assert_true(two > 1.5 * one);
	f.blocks = 2 * g->sms;
	f.flops = per_block * f.blocks;
	assert_true(fabs(model_seconds(&f, g) - two) < 1e-3 * two);
}

/* A copy of 1 GB takes the time of the copy rate; too few bytes in flight take
 * longer, and so do more launches. */
static void test_memory(void **state)
{
	const struct gpu *g = gpu_named("h200");
	struct features f = {
		.dram_bytes = 1e9, .l2_bytes = 1e9, .issue = 1e9 / 16 / 32 * 8,
		.blocks = 1e9 / 8 / 256 / 16, .threads = 256, .regs = 32,
		.occupancy = 8, .chain = 600, .ilp = 4, .stages = 4,
		.launches = 1, .useful = 1,
	};
	double floor_s = 1e9 / (g->dram_bytes_s * g->copy), t;

	(void)state;
	t = model_seconds(&f, g);
	assert_true(t > floor_s && t < 1.2 * floor_s);
	f.launches = 3;
	assert_true(fabs(model_seconds(&f, g) - t - 2 * g->launch_s) < 1e-12);
	f.launches = 1;
	f.occupancy = 1;
	f.stages = 1;
	f.threads = 128;
	assert_true(model_seconds(&f, g) > 3 * t);
	f.occupancy = 0;
	assert_true(isinf(model_seconds(&f, g)));
}

static struct gpu faster(struct gpu g, int which)
{
	switch (which) {
	case 0: g.clock_mhz *= 1.5; break;
	case 1: g.f32_lanes_sm *= 2; break;
	case 2: g.dram_bytes_s *= 1.5; break;
	case 3: g.copy = fmin(1, g.copy * 1.1); break;
	case 4: g.l2_bytes_s *= 1.5; break;
	case 5: g.l2_bytes *= 1.5; break;
	case 6: g.launch_s /= 2; break;
	case 7: g.sms *= 2; break;
	}
	return g;
}

/* A chip better in any one way is never slower, and is faster where that is
 * what the candidate is bound by. */
static void test_monotone_rates(void **state)
{
	static const struct tiling cases[] = {
		{ 4096, 4096, 4096, 128, 128, 16, 8, 8, 3, 1, 128 },
		{ 4096, 4096, 4096, 32, 32, 16, 2, 2, 1, 1, 40 },
		{ 49, 512, 4608, 64, 64, 16, 4, 4, 3, 8, 64 },
		{ 16, 16384, 64, 16, 128, 8, 2, 4, 2, 1, 40 },
		{ 12544, 64, 147, 128, 64, 8, 8, 4, 2, 1, 96 },
	};

	(void)state;
	for (const struct gpu *g = gpu_list(); g->name; g++)
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			struct features f = features_of(&cases[i],
				target_named(g->arch));
			double t = model_seconds(&f, g);

			for (int which = 0; which < 8; which++) {
				struct gpu h = faster(*g, which);

				assert_true(model_seconds(&f, &h)
					<= t * (1 + 1e-12));
			}
		}
}

/* Each rate is felt by what it binds. */
static void test_rates_bind(void **state)
{
	const struct gpu *g = gpu_named("h200");
	struct features f = features_of(&large, target_named("sm_90"));
	struct features only = { .blocks = 1e5, .threads = 256,
		.occupancy = 4, .ilp = 64, .stages = 4, .launches = 1 };
	struct gpu h = faster(*g, 1);

	(void)state;
	only.flops = f.flops;
	assert_true(model_seconds(&only, &h) < 0.55 * model_seconds(&only, g));
	only.flops = 0;
	only.l2_bytes = 1e11;
	h = faster(*g, 4);
	assert_true(model_seconds(&only, &h) < 0.7 * model_seconds(&only, g));
	only.dram_bytes = 1e11;
	h = faster(*g, 2);
	assert_true(model_seconds(&only, &h) < 0.9 * model_seconds(&only, g));
}

/* Nothing a candidate does more of makes it faster. */
static void test_monotone_features(void **state)
{
	const struct gpu *g = gpu_named("a100");
	struct features base = features_of(&large, target_named("sm_80"));
	double t = model_seconds(&base, g);

	(void)state;
	for (int which = 0; which < 7; which++) {
		struct features f = base;
		double *fields[] = { &f.flops, &f.special, &f.issue,
			&f.dram_bytes, &f.l2_bytes, &f.smem_cycles, &f.chain };

		*fields[which] = *fields[which] * 4 + 1e12;
		assert_true(model_seconds(&f, g) > t);
	}
}

/* ---- what an estimate is made of ---- */

static struct model_bounds bounds_of(const struct features *f)
{
	struct model_bounds t;

	model_bounds(f, gpu_named("h200"), &t);
	assert_true(t.total == model_seconds(f, gpu_named("h200")));
	return t;
}

/* The parts are no more than the whole, and the whole no more than the parts
 * one after the other. */
static void test_parts_bound(void **state)
{
	(void)state;
	for (int split = 1; split <= 64; split *= 2) {
		struct tiling x = { 49, 512, 4608, 64, 64, 16, 4, 4, 3, split,
			64 };
		struct features f = features_of(&x, target_named("sm_90"));
		struct model_bounds t = bounds_of(&f);
		double sum = 0;

		for (int i = 0; i < N_BOUNDS; i++) {
			assert_true(t.seconds[i] >= -1e-18);
			assert_true(t.seconds[i] < t.total);
			sum += t.seconds[i];
		}
		assert_true(sum * 1.2 > t.total);
		assert_non_null(bound_name(t.limit));
	}
}

/* Each bound is named where it is what limits. */
static void test_parts_limit(void **state)
{
	struct features f = { .blocks = 132, .threads = 512, .occupancy = 1,
		.ilp = 64, .stages = 4, .launches = 1, .flops = 1e12 };
	struct features copy = { .dram_bytes = 1e9, .l2_bytes = 1e9,
		.blocks = 132 * 8 * 64, .threads = 256, .occupancy = 8,
		.ilp = 4, .stages = 4, .launches = 1 };
	struct features idle = { .blocks = 1, .threads = 32, .occupancy = 1,
		.launches = 1 };

	(void)state;
	assert_int_equal(bounds_of(&f).limit, BOUND_ARITHMETIC);
	f.flops /= 132;
	f.blocks = 1;
	assert_int_equal(bounds_of(&f).limit, BOUND_WAVES);
	f.special = f.flops;
	f.blocks = 132;
	assert_int_equal(bounds_of(&f).limit, BOUND_SPECIAL);
	f.special = 0;
	f.chain = 1e12;
	assert_int_equal(bounds_of(&f).limit, BOUND_LATENCY);
	assert_int_equal(bounds_of(&copy).limit, BOUND_MEMORY);
	copy.blocks = 8;
	copy.occupancy = 1;
	copy.stages = 1;
	assert_int_equal(bounds_of(&copy).limit, BOUND_FLIGHT);
	copy.dram_bytes = 0;
	assert_int_equal(bounds_of(&copy).limit, BOUND_L2);
	assert_int_equal(bounds_of(&idle).limit, BOUND_LAUNCH);
	idle.occupancy = 0;
	assert_true(isinf(bounds_of(&idle).total));
}

/* Seconds on the busiest SM of so many blocks, each with the same to do. */
static double sm_of(int blocks, int cluster)
{
	const struct features f = { .tensor = 1e8 * blocks, .issue = 1,
		.threads = 256, .occupancy = 1, .launches = 1, .useful = 1,
		.ilp = 8, .blocks = blocks, .cluster = cluster };

	return bounds_of(&f).sm;
}

/* GPCs have room for 66 clusters of 2, 31 of 4 and 15 of 8 (schedule/target.c):
 * one more begins when others have ended. */
static void test_clusters(void **state)
{
	(void)state;
	assert_true(sm_of(132, 2) == sm_of(132, 1));
	assert_true(sm_of(134, 2) > 1.9 * sm_of(132, 2));
	assert_true(sm_of(124, 4) == sm_of(132, 1));
	assert_true(sm_of(128, 4) > 1.9 * sm_of(124, 4));
	assert_true(sm_of(120, 8) == sm_of(132, 1));
	assert_true(sm_of(128, 8) > 1.9 * sm_of(120, 8));
	assert_true(sm_of(240, 8) == sm_of(264, 1));
}

static void test_roof(void **state)
{
	const struct gpu *g = gpu_named("h200");

	(void)state;
	assert_true(model_roof(g, 0, 1e9) == model_peak(g, 0));
	assert_true(model_roof(g, 1, 1e9) == model_peak(g, 1));
	assert_true(fabs(model_roof(g, 0, 2) - 2 * g->dram_bytes_s *
		g->copy) < 1);
	assert_true(model_peak(g, 0) > 60e12 &&
		model_peak(g, 0) < 70e12);
	assert_true(model_peak(g, 1) > 1000e12 &&
		model_peak(g, 1) < 1100e12);
	assert_true(model_peak(g, 0.5) == model_peak(g, 1) / 2);
	assert_true(model_operations(&(struct features){ .flops = 3,
		.tensor = 4 }) == 11);
}

/* What has as much to do takes at least as long, whatever else it is. */
static void test_least(void **state)
{
	const struct gpu *g = gpu_named("h200");
	struct features f = { .tensor = 1e9, .dram_bytes = 1e6, .launches = 2 };
	double least = model_least(&f, g);

	(void)state;
	assert_true(least > 2 * g->launch_s);
	f.blocks = g->sms;
	f.threads = 256;
	f.occupancy = 1;
	assert_true(model_seconds(&f, g) >= least);
	f.dram_bytes = 1e9;
	assert_true(model_least(&f, g) > least);
	assert_true(model_seconds(&f, g) >= model_least(&f, g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiles),
		cmocka_unit_test(test_tiles_whole_waves),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_split_k), cmocka_unit_test(test_waves),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_monotone_rates),
		cmocka_unit_test(test_rates_bind),
		cmocka_unit_test(test_monotone_features),
		cmocka_unit_test(test_parts_bound),
		cmocka_unit_test(test_parts_limit),
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_roof), cmocka_unit_test(test_least),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
