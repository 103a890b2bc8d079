/* SPDX-License-Identifier: MIT */
/* The library's call that serves an operator of a plan, which libwpk shows to
 * nobody else, and its algorithms (runtime/lib/library.h). */
#ifndef WPK_RUNTIME_WPKRUN_CALL_H
#define WPK_RUNTIME_WPKRUN_CALL_H

#include "runtime/lib/lib.h"

struct library_call;

/* The first call of a library in what serves "op" at the values "sizes" of its
 * open sizes; NULL: there is none. */
struct library_call *call_find(const struct wpk_operator *op,
	const int64_t *sizes);
enum wpk_status call_count(struct library_call *l, int most, int *n,
	struct wpk_error *e);
enum wpk_status call_choose(struct library_call *l, int n, size_t *workspace,
	const char **text, struct wpk_error *e);
json_t *call_pinned(const struct library_call *l);

#endif
