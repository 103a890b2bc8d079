/* SPDX-License-Identifier: MIT */
/* JSON lines: requests on standard input, replies on standard output. */
#include "runtime/worker/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double line_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

json_t *line_read(void)
{
	char *line = NULL;
	size_t room = 0;
	json_t *v = NULL;

	while (!v && getline(&line, &room, stdin) > 0) {
		json_error_t e;

		v = json_loads(line, 0, &e);
		if (!json_is_object(v)) {
			json_decref(v);
			v = NULL;
			line_write(json_pack("{ss}", "error",
				"a request is no JSON object"));
		}
	}
	free(line);
	return v;
}

static void write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(1, p, n);

		if (done <= 0)
			_exit(1);
		p += done;
		n -= (size_t)done;
	}
}

void line_write(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;

	json_decref(object);
	if (!text)
		return;
	text[n] = '\n';
	write_all(text, n + 1);
	free(text);
}

/* Bytes beyond ASCII may come from anywhere, and JSON takes UTF-8 alone. */
static void make_plain(char *s)
{
	for (; *s; s++)
		if (*s & 0x80)
			*s = '?';
}

json_t *line_verdict(long id, const char *verdict, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	make_plain(text);
	return json_pack("{sI ss ss}", "id", (json_int_t)id, "verdict",
		verdict, "message", text);
}

double line_number(const json_t *object, const char *key, double otherwise)
{
	const json_t *v = json_object_get(object, key);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

const char *line_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}
