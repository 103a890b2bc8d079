/* SPDX-License-Identifier: MIT */
/* An epilogue whose results somebody else stores, part by part (struct
 * store_parts): of each step elements go to registers of their own, few at a time,
 * and those who store them are told. */
#include "sketch/epilogue_code.h"

#include "sketch/stage.h"

#include <limits.h>

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

/* What guards leave out of a step is there too. */
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

/* Parts on either side. */
static int parts_m(const struct storing *s)
{
	return s->m.mine / (s->parts->m * s->parts->steps_m);
}

static int parts_n(const struct storing *s)
{
	return s->n.mine / (s->parts->n * s->parts->steps_n);
}

void store_part_at(const struct storing *s, struct kx *part, struct kx *at[2])
{
	struct kx *n = kx_int(s->a, parts_n(s)), *zero = kx_int(s->a, 0);

	at[0] = parts_m(s) == 1 ? zero : kx_div(s->a, part, n);
	at[1] = parts_m(s) == 1 ? part : kx_mod(s->a, part, n);
}

/* Elements of step "q" of a side whose part is number "part", "n" in a step. */
static struct reach step_of(const struct storing *s, struct kx *part, int steps,
	struct kx *q, int n)
{
	struct arena *a = s->a;
	struct kx *at = kx_mul(a, part, kx_int(a, steps));

	return (struct reach){ kx_mul(a, steps > 1 ? kx_add(a, at, q) : at,
		kx_int(a, n)), n };
}

/* Step "q" of part "part". */
static void emit_step(struct emission *m, struct k_block *b, struct kx *part,
	struct kx *q)
{
	const struct storing *s = m->s;
	const struct store_parts *p = s->parts;
	struct reach rows, cols;
	struct kx *at[2];

	store_part_at(s, part, at);
	clear_taken(m, b);
	rows = step_of(s, at[0], p->steps_m, q, p->m);
	cols = step_of(s, at[1], p->steps_n, q, p->n);
	emit_elements(m, b, s->e->along_n ? rows : cols, s->e->along_n ?
		cols : rows);
	p->put(p->ctx, b, q, m->taken);
}

void taken_emit(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;
	const struct store_parts *p = s->parts;
	int parts = parts_m(s) * parts_n(s), steps = p->steps_m * p->steps_n;
	int n = lines_divisor(steps, m->line / (p->m * p->n));
	struct lines l = lines_start(s->a, b, m->line < INT_MAX ?
		parts * (steps / n) : 1);
	struct k_block *each;
	struct kx *part, *line, *q;

	b = tile_loop(s->a, b, "part", parts, &part);
	p->open(p->ctx, b, part);
	each = tile_loop(s->a, b, "line", steps / n, &line);
	each = lines_next(&l, each, kx_add(s->a, kx_mul(s->a, part, kx_int(s->a,
		steps / n)), line));
	each = tile_loop(s->a, each, "q", n, &q);
	emit_step(m, each, part, kx_add(s->a, kx_mul(s->a, line, kx_int(s->a,
		n)), q));
	p->close(p->ctx, b, part);
}
