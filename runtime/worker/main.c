/* SPDX-License-Identifier: MIT */
/* wpkworker: the process that compiles or measures candidates for wpkc, one
 * request a line (README.md beside this). By hand:
 *
 *	wpkworker --device=gpu:0 [--share=PERCENT [--mps]]
 *	wpkworker --device=emu
 *	wpkworker --compile
 *	          [--memory=BYTES] of address space, for it and what it starts */
#include "runtime/worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *device;
	bool compile, mps;
	int share;
	double memory;
};

static const char *after(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return strncmp(arg, name, n) ? NULL : arg + n;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	*o = (struct options){ .share = 100 };
	for (int i = 1; i < argc; i++) {
		const char *v;

		if ((v = after(argv[i], "--device=")))
			o->device = v;
		else if ((v = after(argv[i], "--share=")))
			o->share = atoi(v);
		else if ((v = after(argv[i], "--memory=")))
			o->memory = atof(v);
		else if (!strcmp(argv[i], "--compile"))
			o->compile = true;
		else if (!strcmp(argv[i], "--mps"))
			o->mps = true;
		else
			return false;
	}
	return o->compile != (o->device != NULL) && o->share >= 1 &&
		o->share <= 100;
}

static int measure(const struct options *o)
{
	const char *gpu = after(o->device, "gpu:");

	if (!strcmp(o->device, "emu"))
		return race_serve(device_emu());
	if (gpu && *gpu >= '0' && *gpu <= '9')
		return race_serve(device_gpu(atoi(gpu), o->share, o->mps));
	fprintf(stderr, "wpkworker: there is no device '%s'\n", o->device);
	return 1;
}

/* There are as many of these as processors, and one that measures: what it hands to
 * the device in time, it has to be on a processor in time for. */
static void give_way(void)
{
	errno = 0;
	if (nice(5) < 0 && errno)
		perror("wpkworker: nice");
}

int main(int argc, char **argv)
{
	struct options o;

	if (!read_options(argc, argv, &o)) {
		fputs("usage: wpkworker --device=gpu:N [--share=PERCENT [--mps]]\n"
			"       wpkworker --device=emu [--memory=BYTES]\n"
			"       wpkworker --compile [--memory=BYTES]\n"
			"Requests come on standard input; wpkc starts it.\n",
			stderr);
		return 1;
	}
	limits_begin();
	limits_memory(o.memory);
	if (o.compile)
		give_way();
	return o.compile ? compile_serve() : measure(&o);
}
