/* SPDX-License-Identifier: MIT */
/* Reading one operand of a gemv kernel where it lies: addresses of rows that
 * stay while the reduction goes on, and copies of a few elements from there. */
#ifndef WPK_COMPILER_SKETCH_GEMV_READ_H
#define WPK_COMPILER_SKETCH_GEMV_READ_H

#include "sketch/stage.h"

/* "n" rows in vectors of "vec" neighbours, vector i at first + i * lanes * vec.
 * "ragged": some may lie past the operand's last, which is then read
 * instead. */
struct reader {
	struct arena *a;
	struct kernel *kernel;
	const struct operand *op;
	const struct flat *k;
	const char *name;
	struct k_buffer *global;
	struct kx *first, *batch;
	int n, lanes, vec;
	bool ragged;
	struct computed *computed;		/* where there are choices */
	struct chosen chosen;			/* set by reader_create */
	struct kx *base[FORMS_MAX];		/* set by reader_create */
	struct k_buffer *row_at[FORMS_MAX];
};

/* Emits into "b" what does not change along k. */
void reader_create(struct reader *r, struct k_block *b);
/* The forms' share of "k", bound to variables of "b". */
void reader_at(const struct reader *r, struct k_block *b, struct kx *k,
	struct kx **forms);
/* Copy "count" elements from vector "i" at "forms" to "dst"; zeros where padded,
 * or where "inside" (NULL: always) does not hold. */
void reader_copy(const struct reader *r, struct k_block *b, struct kx *i,
	struct kx *const *forms, int count, struct k_place dst,
	struct kx *inside);

#endif
