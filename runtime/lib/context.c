/* SPDX-License-Identifier: MIT */
/* Contexts: one device, its primary context, and the libraries. */
#include "runtime/lib/lib.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/library.h"

enum { WORKSPACE_USUAL = 256 << 20 };

void context_warn(const struct wpk_context *c, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (c->warn)
		c->warn(c->data, text);
	else
		fprintf(stderr, "libwpk: %s\n", text);
}

/* ---- which one is current ---- */

wpk_cu context_enter(const struct wpk_context *c)
{
	wpk_cu before = NULL;

	if (c->cuda.current && c->cuda.set_current && c->primary &&
	    !c->cuda.current(&before))
		c->cuda.set_current(c->primary);
	return before;
}

void context_leave(const struct wpk_context *c, wpk_cu before)
{
	if (c->cuda.current && c->cuda.set_current && c->primary)
		c->cuda.set_current(before);
}

bool context_is_current(const struct wpk_context *c)
{
	wpk_cu now = NULL;

	return !c->cuda.current(&now) && now == c->primary;
}

/* ---- options ---- */

/* A caller that was built with an older header has fewer; one with a newer may
 * want what is not known here. */
static bool take_options(const struct wpk_options *from,
	struct wpk_options *to)
{
	memset(to, 0, sizeof *to);
	if (from) {
		if (from->size < offsetof(struct wpk_options, driver) ||
		    from->size > sizeof *to)
			return false;
		memcpy(to, from, from->size);
	}
	to->share = to->share ? to->share : 100;
	to->library_workspace = to->library_workspace ?
		to->library_workspace : WORKSPACE_USUAL;
	return to->device >= 0 && to->share >= 1 && to->share <= 100;
}

static bool copy_file(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static enum wpk_status set_options(struct wpk_context *c,
	const struct wpk_options *o, struct wpk_error *e)
{
	c->device = o->device;
	c->share = o->share;
	c->warn = o->warn;
	c->data = o->data;
	c->library_workspace = o->library_workspace;
	c->libraries = libraries_create();
	if (!c->libraries || !copy_file(&c->files[LIBRARY_CUDNN], o->cudnn) ||
	    !copy_file(&c->files[LIBRARY_CUBLASLT], o->cublaslt))
		return fail(e, WPK_E_MEMORY, "no memory for a context");
	return WPK_OK;
}

/* ---- the device ---- */

static int attribute(const struct wpk_context *c, int device, int which)
{
	int v = 0;

	return c->cuda.attribute(&v, which, device) ? 0 : v;
}

static enum wpk_status find_device(struct wpk_context *c, int *device,
	struct wpk_error *e)
{
	int count = 0, status = c->cuda.init(0);

	if (!status)
		status = c->cuda.count(&count);
	if (status) {
		fail_cuda(c, e, status, "the CUDA driver finds no GPU");
		return e ? e->status = WPK_E_DRIVER : WPK_E_DRIVER;
	}
	if (c->device >= count)
		return fail(e, WPK_E_DRIVER, "there is no device %d: this "
			"machine has %d, numbered from 0", c->device, count);
	status = c->cuda.device(device, c->device);
	return status ? fail_cuda(c, e, status, "cuDeviceGet") : WPK_OK;
}

/* A thread in which another context is current, of another device perhaps, keeps
 * it: frameworks rely on theirs. */
static enum wpk_status open_device(struct wpk_context *c, struct wpk_error *e)
{
	enum wpk_status s;
	wpk_cu before = NULL;
	int device = 0, status;

	s = find_device(c, &device, e);
	if (s)
		return s;
	c->cuda.name(c->name, sizeof c->name, device);
	c->cuda.version(&c->version);
	c->emulated = !strcmp(c->name, "emulator");
	c->major = attribute(c, device, WPK_CU_MAJOR);
	c->minor = attribute(c, device, WPK_CU_MINOR);
	c->sms = attribute(c, device, WPK_CU_MULTIPROCESSORS);
	snprintf(c->arch, sizeof c->arch, "sm_%d%d", c->major, c->minor);
	status = c->cuda.retain(&c->primary, device);
	if (!status)
		status = c->cuda.current(&before);
	if (!status && !before)
		status = c->cuda.set_current(c->primary);
	return status ? fail_cuda(c, e, status, "cuDevicePrimaryCtxRetain") :
		WPK_OK;
}

static enum wpk_status open_driver(struct wpk_context *c, const char *path,
	struct wpk_error *e)
{
	char why[300];

	if (path && !*path)
		return fail(e, WPK_E_DRIVER, "the context is to do without a "
			"driver, and nothing runs without one");
	c->driver_library = cuda_open(&c->cuda, path, why);
	if (!c->driver_library)
		return fail(e, WPK_E_DRIVER, "%s", why);
#define X(field, symbol, arguments) \
	if (!c->cuda.field) \
		return fail(e, WPK_E_DRIVER, "the CUDA driver is too old: it " \
			"has no %s", symbol);
	OWNER_CALLS(X)
#undef X
	return WPK_OK;
}

enum wpk_status wpk_context_create(struct wpk_context **out,
	const struct wpk_options *options, struct wpk_error *e)
{
	struct wpk_context *c;
	struct wpk_options o;
	enum wpk_status s;

	if (!out)
		return fail(e, WPK_E_NULL, "no place for the context");
	*out = NULL;
	if (!take_options(options, &o))
		return fail(e, WPK_E_ARGUMENT, "the options make no sense: "
			"\"size\" is to be set, the device is not negative, "
			"the share 1 to 100");
	c = calloc(1, sizeof *c);
	if (!c)
		return fail(e, WPK_E_MEMORY, "no memory for a context");
	s = set_options(c, &o, e);
	if (!s)
		s = open_driver(c, o.driver, e);
	if (!s)
		s = open_device(c, e);
	if (s) {
		wpk_context_destroy(c);
		return s;
	}
	*out = c;
	return succeed(e);
}

void wpk_context_destroy(struct wpk_context *c)
{
	int device = 0;

	if (!c)
		return;
	libraries_destroy(c);
	if (c->primary && !c->cuda.device(&device, c->device))
		c->cuda.release_context(device);
	for (int i = 0; i < N_LIBRARIES; i++)
		free(c->files[i]);
	if (c->driver_library)
		dlclose(c->driver_library);
	free(c);
}

enum wpk_status wpk_context_use(struct wpk_context *c, struct wpk_error *e)
{
	int status;

	if (!c)
		return fail(e, WPK_E_NULL, "no context");
	status = c->cuda.set_current(c->primary);
	return status ? fail_cuda(c, e, status, "cuCtxSetCurrent") :
		succeed(e);
}

enum wpk_status wpk_context_found(struct wpk_context *c,
	struct wpk_found *found, struct wpk_error *e)
{
	struct wpk_found f = { .size = sizeof f };

	if (!c || !found)
		return fail(e, WPK_E_NULL, "no context, or no place for what "
			"was found");
	if (found->size < sizeof found->size || found->size > sizeof f)
		return fail(e, WPK_E_ARGUMENT, "\"size\" is to be set");
	f.size = found->size;
	f.device = c->name;
	f.arch = c->arch;
	f.sms = c->sms;
	f.share = c->share;
	f.driver = c->version;
	f.cudnn = library_version(c, LIBRARY_CUDNN, &f.no_cudnn);
	f.cublaslt = library_version(c, LIBRARY_CUBLASLT, &f.no_cublaslt);
	memcpy(found, &f, found->size);
	return succeed(e);
}
