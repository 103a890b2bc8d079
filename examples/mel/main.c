/* SPDX-License-Identifier: MIT */
/* mel PLAN <sound.raw >energies: 80 log-mel energies for every 10 ms of sound, 16
 * kHz, one channel, signed 16 bits: what speech recognisers hear. The plan is run
 * by libwpk, on whatever GPU there is, or on the emulator that WPK_LIBCUDA
 * names. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime.h>
#include <wpk.h>

enum { RATE = 16000, WINDOW = 400, STEP = 160, BINS = 201, MELS = 80,
	BATCH = 64, TENSORS = 5 };

static void need(cudaError_t error, const char *what)
{
	if (error == cudaSuccess)
		return;
	fprintf(stderr, "mel: %s: %s\n", what, cudaGetErrorString(error));
	exit(1);
}

static void need_wpk(enum wpk_status status, const struct wpk_error *e)
{
	if (status == WPK_OK)
		return;
	fprintf(stderr, "mel: %s: %s\n", wpk_status_name(status), e->text);
	exit(1);
}

/* ---- tables ---- */

static float cosine[BINS][WINDOW], sine[BINS][WINDOW], filter[MELS][BINS];

static double mel_of(double hertz)
{
	return 2595 * log10(1 + hertz / 700);
}

static double hertz_of(double mel)
{
	return 700 * (pow(10, mel / 2595) - 1);
}

/* A Hann window times a discrete Fourier transform; filters are triangles that
 * are equally wide in mels. */
static void make_tables(void)
{
	const double pi = acos(-1), top = mel_of(RATE / 2.0);

	for (int b = 0; b < BINS; b++)
		for (int n = 0; n < WINDOW; n++) {
			double hann = 0.5 - 0.5 * cos(2 * pi * n / WINDOW);

			cosine[b][n] = (float)(hann * cos(2 * pi * b * n /
				WINDOW));
			sine[b][n] = (float)(hann * sin(2 * pi * b * n /
				WINDOW));
		}
	for (int m = 0; m < MELS; m++) {
		double lo = hertz_of(top * m / (MELS + 1));
		double mid = hertz_of(top * (m + 1) / (MELS + 1));
		double hi = hertz_of(top * (m + 2) / (MELS + 1));

		for (int b = 0; b < BINS; b++) {
			double f = (double)b * RATE / WINDOW;

			filter[m][b] = (float)fmax(0, fmin((f - lo) / (mid -
				lo), (hi - f) / (hi - mid)));
		}
	}
}

/* ---- tensors ---- */

/* A dense tensor of two dimensions, with memory, and on the device what "from"
 * holds. */
static void make_tensor(DLTensor *t, int64_t shape[2], int64_t rows,
	int64_t columns, const void *from)
{
	size_t bytes = (size_t)(rows * columns) * sizeof(float);

	shape[0] = rows;
	shape[1] = columns;
	*t = (DLTensor){ .device = { kDLCUDA, 0 }, .ndim = 2,
		.dtype = { kDLFloat, 32, 1 }, .shape = shape };
	need(cudaMalloc(&t->data, bytes), "memory");
	if (from)
		need(cudaMemcpy(t->data, from, bytes, cudaMemcpyHostToDevice),
			"copy");
}

/* ---- frames ---- */

/* The next frames, at most BATCH; neighbours overlap. */
static int read_frames(float frames[BATCH][WINDOW])
{
	static short samples[WINDOW];
	static size_t have;
	int n = 0;

	while (n < BATCH) {
		have += fread(samples + have, sizeof *samples, WINDOW - have,
			stdin);
		if (have < WINDOW)
			break;
		for (int i = 0; i < WINDOW; i++)
			frames[n][i] = (float)samples[i] / 32768;
		n++;
		have = WINDOW - STEP;
		memmove(samples, samples + STEP, have * sizeof *samples);
	}
	return n;
}

static void print_frames(float energies[BATCH][MELS], int n)
{
	for (int i = 0; i < n; i++)
		for (int m = 0; m < MELS; m++)
			printf("%.4f%c", energies[i][m], m + 1 < MELS ? ' ' :
				'\n');
}

int main(int argc, char **argv)
{
	static float frames[BATCH][WINDOW], energies[BATCH][MELS];
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_memory memory = { NULL, 0, NULL, 0 };
	int64_t shapes[TENSORS][2];
	DLTensor tensors[TENSORS];
	const DLTensor *all[TENSORS];
	const struct wpk_operator *op;
	struct wpk_context *context;
	struct wpk_plan *plan;
	struct wpk_error e;
	int n;

	if (argc != 2) {
		fputs("usage: mel PLAN <sound.raw\n", stderr);
		return 1;
	}
	need(cudaSetDevice(0), "device");
	need_wpk(wpk_context_create(&context, NULL, &e), &e);
	need_wpk(wpk_plan_load(context, argv[1], &plan, &e), &e);
	op = wpk_plan_find(plan, "mel");
	make_tables();
	make_tensor(&tensors[0], shapes[0], BATCH, WINDOW, NULL);
	make_tensor(&tensors[1], shapes[1], BINS, WINDOW, cosine);
	make_tensor(&tensors[2], shapes[2], BINS, WINDOW, sine);
	make_tensor(&tensors[3], shapes[3], MELS, BINS, filter);
	make_tensor(&tensors[4], shapes[4], BATCH, MELS, NULL);
	for (int i = 0; i < TENSORS; i++)
		all[i] = &tensors[i];
	need_wpk(wpk_plan_needs(op, all, TENSORS, &needs, &e), &e);
	memory.workspace_bytes = needs.workspace;
	if (needs.workspace)
		need(cudaMalloc(&memory.workspace, needs.workspace), "memory");
	while ((n = read_frames(frames)) > 0) {
		shapes[0][0] = shapes[4][0] = n;
		need(cudaMemcpy(tensors[0].data, frames, sizeof *frames *
			(size_t)n, cudaMemcpyHostToDevice), "copy");
		need_wpk(wpk_plan_run(op, all, TENSORS, &memory, NULL, &e),
			&e);
		need(cudaMemcpy(energies, tensors[4].data, sizeof *energies *
			(size_t)n, cudaMemcpyDeviceToHost), "copy");
		print_frames(energies, n);
	}
	cudaFree(memory.workspace);
	for (int i = 0; i < TENSORS; i++)
		cudaFree(tensors[i].data);
	wpk_plan_destroy(plan);
	wpk_context_destroy(context);
	return fflush(stdout) ? 1 : 0;
}
