/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing; never more than half full. A name taken
 * out keeps its row with a NULL value, so probing needs no tombstones. */
#include "front/table.h"

#include <string.h>

#include "base/str.h"

void table_init(struct table *t, struct arena *a)
{
	*t = (struct table){ .a = a };
}

static struct table_row *row(const struct table *t, const char *name)
{
	size_t mask = (size_t)t->cap - 1;
	size_t i = (size_t)str_hash(name, strlen(name)) & mask;

	while (t->rows[i].name && strcmp(t->rows[i].name, name))
		i = (i + 1) & mask;
	return &t->rows[i];
}

void *table_get(const struct table *t, const char *name)
{
	return t->cap ? row(t, name)->value : NULL;
}

static void grow(struct table *t)
{
	struct table old = *t;

	t->cap = old.cap ? 2 * old.cap : 16;
	t->rows = ARENA_ARRAY(t->a, (size_t)t->cap, struct table_row);
	for (int i = 0; i < old.cap; i++)
		if (old.rows[i].name)
			*row(t, old.rows[i].name) = old.rows[i];
}

void table_put(struct table *t, const char *name, void *value)
{
	struct table_row *r;

	if (2 * (t->n + 1) > t->cap)
		grow(t);
	r = row(t, name);
	t->n += !r->name;
	*r = (struct table_row){ name, value };
}
