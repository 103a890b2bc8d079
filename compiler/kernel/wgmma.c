/* SPDX-License-Identifier: MIT */
/* The products that four warps of Hopper do together: PTX ISA, "Asynchronous
 * Warpgroup Level Matrix Shape" and "wgmma.mma_async". */
#include "kernel/intrin.h"
#include "kernel/kernel.h"

static const struct wgmma_row rows[] = {
	{ T_F16, T_F16, T_F32, 16, 8, "f32.f16.f16", true, true },
	{ T_F16, T_F16, T_F16, 16, 8, "f16.f16.f16", true, true },
	{ T_BF16, T_BF16, T_F32, 16, 8, "f32.bf16.bf16", true, true },
	{ T_TF32, T_TF32, T_F32, 8, 8, "f32.tf32.tf32", false, true },
	{ T_E4M3, T_E4M3, T_F32, 32, 8, "f32.e4m3.e4m3", false, true },
	{ T_E4M3, T_E5M2, T_F32, 32, 8, "f32.e4m3.e5m2", false, true },
	{ T_E5M2, T_E4M3, T_F32, 32, 8, "f32.e5m2.e4m3", false, true },
	{ T_E5M2, T_E5M2, T_F32, 32, 8, "f32.e5m2.e5m2", false, true },
	{ T_E4M3, T_E4M3, T_F16, 32, 8, "f16.e4m3.e4m3", false, true },
	{ T_E4M3, T_E5M2, T_F16, 32, 8, "f16.e4m3.e5m2", false, true },
	{ T_E5M2, T_E4M3, T_F16, 32, 8, "f16.e5m2.e4m3", false, true },
	{ T_E5M2, T_E5M2, T_F16, 32, 8, "f16.e5m2.e5m2", false, true },
	{ T_I8, T_I8, T_I32, 32, 16, "s32.s8.s8", false, false },
	{ T_I8, T_U8, T_I32, 32, 16, "s32.s8.u8", false, false },
	{ T_U8, T_I8, T_I32, 32, 16, "s32.u8.s8", false, false },
	{ T_U8, T_U8, T_I32, 32, 16, "s32.u8.u8", false, false },
};

static bool fits(const struct wgmma_row *r, const struct ks *s)
{
	int step = s->n <= 32 ? 8 : r->step;

	return s->left_type == r->left && s->right_type == r->right &&
		s->acc_type == r->acc && s->m == 64 && s->k == r->k &&
		s->n >= 8 && s->n <= 256 && s->n % step == 0 &&
		(r->trans || (!s->left_trans && !s->right_trans)) &&
		!(s->left.buffer && s->left_trans);
}

const struct wgmma_row *wgmma_row(const struct ks *s)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (s->mma == MMA_WGMMA && fits(&rows[i], s))
			return &rows[i];
	return NULL;
}

const struct wgmma_row *wgmma_rows(int *n)
{
	*n = (int)(sizeof rows / sizeof *rows);
	return rows;
}
