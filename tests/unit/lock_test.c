/* SPDX-License-Identifier: MIT */
/* Lock files: the exact text, that it reads back, and the reason and line for
 * everything that is not a lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arena_state.h"
#include "lock_cases.h"
#include "search/search.h"

static const char header[] = "# Schedules chosen by wpkc. Keep this file with "
	"the source; wpkc rewrites it.\n";

static const char two[] =
	"\n[c1 sm_90 h200]\n"
	"hash = 00000000000000ff\n"
	"group = 0\n"
	"sketch = reduce\n"
	"measured = 1.5 ms\n"
	"verified = none\n"
	"\n[c2 sm_90 h200]\n"
	"hash = 00f1d2d2f924e986\n"
	"group = 0\n"
	"sketch = fma\n"
	"pipeline.k.stages = 3\n"
	"tile.block.i = 128\n"
	"unroll = on\n"
	"predicted = 12.3 us\n"
	"verified = emulation\n";

static const char *print(struct arena *a, const struct lock *l)
{
	struct str s;

	str_init(&s, a);
	lock_print(l, &s);
	return str_text(&s);
}

static void test_text(void **state)
{
	struct arena *a = *state;
	struct lock *l = lock_text(a, NULL);
	struct lock_entry x = lock_c2(), y = lock_c1();

	assert_int_equal(l->n, 0);
	assert_string_equal(print(a, l), header);
	lock_put(a, l, &x);
	lock_put(a, l, &y);
	assert_string_equal(print(a, l),
		arena_printf(a, "%s%s", header, two));
}

static void test_read(void **state)
{
	struct arena *a = *state;
	struct lock *l = lock_text(a, two);
	const struct lock_entry *e = &l->v[1];

	assert_int_equal(l->n, 2);
	assert_string_equal(e->op, "c2");
	assert_string_equal(e->target, "sm_90");
	assert_string_equal(e->gpu, "h200");
	assert_true(e->hash == 0x00f1d2d2f924e986);
	assert_int_equal(e->group, 0);
	assert_string_equal(e->sketch, "fma");
	assert_int_equal(e->n, 3);
	assert_string_equal(e->names[0], "pipeline.k.stages");
	assert_string_equal(e->values[0], "3");
	assert_string_equal(e->names[2], "unroll");
	assert_string_equal(e->values[2], "on");
	assert_true(e->seconds == 1.23e-5);
	assert_string_equal(e->measured, "model");
	assert_string_equal(e->verified, "emulation");
	assert_string_equal(l->v[0].measured, "gpu");
	assert_true(l->v[0].seconds == 1.5e-3);
}

/* Order, spaces, comments, line ends and empty lines of the text are free. */
static void test_forgiving(void **state)
{
	struct arena *a = *state;
	struct lock *l = lock_text(a,
		"[ c2\tsm_90  h200 ]\r\n# mine\r\n\r\n"
		"  hash = 00f1d2d2f924e986\r\ngroup = 0\nsketch =   fma \n"
		"unroll = on\ntile.block.i = 128\npipeline.k.stages = 3\n"
		"predicted = 12.30 us\nverified = emulation\n"
		"[c1 sm_90 h200]\nhash = 00000000000000ff\ngroup = 0\n"
		"sketch = reduce\nmeasured = 0.0015 s\nverified = none");

	assert_string_equal(print(a, l),
		arena_printf(a, "%s%s", header, two));
}

/* Tunables may have the names of the fixed lines. */
static void test_awkward_names(void **state)
{
	static const char *names[] = { "group", "hash", "measured",
		"predicted", "sketch", "verified" };
	static const char *values[] = { "1", "2", "3", "4", "5", "6" };
	struct arena *a = *state;
	struct lock *l = lock_text(a, ""), *again;
	struct lock_entry e = lock_c1();

	e.names = names;
	e.values = values;
	e.n = 6;
	lock_put(a, l, &e);
	again = lock_text(a, print(a, l));
	assert_int_equal(again->n, 1);
	assert_int_equal(again->v[0].n, 6);
	for (int i = 0; i < 6; i++) {
		assert_string_equal(again->v[0].names[i], names[i]);
		assert_string_equal(again->v[0].values[i], values[i]);
	}
	assert_string_equal(print(a, again), print(a, l));
}

