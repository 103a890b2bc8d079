/* SPDX-License-Identifier: MIT */
/* Outputs where inputs lie, as plans allow it: the same memory or none of it, and
 * only of the pairs that a plan names. */
#include "tests/unit/plan_subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 8 };

#define OPERAND(name, role, constant) "{'name': '" name "', 'role': '" role \
	"', 'dtype': 'f32', 'shape': '[8]', 'align': 4, 'constant': " constant "}"
#define LAYOUT(stride) "{'dims': [8], 'elements': 8 , 'layout': [{'dim': 0, " \
	"'div': 1, 'mod': 0, 'extent': 8, 'stride': " stride "}]}"

/* y of a, b and a constant; "pairs" are what may lie in place, "stride" is y's. */
static char *place_plan(const char *pairs, int stride)
{
	char *out = calloc(1, 4000);

	snprintf(out, 4000, "{'schema': 2, 'modules': [{'file': 'x.sm_80.ptx', "
		"'arch': 'compute_80'}], 'operators': [{'name': 'f', 'symbol': "
		"'f', "
		"'sizes': [], 'arguments': [], 'tensors': ["
		OPERAND("a", "in", "false") ", " OPERAND("b", "in", "false") ", "
		OPERAND("c", "in", "true") ", " OPERAND("y", "out", "false")
		", " OPERAND("z", "out", "false") "], 'variants': [{'target': "
		"'sm_80', 'general': false, 'sizes': {}, 'lets': [], "
		"'conditions': [], 'tensors': [" LAYOUT("1") ", " LAYOUT("1")
		", " LAYOUT("1") ", {'dims': [8], 'elements': %d, 'layout': "
		"[{'dim': 0, 'div': 1, 'mod': 0, 'extent': 8, 'stride': %d}]}, "
		LAYOUT("1") "]%s%s, 'workspace': 0, 'prepared': 0, 'prepare': "
		"[], 'steps': [{'kernel': 'k', 'grid': [1, 1, 1], 'threads': 8,"
		" 'cluster': [1, 1, 1], 'shared': 0, 'args': [{'tensor': 0}, "
		"{'tensor': 3}]}]}]}]}", N * stride, stride,
		*pairs ? ", 'in_place': " : "", pairs);
	for (char *p = out; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	return out;
}

#define PAIR(out, in) "{'output': " #out ", 'input': " #in "}"

/* The status where y lies at "y" and z at "z"; a, b and c are at 0x1000, 0x2000 and
 * 0x3000. */
static enum wpk_status run(const struct wpk_plan *p, size_t y, size_t z,
	int64_t stride, struct wpk_error *e)
{
	const size_t at[] = { 0x1000, 0x2000, 0x3000, y, z };
	int64_t shape[] = { N }, dense[] = { 1 }, own[] = { stride };
	const DLTensor *all[5];
	DLTensor t[5];

	for (int i = 0; i < 5; i++) {
		t[i] = (DLTensor){ (void *)at[i], { kDLCUDA, 0 }, 1,
			{ kDLFloat, 32, 1 }, shape, i == 3 ? own : dense, 0 };
		all[i] = &t[i];
	}
	return wpk_plan_run(wpk_plan_operator(p, 0), all, 5, NULL, NULL, e);
}

static void a_pair_is_one_memory_or_two(void **state)
{
	struct subject *s = *state;
	struct wpk_tensor t = { .size = sizeof t };
	struct wpk_error e;
	struct wpk_plan *p = subject_read(s, place_plan("[" PAIR(3, 0) "]", 1),
		&e);

	assert_string_equal(e.text, "");
	assert_int_equal(wpk_operator_tensor(wpk_plan_operator(p, 0), 3, &t,
		&e), WPK_OK);
	assert_int_equal(t.over, 0);
	assert_int_equal(wpk_operator_tensor(wpk_plan_operator(p, 0), 4, &t,
		&e), WPK_OK);
	assert_int_equal(t.over, -1);
	assert_int_equal(run(p, 0x8000, 0x9000, 1, &e), WPK_OK);
	assert_int_equal(run(p, 0x1000, 0x9000, 1, &e), WPK_OK);
	assert_int_equal(run(p, 0x1004, 0x9000, 1, &e), WPK_E_OVERLAP);
	assert_string_equal(e.text, "y overlaps a part of a: in place, both are "
		"the same memory");
	assert_int_equal(run(p, 0x0ffc, 0x9000, 1, &e), WPK_E_OVERLAP);
	assert_int_equal(run(p, 0x2000, 0x9000, 1, &e), WPK_E_OVERLAP);
	assert_string_equal(e.text, "y overlaps b, and what serves does not "
		"compute it in place");
	assert_int_equal(run(p, 0x8000, 0x1000, 1, &e), WPK_E_OVERLAP);
	assert_string_equal(e.text, "z overlaps a, and what serves does not "
		"compute it in place");
	assert_int_equal(run(p, 0x1000, 0x1000, 1, &e), WPK_E_OVERLAP);
	wpk_plan_destroy(p);
}

static void without_a_pair_nothing_coincides(void **state)
{
	struct wpk_error e;
	struct wpk_plan *p = subject_read(*state, place_plan("", 1), &e);

	assert_int_equal(run(p, 0x1000, 0x9000, 1, &e), WPK_E_OVERLAP);
	wpk_plan_destroy(p);
}

/* A plan may say what it likes: elements elsewhere are not in place. */
static void other_strides_do_not_coincide(void **state)
{
	struct wpk_error e;
	struct wpk_plan *p = subject_read(*state, place_plan("[" PAIR(3, 0) "]",
		2), &e);

	assert_int_equal(run(p, 0x8000, 0x9000, 2, &e), WPK_OK);
	assert_int_equal(run(p, 0x1000, 0x9000, 2, &e), WPK_E_OVERLAP);
	assert_string_equal(e.text, "y overlaps a part of a: in place, both are "
		"the same memory");
	wpk_plan_destroy(p);
}

static void wrong_pairs_are_refused(void **state)
{
	static const struct {
		const char *pairs, *says;
	} cases[] = {
		{ "3", "variants[0]: \"in_place\" is no array" },
		{ "[3]", "in_place[0]: \"output\" is missing" },
		{ "[" PAIR(0, 3) "]", "\"output\" is 0, not 3 to 4" },
		{ "[" PAIR(3, 4) "]", "\"input\" is 4, not 0 to 2" },
		{ "[" PAIR(3, 2) "]", "y cannot lie over c" },
		{ "[" PAIR(3, 0) ", " PAIR(4, 0) "]", "in_place[1]: z cannot lie "
			"over a" },
		{ "[" PAIR(3, 0) ", " PAIR(3, 1) "]", "y cannot lie over b" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct wpk_error e;

		assert_null(subject_read(*state, place_plan(cases[i].pairs, 1),
			&e));
		assert_int_equal(e.status, WPK_E_PLAN);
		if (!strstr(e.text, cases[i].says))
			fail_msg("%s: %s", cases[i].pairs, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_pair_is_one_memory_or_two),
		CASE(without_a_pair_nothing_coincides),
		CASE(other_strides_do_not_coincide),
		CASE(wrong_pairs_are_refused)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
