/* SPDX-License-Identifier: MIT */
/* What the files of sketch "elementwise" share. */
#ifndef WPK_COMPILER_SKETCH_ELEMENTWISE_H
#define WPK_COMPILER_SKETCH_ELEMENTWISE_H

#include "sketch/walk.h"

enum { THREADS, VECTOR, UNROLL, N_MAP_TUNABLES };

struct maps {
	struct walk *walk;
	int limit;		/* longest vector */
	const char **vectors;	/* tensors moved in vectors, NULL-ended */
};

/* Elements a block computes. */
int64_t map_tile(const int *values);
void elementwise_build(const struct task *t, struct arena *a,
	const int *values, struct program *p);

#endif
