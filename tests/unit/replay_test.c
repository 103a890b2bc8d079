/* SPDX-License-Identifier: MIT */
/* Strategies on a space measured exhaustively on a real GPU: convolution on an
 * RTX A4000, from the public FAIR benchmark hub for auto-tuning
 * (tests/data/conv-a4000.csv; columns: tunables, milliseconds or "fail",
 * compile milliseconds). The table has only the legal points of its grid. A
 * figure is the optimum's time over the best found after so many points,
 * averaged over seeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/source.h"
#include "base/vec.h"
#include "search/points.h"
#include "search/search.h"

enum { N_MARKS = 5, SEEDS = 30 };

static const int marks[N_MARKS] = { 25, 50, 100, 200, 400 };

/* Random search without repeats, computed exactly from the table, which the
 * random strategy must agree with. */
static const double random_exact[N_MARKS] = {
	0.715, 0.773, 0.829, 0.885, 0.938
};

/* "column" holds "d" values of each gene of all rows, one after the other;
 * "row_of" gives, for every code of the grid, row + 1 or 0. */
struct table {
	struct space space;
	struct problem problem;
	int n, d;
	VEC(int) cells;
	VEC(double) seconds;
	int *row_of;
	double optimum, best, at_mark[N_MARKS];
	int trials;
};

static int code_of(const struct table *t, const int *genes)
{
	int code = 0;

	for (int g = 0; g < t->d; g++) {
		const struct gene *gene = &t->space.genes[g];
		int i = 0;

		while (i < gene->n && gene->values[i] != genes[g])
			i++;
		assert_true(i < gene->n);
		code = code * gene->n + i;
	}
	return code;
}

static const char *legal(void *ctx, struct arena *a, const int *genes)
{
	const struct table *t = ctx;

	(void)a;
	return t->row_of[code_of(t, genes)] ? NULL : "not in the table";
}

static void measure(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct table *t = ctx;

	(void)a;
	for (int i = 0; i < n; i++) {
		int row = t->row_of[code_of(t, genes + i * t->d)] - 1;
		double s;

		assert_true(row >= 0);
		s = t->seconds.v[row];
		out[i].seconds = s;
		out[i].verdict = isinf(s) ? V_COMPILE : V_MEASURED;
		if (s < t->best)
			t->best = s;
		t->trials++;
		for (int m = 0; m < N_MARKS; m++)
			if (t->trials == marks[m])
				t->at_mark[m] = t->optimum / t->best;
	}
}

static void read_row(struct table *t, struct arena *a, const char *line)
{
	char *end;

	for (int g = 0; g < t->d; g++) {
		vec_push(a, &t->cells, (int)strtol(line, &end, 10));
		assert_true(end > line && *end == ',');
		line = end + 1;
	}
	if (strncmp(line, "fail", 4) == 0)
		vec_push(a, &t->seconds, INFINITY);
	else
		vec_push(a, &t->seconds, strtod(line, NULL) * 1e-3);
	t->optimum = fmin(t->optimum, t->seconds.v[t->seconds.n - 1]);
	t->n++;
}

static int by_value(const void *x, const void *y)
{
	return *(const int *)x - *(const int *)y;
}

/* The gene's values: every one that some row has, in order. */
static void set_gene(struct table *t, struct arena *a, int g)
{
	VEC(int) v = {0};

	for (int i = 0; i < t->n; i++) {
		int value = t->cells.v[i * t->d + g], k = 0;

		while (k < v.n && v.v[k] != value)
			k++;
		if (k == v.n)
			vec_push(a, &v, value);
	}
	qsort(v.v, (size_t)v.n, sizeof *v.v, by_value);
	t->space.genes[g] = (struct gene){ .values = v.v, .n = v.n };
}

static struct table *read_table(struct arena *a, const char *name)
{
	struct table *t = ARENA_NEW(a, struct table);
	const char *top = getenv("top_srcdir"), *why = NULL;
	char *path = arena_printf(a, "%s/tests/data/%s", top ? top : ".", name);
	struct source *s = source_read(a, path, &why);
	int grid = 1;
	size_t n;

	assert_non_null(s);
	t->d = -2;
	for (const char *c = source_line(s, 1, &n); c; c = strchr(c + 1, ',')) {
		if (c > source_line(s, 1, &n) + n)
			break;
		t->d++;
	}
	t->optimum = INFINITY;
	for (int i = 2; i <= s->n_lines; i++) {
		const char *line = source_line(s, i, &n);

		if (n)
			read_row(t, a, line);
	}
	t->space.n_genes = t->d;
	t->space.genes = ARENA_ARRAY(a, t->d, struct gene);
	for (int g = 0; g < t->d; g++) {
		set_gene(t, a, g);
		grid *= t->space.genes[g].n;
	}
	t->row_of = ARENA_ARRAY(a, grid, int);
	for (int i = 0; i < t->n; i++)
		t->row_of[code_of(t, t->cells.v + i * t->d)] = i + 1;
	t->problem = (struct problem){ .space = &t->space, .ctx = t,
		.legal = legal, .measure = measure };
	return t;
}

/* Mean worth at each mark. */
static void replay(struct table *t, const char *strategy, int batch,
	double *mean)
{
	memset(mean, 0, N_MARKS * sizeof *mean);
	t->problem.batch = batch;
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct arena *a = arena_create();
		struct budget b = { .trials = marks[N_MARKS - 1],
			.seed = (uint64_t)seed };

		t->best = INFINITY;
		t->trials = 0;
		search_run(a, &t->problem, strategy_named(strategy), &b, NULL,
			NULL, NULL);
		assert_int_equal(t->trials, b.trials);
		for (int m = 0; m < N_MARKS; m++)
			mean[m] += t->at_mark[m] / SEEDS;
		arena_destroy(a);
	}
	print_message("# conv-a4000, batches of %2d, %-6s at 25 50 100 200 400:"
		" %.3f %.3f %.3f %.3f %.3f\n", batch, strategy, mean[0],
		mean[1], mean[2], mean[3], mean[4]);
}

static void test_table(void **state)
{
	struct table *t = read_table(*state, "conv-a4000.csv");
	int fails = 0;

	assert_int_equal(t->n, 4362);
	assert_int_equal(t->d, 7);
	assert_int_equal(space_size(&t->space), 10240);
	for (int i = 0; i < t->n; i++)
		fails += isinf(t->seconds.v[i]);
	assert_int_equal(fails, 161);
}

/* The standard error of 30 seeds is about 0.025 at 25 points. */
static void test_random_is_random(void **state)
{
	struct table *t = read_table(*state, "conv-a4000.csv");
	double mean[N_MARKS];

	replay(t, "random", 1, mean);
	for (int m = 0; m < N_MARKS; m++)
		assert_true(fabs(mean[m] - random_exact[m]) < 0.05);
}

static void test_ga_beats_random(void **state)
{
	struct table *t = read_table(*state, "conv-a4000.csv");
	double mean[N_MARKS];

	replay(t, "ga", 1, mean);
	for (int m = 0; m < N_MARKS; m++)
		assert_true(mean[m] > random_exact[m] + (m < 4 ? 0.03 : 0.02));
	replay(t, "ga", 16, mean);
	for (int m = 2; m < N_MARKS; m++)
		assert_true(mean[m] > random_exact[m] + 0.01);
}

static int setup(void **state)
{
	*state = arena_create();
	return 0;
}

static int teardown(void **state)
{
	arena_destroy(*state);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_table), TEST(test_random_is_random),
		TEST(test_ga_beats_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
