/* SPDX-License-Identifier: MIT */
/* Sizes that conditions allow, from sizes that they do not: one size after the
 * other is moved to where a condition begins to hold. Sizes between bounds keep
 * their proportion to the scale, so that rows that differ stay different. */
#include "driver/general.h"

#include <string.h>

enum { ROUNDS = 16, FAR = 1 << 30 };

struct mending {
	const struct program *frame;
	const struct general_scale *to;
	const struct kx *condition;
	int fixed;
	int64_t *sizes;
};

static bool value(const struct mending *m, const struct kx *e, int64_t *v)
{
	return program_number(m->frame, m->sizes, e, 0, v);
}

static bool holds(const struct mending *m, const struct kx *e)
{
	int64_t v;

	return value(m, e, &v) && v;
}

static bool is_constant(const struct kx *e)
{
	struct kx_values none = {0};
	int64_t v;

	return kx_eval_with(e, &none, &v);
}

int general_held(const struct program *frame, const int64_t *sizes)
{
	int n = 0;

	for (int i = 0; i < frame->conditions.n; i++) {
		int64_t v;

		n += program_number(frame, sizes, frame->conditions.v[i].holds,
			0, &v) && v;
	}
	return n == frame->conditions.n ? -1 : n;
}

static int held(const struct mending *m)
{
	int n = general_held(m->frame, m->sizes);

	return n < 0 ? m->frame->conditions.n : n;
}

/* Let size "i" be "v" if the condition then holds, and no other ceases to. */
static bool move(struct mending *m, int i, int64_t v)
{
	int64_t old = m->sizes[i];
	int before = held(m);

	if (v < 1 || v > FAR)
		return false;
	m->sizes[i] = v;
	if (holds(m, m->condition) && held(m) > before)
		return true;
	m->sizes[i] = old;
	return false;
}

/* A multiple of what the size is to be a multiple of comes first. */
static bool move_near(struct mending *m, int i, int64_t v)
{
	int64_t times = m->to->times[i];

	return move(m, i, v / times * times) || move(m, i, v) ||
		move(m, i, v - 1) || move(m, i, v + 1);
}

static bool gap_at(struct mending *m, const struct kx *e, int i, int64_t v,
	int64_t *gap)
{
	int64_t old = m->sizes[i], x, y;
	bool ok;

	m->sizes[i] = v;
	ok = value(m, e->args[0], &x) && value(m, e->args[1], &y) &&
		!__builtin_sub_overflow(x, y, gap);
	m->sizes[i] = old;
	return ok;
}

/* Where both sides of the comparison "e" meet when size "i" moves, as if they
 * were straight; 0 where the size does not matter. */
static int64_t meeting(struct mending *m, const struct kx *e, int i)
{
	int64_t at = m->sizes[i], here, there;

	if (!gap_at(m, e, i, at, &here))
		return 0;
	for (int64_t step = 1; step <= 4096; step *= 16)
		if (gap_at(m, e, i, at + step, &there) && there != here)
			return (int64_t)(at - (__int128)here * step /
				(there - here));
	return 0;
}

static bool is_size(const struct kx *e, const struct k_var *v)
{
	while (e->kind == KX_CAST)
		e = e->args[0];
	return e->kind == KX_VAR && e->var == v;
}

/* A size against a number: M <= 16. */
static bool is_bare(const struct mending *m, const struct kx *e)
{
	for (int i = 0; i < m->frame->sizes.n; i++)
		for (int k = 0; k < 2; k++)
			if (is_size(e->args[k], m->frame->sizes.v[i].var) &&
			    is_constant(e->args[1 - k]))
				return true;
	return false;
}

/* Below a bound: another number for every size, in the upper half for large
 * ones, and not 1, of which kernels are made that are like no others. A bound
 * that is made of other sizes is kept away from, for what lies between is a size
 * too. */
static int64_t below(const struct mending *m, const struct kx *e, int64_t at,
	int64_t bound)
{
	int64_t scale = m->to->scale;

	if (is_bare(m, e))
		return at > scale / 8 ? bound - at % ((bound + 1) / 2) :
			bound > 2 ? 2 + at % (bound - 1) : bound;
	at = at < scale ? at : scale;
	return 1 + (bound - 1) * (scale + at) / (3 * scale);
}

static bool mend_comparison(struct mending *m, const struct kx *e, int i)
{
	int64_t at = m->sizes[i], to = meeting(m, e, i);

	if (to < 1 || to > FAR)
		return false;
	if (e->op != OP_EQ && to < at && move_near(m, i, below(m, e, at, to)))
		return true;
	if (e->op != OP_EQ && to > at && move_near(m, i, to + at))
		return true;
	return move_near(m, i, to);
}

/* H % J == 0, of two sizes: some multiple, another in every row. */
static bool mend_multiple(struct mending *m, const struct kx *e, int i)
{
	static const int times[] = { 3, 7, 2, 11, 5, 13, 4 };
	enum { N = sizeof times / sizeof *times };
	const struct kx *mod = e->args[0];
	int64_t by, rest, at = m->sizes[i];

	if (e->op != OP_EQ || is_constant(mod->args[1]) ||
	    !is_size(mod->args[0], m->frame->sizes.v[i].var) ||
	    !value(m, mod->args[1], &by) || !value(m, e->args[1], &rest))
		return false;
	for (int k = 0; k < N; k++)
		if (move(m, i, by * times[(at / 2 + k) % N] + rest))
			return true;
	return move(m, i, by + rest);
}

static bool is_rest(const struct kx *e)
{
	return e->kind == KX_OP && e->op == OP_MOD;
}

/* What is a multiple of a number is no business of this file. */
static bool mend(struct mending *m)
{
	const struct kx *e = m->condition;

	while (e->kind == KX_OP && (e->op == OP_AND || e->op == OP_OR ||
	    e->op == OP_NOT))
		e = e->args[e->op == OP_AND && holds(m, e->args[0])];
	if (e->kind != KX_OP || e->n_args != 2)
		return false;
	for (int i = m->frame->sizes.n - 1; i >= 0; i--)
		if (i != m->fixed && (is_rest(e->args[0]) ?
		    mend_multiple(m, e, i) : mend_comparison(m, e, i)))
			return true;
	return false;
}

bool general_mend(const struct program *frame, const struct general_scale *to,
	int fixed, int64_t *sizes)
{
	struct mending m = { .frame = frame, .to = to, .fixed = fixed,
		.sizes = sizes };

	for (int round = 0; round < ROUNDS; round++) {
		int k = 0;

		if (general_held(frame, sizes) < 0)
			return true;
		while (holds(&m, frame->conditions.v[k].holds))
			k++;
		m.condition = frame->conditions.v[k].holds;
		if (!mend(&m))
			return false;
	}
	return false;
}
