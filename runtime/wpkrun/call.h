/* SPDX-License-Identifier: MIT */
/* The library's call that serves an operator of a plan, which libwpk shows to
 * nobody else. */
#ifndef WPK_RUNTIME_WPKRUN_CALL_H
#define WPK_RUNTIME_WPKRUN_CALL_H

#include "runtime/lib/library.h"

/* The first call of a library in what serves "op" at the values "sizes" of its
 * open sizes; NULL: there is none. */
struct library_call *call_find(const struct wpk_operator *op,
	const int64_t *sizes);
#endif
