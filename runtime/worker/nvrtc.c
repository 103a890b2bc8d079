/* SPDX-License-Identifier: MIT */
/* NVRTC, opened at run time through the few declarations that are needed
 * (tests/worker/abi.c holds them to the toolkit's header). */
#include "runtime/worker/worker.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/worker/cuda.h"

static struct nvrtc_calls nvrtc;
/* Does it take --minimal? CUDA 12.4 was the first. */
static bool has_minimal;

static void *open_library(void)
{
	static const char *const names[] = { "libnvrtc.so", "libnvrtc.so.13",
		"libnvrtc.so.12", "libnvrtc.so.11.2" };
	static const char *const folders[] = { "", "/usr/local/cuda/lib64/" };
	const char *home = getenv("CUDA_HOME"), *own = getenv("WPK_NVRTC");
	char path[4096];
	void *l = NULL;

	if (own && *own)
		return dlopen(own, RTLD_NOW | RTLD_LOCAL);
	for (size_t f = 0; f < 3 && !l; f++)
		for (size_t i = 0; i < sizeof names / sizeof *names && !l; i++) {
			if (f == 0 && (!home || !*home))
				break;
			snprintf(path, sizeof path, f ? "%s%s" : "%s/lib64/%s",
				f ? folders[f - 1] : home, names[i]);
			l = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		}
	return l;
}

/* Its other half, which it asks for by name when it compiles: where it was opened
 * by its path, nobody looks beside it, unless that is loaded already. */
static void open_builtins(const void *inside, int major, int minor)
{
	char path[4096];
	Dl_info at;
	const char *slash;

	if (!dladdr(inside, &at) || !at.dli_fname)
		return;
	slash = strrchr(at.dli_fname, '/');
	snprintf(path, sizeof path, "%.*slibnvrtc-builtins.so.%d.%d", slash ?
		(int)(slash - at.dli_fname) + 1 : 0, at.dli_fname, major, minor);
	dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

const char *nvrtc_open(int *major, int *minor)
{
	void *l = open_library();

	if (!l)
		return "NVRTC (libnvrtc.so) was not found";
#define X(name, ...) \
	*(void **)&nvrtc.name = dlsym(l, "nvrtc" #name); \
	if (!nvrtc.name) \
		return "NVRTC lacks nvrtc" #name;
	NVRTC_CALLS(X)
#undef X
	if (nvrtc.Version(major, minor))
		return "NVRTC tells no version";
	open_builtins(*(void **)&nvrtc.Version, *major, *minor);
	has_minimal = *major > 12 || (*major == 12 && *minor >= 4);
	return NULL;
}

static char *log_of(wpk_nvrtc_program p)
{
	size_t n = 0;
	char *log;

	if (nvrtc.GetProgramLogSize(p, &n))
		n = 0;
	log = calloc(1, n + 1);
	if (log && n && nvrtc.GetProgramLog(p, log))
		*log = '\0';
	return log;
}

/* A cubin, or PTX and the zero that ends it; malloc'ed. */
static char *code_of(wpk_nvrtc_program p, bool ptx, size_t *n)
{
	int status = ptx ? nvrtc.GetPTXSize(p, n) : nvrtc.GetCUBINSize(p, n);
	char *code = status || !*n ? NULL : malloc(*n);

	if (code && (ptx ? nvrtc.GetPTX(p, code) : nvrtc.GetCUBIN(p, code))) {
		free(code);
		code = NULL;
	}
	return code;
}

static const char *write_code(wpk_nvrtc_program p, bool ptx, const char *out)
{
	size_t n = 0;
	char *code = code_of(p, ptx, &n);
	FILE *f;
	bool ok;

	if (!code)
		return "NVRTC made no code";
	f = fopen(out, "w");
	ok = f && fwrite(code, 1, n - ptx, f) == n - ptx;
	ok = f && fclose(f) == 0 && ok;
	free(code);
	return ok ? NULL : "the code cannot be written";
}

/* --minimal leaves out declarations of textures, surfaces and of the runtime on
 * the device, which no emitted text uses and every compilation reads. */
const char *nvrtc_compile(const char *text, const char *arch, const char *out,
	char **log)
{
	char option[64];
	const char *const options[] = { option, "-std=c++17",
		"--ptxas-options=-v", "--minimal" };
	wpk_nvrtc_program p;
	const char *why = NULL;
	int status;

	*log = NULL;
	snprintf(option, sizeof option, "--gpu-architecture=%s", arch);
	status = nvrtc.CreateProgram(&p, text, "kernel.cu", 0, NULL, NULL);
	if (status)
		return nvrtc.GetErrorString(status);
	status = nvrtc.CompileProgram(p, has_minimal ? 4 : 3, options);
	*log = log_of(p);
	why = status ? nvrtc.GetErrorString(status) : write_code(p,
		!strncmp(arch, "compute_", 8), out);
	nvrtc.DestroyProgram(&p);
	if (why && !status) {
		free(*log);
		*log = NULL;
	}
	return why;
}
