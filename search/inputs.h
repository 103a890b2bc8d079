/* SPDX-License-Identifier: MIT */
/* What the learned model sees of a candidate: a row of numbers, each in a
 * named column. */
#ifndef WPK_SEARCH_INPUTS_H
#define WPK_SEARCH_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "search/record.h"

/* A number in a column; what a row does not have is unknown. */
struct input {
	int column;
	float value;
};
typedef VEC(struct input) input_row;

/* "columns" are names, "hashes" theirs; "slots" finds a column by its name: its
 * number plus one, or 0. "columns_of" are the tunables' in the record seen last,
 * whose names were "names_seen", "key_row" is of its key, "key_seen". */
struct inputs {
	struct arena *a;
	VEC(const char *) columns;
	VEC(uint64_t) hashes;
	int *slots, n_slots;
	struct record_key key_seen;
	input_row key_row;
	bool key_known;
	const char *const *names_seen;
	int n_seen;
	VEC(int) columns_of;
};

void inputs_init(struct inputs *in, struct arena *a);
/* The columns of "r" to "row", which lives in "a", new ones made for names not
 * seen before if "learn". What it remembers of the last record counts only
 * until inputs_forget, which is due where strings may have changed. Returns the
 * log of the analytic estimate's seconds, NaN where there is none, INFINITY
 * where the candidate cannot run. */
double inputs_row(struct inputs *in, struct arena *a, const struct record *r,
	bool learn, input_row *row);
void inputs_forget(struct inputs *in);

#endif
