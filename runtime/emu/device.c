/* SPDX-License-Identifier: MIT */
/* The emulated device as host programs see it: memory, and a runtime whose
 * work is done when it is enqueued. */
#include "emu.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/cuda_runtime_api.h"

struct piece {
	struct region at;
	struct piece *next;
};

struct CUstream_st {
	char nothing;
};

struct CUevent_st {
	bool recorded;
	struct timespec at;
};

enum { ALIGN = 256 };

static struct piece *pieces;
static cudaError_t last;

/* NULL if the process can have no more. */
static void *allocate(size_t bytes, size_t align)
{
	struct piece *new = malloc(sizeof *new);

	if (!new || !region_map(&new->at, bytes, align)) {
		free(new);
		return NULL;
	}
	new->next = pieces;
	pieces = new;
	return new->at.p;
}

void *device_allocate(size_t bytes, size_t align)
{
	void *p = allocate(bytes, align);

	if (!p)
		fault("memory", 0, "%zu bytes", bytes);
	return p;
}

/* ---- the runtime's functions ---- */

static cudaError_t failed(cudaError_t error)
{
	return last = error;
}

/* Memory comes filled with the job's poison: NaN, in floats. */
cudaError_t cudaMalloc(void **p, size_t bytes)
{
	if (!p)
		return failed(cudaErrorInvalidValue);
	report_catch_signals();
	*p = NULL;
	if (!bytes)
		return cudaSuccess;
	if (bytes <= region_available())
		*p = allocate(bytes, ALIGN);
	if (!*p)
		return failed(cudaErrorMemoryAllocation);
	memset(*p, job.poison, bytes);
	return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
	for (struct piece **i = &pieces; *i; i = &(*i)->next)
		if ((*i)->at.p == p) {
			struct piece *gone = *i;

			*i = gone->next;
			region_unmap(&gone->at);
			free(gone);
			return cudaSuccess;
		}
	return p ? failed(cudaErrorInvalidValue) : cudaSuccess;
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
	if (!p)
		return failed(cudaErrorInvalidValue);
	*p = bytes <= region_available() ? malloc(bytes ? bytes : 1) : NULL;
	return *p ? cudaSuccess : failed(cudaErrorMemoryAllocation);
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
		const char *from = i->at.p, *end = from + i->at.bytes;

		if (at >= from && at < end)
			return bytes > (size_t)(end - at);
	}
	return false;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
	enum cudaMemcpyKind kind)
{
	(void)kind;
	if (bytes && (!to || !from || leaves(to, bytes) || leaves(from, bytes)))
		return failed(cudaErrorInvalidValue);
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
		return failed(cudaErrorInvalidValue);
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
	if (!stream)
		return failed(cudaErrorInvalidValue);
	*stream = malloc(sizeof **stream);
	return *stream ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

/* The default stream stays. */
cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
	free(stream);
	return stream ? cudaSuccess : failed(cudaErrorInvalidResourceHandle);
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
	if (!event)
		return failed(cudaErrorInvalidValue);
	*event = calloc(1, sizeof **event);
	return *event ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
	free(event);
	return event ? cudaSuccess : failed(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	(void)stream;
	if (!event)
		return failed(cudaErrorInvalidResourceHandle);
	event->recorded = true;
	clock_gettime(CLOCK_MONOTONIC, &event->at);
	return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
	return event ? cudaSuccess : failed(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
	if (!ms)
		return failed(cudaErrorInvalidValue);
	if (!start || !end || !start->recorded || !end->recorded)
		return failed(cudaErrorInvalidResourceHandle);
	*ms = (float)(end->at.tv_sec - start->at.tv_sec) * 1e3f +
		(float)(end->at.tv_nsec - start->at.tv_nsec) * 1e-6f;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n)
{
	if (!n)
		return failed(cudaErrorInvalidValue);
	*n = 1;
	return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device)
{
	if (!device)
		return failed(cudaErrorInvalidValue);
	*device = 0;
	return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
	return device ? failed(cudaErrorInvalidDevice) : cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
	cudaError_t error = last;

	last = cudaSuccess;
	return error;
}

cudaError_t cudaPeekAtLastError(void)
{
	return last;
}
