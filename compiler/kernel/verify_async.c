/* SPDX-License-Identifier: MIT */
/* Faults of Hopper's asynchronous instructions that show in their operands:
 * constants that hardware does not take, and memory that is not aligned as it
 * wants. */
#include "kernel/intrin.h"
#include "kernel/verify.h"

enum { COUNT_MOST = (1 << 20) - 1, OFFSET_MOST = 0x3fff0 };

/* "operand" is from "lo" to "hi" in steps of "step". */
static const struct rule {
	int intrin, operand;
	int64_t lo, hi, step;
	const char *what;
} rules[] = {
	{ INTRIN_MBARRIER_INIT, 1, 1, COUNT_MOST, 1, "arrivals" },
	{ INTRIN_MBARRIER_EXPECT, 1, 0, COUNT_MOST, 16, "bytes" },
	{ INTRIN_MBARRIER_WAIT, 1, 0, 1, 1, "parity" },
	{ INTRIN_MBARRIER_TRY_WAIT, 1, 0, 1, 1, "parity" },
	{ INTRIN_COPY_BULK, 2, 16, COUNT_MOST, 16, "bytes" },
	{ INTRIN_COPY_BULK_MULTICAST, 2, 16, COUNT_MOST, 16, "bytes" },
	{ INTRIN_COPY_BULK_STORE, 2, 16, INT32_MAX, 16, "bytes" },
	{ INTRIN_COPY_BULK_ADD_F32, 2, 16, INT32_MAX, 16, "bytes" },
	{ INTRIN_BARRIER_SYNC, 0, 0, 15, 1, "barrier" },
	{ INTRIN_BARRIER_SYNC, 1, 32, 1024, 32, "threads" },
	{ INTRIN_BARRIER_ARRIVE, 0, 0, 15, 1, "barrier" },
	{ INTRIN_BARRIER_ARRIVE, 1, 32, 1024, 32, "threads" },
	{ INTRIN_WGMMA_DESCRIPTOR, 1, 0, OFFSET_MOST, 16, "leading offset" },
	{ INTRIN_WGMMA_DESCRIPTOR, 2, 0, OFFSET_MOST, 16, "stride" },
	{ INTRIN_WGMMA_DESCRIPTOR, 3, 0, 3, 1, "swizzle" },
	{ INTRIN_REGISTERS_INCREASE, 0, 24, 256, 8, "registers" },
	{ INTRIN_REGISTERS_DECREASE, 0, 24, 256, 8, "registers" },
};

static void check_constant(struct check *c, const struct rule *r,
	const struct kx *e)
{
	int64_t v;

	if (kx_is_int(e, &v) && (v < r->lo || v > r->hi || v % r->step))
		check_fail(c, "%s takes %lld to %lld in steps of %lld as its "
			"%s, not %lld", intrin_row(r->intrin)->name,
			(long long)r->lo, (long long)r->hi, (long long)r->step,
			r->what, (long long)v);
}

/* Bytes that an address in shared memory must be a multiple of; of boxes
 * verify_map.c knows more. */
static int alignment(int intrin, const char *kinds, int operand)
{
	bool tensor = intrin >= INTRIN_COPY_TENSOR_1D &&
		intrin <= INTRIN_COPY_IM2COL_5D_MULTICAST;
	bool bulk = intrin >= INTRIN_COPY_BULK &&
		intrin <= INTRIN_COPY_BULK_ADD_F32;
	bool barrier = intrin >= INTRIN_MBARRIER_INIT &&
		intrin <= INTRIN_MBARRIER_WAIT;
	bool loads = kinds[0] == 'S';

	if (barrier || (loads && operand > 0 && (tensor || bulk)))
		return 8;
	return bulk || intrin == INTRIN_WGMMA_DESCRIPTOR ||
		(intrin == INTRIN_REMOTE_LOAD_X4 && operand == 1) ? 16 : 1;
}

static void check_alignment(struct check *c, int intrin, int operand,
	const struct kx *e)
{
	const char *kinds = intrin_operands(intrin);
	int align = alignment(intrin, kinds, operand);

	if (e->kind == KX_ADDRESS && e->buffer->scope == K_SHARED &&
	    e->buffer->align % align)
		check_fail(c, "%s wants an address that is a multiple of %d, "
			"and %s is at one of %d", intrin_row(intrin)->name,
			align, e->buffer->name, e->buffer->align);
}

void check_operands(struct check *c, int intrin, struct kx *const *args, int n)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].intrin == intrin)
			check_constant(c, &rules[i], args[rules[i].operand]);
	for (int i = 0; i < n; i++)
		check_alignment(c, intrin, i, args[i]);
}
