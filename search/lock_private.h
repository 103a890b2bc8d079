/* SPDX-License-Identifier: MIT */
/* Between the files of the lock. */
#ifndef WPK_SEARCH_LOCK_PRIVATE_H
#define WPK_SEARCH_LOCK_PRIVATE_H

#include "search/search.h"

/* "name = value", of line "line" where it was read. */
struct lock_pair {
	const char *name, *value;
	int line;
};

/* The order of entries; 0: of one group at one place. */
int lock_by_group(const struct lock_entry *x, const struct lock_entry *y);
/* The entry's names and values are these, which are put in order. */
void lock_set_pairs(struct arena *a, struct lock_entry *e, struct lock_pair *v,
	int n);
/* Four significant digits: more than a measurement is good for, and the same
 * number whether it was read or is about to be written. */
double lock_seconds(double seconds);

#endif
