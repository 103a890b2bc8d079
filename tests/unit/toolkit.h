/* SPDX-License-Identifier: MIT */
/* nvcc for unit tests: assembles a text for one architecture. make sets NVCC,
 * to nothing where there is no toolkit. And the emulator. */
#ifndef WPK_TESTS_UNIT_TOOLKIT_H
#define WPK_TESTS_UNIT_TOOLKIT_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline const char *toolkit_nvcc(void)
{
	const char *nvcc = getenv("NVCC");

	return nvcc && *nvcc ? nvcc : NULL;
}

static inline bool toolkit_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fputs(text, f) >= 0;

	return f && fclose(f) == 0 && ok;
}

/* Runs argv with both outputs in "log"; its exit code, or -1. */
static inline int toolkit_run(char *const argv[], const char *log)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (!freopen(log, "w", stdout) || dup2(1, 2) < 0)
			_exit(126);
		execv(argv[0], argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static inline void toolkit_show(const char *path)
{
	char line[400];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof line, f))
		fprintf(stderr, "%s", line);
	if (f)
		fclose(f);
}

/* What is used of NVRTC, found beside nvcc. */
struct toolkit_nvrtc {
	void *library;
	int (*create)(void **program, const char *text, const char *name,
		int headers, const char *const *bodies,
		const char *const *names);
	int (*compile)(void *program, int n, const char *const *options);
	int (*log_size)(void *program, size_t *size);
	int (*log)(void *program, char *text);
	int (*destroy)(void **program);
};

static inline struct toolkit_nvrtc toolkit_nvrtc(void)
{
	struct toolkit_nvrtc r = { 0 };
	const char *nvcc = toolkit_nvcc(), *end = nvcc ?
		strrchr(nvcc, '/') : NULL;
	char path[512];

	if (!end)
		return r;
	snprintf(path, sizeof path, "%.*s/../lib64/libnvrtc.so",
		(int)(end - nvcc), nvcc);
	r.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!r.library)
		return r;
	*(void **)&r.create = dlsym(r.library, "nvrtcCreateProgram");
	*(void **)&r.compile = dlsym(r.library, "nvrtcCompileProgram");
	*(void **)&r.log_size = dlsym(r.library, "nvrtcGetProgramLogSize");
	*(void **)&r.log = dlsym(r.library, "nvrtcGetProgramLog");
	*(void **)&r.destroy = dlsym(r.library, "nvrtcDestroyProgram");
	return r;
}

static inline bool toolkit_nvrtc_compiles(const struct toolkit_nvrtc *r,
	const char *text, const char *target)
{
	char option[40], log[4000] = "";
	const char *options[] = { option };
	void *program;
	size_t size;
	bool ok;

	snprintf(option, sizeof option, "-arch=%s", target);
	if (r->create(&program, text, "x.cu", 0, NULL, NULL) != 0)
		return false;
	ok = r->compile(program, 1, options) == 0;
	if (!ok && r->log_size(program, &size) == 0 && size <= sizeof log &&
	    r->log(program, log) == 0)
		fprintf(stderr, "%s", log);
	r->destroy(&program);
	return ok;
}

/* True if nvcc makes "what" ("-cubin") of "text" for "arch" ("90a") without a
 * warning; what the tools say goes to stderr otherwise. */
static inline bool toolkit_makes(const char *what, const char *text,
	const char *arch)
{
	char folder[] = "/tmp/wpk-unit-XXXXXX", in[64], out[64], log[64];
	char code[64];
	char *argv[] = { (char *)toolkit_nvcc(), code, (char *)what,
		"-Werror=all-warnings", "-Xptxas=--warn-on-spills", "-o",
		out, in, NULL };
	bool ok;

	if (!mkdtemp(folder))
		return false;
	snprintf(in, sizeof in, "%s/x.cu", folder);
	snprintf(out, sizeof out, "%s/x.cubin", folder);
	snprintf(log, sizeof log, "%s/log", folder);
	snprintf(code, sizeof code, "-gencode=arch=compute_%s,code=sm_%s",
		arch, arch);
	ok = toolkit_write(in, text) && toolkit_run(argv, log) == 0;
	if (!ok) {
		toolkit_show(log);
		fprintf(stderr, "%s", text);
	}
	unlink(in);
	unlink(out);
	unlink(log);
	rmdir(folder);
	return ok;
}

