/* SPDX-License-Identifier: MIT */
/* See search_problem.h. */
#include "search_problem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *legal(void *ctx, struct arena *a, const int *genes)
{
	struct watched *w = ctx;

	w->looks++;
	for (int i = 0; i < w->space.n_genes; i++)
		if (genes[i] < 0 || genes[i] >= w->space.genes[i].n)
			return "a gene has no such value";
	if (w->allowed && !w->allowed(genes))
		return arena_printf(a, "gene 0 is %d", genes[0]);
	return NULL;
}

static void measure(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct watched *w = ctx;

	w->calls++;
	w->largest = n > w->largest ? n : w->largest;
	for (int i = 0; i < n; i++) {
		const int *point = genes + i * w->space.n_genes;
		double t = w->cost(point);

		assert_null(legal(w, a, point));
		assert_true(seen_add(&w->measured, point));
		out[i].seconds = t;
		out[i].verdict = isinf(t) ? V_COMPILE : V_MEASURED;
		if (isinf(t))
			out[i].message = arena_printf(a, "at %d", point[0]);
	}
	if (w->stop_after && w->measured.n >= w->stop_after)
		w->stop = 1;
}

void watched_init(struct watched *w, struct arena *a, int n_genes, int n,
	bool (*allowed)(const int *), double (*cost)(const int *))
{
	int *values = ARENA_ARRAY(a, n, int);

	memset(w, 0, sizeof *w);
	for (int i = 0; i < n; i++)
		values[i] = i;
	w->space.n_genes = n_genes;
	w->space.genes = ARENA_ARRAY(a, n_genes, struct gene);
	for (int i = 0; i < n_genes; i++)
		w->space.genes[i] = (struct gene){
			.name = arena_printf(a, "g%d", i), .values = values,
			.n = n };
	w->allowed = allowed;
	w->cost = cost;
	w->problem = (struct problem){ .space = &w->space, .ctx = w,
		.legal = legal, .measure = measure };
	seen_init(&w->measured, a, n_genes);
}

static void begin(void *ctx, int number, const int *genes)
{
	struct watched *w = ctx;

	assert_in_range(number, 0, w->problem.window - 1);
	assert_null(w->under_way[number]);
	w->under_way[number] = genes;
	w->n_under_way++;
}

/* One of those under way, its number, and it is no more. */
static int leaves(struct watched *w)
{
	int number;

	do
		number = rng_below(&w->rng, w->problem.window);
	while (!w->under_way[number]);
	w->n_under_way--;
	return number;
}

/* Until as many are left as there are trials all are kept busy. */
static int wait_for_some(void *ctx, int *numbers, struct cost *out)
{
	struct watched *w = ctx;
	int n = 0, left = w->trials - w->measured.n;

	if (w->stop)
		return 0;
	if (w->n_under_way < left && w->n_under_way < w->least)
		w->least = w->n_under_way;
	do {
		struct arena *a = arena_create();
		int k = numbers[n] = leaves(w);

		measure(w, a, w->under_way[k], 1, &out[n]);
		out[n++].message = NULL;
		w->under_way[k] = NULL;
		arena_destroy(a);
	} while (w->n_under_way && n < 2 && rng_below(&w->rng, 2));
	return n;
}

void watched_window(struct watched *w, struct arena *a, int window)
{
	w->problem.begin = begin;
	w->problem.wait = wait_for_some;
	w->problem.window = w->least = window;
	w->under_way = ARENA_ARRAY(a, window, const int *);
	rng_seed(&w->rng, 1);
}

struct result *watched_run(struct watched *w, struct arena *a,
	const char *strategy, int trials, uint64_t seed)
{
	struct budget b = { .trials = trials, .seed = seed };
	const struct strategy *s = strategy_named(strategy);

	w->trials = trials;
	assert_non_null(s);
	return search_run(a, &w->problem, s, &b, &w->stop, NULL, NULL);
}
