/* SPDX-License-Identifier: MIT */
/* mma.sync: d += a b, an m x 8 by k product of fragments that the lanes of a
 * warp hold, done once for all of them when the last is there.
 *
 * A register has 32 bits, or an f64. With n factors in each, lane 4r + c holds
 * in register i of "a" columns n(4j + c) to n(4j + c) + n - 1 of row r + 8h,
 * where i = j m/8 + h; of "b" the same with columns and rows exchanged, as if
 * it were 8 rows of a; of "d" columns 2c and 2c + 1 of row r, then of row r + 8
 * (PTX ISA, "Matrix Fragments for mma").
 *
 * Products are exact and are added in f32, one after the other, rounding to
 * nearest; hardware adds several at a time and truncates, so results differ in
 * the last bits. What is added up in f16 is rounded to it once, at the end.
 * 8-bit integers stay below 2^24 and are exact that way too; what they are
 * added to wraps. f64 has products rounded, where the CPU has no fma. */
#include "emu.h"

#include <string.h>

enum { COLS = 8 };
/* Room for any factor and any accumulator. */
enum { A_BYTES = 2048, B_BYTES = 1024, D_BYTES = 1024, K_MAX = 32 };

typedef float floats __attribute__((vector_size(16), may_alias));
typedef double doubles __attribute__((vector_size(16), may_alias));

/* As wpk_emu.h declares it. */
struct wpk_emu_form {
	int m, k;
	const char *acc, *factor;
};

/* Of a lane. */
struct part {
	unsigned char *d;
	const unsigned char *a, *b;
};

/* ---- factors: a register to as many floats, or one f64 ---- */

static float of_bits(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof x);
	return x;
}

/* The exponent is 120 too small in an f32. */
static float of_e4m3(unsigned bits)
{
	float x = (bits & 127) == 127 ? __builtin_nanf("") :
		of_bits((bits & 127) << 20) * 0x1p120f;

	return bits & 128 ? -x : x;
}

#define UNPACK(name, T, value) \
	static void unpack_##name(void *to, const void *from) \
	{ \
		T x[4 / sizeof(T)]; \
		float y[4 / sizeof(T)]; \
		memcpy(x, from, sizeof x); \
		for (size_t i = 0; i < sizeof x / sizeof *x; i++) \
			y[i] = value; \
		memcpy(to, y, sizeof y); \
	}

UNPACK(f16, uint16_t, wpk_emu_from_f16(x[i]))
UNPACK(bf16, uint16_t, of_bits((uint32_t)x[i] << 16))
UNPACK(tf32, uint32_t, of_bits(x[i] & 0xffffe000))
UNPACK(e4m3, uint8_t, of_e4m3(x[i]))
UNPACK(e5m2, uint8_t, wpk_emu_from_f16((unsigned short)(x[i] << 8)))
UNPACK(i8, int8_t, x[i])
UNPACK(u8, uint8_t, x[i])

static void unpack_f64(void *to, const void *from)
{
	memcpy(to, from, sizeof(double));
}

/* "n" in a register of "bytes", which is also what one takes unpacked. */
static const struct factor {
	const char *name;
	int n, bytes;
	void (*unpack)(void *to, const void *from);
} factors[] = {
	{ "f16", 2, 4, unpack_f16 }, { "bf16", 2, 4, unpack_bf16 },
	{ "tf32", 1, 4, unpack_tf32 }, { "e4m3", 4, 4, unpack_e4m3 },
	{ "e5m2", 4, 4, unpack_e5m2 }, { "i8", 4, 4, unpack_i8 },
	{ "u8", 4, 4, unpack_u8 }, { "f64", 1, 8, unpack_f64 }
};

static const struct factor *factor_of(const struct wpk_emu_form *f)
{
	const struct factor *t = factors;

	while (strcmp(t->name, f->factor))
		t++;
	return t;
}

/* Unpacks what one lane holds of "rows" rows of "k" columns. */
static void unpack(const struct factor *t, unsigned char *to, int rows, int k,
	int lane, const unsigned char *registers)
{
	for (int col = lane % 4 * t->n; col < k; col += 4 * t->n)
		for (int row = lane / 4; row < rows; row += 8) {
			t->unpack(to + (row * k + col) * t->bytes, registers);
			registers += t->bytes;
		}
}

/* ---- products: "b" comes by columns ---- */

