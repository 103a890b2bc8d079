/* SPDX-License-Identifier: MIT */
/* Tensor maps: what cuTensorMapEncode wrote into 128 bytes, and the boxes that
 * it describes. */
#ifndef WPK_RUNTIME_EMU_EMU_TENSOR_H
#define WPK_RUNTIME_EMU_EMU_TENSOR_H

#include "emu.h"

enum { RANK_MAX = 5, SPACE_MAX = 3, MAP_BYTES = 128 };

/* CUtensorMapDataType's numbers, as far as they are emulated. */
enum tensor_type {
	TENSOR_U8, TENSOR_U16, TENSOR_U32, TENSOR_I32, TENSOR_U64, TENSOR_I64,
	TENSOR_F16, TENSOR_F32, TENSOR_F64, TENSOR_BF16, TENSOR_TYPES
};

/* Dimensions from the innermost on; "strides" in bytes, of all but that one.
 * Of a tile the box has "box" elements, every "steps"-th of a dimension. Of
 * im2col it has "pixels", each with "channels": "lower" and "upper" are the
 * corners of the pixels' own box. "width": bytes of a swizzled row, or 16.
 * "nan": what lies outside is NaN, else 0. */
struct tensor_map {
	uint64_t mark;
	uint64_t address, strides[RANK_MAX - 1];
	uint32_t dims[RANK_MAX];
	uint16_t box[RANK_MAX], channels, pixels;
	int16_t lower[SPACE_MAX], upper[SPACE_MAX];
	uint8_t type, rank, im2col, width, nan, steps[RANK_MAX];
};

/* A box: its coordinates and, of im2col, offsets. */
struct tensor_box {
	struct tensor_map map;
	int at[RANK_MAX], offset[SPACE_MAX];
	int line;
	const void *place;
};

/* ---- map.c ---- */

size_t tensor_type_bytes(enum tensor_type t);
/* The driver's functions, as libcuda has them but for their names. */
int wpk_emu_tensor_map_tiled(void *map, unsigned type, uint32_t rank,
	void *address, const uint64_t *dims, const uint64_t *strides,
	const uint32_t *box, const uint32_t *steps, unsigned interleave,
	unsigned swizzle, unsigned promotion, unsigned fill);
int wpk_emu_tensor_map_im2col(void *map, unsigned type, uint32_t rank,
	void *address, const uint64_t *dims, const uint64_t *strides,
	const int *lower, const int *upper, uint32_t channels, uint32_t pixels,
	const uint32_t *steps, unsigned interleave, unsigned swizzle,
	unsigned promotion, unsigned fill);
/* Where the tensor of the map at "p" lies; NULL if that is no map. */
const void *tensor_map_address(const void *p);
/* What lies at "p", which must be a map of such rank and kind. */
void tensor_map_read(struct tensor_map *m, int line, const void *p, int rank,
	bool im2col);

/* ---- box.c ---- */

/* Bytes of a box in shared memory, and of one of its rows. */
size_t tensor_bytes(const struct tensor_map *m);
size_t tensor_row_bytes(const struct tensor_map *m);
/* Is the first pixel of an im2col in the pixels' box, and are the offsets such
 * as the instruction holds? Else a fault. */
void tensor_check_pixel(const struct tensor_box *b);
void tensor_load(const struct tensor_box *b, unsigned char *to);
/* What lies outside of the tensor is left out. */
void tensor_store(const struct tensor_box *b, const unsigned char *from,
	bool add);

#endif
