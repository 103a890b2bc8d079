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
 * registers. Of rows that a thread carries: the "first" along their run, which
 * begins at row "before"; are they rows at all ("valid", NULL: always)? Arrays of
 * their running values, and of what is "known" of them before, by piece. */
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
	struct kx *first, *before, *valid;
	struct board *runs;
	struct k_buffer **known;
};

/* Makes what follows for a row, or does a vector of one. */
typedef void row_maker(struct making *m, struct k_block *b, int pass);
typedef void vector_maker(struct making *m, struct stream *s, struct k_block *b,
	int pass, struct point *p);

/* ---- reduce_pass.c: over the row ---- */

bool making_in_pass(const struct making *m, int piece, int pass);
/* Loads what the passes share into registers. */
void making_fill_cache(struct making *m, struct k_block *b);
/* Online: the sums of pass 2 were of a maximum "from" and are to be of "to". */
void making_scale(struct making *m, struct k_block *b, struct kx *from,
	struct kx *to);
/* This thread's share of the row, or of this block's part of it. */
void making_pass(struct making *m, struct k_block *b, int pass);

/* ---- reduce_carry.c: several rows of a thread ---- */

/* Sets "first", "before", "valid" and the outer values of "row_stream". */
void carry_find(struct making *m, struct k_block *b);
/* Loads what rows read once, and "each" makes what is known before a pass. */
void carry_begin(struct making *m, struct k_block *b, row_maker *each);
/* Running values of piece "i" begin. */
void carry_start(struct making *m, struct k_block *b, int i);
/* What rows read once, for stream "s". */
void carry_lend(const struct making *m, struct stream *s);
/* Of accesses "reads" those that are loaded for all rows at once. */
uint64_t carry_ahead(const struct making *m, uint64_t reads);
/* "each" does the vector at "p" for every row. */
void carry_consume(struct making *m, struct stream *s, struct k_block *b,
	int pass, struct point *p, uint64_t reads, vector_maker *each);
/* "each" makes what follows the pass for every row. */
void carry_finish(struct making *m, struct k_block *b, int pass,
	row_maker *each);

#endif
