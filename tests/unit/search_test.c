/* SPDX-License-Identifier: MIT */
/* Every strategy on landscapes with a known optimum, and the promises of
 * search_run: the budget, the order of the seeds, stopping, counting. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arena_state.h"
#include "landscapes.h"
#include "search_problem.h"

/* ---- landscapes: 1.0 is the least ---- */

static const struct landscape {
	const char *name;
	int genes, values;
	bool (*allowed)(const int *);
	double (*cost)(const int *);
	double ga;		/* worth of its best after 200, at least */
	double random;		/* of random's, to lie above */
} landscapes[] = {
	{ "separable", 6, 8, NULL, landscape_separable, 0.97, 0.50 },
	{ "correlated", 6, 8, NULL, landscape_correlated, 0.97, 0.35 },
	{ "rugged", 6, 8, NULL, landscape_rugged, 0.85, 0.45 },
	{ "failing", 6, 8, NULL, landscape_failing, 0.90, 0.50 },
	{ "rare", 8, 10, landscape_rare, landscape_rare_cost, 0.97, 0.50 },
};
enum { N_LANDSCAPES = sizeof landscapes / sizeof *landscapes, SEEDS = 10 };

/* Mean of optimum / best found over the seeds. */
static double worth(const struct landscape *l, const char *strategy)
{
	double sum = 0;

	for (int seed = 1; seed <= SEEDS; seed++) {
		struct arena *a = arena_create();
		struct watched w;
		struct result *r;

		watched_init(&w, a, l->genes, l->values, l->allowed, l->cost);
		r = watched_run(&w, a, strategy, 200, (uint64_t)seed);
		assert_int_equal(r->trials, 200);
		assert_int_equal(w.measured.n, 200);
		assert_non_null(r->genes);
		assert_true(l->cost(r->genes) == r->seconds);
		sum += 1 / r->seconds;
		arena_destroy(a);
	}
	return sum / SEEDS;
}

static void test_landscapes(void **state)
{
	(void)state;
	for (int i = 0; i < N_LANDSCAPES; i++) {
		const struct landscape *l = &landscapes[i];
		double ga = worth(l, "ga"), random = worth(l, "random");

		print_message("# %-10s ga %.3f random %.3f\n", l->name, ga,
			random);
		assert_true(ga >= l->ga);
		assert_true(ga <= 1);
		assert_true(random >= l->random);
		assert_true(ga > random + 0.02);
	}
}

/* In order, so the first 8^3 = 512 points are those of 0, 0, 0, .. */
static void test_exhaustive_order(void **state)
{
	struct arena *a = *state;
	struct watched w;

	watched_init(&w, a, 6, 8, NULL, landscape_separable);
	watched_run(&w, a, "exhaustive", 100, 1);
	for (int i = 0; i < 100; i++) {
		const int *x = w.measured.v + i * 6;

		assert_int_equal(x[5] + 8 * x[4] + 64 * x[3], i);
		assert_int_equal(x[0] + x[1] + x[2], 0);
	}
}

/* ---- small and empty spaces ---- */

static void test_exhausts(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;
		double least = INFINITY;

		watched_init(&w, a, 3, 4, landscape_small,
			landscape_small_cost);
		r = watched_run(&w, a, strategy_list()[i]->name, 1000, 3);
		assert_int_equal(r->trials, 42);
		assert_false(r->interrupted);
		for (int x = 0; x < 64; x++) {
			int p[] = { x / 16, x / 4 % 4, x % 4 };

			if (landscape_small(p) && landscape_small_cost(p) < least)
				least = landscape_small_cost(p);
		}
		assert_true(r->seconds == least);
	}
}

/* Asked directly: after the last point a strategy keeps saying 0. */
static void test_propose_ends(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		const struct strategy *s = strategy_list()[i];
		struct budget b = { .trials = 100, .seed = 1 };
		struct pending none = { NULL, 0 };
		struct strategy_state *st;
		struct watched w;
		int genes[100 * 3], n = 0, got;

		watched_init(&w, a, 3, 4, landscape_small,
			landscape_small_cost);
		st = s->start(a, &w.problem, &b);
		while ((got = s->propose(st, &none, genes, 5)) > 0) {
			struct cost costs[5] = { 0 };

			assert_true(got <= 5);
			w.problem.measure(&w, a, genes, got, costs);
			s->learn(st, genes, costs, got);
			n += got;
		}
		assert_int_equal(n, 42);
		assert_int_equal(s->propose(st, &none, genes, 5), 0);
		assert_int_equal(s->propose(st, &none, genes, 1), 0);
	}
}

