/* SPDX-License-Identifier: MIT */
/* The columns' factor in two parts, for three products of tf32: when a chunk of it
 * is there, those who multiply round it where it lies, and write what that leaves of
 * it to a tile beside it (sketch/precision.c says what the products are worth). */
#ifndef WPK_COMPILER_SKETCH_WGMMA_REST_H
#define WPK_COMPILER_SKETCH_WGMMA_REST_H

#include "sketch/tiled.h"

struct wgmma_plan;

/* Bytes of shared memory of the rests in all stages; 0 where there are none. */
int64_t wgmma_rest_bytes(const struct wgmma_plan *p);
/* Registers of a thread; of one chunk the instructions that a warp issues, and the
 * wavefronts of shared memory in a block. */
int wgmma_rest_regs(const struct wgmma_plan *p);
double wgmma_rest_issue(const struct wgmma_plan *p);
double wgmma_rest_waves(const struct wgmma_plan *p);

/* Its code in one kernel: "tile" has the rests of "of", which "y" is the stager of,
 * and "part" a thread's 16 bytes, rounded and what is left. */
struct wgmma_rest {
	struct tiled_code *of;
	const struct wgmma_plan *p;
	const struct stager *y;
	struct k_buffer *tile, *part;
};

void wgmma_rest_create(struct wgmma_rest *g);
/* Takes the chunk in stage "slot" apart; what all wrote is there for all. */
void wgmma_rest_split(struct wgmma_rest *g, struct k_block *b,
	struct kx *slot);

#endif
