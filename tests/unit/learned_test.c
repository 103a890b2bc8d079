/* SPDX-License-Identifier: MIT */
/* The learned model on planted truths: it finds what the analytic model has
 * wrong, it is not worse where there is little to learn from, and it is told
 * what to do without its library. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arena_state.h"
#include "boost_library.h"
#include "rank.h"
#include "schedule/target.h"
#include "search/blend.h"
#include "search/features.h"
#include "search/inputs.h"
#include "search/learned.h"

enum { POINTS = 600, TUNABLES = 5, SEEDS = 8 };

static const char *const names[TUNABLES] = {
	"bind.order", "tile.block.i", "tile.block.j", "tile.thread.i", "unroll"
};

/* Points of a product C[m, n] += A[m, k] B[n, k], with times. */
struct cases {
	struct record *r;
	double *seconds, *analytic;
	int n;
};

/* What is wrong with the analytic model. */
struct planted {
	double order, wide, unroll;	/* of the log of the time */
	double noise;
};

static const struct planted misled = { 0.8, 0.5, 0.6, 0.05 };
static const struct planted noise = { 0, 0, 0, 0.5 };
static const struct planted other = { -0.8, -0.5, -0.6, 0.05 };

static struct features features_of(int m, int bm, int bn, int tm, int unroll,
	const struct gpu *g)
{
	double blocks = ceil((double)m / bm) * ceil(1024.0 / bn);
	int threads = bm * bn / (tm * tm);

	return (struct features){
		.flops = 2.0 * m * 1024 * 1024, .dram_bytes = 8.0 * m * 1024,
		.issue = m * 1024.0 * 32 * (1 + 2.0 / tm) * (1 + 0.1 / unroll),
		.l2_bytes = blocks * (bm + bn) * 1024 * 4,
		.smem_cycles = m * 1024.0 * 64 / tm, .blocks = blocks,
		.threads = threads, .regs = 24 + tm * tm,
		.smem = (bm + bn) * 64, .ilp = tm * tm, .chain = 2000,
		.stages = 1, .launches = 1, .useful = 1,
		.occupancy = target_occupancy(target_named(g->arch), threads,
			24 + tm * tm, (bm + bn) * 64),
	};
}

static double gauss(struct rng *r)
{
	return sqrt(-2 * log(1 - rng_unit(r))) * cos(2 * M_PI * rng_unit(r));
}

/* One random point that can run. */
static void make_point(struct arena *a, struct cases *c, struct rng *rng,
	const struct record_key *key, int m, const struct planted *p)
{
	const struct gpu *g = gpu_named(key->gpu);
	int bm, bn, tm, unroll, snake = rng_below(rng, 2);
	double *v = ARENA_ARRAY(a, N_FEATURES, double), s;
	const char **values = ARENA_ARRAY(a, TUNABLES, const char *);
	struct features f;

	do {
		bm = 16 << rng_below(rng, 4);
		bn = 16 << rng_below(rng, 4);
		tm = 1 << rng_below(rng, 4);
		unroll = 1 << rng_below(rng, 4);
		f = features_of(m, bm, bn, tm, unroll, g);
	} while (f.threads < 32 || f.threads > 1024 || f.occupancy < 1);
	values[0] = snake ? "snake" : "rows";
	values[1] = arena_printf(a, "%d", bm);
	values[2] = arena_printf(a, "%d", bn);
	values[3] = arena_printf(a, "%d", tm);
	values[4] = arena_printf(a, "%d", unroll);
	features_vector(&f, v);
	c->analytic[c->n] = s = model_seconds(&f, g);
	s *= exp(p->order * snake + p->wide * (bn > bm) + p->unroll
		* (unroll == 4) + p->noise * gauss(rng));
	c->seconds[c->n] = s;
	c->r[c->n++] = (struct record){ .key = *key, .names = names,
		.values = values, .n = TUNABLES, .verdict = V_MEASURED,
		.seconds = s, .features = v, .n_features = N_FEATURES };
}

