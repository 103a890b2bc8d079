/* SPDX-License-Identifier: MIT */
/* What a statement is made of: expressions, places and blocks within, for those who
 * ask something of all of them, whatever the kind of the statement. */
#include "kernel/kernel.h"

static void visit(const struct kx *e, void (*look)(void *ctx,
	const struct kx *e), void *ctx)
{
	if (!e)
		return;
	look(ctx, e);
	for (int i = 0; i < e->n_args; i++)
		visit(e->args[i], look, ctx);
}

void ks_visit(const struct ks *s, void (*look)(void *ctx, const struct kx *e),
	void *ctx)
{
	const struct kx *const values[] = { s->value, s->lo, s->hi, s->step,
		s->cond };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		visit(values[i], look, ctx);
	for (int i = 0; i < KS_PLACES; i++) {
		const struct k_place *p = ks_place(s, i);

		for (int k = 0; p->buffer && k < p->buffer->rank; k++)
			visit(p->index[k], look, ctx);
	}
	for (int i = 0; i < s->n_args; i++)
		visit(s->args[i], look, ctx);
}

const struct k_place *ks_place(const struct ks *s, int i)
{
	const struct k_place *const places[KS_PLACES] = { &s->dst, &s->src,
		&s->mbar, &s->acc, &s->left, &s->right };

	return places[i];
}

int ks_blocks(const struct ks *s)
{
	return 2 + s->n_roles;
}

const struct k_block *ks_block(const struct ks *s, int i)
{
	return i == 0 ? s->body : i == 1 ? s->orelse : s->roles[i - 2].body;
}
