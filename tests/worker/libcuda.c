/* SPDX-License-Identifier: MIT */
/* A CUDA driver for tests: device memory is the host's, and the one kernel it
 * can run is "twice_kernel", y = 2 * x, of $STUB_N floats. With -DEMULATED and
 * the emulator linked in, modules are shared objects of kernels compiled for
 * the emulator (nvcc in tests/worker.t), and every kernel runs, but in replays. Each launch takes
 * some virtual microseconds that follow from its threads. Every call is a line
 * of $STUB_LOG. What libraries do takes what they say (stub_takes()). On cue calls fail or hang:
 *
 *	STUB_FAIL=cuLaunchKernelEx:3:700	the third one returns 700
 *	STUB_HANG=cuStreamSynchronize:2		the second never returns
 *	STUB_WRONG=1				results are wrong
 *	STUB_BEYOND=1				and one element too many written
 *
 * Compiled with -DLACKS_GREEN, -DLACKS_CAPTURE or -DLACKS_MAPS it has not these
 * calls. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/worker/cuda.h"

enum { LAUNCHES = 4096, CALLS = 64, ARGS = 24, MAPS = 4 };

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
static struct {
	const char *name;
	int n;
} called[CALLS];

static int number_of(const char *name)
{
	for (int i = 0; i < CALLS; i++) {
		if (!called[i].name)
			called[i].name = name;
		if (!strcmp(called[i].name, name))
			return ++called[i].n;
	}
	abort();
}

static int call(const char *name, const char *detail)
{
	const char *log = getenv("STUB_LOG"), *fail = getenv("STUB_FAIL");
	const char *hang = getenv("STUB_HANG");
	int n = number_of(name), which, status;
	char cue[64];
	FILE *f = log ? fopen(log, "a") : NULL;

	if (f) {
		fprintf(f, "%s %s\n", name, detail);
		fclose(f);
	}
	if (hang && sscanf(hang, "%63[^:]:%d", cue, &which) == 2 &&
	    !strcmp(cue, name) && n == which)
		for (;;)
			pause();
	if (fail && sscanf(fail, "%63[^:]:%d:%d", cue, &which, &status) == 3 &&
	    !strcmp(cue, name) && n == which)
		return status;
	return 0;
}

#define CALL(name) \
	do { \
		int status = call(name, ""); \
		if (status) \
			return status; \
	} while (0)

/* What the modules need of the emulator is in this library. */
int cuInit(unsigned flags)
{
	Dl_info self;

	(void)flags;
	CALL("cuInit");
	if (dladdr((void *)cuInit, &self))
		dlopen(self.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
	return 0;
}

int cuDriverGetVersion(int *v)
{
	*v = 13010;
	return 0;
}

int cuDeviceGetCount(int *n)
{
	CALL("cuDeviceGetCount");
	*n = 1;
	return 0;
}

int cuDeviceGet(int *d, int i)
{
	*d = i;
	return 0;
}

int cuDeviceGetName(char *name, int n, int d)
{
	const char *own = getenv("STUB_NAME");

	(void)d;
	snprintf(name, (size_t)n, "%s", own ? own : "Stub H200");
	return 0;
}

int cuDeviceGetPCIBusId(char *name, int n, int d)
{
	(void)d;
	snprintf(name, (size_t)n, "0000:01:00.0");
	return 0;
}

int cuDeviceGetAttribute(int *v, int which, int d)
{
	(void)d;
	*v = which == WPK_CU_MULTIPROCESSORS ? 132 : which == WPK_CU_L2_BYTES ?
		1 << 20 : which == WPK_CU_MAJOR ? 9 : 0;
	return 0;
}

int cuDevicePrimaryCtxRetain(wpk_cu *c, int d)
{
	(void)d;
	CALL("cuDevicePrimaryCtxRetain");
	*c = "primary";
	return 0;
}

static wpk_cu current;

int cuCtxSetCurrent(wpk_cu c)
{
	current = c;
	return call("cuCtxSetCurrent", c ? c : "none");
}

int cuCtxGetCurrent(wpk_cu *c)
{
	*c = current;
	return 0;
}

int cuDevicePrimaryCtxRelease_v2(int d)
{
	(void)d;
	return 0;
}

int cuModuleLoadData(wpk_cu *m, const void *data)
{
	(void)m, (void)data;
	return call("cuModuleLoadData", "") ? 1 : 200;
}

int cuGetErrorName(int status, const char **name)
{
	*name = status == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : status == 2 ?
		"CUDA_ERROR_OUT_OF_MEMORY" : status == 701 ?
		"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES" : status == 100 ?
		"CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_UNKNOWN";
	return 0;
}

int cuStreamCreate(wpk_cu *s, unsigned flags)
{
	(void)flags;
	CALL("cuStreamCreate");
	*s = "stream";
	return 0;
}

int cuStreamSynchronize(wpk_cu s)
{
	return call("cuStreamSynchronize", s ? s : "");
}

/* A cubin is an ELF file for machine 190. */
int cuModuleLoad(wpk_cu *m, const char *path)
{
	unsigned char head[20] = { 0 };
	FILE *f = fopen(path, "r");

	CALL("cuModuleLoad");
	if (!f)
		return 301;
	if (fread(head, 1, sizeof head, f) != sizeof head)
		head[0] = 0;
	fclose(f);
#ifdef EMULATED
	*m = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!*m)
		fprintf(stderr, "%s\n", dlerror());
	return *m ? 0 : 200;
#endif
	*m = "module";
	return head[0] == 0x7f && head[18] == 190 ? 0 : 200;
}

