/* SPDX-License-Identifier: MIT */
/* Staging one operand of a contraction through shared memory: the code that copies
 * a tile. */
#ifndef WPK_COMPILER_SKETCH_STAGE_H
#define WPK_COMPILER_SKETCH_STAGE_H

#include "sketch/choice.h"
#include "sketch/halo.h"

struct image;

/* One operand's tile in one kernel; all in elements. */
struct stage {
	const struct operand *op;
	const struct operand_order *order;
	int tile_rows, tile_k, threads;
	int vec;
	bool async, wide;
	bool bulk;		/* copied as a whole, by no thread's hands */
	int shares;		/* blocks of a cluster that each copy a part,
				 * for all of them; 0: none do */
	const struct image *image;	/* what the operand may be
					 * (sketch/bulk.h), or NULL */
	struct halo halo;	/* with which the tile's pixels are copied */
	int taps;		/* steps of the reduction that it has so many
				 * times, one tile behind the other, where those
				 * of the other operand have a halo; 0: once */
	int64_t tap_steps;	/* and how far apart they are in all */
	bool padded, swizzled;	/* against bank conflicts in k_inner tiles:
				 * the stride grows, or chunks of a row change
				 * places */
	bool matrix;		/* matrix instructions read rows of 16 bytes */
	int row_stride;		/* of the shared tile's innermost-but-one
				 * dimension, padding included */
	int per_thread;		/* copies a thread makes */
	int row_slots, k_slots;	/* of them, distinct rows and distinct ks */
	bool partial;		/* fewer copies than threads */
	bool uniform;		/* all ks of a tile lie in one run */
	bool ragged;		/* rows are no multiple of tile_rows */
	int group, lanes;	/* slot s of a k_inner tile holds row
				 * (i / group * lanes + lane) * group + i %
				 * group, with i = s / lanes, lane = s % lanes */
	bool pairs;		/* or, as matrix instructions deal out columns,
				 * i = s / 8 * 2 + s % 2, lane = s % 8 / 2 */
	int panel;		/* a tile that is not k_inner lies in panels
				 * [k][panel], one after the other, chunks of
				 * whose rows change places; 0: it does not */
	int align;		/* of the tile, in bytes; 0: 16 */
	int weave;		/* the tile is one of two in the same place, whose
				 * rows take turns, so many of each; 0: it is
				 * alone */
	bool second;		/* of these two */
};

/* Fill in "s" from op, order, tile_rows, tile_k, threads, vec, async, bulk,
 * padded, swizzled, matrix, panel, group, lanes and pairs. NULL, or why the tile
 * does not divide among the threads. Needs no memory unless it fails. */
const char *stage_plan(struct arena *a, struct stage *s);
/* Values along k and along the rows that one copy has. */
int stage_ks(const struct stage *s);
int stage_rows(const struct stage *s);
/* Bytes of one stage's tile in shared memory, or of both, a multiple of 16. */
int64_t stage_bytes(const struct stage *s);

/* Tiles in its place: 1 or 2; and where row "row" lies among the rows of both. */
int stage_tiles(const struct stage *s);
struct kx *stage_woven(struct arena *a, const struct stage *s, struct kx *row);

/* Vectors along the contiguous side of a tile, and all its copies; rows of shared
 * memory that it takes, or both do; chunks of 16 bytes of one that change places, a
 * power of two; and computed values that are stored at once: neighbours in shared
 * memory, 16 bytes at most. */
int stage_lead(const struct stage *s);
int stage_copies(const struct stage *s);
int64_t stage_lines(const struct stage *s);
/* Of these, lines of one of its taps. */
int64_t stage_tap_lines(const struct stage *s);
int stage_span(const struct stage *s);
int stage_at_once(const struct stage *s);

/* An unrolled loop over 0..n in "b"; no loop at all where n is 1. */
struct k_block *tile_loop(struct arena *a, struct k_block *b, const char *name,
	int64_t n, struct kx **var);

/* Code under construction for one operand. "row_base" is the present tile's, of
 * one that is computed or that a table finds. "table" is given where one does. */
struct stager {
	const struct stage *s;
	struct arena *a;
	const char *name;
	struct kernel *kernel;
	struct k_buffer *global, *tile, *held;
	struct k_buffer *made;		/* values that are stored at once */
	struct kx *thread, *base;
	struct k_buffer *row_at[FORMS_MAX];	/* hoisted parts, per row slot */
	struct kx *form_base[FORMS_MAX];
	struct kx *k_first, *row_first;
	struct kx *line_first;		/* row_first among the rows of both tiles */
	struct computed computed;
	struct chosen chosen;
	struct kx *row_base;
	struct k_buffer *table, *entries;	/* or NULL */
};

/* Declares the shared tile ("stages" deep), unless g->tile is one, and, unless async,
 * the registers that hold a tile in flight; emits what is hoisted out of the main loop
 * into "b". "first_row" is the tile's first row, "batch" the flattened batch index (or
 * NULL). */
void stager_create(struct stager *g, struct k_block *b, int stages,
	struct kx *first_row, struct kx *batch);

/* The same in two parts: of a stage whose rows are others from turn to turn of a
 * loop, stager_rows() comes before they are copied. */
void stager_declare(struct stager *g, struct k_block *b, int stages,
	struct kx *batch);
void stager_rows(struct stager *g, struct k_block *b, struct kx *first_row);

/* Copy the tile whose first k is "k0" into stage "slot" (async), or into
 * registers. Elements at kk >= "limit" are zero; NULL: none. */
void stager_load(struct stager *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *limit);
/* Row and k, counted from the tile's first, of copies in slots "i" and "j". */
struct kx *stager_row(struct stager *g, struct kx *i);
struct kx *stager_k(struct stager *g, struct kx *j);

/* ---- stage_table.c: a table says what is read ---- */

void stager_declare_entries(struct stager *g);
/* Do a thread's copies of "x", along rows, and of "y", along ks, take the same
 * entries where both tiles begin at one place? */
bool stage_entries_alike(const struct stage *x, const struct stage *y);
/* Entries of the tile at hand, whose first k is "k0", into registers: before each
 * stager_load(). */
void stager_look_up(struct stager *g, struct k_block *b, struct kx *k0);
/* "v" and what the entry of slots "i" and "j" adds to form "form". */
struct kx *stager_pointed(struct stager *g, struct kx *v, int form, struct kx *i,
	struct kx *j);
/* What is kept of entry "e". */
struct kx *stage_kept(struct arena *a, const struct operand *op, struct kx *e);
/* Of a thread: entries it keeps at once. */
int stage_entries(const struct stage *s);

/* ---- stage.c ---- */

/* Where k "kk" of slot "row" of a k_inner tile lies in its row. */
struct kx *stager_column(const struct stager *g, struct kx *row,
	struct kx *kk);
/* Where k "kk" of slot or row "row" lies in stage "slot". */
struct k_place stager_place(const struct stager *g, struct kx *slot,
	struct kx *row, struct kx *kk);
/* Registers to stage "slot" (not async); "k0" and "limit" as they were loaded,
 * for what is computed. */
void stager_store(struct stager *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *limit);

#endif
