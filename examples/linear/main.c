/* SPDX-License-Identifier: MIT */
/* linear PLAN ROWS...: run the layer on so many rows, compare some of its results
 * with sums in double, and say who computed it: a kernel that was made for the
 * shape, the one for all shapes, or cuBLASLt, whichever the plan has for it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime.h>
#include <wpk.h>

enum { N = 256, K = 192, TENSORS = 4 };

static struct wpk_error e;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "linear: %s: %s\n", what, e.text);
	exit(1);
}

/* ---- data ---- */

/* Quarters between -1 and 1, which f16 holds exactly. */
static double value(int tensor, int64_t i)
{
	unsigned x = (unsigned)i * 2654435761u + (unsigned)tensor * 97u;

	return (double)(int)((x >> 16) % 9) / 4 - 1;
}

static unsigned short half_of(double v)
{
	int exponent;
	double fraction = frexp(fabs(v), &exponent);

	if (v == 0)
		return 0;
	return (unsigned short)((v < 0) << 15 | (exponent + 14) << 10 |
		(int)((2 * fraction - 1) * 1024));
}

static double double_of(unsigned short h)
{
	double m = (h & 1023) / 1024.0;
	int exponent = h >> 10 & 31;

	return (h >> 15 ? -1 : 1) * (exponent ? ldexp(1 + m, exponent - 15) :
		ldexp(m, -14));
}

static void fill(DLTensor *t, int number)
{
	int64_t n = 1;
	unsigned short *host;

	for (int d = 0; d < t->ndim; d++)
		n *= t->shape[d];
	host = malloc((size_t)n * sizeof *host);
	need(host != NULL, "memory");
	for (int64_t i = 0; i < n; i++)
		host[i] = half_of(value(number, i));
	need(!cudaMalloc(&t->data, (size_t)n * sizeof *host) &&
		!cudaMemcpy(t->data, host, (size_t)n * sizeof *host,
		cudaMemcpyHostToDevice), "memory of the device");
	free(host);
}

static double expected(int64_t row, int column)
{
	double sum = value(2, column);

	for (int k = 0; k < K; k++)
		sum += value(0, row * K + k) * value(1, (int64_t)column * K +
			k);
	return fmax(sum, 0);
}

/* ---- runs ---- */

static void check(const DLTensor *y, int64_t rows)
{
	size_t bytes = (size_t)rows * N * sizeof(unsigned short);
	unsigned short *host = malloc(bytes);

	need(host && !cudaMemcpy(host, y->data, bytes,
		cudaMemcpyDeviceToHost), "results");
	for (int64_t i = 0; i < rows; i += rows > 8 ? rows / 8 : 1)
		for (int j = 0; j < N; j++) {
			double want = expected(i, j);
			double is = double_of(host[i * N + j]);

			if (fabs(is - want) > 1e-3 * fmax(1, want)) {
				fprintf(stderr, "linear: row %d, column %d is "
					"%g, not %g\n", (int)i, j, is, want);
				exit(1);
			}
		}
	free(host);
}

static void run(const struct wpk_operator *op, int64_t rows)
{
	int64_t shapes[TENSORS][2] = { { rows, K }, { N, K }, { N },
		{ rows, N } };
	DLTensor t[TENSORS];
	const DLTensor *all[TENSORS];
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_memory m = { NULL, 0, NULL, 0 };

	for (int i = 0; i < TENSORS; i++) {
		t[i] = (DLTensor){ .device = { kDLCUDA, 0 }, .ndim = i == 2 ?
			1 : 2, .dtype = { kDLFloat, 16, 1 },
			.shape = shapes[i] };
		fill(&t[i], i);
		all[i] = &t[i];
	}
	need(!wpk_plan_needs(op, all, TENSORS, &needs, &e), "needs");
	m.workspace_bytes = needs.workspace;
	need(!cudaMalloc(&m.workspace, needs.workspace), "workspace");
	need(!wpk_plan_run(op, all, TENSORS, &m, NULL, &e), "run");
	check(&t[3], rows);
	printf("%d rows by %s%s\n", (int)rows, needs.by, needs.general ?
		", made for all shapes" : "");
	cudaFree(m.workspace);
	for (int i = 0; i < TENSORS; i++)
		cudaFree(t[i].data);
}

int main(int argc, char **argv)
{
	struct wpk_context *c;
	struct wpk_plan *p;

	if (argc < 3) {
		fputs("usage: linear PLAN ROWS...\n", stderr);
		return 1;
	}
	need(!cudaSetDevice(0), "device");
	need(!wpk_context_create(&c, NULL, &e), "context");
	need(!wpk_plan_load(c, argv[1], &p, &e), "plan");
	for (int i = 2; i < argc; i++)
		run(wpk_plan_find(p, "linear"), atoi(argv[i]) > 0 ?
			atoi(argv[i]) : 1);
	wpk_plan_destroy(p);
	wpk_context_destroy(c);
	return 0;
}
