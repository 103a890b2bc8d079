/* SPDX-License-Identifier: MIT */
/* Between wgmma.c, which knows when, and wgmma_operand.c and wgmma_multiply.c,
 * which know what. */
#ifndef WPK_RUNTIME_EMU_EMU_WGMMA_H
#define WPK_RUNTIME_EMU_EMU_WGMMA_H

#include "emu.h"
#include "emu_factor.h"

enum { WGMMA_ROWS = 16, WGMMA_COLS = 256, WGMMA_DEPTH = 32, WGMMA_LEFT = 4 };

enum wgmma_sum { SUM_F32, SUM_F16, SUM_I32 };

/* One instruction as a warp gives it: descriptors, or each lane's registers of
 * the left factor; transposed ones have k outermost. */
struct wgmma {
	int line, n;
	enum wgmma_sum acc;
	const struct factor *left, *right;
	bool left_trans, right_trans, accumulate;
	uint64_t a, b;
	const uint32_t *registers[WARP];
	const void *place;
};

/* A warp's share of the accumulators. */
union wgmma_acc {
	float f[WGMMA_ROWS][WGMMA_COLS];
	int32_t i[WGMMA_ROWS][WGMMA_COLS];
};

/* A factor's values, k outermost, as many rows or columns as are read. */
typedef float wgmma_factor[WGMMA_DEPTH][WGMMA_COLS];

/* ---- wgmma_operand.c ---- */

/* The values at descriptor "d": "count" from "first" on of the dimension that
 * is not k. */
void wgmma_read(const struct wgmma *w, uint64_t d,
	const struct factor *t, bool trans, int first, int count,
	wgmma_factor to);
/* The left factor's values out of a warp's registers. */
void wgmma_read_registers(const struct wgmma *w, wgmma_factor to);
/* What is wrong with the descriptor as such is a fault. */
void wgmma_check(const struct wgmma *w, uint64_t d,
	const struct factor *t, bool trans, int first, int count);
/* The accesses of reading it, for those that watch. */
void wgmma_watch(const struct wgmma *w, uint64_t d,
	const struct factor *t, bool trans, int first, int count);

/* ---- wgmma_left.c ---- */

enum { WGMMA_SEEN = 64 };

/* The arrays that a warp's last left factors were in, and what they held at its
 * last fence, or else when they were first seen. */
struct wgmma_left {
	struct wgmma_seen {
		const uint32_t *registers[WARP];
		uint64_t sum;
	} seen[WGMMA_SEEN];
	int n, next;
};

/* Registers written since the last fence, or before the instruction that had the
 * sum "sum" of wgmma_left_issue() was waited for, are a fault. */
uint64_t wgmma_left_issue(struct wgmma_left *k, const struct wgmma *w);
void wgmma_left_fence(struct wgmma_left *k);
void wgmma_left_complete(const struct wgmma *w, uint64_t sum);

/* ---- wgmma_multiply.c ---- */

/* The share of warp "number" of its group: acc = left * right, plus acc where
 * "w" accumulates. */
void wgmma_multiply(const struct wgmma *w, int number, union wgmma_acc *acc);
/* Between a lane's registers and the warp's share. */
void wgmma_gather(const struct wgmma *w, void *const *registers,
	union wgmma_acc *acc);
void wgmma_scatter(const struct wgmma *w, void *const *registers,
	const union wgmma_acc *acc);
size_t wgmma_acc_bytes(const struct wgmma *w);

#endif
