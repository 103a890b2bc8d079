/* SPDX-License-Identifier: MIT */
/* Verification of a program: its emitted text, run by the emulator, against
 * the reference interpreter. What wpkc --check does, and what the tuner does
 * with its winners. */
#ifndef WPK_COMPILER_DRIVER_CHECK_H
#define WPK_COMPILER_DRIVER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "cuda/cuda.h"
#include "ir/ir.h"
#include "kernel/kernel.h"
#include "schedule/target.h"

/* What is looked for beyond wrong results: bad addresses, by the sanitizers; and
 * what is found by watching every access: how many bytes are asked of global
 * memory, accesses that nothing orders, reads of what nobody wrote. */
enum check_how {
	CHECK_ADDRESS = 1, CHECK_BYTES = 2, CHECK_RACE = 4, CHECK_INIT = 8,
	CHECK_WATCH = CHECK_BYTES | CHECK_RACE | CHECK_INIT
};

/* "program" is the variant of "operator" (NULL: all there is) that the target's
 * code and the sizes it was made at choose; "gpu" (or NULL) the device's; "name"
 * what lines call it (NULL: the program's). "op" is the operator as lowered
 * (before groups rewrote it); "arithmetic" (or NULL) the same with the sums that
 * the program computes where those are others, whose bound then counts;
 * "cuda" the text that has the program's launcher, and may have others. "how"
 * are bits of enum check_how. "nvcc" (or NULL) asks for a run on the GPU,
 * whole, of which rows of the output are compared, and timed; "turns" (or 0) is a
 * file through which checks that run at once share the GPU. "work" is the
 * multiply-adds to spend on the reference (0: 4e8, some seconds, or a quarter
 * where races or unwritten memory are looked for): above it, the check is by
 * parts. "seconds" (0: 120) bounds the compiler and the emulated
 * program, each. */
struct check_request {
	const char *name;
	const struct cuda_operator *operator;
	const struct program *program;
	const struct ir_operator *op, *arithmetic;
	const struct target *target;
	const struct gpu *gpu;
	const char *cuda;
	size_t n_cuda;
	unsigned how;
	const char *nvcc;
	int turns;
	uint64_t seed;
	double work, seconds;
};

enum check_verdict {
	CHECK_VERIFIED,
	CHECK_WRONG,		/* values outside the bound, or not written */
	CHECK_FAULT,		/* deadlock, bad address, misuse of a warp */
	CHECK_TIMEOUT,
	CHECK_UNAVAILABLE,	/* no C++ compiler, no emulator, no memory */
	CHECK_STOPPED		/* by SIGINT, SIGTERM or SIGHUP */
};

/* "line" says it in one line: "c2: verified whole, 200704 outputs, exact";
 * "detail" the first mismatches or the fault, a line each, "" if verified.
 * "worst" is the greatest error as a part of its bound. "asked", "cached" and
 * "least" are bytes of global memory, where they were counted; "detail" then
 * has them by tensor. */
struct check_result {
	enum check_verdict verdict;
	const char *line, *detail;
	bool whole;
	int64_t outputs, tiles, all_tiles;
	double worst, seconds;
	int64_t asked, cached, least;
	const char *device;	/* the GPU it ran on, or NULL */
	double cold, hot;	/* seconds a launch there */
};

/* Leaves nothing behind: its folder is removed also when a signal arrives,
 * which is then delivered as it returns. */
void check_program(struct arena *a, const struct check_request *r,
	struct check_result *out);

/* "verified", "wrong", ... */
const char *check_verdict_name(enum check_verdict v);

#endif
