/* SPDX-License-Identifier: MIT */
/* Tensor maps, which a launch passes in place of a tensor's address: read from
 * a request, and encoded by the driver. */
#include "runtime/worker/worker.h"

#include <stdlib.h>

#include "runtime/worker/cuda.h"

/* "n" integers of "lo" to "hi". */
static bool read_numbers(const json_t *v, int n, long long lo, long long hi,
	long long *out)
{
	if ((int)json_array_size(v) != n)
		return false;
	for (int i = 0; i < n; i++) {
		const json_t *x = json_array_get(v, (size_t)i);

		out[i] = json_integer_value(x);
		if (!json_is_integer(x) || out[i] < lo || out[i] > hi)
			return false;
	}
	return true;
}

static bool read_unsigned(const json_t *v, int n, unsigned *out)
{
	long long x[MAP_RANK];

	if (!read_numbers(v, n, 1, 1 << 16, x))
		return false;
	for (int i = 0; i < n; i++)
		out[i] = (unsigned)x[i];
	return true;
}

static bool read_corner(const json_t *v, int n, int *out)
{
	long long x[MAP_RANK];

	if (!read_numbers(v, n, -(1 << 15), (1 << 15) - 1, x))
		return false;
	for (int i = 0; i < n; i++)
		out[i] = (int)x[i];
	return true;
}

static bool read_dims(const json_t *v, struct map *m)
{
	long long dims[MAP_RANK], strides[MAP_RANK];

	if (!read_numbers(json_object_get(v, "dims"), m->rank, 1, 1ll << 32,
	    dims) || !read_numbers(json_object_get(v, "strides"), m->rank - 1,
	    0, 1ll << 40, strides))
		return false;
	for (int i = 0; i < m->rank; i++)
		m->dims[i] = (unsigned long long)dims[i];
	for (int i = 0; i + 1 < m->rank; i++)
		m->strides[i] = (unsigned long long)strides[i];
	return true;
}

static bool read_box(const json_t *v, struct map *m)
{
	m->pixels = (unsigned)line_number(v, "pixels", 0);
	m->channels = (unsigned)line_number(v, "channels", 0);
	if (!m->pixels)
		return read_unsigned(json_object_get(v, "box"), m->rank,
			m->box);
	return m->rank >= 3 && read_corner(json_object_get(v, "lower"),
		m->rank - 2, m->lower) && read_corner(json_object_get(v,
		"upper"), m->rank - 2, m->upper);
}

struct map *map_read(const json_t *v)
{
	struct map *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->type = (int)line_number(v, "type", 0);
	m->swizzle = (int)line_number(v, "swizzle", 0);
	m->promotion = (int)line_number(v, "promotion", 0);
	m->rank = (int)json_array_size(json_object_get(v, "dims"));
	if (m->rank >= 1 && m->rank <= MAP_RANK && read_dims(v, m) &&
	    read_box(v, m) && read_unsigned(json_object_get(v, "steps"),
	    m->rank, m->steps))
		return m;
	free(m);
	return NULL;
}

int map_encode(const struct map *m, wpk_cu_pointer tensor,
	struct wpk_cu_map *out)
{
	void *address = (void *)(size_t)tensor;
	unsigned rank = (unsigned)m->rank;

	if (m->pixels ? !cuda.encode_im2col : !cuda.encode_tiled)
		return WPK_CU_NOT_FOUND;
	return m->pixels ? cuda.encode_im2col(out, m->type, rank, address,
		m->dims, m->strides, m->lower, m->upper, m->channels,
		m->pixels, m->steps, 0, m->swizzle, m->promotion, 0) :
		cuda.encode_tiled(out, m->type, rank, address, m->dims,
		m->strides, m->box, m->steps, 0, m->swizzle, m->promotion, 0);
}
