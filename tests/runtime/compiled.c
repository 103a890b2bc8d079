/* SPDX-License-Identifier: MIT */
/* compiled PLAN: run the operators of PLAN, whose kernels are linked in, on small
 * tensors: "scale" with an open size, and "lin" with a constant operand. Built for
 * the emulator by tests/plan.t. */
#include <stdio.h>
#include <stdlib.h>

#include <cuda_runtime.h>
#include <wpk.h>

extern const struct wpk_compiled ops_calls[];

static struct wpk_error e;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, e.text);
	exit(1);
}

static DLTensor tensor(int rank, int64_t *shape)
{
	DLTensor t = { .device = { kDLCUDA, 0 }, .ndim = rank,
		.dtype = { kDLFloat, 32, 1 }, .shape = shape };
	size_t n = sizeof(float);

	for (int i = 0; i < rank; i++)
		n *= (size_t)shape[i];
	need(cudaMalloc(&t.data, n) == cudaSuccess, "memory");
	return t;
}

static void scale(const struct wpk_plan *p)
{
	int64_t shape[1] = { 100 };
	DLTensor x = tensor(1, shape), y = tensor(1, shape);
	const DLTensor *all[] = { &x, &y };
	float v[100];

	for (int i = 0; i < 100; i++)
		v[i] = (float)i;
	cudaMemcpy(x.data, v, sizeof v, cudaMemcpyHostToDevice);
	need(!wpk_plan_run(wpk_plan_find(p, "scale"), all, 2, NULL, NULL, &e),
		"scale");
	cudaMemcpy(v, y.data, sizeof v, cudaMemcpyDeviceToHost);
	for (int i = 0; i < 100; i++)
		need(v[i] == 2 * (float)i, "an element of scale");
	shape[0] = 50;
	y.strides = shape;
	need(wpk_plan_run(wpk_plan_find(p, "scale"), all, 2, NULL, NULL, &e) ==
		WPK_E_LAYOUT, "a wrong stride");
	cudaFree(x.data);
	cudaFree(y.data);
}

static void lin(const struct wpk_plan *p)
{
	const struct wpk_operator *op = wpk_plan_find(p, "lin");
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_memory m = { 0 };
	int64_t shape[2] = { 64, 64 };
	DLTensor x = tensor(2, shape), w = tensor(2, shape),
		y = tensor(2, shape);
	const DLTensor *all[] = { &x, &w, &y };
	static float v[64][64];

	for (int i = 0; i < 64; i++)
		for (int k = 0; k < 64; k++)
			v[i][k] = (float)((i + k) % 3);
	cudaMemcpy(x.data, v, sizeof v, cudaMemcpyHostToDevice);
	for (int i = 0; i < 64; i++)
		for (int k = 0; k < 64; k++)
			v[i][k] = (float)(i == k);
	cudaMemcpy(w.data, v, sizeof v, cudaMemcpyHostToDevice);
	need(!wpk_plan_needs(op, all, 3, &needs, &e), "needs");
	m.prepared_bytes = needs.prepared;
	m.workspace_bytes = needs.workspace;
	need(cudaMalloc(&m.prepared, needs.prepared) == cudaSuccess &&
		cudaMalloc(&m.workspace, needs.workspace) == cudaSuccess,
		"memory");
	need(!wpk_plan_prepare(op, all, 3, &m, NULL, &e), "prepare");
	need(!wpk_plan_run(op, all, 3, &m, NULL, &e), "lin");
	cudaMemcpy(v, y.data, sizeof v, cudaMemcpyDeviceToHost);
	for (int i = 0; i < 64; i++)
		for (int k = 0; k < 64; k++)
			need(v[i][k] == (float)((i + k) % 3),
				"an element of lin");
	printf("lin by %s\n", needs.by);
	cudaFree(x.data);
	cudaFree(w.data);
	cudaFree(y.data);
	cudaFree(m.prepared);
	cudaFree(m.workspace);
}

static char *read_all(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(1 << 20);

	need(f && text, "the plan");
	*n = fread(text, 1, 1 << 20, f);
	fclose(f);
	return text;
}

int main(int argc, char **argv)
{
	struct wpk_context *c;
	struct wpk_plan *p;
	size_t n;
	char *text = read_all(argc > 1 ? argv[1] : "", &n);

	need(!wpk_context_create(&c, NULL, &e), "context");
	need(wpk_plan_read(c, text, n, NULL, NULL, &p, &e) == WPK_E_MODULE,
		"a plan without kernels");
	need(!wpk_plan_read(c, text, n, NULL, ops_calls, &p, &e), "plan");
	scale(p);
	lin(p);
	wpk_plan_destroy(p);
	wpk_context_destroy(c);
	free(text);
	return 0;
}
