/* SPDX-License-Identifier: MIT */
/* Operators at sizes. Sizes come from --shape, from the shapes of --in, and where
 * these leave any open, from the kernels that the plan has for fixed ones. */
#include "runtime/lib/plan.h"
#include "runtime/wpkrun/wpkrun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN = -1 };

/* ---- how tensors lie ---- */

/* The variant that is made for these sizes, else one for all. */
static const struct variant *variant_at(const struct wpk_operator *op,
	const int64_t *values)
{
	for (int i = 0; i < op->n_all; i++)
		if (!op->variants[i].general && !memcmp(values,
		    op->variants[i].sizes, (size_t)op->n_sizes *
		    sizeof *values))
			return &op->variants[i];
	for (int i = 0; i < op->n_all; i++)
		if (op->variants[i].general)
			return &op->variants[i];
	return NULL;
}

static bool evaluate(const struct geometry *g, const int64_t *names,
	struct layout *l)
{
	bool ok = number_value(&g->elements, names, &l->elements) &&
		l->elements >= 0;

	l->rank = g->rank;
	l->n_places = g->n_phys;
	l->n_shape = g->n_extents;
	for (int d = 0; d < g->rank && ok; d++)
		ok = number_value(&g->dims[d], names, &l->dims[d]) &&
			l->dims[d] >= 0;
	for (int i = 0; i < g->n_phys && ok; i++) {
		const struct phys *p = &g->phys[i];
		struct layout_place *to = &l->places[i];
		int at = g->plain ? p->dim : i;

		to->dim = p->dim;
		to->div = p->div;
		to->mod = p->mod;
		ok = number_value(&p->extent, names, &to->extent) &&
			number_value(&p->stride, names, &to->stride);
		l->shape[at] = g->plain ? l->dims[at] : to->extent;
		l->strides[at] = to->stride;
	}
	return ok;
}

/* A hostile plan may have elements where no memory is, or several in one place. */
static bool is_inside(const struct layout *l)
{
	int64_t last = 0, n_all = 1, far;

	for (int d = 0; d < l->rank; d++)
		if (!l->dims[d])
			return true;
	for (int d = 0; d < l->rank; d++)
		if (__builtin_mul_overflow(n_all, l->dims[d], &n_all))
			return false;
	for (int i = 0; i < l->n_places; i++) {
		const struct layout_place *p = &l->places[i];
		int64_t n = (l->dims[p->dim] - 1) / p->div;

		n = p->mod && n >= p->mod ? p->mod - 1 : n;
		if (p->stride < 0 || __builtin_mul_overflow(n, p->stride, &far)
		    || __builtin_add_overflow(last, far, &last))
			return false;
	}
	return last < l->elements && n_all <= l->elements;
}

static bool set_tensor(struct session *s, const struct operand *o,
	const struct geometry *g, const int64_t *names,
	struct subject_tensor *t)
{
	int64_t bits;

	t->name = o->name;
	t->output = o->output;
	t->constant = o->constant;
	t->type = o->type;
	t->align = o->align;
	if (!evaluate(g, names, &t->layout) || __builtin_mul_overflow(
	    t->layout.elements, (int64_t)t->type.bits, &bits) ||
	    bits > INT64_MAX - 7 || !is_inside(&t->layout))
		return session_fail(s, EXIT_USER, "%s is %s, which is out of "
			"range here", o->name, o->shape);
	t->bytes = (size_t)(bits + 7) / 8;
	return true;
}

static bool set_tensors(struct session *s, struct subject *x)
{
	const struct wpk_operator *op = x->op;
	const struct variant *v = variant_at(op, x->values);
	int64_t names[SIZES_MOST + LETS_MOST];

	if (!v)
		return session_fail(s, EXIT_NOTHING_SERVES, "%s%s%s: the plan "
			"has nothing for these sizes", x->name, *x->shape ?
			" " : "", x->shape);
	for (int i = 0; i < op->n_sizes; i++)
		names[i] = x->values[i];
	for (int i = 0; i < v->n_lets; i++)
		if (!number_value(&v->lets[i], names, &names[op->n_sizes + i]))
			return session_fail(s, EXIT_USER, "%s %s: these sizes "
				"are out of range", x->name, x->shape);
	x->tensors = session_take(s, (size_t)op->n_tensors,
		sizeof *x->tensors);
	for (int i = 0; i < op->n_tensors; i++)
		x->tensors[i].over = operator_over(op, i);
	for (int i = 0; i < op->n_tensors; i++)
		if (!set_tensor(s, &op->tensors[i], &v->tensors[i], names,
		    &x->tensors[i]))
			return false;
	return true;
}

size_t subject_bytes(const struct subject *x)
{
	size_t bytes = 0;

	for (int i = 0; i < x->n; i++)
		bytes += x->tensors[i].bytes;
	return bytes;
}

const struct subject_tensor *subject_named(const struct subject *x,
	const char *name, int *i)
{
	for (*i = 0; *i < x->n; (*i)++)
		if (!strcmp(x->tensors[*i].name, name))
			return &x->tensors[*i];
	return NULL;
}

/* ---- sizes ---- */

/* "4096", "4K" or "1M", as wpkc takes them; OPEN where it is none. */
static int64_t size_of(const char *text)
{
	char *end;
	int64_t v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (*end == 'K' || *end == 'M')
		if (__builtin_mul_overflow(v, *end++ == 'K' ? 1 << 10 : 1 << 20,
		    &v))
			return OPEN;
	return errno || *end || v < 1 ? OPEN : v;
}

