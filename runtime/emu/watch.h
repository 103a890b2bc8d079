/* SPDX-License-Identifier: MIT */
/* Between watch.c and those that it tells of accesses. */
#ifndef WPK_RUNTIME_EMU_WATCH_H
#define WPK_RUNTIME_EMU_WATCH_H

#include "emu.h"

/* The most pieces that are watched. */
enum { PIECES = 514 };

/* A tensor, in the launcher's order, or at last the workspace. */
struct piece {
	int number;
	const unsigned char *p;
	size_t bytes;
	enum watch_role role;
};

/* ---- count.c: bytes asked of global memory, waves of shared ---- */

void count_open(const struct piece *m);
void count_launch(void);
void count_block(void);
void count_access(const void *place, const struct piece *m, const void *p,
	size_t n, bool write);
/* "n" bytes from byte "at" of the block's shared memory. */
void count_shared(const void *place, size_t at, size_t n);
void count_report(void);

/* ---- race.c: accesses that nothing orders, reads of what nobody wrote ---- */

void race_open(const struct piece *m);
/* It may begin "early", before the one before it has ended. */
void race_launch(bool early);
void race_grid_wait(void);
void race_block(void);
void race_turn(int rank);
/* All threads of the block have met; those of "mask" in "warp" have. */
void race_barrier(void);
void race_warp(int warp, unsigned mask);
/* The running thread: a fence of the device; an atomic operation on "p". */
void race_fence(void);
void race_atomic(const void *p);
/* It "sets" a flag, behind a fence of all it knows of; or has found it set. */
void race_flag(const int *p, bool sets);
/* It arrives at a barrier, of another block if "over", or what it copies does; has
 * waited there; fences for what is asynchronous. */
void race_release(const void *object, bool over);
void race_acquire(const void *object);
void race_proxy(void);
/* A warp has waited for its wgmma. */
void race_waited(int warp);
/* The running thread's warp issues a bulk store: its number; the thread knows that
 * all of the warp's up to a number have read. */
uint32_t race_store(void);
void race_stored(uint32_t number);
/* The host writes. */
void race_set(const struct piece *m, const void *p, size_t n);
/* "m" is NULL in shared memory. */
void race_access(const void *place, const struct piece *m, const void *p,
	size_t n, enum watch_kind kind);
/* In the shared memory of a block of the cluster. */
void race_remote(const void *place, int rank, size_t from, size_t n,
	enum watch_kind kind);

#endif
