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

static bool value_reads(const struct kx *e, const struct k_buffer *b)
{
	if (!e)
		return false;
	if ((e->kind == KX_LOAD || e->kind == KX_ADDRESS) && e->buffer == b)
		return true;
	if (e->kind == KX_MAP && e->map->of == b)
		return true;
	for (int i = 0; i < e->n_args; i++)
		if (value_reads(e->args[i], b))
			return true;
	return false;
}

static bool index_reads(const struct k_place *p, const struct k_buffer *b)
{
	for (int i = 0; p->buffer && i < p->buffer->rank; i++)
		if (value_reads(p->index[i], b))
			return true;
	return false;
}

/* What the statement does itself. */
static bool statement_reads(const struct ks *s, const struct k_buffer *b)
{
	const struct kx *const values[] = { s->value, s->lo, s->hi, s->step,
		s->cond };
	const struct k_place *const places[] = { &s->dst, &s->src, &s->mbar,
		&s->acc, &s->left, &s->right };
	bool any = s->src.buffer == b ||
		(s->kind == KS_ATOMIC && s->dst.buffer == b);

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		any |= value_reads(values[i], b);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		any |= index_reads(places[i], b);
	for (int i = 0; i < s->n_args; i++)
		any |= value_reads(s->args[i], b);
	return any;
}

static bool block_reads(const struct k_block *x, const struct k_buffer *b)
{
	for (int i = 0; x && i < x->s.n; i++) {
		const struct ks *s = &x->s.v[i];

		if (statement_reads(s, b) || block_reads(s->body, b) ||
		    block_reads(s->orelse, b))
			return true;
		for (int r = 0; r < s->n_roles; r++)
			if (block_reads(s->roles[r].body, b))
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
