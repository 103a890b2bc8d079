/* SPDX-License-Identifier: MIT */
/* Over a row: every thread of a team takes its share, vector by vector, with
 * the loads of several vectors ahead of their use. Whole chunks run without a
 * guard, then single vectors, then what is less than a vector. */
#include "sketch/reduce_build.h"

#include <math.h>

static struct kx *small(struct making *m, int64_t v)
{
	return kx_int(m->a, v);
}

static const struct piece *piece(const struct making *m, int i)
{
	return &m->w->pieces.v[i];
}

bool making_in_pass(const struct making *m, int i, int pass)
{
	return m->r->pass[i] == pass && !piece(m, i)->per_row;
}

static struct stream stream_of(struct making *m, int v)
{
	struct stream s = stream_create(m->a, m->t->op, m->w, m->k,
		m->buffers, m->values, v);

	for (int i = 0; i < m->w->rows.n_runs; i++)
		s.row[i] = m->row_stream.row[i];
	return s;
}

/* ---- one vector ---- */

static struct kx *online_term(struct making *m, struct k_block *b,
	struct kx *value);

static void take(struct making *m, struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	const struct piece *x = piece(m, i);
	const struct ir_tensor *t = &m->t->op->tensors[x->stmt->tensor];
	struct kx *value = stream_value(s, b, i, p);

	if (x->reduction) {
		if (m->x.online && m->r->pass[i] == 2)
			value = online_term(m, b, value);
		running_take(m->a, b, &m->running[i], value,
			stream_place(s, b, i, p));
		return;
	}
	if (walk_used(m->w, i)) {
		value = ks_let(m->a, b, t->name, lower_round(m->a, value,
			t->type));
		m->values[t->id] = value;
		stream_put(s, b, i, p, value);
	}
	if (x->out >= 0)
		stream_collect(s, b, i, p, value);
}

static void consume_pass(struct making *m, struct stream *s, struct k_block *b,
	int pass, struct point *p)
{
	struct k_block *inside = stream_elements(s, b, p);

	for (int i = 0; i < m->w->pieces.n; i++)
		if (making_in_pass(m, i, pass))
			take(m, s, inside, i, p);
	stream_forget(s);
	for (int i = 0; i < m->w->pieces.n; i++)
		if (making_in_pass(m, i, pass) && !piece(m, i)->reduction &&
		    piece(m, i)->out >= 0)
			stream_flush(s, b, i, p);
}

/* ---- online: the maximum of what is at hand, then the sums ---- */

static struct k_var *maximum(const struct making *m)
{
	return m->running[m->r->maximum].value;
}

/* Nothing while the maximum is still -inf: exp(-inf - -inf) is a NaN. */
static struct kx *online_term(struct making *m, struct k_block *b,
	struct kx *value)
{
	struct kx *max = kx_var(m->a, maximum(m));

	value = ks_let(m->a, b, "term", value);
	return kx_op(m->a, OP_SELECT, value->type, 3, kx_op(m->a, OP_EQ,
		T_BOOL, 2, max, kx_float(m->a, -INFINITY, max->type)),
		lower_convert(m->a, kx_int(m->a, 0), value->type), value);
}

void making_scale(struct making *m, struct k_block *b, struct kx *from,
	struct kx *to)
{
	struct kx *one = kx_float(m->a, 1, from->type);
	struct kx *factor = ks_let(m->a, b, "factor", kx_op(m->a, OP_SELECT,
		from->type, 3, kx_op(m->a, OP_EQ, T_BOOL, 2, from, to), one,
		kx_op(m->a, OP_EXP, from->type, 1, kx_op(m->a, OP_SUB,
			from->type, 2, from, to))));

	for (int i = 0; i < m->w->pieces.n; i++)
		if (piece(m, i)->reduction && making_in_pass(m, i, 2))
			ks_update(m->a, b, m->running[i].value, OP_MUL,
				lower_convert(m->a, factor,
					m->running[i].type));
}

static void consume(struct making *m, struct stream *s, struct k_block *b,
	int pass, struct point *p)
{
	int tensor = piece(m, m->r->maximum)->stmt->tensor;
	struct kx *before;

	if (!m->x.online || pass != 1) {
		consume_pass(m, s, b, pass, p);
		return;
	}
	before = ks_let(m->a, b, "before", kx_var(m->a, maximum(m)));
	consume_pass(m, s, b, 1, p);
	making_scale(m, b, before, kx_var(m->a, maximum(m)));
	m->values[tensor] = kx_var(m->a, maximum(m));
	consume_pass(m, s, b, 2, p);
	m->values[tensor] = NULL;
}

