/* SPDX-License-Identifier: MIT */
/* What blocks of a launch tell one another by atomic operations: release.c. */
#ifndef WPK_RUNTIME_EMU_RACE_H
#define WPK_RUNTIME_EMU_RACE_H

#include <stdint.h>

/* What thread "thread" of "block" had made visible when it did an atomic
 * operation: accesses of its block up to epoch "all"; of its warp in "epoch"
 * before "clock", when it fenced. */
struct race_release {
	uint32_t block, all, epoch, clock;
	int thread;
};

/* A release that the running block's "thread" saw in "epoch". */
struct race_seen {
	struct race_release what;
	uint32_t epoch;
	int thread;
	struct race_seen *next;
};

/* An atomic operation of the running thread on "p": it sees what earlier ones
 * of other blocks released there, and releases "mine". */
void race_exchange(const void *p, struct race_release mine, uint32_t epoch);
/* What the running block has seen of "block". */
const struct race_seen *race_seen(uint32_t block);
/* A launch begins. */
void race_forget(void);

#endif
