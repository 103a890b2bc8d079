/* SPDX-License-Identifier: MIT */
/* XGBoost as values: it learns, repeats itself, comes back from bytes, and
 * everything that can be wrong with library or bytes is told in a sentence. */
#include <malloc.h>
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
#include "boost_library.h"
#include "search/boost.h"
#include "search/boost_api.h"
#include "search/search.h"

/* Our declarations are those of the header, where there is one. */
#if __has_include(<xgboost/c_api.h>)
#include <xgboost/c_api.h>
#define ROW(field, result, symbol, parameters) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(&symbol), \
		result (*) parameters), #symbol " is declared otherwise");
BOOST_API(ROW)
#undef ROW
enum { COMPARED = 1 };
#else
enum { COMPARED = 0 };
#endif

enum { ROWS = 400, COLUMNS = 4 };

struct data {
	struct arena *a;
	float x[ROWS * COLUMNS], y[ROWS];
};

/* y = x0 x1, with a step where x2 is unknown; x3 says nothing. */
static struct data *make_data(struct arena *a)
{
	struct data *d = ARENA_NEW(a, struct data);
	struct rng rng;

	rng_seed(&rng, 7);
	for (int i = 0; i < ROWS; i++) {
		float *x = d->x + i * COLUMNS;

		for (int k = 0; k < COLUMNS; k++)
			x[k] = (float)rng_unit(&rng);
		if (x[2] < 0.3f)
			x[2] = NAN;
		d->y[i] = x[0] * x[1] + (isnan(x[2]) ? 0.5f : 0);
	}
	return d;
}

static const struct boost_params plain = { .trees = 100, .depth = 4,
	.rate = 0.1, .rows = 0.8, .columns = 0.8, .leaf = 1, .seed = 1 };

static struct boost_model *trained(struct arena *a, const struct boost *b,
	const struct data *d, int n, uint64_t seed)
{
	struct boost_data data = { d->x, d->y, NULL, n, COLUMNS };
	struct boost_params p = plain;
	struct boost_model *m;
	const char *why = NULL;

	p.seed = seed;
	m = boost_train(a, b, &data, &p, &why);
	if (!m)
		fail_msg("%s", why);
	assert_null(why);
	assert_int_equal(boost_columns(m), COLUMNS);
	return m;
}

static void predict(struct arena *a, const struct boost_model *m,
	const float *x, int n, float *out)
{
	const char *why = "";

	if (!boost_predict(a, m, x, n, out, &why))
		fail_msg("%s", why);
}

static void test_declarations(void **state)
{
	(void)state;
	if (!COMPARED)
		skip();
}

/* Learned from the first 300 rows, most of the variance of the others is
 * explained. */
static void test_learns(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct data *d = make_data(*state);
	struct boost_model *m = trained(*state, b, d, 300, 1);
	float out[ROWS];
	double mean = 0, left = 0, all = 0;

	predict(*state, m, d->x, ROWS, out);
	for (int i = 300; i < ROWS; i++)
		mean += d->y[i] / 100;
	for (int i = 300; i < ROWS; i++) {
		left += pow(out[i] - d->y[i], 2);
		all += pow(d->y[i] - mean, 2);
	}
	print_message("# XGBoost %s leaves %.3f of the variance\n",
		boost_version(b), left / all);
	assert_true(left < 0.1 * all);
	boost_destroy(m);
}

static void test_repeats(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct data *d = make_data(*state);
	struct boost_model *m = trained(*state, b, d, ROWS, 1);
	struct boost_model *again = trained(*state, b, d, ROWS, 1);
	struct boost_model *other = trained(*state, b, d, ROWS, 2);
	float x[ROWS], y[ROWS], z[ROWS];

	predict(*state, m, d->x, ROWS, x);
	predict(*state, again, d->x, ROWS, y);
	predict(*state, other, d->x, ROWS, z);
	assert_memory_equal(x, y, sizeof x);
	assert_memory_not_equal(x, z, sizeof x);
	boost_destroy(m);
	boost_destroy(again);
	boost_destroy(other);
}

/* A row of weight 0 does not count. */
static void test_weights(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct data *d = make_data(*state);
	float w[ROWS], out[ROWS];
	struct boost_data data = { d->x, d->y, w, ROWS, COLUMNS };
	struct boost_model *m;
	const char *why;
	double off = 0;

	for (int i = 0; i < ROWS; i++) {
		w[i] = i % 2;
		if (!(i % 2))
			d->y[i] = 100;
	}
	m = boost_train(*state, b, &data, &plain, &why);
	assert_non_null(m);
	predict(*state, m, d->x, ROWS, out);
	for (int i = 0; i < ROWS; i++)
		off = fmax(off, out[i]);
	assert_true(off < 2);
	boost_destroy(m);
}

