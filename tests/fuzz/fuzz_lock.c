/* SPDX-License-Identifier: MIT */
/* Any bytes as a lock file: a lock, or a reason and a line of the text; a lock
 * prints what reads back to the same text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "search/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *print(struct arena *a, const struct lock *l)
{
	struct str s;

	str_init(&s, a);
	lock_print(l, &s);
	return str_text(&s);
}

static void check_changes(struct arena *a, struct lock *l)
{
	for (int i = 0; i < l->n; i++) {
		struct lock_entry e = l->v[i];
		int n = l->n;

		lock_put(a, l, &e);
		assert(l->n == n);
		assert(lock_find(l, e.hash, e.target, e.gpu, e.share,
			e.group));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	char *text = arena_strndup(a, (const char *)data, size);
	const char *why = NULL, *once;
	int line = 0;
	struct lock *l = lock_parse(a, text, &why, &line), *again;

	if (!l) {
		assert(why && line >= 1);
		arena_destroy(a);
		return 0;
	}
	once = print(a, l);
	again = lock_parse(a, once, &why, &line);
	assert(again && again->n == l->n);
	assert(strcmp(once, print(a, again)) == 0);
	check_changes(a, l);
	assert(strcmp(once, print(a, l)) == 0);
	arena_destroy(a);
	return 0;
}
