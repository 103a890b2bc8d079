/* SPDX-License-Identifier: MIT */
/* Are two programs the same but for constants, and what are these? */
#ifndef WPK_COMPILER_KERNEL_CONSTANTS_H
#define WPK_COMPILER_KERNEL_CONSTANTS_H

#include "kernel/kernel.h"

struct constant {
	const struct kx *e;
	bool fixed;
};

/* One kernel's constants and shape, in the order of recast.h. */
struct constants {
	VEC(struct constant) constants;
	const int64_t *shape;
	int n_shape;
};

void constants_read(struct arena *a, const struct kernel *k,
	struct constants *out);
/* Kernels of one structure, with as many constants. */
bool constants_alike(const struct constants *x, const struct constants *y);

#endif
