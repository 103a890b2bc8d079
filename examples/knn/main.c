/* SPDX-License-Identifier: MIT */
/* knn TABLE <queries: for each line of numbers on standard input, which line of
 * the file TABLE is nearest, and how far it is. */
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime.h>

#include "knn.h"

enum { QUERIES = 64, POINTS = 1024, DIMENSIONS = 16 };

static void need(cudaError_t error, const char *what)
{
	if (error == cudaSuccess)
		return;
	fprintf(stderr, "knn: %s: %s\n", what, cudaGetErrorString(error));
	exit(1);
}

/* Up to "most" points of DIMENSIONS numbers; how many there were. */
static int read_points(FILE *in, float (*to)[DIMENSIONS], int most)
{
	int n;

	for (n = 0; n < most; n++)
		for (int d = 0; d < DIMENSIONS; d++)
			if (fscanf(in, "%f", &to[n][d]) != 1) {
				if (d == 0 && feof(in))
					return n;
				fprintf(stderr, "knn: point %d lacks number %d "
					"of %d\n", n + 1, d + 1, DIMENSIONS);
				exit(1);
			}
	return n;
}

static void *to_device(const void *from, size_t bytes)
{
	void *p = NULL;

	if (bytes)
		need(cudaMalloc(&p, bytes), "memory");
	if (bytes && from)
		need(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice), "copy");
	return p;
}

int main(int argc, char **argv)
{
	static float table[POINTS][DIMENSIONS], queries[QUERIES][DIMENSIONS];
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	int nearest[QUERIES], count, n;
	float distance[QUERIES], *points, *device_distance;
	int *device_count, *device_nearest;
	void *workspace;

	if (!file) {
		fputs("usage: knn TABLE <QUERIES\n", stderr);
		return 1;
	}
	count = read_points(file, table, POINTS);
	fclose(file);
	points = to_device(table, sizeof table);
	device_count = to_device(&count, sizeof count);
	device_nearest = to_device(NULL, sizeof nearest);
	device_distance = to_device(NULL, sizeof distance);
	workspace = to_device(NULL, knn_workspace());
	while ((n = read_points(stdin, queries, QUERIES)) > 0) {
		float *query = to_device(queries, sizeof queries);

		need(knn(query, points, device_count, device_nearest,
			device_distance, workspace, knn_workspace(), NULL), "knn");
		need(cudaMemcpy(nearest, device_nearest, sizeof nearest,
			cudaMemcpyDeviceToHost), "copy");
		need(cudaMemcpy(distance, device_distance, sizeof distance,
			cudaMemcpyDeviceToHost), "copy");
		for (int i = 0; i < n; i++)
			printf("%d %.3f\n", nearest[i] + 1, distance[i]);
		cudaFree(query);
	}
	return fflush(stdout) ? 1 : 0;
}
