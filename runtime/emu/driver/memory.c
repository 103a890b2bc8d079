/* SPDX-License-Identifier: MIT */
/* Memory of the device, which is the host's, each piece of it between such as
 * faults and what is left of its own pages, which must stay as it was. It comes
 * filled with 0xff, which is NaN in floats: nobody finds zeros by chance. */
#include "runtime/emu/driver/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 256, RED = 0xa5, UNWRITTEN = 0xff };

static struct piece *pieces;

const struct piece *memory_find(const void *p, size_t n)
{
	const char *at = p;

	for (const struct piece *i = pieces; i; i = i->next) {
		const char *end = i->at.p + i->at.bytes;

		if (at >= i->at.p && at <= end && n <= (size_t)(end - at))
			return i;
	}
	return NULL;
}

static struct piece **place_of(const void *p, bool host)
{
	struct piece **i = &pieces;

	while (*i && ((*i)->at.p != p || (*i)->host != host))
		i = &(*i)->next;
	return i;
}

/* ---- what is around a piece ---- */

static char *front_of(const struct region *r)
{
	return r->base + REGION_GUARD;
}

static char *end_of(const struct region *r)
{
	return r->base + r->room - REGION_GUARD;
}

static void paint(const struct region *r)
{
	char *behind = r->p + r->bytes;

	memset(front_of(r), RED, (size_t)(r->p - front_of(r)));
	memset(behind, RED, (size_t)(end_of(r) - behind));
}

/* Each byte as the one before it. */
static bool all_red(const char *p, const char *end)
{
	return p == end || ((unsigned char)*p == RED &&
		!memcmp(p, p + 1, (size_t)(end - p) - 1));
}

static CUresult check_piece(const struct region *r)
{
	const char *behind = r->p + r->bytes;
	bool front = all_red(front_of(r), r->p);
	char sentence[SENTENCE];

	if (front && all_red(behind, end_of(r)))
		return CUDA_SUCCESS;
	snprintf(sentence, sizeof sentence, "bounds fault: something was "
		"written %s the %zu bytes that were allocated at %p",
		front ? "behind" : "before", r->bytes, (void *)r->p);
	paint(r);
	return driver_lose(CUDA_ERROR_ILLEGAL_ADDRESS, sentence);
}

CUresult memory_check(void)
{
	CUresult r = CUDA_SUCCESS;

	for (const struct piece *i = pieces; i && !r; i = i->next)
		r = check_piece(&i->at);
	return r;
}

/* ---- allocation ---- */

static size_t free_bytes(void)
{
	size_t left = driver.memory - driver.used;
	size_t there = region_available();

	return left < there ? left : there;
}

static CUresult allocate(void **p, size_t bytes, bool host)
{
	struct piece *new;
	CUresult r;

	if (!p || !bytes)
		return CUDA_ERROR_INVALID_VALUE;
	if ((r = capture_forbids()))
		return r;
	if (bytes > (host ? region_available() : free_bytes()))
		return CUDA_ERROR_OUT_OF_MEMORY;
	new = malloc(sizeof *new);
	if (!new || !region_map(&new->at, bytes, ALIGN)) {
		free(new);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	new->host = host;
	new->next = pieces;
	pieces = new;
	driver.used += host ? 0 : bytes;
	paint(&new->at);
	memset(new->at.p, UNWRITTEN, bytes);
	*p = new->at.p;
	return CUDA_SUCCESS;
}

static void drop(struct piece **place)
{
	struct piece *gone = *place;

	*place = gone->next;
	driver.used -= gone->host ? 0 : gone->at.bytes;
	region_unmap(&gone->at);
	free(gone);
}

/* What was handed in before may still use it, and is done first. */
static CUresult release(const void *p, bool host)
{
	struct piece **i;
	CUresult r;

	if (!p && !host)
		return CUDA_SUCCESS;
	if ((r = capture_forbids()) || (r = stream_run_all()))
		return r;
	i = place_of(p, host);
	if (!*i)
		return CUDA_ERROR_INVALID_VALUE;
	r = check_piece(&(*i)->at);
	drop(i);
	return r;
}

void memory_free_all(void)
{
	while (pieces)
		drop(&pieces);
}

/* ---- entries ---- */

CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t bytes)
{
	void *got = NULL;
	CUresult r = driver_leave(driver_enter() ?:
		allocate(p ? &got : NULL, bytes, false));

	if (!r)
		*p = (CUdeviceptr)(uintptr_t)got;
	return r;
}

CUresult cuMemFree_v2(CUdeviceptr p)
{
	return driver_leave(driver_enter() ?:
		release((void *)(uintptr_t)p, false));
}

CUresult cuMemHostAlloc(void **p, size_t bytes, unsigned flags)
{
	return driver_leave(driver_enter() ?: flags > 7 ?
		CUDA_ERROR_INVALID_VALUE : allocate(p, bytes, true));
}

CUresult cuMemFreeHost(void *p)
{
	return driver_leave(driver_enter() ?: release(p, true));
}

static CUresult tell_memory(size_t *free, size_t *total)
{
	if (!free || !total)
		return CUDA_ERROR_INVALID_VALUE;
	*total = driver.memory;
	*free = free_bytes();
	return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total)
{
	return driver_leave(driver_enter() ?: tell_memory(free, total));
}

static CUresult tell_pointer(void *value, CUpointer_attribute what,
	CUdeviceptr p)
{
	const struct piece *i = memory_find((void *)(uintptr_t)p, 1);

	if (!value || !i)
		return CUDA_ERROR_INVALID_VALUE;
	switch ((int)what) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*(CUcontext *)value = driver.context;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*(unsigned *)value = i->host ? CU_MEMORYTYPE_HOST :
			CU_MEMORYTYPE_DEVICE;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*(CUdeviceptr *)value = p;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		*(CUdeviceptr *)value = p;
		return i->host ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*(unsigned char *)value = 0;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*(int *)value = 0;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
		*(CUdeviceptr *)value = (CUdeviceptr)(uintptr_t)i->at.p;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
		*(size_t *)value = i->at.bytes;
		return CUDA_SUCCESS;
	}
	return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuPointerGetAttribute(void *value, CUpointer_attribute what,
	CUdeviceptr p)
{
	return driver_leave(driver_enter() ?: tell_pointer(value, what, p));
}
