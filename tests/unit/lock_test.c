/* SPDX-License-Identifier: MIT */
/* Lock files: the exact text, that it reads back, and the reason and line for
 * everything that is not a lock. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arena_state.h"
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

static struct lock_entry c2(void)
{
	static const char *names[] = { "unroll", "tile.block.i",
		"pipeline.k.stages" };
	static const char *values[] = { "on", "128", "3" };

	return (struct lock_entry){
		.op = "c2", .target = "sm_90", .gpu = "h200",
		.hash = 0x00f1d2d2f924e986, .sketch = "fma", .names = names,
		.values = values, .n = 3, .seconds = 1.23004e-5,
		.measured = "model", .verified = "emulation",
	};
}

static struct lock_entry c1(void)
{
	return (struct lock_entry){
		.op = "c1", .target = "sm_90", .gpu = "h200", .hash = 0xff,
		.sketch = "reduce", .seconds = 1.5e-3, .measured = "gpu",
		.verified = "none",
	};
}

static struct lock *parse(struct arena *a, const char *text)
{
	const char *why = NULL;
	int line = 0;
	struct lock *l = lock_parse(a, text, &why, &line);

	if (!l)
		print_message("# line %d: %s\n", line, why);
	assert_non_null(l);
	return l;
}

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
	struct lock *l = parse(a, NULL);
	struct lock_entry x = c2(), y = c1();

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
	struct lock *l = parse(a, two);
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
	struct lock *l = parse(a,
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
	struct lock *l = parse(a, ""), *again;
	struct lock_entry e = c1();

	e.names = names;
	e.values = values;
	e.n = 6;
	lock_put(a, l, &e);
	again = parse(a, print(a, l));
	assert_int_equal(again->n, 1);
	assert_int_equal(again->v[0].n, 6);
	for (int i = 0; i < 6; i++) {
		assert_string_equal(again->v[0].names[i], names[i]);
		assert_string_equal(again->v[0].values[i], values[i]);
	}
	assert_string_equal(print(a, again), print(a, l));
}

static const char *word(struct arena *a, struct rng *r)
{
	static const char letters[] = "abcxyz019_.=-]\xc3\xa9";
	int n = 1 + rng_below(r, 6);
	char *w = arena_alloc(a, (size_t)n + 1);

	for (int i = 0; i < n; i++)
		w[i] = letters[i ? rng_below(r, (int)sizeof letters - 1)
			: rng_below(r, 6)];
	return w;
}

/* Random entries: their times span 10^-9 to 10^3 s; names are distinct. */
static struct lock_entry any(struct arena *a, struct rng *r)
{
	struct lock_entry e = {
		.op = arena_printf(a, "c%d", rng_below(r, 12)),
		.target = rng_below(r, 2) ? "sm_80" : "sm_90a",
		.gpu = rng_below(r, 2) ? "h100" : "h200",
		.share = rng_below(r, 2) ? 0 : 1 + rng_below(r, 99),
		.hash = rng_next(r), .group = rng_below(r, 3),
		.sketch = word(a, r), .n = rng_below(r, 5),
		.seconds = pow(10, rng_unit(r) * 12 - 9),
		.measured = rng_below(r, 2) ? "gpu" : "model",
		.verified = rng_below(r, 2) ? "emulation" : "none",
	};

	if (rng_below(r, 10) == 0)
		e.seconds = 0;
	e.names = ARENA_ARRAY(a, e.n, const char *);
	e.values = ARENA_ARRAY(a, e.n, const char *);
	for (int i = 0; i < e.n; i++) {
		e.names[i] = arena_printf(a, "%s%d", word(a, r), i);
		e.values[i] = word(a, r);
	}
	return e;
}

