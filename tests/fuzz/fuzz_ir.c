/* SPDX-License-Identifier: MIT */
/* Any bytes as operator IR: an operator that verifies or at least one error.
 * What is read prints what reads back to the same text, and every pass up to
 * the partitions, by each rule, leaves an operator that verifies. Good seeds
 * are tests/fuzz/seeds/ir and what --emit=ir prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool ok, const char *what, const char *why)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_ir: %s: %s\n", what, why ? why : "is not so");
	abort();
}

static const char *print(struct arena *a, const struct ir_operator *o)
{
	struct str s;

	str_init(&s, a);
	ir_print(o, &s);
	return str_text(&s);
}

static struct ir_operator *read_text(struct arena *a, const char *text, size_t n,
	struct diag *d)
{
	return ir_read(a, source_from_text(a, "nowhere/fuzz.ir", text, n), d);
}

static void check_verified(struct arena *a, const char *pass,
	const struct ir_operator *o)
{
	const char *why = ir_verify(a, o);

	if (why)
		want(false, pass, arena_printf(a, "%s, in\n%s", why,
			print(a, o)));
}

static void check_passes(struct arena *a, const struct ir_operator *o)
{
	for (int i = 0; i <= 2 * IR_PARTIAL + 1; i++) {
		struct ir_operator *c = ir_copy(a, o);
		struct ir_partition *p;
		const char *why;

		ir_fold(a, c);
		check_verified(a, "after fold", c);
		ir_hoist(a, c);
		check_verified(a, "after hoist", c);
		ir_split_axes(a, c);
		check_verified(a, "after split", c);
		p = ir_partition_by(a, c, (struct ir_cut){
			.rule = (enum ir_rule)(i / 2), .along = 1,
			.to = i / 2 == IR_PARTIAL ? IR_PRODUCT_STEP : 0,
			.twins = i % 2 });
		check_verified(a, "after partition", c);
		why = ir_verify_partition(a, c, p);
		want(!why, "the partition", why);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diag *d = diag_create(a);
	struct ir_operator *o = read_text(a, (const char *)data, size, d), *again;
	const char *once;

	want(!o == !!diag_errors(d), "an operator or an error", NULL);
	if (o) {
		check_verified(a, "after reading", o);
		once = print(a, o);
		again = read_text(a, once, strlen(once), d);
		want(again, "what is printed reads back", once);
		want(!strcmp(once, print(a, again)), "... the same", once);
		check_passes(a, o);
	}
	arena_destroy(a);
	return 0;
}
