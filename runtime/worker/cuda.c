/* SPDX-License-Identifier: MIT */
/* The CUDA driver's library, opened at run time. */
#include "runtime/worker/cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct cuda_calls cuda;

static char sentence[300];

static const char *load_all(void *library)
{
#define X(field, symbol, arguments) \
	*(void **)&cuda.field = dlsym(library, symbol); \
	if (!cuda.field) { \
		snprintf(sentence, sizeof sentence, "the CUDA driver " \
			"(libcuda.so.1) is too old: it has no %s", symbol); \
		return sentence; \
	}
	CUDA_CALLS(X)
#undef X
#define X(field, symbol, arguments) \
	*(void **)&cuda.field = dlsym(library, symbol);
	GREEN_CALLS(X)
	MAP_CALLS(X)
#undef X
	return NULL;
}

const char *cuda_open(void)
{
	const char *own = getenv("WPK_LIBCUDA");
	void *l = dlopen(own && *own ? own : "libcuda.so.1", RTLD_NOW |
		RTLD_LOCAL);

	if (!l)
		return "there is no CUDA driver (libcuda.so.1): no GPU can be "
			"measured on this machine";
	return load_all(l);
}

const char *cuda_lacks_green(void)
{
#define X(field, symbol, arguments) \
	if (!cuda.field) \
		return symbol;
	GREEN_CALLS(X)
#undef X
	return NULL;
}

const char *cuda_error(int status)
{
	const char *name = NULL;

	if (cuda.error_name && !cuda.error_name(status, &name) && name)
		return name;
	snprintf(sentence, sizeof sentence, "CUDA error %d", status);
	return sentence;
}
