/* SPDX-License-Identifier: MIT */
/* Stub libraries in tests, and memory of calls. */
#include "library_stub.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD = 256, PATTERN = 0xa7 };

const char *stub_path(const char *name, char path[400])
{
	const char *build = getenv("top_builddir");

	snprintf(path, 400, "%s/tests/runtime/%s", build ? build : ".", name);
	return path;
}

static void note(void *data, const char *text)
{
	struct stub *s = data;

	snprintf(s->text, sizeof s->text, "%s", text);
	s->warnings++;
}

static char *copy_of(const char *s)
{
	return s ? strdup(s) : NULL;
}

struct stub *stub_create(const char *cublaslt, const char *cudnn)
{
	const char *counted = cublaslt ? cublaslt : cudnn;
	struct stub *s = calloc(1, sizeof *s);

	s->context = (struct wpk_context){ .sms = 100, .share = 100,
		.warn = note, .data = s, .library_workspace = 1 << 20,
		.libraries = libraries_create(), .files = {
			[LIBRARY_CUBLASLT] = copy_of(cublaslt),
			[LIBRARY_CUDNN] = copy_of(cudnn) } };
	s->file = counted && *counted ? dlopen(counted, RTLD_NOW) : NULL;
	if (s->file) {
		s->alive = dlsym(s->file, "stub_alive");
		s->misused = dlsym(s->file, "stub_misused");
		s->runs = dlsym(s->file, "stub_runs");
		s->sms = dlsym(s->file, "stub_sms");
		s->fast = dlsym(s->file, "stub_fast");
		s->stream = dlsym(s->file, "stub_stream");
		*(void **)&s->reset = dlsym(s->file, "stub_reset");
		s->reset();
	}
	return s;
}

void stub_destroy(struct stub *s)
{
	libraries_destroy(&s->context);
	assert_null(s->context.libraries);
	for (int i = 0; i < N_LIBRARIES; i++)
		free(s->context.files[i]);
	if (s->file) {
		assert_int_equal(*s->alive, 0);
		assert_int_equal(*s->misused, 0);
		dlclose(s->file);
	}
	free(s);
}

json_t *step_of(const char *fmt, ...)
{
	json_error_t why;
	char text[4000];
	json_t *j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	j = json_loads(text, 0, &why);
	if (!j)
		fail_msg("%s: %s", why.text, text);
	return j;
}

struct library_call *call_of(struct stub *s, json_t *step)
{
	return call_of_context(&s->context, step);
}

struct library_call *call_of_context(struct wpk_context *c, json_t *step)
{
	struct library_call *l = NULL;
	struct wpk_error e = { 0 };

	if (library_call_create(c, step, &l, &e))
		fail_msg("%s", e.text);
	assert_non_null(l);
	json_decref(step);
	return l;
}

/* ---- memory ---- */

static void *guarded(size_t bytes, unsigned align)
{
	size_t before = align > GUARD ? align : GUARD;
	unsigned char *p = NULL;

	if (posix_memalign((void **)&p, before, before + bytes + GUARD))
		abort();
	memset(p, PATTERN, before + bytes + GUARD);
	return p + before;
}

static void release(void *at, size_t bytes)
{
	unsigned char *p = at;

	for (int i = 1; i <= GUARD; i++)
		if (p[-i] != PATTERN || p[bytes + i - 1] != PATTERN)
			fail_msg("written outside of %zu bytes", bytes);
	free(p - GUARD);
}

struct memory take_memory(const struct library_call *l, unsigned align)
{
	const struct place *p;
	struct memory m = { .n = 0 };

	p = library_call_places(l, &m.n);
	for (int i = 0; i < m.n; i++) {
		assert_true(p[i].align <= align);
		m.bytes[i] = p[i].bytes;
		m.address[i] = guarded(p[i].bytes, align);
	}
	return m;
}

void free_memory(struct memory *m)
{
	for (int i = 0; i < m->n; i++)
		release(m->address[i], m->bytes[i]);
}

void run_call(const struct library_call *l, const struct memory *m)
{
	size_t bytes = library_call_workspace(l);
	void *workspace = bytes ? guarded(bytes, 256) : NULL;
	struct wpk_error e = { 0 };

	if (library_call_run(l, m->address, workspace, NULL, &e))
		fail_msg("%s", e.text);
	if (bytes)
		release(workspace, bytes);
}

enum wpk_status call_refuses(struct library_call *l, int n, const char *why)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	enum wpk_status status = library_call_choose(l, n, &workspace, &text,
		&e);

	assert_int_not_equal(status, WPK_OK);
	assert_int_equal(e.status, status);
	if (!strstr(e.text, why))
		fail_msg("'%s' is not '%s'", e.text, why);
	return status;
}

static enum wpk_status run_once(struct library_call *l, unsigned align,
	size_t workspace, struct wpk_error *e)
{
	struct memory m = take_memory(l, align);
	void *room = workspace ? aligned_alloc(256, (workspace + 255) / 256 *
		256) : NULL;
	enum wpk_status status = library_call_run(l, m.address, room, NULL, e);

	free(room);
	free_memory(&m);
	return status;
}

enum wpk_status call_lives(struct stub *s, json_t *step, unsigned align,
	struct wpk_error *e)
{
	struct library_call *l = NULL;
	enum wpk_status status = library_call_create(&s->context, step, &l, e);
	size_t workspace;
	int n;

	json_decref(step);
	if (!status)
		status = library_call_count(l, 1000, &n, e);
	if (!status)
		status = library_call_ready(l, &workspace, e);
	if (!status)
		status = run_once(l, align, workspace, e);
	library_call_destroy(l);
	return status;
}
