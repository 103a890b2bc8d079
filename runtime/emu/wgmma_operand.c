/* SPDX-License-Identifier: MIT */
/* A factor of wgmma in shared memory: where its descriptor says that the values
 * lie, and what they are. A matrix is made of chunks of 16 bytes; a descriptor
 * gives the place of the first and two strides between groups of them (PTX
 * ISA, "Shared Memory Matrix Layout", "Matrix Descriptor Format"). K-major:
 * a chunk lies along k, and k is two chunks, whatever the type. MN-major,
 * 16-bit types only: a chunk lies along the other dimension, and k counts
 * single rows. Swizzling exchanges chunks within rows of 32, 64 or 128 bytes by
 * the bits of the address above them. */
#include "emu_wgmma.h"

enum { CHUNK = 16 };

/* "width" is that of a swizzled row, or a chunk; "span" after how many bytes
 * the pattern repeats. */
struct descriptor {
	unsigned start, leading, stride, base, width, span;
	bool trans;
};

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

static struct part part_of(const struct factor *t, bool trans, int first,
	int count)
{
	unsigned each = CHUNK / (unsigned)t->bytes;

	if (trans)
		return (struct part){ 0, 2 * each, (unsigned)first / each,
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

void wgmma_check(const struct wgmma *w, uint64_t d,
	const struct factor *t, bool trans, int first, int count)
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

void wgmma_watch(const struct wgmma *w, uint64_t d,
	const struct factor *t, bool trans, int first, int count)
{
	struct descriptor s = decode(d, trans);
	struct part p = part_of(t, trans, first, count);

	for (unsigned r = 0; r < p.rows; r++)
		for (unsigned c = 0; c < p.chunks; c++)
			watch_access(w->place, chunk_in(w, &s, p.row + r,
				p.chunk + c), CHUNK, WATCH_WGMMA_READ);
}

/* ---- values ---- */

void wgmma_read(const struct wgmma *w, uint64_t d, const struct factor *t,
	bool trans, int first, int count, wgmma_factor to)
{
	struct descriptor s = decode(d, trans);
	struct part p = part_of(t, trans, first, count);
	int each = CHUNK / t->bytes;
	float v[CHUNK];

	for (unsigned r = 0; r < p.rows; r++)
		for (unsigned c = 0; c < p.chunks; c++) {
			t->unpack(v, chunk_in(w, &s, p.row + r, p.chunk + c),
				each);
			for (int i = 0; i < each; i++)
				if (trans)
					to[r][(int)c * each + i] = v[i];
				else
					to[(int)c * each + i][r] = v[i];
		}
}

/* Register r of a lane: row lane / 4, or 8 below; its four bytes of k at 4 *
 * (lane % 4), or 16 behind. */
void wgmma_read_registers(const struct wgmma *w, wgmma_factor to)
{
	int each = 4 / w->left->bytes;
	float v[4];

	for (int l = 0; l < WARP; l++)
		for (int r = 0; r < 4; r++) {
			w->left->unpack(v, &w->registers[l][r], each);
			for (int i = 0; i < each; i++)
				to[(r / 2 * 4 + l % 4) * each + i][l / 4 +
					r % 2 * 8] = v[i];
		}
}
