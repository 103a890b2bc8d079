/* SPDX-License-Identifier: MIT */
/* Measuring candidates: texts and a plan of launches go in, one verdict each
 * comes out, and others may go in at any time. Texts go to compile workers,
 * several at once; what they make goes to one measuring worker, whose next
 * candidate always waits before it. Both are
 * processes (runtime/worker), which may crash, hang, talk rubbish or vanish:
 * the candidate in hand is then at fault, another worker takes the place, and
 * the rest goes on. Nothing here knows what is measured. */
#ifndef WPK_SEARCH_MEASURE_H
#define WPK_SEARCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "search/search.h"

/* "command" (or NULL) is an argv that compiles the file "@source" to "@out";
 * "arch" is what NVRTC compiles for, where a worker has it, in place of the
 * command (NULL: never); "host_command" (or NULL) makes a shared object of text
 * with host code. "compilers" at most work at once, with "memory" bytes
 * each (0: no limit); "take" and "keep" (or NULL) ask for and give back what
 * else limits them, as jobserver.h does. Times are seconds for one candidate.
 * "stopped" says that all is to end; "folder" is where files go. */
struct measure_options {
	const char *worker;		/* the program */
	const char *device;		/* "emu", "gpu:0" */
	int share;			/* percent of the device */
	bool mps;			/* by MPS, not by a green context */
	const char *arch;
	const char *const *command, *const *host_command;
	const char *folder;
	int compilers;
	double memory, compile_seconds, seconds;
	double start_seconds;		/* for a worker to begin anything */
	bool (*stopped)(void *ctx);
	bool (*take)(void *ctx, int running);
	void (*keep)(void *ctx, int running);
	void *ctx;
};

/* What the measuring worker says of its device. */
struct measure_device {
	const char *how, *name, *arch, *driver;
	int sms;
	double l2_bytes;
	const char *share_by;		/* "" where it is whole */
};

/* One candidate. "texts" are compiled one by one, each once however often it
 * comes, with "host" code or for the device alone; "plan" is a JSON object with
 * the rest of the request (runtime/worker/README.md): steps, workspace. More than
 * "stack" bytes of stack, and any spills, are the verdict spill. A "verdict"
 * other than measured is its end already. */
struct measure_made {
	enum verdict verdict;
	const char *message;
	const char *const *texts;
	int n_texts;
	bool host;
	const char *plan;
	int stack;
};

/* "seconds" is INFINITY unless measured or slow. "ratio" is of finalists: to
 * the incumbent's time. "pinned" (or NULL) is JSON on one line without blanks,
 * what makes a library's algorithm exactly this one again; it lives as long as
 * messages do. */
struct measure_result {
	enum verdict verdict;
	const char *message, *pinned;
	double seconds, spread, ratio, compile_seconds, clock_mhz;
	int registers, spill_bytes;
	bool throttled;
};

struct measure;

/* Starts the measuring worker and waits for what it says of its device; NULL
 * with "*why", a sentence. */
struct measure *measure_open(struct arena *a, const struct measure_options *o,
	const char **why);
void measure_close(struct measure *m);
const struct measure_device *measure_device(const struct measure *m);

/* The problem that candidates belong to from now on: JSON, as the protocol has
 * it. False if the worker does not take it in. */
bool measure_problem(struct measure *m, const char *json);

/* Whose candidates they are, by numbers of its own: "make" is called for each
 * when a compiler is free for it, or soon will be, "told" as soon as its verdict
 * is known. "*best" (INFINITY: none) is that of the problem, and kept. */
struct measure_client {
	void (*make)(void *ctx, int number, struct arena *a,
		struct measure_made *out);
	void (*told)(void *ctx, int number, const struct measure_result *r);
	void *ctx;
	double *best;
};

/* As many under way keep them all busy. */
int measure_window(int compilers);

/* A candidate more; "c" stays where it is until it is told of it. */
void measure_add(struct measure *m, const struct measure_client *c, int number);
/* Goes on until clients were told something; messages live until the next call.
 * False if workers fail again and again, or all was stopped: then nobody is told
 * of the others. */
bool measure_next(struct measure *m);

/* Finalists 0 .. n - 1, the first of which is the incumbent, on inputs they have
 * not seen, in turns; the place of the winner, or -1 if none stands or nothing
 * came of it, and results are then as they were. Messages live until others are
 * measured. */
int measure_finals(struct measure *m, const struct measure_client *c, int n,
	int blocks, struct measure_result *out);

/* Why workers failed, or NULL. */
const char *measure_failed(const struct measure *m);

#endif