static void assert_same(const struct lock *x, const struct lock *y)
{
	assert_int_equal(x->n, y->n);
	for (int i = 0; i < x->n; i++) {
		const struct lock_entry *p = &x->v[i], *q = &y->v[i];

		assert_string_equal(p->op, q->op);
		assert_string_equal(p->target, q->target);
		assert_string_equal(p->gpu, q->gpu);
		assert_string_equal(p->sketch, q->sketch);
		assert_string_equal(p->measured, q->measured);
		assert_string_equal(p->verified, q->verified);
		assert_true(p->hash == q->hash && p->seconds == q->seconds);
		assert_int_equal(p->group, q->group);
		assert_int_equal(p->share, q->share);
		assert_int_equal(p->n, q->n);
		for (int k = 0; k < p->n; k++) {
			assert_string_equal(p->names[k], q->names[k]);
			assert_string_equal(p->values[k], q->values[k]);
		}
	}
}

static void test_round_trip(void **state)
{
	struct rng r;

	(void)state;
	rng_seed(&r, 1);
	for (int i = 0; i < 300; i++) {
		struct arena *a = arena_create();
		struct lock *l = parse(a, ""), *again;

		for (int n = rng_below(&r, 30); n > 0; n--) {
			struct lock_entry e = any(a, &r);

			lock_put(a, l, &e);
		}
		again = parse(a, print(a, l));
		assert_same(l, again);
		assert_string_equal(print(a, l), print(a, again));
		arena_destroy(a);
	}
}

/* The order of putting does not show. */
static void test_order(void **state)
{
	struct arena *a = *state;
	struct lock *x = parse(a, ""), *y = parse(a, "");
	struct lock_entry e[20];
	struct rng r;

	rng_seed(&r, 9);
	for (int i = 0; i < 20; i++) {
		e[i] = any(a, &r);
		e[i].op = arena_printf(a, "op%d", i);
	}
	for (int i = 0; i < 20; i++) {
		lock_put(a, x, &e[i]);
		lock_put(a, y, &e[19 - i]);
	}
	assert_same(x, y);
}

