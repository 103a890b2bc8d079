/* SPDX-License-Identifier: MIT */
/* The emulated device as host programs see it: memory, and a runtime whose
 * work is done when it is enqueued. */
#include "emu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "host/cuda_runtime_api.h"

/* A piece of memory: "bytes" at "p" in a mapping of "room" at "base". */
struct piece {
	void *p, *base;
	size_t bytes, room;
	struct piece *next;
};

struct CUevent_st {
	struct timespec at;
};

enum { ALIGN = 256 };

static struct piece *pieces;

void *device_allocate(size_t bytes, size_t align)
{
	size_t room = (bytes + PAGE - 1) / PAGE * PAGE + PAGE;
	char *base = mmap(NULL, room, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct piece *new = malloc(sizeof *new);

	if (base == MAP_FAILED || !new ||
	    mprotect(base + room - PAGE, PAGE, PROT_NONE))
		fault("memory", 0, "%zu bytes", bytes);
	*new = (struct piece){ base + (room - PAGE - bytes) / align * align,
		base, bytes, room, pieces };
	pieces = new;
	return new->p;
}

/* ---- the runtime's functions ---- */

/* Memory comes filled with the job's poison: NaN, in floats. */
cudaError_t cudaMalloc(void **p, size_t bytes)
{
	if (!p)
		return cudaErrorInvalidValue;
	report_catch_signals();
	*p = bytes ? device_allocate(bytes, ALIGN) : NULL;
	if (bytes)
		memset(*p, job.poison, bytes);
	return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
	for (struct piece **i = &pieces; *i; i = &(*i)->next)
		if ((*i)->p == p) {
			struct piece *gone = *i;

			*i = gone->next;
			munmap(gone->base, gone->room);
			free(gone);
			return cudaSuccess;
		}
	return p ? cudaErrorInvalidValue : cudaSuccess;
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
	*p = malloc(bytes ? bytes : 1);
	return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *p)
{
	free(p);
	return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t stream)
{
	(void)stream;
	return cudaMalloc(p, bytes);
}

cudaError_t cudaFreeAsync(void *p, cudaStream_t stream)
{
	(void)stream;
	return cudaFree(p);
}

/* Do "bytes" at "p" leave the piece of device memory that they begin in? */
static bool leaves(const void *p, size_t bytes)
{
	const char *at = p;

	for (const struct piece *i = pieces; i; i = i->next) {
		const char *from = i->p;

		if (at >= from && at < from + i->bytes)
			return bytes > (size_t)(from + i->bytes - at);
	}
	return false;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
	enum cudaMemcpyKind kind)
{
	(void)kind;
	if (bytes && (!to || !from || leaves(to, bytes) || leaves(from, bytes)))
		return cudaErrorInvalidValue;
	if (bytes)
		memmove(to, from, bytes);
	return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
	enum cudaMemcpyKind kind, cudaStream_t stream)
{
	(void)stream;
	return cudaMemcpy(to, from, bytes, kind);
}

cudaError_t cudaMemset(void *p, int byte, size_t bytes)
{
	if (bytes && (!p || leaves(p, bytes)))
		return cudaErrorInvalidValue;
	if (bytes)
		memset(p, byte, bytes);
	return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int byte, size_t bytes,
	cudaStream_t stream)
{
	(void)stream;
	return cudaMemset(p, byte, bytes);
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
	*stream = NULL;
	return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
	(void)stream;
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
	(void)stream;
	return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
	return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
	*event = calloc(1, sizeof **event);
	return *event ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
	free(event);
	return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	(void)stream;
	clock_gettime(CLOCK_MONOTONIC, &event->at);
	return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
	(void)event;
	return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
	*ms = (float)(end->at.tv_sec - start->at.tv_sec) * 1e3f +
		(float)(end->at.tv_nsec - start->at.tv_nsec) * 1e-6f;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n)
{
	*n = 1;
	return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device)
{
	*device = 0;
	return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
	return device ? cudaErrorInvalidDevice : cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
	return cudaSuccess;
}

cudaError_t cudaPeekAtLastError(void)
{
	return cudaSuccess;
}

static const struct { cudaError_t code; const char *name, *text; } errors[] = {
	{ cudaSuccess, "cudaSuccess", "no error" },
	{ cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument" },
	{ cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation",
		"out of memory" },
	{ cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
		"invalid configuration argument" },
	{ cudaErrorInvalidDevice, "cudaErrorInvalidDevice",
		"invalid device ordinal" },
	{ cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
		"no kernel image is available for execution on the device" },
	{ cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress",
		"misaligned address" },
	{ cudaErrorNotSupported, "cudaErrorNotSupported",
		"operation not supported" },
};

const char *cudaGetErrorName(cudaError_t error)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].code == error)
			return errors[i].name;
	return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].code == error)
			return errors[i].text;
	return "unrecognized error code";
}
