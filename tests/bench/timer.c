/* SPDX-License-Identifier: MIT */
/* timer RUNS COMMAND...: a command comes in, is run RUNS times with its output
 * discarded, and the median of its wall times in milliseconds and its largest
 * resident size in megabytes go out. A command that fails ends it with 1. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void become(char **command)
{
	int sink = open("/dev/null", O_WRONLY);

	if (sink >= 0) {
		dup2(sink, STDOUT_FILENO);
		dup2(sink, STDERR_FILENO);
	}
	execvp(command[0], command);
	_exit(127);
}

/* Milliseconds that "command" took, less than 0 if it failed. */
static double run(char **command)
{
	double start = now();
	pid_t child = fork();
	int status;

	if (child < 0)
		return -1;
	if (!child)
		become(command);
	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? now() - start : -1;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[1]) : 0;
	double *ms;
	struct rusage usage;

	if (n < 1) {
		fprintf(stderr, "usage: timer RUNS COMMAND...\n");
		return 1;
	}
	ms = calloc((size_t)n, sizeof *ms);
	if (!ms)
		return 1;
	for (int i = 0; i < n; i++) {
		ms[i] = run(argv + 2);
		if (ms[i] < 0) {
			fprintf(stderr, "timer: %s failed\n", argv[2]);
			free(ms);
			return 1;
		}
	}
	qsort(ms, (size_t)n, sizeof *ms, compare);
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("%.2f %.0f\n", ms[n / 2], (double)usage.ru_maxrss / 1024);
	free(ms);
	return 0;
}
