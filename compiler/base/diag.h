/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_DIAG_H
#define WPK_COMPILER_BASE_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/codes.h"
#include "base/source.h"
#include "base/str.h"

/* Diagnostics collect here and are printed once, by the driver, in source
 * order. Library code never prints. After DIAG_LIMIT errors diag_full() is
 * true and a checker should return. */
struct diag;

enum { DIAG_LIMIT = 20 };

struct diag *diag_create(struct arena *a);

/* Report an error (or a warning) at "at"; lower case, no full stop. */
void diag_error(struct diag *d, enum diag_code code, struct span at,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void diag_warn(struct diag *d, enum diag_code code, struct span at,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add to the newest diagnostic: facts, with a place of their own if
 * "at.src" is set; and one hint, a sentence with its full stop. */
void diag_note(struct diag *d, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void diag_hint(struct diag *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

int diag_errors(const struct diag *d);
bool diag_full(const struct diag *d);

/* All diagnostics as text, with source lines and carets, in colour if asked:
 *
 *	mm.wpk:4:7: error[E0406]: inner extents differ
 *	    C = A @ B
 *	          ^
 *	note: A is [m, 64], B is [32, n]
 *	hint: Give both the same size.
 */
void diag_print(const struct diag *d, struct str *out, bool color);

#endif
