/* SPDX-License-Identifier: MIT */
/* The wgmma sketch's analysis and derived numbers, shared by its files.
 *
 * Four warps multiply 64 rows by up to 256 columns at once. Of the product
 * "rows" are M and "columns" N, or with "swap" the other way round. */
#ifndef WPK_COMPILER_SKETCH_WGMMA_H
#define WPK_COMPILER_SKETCH_WGMMA_H

#include "kernel/intrin.h"
#include "sketch/scales.h"
#include "sketch/tiled.h"
#include "sketch/wgmma_fragment.h"
#include "sketch/wgmma_rest.h"
#include "sketch/wgmma_store.h"

/* Order of the tunables. */
enum wgmma_value {
	WGMMA_M, WGMMA_N, WGMMA_K, WGMMA_THREADS, WGMMA_STAGES, WGMMA_ASYNC,
	WGMMA_SPLIT, WGMMA_COMBINE, WGMMA_RASTER, WGMMA_GROUP,
	WGMMA_PERSISTENT, WGMMA_ORDER, WGMMA_SWAP, WGMMA_FROM, WGMMA_CLUSTER_M,
	WGMMA_CLUSTER_N, WGMMA_ON, WGMMA_KIND, WGMMA_PRECISION, WGMMA_PROMOTE,
	WGMMA_TAIL_M, WGMMA_TAIL_N,
	WGMMA_STORE, WGMMA_HALO, WGMMA_FIXED
};

/* Of raster(persistent = ..): off, on, and two crews by turns. */
enum { PINGPONG = 2 };

enum { WGMMA_COLUMNS = 256 };	/* of an instruction, at most */

enum { WGMMA_VALUES = WGMMA_FIXED + 2 * TILED_OPERAND };

/* Of mma(.., from = ..): where an instruction's rows come from. */
enum { FROM_AUTO, FROM_SHARED, FROM_REGISTER };

/* A factor as it lies in memory, which registers take it from. */
struct raw {
	struct operand of;
	const struct image *images[ORDERS_MAX];
};

/* What is decided before any tile: "wide" columns where they are whole rows, else
 * 0; tiles of 192 rows in place of 128 where "thirds". */
struct wgmma_way {
	int swap, from, wide, halo;
	bool thirds;
};

/* What the sketch knows of a group before any number is chosen. */
struct wgmma {
	struct product of;
	const struct wgmma_row *row;	/* the instruction, less its columns */
	enum dtype tile;		/* of factors in shared memory */
	double rate;			/* multiply-adds in the time of one of
					 * f16 */
	bool is_short;			/* its sums have fewer bits than f32 */
	const struct image *left[ORDERS_MAX], *right[ORDERS_MAX];
	const struct image *twin[ORDERS_MAX];	/* of a second product */
	struct raw raw_left, raw_right;
	/* NULL, or why no map describes what is copied of a factor: whether of
	 * the right one, as registers take it, with a halo; by order. */
	const char *never[2][2][2][ORDERS_MAX];
	struct store stores[OUTPUTS_MAX];	/* of the epilogue's outputs */
	struct wgmma_way way;		/* of the untuned default */
	struct tunables open;
};

/* Everything that follows from a point: "groups" of four warps that share a tile,
 * each with "each" times 64 rows, and "cols" columns. Of two products these are of
 * either, and "sum_each" and "sum_cols" what instructions have: the second one's part
 * of N lies behind the first's. */
struct wgmma_plan {
	struct tiling of;
	bool swap, persistent;
	bool registers;		/* rows come from there */
	bool halo;		/* M is patches of an image that have one */
	bool thrice;		/* f32 is multiplied in three products */
	int groups, each, cols, sum_each, sum_cols;
	int promote;		/* elements after which a short sum is added to
				 * one in f32, 0: never */
	int vec;		/* neighbouring columns of a thread */
	struct store_plan store;
	int64_t shared_bytes;
	int regs, occupancy, promised;
};

/* ---- wgmma_ways.c ---- */

/* f->never of the factors. */
void wgmma_ways_find(struct wgmma *f);
/* The image that is copied of a factor, if it is one. */
const struct image *wgmma_image(const struct wgmma *f,
	const struct wgmma_plan *p, bool right);
/* "what" needs bulk copies, and there are others; "instead" of it. */
const char *wgmma_wants_bulk(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p, const char *what, const char *instead);
/* NULL, or what of "p" does not go together, of what its values say. */
const char *wgmma_ways(const struct wgmma *f, struct arena *a, const int *values,
	const struct wgmma_plan *p);

/* ---- wgmma_halo.c: patches of an image, with a halo ---- */

/* Can any have one? */
bool wgmma_halo_exists(const struct task *t, const struct wgmma *f);
/* NULL, or why one does not go together with the other values, whatever tiles
 * are. */
const char *wgmma_halo_refuse(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p);
/* NULL, or why the tile has none. Completes the stages as far as that goes. */
const char *wgmma_halo_plan(const struct wgmma *f, struct arena *a,
	const int *values, struct wgmma_plan *p);

/* Bulk stores of patches: the map's dimensions behind the columns', of rows that are
 * one run, "lines" of which are a box; and the copy of those from row "row" of the
 * tile on, which are whole rows of a patch, at column "column". */
void wgmma_halo_map(const struct wgmma_store *s, struct k_map *m,
	const struct flat *rows, int elem, int lines);
void wgmma_halo_store(struct wgmma_store *s, struct k_block *b,
	const struct k_map *map, struct kx *from, struct kx *column,
	struct kx *row);

/* ---- wgmma_plan.c ---- */

/* NULL, or why the values make no kernel. Needs no memory unless it fails. */
const char *wgmma_plan(const struct task *t, struct arena *a, const int *values,
	struct wgmma_plan *p);
/* Sums of a thread in a tile, and how many rows and columns of it, M and N, those are
 * of. */
int wgmma_sums(const struct wgmma_plan *p);
struct share wgmma_share_m(const struct wgmma_plan *p);
struct share wgmma_share_n(const struct wgmma_plan *p);
/* A thread's scales. */
struct scale_counts wgmma_scales(const struct task *t,
	const struct wgmma_plan *p);

/* ---- wgmma_cost.c ---- */

bool wgmma_price(const struct task *t, const int *values,
	struct features *out);
void wgmma_least(const struct task *t, struct features *out);

/* ---- wgmma_build.c ---- */

void wgmma_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

#endif
