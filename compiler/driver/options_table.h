/* SPDX-License-Identifier: MIT */
/* Between the reading of the command line and its table. */
#ifndef WPK_COMPILER_DRIVER_OPTIONS_TABLE_H
#define WPK_COMPILER_DRIVER_OPTIONS_TABLE_H

#include "driver/options.h"
#include "runtime/lib/option.h"

struct reading {
	struct arena *a;
	struct options *o;
	struct str *text;
	enum asked asked;
	int depth;		/* of response files */
};

enum takes { NOTHING, VALUE, MAYBE };

/* "set" takes the value, NULL where there is none; false with an error in the
 * reading's text. Where it is NULL, "store" says where the value goes. "value" and
 * "help" are for --help. */
struct option {
	const char *name, *value;
	enum takes takes;
	const char *help;
	bool (*set)(struct reading *r, const char *v);
	struct option_store store;
};

/* All options, "*n" of them. */
const struct option *options_table(int *n);
/* The option that "arg" is or begins with, and its value in the same word, or
 * NULL. */
const struct option *options_find(const char *arg, const char **value);
/* Notes an error; returns false. */
bool options_fail(struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
