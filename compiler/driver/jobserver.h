/* SPDX-License-Identifier: MIT */
/* A client of GNU make's job server: "make -j8" and all it runs, wpkc too, do
 * eight things at once and no more. (GNU make manual, "Job Slots".) */
#ifndef WPK_COMPILER_DRIVER_JOBSERVER_H
#define WPK_COMPILER_DRIVER_JOBSERVER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* Tokens taken from make beyond the one that wpkc runs on itself. "in" and
 * "out" are -1 without a job server; "alone" where make has one that it did not
 * hand on to this command (its recipe has no +). */
struct jobserver {
	struct arena *a;
	int in, out;
	bool alone;
	struct str tokens;
};

/* From MAKEFLAGS. */
void jobserver_open(struct arena *a, struct jobserver *j);
/* May work begin beside "running" others? Takes a token where it needs one. */
bool jobserver_take(struct jobserver *j, int running);
/* Gives back what "running" workers do not need. */
void jobserver_keep(struct jobserver *j, int running);
void jobserver_close(struct jobserver *j);

#endif
