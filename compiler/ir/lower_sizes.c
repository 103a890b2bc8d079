/* SPDX-License-Identifier: MIT */
/* Lowering: sizes and attributes. In: values from brackets, from a shape, from
 * the operands of a use. Out: every size and attribute of the operator with a
 * value, derived ones computed, predicates true. A name keeps its first value;
 * another one is an error that names both. */
#include <string.h>

#include "front/front.h"
#include "ir/lower_state.h"

struct known *lower_known(const struct scope *s, const char *name)
{
	for (int i = 0; i < s->known.n; i++)
		if (!strcmp(s->known.v[i].name, name))
			return &s->known.v[i];
	return NULL;
}

static const struct ast_attr *find_attr(const struct ast_item *op,
	const char *name)
{
	for (int i = 0; i < op->n_attrs; i++)
		if (!strcmp(op->attrs[i].name.text, name))
			return &op->attrs[i];
	return NULL;
}

static bool is_derived(const struct ast_item *op, const char *name)
{
	for (int i = 0; i < op->n_where; i++)
		if (op->where[i].bind.text && !strcmp(op->where[i].bind.text, name))
			return true;
	return false;
}

/* Does it stand alone as a dimension of an input? */
static bool is_dimension(const struct ast_item *op, const char *name)
{
	for (int i = 0; i < op->n_inputs; i++)
		for (int k = 0; k < op->inputs[i].n_dims; k++) {
			const struct ast_expr *e = op->inputs[i].dims[k];

			if (e->kind == AST_NAME && !strcmp(e->name, name))
				return true;
		}
	return false;
}

bool lower_is_size(const struct ast_item *op, const char *name)
{
	return !find_attr(op, name) && !is_derived(op, name) &&
		is_dimension(op, name);
}

static bool same_value(struct value x, struct value y)
{
	if (x.kind == V_TYPE || y.kind == V_TYPE)
		return x.kind == y.kind && x.type == y.type;
	if (x.kind == V_FLOAT || y.kind == V_FLOAT)
		return (x.kind == V_FLOAT ? x.f : (double)x.i) ==
			(y.kind == V_FLOAT ? y.f : (double)y.i);
	return x.i == y.i;
}

static const char *text_of(struct arena *a, struct value v)
{
	struct str out;

	str_init(&out, a);
	if (v.kind == V_TYPE)
		str_puts(&out, dtype_row(v.type)->name);
	else if (v.kind == V_FLOAT)
		str_double(&out, v.f);
	else
		str_printf(&out, "%lld", (long long)v.i);
	return str_text(&out);
}

static bool in_range(struct lowering *l, struct scope *s, const char *name,
	struct value v, struct span at)
{
	if (!lower_is_size(s->op, name) && !is_derived(s->op, name))
		return true;
	if (v.kind != V_INT)
		lower_error(l, s, E_SIZE_VALUE, at, "size '%s' must be an integer", name);
	else if (v.i < 1)
		lower_error(l, s, E_SIZE_VALUE, at, "size '%s' is %lld; sizes start at 1",
			name, (long long)v.i);
	else if (v.i >= LOWER_SIZE_LIMIT)
		lower_error(l, s, E_OVERFLOW, at, "size '%s' overflows 62 bits", name);
	else
		return true;
	return false;
}

bool lower_set(struct lowering *l, struct scope *s, const char *name,
	struct value v, struct span at)
{
	struct known *old = lower_known(s, name);

	if (v.kind == V_BAD || !in_range(l, s, name, v, at))
		return false;
	if (!old) {
		vec_push(l->a, &s->known, (struct known){ name, v, at });
		return true;
	}
	if (same_value(old->v, v))
		return true;
	lower_error(l, s, E_ATTRIBUTE, at, "'%s' is %s here", name, text_of(l->a, v));
	diag_note(l->d, old->at, "it is %s already", text_of(l->a, old->v));
	return false;
}

/* The value of an attribute as written: a dtype, or a constant; a name alone
 * may stand for a dtype attribute of "from". */
static struct value attr_value(struct lowering *l, struct scope *from,
	const struct ast_attr *attr)
{
	struct value v = { .kind = V_TYPE };

	if (attr->type.text) {
		v.type = dtype_named(attr->type.text);
		return v;
	}
	if (!attr->value)
		return lower_bad();
	return lower_const(l, from, attr->value);
}

static bool fits_name(struct lowering *l, struct scope *s,
	const struct ast_attr *attr, struct value v)
{
	const char *name = attr->name.text;

	if (v.kind == V_BAD)
		return false;
	if (find_attr(s->op, name) || lower_is_size(s->op, name))
		return true;
	lower_error(l, s, E_ATTRIBUTE, attr->name.at, is_derived(s->op, name) ?
		"'%s' is computed by where and cannot be set" :
		"there is no attribute or size '%s'", name);
	return false;
}

bool lower_attrs(struct lowering *l, struct scope *s, struct scope *from,
	const struct ast_attr *attrs, int n)
{
	bool ok = true;

	for (int i = 0; i < n; i++) {
		struct value v = attr_value(l, from, &attrs[i]);

		ok &= fits_name(l, s, &attrs[i], v) &&
			lower_set(l, s, attrs[i].name.text, v, attrs[i].name.at);
	}
	return ok;
}

/* The operator behind instance "item" of s->unit; instances of instances give
 * all their brackets. */
