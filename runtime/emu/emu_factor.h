/* SPDX-License-Identifier: MIT */
/* Types of factors of matrix instructions. */
#ifndef WPK_RUNTIME_EMU_EMU_FACTOR_H
#define WPK_RUNTIME_EMU_EMU_FACTOR_H

#include <stdint.h>

/* "bytes" of one; "emin" the least normal exponent of an 8-bit float, whose sums
 * are short (emu_short.h), else 0; "unpack" makes "n" of them as many floats, f64
 * itself. */
struct factor {
	const char *name;
	int bytes, emin;
	void (*unpack)(void *to, const void *from, int n);
};

/* The name is that of one. */
const struct factor *factor_named(const char *name);

#endif
