/* SPDX-License-Identifier: MIT */
/* A CUDA driver for tests: device memory is the host's, and the one kernel it can
 * run is "twice_kernel", y = 2 * x, of $STUB_N floats. With -DEMULATED and the
 * emulator linked in, modules are shared objects of kernels compiled for the
 * emulator (nvcc in tests/worker.t), and every kernel runs, but in replays. Every
 * call is a line of $STUB_LOG. On cue calls fail or hang:
 *
 *	STUB_FAIL=cuLaunchKernelEx:3:700	the third one returns 700
 *	STUB_HANG=cuStreamSynchronize:2		the second never returns
 *	STUB_WRONG=1				results are wrong
 *	STUB_BEYOND=1				and one element too many written
 *
 * Compiled with -DLACKS_GREEN, -DLACKS_CAPTURE or -DLACKS_MAPS it has not these
 * calls. Here are devices, modules and memory; libcuda_launch.c launches. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcuda.h"
#include "runtime/worker/cuda.h"

enum { CALLS = 64 };

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

int stub_call(const char *name, const char *detail)
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
	return stub_call("cuCtxSetCurrent", c ? c : "none");
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
	return stub_call("cuModuleLoadData", "") ? 1 : 200;
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
	return stub_call("cuStreamSynchronize", s ? s : "");
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
	return stub_call("cuModuleUnload", "");
}

int cuModuleGetFunction(wpk_cu *f, wpk_cu m, const char *name)
{
	(void)m;
#ifdef EMULATED
	*f = dlsym(m, name);
	return *f ? 0 : 500;
#endif
	*f = strdup(name);
	return stub_call("cuModuleGetFunction", name);
}

#ifdef EMULATED
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
	return stub_call("cuFuncSetAttribute", text);
}

int cuMemAlloc_v2(wpk_cu_pointer *p, size_t n)
{
	CALL("cuMemAlloc");
	*p = (wpk_cu_pointer)aligned_alloc(256, (n + 511) / 256 * 256);
	return *p ? 0 : 2;
}

int cuMemFree_v2(wpk_cu_pointer p)
{
	free((void *)p);
	return stub_call("cuMemFree", "");
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
	return stub_call("cuDevSmResourceSplitByCount", text);
}

int cuDevResourceGenerateDesc(wpk_cu *d, struct wpk_cu_resource *r, unsigned n)
{
	(void)r;
	(void)n;
	*d = "description";
	return stub_call("cuDevResourceGenerateDesc", "");
}

int cuGreenCtxCreate(wpk_cu *g, wpk_cu d, int device, unsigned flags)
{
	(void)d;
	(void)device;
	(void)flags;
	*g = "green";
	return stub_call("cuGreenCtxCreate", "");
}

int cuCtxFromGreenCtx(wpk_cu *c, wpk_cu g)
{
	(void)g;
	*c = "green";
	return stub_call("cuCtxFromGreenCtx", "");
}

int cuGreenCtxStreamCreate(wpk_cu *s, wpk_cu g, unsigned flags, int priority)
{
	(void)g;
	(void)flags;
	(void)priority;
	*s = "green stream";
	return stub_call("cuGreenCtxStreamCreate", "");
}
#endif
