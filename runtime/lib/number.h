/* SPDX-License-Identifier: MIT */
/* Numbers of a plan: integers, or expressions of C over named 64-bit integers,
 * read once and evaluated often. */
#ifndef WPK_RUNTIME_LIB_NUMBER_H
#define WPK_RUNTIME_LIB_NUMBER_H

#include "runtime/lib/lib.h"

/* What expressions may name; value i is of name i. */
struct number_names {
	const char *const *v;
	int n;
};

/* "n" instructions of a stack machine, or where that is 0, "value". */
struct number {
	int64_t value;
	const struct number_code *code;
	int n;
};

/* NULL, or what is wrong with the text: a phrase. Instructions live in "p". */
const char *number_parse(struct pool *p, const char *text,
	const struct number_names *names, struct number *out);
/* Is it just the name "name"? */
bool number_is_name(const struct number *x, int name);
/* False where it divides by zero or a result leaves 64 bits. */
bool number_value(const struct number *x, const int64_t *values, int64_t *out);

#endif