static bool never(const int *x)
{
	(void)x;
	return false;
}

static double one(const int *x)
{
	(void)x;
	return 1;
}

static void test_empty(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 5, 4, never, one);
		r = watched_run(&w, a, strategy_list()[i]->name, 10, 1);
		assert_null(r->genes);
		assert_true(isinf(r->seconds));
		assert_int_equal(r->trials, 0);
		assert_int_equal(r->n_history, 0);

		watched_init(&w, a, 0, 1, NULL, one);
		r = watched_run(&w, a, strategy_list()[i]->name, 10, 1);
		assert_non_null(r->genes);
		assert_int_equal(r->trials, 1);

		watched_init(&w, a, 2, 0, NULL, one);
		r = watched_run(&w, a, strategy_list()[i]->name, 10, 1);
		assert_int_equal(r->trials, 0);
	}
}

static double always_fails(const int *x)
{
	(void)x;
	return INFINITY;
}

static void test_all_fail(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 4, 5, NULL, always_fails);
		r = watched_run(&w, a, strategy_list()[i]->name, 60, 1);
		assert_null(r->genes);
		assert_int_equal(r->trials, 60);
		assert_int_equal(r->counts[V_COMPILE], 60);
		assert_int_equal(r->counts[V_MEASURED], 0);
		assert_int_equal(r->n_history, 0);
	}
}

/* ---- the same seed, the same search ---- */

static void run_twice(struct arena *a, const char *strategy, uint64_t seed_x,
	uint64_t seed_y, bool same)
{
	struct watched x, y;

	watched_init(&x, a, 6, 8, NULL, landscape_rugged);
	watched_init(&y, a, 6, 8, NULL, landscape_rugged);
	x.problem.batch = y.problem.batch = 3;
	watched_run(&x, a, strategy, 150, seed_x);
	watched_run(&y, a, strategy, 150, seed_y);
	assert_int_equal(x.measured.n, y.measured.n);
	assert_int_equal(same, memcmp(x.measured.v, y.measured.v,
		(size_t)x.measured.n * 6 * sizeof(int)) == 0);
}

static void test_deterministic(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		const char *name = strategy_list()[i]->name;

		run_twice(*state, name, 7, 7, true);
		if (strcmp(name, "exhaustive"))
			run_twice(*state, name, 7, 8, false);
	}
}

/* ---- the loop ---- */

static void test_batches(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 6, 8, NULL, landscape_separable);
		w.problem.batch = 16;
		r = watched_run(&w, a, strategy_list()[i]->name, 100, 1);
		assert_int_equal(r->trials, 100);
		assert_int_equal(w.largest, 16);
		assert_int_equal(w.calls, 7);
	}
}

static void test_seeds(void **state)
{
	static const int seeds[] = {
		3, 3, 3, /* illegal */ 0, 0, 0, 1, 2, 1, 3, 3, 1, 1, 2, 1,
	};

	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 3, 4, landscape_small,
			landscape_small_cost);
		w.problem.seeds = seeds;
		w.problem.n_seeds = 5;
		r = watched_run(&w, a, strategy_list()[i]->name, 20, 1);
		assert_int_equal(r->trials, 20);
		assert_memory_equal(w.measured.v, seeds + 6, 6 * sizeof(int));
		assert_int_equal(r->counts[V_PRUNED], 2);
		assert_string_equal(r->first[V_PRUNED], "gene 0 is 3");
	}
}

static void test_seed_helps(void **state)
{
	static const int near[] = { 5, 1, 6, 3, 1, 7 };
	struct arena *a = *state;
	struct watched w;
	struct result *r;

	watched_init(&w, a, 6, 8, NULL, landscape_separable);
	w.problem.seeds = near;
	w.problem.n_seeds = 1;
	r = watched_run(&w, a, "ga", 60, 1);
	assert_true(r->seconds == 1);
}

static void test_stop(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 6, 8, NULL, landscape_separable);
		w.problem.batch = 4;
		w.stop_after = 22;
		r = watched_run(&w, a, strategy_list()[i]->name, 500, 1);
		assert_true(r->interrupted);
		assert_int_equal(r->trials, 24);
		assert_non_null(r->genes);
	}
}

static void test_stop_at_once(void **state)
{
	struct arena *a = *state;
	struct watched w;
	struct result *r;

	watched_init(&w, a, 6, 8, NULL, landscape_separable);
	w.stop = 1;
	r = watched_run(&w, a, "ga", 500, 1);
	assert_true(r->interrupted);
	assert_int_equal(r->trials, 0);
	assert_null(r->genes);
}

