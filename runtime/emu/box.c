/* SPDX-License-Identifier: MIT */
/* Boxes of tensors: each row of one, contiguous in both memories, is found in
 * the tensor or is outside of it. A tile's rows count through the box's outer
 * dimensions; im2col's are pixels, which go through their own box within the
 * tensor, wherever the first lies (PTX ISA, "Tensor Copy Modes"). */
#include "emu_half.h"
#include "emu_tensor.h"

#include <string.h>

/* A walk over a box's rows: "at" are the coordinates of the row's first
 * element; "turn" counts a tile's. */
struct walk {
	const struct tensor_box *b;
	int64_t at[RANK_MAX];
	int turn[RANK_MAX];
};

/* How many elements of dimension "i" a tile takes. */
static int taken(const struct tensor_map *m, int i)
{
	return (m->box[i] + m->steps[i] - 1) / m->steps[i];
}

static int row_elements(const struct tensor_map *m)
{
	return m->im2col ? m->channels : m->box[0];
}

size_t tensor_row_bytes(const struct tensor_map *m)
{
	return (size_t)row_elements(m) * tensor_type_bytes(m->type);
}

static int rows(const struct tensor_map *m)
{
	int n = 1;

	if (m->im2col)
		return m->pixels;
	for (int i = 1; i < m->rank; i++)
		n *= taken(m, i);
	return n;
}

size_t tensor_bytes(const struct tensor_map *m)
{
	return (size_t)rows(m) * tensor_row_bytes(m);
}

static struct walk start(const struct tensor_box *b)
{
	struct walk w = { .b = b };

	for (int i = 0; i < b->map.rank; i++)
		w.at[i] = b->at[i];
	return w;
}

static void next_of_tile(struct walk *w)
{
	const struct tensor_map *m = &w->b->map;

	for (int i = 1; i < m->rank; i++) {
		w->at[i] += m->steps[i];
		if (++w->turn[i] < taken(m, i))
			return;
		w->turn[i] = 0;
		w->at[i] = w->b->at[i];
	}
}

/* The next pixel of the pixels' box; behind its last that of the next image. */
static void next_pixel(struct walk *w)
{
	const struct tensor_map *m = &w->b->map;

	for (int i = 1; i + 1 < m->rank; i++) {
		w->at[i] += m->steps[i];
		if (w->at[i] <= (int64_t)m->dims[i] + m->upper[i - 1])
			return;
		w->at[i] = m->lower[i - 1];
	}
	w->at[m->rank - 1]++;
}

static void next(struct walk *w)
{
	if (w->b->map.im2col)
		next_pixel(w);
	else
		next_of_tile(w);
}

/* Elements "from" to "to" of the row are in the tensor, the first at the
 * address returned; NULL if none is. */
static unsigned char *row_of(const struct walk *w, int *from, int *to)
{
	const struct tensor_map *m = &w->b->map;
	int64_t n = row_elements(m), x = w->at[0];
	int64_t first = x < 0 ? -x : 0, end = (int64_t)m->dims[0] + 1 - x;
	uint64_t address = m->address;

	for (int i = 1; i < m->rank; i++) {
		int64_t at = w->at[i] + (m->im2col && i + 1 < m->rank ?
			w->b->offset[i - 1] : 0);

		if (at < 0 || at > m->dims[i])
			return NULL;
		address += (uint64_t)at * m->strides[i - 1];
	}
	*from = (int)first;
	*to = (int)(end < n ? end : n);
	if (first >= n || end <= first)
		return NULL;
	return (unsigned char *)(uintptr_t)address + (uint64_t)(x + first) *
		tensor_type_bytes(m->type);
}