static bool resolve(struct lowering *l, struct scope *s,
	const struct ast_item *item, int depth)
{
	const struct ast_unit *owner = NULL;
	const struct ast_item *callee = front_find(s->unit, item->callee.text,
		&owner);
	struct scope brackets = { .parent = s->parent, .title = s->title,
		.at = s->at, .unit = s->unit, .op = item };
	bool ok = true;

	if (!callee || depth > LOWER_USES ||
	    (callee->kind != AST_OP && callee->kind != AST_INSTANCE)) {
		lower_error(l, s, E_UNKNOWN_OPERATOR, item->callee.at,
			"unknown operator '%s'",
			item->callee.text);
		return false;
	}
	s->unit = owner;
	s->op = callee;
	if (callee->kind == AST_INSTANCE)
		ok = resolve(l, s, callee, depth + 1);
	return ok && lower_attrs(l, s, &brackets, item->attrs, item->n_attrs);
}

bool lower_resolve(struct lowering *l, struct scope *s,
	const struct ast_item *item)
{
	return resolve(l, s, item, 0);
}

bool lower_defaults(struct lowering *l, struct scope *s)
{
	bool ok = true;

	for (int i = 0; i < s->op->n_attrs; i++) {
		const struct ast_attr *attr = &s->op->attrs[i];

		if (lower_known(s, attr->name.text))
			continue;
		if (!attr->value && !attr->type.text) {
			lower_error(l, s, E_SIZE_OPEN, attr->name.at,
				"attribute '%s' has no value", attr->name.text);
			diag_hint(l->d, "Give it in the brackets of an instance%s.",
				is_dimension(s->op, attr->name.text) ? ", or take "
				"it out of these: then it is a size, which may "
				"stay open" : "");
			ok = false;
			continue;
		}
		ok &= lower_set(l, s, attr->name.text, attr_value(l, s, attr),
			attr->name.at);
	}
	return ok;
}

/* Sizes without a value, each once, where first used. */
static bool check_open(struct lowering *l, struct scope *s)
{
	bool ok = true;

	for (int i = 0; i < s->op->n_inputs; i++)
		for (int k = 0; k < s->op->inputs[i].n_dims; k++) {
			const struct ast_expr *e = s->op->inputs[i].dims[k];

			if (e->kind != AST_NAME ||
			    !lower_is_size(s->op, e->name) ||
			    lower_known(s, e->name))
				continue;
			lower_error(l, s, E_SIZE_OPEN, e->at, "size '%s' has no value",
				e->name);
			diag_hint(l->d, "Give it with --shape %s=..., in the "
				"brackets of an instance, or in the shape of a "
				"tune block.", e->name);
			vec_push(l->a, &s->known, (struct known){ e->name,
				lower_bad(), e->at });
			ok = false;
		}
	return ok;
}

/* The names of "e" with their values, for the note of a false predicate. */
static void print_values(struct lowering *l, struct scope *s,
	const struct ast_expr *e, struct str *out)
{
	const struct known *k = e->kind == AST_NAME ?
		lower_known(s, e->name) : NULL;
	char *text;

	if (k) {
		text = arena_printf(l->a, "%s is %s", e->name,
			text_of(l->a, k->v));
		if (!strstr(str_text(out), text))
			str_printf(out, "%s%s", out->n ? ", " : "", text);
	}
	for (int i = 0; i < e->n_args; i++)
		print_values(l, s, e->args[i], out);
}

static bool holds(struct lowering *l, struct scope *s,
	const struct ast_cond *w)
{
	struct value v = lower_const(l, s, w->expr);
	struct str out;

	if (v.kind == V_BAD)
		return false;
	if (v.kind != V_BOOL) {
		lower_error(l, s, E_TRUTH, w->at, "a condition is a truth value");
		diag_hint(l->d, "Compare the number, as in x != 0.");
		return false;
	}
	if (v.i)
		return true;
	str_init(&out, l->a);
	str_puts(&out, "");
	print_values(l, s, w->expr, &out);
	lower_error(l, s, E_WHERE, w->at, "a condition of where does not hold");
	if (out.n)
		diag_note(l->d, (struct span){0}, "%s", str_text(&out));
	return false;
}

/* In the order written: a condition stands before what is computed with it. */
bool lower_where(struct lowering *l, struct scope *s)
{
	bool ok = check_open(l, s);

	for (int i = 0; ok && i < s->op->n_where; i++) {
		const struct ast_cond *w = &s->op->where[i];

		ok = w->bind.text ? lower_set(l, s, w->bind.text,
			lower_const(l, s, w->expr), w->at) : holds(l, s, w);
	}
	return ok;
}

enum dtype lower_dtype(struct lowering *l, struct scope *s,
	struct ast_name name)
{
	enum dtype t = dtype_named(name.text);
	const struct known *k;

	if (t != T_NONE)
		return t;
	k = lower_known(s, name.text);
	if (k && k->v.kind == V_TYPE)
		return k->v.type;
	lower_error(l, s, E_UNKNOWN_DTYPE, name.at, "'%s' is no dtype", name.text);
	return T_NONE;
}

int64_t lower_size(struct lowering *l, struct scope *s,
	const struct ast_expr *e)
{
	struct value v = lower_const(l, s, e);

	if (v.kind == V_BAD)
		return -1;
	if (v.kind != V_INT)
		lower_error(l, s, E_INDEX_TYPE, e->at, "a size must be an integer");
	else if (v.i < 0)
		lower_error(l, s, E_SIZE_VALUE, e->at, "size is negative: %lld",
			(long long)v.i);
	else if (v.i >= LOWER_SIZE_LIMIT)
		lower_error(l, s, E_OVERFLOW, e->at, "size overflows 62 bits");
	else
		return v.i;
	return -1;
}
