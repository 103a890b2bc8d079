/* SPDX-License-Identifier: MIT */
/* The real cuDNN (9.8 or later; $REAL_CUDNN) for a GPU that is only described, an
 * H200: everything but runs. Where we say a handle, it says a device's properties
 * instead. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/cudnn_api.h"

enum { FAILED = 1001, NOT_SUPPORTED = 3000, T_CHAR = 24, DEVICE = 38,
	DEVICE_JSON = 2702, HEURISTIC_DEVICE = 204, ENGINE_DEVICE = 1307,
	PLAN_DEVICE = 407 };

static const char h200[] = "{\"maxGridSize\": [2147483647, 65535, 65535], "
	"\"maxBlockSize\": [1024, 1024, 64], \"regsPerBlock\": 65536, "
	"\"multiProcessorCount\": 132, \"warpSize\": 32, "
	"\"maxSharedMemoryPerBlock\": 49152, "
	"\"maxSharedMemoryPerBlockOptin\": 232448, "
	"\"reservedSharedMemoryPerBlock\": 1024, "
	"\"maxRegistersPerSM\": 65536, \"maxCtasPerSM\": 32, "
	"\"maxThreadsPerBlock\": 1024, \"maxThreadsPerSM\": 2048, "
	"\"pciDeviceId\": 1, \"isTccDriver\": 0, \"supportCoopLaunch\": 1, "
	"\"smClockRateKHz\": 1980000, \"memClockRateKHz\": 3201000, "
	"\"l2CacheSize\": 62914560, \"deviceName\": \"NVIDIA H200\", "
	"\"cudaDeviceId\": 0, \"deviceVer\": 900, \"driverVer\": 13000, "
	"\"totalGlobalMem\": 150000000000}";

/* Attributes that go with a device. */
static const struct {
	int name, device;
} pairs[] = { { WPK_DNN_HEURISTIC_GRAPH, HEURISTIC_DEVICE },
	{ WPK_DNN_ENGINE_GRAPH, ENGINE_DEVICE },
	{ WPK_DNN_PLAN_HANDLE, PLAN_DEVICE } };

static struct cudnn_calls real;
static wpk_dnn device;

static int load(void)
{
	const char *file = getenv("REAL_CUDNN");
	void *l = dlopen(file && *file ? file : "libcudnn.so.9", RTLD_NOW);

	if (!l)
		return -1;
#define X(type, field, symbol, arguments) \
	*(void **)&real.field = dlsym(l, symbol); \
	if (!real.field) \
		return -1;
	CUDNN_CALLS(X)
#undef X
	return 0;
}

size_t cudnnGetVersion(void)
{
	return !real.version && load() ? 0 : real.version();
}

const char *cudnnGetErrorString(int status)
{
	return real.error_text(status);
}

void cudnnGetLastErrorString(char *text, size_t room)
{
	real.last_error(text, room);
}

int cudnnCreate(wpk_dnn *h)
{
	int code = real.descriptor(DEVICE, &device);

	if (!code)
		code = real.set(device, DEVICE_JSON, T_CHAR, strlen(h200), h200);
	if (!code)
		code = real.finalize(device);
	*h = device;
	return code ? FAILED : 0;
}

int cudnnDestroy(wpk_dnn h)
{
	return real.drop(h);
}

int cudnnSetStream(wpk_dnn h, void *stream)
{
	(void)h, (void)stream;
	return NOT_SUPPORTED;
}

int cudnnBackendCreateDescriptor(int kind, wpk_dnn *d)
{
	return real.descriptor(kind, d);
}

int cudnnBackendDestroyDescriptor(wpk_dnn d)
{
	return real.drop(d);
}

int cudnnBackendFinalize(wpk_dnn d)
{
	return real.finalize(d);
}

int cudnnBackendSetAttribute(wpk_dnn d, int name, int type, int64_t n,
	const void *v)
{
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i].name == name) {
			int code = real.set(d, pairs[i].device,
				WPK_DNN_T_DESCRIPTOR, 1, &device);

			if (code)
				return code;
		}
	return type == WPK_DNN_T_HANDLE ? 0 : real.set(d, name, type, n, v);
}

int cudnnBackendGetAttribute(wpk_dnn d, int name, int type, int64_t room,
	int64_t *n, void *v)
{
	return real.get(d, name, type, room, n, v);
}

int cudnnBackendExecute(wpk_dnn h, wpk_dnn plan, wpk_dnn pack)
{
	(void)h, (void)plan, (void)pack;
	return NOT_SUPPORTED;
}
