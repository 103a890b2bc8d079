/* SPDX-License-Identifier: MIT */
/* Recorded spaces: what the readers make of each form and of bad files, and
 * strategies on a space measured exhaustively on a real GPU: convolution on an
 * RTX A4000, from the public FAIR benchmark hub for auto-tuning
 * (tests/data/conv-a4000.csv). The table has only the legal points of its
 * grid. A figure is the optimum's time over the best found after so many
 * points, averaged over seeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arena_state.h"
#include "search/curve.h"
#include "search/replay.h"

/* Random search without repeats at 25, 50, 100, 200 and 400, computed exactly
 * from the table, which the random strategy must agree with. */
static const double random_exact[] = { 0.715, 0.773, 0.829, 0.885, 0.938 };

static struct replay *read_table(struct arena *a, const char *name)
{
	const char *top = getenv("top_srcdir"), *why = NULL;
	struct replay *r = replay_read(a, arena_printf(a, "%s/tests/data/%s",
		top ? top : ".", name), &why);

	if (!r)
		fail_msg("%s", why);
	return r;
}

/* The table in a file of text "text"; or NULL, with "*why" without the path. */
static struct replay *read_text(struct arena *a, const char *text,
	const char **why)
{
	char path[] = "/tmp/replay_test_XXXXXX";
	int fd = mkstemp(path);
	size_t n = strlen(text);
	struct replay *r;

	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	close(fd);
	r = replay_read(a, path, why);
	unlink(path);
	if (*why) {
		assert_null(r);
		assert_memory_equal(*why, path, strlen(path));
		*why += strlen(path);
	}
	return r;
}

static struct replay *read_good(struct arena *a, const char *text)
{
	const char *why;
	struct replay *r = read_text(a, text, &why);

	if (!r)
		fail_msg("%s", why);
	return r;
}

/* ---- forms ---- */

/* Three points of BX and MODE; the second fails. */
static void check_sample(const struct replay *r)
{
	const struct gene *mode;
	int at, genes[] = { 16, 0 };

	assert_int_equal(r->n, 3);
	assert_int_equal(r->failures, 1);
	assert_int_equal(r->space.n_genes, 2);
	assert_string_equal(r->space.genes[0].name, "BX");
	assert_int_equal(r->space.genes[0].n, 2);
	assert_int_equal(r->space.genes[0].values[0], 16);
	assert_int_equal(r->space.genes[0].values[1], 128);
	assert_null(r->space.genes[0].words);
	mode = &r->space.genes[1];
	assert_string_equal(mode->name, "MODE");
	assert_int_equal(mode->n, 2);
	assert_string_equal(mode->words[0], "row");
	assert_string_equal(mode->words[1], "col");
	at = replay_find(r, genes);
	assert_true(fabs(r->seconds[at] - 2.5e-3) < 1e-12);
	assert_true(fabs(r->compile_seconds[at] - 0.3) < 1e-12);
	assert_int_equal(r->verdicts[at], V_MEASURED);
	genes[1] = 1;
	assert_int_equal(replay_find(r, genes), -1);
	assert_non_null(r->problem.legal(r->problem.ctx, NULL, genes));
	genes[0] = 128;
	at = replay_find(r, genes);
	assert_true(isinf(r->seconds[at]));
	assert_int_equal(r->verdicts[at], V_LAUNCH);
	assert_non_null(r->messages[at]);
	assert_true(r->optimum == 1e-3);
}

static const char csv[] =
	"BX,MODE,time_ms,compile_ms\n"
	"16,row,2.5,300\r\n"
	"128,col,launch,200\n\n"
	"128,row,1,100\n";

