/* SPDX-License-Identifier: MIT */
/* Locks of two branches are merged: what one changed is taken, and of what both
 * changed the better. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arena_state.h"
#include "lock_cases.h"

enum { BASE, OURS, THEIRS, WANTED, N_LOCKS };

/* At each place somebody, or nobody, adds, changes or removes: all of that is
 * in the merged lock, whoever is ours; and merging equals changes nothing. */
static void test_disjoint(void **state)
{
	struct rng r;

	(void)state;
	rng_seed(&r, 3);
	for (int i = 0; i < 100; i++) {
		struct arena *a = arena_create();
		struct lock *l[N_LOCKS];

		for (int k = 0; k < N_LOCKS; k++)
			l[k] = lock_text(a, "");
		for (int n = 0; n < 40; n++) {
			struct lock_entry old = lock_any(a, &r), new = lock_any(a, &r);
			int who = rng_below(&r, 3);
			bool was = rng_below(&r, 3), is = rng_below(&r, 3);

			old.op = new.op = arena_printf(a, "op%d", n % 20);
			old.target = new.target = n < 20 ? "sm_80" : "sm_90a";
			old.gpu = new.gpu;
			old.share = new.share;
			for (int k = 0; k < N_LOCKS; k++) {
				bool changed = who && (k == who || k == WANTED);

				if (changed ? is : was)
					lock_put(a, l[k], changed ? &new :
						&old);
			}
		}
		assert_locks(lock_merge(a, l[BASE], l[OURS], l[THEIRS]),
			l[WANTED]);
		assert_locks(lock_merge(a, l[BASE], l[THEIRS], l[OURS]),
			l[WANTED]);
		assert_locks(lock_merge(a, l[BASE], l[OURS], l[OURS]), l[OURS]);
		arena_destroy(a);
	}
}

/* Both changed it: measured before predicted before emulated, then the faster,
 * then ours; all groups of it; ours where the operator is not the same. */
static void test_conflicts(void **state)
{
	struct arena *a = *state;
	struct lock *base = lock_text(a, ""), *ours = lock_text(a, "");
	struct lock *theirs = lock_text(a, "");
	struct lock_entry x = lock_c2(), y = lock_c2(), second = lock_c2();

	x.seconds = 1e-6;
	y.seconds = 2e-6;
	y.sketch = "gemv";
	second.group = 1;
	lock_put(a, ours, &x);
	lock_put(a, theirs, &y);
	assert_locks(lock_merge(a, base, ours, theirs), ours);
	assert_locks(lock_merge(a, base, theirs, ours), ours);
	x.measured = "emu";
	lock_put(a, ours, &x);
	assert_locks(lock_merge(a, base, ours, theirs), theirs);
	assert_locks(lock_merge(a, base, theirs, ours), theirs);
	y.measured = "gpu";
	lock_put(a, theirs, &y);
	assert_locks(lock_merge(a, base, ours, theirs), theirs);
	assert_locks(lock_merge(a, base, theirs, ours), theirs);
	x.measured = "gpu";
	lock_put(a, ours, &x);
	lock_put(a, ours, &second);
	assert_locks(lock_merge(a, base, ours, theirs), theirs);
	assert_locks(lock_merge(a, base, theirs, ours), theirs);
	y.hash++;
	lock_put(a, theirs, &y);
	assert_locks(lock_merge(a, base, ours, theirs), ours);
	assert_locks(lock_merge(a, base, theirs, ours), theirs);
	y = x;
	lock_put(a, base, &y);
	assert_locks(lock_merge(a, base, ours, lock_text(a, "")), ours);
}

static void set_seconds(struct lock *l, int i, double seconds)
{
	l->v[i].seconds = seconds;
}

/* Shares of one operator on one GPU are places of their own: each branch's is
 * taken, and of one that both changed the faster, whatever is of the others. */
static void test_shares(void **state)
{
	struct arena *a = *state;
	struct lock *base = lock_text(a, lock_shares), *ours = lock_text(a, lock_shares);
	struct lock *theirs = lock_text(a, lock_shares), *merged;

	set_seconds(ours, 0, 9e-6);
	set_seconds(theirs, 1, 1e-4);
	set_seconds(ours, 2, 3e-5);
	set_seconds(theirs, 2, 1e-5);
	for (int i = 0; i < 2; i++) {
		merged = lock_merge(a, base, i ? theirs : ours,
			i ? ours : theirs);
		assert_int_equal(merged->n, 5);
		assert_true(merged->v[0].seconds == 9e-6);
		assert_true(merged->v[1].seconds == 1e-4);
		assert_true(merged->v[2].seconds == 1e-5);
		assert_true(merged->v[3].seconds == 2e-6);
	}
	lock_trim(theirs, &theirs->v[1], 0);
	merged = lock_merge(a, base, ours, theirs);
	assert_int_equal(merged->n, 4);
	assert_int_equal(merged->v[1].share, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_disjoint), TEST(test_conflicts),
		TEST(test_shares),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lock_merge", tests, NULL, NULL);
}
