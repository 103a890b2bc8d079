/* SPDX-License-Identifier: MIT */
/* See arena_state.h. */
#include "arena_state.h"

#include "base/arena.h"

int arena_state_create(void **state)
{
	*state = arena_create();
	return 0;
}

int arena_state_destroy(void **state)
{
	arena_destroy(*state);
	return 0;
}
