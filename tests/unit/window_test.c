/* SPDX-License-Identifier: MIT */
/* Searches whose costs come one by one, while other points are under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arena_state.h"
#include "landscapes.h"
#include "search_problem.h"

/* The pipe is full until the last points, whatever comes when, and the strategy
 * does well all the same. */
static void test_window(void **state)
{
	static const int seeds[] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1 };

	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		const char *name = strategy_list()[i]->name;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 6, 8, NULL, landscape_separable);
		watched_window(&w, a, 8);
		w.problem.seeds = seeds;
		w.problem.n_seeds = 2;
		r = watched_run(&w, a, name, 200, 1);
		assert_int_equal(r->trials, 200);
		assert_int_equal(w.measured.n, 200);
		assert_int_equal(w.least, 8);
		assert_int_equal(w.n_under_way, 0);
		assert_int_equal(r->n_history, 200);
		for (int k = 0; k < r->n_history; k++)
			assert_true(landscape_separable(r->history + 6 * k) ==
				r->history_cost[k]);
		if (strcmp(name, "exhaustive") && strcmp(name, "random"))
			assert_true(r->seconds < 1.1);
	}
}

/* A space that is smaller than the budget, or than the window. */
static void test_window_exhausts(void **state)
{
	for (int i = 0; strategy_list()[i]; i++)
		for (int window = 1; window <= 64; window *= 4) {
			struct arena *a = *state;
			struct watched w;
			struct result *r;

			watched_init(&w, a, 3, 4, landscape_small,
				landscape_small_cost);
			watched_window(&w, a, window);
			r = watched_run(&w, a, strategy_list()[i]->name, 100,
				1);
			assert_int_equal(r->trials, 42);
		}
}

/* Costs that one by one come in order: a window of one is no other search. */
static void test_window_of_one(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched x, y;

		watched_init(&x, a, 6, 8, NULL, landscape_rugged);
		watched_init(&y, a, 6, 8, NULL, landscape_rugged);
		watched_window(&y, a, 1);
		watched_run(&x, a, strategy_list()[i]->name, 120, 5);
		watched_run(&y, a, strategy_list()[i]->name, 120, 5);
		assert_memory_equal(x.measured.v, y.measured.v,
			120 * 6 * sizeof(int));
	}
}

/* Interrupted, what is under way is left. */
static void test_window_stop(void **state)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct arena *a = *state;
		struct watched w;
		struct result *r;

		watched_init(&w, a, 6, 8, NULL, landscape_separable);
		watched_window(&w, a, 8);
		w.stop_after = 22;
		r = watched_run(&w, a, strategy_list()[i]->name, 500, 1);
		assert_true(r->interrupted);
		assert_int_equal(r->trials, w.measured.n);
		assert_in_range(r->trials, 22, 23);
		assert_int_equal(r->n_history, r->trials);
		assert_true(w.n_under_way > 0);
	}
}

/* A strategy that has learned twenty points. */
static struct strategy_state *learned(struct watched *w, struct arena *a,
	const struct strategy *s)
{
	struct budget b = { .trials = 100, .seed = 1 };
	struct pending none = { NULL, 0 };
	struct strategy_state *st = s->start(a, &w->problem, &b);
	int genes[6];

	for (int i = 0; i < 20; i++) {
		struct cost cost = { 0, V_MEASURED, NULL };

		assert_int_equal(s->propose(st, &none, genes, 1), 1);
		cost.seconds = landscape_separable(genes);
		s->learn(st, genes, &cost, 1);
	}
	return st;
}

/* What is under way is believed to come out as expected, as the first of a batch
 * are: what is proposed beside either is the same. */
static void test_window_believes(void **state)
{
	static const char *const names[] = { "bo", "rl" };

	for (int i = 0; i < 2; i++) {
		struct arena *a = *state;
		const struct strategy *s = strategy_named(names[i]);
		struct pending none = { NULL, 0 }, first;
		int batch[3 * 6], beside[6];
		struct watched w;

		watched_init(&w, a, 6, 8, NULL, landscape_separable);
		assert_int_equal(s->propose(learned(&w, a, s), &none, batch,
			3), 3);
		first = (struct pending){ batch, 2 };
		assert_int_equal(s->propose(learned(&w, a, s), &first, beside,
			1), 1);
		assert_memory_equal(beside, batch + 12, sizeof beside);
	}
}

/* Proposes what is under way again, and only then something new. */
static struct strategy_state *start_stubborn(struct arena *a,
	const struct problem *p, const struct budget *b)
{
	(void)p;
	(void)b;
	return (struct strategy_state *)ARENA_NEW(a, int);
}

static int propose_stubborn(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	int *n = (int *)s;

	(void)want;
	if (p->n)
		memcpy(genes, p->genes, 6 * sizeof *genes);
	for (int i = 0, rest = *n; !p->n && i < 6; i++, rest /= 8)
		genes[i] = rest % 8;
	*n += !p->n;
	return 1;
}

static void learn_nothing(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	(void)s;
	(void)genes;
	(void)costs;
	(void)n;
}

/* What is under way is proposed to no end, but not the search's. */
static void test_window_again(void **state)
{
	static const struct strategy stubborn = { "stubborn", "",
		start_stubborn, propose_stubborn, learn_nothing, false };
	struct budget b = { .trials = 30, .seed = 1 };
	struct arena *a = *state;
	struct watched w;

	watched_init(&w, a, 6, 8, NULL, landscape_separable);
	watched_window(&w, a, 4);
	w.trials = 30;
	search_run(a, &w.problem, &stubborn, &b, NULL, NULL, NULL);
	assert_int_equal(w.measured.n, 30);
}

/* When time is over what is under way comes to its end, and nothing else. */
static void test_window_seconds(void **state)
{
	struct arena *a = *state;
	struct budget b = { .trials = 1000, .seconds = 0.2, .seed = 1 };
	struct watched w;
	struct result *r;

	watched_init(&w, a, 6, 8, NULL, landscape_slow);
	watched_window(&w, a, 8);
	w.trials = 1000;
	r = search_run(a, &w.problem, strategy_named("random"), &b, NULL, NULL,
		NULL);
	assert_int_equal(w.n_under_way, 0);
	assert_in_range(r->trials, 8, 20);
	assert_int_equal(r->n_history, r->trials);
}

/* The last points of one search are under way when another begins. */
static void test_two_steps(void **state)
{
	struct arena *a = *state;
	const struct strategy *s = strategy_named("ga");
	struct budget b = { .trials = 40, .seed = 1 };
	struct searching *first, *second;
	struct watched x, y;

	watched_init(&x, a, 6, 8, NULL, landscape_separable);
	watched_init(&y, a, 6, 8, NULL, landscape_separable);
	watched_window(&x, a, 8);
	watched_window(&y, a, 8);
	x.trials = y.trials = 40;
	first = search_start(a, &x.problem, s, &b, NULL, NULL, NULL);
	assert_in_range(x.n_under_way, 7, 8);
	second = search_start(a, &y.problem, s, &b, NULL, NULL, NULL);
	assert_in_range(y.n_under_way, 7, 8);
	assert_int_equal(search_finish(first)->trials, 40);
	assert_int_equal(search_finish(second)->trials, 40);
	assert_memory_equal(x.measured.v, y.measured.v, 40 * 6 * sizeof(int));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_window), TEST(test_window_exhausts),
		TEST(test_window_of_one), TEST(test_window_stop),
		TEST(test_window_again), TEST(test_window_believes),
		TEST(test_window_seconds), TEST(test_two_steps),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
