/* SPDX-License-Identifier: MIT */
/* What the CUDA runtime calls its errors. */
#include <stddef.h>

#include "host/cuda_runtime_api.h"

static const struct { cudaError_t code; const char *name, *text; } errors[] = {
	{ cudaSuccess, "cudaSuccess", "no error" },
	{ cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument" },
	{ cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation",
		"out of memory" },
	{ cudaErrorInitializationError, "cudaErrorInitializationError",
		"initialization error" },
	{ cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
		"invalid configuration argument" },
	{ cudaErrorInvalidDevice, "cudaErrorInvalidDevice",
		"invalid device ordinal" },
	{ cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
		"no kernel image is available for execution on the device" },
	{ cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle",
		"invalid resource handle" },
	{ cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress",
		"misaligned address" },
	{ cudaErrorNotSupported, "cudaErrorNotSupported",
		"operation not supported" },
	{ cudaErrorUnknown, "cudaErrorUnknown", "unknown error" },
};

const char *cudaGetErrorName(cudaError_t error)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].code == error)
			return errors[i].name;
	return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].code == error)
			return errors[i].text;
	return "unrecognized error code";
}
