/* SPDX-License-Identifier: MIT */
/* What is used of cuDNN's backend API, which is opened at run time. Numbers are
 * those of version 9; tests/runtime/abi.c compares them with its headers'. */
#ifndef WPK_RUNTIME_LIB_CUDNN_API_H
#define WPK_RUNTIME_LIB_CUDNN_API_H

#include <stddef.h>
#include <stdint.h>

typedef void *wpk_dnn;		/* handle, descriptor */

enum {
	WPK_DNN_SUCCESS = 0,
	WPK_DNN_HOST_MEMORY = 4003, WPK_DNN_DEVICE_MEMORY = 4004,
	/* cudnnDataType_t */
	WPK_DNN_FLOAT = 0, WPK_DNN_DOUBLE = 1, WPK_DNN_HALF = 2,
	WPK_DNN_INT8 = 3, WPK_DNN_INT32 = 4, WPK_DNN_UINT8 = 6,
	WPK_DNN_BFLOAT16 = 9, WPK_DNN_E4M3 = 12, WPK_DNN_E5M2 = 13,
	WPK_DNN_CROSS_CORRELATION = 1,
	/* cudnnBackendHeurMode_t */
	WPK_DNN_MODE_B = 1, WPK_DNN_MODE_FALLBACK = 2, WPK_DNN_MODE_A = 3,
	/* cudnnBackendNumericalNote_t */
	WPK_DNN_NOTE_TENSOR_CORE = 0, WPK_DNN_NOTE_DOWN_CONVERT = 1,
	WPK_DNN_NOTE_REDUCED = 2
};

/* cudnnBackendAttributeType_t */
enum wpk_dnn_type {
	WPK_DNN_T_HANDLE = 0, WPK_DNN_T_DATA_TYPE = 1, WPK_DNN_T_BOOLEAN = 2,
	WPK_DNN_T_INT64 = 3, WPK_DNN_T_FLOAT = 4, WPK_DNN_T_DOUBLE = 5,
	WPK_DNN_T_POINTER = 6, WPK_DNN_T_CONVOLUTION_MODE = 7,
	WPK_DNN_T_HEUR_MODE = 8, WPK_DNN_T_KNOB = 9, WPK_DNN_T_NOTE = 11,
	WPK_DNN_T_POINTWISE_MODE = 14, WPK_DNN_T_DESCRIPTOR = 15,
	WPK_DNN_T_INT32 = 23
};

/* cudnnBackendDescriptorType_t */
enum wpk_dnn_kind {
	WPK_DNN_POINTWISE = 0, WPK_DNN_CONVOLUTION = 1, WPK_DNN_ENGINE = 2,
	WPK_DNN_CONFIG = 3, WPK_DNN_HEURISTIC = 4, WPK_DNN_PLAN = 5,
	WPK_DNN_KNOB_CHOICE = 7, WPK_DNN_KNOB_INFO = 8,
	WPK_DNN_OPERATION_FORWARD = 10, WPK_DNN_OPERATION_BACKWARD = 12,
	WPK_DNN_OPERATION_POINTWISE = 13, WPK_DNN_GRAPH = 15, WPK_DNN_PACK = 16,
	WPK_DNN_TENSOR = 17, WPK_DNN_MATMUL = 18, WPK_DNN_OPERATION_MATMUL = 19
};