static struct record_key key_of(struct arena *a, int m, const char *gpu)
{
	return (struct record_key){ .hash = (uint64_t)m, .family = 1,
		.op = "mm", .shape = arena_printf(a, "K=1024 M=%d N=1024", m),
		.types = "f32 f32 f32", .kernel = "c", .sketch = "fma",
		.target = "sm_80", .gpu = gpu, .how = "gpu", .share = 100 };
}

static struct cases make_cases(struct arena *a, int m, const char *gpu,
	const struct planted *p, int n, uint64_t seed)
{
	struct cases c = { ARENA_ARRAY(a, n, struct record),
		ARENA_ARRAY(a, n, double), ARENA_ARRAY(a, n, double), 0 };
	struct record_key key = key_of(a, m, gpu);
	struct rng rng;

	rng_seed(&rng, seed);
	while (c.n < n)
		make_point(a, &c, &rng, &key, m, p);
	return c;
}

static void add(struct learned *l, const struct cases *c, int from, int to)
{
	for (int i = from; i < to; i++)
		assert_true(learned_add(l, &c->r[i]));
}

/* Spearman's coefficients of both models on the last half of "c", learned from
 * the first "n" and from the records of "others". */
struct merit {
	double analytic, learned;
};

static struct merit merit_of(struct arena *a, const struct boost *b,
	const struct cases *c, int n, const struct cases *others, int n_others)
{
	struct learned *l = learned_create(b, "none", &c->r[0].key, 1);
	double *out = ARENA_ARRAY(a, c->n, double);
	int half = c->n / 2;
	struct merit m;

	for (int i = 0; i < n_others; i++)
		add(l, &others[i], 0, others[i].n);
	add(l, c, 0, n);
	learned_update(l, true);
	learned_seconds(l, c->r + half, c->n - half, out);
	for (int i = 0; i < c->n - half; i++)
		assert_true(isfinite(out[i]) && out[i] > 0);
	m.analytic = rank_of(a, c->analytic + half, c->seconds + half,
		c->n - half).spearman;
	m.learned = rank_of(a, out, c->seconds + half, c->n - half).spearman;
	print_message("# %3d points, %d others: analytic %.3f, learned %.3f: "
		"%s\n", n, n_others, m.analytic, m.learned, learned_says(l));
	learned_destroy(l);
	return m;
}

/* Mean over seeds of the same, and the worst difference. */
static struct merit mean_merit(struct arena *a, const struct boost *b,
	const struct planted *p, int n, double *worst)
{
	struct merit mean = {0};

	*worst = 1;
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct cases c = make_cases(a, 2048, "a100", p, POINTS,
			(uint64_t)seed);
		struct merit m = merit_of(a, b, &c, n, NULL, 0);

		mean.analytic += m.analytic / SEEDS;
		mean.learned += m.learned / SEEDS;
		*worst = fmin(*worst, m.learned - m.analytic);
	}
	return mean;
}

static void test_features(void **state)
{
	struct features f = features_of(2048, 64, 64, 4, 2, gpu_named("a100"));
	struct features g;
	double v[N_FEATURES];

	(void)state;
	features_vector(&f, v);
	assert_true(features_read(v, N_FEATURES, &g));
	assert_true(g.flops == f.flops && g.useful == 1 && g.ilp == f.ilp &&
		g.occupancy == f.occupancy && g.launches == 1);
	assert_string_equal(features_name(FEATURE_l2_bytes), "l2_bytes");
	assert_false(features_read(v, FEATURE_tensor - 1, &g));
	v[0] = NAN;
	assert_false(features_read(v, N_FEATURES, &g));
	v[0] = 1;
	v[FEATURE_threads] = 1e300;
	assert_true(features_read(v, N_FEATURES, &g));
}

/* A record of before there were tensor cores has no feature of that name, and is
 * seen as one that used none. */
