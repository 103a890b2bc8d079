/* SPDX-License-Identifier: MIT */
/* shares DRIVER PLAN SHARE...: run "lin" of PLAN in a context of each share of the
 * device, and print by which kernel. Built for the emulator by tests/plan.t. */
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime.h>
#include <wpk.h>

enum { N = 64 };

static struct wpk_error e;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, e.text);
	exit(1);
}

static DLTensor matrix(int64_t *shape)
{
	DLTensor t = { .device = { kDLCUDA, 0 }, .ndim = 2,
		.dtype = { kDLFloat, 32, 1 }, .shape = shape };

	need(cudaMalloc(&t.data, N * N * sizeof(float)) == cudaSuccess,
		"memory");
	return t;
}

/* The product with 1 is the other factor. */
static void run(const struct wpk_operator *op, int share)
{
	static float v[N][N];
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_memory m = { 0 };
	int64_t shape[2] = { N, N };
	DLTensor x = matrix(shape), w = matrix(shape), y = matrix(shape);
	const DLTensor *all[] = { &x, &w, &y };

	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			v[i][k] = (float)(i * k % 7);
	cudaMemcpy(x.data, v, sizeof v, cudaMemcpyHostToDevice);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			v[i][k] = (float)(i == k);
	cudaMemcpy(w.data, v, sizeof v, cudaMemcpyHostToDevice);
	need(!wpk_plan_needs(op, all, 3, &needs, &e), "needs");
	m.workspace_bytes = needs.workspace;
	need(!needs.workspace || cudaMalloc(&m.workspace, needs.workspace) ==
		cudaSuccess, "memory");
	need(!wpk_plan_run(op, all, 3, &m, NULL, &e), "lin");
	cudaMemcpy(v, y.data, sizeof v, cudaMemcpyDeviceToHost);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			need(v[i][k] == (float)(i * k % 7), "an element");
	printf("%d: %s\n", share, needs.by);
	cudaFree(x.data);
	cudaFree(w.data);
	cudaFree(y.data);
	cudaFree(m.workspace);
}

int main(int argc, char **argv)
{
	for (int i = 3; i < argc; i++) {
		struct wpk_options o = { .size = sizeof o, .driver = argv[1],
			.cudnn = "", .cublaslt = "", .share = atoi(argv[i]) };
		struct wpk_context *c;
		struct wpk_plan *p;

		need(!wpk_context_create(&c, &o, &e), "context");
		need(!wpk_plan_load(c, argv[2], &p, &e), "plan");
		run(wpk_plan_find(p, "lin"), o.share);
		wpk_plan_destroy(p);
		wpk_context_destroy(c);
	}
	return 0;
}
