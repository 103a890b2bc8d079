/* SPDX-License-Identifier: MIT */
/* Fair measuring, on a device that is made up (bench_device.h): so it is known
 * what every number must be. */
#include "tests/unit/bench_device.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>


/* ---- a bench over it ---- */

struct bed {
	struct options o;
	struct session s;
	struct bench b;
	struct way ways[BENCH_CONTENDERS];
	struct contender c[BENCH_CONTENDERS];
	struct wpk_memory memory[MOST_SETS];
	struct bench_entry v[BENCH_CONTENDERS];
	struct wpk_error e;
};

/* "s" is the way's cold time; hot is half. */
static void add(struct bed *t, int i, const char *name, double s)
{
	t->ways[i] = (struct way){ { 0 }, s, s / 2, -1, 719, 0 };
	t->c[i] = (struct contender){ .name = name,
		.x = &t->ways[i].x, .n_sets = t->b.n_sets,
		.memory = t->memory };
}

static struct bed *make_bed(int sets)
{
	struct bed *t = calloc(1, sizeof *t);

	assert_non_null(t);
	power_on();
	t->s.o = &t->o;
	assert_int_equal(bench_open(&t->b, &t->s, &t->o.bench, &t->e), 0);
	t->b.n_sets = sets;
	return t;
}

static void enter(struct bed *t, int n, int sets)
{
	for (int i = 0; i < n; i++) {
		t->v[i].name = t->c[i].name;
		if (bench_graph_make(&t->b, &t->c[i], sets,
		    t->b.o.replay_s, &t->v[i].graph, &t->e))
			t->v[i].e = t->e;
	}
}

/* ---- statistics ---- */

static void quartiles(void **state)
{
	static const double v[] = { 4, 1, 3, 2, 1000 };
	static const bool use[] = { true, true, true, true, false };
	struct quartiles q = stats_quartiles(v, use, 5);

	(void)state;
	assert_true(q.q1 == 1.75 && q.median == 2.5 && q.q3 == 3.25);
	q = stats_quartiles(v, NULL, 5);
	assert_true(q.q1 == 2 && q.median == 3 && q.q3 == 4);
	q = stats_quartiles(v, NULL, 1);
	assert_true(q.q1 == 4 && q.median == 4 && q.q3 == 4);
	q = stats_quartiles(v, NULL, 0);
	assert_true(q.median == 0);
}

/* Not the ratio of the medians, which is a half. */
static void ratios_by_block(void **state)
{
	static const double a[] = { 1, 10, 100 }, b[] = { 1, 20, 50 };
	static const bool use[] = { true, false, true };

	(void)state;
	assert_true(stats_ratio(a, b, NULL, 3).median == 1);
	assert_true(stats_ratio(a, b, use, 3).median == 1.5);
}

/* Each contender has a clock of its own that it keeps to. */
static void clocks(void **state)
{
	static double v[2 * STATS_BLOCKS] = { 1700, 1710, 1690, 1500, 0 };
	double *other = v + STATS_BLOCKS;
	bool use[5];

	(void)state;
	memcpy(other, (double[]){ 1300, 1300, 1325, 1300, 1300 },
		5 * sizeof *v);
	assert_int_equal(stats_steady(v, 2, 5, 0.015, use), 3);
	assert_true(use[0] && use[1] && !use[2] && !use[3] && use[4]);
}

/* ---- graphs ---- */

static void graph_is_fair(void **state)
{
	struct bed *t = make_bed(7);
	struct bench_graph g;
	double s;

	(void)state;
	add(t, 0, "a", 3e-6);
	assert_int_equal(bench_graph_make(&t->b, &t->c[0], 7, 2e-3, &g, &t->e),
		0);
	assert_int_equal(g.launches % 7, 0);
	assert_true(g.launches * 3e-6 >= 2e-3);
	for (int i = 0; i < 7; i++)
		assert_int_equal(dev.graphs[0].sets[i], g.launches / 7);
	assert_int_equal(bench_replay(&t->b, &g, 2, &s, &t->e), 0);
	assert_true(fabs(s / 3e-6 - 1) < 1e-3);
	assert_int_equal(bench_graph_make(&t->b, &t->c[0], 1, 2e-3, &g, &t->e),
		0);
	assert_int_equal(bench_replay(&t->b, &g, 1, &s, &t->e), 0);
	assert_true(fabs(s / 1.5e-6 - 1) < 0.01);
	free(t);
}

