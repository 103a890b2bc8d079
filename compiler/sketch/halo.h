/* SPDX-License-Identifier: MIT */
/* Tiles of an image with a halo: rows of a product are cut into patches of pixels,
 * and a stage has a patch of the image under one column of the windows, with as
 * many rows of pixels more as the windows reach down. Pixels lie one behind the
 * other, so that what the next row of the windows multiplies is the same patch,
 * begun some rows of pixels later: the image is fetched once for all of them. */
#ifndef WPK_COMPILER_SKETCH_HALO_H
#define WPK_COMPILER_SKETCH_HALO_H

#include "sketch/forms.h"

/* Axes of an image's positions: down, and across, which lies the closest. */
enum { HALO_DOWN, HALO_ACROSS, HALO_SIDES };

/* Tiles are "patches" of "high" x "wide" pixels; high 0: there is no halo. Windows
 * have "taps" rows, all in one stage, which are "apart" rows of pixels and "steps"
 * of the reduction from each other. There are positions[] along the two axes[], and
 * so many[] patches in each image, of which there are "images": all positions along
 * other axes. */
struct halo {
	int high, wide, patches;
	int taps, apart;
	int64_t steps;
	int axes[HALO_SIDES];
	int64_t positions[HALO_SIDES], many[HALO_SIDES], images;
};

/* Pixels that a stage has, and how many behind a patch's first its next one's
 * lies. */
int halo_pixels(const struct halo *h);
int halo_pitch(const struct halo *h);
/* Which of them is row "row" of the tile, under the windows' first row. */
struct kx *halo_pixel(struct arena *a, const struct halo *h, struct kx *row);
/* Patches of all images. */
int64_t halo_all(const struct halo *h);

/* The image that a patch is of, and its first pixel. */
struct patch {
	struct kx *image, *at[HALO_SIDES];
};

/* The patches of one tile: "one" where there is one, else so many from number
 * "first" on. "ragged": the last tile has some that are none of an image's. */
struct patches {
	const struct halo *of;
	struct patch one;
	struct kx *first;
	bool ragged;
};

/* Those of tile "tile", bound to variables of "b". */
struct patches halo_patches(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const struct halo *h, struct kx *tile);
/* Patch "i" of them. */
struct patch halo_nth(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const struct patches *p, struct kx *i);
/* Values of "axes" at row "at" of the tile, into env[axis]. The condition under
 * which it is one of the output's; NULL: always. */
struct kx *halo_axes(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const int *axes, int n,
	const struct patches *p, struct kx *at, struct kx **env);
/* "n" neighbours of a tile, or less, that are neighbours in every image. */
int halo_together(const struct halo *h, int n);
/* How many of tile "tile"'s rows are the output's, in terms of "tile" alone. */
struct kx *halo_area(struct arena *a, const struct halo *h, struct kx *tile);

#endif
