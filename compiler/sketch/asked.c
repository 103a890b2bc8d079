/* SPDX-License-Identifier: MIT */
/* Numbers that a schedule may ask for and that otherwise follow from others. */
#include "sketch/asked.h"

#include <stdlib.h>

const char *const asked_numbers[] = {
	"auto", "1", "2", "3", "4", "5", "6", "7", "8", "10", "12", "14", "16",
	"20", "24", "28", "32", "40", "48", "56", "64", "80", "96", "112",
	"128", "160", "192", "224", "256", "320", "384", "448", "512", "640",
	"768", "896", "1024", "1280", "1536", "1792", "2048", "2560", "3072",
	"3584", "4096", "5120", "6144", "7168", "8192", "10240", "12288",
	"14336", "16384", "20480", "24576", "28672", "32768", "65536",
	"131072", NULL
};

static const int nothing[] = { 0 };

int asked_number(int v)
{
	return v ? atoi(asked_numbers[v]) : 0;
}

struct tunable asked_tunable(struct arena *a, const char *directive,
	const char *subject, const char *key)
{
	const char **subjects = ARENA_ARRAY(a, 2, const char *);

	subjects[0] = subject;
	return (struct tunable){ .name = arena_printf(a, "%s%s%s%s%s",
		directive, subject ? "." : "", subject ? subject : "",
		key ? "." : "", key ? key : ""), .directive = directive,
		.key = key, .subjects = subject ? subjects : NULL,
		.values = nothing, .n = 1, .words = asked_numbers };
}

struct tunable asked_tail(struct arena *a, const char *const *axes)
{
	static const char *const words[] = { "auto", "predicate", NULL };

	return (struct tunable){ .name = arena_printf(a, "tail.%s", axes[0]),
		.directive = "tail", .subjects = axes, .values = nothing, .n = 1,
		.words = words };
}

const char *asked_wrong(struct arena *a, const struct tunable *t, int v,
	int64_t is)
{
	if (!v || asked_number(v) == is)
		return NULL;
	return arena_printf(a, "%s = %s is asked for, and the other numbers "
		"make %lld", t->name, asked_numbers[v], (long long)is);
}
