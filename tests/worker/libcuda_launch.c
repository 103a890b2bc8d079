/* SPDX-License-Identifier: MIT */
/* What the driver for tests launches, at once or as a graph. Each launch takes some
 * virtual microseconds that follow from its threads, what libraries do takes what
 * they say (stub_takes()). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcuda.h"
#include "runtime/worker/cuda.h"

enum { LAUNCHES = 4096, ARGS = 24, MAPS = 4 };

/* Bytes of workspace to clear, where "to" is set. Arguments are integers and
 * pointers, then tensor maps. */
struct launch {
	void *function, *to;
	long args[ARGS];
	struct wpk_cu_map maps[MAPS];
	int n_args, n_maps;
	size_t bytes;
	struct wpk_cu_launch config;
	struct wpk_cu_attribute more[2];
	double us;
};

struct graph {
	struct launch v[LAUNCHES];
	int n;
};

static double clock_us;
static const void *encoded[MAPS];	/* maps for the next launch */
static int n_encoded;
static struct graph *capturing;

#ifdef EMULATED

int wpk_emu_launch(const void *config, const void *kernel,
	void (*invoke)(void *), void *closure);

/* Arguments are pointers and integers, so that they may all be passed as long,
 * and more than there are; and more maps, where the others are in registers. */
static void invoke(void *closure)
{
	const struct launch *l = closure;
	const struct wpk_cu_map *m = l->maps;
	const long *a = l->args;

	if (l->n_maps && l->n_args > 6)
		abort();
	if (l->n_maps) {
		((void (*)(long, long, long, long, long, long,
			struct wpk_cu_map, struct wpk_cu_map,
			struct wpk_cu_map, struct wpk_cu_map))l->function)(a[0],
			a[1], a[2], a[3], a[4], a[5], m[0], m[1], m[2], m[3]);
		return;
	}
	((void (*)(long, long, long, long, long, long, long, long, long, long,
		long, long, long, long, long, long, long, long, long, long,
		long, long, long, long))l->function)(a[0], a[1], a[2], a[3],
		a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13],
		a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22],
		a[23]);
}

static void run_kernel(struct launch *l)
{
	const struct wpk_cu_launch *c = &l->config;
	struct {
		unsigned id, value[3];
	} more[2] = { { 0, { 0 } } };
	struct {
		unsigned grid[3], block[3];
		size_t shared;
		void *stream;
		const void *attributes;
		unsigned n;
	} config = { { c->grid[0], c->grid[1], c->grid[2] }, { c->block[0],
		c->block[1], c->block[2] }, c->shared, NULL, more,
		c->n_attributes };

	for (unsigned i = 0; i < c->n_attributes; i++) {
		more[i].id = l->more[i].id;
		memcpy(more[i].value, l->more[i].value.cluster,
			sizeof more[i].value);
	}

	wpk_emu_launch(&config, l->function, invoke, l);
}

#else

static void run_kernel(struct launch *l)
{
	const char *n = getenv("STUB_N");
	long count = n ? atol(n) : 0;
	float factor = getenv("STUB_WRONG") ? 3 : 2;
	const float *x = (const float *)l->args[0];
	float *y = (float *)l->args[1];

	for (long i = 0; i < count; i++)
		y[i] = factor * x[i];
	if (getenv("STUB_BEYOND"))
		y[count] = 0;
}

#endif

static void run(struct launch *l)
{
	clock_us += l->us;
	if (!l->to && !l->function)
		return;
	if (l->to)
		memset(l->to, l->args[0], l->bytes);
	else
		run_kernel(l);
}

/* Now, or when the graph is launched. */
static void take(struct launch *l)
{
	if (capturing && capturing->n < LAUNCHES)
		capturing->v[capturing->n++] = *l;
	else
		run(l);
}

static void take_argument(struct launch *x, const void *p)
{
	bool map = false;

	for (int i = 0; i < n_encoded; i++)
		map |= encoded[i] == p;
	if (map && x->n_maps < MAPS)
		x->maps[x->n_maps++] = *(const struct wpk_cu_map *)p;
	else if (!map && x->n_args < ARGS)
		memcpy(&x->args[x->n_args++], p, sizeof *x->args);
}

int cuLaunchKernelEx(const struct wpk_cu_launch *l, wpk_cu f, void **args,
	void **extra)
{
	struct launch x = { .function = f, .config = *l };
	unsigned cluster = 1;
	bool early = false;
	char text[128];
	int status;

	(void)extra;
	for (unsigned i = 0; i < l->n_attributes && i < 2; i++) {
		x.more[i] = l->attributes[i];
		if (x.more[i].id == WPK_CU_ATTRIBUTE_CLUSTER)
			cluster = x.more[i].value.cluster[0];
		early |= x.more[i].id == WPK_CU_ATTRIBUTE_EARLY &&
			x.more[i].value.early;
	}
	snprintf(text, sizeof text, "grid %u %u %u block %u shared %u "
		"cluster %u%s on %s", l->grid[0], l->grid[1], l->grid[2],
		l->block[0], l->shared, cluster, early ? " early" : "",
		(const char *)l->stream);
	status = stub_call("cuLaunchKernelEx", text);
	if (status)
		return status;
#ifndef EMULATED
	if (strcmp(f, "twice_kernel"))
		return 1;
#endif
	for (int i = 0; args[i]; i++)
		take_argument(&x, args[i]);
	n_encoded = 0;
	x.us = 1 + l->block[0] / 256.0;
	take(&x);
	return 0;
}

