/* SPDX-License-Identifier: MIT */
/* Launches: what an H200 would refuse is refused at once; the arguments are
 * copied, as the driver does, and checked when the kernel's turn comes. */
#include "runtime/emu/driver/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/emu/emu_tensor.h"

/* ---- functions ---- */

static CUresult set(CUfunction f, int what, int value)
{
	if (!object_known(OBJECT_FUNCTION, f))
		return CUDA_ERROR_INVALID_HANDLE;
	switch (what) {
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		if (value < 0 || value > SHARED_MOST)
			return CUDA_ERROR_INVALID_VALUE;
		f->shared_allowed = value;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		return value < -1 || value > 100 ? CUDA_ERROR_INVALID_VALUE :
			CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
		f->any_cluster = value != 0;
		return CUDA_SUCCESS;
	}
	return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute what,
	int value)
{
	return driver_leave(driver_enter() ?: set(function, (int)what, value));
}

/* What no compiler for a GPU has counted is 0. */
static CUresult get(int *value, int what, CUfunction f)
{
	if (!value || what < 0 || what >= CU_FUNC_ATTRIBUTE_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	if (!object_known(OBJECT_FUNCTION, f))
		return CUDA_ERROR_INVALID_HANDLE;
	*value = what == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ?
		THREADS_MAX :
		what == CU_FUNC_ATTRIBUTE_PTX_VERSION ||
		what == CU_FUNC_ATTRIBUTE_BINARY_VERSION ? 90 :
		what == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES ?
		f->shared_allowed :
		what == CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED ?
		f->any_cluster : 0;
	return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute what,
	CUfunction function)
{
	return driver_leave(driver_enter() ?: get(value, (int)what, function));
}

static int least(int x, int y)
{
	return x < y ? x : y;
}

static CUresult occupancy(int *n, CUfunction f, int threads, size_t shared)
{
	if (!n || threads <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (!object_known(OBJECT_FUNCTION, f))
		return CUDA_ERROR_INVALID_HANDLE;
	*n = 0;
	if (threads <= THREADS_MAX && shared <= (size_t)f->shared_allowed)
		*n = least(BLOCKS_PER_SM, least(THREADS_PER_SM /
			((threads + WARP - 1) / WARP * WARP),
			SHARED_PER_SM / ((int)shared + SHARED_RESERVED)));
	return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n,
	CUfunction function, int threads, size_t shared)
{
	return driver_leave(driver_enter() ?: occupancy(n, function, threads,
		shared));
}

/* ---- limits ---- */

static CUresult read_attribute(const CUlaunchAttribute *a, struct launch *l)
{
	switch ((int)a->id) {
	case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
		return a->value.cooperative ? CUDA_ERROR_NOT_SUPPORTED :
			CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
		l->cluster = (struct emu_index){ a->value.clusterDim.x,
			a->value.clusterDim.y, a->value.clusterDim.z };
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
		l->early = a->value.programmaticStreamSerializationAllowed;
		return CUDA_SUCCESS;
	}
	return (unsigned)a->id > CU_LAUNCH_ATTRIBUTE_LAST ?
		CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

static CUresult read_config(const CUlaunchConfig *c, struct launch *l)
{
	CUresult r = CUDA_SUCCESS;

	*l = (struct launch){
		.grid = { c->gridDimX, c->gridDimY, c->gridDimZ },
		.block = { c->blockDimX, c->blockDimY, c->blockDimZ },
		.cluster = { 1, 1, 1 }, .shared = c->sharedMemBytes };
	if (c->numAttrs && !c->attrs)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < c->numAttrs && !r; i++)
		r = read_attribute(&c->attrs[i], l);
	return r;
}

static bool within(struct emu_index n, unsigned x, unsigned y, unsigned z)
{
	return n.x && n.y && n.z && n.x <= x && n.y <= y && n.z <= z;
}

/* What the emulator lacks of clusters comes last. */
static CUresult check_cluster(const struct launch *l, CUfunction f)
{
	struct emu_index n = l->cluster;
	unsigned most = f->any_cluster ? CLUSTER_MOST : CLUSTER_PORTABLE;

	if (!within(n, most, most, most) || n.x * n.y * n.z > most)
		return CUDA_ERROR_INVALID_CLUSTER_SIZE;
	if (l->grid.x % n.x || l->grid.y % n.y || l->grid.z % n.z)
		return CUDA_ERROR_INVALID_VALUE;
	return n.z > 1 || n.x * n.y > CLUSTER_MAX ? CUDA_ERROR_NOT_SUPPORTED :
		CUDA_SUCCESS;
}

static CUresult check(const struct launch *l, CUfunction f)
{
	if (!within(l->grid, INT32_MAX, 65535, 65535) ||
	    !within(l->block, 1024, 1024, 64) ||
	    l->block.x * l->block.y * l->block.z > THREADS_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	if (l->shared > (size_t)f->shared_allowed)
		return CUDA_ERROR_INVALID_VALUE;
	return check_cluster(l, f);
}

/* ---- arguments ---- */

enum { ARGUMENT_ALIGN = 128 };

/* From where the caller has them, one by one or packed, to a block that begins
 * with pointers to them. */
struct arguments {
	const struct wpk_emu_kernel *kernel;
	void **from;
	const char *packed;
	void **to;
};

static size_t up(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

static size_t room_for(const struct wpk_emu_kernel *k)
{
	size_t n = up(k->n * sizeof(void *), ARGUMENT_ALIGN);

	for (unsigned i = 0; i < k->n; i++)
		n = up(n + k->parameters[i].bytes, ARGUMENT_ALIGN);
	return n ? n : ARGUMENT_ALIGN;
}

static void copy(void *arg)
{
	const struct arguments *a = arg;
	char *to = (char *)a->to + up(a->kernel->n * sizeof(void *),
		ARGUMENT_ALIGN);
	size_t at = 0;

	for (unsigned i = 0; i < a->kernel->n; i++) {
		const struct wpk_emu_parameter *p = &a->kernel->parameters[i];

		at = up(at, p->align);
		memcpy(to, a->packed ? a->packed + at : a->from[i], p->bytes);
		at += p->bytes;
		a->to[i] = to;
		to += up(p->bytes, ARGUMENT_ALIGN);
	}
}

/* CU_LAUNCH_PARAM_BUFFER_POINTER and the rest: pairs up to a NULL. */
static const char *packed_in(void **extra)
{
	const char *packed = NULL;

	for (; extra && *extra; extra += 2)
		if (*extra == (void *)1)
			packed = extra[1];
	return packed;
}

static CUresult take_arguments(struct work *w, void **from, void **extra)
{
	struct arguments a = { w->function->kernel, from, packed_in(extra),
		NULL };
	char sentence[SENTENCE];

	if (a.kernel->n && (from ? a.packed != NULL : !a.packed))
		return CUDA_ERROR_INVALID_VALUE;
	a.to = aligned_alloc(ARGUMENT_ALIGN, room_for(a.kernel));
	if (!a.to)
		return CUDA_ERROR_OUT_OF_MEMORY;
	w->arguments = a.to;
	if (!guard_run(copy, &a, sentence))
		return CUDA_SUCCESS;
	free(a.to);
	return CUDA_ERROR_INVALID_VALUE;
}

/* Where an argument points, NULL if it does not. */
static const void *place_in(const struct wpk_emu_parameter *p,
	const void *argument)
{
	const void *place = NULL;

	if (p->kind == WPK_EMU_POINTER)
		memcpy(&place, argument, sizeof place);
	if (p->kind == WPK_EMU_MAP)
		place = tensor_map_address(argument);
	return place;
}

CUresult launch_check(const struct work *w)
{
	const struct wpk_emu_kernel *k = w->function->kernel;
	char sentence[SENTENCE];

	for (unsigned i = 0; i < k->n; i++) {
		const void *p = place_in(&k->parameters[i], w->arguments[i]);

		if (!p || memory_find(p, 0))
			continue;
		snprintf(sentence, sizeof sentence, "address fault: argument "
			"%u of %s points to %p, which is in no memory of the "
			"device's", i, k->name, p);
		return driver_lose(CUDA_ERROR_ILLEGAL_ADDRESS, sentence);
	}
	return CUDA_SUCCESS;
}

/* ---- entries ---- */

static CUresult launch(const CUlaunchConfig *config, CUfunction f,
	void **parameters, void **extra)
{
	struct work w = { .kind = WORK_KERNEL, .function = f };
	CUstream s;
	CUresult r;

	if (!config)
		return CUDA_ERROR_INVALID_VALUE;
	s = stream_of(config->hStream);
	if (!s || !object_known(OBJECT_FUNCTION, f))
		return CUDA_ERROR_INVALID_HANDLE;
	if ((r = read_config(config, &w.launch)) ||
	    (r = check(&w.launch, f)) ||
	    (r = take_arguments(&w, parameters, extra)))
		return r;
	return stream_add(s, &w);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function,
	void **parameters, void **extra)
{
	return driver_leave(driver_enter() ?: launch(config, function,
		parameters, extra));
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
	unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
	unsigned shared, CUstream stream, void **parameters, void **extra)
{
	CUlaunchConfig config = { grid_x, grid_y, grid_z, block_x, block_y,
		block_z, shared, stream, NULL, 0 };

	return cuLaunchKernelEx(&config, function, parameters, extra);
}

static CUresult launch_host(CUstream s, CUhostFn f, void *closure)
{
	struct work w = { .kind = WORK_HOST, .host = f, .closure = closure };

	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	return f ? stream_add(s, &w) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void *closure)
{
	return driver_leave(driver_enter() ?: launch_host(stream_of(stream),
		function, closure));
}
