/* SPDX-License-Identifier: MIT */
/* The operators of the standard library as formulas in C, written apart from
 * theirs: from the definitions of PyTorch and ONNX, with other loops where
 * there is a choice. stdlib_test.c compares. */
#ifndef WPK_TESTS_UNIT_STDLIB_CASES_H
#define WPK_TESTS_UNIT_STDLIB_CASES_H

#include <stdint.h>

#include "ir/ir.h"

/* One element of one output: "at" is its logical index; "name" the operator
 * without its module. */
struct trial {
	const struct ir_operator *o;
	const char *name;
	void *const *data;
	const int64_t *at;
};

typedef double stdlib_formula(const struct trial *t);

/* "instance" is MODULE.NAME[VALUES]; its outputs are computed by "outputs" in
 * order. Inputs are filled as for checks, floats in [-1, 1]; "positive" adds 1/16
 * to their absolute values, or 1 to integers', "times" multiplies floats. */
struct stdlib_case {
	const char *instance;
	stdlib_formula *outputs[3];
	bool positive;
	double times;
};

#define CASE(text, ...) \
	{ .instance = text, .outputs = { __VA_ARGS__ } }
#define POSITIVE(text, ...) \
	{ .instance = text, .outputs = { __VA_ARGS__ }, .positive = true }
#define WIDE(text, ...) \
	{ .instance = text, .outputs = { __VA_ARGS__ }, .times = 7 }

/* Each ends with a case of no instance. */
extern const struct stdlib_case stdlib_windows[], stdlib_rows[],
	stdlib_losses[], stdlib_pairs[], stdlib_places[], stdlib_numbers[];

/* The size or integer attribute "name". */
int64_t trial_size(const struct trial *t, const char *name);
/* The element of input "input" at a logical index, "outside" if there is none. */
double trial_read(const struct trial *t, int input, const int64_t *idx,
	double outside);

#define SIZE(name) trial_size(t, name)
#define OR(outside, input, ...) \
	trial_read(t, input, (int64_t[]){ __VA_ARGS__ }, outside)
#define IN(input, ...) OR(0, input, __VA_ARGS__)
#define FOR(i, n) for (int64_t i = 0, i##_end = (n); i < i##_end; i++)

#endif