static void test_put_replaces(void **state)
{
	struct arena *a = *state;
	struct lock *l = parse(a, two);
	struct lock_entry e = c2();

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
	struct lock *l = parse(a, two);
	struct lock_entry e = c2();
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

static const char sliced[] =
	"\n[c2 sm_90 h200]\n"
	"hash = 00f1d2d2f924e986\n"
	"group = 0\n"
	"sketch = fma\n"
	"predicted = 12.3 us\n"
	"verified = emulation\n"
	"\n[c2 sm_90 h200 share=5]\n"
	"hash = 00f1d2d2f924e986\n"
	"group = 0\n"
	"sketch = gemv\n"
	"measured = 200 us\n"
	"verified = emulation\n"
	"\n[c2 sm_90 h200 share=50]\n"
	"hash = 00f1d2d2f924e986\n"
	"group = 0\n"
	"sketch = mma\n"
	"measured = 20 us\n"
	"verified = emulation\n"
	"\n[c2 sm_90 h200 share=50]\n"
	"hash = 00f1d2d2f924e986\n"
	"group = 1\n"
	"sketch = elementwise\n"
	"measured = 2 us\n"
	"verified = emulation\n"
	"\n[c2 sm_90 h300]\n"
	"hash = 00f1d2d2f924e986\n"
	"group = 0\n"
	"sketch = fma\n"
	"measured = 1 us\n"
	"verified = none\n";

/* All of a GPU first, then by the number; share=100 is all of it. */
static void test_shares(void **state)
{
	struct arena *a = *state;
	const char *text = arena_printf(a, "%s%s", header, sliced);
	struct lock *l = parse(a, sliced), *other = parse(a, "");
	uint64_t hash = c2().hash;

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
	l = parse(a, "[c1 sm_90 h200 share=100]\nhash = 00000000000000ff\n"
		"group = 0\nsketch = reduce\nmeasured = 1.5 ms\n"
		"verified = none\n");
	assert_non_null(strstr(print(a, l), "\n[c1 sm_90 h200]\n"));
}

/* Putting and trimming touch one share. */
static void test_shares_apart(void **state)
{
	struct arena *a = *state;
	struct lock *l = parse(a, sliced);
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
		assert_same(l, parse(a, print(a, l)));
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

/* ---- merging ---- */

enum { BASE, OURS, THEIRS, WANTED, N_LOCKS };

/* At each place somebody, or nobody, adds, changes or removes: all of that is
 * in the merged lock, whoever is ours; and merging equals changes nothing. */
static void test_merge_disjoint(void **state)
{
	struct rng r;

	(void)state;
	rng_seed(&r, 3);
	for (int i = 0; i < 100; i++) {
		struct arena *a = arena_create();
		struct lock *l[N_LOCKS];

		for (int k = 0; k < N_LOCKS; k++)
			l[k] = parse(a, "");
		for (int n = 0; n < 40; n++) {
			struct lock_entry old = any(a, &r), new = any(a, &r);
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
		assert_same(lock_merge(a, l[BASE], l[OURS], l[THEIRS]),
			l[WANTED]);
		assert_same(lock_merge(a, l[BASE], l[THEIRS], l[OURS]),
			l[WANTED]);
		assert_same(lock_merge(a, l[BASE], l[OURS], l[OURS]), l[OURS]);
		arena_destroy(a);
	}
}

/* Both changed it: measured before predicted before emulated, then the faster,
 * then ours; all groups of it; ours where the operator is not the same. */
static void test_merge_conflicts(void **state)
{
	struct arena *a = *state;
	struct lock *base = parse(a, ""), *ours = parse(a, "");
	struct lock *theirs = parse(a, "");
	struct lock_entry x = c2(), y = c2(), second = c2();

	x.seconds = 1e-6;
	y.seconds = 2e-6;
	y.sketch = "gemv";
	second.group = 1;
	lock_put(a, ours, &x);
	lock_put(a, theirs, &y);
	assert_same(lock_merge(a, base, ours, theirs), ours);
	assert_same(lock_merge(a, base, theirs, ours), ours);
	x.measured = "emu";
	lock_put(a, ours, &x);
	assert_same(lock_merge(a, base, ours, theirs), theirs);
	assert_same(lock_merge(a, base, theirs, ours), theirs);
	y.measured = "gpu";
	lock_put(a, theirs, &y);
	assert_same(lock_merge(a, base, ours, theirs), theirs);
	assert_same(lock_merge(a, base, theirs, ours), theirs);
	x.measured = "gpu";
	lock_put(a, ours, &x);
	lock_put(a, ours, &second);
	assert_same(lock_merge(a, base, ours, theirs), theirs);
	assert_same(lock_merge(a, base, theirs, ours), theirs);
	y.hash++;
	lock_put(a, theirs, &y);
	assert_same(lock_merge(a, base, ours, theirs), ours);
	assert_same(lock_merge(a, base, theirs, ours), theirs);
	y = x;
	lock_put(a, base, &y);
	assert_same(lock_merge(a, base, ours, parse(a, "")), ours);
}

static void set_seconds(struct lock *l, int i, double seconds)
{
	l->v[i].seconds = seconds;
}

/* Shares of one operator on one GPU are places of their own: each branch's is
 * taken, and of one that both changed the faster, whatever is of the others. */
static void test_merge_shares(void **state)
{
	struct arena *a = *state;
	struct lock *base = parse(a, sliced), *ours = parse(a, sliced);
	struct lock *theirs = parse(a, sliced), *merged;

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
		TEST(test_text), TEST(test_read), TEST(test_forgiving),
		TEST(test_awkward_names), TEST(test_round_trip),
		TEST(test_order), TEST(test_put_replaces), TEST(test_find),
		TEST(test_shares), TEST(test_shares_apart),
		TEST(test_bad), TEST(test_corrupt),
		TEST(test_merge_disjoint), TEST(test_merge_conflicts),
		TEST(test_merge_shares),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
