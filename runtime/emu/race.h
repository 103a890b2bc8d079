/* SPDX-License-Identifier: MIT */
/* Accesses and what orders them: order.c, which race.c asks, knows of atomic
 * operations of blocks of a launch (release.c) and of barriers that some threads
 * of a cluster meet at (clocks.c). */
#ifndef WPK_RUNTIME_EMU_RACE_H
#define WPK_RUNTIME_EMU_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "emu.h"

/* ---- order.c ---- */

/* "by" a bulk copy, that its thread issued; a warp's agent, which reads for wgmma,
 * and whose clock counts what the warp waited for; or that which reads for bulk
 * stores, whose clock is the store's number. */
enum by { BY_THREAD, BY_BULK, BY_AGENT, BY_STORE };

/* An access in "place" by "lanes" of a warp of a block, which are numbered
 * through all launches, at a time. */
struct slot {
	uint32_t block, epoch, clock, lanes, place;
	uint8_t warp, by;
};

void order_turn(int rank);
/* The running thread's access. */
struct slot order_slot(const void *place, enum by by);
/* Is "s" before what the running thread does now, which may be to write "over" it,
 * or to read what no thread wrote? */
bool order_has(const struct slot *s, bool shared, bool over);
/* May kernels before this one still run, as far as the running thread knows? */
bool order_early(void);
/* Is what "s" wrote behind its own fence or one of the running thread, or done
 * by another cluster? */
bool order_fenced(const struct slot *s);
/* Of a block in its cluster, -1 if that is not the running one. */
int order_rank(uint32_t block);

/* ---- release.c ---- */

/* What thread "thread" of "block" had made visible when it did an atomic
 * operation: accesses of its block up to epoch "all"; of its warp in "epoch"
 * before "clock", when it fenced; and, unless NULL, of each thread those before
 * clock "fenced", as far as it knew of them by barriers of some threads. */
struct race_release {
	uint32_t block, all, epoch, clock;
	uint32_t *fenced;
	int thread;
};

/* When an atomic operation was done: the epoch and the clock of its thread. */
struct race_time {
	uint32_t epoch, clock;
};

/* A release that the running block's "thread" saw at a time. Accesses are ordered
 * behind it by a fence of who saw it or was told: "acquired" is when thread "by"
 * was the first to have one, -1: nobody yet, and "fenced" has a bit for each thread
 * that had. */
struct race_seen {
	struct race_release what;
	struct race_time at, acquired;
	int thread, by;
	uint32_t fenced[THREADS_MAX / 32];
	struct race_seen *next, *before;
};

/* An atomic operation of the running thread on "p": it sees what earlier ones
 * of other blocks released there, and releases "mine". */
void race_exchange(const void *p, struct race_release mine,
	struct race_time at);
/* A load that acquires: it sees, and releases nothing. */
void race_see(const void *p, uint32_t block, int thread, struct race_time at);
/* What the running block has seen of "block". */
const struct race_seen *race_seen(uint32_t block);
/* The last of all that running block "block" has seen, others by "before". */
struct race_seen *race_last_seen(uint32_t block);
/* A launch begins. */
void race_forget(void);

/* ---- clocks.c: members of a block are its threads, then its warps' agents, those
 * for wgmma first ---- */
enum { AGENTS = THREADS_MAX, STORE_AGENTS = AGENTS + THREADS_MAX / WARP };

/* A cluster of so many blocks, of so many warps each, begins. */
void clocks_begin(int blocks, int warps);
/* A thread knows of accesses of a member of its own block up to "clock". */
void clocks_learn(int rank, int thread, int member, uint32_t clock);
/* It gives what it knows to "object", takes what was given. */
void clocks_release(const void *object, int rank, int thread);
void clocks_acquire(const void *object, int rank, int thread);
/* It gives it for what is overwritten alone. */
void clocks_give_over(const void *object, int rank, int thread);
/* What it knows now is behind a fence for what is asynchronous. */
void clocks_fence(int rank, int thread);
/* All threads of a block, "n", meet: they know what any of them does, and of a
 * member's accesses up to "clock". */
void clocks_meet(int rank, int n);
void clocks_tell(int rank, int member, uint32_t clock);
/* Does it know more than that? */
bool clocks_any(int rank, int thread);
/* Up to which clock it knows accesses of a member of block "of", and which are
 * behind a fence; does it know those up to "clock" of all "lanes" from that member
 * on, at least for what is written "over" them? */
uint32_t clocks_known(int rank, int thread, int of, int member);
bool clocks_has(int rank, int thread, int of, int member, uint32_t lanes,
	uint32_t clock, bool over);
uint32_t clocks_fenced(int rank, int thread, int of, int member);

#endif
