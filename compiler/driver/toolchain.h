/* SPDX-License-Identifier: MIT */
/* nvcc as a child process: where it is, PTX, and what ptxas says of a kernel. */
#ifndef WPK_COMPILER_DRIVER_TOOLCHAIN_H
#define WPK_COMPILER_DRIVER_TOOLCHAIN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "schedule/target.h"

/* The nvcc to use: $NVCC, $CUDA_HOME/bin/nvcc, nvcc on the PATH, or
 * /usr/local/cuda/bin/nvcc. NULL if there is none. */
const char *toolchain_nvcc(struct arena *a);

/* Of one kernel, or the worst of several. */
struct toolchain_report {
	int registers, spill_bytes, stack_bytes, shared_bytes;
	const char *advisory;	/* first advisory (C7504 ..), or NULL */
	bool broken;		/* nvcc itself, not the text, is at fault */
};

/* Assemble CUDA text for "t". NULL, or the compiler's first message ("nvcc:
 * ..."); "seconds" bounds its run. */
const char *toolchain_compile(struct arena *a, const char *nvcc,
	const char *text, size_t n, const struct target *t, double seconds,
	struct toolchain_report *out);

/* The PTX of CUDA text, appended to "out". NULL or the first message. */
const char *toolchain_ptx(struct arena *a, const char *nvcc, const char *text,
	size_t n, const struct target *t, double seconds, struct str *out);

/* A cubin or PTX in file "out". The same; signals are the caller's to hold. */
const char *toolchain_module(struct arena *a, const char *nvcc,
	const char *text, size_t n, const struct target *t, bool ptx,
	double seconds, const char *out);

#endif