/* One that does not queue its work on the stream would take no time at all. */
static void empty_graph(void **state)
{
	struct bed *t = make_bed(4);
	struct bench_graph g;

	(void)state;
	add(t, 0, "a", 0);
	assert_int_equal(bench_graph_make(&t->b, &t->c[0], 4, 2e-3, &g, &t->e),
		WPK_E_LIBRARY);
	assert_non_null(strstr(t->e.text, "does not hold its work"));
	free(t);
}

static void copy_ceiling(void **state)
{
	struct bed *t = make_bed(4);
	double bytes_s;

	(void)state;
	assert_int_equal(bench_copy(&t->b, &bytes_s, &t->e), 0);
	assert_true(fabs(bytes_s / 4e12 - 1) < 1e-3);
	assert_int_equal(dev.allocated, dev.released);
	free(t);
}

static void what_the_protocol_asks(void **state)
{
	struct bench_options o = { 0 }, heavy = { .flops = 2e11 };

	(void)state;
	power_on();
	bench_usual(&o, false, 0);
	bench_usual(&heavy, false, 0);
	assert_true(o.blocks >= 9 && o.sets >= 4 && o.replay_s >= 2e-3);
	assert_true(o.cold_bytes == (size_t)300 << 20);
	assert_true(heavy.warm_s >= 3 && heavy.block_s >= 1);
	assert_true(o.warm_s < 1 && o.block_s < 1);
}

/* ---- blocks ---- */

static void turns(void **state)
{
	struct bed *t = make_bed(5);
	struct bench_blocks *r = calloc(1, sizeof *r);
	const char *tail;

	(void)state;
	add(t, 0, "a", 1e-4);
	add(t, 1, "b", 2e-4);
	enter(t, 2, 5);
	assert_int_equal(bench_blocks(&t->b, t->v, 2, 5, r, &t->e), 0);
	assert_int_equal(r->blocks, 9);
	assert_int_equal(r->steady, 9);
	tail = dev.order + dev.n_order - 18;
	assert_memory_equal(tail, "ababababababababab", 18);
	for (int i = 0; i < 9; i++) {
		assert_true(fabs(r->of[0].seconds[i] / 1e-4 - 1) < 1e-3);
		assert_true(fabs(r->of[1].seconds[i] / 2e-4 - 1) < 1e-3);
		assert_true(r->of[1].clock[i] == 1700 &&
			r->of[1].watts[i] == 400);
	}
	free(r);
	free(t);
}

/* A block whose clock left is made up for; where none stays it ends. */
static void unsteady_blocks(void **state)
{
	struct bed *t = make_bed(4);
	struct bench_blocks *r = calloc(1, sizeof *r);

	(void)state;
	add(t, 0, "a", 1e-4);
	add(t, 1, "b", 2e-4);
	enter(t, 2, 4);
	dev.asked = 0;
	dev.mhz[2 * 4 + 2] = dev.mhz[2 * 4 + 3] = 1600;
	assert_int_equal(bench_blocks(&t->b, t->v, 2, 4, r, &t->e), 0);
	assert_int_equal(r->blocks, 10);
	assert_int_equal(r->steady, 9);
	assert_false(r->use[2]);
	dev.asked = 0;
	for (int i = 0; i < LOG; i++)
		dev.mhz[i] = 1000 + 40 * (i / 4);
	assert_int_equal(bench_blocks(&t->b, t->v, 2, 4, r, &t->e), 0);
	assert_int_equal(r->blocks, 18);
	assert_true(r->steady < 9);
	free(r);
	free(t);
}