static inline bool toolkit_assembles(const char *text, const char *arch)
{
	return toolkit_makes("-cubin", text, arch);
}

/* What "text", a file with an entry, says when it is compiled for the emulator
 * with "flags" and runs late and early, and what compilers say: up to "room"
 * bytes of it. */
static inline void toolkit_says(const char *text, const char *flags, char *said,
	size_t room)
{
	const char *source = getenv("top_srcdir"), *cxx = getenv("CXX");
	const char *build = getenv("top_builddir");
	char path[] = "/tmp/wpk-unit-XXXXXX", log[64], command[4000];
	char *argv[] = { "/bin/sh", "-c", command, NULL };
	int fd = mkstemp(path);
	FILE *f;

	*said = 0;
	if (fd < 0)
		return;
	close(fd);
	snprintf(log, sizeof log, "%s.log", path);
	snprintf(command, sizeof command, "p=%s; CXX='%s'; "
		"$CXX -x c++ -std=c++17 -O1 -w -Wno-psabi %s -fno-strict-aliasing "
		"-DWPK_EMULATE -include '%s/runtime/emu/wpk_emu.h' "
		"-c -o $p.o $p && $CXX -no-pie -o $p.out $p.o "
		"'%s/libwpkemu.a' -lm && "
		"for mode in late early; do printf 'mode %%s\nwatch race\n"
		"watch init\ngrain 2\nshared 232448\nrun\n' $mode; done | "
		"$p.out; rm -f $p.o $p.out",
		path, cxx && *cxx ? cxx : "c++", flags, source ? source : ".",
		build ? build : ".");
	if (toolkit_write(path, text))
		toolkit_run(argv, log);
	f = fopen(log, "r");
	if (f) {
		said[fread(said, 1, room - 1, f)] = 0;
		fclose(f);
	}
	unlink(log);
	unlink(path);
}

/* True if that ends well, its entry giving 0, both times; what it says otherwise
 * goes to stderr. */
static inline bool toolkit_launches(const char *text, const char *flags)
{
	char said[20000];
	bool ok;

	toolkit_says(text, flags, said, sizeof said);
	ok = strstr(said, "late done\n") && strstr(said, "early done\n") &&
		!strstr(said, "returned") && !strstr(said, "fault");
	if (!ok)
		fprintf(stderr, "%s", said);
	return ok;
}

/* True if "text", kernels and a main, compiles for the emulator and says that
 * all is well; what is said otherwise goes to stderr. */
static inline bool toolkit_emulates(const char *text)
{
	const char *source = getenv("top_srcdir"), *cxx = getenv("CXX");
	const char *build = getenv("top_builddir");
	char path[] = "/tmp/wpk-unit-XXXXXX", log[64], command[2000];
	char *argv[] = { "/bin/sh", "-c", command, NULL };
	int fd = mkstemp(path);
	bool ok;

	if (fd < 0)
		return false;
	close(fd);
	snprintf(log, sizeof log, "%s.log", path);
	snprintf(command, sizeof command, "%s -x c++ -std=c++17 -DWPK_EMULATE "
		"-D__CUDACC_RTC__ -include '%s/runtime/emu/wpk_emu.h' -o "
		"%s.out %s -x none '%s/libwpkemu.a' && %s.out; code=$?; "
		"rm -f %s.out; exit $code", cxx && *cxx ? cxx : "c++",
		source ? source : ".", path, path, build ? build : ".", path,
		path);
	ok = toolkit_write(path, text) && toolkit_run(argv, log) == 0;
	if (!ok)
		toolkit_show(log);
	unlink(log);
	unlink(path);
	return ok;
}

#endif
