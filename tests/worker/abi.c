/* SPDX-License-Identifier: MIT */
/* The worker's own declarations of CUDA against the toolkit's headers. */
#include <cuda.h>
#include <nvrtc.h>
#include <stddef.h>

#include "runtime/worker/cuda.h"

#define SAME(x, y) _Static_assert((long)(x) == (long)(y), #x)

SAME(WPK_CU_SUCCESS, CUDA_SUCCESS);
SAME(WPK_CU_INVALID_VALUE, CUDA_ERROR_INVALID_VALUE);
SAME(WPK_CU_NO_MEMORY, CUDA_ERROR_OUT_OF_MEMORY);
SAME(WPK_CU_NO_DEVICE, CUDA_ERROR_NO_DEVICE);
SAME(WPK_CU_FAULTS, CUDA_ERROR_ILLEGAL_ADDRESS);
SAME(WPK_CU_OUT_OF_RESOURCES, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
SAME(WPK_CU_CONTEXT_LOST, CUDA_ERROR_CONTEXT_IS_DESTROYED);
SAME(WPK_CU_NOT_FOUND, CUDA_ERROR_NOT_FOUND);
SAME(WPK_CU_NO_BINARY, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(WPK_CU_NO_JIT, CUDA_ERROR_JIT_COMPILER_NOT_FOUND);
SAME(WPK_CU_UNSUPPORTED_PTX, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
SAME(WPK_CU_MULTIPROCESSORS, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(WPK_CU_L2_BYTES, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
SAME(WPK_CU_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(WPK_CU_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(WPK_CU_FUNC_SHARED, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(WPK_CU_FUNC_ANY_CLUSTER,
	CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
SAME(WPK_CU_STREAM_NON_BLOCKING, CU_STREAM_NON_BLOCKING);
SAME(WPK_CU_CAPTURE_RELAXED, CU_STREAM_CAPTURE_MODE_RELAXED);
SAME(WPK_CU_ATTRIBUTE_CLUSTER, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);
SAME(WPK_CU_ATTRIBUTE_EARLY,
	CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
SAME(WPK_CU_RESOURCE_SM, CU_DEV_RESOURCE_TYPE_SM);
SAME(WPK_CU_GREEN_STREAM, CU_GREEN_CTX_DEFAULT_STREAM);

SAME(sizeof(wpk_cu_pointer), sizeof(CUdeviceptr));
SAME(sizeof(wpk_cu), sizeof(CUcontext));
SAME(sizeof(int), sizeof(CUdevice));
SAME(sizeof(int), sizeof(CUresult));
SAME(sizeof(wpk_nvrtc_program), sizeof(nvrtcProgram));

SAME(sizeof(struct wpk_cu_attribute), sizeof(CUlaunchAttribute));
SAME(offsetof(struct wpk_cu_attribute, id), offsetof(CUlaunchAttribute, id));
SAME(offsetof(struct wpk_cu_attribute, value),
	offsetof(CUlaunchAttribute, value));
SAME(offsetof(struct wpk_cu_attribute, value.cluster[1]),
	offsetof(CUlaunchAttribute, value.clusterDim.y));

SAME(offsetof(struct wpk_cu_attribute, value.early),
	offsetof(CUlaunchAttribute,
		value.programmaticStreamSerializationAllowed));

SAME(sizeof(struct wpk_cu_launch), sizeof(CUlaunchConfig));
SAME(offsetof(struct wpk_cu_launch, block),
	offsetof(CUlaunchConfig, blockDimX));
SAME(offsetof(struct wpk_cu_launch, shared),
	offsetof(CUlaunchConfig, sharedMemBytes));
SAME(offsetof(struct wpk_cu_launch, stream), offsetof(CUlaunchConfig, hStream));
SAME(offsetof(struct wpk_cu_launch, attributes),
	offsetof(CUlaunchConfig, attrs));
SAME(offsetof(struct wpk_cu_launch, n_attributes),
	offsetof(CUlaunchConfig, numAttrs));

SAME(sizeof(struct wpk_cu_map), sizeof(CUtensorMap));
SAME(_Alignof(struct wpk_cu_map) % _Alignof(CUtensorMap), 0);

SAME(sizeof(struct wpk_cu_resource), sizeof(CUdevResource));
SAME(offsetof(struct wpk_cu_resource, of), offsetof(CUdevResource, sm));
SAME(offsetof(CUdevSmResource, smCount), 0);
