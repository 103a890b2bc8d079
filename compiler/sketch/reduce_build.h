/* SPDX-License-Identifier: MIT */
/* A kernel of sketch "reduce" under construction. */
#ifndef WPK_COMPILER_SKETCH_REDUCE_BUILD_H
#define WPK_COMPILER_SKETCH_REDUCE_BUILD_H

#include "sketch/reduce.h"

/* "buffers" and "values" by tensor; "running" by piece; "partial" and
 * "tensors" (of the program, -1: none) by piece, two each: value and place.
 * "stored" is the condition under which the row is one, NULL: always; "silent":
 * row values are for this launch alone and not stored;
 * "row_stream" has the row values that all streams share, "cache" the row in
 * registers. */
struct making {
	const struct task *t;
	struct arena *a;
	const struct rows *r;
	const struct walk *w;
	struct row_point x;
	struct kernel *k;
	struct k_buffer **buffers;
	struct kx **values;
	struct running *running;
	struct team team;
	struct kx *stored, *row;
	struct stream row_stream, cache;
	struct k_buffer **partial;
	int *tensors;
	bool wide, silent;
};

/* ---- reduce_pass.c: over the row ---- */

bool making_in_pass(const struct making *m, int piece, int pass);
/* Loads what the passes share into registers. */
void making_fill_cache(struct making *m, struct k_block *b);
/* Online: the sums of pass 2 were of a maximum "from" and are to be of "to". */
void making_scale(struct making *m, struct k_block *b, struct kx *from,
	struct kx *to);
/* This thread's share of the row, or of this block's part of it. */
void making_pass(struct making *m, struct k_block *b, int pass);

#endif
