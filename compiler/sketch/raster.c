/* SPDX-License-Identifier: MIT */
/* The order of tiles: groups of rows, in which columns are gone through one
 * after the other, each from the first row of the group to its last. */
#include "sketch/raster.h"

static struct kx *let(struct arena *a, struct k_block *b, const char *name,
	struct kx *v)
{
	return b ? ks_let(a, b, name, v) : v;
}

void raster_tile(struct arena *a, struct k_block *b, struct kx *at, int group,
	int64_t major, int64_t minor, struct kx **major_at,
	struct kx **minor_at)
{
	struct kx *in, *width, *start, *size = kx_int(a, group);

	if (group == 1) {
		*major_at = kx_div(a, at, kx_int(a, minor));
		*minor_at = kx_mod(a, at, kx_int(a, minor));
		return;
	}
	at = let(a, b, "at", at);
	start = let(a, b, "group_first", kx_mul(a, kx_div(a, at,
		kx_int(a, group * minor)), size));
	width = major % group == 0 ? size : let(a, b, "group_width",
		kx_op(a, OP_MIN, T_I32, 2, kx_sub(a, kx_int(a, major), start),
			size));
	in = let(a, b, "group_at", kx_mod(a, at, kx_int(a, group * minor)));
	*major_at = kx_add(a, start, kx_mod(a, in, width));
	*minor_at = kx_div(a, in, width);
}

const char *raster_wrong(struct arena *a, int group, int64_t major)
{
	if (group < 1)
		return "raster takes groups of at least 1";
	return group == 1 || group <= major ? NULL : arena_printf(a, "raster "
		"groups %d tiles where there are %lld", group,
		(long long)major);
}
