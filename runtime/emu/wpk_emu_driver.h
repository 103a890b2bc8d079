/* SPDX-License-Identifier: MIT */
/* The third part of wpk_emu.h: what launchers use of the driver, to describe
 * tensors to bulk copies. They get its functions from the runtime, so that
 * nothing links to libcuda; names and numbers are cuda.h's. */
#ifndef WPK_RUNTIME_EMU_WPK_EMU_DRIVER_H
#define WPK_RUNTIME_EMU_WPK_EMU_DRIVER_H

typedef unsigned cuuint32_t;
typedef unsigned long cuuint64_t;

enum CUresult { CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1 };

struct alignas(64) CUtensorMap {
	cuuint64_t opaque[16];
};

enum CUtensorMapDataType {
	CU_TENSOR_MAP_DATA_TYPE_UINT8, CU_TENSOR_MAP_DATA_TYPE_UINT16,
	CU_TENSOR_MAP_DATA_TYPE_UINT32, CU_TENSOR_MAP_DATA_TYPE_INT32,
	CU_TENSOR_MAP_DATA_TYPE_UINT64, CU_TENSOR_MAP_DATA_TYPE_INT64,
	CU_TENSOR_MAP_DATA_TYPE_FLOAT16, CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
	CU_TENSOR_MAP_DATA_TYPE_FLOAT64, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
	CU_TENSOR_MAP_DATA_TYPE_FLOAT32_FTZ, CU_TENSOR_MAP_DATA_TYPE_TFLOAT32,
	CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ
};

enum CUtensorMapInterleave {
	CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_INTERLEAVE_16B,
	CU_TENSOR_MAP_INTERLEAVE_32B
};

enum CUtensorMapSwizzle {
	CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_SWIZZLE_32B,
	CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_SWIZZLE_128B
};

enum CUtensorMapL2promotion {
	CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_L2_PROMOTION_L2_64B,
	CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B
};

enum CUtensorMapFloatOOBfill {
	CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
	CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA
};

extern "C" {
CUresult wpk_emu_tensor_map_tiled(CUtensorMap *map, CUtensorMapDataType type,
	cuuint32_t rank, void *address, const cuuint64_t *dims,
	const cuuint64_t *strides, const cuuint32_t *box,
	const cuuint32_t *steps, CUtensorMapInterleave interleave,
	CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
	CUtensorMapFloatOOBfill fill);
CUresult wpk_emu_tensor_map_im2col(CUtensorMap *map, CUtensorMapDataType type,
	cuuint32_t rank, void *address, const cuuint64_t *dims,
	const cuuint64_t *strides, const int *lower, const int *upper,
	cuuint32_t channels, cuuint32_t pixels, const cuuint32_t *steps,
	CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
	CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill);
/* The function of that name, or NULL. */
void *wpk_emu_driver(const char *name);
}

#define cuTensorMapEncodeTiled wpk_emu_tensor_map_tiled
#define cuTensorMapEncodeIm2col wpk_emu_tensor_map_im2col

enum cudaDriverEntryPointQueryResult {
	cudaDriverEntryPointSuccess = 0, cudaDriverEntryPointSymbolNotFound = 1
};

static inline cudaError_t cudaGetDriverEntryPointByVersion(const char *name,
	void **function, unsigned, unsigned long long,
	cudaDriverEntryPointQueryResult *result = nullptr)
{
	*function = wpk_emu_driver(name);
	if (result)
		*result = *function ? cudaDriverEntryPointSuccess :
			cudaDriverEntryPointSymbolNotFound;
	return cudaSuccess;
}

static inline cudaError_t cudaGetDriverEntryPoint(const char *name,
	void **function, unsigned long long flags,
	cudaDriverEntryPointQueryResult *result = nullptr)
{
	return cudaGetDriverEntryPointByVersion(name, function, 0, flags,
		result);
}

#endif
