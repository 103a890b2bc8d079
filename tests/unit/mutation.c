/* SPDX-License-Identifier: MIT */
#include "mutation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FEW = 4 };

static bool full(void)
{
	const char *set = getenv("WPK_FULL");

	return set && *set;
}

/* The "n"th place of the mutation in the kernel's text, NULL if there is none;
 * behind the launcher nothing counts. */
static const char *place(const struct subject *s, const struct mutation *m, int n)
{
	const char *end = strstr(s->cuda, "#ifndef __CUDACC_RTC__");
	const char *p = strstr(s->cuda, "__global__");

	while (p && (p = strstr(p, m->line)) && p < end) {
		p = strstr(p, m->was);
		if (n-- == 0)
			return p;
		p += strlen(m->was);
	}
	return NULL;
}

static void missed(const char *sketch, const struct mutation *m, int n,
	const char *at)
{
	fail_msg("%s: %s, number %d, was not found: %.*s", sketch, m->name, n,
		(int)strcspn(at, "\n"), at);
}

struct check_result mutation_look(struct subject *s)
{
	struct check_result r = subject_check(s, CHECK_RACE | CHECK_INIT);

	return r.verdict == CHECK_VERIFIED ? subject_check(s, CHECK_ADDRESS) : r;
}

/* Is place "n" of all so far one of those where there is time for it? The first
 * always is. */
static bool planted(const struct mutation *m, int n)
{
	return full() || n == 1 || n % (FEW * m->one) == 0;
}

int mutate_all(struct subject *s, const struct mutation *m,
	const char *sketch, unsigned idle, int before)
{
	const char *text = s->cuda, *at;
	int n = 0;

	while ((at = place(s, m, n))) {
		struct check_result r;

		n++;
		if (!planted(m, before + n) ||
		    (!strcmp(m->was, " < ") && idle >> n & 1))
			continue;
		s->cuda = arena_printf(s->a, "%.*s%s%s", (int)(at - text), text,
			m->is, at + strlen(m->was));
		r = mutation_look(s);
		if (r.verdict == CHECK_VERIFIED)
			missed(sketch, m, n, at);
		if (r.verdict == CHECK_UNAVAILABLE ||
		    strstr(r.line, "does not compile"))
			fail_msg("%s: %s, number %d: %s\n%s", sketch, m->name,
				n, r.line, r.detail);
		s->cuda = (char *)text;
	}
	return n;
}

void mutate(struct subject s, const struct mutation *some, int count,
	int *n)
{
	struct check_result r = mutation_look(&s);

	if (r.verdict == CHECK_UNAVAILABLE) {
		arena_destroy(s.a);
		skip();
	}
	if (r.verdict != CHECK_VERIFIED)
		fail_msg("%s\n%s", r.line, r.detail);
	for (int k = 0; k < count; k++)
		n[k] += mutate_all(&s, &some[k], "a product", 0, n[k]);
	arena_destroy(s.a);
}

void assert_places(const struct mutation *some, int count,
	const int *n)
{
	for (int k = 0; k < count; k++)
		print_message("# %s: %d\n", some[k].name, n[k]);
	for (int k = 0; k < count; k++)
		assert_true(n[k] > 0);
}
