/* SPDX-License-Identifier: MIT */
/* Which C++ compiler there is, and how it is asked to take emitted text with
 * the emulator's header before it. */
#include "driver/cxx.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cuda/cuda.h"

static const char *const known[] = { "g++", "c++", "clang++", NULL };

void cxx_push(struct cxx_command *k, const char *arg)
{
	if (k->n < CXX_ARGS - 1)
		k->v[k->n++] = arg;
}

static void push_words(struct arena *a, struct cxx_command *k, const char *name)
{
	char *words = arena_strdup(a, name), *save = NULL;

	for (char *w = strtok_r(words, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		cxx_push(k, w);
}

/* The compiler may be killed. */
void cxx_begin(struct arena *a, const char *compiler, const char *folder,
	struct cxx_command *k)
{
	*k = (struct cxx_command){ .n = 0 };
	cxx_push(k, "env");
	cxx_push(k, arena_printf(a, "TMPDIR=%s", folder));
	push_words(a, k, compiler);
}

void cxx_push_text_flags(struct arena *a, const struct target *t,
	const struct gpu *gpu, struct cxx_command *k)
{
	static const char *const flags[] = {
		"-x", "c++", "-std=gnu++17", "-w", "-Wno-psabi",
		"-fno-strict-aliasing",
		"-fno-math-errno", "-fno-exceptions", "-DWPK_EMULATE"
	};
	const char *macros[2];

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		cxx_push(k, flags[i]);
	cuda_device_macros(a, t, macros);
	for (int i = 0; i < 2 && macros[i]; i++)
		cxx_push(k, macros[i]);
	if (gpu) {
		cuda_gpu_macros(a, gpu, macros);
		cxx_push(k, macros[0]);
		cxx_push(k, macros[1]);
	}
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		cxx_push(k, "-mavx2");
		cxx_push(k, "-mfma");
	}
#endif
}

void cxx_push_libraries(struct cxx_command *k)
{
	static const char *const libraries[] = { "-nodefaultlibs", "-lm", "-lc",
		"-lgcc" };

	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
		cxx_push(k, libraries[i]);
}

void cxx_push_linker(struct arena *a, struct cxx_command *k)
{
	if (paths_program(a, "ld.gold"))
		cxx_push(k, "-fuse-ld=gold");
}

static const char *own_compiler(void)
{
	const char *own = getenv("CXX");

	return own && *own ? own : NULL;
}

const char *const *cxx_names(struct arena *a)
{
	const char **mine = ARENA_ARRAY(a, 2, const char *);

	mine[0] = own_compiler();
	mine[1] = NULL;
	return mine[0] ? mine : known;
}

const char *cxx_some(struct arena *a)
{
	const char *own = own_compiler();

	if (own)
		return own;
	for (int i = 0; known[i]; i++)
		if (paths_program(a, known[i]))
			return known[i];
	return NULL;
}

static const char *name_of(enum paths_what what)
{
	return what == PATHS_EMU_HEADER ? "emu/wpk_emu.h" :
		what == PATHS_EMU_DRIVER ? "libwpkemu.so" : "libwpkemu.a";
}

const char *cxx_emulator_file(struct arena *a, enum paths_what what)
{
	const char *dir = getenv("WPK_EMU_DIR"), *path;

	if (!dir || !*dir)
		return paths_find(a, what);
	path = arena_printf(a, "%s/%s", dir, name_of(what));
	return access(path, R_OK) ? NULL : path;
}
