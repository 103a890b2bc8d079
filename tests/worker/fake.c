/* SPDX-License-Identifier: MIT */
/* A worker that fails on cue. It compiles (--compile) by writing the text to the
 * file, and measures by making up seconds; at the candidates or texts that
 * $FAKE_MEASURE and $FAKE_COMPILE name by their number of order, counted in
 * files of $FAKE_FOLDER over all the processes there are, it does what they say:
 *
 *	FAKE_MEASURE="3:crash 5:hang"	ACTION at "*": always
 *
 *	crash	abort		gone	exit with 0		vanish	kill -9
 *	hang	never answer	rubbish	lines that are no JSON, then the answer
 *	noise	rubbish without an end	half	half a line, then exit
 *	broken	JSON that breaks off, with an end of line
 *	wrong	the id of another	nothing	an answer without a verdict
 *	nan	measured without seconds	close	close the output and stay
 *	memory	allocate until the limit kills it
 *	says:V	the verdict V
 *
 * $FAKE_COMPILE_MS and $FAKE_MEASURE_MS are how long it takes to do either, give
 * or take a quarter; it then writes what it begins and ends when, in seconds, to "log" in $FAKE_FOLDER. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int count_up(const char *what)
{
	char path[4096];
	FILE *f;
	int n = 0;

	snprintf(path, sizeof path, "%s/%s", getenv("FAKE_FOLDER"), what);
	f = fopen(path, "a+");
	if (!f)
		exit(9);
	flock(fileno(f), LOCK_EX);
	rewind(f);
	while (fgetc(f) != EOF)
		n++;
	fputc('x', f);
	fclose(f);
	return n + 1;
}

/* What to do at number "n", or "". */
static const char *cue(const char *name, int n)
{
	static char action[64];
	const char *p = getenv(name);
	char which[16];
	int used;

	while (p && sscanf(p, " %15[^: ]:%63[^ ]%n", which, action, &used) ==
	       2) {
		if (!strcmp(which, "*") || atoi(which) == n)
			return action;
		p += used;
	}
	return "";
}

static void eat_memory(void)
{
	struct rlimit r = { 64 << 20, 64 << 20 };

	setrlimit(RLIMIT_AS, &r);
	for (;;) {
		char *p = malloc(1 << 20);

		if (!p)
			raise(SIGKILL);
		memset(p, 1, 1 << 20);
	}
}

static void fail(const char *action, long id)
{
	if (!strcmp(action, "crash"))
		abort();
	if (!strcmp(action, "gone"))
		exit(0);
	if (!strcmp(action, "vanish"))
		raise(SIGKILL);
	if (!strcmp(action, "memory"))
		eat_memory();
	while (!strcmp(action, "hang"))
		pause();
	while (!strcmp(action, "noise"))
		printf("no end of it\n");
	if (!strcmp(action, "rubbish"))
		printf("a library says hello\n%c%c\x01\n", 0x80, 0xff);
	if (!strcmp(action, "half")) {
		printf("{\"id\": %ld, \"verd", id);
		exit(0);
	}
	if (!strcmp(action, "broken"))
		printf("{\"id\": %ld, \"verd\n", id);
	if (!strcmp(action, "wrong"))
		printf("{\"id\": %ld, \"ok\": true, \"verdict\": \"measured\", "
			"\"seconds\": 1}\n", id + 12345);
	if (!strcmp(action, "nothing"))
		printf("{\"id\": %ld}\n", id);
	if (!strcmp(action, "nan"))
		printf("{\"id\": %ld, \"verdict\": \"measured\"}\n", id);
	if (!strncmp(action, "says:", 5))
		printf("{\"id\": %ld, \"verdict\": \"%s\", \"message\": "
			"\"on cue\"}\n", id, action + 5);
	while (!strcmp(action, "close")) {
		fclose(stdout);
		close(1);
		for (;;)
			pause();
	}
}

/* ---- time ---- */

