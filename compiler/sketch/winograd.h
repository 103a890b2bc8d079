/* SPDX-License-Identifier: MIT */
/* The winograd sketch's analysis, shared by its files. */
#ifndef WPK_COMPILER_SKETCH_WINOGRAD_H
#define WPK_COMPILER_SKETCH_WINOGRAD_H

#include "ir/winograd.h"
#include "sketch/fma.h"

/* Order of the tunables: the tile's side, the directive alone, and from
 * WINOGRAD_FMA on those of the products, as fma has them, but for the order of
 * the reduction, of which there is one. */
enum winograd_value {
	WINOGRAD_M, WINOGRAD_ON, WINOGRAD_FMA,
	WINOGRAD_FIXED = WINOGRAD_FMA + FMA_ORDER
};

/* Tensors between the steps. */
enum winograd_room {
	WINOGRAD_WEIGHTS, WINOGRAD_IMAGE, WINOGRAD_PRODUCTS, WINOGRAD_ROOMS
};

/* What follows from the tile's side. "products" is the task of the contraction
 * in the middle, over a batch of points; "elements" those of the rooms, which
 * have places for "places" tiles, a multiple of a vector: what is in the others
 * is 0 or never read. */
struct winograd_size {
	const struct winograd *by;
	int64_t across[2], tiles;	/* along p and q; of all images */
	int64_t places;
	int64_t elements[WINOGRAD_ROOMS];
	struct task products;
	const struct tunable *open;
	int n_open;
};

enum { WINOGRAD_SIZES = 2, WINOGRAD_THREADS = 128, WINOGRAD_VECTOR = 4 };

/* "by_channel": neighbours in the transformed image are channels, else tiles;
 * "by_filter": neighbouring products are filters, else tiles. */
struct winograd_group {
	struct ir_window w;
	struct product of;
	int64_t channels, filters;
	bool by_channel, by_filter, prepares;
	const char *tile_name, *filter_name, *channel_name;
	const char *rooms[WINOGRAD_ROOMS];
	struct winograd_size sizes[WINOGRAD_SIZES];
	struct tunables open;
};

enum { WINOGRAD_OPEN = FMA_FIXED + 6 + OUTPUTS_MAX };

/* The size that the values choose, and what they say of its products; NULL if
 * there is no such tile. */
const struct winograd_size *winograd_size(const struct task *t,
	const int *values, int *products);

/* winograd_inner.c: the task of the products. False, with "*why". */
bool winograd_inner(struct task *t, struct winograd_group *g,
	struct winograd_size *z, const char **why);

void winograd_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

#endif
