/* SPDX-License-Identifier: MIT */
/* runtime PLAN OPERATOR N: host time of wpk_plan_run() on a driver that does
 * nothing, N calls in a row, the least of nine rounds; and of the driver's launch
 * alone, by itself. Tensors are dense. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/wpk.h"
#include "tests/runtime/null.h"

enum { MOST = 16, ROUNDS = 9 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void need(enum wpk_status s, const struct wpk_error *e)
{
	if (!s)
		return;
	fprintf(stderr, "runtime: %s\n", e->text);
	exit(1);
}

static double launch_alone(const char *driver, long n)
{
	int (*launch)(const struct wpk_cu_launch *, void *, void **, void **) =
		NULL;
	struct wpk_cu_launch l = { { 1, 1, 1 }, { 1, 1, 1 }, 0, NULL, NULL, 0 };
	void *args[] = { &l, &l, &l, &l, NULL };
	double from;

	*(void **)&launch = dlsym(dlopen(driver, RTLD_NOW),
		"cuLaunchKernelEx");
	from = now();
	for (long i = 0; i < n; i++)
		launch(&l, NULL, args, NULL);
	return (now() - from) / (double)n;
}

int main(int argc, char **argv)
{
	struct wpk_options o = { .size = sizeof o };
	struct wpk_tensor t = { .size = sizeof t };
	static int64_t shapes[MOST][WPK_RANK];
	DLTensor tensors[MOST];
	const DLTensor *all[MOST];
	const struct wpk_operator *op;
	struct wpk_memory m = { (void *)0x100000000, 1 << 30,
		(void *)0x200000000, 1 << 30 };
	double least = 1e9, alone = 1e9, took;
	struct wpk_context *c;
	struct wpk_plan *p;
	struct wpk_error e;
	long n = argc > 3 ? atol(argv[3]) : 1000;
	int count;

	o.driver = getenv("WPK_LIBCUDA");
	need(wpk_context_create(&c, &o, &e), &e);
	need(wpk_plan_load(c, argv[1], &p, &e), &e);
	op = wpk_plan_find(p, argc > 2 ? argv[2] : "");
	count = wpk_operator_tensors(op);
	for (int i = 0; i < count && i < MOST; i++) {
		need(wpk_operator_tensor(op, i, &t, &e), &e);
		for (int d = 0; d < t.ndim; d++)
			shapes[i][d] = t.dims[d] < 0 ? 64 : t.dims[d];
		tensors[i] = (DLTensor){ (void *)((size_t)(i + 1) << 40),
			{ kDLCUDA, 0 }, t.ndim, t.dtype, shapes[i], NULL, 0 };
		all[i] = &tensors[i];
	}
	for (int round = 0; round < ROUNDS; round++) {
		double from = now();

		for (long i = 0; i < n; i++)
			need(wpk_plan_run(op, all, count, &m, NULL, &e), &e);
		took = (now() - from) / (double)n;
		least = took < least ? took : least;
		took = launch_alone(o.driver, n);
		alone = took < alone ? took : alone;
	}
	printf("%.0f %.0f\n", least, alone);
	wpk_plan_destroy(p);
	wpk_context_destroy(c);
	return 0;
}