static void note(const char *what)
{
	struct timespec t;
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/log", getenv("FAKE_FOLDER"));
	clock_gettime(CLOCK_MONOTONIC, &t);
	f = fopen(path, "a");
	if (!f)
		exit(9);
	fprintf(f, "%ld.%06ld %s\n", (long)t.tv_sec, t.tv_nsec / 1000, what);
	fclose(f);
}

/* The "n"th time; "ends" is what it notes after "begins". */
static void spend(const char *name, int n, const char *begins,
	const char *ends)
{
	const char *text = getenv(name);
	double ms = text ? atof(text) * (75 + n * 37 % 51) / 100 : 0;
	struct timespec t = { (time_t)(ms / 1e3),
		(long)(ms * 1e6) % 1000000000 };

	if (!text)
		return;
	note(begins);
	nanosleep(&t, NULL);
	note(ends);
}

/* ---- requests ---- */

static long number_of(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p ? atol(p + strlen(key)) : -1;
}

static void touch(const char *line)
{
	const char *p = strstr(line, "\"out\":\"");
	char path[4096];
	FILE *f;

	if (!p || sscanf(p + 7, "%4095[^\"]", path) != 1)
		return;
	f = fopen(path, "w");
	if (f)
		fclose(f);
}

static void compile(const char *line)
{
	long id = number_of(line, "\"id\":");
	int n = count_up("compiled");
	const char *action = cue("FAKE_COMPILE", n);

	printf("{\"id\": %ld, \"begun\": true}\n", id);
	fail(action, id);
	spend("FAKE_COMPILE_MS", n, "compiles", "compiled");
	touch(line);
	if (!*action || !strcmp(action, "rubbish"))
		printf("{\"id\": %ld, \"ok\": true, \"registers\": 32, "
			"\"seconds\": 0.01}\n", id);
}

static void measure(const char *line)
{
	long id = number_of(line, "\"id\":");
	int n = count_up("measured");
	const char *action = cue("FAKE_MEASURE", n);

	if (!strcmp(action, "before"))
		abort();
	printf("{\"id\": %ld, \"begun\": true}\n", id);
	fail(action, id);
	spend("FAKE_MEASURE_MS", n, "measures", "measured");
	if (!*action || !strcmp(action, "rubbish"))
		printf("{\"id\": %ld, \"verdict\": \"measured\", \"seconds\": "
			"%g, \"spread\": 0.01}\n", id, 1e-6 * (100 + n * 37 % 50));
}

/* The first one wins. */
static void finals(const char *line)
{
	long id = number_of(line, "\"id\":");
	const char *p = line, *sep = "";

	fail(cue("FAKE_FINALS", 1), id);
	printf("{\"id\": %ld, \"best\": 0, \"finals\": [", id);
	for (p = strstr(p, "\"candidates\""); p && (p = strstr(p,
	     "\"do\":\"measure\"")); p += 5, sep = ", ")
		printf("%s{\"verdict\": \"measured\", \"seconds\": 1e-4, "
			"\"ratio\": 1}", sep);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	int compiles = argc > 1 && !strcmp(argv[1], "--compile");
	char *line = NULL;
	size_t room = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fail(cue(compiles ? "FAKE_COMPILE_START" : "FAKE_START",
		count_up(compiles ? "compilers" : "measurers")), 0);
	printf("{\"worker\": \"fake\", \"protocol\": 1, \"how\": \"gpu\", "
		"\"device\": \"Fake H200\", \"arch\": \"sm_90\", \"driver\": "
		"\"1.0\", \"nvrtc\": \"1.0\"}\n");
	while (getline(&line, &room, stdin) > 0) {
		if (compiles)
			compile(line);
		else if (strstr(line, "\"do\":\"problem\""))
			printf("{\"problem\": 1}\n");
		else if (strstr(line, "\"do\":\"finals\""))
			finals(line);
		else
			measure(line);
	}
	return 0;
}
