/* SPDX-License-Identifier: MIT */
/* Which handles there are, so that any other is an error and no crash. */
#include "runtime/emu/driver/driver.h"

#include <stdlib.h>

static struct object *all[OBJECT_KINDS];

/* Where the list points to it, or to NULL. */
static struct object **place_of(enum object_kind kind, const void *handle)
{
	struct object **i = &all[kind];

	while (*i && *i != handle)
		i = &(*i)->next;
	return i;
}

void *object_create(enum object_kind kind, size_t bytes)
{
	struct object *o = calloc(1, bytes);

	if (o) {
		o->next = all[kind];
		all[kind] = o;
	}
	return o;
}

void object_destroy(enum object_kind kind, void *object)
{
	struct object **i = place_of(kind, object);

	*i = (*i)->next;
	free(object);
}

bool object_known(enum object_kind kind, const void *handle)
{
	return *place_of(kind, handle);
}

struct object *object_first(enum object_kind kind)
{
	return all[kind];
}
