/* SPDX-License-Identifier: MIT */
/* What a worker uses of NVRTC, the CUDA driver and NVML, which are opened at run
 * time. Numbers and layouts are those of CUDA 12.4 and later;
 * tests/worker/abi.c compares them with the toolkit's. */
#ifndef WPK_RUNTIME_WORKER_CUDA_H
#define WPK_RUNTIME_WORKER_CUDA_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/lib/driver.h"

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
	X(GetPTXSize, wpk_nvrtc_program p, size_t *n) \
	X(GetPTX, wpk_nvrtc_program p, char *code) \
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
	int (*GetPTXSize)(wpk_nvrtc_program, size_t *);
	int (*GetPTX)(wpk_nvrtc_program, char *);
	const char *(*GetErrorString)(int);
};

/* ---- cuda.c: the driver of this process ---- */

extern struct cuda_calls cuda;

/* NULL, or why there is no driver: one sentence. */
const char *cuda_start(void);
/* "CUDA_ERROR_ILLEGAL_ADDRESS" */
const char *cuda_error(int status);

/* ---- share.c ---- */

/* A context on "share" percent of device "device", current, and a stream of it;
 * "*by" says by what the slice is cut, "*sms" how many it has. NULL or why not.
 * What MPS is told has to be said before anything else is done. */
const char *share_prepare(int share, bool mps);
const char *share_open(int device, int share, bool mps, wpk_cu *stream,
	const char **by, int *sms);

/* ---- NVML: clocks, where there is one ---- */

void nvml_open(const char *bus);
bool nvml_clock(double *mhz, bool *throttled);
bool nvml_power(double *watts);

#endif
