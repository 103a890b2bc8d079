/* SPDX-License-Identifier: MIT */
/* Our declarations of cuDNN's legacy convolutions against its header. */
#include <cudnn.h>
#include <stddef.h>

#include "runtime/lib/cudnn_legacy_api.h"

#define SAME(x, y) _Static_assert((long)(x) == (long)(y), #x)

SAME(WPK_DNN_MATH_DEFAULT, CUDNN_DEFAULT_MATH);
SAME(WPK_DNN_MATH_TENSOR, CUDNN_TENSOR_OP_MATH);
SAME(WPK_DNN_MATH_CONVERT, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION);
SAME(WPK_DNN_MATH_FMA, CUDNN_FMA_MATH);
SAME(WPK_DNN_NCHW, CUDNN_TENSOR_NCHW);
SAME(WPK_DNN_NHWC, CUDNN_TENSOR_NHWC);
SAME(WPK_DNN_ACTIVATION_RELU, CUDNN_ACTIVATION_RELU);
SAME(WPK_DNN_ACTIVATION_IDENTITY, CUDNN_ACTIVATION_IDENTITY);
SAME(WPK_DNN_PROPAGATE_NAN, CUDNN_PROPAGATE_NAN);
SAME(WPK_DNN_FORWARD_ALGORITHMS, CUDNN_CONVOLUTION_FWD_ALGO_COUNT);
SAME(WPK_DNN_DATA_ALGORITHMS, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT);
SAME(WPK_DNN_FILTER_ALGORITHMS, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT);
SAME(WPK_DNN_PRECOMP_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM);

/* Algorithms, as runtime/lib/cudnn_legacy.c names them. */
SAME(0, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM);
SAME(2, CUDNN_CONVOLUTION_FWD_ALGO_GEMM);
SAME(3, CUDNN_CONVOLUTION_FWD_ALGO_DIRECT);
SAME(4, CUDNN_CONVOLUTION_FWD_ALGO_FFT);
SAME(5, CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING);
SAME(6, CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD);
SAME(7, CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED);
SAME(0, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0);
SAME(1, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1);
SAME(2, CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT);
SAME(3, CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING);
SAME(4, CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD);
SAME(5, CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED);
SAME(0, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0);
SAME(1, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1);
SAME(2, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT);
SAME(3, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3);
SAME(4, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD);
SAME(5, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED);
SAME(6, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING);

/* What the heuristics fill, in each direction. */
#define FIELD(theirs, field, their_field) \
	SAME(offsetof(struct wpk_dnn_perf, field), \
		offsetof(theirs, their_field))
#define PERF(theirs) \
	SAME(sizeof(struct wpk_dnn_perf), sizeof(theirs)); \
	FIELD(theirs, algorithm, algo); \
	FIELD(theirs, status, status); \
	FIELD(theirs, milliseconds, time); \
	FIELD(theirs, workspace, memory); \
	FIELD(theirs, determinism, determinism); \
	FIELD(theirs, math, mathType)

PERF(cudnnConvolutionFwdAlgoPerf_t);
PERF(cudnnConvolutionBwdDataAlgoPerf_t);
PERF(cudnnConvolutionBwdFilterAlgoPerf_t);

SAME(sizeof(int), sizeof(cudnnMathType_t));
SAME(sizeof(int), sizeof(cudnnTensorFormat_t));
SAME(sizeof(int), sizeof(cudnnActivationMode_t));
SAME(sizeof(int), sizeof(cudnnNanPropagation_t));
SAME(sizeof(int), sizeof(cudnnConvolutionFwdAlgo_t));
SAME(sizeof(wpk_dnn), sizeof(cudnnTensorDescriptor_t));
SAME(sizeof(wpk_dnn), sizeof(cudnnFilterDescriptor_t));
SAME(sizeof(wpk_dnn), sizeof(cudnnConvolutionDescriptor_t));
SAME(sizeof(wpk_dnn), sizeof(cudnnActivationDescriptor_t));

