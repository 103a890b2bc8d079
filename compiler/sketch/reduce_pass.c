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
	s.stored = m->stored;
	if (m->x.carried > 1)
		carry_lend(m, &s);
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
	for (int i = 0; i < m->w->pieces.n; i++)
		if (making_in_pass(m, i, pass))
			stream_stash_put(s, b, i, p);
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

static void consume(struct making *m, struct stream *s, struct k_block *b,
	int pass, struct point *p)
{
	int tensor = piece(m, m->r->maximum)->stmt->tensor;
	struct kx *before;

	if (m->x.carried > 1) {
		carry_consume(m, s, b, pass, p, pass_reads(m, pass),
			consume_pass);
		return;
	}
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

static void one_vector(struct making *m, struct k_block *b, int pass, int v,
	struct kx *at)
{
	struct stream s = stream_of(m, v);
	uint64_t reads = carry_ahead(m, pass_reads(m, pass));
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
	uint64_t reads = carry_ahead(m, pass_reads(m, pass));
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

/* Does a row's length differ from call to call? */
static bool open_row(const struct making *m)
{
	return ir_any_open(m->t->op, m->w->pieces.v[0].in_axis, m->w->in.n);
}

/* "n" whole chunks from "base" on. */
static void chunks(struct making *m, struct k_block *b, int pass,
	struct kx *base, int64_t n)
{
	int64_t step = (int64_t)m->x.threads * m->x.vector * m->x.unroll;
	struct kx *at = base;

	if (n == 0 && !open_row(m))
		return;
	if (n > 1 || open_row(m))
		b = ks_serial(m->a, b, "at", base, kx_add(m->a, base,
			small(m, n * step)), small(m, step), &at);
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
	if (n * step < whole(m) || open_row(m))
		guarded(m, b, pass, kx_add(m->a, zero, small(m, n * step)),
			whole(m));
}

/* The parts that are whole, and then the last; which of them they are, if any,
 * differs from call to call with the length of a row. */
static void from_part(struct making *m, struct k_block *b, int pass)
{
	int64_t part = row_part(m->r, &m->x), n = whole(m) / part;
	struct kx *y = kx_special(m->a, K_BLOCK_Y), *base;
	struct k_block *inside;

	base = ks_let(m->a, b, "part", kx_mul(m->a, m->wide ?
		kx_cast(m->a, T_I64, y) : y, small(m, part)));
	if (n == 0 && !open_row(m)) {
		guarded(m, b, pass, base, whole(m));
		return;
	}
	inside = b;
	if (open_row(m))
		inside = ks_if(m->a, b, kx_op(m->a, OP_LE, T_BOOL, 2,
			kx_add(m->a, base, small(m, part)), small(m, whole(m))));
	else if (n * part != whole(m))
		inside = ks_if(m->a, b, kx_lt(m->a, y, small(m, n)));
	chunks(m, inside, pass, base, part / ((int64_t)m->x.threads *
		m->x.vector * m->x.unroll));
	if (inside != b)
		guarded(m, ks_else(m->a, b), pass, base, whole(m));
}

/* ---- a row that stays on the chip ---- */

/* Where this block's part begins, "whole" on is not its own: in elements. */
static struct kx *part_base(struct making *m)
{
	struct kx *y = kx_special(m->a, K_BLOCK_Y);

	if (m->x.parts == 1)
		return small(m, 0);
	return kx_mul(m->a, m->wide ? kx_cast(m->a, T_I64, y) : y,
		small(m, row_part(m->r, &m->x)));
}

static struct point at_slot(struct making *m, struct k_block *b,
	struct kx *at, struct kx *slot)
{
	struct point p;

	if (m->wide)
		at = kx_cast(m->a, T_I64, at);
	p = stream_point(&m->cache, b, at);
	p.slot = slot;
	return p;
}

typedef void slot_maker(struct making *m, struct k_block *b, int pass,
	struct point *p);

/* Slots [0, n): unrolled wholly where they are registers. */
static struct k_block *slot_loop(struct making *m, struct k_block *b,
	int64_t n, struct kx **slot)
{
	struct k_block *inside;

	*slot = small(m, 0);
	if (n == 1)
		return b;
	inside = ks_for(m->a, b, m->x.fixed || m->x.unroll > 1 ?
		LOOP_UNROLLED : LOOP_SERIAL, "slot", small(m, 0), small(m, n),
		NULL, slot);
	if (!m->x.fixed && m->x.unroll > 1)
		b->s.v[b->s.n - 1].factor = m->x.unroll;
	return inside;
}

/* Calls "each" for all slots: for those that every thread has, then for the
 * last, where only some have it, under its condition. */
static void whole_slots(struct making *m, struct k_block *b, int pass,
	slot_maker *each)
{
	int64_t stride = (int64_t)m->x.threads * m->x.vector;
	int64_t full = whole(m) / stride;
	struct k_block *inside;
	struct kx *slot;
	struct point p;

	if (full) {
		inside = slot_loop(m, b, full, &slot);
		p = at_slot(m, inside, kx_add(m->a, kx_mul(m->a, slot,
			small(m, stride)), lane_offset(m)), slot);
		each(m, inside, pass, &p);
	}
	if (full * stride == whole(m))
		return;
	inside = ks_if(m->a, b, kx_lt(m->a, lane_offset(m),
		small(m, whole(m) - full * stride)));
	slot = small(m, full);
	p = at_slot(m, inside, kx_add(m->a, small(m, full * stride),
		lane_offset(m)), slot);
	each(m, inside, pass, &p);
}

/* The same for the slots of a part, each under its condition where parts do
 * not divide the row. */
static void part_slots(struct making *m, struct k_block *b, int pass,
	slot_maker *each)
{
	int64_t stride = (int64_t)m->x.threads * m->x.vector;
	int64_t part = row_part(m->r, &m->x);
	struct kx *slot, *at, *base = ks_let(m->a, b, "part", kx_add(m->a,
		part_base(m), lane_offset(m)));
	struct k_block *inside = slot_loop(m, b, part / stride, &slot);
	struct point p;

	at = kx_add(m->a, base, kx_mul(m->a, slot, small(m, stride)));
	if (whole(m) != part * m->x.parts)
		inside = ks_if(m->a, inside, kx_lt(m->a, at,
			small(m, whole(m))));
	p = at_slot(m, inside, at, slot);
	each(m, inside, pass, &p);
}

static void each_slot(struct making *m, struct k_block *b, int pass,
	slot_maker *each)
{
	if (m->x.parts > 1)
		part_slots(m, b, pass, each);
	else
		whole_slots(m, b, pass, each);
}

static bool loads_async(const struct making *m)
{
	return m->t->target->cc >= 80;
}

static void load_slot(struct making *m, struct k_block *b, int pass,
	struct point *p)
{
	(void)pass;
	stream_load(&m->cache, b, m->x.cached & ~m->x.shared_cached, p);
	stream_stash_load(&m->cache, b, m->x.shared_cached, p,
		loads_async(m));
}

/* What is kept of earlier passes that this one uses, itself or to compute
 * something again. */
static uint64_t pass_uses(const struct making *m, int pass)
{
	uint64_t mask = 0, kept = 0;

	for (int i = m->w->pieces.n - 1; i >= 0; i--) {
		bool ready = m->r->pass[i] < pass && m->x.kept >> i & 1;

		if (ready && mask >> i & 1)
			kept |= 1ull << i;
		else if (making_in_pass(m, i, pass) || mask >> i & 1)
			mask |= piece(m, i)->uses;
	}
	return kept;
}

static void use_slot(struct making *m, struct k_block *b, int pass,
	struct point *p)
{
	uint64_t reads = pass_reads(m, pass);

	stream_stash_take(&m->cache, b, reads & m->x.shared_cached,
		pass_uses(m, pass), p);
	stream_load(&m->cache, b, reads & ~m->x.cached, p);
	consume(m, &m->cache, b, pass, p);
}

void making_fill_cache(struct making *m, struct k_block *b)
{
	int slots = (int)row_slots(m->r, &m->x);

	m->cache = stream_of(m, m->x.vector);
	stream_hold(&m->cache, m->x.cached & ~m->x.shared_cached, slots, true);
	for (int i = 0; i < m->w->pieces.n; i++)
		if ((m->x.kept & ~m->x.shared_kept) >> i & 1)
			stream_keep(&m->cache, i, slots);
	stream_stash(&m->cache, m->x.shared_cached, m->x.shared_kept, slots);
	stream_hold(&m->cache, ~m->x.cached, 1, false);
	if (!m->x.cached)
		return;
	each_slot(m, b, 0, load_slot);
	if (m->x.shared_cached && loads_async(m)) {
		ks_commit(m->a, b);
		ks_wait(m->a, b, 0);
	}
}

/* ---- passes ---- */

/* The elements past the last whole vector, one a thread; a row without a
 * cache computes them like any other. */
static void last_elements(struct making *m, struct k_block *b, int pass)
{
	int64_t rest = m->w->in.total - whole(m);
	uint64_t kept = m->x.kept;
	struct kx *at;

	if (!rest && (!open_row(m) || m->x.vector == 1))
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
	if (m->x.held)
		each_slot(m, b, pass, use_slot);
	else if (m->x.parts > 1)
		from_part(m, b, pass);
	else
		from_memory(m, b, pass);
	last_elements(m, b, pass);
}
