/* SPDX-License-Identifier: MIT */
/* Narrow floats on a CPU that has none: the bits in, the value out. */
#ifndef WPK_RUNTIME_EMU_EMU_HALF_H
#define WPK_RUNTIME_EMU_EMU_HALF_H

#include <stdint.h>
#include <string.h>

static inline float from_bits(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof x);
	return x;
}

static inline uint32_t to_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof u);
	return u;
}

/* Shifted into an f32 the exponent is 112 too small; what has the greatest
 * exponent is infinite or no number. */
static inline float from_f16(unsigned bits)
{
	uint32_t u = (uint32_t)(bits & 0x7fff) << 13;
	uint32_t sign = (uint32_t)(bits & 0x8000) << 16;

	if (u >= 0x0f800000)
		return from_bits(sign | u | 0x7f800000);
	return from_bits(sign | to_bits(from_bits(u) * 0x1p112f));
}

static inline float from_bf16(unsigned bits)
{
	return from_bits((uint32_t)bits << 16);
}

/* The exponent is 120 too small in an f32. */
static inline float from_e4m3(unsigned bits)
{
	float x = (bits & 127) == 127 ? __builtin_nanf("") :
		from_bits((bits & 127) << 20) * 0x1p120f;

	return bits & 128 ? -x : x;
}

unsigned short wpk_emu_to_f16(float x);

#endif
