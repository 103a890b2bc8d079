/* SPDX-License-Identifier: MIT */
/* f16 for device code, and the nearest to a value. */
#include "emu_half.h"

float wpk_emu_from_f16(unsigned short bits);

float wpk_emu_from_f16(unsigned short bits)
{
	return from_f16(bits);
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
