/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_NUMBER_H
#define WPK_COMPILER_BASE_NUMBER_H

#include <stdint.h>

/* The greatest number that divides both, whatever their signs; of one that is 0 the
 * other. */
static inline int64_t number_gcd(int64_t x, int64_t y)
{
	while (y) {
		int64_t rest = x % y;

		x = y;
		y = rest;
	}
	return x < 0 ? -x : x;
}

/* n / size rounded up; size > 0. */
static inline int64_t number_ceil(int64_t n, int64_t size)
{
	return n / size + (n % size > 0);
}

#endif
