/* SPDX-License-Identifier: MIT */
/* Faults of matrix instructions: one that there is not, or not on the target;
 * fragments that are elsewhere, of another type, or do not fit. */
#include "kernel/intrin.h"
#include "kernel/residue.h"
#include "kernel/verify.h"
#include "schedule/target.h"

/* An index that is not constant is at least what is left of it modulo
 * something. */
void check_registers(struct check *c, const struct k_place *p, enum dtype t,
	int n)
{
	const struct k_buffer *b = p->buffer;
	int64_t least = residue_offset(p).rest, room = 1;

	for (int i = 0; i < b->rank; i++)
		room *= b->dims[i];
	if (b->scope != K_REGISTER)
		check_fail(c, "a matrix instruction on %s, which isn't in "
			"registers", b->name);
	else if (b->type != t)
		check_fail(c, "a fragment is held in %s, and %s is of %s",
			dtype_row(t)->name, b->name,
			dtype_row(b->type)->name);
	else if (least + n > room)
		check_fail(c, "a fragment of %d registers at %lld of %s, "
			"which has %lld", n, (long long)least, b->name,
			(long long)room);
}

/* At "p" is what a thread holds of "elements" of type "t". */
static void check_fragment(struct check *c, const struct k_place *p,
	int elements, enum dtype t)
{
	check_place(c, p);
	if (!c->why)
		check_registers(c, p, mma_register(t),
			mma_registers(elements, t));
}

static void check_mma_sync(struct check *c, const struct ks *s)
{
	const struct mma_row *r = mma_row(s);

	if (!r) {
		check_fail(c, "there is no matrix instruction m%dn%dk%d of "
			"%s that adds up in %s", s->m, s->n, s->k,
			dtype_row(s->left_type)->name,
			dtype_row(s->acc_type)->name);
		return;
	}
	if (c->t->cc < r->cc)
		check_fail(c, "the matrix instruction m%dn%dk%d of %s needs "
			"sm_%d, and the target is %s", s->m, s->n, s->k,
			dtype_row(r->factor)->name, r->cc, c->t->name);
	check_fragment(c, &s->acc, r->m * r->n, r->acc);
	check_fragment(c, &s->left, r->m * r->k, r->factor);
	check_fragment(c, &s->right, r->n * r->k, r->factor);
	if (c->why)
		return;
	check_read(c, s->left.buffer);
	check_read(c, s->right.buffer);
}

static void check_wgmma(struct check *c, const struct ks *s)
{
	if (!wgmma_row(s))
		check_fail(c, "there is no wgmma m%dn%dk%d on %s", s->m, s->n,
			s->k, dtype_row(s->left_type)->name);
	else if (!c->t->wgmma)
		check_fail(c, "wgmma needs sm_90a, and the target is %s",
			c->t->name);
	else if (s->n_args < 2)
		check_fail(c, "a wgmma without descriptors");
	check_fragment(c, &s->acc, s->m * s->n / 4, s->acc_type);
	for (int i = 0; i < s->n_args; i++)
		verify_value(c, s->args[i]);
	if (!s->left.buffer)
		return;
	check_fragment(c, &s->left, s->m * s->k / 4, s->left_type);
	if (!c->why)
		check_read(c, s->left.buffer);
}

void check_mma(struct check *c, const struct ks *s)
{
	check_together(c, LEVEL_WARP, "a matrix instruction");
	if (s->mma == MMA_SYNC)
		check_mma_sync(c, s);
	else
		check_wgmma(c, s);
	if (c->why)
		return;
	if (s->mma == MMA_SYNC || s->n_args < 3)
		check_read(c, s->acc.buffer);
	check_write(c, s->acc.buffer);
}
