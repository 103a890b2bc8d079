/* SPDX-License-Identifier: MIT */
/* Events: they are reached when the work before them in their stream is done,
 * and have the wall clock's time of that. */
#include "runtime/emu/driver/driver.h"

#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Unless it has been recorded again since, or is destroyed. */
void event_reach(CUevent e, uint64_t number)
{
	if (!object_known(OBJECT_EVENT, e) || e->number != number)
		return;
	e->reached = true;
	e->when = now();
}

static CUresult create(CUevent *event, unsigned flags)
{
	if (!event || flags > (CU_EVENT_BLOCKING_SYNC |
	    CU_EVENT_DISABLE_TIMING))
		return CUDA_ERROR_INVALID_VALUE;
	*event = object_create(OBJECT_EVENT, sizeof **event);
	if (!*event)
		return CUDA_ERROR_OUT_OF_MEMORY;
	(*event)->timed = !(flags & CU_EVENT_DISABLE_TIMING);
	return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *event, unsigned flags)
{
	return driver_leave(driver_enter() ?: create(event, flags));
}

static CUresult destroy(CUevent e)
{
	if (!object_known(OBJECT_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	object_destroy(OBJECT_EVENT, e);
	return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event)
{
	return driver_leave(driver_enter() ?: destroy(event));
}

/* In a capture it is a place in the graph, and no work. */
static CUresult record(CUevent e, CUstream s)
{
	struct work w = { .kind = WORK_RECORD, .event = e };
	struct capture *c;

	if (!s || !object_known(OBJECT_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	c = capture_of(&s->at);
	if (c && c->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	e->at = s->at;
	e->recorded = !c;
	e->reached = false;
	e->stream = s;
	e->number = c ? 0 : driver.number + 1;
	return c ? CUDA_SUCCESS : stream_add(s, &w);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
	return driver_leave(driver_enter() ?: record(event,
		stream_of(stream)));
}

static CUresult check(CUevent e)
{
	return !object_known(OBJECT_EVENT, e) ? CUDA_ERROR_INVALID_HANDLE :
		e->at.capture ? CUDA_ERROR_CAPTURED_EVENT : CUDA_SUCCESS;
}

/* A stream that is destroyed has reached its events. */
static CUresult synchronize(CUevent e)
{
	CUresult r = check(e);

	return r || !e->recorded || e->reached ? r :
		stream_run(e->stream, e->number);
}

CUresult cuEventSynchronize(CUevent event)
{
	return driver_leave(driver_enter() ?: synchronize(event));
}

static CUresult query(CUevent e)
{
	CUresult r = check(e);

	if (r || !e->recorded || e->reached)
		return r;
	if (!e->stream->first)
		return CUDA_SUCCESS;
	r = stream_run(e->stream, e->stream->first->number);
	return r ? r : CUDA_ERROR_NOT_READY;
}

CUresult cuEventQuery(CUevent event)
{
	return driver_leave(driver_enter() ?: query(event));
}

static CUresult elapsed(float *ms, CUevent start, CUevent end)
{
	CUresult r = check(start) ?: check(end);

	if (r || !ms)
		return r ? r : CUDA_ERROR_INVALID_VALUE;
	if (!start->timed || !end->timed || !start->recorded || !end->recorded)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!start->reached || !end->reached)
		return CUDA_ERROR_NOT_READY;
	*ms = (float)(end->when - start->when);
	return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end)
{
	return driver_leave(driver_enter() ?: elapsed(ms, start, end));
}
