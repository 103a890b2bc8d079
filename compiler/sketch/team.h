/* SPDX-License-Identifier: MIT */
/* Threads that share a row join what each has of it, in a fixed order. */
#ifndef WPK_COMPILER_SKETCH_TEAM_H
#define WPK_COMPILER_SKETCH_TEAM_H

#include "sketch/common.h"

/* Threads of a warp that are "stride" apart, "n" of them (a power of two, as is
 * the stride): each then has what they all have. */
void lanes_join(struct arena *a, struct k_block *b, const struct running *r,
	int n, int stride);

/* Shared copies of running values, one for each of "n". */
struct board {
	struct k_buffer *value, *at;
};

struct board board_create(struct arena *a, struct kernel *k,
	const struct running *r, int64_t n);
void board_write(struct arena *a, struct k_block *b, const struct board *x,
	const struct running *r, struct kx *i);
/* Copy number "i" is taken in beside what "r" holds. */
void board_take(struct arena *a, struct k_block *b, const struct board *x,
	const struct running *r, struct kx *i);

/* "threads" of "rows" teams in one block; this thread is "lane" of team
 * "row". Teams of consecutive threads unless "across". The same team of each of
 * "blocks" blocks of a cluster belongs to it too. Where they join several values
 * in turn, in a loop, this is number "copy" of "copies"; NULL where there is one. */
struct team {
	struct arena *a;
	struct kernel *k;
	int threads, rows, blocks, copies;
	bool across;
	struct kx *lane, *row, *copy;
};

/* Join the threads' running values; every thread of a team then holds its
 * team's. All threads of the block arrive together. */
void team_join(struct team *t, struct k_block *b, const struct running *r);

#endif