static void test_older_records(void **state)
{
	struct arena *a = *state;
	struct cases c = make_cases(a, 2048, "a100", &misled, 1, 3);
	struct record now = c.r[0], then = now;
	double *v = ARENA_ARRAY(a, N_FEATURES, double);
	input_row x = {0}, y = {0};
	struct inputs in;

	memcpy(v, now.features, FEATURE_tensor * sizeof *v);
	v[FEATURE_tensor] = 1e12;
	then.features = v;
	then.n_features = FEATURE_tensor;
	inputs_init(&in, a);
	inputs_row(&in, a, &now, true, &x);
	inputs_row(&in, a, &then, true, &y);
	assert_int_equal(x.n, y.n);
	for (int i = 0; i < x.n; i++)
		assert_true(x.v[i].value == y.v[i].value);
}

/* Rows of two problems at levels of their own. */
static double blended(struct arena *a, double slope, double noise_of_y, int n,
	double otherwise)
{
	double y[n + 1], c[n + 1];
	int problem[n + 1];
	struct rng rng;

	rng_seed(&rng, 11);
	for (int i = 0; i < n; i++) {
		problem[i] = i % 2;
		c[i] = gauss(&rng) + 40 * problem[i];
		y[i] = slope * c[i] + noise_of_y * gauss(&rng) - problem[i];
	}
	return blend_factor(a, &(struct blend){ y, c, problem, n, 2, true },
		otherwise);
}

static void test_blend(void **state)
{
	assert_true(blended(*state, 2, 0.1, 50, 0) == 1);
	assert_true(fabs(blended(*state, 0.4, 0.1, 50, 0.5) - 0.4) < 0.05);
	assert_true(blended(*state, 0, 1, 50, 0) == 0);
	assert_true(blended(*state, 0.5, 1, 3, 0.5) == 0.5);
	assert_true(blended(*state, -0.4, 0.1, 50, 0.5) == 0);
	assert_true(blended(*state, 0.4, 0.1, 0, 0.5) == 0.5);
}

static void test_beats_a_misled_model(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	double worst;
	struct merit m;

	m = mean_merit(*state, b, &misled, 25, &worst);
	assert_true(m.learned > m.analytic && worst > -0.02);
	m = mean_merit(*state, b, &misled, 50, &worst);
	assert_true(m.learned > m.analytic + 0.05 && worst > 0);
	m = mean_merit(*state, b, &misled, 200, &worst);
	assert_true(m.learned > m.analytic + 0.2 && m.learned > 0.95);
}

/* Too few points, or points that say nothing: the analytic order. */
static void test_few_or_empty_data(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	double worst;
	struct merit m = mean_merit(*state, b, &misled, 7, &worst);

	assert_true(m.learned == m.analytic && worst == 0);
	m = mean_merit(*state, b, &misled, 0, &worst);
	assert_true(m.learned == m.analytic && worst == 0);
	for (int n = 10; n <= 160; n *= 2) {
		m = mean_merit(*state, b, &noise, n, &worst);
		assert_true(m.learned > m.analytic - 0.02 && worst > -0.1);
	}
}

/* Other shapes and chips teach what no point of the problem has said yet; what
 * misleads is let go. */
static void test_other_problems(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct cases c = make_cases(*state, 2048, "a100", &misled, POINTS, 9);
	struct cases others[4], wrong[4];
	struct merit m, alone;

	for (int i = 0; i < 4; i++) {
		others[i] = make_cases(*state, 512 << i % 2, i < 2 ? "a100" :
			"h100", &misled, 200, (uint64_t)i + 20);
		wrong[i] = make_cases(*state, 512 << i % 2, i < 2 ? "a100" :
			"h100", &other, 200, (uint64_t)i + 20);
	}
	m = merit_of(*state, b, &c, 0, others, 4);
	assert_true(m.learned > 0.97 && m.learned > m.analytic + 0.1);
	m = merit_of(*state, b, &c, 0, others, 1);
	assert_true(m.learned > m.analytic + 0.05);
	alone = merit_of(*state, b, &c, 100, NULL, 0);
	m = merit_of(*state, b, &c, 100, wrong, 4);
	assert_true(m.learned > alone.learned - 0.05);
	m = merit_of(*state, b, &c, 16, wrong, 4);
	assert_true(m.learned > m.analytic - 0.1);
}

