/* SPDX-License-Identifier: MIT */
/* What is used of NVRTC, the CUDA driver and NVML, which are opened at run time:
 * one binary serves with and without them. Numbers and layouts are those of
 * CUDA 12.4 and later; tests/worker/abi.c compares them with the toolkit's. */
#ifndef WPK_RUNTIME_WORKER_CUDA_H
#define WPK_RUNTIME_WORKER_CUDA_H

#include <stddef.h>

/* ---- NVRTC ---- */

typedef void *wpk_nvrtc_program;

#define NVRTC_CALLS(X) \
	X(Version, int *major, int *minor) \
	X(CreateProgram, wpk_nvrtc_program *p, const char *text, \
		const char *name, int n, const char *const *headers, \
		const char *const *names) \
	X(CompileProgram, wpk_nvrtc_program p, int n, \
		const char *const *options) \
	X(DestroyProgram, wpk_nvrtc_program *p) \
	X(GetProgramLogSize, wpk_nvrtc_program p, size_t *n) \
	X(GetProgramLog, wpk_nvrtc_program p, char *log) \
	X(GetCUBINSize, wpk_nvrtc_program p, size_t *n) \
	X(GetCUBIN, wpk_nvrtc_program p, char *code) \
	NVRTC_TEXT(X)
#define NVRTC_TEXT(X) X(GetErrorString, int status)

struct nvrtc_calls {
	int (*Version)(int *, int *);
	int (*CreateProgram)(wpk_nvrtc_program *, const char *, const char *,
		int, const char *const *, const char *const *);
	int (*CompileProgram)(wpk_nvrtc_program, int, const char *const *);
	int (*DestroyProgram)(wpk_nvrtc_program *);
	int (*GetProgramLogSize)(wpk_nvrtc_program, size_t *);
	int (*GetProgramLog)(wpk_nvrtc_program, char *);
	int (*GetCUBINSize)(wpk_nvrtc_program, size_t *);
	int (*GetCUBIN)(wpk_nvrtc_program, char *);
	const char *(*GetErrorString)(int);
};

#endif
