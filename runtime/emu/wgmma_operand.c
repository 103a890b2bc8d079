/* SPDX-License-Identifier: MIT */
/* A factor of wgmma in shared memory: where its descriptor says that the values
 * lie, and what they are. A matrix is made of chunks of 16 bytes; a descriptor
 * gives the place of the first and two strides between groups of them (PTX
 * ISA, "Shared Memory Matrix Layout", "Matrix Descriptor Format"). K-major:
 * a chunk lies along k, and k is two chunks, whatever the type. MN-major,
 * 16-bit types only: a chunk lies along the other dimension, and k counts
 * single rows. Swizzling exchanges chunks within rows of 32, 64 or 128 bytes by
 * the bits of the address above them. */
#include "emu_half.h"
#include "emu_wgmma.h"

#include <string.h>

enum { CHUNK = 16 };

/* "width" is that of a swizzled row, or a chunk; "span" after how many bytes
 * the pattern repeats. */
struct descriptor {
	unsigned start, leading, stride, base, width, span;
	bool trans;
};

static const struct { uint8_t bytes, k; } types[] = {
	[WGMMA_F16] = { 2, 16 }, [WGMMA_BF16] = { 2, 16 },
	[WGMMA_TF32] = { 4, 8 }, [WGMMA_E4M3] = { 1, 32 },
	[WGMMA_E5M2] = { 1, 32 }, [WGMMA_I8] = { 1, 32 },
	[WGMMA_U8] = { 1, 32 },
};

int wgmma_bytes(enum wgmma_type t)
{
	return types[t].bytes;
}

static struct descriptor decode(uint64_t d, bool trans)
{
	static const unsigned widths[] = { CHUNK, 128, 64, 32 };
	struct descriptor s = {
		.start = (unsigned)(d & 0x3fff) << 4,
		.leading = (unsigned)(d >> 16 & 0x3fff) << 4,
		.stride = (unsigned)(d >> 32 & 0x3fff) << 4,
		.base = (unsigned)(d >> 49 & 7),
		.width = widths[d >> 62], .trans = trans
	};

	s.span = 8 * s.width;
	return s;
}

/* Bits 4 and up of the address within a row, changed by those from 7 up. */
static unsigned swizzled(unsigned at, unsigned width)
{
	return at ^ (at >> 3 & (width - CHUNK));
}

/* Chunk "c" of row "r": K-major, of the two along k; MN-major, of those along
 * the other dimension, and r counts k. */
static unsigned chunk_at(const struct descriptor *s, unsigned r, unsigned c)
{
	unsigned in_row = s->width / CHUNK;

	if (s->width == CHUNK)
		return s->start + r % 8 * CHUNK + (s->trans ?
			r / 8 * s->leading + c * s->stride :
			r / 8 * s->stride + c * s->leading);
	return swizzled(s->start + r / 8 * s->stride + r % 8 * s->width +
		c / in_row * s->leading + c % in_row * CHUNK, s->width);
}

/* Chunks of "count" from "first" on, by the matrix's two dimensions. */
struct part {
	unsigned row, rows, chunk, chunks;
};

static struct part part_of(enum wgmma_type t, bool trans, int first, int count)
{
	unsigned each = CHUNK / types[t].bytes;

	if (trans)
		return (struct part){ 0, types[t].k, (unsigned)first / each,
			((unsigned)count + each - 1) / each };
	return (struct part){ (unsigned)first, (unsigned)count, 0, 2 };
}

static unsigned char *chunk_in(const struct wgmma *w,
	const struct descriptor *s, unsigned r, unsigned c)
{
	unsigned at = chunk_at(s, r, c);

	if (at + CHUNK > shared_bytes())
		fault("bounds", w->line, "a wgmma descriptor reaches byte %u "
			"of the block's shared memory, which has %zu", at,
			shared_bytes());
	return shared_memory + at;
}