/* Accesses that the pass loads, given what is kept of others. */
static uint64_t pass_reads(const struct making *m, int pass)
{
	uint64_t mask = 0;

	for (int i = 0; i < m->w->pieces.n; i++)
		if (making_in_pass(m, i, pass) || (m->x.online && pass == 1 &&
		    making_in_pass(m, i, 2)))
			mask |= walk_reads(m->w, i, m->x.kept);
	return mask;
}

static void one_vector(struct making *m, struct k_block *b, int pass, int v,
	struct kx *at)
{
	struct stream s = stream_of(m, v);
	uint64_t reads = pass_reads(m, pass);
	struct point p = stream_point(&s, b, at);

	stream_hold(&s, reads, 1, false);
	stream_load(&s, b, reads, &p);
	consume(m, &s, b, pass, &p);
}

/* ---- a row that is read again in each pass ---- */

static struct kx *lane_offset(struct making *m)
{
	return kx_mul(m->a, m->team.lane, small(m, m->x.vector));
}

/* "unroll" vectors of this thread from "base" on: loads first. */
static void chunk(struct making *m, struct k_block *b, int pass,
	struct kx *base)
{
	struct stream s = stream_of(m, m->x.vector);
	int64_t stride = (int64_t)m->x.threads * m->x.vector;
	uint64_t reads = pass_reads(m, pass);
	struct k_block *inside;
	struct point p;
	struct kx *u;

	stream_hold(&s, reads, m->x.unroll, false);
	for (int half = 0; half < 2; half++) {
		inside = ks_for(m->a, b, LOOP_UNROLLED, "u", small(m, 0),
			small(m, m->x.unroll), NULL, &u);
		p = stream_point(&s, inside, kx_add(m->a, kx_add(m->a, base,
			kx_mul(m->a, u, small(m, stride))), lane_offset(m)));
		p.slot = u;
		if (half)
			consume(m, &s, inside, pass, &p);
		else
			stream_load(&s, inside, reads, &p);
	}
}

/* "n" whole chunks from "base" on. */
static void chunks(struct making *m, struct k_block *b, int pass,
	struct kx *base, int64_t n)
{
	int64_t step = (int64_t)m->x.threads * m->x.vector * m->x.unroll;
	struct kx *at = base;

	if (n == 0)
		return;
	if (n > 1)
		b = ks_for(m->a, b, LOOP_SERIAL, "at", base, kx_add(m->a,
			base, small(m, n * step)), small(m, step), &at);
	if (m->x.unroll > 1)
		chunk(m, b, pass, at);
	else
		one_vector(m, b, pass, m->x.vector, kx_add(m->a, at,
			lane_offset(m)));
}

/* Vectors from "base" to "end", one by one. */
static void guarded(struct making *m, struct k_block *b, int pass,
	struct kx *base, int64_t end)
{
	int64_t stride = (int64_t)m->x.threads * m->x.vector;
	struct kx *at;

	b = ks_for(m->a, b, LOOP_SERIAL, "at", kx_add(m->a, base,
		lane_offset(m)), small(m, end), small(m, stride), &at);
	one_vector(m, b, pass, m->x.vector, at);
}

static int64_t whole(const struct making *m)
{
	return m->w->in.total / m->x.vector * m->x.vector;
}

static void from_memory(struct making *m, struct k_block *b, int pass)
{
	int64_t step = (int64_t)m->x.threads * m->x.vector * m->x.unroll;
	int64_t n = whole(m) / step;
	struct kx *zero = kx_cast(m->a, m->wide ? T_I64 : T_I32, small(m, 0));

	chunks(m, b, pass, zero, n);
	if (n * step < whole(m))
		guarded(m, b, pass, kx_add(m->a, zero, small(m, n * step)),
			whole(m));
}

