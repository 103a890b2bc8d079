/* SPDX-License-Identifier: MIT */
/* One piece of work, as its turn comes. */
#include "runtime/emu/driver/driver.h"

#include <stdlib.h>
#include <string.h>

void work_drop(struct work *w)
{
	free(w->arguments);
	free(w->staged);
	if (w->graph)
		graph_release(w->graph);
}

static void invoke(void *closure)
{
	const struct work *w = closure;

	w->function->kernel->call(w->arguments);
}

static void launch(void *arg)
{
	struct work *w = arg;

	launch_run(&w->launch, invoke, w);
}

static CUresult run_kernel(const struct work *w)
{
	char sentence[SENTENCE];
	CUresult r;

	if (!object_known(OBJECT_FUNCTION, w->function))
		return driver_lose(CUDA_ERROR_LAUNCH_FAILED, "a graph launches "
			"a kernel of a module that is unloaded");
	if ((r = launch_check(w)))
		return r;
	r = guard_run(launch, (void *)w, sentence);
	return r ? driver_lose(r, sentence) : memory_check();
}

static bool gone(const struct work *w)
{
	return (w->sides & TO_DEVICE && !memory_find(w->to, w->n)) ||
		(w->sides & FROM_DEVICE && !memory_find(w->from, w->n));
}

static CUresult run_copy(const struct work *w)
{
	if (gone(w))
		return driver_lose(CUDA_ERROR_ILLEGAL_ADDRESS, "a graph copies "
			"or sets memory that is freed");
	if (w->kind == WORK_FILL)
		memset(w->to, w->byte, w->n);
	else if (!guard_copy(w->to, w->from, w->n))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

CUresult work_run(const struct work *w, uint64_t number)
{
	switch (w->kind) {
	case WORK_KERNEL:
		return run_kernel(w);
	case WORK_COPY:
	case WORK_FILL:
		return run_copy(w);
	case WORK_HOST:
		driver_call_host(w->host, w->closure);
		return CUDA_SUCCESS;
	case WORK_RECORD:
		event_reach(w->event, number);
		return CUDA_SUCCESS;
	case WORK_WAIT:
		return CUDA_SUCCESS;
	case WORK_GRAPH:
		return graph_run(w->graph);
	}
	return CUDA_ERROR_UNKNOWN;
}
