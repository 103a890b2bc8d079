/* SPDX-License-Identifier: MIT */
/* Accesses of a walk: how they move, and where their indices are computed, how
 * far apart neighbours are likely to lie, which costs need to know: what goes
 * around a ring, or along rows that are looked up, is mostly dense. */
#include "sketch/walk.h"

#include <math.h>
#include <stdlib.h>

bool access_uniform(const struct walk *w, const struct access *x)
{
	return x->direct && (w->in.n == 0 || x->at.in[w->in.n - 1] == 0);
}

bool access_vector(const struct walk *w, const struct access *x)
{
	return x->direct && w->in.n && x->at.in[w->in.n - 1] == 1;
}

int access_across(const struct walk *w, const struct access *x)
{
	int size = dtype_row(x->tensor->type)->bits / 8, v = 1;
	int align = x->tensor->role == IR_LET ? VECTOR_BYTES :
		x->tensor->align;
	int64_t step = 1;

	if (!x->direct || w->rows.n)
		return 0;
	for (int r = w->in.n_runs - 1; r >= 0; r--) {
		if (x->at.in[w->in.first[r + 1] - 1] != step)
			return 0;
		step *= w->in.run[r];
	}
	while (2 * v * size <= VECTOR_BYTES && align % (2 * v * size) == 0 &&
	       x->at.c % (2 * v) == 0)
		v *= 2;
	return v;
}

double walk_bytes(const struct task *t, const struct walk *w)
{
	double bytes = 0, all = (double)w->in.total;

	for (int i = 0; i < w->acc.n; i++) {
		const struct ir_tensor *x = w->acc.v[i].tensor;
		double have = (double)t->op->tensors[x->id].elements;

		bytes += (have < all ? have : all) * dtype_row(x->type)->bits /
			8;
	}
	return bytes;
}

int access_chunk(const struct access *x, int v)
{
	return x->width < v ? x->width : v;
}

/* ---- computed indices ---- */

enum { SAMPLES = 7 };

struct sample {
	const int64_t *at;	/* by axis */
	int axis;		/* the one that moves */
	bool known;
};

static bool moves(const struct ir_expr *e, int axis)
{
	bool found = e->kind == IR_REDUCE ||
		(e->kind == IR_AXIS && e->axis == axis);

	for (int i = 0; i < e->n_args && !found; i++)
		found = moves(e->args[i], axis);
	return found;
}

static int64_t value(struct sample *s, const struct ir_expr *e);

static int64_t floored(int64_t x, int64_t y, bool rest)
{
	int64_t r;

	if (y <= 0)
		return 0;
	r = x % y;
	return rest ? r < 0 ? r + y : r : x / y - (r < 0);
}

/* Where a number overflows nothing is known. */
static int64_t computed(struct sample *s, const struct ir_expr *e)
{
	int64_t x[3] = { 0, 0, 0 }, v = 0;

	for (int i = 0; i < e->n_args && i < 3; i++)
		x[i] = value(s, e->args[i]);
	switch (e->op) {
	case OP_ADD:
		s->known &= !__builtin_add_overflow(x[0], x[1], &v);
		return v;
	case OP_SUB:
		s->known &= !__builtin_sub_overflow(x[0], x[1], &v);
		return v;
	case OP_MUL:
		s->known &= !__builtin_mul_overflow(x[0], x[1], &v);
		return v;
	case OP_DIV: return floored(x[0], x[1], false);
	case OP_MOD: return floored(x[0], x[1], true);
	case OP_ABS:
		if (x[0] >= 0)
			return x[0];
		/* fall through */
	case OP_NEG:
		s->known &= !__builtin_sub_overflow((int64_t)0, x[0], &v);
		return v;
	case OP_MIN: return x[0] < x[1] ? x[0] : x[1];
	case OP_MAX: return x[0] > x[1] ? x[0] : x[1];
	case OP_LT: return x[0] < x[1];
	case OP_LE: return x[0] <= x[1];
	case OP_EQ: return x[0] == x[1];
	case OP_NE: return x[0] != x[1];
	case OP_SELECT: return x[0] ? x[1] : x[2];
	default:
		s->known = false;
		return 0;
	}
}

/* What is looked up is taken to be 0 where it does not move. */
static int64_t value(struct sample *s, const struct ir_expr *e)
{
	switch (e->kind) {
	case IR_INT:
		return e->i;
	case IR_AXIS:
		return s->at[e->axis];
	case IR_CAST:
		return value(s, e->args[0]);
	case IR_OP:
		return computed(s, e);
	default:
		s->known &= !moves(e, s->axis);
		return 0;
	}
}

static int by_size(const void *x, const void *y)
{
	double p = fabs((double)*(const int64_t *)x);
	double q = fabs((double)*(const int64_t *)y);

	return (p > q) - (p < q);
}

double access_apart(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *offset, int axis)
{
	int64_t *at = ARENA_ARRAY(a, (size_t)o->n_axes + 1, int64_t);
	int64_t steps[SAMPLES], from, last = o->axes[axis].extent - 1;
	struct sample s = { at, axis, true };

	for (int i = 0; i < o->n_axes; i++)
		at[i] = o->axes[i].lo + o->axes[i].extent / 2;
	for (int i = 0; i < SAMPLES; i++) {
		at[axis] = o->axes[axis].lo + (last - 1) * i / (SAMPLES - 1);
		from = value(&s, offset);
		at[axis]++;
		s.known &= !__builtin_sub_overflow(value(&s, offset), from,
			&steps[i]);
	}
	qsort(steps, SAMPLES, sizeof *steps, by_size);
	return s.known ? fabs((double)steps[SAMPLES / 2]) : -1;
}

void access_guess(struct arena *a, const struct ir_operator *o,
	const struct walk *w, const struct piece *p, struct access *x)
{
	const struct ir_expr *offset = ir_offset(a, x->tensor, x->read->args);

	x->apart_row = x->apart_in = -1;
	if (w->rows.n)
		x->apart_row = access_apart(a, o, offset,
			p->row_axis[w->rows.n - 1]);
	if (w->in.n && !p->per_row)
		x->apart_in = access_apart(a, o, offset,
			p->in_axis[w->in.n - 1]);
}

static double tensor_bytes(const struct access *x)
{
	return (double)x->tensor->elements *
		dtype_row(x->tensor->type)->bits / 8;
}

double access_bytes(const struct access *x, double apart)
{
	enum { SECTOR = 32, STAYS = 4096 };
	double size = dtype_row(x->tensor->type)->bits / 8;
	bool small = tensor_bytes(x) <= STAYS;

	if (small || (apart >= 0 && apart <= 1))
		return size;
	return apart > 1 && apart * size < SECTOR ? apart * size : SECTOR;
}

double access_beyond(const struct access *x, const struct task *t,
	double asked)
{
	double bytes = tensor_bytes(x), once = bytes * t->gpu->sms;

	return x->read && bytes <= t->target->smem_sm / 4 && once < asked ?
		once : asked;
}
