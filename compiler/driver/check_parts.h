/* SPDX-License-Identifier: MIT */
/* Between the files of check. */
#ifndef WPK_COMPILER_DRIVER_CHECK_PARTS_H
#define WPK_COMPILER_DRIVER_CHECK_PARTS_H

#include "cuda/cuda.h"
#include "driver/check.h"

enum { CHECK_RUNS = 2 };	/* late, early */

/* One of the program's tensors that callers pass: its contents lie at "p" in
 * the file "fd", from "offset" on; outputs have one file a run. */
struct check_tensor {
	int ir, fd[CHECK_RUNS];
	char *map[CHECK_RUNS], *p[CHECK_RUNS];
	size_t offset, bytes, align;
	enum dtype type;
	bool output;
	/* By parts: written by the launch that runs in part, and how many
	 * elements that should be, -1: not known. */
	bool part;
	int64_t expected;
};

struct check_block {
	int64_t x, y;
};

/* "how" is what this run looks for, as in the request. "launch" is the one that
 * runs in part, -1: none; "x" its blocks, of "tiles" where they are persistent,
 * else 0. Where blocks share out chunks of tiles, "x" are those tiles, and "runs"
 * the blocks, of "tiles" x "turns". "level" is that of the optimiser which is done
 * soonest. */
struct check {
	struct arena *a;
	const struct check_request *r;
	const char *name;
	const struct cuda_operator *o;
	struct check_result *out;
	struct check_tensor *tensors;
	int n_tensors;
	unsigned how;
	int level;
	int launch;
	int64_t *x;
	int n_x;
	int64_t tiles;
	struct check_block *runs;
	int n_runs;
	int64_t turns;
	int64_t every;		/* compare one row in so many, 1: all */
	struct str detail;
	int64_t wrong, unwritten;
	int64_t unbounded;	/* written, but any value would do */
};

/* ---- check_parts.c: which blocks to run ---- */

/* Decides between whole and part; fills level, launch, x and tensors' part. */
void check_choose(struct check *c);

/* ---- check_memory.c: tensors as files ---- */

/* The tensors described; why there are too many bytes of them to begin, or
 * NULL. */
const char *check_memory_lacks(struct check *c);
/* Inputs filled, outputs poisoned; false if memory is short. */
bool check_memory_open(struct check *c);
void check_memory_close(struct check *c);
/* The byte that outputs of a run are filled with before it. */
int check_poison(int run);

/* ---- check_entry.c: how the main program calls the launcher ---- */

/* Launches go to "stream", an expression. */
void check_entry(const struct cuda_operator *o, const struct program *p,
	const char *stream, struct str *out);

/* ---- check_run.c: the compiler and the emulated program ---- */

/* Verdict other than CHECK_VERIFIED: "out" has line and detail. */
enum check_verdict check_run(struct check *c, const char *folder);

/* What compiles "@source", a text with an entry, to the emulated program "@out",
 * its own files in "folder"; "*why" if nothing does. */
const char *const *check_command(struct arena *a, const struct target *t,
	const char *folder, const char **why);

/* ---- check_gpu.c: the same on a GPU ---- */

/* Compile "source" with nvcc; the program takes the emulator's jobs. */
enum check_verdict check_gpu_compile(struct check *c, const char *folder,
	const char *source, const char *program);
/* One row in how many can be compared within the work allowed. */
int64_t check_gpu_every(const struct check *c);
/* Why the program found no device, of its report: what to say. */
const char *check_gpu_lacks(struct check *c, const char *report);
/* Device and times from the program's report. */
void check_gpu_read(struct check *c, const char *report);

/* ---- check_places.c ---- */

/* Instructions of "program" that faults in "c->detail" name as {ADDRESS}
 * become lines of the emitted text, which are shown. */
void check_places(struct check *c, const char *program);

/* ---- check_bytes.c ---- */

/* What the program says of the bytes it asked for. */
void check_bytes_read(struct check *c, const char *report);

/* ---- check_compare.c ---- */

/* All that was written against the reference: counts and first mismatches. */
void check_compare(struct check *c);

/* ---- all ---- */

/* Sets the line of the result; returns "v". */
enum check_verdict check_end(struct check *c, enum check_verdict v,
	const char *what);
double check_seconds(const struct check *c);
/* Has a signal arrived that ends this process? Such signals are held back
 * while a check runs. */
bool check_stopped(void);

#endif
