/* SPDX-License-Identifier: MIT */
/* What wgmma is told of a factor's tile in shared memory.
 *
 * PTX ISA, "Matrix Descriptor": along the reduction, 8 rows of 32, 64 or 128 bytes
 * are an atom of the swizzle, and "stride" leads to the next 8 rows. Along rows or
 * columns, 8 steps of a panel are one; "stride" leads to the next 8 steps, and
 * "leading" to the next panel. */
#ifndef WPK_COMPILER_SKETCH_WGMMA_DESCRIPTOR_H
#define WPK_COMPILER_SKETCH_WGMMA_DESCRIPTOR_H

#include "sketch/stage.h"

/* Bytes of a row of shared memory: along the reduction, or of a panel. */
int wgmma_row_bytes(const struct stage *s);
/* Of "tile", which lies as "s" says, in stage "slot" from row "row" on. */
struct kx *wgmma_descriptor(struct arena *a, const struct stage *s,
	struct k_buffer *tile, struct kx *slot, struct kx *row);
/* The same "kk" steps and "mi" times 64 rows on. */
struct kx *wgmma_advance(struct arena *a, const struct stage *s,
	struct kx *from, struct kx *kk, struct kx *mi);

#endif