void tensor_check_pixel(const struct tensor_box *b)
{
	const struct tensor_map *m = &b->map;
	int bits = m->rank == 3 ? 16 : m->rank == 4 ? 8 : 5;

	for (int i = 0; i + 2 < m->rank; i++) {
		int64_t at = b->at[i + 1];

		if (at < m->lower[i] ||
		    at > (int64_t)m->dims[i + 1] + m->upper[i])
			fault("tensor", b->line, "coordinate %d is %lld, "
				"outside of the pixels' box from %d to %lld",
				i + 1, (long long)at, m->lower[i],
				(long long)m->dims[i + 1] + m->upper[i]);
		if (b->offset[i] >> bits)
			fault("tensor", b->line, "offset %d is %d, and of a "
				"%dd tensor it has %d bits", i, b->offset[i],
				m->rank, bits);
	}
}

static void fill(const struct tensor_map *m, unsigned char *to, size_t n)
{
	size_t each = tensor_type_bytes(m->type);

	memset(to, m->nan ? 0xff : 0, n);
	for (size_t i = each - 1; i < n && m->nan; i += each)
		to[i] = 0x7f;
}

static void check_row(const struct tensor_box *b, const void *p, size_t n)
{
	if (n && address_bad(p, n))
		fault("bounds", b->line, "a bulk copy of a row of %zu bytes of "
			"a tensor out of bounds", n);
}

void tensor_load(const struct tensor_box *b, unsigned char *to)
{
	const struct tensor_map *m = &b->map;
	size_t each = tensor_type_bytes(m->type), row = tensor_row_bytes(m);
	struct walk w = start(b);

	for (int i = rows(m); i > 0; i--, to += row, next(&w)) {
		int first, end;
		const unsigned char *p = row_of(&w, &first, &end);
		size_t n = p ? (size_t)(end - first) * each : 0;

		fill(m, to, row);
		check_row(b, p, n);
		if (n && watch_access)
			watch_access(b->place, p, n, WATCH_READ);
		if (n)
			memcpy(to + (size_t)first * each, p, n);
	}
}

/* ---- stores ---- */

static uint16_t to_bf16(float x)
{
	uint32_t u = to_bits(x);

	return x != x ? 0x7fff : (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#define ADD(T) do { \
		T x, y; \
		memcpy(&x, to, sizeof x); \
		memcpy(&y, from, sizeof y); \
		x = (T)(x + y); \
		memcpy(to, &x, sizeof x); \
	} while (0)

static void add_one(const struct tensor_box *b, unsigned char *to,
	const unsigned char *from)
{
	uint16_t x, y;

	switch ((enum tensor_type)b->map.type) {
	case TENSOR_U32: case TENSOR_I32: ADD(uint32_t); break;
	case TENSOR_U64: case TENSOR_I64: ADD(uint64_t); break;
	case TENSOR_F32: ADD(float); break;
	case TENSOR_F64: ADD(double); break;
	case TENSOR_F16: case TENSOR_BF16:
		memcpy(&x, to, 2);
		memcpy(&y, from, 2);
		x = b->map.type == TENSOR_F16 ?
			wpk_emu_to_f16(from_f16(x) +
				from_f16(y)) :
			to_bf16(from_bf16(x) + from_bf16(y));
		memcpy(to, &x, 2);
		break;
	default:
		fault("tensor", b->line, "there is no addition of data type %d "
			"in memory", b->map.type);
	}
}

void tensor_store(const struct tensor_box *b, const unsigned char *from,
	bool add)
{
	const struct tensor_map *m = &b->map;
	size_t each = tensor_type_bytes(m->type);
	struct walk w = start(b);

	for (int i = rows(m); i > 0; i--, next(&w)) {
		int first, end;
		unsigned char *p = row_of(&w, &first, &end);
		size_t n = p ? (size_t)(end - first) * each : 0;

		check_row(b, p, n);
		if (n && watch_access)
			watch_access(b->place, p, n, add ? WATCH_ATOMIC :
				WATCH_WRITE);
		if (n && !add)
			memcpy(p, from + (size_t)first * each, n);
		for (size_t k = 0; k < n && add; k += each)
			add_one(b, p + k, from + (size_t)first * each + k);
		from += tensor_row_bytes(m);
	}
}
