/* SPDX-License-Identifier: MIT */
/* Streams. What is handed to one waits until somebody waits for it, and then no
 * more is done than that takes: who reads results too early finds them not
 * there, who reuses page-locked memory too early or forgets an event between
 * two streams finds that out each time, not once in a thousand. Among streams
 * that nothing orders the last created is first. A device would not wait for
 * ever either: MOST is what may wait. */
#include "runtime/emu/driver/driver.h"

#include <stdlib.h>

enum { MOST = 1024 };

CUstream stream_of(CUstream handle)
{
	switch ((uintptr_t)handle) {
	case 0:
	case 1:		/* CU_STREAM_LEGACY */
		return &driver.default_stream;
	case 2:		/* CU_STREAM_PER_THREAD */
		driver.thread_stream.blocking = true;
		return &driver.thread_stream;
	}
	return object_known(OBJECT_STREAM, handle) ? handle : NULL;
}

static CUstream first_stream(void)
{
	return (CUstream)object_first(OBJECT_STREAM);
}

static CUstream next_stream(CUstream s)
{
	return (CUstream)s->object.next;
}

/* ---- running ---- */

static CUresult earlier_of(CUresult r, CUresult s)
{
	return r ? r : s;
}

static CUresult run_blocking(uint64_t number)
{
	CUresult r = stream_run(&driver.thread_stream, number);

	for (CUstream s = first_stream(); s; s = next_stream(s))
		if (s->blocking)
			r = earlier_of(r, stream_run(s, number));
	return r;
}

/* What comes before work of that number in stream "s", in others. */
static CUresult run_before(CUstream s, uint64_t number)
{
	if (s == &driver.default_stream)
		return run_blocking(number);
	return s->blocking ? stream_run(&driver.default_stream, number) :
		CUDA_SUCCESS;
}

static CUresult run_awaited(const struct work *w)
{
	CUstream s = w->stream;

	if (s != &driver.default_stream && s != &driver.thread_stream &&
	    !object_known(OBJECT_STREAM, s))
		return CUDA_SUCCESS;
	return stream_run(s, w->until);
}

static void drop_first(CUstream s)
{
	struct queued *q = s->first;

	s->first = q->next;
	work_drop(&q->work);
	free(q);
	driver.waiting--;
}

CUresult stream_run(CUstream s, uint64_t number)
{
	CUresult r = CUDA_SUCCESS;

	while (s->first && s->first->number <= number) {
		struct queued *q = s->first;

		r = earlier_of(r, run_before(s, q->number));
		if (!driver.lost && q->work.kind == WORK_WAIT)
			r = earlier_of(r, run_awaited(&q->work));
		if (driver.lost)
			break;
		s->first = q->next;
		driver.waiting--;
		r = earlier_of(r, work_run(&q->work, q->number));
		work_drop(&q->work);
		free(q);
	}
	return earlier_of(driver.lost, r);
}

CUresult stream_run_all(void)
{
	CUresult r = CUDA_SUCCESS;

	for (CUstream s = first_stream(); s; s = next_stream(s))
		r = earlier_of(r, stream_run(s, UINT64_MAX));
	r = earlier_of(r, stream_run(&driver.thread_stream, UINT64_MAX));
	return earlier_of(r, stream_run(&driver.default_stream, UINT64_MAX));
}

static void drop_queue(CUstream s)
{
	while (s->first)
		drop_first(s);
}

void stream_drop_all(void)
{
	for (CUstream s = first_stream(); s; s = next_stream(s))
		drop_queue(s);
	drop_queue(&driver.thread_stream);
	drop_queue(&driver.default_stream);
}

static CUresult enqueue(CUstream s, struct work *w)
{
	struct queued *q = malloc(sizeof *q);

	if (!q) {
		work_drop(w);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*q = (struct queued){ *w, ++driver.number, NULL };
	if (s->first)
		s->last->next = q;
	else
		s->first = q;
	s->last = q;
	return ++driver.waiting > MOST ? stream_run_all() : CUDA_SUCCESS;
}

CUresult stream_add(CUstream s, struct work *w)
{
	CUresult r = CUDA_SUCCESS;

	if (s->at.capture)
		r = capture_add(s, w);
	else if (s != &driver.default_stream ||
		 !(r = capture_forbids_default()))
		return enqueue(s, w);
	if (r)
		work_drop(w);
	return r;
}

/* ---- entries ---- */

static CUresult create(CUstream *stream, unsigned flags)
{
	if (!stream || flags > CU_STREAM_NON_BLOCKING)
		return CUDA_ERROR_INVALID_VALUE;
	*stream = object_create(OBJECT_STREAM, sizeof **stream);
	if (!*stream)
		return CUDA_ERROR_OUT_OF_MEMORY;
	(*stream)->blocking = !(flags & CU_STREAM_NON_BLOCKING);
	return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags)
{
	return driver_leave(driver_enter() ?: create(stream, flags));
}

/* What it has is done first. */
static CUresult destroy(CUstream s)
{
	CUresult r;

	if (!object_known(OBJECT_STREAM, s))
		return CUDA_ERROR_INVALID_HANDLE;
	capture_forget(s);
	r = stream_run(s, UINT64_MAX);
	object_destroy(OBJECT_STREAM, s);
	return r;
}

CUresult cuStreamDestroy_v2(CUstream stream)
{
	return driver_leave(driver_enter() ?: destroy(stream));
}

static CUresult may_wait(CUstream s)
{
	struct capture *c;

	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	if ((c = capture_of(&s->at)))
		return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	return s == &driver.default_stream ? capture_forbids_default() :
		CUDA_SUCCESS;
}

/* The default stream has waited for others' when it waits. */
static CUresult synchronize(CUstream s)
{
	CUresult r = may_wait(s);

	if (r)
		return r;
	if (s == &driver.default_stream)
		r = run_blocking(UINT64_MAX);
	return earlier_of(r, stream_run(s, UINT64_MAX));
}

CUresult cuStreamSynchronize(CUstream stream)
{
	return driver_leave(driver_enter() ?: synchronize(stream_of(stream)));
}

/* To ask often is to wait: each time a little is done. */
static CUresult query(CUstream s)
{
	CUresult r = may_wait(s);

	if (r || !s->first)
		return r;
	r = stream_run(s, s->first->number);
	return r ? r : CUDA_ERROR_NOT_READY;
}

CUresult cuStreamQuery(CUstream stream)
{
	return driver_leave(driver_enter() ?: query(stream_of(stream)));
}

static CUresult wait_event(CUstream s, CUevent e, unsigned flags)
{
	struct work w = { .kind = WORK_WAIT };

	if (!s || !object_known(OBJECT_EVENT, e))
		return CUDA_ERROR_INVALID_HANDLE;
	if (flags > 1)
		return CUDA_ERROR_INVALID_VALUE;
	if (e->at.capture)
		return capture_wait(s, e);
	if (s->at.capture)
		return capture_break(capture_of(&s->at),
			CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
	if (!e->recorded || e->reached)
		return CUDA_SUCCESS;
	w.stream = e->stream;
	w.until = e->number;
	return stream_add(s, &w);
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
	return driver_leave(driver_enter() ?: wait_event(stream_of(stream),
		event, flags));
}

CUresult cuCtxSynchronize(void)
{
	return driver_leave(driver_enter() ?: capture_forbids_waiting() ?:
		stream_run_all());
}
