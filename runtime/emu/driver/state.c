/* SPDX-License-Identifier: MIT */
/* The driver's one state, its lock, and the device's one context: what is
 * allocated, loaded and recorded ends with it. */
#include "runtime/emu/driver/driver.h"

#include <stdio.h>
#include <stdlib.h>

struct CUctx_st {
	char nothing;
};

struct driver driver = { .lock = PTHREAD_MUTEX_INITIALIZER };
static _Thread_local CUcontext current_context;
static _Thread_local bool in_host_function;

CUresult driver_enter_plain(void)
{
	if (in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	pthread_mutex_lock(&driver.lock);
	return driver.initialised ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

CUresult driver_enter(void)
{
	CUresult r = driver_enter_plain();

	if (r)
		return r;
	if (!current_context)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (current_context != driver.context)
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	return driver.lost;
}

CUresult driver_leave(CUresult code)
{
	if (!in_host_function)
		pthread_mutex_unlock(&driver.lock);
	return code;
}

void driver_call_host(CUhostFn f, void *closure)
{
	in_host_function = true;
	f(closure);
	in_host_function = false;
}

/* A library that prints is a bad neighbour, but a fault's sentence is what one
 * runs the emulator for: WPK_EMU_QUIET leaves it to who asks. */
CUresult driver_lose(CUresult code, const char *sentence)
{
	const char *quiet = getenv("WPK_EMU_QUIET");

	snprintf(driver.sentence, sizeof driver.sentence, "%s", sentence);
	if (!quiet || !*quiet)
		fprintf(stderr, "emulated CUDA: %s\n", sentence);
	if (code >= CUDA_ERROR_ILLEGAL_ADDRESS) {
		driver.lost = code;
		stream_drop_all();
	}
	return code;
}

const char *wpk_emu_fault(void)
{
	return driver.sentence;
}

CUcontext driver_current(void)
{
	return current_context;
}

void driver_set_current(CUcontext context)
{
	current_context = context;
}

CUresult driver_retain(CUcontext *out)
{
	if (!driver.context)
		driver.context = malloc(sizeof *driver.context);
	if (!driver.context)
		return CUDA_ERROR_OUT_OF_MEMORY;
	driver.retained++;
	*out = driver.context;
	return CUDA_SUCCESS;
}

static void destroy_all(enum object_kind kind)
{
	struct object *o;

	while ((o = object_first(kind)))
		object_destroy(kind, o);
}

CUresult driver_release(bool all)
{
	if (!driver.retained)
		return CUDA_ERROR_INVALID_CONTEXT;
	driver.retained = all ? 0 : driver.retained - 1;
	if (driver.retained)
		return CUDA_SUCCESS;
	stream_drop_all();
	capture_drop_all();
	graph_drop_all();
	module_unload_all();
	destroy_all(OBJECT_EVENT);
	destroy_all(OBJECT_STREAM);
	memory_free_all();
	blocks_free();
	free(driver.context);
	driver.context = NULL;
	driver.lost = CUDA_SUCCESS;
	return CUDA_SUCCESS;
}
