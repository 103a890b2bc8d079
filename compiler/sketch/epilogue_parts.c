/* SPDX-License-Identifier: MIT */
/* An epilogue whose results somebody else stores, part by part (struct
 * store_parts): a part's elements go to registers of their own, and those who store
 * it are told before and after. */
#include "sketch/epilogue_code.h"

#include "sketch/stage.h"

/* Is it somebody else who stores output "i"? */
static bool is_taken(const struct emission *m, int i)
{
	return m->s->parts && m->s->parts->takes[i] &&
		output_stores(m, &m->s->e->outputs[i]);
}

bool taken_declare(struct emission *m)
{
	const struct storing *s = m->s;
	bool any = false;

	for (int i = 0; i < s->e->n; i++) {
		int64_t dims[2] = { 0, 0 };

		m->taken[i] = NULL;
		if (!is_taken(m, i))
			continue;
		any = true;
		dims[!s->e->along_n] = s->parts->m;
		dims[s->e->along_n] = s->parts->n;
		m->taken[i] = kernel_array(s->k, K_REGISTER, arena_printf(s->a,
			"%s_part", s->e->outputs[i].tensor->name),
			s->parts->as[i], 2, dims, 16);
	}
	return any;
}

/* What "v" was before it was rounded to "t", if that is all that was done. */
static struct kx *unrounded(struct kx *v, enum dtype t)
{
	const struct kx *in = v->kind == KX_CAST ? v->args[0] : v;

	return in->kind == KX_CAST && in->type == t &&
		in->args[0]->type == v->type ? in->args[0] : v;
}

/* Output "i" of the present element, "v" but for rounding, for who stores it, and
 * rounds it then. */
void taken_give(struct emission *m, struct k_block *b, int i, struct kx *v)
{
	const struct ir_tensor *t = m->s->e->outputs[i].tensor;
	struct arena *a = m->s->a;

	v = ks_let(a, b, arena_printf(a, "%s_value", t->name), unrounded(v,
		t->type));
	m->values[i] = lower_round(a, v, t->type);
	ks_store(a, b, k_place(m->taken[i], m->row_in, kx_add(a, m->first_in,
		m->element)), lower_convert(a, v, m->taken[i]->type));
}

/* What guards leave out of a part is there too. */
static void clear_taken(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;
	struct kx *i, *j;

	for (int x = 0; x < s->e->n; x++) {
		struct k_buffer *of = m->taken[x];
		struct k_block *each;

		if (!of || (!s->m.ragged && !s->n.ragged))
			continue;
		each = tile_loop(s->a, b, "i", of->dims[0], &i);
		each = tile_loop(s->a, each, "j", of->dims[1], &j);
		ks_store(s->a, each, k_place(of, i, j), lower_convert(s->a,
			kx_int(s->a, 0), of->type));
	}
}

void store_part_at(const struct storing *s, struct kx *part, struct kx *at[2])
{
	int down = s->m.mine / s->parts->m, across = s->n.mine / s->parts->n;
	struct kx *n = kx_int(s->a, across);

	at[0] = down == 1 ? kx_int(s->a, 0) : kx_div(s->a, part, n);
	at[1] = down == 1 ? part : kx_mod(s->a, part, n);
}

void taken_emit(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;
	const struct store_parts *p = s->parts;
	struct arena *a = s->a;
	struct reach rows = { NULL, p->m }, cols = { NULL, p->n };
	struct kx *part, *at[2];

	b = tile_loop(a, b, "part", (int64_t)s->m.mine / p->m * s->n.mine /
		p->n, &part);
	store_part_at(s, part, at);
	p->open(p->ctx, b, part);
	clear_taken(m, b);
	rows.first = kx_mul(a, at[0], kx_int(a, p->m));
	cols.first = kx_mul(a, at[1], kx_int(a, p->n));
	emit_elements(m, b, s->e->along_n ? rows : cols, s->e->along_n ? cols :
		rows);
	p->close(p->ctx, b, part, m->taken);
}
