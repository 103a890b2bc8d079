/* SPDX-License-Identifier: MIT */
/* Between the files of the measuring client. */
#ifndef WPK_SEARCH_MEASURE_PRIVATE_H
#define WPK_SEARCH_MEASURE_PRIVATE_H

#include "base/str.h"
#include "base/vec.h"
#include "search/measure.h"
#include "search/measure_worker.h"

enum unit_state { UNIT_NEW, UNIT_BUSY, UNIT_DONE, UNIT_FAILED };

/* A text, known by its hash and length for the whole session; the text itself
 * is with the "users", items under way that have it. */
struct unit {
	int number, users;
	uint64_t hash;
	size_t n;
	const char *file;
	enum unit_state state;
	int registers, spill, stack;
	double seconds;
	enum verdict verdict;		/* of one that failed */
	const char *message;
};

enum item_state {
	ITEM_NEW, ITEM_COMPILES, ITEM_READY, ITEM_MEASURED, ITEM_DONE
};

/* A candidate of the client's "number", by its "id" in requests; all of it is in
 * "a". "returned": times that a worker failed with it before it had begun. */
struct item {
	enum item_state state;
	int id, number, returned;
	const struct measure_client *c;
	struct arena *a;
	struct measure_made made;
	struct unit **units;
	struct measure_result result;
};

/* "asked" the worker, and "over" when it answered or failed. */
struct finals {
	bool asked, over;
	int id, blocks, winner;
};

/* "items" are under way, oldest first, those that are done until the next round;
 * "tmp" is of one round, in which "told" verdicts came. */
struct measure {
	struct arena *a, *tmp;
	struct measure_options o;
	struct measure_device device;
	struct worker measurer, *compilers;
	VEC(struct unit *) units;
	VEC(struct item *) items;
	VEC(struct item *) spare;
	struct finals *finals;		/* or NULL */
	const char *problem, *failed;
	bool by_command, introduced;
	int compiler_failures;		/* of all in a row */
	int ids, told;
};

/* ---- measure.c ---- */

/* The verdict on an item; later ones do not count. */
void measure_end(struct measure *m, struct item *x,
	const struct measure_result *r);
void measure_fail(struct measure *m, struct item *x, enum verdict v,
	const char *why);
struct item *measure_item(struct measure *m, int id);
/* A text is compiled; the file goes where nobody waits for it. */
void measure_compiled(struct measure *m, struct unit *u);
/* Wait a little for something to happen, and see to it. */
void measure_wait(struct measure *m);
bool measure_stopped(struct measure *m);
/* A worker failed: is it one time too many? */
void measure_blame(struct measure *m, const struct worker *w, const char *why);

/* ---- measure_events.c ---- */

void measure_events(struct measure *m, struct worker *w);

#endif