/* Seconds, not only an order: within a tenth in the middle. */
static void test_seconds(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct cases c = make_cases(*state, 2048, "a100", &misled, POINTS, 3);
	struct learned *l = learned_create(b, NULL, &c.r[0].key, 1);
	double out[POINTS], off = 0;

	add(l, &c, 0, 300);
	learned_update(l, true);
	learned_seconds(l, c.r, POINTS, out);
	for (int i = 300; i < POINTS; i++)
		off += fabs(log(out[i] / c.seconds[i])) / 300;
	assert_true(off < 0.1);
	learned_destroy(l);
}

static void predictions(const struct boost *b, const struct cases *c,
	const struct cases *from, double *out)
{
	struct learned *l = learned_create(b, NULL, &c->r[0].key, 5);

	add(l, from, 0, from->n);
	for (int i = 0; i < 100; i++) {
		add(l, c, i, i + 1);
		learned_update(l, false);
	}
	learned_seconds(l, c->r, c->n, out);
	learned_destroy(l);
}

/* Equal records in equal order predict equally, to the last bit. */
static void test_repeats(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct cases c = make_cases(*state, 2048, "a100", &misled, POINTS, 3);
	struct cases d = make_cases(*state, 512, "h100", &misled, 100, 4);
	double x[POINTS], y[POINTS];

	predictions(b, &c, &d, x);
	predictions(b, &c, &d, y);
	assert_memory_equal(x, y, sizeof x);
}

/* One by one or all at once is the same, too, as are parts of a pool. */
static void test_chunks(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct cases c = make_cases(*state, 2048, "a100", &misled, 3000, 3);
	struct learned *l = learned_create(b, NULL, &c.r[0].key, 5);
	double *all = ARENA_ARRAY(*state, c.n, double), one;

	add(l, &c, 0, 100);
	learned_update(l, true);
	learned_seconds(l, c.r, c.n, all);
	for (int i = 0; i < c.n; i += 300) {
		learned_seconds(l, &c.r[i], 1, &one);
		assert_true(one == all[i]);
	}
	learned_destroy(l);
}

static void test_without_library(void **state)
{
	struct cases c = make_cases(*state, 2048, "a100", &misled, POINTS, 3);
	struct learned *l = learned_create(NULL, "libx was not found",
		&c.r[0].key, 1);
	struct merit m;

	assert_string_equal(learned_says(l),
		"the analytic model alone: libx was not found");
	learned_destroy(l);
	m = merit_of(*state, NULL, &c, 300, NULL, 0);
	assert_true(m.learned == m.analytic);
}

static void test_what_does_not_count(void **state)
{
	struct cases c = make_cases(*state, 2048, "a100", &misled, 4, 3);
	struct learned *l = learned_create(NULL, "none", &c.r[0].key, 1);
	double out[4];

	c.r[0].key.how = "emu";
	assert_false(learned_add(l, &c.r[0]));
	c.r[0].key.how = "gpu";
	c.r[0].verdict = V_FAULT;
	assert_false(learned_add(l, &c.r[0]));
	c.r[0].verdict = V_MEASURED;
	c.r[0].seconds = INFINITY;
	assert_false(learned_add(l, &c.r[0]));
	c.r[0].verdict = V_SLOW;
	c.r[0].seconds = 1;
	assert_true(learned_add(l, &c.r[0]));
	((double *)c.r[1].features)[FEATURE_occupancy] = 0;
	learned_seconds(l, c.r, 4, out);
	assert_true(isinf(out[1]) && isfinite(out[0]) && isfinite(out[2]));
	learned_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_features), TEST(test_older_records),
		TEST(test_blend),
		TEST(test_beats_a_misled_model),
		TEST(test_few_or_empty_data), TEST(test_other_problems),
		TEST(test_seconds), TEST(test_repeats), TEST(test_chunks),
		TEST(test_without_library), TEST(test_what_does_not_count),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("learned", tests, NULL, NULL);
}
