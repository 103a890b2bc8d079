/* SPDX-License-Identifier: MIT */
/* What is used of the CUDA driver, which is opened at run time: one binary serves
 * with and without it. Numbers and layouts are those of CUDA 12.4 and later;
 * tests/worker/abi.c compares them with the toolkit's. */
#ifndef WPK_RUNTIME_LIB_DRIVER_H
#define WPK_RUNTIME_LIB_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

typedef void *wpk_cu;			/* context, stream, module, ... */
typedef unsigned long long wpk_cu_pointer;

enum {
	WPK_CU_SUCCESS = 0, WPK_CU_INVALID_VALUE = 1, WPK_CU_NO_MEMORY = 2,
	WPK_CU_NO_DEVICE = 100,
	WPK_CU_FAULTS = 700,		/* from here on launches fail */
	WPK_CU_OUT_OF_RESOURCES = 701,
	WPK_CU_MULTIPROCESSORS = 16, WPK_CU_L2_BYTES = 38,
	WPK_CU_MAJOR = 75, WPK_CU_MINOR = 76,
	WPK_CU_FUNC_SHARED = 8, WPK_CU_FUNC_ANY_CLUSTER = 14,
	WPK_CU_STREAM_NON_BLOCKING = 1, WPK_CU_CAPTURE_RELAXED = 2,
	WPK_CU_ATTRIBUTE_CLUSTER = 4, WPK_CU_ATTRIBUTE_EARLY = 6,
	WPK_CU_RESOURCE_SM = 1, WPK_CU_GREEN_STREAM = 1, WPK_CU_CONTEXT_LOST = 709,
	WPK_CU_NOT_FOUND = 500, WPK_CU_NO_BINARY = 209, WPK_CU_NO_JIT = 221,
	WPK_CU_UNSUPPORTED_PTX = 222
};

/* CUlaunchAttribute and CUlaunchConfig. */
struct wpk_cu_attribute {
	unsigned id;
	char pad[4];
	union {
		char room[64];
		unsigned cluster[3];
		int early;
	} value;
};

struct wpk_cu_launch {
	unsigned grid[3], block[3], shared;
	wpk_cu stream;
	struct wpk_cu_attribute *attributes;
	unsigned n_attributes;
};

/* CUtensorMap. */
struct wpk_cu_map {
	_Alignas(128) unsigned long long bits[16];
};

/* CUdevResource; "sms" of the kind WPK_CU_RESOURCE_SM. */
struct wpk_cu_resource {
	int kind;
	unsigned char pad[92];
	union {
		unsigned sms;
		unsigned char room[48];
	} of;
};

/* Field, symbol, arguments. Those but the first may be missing: only who loads
 * plans, a slice of the device, or a kernel that takes tensor maps wants them. */