static const char t4[] =
	"{\"schema_version\": \"1.0.0\", \"results\": [\n"
	"{\"configuration\": {\"BX\": 16, \"MODE\": \"row\"},\n"
	" \"times\": {\"compilation_time\": 300, \"runtimes\": [2.4, 2.6]},\n"
	" \"invalidity\": \"correct\", \"correctness\": 1, \"measurements\":\n"
	" [{\"name\": \"GFLOP/s\", \"value\": 7, \"unit\": \"\"},\n"
	"  {\"name\": \"time\", \"value\": 2.5, \"unit\": \"ms\"}]},\n"
	"{\"configuration\": {\"BX\": 128, \"MODE\": \"col\"}, \"times\": {},\n"
	" \"invalidity\": \"runtime\", \"correctness\": 0},\n"
	"{\"configuration\": {\"MODE\": \"row\", \"BX\": 128},\n"
	" \"times\": {\"compilation\": 100}, \"invalidity\": \"correct\",\n"
	" \"correctness\": 1, \"measurements\":\n"
	" [{\"name\": \"time\", \"value\": 0.001, \"unit\": \"seconds\"}]}\n"
	"]}\n";

static const char cache[] =
	"{\"device_name\": \"a card\", \"kernel_name\": \"k\",\n"
	"\"tune_params_keys\": [\"BX\", \"MODE\"],\n"
	"\"tune_params\": {\"BX\": [16, 128], \"MODE\": [\"row\", \"col\"]},\n"
	"\"objective\": \"time\", \"cache\": {\n"
	"\"16,row\": {\"BX\": 16, \"MODE\": \"row\", \"time\": 2.5,\n"
	" \"compile_time\": 300, \"GFLOP/s\": 1.5},\n"
	"\"128,col\": {\"BX\": 128, \"MODE\": \"col\",\n"
	" \"time\": \"RuntimeFailedConfig\", \"compile_time\": 200},\n"
	"\"128,row\": {\"BX\": 128, \"MODE\": \"row\", \"time\": 1.0}";

#define RECORD(gpu) "{\"op\": \"c2\", \"hash\": \"00ab\", \"sketch\": " \
	"\"fma\", \"how\": \"gpu\", \"gpu\": \"" gpu "\", "
#define ONE(gpu) RECORD(gpu) "\"point\": {\"x\": \"1\"}, \"verdict\": " \
	"\"measured\", \"seconds\": 1}\n"

static const char records[] =
	RECORD("h200") "\"point\": "
	"{\"BX\": \"16\", \"MODE\": \"row\"}, \"verdict\": \"measured\", "
	"\"seconds\": 0.0025, \"compile_seconds\": 0.3}\n"
	RECORD("h200") "\"point\": "
	"{\"BX\": \"128\", \"MODE\": \"col\"}, \"verdict\": \"launch\", "
	"\"message\": \"too many threads\"}\n\n"
	RECORD("h200") "\"point\": "
	"{\"BX\": \"128\", \"MODE\": \"row\"}, \"verdict\": \"measured\", "
	"\"seconds\": 0.001}\n";

static void test_forms(void **state)
{
	struct arena *a = *state;
	struct replay *r;

	check_sample(read_good(a, csv));
	check_sample(read_good(a, t4));
	check_sample(read_good(a, arena_printf(a, "%s\n}}\n", cache)));
	check_sample(read_good(a, arena_printf(a, "%s,\n", cache)));
	r = read_good(a, records);
	check_sample(r);
	assert_string_equal(r->messages[1], "too many threads");
}

