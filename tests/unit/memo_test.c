/* SPDX-License-Identifier: MIT */
/* Numbers remembered by vectors, and text that nobody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arena_state.h"
#include "base/memo.h"

enum { SIDE = 40 };

/* Each vector is fresh once and keeps its own number, of even and odd lengths,
 * however many others there are. */
static void test_memo(void **state)
{
	for (int d = 1; d <= 3; d++) {
		struct memo m;

		memo_init(&m, *state, d);
		for (int i = 0; i < 2 * SIDE * SIDE; i++) {
			int n = i % (SIDE * SIDE), key[] = { 7, 7, 7 };
			double *at;
			bool fresh;

			key[0] = d == 1 ? n : n % SIDE;
			key[d - 1] = d == 1 ? n : n / SIDE - SIDE / 2;
			at = memo_at(&m, key, &fresh);
			assert_true(fresh == (i < SIDE * SIDE));
			if (fresh)
				*at = n;
			assert_true(*at == n);
		}
		assert_int_equal(m.keys.n, SIDE * SIDE);
	}
}

static void test_unread(void **state)
{
	(void)state;
	assert_string_equal(arena_printf(NULL, "%d of %s", 3, "x"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memo, arena_state_create,
			arena_state_destroy),
		cmocka_unit_test(test_unread),
	};

	return cmocka_run_group_tests_name("memo", tests, NULL, NULL);
}
