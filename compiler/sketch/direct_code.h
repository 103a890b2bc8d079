/* SPDX-License-Identifier: MIT */
/* A direct kernel under construction, shared by the files that write it. */
#ifndef WPK_COMPILER_SKETCH_DIRECT_CODE_H
#define WPK_COMPILER_SKETCH_DIRECT_CODE_H

#include "sketch/direct.h"

struct direct_code {
	const struct task *t;
	const struct direct *d;
	const struct direct_plan *p;
	struct arena *a;
	struct program *program;
	struct p_step step;
	struct kernel *k;
	struct k_buffer **buffers;
	struct k_buffer *tile, *acc, *segment, *raw;
	struct k_buffer *w_tile[DIRECT_WEIGHTS], *w_raw[DIRECT_WEIGHTS];
	struct kx *thread;
	struct kx *first[DIRECT_AXES];	/* of the block's tile */
	struct kx *own[DIRECT_AXES];	/* of the thread's, in the block's */
	struct kx *x_at, *w_at[DIRECT_WEIGHTS];	/* of a thread's reads */
	struct kx *chunk[DIRECT_REDS];	/* first of the chunk */
	struct kx *outer[DIRECT_REDS];	/* in the chunk */
	struct kx *inner[DIRECT_REDS];
	struct kx *i[DIRECT_AXES];	/* in the thread's tile */
	struct kx *slot;
};

/* ---- direct_compute.c ---- */

/* Where the thread's reads of shared memory begin, bound in "b". */
void direct_bases(struct direct_code *m, struct k_block *b);
void direct_clear(struct direct_code *m, struct k_block *b);
/* Takes the chunk in buffer "slot" into the accumulators. */
void direct_compute(struct direct_code *m, struct k_block *b, struct kx *slot);

#endif
