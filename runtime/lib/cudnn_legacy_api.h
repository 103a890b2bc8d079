/* SPDX-License-Identifier: MIT */
/* What is used of cuDNN's API of before graphs: convolutions whose algorithm is a
 * number and a type of math. It is deprecated, and need not be there. Numbers are
 * those of version 9; tests/runtime/abi_cudnn_legacy.c compares them with its
 * headers'. */
#ifndef WPK_RUNTIME_LIB_CUDNN_LEGACY_API_H
#define WPK_RUNTIME_LIB_CUDNN_LEGACY_API_H

#include "runtime/lib/cudnn_api.h"

enum {
	/* cudnnMathType_t */
	WPK_DNN_MATH_DEFAULT = 0, WPK_DNN_MATH_TENSOR = 1,
	WPK_DNN_MATH_CONVERT = 2, WPK_DNN_MATH_FMA = 3,
	/* cudnnTensorFormat_t */
	WPK_DNN_NCHW = 0, WPK_DNN_NHWC = 1,
	/* cudnnActivationMode_t */
	WPK_DNN_ACTIVATION_RELU = 1, WPK_DNN_ACTIVATION_IDENTITY = 5,
	/* cudnnNanPropagation_t */
	WPK_DNN_PROPAGATE_NAN = 1,
	/* How many algorithms there are, and the only one without activation. */
	WPK_DNN_FORWARD_ALGORITHMS = 8, WPK_DNN_DATA_ALGORITHMS = 6,
	WPK_DNN_FILTER_ALGORITHMS = 7, WPK_DNN_PRECOMP_GEMM = 1
};

/* cudnnConvolutionFwdAlgoPerf_t, and those of the other two directions. */
struct wpk_dnn_perf {
	int algorithm, status;
	float milliseconds;
	size_t workspace;
	int determinism, math, reserved[3];
};

/* Type, field, symbol, arguments. */
#define CUDNN_LEGACY_CALLS(X) \
	X(int, create_tensor, "cudnnCreateTensorDescriptor", (wpk_dnn *)) \
	X(int, drop_tensor, "cudnnDestroyTensorDescriptor", (wpk_dnn)) \
	X(int, set_tensor, "cudnnSetTensorNdDescriptor", (wpk_dnn, int, int, \
		const int *, const int *)) \
	X(int, create_filter, "cudnnCreateFilterDescriptor", (wpk_dnn *)) \
	X(int, drop_filter, "cudnnDestroyFilterDescriptor", (wpk_dnn)) \
	X(int, set_filter, "cudnnSetFilterNdDescriptor", (wpk_dnn, int, int, \
		int, const int *)) \
	X(int, create_conv, "cudnnCreateConvolutionDescriptor", (wpk_dnn *)) \
	X(int, drop_conv, "cudnnDestroyConvolutionDescriptor", (wpk_dnn)) \
	X(int, set_conv, "cudnnSetConvolutionNdDescriptor", (wpk_dnn, int, \
		const int *, const int *, const int *, int, int)) \
	X(int, set_groups, "cudnnSetConvolutionGroupCount", (wpk_dnn, int)) \
	X(int, set_math, "cudnnSetConvolutionMathType", (wpk_dnn, int)) \
	X(int, create_activation, "cudnnCreateActivationDescriptor", \
		(wpk_dnn *)) \
	X(int, drop_activation, "cudnnDestroyActivationDescriptor", (wpk_dnn)) \
	X(int, set_activation, "cudnnSetActivationDescriptor", (wpk_dnn, int, \
		int, double)) \
	X(int, fused, "cudnnConvolutionBiasActivationForward", (wpk_dnn, \
		const void *, wpk_dnn, const void *, wpk_dnn, const void *, \
		wpk_dnn, int, void *, size_t, const void *, wpk_dnn, \
		const void *, wpk_dnn, const void *, wpk_dnn, wpk_dnn, void *))

/* What a convolution has in each direction, with the same arguments: the handle,
 * two operands and the result by their descriptors, the convolution's before the
 * result's. */
enum wpk_dnn_way { WPK_DNN_WAY_FORWARD, WPK_DNN_WAY_DATA, WPK_DNN_WAY_FILTER,
	WPK_DNN_WAYS };

struct cudnn_way {
	int (*rank)(wpk_dnn, wpk_dnn, wpk_dnn, wpk_dnn, wpk_dnn, int, int *,
		struct wpk_dnn_perf *);
	int (*workspace)(wpk_dnn, wpk_dnn, wpk_dnn, wpk_dnn, wpk_dnn, int,
		size_t *);
	int (*run)(wpk_dnn, const void *, wpk_dnn, const void *, wpk_dnn,
		const void *, wpk_dnn, int, void *, size_t, const void *,
		wpk_dnn, void *);
};

/* Way, field, symbol. */
#define CUDNN_WAY_CALLS(X) \
	X(WPK_DNN_WAY_FORWARD, rank, "cudnnGetConvolutionForwardAlgorithm_v7") \
	X(WPK_DNN_WAY_FORWARD, workspace, \
		"cudnnGetConvolutionForwardWorkspaceSize") \
	X(WPK_DNN_WAY_FORWARD, run, "cudnnConvolutionForward") \
	X(WPK_DNN_WAY_DATA, rank, "cudnnGetConvolutionBackwardDataAlgorithm_v7") \
	X(WPK_DNN_WAY_DATA, workspace, \
		"cudnnGetConvolutionBackwardDataWorkspaceSize") \
	X(WPK_DNN_WAY_DATA, run, "cudnnConvolutionBackwardData") \
	X(WPK_DNN_WAY_FILTER, rank, \
		"cudnnGetConvolutionBackwardFilterAlgorithm_v7") \
	X(WPK_DNN_WAY_FILTER, workspace, \
		"cudnnGetConvolutionBackwardFilterWorkspaceSize") \
	X(WPK_DNN_WAY_FILTER, run, "cudnnConvolutionBackwardFilter")

/* "lacks": the symbol that this cuDNN does not have, or NULL. */
struct cudnn_legacy_calls {
	const char *lacks;
#define X(type, field, symbol, arguments) type (*field) arguments;
	CUDNN_LEGACY_CALLS(X)
#undef X
	struct cudnn_way ways[WPK_DNN_WAYS];
};

#endif