/* The last of two counts. */
static void test_twice(void **state)
{
	struct replay *r = read_good(*state,
		"x,time_ms\n1,4\n2,5\n1,3\n");
	int genes[] = { 1 };

	assert_int_equal(r->n, 2);
	assert_true(fabs(r->seconds[replay_find(r, genes)] - 3e-3) < 1e-12);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", ":1: column 1 has no name" },
		{ "x,y\n1,2\n", ":1: no column 'time_ms'" },
		{ "x,x,time_ms\n1,2,3\n", ":1: two columns 'x'" },
		{ "x,time_ms\n", ":1: no points" },
		{ "x,time_ms\n1,2\n\n3\n",
			":4: 1 cells, the first line has 2" },
		{ "x,time_ms\n1,2\n,3\n", ":3: 'x' has no value" },
		{ "x,time_ms\n1,fast\n", ":2: time_ms is 'fast', which is "
			"neither a time nor 'fail'" },
		{ "x,time_ms\n1,-1\n", ":2: time_ms is '-1', which is "
			"neither a time nor 'fail'" },
		{ "x,time_ms\n1,nan\n", ":2: time_ms is 'nan', which is "
			"neither a time nor 'fail'" },
		{ "{\n\"results\": [\n{]\n", ":3: " },
		{ "{\n\"entries\": []\n}\n",
			":1: JSON with neither 'results' nor 'cache'" },
		{ "{\n\"results\": 1\n}\n", ":1: 'results' is no array" },
		{ "{\"metadata\": {\"results\": {}},\n \"results\": [\n"
			"{\"configuration\": {\"x\": 1}, \"measurements\": "
			"[{\"name\": \"time\",\n \"value\": 1}]},\n"
			"{\"configuration\": {\"y\": 1}}]\n}\n",
			":5: no value of 'x'" },
		{ "{\"results\": [\n{\"configuration\": {\"x\": 1}}]\n}\n",
			":2: no time" },
		{ "{\"results\": [\n{\"configuration\": {\"x\": [1]}}]\n}\n",
			":2: 'x' is neither a number nor a word" },
		{ "{\"results\": [\n{\"configuration\": {\"x\": 1}, "
			"\"invalidity\": \"odd\"}]\n}\n",
			":2: unknown invalidity 'odd'" },
		{ "{\"tune_params_keys\": [\"x\"], \"cache\": {\n"
			"\"1\": {\"x\": 1, \"time\": 2},\n"
			"\"2\": {\"x\": 2}}}\n", ":3: no time" },
		{ "{\"cache\": {}}\n", ":1: 'tune_params_keys' is no array, "
			"or 'cache' no object" },
		{ ONE("h200") "{\n", ":2: not JSON: " },
		{ ONE("h200") "[]\n", ":2: a record is an object" },
		{ ONE("h200") ONE("b200"), ":2: a record of another problem "
			"(c2 on b200, by fma) than the first (c2 on h200, by "
			"fma)" },
		{ ONE("h200") RECORD("h200") "\"point\": {\"y\": \"1\"}, "
			"\"verdict\": \"launch\"}\n", ":2: records of one "
			"problem with different tunables" },
		{ RECORD("h200") "\"point\": {\"x\": \"1\"}, "
			"\"verdict\": \"measured\"}\n", ":1: \"seconds\" is "
			"missing" },
		{ "{\"point\": {\"x\": \"1\"}, \"verdict\": \"fault\"}\n",
			":1: \"hash\" is missing" },
		{ RECORD("h200") "\"point\": {\"x\": \"1\"}, \"verdict\": "
			"\"good\"}\n", ":1: \"verdict\"" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *why;

		assert_null(read_text(*state, bad[i].text, &why));
		assert_memory_equal(why, bad[i].why, strlen(bad[i].why));
	}
}

static void test_no_file(void **state)
{
	const char *why;

	assert_null(replay_read(*state, "no/such/file.csv", &why));
	assert_string_equal(why, "cannot read no/such/file.csv: "
		"No such file or directory");
}

/* ---- strategies ---- */

static void run(struct curve *c, const struct replay *r,
	const struct replay *from, const char *strategy, int budget, int seeds,
	int batch)
{
	curve_init(c, budget);
	c->batch = batch;
	curve_run(c, r, from, strategy_named(strategy), seeds, NULL);
	assert_int_equal(c->seeds, seeds);
	assert_int_equal(c->marks[c->n - 1], budget);
	print_message("# %s%s, batches of %d, at", strategy,
		from ? " with a sister" : "", batch);
	for (int m = 0; m < c->n; m++)
		print_message(" %d: %.3f", c->marks[m], c->mean[m]);
	print_message("\n");
}

