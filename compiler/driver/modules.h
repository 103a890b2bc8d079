/* SPDX-License-Identifier: MIT */
/* Modules: device code as files beside a plan, which libwpk loads. */
#ifndef WPK_COMPILER_DRIVER_MODULES_H
#define WPK_COMPILER_DRIVER_MODULES_H

#include "driver/session.h"

/* The modules of the unit, whose text is "text": for GPUs a cubin for each target
 * and PTX for those that later devices serve as well; and what the emulator
 * runs. "which" are bits of enum modules. Files are named after "stem". NULL, or
 * why there are none. */
const char *modules_make(struct session *s, const struct cuda_unit *u,
	const struct str *text, const char *stem, unsigned which,
	module_list *out);

#endif
