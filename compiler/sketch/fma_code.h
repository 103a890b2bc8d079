/* SPDX-License-Identifier: MIT */
/* An fma kernel under construction, shared by the files that write it. */
#ifndef WPK_COMPILER_SKETCH_FMA_CODE_H
#define WPK_COMPILER_SKETCH_FMA_CODE_H

#include "sketch/fma.h"
#include "sketch/parts.h"

struct fma_code {
	const struct task *t;
	const struct fma *f;
	const struct fma_plan *p;
	struct arena *a;
	struct program *program;
	struct p_step step;
	struct kernel *k;
	struct k_buffer *acc;
	struct parts parts;
	struct stager left, right;
	struct storing out;
	struct kx *thread, *batch;
	struct kx *first_chunk, *chunks;	/* of this part of the split */
};

/* One operand's fragment in registers: "raw" as stored; "value" converted to
 * the accumulator's type, or the same buffer. */
struct fma_fragment {
	const struct stage *s;
	const struct stager *g;
	const struct side *side;
	struct k_buffer *raw, *value;
};

/* The registers of one operand's fragment, for the rows or columns of "side". */
struct fma_fragment fma_fragment_make(struct fma_code *g, struct stager *st,
	const struct side *side);
/* Multiply and add the chunk that lies in stage "slot". */
void fma_compute(struct fma_code *g, struct k_block *b,
	const struct fma_fragment *l, const struct fma_fragment *r,
	struct kx *slot);

#endif