/* The same with points under way. */
static void run_window(struct curve *c, const struct replay *r,
	const char *strategy, int budget, int seeds, int window)
{
	curve_init(c, budget);
	c->window = window;
	curve_run(c, r, NULL, strategy_named(strategy), seeds, NULL);
	assert_int_equal(c->seeds, seeds);
	print_message("# %s, %d under way, at %d: %.3f\n", strategy, window,
		budget, c->mean[c->n - 1]);
}

static void test_table(void **state)
{
	struct replay *r = read_table(*state, "conv-a4000.csv");

	assert_int_equal(r->n, 4362);
	assert_int_equal(r->space.n_genes, 7);
	assert_int_equal(space_size(&r->space), 10240);
	assert_int_equal(r->failures, 161);
}

/* The standard error of 30 seeds is about 0.025 at 25 points. */
static void test_random_is_random(void **state)
{
	struct replay *r = read_table(*state, "conv-a4000.csv");
	struct curve c;

	run(&c, r, NULL, "random", 400, 30, 1);
	assert_int_equal(c.n, 5);
	for (int m = 0; m < c.n; m++)
		assert_true(fabs(c.mean[m] - random_exact[m]) < 0.05);
}

/* Five seeds have a standard error of 0.04; what is asked lies below what is
 * usual: 0.85 and more after 50, 0.92 after 100. */
static void test_better_than_random(void **state)
{
	static const char *const names[] = { "auto", "ga", "bo", "rl" };
	struct replay *r = read_table(*state, "conv-a4000.csv");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct curve c;

		run(&c, r, NULL, names[i], 100, 5, 1);
		assert_true(c.mean[1] > random_exact[1]);
		assert_true(c.mean[2] > random_exact[2] + 0.01);
		run(&c, r, NULL, names[i], 100, 2, 16);
		assert_true(c.mean[2] > random_exact[2]);
		run_window(&c, r, names[i], 100, 5, 6);
		assert_true(c.mean[2] > random_exact[2] + 0.01);
	}
}

/* ---- odd tables ---- */

/* Every strategy, seeds 1 to 3, alone and in batches beyond the space. */
static void run_all(const struct replay *r, int budget, double least)
{
	for (int i = 0; strategy_list()[i]; i++)
		for (int batch = 1; batch <= 64; batch += 63) {
			struct curve c;

			run(&c, r, NULL, strategy_list()[i]->name, budget, 3,
				batch);
			assert_true(c.mean[c.n - 1] >= least);
		}
}

/* The same of those that draw. */
static void run_drawn(const struct replay *r, int budget, double least)
{
	for (int i = 0; strategy_list()[i]; i++) {
		struct curve c;

		if (!strcmp(strategy_list()[i]->name, "exhaustive"))
			continue;
		run(&c, r, NULL, strategy_list()[i]->name, budget, 3, 1);
		assert_true(c.mean[c.n - 1] >= least);
	}
}

static void test_tiny(void **state)
{
	struct arena *a = *state;
	struct str text;

	run_all(read_good(a, "x,time_ms\n7,1\n"), 10, 1);
	run_all(read_good(a, "time_ms\n1\n"), 10, 1);
	run_all(read_good(a, "x,y,time_ms\n1,1,3\n2,2,1\n4,4,2\n"), 10, 1);
	str_init(&text, a);
	str_puts(&text, "x,time_ms\n");
	for (int x = 0; x < 40; x++)
		str_printf(&text, "%d,%d\n", x, 1 + (x - 23) * (x - 23));
	run_all(read_good(a, str_text(&text)), 40, 1);
}

static void test_all_words(void **state)
{
	struct str text;

	str_init(&text, *state);
	str_puts(&text, "x,y,time_ms\n");
	for (int i = 0; i < 64; i++)
		str_printf(&text, "w%d,v%d,%d\n", i % 8, i / 8,
			1 + i * 37 % 64);
	run_all(read_good(*state, str_text(&text)), 64, 1);
}