/* cudnnBackendAttributeName_t */
enum wpk_dnn_name {
	WPK_DNN_POINTWISE_MODE = 0, WPK_DNN_POINTWISE_PRECISION = 1,
	WPK_DNN_POINTWISE_LOWER = 3, WPK_DNN_POINTWISE_UPPER = 4,
	WPK_DNN_POINTWISE_SLOPE = 5, WPK_DNN_POINTWISE_ELU_ALPHA = 6,
	WPK_DNN_POINTWISE_SOFTPLUS_BETA = 7, WPK_DNN_POINTWISE_SWISH_BETA = 8,
	WPK_DNN_CONVOLUTION_COMPUTE = 100, WPK_DNN_CONVOLUTION_MODE = 101,
	WPK_DNN_CONVOLUTION_DILATIONS = 102, WPK_DNN_CONVOLUTION_STRIDES = 103,
	WPK_DNN_CONVOLUTION_POST = 104, WPK_DNN_CONVOLUTION_PRE = 105,
	WPK_DNN_CONVOLUTION_SPATIAL = 106,
	WPK_DNN_HEURISTIC_MODE = 200, WPK_DNN_HEURISTIC_GRAPH = 201,
	WPK_DNN_HEURISTIC_RESULTS = 202, WPK_DNN_HEURISTIC_SMS = 203,
	WPK_DNN_CONFIG_ENGINE = 300, WPK_DNN_CONFIG_CHOICES = 302,
	WPK_DNN_CONFIG_WORKSPACE = 303,
	WPK_DNN_PLAN_HANDLE = 400, WPK_DNN_PLAN_CONFIG = 401,
	WPK_DNN_PLAN_WORKSPACE = 402,
	WPK_DNN_CHOICE_TYPE = 600, WPK_DNN_CHOICE_VALUE = 601,
	WPK_DNN_FORWARD_ALPHA = 700, WPK_DNN_FORWARD_BETA = 701,
	WPK_DNN_FORWARD_CONVOLUTION = 702, WPK_DNN_FORWARD_W = 703,
	WPK_DNN_FORWARD_X = 704, WPK_DNN_FORWARD_Y = 705,
	WPK_DNN_BACKWARD_ALPHA = 706, WPK_DNN_BACKWARD_BETA = 707,
	WPK_DNN_BACKWARD_CONVOLUTION = 708, WPK_DNN_BACKWARD_W = 709,
	WPK_DNN_BACKWARD_DX = 710, WPK_DNN_BACKWARD_DY = 711,
	WPK_DNN_APPLY_POINTWISE = 750, WPK_DNN_APPLY_X = 751,
	WPK_DNN_APPLY_B = 752, WPK_DNN_APPLY_Y = 753,
	WPK_DNN_GRAPH_HANDLE = 800, WPK_DNN_GRAPH_OPERATIONS = 801,
	WPK_DNN_GRAPH_ENGINES = 802,
	WPK_DNN_TENSOR_ALIGNMENT = 900, WPK_DNN_TENSOR_TYPE = 901,
	WPK_DNN_TENSOR_DIMENSIONS = 902, WPK_DNN_TENSOR_STRIDES = 903,
	WPK_DNN_TENSOR_ID = 906, WPK_DNN_TENSOR_VIRTUAL = 907,
	WPK_DNN_TENSOR_BY_VALUE = 908,
	WPK_DNN_PACK_IDS = 1000, WPK_DNN_PACK_POINTERS = 1001,
	WPK_DNN_PACK_WORKSPACE = 1003,
	WPK_DNN_KNOB_TYPE = 1200, WPK_DNN_KNOB_MOST = 1201,
	WPK_DNN_KNOB_LEAST = 1202, WPK_DNN_KNOB_STRIDE = 1203,
	WPK_DNN_ENGINE_GRAPH = 1300, WPK_DNN_ENGINE_INDEX = 1301,
	WPK_DNN_ENGINE_KNOBS = 1302, WPK_DNN_ENGINE_NOTES = 1303,
	WPK_DNN_MATMUL_COMPUTE = 1500,
	WPK_DNN_PRODUCT_A = 1520, WPK_DNN_PRODUCT_B = 1521,
	WPK_DNN_PRODUCT_C = 1522, WPK_DNN_PRODUCT_MATMUL = 1523
};

/* Type, field, symbol, arguments. */
#define CUDNN_CALLS(X) \
	X(size_t, version, "cudnnGetVersion", (void)) \
	X(const char *, error_text, "cudnnGetErrorString", (int)) \
	X(void, last_error, "cudnnGetLastErrorString", (char *, size_t)) \
	X(int, create, "cudnnCreate", (wpk_dnn *)) \
	X(int, destroy, "cudnnDestroy", (wpk_dnn)) \
	X(int, stream, "cudnnSetStream", (wpk_dnn, void *)) \
	X(int, descriptor, "cudnnBackendCreateDescriptor", (int, wpk_dnn *)) \
	X(int, drop, "cudnnBackendDestroyDescriptor", (wpk_dnn)) \
	X(int, finalize, "cudnnBackendFinalize", (wpk_dnn)) \
	X(int, set, "cudnnBackendSetAttribute", (wpk_dnn, int, int, int64_t, \
		const void *)) \
	X(int, get, "cudnnBackendGetAttribute", (wpk_dnn, int, int, int64_t, \
		int64_t *, void *)) \
	X(int, execute, "cudnnBackendExecute", (wpk_dnn, wpk_dnn, wpk_dnn))

struct cudnn_calls {
#define X(type, field, symbol, arguments) type (*field) arguments;
	CUDNN_CALLS(X)
#undef X
};

#endif
