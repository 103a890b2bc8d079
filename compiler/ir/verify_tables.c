/* SPDX-License-Identifier: MIT */
/* The verifier's first part: names, axes, tensors and layouts. A layout gives
 * every element a place: the entries of one dimension are the digits of a
 * mixed radix, and in tensors that are written no two elements share one. */
#include <ctype.h>
#include <string.h>

#include "ir/verify.h"

#define LARGEST (INT64_C(1) << 61)

static bool is_name(const char *s)
{
	if (!s || !(isalpha((unsigned char)*s) || *s == '_'))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '.')
			return false;
	return true;
}

static bool is_reducer(const char *s)
{
	for (int i = 0; i < N_REDUCERS; i++)
		if (!strcmp(reducer_rows[i].name, s))
			return true;
	return false;
}

static bool check_axes(struct verify *v)
{
	const struct ir_operator *o = v->o;

	for (int i = 0; i < o->n_axes; i++) {
		const struct ir_axis *x = &o->axes[i];

		if (!is_name(x->name) || x->id != i)
			return verify_fail(v, "axis %d has no name or id", i);
		if (x->extent < 0 || x->extent > LARGEST ||
				x->lo > LARGEST || x->lo < -LARGEST)
			return verify_fail(v, "axis %s has extent %lld from %lld",
				x->name, (long long)x->extent,
				(long long)x->lo);
	}
	return true;
}

/* The entry of "dim" that divides by "div", or NULL. One modulo 1 says nothing. */
static const struct ir_phys *digit(const struct ir_tensor *t, int dim,
	int64_t div)
{
	for (int i = 0; i < t->n_phys; i++)
		if (t->phys[i].dim == dim && t->phys[i].div == div &&
				t->phys[i].mod != 1)
			return &t->phys[i];
	return NULL;
}

/* Every value of dimension "dim" has its own digits. */
static bool digits_cover(const struct ir_tensor *t, int dim)
{
	int64_t div = 1;
	const struct ir_phys *p;

	while ((p = digit(t, dim, div)) != NULL) {
		int64_t rest = (t->dims[dim] + div - 1) / div;

		if (!p->mod)
			return p->extent >= rest;
		if (p->mod < 0 || p->extent < (p->mod < rest ? p->mod : rest) ||
				__builtin_mul_overflow(div, p->mod, &div))
			return false;
		if (div >= t->dims[dim])
			return true;
	}
	return false;
}

/* No two entries' strides interleave, so addresses are unique. */
static bool strides_nest(const struct ir_tensor *t)
{
	for (int i = 0; i < t->n_phys; i++)
		for (int j = 0; j < t->n_phys; j++) {
			const struct ir_phys *p = &t->phys[i], *q = &t->phys[j];

			if (i == j || p->extent <= 1 || q->extent <= 1)
				continue;
			if (p->stride == q->stride || (p->stride < q->stride &&
					p->stride * p->extent > q->stride))
				return false;
		}
	return true;
}

static bool check_dims(struct verify *v, const struct ir_tensor *t)
{
	int64_t total = 1;

	if (t->rank > IR_RANK)
		return verify_fail(v, "%s has %d dimensions", t->name, t->rank);
	for (int i = 0; i < t->rank; i++) {
		if (t->dims[i] < 0)
			return verify_fail(v, "%s has a negative size", t->name);
		if (__builtin_mul_overflow(total, t->dims[i], &total) ||
				total > LARGEST)
			return verify_fail(v, "%s has too many elements",
				t->name);
	}
	return true;
}

/* The offset of the last element by the layout's entries. */
static bool check_entries(struct verify *v, const struct ir_tensor *t,
	int64_t *last)
{
	*last = 0;
	for (int i = 0; i < t->n_phys; i++) {
		const struct ir_phys *p = &t->phys[i];
		int64_t reach;

		if (p->dim < 0 || p->dim >= t->rank || p->div < 1 ||
				p->mod < 0 || p->extent < 0 || p->stride < 0)
			return verify_fail(v, "layout entry %d of %s is wrong",
				i, t->name);
		if (__builtin_mul_overflow(p->extent, p->stride, &reach) ||
				reach > LARGEST)
			return verify_fail(v, "%s is too large", t->name);
		*last += p->extent ? reach - p->stride : 0;
		if (*last > LARGEST)
			return verify_fail(v, "%s is too large", t->name);
	}
	return true;
}

static bool is_empty(const struct ir_tensor *t)
{
	for (int i = 0; i < t->rank; i++)
		if (!t->dims[i])
			return true;
	return false;
}

static bool check_layout(struct verify *v, const struct ir_tensor *t)
{
	int64_t last;

	if (!check_dims(v, t) || !check_entries(v, t, &last))
		return false;
	for (int i = 0; i < t->rank; i++)
		if (t->dims[i] > 1 && !digits_cover(t, i))
			return verify_fail(v,
				"the layout of %s does not cover dimension %d",
				t->name, i);
	if (!is_empty(t) && t->elements <= last)
		return verify_fail(v, "%s has %lld elements but reaches %lld",
			t->name, (long long)t->elements, (long long)last);
	if (t->role != IR_IN && !strides_nest(t))
		return verify_fail(v, "elements of %s share an address",
			t->name);
	return true;
}

static enum ir_role expected_role(const struct ir_operator *o, int i)
{
	if (i < o->n_inputs)
		return IR_IN;
	return i < o->n_inputs + o->n_outputs ? IR_OUT : IR_LET;
}

static bool is_input(const struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_inputs; i++)
		if (!strcmp(o->tensors[i].name, name))
			return true;
	return false;
}

static bool check_tensor(struct verify *v, int i)
{
	const struct ir_operator *o = v->o;
	const struct ir_tensor *t = &o->tensors[i];

	if (!is_name(t->name) || is_reducer(t->name))
		return verify_fail(v, "tensor %d has no usable name", i);
	for (int j = 0; j < i; j++)
		if (!strcmp(t->name, o->tensors[j].name))
			return verify_fail(v, "two tensors are named %s",
				t->name);
	if (t->id != i || t->role != expected_role(o, i))
		return verify_fail(v, "%s is out of order", t->name);
	if (t->type >= T_NONE)
		return verify_fail(v, "%s has no type", t->name);
	if (t->align < 1 || t->align & (t->align - 1))
		return verify_fail(v, "%s is aligned to %d", t->name, t->align);
	if (t->over && (t->role != IR_OUT || !is_input(o, t->over)))
		return verify_fail(v, "%s lies over %s, and is no output or that "
			"no input", t->name, t->over);
	return check_layout(v, t);
}

bool verify_tables(struct verify *v)
{
	const struct ir_operator *o = v->o;

	if (!is_name(o->name))
		return verify_fail(v, "the operator has no name");
	if (o->n_inputs < 0 || o->n_outputs < 1 ||
			o->n_inputs + o->n_outputs > o->n_tensors)
		return verify_fail(v, "the counts of tensors are wrong");
	for (int i = 0; i < o->n_tensors; i++)
		if (!check_tensor(v, i))
			return false;
	return check_axes(v);
}
