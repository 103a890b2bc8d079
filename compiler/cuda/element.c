/* SPDX-License-Identifier: MIT */
/* Elements of arrays: "a[i][j]". */
#include "cuda/emit.h"

static bool is_unrolled(const struct emit *m, const struct kx *e)
{
	for (int i = 0; i < m->unrolled.n; i++)
		if (e->kind == KX_VAR && m->unrolled.v[i] == e->var)
			return true;
	return e->kind == KX_INT;
}

/* Is "e" a number once loops are unrolled? */
static bool is_number(const struct emit *m, const struct kx *e)
{
	if (e->kind != KX_OP)
		return is_unrolled(m, e);
	for (int i = 0; i < e->n_args; i++)
		if (!is_number(m, e->args[i]))
			return false;
	return true;
}

/* The first operand of the sum "e" if it is a variable and the others are
 * numbers, which are then "rest". */
static const struct kx *base_of(struct emit *m, const struct kx *e,
	struct kx **rest)
{
	const struct kx *x, *base;

	if (e->kind != KX_OP || e->op != OP_ADD || !is_number(m, e->args[1]))
		return NULL;
	x = e->args[0];
	*rest = e->args[1];
	if (x->kind == KX_VAR)
		return is_unrolled(m, x) ? NULL : x;
	base = base_of(m, x, rest);
	*rest = base ? kx_add(m->a, *rest, e->args[1]) : NULL;
	return base;
}

/* "(tile + own)[i * 40]" in shared memory: of "tile[own + i * 40]" nvcc, where it
 * sees that "own" is not negative, no more sees that i * 40 fits the field which
 * instructions have for such numbers, and adds it up each time. */
static bool emit_from_base(struct emit *m, struct str *out,
	const struct k_buffer *b, const struct kx *index)
{
	struct kx *rest = NULL;
	const struct kx *base = b->scope == K_SHARED && b->rank == 1 ?
		base_of(m, index, &rest) : NULL;

	if (!base || kx_is_int(rest, NULL))
		return false;
	str_printf(out, "(%s + ", names_of(&m->names, b));
	emit_x(m, out, base, P_ADD);
	str_puts(out, ")[");
	emit_x(m, out, rest, P_SELECT);
	str_putc(out, ']');
	return true;
}

void emit_element(struct emit *m, struct str *out, const struct k_buffer *b,
	struct kx *const *index)
{
	if (emit_from_base(m, out, b, index[0]))
		return;
	str_puts(out, names_of(&m->names, b));
	for (int i = 0; i < b->rank; i++) {
		str_putc(out, '[');
		emit_x(m, out, index[i], P_SELECT);
		str_putc(out, ']');
	}
}
