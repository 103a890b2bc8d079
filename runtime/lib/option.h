/* SPDX-License-Identifier: MIT */
/* Words of a command line against a table: which option one is, and values that are
 * just stored. Here for wpkc and wpkrun alike, which link nothing of one another. */
#ifndef WPK_RUNTIME_LIB_OPTION_H
#define WPK_RUNTIME_LIB_OPTION_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is stored: true, the text, a whole number into an int or a uint64_t, a
 * number that is not negative into a double. */
enum option_kind {
	OPTION_ELSE, OPTION_TRUE, OPTION_TEXT, OPTION_INT, OPTION_UINT64,
	OPTION_REAL
};

/* At "at" of the program's options; whole numbers are from "least" to "most". */
struct option_store {
	enum option_kind kind;
	size_t at;
	uint64_t least, most;
};

/* Is "arg" the option "name", or begins with it and goes on with a value, which "="
 * sets apart or, of one that is "joined", nothing? */
static inline bool option_is(const char *arg, const char *name, bool joined,
	const char **value)
{
	size_t n = strlen(name);

	*value = NULL;
	if (!strcmp(arg, name))
		return true;
	if (strncmp(arg, name, n) != 0 || (arg[n] != '=' && !joined))
		return false;
	*value = arg + n + (arg[n] == '=');
	return true;
}

static inline bool option_store_whole(const struct option_store *o, void *to,
	const char *v, char wants[100])
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(v, &end, 10);
	if (*v < '0' || *v > '9' || *end || errno || n < o->least ||
	    n > o->most) {
		snprintf(wants, 100, "a whole number from %llu to %llu",
			(unsigned long long)o->least,
			(unsigned long long)o->most);
		return false;
	}
	if (o->kind == OPTION_INT)
		*(int *)to = (int)n;
	else
		*(uint64_t *)to = n;
	return true;
}

static inline bool option_store_real(void *to, const char *v, char wants[100])
{
	char *end;
	double x = strtod(v, &end);

	if (!*v || *end || !(x >= 0) || x >= 1e30) {
		snprintf(wants, 100, "a number");
		return false;
	}
	*(double *)to = x;
	return true;
}

/* False where "v" is no such value: "wants" then says what would be one. */
static inline bool option_store(const struct option_store *o, void *options,
	const char *v, char wants[100])
{
	void *to = (char *)options + o->at;

	switch (o->kind) {
	case OPTION_TRUE:
		*(bool *)to = true;
		return true;
	case OPTION_TEXT:
		*(const char **)to = v;
		return true;
	case OPTION_INT:
	case OPTION_UINT64:
		return option_store_whole(o, to, v, wants);
	case OPTION_REAL:
		return option_store_real(to, v, wants);
	default:
		return false;
	}
}

#endif