static void test_round_trip(void **state)
{
	struct rng r;

	(void)state;
	rng_seed(&r, 1);
	for (int i = 0; i < 300; i++) {
		struct arena *a = arena_create();
		struct lock *l = lock_text(a, ""), *again;

		for (int n = rng_below(&r, 30); n > 0; n--) {
			struct lock_entry e = lock_any(a, &r);

			lock_put(a, l, &e);
		}
		again = lock_text(a, print(a, l));
		assert_locks(l, again);
		assert_string_equal(print(a, l), print(a, again));
		arena_destroy(a);
	}
}

/* The order of putting does not show. */
static void test_order(void **state)
{
	struct arena *a = *state;
	struct lock *x = lock_text(a, ""), *y = lock_text(a, "");
	struct lock_entry e[20];
	struct rng r;

	rng_seed(&r, 9);
	for (int i = 0; i < 20; i++) {
		e[i] = lock_any(a, &r);
		e[i].op = arena_printf(a, "op%d", i);
	}
	for (int i = 0; i < 20; i++) {
		lock_put(a, x, &e[i]);
		lock_put(a, y, &e[19 - i]);
	}
	assert_locks(x, y);
}

static void test_put_replaces(void **state)
{
	struct arena *a = *state;
	struct lock *l = lock_text(a, two);
	struct lock_entry e = lock_c2();

	e.hash = 7;
	lock_put(a, l, &e);
	assert_int_equal(l->n, 2);
	assert_true(l->v[1].hash == 7);
	e.group = 1;
	lock_put(a, l, &e);
	assert_int_equal(l->n, 3);
	assert_int_equal(l->v[2].group, 1);
}

static void test_find(void **state)
{
	struct arena *a = *state;
	struct lock *l = lock_text(a, two);
	struct lock_entry e = lock_c2();
	uint64_t hash = e.hash;

	assert_ptr_equal(lock_find(l, hash, "sm_90", "h200", 0, 0), &l->v[1]);
	assert_ptr_equal(lock_find(l, hash, "sm_90", NULL, 0, 0), &l->v[1]);
	assert_null(lock_find(l, hash, "sm_90", "h100", 0, 0));
	assert_null(lock_find(l, hash, "sm_80", NULL, 0, 0));
	assert_null(lock_find(l, hash, "sm_90", "h200", 0, 1));
	assert_null(lock_find(l, hash + 1, "sm_90", "h200", 0, 0));
	e.gpu = "h100";
	lock_put(a, l, &e);
	assert_null(lock_find(l, hash, "sm_90", NULL, 0, 0));
	assert_string_equal(lock_find(l, hash, "sm_90", "h100", 0, 0)->gpu,
		"h100");
}

/* ---- shares ---- */

/* All of a GPU first, then by the number; share=100 is all of it. */
static void test_shares(void **state)
{
	struct arena *a = *state;
	const char *text = arena_printf(a, "%s%s", header, lock_shares);
	struct lock *l = lock_text(a, lock_shares), *other = lock_text(a, "");
	uint64_t hash = lock_c2().hash;

	assert_string_equal(print(a, l), text);
	for (int i = l->n - 1; i >= 0; i--)
		lock_put(a, other, &l->v[i]);
	assert_string_equal(print(a, other), text);
	assert_int_equal(l->v[0].share, 0);
	assert_int_equal(l->v[1].share, 5);
	assert_ptr_equal(lock_find(l, hash, "sm_90", "h200", 0, 0), &l->v[0]);
	assert_ptr_equal(lock_find(l, hash, "sm_90", "h200", 50, 1), &l->v[3]);
	assert_ptr_equal(lock_find(l, hash, "sm_90", NULL, 50, 0), &l->v[2]);
	assert_null(lock_find(l, hash, "sm_90", "h200", 25, 0));
	assert_null(lock_find(l, hash, "sm_90", NULL, 0, 0));
	l = lock_text(a, "[c1 sm_90 h200 share=100]\nhash = 00000000000000ff\n"
		"group = 0\nsketch = reduce\nmeasured = 1.5 ms\n"
		"verified = none\n");
	assert_non_null(strstr(print(a, l), "\n[c1 sm_90 h200]\n"));
}

