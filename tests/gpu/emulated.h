/* SPDX-License-Identifier: MIT */
/* What runtime/gpu/main.cu uses of the CUDA runtime beyond the emulator's
 * host/cuda_runtime_api.h, so that the program itself is tested without a GPU
 * (tests/gpu.t). Work is done when it is launched, also while a graph is captured:
 * a replay does nothing and takes a millisecond, it says. With NO_GPU there is none;
 * where the file HANGS names is not there, it is made, and a replay never ends; where
 * TURNS names one, replays take a while, and two at once make TURNS.both; the first
 * FULL pieces of memory are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>

#include "cuda_runtime_api.h"

typedef struct graph *cudaGraph_t, *cudaGraphExec_t;

enum { cudaStreamNonBlocking = 1, cudaStreamCaptureModeRelaxed = 2 };

struct cudaDeviceProp {
	char name[256];
	int major, minor, multiProcessorCount, l2CacheSize;
};

static inline cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *is, int)
{
	*is = { "emulator", 9, 0, 132, 1000 };
	return getenv("NO_GPU") ? cudaErrorInvalidDevice : cudaSuccess;
}

static inline cudaError_t cudaDriverGetVersion(int *version)
{
	*version = 13000;
	return cudaSuccess;
}

static inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, int)
{
	return cudaStreamCreate(stream);
}

static inline cudaError_t cudaStreamBeginCapture(cudaStream_t, int)
{
	return cudaSuccess;
}

static inline cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t *graph)
{
	*graph = NULL;
	return cudaSuccess;
}

static inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec,
	cudaGraph_t graph, int)
{
	*exec = graph;
	return cudaSuccess;
}

/* Thirty-four of these are longer than a launch may be, each is not. */
static inline void take_a_while(const char *file)
{
	char both[4096];

	if (open(file, O_CREAT | O_EXCL | O_CLOEXEC, 0600) < 0) {
		snprintf(both, sizeof both, "%s.both", file);
		open(both, O_CREAT | O_CLOEXEC, 0600);
	}
	usleep(100000);
	unlink(file);
}

static inline cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t)
{
	const char *hangs = getenv("HANGS");

	if (getenv("TURNS"))
		take_a_while(getenv("TURNS"));
	if (!hangs || open(hangs, O_CREAT | O_EXCL, 0600) < 0)
		return cudaSuccess;
	for (;;)
		pause();
}

static inline cudaError_t cudaGraphDestroy(cudaGraph_t)
{
	return cudaSuccess;
}

static inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t)
{
	return cudaSuccess;
}

static inline cudaError_t scarce(void **p, size_t bytes)
{
	static int refused;

	if (getenv("FULL") && refused++ < atoi(getenv("FULL")))
		return cudaErrorMemoryAllocation;
	return cudaMalloc(p, bytes);
}
#define cudaMalloc(p, bytes) scarce(p, bytes)

static inline cudaError_t a_millisecond(float *ms)
{
	*ms = 1;
	return cudaSuccess;
}
#define cudaEventElapsedTime(ms, begin, end) a_millisecond(ms)