void wgmma_check(const struct wgmma *w, uint64_t d, enum wgmma_type t,
	bool trans, int first, int count)
{
	struct descriptor s = decode(d, trans);
	struct part p = part_of(t, trans, first, count);
	unsigned in_row = s.width / CHUNK, at = s.start % s.width / CHUNK;
	unsigned end = p.chunks < in_row ? p.chunks : in_row;

	if (d & UINT64_C(0x3ff1c000c000c000))
		fault("wgmma", w->line, "descriptor 0x%llx sets bits that "
			"mean nothing", (unsigned long long)d);
	if (s.base || (s.width > CHUNK && s.start % s.span >= s.width))
		fault("wgmma", w->line, "a descriptor starts at byte %u with "
			"base offset %u: the pattern of its swizzle begins at "
			"a multiple of %u, and other places are not emulated",
			s.start, s.base, s.span);
	if (at + end > in_row && s.width > CHUNK)
		fault("wgmma", w->line, "a descriptor starts at byte %u of a "
			"swizzled row of %u and runs over its end",
			s.start % s.width, s.width);
	for (unsigned r = 0; r < p.rows; r++)
		for (unsigned c = 0; c < p.chunks; c++)
			chunk_in(w, &s, p.row + r, p.chunk + c);
}

void wgmma_watch(const struct wgmma *w, uint64_t d, enum wgmma_type t,
	bool trans, int first, int count)
{
	struct descriptor s = decode(d, trans);
	struct part p = part_of(t, trans, first, count);

	for (unsigned r = 0; r < p.rows; r++)
		for (unsigned c = 0; c < p.chunks; c++)
			watch_access(w->place, chunk_in(w, &s, p.row + r,
				p.chunk + c), CHUNK, WATCH_WGMMA_READ);
}

/* ---- values ---- */

/* Element "i" of "p" as a float. tf32 is read without the bits that it has
 * not. */
static float float_at(const unsigned char *p, unsigned i, enum wgmma_type t)
{
	uint16_t half;
	uint32_t word;

	switch (t) {
	case WGMMA_F16:
		memcpy(&half, p + 2 * i, 2);
		return from_f16(half);
	case WGMMA_BF16:
		memcpy(&half, p + 2 * i, 2);
		return from_bf16(half);
	case WGMMA_TF32:
		memcpy(&word, p + 4 * i, 4);
		return from_bits(word & 0xffffe000);
	case WGMMA_E4M3:
		return from_e4m3(p[i]);
	default:
		return from_f16((unsigned)p[i] << 8);
	}
}

static bool is_integer(enum wgmma_type t)
{
	return t == WGMMA_I8 || t == WGMMA_U8;
}

static void take(union wgmma_factor *to, unsigned k, unsigned at,
	const unsigned char *p, unsigned i, enum wgmma_type t)
{
	if (is_integer(t))
		to->i[k][at] = t == WGMMA_I8 ? (int8_t)p[i] : p[i];
	else
		to->f[k][at] = float_at(p, i, t);
}

void wgmma_read(const struct wgmma *w, uint64_t d, enum wgmma_type t,
	bool trans, int first, int count, union wgmma_factor *to)
{
	struct descriptor s = decode(d, trans);
	struct part p = part_of(t, trans, first, count);
	unsigned each = CHUNK / types[t].bytes;

	for (unsigned r = 0; r < p.rows; r++)
		for (unsigned c = 0; c < p.chunks; c++) {
			const unsigned char *from = chunk_in(w, &s,
				p.row + r, p.chunk + c);

			for (unsigned i = 0; i < each; i++)
				if (trans)
					take(to, r, c * each + i, from, i, t);
				else
					take(to, c * each + i, r, from, i, t);
		}
}

/* Register r of a lane: row lane / 4, or 8 below; its four bytes of k at 4 *
 * (lane % 4), or 16 behind. */
void wgmma_read_registers(const struct wgmma *w, union wgmma_factor *to)
{
	unsigned each = 4u / types[w->left].bytes;

	for (unsigned l = 0; l < WARP; l++)
		for (unsigned r = 0; r < 4; r++) {
			unsigned row = l / 4 + r % 2 * 8;
			unsigned k = (r / 2 * 4 + l % 4) * each;

			for (unsigned i = 0; i < each; i++)
				take(to, k + i, row, (const unsigned char *)
					&w->registers[l][r], i, w->left);
		}
}
