/* SPDX-License-Identifier: MIT */
/* A map from names to pointers, in an arena. The names are borrowed. */
#ifndef WPK_COMPILER_FRONT_TABLE_H
#define WPK_COMPILER_FRONT_TABLE_H

#include "base/arena.h"

struct table_row {
	const char *name;
	void *value;
};

struct table {
	struct arena *a;
	struct table_row *rows;	/* "cap" of them, a power of two, or none */
	int n, cap;
};

void table_init(struct table *t, struct arena *a);

/* The value under "name", or NULL. */
void *table_get(const struct table *t, const char *name);

/* Put "value" under "name"; NULL takes the name out. */
void table_put(struct table *t, const char *name, void *value);

#endif
