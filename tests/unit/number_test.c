/* SPDX-License-Identifier: MIT */
/* Expressions of plans: C's meaning and order, every overflow seen, nothing but
 * what wpkc writes accepted. */
#include "runtime/lib/number.h"	/* before cmocka's own "fail" */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "M", "K", "int_" };
static const struct number_names all = { names, 3 };
static const int64_t values[] = { 100, 7, INT64_MAX };

static void values_are_those_of_c(void **state)
{
	static const struct { const char *text; int64_t is; } rows[] = {
		{ "0", 0 }, { "9223372036854775807", INT64_MAX },
		{ " M ", 100 }, { "int_", INT64_MAX }, { "-M", -100 },
		{ "- -K", 7 }, { "!M", 0 }, { "!!M", 1 },
		{ "M + K * 2", 114 }, { "(M + K) * 2", 214 },
		{ "M - K - 1", 92 }, { "M - (K - 1)", 94 },
		{ "M / K", 14 }, { "-M / K", -14 }, { "M % K", 2 },
		{ "-M % K", -2 }, { "M / K * K", 98 }, { "M / K % K", 0 },
		{ "(M + 127) / 128 * ((K + 31) / 32)", 1 },
		{ "M < K", 0 }, { "K < M", 1 }, { "M <= 100", 1 },
		{ "M >= 101", 0 }, { "M > 99", 1 }, { "M == 100", 1 },
		{ "M != 100", 0 }, { "K < M == 1", 1 },
		{ "0 < K && K < M", 1 }, { "M == 1 || K == 7", 1 },
		{ "1 || 0 && 0", 1 }, { "K % 4 == 3 && M % 4 == 0", 1 },
		{ "K < M ? K : M", 7 }, { "M < K ? 1 : K < M ? 2 : 3", 2 },
		{ "1 ? 2 : 3 + 4", 2 }, { "!(M == K) ? M : K", 100 }
	};
	struct pool pool = { NULL };
	struct number x;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = number_parse(&pool, rows[i].text, &all, &x);

		if (why || !number_value(&x, values, &v) || v != rows[i].is)
			fail_msg("%s: %s", rows[i].text, why ? why :
				"another value");
	}
	pool_free(&pool);
}

static void what_leaves_64_bits_has_no_value(void **state)
{
	static const char *const rows[] = { "int_ + 1", "int_ * 2",
		"-int_ - 2", "M / (K - 7)", "M % (K - 7)",
		"(-int_ - 1) / -1", "(-int_ - 1) % -1", "-(-int_ - 1)" };
	struct pool pool = { NULL };
	struct number x;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(number_parse(&pool, rows[i], &all, &x));
		assert_false(number_value(&x, values, &v));
	}
	pool_free(&pool);
}

static void other_text_is_refused(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "", "is no expression" }, { "M +", "is no expression" },
		{ "+ M", "is no expression" }, { "* 3", "is no expression" },
		{ "L", "names what is no size" },
		{ "MK", "names what is no size" },
		{ "f(M)", "names what is no size" },
		{ "M K", "goes on where it should end" },
		{ "M)", "goes on where it should end" },
		{ "M = 3", "goes on where it should end" },
		{ "M & 3", "goes on where it should end" },
		{ "(M", "lacks a parenthesis" },
		{ "M ? K", "lacks a colon" },
		{ "9223372036854775808", "has a number of more than 64 bits" }
	};
	struct pool pool = { NULL };
	struct number x;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = number_parse(&pool, rows[i].text, &all, &x);

		if (!why || strcmp(why, rows[i].why))
			fail_msg("%s: %s", rows[i].text, why ? why :
				"it was taken");
	}
	pool_free(&pool);
}

/* Neither the parser's stack nor the machine's grows without bound. */
static void depth_and_length_are_bounded(void **state)
{
	static char text[20001];
	struct pool pool = { NULL };
	struct number x;

	(void)state;
	memset(text, '(', 20000);
	assert_string_equal(number_parse(&pool, text, &all, &x), "is too deep");
	memset(text, '-', 20000);
	assert_string_equal(number_parse(&pool, text, &all, &x), "is too deep");
	memset(text, '!', 20000);
	assert_non_null(number_parse(&pool, text, &all, &x));
	for (int i = 0; i < 20000; i += 2)
		memcpy(text + i, "1+", 2);
	text[19999] = '\0';
	assert_string_equal(number_parse(&pool, text, &all, &x), "is too long");
	for (int i = 0; i < 20000; i += 4)
		memcpy(text + i, "1?1:", 4);
	text[19999] = '1';
	assert_non_null(number_parse(&pool, text, &all, &x));
	pool_free(&pool);
}

static void names_alone_are_known(void **state)
{
	struct pool pool = { NULL };
	struct number x;

	(void)state;
	assert_null(number_parse(&pool, "K", &all, &x));
	assert_true(number_is_name(&x, 1));
	assert_false(number_is_name(&x, 0));
	assert_null(number_parse(&pool, "K + 0", &all, &x));
	assert_false(number_is_name(&x, 1));
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_c),
		cmocka_unit_test(what_leaves_64_bits_has_no_value),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(depth_and_length_are_bounded),
		cmocka_unit_test(names_alone_are_known)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
