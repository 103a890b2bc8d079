/* SPDX-License-Identifier: MIT */
/* The CUDA driver's library, opened at run time. */
#include "runtime/lib/driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL, or the function that the library lacks. */
static const char *load_all(struct cuda_calls *c, void *library)
{
#define X(field, symbol, arguments) \
	*(void **)&c->field = dlsym(library, symbol); \
	if (!c->field) \
		return symbol;
	CUDA_CALLS(X)
#undef X
#define X(field, symbol, arguments) \
	*(void **)&c->field = dlsym(library, symbol);
	OWNER_CALLS(X)
	GREEN_CALLS(X)
	MAP_CALLS(X)
#undef X
	return NULL;
}

void *cuda_open(struct cuda_calls *c, const char *path, char why[300])
{
	const char *own = getenv("WPK_LIBCUDA"), *lacks;
	const char *file = path ? path : own && *own ? own : "libcuda.so.1";
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	memset(c, 0, sizeof *c);
	if (!library) {
		snprintf(why, 300, "there is no CUDA driver (%s): no GPU can "
			"be used on this machine", file);
		return NULL;
	}
	lacks = load_all(c, library);
	if (!lacks)
		return library;
	snprintf(why, 300, "the CUDA driver (%s) is too old: it has no %s",
		file, lacks);
	dlclose(library);
	return NULL;
}

const char *cuda_lacks_green(const struct cuda_calls *c)
{
#define X(field, symbol, arguments) \
	if (!c->field) \
		return symbol;
	GREEN_CALLS(X)
#undef X
	return NULL;
}

/* What the driver's documentation says it of, an uncorrectable error, and an unknown
 * one, which comes of a driver in disorder. Launches that ask for too much, captures
 * that were broken and the like leave the context as it was. */
bool cuda_is_lost(int status)
{
	static const int codes[] = { 214, 220, 226, 700, 702, 709, 710, 714, 715,
		716, 717, 718, 719, 721, 810, 911, 999 };

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i] == status)
			return true;
	return false;
}

const char *cuda_error_name(const struct cuda_calls *c, int status,
	char scratch[40])
{
	const char *name = NULL;

	if (c->error_name && !c->error_name(status, &name) && name)
		return name;
	snprintf(scratch, 40, "CUDA error %d", status);
	return scratch;
}
