/* SPDX-License-Identifier: MIT */
/* heat [STEPS]: a hot spot spreads over a plate; prints how much heat there is
 * (the same before and after) and the hottest place. */
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime.h>

#include "heat.h"

enum { SIDE = 256 };

static void need(cudaError_t error, const char *what)
{
	if (error == cudaSuccess)
		return;
	fprintf(stderr, "heat: %s: %s\n", what, cudaGetErrorString(error));
	exit(1);
}

static void *device(size_t bytes)
{
	void *p = NULL;

	if (bytes)
		need(cudaMalloc(&p, bytes), "memory");
	return p;
}

static void tell(int step, const float *plate, float *total, void *workspace,
	size_t bytes)
{
	float host[2];

	need(heat_total(plate, total, total + 4, workspace, bytes, NULL), "total");
	need(cudaMemcpy(&host[0], total, sizeof *host, cudaMemcpyDeviceToHost),
		"copy");
	need(cudaMemcpy(&host[1], total + 4, sizeof *host,
		cudaMemcpyDeviceToHost), "copy");
	printf("step %d: heat %.1f, hottest %.3f\n", step, host[0], host[1]);
}

int main(int argc, char **argv)
{
	static float plate[SIDE][SIDE];
	int steps = argc > 1 ? atoi(argv[1]) : 100;
	size_t step_bytes = heat_step_workspace();
	size_t total_bytes = heat_total_workspace();
	size_t bytes = step_bytes > total_bytes ? step_bytes : total_bytes;
	float *a = device(sizeof plate), *b = device(sizeof plate);
	float *rate = device(sizeof *rate), *total = device(8 * sizeof *total);
	void *workspace = device(bytes);
	const float fifth = 0.2f;

	for (int y = 120; y < 136; y++)
		for (int x = 120; x < 136; x++)
			plate[y][x] = 100;
	need(cudaMemcpy(a, plate, sizeof plate, cudaMemcpyHostToDevice), "copy");
	need(cudaMemcpy(rate, &fifth, sizeof fifth, cudaMemcpyHostToDevice), "copy");
	tell(0, a, total, workspace, bytes);
	for (int i = 0; i < steps; i++) {
		float *next = b;

		need(heat_step(a, rate, next, workspace, bytes, NULL), "step");
		b = a;
		a = next;
	}
	tell(steps, a, total, workspace, bytes);
	cudaFree(workspace);
	cudaFree(total);
	cudaFree(rate);
	cudaFree(b);
	cudaFree(a);
	return fflush(stdout) ? 1 : 0;
}
