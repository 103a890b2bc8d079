/* SPDX-License-Identifier: MIT */
/* What it is to take a directive away. In: a tunable and its value. Out: the
 * value by which it says nothing (one stage, no split, no vector), or where there
 * is none such, the values next to it: a tile cannot be left out. */
#include <stdio.h>
#include <string.h>

#include "driver/bought.h"

/* "key" NULL: any. Of words the first that the tunable has counts. */
static const struct neutral {
	const char *directive, *key;
	const char *words[3];
} table[] = {
	{ "pipeline", "async", { "off" } },
	{ "pipeline", NULL, { "1" } },
	{ "split_k", NULL, { "1" } },
	{ "vectorize", NULL, { "1" } },
	{ "unroll", NULL, { "1" } },
	{ "swizzle", NULL, { "off" } },
	{ "stage", NULL, { "none", "off" } },
	{ "cache", NULL, { "none", "register" } },
	{ "epilogue", NULL, { "none" } },
	{ "raster", "order", { "row" } },
	{ "raster", "group", { "1" } },
	{ "rfactor", NULL, { "passes" } },
	{ "mma", "from", { "shared" } },
};

static const struct neutral *row_of(const struct tunable *t)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].directive, t->directive) &&
		    (!table[i].key ||
		     (t->key && !strcmp(table[i].key, t->key))))
			return &table[i];
	return NULL;
}

static bool word_index(const char *const *words, const char *word, int *out)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word)) {
			*out = i;
			return true;
		}
	return false;
}

bool bought_neutral(const struct tunable *t, int *value)
{
	const struct neutral *row = row_of(t);

	for (int i = 0; row && i < 3 && row->words[i]; i++) {
		char end;

		if (t->words ? word_index(t->words, row->words[i], value) :
		    sscanf(row->words[i], "%d%c", value, &end) == 1)
			return true;
	}
	return false;
}

/* ---- neighbours ---- */

/* Nearest to "v" on the side of "sign" among "values"; words have no order. */
static bool nearest(const int *values, int n, int v, int sign, int *out)
{
	bool found = false;

	for (int i = 0; i < n; i++)
		if ((values[i] - v) * sign > 0 &&
		    (!found || (*out - values[i]) * sign > 0)) {
			*out = values[i];
			found = true;
		}
	return found;
}

/* The tunable's own values, not what the schedule leaves of them; a param's are
 * the schedule's. */
static bool step(const struct gene *g, const struct tunable *t, int v, int sign,
	int *out)
{
	bool own = t && !strcmp(t->name, g->name);

	if (g->words)
		return false;
	return own ? nearest(t->values, t->n, v, sign, out) :
		nearest(g->values, g->n, v, sign, out);
}

bool bought_smaller(const struct gene *g, const struct tunable *t, int v,
	int *out)
{
	return step(g, t, v, -1, out);
}

bool bought_larger(const struct gene *g, const struct tunable *t, int v,
	int *out)
{
	return step(g, t, v, 1, out);
}
