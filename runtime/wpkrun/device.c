/* SPDX-License-Identifier: MIT */
/* The device that all is run on: a GPU, or where there is none the emulator, which
 * is a driver like the other. */
#include "runtime/wpkrun/wpkrun.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *device_beside(struct session *s, const char *built,
	const char *installed)
{
	const char *const tried[] = { built, installed };
	char folder[4096];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
	char *slash;

	folder[n > 0 ? n : 0] = 0;
	slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	for (int i = 0; i < 2; i++) {
		const char *path = session_print(s, "%s/%s", folder, tried[i]);

		if (!access(path, R_OK))
			return path;
	}
	return NULL;
}

bool device_fails(struct session *s, int status, const char *what)
{
	s->lost |= cuda_is_lost(status);
	return session_fail(s, status == WPK_CU_NO_MEMORY ? EXIT_USER :
		EXIT_INTERNAL, "%s: %s", what, cuda_error(status));
}

static void warn(void *data, const char *text)
{
	session_say(data, "%s", text);
}

static bool create(struct session *s, const char *driver, struct wpk_error *e)
{
	const struct wpk_options o = { .size = sizeof o, .device =
		s->o->device, .share = s->o->share, .driver = driver,
		.warn = warn, .data = s };

	return !wpk_context_create(&s->context, &o, e);
}

static bool open_emulator(struct session *s, const char **driver)
{
	struct wpk_error e;

	*driver = device_beside(s, "libwpkemu.so", "../lib/wpk/libwpkemu.so");
	if (!*driver)
		return session_fail(s, EXIT_USER, "the emulator, libwpkemu.so,"
			" is neither beside wpkrun nor in ../lib/wpk");
	return create(s, *driver, &e) || session_fail_wpk(s,
		"the emulator", &e);
}

/* The GPU, or where nobody asked for one and there is none, the emulator. */
static bool open_context(struct session *s, const char **driver)
{
	struct wpk_error e;

	*driver = NULL;
	if (s->o->where == WHERE_EMU)
		return open_emulator(s, driver);
	if (create(s, NULL, &e))
		return true;
	if (s->o->where == WHERE_GPU || s->o->share < 100)
		return session_fail_wpk(s, NULL, &e);
	session_say(s, "the emulator runs it, on the CPU: %s", e.text);
	return open_emulator(s, driver);
}

/* A slice has a stream of its own; the plan's code is the primary context's. */
static bool open_stream(struct session *s)
{
	const char *why;
	struct wpk_error e;
	int sms, status;

	s->share_by = "";
	if (s->o->share == 100) {
		status = cuda.stream(&s->stream, 0);
		return !status || device_fails(s, status, "cuStreamCreate");
	}
	why = share_open(s->o->device, s->o->share, false, &s->stream,
		&s->share_by, &sms);
	if (why)
		return session_fail(s, EXIT_USER, "--share=%d: %s",
			s->o->share, why);
	return !wpk_context_use(s->context, &e) || session_fail_wpk(s,
		NULL, &e);
}

bool device_open(struct session *s)
{
	const char *driver;
	char why[300];

	if (!open_context(s, &driver))
		return false;
	s->emulated = s->context->emulated;
	s->driver = cuda_open(&cuda, driver, why);
	if (!s->driver)
		return session_fail(s, EXIT_INTERNAL, "%s", why);
	if (s->o->verbose)
		session_say(s, "on %s (%s), driver %d", s->context->name,
			s->context->arch, s->context->version);
	return open_stream(s);
}

void device_close(struct session *s)
{
	wpk_context_destroy(s->context);
	if (s->driver)
		dlclose(s->driver);
}
