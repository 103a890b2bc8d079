/* SPDX-License-Identifier: MIT */
/* wpkworker --compile: texts come in, cubins or programs go out, with what the
 * assembler says of registers and spills. NVRTC runs in this process, nvcc and
 * C++ compilers in the group that ends with it. */
#include "runtime/worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS = 64, LOG_MOST = 1 << 18, SHOWN = 400 };

/* NULL, or why there is no NVRTC. */
static const char *no_nvrtc = "NVRTC was not opened";

/* ---- logs ---- */

struct usage {
	int registers, spill, stack, shared;
};

static int before(const char *line, const char *end, const char *mark)
{
	const char *p = strstr(line, mark);

	if (!p || p >= end)
		return 0;
	while (p > line && p[-1] == ' ')
		p--;
	while (p > line && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return atoi(p);
}

static int after(const char *line, const char *end, const char *mark)
{
	const char *p = strstr(line, mark);

	return p && p < end ? atoi(p + strlen(mark)) : 0;
}

static void most(int *to, int v)
{
	*to = v > *to ? v : *to;
}

/* What an assembler's log says of the worst kernel. */
static void read_usage(const char *log, struct usage *u)
{
	*u = (struct usage){ 0 };
	while (*log) {
		const char *end = log + strcspn(log, "\n");

		most(&u->registers, after(log, end, "Used "));
		most(&u->spill, before(log, end, "bytes spill stores"));
		most(&u->stack, before(log, end, "bytes stack frame"));
		most(&u->shared, before(log, end, "bytes smem"));
		log = end + (*end == '\n');
	}
}

/* The first line that has "error" or else the first, without the folder of
 * "file". */
static void first_message(const char *log, const char *file, char out[SHOWN])
{
	const char *line = strstr(log, "error"), *slash = file ?
		strrchr(file, '/') : NULL;
	size_t folder = slash ? (size_t)(slash - file) + 1 : 0, n;

	line = line ? line : log;
	while (line > log && line[-1] != '\n')
		line--;
	n = strcspn(line, "\n");
	if (folder && n > folder && !strncmp(line, file, folder)) {
		line += folder;
		n -= folder;
	}
	snprintf(out, SHOWN, "%.*s", n < SHOWN - 1 ? (int)n : SHOWN - 1, line);
}

/* ---- one request ---- */

struct request {
	long id;
	const json_t *json;
	const char *text, *out, *source;
	double start;
};

static void refuse(const struct request *r, const char *why, const char *log)
{
	char line[SHOWN] = "";

	if (log)
		first_message(log, r->source, line);
	line_write(line_verdict(r->id, "compile", "%s", *line ? line : why));
}

static void accept(const struct request *r, const char *log)
{
	struct usage u;

	read_usage(log ? log : "", &u);
	line_write(json_pack("{sI sb sf si si si si}", "id",
		(json_int_t)r->id, "ok", 1, "seconds", line_now() - r->start,
		"registers", u.registers, "spill", u.spill, "stack", u.stack,
		"shared", u.shared));
}

static void by_nvrtc(const struct request *r)
{
	const char *arch = line_text(r->json, "arch"), *why = no_nvrtc;
	char *log = NULL;

	if (!why)
		why = nvrtc_compile(r->text, arch ? arch : "sm_90", r->out,
			&log);
	limits_end();
	if (why)
		refuse(r, why, log);
	else
		accept(r, log);
	free(log);
}

static bool write_source(const struct request *r)
{
	FILE *f = fopen(r->source, "w");
	size_t n = strlen(r->text);
	bool ok = f && fwrite(r->text, 1, n, f) == n;

	return f && fclose(f) == 0 && ok;
}

static void told(const struct request *r, int status, const char *log)
{
	char why[100];

	if (status >= 0 && WIFSIGNALED(status))
		snprintf(why, sizeof why, "the compiler was ended by signal %d",
			WTERMSIG(status));
	else if (status < 0 || WEXITSTATUS(status) == 127)
		snprintf(why, sizeof why, "the compiler cannot be started");
	else
		snprintf(why, sizeof why, "the compiler failed with status %d",
			WEXITSTATUS(status));
	refuse(r, why, status >= 0 && WIFEXITED(status) &&
		WEXITSTATUS(status) != 127 ? log : NULL);
}

static void by_command(const struct request *r)
{
	const json_t *list = json_object_get(r->json, "argv");
	const char *argv[ARGS + 1] = { 0 };
	char *log = NULL;
	int status;

	for (size_t i = 0; i < json_array_size(list) && i < ARGS; i++)
		argv[i] = json_string_value(json_array_get(list, i));
	if (!argv[0] || !r->source || !write_source(r)) {
		limits_end();
		refuse(r, argv[0] ? "its text cannot be written" :
			"no command is named", NULL);
		return;
	}
	status = child_run(argv, "", 0, &log, LOG_MOST);
	limits_end();
	unlink(r->source);
	if (status == 0 && !access(r->out, R_OK))
		accept(r, log);
	else
		told(r, status, log ? log : "");
	free(log);
}

static void compile(const json_t *json)
{
	struct request r = { (long)line_number(json, "id", -1), json,
		line_text(json, "text"), line_text(json, "out"),
		line_text(json, "source"), line_now() };
	double limit = line_number(json, "limit", 60);
	json_t *late;

	if (!r.text || !r.out) {
		refuse(&r, "a request names text and out", NULL);
		return;
	}
	line_write(json_pack("{sI sb}", "id", (json_int_t)r.id, "begun", 1));
	late = line_verdict(r.id, "timeout",
		"compiling it takes more than %.3g s", limit);
	json_object_set_new(late, "ending", json_true());
	limits_time(limit, late);
	if (json_object_get(json, "argv"))
		by_command(&r);
	else
		by_nvrtc(&r);
}

int compile_serve(void)
{
	int major = 0, minor = 0;
	json_t *hello = json_pack("{ss si}", "worker", "wpkworker compile",
		"protocol", PROTOCOL), *request;
	char version[32];

	no_nvrtc = nvrtc_open(&major, &minor);
	snprintf(version, sizeof version, "%d.%d", major, minor);
	json_object_set_new(hello, "nvrtc", no_nvrtc ? json_null() :
		json_string(version));
	line_write(hello);
	while ((request = line_read())) {
		compile(request);
		json_decref(request);
	}
	return 0;
}
