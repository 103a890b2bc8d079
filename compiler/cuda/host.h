/* SPDX-License-Identifier: MIT */
/* Between host.c and header.c. */
#ifndef WPK_COMPILER_CUDA_HOST_H
#define WPK_COMPILER_CUDA_HOST_H

#include "kernel/kernel.h"
#include "kernel/names.h"

/* Parameter names, by tensor, apart from the launcher's own. */
struct names host_names(struct arena *a, const struct program *p);

#endif
