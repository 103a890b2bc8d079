/* SPDX-License-Identifier: MIT */
/* A kernel made again with other constants. Every constant passes through
 * "constant", in one order for kernels of one structure; what else there is is
 * written down in "shape": two kernels are the same but for constants if their
 * shapes are equal. */
#ifndef WPK_COMPILER_KERNEL_RECAST_H
#define WPK_COMPILER_KERNEL_RECAST_H

#include "kernel/kernel.h"

struct recast_var {
	const struct k_var *from;
	struct kx *to;
};

/* "constant" returns what stands in place of KX_INT or KX_FLOAT "e"; "fixed"
 * where only a constant may. "fold": what the new constants decide is
 * simplified, as if the kernel had been built with them. "launch" beside it: and
 * what the ranges of loops and of this grid decide, see narrow.c. */
struct recast {
	struct arena *a;
	bool fold;
	struct kx *(*constant)(void *ctx, const struct kx *e, bool fixed);
	void *ctx;
	const struct launch *launch;
	const struct kernel *kernel;	/* the one being made again */
	VEC(int64_t) shape;
	VEC(struct recast_var) vars;
	bool fixed;
};

/* Buffers and variables are shared with "k". */
struct kernel *recast_kernel(struct recast *r, const struct kernel *k);

#endif