#if !defined LACKS_MAPS && defined EMULATED
int wpk_emu_tensor_map_tiled(struct wpk_cu_map *out, int type, unsigned rank,
	void *address, const unsigned long long *dims,
	const unsigned long long *strides, const unsigned *box,
	const unsigned *steps, int interleave, int swizzle, int promotion,
	int fill);
int wpk_emu_tensor_map_im2col(struct wpk_cu_map *out, int type, unsigned rank,
	void *address, const unsigned long long *dims,
	const unsigned long long *strides, const int *lower, const int *upper,
	unsigned channels, unsigned pixels, const unsigned *steps,
	int interleave, int swizzle, int promotion, int fill);

static void note_map(const struct wpk_cu_map *map)
{
	if (n_encoded == MAPS)
		abort();
	encoded[n_encoded++] = map;
}

int cuTensorMapEncodeTiled(struct wpk_cu_map *out, int type, unsigned rank,
	void *address, const unsigned long long *dims,
	const unsigned long long *strides, const unsigned *box,
	const unsigned *steps, int interleave, int swizzle, int promotion,
	int fill)
{
	CALL("cuTensorMapEncodeTiled");
	note_map(out);
	return wpk_emu_tensor_map_tiled(out, type, rank, address, dims, strides,
		box, steps, interleave, swizzle, promotion, fill);
}

int cuTensorMapEncodeIm2col(struct wpk_cu_map *out, int type, unsigned rank,
	void *address, const unsigned long long *dims,
	const unsigned long long *strides, const int *lower, const int *upper,
	unsigned channels, unsigned pixels, const unsigned *steps,
	int interleave, int swizzle, int promotion, int fill)
{
	CALL("cuTensorMapEncodeIm2col");
	note_map(out);
	return wpk_emu_tensor_map_im2col(out, type, rank, address, dims,
		strides, lower, upper, channels, pixels, steps, interleave,
		swizzle, promotion, fill);
}
#endif

int cuMemsetD8Async(wpk_cu_pointer to, unsigned char v, size_t n, wpk_cu s)
{
	struct launch x = { .to = (void *)to, .args = { v }, .bytes = n };

	CALL("cuMemsetD8Async");
	take(&x);
	return 0;
}

int cuEventCreate(wpk_cu *e, unsigned flags)
{
	(void)flags;
	*e = calloc(1, sizeof(double));
	return stub_call("cuEventCreate", "");
}

void stub_takes(double us)
{
	struct launch l = { .us = us };

	if (capturing && capturing->n < LAUNCHES)
		capturing->v[capturing->n++] = l;
	else if (!capturing)
		run(&l);
}

int cuEventRecord(wpk_cu e, wpk_cu s)
{
	(void)s;
	*(double *)e = clock_us;
	return stub_call("cuEventRecord", "");
}

int cuEventSynchronize(wpk_cu e)
{
	(void)e;
	return stub_call("cuEventSynchronize", "");
}

int cuEventElapsedTime(float *ms, wpk_cu a, wpk_cu b)
{
	*ms = (float)((*(double *)b - *(double *)a) * 1e-3);
	return stub_call("cuEventElapsedTime", "");
}

#ifndef LACKS_CAPTURE
int cuStreamBeginCapture_v2(wpk_cu s, int mode)
{
	(void)s;
	(void)mode;
	CALL("cuStreamBeginCapture");
	capturing = calloc(1, sizeof *capturing);
	return 0;
}
#endif

int cuStreamEndCapture(wpk_cu s, wpk_cu *g)
{
	(void)s;
	*g = capturing;
	capturing = NULL;
	return stub_call("cuStreamEndCapture", "");
}

int cuGraphInstantiateWithFlags(wpk_cu *e, wpk_cu g, unsigned long long flags)
{
	(void)flags;
	CALL("cuGraphInstantiate");
	*e = memcpy(malloc(sizeof(struct graph)), g, sizeof(struct graph));
	return 0;
}

int cuGraphLaunch(wpk_cu e, wpk_cu s)
{
	struct graph *g = e;

	(void)s;
	CALL("cuGraphLaunch");
#ifdef EMULATED
	for (int i = 0; i < g->n; i++)
		clock_us += g->v[i].us;
	return 0;
#endif
	for (int i = 0; i < g->n; i++)
		run(&g->v[i]);
	return 0;
}

int cuGraphExecDestroy(wpk_cu e)
{
	free(e);
	return stub_call("cuGraphExecDestroy", "");
}

int cuGraphDestroy(wpk_cu g)
{
	free(g);
	return 0;
}
