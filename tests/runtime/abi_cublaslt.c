/* SPDX-License-Identifier: MIT */
/* Our declarations of cuBLASLt against its header. */
#include <cublasLt.h>
#include <stddef.h>

#include "runtime/lib/cublaslt_api.h"

#define SAME(x, y) _Static_assert((long)(x) == (long)(y), #x)

SAME(WPK_LT_SUCCESS, CUBLAS_STATUS_SUCCESS);
SAME(WPK_LT_ALLOC_FAILED, CUBLAS_STATUS_ALLOC_FAILED);
SAME(WPK_LT_NOT_SUPPORTED, CUBLAS_STATUS_NOT_SUPPORTED);
SAME(WPK_LT_16F, CUDA_R_16F);
SAME(WPK_LT_16BF, CUDA_R_16BF);
SAME(WPK_LT_32F, CUDA_R_32F);
SAME(WPK_LT_64F, CUDA_R_64F);
SAME(WPK_LT_8I, CUDA_R_8I);
SAME(WPK_LT_8U, CUDA_R_8U);
SAME(WPK_LT_32I, CUDA_R_32I);
SAME(WPK_LT_E4M3, CUDA_R_8F_E4M3);
SAME(WPK_LT_E5M2, CUDA_R_8F_E5M2);
SAME(WPK_LT_COMPUTE_32F, CUBLAS_COMPUTE_32F);
SAME(WPK_LT_COMPUTE_TF32, CUBLAS_COMPUTE_32F_FAST_TF32);
SAME(WPK_LT_COMPUTE_64F, CUBLAS_COMPUTE_64F);
SAME(WPK_LT_COMPUTE_32I, CUBLAS_COMPUTE_32I);
SAME(WPK_LT_OP_N, CUBLAS_OP_N);
SAME(WPK_LT_OP_T, CUBLAS_OP_T);
SAME(WPK_LT_LAYOUT_BATCH, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(WPK_LT_LAYOUT_STRIDE, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(WPK_LT_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(WPK_LT_DESC_TRANSB, CUBLASLT_MATMUL_DESC_TRANSB);
SAME(WPK_LT_DESC_EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(WPK_LT_DESC_BIAS, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(WPK_LT_DESC_BIAS_STRIDE, CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE);
SAME(WPK_LT_DESC_SMS, CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET);
SAME(WPK_LT_DESC_FAST, CUBLASLT_MATMUL_DESC_FAST_ACCUM);
SAME(WPK_LT_DESC_BIAS_TYPE, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
SAME(WPK_LT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_DEFAULT);
SAME(WPK_LT_EPILOGUE_RELU, CUBLASLT_EPILOGUE_RELU);
SAME(WPK_LT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BIAS);
SAME(WPK_LT_EPILOGUE_GELU, CUBLASLT_EPILOGUE_GELU);
SAME(WPK_LT_EPILOGUE_RELU | WPK_LT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_RELU_BIAS);
SAME(WPK_LT_EPILOGUE_GELU | WPK_LT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_GELU_BIAS);
SAME(WPK_LT_PREF_WORKSPACE, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(WPK_LT_PREF_ALIGN_A, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(WPK_LT_PREF_ALIGN_A + 1, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME(WPK_LT_PREF_ALIGN_A + 2, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME(WPK_LT_PREF_ALIGN_A + 3, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME(WPK_LT_CAP_SPLIT, CUBLASLT_ALGO_CAP_SPLITK_SUPPORT);
SAME(WPK_LT_CAP_SCHEMES, CUBLASLT_ALGO_CAP_REDUCTION_SCHEME_MASK);
SAME(WPK_LT_CAP_SWIZZLE, CUBLASLT_ALGO_CAP_CTA_SWIZZLING_SUPPORT);
SAME(WPK_LT_CAP_TILES, CUBLASLT_ALGO_CAP_TILE_IDS);
SAME(WPK_LT_CAP_CUSTOM, CUBLASLT_ALGO_CAP_CUSTOM_OPTION_MAX);
SAME(WPK_LT_CAP_STAGES, CUBLASLT_ALGO_CAP_STAGES_IDS);
SAME(WPK_LT_CONFIG_ID, CUBLASLT_ALGO_CONFIG_ID);
SAME(WPK_LT_CONFIG_TILE, CUBLASLT_ALGO_CONFIG_TILE_ID);
SAME(WPK_LT_CONFIG_SPLIT, CUBLASLT_ALGO_CONFIG_SPLITK_NUM);
SAME(WPK_LT_CONFIG_SCHEME, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME);
SAME(WPK_LT_CONFIG_SWIZZLE, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING);
SAME(WPK_LT_CONFIG_CUSTOM, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION);
SAME(WPK_LT_CONFIG_STAGES, CUBLASLT_ALGO_CONFIG_STAGES_ID);
SAME(WPK_LT_CONFIG_INNER, CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID);
SAME(WPK_LT_CONFIG_CLUSTER, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID);
SAME(CUBLASLT_REDUCTION_SCHEME_INPLACE, 1);
SAME(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, 2);
SAME(CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE, 4);

SAME(sizeof(struct wpk_lt_algo), sizeof(cublasLtMatmulAlgo_t));
SAME(sizeof(struct wpk_lt_result), sizeof(cublasLtMatmulHeuristicResult_t));
SAME(offsetof(struct wpk_lt_result, workspace),
	offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
SAME(offsetof(struct wpk_lt_result, state),
	offsetof(cublasLtMatmulHeuristicResult_t, state));
SAME(offsetof(struct wpk_lt_result, waves),
	offsetof(cublasLtMatmulHeuristicResult_t, wavesCount));
_Static_assert(sizeof(struct wpk_lt_room) >=
	sizeof(cublasLtMatmulDescOpaque_t), "room");
SAME(sizeof(int), sizeof(cublasStatus_t));
SAME(sizeof(int), sizeof(cudaDataType));
SAME(sizeof(int), sizeof(cublasComputeType_t));
SAME(sizeof(wpk_lt), sizeof(cublasLtMatmulDesc_t));

/* Functions pass the same arguments: enumerations are as large as int, and opaque
 * pointers are pointers. */
#define ARGUMENTS(theirs, ...) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(&theirs), \
		cublasStatus_t (*)(__VA_ARGS__)), #theirs)
typedef cublasLtHandle_t handle;
typedef cublasLtMatmulDesc_t desc;
typedef cublasLtMatrixLayout_t layout;
typedef cublasLtMatmulPreference_t pref;
typedef cublasLtMatmulAlgo_t algo;
typedef cublasLtMatmulHeuristicResult_t result;
typedef cublasComputeType_t compute;
typedef cudaDataType_t type;

ARGUMENTS(cublasLtCreate, handle *);
ARGUMENTS(cublasLtDestroy, handle);
ARGUMENTS(cublasLtMatrixLayoutCreate, layout *, type, uint64_t, uint64_t,
	int64_t);
ARGUMENTS(cublasLtMatrixLayoutDestroy, layout);
ARGUMENTS(cublasLtMatrixLayoutSetAttribute, layout,
	cublasLtMatrixLayoutAttribute_t, const void *, size_t);
ARGUMENTS(cublasLtMatmulDescInit_internal, desc, size_t, compute, type);
ARGUMENTS(cublasLtMatmulDescSetAttribute, desc, cublasLtMatmulDescAttributes_t,
	const void *, size_t);
ARGUMENTS(cublasLtMatmulPreferenceCreate, pref *);
ARGUMENTS(cublasLtMatmulPreferenceDestroy, pref);
ARGUMENTS(cublasLtMatmulPreferenceSetAttribute, pref,
	cublasLtMatmulPreferenceAttributes_t, const void *, size_t);
ARGUMENTS(cublasLtMatmulAlgoGetHeuristic, handle, desc, layout, layout, layout,
	layout, pref, int, result *, int *);
ARGUMENTS(cublasLtMatmulAlgoGetIds, handle, compute, type, type, type, type,
	type, int, int *, int *);
ARGUMENTS(cublasLtMatmulAlgoInit, handle, compute, type, type, type, type, type,
	int, algo *);
ARGUMENTS(cublasLtMatmulAlgoCheck, handle, desc, layout, layout, layout, layout,
	const algo *, result *);
ARGUMENTS(cublasLtMatmulAlgoCapGetAttribute, const algo *,
	cublasLtMatmulAlgoCapAttributes_t, void *, size_t, size_t *);
ARGUMENTS(cublasLtMatmulAlgoConfigSetAttribute, algo *,
	cublasLtMatmulAlgoConfigAttributes_t, const void *, size_t);
ARGUMENTS(cublasLtMatmulAlgoConfigGetAttribute, const algo *,
	cublasLtMatmulAlgoConfigAttributes_t, void *, size_t, size_t *);
ARGUMENTS(cublasLtMatmul, handle, desc, const void *, const void *, layout,
	const void *, layout, const void *, const void *, layout, void *,
	layout, const algo *, void *, size_t, cudaStream_t);
