/* SPDX-License-Identifier: MIT */
/* Kernel IR to CUDA text. Device text includes nothing; host text is
 * extern "C" and launches through cudaLaunchKernelEx, so that the whole file
 * is also C++ for the emulator. */
#ifndef WPK_COMPILER_CUDA_CUDA_H
#define WPK_COMPILER_CUDA_CUDA_H

#include "base/str.h"
#include "kernel/kernel.h"
#include "schedule/target.h"

/* One .cu file: the programs in order, all for one target. "source" is the
 * .wpk's file name without its directory, "version" wpkc's. */
struct cuda_unit {
	const char *source, *version;
	const struct target *target;
	const char *gpu;		/* or NULL */
	struct program *const *programs;
	int n_programs;
};

/* The .cu text, and the header for its launchers ("guard" from the output's
 * name). Same unit, same bytes. */
void cuda_emit(const struct cuda_unit *u, struct str *out);
void cuda_emit_header(const struct cuda_unit *u, const char *guard,
	struct str *out);
/* One program alone, with the file's prologue: what the tuner compiles. */
void cuda_emit_program(const struct cuda_unit *u, const struct program *p,
	struct str *out);

/* A name legal in C, C++ and CUDA: "x", or "x_" where it is reserved. */
const char *cuda_name(struct arena *a, const char *name);
/* The same for a launcher, which must also not be a function that the C and
 * CUDA libraries declare. */
const char *cuda_symbol(struct arena *a, const char *name);

/* Launcher's C prototype without the semicolon:
 *	cudaError_t c2(const float *x, const float *w, float *y,
 *		void *workspace, size_t workspace_bytes, cudaStream_t stream) */
void cuda_prototype(const struct program *p, struct str *out);

#endif