static void count_reports(void *ctx, const struct progress *p)
{
	int *n = ctx;

	++*n;
	assert_int_equal(p->total, 1000);
	assert_true(p->trials > 0 && p->trials <= p->total);
	assert_true(p->elapsed >= 0);
	assert_true(isfinite(p->best) == !!p->best_genes);
}

/* 20 ms a point and half a second: between 1 and 26 points, and no more than
 * one report in 0.1 s. */
static void test_seconds(void **state)
{
	struct arena *a = *state;
	struct budget b = { .trials = 1000, .seconds = 0.5, .seed = 1 };
	struct watched w;
	struct result *r;
	int reports = 0;

	watched_init(&w, a, 6, 8, NULL, landscape_slow);
	r = search_run(a, &w.problem, strategy_named("random"), &b, NULL,
		count_reports, &reports);
	assert_true(r->trials >= 1 && r->trials <= 26);
	assert_true(reports >= 1 && reports <= 6);
	assert_false(r->interrupted);
}

static void test_counts(void **state)
{
	struct arena *a = *state;
	struct watched w;
	struct result *r;
	int n = 0;

	watched_init(&w, a, 6, 8, NULL, landscape_failing);
	r = watched_run(&w, a, "random", 300, 5);
	for (int i = 0; i < N_VERDICTS; i++)
		n += r->counts[i];
	assert_int_equal(n, 300);
	assert_int_equal(r->n_history, r->counts[V_MEASURED]);
	assert_in_range(r->counts[V_COMPILE], 60, 140);
	assert_memory_equal(r->first[V_COMPILE], "at ", 3);
	assert_null(r->first[V_MEASURED]);
	for (int i = 0; i < r->n_history; i++) {
		assert_true(landscape_failing(r->history + 6 * i) == r->history_cost[i]);
		assert_true(!i || r->history_cost[i - 1] <= r->history_cost[i]);
	}
	assert_memory_equal(r->history, r->genes, 6 * sizeof(int));
}

/* A genuine stream of the generator for state 1, 2, 3, 4, and even odds. */
static void test_rng(void **state)
{
	static const uint64_t first[] = { 11520, 0, 1509978240,
		1215971899390074240u, 1216172134540287360u };
	struct rng r = { { 1, 2, 3, 4 } };
	int hits[7] = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(rng_next(&r) == first[i]);
	rng_seed(&r, 0);
	assert_true(r.s[0] == 0xe220a8397b1dcdafu);
	for (int i = 0; i < 70000; i++) {
		double u = rng_unit(&r);

		hits[rng_below(&r, 7)]++;
		assert_true(u >= 0 && u < 1);
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(hits[i], 9600, 10400);
}

static void test_names(void **state)
{
	(void)state;
	assert_null(strategy_named("none"));
	for (int i = 0; i < N_VERDICTS; i++)
		assert_non_null(verdict_name(i));
	assert_string_equal(verdict_name(V_PRUNED), "pruned");
	assert_string_equal(verdict_name(V_MEASURED), "measured");
	for (int i = 0; strategy_list()[i]; i++)
		assert_ptr_equal(strategy_list()[i],
			strategy_named(strategy_list()[i]->name));
}

/* Words have no order: an index says nothing about its neighbours. */
static double by_word(const int *x)
{
	static const int cost_of[] = { 4, 1, 6, 2, 7, 0, 5, 3 };
	double t = 1;

	for (int i = 0; i < 4; i++)
		t += 0.1 * cost_of[(x[i] + i) % 8];
	return t;
}

static void test_words(void **state)
{
	static const char *const words[] = { "a", "b", "c", "d", "e", "f",
		"g", "h", NULL };
	struct arena *a = *state;
	struct watched w;

	watched_init(&w, a, 4, 8, NULL, by_word);
	for (int i = 0; i < 4; i++)
		w.space.genes[i].words = words;
	assert_true(watched_run(&w, a, "ga", 200, 1)->seconds < 1.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rng), TEST(test_names), TEST(test_exhausts),
		TEST(test_propose_ends), TEST(test_empty),
		TEST(test_all_fail), TEST(test_deterministic),
		TEST(test_batches), TEST(test_seeds), TEST(test_seed_helps),
		TEST(test_stop), TEST(test_stop_at_once), TEST(test_seconds),
		TEST(test_counts), TEST(test_exhaustive_order),
		TEST(test_words), TEST(test_landscapes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
