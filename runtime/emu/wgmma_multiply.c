/* SPDX-License-Identifier: MIT */
/* A warp's share of a wgmma: 16 rows of the 64, all columns. Sums are taken
 * one k after the other, in f32 or wrapping s32, but those of 8-bit floats, which
 * are short; f16 accumulators round once, at the end. */
#include "emu_half.h"
#include "emu_short.h"
#include "emu_wgmma.h"

#include <string.h>

enum { LANES = 8 };

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));

/* Columns from "j" on of the product are added to "sum", a row each. */
static void multiply(int depth, const wgmma_factor a, const wgmma_factor b,
	int j, floats *sum)
{
	for (int i = 0; i < WGMMA_ROWS; i += 4) {
		floats s0 = sum[i], s1 = sum[i + 1], s2 = sum[i + 2];
		floats s3 = sum[i + 3], x;

		for (int k = 0; k < depth; k++) {
			memcpy(&x, &b[k][j], sizeof x);
			s0 += a[k][i] * x;
			s1 += a[k][i + 1] * x;
			s2 += a[k][i + 2] * x;
			s3 += a[k][i + 3] * x;
		}
		sum[i] = s0;
		sum[i + 1] = s1;
		sum[i + 2] = s2;
		sum[i + 3] = s3;
	}
}

static void add_floats(const struct wgmma *w, const wgmma_factor a,
	const wgmma_factor b, int j, union wgmma_acc *acc)
{
	floats sum[WGMMA_ROWS] = { 0 };

	for (int i = 0; i < WGMMA_ROWS && w->accumulate; i++)
		memcpy(&sum[i], &acc->f[i][j], sizeof *sum);
	multiply(32 / w->left->bytes, a, b, j, sum);
	for (int i = 0; i < WGMMA_ROWS; i++)
		memcpy(&acc->f[i][j], &sum[i], sizeof *sum);
}

static void add_short(const struct wgmma *w, const wgmma_factor a,
	const wgmma_factor b, int j, union wgmma_acc *acc)
{
	for (int i = 0; i < WGMMA_ROWS; i++) {
		struct short_factor left = { &a[0][i], WGMMA_COLS,
			w->left->emin };

		if (!w->accumulate)
			memset(&acc->f[i][j], 0, sizeof(floats));
		for (int c = j; c < j + LANES; c += SHORT_LANES) {
			struct short_factor right = { &b[0][c], WGMMA_COLS,
				w->right->emin };

			short_add(&acc->f[i][c], &left, &right, 0,
				WGMMA_DEPTH, w->acc == SUM_F32);
		}
	}
}

/* Products of integers add up to less than 2^24, so they are exact in floats. */
static void add_ints(const struct wgmma *w, const wgmma_factor a,
	const wgmma_factor b, int j, union wgmma_acc *acc)
{
	floats sum[WGMMA_ROWS] = { 0 };

	multiply(32 / w->left->bytes, a, b, j, sum);
	for (int i = 0; i < WGMMA_ROWS; i++) {
		words old = { 0 }, new = (words)__builtin_convertvector(sum[i],
			ints);

		if (w->accumulate)
			memcpy(&old, &acc->i[i][j], sizeof old);
		new += old;
		memcpy(&acc->i[i][j], &new, sizeof new);
	}
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
		(w->acc == SUM_I32 ? add_ints : w->left->emin ? add_short :
			add_floats)(w, a, b, j, acc);
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
