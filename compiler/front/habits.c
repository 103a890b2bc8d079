/* SPDX-License-Identifier: MIT */
/* What hands used to other languages write. In: a token that cannot stand where
 * it does and the one before it. Out: how this language says it, or NULL. */
#include <string.h>

#include "front/syntax.h"

#define CHOOSES "c ? a : b chooses."

/* "seen", "before": NULL for any; "at": what could have followed, NULL for
 * anything. */
static const struct {
	const char *seen, *before, *at, *hint;
} habits[] = {
	{ "*", "*", NULL, "A power is pow(x, 2), a square x * x." },
	{ "^", NULL, NULL, "A power is pow(x, 2), a square x * x." },
	{ "&", NULL, NULL, "Truth values meet in &&; bits of an integer are taken "
		"apart with / and %: x / 16 % 16." },
	{ "|", NULL, NULL, "Truth values meet in ||; bits of an integer are put "
		"together with * and +." },
	{ ">", ">", NULL, "Integers are not shifted but divided: x / 16." },
	{ "<", "<", NULL, "Integers are not shifted but multiplied: x * 16." },
	{ "<", NULL, "';'", "Comparisons do not chain: a < b && b < c." },
	{ "<=", NULL, "';'", "Comparisons do not chain: a <= b && b <= c." },
	{ "for", NULL, "'let'", "There are no loops: y[i] = ... is for every i, "
		"and sum[k](...) goes over k." },
	{ NULL, "if", NULL, "There are no branches: y[i] = c ? a : b chooses." },
	{ "if", NULL, "';'", CHOOSES },
	{ "then", NULL, "';'", CHOOSES },
	{ "where", "=", NULL, CHOOSES },
	{ "+", NULL, "'='", "An output is assigned once; a sum is a reduction: "
		"y[i] = sum[k](...)." },
	{ "(", "]", "';'", "Reducers are sum, prod, max, min, argmax, argmin, any "
		"and all." },
	{ "[", "]", "';'", "All indices stand in one pair of brackets: x[i, j]." },
	{ ".", NULL, NULL, "A number begins with a digit: 0.5." },
	{ "]", "[", NULL, "What has no dimensions has no brackets: y = ...;" },
};

/* Between the brackets of a result or a reduction: names, nothing else. */
static const char *as_binder(const char *seen, const char *before, bool in)
{
	if (!strcmp(before, "[") && *seen >= '0' && *seen <= '9')
		return "Between these brackets stand names; one place is a piece: "
			"y[i in 0:1].";
	if (!in || !strchr("[+-*/%(", *seen))
		return NULL;
	return "Between these brackets stand names: a result is not scattered "
		"but gathered, as in h[b] = sum[i](x[i] == b ? 1 : 0).";
}

const char *habit_hint(const char *seen, const char *before,
	const char *const *expected, int n)
{
	bool in = false, name = n == 1 && !strcmp(expected[0], "a name");

	for (int i = 0; i < n; i++)
		in |= !strcmp(expected[i], "'in'");
	if ((in || name) && as_binder(seen, before, in))
		return as_binder(seen, before, in);
	for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
		bool fits = !habits[i].at;

		for (int k = 0; k < n && !fits; k++)
			fits = !strcmp(expected[k], habits[i].at);
		if (fits && (!habits[i].seen || !strcmp(habits[i].seen, seen)) &&
		    (!habits[i].before || !strcmp(habits[i].before, before)))
			return habits[i].hint;
	}
	return NULL;
}

const char *habit_function(const char *name)
{
	static const char *const choosing[] = { "if", "ifelse", "iif" };

	for (size_t i = 0; i < sizeof choosing / sizeof *choosing; i++)
		if (!strcmp(choosing[i], name))
			return CHOOSES;
	return NULL;
}
