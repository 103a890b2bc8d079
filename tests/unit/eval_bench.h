/* SPDX-License-Identifier: MIT */
/* What the tests of the reference interpreter share: an operator from its text
 * with inputs and an evaluator. */
#ifndef WPK_TESTS_UNIT_EVAL_BENCH_H
#define WPK_TESTS_UNIT_EVAL_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/source.h"
#include "ir/ir.h"

enum { TENSORS = 8 };

/* Inputs are filled; "data" is by tensor id. */
struct bench {
	struct arena *a;
	struct ir_operator *o;
	void **data;
	struct ir_eval *e;
};

static inline struct ir_operator *parse(struct arena *a, const char *text)
{
	struct diag *d = diag_create(a);
	struct ir_operator *o = ir_read(a, source_from_text(a, "test", text,
		strlen(text)), d);
	const char *wrong;

	if (!o) {
		struct str s;

		str_init(&s, a);
		diag_print(d, &s, false);
		fail_msg("%s%s", text, str_text(&s));
	}
	wrong = ir_verify(a, o);
	if (wrong)
		fail_msg("%s%s", text, wrong);
	return o;
}

static inline struct bench open_bench(const char *text)
{
	struct bench b = { .a = arena_create() };

	b.o = parse(b.a, text);
	assert_true(b.o->n_tensors <= TENSORS);
	b.data = ARENA_ARRAY(b.a, TENSORS, void *);
	for (int i = 0; i < b.o->n_inputs; i++) {
		b.data[i] = arena_alloc(b.a,
			(size_t)b.o->tensors[i].elements * 8);
		ir_eval_fill(b.o, i, 7, b.data[i]);
	}
	b.e = ir_eval_create(b.o, (const void *const *)b.data);
	return b;
}

static inline void close_bench(struct bench *b)
{
	ir_eval_destroy(b->e);
	arena_destroy(b->a);
}

#endif
