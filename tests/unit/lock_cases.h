/* SPDX-License-Identifier: MIT */
/* Locks that the tests of locks work on. */
#ifndef WPK_TESTS_UNIT_LOCK_CASES_H
#define WPK_TESTS_UNIT_LOCK_CASES_H

#include "search/search.h"

/* Stanzas of one operator for shares of a GPU, and for another GPU. */
extern const char lock_shares[];

/* One that was predicted, of three tunables; one that was measured, of none. */
struct lock_entry lock_c2(void);
struct lock_entry lock_c1(void);
/* A random one; its time is 0 or spans 10^-9 to 10^3 s, its names are distinct. */
struct lock_entry lock_any(struct arena *a, struct rng *r);

/* The lock that "text" is; fails where it is none. */
struct lock *lock_text(struct arena *a, const char *text);
void assert_locks(const struct lock *x, const struct lock *y);

#endif
