/* SPDX-License-Identifier: MIT */
/* For tests of libwpkemu.so: it is opened as a program opens its driver, and has
 * a module of kernels written by hand. */
#ifndef WPK_TESTS_UNIT_EMU_DRIVER_H
#define WPK_TESTS_UNIT_EMU_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/emu/driver/api.h"
#include "runtime/worker/cuda.h"

/* Beside what the worker uses. */
#define MORE_CALLS(X) \
	X(cuModuleLoadData) X(cuDeviceTotalMem_v2) X(cuStreamDestroy_v2) \
	X(cuEventDestroy_v2) X(cuMemcpyHtoDAsync_v2) X(cuMemcpyDtoHAsync_v2) \
	X(cuMemcpyDtoDAsync_v2) X(cuMemsetD8_v2) X(cuMemHostAlloc) \
	X(cuMemFreeHost) X(cuCtxGetCurrent) X(cuCtxGetDevice) \
	X(cuCtxSynchronize) X(cuDevicePrimaryCtxRelease_v2) \
	X(cuDevicePrimaryCtxReset_v2) X(cuGetErrorString) \
	X(cuPointerGetAttribute) X(cuStreamIsCapturing) X(cuStreamQuery) \
	X(cuStreamWaitEvent) X(cuEventQuery) X(cuFuncGetAttribute) \
	X(cuOccupancyMaxActiveBlocksPerMultiprocessor) X(cuLaunchKernel) \
	X(cuLaunchHostFunc)

struct more_calls {
#define X(name) __typeof__(name) *name;
	MORE_CALLS(X)
#undef X
	const char *(*fault)(void);
};

extern struct cuda_calls cuda;
extern struct more_calls more;
/* The module, and the file that it is loaded from. */
extern wpk_cu kernels;
extern char kernels_file[];

/* Setup and teardown of a group: opens the driver, makes the module. */
int driver_open(void **state);
int driver_close(void **state);
/* Of a test: a context that nothing was done in; 0. */
int driver_fresh(void **state);
/* A module of "text", whose kernels are "names" up to NULL, in the file "path";
 * what is wrong goes to stderr. */
bool driver_module(const char *text, const char *const *names,
	const char *path);

wpk_cu kernel_named(const char *name);
wpk_cu_pointer floats_on_device(int n);
/* 0, 1, 2, ... */
void count_up(float *to, int n);
/* Of "blocks" of "threads"; the driver's code. */
int start(const char *name, int blocks, int threads, int shared, wpk_cu stream,
	void **arguments);
int start_clusters(const char *name, int blocks, int size, void **arguments);

#define OK(call) assert_int_equal(call, 0)
#define REFUSED(call, code) assert_int_equal(call, code)

#endif
