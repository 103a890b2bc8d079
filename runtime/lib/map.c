/* SPDX-License-Identifier: MIT */
/* Tensor maps: read from JSON, and encoded by the driver. */
#include "runtime/lib/map.h"

#include <string.h>

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

static bool read_offset(const json_t *v, struct map *m)
{
	const json_t *x = json_object_get(v, "offset");
	json_int_t n = json_integer_value(x);

	m->offset = (unsigned long long)n;
	return !x || (json_is_integer(x) && n >= 0 && n < 1ll << 40);
}

/* A field of 0 to 65535, 0 where there is none such. */
static int small(const json_t *v, const char *key)
{
	json_int_t x = json_integer_value(json_object_get(v, key));

	return x > 0 && x < 1 << 16 ? (int)x : 0;
}

static bool read_box(const json_t *v, struct map *m)
{
	m->pixels = (unsigned)small(v, "pixels");
	m->channels = (unsigned)small(v, "channels");
	if (!m->pixels)
		return read_unsigned(json_object_get(v, "box"), m->rank,
			m->box);
	return m->rank >= 3 && read_corner(json_object_get(v, "lower"),
		m->rank - 2, m->lower) && read_corner(json_object_get(v,
		"upper"), m->rank - 2, m->upper);
}

bool map_read(const json_t *v, struct map *m)
{
	memset(m, 0, sizeof *m);
	m->type = small(v, "type");
	m->swizzle = small(v, "swizzle");
	m->promotion = small(v, "promotion");
	m->rank = (int)json_array_size(json_object_get(v, "dims"));
	return m->rank >= 1 && m->rank <= MAP_RANK && read_offset(v, m) &&
		read_dims(v, m) &&
		read_box(v, m) && read_unsigned(json_object_get(v, "steps"),
		m->rank, m->steps);
}

int map_encode(const struct cuda_calls *c, const struct map *m,
	wpk_cu_pointer tensor, struct wpk_cu_map *out)
{
	void *address = (void *)(size_t)(tensor + m->offset);
	unsigned rank = (unsigned)m->rank;

	if (m->pixels ? !c->encode_im2col : !c->encode_tiled)
		return WPK_CU_NOT_FOUND;
	return m->pixels ? c->encode_im2col(out, m->type, rank, address,
		m->dims, m->strides, m->lower, m->upper, m->channels,
		m->pixels, m->steps, 0, m->swizzle, m->promotion, 0) :
		c->encode_tiled(out, m->type, rank, address, m->dims,
		m->strides, m->box, m->steps, 0, m->swizzle, m->promotion, 0);
}

int map_cached(const struct cuda_calls *c, struct cached_map *m,
	wpk_cu_pointer tensor, struct wpk_cu_map *out)
{
	int status = 0;

	if (atomic_flag_test_and_set_explicit(&m->busy, memory_order_acquire))
		return map_encode(c, &m->map, tensor, out);
	if (m->known && m->at == tensor) {
		memcpy(out->bits, m->encoded, sizeof m->encoded);
	} else {
		status = map_encode(c, &m->map, tensor, out);
		memcpy(m->encoded, out->bits, sizeof m->encoded);
		m->known = !status;
		m->at = tensor;
	}
	atomic_flag_clear_explicit(&m->busy, memory_order_release);
	return status;
}
