/* SPDX-License-Identifier: MIT */
/* Results that reach memory through shared memory: a part of a group's tile, 64
 * rows of an instruction by some of its columns, is written there, and one thread
 * asks for a bulk copy of it by a tensor map, which knows where the tensor ends.
 * Two parts are under way at once. */
#ifndef WPK_COMPILER_SKETCH_WGMMA_STORE_H
#define WPK_COMPILER_SKETCH_WGMMA_STORE_H

#include "sketch/tiled.h"

struct wgmma;
struct wgmma_plan;

/* How an output lies in memory, or "why" no map says that: goes on from its
 * name. */
struct store {
	const char *why;
	struct flat m, n, batch;
};

/* "columns" at a time, 0 where results go to memory from registers, of which
 * "step" are computed before they are put into shared memory; each group has
 * "parts" of that size, and room for "slots" of them in shared memory, for each
 * output that "takes". */
struct store_plan {
	int columns, step, parts, slots;
	int64_t bytes;
	bool takes[OUTPUTS_MAX];
};

void wgmma_store_analyse(const struct task *t, struct wgmma *f);
/* Some output can be stored so. */
bool wgmma_stores(const struct wgmma *f);
/* NULL, or why "columns" at a time cannot be. */
const char *wgmma_store_plan(const struct wgmma *f, struct arena *a,
	int columns, struct wgmma_plan *p);
/* Wavefronts of shared memory for all results of a block's tile. */
double wgmma_store_waves(const struct wgmma *f, const struct wgmma_plan *p);

/* Its code in one kernel; "group" is the thread's, and "share" which of the
 * groups' rows of a tile it has. */
struct wgmma_store {
	struct tiled_code *of;
	const struct wgmma_plan *p;
	struct kx *group, *share;
	struct {
		const struct k_map *map;
		struct k_buffer *tile;
		struct kx *line, *turn, *chunk;	/* the thread's in a part */
	} out[OUTPUTS_MAX];
	struct k_buffer *packed;
	struct kx *slot;		/* that the part goes to */
	struct store_parts parts;
};

/* Declares maps and shared memory, and has the epilogue give its results. */
void wgmma_store_create(struct wgmma_store *s, const struct wgmma *f);
/* Before the block ends, whose shared memory is still read. */
void wgmma_store_end(struct wgmma_store *s, struct k_block *b);

#endif