#define CUDA_CALLS(X) \
	X(init, "cuInit", (unsigned)) \
	X(version, "cuDriverGetVersion", (int *)) \
	X(count, "cuDeviceGetCount", (int *)) \
	X(device, "cuDeviceGet", (int *, int)) \
	X(name, "cuDeviceGetName", (char *, int, int)) \
	X(bus, "cuDeviceGetPCIBusId", (char *, int, int)) \
	X(attribute, "cuDeviceGetAttribute", (int *, int, int)) \
	X(retain, "cuDevicePrimaryCtxRetain", (wpk_cu *, int)) \
	X(set_current, "cuCtxSetCurrent", (wpk_cu)) \
	X(error_name, "cuGetErrorName", (int, const char **)) \
	X(stream, "cuStreamCreate", (wpk_cu *, unsigned)) \
	X(synchronize, "cuStreamSynchronize", (wpk_cu)) \
	X(load, "cuModuleLoad", (wpk_cu *, const char *)) \
	X(unload, "cuModuleUnload", (wpk_cu)) \
	X(function, "cuModuleGetFunction", (wpk_cu *, wpk_cu, const char *)) \
	X(set_function, "cuFuncSetAttribute", (wpk_cu, int, int)) \
	X(launch, "cuLaunchKernelEx", (const struct wpk_cu_launch *, wpk_cu, \
		void **, void **)) \
	X(allocate, "cuMemAlloc_v2", (wpk_cu_pointer *, size_t)) \
	X(release, "cuMemFree_v2", (wpk_cu_pointer)) \
	X(memory, "cuMemGetInfo_v2", (size_t *, size_t *)) \
	X(to_device, "cuMemcpyHtoD_v2", (wpk_cu_pointer, const void *, \
		size_t)) \
	X(to_host, "cuMemcpyDtoH_v2", (void *, wpk_cu_pointer, size_t)) \
	X(copy, "cuMemcpyDtoD_v2", (wpk_cu_pointer, wpk_cu_pointer, size_t)) \
	X(fill, "cuMemsetD8Async", (wpk_cu_pointer, unsigned char, size_t, \
		wpk_cu)) \
	X(event, "cuEventCreate", (wpk_cu *, unsigned)) \
	X(record, "cuEventRecord", (wpk_cu, wpk_cu)) \
	X(wait, "cuEventSynchronize", (wpk_cu)) \
	X(elapsed, "cuEventElapsedTime", (float *, wpk_cu, wpk_cu)) \
	X(begin_capture, "cuStreamBeginCapture_v2", (wpk_cu, int)) \
	X(end_capture, "cuStreamEndCapture", (wpk_cu, wpk_cu *)) \
	X(instantiate, "cuGraphInstantiateWithFlags", (wpk_cu *, wpk_cu, \
		unsigned long long)) \
	X(replay, "cuGraphLaunch", (wpk_cu, wpk_cu)) \
	X(drop_exec, "cuGraphExecDestroy", (wpk_cu)) \
	X(drop_graph, "cuGraphDestroy", (wpk_cu))
#define OWNER_CALLS(X) \
	X(load_data, "cuModuleLoadData", (wpk_cu *, const void *)) \
	X(current, "cuCtxGetCurrent", (wpk_cu *)) \
	X(release_context, "cuDevicePrimaryCtxRelease_v2", (int))
#define GREEN_CALLS(X) \
	X(resource, "cuDeviceGetDevResource", (int, struct wpk_cu_resource *, \
		int)) \
	X(split, "cuDevSmResourceSplitByCount", (struct wpk_cu_resource *, \
		unsigned *, const struct wpk_cu_resource *, \
		struct wpk_cu_resource *, unsigned, unsigned)) \
	X(describe, "cuDevResourceGenerateDesc", (wpk_cu *, \
		struct wpk_cu_resource *, unsigned)) \
	X(green, "cuGreenCtxCreate", (wpk_cu *, wpk_cu, int, unsigned)) \
	X(green_context, "cuCtxFromGreenCtx", (wpk_cu *, wpk_cu)) \
	X(green_stream, "cuGreenCtxStreamCreate", (wpk_cu *, wpk_cu, unsigned, \
		int))
#define MAP_CALLS(X) \
	X(encode_tiled, "cuTensorMapEncodeTiled", (struct wpk_cu_map *, int, \
		unsigned, void *, const unsigned long long *, \
		const unsigned long long *, const unsigned *, \
		const unsigned *, int, int, int, int)) \
	X(encode_im2col, "cuTensorMapEncodeIm2col", (struct wpk_cu_map *, \
		int, unsigned, void *, const unsigned long long *, \
		const unsigned long long *, const int *, const int *, \
		unsigned, unsigned, const unsigned *, int, int, int, int))

struct cuda_calls {
#define X(field, symbol, arguments) int (*field) arguments;
	CUDA_CALLS(X)
	OWNER_CALLS(X)
	GREEN_CALLS(X)
	MAP_CALLS(X)
#undef X
};

/* Fills "c" from the library in file "path" (NULL: what WPK_LIBCUDA names, else
 * libcuda.so.1) and gives its handle, for dlclose(). NULL with a sentence in
 * "why". */
void *cuda_open(struct cuda_calls *c, const char *path, char why[300]);
/* What the driver lacks for slices, or NULL. */
const char *cuda_lacks_green(const struct cuda_calls *c);
/* After this code of the driver's the process has no use of the device any more. */
bool cuda_is_lost(int status);
/* "CUDA_ERROR_ILLEGAL_ADDRESS"; "scratch" is for what has no name. */
const char *cuda_error_name(const struct cuda_calls *c, int status,
	char scratch[40]);

#endif
