/* SPDX-License-Identifier: MIT */
/* What nobody else writes while a kernel runs, and so may be a restricted pointer.
 * nvcc takes such memory for its own: a load from it may go across a barrier, a fence
 * and assembly that clobbers memory, and one that nothing in the kernel writes is
 * made a load past the caches' coherence, which ptxas puts even ahead of
 * griddepcontrol.wait. So memory is not restricted that other blocks write and this
 * one reads, nor what is read by a kernel that begins before those ahead of it have
 * ended. Stores never go ahead of any of these. What a map is of counts as read, also
 * where bulk copies write there: that nvcc does not see. */
#include "kernel/kernel.h"

struct search {
	const struct k_buffer *of;
	bool found;
};

static void look(void *ctx, const struct kx *e)
{
	struct search *x = ctx;

	x->found |= (e->kind == KX_MAP && e->map->of == x->of) ||
		((e->kind == KX_LOAD || e->kind == KX_ADDRESS) &&
		e->buffer == x->of);
}

/* Does the statement itself? */
static bool statement_reads(const struct ks *s, const struct k_buffer *b)
{
	struct search x = { b, s->src.buffer == b || (s->kind == KS_ATOMIC &&
		s->dst.buffer == b) };

	ks_visit(s, look, &x);
	return x.found;
}

static bool block_reads(const struct k_block *x, const struct k_buffer *b)
{
	for (int i = 0; x && i < x->s.n; i++) {
		const struct ks *s = &x->s.v[i];

		if (statement_reads(s, b))
			return true;
		for (int k = 0; k < ks_blocks(s); k++)
			if (block_reads(ks_block(s, k), b))
				return true;
	}
	return false;
}

bool kernel_alone(const struct kernel *k, const struct k_buffer *b)
{
	if (b->aliased)
		return false;
	return !(b->written || kernel_waits(k)) || !block_reads(&k->body, b);
}
