/* SPDX-License-Identifier: MIT */
/* When a general program serves. */
#ifndef WPK_COMPILER_KERNEL_LIMITS_H
#define WPK_COMPILER_KERNEL_LIMITS_H

#include "kernel/generalise.h"

/* The conditions of "p", which is made with the atoms of "fit": every size is
 * at least 1; then limits; then what where says, which may multiply too. */
void limits_add(struct arena *a, const struct general_request *r,
	struct fit *fit, struct program *p);

#endif