/* Putting and trimming touch one share. */
static void test_shares_apart(void **state)
{
	struct arena *a = *state;
	struct lock *l = lock_text(a, lock_shares);
	struct lock_entry e = l->v[2];

	e.seconds = 1e-6;
	lock_put(a, l, &e);
	assert_int_equal(l->n, 5);
	assert_true(l->v[0].seconds == 1.23e-5 && l->v[1].seconds == 2e-4 &&
		l->v[2].seconds == 1e-6);
	lock_trim(l, &e, 1);
	assert_int_equal(l->n, 4);
	lock_trim(l, &e, 0);
	assert_int_equal(l->n, 3);
	assert_int_equal(l->v[0].share, 0);
	assert_int_equal(l->v[1].share, 5);
}

#define HEAD "[c2 sm_90 h200]\nhash = 00f1d2d2f924e986\ngroup = 0\n" \
	"sketch = fma\n"
#define TAIL "predicted = 1 us\nverified = none\n"

static const struct bad {
	const char *text;
	int line;
	const char *why;
} bads[] = {
	{ "hello\n", 1, "expected a stanza as in [conv sm_90 h200]" },
	{ "# x\n\n[c2 sm_90]\n", 3, "a stanza names operator, target and GPU" },
	{ "[a b c d]\n", 1, "behind the GPU stands its share, as in [conv sm_90 "
		"h200 share=50], not d" },
	{ "[a b c share]\n", 1, "behind the GPU stands its share, as in [conv "
		"sm_90 h200 share=50], not share" },
	{ "[a b c share=5 d]\n", 1, "a stanza names operator, target and GPU" },
	{ "# x\n[a b c share=0]\n", 2, "a share is 1 to 100 percent, not '0'" },
	{ "[a b c share=101]\n", 1, "a share is 1 to 100 percent, not '101'" },
	{ "[a b c share=]\n", 1, "a share is 1 to 100 percent, not ''" },
	{ "[a b c share=-5]\n", 1, "a share is 1 to 100 percent, not '-5'" },
	{ "[a b c share=050]\n", 1, "a share is 1 to 100 percent, not '050'" },
	{ "[a b c share=half]\n", 1,
		"a share is 1 to 100 percent, not 'half'" },
	{ "[a b c share=50%]\n", 1, "a share is 1 to 100 percent, not '50%'" },
	{ "[a b c share=99999999999]\n", 1,
		"a share is 1 to 100 percent, not '99999999999'" },
	{ "[]\n", 1, "a stanza names operator, target and GPU" },
	{ "[", 1, "expected a stanza as in [conv sm_90 h200]" },
	{ "[c2 sm_90 h200\n", 1, "expected a stanza as in [conv sm_90 h200]" },
	{ "[c2 sm_90 h200]\n", 1, "this stanza is cut short: it needs hash, "
		"group, sketch, a time and verified" },
	{ HEAD "predicted = 1 us\n", 1, "this stanza is cut short: it needs "
		"hash, group, sketch, a time and verified" },
	{ HEAD "<<<<<<< ours\n" TAIL, 5, "an unresolved merge conflict" },
	{ HEAD TAIL "<<<<<<< ours\n" HEAD, 7, "an unresolved merge conflict" },
	{ "<<<<<<< HEAD\n" HEAD TAIL, 1, "an unresolved merge conflict" },
	{ HEAD "a = 1\n=======\na = 2\n>>>>>>> x\n" TAIL, 6,
		"an unresolved merge conflict" },
	{ HEAD TAIL ">>>>>>> theirs\n", 7, "an unresolved merge conflict" },
	{ HEAD "a 1\n" TAIL, 5, "expected name = value" },
	{ HEAD "a=1\n" TAIL, 5, "expected name = value" },
	{ HEAD "a b = 1\n" TAIL, 5, "expected name = value" },
	{ HEAD "a = 1 2\n" TAIL, 5, "a is one word" },
	{ HEAD "a =  \n" TAIL, 5, "expected name = value" },
	{ HEAD "b = 1\na = 1\nb = 1\n" TAIL, 7, "b is already set at line 5" },
	{ "[c2 sm_90 h200]\nhash = 12\ngroup = 0\nsketch = fma\n" TAIL, 2,
		"a hash has 16 hexadecimal digits" },
	{ "[c2 sm_90 h200]\nhash = 00F1D2D2F924E986\ngroup = 0\n"
		"sketch = fma\n" TAIL, 2, "a hash has 16 hexadecimal digits" },
	{ "[c2 sm_90 h200]\ngroup = 0\nhash = 00f1d2d2f924e986\n"
		"sketch = fma\n" TAIL, 2, "expected hash, found group" },
	{ "[c2 sm_90 h200]\nhash = 00f1d2d2f924e986\ngroup = -1\n"
		"sketch = fma\n" TAIL, 3, "a group is a number from 0" },
	{ "[c2 sm_90 h200]\nhash = 00f1d2d2f924e986\ngroup = 99999999999\n"
		"sketch = fma\n" TAIL, 3, "a group is a number from 0" },
	{ HEAD "predicted = 1us\nverified = none\n", 5,
		"a time is written as in 12.3 us" },
	{ HEAD "predicted = -1 us\nverified = none\n", 5,
		"a time is written as in 12.3 us" },
	{ HEAD "predicted = nan us\nverified = none\n", 5,
		"a time is written as in 12.3 us" },
	{ HEAD "measured = 1e999 us\nverified = none\n", 5,
		"a time is written as in 12.3 us" },
	{ HEAD "measured = 3 h\nverified = none\n", 5,
		"a time is written as in 12.3 us" },
	{ HEAD "guessed = 3 us\nverified = none\n", 5,
		"expected predicted or measured, found guessed" },
	{ HEAD "measured = 3 us\nverified = a b\n", 6,
		"verified is one word" },
	{ HEAD "measured = 3 us\nchecked = none\n", 6,
		"expected verified, found checked" },
	{ HEAD TAIL "\n# again\n" HEAD TAIL, 9,
		"[c2 sm_90 h200] group 0 is already at line 1" },
	{ "[c2 sm_90 h200 share=50]\nhash = 00f1d2d2f924e986\ngroup = 0\n"
		"sketch = fma\n" TAIL "\n" HEAD TAIL "\n[c2 sm_90 h200 "
		"share=50]\nhash = 00f1d2d2f924e986\ngroup = 0\n"
		"sketch = fma\n" TAIL, 15,
		"[c2 sm_90 h200 share=50] group 0 is already at line 1" },
	{ HEAD TAIL "[c2 sm_90 h200 share=100]\nhash = 00f1d2d2f924e986\n"
		"group = 0\nsketch = fma\n" TAIL, 7,
		"[c2 sm_90 h200] group 0 is already at line 1" },
};

