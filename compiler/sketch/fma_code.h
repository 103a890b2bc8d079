/* SPDX-License-Identifier: MIT */
/* An fma kernel under construction, shared by the files that write it. */
#ifndef WPK_COMPILER_SKETCH_FMA_CODE_H
#define WPK_COMPILER_SKETCH_FMA_CODE_H

#include "sketch/fma.h"

/* One operand's fragment in registers: "raw" as stored; "value" converted to
 * the accumulator's type, or the same buffer. */
struct fma_fragment {
	const struct stage *s;
	const struct stager *g;
	const struct side *side;
	struct k_buffer *raw, *value;
};

struct fma_code {
	struct tiled_code of;
	const struct fma *f;
	const struct fma_plan *p;
	struct fma_fragment l, r[2];	/* the right one of each product */
};

/* The registers of one operand's fragment, for the rows or columns of "side". */
struct fma_fragment fma_fragment_make(struct fma_code *g, struct stager *st,
	const struct side *side);
/* Multiply and add the chunk that lies in stage "slot", for the struct fma_code
 * "ctx". */
void fma_compute(void *ctx, struct k_block *b, struct kx *slot);

#endif
