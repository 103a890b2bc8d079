/* SPDX-License-Identifier: MIT */
/* Tiles of an operand by bulk tensor copies: a tensor map says how the operand
 * lies in memory, one thread asks for a box of it, and the hardware lays that out
 * in shared memory as struct stage says, swizzled, with zeros for what lies
 * outside. */
#ifndef WPK_COMPILER_SKETCH_BULK_H
#define WPK_COMPILER_SKETCH_BULK_H

#include "sketch/stage.h"

/* NULL, or why no map describes the operand, whose tiles are as "s" says: goes
 * on from the operand's name. */
const char *bulk_refuse(const struct task *t, const struct stage *s);

/* One operand's copies in one kernel. */
struct bulk {
	const struct stage *s;
	struct arena *a;
	const struct k_map *map;
	struct k_buffer *tile;
	struct kx *row, *batch;		/* the tile's first; batch or NULL */
};

/* Declares the map, over the kernel's global "of", and the shared tile, "stages"
 * deep. */
void bulk_create(struct bulk *g, struct kernel *k, const char *name,
	struct k_buffer *of, int stages);
/* The chunk of the reduction from "k0" on, into stage "slot"; completes on
 * "full". */
void bulk_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full);

#endif
