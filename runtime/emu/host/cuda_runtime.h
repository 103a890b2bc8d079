/* SPDX-License-Identifier: MIT */
/* The name under which host programs include it. */
#ifndef WPK_RUNTIME_EMU_HOST_CUDA_RUNTIME_H
#define WPK_RUNTIME_EMU_HOST_CUDA_RUNTIME_H

#include <cuda_runtime_api.h>

#endif
