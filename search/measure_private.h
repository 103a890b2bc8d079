/* SPDX-License-Identifier: MIT */
/* Between the files of the measuring client. */
#ifndef WPK_SEARCH_MEASURE_PRIVATE_H
#define WPK_SEARCH_MEASURE_PRIVATE_H

#include "base/str.h"
#include "base/vec.h"
#include "search/measure.h"
#include "search/measure_worker.h"

enum unit_state { UNIT_NEW, UNIT_BUSY, UNIT_DONE, UNIT_FAILED };

/* A text, known by its hash and length for the whole session; "text" itself is
 * there while it may have to be compiled. */
struct unit {
	int number;
	uint64_t hash;
	size_t n;
	const char *text, *file;
	enum unit_state state;
	int registers, spill, stack;
	double seconds;
	enum verdict verdict;		/* of one that failed */
	const char *message;
};

enum item_state {
	ITEM_NEW, ITEM_COMPILES, ITEM_READY, ITEM_MEASURED, ITEM_DONE
};

/* "returned": times that a worker failed with it before it had begun. */
struct item {
	enum item_state state;
	int returned;
	struct measure_made made;
	struct unit **units;
	struct measure_result result;
};

/* A batch under way: "made" of its items exist, "done" are. Of finals: "asked"
 * the worker, and "over" when it answered or failed. */
struct run {
	struct arena *a;
	const struct measure_batch *b;
	struct item *items;
	int made, done;
	bool finals, asked, over;
	int blocks, winner;
};

/* "base" is the number in requests of the batch's first item. */
struct measure {
	struct arena *a;
	struct measure_options o;
	struct measure_device device;
	struct worker measurer, *compilers;
	VEC(struct unit *) units;
	struct run *run;
	const char *problem, *failed;
	bool by_command, introduced;
	int compiler_failures;		/* of all in a row */
	long base;
};

/* ---- measure.c ---- */

/* The verdict on item "i"; later ones do not count. */
void measure_end(struct measure *m, int i, const struct measure_result *r);
void measure_fail(struct measure *m, int i, enum verdict v, const char *why);
/* Items whose texts are all compiled become ready. */
void measure_settle(struct measure *m);
/* Wait a little for something to happen, and see to it. */
void measure_wait(struct measure *m, struct arena *a);
bool measure_stopped(struct measure *m);
/* A worker failed: is it one time too many? */
void measure_blame(struct measure *m, const struct worker *w, const char *why);

/* ---- measure_events.c ---- */

void measure_events(struct measure *m, struct worker *w, struct arena *a);

#endif
