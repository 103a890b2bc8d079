/* SPDX-License-Identifier: MIT */
/* What a thread of the direct kernel does with a staged box: for every step of
 * the loops over the reduction a segment goes into registers, in vectors, and
 * the window slides over it, all in unrolled loops, so that every index of a
 * register is a constant. */
#include "sketch/direct_code.h"

#include "sketch/common.h"
#include "sketch/stage.h"

static struct kx *num(const struct direct_code *m, int64_t v)
{
	return kx_int(m->a, v);
}

static struct kx *scaled(const struct direct_code *m, struct kx *x, int64_t by)
{
	return kx_mul(m->a, x, num(m, by));
}

static struct kx *wide(const struct k_buffer *b, struct arena *a, struct kx *x)
{
	return b->wide ? kx_cast(a, T_I64, x) : x;
}

/* ---- a thread's reads ---- */

/* Address in the box of the thread's first position, without the outer axes of
 * the reduction. */
static void window_base(struct direct_code *m, struct k_block *b)
{
	struct kx *at = num(m, 0);

	for (int k = 0; k < m->d->x.n_dims; k++)
		at = kx_add(m->a, at, num(m, m->p->first[k] * m->p->pitch[k]));
	for (int i = 0; i < m->d->n_out; i++) {
		int64_t pitch = 0;

		for (int k = 0; k < m->d->x.n_dims; k++)
			pitch += m->d->x.dims[k].out[i] * m->p->pitch[k];
		at = kx_add(m->a, at, scaled(m, m->own[i], pitch));
	}
	m->x_at = ks_let(m->a, b, arena_printf(m->a, "%s_own",
		m->d->x.tensor->name), at);
}

static void weight_bases(struct direct_code *m, struct k_block *b)
{
	for (int n = 0; n < m->d->n_w && m->p->cached; n++) {
		struct kx *at = num(m, 0);

		for (int i = 0; i < m->d->n_out; i++)
			at = kx_add(m->a, at, scaled(m, m->own[i],
				m->p->w[n].out[i]));
		m->w_at[n] = ks_let(m->a, b, arena_printf(m->a, "%s_own",
			m->w_tile[n]->name), at);
	}
}

void direct_bases(struct direct_code *m, struct k_block *b)
{
	window_base(m, b);
	weight_bases(m, b);
}

static struct kx *segment_address(struct direct_code *m)
{
	const struct direct_plan *p = m->p;
	struct kx *at = m->x_at;

	for (int r = 0; r < m->d->n_red; r++)
		for (int k = 0; k < m->d->x.n_dims; k++)
			at = kx_add(m->a, at, scaled(m, m->outer[r],
				m->d->x.dims[k].red[r] * p->pitch[k]));
	return kx_add(m->a, at, scaled(m, m->slot, p->box_elements));
}

/* The thread's segment into registers, in the type computed in. */
static void load_segment(struct direct_code *m, struct k_block *b)
{
	const struct direct_plan *p = m->p;
	struct arena *a = m->a;
	int n = m->d->x.n_dims, v = p->seg_vec;
	struct kx *from = ks_let(a, b, "segment_at", segment_address(m));
	struct kx *to = num(m, 0), *i, *e;

	for (int k = 0; k < n; k++) {
		int64_t step = k == n - 1 ? v : 1;

		b = tile_loop(a, b, "h", p->seg[k] / step, &i);
		from = kx_add(a, from, scaled(m, i, step * p->pitch[k]));
		to = kx_add(a, to, scaled(m, i, step * p->seg_pitch[k]));
	}
	if (m->segment->type == m->tile->type) {
		ks_copy(a, b, COPY_PLAIN, k_place(m->segment, to),
			k_place(m->tile, from), v * m->d->x.elem, NULL, 0);
		return;
	}
	ks_copy(a, b, COPY_PLAIN, k_place(m->raw, num(m, 0)),
		k_place(m->tile, from), v * m->d->x.elem, NULL, 0);
	b = tile_loop(a, b, "e", v, &e);
	ks_store(a, b, k_place(m->segment, kx_add(a, to, e)),
		lower_convert(a, kx_load(a, m->raw, e), m->segment->type));
}

