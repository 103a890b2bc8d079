/* SPDX-License-Identifier: MIT */
/* Matrix descriptors: made once for a stage, and moved on within it. */
#include "sketch/wgmma_descriptor.h"

#include "kernel/intrin.h"

int wgmma_row_bytes(const struct stage *s)
{
	return (s->order->k_inner ? s->tile_k : s->panel) * s->op->tile_elem;
}

struct kx *wgmma_descriptor(struct arena *a, const struct stage *s,
	struct k_buffer *tile, struct kx *slot, struct kx *row)
{
	int bytes = wgmma_row_bytes(s);
	int swizzle = bytes == 128 ? 1 : bytes == 64 ? 2 : 3;
	struct kx *line = s->order->k_inner ? row : kx_mul(a, kx_div(a, row,
		kx_int(a, s->panel)), kx_int(a, s->tile_k));

	return kx_call(a, INTRIN_WGMMA_DESCRIPTOR, T_I64, 4, kx_address(a,
		k_place(tile, slot, line, kx_int(a, 0))), kx_int(a,
		s->order->k_inner ? 16 : s->tile_k * bytes), kx_int(a,
		8 * bytes), kx_int(a, swizzle));
}

/* Descriptors count 16 bytes. */
struct kx *wgmma_advance(struct arena *a, const struct stage *s,
	struct kx *from, struct kx *kk, struct kx *mi)
{
	int bytes = wgmma_row_bytes(s);
	int step = s->order->k_inner ? s->op->tile_elem : bytes;
	int block = s->order->k_inner ? 64 * bytes : s->tile_k * bytes;
	struct kx *at = kx_div(a, kx_mul(a, kk, kx_int(a, step)),
		kx_int(a, 16));

	if (s->halo.patches > 1)
		at = kx_add(a, at, kx_mul(a, halo_pixel(a, &s->halo, kx_mul(a,
			mi, kx_int(a, 64))), kx_int(a, bytes / 16)));
	else
		at = kx_add(a, at, kx_mul(a, mi, kx_int(a, block / 16)));
	return kx_add(a, from, kx_cast(a, T_I64, at));
}
