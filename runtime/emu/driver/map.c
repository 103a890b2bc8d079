/* SPDX-License-Identifier: MIT */
/* Tensor maps by the driver's own names: what the emulator encodes. */
#include "runtime/emu/driver/driver.h"
#include "runtime/emu/emu_tensor.h"

CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type,
	cuuint32_t rank, void *address, const cuuint64_t *dims,
	const cuuint64_t *strides, const cuuint32_t *box,
	const cuuint32_t *steps, CUtensorMapInterleave interleave,
	CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
	CUtensorMapFloatOOBfill fill)
{
	return driver_leave(driver_enter() ?:
		(CUresult)wpk_emu_tensor_map_tiled(map, type, rank, address,
			dims, strides, box, steps, interleave, swizzle,
			promotion, fill));
}

CUresult cuTensorMapEncodeIm2col(CUtensorMap *map, CUtensorMapDataType type,
	cuuint32_t rank, void *address, const cuuint64_t *dims,
	const cuuint64_t *strides, const int *lower, const int *upper,
	cuuint32_t channels, cuuint32_t pixels, const cuuint32_t *steps,
	CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
	CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill)
{
	return driver_leave(driver_enter() ?:
		(CUresult)wpk_emu_tensor_map_im2col(map, type, rank, address,
			dims, strides, lower, upper, channels, pixels, steps,
			interleave, swizzle, promotion, fill));
}
