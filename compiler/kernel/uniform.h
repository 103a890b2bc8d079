/* SPDX-License-Identifier: MIT */
/* How far apart the threads are that may disagree on a value. */
#ifndef WPK_COMPILER_KERNEL_UNIFORM_H
#define WPK_COMPILER_KERNEL_UNIFORM_H

#include "kernel/kernel.h"

enum level {
	LEVEL_CLUSTER,	/* the same in all blocks of a cluster */
	LEVEL_BLOCK,	/* the same in all threads of a block */
	LEVEL_WARP,	/* the same in all threads of a warp */
	LEVEL_THREAD
};

/* Levels of variables, from all assignments to them, whatever their order. */
struct uniform;

struct uniform *uniform_of(struct arena *a, const struct kernel *k);

/* Whether threads run a statement's body, and how often, agrees this far. */
enum level uniform_control(const struct uniform *u, const struct ks *s);

#endif
