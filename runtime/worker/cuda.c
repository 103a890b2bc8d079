/* SPDX-License-Identifier: MIT */
/* The CUDA driver of this process. */
#include "runtime/worker/cuda.h"

struct cuda_calls cuda;

const char *cuda_start(void)
{
	static char why[300];

	return cuda_open(&cuda, NULL, why) ? NULL : why;
}

const char *cuda_error(int status)
{
	static char scratch[40];

	return cuda_error_name(&cuda, status, scratch);
}
