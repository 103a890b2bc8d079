/* SPDX-License-Identifier: MIT */
/* What a plan remembers of shapes: those that were found last, replaced while
 * nobody is at work with them, by many threads at once (tests/plan.t runs this
 * under ThreadSanitizer, too). */
#include "runtime/lib/plan.h"
#include "tests/unit/plan_subject.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 4, SIZES = 40, TURNS = 50 };

/* Where a shape is worked out, and the last that was found. */
struct looking {
	const struct wpk_operator *op;
	struct shape spare;
	char *room;
	const struct shape *s;
};

static struct looking look_at(const struct wpk_plan *p)
{
	struct looking l = { .op = wpk_plan_find(p, "product") };

	l.room = aligned_alloc(16, shape_room(l.op));
	shape_give_room(l.op, &l.spare, l.room);
	return l;
}

/* Finds the shape of M = m, each with a workspace of its own; was it remembered? */
static bool find(struct looking *l, int64_t m)
{
	int64_t names[SIZES_MOST + LETS_MOST] = { m, 8 };

	l->s = shape_find(l->op, names, &l->spare);
	assert_non_null(l->s);
	assert_int_equal(l->s->workspace, m * 4);
	assert_int_equal(l->s->tensors[0].extents[0], m);
	return l->s != &l->spare;
}

static bool visit(struct looking *l, int64_t m)
{
	bool known = find(l, m);

	shape_leave(l->s);
	return known;
}

static void the_last_are_remembered(void **state)
{
	struct wpk_plan *p = subject_plan(*state);
	struct looking l = look_at(p);

	for (int m = 1; m <= SHAPES_MOST; m++)
		assert_false(visit(&l, 100 + m));
	for (int m = 1; m <= SHAPES_MOST; m++)
		assert_true(visit(&l, 100 + m));
	assert_true(visit(&l, 101));
	assert_false(visit(&l, 200));
	assert_true(visit(&l, 101));
	assert_false(visit(&l, 102));
	assert_true(visit(&l, 200));
	assert_false(visit(&l, 103));
	for (int m = 5; m <= SHAPES_MOST; m++)
		assert_true(visit(&l, 100 + m));
	free(l.room);
	wpk_plan_destroy(p);
}

/* All are right, and what comes often is there. */
static void more_than_are_remembered_take_turns(void **state)
{
	struct wpk_plan *p = subject_plan(*state);
	struct looking l = look_at(p);

	for (int i = 0; i < SIZES * TURNS; i++) {
		assert_false(visit(&l, 5 + i % SIZES));
		assert_true(visit(&l, 5 + i % SIZES));
		assert_int_equal(visit(&l, 4000), i > 0);
	}
	free(l.room);
	wpk_plan_destroy(p);
}

/* Nor is a place without a user waited for. */
static void what_is_in_use_stays(void **state)
{
	struct wpk_plan *p = subject_plan(*state);
	struct looking l = look_at(p);
	const struct shape *held[SHAPES_MOST];

	for (int m = 0; m < SHAPES_MOST; m++) {
		assert_false(visit(&l, 100 + m));
		assert_true(find(&l, 100 + m));
		held[m] = l.s;
	}
	for (int m = 0; m < SIZES; m++)
		assert_false(visit(&l, 200 + m));
	for (int m = 0; m < SHAPES_MOST; m++)
		assert_int_equal(held[m]->workspace, 4 * (100 + m));
	shape_leave(held[3]);
	assert_false(visit(&l, 300));
	assert_true(visit(&l, 300));
	assert_false(visit(&l, 103));
	for (int m = 0; m < SHAPES_MOST; m++)
		if (m != 3)
			shape_leave(held[m]);
	free(l.room);
	wpk_plan_destroy(p);
}

/* ---- threads ---- */

struct asking {
	const struct wpk_plan *plan;
	int first;
	pthread_t thread;
	bool wrong;
};

static void *ask(void *p)
{
	struct asking *a = p;
	const struct wpk_operator *op = wpk_plan_find(a->plan, "product");

	for (int i = 0; i < SIZES * TURNS; i++) {
		int64_t m = 5 + (a->first + i) % SIZES;
		struct wpk_needs needs = { .size = sizeof needs };
		struct pair t;

		pair_make(&t, i % 3 ? m : 4000, 8);
		m = t.shapes[0][0];
		if (wpk_plan_needs(op, t.v, 2, &needs, NULL) ||
		    needs.workspace != (size_t)m * 4 || !needs.general)
			a->wrong = true;
	}
	return NULL;
}

/* One shape comes often, the others go round. */
static void threads_share_a_plan(void **state)
{
	struct wpk_plan *p = subject_plan(*state);
	struct asking a[THREADS];

	for (int i = 0; i < THREADS; i++) {
		a[i] = (struct asking){ .plan = p, .first = i * 10 };
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask,
			&a[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(a[i].thread, NULL);
		assert_false(a[i].wrong);
	}
	for (int i = 0; i < SHAPES_MOST; i++)
		assert_int_equal(wpk_plan_find(p, "product")->shapes->v[i].users,
			0);
	wpk_plan_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_last_are_remembered),
		CASE(more_than_are_remembered_take_turns),
		CASE(what_is_in_use_stays),
		CASE(threads_share_a_plan)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