static void test_bad(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
		const char *why = NULL;
		int line = 0;

		assert_null(lock_parse(a, bads[i].text, &why, &line));
		assert_string_equal(why, bads[i].why);
		assert_int_equal(line, bads[i].line);
	}
}

/* Every text cut short, and every byte changed, is a lock or has a reason; a
 * lock prints what reads back. */
static void try_text(const char *text)
{
	struct arena *a = arena_create();
	const char *why = NULL;
	int line = 0;
	struct lock *l = lock_parse(a, text, &why, &line);

	if (l)
		assert_locks(l, lock_text(a, print(a, l)));
	else
		assert_true(why && line >= 1 && line <= 30);
	arena_destroy(a);
}

static void test_corrupt(void **state)
{
	static const char bytes[] = "\n []=#<09a\x80";
	char *text = arena_printf(*state, "%s%s", header, two);
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		char old = text[i];

		for (const char *b = bytes; *b; b++) {
			text[i] = *b;
			try_text(text);
		}
		text[i] = '\0';
		try_text(text);
		text[i] = old;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text), TEST(test_read), TEST(test_forgiving),
		TEST(test_awkward_names), TEST(test_round_trip),
		TEST(test_order), TEST(test_put_replaces), TEST(test_find),
		TEST(test_shares), TEST(test_shares_apart),
		TEST(test_bad), TEST(test_corrupt),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
