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
 * the last bits. Only sm_89's sums of 8-bit floats are so short that this is
 * done as it does it, 16 products at once. What is added up in f16 is rounded to
 * it once, at the end.
 * Of tf32 the low 13 bits count for nothing, as in hardware.
 * 8-bit integers stay below 2^24 and are exact that way too; what they are
 * added to wraps. f64 has products rounded, where the CPU has no fma. */
#include "emu.h"
#include "emu_factor.h"
#include "emu_half.h"
#include "emu_short.h"

enum { COLS = 8 };
/* Room for any left factor and any sum, in whatever type. */
enum { FACTOR_BYTES = 2048, SUM_BYTES = 1024, K_MAX = 32 };

typedef float floats __attribute__((vector_size(16), may_alias));
typedef double doubles __attribute__((vector_size(16), may_alias));

/* As wpk_emu.h declares it. */
struct wpk_emu_form {
	int m, k, at_once;
	const char *acc, *factor;
};

/* Registers of a lane. */
enum fragment { D, A, B };

struct part {
	unsigned char *registers[B + 1];
};

/* ---- fragments: between registers and a matrix of the same type ---- */

#define MOVE(size) \
	static void move_##size(unsigned char *registers, int lane, \
		unsigned char *matrix, int rows, int bytes, bool back) \
	{ \
		for (int at = lane % 4 * size; at < bytes; at += 4 * size) \
			for (int i = lane / 4; i < rows; i += 8) { \
				unsigned char *in = matrix + i * bytes + at; \
				memcpy(back ? registers : in, \
					back ? in : registers, size); \
				registers += size; \
			} \
	}

MOVE(4)
MOVE(8)
MOVE(16)

/* "rows" rows of "bytes", of which a lane has "size" next to each other; "back"
 * to the registers. */
static void move(struct thread *warp, enum fragment f, int size,
	unsigned char *matrix, int rows, int bytes, bool back)
{
	for (int lane = 0; lane < WARP; lane++) {
		const struct part *p = warp[lane].part;

		(size == 4 ? move_4 : size == 8 ? move_8 : move_16)(
			p->registers[f], lane, matrix, rows, bytes, back);
	}
}

/* ---- factors ---- */

static void take_factor(struct thread *warp, enum fragment which, int rows,
	void *to)
{
	const struct wpk_emu_form *f = warp->form;
	const struct factor *t = factor_named(f->factor);
	unsigned char raw[FACTOR_BYTES] __attribute__((aligned(16)));

	move(warp, which, t->bytes < 4 ? 4 : t->bytes, raw, rows,
		f->k * t->bytes, false);
	t->unpack(to, raw, rows * f->k);
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

/* 8-bit floats, some at once. */
static void multiply_short(const struct wpk_emu_form *f, float *d,
	const float *a, const float *b)
{
	int emin = factor_named(f->factor)->emin;
	float rows[K_MAX * COLS];

	for (int i = 0; i < f->k; i++)
		for (int j = 0; j < COLS; j++)
			rows[i * COLS + j] = b[j * f->k + i];
	for (int i = 0; i < f->m; i++) {
		struct short_factor left = { a + i * f->k, 1, emin };

		for (int c = 0; c < COLS; c += SHORT_LANES) {
			struct short_factor right = { rows + c, COLS, emin };

			for (int k = 0; k < f->k; k += f->at_once)
				short_add(d + i * COLS + c, &left, &right, k,
					f->at_once, 1);
		}
	}
}

/* ---- sums: "n" of a type, from and to what products are added up in ---- */

static void copy_f32(void *to, const void *from, int n)
{
	memcpy(to, from, (size_t)n * sizeof(float));
}

static void copy_f64(void *to, const void *from, int n)
{
	memcpy(to, from, (size_t)n * sizeof(double));
}

static void unpack_f16(void *to, const void *from, int n)
{
	for (int i = 0; i < n; i++)
		((float *)to)[i] = from_f16(((const uint16_t *)from)[i]);
}

static void pack_f16(void *to, const void *from, int n)
{
	for (int i = 0; i < n; i++)
		((uint16_t *)to)[i] = wpk_emu_to_f16(((const float *)from)[i]);
}

static void zero(void *to, const void *from, int n)
{
	(void)from;
	memset(to, 0, (size_t)n * sizeof(float));
}

static void add_i32(void *to, const void *from, int n)
{
	for (int i = 0; i < n; i++)
		((uint32_t *)to)[i] += (uint32_t)(int)((const float *)from)[i];
}

/* "bytes" of one, of which a lane has two next to each other. */
static const struct sum {
	const char *name;
	int bytes;
	void (*begin)(void *to, const void *from, int n);
	void (*multiply)(void *d, const void *a, const void *b, int m, int k);
	void (*end)(void *to, const void *from, int n);
} sums[] = {
	{ "f32", 4, copy_f32, multiply32, copy_f32 },
	{ "f16", 2, unpack_f16, multiply32, pack_f16 },
	{ "i32", 4, zero, multiply32, add_i32 },
	{ "f64", 8, copy_f64, multiply64, copy_f64 }
};

static const struct sum *sum_of(const struct wpk_emu_form *f)
{
	const struct sum *t = sums;

	while (strcmp(t->name, f->acc))
		t++;
	return t;
}

/* ---- the instruction ---- */

static void perform(struct thread *warp)
{
	const struct wpk_emu_form *f = warp->form;
	const struct sum *t = sum_of(f);
	unsigned char a[FACTOR_BYTES] __attribute__((aligned(16)));
	unsigned char b[FACTOR_BYTES / 2] __attribute__((aligned(16)));
	unsigned char d[SUM_BYTES] __attribute__((aligned(16)));
	unsigned char raw[SUM_BYTES] __attribute__((aligned(16)));

	take_factor(warp, A, f->m, a);
	take_factor(warp, B, COLS, b);
	move(warp, D, 2 * t->bytes, raw, f->m, COLS * t->bytes, false);
	t->begin(d, raw, f->m * COLS);
	if (f->at_once)
		multiply_short(f, (float *)d, (float *)a, (float *)b);
	else
		t->multiply(d, a, b, f->m, f->k);
	t->end(raw, d, f->m * COLS);
	move(warp, D, 2 * t->bytes, raw, f->m, COLS * t->bytes, true);
}

static void check(int line, const struct wpk_emu_form *f, const struct part *p)
{
	int row = f->k * factor_named(f->factor)->bytes;
	int each = COLS * sum_of(f)->bytes;

	if (address_bad(p->registers[A], (size_t)(f->m * row / WARP)) ||
	    address_bad(p->registers[B], (size_t)(COLS * row / WARP)) ||
	    address_bad(p->registers[D], (size_t)(f->m * each / WARP)))
		fault("bounds", line, "a fragment of more than the registers "
			"there are");
}

void wpk_emu_mma(int line, const struct wpk_emu_form *form, void *d,
	const void *a, const void *b);

void wpk_emu_mma(int line, const struct wpk_emu_form *form, void *d,
	const void *a, const void *b)
{
	struct part p = { { d, (void *)(uintptr_t)a, (void *)(uintptr_t)b } };

	if (address_watched())
		check(line, form, &p);
	warp_matrix(line, form, perform, &p);
}
