/* SPDX-License-Identifier: MIT */
/* Lowering: reads. In: a tensor's name with indices, perhaps a pad. Out: a read
 * whose every index is proved, by intervals over the axes, to lie inside the
 * tensor, or which says what lies outside. A pad that is never needed is
 * dropped. */
#include <math.h>
#include <string.h>

#include "ir/lower_state.h"

/* A read must come after everything that writes its tensor. */
static bool written(const struct place *p, const struct ast_expr *e, int tensor)
{
	const struct tensor_info *info = &p->l->info.v[tensor];

	if (p->l->tensors.v[tensor].role == IR_IN)
		return true;
	if (info->last >= 0 && info->last < p->work)
		return true;
	lower_error(p->l, p->scope, E_ORDER, e->at, "'%s' is read before it is complete",
		e->name);
	if (info->at.src)
		diag_note(p->l->d, info->at, "it is written here");
	return false;
}

static struct ir_expr *lower_subscript(const struct place *p,
	const struct ast_expr *e)
{
	struct place inside = *p;
	struct value v;
	enum dtype t;

	inside.index = true;
	v = lower_value(&inside, e, (struct want){ .type = T_I64 });
	if (v.kind == V_BAD)
		return NULL;
	t = lower_type_of(v);
	if (v.kind == V_INT || (v.kind == V_EXPR && dtype_is_int(t)))
		return lower_typed(p, e->at, v, T_I64);
	lower_error(p->l, p->scope, E_INDEX_TYPE, e->at, "an index must be an integer");
	return NULL;
}

static bool report_outside(const struct place *p, const struct ast_expr *e,
	int i, int64_t lo, int64_t hi, int64_t size)
{
	lower_error(p->l, p->scope, E_READ_BOUNDS, e->args[i]->at,
		"%s[...] may read outside its tensor: index %d ranges over "
		"%lld..%lld, size is %lld", e->name, i + 1, (long long)lo,
		(long long)hi, (long long)size);
	diag_hint(p->l->d, "Say what lies outside with pad, as in %s[...] pad 0.",
		e->name);
	return false;
}

static bool report_computed(const struct place *p, const struct ast_expr *e,
	int i)
{
	lower_error(p->l, p->scope, E_COMPUTED_INDEX, e->args[i]->at,
		"a computed index needs pad");
	diag_hint(p->l->d, "Say what '%s' yields outside, as in %s[...] pad 0.",
		e->name, e->name);
	return false;
}

/* "*needed" is set where the pad takes effect. */
static bool check_bounds(const struct place *p, const struct ast_expr *e,
	int i, const struct ir_expr *idx, int64_t size, bool *needed)
{
	bool padded = e->pad.kind != PAD_NONE;
	int64_t lo, hi;

	if (!ir_range(p->l->o, idx, &lo, &hi)) {
		*needed = true;
		return padded || report_computed(p, e, i);
	}
	if (hi < lo || (lo >= 0 && hi < size))
		return true;
	*needed = true;
	return padded || report_outside(p, e, i, lo, hi, size);
}

static bool pad_value(const struct place *p, const struct ast_pad *pad,
	double *v)
{
	const struct known *k;

	*v = pad->value;
	if (pad->kind == PAD_VALUE)
		return true;
	k = lower_known(p->scope, pad->name);
	if (k && (k->v.kind == V_INT || k->v.kind == V_FLOAT)) {
		*v = k->v.kind == V_INT ? (double)k->v.i : k->v.f;
		return true;
	}
	lower_error(p->l, p->scope, E_PAD, pad->at, "pad '%s' is no number", pad->name);
	return false;
}

/* An infinity is the least or the greatest value of an integer type. */
static double fitting(enum dtype t, double v)
{
	const struct dtype_row *row = dtype_row(t);

	if (!dtype_is_int(t) || !isinf(v))
		return v;
	if (v < 0)
		return row->class == DTYPE_SIGNED ? -ldexp(1, row->bits - 1) : 0;
	return ldexp(1, row->class == DTYPE_SIGNED ? row->bits - 1 :
		row->bits) - 1;
}

static bool lower_pad(const struct place *p, const struct ast_expr *e,
	struct ir_expr *read)
{
	double v;

	if (e->pad.kind == PAD_EDGE) {
		read->pad = IR_PAD_EDGE;
		return true;
	}
	if (!pad_value(p, &e->pad, &v))
		return false;
	v = fitting(read->type, v);
	read->f = dtype_round(read->type, v);
	if (read->f != v && !dtype_is_float(read->type)) {
		lower_error(p->l, p->scope, E_PAD, e->pad.at, "pad does not fit %s",
			dtype_row(read->type)->name);
		return false;
	}
	read->pad = IR_PAD_VALUE;
	return true;
}

static struct ir_expr *read_of(const struct place *p, const struct ast_expr *e,
	const struct ir_tensor *t)
{
	struct ir_expr **idx = ARENA_ARRAY(p->l->a, e->n_args + 1,
		struct ir_expr *), *read;
	bool needed = false, ok = true;

	for (int i = 0; i < e->n_args; i++) {
		idx[i] = lower_subscript(p, e->args[i]);
		ok &= idx[i] && check_bounds(p, e, i, idx[i], t->dims[i],
			&needed);
	}
	if (!ok)
		return NULL;
	read = ir_read_tensor(p->l->a, t, idx);
	read->at = e->at;
	return !needed || lower_pad(p, e, read) ? read : NULL;
}

static int weight(struct ir_expr *e, int *levels)
{
	int n = 1, deepest = 0, below;

	for (int i = 0; i < e->n_args; i++) {
		n += weight(e->args[i], &below);
		deepest = below > deepest ? below : deepest;
		if (n > LOWER_NODES)
			break;
	}
	*levels = deepest + 1;
	return n;
}

struct value lower_read(const struct place *p, const struct ast_expr *e)
{
	int id = p->work >= 0 && !p->args ?
		lower_tensor_named(p->scope, e->name) : -1, levels;
	const struct ir_tensor *t = id < 0 ? NULL : &p->l->tensors.v[id];
	struct ir_expr *read;

	if (!t || t->rank != e->n_args) {
		lower_error(p->l, p->scope, E_RANK, e->at, t ?
			"'%s' is read with the wrong number of indices" :
			"'%s' is no tensor here", e->name);
		return lower_bad();
	}
	if (!written(p, e, id))
		return lower_bad();
	read = read_of(p, e, t);
	if (!read)
		return lower_bad();
	id = weight(read, &levels);
	return lower_made(read, id, levels);
}
