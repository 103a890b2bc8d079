/* SPDX-License-Identifier: MIT */
/* The order in which blocks walk over tiles in rows and columns. */
#ifndef WPK_COMPILER_SKETCH_RASTER_H
#define WPK_COMPILER_SKETCH_RASTER_H

#include "kernel/kernel.h"

/* Tile number "at" of "major" x "minor" of them: "group" along "major" at a
 * time, so that blocks that run together share what lies along both; 1: one
 * after the other along "minor". Names are bound in "b"; without a block the
 * expressions themselves. */
void raster_tile(struct arena *a, struct k_block *b, struct kx *at, int group,
	int64_t major, int64_t minor, struct kx **major_at,
	struct kx **minor_at);
/* NULL, or why such groups make no sense. */
const char *raster_wrong(struct arena *a, int group, int64_t major);

#endif
