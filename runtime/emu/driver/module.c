/* SPDX-License-Identifier: MIT */
/* Modules: shared objects made of emitted text (compiler/driver/module_emu.c).
 * Each is loaded from a file of its own in memory, so that none is another's,
 * whatever their names are, and nobody changes the file below it. They need
 * libwpkemu.so by that name, which is what this is. */
#include "runtime/emu/driver/driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* "fd" stays open: its number is the library's name. */
struct CUmod_st {
	struct object object;
	int fd;
	void *library;
	const struct wpk_emu_kernel *kernels;
};

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static CUresult open_library(CUmodule m, const void *bytes, size_t n)
{
	char path[40];

	m->fd = memfd_create("module", MFD_CLOEXEC);
	if (m->fd < 0 || !write_all(m->fd, bytes, n))
		return CUDA_ERROR_OPERATING_SYSTEM;
	snprintf(path, sizeof path, "/proc/self/fd/%d", m->fd);
	m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (m->library)
		m->kernels = dlsym(m->library, "wpk_emu_kernels");
	if (m->kernels)
		return CUDA_SUCCESS;
	snprintf(driver.sentence, sizeof driver.sentence, "%s", dlerror());
	return CUDA_ERROR_SHARED_OBJECT_INIT_FAILED;
}

static void destroy(CUmodule m)
{
	if (m->library)
		dlclose(m->library);
	if (m->fd >= 0)
		close(m->fd);
	object_destroy(OBJECT_MODULE, m);
}

static CUresult load(CUmodule *module, void *bytes, size_t n)
{
	CUmodule m = object_create(OBJECT_MODULE, sizeof *m);
	CUresult r = m ? open_library(m, bytes, n) : CUDA_ERROR_OUT_OF_MEMORY;

	free(bytes);
	if (!r)
		*module = m;
	else if (m)
		destroy(m);
	return r;
}

static CUresult load_file(CUmodule *module, const char *path)
{
	void *bytes;
	size_t n;

	return !module || !path ? CUDA_ERROR_INVALID_VALUE :
		image_read_file(path, &bytes, &n) ?: load(module, bytes, n);
}

CUresult cuModuleLoad(CUmodule *module, const char *path)
{
	return driver_leave(driver_enter() ?: load_file(module, path));
}

static CUresult load_data(CUmodule *module, const void *image)
{
	void *bytes;
	size_t n;

	return !module || !image ? CUDA_ERROR_INVALID_VALUE :
		image_copy(image, &bytes, &n) ?: load(module, bytes, n);
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
	return driver_leave(driver_enter() ?: load_data(module, image));
}

static CUfunction first_function(void)
{
	return (CUfunction)object_first(OBJECT_FUNCTION);
}

/* Its functions go with it. */
static void unload(CUmodule m)
{
	CUfunction f = first_function();

	while (f) {
		CUfunction next = (CUfunction)f->object.next;

		if (f->module == m)
			object_destroy(OBJECT_FUNCTION, f);
		f = next;
	}
	destroy(m);
}

/* What was handed in before is done first. */
static CUresult unload_known(CUmodule m)
{
	CUresult r;

	if (!object_known(OBJECT_MODULE, m))
		return CUDA_ERROR_INVALID_HANDLE;
	r = stream_run_all();
	unload(m);
	return r;
}

CUresult cuModuleUnload(CUmodule module)
{
	return driver_leave(driver_enter() ?: unload_known(module));
}

void module_unload_all(void)
{
	struct object *m;

	while ((m = object_first(OBJECT_MODULE)))
		unload((CUmodule)m);
}

/* The same handle each time. */
static CUfunction function_of(CUmodule m, const struct wpk_emu_kernel *kernel)
{
	CUfunction f = first_function();

	while (f && f->kernel != kernel)
		f = (CUfunction)f->object.next;
	if (f)
		return f;
	f = object_create(OBJECT_FUNCTION, sizeof *f);
	if (!f)
		return NULL;
	f->module = m;
	f->kernel = kernel;
	f->shared_allowed = SHARED_DEFAULT_BYTES;
	return f;
}

static CUresult get(CUfunction *function, CUmodule m, const char *name)
{
	const struct wpk_emu_kernel *k;

	if (!function || !name)
		return CUDA_ERROR_INVALID_VALUE;
	if (!object_known(OBJECT_MODULE, m))
		return CUDA_ERROR_INVALID_HANDLE;
	for (k = m->kernels; k->name && strcmp(k->name, name); k++)
		;
	if (!k->name)
		return CUDA_ERROR_NOT_FOUND;
	*function = function_of(m, k);
	return *function ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module,
	const char *name)
{
	return driver_leave(driver_enter() ?: get(function, module, name));
}