static void from_part(struct making *m, struct k_block *b, int pass)
{
	int64_t part = row_part(m->r, &m->x), n = whole(m) / part;
	struct kx *y = kx_special(m->a, K_BLOCK_Y), *base;
	struct k_block *inside;

	base = ks_let(m->a, b, "part", kx_mul(m->a, m->wide ?
		kx_cast(m->a, T_I64, y) : y, small(m, part)));
	if (n == 0) {
		guarded(m, b, pass, base, whole(m));
		return;
	}
	inside = n * part == whole(m) ? b : ks_if(m->a, b, kx_lt(m->a, y,
		small(m, n)));
	chunks(m, inside, pass, base, part / ((int64_t)m->x.threads *
		m->x.vector * m->x.unroll));
	if (inside != b)
		guarded(m, ks_else(m->a, b), pass, base, whole(m));
}

/* ---- a row that stays in registers ---- */

struct slots {
	struct k_block *block;
	struct point p;
};

static struct slots at_slot(struct making *m, struct k_block *b,
	struct kx *slot)
{
	int64_t stride = (int64_t)m->x.threads * m->x.vector;
	struct kx *at = kx_add(m->a, kx_mul(m->a, slot, small(m, stride)),
		lane_offset(m));
	struct slots s = { b, { .slot = slot } };

	if (m->wide)
		at = kx_cast(m->a, T_I64, at);
	s.p = stream_point(&m->cache, b, at);
	s.p.slot = slot;
	return s;
}

/* All slots, one after the other: "each" for those every thread has, and for
 * the last, where only some have it, under its condition. */
static void each_slot(struct making *m, struct k_block *b, int pass,
	void (*each)(struct making *m, struct k_block *b, int pass,
		struct point *p))
{
	int64_t stride = (int64_t)m->x.threads * m->x.vector;
	int64_t full = whole(m) / stride;
	struct kx *slot = small(m, 0);
	struct k_block *inside = b;
	struct slots s;

	if (full > 1)
		inside = ks_for(m->a, b, LOOP_UNROLLED, "slot", small(m, 0),
			small(m, full), NULL, &slot);
	if (full) {
		s = at_slot(m, inside, slot);
		each(m, inside, pass, &s.p);
	}
	if (full * stride == whole(m))
		return;
	inside = ks_if(m->a, b, kx_lt(m->a, lane_offset(m),
		small(m, whole(m) - full * stride)));
	s = at_slot(m, inside, small(m, full));
	each(m, inside, pass, &s.p);
}

static void load_slot(struct making *m, struct k_block *b, int pass,
	struct point *p)
{
	(void)pass;
	stream_load(&m->cache, b, m->x.cached, p);
}

static void use_slot(struct making *m, struct k_block *b, int pass,
	struct point *p)
{
	stream_load(&m->cache, b, pass_reads(m, pass) & ~m->x.cached, p);
	consume(m, &m->cache, b, pass, p);
}

void making_fill_cache(struct making *m, struct k_block *b)
{
	int slots = (int)row_slots(m->r, &m->x);

	m->cache = stream_of(m, m->x.vector);
	stream_hold(&m->cache, m->x.cached, slots, true);
	stream_hold(&m->cache, ~m->x.cached, 1, false);
	for (int i = 0; i < m->w->pieces.n; i++)
		if (m->x.kept >> i & 1)
			stream_keep(&m->cache, i, slots);
	if (m->x.cached)
		each_slot(m, b, 0, load_slot);
}

/* ---- passes ---- */

/* The elements past the last whole vector, one a thread; a row without a
 * cache computes them like any other. */
static void last_elements(struct making *m, struct k_block *b, int pass)
{
	int64_t rest = m->w->in.total - whole(m);
	uint64_t kept = m->x.kept;
	struct kx *at;

	if (!rest)
		return;
	if (m->x.parts > 1)
		b = ks_if(m->a, b, kx_op(m->a, OP_EQ, T_BOOL, 2,
			kx_special(m->a, K_BLOCK_Y), small(m, 0)));
	b = ks_for(m->a, b, LOOP_SERIAL, "at", kx_add(m->a, small(m,
		whole(m)), m->team.lane), small(m, m->w->in.total),
		small(m, m->x.threads), &at);
	m->x.kept = 0;
	one_vector(m, b, pass, 1, at);
	m->x.kept = kept;
}

void making_pass(struct making *m, struct k_block *b, int pass)
{
	if (m->x.parts > 1)
		from_part(m, b, pass);
	else if (m->x.held)
		each_slot(m, b, pass, use_slot);
	else
		from_memory(m, b, pass);
	last_elements(m, b, pass);
}
