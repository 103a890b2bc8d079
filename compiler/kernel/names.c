/* SPDX-License-Identifier: MIT */
/* Names that tell visible things apart. The same binds in the same order give
 * the same names, so texts are stable. */
#include "kernel/names.h"

#include <assert.h>
#include <string.h>

#include "kernel/kernel.h"

static bool taken(const struct names *n, const char *name)
{
	for (int i = 0; i < n->v.n; i++)
		if (!strcmp(n->v.v[i].name, name))
			return true;
	return false;
}

static bool ends_in_digit(const char *s)
{
	size_t n = strlen(s);

	return n && s[n - 1] >= '0' && s[n - 1] <= '9';
}

/* May the name stand, if there is a number behind what was legal? */
static bool is_free(const struct names *n, const char *name, bool numbered)
{
	return !taken(n, name) && (!numbered || !n->legal ||
		!strcmp(n->legal(n->a, name), name));
}

const char *names_bind(struct names *n, const void *key, const char *hint)
{
	const char *base, *name, *gap;

	base = hint && *hint ? hint : "v";
	if (n->legal)
		base = n->legal(n->a, base);
	gap = ends_in_digit(base) ? "_" : "";
	name = base;
	for (int i = 2; !is_free(n, name, i > 2); i++)
		name = arena_printf(n->a, "%s%s%d", base, gap, i);
	vec_push(n->a, &n->v, (struct named){ key, name });
	return name;
}

const char *names_of(const struct names *n, const void *key)
{
	for (int i = n->v.n - 1; i >= 0; i--)
		if (n->v.v[i].key == key)
			return n->v.v[i].name;
	return NULL;
}

int names_enter(const struct names *n)
{
	return n->v.n;
}

void names_leave(struct names *n, int mark)
{
	assert(mark <= n->v.n);
	n->v.n = mark;
}

void names_of_kernel(struct names *n, const struct kernel *k)
{
	for (int i = 0; i < k->globals.n; i++)
		names_bind(n, k->globals.v[i], k->globals.v[i]->name);
	for (int i = 0; i < k->scalars.n; i++)
		names_bind(n, k->scalars.v[i], k->scalars.v[i]->name);
	for (int i = 0; i < k->maps.n; i++)
		names_bind(n, k->maps.v[i], k->maps.v[i]->name);
	for (int i = 0; i < k->shared.n; i++)
		names_bind(n, k->shared.v[i], k->shared.v[i]->name);
	for (int i = 0; i < k->registers.n; i++)
		names_bind(n, k->registers.v[i], k->registers.v[i]->name);
}