static void test_refuses(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct data *d = make_data(*state);
	struct boost_data data = { d->x, d->y, NULL, 0, COLUMNS };
	struct boost_params bad = plain;
	const char *why = NULL;

	assert_null(boost_train(*state, b, &data, &plain, &why));
	assert_string_equal(why, "there is nothing to learn from");
	data.n = ROWS;
	bad.depth = -3;
	assert_null(boost_train(*state, b, &data, &bad, &why));
	print_message("# %s\n", why);
	assert_true(strstr(why, "XGBoost cannot learn: ") == why);
	assert_null(strchr(why, '\n'));
	d->y[3] = NAN;
	assert_null(boost_train(*state, b, &data, &plain, &why));
	assert_true(strstr(why, "XGBoost cannot learn: ") == why);
}

/* Nothing of XGBoost's stays behind. */
static void test_no_leaks(void **state)
{
	const struct boost *b = boost_or_skip(*state);
	struct data *d = make_data(*state);
	struct boost_data data = { d->x, d->y, NULL, ROWS, COLUMNS };
	struct boost_params bad = plain;
	size_t before = 0;
	const char *why;
	float out[ROWS];

	bad.depth = -3;
	for (int i = 0; i < 60; i++) {
		struct arena *a = arena_create();
		struct boost_model *m = trained(a, b, d, ROWS, 1);

		predict(a, m, d->x, ROWS, out);
		boost_destroy(m);
		assert_null(boost_train(a, b, &data, &bad, &why));
		arena_destroy(a);
		if (i == 20)
			before = mallinfo2().uordblks;
	}
	assert_true(mallinfo2().uordblks < before + 20000);
}

/* ---- libraries that are none ---- */

static const char *said_of(struct arena *a, const char *file)
{
	const char *before = getenv("WPK_XGBOOST"), *why = NULL;

	if (before)
		before = arena_strdup(a, before);
	setenv("WPK_XGBOOST", file, 1);
	assert_null(boost_open(a, &why));
	if (before)
		setenv("WPK_XGBOOST", before, 1);
	else
		unsetenv("WPK_XGBOOST");
	assert_non_null(why);
	print_message("# %s\n", why);
	return why;
}

static void test_absent(void **state)
{
	assert_true(strstr(said_of(*state, "/nonexistent"),
		"WPK_XGBOOST: /nonexistent") != NULL);
	assert_string_equal(said_of(*state, ""), "WPK_XGBOOST is empty");
}

struct place {
	char folder[32], file[64];
};

static struct place make_place(void)
{
	struct place p = { "/tmp/wpk-unit-XXXXXX", "" };

	assert_non_null(mkdtemp(p.folder));
	snprintf(p.file, sizeof p.file, "%s/libxgboost.so", p.folder);
	return p;
}

static void remove_place(const struct place *p)
{
	unlink(p->file);
	rmdir(p->folder);
}

static void test_no_library_at_all(void **state)
{
	struct place p = make_place();
	FILE *f = fopen(p.file, "w");

	assert_non_null(f);
	fputs("\177ELF is how it begins\n", f);
	fclose(f);
	assert_true(strstr(said_of(*state, p.file), p.file) != NULL);
	remove_place(&p);
	assert_true(strstr(said_of(*state, "libm.so.6"), "it is not XGBoost")
		!= NULL);
}

/* A library with the symbols of "text". */
static bool compile(const struct place *p, const char *text)
{
	const char *cc = getenv("CC");
	char command[200];
	FILE *f;

	snprintf(command, sizeof command, "%s -shared -fPIC -w -x c -o %s -",
		cc && *cc ? cc : "cc", p->file);
	f = popen(command, "w");
	if (!f)
		return false;
	fputs(text, f);
	return pclose(f) == 0;
}

static const char version_text[] =
	"void XGBoostVersion(int *x, int *y, int *z) "
	"{ *x = %d; *y = %d; *z = 2; }\n";

static void test_ancient(void **state)
{
	struct place p = make_place();
	char text[4000];
	size_t n;

	n = (size_t)snprintf(text, sizeof text, version_text, 1, 2);
	if (!compile(&p, text)) {
		remove_place(&p);
		skip();
	}
	assert_true(strstr(said_of(*state, p.file), "XGBoost 1.2.2 has no "
		"XGBSetGlobalConfig: 1.6 or later is needed") != NULL);
	remove_place(&p);
	p = make_place();
	n = (size_t)snprintf(text, sizeof text, version_text, 0, 90);
#define ROW(field, result, symbol, parameters) \
	if (strcmp(#symbol, "XGBoostVersion") != 0) \
		n += (size_t)snprintf(text + n, sizeof text - n, \
			"int %s() { return 0; }\n", #symbol);
	BOOST_API(ROW)
#undef ROW
	assert_true(compile(&p, text));
	assert_true(strstr(said_of(*state, p.file), "XGBoost 0.90.2 is too old")
		!= NULL);
	remove_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_declarations), TEST(test_learns), TEST(test_repeats),
		TEST(test_weights),
		TEST(test_refuses), TEST(test_no_leaks), TEST(test_absent),
		TEST(test_no_library_at_all), TEST(test_ancient),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("boost", tests, NULL, NULL);
}