static bool sizes_given(struct session *s, const struct wpk_operator *op,
	int64_t *values)
{
	for (int i = 0; i < op->n_sizes; i++) {
		const char *text = pair_value(&s->o->shape, op->sizes[i]);

		values[i] = text ? size_of(text) : OPEN;
		if (text && values[i] == OPEN)
			return session_fail(s, EXIT_USER, "--shape %s=%s: a "
				"size is a positive whole number",
				op->sizes[i], text);
	}
	return true;
}

/* The header of what --in gives for tensor "i", or false. */
static bool has_file(struct session *s, const struct wpk_operator *op, int i,
	struct npy *x)
{
	const char *path = pair_value(&s->o->in, op->tensors[i].name);
	char why[200];

	return path && !npy_read(path, false, x, why);
}

/* A dimension that is just a size is that of the file. */
static void sizes_from_files(struct session *s, const struct wpk_operator *op,
	int64_t *values)
{
	struct npy x;

	for (int i = 0; i < op->n_inputs; i++) {
		if (!has_file(s, op, i, &x))
			continue;
		for (int k = 0; k < op->n_all; k++) {
			const struct geometry *g =
				&op->variants[k].tensors[i];

			for (int d = 0; d < g->rank && d < x.rank; d++)
				for (int n = 0; n < op->n_sizes; n++)
					if (op->variants[k].general &&
					    values[n] == OPEN && x.shape[d] &&
					    number_is_name(&g->dims[d], n))
						values[n] = x.shape[d];
		}
	}
}

static int first_open(const struct wpk_operator *op, const int64_t *values)
{
	int i = 0;

	while (i < op->n_sizes && values[i] != OPEN)
		i++;
	return i;
}

static bool agrees(const struct wpk_operator *op, const struct variant *v,
	const int64_t *values)
{
	for (int i = 0; i < op->n_sizes; i++)
		if (values[i] != OPEN && values[i] != v->sizes[i])
			return false;
	return !v->general;
}

/* ---- the list ---- */

static const char *shape_text(struct session *s, const struct wpk_operator *op,
	const int64_t *values)
{
	const char *text = "";

	for (int i = 0; i < op->n_sizes; i++)
		text = session_print(s, "%s%s%s=%lld", text, i ? "," : "",
			op->sizes[i], (long long)values[i]);
	return text;
}

static bool is_known(const struct subject_list *l,
	const struct wpk_operator *op, const int64_t *values)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].op == op && !memcmp(l->v[i].values, values,
		    (size_t)op->n_sizes * sizeof *values))
			return true;
	return false;
}

static bool add(struct session *s, const struct wpk_operator *op,
	const int64_t *values, struct subject_list *l)
{
	struct subject *x = &l->v[l->n];

	if (is_known(l, op, values))
		return true;
	*x = (struct subject){ .name = op->name, .op = op, .sizes = op->sizes,
		.n_sizes = op->n_sizes, .n = op->n_tensors, .n_inputs =
		op->n_inputs, .shape = shape_text(s, op, values) };
	x->title = session_print(s, "%s%s%s", x->name, *x->shape ? " " : "",
		x->shape);
	x->values = session_take(s, (size_t)op->n_sizes, sizeof *x->values);
	memcpy(x->values, values, (size_t)op->n_sizes * sizeof *values);
	l->n++;
	return set_tensors(s, x);
}

static bool add_operator(struct session *s, const struct wpk_operator *op,
	struct subject_list *l)
{
	int64_t values[SIZES_MOST + 1];
	int open, before = l->n;

	if (!sizes_given(s, op, values))
		return false;
	sizes_from_files(s, op, values);
	open = first_open(op, values);
	if (open == op->n_sizes)
		return add(s, op, values, l);
	for (int i = 0; i < op->n_all; i++)
		if (agrees(op, &op->variants[i], values) &&
		    !add(s, op, op->variants[i].sizes, l))
			return false;
	return l->n > before || session_fail(s, EXIT_USER, "'%s' leaves %s "
		"open: give it with --shape %s=...", op->name, op->sizes[open],
		op->sizes[open]);
}

static bool is_wanted(const struct session *s, const char *name)
{
	const struct word_list *l = &s->o->operators;

	for (int i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], name))
			return true;
	return !l->n;
}

/* Names that nothing here has are mistakes. */
static bool names_known(struct session *s, const struct wpk_plan *p)
{
	for (int i = 0; i < s->o->operators.n; i++)
		if (!wpk_plan_find(p, s->o->operators.v[i]))
			return session_fail(s, EXIT_USER, "the plan has no "
				"operator '%s'", s->o->operators.v[i]);
	for (int i = 0; i < s->o->shape.n; i++) {
		bool found = false;

		for (int k = 0; k < p->n; k++)
			for (int n = 0; n < p->operators[k].n_sizes; n++)
				found |= !strcmp(p->operators[k].sizes[n],
					s->o->shape.v[i].name);
		if (!found)
			return session_fail(s, EXIT_USER, "--shape %s: no "
				"operator here leaves a size of that name open",
				s->o->shape.v[i].name);
	}
	return true;
}

bool subjects_find(struct session *s, const struct plan *p,
	struct subject_list *out)
{
	const struct wpk_plan *plan = p->plan;
	size_t n = 0;

	*out = (struct subject_list){ 0 };
	if (!names_known(s, plan))
		return false;
	for (int i = 0; i < plan->n; i++)
		n += (size_t)plan->operators[i].n_all + 1;
	out->v = session_take(s, n, sizeof *out->v);
	for (int i = 0; i < plan->n; i++)
		if (is_wanted(s, plan->operators[i].name) &&
		    !add_operator(s, &plan->operators[i], out))
			return false;
	return out->n || session_fail(s, EXIT_USER, "the plan has no "
		"operators");
}
