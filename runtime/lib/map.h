/* SPDX-License-Identifier: MIT */
/* Tensor maps, which a launch passes in place of a tensor's address. */
#ifndef WPK_RUNTIME_LIB_MAP_H
#define WPK_RUNTIME_LIB_MAP_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "runtime/lib/driver.h"

enum { MAP_RANK = 5 };

/* Arguments of the driver's functions, of the one for im2col where "pixels" is
 * not 0; "offset": bytes from the tensor to where the map begins. */
struct map {
	int type, rank;
	unsigned long long offset, dims[MAP_RANK], strides[MAP_RANK - 1];
	unsigned box[MAP_RANK], steps[MAP_RANK], pixels, channels;
	int lower[MAP_RANK - 2], upper[MAP_RANK - 2];
	int swizzle, promotion;
};

/* A map and the last that was encoded of it, which is had by who raises "busy". */
struct cached_map {
	struct map map;
	atomic_flag busy;
	bool known;
	wpk_cu_pointer at;
	unsigned long long encoded[16];	/* a wpk_cu_map, aligned as it comes */
};

/* False where "v" describes none. */
bool map_read(const json_t *v, struct map *m);
/* The map "m" of the tensor at "tensor"; the driver's code. */
int map_encode(const struct cuda_calls *c, const struct map *m,
	wpk_cu_pointer tensor, struct wpk_cu_map *out);
/* The same, encoded anew only where the tensor lies elsewhere than the last time
 * or another thread is looking. */
int map_cached(const struct cuda_calls *c, struct cached_map *m,
	wpk_cu_pointer tensor, struct wpk_cu_map *out);

#endif