int cuModuleUnload(wpk_cu m)
{
	(void)m;
	return call("cuModuleUnload", "");
}

int cuModuleGetFunction(wpk_cu *f, wpk_cu m, const char *name)
{
	(void)m;
#ifdef EMULATED
	*f = dlsym(m, name);
	return *f ? 0 : 500;
#endif
	*f = strdup(name);
	return call("cuModuleGetFunction", name);
}

#ifdef EMULATED
int wpk_emu_launch(const void *config, const void *kernel,
	void (*invoke)(void *), void *closure);
int wpk_emu_set_shared(const void *kernel, int bytes);
#endif

int cuFuncSetAttribute(wpk_cu f, int which, int v)
{
	char text[64];

	(void)f;
#ifdef EMULATED
	if (which == WPK_CU_FUNC_SHARED)
		wpk_emu_set_shared(f, v);
#endif
	snprintf(text, sizeof text, "%d %d", which, v);
	return call("cuFuncSetAttribute", text);
}

#ifdef EMULATED

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
	status = call("cuLaunchKernelEx", text);
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

int cuMemAlloc_v2(wpk_cu_pointer *p, size_t n)
{
	CALL("cuMemAlloc");
	*p = (wpk_cu_pointer)aligned_alloc(256, (n + 511) / 256 * 256);
	return *p ? 0 : 2;
}

int cuMemFree_v2(wpk_cu_pointer p)
{
	free((void *)p);
	return call("cuMemFree", "");
}

int cuMemGetInfo_v2(size_t *left, size_t *all)
{
	*left = *all = (size_t)1 << 30;
	return 0;
}

int cuMemcpyHtoD_v2(wpk_cu_pointer to, const void *from, size_t n)
{
	CALL("cuMemcpyHtoD");
	memcpy((void *)to, from, n);
	return 0;
}

int cuMemcpyDtoH_v2(void *to, wpk_cu_pointer from, size_t n)
{
	CALL("cuMemcpyDtoH");
	memcpy(to, (void *)from, n);
	return 0;
}

int cuMemcpyDtoD_v2(wpk_cu_pointer to, wpk_cu_pointer from, size_t n)
{
	CALL("cuMemcpyDtoD");
	memcpy((void *)to, (void *)from, n);
	return 0;
}

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
	return call("cuEventCreate", "");
}

void stub_takes(double us);

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
	return call("cuEventRecord", "");
}

int cuEventSynchronize(wpk_cu e)
{
	(void)e;
	return call("cuEventSynchronize", "");
}

int cuEventElapsedTime(float *ms, wpk_cu a, wpk_cu b)
{
	*ms = (float)((*(double *)b - *(double *)a) * 1e-3);
	return call("cuEventElapsedTime", "");
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
	return call("cuStreamEndCapture", "");
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
	return call("cuGraphExecDestroy", "");
}

int cuGraphDestroy(wpk_cu g)
{
	free(g);
	return 0;
}

#ifndef LACKS_GREEN
int cuDeviceGetDevResource(int d, struct wpk_cu_resource *r, int kind)
{
	(void)d;
	CALL("cuDeviceGetDevResource");
	*r = (struct wpk_cu_resource){ .kind = kind, .of.sms = 132 };
	return 0;
}

/* By eights, as Hopper does. */
int cuDevSmResourceSplitByCount(struct wpk_cu_resource *out, unsigned *n,
	const struct wpk_cu_resource *in, struct wpk_cu_resource *rest,
	unsigned flags, unsigned least)
{
	char text[32];

	(void)flags;
	(void)n;
	snprintf(text, sizeof text, "%u", least);
	*out = *in;
	out->of.sms = (least + 7) / 8 * 8;
	*rest = *in;
	rest->of.sms -= out->of.sms;
	return call("cuDevSmResourceSplitByCount", text);
}

int cuDevResourceGenerateDesc(wpk_cu *d, struct wpk_cu_resource *r, unsigned n)
{
	(void)r;
	(void)n;
	*d = "description";
	return call("cuDevResourceGenerateDesc", "");
}

int cuGreenCtxCreate(wpk_cu *g, wpk_cu d, int device, unsigned flags)
{
	(void)d;
	(void)device;
	(void)flags;
	*g = "green";
	return call("cuGreenCtxCreate", "");
}

int cuCtxFromGreenCtx(wpk_cu *c, wpk_cu g)
{
	(void)g;
	*c = "green";
	return call("cuCtxFromGreenCtx", "");
}

int cuGreenCtxStreamCreate(wpk_cu *s, wpk_cu g, unsigned flags, int priority)
{
	(void)g;
	(void)flags;
	(void)priority;
	*s = "green stream";
	return call("cuGreenCtxStreamCreate", "");
}
#endif
