/* SPDX-License-Identifier: MIT */
/* A warp's share of a wgmma: 16 rows of the 64, all columns. Sums are taken
 * one k after the other, in f32 or wrapping s32; f16 accumulators round once,
 * at the end. */
#include "emu_half.h"
#include "emu_wgmma.h"

#include <string.h>

enum { LANES = 8 };

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));

/* Integers' products add up to less than 2^24, so they are exact in floats. */
static void multiply_part(const struct wgmma *w, const wgmma_factor a,
	const wgmma_factor b, int i, int j, union wgmma_acc *acc)
{
	int depth = 32 / w->left->bytes;
	floats sum = { 0 }, x;
	words whole;

	if (w->accumulate && w->acc != SUM_I32)
		memcpy(&sum, &acc->f[i][j], sizeof sum);
	for (int k = 0; k < depth; k++) {
		memcpy(&x, &b[k][j], sizeof x);
		sum += a[k][i] * x;
	}
	memcpy(&whole, &acc->i[i][j], sizeof whole);
	if (w->acc != SUM_I32)
		memcpy(&acc->f[i][j], &sum, sizeof sum);
	else if (w->accumulate)
		whole += (words)__builtin_convertvector(sum, ints);
	else
		whole = (words)__builtin_convertvector(sum, ints);
	if (w->acc == SUM_I32)
		memcpy(&acc->i[i][j], &whole, sizeof whole);
}

static void round_to_f16(const struct wgmma *w, union wgmma_acc *acc)
{
	for (int i = 0; i < WGMMA_ROWS; i++)
		for (int j = 0; j < w->n; j++)
			acc->f[i][j] = from_f16(
				wpk_emu_to_f16(acc->f[i][j]));
}

void wgmma_multiply(const struct wgmma *w, int number, union wgmma_acc *acc)
{
	static wgmma_factor a, b;

	if (*w->registers)
		wgmma_read_registers(w, a);
	else
		wgmma_read(w, w->a, w->left, w->left_trans,
			number * WGMMA_ROWS, WGMMA_ROWS, a);
	wgmma_read(w, w->b, w->right, w->right_trans, 0, w->n, b);
	for (int j = 0; j < w->n; j += LANES)
		for (int i = 0; i < WGMMA_ROWS; i++)
			multiply_part(w, a, b, i, j, acc);
	if (w->acc == SUM_F16)
		round_to_f16(w, acc);
}

/* ---- registers ---- */

/* Value "i" of "lane" in the warp's share. */
static int row_of(int lane, int i)
{
	return i / 2 % 2 * 8 + lane / 4;
}

static int col_of(int lane, int i)
{
	return i / 4 * 8 + lane % 4 * 2 + i % 2;
}

size_t wgmma_acc_bytes(const struct wgmma *w)
{
	return (size_t)w->n / 2 * (w->acc == SUM_F16 ? 2 : 4);
}

void wgmma_gather(const struct wgmma *w, void *const *registers,
	union wgmma_acc *acc)
{
	for (int l = 0; l < WARP; l++)
		for (int i = 0; i < w->n / 2; i++) {
			int row = row_of(l, i), col = col_of(l, i);

			if (w->acc == SUM_F16)
				acc->f[row][col] = from_f16(((const
					uint16_t *)registers[l])[i]);
			else
				acc->i[row][col] =
					((const int32_t *)registers[l])[i];
		}
}

void wgmma_scatter(const struct wgmma *w, void *const *registers,
	const union wgmma_acc *acc)
{
	for (int l = 0; l < WARP; l++)
		for (int i = 0; i < w->n / 2; i++) {
			int row = row_of(l, i), col = col_of(l, i);

			if (w->acc == SUM_F16)
				((uint16_t *)registers[l])[i] =
					wpk_emu_to_f16(acc->f[row][col]);
			else
				((int32_t *)registers[l])[i] =
					acc->i[row][col];
		}
}
