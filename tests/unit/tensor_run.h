/* SPDX-License-Identifier: MIT */
/* Cases for tensor cores (tensor_cases.h), run by the emulator at a point of the
 * family's sketch and compared with the reference. "WPK_CASE" is the one case to
 * run, "WPK_SEED" another of its points. */
#ifndef WPK_TESTS_UNIT_TENSOR_RUN_H
#define WPK_TESTS_UNIT_TENSOR_RUN_H

#include "driver/check.h"
#include "sketch_cases.h"
#include "tensor_cases.h"

/* An operator at a point of a sketch, ready to be checked. */
struct tensor_run {
	struct arena *a;
	struct prepared plain, x;
	struct group_space g;
	const struct target *target;
	int values[64];
};

void tensor_open(struct tensor_run *s, const struct tensor_case *c,
	const char *text, const char *precision);
/* What is pinned fails where the sketch has no such tunable. */
void tensor_set(const struct group_space *g, int *values, const char *name,
	int value);
void tensor_set_word(const struct group_space *g, int *values, const char *name,
	const char *word);
/* The sums of the point "values", where those are others than the operator's. */
struct ir_operator *tensor_arithmetic(struct tensor_run *s, const int *values);
/* CHECK_... bits "how". The text is in "request" for who fails. */
struct check_result tensor_check(struct tensor_run *s,
	const struct ir_operator *judged_as, unsigned how,
	struct check_request *request);

/* The default point but for mma.acc.KEY, which is "is", in one part, judged by the
 * bound of "as", or where that is NULL of the sum as it is written. */
struct check_result tensor_judged(const struct tensor_case *c, const char *text,
	const char *key, const char *is, const char *as);

/* What of a case is pinned, at tiles of bm x bn x bk that pin() says. */
struct tensor_pins {
	int bm, bn, bk;
	struct {
		const char *name;
		int value;
	} more[5];
};

/* Case "number": what it does not say, and "pins" neither, is random. */
void tensor_case_agrees(const struct tensor_case *c, int number,
	struct tensor_pins (*pins)(const struct tensor_case *c, struct rng *r),
	unsigned how);
/* The environment's number of that name. */
int tensor_number(const char *name, int otherwise);

#endif
