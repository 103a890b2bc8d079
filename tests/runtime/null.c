/* SPDX-License-Identifier: MIT */
/* A CUDA driver that does nothing but remember the last launch and fill, and
 * fails on cue: what libwpk tells a driver, and what it costs beyond it. Modules
 * and launches fail in threads where its one context is not current.
 *
 *	WPK_NULL_FAIL	the calls that fail, "cuModuleLoadData cuInit"
 *	WPK_NULL_NAME	the device's name
 *	WPK_NULL_CC	its compute capability, "80"
 *	WPK_NULL_OLD	the code that it is too old for
 */
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/null.h"

struct null_state null_state;

static int fails(const char *call)
{
	const char *all = getenv("WPK_NULL_FAIL");
	size_t n = strlen(call);

	for (const char *p = all; p && (p = strstr(p, call)); p += n)
		if ((p == all || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return 1;
	return 0;
}

#define NOTHING(call) int call(void); int call(void) { return 0; }
NOTHING(cuStreamCreate) NOTHING(cuStreamSynchronize) NOTHING(cuModuleLoad)
NOTHING(cuMemAlloc_v2) NOTHING(cuMemFree_v2) NOTHING(cuMemGetInfo_v2)
NOTHING(cuMemcpyHtoD_v2) NOTHING(cuMemcpyDtoH_v2) NOTHING(cuMemcpyDtoD_v2)
NOTHING(cuEventCreate) NOTHING(cuEventRecord) NOTHING(cuEventSynchronize)
NOTHING(cuEventElapsedTime) NOTHING(cuStreamBeginCapture_v2)
NOTHING(cuStreamEndCapture) NOTHING(cuGraphInstantiateWithFlags)
NOTHING(cuGraphLaunch) NOTHING(cuGraphExecDestroy) NOTHING(cuGraphDestroy)
NOTHING(cuDeviceGetPCIBusId)

static _Thread_local void *current;

int cuCtxGetCurrent(void **context)
{
	*context = current;
	return 0;
}

int cuCtxSetCurrent(void *context)
{
	current = context;
	return 0;
}

static int is_elsewhere(void)
{
	return current != &null_state;
}

int cuInit(unsigned flags)
{
	(void)flags;
	return fails("cuInit") ? 100 : 0;
}

int cuDriverGetVersion(int *v)
{
	*v = 13000;
	return 0;
}

int cuDeviceGetCount(int *n)
{
	*n = 1;
	return 0;
}

int cuDeviceGet(int *device, int n)
{
	*device = n;
	return 0;
}

int cuDeviceGetName(char *name, int n, int device)
{
	const char *own = getenv("WPK_NULL_NAME");

	(void)device;
	strncpy(name, own ? own : "NVIDIA H200", (size_t)n - 1);
	return 0;
}

int cuDeviceGetAttribute(int *v, int which, int device)
{
	const char *own = getenv("WPK_NULL_CC");
	int cc = own ? atoi(own) : 90;

	(void)device;
	*v = which == 75 ? cc / 10 : which == 76 ? cc % 10 : which == 16 ?
		132 : 0;
	return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
	(void)device;
	null_state.contexts++;
	*context = &null_state;
	return fails("cuDevicePrimaryCtxRetain");
}

int cuDevicePrimaryCtxRelease_v2(int device)
{
	(void)device;
	null_state.contexts--;
	return 0;
}

int cuGetErrorName(int status, const char **name)
{
	*name = status == 100 ? "CUDA_ERROR_NO_DEVICE" : status == 2 ?
		"CUDA_ERROR_OUT_OF_MEMORY" : status == 201 ?
		"CUDA_ERROR_INVALID_CONTEXT" : status == 222 ?
		"CUDA_ERROR_UNSUPPORTED_PTX_VERSION" :
		"CUDA_ERROR_INVALID_VALUE";
	return 0;
}

int cuModuleLoadData(void **module, const void *code)
{
	const char *old = getenv("WPK_NULL_OLD");

	if (is_elsewhere())
		return 201;
	if (fails("cuModuleLoadData"))
		return 2;
	if (old && !strcmp(old, code))
		return 222;
	null_state.modules++;
	strncpy(null_state.code, code, sizeof null_state.code - 1);
	*module = &null_state;
	return 0;
}

int cuModuleUnload(void *module)
{
	(void)module;
	if (is_elsewhere())
		return 201;
	null_state.modules--;
	return 0;
}

/* A function is its name. */
int cuModuleGetFunction(void **function, void *module, const char *name)
{
	(void)module;
	if (fails("cuModuleGetFunction"))
		return 1;
	for (int i = 0; i < NULL_NAMES; i++) {
		if (!*null_state.names[i])
			strncpy(null_state.names[i], name,
				sizeof *null_state.names - 1);
		if (strcmp(null_state.names[i], name))
			continue;
		*function = null_state.names[i];
		return 0;
	}
	return 2;
}

int cuFuncSetAttribute(void *function, int which, int v)
{
	(void)function;
	if (which == 8)
		null_state.shared = v;
	return fails("cuFuncSetAttribute");
}

int cuLaunchKernelEx(const struct wpk_cu_launch *l, void *function,
	void **args, void **extra)
{
	(void)extra;
	if (is_elsewhere())
		return 201;
	null_state.launches++;
	null_state.launch = *l;
	null_state.function = function;
	for (int i = 0; i < NULL_ARGS && args[i]; i++)
		memcpy(&null_state.args[i], args[i], sizeof *null_state.args);
	return fails("cuLaunchKernelEx");
}

int cuMemsetD8Async(unsigned long long at, unsigned char byte, size_t n,
	void *stream)
{
	(void)byte;
	(void)stream;
	null_state.filled = at;
	null_state.fill_bytes = n;
	return 0;
}

/* A map says what it is of. */
int cuTensorMapEncodeTiled(struct wpk_cu_map *map, int type, unsigned rank,
	void *address, const unsigned long long *dims,
	const unsigned long long *strides, const unsigned *box,
	const unsigned *steps, int interleave, int swizzle, int promotion,
	int fill)
{
	(void)type, (void)dims, (void)strides, (void)box, (void)steps;
	(void)interleave, (void)swizzle, (void)promotion, (void)fill;
	null_state.maps++;
	map->bits[0] = (unsigned long long)(size_t)address + rank;
	return fails("cuTensorMapEncodeTiled");
}