/* Loads what the thread needs of weights "n" at the present point of the
 * reduction, in vectors along the fast axis. */
static void load_weights(struct direct_code *m, struct k_block *b, int n)
{
	const struct direct_weights *w = &m->d->w[n];
	const struct direct_pitch *q = &m->p->w[n];
	struct k_buffer *from = m->p->cached ? m->w_tile[n] :
		m->buffers[w->tensor->id];
	struct arena *a = m->a;
	struct kx *at = num(m, w->c), *to = num(m, 0), *i;

	if (m->p->cached)
		at = kx_add(a, m->w_at[n], scaled(m, m->slot, q->elements));
	for (int r = 0; r < m->d->n_red; r++) {
		struct kx *x = kx_add(a, m->outer[r], m->inner[r]);

		at = m->p->cached ? kx_add(a, at, scaled(m, x, q->red[r])) :
			kx_add(a, at, scaled(m, wide(from, a, kx_add(a,
				m->chunk[r], x)), w->red[r]));
	}
	for (int k = 0; k < m->d->n_out; k++) {
		int64_t v = k == q->fast ? q->vec : 1;
		int64_t size = m->d->out[k].extent;
		struct kx *x;

		if (!w->out[k])
			continue;
		b = tile_loop(a, b, "j", m->p->thread[k] / v, &i);
		x = scaled(m, i, v);
		to = kx_add(a, scaled(m, to, m->p->thread[k]), x);
		if (m->p->cached) {
			at = kx_add(a, at, scaled(m, x, q->out[k]));
			continue;
		}
		x = kx_add(a, kx_add(a, m->first[k], m->own[k]), x);
		if (size % m->p->tile[k])
			x = kx_op(a, OP_MIN, T_I32, 2, x, num(m, size - v));
		at = kx_add(a, at, scaled(m, wide(from, a, x), w->out[k]));
	}
	ks_copy(a, b, COPY_PLAIN, k_place(m->w_raw[n], to), k_place(from, at),
		q->vec * w->elem, NULL, 0);
}

/* ---- the sum ---- */

/* Register of weights "n" for the present result. */
static struct kx *weight_value(struct direct_code *m, int n)
{
	const struct direct_weights *w = &m->d->w[n];
	struct kx *at = num(m, 0);

	for (int k = 0; k < m->d->n_out; k++)
		if (w->out[k])
			at = kx_add(m->a, scaled(m, at, m->p->thread[k]),
				m->i[k]);
	return lower_convert(m->a, kx_load(m->a, m->w_raw[n], at),
		lower_type(w->tensor->type));
}

/* Register of the segment that read "n" of the window finds at the present
 * result and point of the reduction. */
static struct kx *window_value(struct direct_code *m, int n)
{
	const struct direct_plan *p = m->p;
	struct kx *at = num(m, p->lead);

	for (int k = 0; k < m->d->x.n_dims; k++) {
		const struct direct_dim *x = &m->d->x.dims[k];
		int64_t c = m->d->x.reads[n].c[k] - x->least;

		for (int i = 0; i < m->d->n_out; i++) {
			if (x->out[i] < 0)
				c -= x->out[i] * (p->thread[i] - 1);
			at = kx_add(m->a, at, scaled(m, m->i[i],
				x->out[i] * p->seg_pitch[k]));
		}
		for (int r = 0; r < m->d->n_red; r++) {
			if (x->red[r] < 0)
				c -= x->red[r] * (p->inner[r] - 1);
			at = kx_add(m->a, at, scaled(m, m->inner[r],
				x->red[r] * p->seg_pitch[k]));
		}
		at = kx_add(m->a, at, num(m, c * p->seg_pitch[k]));
	}
	return kx_load(m->a, m->segment, at);
}

static struct kx *value_of(void *ctx, const struct ir_expr *e)
{
	struct direct_code *m = ctx;

	for (int n = 0; n < m->d->x.n_reads; n++)
		if (m->d->x.reads[n].read == e)
			return window_value(m, n);
	for (int n = 0; n < m->d->n_w; n++)
		if (m->d->w[n].read == e)
			return weight_value(m, n);
	return NULL;
}