static void test_all_fail(void **state)
{
	struct str text;

	str_init(&text, *state);
	str_puts(&text, "x,y,time_ms\n");
	for (int i = 0; i < 64; i++)
		str_printf(&text, "%d,%d,fail\n", i % 8, i / 8);
	run_all(read_good(*state, str_text(&text)), 50, 0);
}

/* A hundred points of a grid of 10^12, no two of which have a value in common;
 * in order none of them comes early. */
static void test_sparse(void **state)
{
	struct str text;

	str_init(&text, *state);
	str_puts(&text, "a,b,c,d,e,f,time_ms\n");
	for (int i = 0; i < 100; i++)
		str_printf(&text, "%d,%d,%d,%d,%d,%d,%d\n", i, i, i, i, i, i,
			1 + abs(i - 61));
	run_drawn(read_good(*state, str_text(&text)), 100, 1);
}

/* ---- sisters ---- */

/* A sister that resembles the space is worth a hundred evaluations. */
static void test_sister(void **state)
{
	static const char *const names[] = { "auto", "bo", "rl" };
	struct replay *r = read_table(*state, "conv-a4000.csv");
	struct replay *from = read_table(*state, "conv-a100.csv");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct curve c;

		run(&c, r, from, names[i], 25, 3, 1);
		assert_true(c.mean[0] > 0.93);
	}
}

/* The space with its times turned round: the worst is said to be the best. */
static struct replay *liar(struct arena *a, const struct replay *r)
{
	struct replay *l = ARENA_NEW(a, struct replay);

	*l = *r;
	l->seconds = ARENA_ARRAY(a, r->n, double);
	for (int i = 0; i < r->n; i++)
		l->seconds[i] = isinf(r->seconds[i]) ? INFINITY :
			r->optimum / r->seconds[i];
	return l;
}

static void test_liar(void **state)
{
	static const char *const names[] = { "auto", "bo", "rl" };
	struct replay *r = read_table(*state, "conv-a4000.csv");
	struct replay *from = liar(*state, r);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct curve c;

		run(&c, r, from, names[i], 50, 3, 1);
		assert_true(c.mean[1] > random_exact[1] + 0.05);
	}
}

/* This sister is right but for one gene: her best use no shared memory. What she
 * has with it shows that, and is most of what there is to find. */
static void test_half_truth(void **state)
{
	struct replay *r = read_table(*state, "conv-a100.csv");
	struct replay *from = read_table(*state, "conv-a4000.csv");
	struct curve c;

	run(&c, r, from, "bo", 25, 5, 1);
	assert_true(c.mean[0] > 0.85);
}

/* Points of a sister are found by the names of tunables and by values. */
static void test_prior(void **state)
{
	struct arena *a = *state;
	struct replay *r = read_good(a, "x,m,time_ms\n1,a,1\n2,b,2\n");
	struct replay *from = read_good(a,
		"m,x,z,time_ms\nb,1,9,4\nc,1,9,5\na,3,9,6\nb,2,9,fail\n");
	const char *why;
	const struct prior *p = curve_prior(a, r, from, &why);

	assert_non_null(p);
	assert_int_equal(p->n, 2);
	assert_int_equal(p->genes[0], 1);
	assert_int_equal(p->genes[1], 1);
	assert_true(fabs(p->seconds[0] - 4e-3) < 1e-12);
	assert_true(isinf(p->seconds[1]));
	assert_null(curve_prior(a, from, r, &why));
	assert_non_null(strstr(why, "has no tunable 'z'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forms), TEST(test_twice), TEST(test_bad),
		TEST(test_no_file), TEST(test_table),
		TEST(test_random_is_random), TEST(test_better_than_random),
		TEST(test_tiny), TEST(test_all_words), TEST(test_all_fail),
		TEST(test_sparse), TEST(test_sister), TEST(test_liar),
		TEST(test_half_truth), TEST(test_prior),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
