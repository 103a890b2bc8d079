/* SPDX-License-Identifier: MIT */
/* Numbers found from samples of the sizes, of which some are round, are right at
 * other sizes too, and numbers that no expression yields are not found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/fit.h"

enum { SAMPLES = 10, SIZES = 3 };

static const int64_t sizes[SAMPLES + 2][SIZES] = {
	{ 1511, 1523, 1531 }, { 557, 439, 1367 }, { 911, 1249, 709 },
	{ 1249, 557, 443 }, { 443, 1069, 911 }, { 1069, 709, 1249 },
	{ 709, 1367, 557 }, { 1367, 911, 1069 },
	{ 128, 64, 4096 }, { 1024, 256, 96 },
	{ 1, 1, 1 }, { 256, 96, 100 }
};

/* What sketches compute of M, K and N. */
static int64_t number(int which, const int64_t *s)
{
	int64_t tiles = (s[1] + 31) / 32, row = (s[0] + 127) / 128;

	switch (which) {
	case 0: return s[0];
	case 1: return 7 * s[1] - 3;
	case 2: return s[0] * s[2];
	case 3: return tiles;
	case 4: return row * ((s[2] + 63) / 64);
	case 5: return 32 * tiles - s[1];
	case 6: return (32 - (32 * tiles - s[1])) * s[2];
	case 7: return s[0] * s[1] / 256;
	case 8: return 32 * tiles;
	default: return 12;
	}
}

struct fixture {
	struct arena *a;
	struct fit *fit;
	struct k_var *vars[SIZES];
};

static struct fixture begin(void)
{
	static const char *const names[SIZES] = { "M", "K", "N" };
	struct fixture x = { .a = arena_create() };
	struct fit_symbol symbols[SIZES];

	for (int i = 0; i < SIZES; i++) {
		int64_t *at = ARENA_ARRAY(x.a, SAMPLES, int64_t);

		for (int w = 0; w < SAMPLES; w++)
			at[w] = sizes[w][i];
		x.vars[i] = ARENA_NEW(x.a, struct k_var);
		*x.vars[i] = (struct k_var){ .name = names[i], .type = T_I64 };
		symbols[i] = (struct fit_symbol){ names[i],
			kx_var(x.a, x.vars[i]), at };
	}
	x.fit = fit_create(x.a, symbols, SIZES, SAMPLES);
	return x;
}

struct at {
	const struct fixture *x;
	const int64_t *sizes;
};

static bool value(const void *ctx, const struct k_var *v, int64_t *out)
{
	const struct at *at = ctx;

	for (int i = 0; i < SIZES; i++)
		if (at->x->vars[i] == v) {
			*out = at->sizes[i];
			return true;
		}
	return false;
}

static void test_numbers_hold_elsewhere(void **state)
{
	struct fixture x = begin();

	(void)state;
	for (int which = 0; which < 10; which++) {
		int64_t *v = ARENA_ARRAY(x.a, SAMPLES, int64_t), got;
		struct fitted found;

		for (int w = 0; w < SAMPLES; w++)
			v[w] = number(which, sizes[w]);
		assert_true(fit_find(x.fit, v, SAMPLES, &found));
		for (int w = 0; w < SAMPLES + 2; w++) {
			struct at at = { &x, sizes[w] };
			struct kx_values with = { .value = value, .ctx = &at };

			assert_true(kx_eval_with(fit_value(x.fit, &found),
				&with, &got));
			assert_int_equal(got, number(which, sizes[w]));
		}
	}
	arena_destroy(x.a);
}

static void test_nothing_fits_noise(void **state)
{
	struct fixture x = begin();
	int64_t v[SAMPLES] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3 };
	struct fitted found;

	(void)state;
	assert_false(fit_find(x.fit, v, SAMPLES, &found));
	arena_destroy(x.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_hold_elsewhere),
		cmocka_unit_test(test_nothing_fits_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
