/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_SEEN_H
#define WPK_COMPILER_BASE_SEEN_H

#include <stdbool.h>

#include "base/arena.h"

/* A set of integer vectors of length "d", all held in "v". */
struct seen {
	struct arena *a;
	int d, n, cap;
	int *v;
	int *slots, n_slots;	/* index into "v" plus one; 0: free */
};

void seen_init(struct seen *s, struct arena *a, int d);
bool seen_has(const struct seen *s, const int *point);
/* Its place in "v", or -1. */
int seen_find(const struct seen *s, const int *point);
void seen_clear(struct seen *s);
/* The same, where it is put if it is not there; "*fresh": it was not. */
int seen_place(struct seen *s, const int *point, bool *fresh);
/* False if it was there already. */
bool seen_add(struct seen *s, const int *point);

#endif
