/* SPDX-License-Identifier: MIT */
/* A worker process as its client sees it: lines out, lines in, a time limit for
 * what it has in hand, and another process in its place when it fails. */
#ifndef WPK_SEARCH_MEASURE_WORKER_H
#define WPK_SEARCH_MEASURE_WORKER_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/str.h"

enum { WORKER_QUEUE = 2 };

/* "items" are what it was given and has not answered, oldest first; "begun":
 * it has said that it works on the first, whose time is up at "deadline"; "late":
 * it failed because that was over. "ending": it will serve no more.
 * "failures" in a row, without an answer between; not started again before
 * "not_before". "ready": it has introduced itself. */
struct worker {
	pid_t pid;			/* 0: none */
	int in, out;
	struct str written, read;	/* still to write; read, not yet lines */
	int items[WORKER_QUEUE], n_items;
	bool ready, begun, ending, late;
	int rubbish, failures;
	double deadline, not_before, limit;
	double patience;		/* for it to begin anything */
	const char *const *argv;
};

enum worker_event { WORKER_NOTHING, WORKER_LINE, WORKER_FAILED };

double worker_now(void);
void worker_init(struct arena *a, struct worker *w, const char *const *argv,
	double patience);
/* False: it cannot be started, errno set. */
bool worker_start(struct worker *w);
/* Writes what there is, without waiting. */
void worker_serve(struct worker *w);
/* "item" -1: its answer is not waited for. */
void worker_send(struct worker *w, int item, json_t *request, double limit);
/* What to wait for, at most two, and how many. */
int worker_poll(const struct worker *w, struct pollfd *p);
/* The next thing to know, asked for until nothing: a line, which is the caller's
 * to drop; or that the worker failed, and why, in "a": it is gone then, and the
 * caller has to take its items back. */
enum worker_event worker_next(struct worker *w, struct arena *a,
	json_t **line, const char **why);
/* The first item is answered. */
void worker_done(struct worker *w);
/* Ends the process and all it started. */
void worker_kill(struct worker *w);
/* Count a failure, and wait longer each time. */
void worker_blame(struct worker *w);

#endif
