/* SPDX-License-Identifier: MIT */
/* The driver's functions that describe tensors to bulk copies, named and shaped
 * as in cuda.h: what the driver refuses is refused here, by the same code. How
 * the 128 bytes hold it is the emulator's own. */
#include "emu_tensor.h"

#include <string.h>

enum { OK = 0, INVALID = 1 };
enum { INTERLEAVE_NONE, SWIZZLES = 4, PROMOTIONS = 4, DRIVER_TYPES = 13 };

#define MARK UINT64_C(0x70616d2d6b707721)

static const uint8_t type_bytes[DRIVER_TYPES] = {
	1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4
};

/* What both ways of encoding are told alike. */
struct request {
	void *map;
	unsigned type, rank, interleave, swizzle, promotion, fill;
	const void *address;
	const uint64_t *dims, *strides;
	const uint32_t *steps;
};

void wpk_emu_prefetch_map(int line, const void *map);
void *wpk_emu_driver(const char *name);

void *wpk_emu_driver(const char *name)
{
	return !strcmp(name, "cuTensorMapEncodeTiled") ?
		(void *)wpk_emu_tensor_map_tiled :
		!strcmp(name, "cuTensorMapEncodeIm2col") ?
		(void *)wpk_emu_tensor_map_im2col : NULL;
}

size_t tensor_type_bytes(enum tensor_type t)
{
	return type_bytes[t];
}

static bool is_float(unsigned type)
{
	return type >= TENSOR_F16;
}

/* The driver takes interleaved layouts and swizzles of larger chunks, too: they
 * are not emulated. */
static bool valid(const struct request *r)
{
	if (!r->map || (uintptr_t)r->map % 64 || r->type >= DRIVER_TYPES ||
	    !r->rank || r->rank > RANK_MAX || !r->address ||
	    (uintptr_t)r->address % 16 || !r->dims || !r->steps ||
	    (r->rank > 1 && !r->strides))
		return false;
	if (r->interleave != INTERLEAVE_NONE || r->swizzle >= SWIZZLES ||
	    r->promotion >= PROMOTIONS || r->fill > 1 ||
	    (r->fill && !is_float(r->type)))
		return false;
	for (unsigned i = 0; i < r->rank; i++)
		if (!r->dims[i] || r->dims[i] > UINT64_C(1) << 32 ||
		    !r->steps[i] || r->steps[i] > 8)
			return false;
	for (unsigned i = 0; i + 1 < r->rank; i++)
		if (r->strides[i] % 16 || r->strides[i] >= UINT64_C(1) << 40)
			return false;
	return true;
}

/* A row of a box: whole chunks, and no longer than what is swizzled. */
static bool row_fits(const struct request *r, uint64_t elements)
{
	uint64_t bytes = elements * type_bytes[r->type];

	return bytes % 16 == 0 && (!r->swizzle || bytes <= 16u << r->swizzle);
}

static struct tensor_map begin(const struct request *r)
{
	struct tensor_map m = { .mark = MARK,
		.address = (uint64_t)(uintptr_t)r->address,
		.type = (uint8_t)r->type, .rank = (uint8_t)r->rank,
		.width = (uint8_t)(16u << r->swizzle), .nan = r->fill != 0 };

	for (unsigned i = 0; i < r->rank; i++) {
		m.dims[i] = (uint32_t)(r->dims[i] - 1);
		m.steps[i] = (uint8_t)r->steps[i];
		if (i)
			m.strides[i - 1] = r->strides[i - 1];
	}
	m.steps[0] = 1;
	return m;
}

static int finish(const struct request *r, const struct tensor_map *m)
{
	_Static_assert(sizeof *m <= MAP_BYTES, "a map is of 128 bytes");
	memset(r->map, 0, MAP_BYTES);
	memcpy(r->map, m, sizeof *m);
	return OK;
}

int wpk_emu_tensor_map_tiled(void *map, unsigned type, uint32_t rank,
	void *address, const uint64_t *dims, const uint64_t *strides,
	const uint32_t *box, const uint32_t *steps, unsigned interleave,
	unsigned swizzle, unsigned promotion, unsigned fill)
{
	struct request r = { map, type, rank, interleave, swizzle, promotion,
		fill, address, dims, strides, steps };
	struct tensor_map m;

	if (!valid(&r) || !box || !row_fits(&r, box[0]))
		return INVALID;
	m = begin(&r);
	for (unsigned i = 0; i < rank; i++) {
		if (!box[i] || box[i] > 256)
			return INVALID;
		m.box[i] = (uint16_t)box[i];
	}
	return finish(&r, &m);
}

/* How far corners may be off, by the number of dimensions in space. */
static bool corner_fits(int corner, unsigned space)
{
	int most = space == 1 ? 1 << 15 : space == 2 ? 1 << 7 : 1 << 4;

	return corner >= -most && corner < most;
}

int wpk_emu_tensor_map_im2col(void *map, unsigned type, uint32_t rank,
	void *address, const uint64_t *dims, const uint64_t *strides,
	const int *lower, const int *upper, uint32_t channels, uint32_t pixels,
	const uint32_t *steps, unsigned interleave, unsigned swizzle,
	unsigned promotion, unsigned fill)
{
	struct request r = { map, type, rank, interleave, swizzle, promotion,
		fill, address, dims, strides, steps };
	struct tensor_map m;

	if (!valid(&r) || rank < 3 || !lower || !upper || !channels ||
	    channels > 256 || !pixels || pixels > 1024 ||
	    !row_fits(&r, channels))
		return INVALID;
	m = begin(&r);
	m.im2col = true;
	m.channels = (uint16_t)channels;
	m.pixels = (uint16_t)pixels;
	for (unsigned i = 0; i + 2 < rank; i++) {
		if (!corner_fits(lower[i], rank - 2) ||
		    !corner_fits(upper[i], rank - 2))
			return INVALID;
		if ((int64_t)dims[i + 1] + upper[i] <= lower[i])
			return INVALID;
		m.lower[i] = (int16_t)lower[i];
		m.upper[i] = (int16_t)upper[i];
	}
	return finish(&r, &m);
}

const void *tensor_map_address(const void *p)
{
	struct tensor_map m;

	memcpy(&m, p, sizeof m);
	return m.mark == MARK ? (const void *)(uintptr_t)m.address : NULL;
}

/* ---- the device's side ---- */

void tensor_map_read(struct tensor_map *m, int line, const void *p, int rank,
	bool im2col)
{
	if ((uintptr_t)p % 64)
		fault("misaligned", line, "a tensor map at an address that is "
			"a multiple of %d only",
			1 << __builtin_ctzll((uintptr_t)p));
	memcpy(m, p, sizeof *m);
	if (m->mark != MARK)
		fault("tensor", line, "what should be a tensor map is none");
	if (m->rank != rank || m->im2col != im2col)
		fault("tensor", line, "a copy of a %dd %s, by a map of a %dd "
			"%s", rank, im2col ? "im2col" : "tile", m->rank,
			m->im2col ? "im2col" : "tile");
	if (m->type >= TENSOR_TYPES)
		fault("tensor", line, "a tensor map of data type %d, which is "
			"not emulated", m->type);
	if (m->width > 16 && tensor_row_bytes(m) != m->width)
		fault("tensor", line, "rows of %zu bytes swizzled as such of "
			"%d: that is not emulated", tensor_row_bytes(m),
			m->width);
}

void wpk_emu_prefetch_map(int line, const void *map)
{
	if ((uintptr_t)map % 64)
		fault("misaligned", line, "a tensor map at an address that is "
			"no multiple of 64");
}
