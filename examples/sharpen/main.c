/* SPDX-License-Identifier: MIT */
/* sharpen [AMOUNT] <in.pgm >out.pgm: sharpen 640 x 480 grey frames, binary PGM,
 * as many as come. */
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime.h>

#include "sharpen.h"

enum { WIDTH = 640, HEIGHT = 480, PIXELS = WIDTH * HEIGHT };

static void need(cudaError_t error, const char *what)
{
	if (error == cudaSuccess)
		return;
	fprintf(stderr, "sharpen: %s: %s\n", what, cudaGetErrorString(error));
	exit(1);
}

static int read_frame(unsigned char *frame)
{
	int width, height, most, n;

	n = scanf(" P5 %d %d %d", &width, &height, &most);
	if (n == EOF)
		return 0;
	if (n != 3 || width != WIDTH || height != HEIGHT || most != 255 ||
	    getchar() == EOF || fread(frame, 1, PIXELS, stdin) != PIXELS) {
		fputs("sharpen: wanted are 640 x 480 binary PGM frames\n", stderr);
		exit(1);
	}
	return 1;
}

int main(int argc, char **argv)
{
	static unsigned char frame[PIXELS];
	float amount = argc > 1 ? strtof(argv[1], NULL) : 1;
	unsigned char *in, *out;
	size_t bytes = sharpen_workspace();
	void *workspace = NULL;
	float *factor;

	need(cudaMalloc((void **)&in, PIXELS), "memory");
	need(cudaMalloc((void **)&out, PIXELS), "memory");
	need(cudaMalloc((void **)&factor, sizeof *factor), "memory");
	if (bytes)
		need(cudaMalloc(&workspace, bytes), "memory");
	need(cudaMemcpy(factor, &amount, sizeof amount, cudaMemcpyHostToDevice),
		"copy");
	while (read_frame(frame)) {
		need(cudaMemcpy(in, frame, PIXELS, cudaMemcpyHostToDevice), "copy");
		need(sharpen(in, factor, out, workspace, bytes, NULL), "sharpen");
		need(cudaMemcpy(frame, out, PIXELS, cudaMemcpyDeviceToHost), "copy");
		printf("P5\n%d %d\n255\n", WIDTH, HEIGHT);
		fwrite(frame, 1, PIXELS, stdout);
	}
	cudaFree(workspace);
	cudaFree(factor);
	cudaFree(out);
	cudaFree(in);
	return fflush(stdout) ? 1 : 0;
}
