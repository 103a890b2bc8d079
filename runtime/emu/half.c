/* SPDX-License-Identifier: MIT */
/* f16 on a CPU that may have none: the bits in, the nearest value out. */
#include "emu.h"

#include <string.h>

static float from_bits(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof x);
	return x;
}

static uint32_t to_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof u);
	return u;
}

/* Shifted into an f32 the exponent is 112 too small; what has the greatest
 * exponent is infinite or no number. */
float wpk_emu_from_f16(unsigned short bits)
{
	uint32_t u = (uint32_t)(bits & 0x7fff) << 13;
	uint32_t sign = (uint32_t)(bits & 0x8000) << 16;

	if (u >= 0x0f800000)
		return from_bits(sign | u | 0x7f800000);
	return from_bits(sign | to_bits(from_bits(u) * 0x1p112f));
}

/* To nearest, ties to even. Below 2^-14 the sum with 2^-1 rounds to multiples
 * of 2^-24, f16's least subnormal. */
unsigned short wpk_emu_to_f16(float x)
{
	uint32_t u = to_bits(x), sign = u >> 16 & 0x8000;

	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return (unsigned short)(sign | 0x7fff);
	if (u >= 0x477ff000)
		return (unsigned short)(sign | 0x7c00);
	if (u < 0x38800000)
		return (unsigned short)(sign | (to_bits(from_bits(u) + 0.5f) -
			to_bits(0.5f)));
	u += 0xfff + (u >> 13 & 1);
	return (unsigned short)(sign | ((u >> 13) - (112 << 10)));
}