#define MULTIPLY(name, T, vector) \
	static void name(void *to, const void *left, const void *right, \
		int m, int k) \
	{ \
		enum { N = COLS * sizeof(T) / sizeof(vector) }; \
		const T *a = left, *b = right; \
		vector *d = to, rows[K_MAX * N]; \
		for (int i = 0; i < k; i++) \
			for (int j = 0; j < COLS; j++) \
				((T *)rows)[i * COLS + j] = b[j * k + i]; \
		for (int i = 0; i < m * N; i += 2 * N) \
			for (int c = 0; c < N; c++) { \
				const T *p = a + i / N * k, *q = p + k; \
				vector x = d[i + c], y = d[i + c + N]; \
				for (int j = 0; j < k; j++) { \
					x += p[j] * rows[j * N + c]; \
					y += q[j] * rows[j * N + c]; \
				} \
				d[i + c] = x; \
				d[i + c + N] = y; \
			} \
	}

MULTIPLY(multiply32, float, floats)
MULTIPLY(multiply64, double, doubles)

/* ---- accumulators: two columns of a row, which a lane holds together ---- */

static void copy_f32(void *to, const void *from)
{
	memcpy(to, from, 2 * sizeof(float));
}

static void copy_f64(void *to, const void *from)
{
	memcpy(to, from, 2 * sizeof(double));
}

static void pack_f16(void *to, const void *from)
{
	float x[2];
	uint16_t y[2];

	memcpy(x, from, sizeof x);
	y[0] = wpk_emu_to_f16(x[0]);
	y[1] = wpk_emu_to_f16(x[1]);
	memcpy(to, y, sizeof y);
}

static void begin_i32(void *to, const void *from)
{
	(void)from;
	memset(to, 0, 2 * sizeof(float));
}

static void add_i32(void *to, const void *from)
{
	float x[2];
	uint32_t y[2];

	memcpy(x, from, sizeof x);
	memcpy(y, to, sizeof y);
	y[0] += (uint32_t)(int32_t)x[0];
	y[1] += (uint32_t)(int32_t)x[1];
	memcpy(to, y, sizeof y);
}

/* "bytes" that two take in registers, and one while it is added up. */
static const struct accumulator {
	const char *name;
	int bytes, each;
	void (*load)(void *to, const void *from);
	void (*store)(void *to, const void *from);
	void (*multiply)(void *d, const void *a, const void *b, int m, int k);
} accumulators[] = {
	{ "f32", 8, 4, copy_f32, copy_f32, multiply32 },
	{ "f16", 4, 4, unpack_f16, pack_f16, multiply32 },
	{ "i32", 8, 4, begin_i32, add_i32, multiply32 },
	{ "f64", 16, 8, copy_f64, copy_f64, multiply64 }
};

static const struct accumulator *accumulator_of(const struct wpk_emu_form *f)
{
	const struct accumulator *t = accumulators;

	while (strcmp(t->name, f->acc))
		t++;
	return t;
}

/* ---- the instruction ---- */

static void gather(struct thread *warp, unsigned char *a, unsigned char *b)
{
	const struct wpk_emu_form *f = warp->form;
	const struct factor *t = factor_of(f);

	for (int lane = 0; lane < WARP; lane++) {
		const struct part *p = warp[lane].part;

		unpack(t, a, f->m, f->k, lane, p->a);
		unpack(t, b, COLS, f->k, lane, p->b);
	}
}

static void perform(struct thread *warp)
{
	const struct wpk_emu_form *f = warp->form;
	const struct accumulator *t = accumulator_of(f);
	unsigned char a[A_BYTES], b[B_BYTES];
	unsigned char d[D_BYTES] __attribute__((aligned(sizeof(floats))));
	int pairs = f->m / 8 * WARP;

	gather(warp, a, b);
	for (int i = 0; i < pairs; i++) {
		const struct part *p = warp[i % WARP].part;

		t->load(d + i * 2 * t->each, p->d + i / WARP * t->bytes);
	}
	t->multiply(d, a, b, f->m, f->k);
	for (int i = 0; i < pairs; i++) {
		const struct part *p = warp[i % WARP].part;

		t->store(p->d + i / WARP * t->bytes, d + i * 2 * t->each);
	}
}

static void check(int line, const struct wpk_emu_form *f, const struct part *p)
{
	const struct factor *t = factor_of(f);
	int n = f->k * t->bytes / t->n;		/* of a row, in all lanes */

	if (address_bad(p->a, (size_t)(f->m * n / WARP)) ||
	    address_bad(p->b, (size_t)(COLS * n / WARP)) ||
	    address_bad(p->d, (size_t)(f->m / 8 * accumulator_of(f)->bytes)))
		fault("bounds", line, "a fragment of more than the registers "
			"there are");
}

void wpk_emu_mma(int line, const struct wpk_emu_form *form, void *d,
	const void *a, const void *b);

void wpk_emu_mma(int line, const struct wpk_emu_form *form, void *d,
	const void *a, const void *b)
{
	struct part p = { d, a, b };

	if (address_watched())
		check(line, form, &p);
	warp_matrix(line, form, perform, &p);
}