static void one_that_fails(void **state)
{
	struct bed *t = make_bed(4);
	struct bench_blocks *r = calloc(1, sizeof *r);

	(void)state;
	add(t, 0, "a", 1e-4);
	add(t, 1, "b", 2e-4);
	t->ways[1].fails = 0;
	t->ways[1].code = 1;
	enter(t, 2, 4);
	assert_int_equal(bench_blocks(&t->b, t->v, 2, 4, r, &t->e), 0);
	assert_string_equal(r->of[1].why, "launching: "
		"CUDA_ERROR_INVALID_VALUE");
	assert_int_equal(r->steady, 9);
	assert_true(r->of[0].seconds[8] > 0);
	t->ways[1].launches = 0;
	t->ways[1].code = 719;
	enter(t, 2, 4);
	assert_int_equal(bench_blocks(&t->b, t->v, 2, 4, r, &t->e),
		WPK_E_CUDA);
	free(r);
	free(t);
}

/* ---- the best of a library ---- */

/* The third is the fastest that is quick to make; the heuristic's is the
 * first. */
static void best_of_library(void **state)
{
	static const double seconds[] = { 5e-5, 8e-5, -1, 4e-5, 1e-5, 9e-3,
		4.5e-5 };
	static const double build[] = { 0.1, 0.1, 0, 0.1, 6, 0.1, 0.1 };
	static const size_t workspace[] = { 0, 100, 0, 1000, 0, 5000, 300 };
	struct bed *t = make_bed(4);
	struct bench_choice c;

	(void)state;
	add(t, 0, "cudnn", 1);
	dev.call = (struct library_call){ seconds, build, workspace, 7, -1 };
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e), 0);
	assert_int_equal(c.chosen, 3);
	assert_int_equal(dev.call.chosen, 3);
	assert_int_equal(c.n, 7);
	assert_int_equal(c.failed, 1);
	assert_int_equal(c.passed_over, 1);
	assert_int_equal(c.timed, 5);
	assert_string_equal(c.text, "engine 3");
	assert_string_equal(c.default_text, "engine 0");
	assert_true(fabs(c.default_s / c.chosen_s - 1.25) < 0.01);
	assert_true(t->memory[3].workspace_bytes >= 1000);
	json_decref(c.pinned);
	assert_int_equal(c.tried, 7);
	t->b.o.library_s = 0.15;
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e), 0);
	assert_int_equal(c.tried, 2);
	assert_int_equal(c.chosen, 0);
	json_decref(c.pinned);
	assert_int_equal(bench_choose(&t->b, &t->c[0], "6", &c, &t->e), 0);
	assert_int_equal(dev.call.chosen, 6);
	json_decref(c.pinned);
	assert_int_equal(bench_choose(&t->b, &t->c[0], "2", &c, &t->e),
		WPK_E_LIBRARY);
	assert_int_equal(bench_choose(&t->b, &t->c[0], "legacy_5", &c, &t->e),
		0);
	assert_int_equal(dev.call.chosen, 5);
	assert_int_equal(c.chosen, -1);
	assert_string_equal(c.named, "legacy_5");
	assert_string_equal(c.text, "engine 5");
	json_decref(c.pinned);
	assert_int_equal(bench_choose(&t->b, &t->c[0], "fast", &c, &t->e),
		WPK_E_LIBRARY);
	assert_null(c.named);
	dev.call.n = 0;
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e), 0);
	assert_int_equal(c.chosen, -1);
	free(t);
}

static bool wrong_ones[7];

static enum wpk_status by_table(struct bench *b, const struct contender *c,
	size_t workspace, const char **wrong, struct wpk_error *e)
{
	(void)b, (void)c, (void)e;
	assert_int_equal(workspace, dev.call.workspace[dev.call.chosen]);
	*wrong = wrong_ones[dev.call.chosen] ? "element 7 is" : NULL;
	return WPK_OK;
}

