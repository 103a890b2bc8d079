/* SPDX-License-Identifier: MIT */
/* An instruction's rows out of registers: what waits in shared memory as it lies in
 * the tensor is read by the threads that multiply, converted or computed, and
 * multiplied from there. So a factor that is computed is copied by whatever copies
 * bytes. Two fragments alternate: one is multiplied while the other is made. */
#ifndef WPK_COMPILER_SKETCH_WGMMA_FRAGMENT_H
#define WPK_COMPILER_SKETCH_WGMMA_FRAGMENT_H

#include "sketch/tiled.h"

struct wgmma;
struct wgmma_plan;

/* NULL, or why the rows' factor cannot be had so. The stages are planned. */
const char *wgmma_fragment_plan(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p);
/* Registers of a thread. */
int wgmma_fragment_regs(const struct wgmma *f, const struct wgmma_plan *p);
/* Of one chunk: instructions that a warp issues, special functions of a thread's,
 * and the wavefronts of shared memory in a block. */
double wgmma_fragment_issue(const struct wgmma *f, const struct wgmma_plan *p);
double wgmma_fragment_special(const struct wgmma *f,
	const struct wgmma_plan *p);
double wgmma_fragment_waves(const struct wgmma *f, const struct wgmma_plan *p);

/* Its code in one kernel: "raw" [row of instructions][register][element],
 * "part" [of two][row of instructions][register], and "rest" the same where f32 is
 * taken apart, else NULL. */
struct wgmma_fragment {
	struct tiled_code *of;
	const struct wgmma *f;
	const struct wgmma_plan *p;
	struct stager *x;
	const struct operand *op;	/* what is multiplied */
	struct k_buffer *raw, *part, *rest;
	struct kx *row, *own;		/* the thread's first: in the tile, and
					 * in all */
	struct kx *column;		/* its first step of an instruction's */
	struct kx *slot;		/* the chunk's stage */
	struct chunk chunk;
};

/* Declares registers. */
void wgmma_fragment_create(struct wgmma_fragment *g);
/* Which rows are the thread's, lane "lane" of warp "warp" of group "group". */
void wgmma_fragment_own(struct wgmma_fragment *g, struct k_block *b,
	struct kx *group, struct kx *warp, struct kx *lane);
/* The chunk in stage "slot" is there. */
void wgmma_fragment_open(struct wgmma_fragment *g, struct k_block *b,
	struct kx *slot);
/* What the instructions from step "kk" of the chunk on multiply: into registers as
 * it lies there, and from these into a fragment. */
void wgmma_fragment_load(struct wgmma_fragment *g, struct k_block *b,
	struct kx *kk);
void wgmma_fragment_make(struct wgmma_fragment *g, struct k_block *b,
	struct kx *kk);
/* The fragment for instruction "i" of them, in "of": g->part or g->rest. */
struct k_place wgmma_fragment_at(const struct wgmma_fragment *g,
	struct k_buffer *of, struct kx *kk, struct kx *i);

#endif
