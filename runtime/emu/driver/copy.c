/* SPDX-License-Identifier: MIT */
/* Copies and fills. What the host's memory holds is read at once where it is
 * not page-locked, and written before the call returns; page-locked memory is read
 * and written when the stream comes to it. */
#include "runtime/emu/driver/driver.h"

#include <stdlib.h>

static void *pointer(CUdeviceptr p)
{
	return (void *)(uintptr_t)p;
}

static bool page_locked(const void *p, size_t n)
{
	return memory_find(p, n);
}

/* A copy of what the host has there. */
static CUresult stage(struct work *w)
{
	w->staged = malloc(w->n);
	if (!w->staged)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!guard_copy(w->staged, w->from, w->n)) {
		free(w->staged);
		return CUDA_ERROR_INVALID_VALUE;
	}
	w->from = w->staged;
	return CUDA_SUCCESS;
}

static CUresult check(const struct work *w)
{
	if (!w->to || (w->kind == WORK_COPY && !w->from))
		return CUDA_ERROR_INVALID_VALUE;
	if (w->sides & TO_DEVICE && !memory_find(w->to, w->n))
		return CUDA_ERROR_INVALID_VALUE;
	if (w->sides & FROM_DEVICE && !memory_find(w->from, w->n))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* Through the default stream, and done. */
static CUresult do_now(struct work w)
{
	CUresult r = capture_forbids();

	if (r || !w.n || (r = check(&w)) ||
	    (r = stream_add(&driver.default_stream, &w)))
		return r;
	return stream_run(&driver.default_stream, driver.number);
}

static CUresult do_later(struct work w, CUstream s)
{
	bool into_host = w.kind == WORK_COPY && !(w.sides & TO_DEVICE);
	bool from_host = w.kind == WORK_COPY && !(w.sides & FROM_DEVICE);
	CUresult r;

	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!w.n || (r = check(&w)))
		return w.n ? r : CUDA_SUCCESS;
	if (from_host && !s->at.capture && !page_locked(w.from, w.n) &&
	    (r = stage(&w)))
		return r;
	if ((r = stream_add(s, &w)) || !into_host || s->at.capture ||
	    page_locked(w.to, w.n))
		return r;
	return stream_run(s, UINT64_MAX);
}

static struct work copied(void *to, const void *from, size_t n,
	unsigned sides)
{
	return (struct work){ .kind = WORK_COPY, .to = to, .from = from,
		.n = n, .sides = sides };
}

static struct work filled(CUdeviceptr to, unsigned char byte, size_t n)
{
	return (struct work){ .kind = WORK_FILL, .to = pointer(to),
		.byte = byte, .n = n, .sides = TO_DEVICE };
}

/* What is not page-locked has been read when the call returns, and may be on its
 * way yet, in the default stream. */
static CUresult to_device(struct work w)
{
	CUresult r;

	if (!w.n || !w.from || page_locked(w.from, w.n))
		return do_now(w);
	r = capture_forbids() ?: capture_forbids_default();
	if (!r)
		r = stream_run(&driver.default_stream, UINT64_MAX);
	return r ? r : do_later(w, &driver.default_stream);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t n)
{
	return driver_leave(driver_enter() ?: to_device(copied(pointer(to), from,
		n, TO_DEVICE)));
}

CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t n)
{
	return driver_leave(driver_enter() ?: do_now(copied(to, pointer(from),
		n, FROM_DEVICE)));
}

/* Between places of the device the host need not wait. */
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t n)
{
	return driver_leave(driver_enter() ?: capture_forbids() ?:
		do_later(copied(pointer(to), pointer(from), n,
		TO_DEVICE | FROM_DEVICE), &driver.default_stream));
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t n,
	CUstream stream)
{
	return driver_leave(driver_enter() ?: do_later(copied(pointer(to),
		from, n, TO_DEVICE), stream_of(stream)));
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t n,
	CUstream stream)
{
	return driver_leave(driver_enter() ?: do_later(copied(to,
		pointer(from), n, FROM_DEVICE), stream_of(stream)));
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t n,
	CUstream stream)
{
	return driver_leave(driver_enter() ?: do_later(copied(pointer(to),
		pointer(from), n, TO_DEVICE | FROM_DEVICE),
		stream_of(stream)));
}

CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char byte, size_t n)
{
	return driver_leave(driver_enter() ?: capture_forbids() ?:
		do_later(filled(to, byte, n), &driver.default_stream));
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char byte, size_t n,
	CUstream stream)
{
	return driver_leave(driver_enter() ?: do_later(filled(to, byte, n),
		stream_of(stream)));
}