/* The next that is right, be it a finalist or not; asked for, it is no choice. */
static void wrong_ones_are_passed_over(void **state)
{
	static const double seconds[] = { 5e-5, 5.2e-5, 4e-5, 4.5e-5, 4.8e-5,
		5.1e-5, 4.9e-5 };
	static const double build[7] = { 0 };
	static const size_t workspace[] = { 0, 100, 7, 1000, 0, 5000, 300 };
	struct bed *t = make_bed(4);
	struct bench_choice c;

	(void)state;
	add(t, 0, "cublaslt", 1);
	t->b.is_right = by_table;
	t->b.o.finalists = 3;
	dev.call = (struct library_call){ seconds, build, workspace, 7, -1 };
	wrong_ones[2] = wrong_ones[3] = true;
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e), 0);
	assert_int_equal(c.chosen, 4);
	assert_int_equal(dev.call.chosen, 4);
	assert_int_equal(c.wrong, 2);
	assert_string_equal(c.text, "engine 4");
	json_decref(c.pinned);
	wrong_ones[4] = wrong_ones[6] = true;
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e), 0);
	assert_int_equal(c.chosen, 0);
	assert_int_equal(c.wrong, 4);
	assert_true(fabs(c.chosen_s / 5e-5 - 1) < 0.01);
	json_decref(c.pinned);
	assert_int_equal(bench_choose(&t->b, &t->c[0], "3", &c, &t->e),
		WPK_E_LIBRARY);
	assert_string_equal(t->e.text, "algorithm 3 computes wrong: element 7 "
		"is");
	memset(wrong_ones, 1, sizeof wrong_ones);
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e),
		WPK_E_LIBRARY);
	assert_string_equal(t->e.text, "none of its 7 algorithms computes what "
		"is right");
	assert_int_equal(c.wrong, 7);
	assert_null(c.pinned);
	memset(wrong_ones, 0, sizeof wrong_ones);
	free(t);
}

static void none_runs(void **state)
{
	static const double seconds[] = { -1, -1 }, build[] = { 0, 0 };
	static const size_t workspace[] = { 0, 0 };
	struct bed *t = make_bed(4);
	struct bench_choice c;

	(void)state;
	add(t, 0, "cudnn", 1);
	dev.call = (struct library_call){ seconds, build, workspace, 2, -1 };
	assert_int_equal(bench_choose(&t->b, &t->c[0], NULL, &c, &t->e),
		WPK_E_LIBRARY);
	free(t);
}

/* ---- what is told ---- */

static double number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(json_object_get(o, "cold"), key);

	assert_true(json_is_number(v));
	return json_number_value(v);
}

static void report(void **state)
{
	struct bed *t = make_bed(4);
	struct bench_blocks *r = calloc(1, sizeof *r);
	struct bench_choice choices[2] = { { .chosen = -1 }, { .chosen = 4 } };
	struct bench_facts f = { 0, 4e8, 4e12, choices };
	json_t *list, *o;

	(void)state;
	add(t, 0, "a", 2e-4);
	add(t, 1, "b", 3e-4);
	t->b.o.flops = 1e9;
	t->b.o.peak = 1e14;
	enter(t, 2, 4);
	assert_int_equal(bench_blocks(&t->b, t->v, 2, 4, r, &t->e), 0);
	list = bench_report(&t->b, r, NULL, &f);
	o = json_array_get(list, 1);
	assert_true(fabs(number(o, "ratio") - 1.5) < 1e-3);
	assert_true(fabs(number(o, "floor_s") - 1e-4) < 1e-9);
	assert_true(fabs(number(o, "of_floor") - 1.0 / 3) < 1e-3);
	assert_true(fabs(number(o, "bytes_s") / (4e8 / 3e-4) - 1) < 1e-3);
	assert_true(number(o, "clock_mhz_most") == 1700);
	assert_int_equal(json_integer_value(json_object_get(o, "algorithm")),
		4);
	o = json_array_get(list, 0);
	assert_null(json_object_get(json_object_get(o, "cold"), "ratio"));
	assert_null(json_object_get(o, "algorithm"));
	json_decref(list);
	choices[0].named = "legacy_1_fma";
	list = bench_report(&t->b, r, NULL, &f);
	o = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(o, "algorithm")),
		"legacy_1_fma");
	json_decref(list);
	free(r);
	free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(quartiles),
		cmocka_unit_test(ratios_by_block),
		cmocka_unit_test(clocks),
		cmocka_unit_test(graph_is_fair),
		cmocka_unit_test(empty_graph),
		cmocka_unit_test(copy_ceiling),
		cmocka_unit_test(what_the_protocol_asks),
		cmocka_unit_test(turns),
		cmocka_unit_test(unsteady_blocks),
		cmocka_unit_test(one_that_fails),
		cmocka_unit_test(best_of_library),
		cmocka_unit_test(wrong_ones_are_passed_over),
		cmocka_unit_test(none_runs),
		cmocka_unit_test(report)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
