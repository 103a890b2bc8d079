/* SPDX-License-Identifier: MIT */
/* Tiles of an operand by bulk tensor copies: a tensor map says how the operand
 * lies in memory, one thread asks for a box of it, and the hardware lays that out
 * in shared memory as struct stage says, swizzled, with zeros for what lies
 * outside. An operand is a matrix, or a convolution's image, whose windows' taps
 * are columns (im2col), or of which patches are copied (sketch/halo.h). */
#ifndef WPK_COMPILER_SKETCH_BULK_H
#define WPK_COMPILER_SKETCH_BULK_H

#include "base/patches.h"
#include "sketch/stage.h"

enum { BULK_SPACE = 3 };

/* An image [images][..][channels] in memory, whose "space" dimensions in between
 * windows move along, by "step" to "positions" places from "lower" on; taps are
 * "dilation" apart. The last of them is along[0]. Rows go through images and
 * positions, along "axis" (-1: there is one position), the reduction through taps
 * and channels. Of "groups" each batch has one, with channels of its own. "offset":
 * of its first element in the tensor, of which it may be a part. */
struct image {
	const char *why;	/* NULL, or it is none, and why: goes on from the
				 * tensor's name, "" where it looks like none */
	int space;
	int64_t images, channels;
	struct {
		int64_t size, stride;	/* in elements */
		int64_t positions, lower, step, taps, dilation;
		int axis;
	} along[BULK_SPACE];
	int64_t image_stride, groups, group_stride, offset;
};

/* The image that "op" is if it is one, for rows, a reduction and batches along these
 * axes, outermost first. */
const struct image *bulk_image(struct arena *a, const struct ir_operator *o,
	const struct operand *op, struct axis_list rows, struct axis_list ks,
	struct axis_list batches);

/* NULL, or why no map describes the operand, whose tiles are as "s" says: goes
 * on from the operand's name. */
const char *bulk_refuse(const struct stage *s);
/* The same, whatever the tiles are. */
const char *bulk_never(const struct stage *s);

/* May a map begin so many elements behind an aligned address? */
bool bulk_begins(int64_t elements, int elem);

/* What a block copies of the tile. */
int bulk_rows(const struct stage *s);
/* May rows be dealt out as struct stage's pairs are, in groups of "group"? They
 * are then four dimensions of a map. */
bool bulk_deals(const struct operand *op, int order, int group);

/* One operand's copies in one kernel. */
struct bulk {
	const struct stage *s;
	struct arena *a;
	const struct k_map *map;
	struct k_buffer *tile;
	struct kx *row, *batch;		/* the tile's first; batch or NULL */
	struct kx *part;		/* of stage's "shares" */
	const struct ir_operator *op;
	const struct patches *patches;	/* the tile's, or NULL */
	struct computed *computed;	/* where there are choices */
	struct chosen chosen;		/* bulk_choose() knows */
	struct k_buffer *table, *entries;	/* of pages, or NULL */
	const struct bulk_way *way;	/* bulk_create() knows */
};

/* Declares the map, over the kernel's global "of", and, unless g->tile is one, the
 * shared tile, "stages" deep. */
void bulk_create(struct bulk *g, struct kernel *k, const char *name,
	struct k_buffer *of, int stages);
/* Reads what g->batch chooses. */
void bulk_choose(struct bulk *g, struct k_block *b);
/* The chunk of the reduction from "k0" on, into stage "slot"; completes on
 * "full". */
void bulk_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full);

/* Pages of the chunk that is copied next, whose first row or, where the tile lies
 * across the reduction, k is "first": into registers. Of an operand in no pages
 * nothing. */
void bulk_look_up(const struct bulk *g, struct k_block *b, struct kx *first);

/* The box at the "n" coordinates "at", for all who share it. */
void bulk_box(const struct bulk *g, struct k_block *b, struct k_place to,
	struct k_place full, struct kx *const *at, int n);

/* ---- bulk_pages.c: rows in pages that a table finds ---- */

/* Why no map describes them, or NULL. */
const char *pages_refuse(const struct stage *s);
struct k_map pages_map(const struct stage *s, const char *name,
	struct k_buffer *of);
void pages_declare(struct bulk *g, struct kernel *k, const char *name);
void pages_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full);
/* Boxes of a tile, 1 of an operand in no pages. */
int pages_boxes(const struct stage *s);
/* Do both look up the same entries? */
bool pages_alike(const struct bulk *x, const struct bulk *y);

/* ---- bulk_image.c ---- */

/* NULL, or why no map describes where its pixels lie; windows aside. */
const char *image_lies(const struct stage *s);
const char *image_refuse(const struct stage *s);
/* The image in memory; a map says besides what is copied at a time. */
struct k_map image_tensor(const struct stage *s, const char *name,
	struct k_buffer *of);
struct k_map image_map(const struct stage *s, const char *name,
	struct k_buffer *of);
void image_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *row, struct k_place to, struct k_place full);

/* ---- bulk_halo.c ---- */

/* How large a patch is: values and words, of which the first two are none. */
enum { HALO_VALUES = 1 PATCHES(PATCH_ONE), HALO_OFF = 1 };
extern const char *const halo_words[];
extern const int halo_values[HALO_VALUES];

/* NULL, or why no patches of the image "x" (or NULL) have a halo, where a chunk of
 * the reduction is a multiple of "chunk": goes on from the operand's name. */
const char *halo_never(struct arena *a, const struct image *x, int chunk);
/* That of "value", of an image that has some, for tiles of "rows"; no patches
 * where these are no multiple of one. */
struct halo halo_of(const struct image *x, int value, int rows);
const char *halo_refuse(const struct stage *s);
struct k_map halo_map(const struct stage *s, const char *name,
	struct k_buffer *of);
/* The tile's patches, for the part of the reduction from "k0" on: in the order of
 * windows' taps and channels, but for the rows of windows. */
void halo_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full);

#endif
