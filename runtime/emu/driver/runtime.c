/* SPDX-License-Identifier: MIT */
/* The CUDA runtime's functions that host/cuda_runtime_api.h declares, for
 * programs that run plans on this driver: they are linked with libwpkemu.so in
 * place of libcudart. Its codes are the driver's. The first call makes the
 * device's primary context current in its thread, as the runtime's does. */
#include "runtime/emu/driver/driver.h"

#include <string.h>

#include "runtime/emu/host/cuda_runtime_api.h"

/* A thread's last failure, and whether it has the context. */
static _Thread_local struct {
	cudaError_t last;
	bool ready;
} thread;

static cudaError_t told(CUresult status)
{
	if (status)
		thread.last = (cudaError_t)status;
	return (cudaError_t)status;
}

static CUresult ready(void)
{
	CUcontext context = NULL;
	CUresult status;

	if (thread.ready && !cuCtxGetCurrent(&context) && context)
		return CUDA_SUCCESS;
	status = cuInit(0);
	if (!status)
		status = cuDevicePrimaryCtxRetain(&context, 0);
	if (!status)
		status = cuCtxSetCurrent(context);
	thread.ready = !status;
	return status;
}

#define WITH_CONTEXT(call) do { \
		CUresult status = ready(); \
		return told(status ? status : (call)); \
	} while (0)

static CUdeviceptr address(const void *p)
{
	return (CUdeviceptr)(uintptr_t)p;
}

/* ---- memory ---- */

cudaError_t cudaMalloc(void **p, size_t bytes)
{
	CUdeviceptr at = 0;
	CUresult status = p ? ready() : CUDA_ERROR_INVALID_VALUE;

	if (!status && bytes)
		status = cuMemAlloc_v2(&at, bytes);
	if (p)
		*p = (void *)(uintptr_t)at;
	return told(status);
}

cudaError_t cudaFree(void *p)
{
	if (!p)
		return cudaSuccess;
	WITH_CONTEXT(cuMemFree_v2(address(p)));
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
	WITH_CONTEXT(cuMemHostAlloc(p, bytes ? bytes : 1, 0));
}

cudaError_t cudaFreeHost(void *p)
{
	WITH_CONTEXT(cuMemFreeHost(p));
}

cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t stream)
{
	(void)stream;
	return cudaMalloc(p, bytes);
}

cudaError_t cudaFreeAsync(void *p, cudaStream_t stream)
{
	CUresult status = ready();

	if (!status)
		status = cuStreamSynchronize(stream);
	return status ? told(status) : cudaFree(p);
}

static bool is_device(const void *p)
{
	int type = 0;

	return !cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
		address(p)) && type == CU_MEMORYTYPE_DEVICE;
}

static enum cudaMemcpyKind kind_of(void *to, const void *from,
	enum cudaMemcpyKind kind)
{
	if (kind != cudaMemcpyDefault)
		return kind;
	return is_device(to) ? is_device(from) ? cudaMemcpyDeviceToDevice :
		cudaMemcpyHostToDevice : is_device(from) ?
		cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
	enum cudaMemcpyKind kind, cudaStream_t stream)
{
	CUresult status = ready();

	if (status || !bytes)
		return told(status);
	kind = kind_of(to, from, kind);
	if (kind == cudaMemcpyHostToHost) {
		status = cuStreamSynchronize(stream);
		memmove(to, from, bytes);
	} else if (kind == cudaMemcpyHostToDevice) {
		status = cuMemcpyHtoDAsync_v2(address(to), from, bytes, stream);
	} else if (kind == cudaMemcpyDeviceToHost) {
		status = cuMemcpyDtoHAsync_v2(to, address(from), bytes, stream);
	} else {
		status = cuMemcpyDtoDAsync_v2(address(to), address(from),
			bytes, stream);
	}
	return told(status);
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
	enum cudaMemcpyKind kind)
{
	cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, NULL);

	return error ? error : cudaStreamSynchronize(NULL);
}

cudaError_t cudaMemset(void *p, int byte, size_t bytes)
{
	WITH_CONTEXT(cuMemsetD8_v2(address(p), (unsigned char)byte, bytes));
}

cudaError_t cudaMemsetAsync(void *p, int byte, size_t bytes,
	cudaStream_t stream)
{
	WITH_CONTEXT(cuMemsetD8Async(address(p), (unsigned char)byte, bytes,
		stream));
}

/* ---- streams and events ---- */

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
	WITH_CONTEXT(cuStreamCreate(stream, 0));
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
	WITH_CONTEXT(cuStreamDestroy_v2(stream));
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
	WITH_CONTEXT(cuStreamSynchronize(stream));
}

cudaError_t cudaDeviceSynchronize(void)
{
	WITH_CONTEXT(cuCtxSynchronize());
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
	WITH_CONTEXT(cuEventCreate(event, 0));
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
	WITH_CONTEXT(cuEventDestroy_v2(event));
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	WITH_CONTEXT(cuEventRecord(event, stream));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
	WITH_CONTEXT(cuEventSynchronize(event));
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
	WITH_CONTEXT(cuEventElapsedTime(ms, start, end));
}

/* ---- the device ---- */

cudaError_t cudaGetDeviceCount(int *n)
{
	CUresult status = cuInit(0);

	return told(status ? status : cuDeviceGetCount(n));
}

cudaError_t cudaGetDevice(int *device)
{
	if (!device)
		return told(CUDA_ERROR_INVALID_VALUE);
	*device = 0;
	return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
	return told(device ? CUDA_ERROR_INVALID_DEVICE : ready());
}

cudaError_t cudaGetLastError(void)
{
	cudaError_t error = thread.last;

	thread.last = cudaSuccess;
	return error;
}

cudaError_t cudaPeekAtLastError(void)
{
	return thread.last;
}
