/* SPDX-License-Identifier: MIT */
/* nvcc for unit tests: assembles a text for one architecture. make sets NVCC,
 * to nothing where there is no toolkit. */
#ifndef WPK_TESTS_UNIT_TOOLKIT_H
#define WPK_TESTS_UNIT_TOOLKIT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* True if "text" assembles for "arch" ("90a") without spills; what the tools
 * say goes to stderr otherwise. "option" is one more for nvcc, or NULL. */
static inline bool toolkit_assembles(const char *text, const char *arch,
	const char *option)
{
	char folder[] = "/tmp/wpk-unit-XXXXXX", in[64], out[64], log[64];
	char code[64];
	char *argv[] = { (char *)toolkit_nvcc(), code, "-cubin",
		"-Werror=all-warnings", "-Xptxas=-v,--warn-on-spills", "-o",
		out, in, (char *)option, NULL };
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

#endif
