/* SPDX-License-Identifier: MIT */
/* module_tool SOURCE OUT: a module of the emulated driver of a file of emitted
 * text, with each kernel in it: a name on the line below "extern "C" __global__"
 * or on the same. Stands for nvcc where a test gives the worker that driver. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/source.h"
#include "driver/cxx.h"

enum { KERNELS = 64 };

/* The name before the "(" at or behind "p" that is not of a "__" word. */
static const char *name_at(struct arena *a, const char *p)
{
	for (;;) {
		size_t n;

		p += strcspn(p, "_abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		n = strspn(p, "_abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
		if (!n)
			return NULL;
		if (p[n] == '(' && strncmp(p, "__", 2))
			return arena_strndup(a, p, n);
		p += n;
	}
}

int main(int argc, char **argv)
{
	static const char mark[] = "extern \"C\" __global__";
	struct arena *a = arena_create();
	const char *names[KERNELS], *why = "usage: module_tool SOURCE OUT", *p;
	struct source *s = argc == 3 ? source_read(a, argv[1], &why) : NULL;
	int n = 0, status;

	for (p = s ? strstr(s->text, mark) : NULL; p && n < KERNELS;
	     p = strstr(p + 1, mark))
		if ((names[n] = name_at(a, p + sizeof mark - 1)))
			n++;
	status = !s || !emu_module(a, target_named("sm_90a"), NULL, s->text,
		names, n, 0, argv[2], &why);
	if (status)
		fprintf(stderr, "%s\n", why);
	arena_destroy(a);
	return status;
}
