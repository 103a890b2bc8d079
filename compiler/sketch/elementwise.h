/* SPDX-License-Identifier: MIT */
/* What the files of sketch "elementwise" share. */
#ifndef WPK_COMPILER_SKETCH_ELEMENTWISE_H
#define WPK_COMPILER_SKETCH_ELEMENTWISE_H

#include "sketch/walk.h"

/* The tile of a block and of a thread follow from the others. */
enum { THREADS, VECTOR, UNROLL, BLOCK, THREAD, TAIL, N_MAP_TUNABLES };

struct maps {
	struct walk *walk;
	int limit;		/* longest vector within a run */
	int across;		/* longest that goes on from run to run; 0 */
	uint64_t dense;		/* accesses that move whole in those */
	const char **vectors;	/* tensors moved in vectors, NULL-ended */
	const char *name;	/* of all axes as one; NULL: there are none */
	struct tunable *tunables;
};

/* Do vectors of "v" elements go on from run to run? */
bool map_spans(const struct maps *m, int v);
/* Elements a block computes. */
int64_t map_tile(const int *values);
/* Registers of a thread, about. */
int map_registers(const struct walk *w, const int *values);
void elementwise_build(const struct task *t, struct arena *a,
	const int *values, struct program *p);

#endif
