/* SPDX-License-Identifier: MIT */
/* Splitting a reduction among the blocks of one column of the grid: every part
 * leaves its sums in the workspace, and the block that finishes last adds them
 * in the order of the parts, so that results do not depend on timing. */
#ifndef WPK_COMPILER_SKETCH_PARTS_H
#define WPK_COMPILER_SKETCH_PARTS_H

#include "sketch/sketch.h"

/* "tiles" blocks along x, "split" along y, each thread with sums
 * acc[rows][cols]; "thread" is its number among "threads" of them. */
struct parts {
	struct arena *a;
	struct program *program;
	struct kernel *k;
	int64_t tiles;
	int split, rows, cols, threads;
	enum reducer reducer;
	bool alone;		/* the block has other threads, who are not
				 * there */
	struct k_buffer *acc;
	struct kx *thread;
	struct k_buffer *partial, *tickets, *last;	/* of parts_declare */
};

/* Bytes of workspace; and of shared memory, where "split" is more than 1. */
int64_t parts_workspace(int64_t tiles, int split, int64_t sums, int acc_bytes);
enum { PARTS_SHARED = 16 };
/* At which the threads meet who sum a tile, where a block has others. */
enum { PARTS_BARRIER = 1 };

/* Room in the workspace for the sums of "slots" blocks, and "n" i32 "name", cleared
 * before the kernel, which are returned; bound to "step". */
struct k_buffer *parts_room(struct parts *g, struct p_step *step,
	int64_t slots, const char *name, int64_t n);
/* All threads that sum the tile meet, and no others. */
void parts_meet(const struct parts *g, struct k_block *b);
/* The thread's sums go to a slot; those of one are added to "acc". */
void parts_leave(const struct parts *g, struct k_block *b, struct kx *slot);
void parts_add(const struct parts *g, struct k_block *b, struct kx *slot);

/* Sum [i][j] of part "part" of this block's tile. */
struct k_place parts_sum(const struct parts *g, struct kx *part, struct kx *i,
	struct kx *j);

/* Both as parts_combine() takes them. */
void parts_declare(struct parts *g, struct p_step *step);
/* This part's sums were left; the block returned runs in the last part alone, where
 * all parts' can be read. */
struct k_block *parts_last(struct parts *g, struct k_block *b);
/* Leave this part's sums; the block returned runs in the last part alone, with
 * all sums in "acc". Threads for which "mine" does not hold (NULL: all do)
 * have none. */
struct k_block *parts_combine(struct parts *g, struct k_block *b,
	struct kx *mine);

#endif
