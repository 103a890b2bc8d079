/* SPDX-License-Identifier: MIT */
#include "lock_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const char lock_shares[] =
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

struct lock_entry lock_c2(void)
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

struct lock_entry lock_c1(void)
{
	return (struct lock_entry){
		.op = "c1", .target = "sm_90", .gpu = "h200", .hash = 0xff,
		.sketch = "reduce", .seconds = 1.5e-3, .measured = "gpu",
		.verified = "none",
	};
}

struct lock *lock_text(struct arena *a, const char *text)
{
	const char *why = NULL;
	int line = 0;
	struct lock *l = lock_parse(a, text, &why, &line);

	if (!l)
		print_message("# line %d: %s\n", line, why);
	assert_non_null(l);
	return l;
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

struct lock_entry lock_any(struct arena *a, struct rng *r)
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

void assert_locks(const struct lock *x, const struct lock *y)
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