/* Functions pass the same arguments. */
#define ARGUMENTS(theirs, ...) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(&theirs), \
		cudnnStatus_t (*)(__VA_ARGS__)), #theirs)
typedef cudnnTensorDescriptor_t tensor;
typedef cudnnFilterDescriptor_t filter;
typedef cudnnConvolutionDescriptor_t conv;
typedef cudnnActivationDescriptor_t activation;
typedef cudnnHandle_t handle;
typedef const void *in;

ARGUMENTS(cudnnCreateTensorDescriptor, tensor *);
ARGUMENTS(cudnnDestroyTensorDescriptor, tensor);
ARGUMENTS(cudnnSetTensorNdDescriptor, tensor, cudnnDataType_t, int,
	const int *, const int *);
ARGUMENTS(cudnnCreateFilterDescriptor, filter *);
ARGUMENTS(cudnnDestroyFilterDescriptor, filter);
ARGUMENTS(cudnnSetFilterNdDescriptor, filter, cudnnDataType_t,
	cudnnTensorFormat_t, int, const int *);
ARGUMENTS(cudnnCreateConvolutionDescriptor, conv *);
ARGUMENTS(cudnnDestroyConvolutionDescriptor, conv);
ARGUMENTS(cudnnSetConvolutionNdDescriptor, conv, int, const int *, const int *,
	const int *, cudnnConvolutionMode_t, cudnnDataType_t);
ARGUMENTS(cudnnSetConvolutionGroupCount, conv, int);
ARGUMENTS(cudnnSetConvolutionMathType, conv, cudnnMathType_t);
ARGUMENTS(cudnnCreateActivationDescriptor, activation *);
ARGUMENTS(cudnnDestroyActivationDescriptor, activation);
ARGUMENTS(cudnnSetActivationDescriptor, activation, cudnnActivationMode_t,
	cudnnNanPropagation_t, double);
ARGUMENTS(cudnnConvolutionBiasActivationForward, handle, in, tensor, in, filter,
	in, conv, cudnnConvolutionFwdAlgo_t, void *, size_t, in, tensor, in,
	tensor, in, activation, tensor, void *);
ARGUMENTS(cudnnGetConvolutionForwardAlgorithm_v7, handle, tensor, filter, conv,
	tensor, int, int *, cudnnConvolutionFwdAlgoPerf_t *);
ARGUMENTS(cudnnGetConvolutionForwardWorkspaceSize, handle, tensor, filter, conv,
	tensor, cudnnConvolutionFwdAlgo_t, size_t *);
ARGUMENTS(cudnnConvolutionForward, handle, in, tensor, in, filter, in, conv,
	cudnnConvolutionFwdAlgo_t, void *, size_t, in, tensor, void *);
ARGUMENTS(cudnnGetConvolutionBackwardDataAlgorithm_v7, handle, filter, tensor,
	conv, tensor, int, int *, cudnnConvolutionBwdDataAlgoPerf_t *);
ARGUMENTS(cudnnGetConvolutionBackwardDataWorkspaceSize, handle, filter, tensor,
	conv, tensor, cudnnConvolutionBwdDataAlgo_t, size_t *);
ARGUMENTS(cudnnConvolutionBackwardData, handle, in, filter, in, tensor, in, conv,
	cudnnConvolutionBwdDataAlgo_t, void *, size_t, in, tensor, void *);
ARGUMENTS(cudnnGetConvolutionBackwardFilterAlgorithm_v7, handle, tensor, tensor,
	conv, filter, int, int *, cudnnConvolutionBwdFilterAlgoPerf_t *);
ARGUMENTS(cudnnGetConvolutionBackwardFilterWorkspaceSize, handle, tensor, tensor,
	conv, filter, cudnnConvolutionBwdFilterAlgo_t, size_t *);
ARGUMENTS(cudnnConvolutionBackwardFilter, handle, in, tensor, in, tensor, in,
	conv, cudnnConvolutionBwdFilterAlgo_t, void *, size_t, in, filter,
	void *);
