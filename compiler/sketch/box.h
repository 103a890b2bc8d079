/* SPDX-License-Identifier: MIT */
/* Copying a box of a tensor into shared memory: all threads of the block take
 * part, in vectors along the innermost dimension. What lies outside the tensor
 * is filled, or taken from its edge. */
#ifndef WPK_COMPILER_SKETCH_BOX_H
#define WPK_COMPILER_SKETCH_BOX_H

#include "kernel/kernel.h"

enum { BOX_DIMS = 10 };

/* Positions origin .. origin + extent - 1 along a dimension, "stride" elements
 * apart in memory and "pitch" in shared memory. Those outside 0 .. size - 1 are
 * filled where "guard" is set, clamped where "clamp" is; else there are none. */
struct box_dim {
	int64_t extent, stride, pitch, size;
	bool guard, clamp;
	struct kx *origin;
};

/* Element "at" + sum of position * stride of "from" goes to element "to_at" +
 * sum of (position - origin) * pitch of "to". "vec" divides the last extent;
 * it is 1 unless the last stride and pitch are. */
struct box {
	struct arena *a;
	const char *name;
	struct box_dim dims[BOX_DIMS];
	int n, vec;
	double fill;
	struct k_buffer *from, *to;
	struct kx *at, *to_at, *thread;
	int threads;
	bool async;
};

void box_copy(const struct box *x, struct k_block *b);

#endif
