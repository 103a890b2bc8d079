/* SPDX-License-Identifier: MIT */
/* A test's state that is an arena of its own, for cmocka. */
#ifndef WPK_TESTS_UNIT_ARENA_STATE_H
#define WPK_TESTS_UNIT_ARENA_STATE_H

#define TEST(f) cmocka_unit_test_setup_teardown(f, \
	arena_state_create, arena_state_destroy)

int arena_state_create(void **state);
int arena_state_destroy(void **state);

#endif
