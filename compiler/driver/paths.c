/* SPDX-License-Identifier: MIT */
/* A thing that wpkc needs beside its own text comes in, its path goes out. All
 * places are relative to the running program, so an installed tree, a bundle
 * and a build tree work wherever they lie and from any working folder: first
 * the build tree's place, then that of an installation or bundle. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/paths.h"

enum { PLACES = 2, PATH_LIMIT = 4096 };

static const char *const places[][PLACES] = {
	[PATHS_STDLIB] = { "stdlib", "../share/wpk/stdlib" },
	[PATHS_EMU_HEADER] = { "emu/wpk_emu.h", "../share/wpk/emu/wpk_emu.h" },
	[PATHS_EMU_LIBRARY] = { "libwpkemu.a", "../lib/wpk/libwpkemu.a" },
	[PATHS_EMU_DRIVER] = { "libwpkemu.so", "../lib/wpk/libwpkemu.so" },
	[PATHS_WORKER] = { "wpkworker", "wpkworker" },
	[PATHS_WPKC] = { "wpkc", "wpkc" },
	[PATHS_WPKDB] = { "wpkdb", "wpkdb" },
	[PATHS_GPU_MAIN] = { "gpu/main.cu", "../share/wpk/gpu/main.cu" },
	[PATHS_DB] = { "tuning.db", "../share/wpk/tuning.db" },
};

/* The folder of the running program, "." where the system does not tell. */
static const char *program_folder(struct arena *a)
{
	char path[PATH_LIMIT];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);
	const char *slash;

	if (n <= 0 || n == (ssize_t)sizeof path)
		return ".";
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return ".";
	return arena_strndup(a, path, (size_t)(slash - path));
}

/* The places looked at for "what", in order, NULL-ended. */
static const char *const *places_of(struct arena *a, enum paths_what what)
{
	const char *folder = program_folder(a);
	const char **v = ARENA_ARRAY(a, PLACES + 1, const char *);

	for (int i = 0; i < PLACES; i++)
		v[i] = arena_printf(a, "%s/%s", folder, places[what][i]);
	return v;
}

const char *paths_find(struct arena *a, enum paths_what what)
{
	const char *const *tried = places_of(a, what);

	for (; *tried; tried++)
		if (!access(*tried, R_OK))
			return *tried;
	return NULL;
}

const char *paths_worker(struct arena *a)
{
	const char *own = getenv("WPK_WORKER");

	return own && *own ? own : paths_find(a, PATHS_WORKER);
}

const char *paths_executable(const char *path)
{
	return path && access(path, X_OK) == 0 ? path : NULL;
}

const char *paths_program(struct arena *a, const char *name)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t n = strcspn(path, ":");
		const char *p = paths_executable(arena_printf(a, "%.*s/%s",
			(int)n, path, name));

		if (p)
			return p;
		path += n + (path[n] == ':');
	}
	return NULL;
}
