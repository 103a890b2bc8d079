/* SPDX-License-Identifier: MIT */
/* What is used of cuBLASLt, which is opened at run time. Numbers and layouts are
 * those of versions 12 and 13; tests/runtime/abi.c compares them with the
 * toolkit's. */
#ifndef WPK_RUNTIME_LIB_CUBLASLT_API_H
#define WPK_RUNTIME_LIB_CUBLASLT_API_H

#include <stddef.h>
#include <stdint.h>

typedef void *wpk_lt;		/* handle, descriptor, layout, preference, ... */

enum {
	WPK_LT_SUCCESS = 0, WPK_LT_ALLOC_FAILED = 3, WPK_LT_NOT_SUPPORTED = 15,
	WPK_LT_16F = 2, WPK_LT_16BF = 14, WPK_LT_32F = 0, WPK_LT_64F = 1,
	WPK_LT_8I = 3, WPK_LT_8U = 8, WPK_LT_32I = 10, WPK_LT_E4M3 = 28,
	WPK_LT_E5M2 = 29,
	WPK_LT_COMPUTE_32F = 68, WPK_LT_COMPUTE_TF32 = 77,
	WPK_LT_COMPUTE_64F = 70, WPK_LT_COMPUTE_32I = 72,
	WPK_LT_OP_N = 0, WPK_LT_OP_T = 1,
	/* Attributes of layouts: int32_t, int64_t. */
	WPK_LT_LAYOUT_BATCH = 5, WPK_LT_LAYOUT_STRIDE = 6,
	/* Of operations: int32_t, int32_t, uint32_t, pointer, int64_t, int32_t,
	 * int8_t, int32_t. */
	WPK_LT_DESC_TRANSA = 3, WPK_LT_DESC_TRANSB = 4, WPK_LT_DESC_EPILOGUE = 7,
	WPK_LT_DESC_BIAS = 8, WPK_LT_DESC_BIAS_STRIDE = 10,
	WPK_LT_DESC_SMS = 15, WPK_LT_DESC_FAST = 25, WPK_LT_DESC_BIAS_TYPE = 26,
	WPK_LT_EPILOGUE_DEFAULT = 1, WPK_LT_EPILOGUE_RELU = 2,
	WPK_LT_EPILOGUE_BIAS = 4, WPK_LT_EPILOGUE_GELU = 32,
	/* Of preferences: uint64_t, then uint32_t of a, b, c, d. */
	WPK_LT_PREF_WORKSPACE = 1, WPK_LT_PREF_ALIGN_A = 5,
	/* Capabilities: int32_t, uint32_t, uint32_t, uint32_t[], int32_t,
	 * uint32_t[]. */
	WPK_LT_CAP_SPLIT = 0, WPK_LT_CAP_SCHEMES = 1, WPK_LT_CAP_SWIZZLE = 2,
	WPK_LT_CAP_TILES = 6, WPK_LT_CAP_CUSTOM = 7, WPK_LT_CAP_STAGES = 13,
	/* Configuration: int32_t, uint32_t, int32_t, uint32_t four times,
	 * uint16_t twice. */
	WPK_LT_CONFIG_ID = 0, WPK_LT_CONFIG_TILE = 1, WPK_LT_CONFIG_SPLIT = 2,
	WPK_LT_CONFIG_SCHEME = 3, WPK_LT_CONFIG_SWIZZLE = 4,
	WPK_LT_CONFIG_CUSTOM = 5, WPK_LT_CONFIG_STAGES = 6,
	WPK_LT_CONFIG_INNER = 7, WPK_LT_CONFIG_CLUSTER = 8
};

/* cublasLtMatmulAlgo_t: bytes that mean something to one version. */
struct wpk_lt_algo {
	uint64_t data[8];
};

/* cublasLtMatmulHeuristicResult_t */
struct wpk_lt_result {
	struct wpk_lt_algo algo;
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
};

/* Room for a cublasLtMatmulDescOpaque_t, which is half of it in version 13. */
struct wpk_lt_room {
	uint64_t data[64];
};

/* Type, field, symbol, arguments. */
#define CUBLASLT_CALLS(X) \
	X(size_t, version, "cublasLtGetVersion", (void)) \
	X(const char *, status_name, "cublasLtGetStatusName", (int)) \
	X(int, create, "cublasLtCreate", (wpk_lt *)) \
	X(int, destroy, "cublasLtDestroy", (wpk_lt)) \
	X(int, layout, "cublasLtMatrixLayoutCreate", (wpk_lt *, int, uint64_t, \
		uint64_t, int64_t)) \
	X(int, drop_layout, "cublasLtMatrixLayoutDestroy", (wpk_lt)) \
	X(int, set_layout, "cublasLtMatrixLayoutSetAttribute", (wpk_lt, int, \
		const void *, size_t)) \
	X(int, init_operation, "cublasLtMatmulDescInit_internal", (void *, \
		size_t, int, int)) \
	X(int, set_operation, "cublasLtMatmulDescSetAttribute", (wpk_lt, int, \
		const void *, size_t)) \
	X(int, preference, "cublasLtMatmulPreferenceCreate", (wpk_lt *)) \
	X(int, drop_preference, "cublasLtMatmulPreferenceDestroy", (wpk_lt)) \
	X(int, set_preference, "cublasLtMatmulPreferenceSetAttribute", \
		(wpk_lt, int, const void *, size_t)) \
	X(int, heuristic, "cublasLtMatmulAlgoGetHeuristic", (wpk_lt, wpk_lt, \
		wpk_lt, wpk_lt, wpk_lt, wpk_lt, wpk_lt, int, \
		struct wpk_lt_result *, int *)) \
	X(int, ids, "cublasLtMatmulAlgoGetIds", (wpk_lt, int, int, int, int, \
		int, int, int, int *, int *)) \
	X(int, init_algo, "cublasLtMatmulAlgoInit", (wpk_lt, int, int, int, int, \
		int, int, int, struct wpk_lt_algo *)) \
	X(int, check, "cublasLtMatmulAlgoCheck", (wpk_lt, wpk_lt, wpk_lt, \
		wpk_lt, wpk_lt, wpk_lt, const struct wpk_lt_algo *, \
		struct wpk_lt_result *)) \
	X(int, capability, "cublasLtMatmulAlgoCapGetAttribute", \
		(const struct wpk_lt_algo *, int, void *, size_t, size_t *)) \
	X(int, configure, "cublasLtMatmulAlgoConfigSetAttribute", \
		(struct wpk_lt_algo *, int, const void *, size_t)) \
	X(int, configured, "cublasLtMatmulAlgoConfigGetAttribute", \
		(const struct wpk_lt_algo *, int, void *, size_t, size_t *)) \
	X(int, matmul, "cublasLtMatmul", (wpk_lt, wpk_lt, const void *, \
		const void *, wpk_lt, const void *, wpk_lt, const void *, \
		const void *, wpk_lt, void *, wpk_lt, \
		const struct wpk_lt_algo *, void *, size_t, void *))

struct cublaslt_calls {
#define X(type, field, symbol, arguments) type (*field) arguments;
	CUBLASLT_CALLS(X)
#undef X
};

#endif