/* Output axis "i" at the present result; past its end, where nothing is stored,
 * its last value, so that what is read there exists. */
static struct kx *out_value(struct direct_code *m, int i)
{
	struct kx *x = kx_add(m->a, kx_add(m->a, m->first[i], m->own[i]),
		m->i[i]);
	int64_t size = m->d->out[i].extent;

	if (size % m->p->tile[i] == 0)
		return x;
	return kx_op(m->a, OP_MIN, T_I32, 2, x, num(m, size - 1));
}

/* What axes are at the present result and point. */
static struct kx **axis_values(struct direct_code *m)
{
	const struct ir_operator *o = m->t->op;
	struct kx **v = ARENA_ARRAY(m->a, (size_t)o->n_axes, struct kx *);

	for (int i = 0; i < o->n_axes; i++)
		v[i] = num(m, o->axes[i].lo);
	for (int i = 0; i < m->d->n_out; i++)
		v[m->d->out[i].id] = out_value(m, i);
	for (int r = 0; r < m->d->n_red; r++)
		v[m->d->red[r].id] = kx_add(m->a, num(m, m->d->red[r].lo),
			kx_add(m->a, kx_add(m->a, m->chunk[r], m->outer[r]),
				m->inner[r]));
	return v;
}

static void accumulate(struct direct_code *m, struct k_block *b)
{
	struct arena *a = m->a;
	struct kx *at = num(m, 0), *value;
	struct lower_env env = { .a = a, .op = m->t->op,
		.buffers = m->buffers, .hook = value_of, .ctx = m };

	for (int i = 0; i < m->d->n_out; i++) {
		b = tile_loop(a, b, arena_printf(a, "%s_i", m->d->out[i].name),
			m->p->thread[i], &m->i[i]);
		at = kx_add(a, scaled(m, at, m->p->thread[i]), m->i[i]);
	}
	env.block = b;
	env.axes = axis_values(m);
	value = lower_as(&env, m->d->value, m->d->acc);
	if (m->d->reduces)
		value = lower_wrapping(a, reducer_rows[m->d->reducer].combine,
			m->d->acc, kx_load(a, m->acc, at), value);
	ks_store(a, b, k_place(m->acc, at), value);
}

static struct k_block *outer_loops(struct direct_code *m, struct k_block *b)
{
	struct k_block *outer = NULL;

	for (int i = 0; i < m->d->n_red; i++) {
		int r = m->p->order.axis[i];
		int64_t n = m->p->step[r] / m->p->inner[r];

		m->outer[r] = num(m, 0);
		if (n == 1)
			continue;
		outer = b;
		b = ks_for(m->a, b, LOOP_SERIAL, m->d->red[r].name, num(m, 0),
			num(m, n), num(m, 1), &m->outer[r]);
		outer->s.v[outer->s.n - 1].factor = 1;
	}
	if (outer)
		outer->s.v[outer->s.n - 1].factor = m->p->unroll;
	return b;
}

void direct_compute(struct direct_code *m, struct k_block *b, struct kx *slot)
{
	m->slot = slot;
	if (m->p->working < m->p->threads)
		b = ks_if(m->a, b, kx_lt(m->a, m->thread,
			num(m, m->p->working)));
	b = outer_loops(m, b);
	load_segment(m, b);
	for (int i = 0; i < m->d->n_red; i++) {
		int r = m->p->order.axis[i];

		b = tile_loop(m->a, b, m->d->red[r].name, m->p->inner[r],
			&m->inner[r]);
	}
	for (int n = 0; n < m->d->n_w; n++)
		load_weights(m, b, n);
	accumulate(m, b);
}

void direct_clear(struct direct_code *m, struct k_block *b)
{
	struct kx *i;

	if (!m->d->reduces)
		return;
	b = tile_loop(m->a, b, "i", m->p->acc_elements, &i);
	ks_store(m->a, b, k_place(m->acc, i), reducer_identity(m->a,
		m->d->reducer, m->d->acc));
}
