/* SPDX-License-Identifier: MIT */
/* What an operator's header introduces: attributes, sizes, derived sizes; and
 * the attributes that an instance or a use gives it. A name that stands alone
 * as a dimension of an input is a size; where computes derived ones. */
#include "front/check.h"

#include <string.h>

/* True if "name" stands where a type stands. */
static bool is_type_name(const struct ast_item *op, const char *name)
{
	for (int i = 0; i < op->n_inputs; i++)
		if (!strcmp(op->inputs[i].type.text, name))
			return true;
	for (int i = 0; i < op->n_outputs; i++)
		if (!strcmp(op->outputs[i].type.text, name))
			return true;
	for (int i = 0; i < op->n_stmts; i++)
		if (op->stmts[i].type.text &&
		    !strcmp(op->stmts[i].type.text, name))
			return true;
	return false;
}

/* A value that is just the name of a dtype attribute in scope is a dtype. */
static bool gives_dtype(struct scope *s, const struct ast_attr *attr)
{
	struct symbol *y = s && attr->value && attr->value->kind == AST_NAME ?
		scope_find(s, attr->value->name) : NULL;

	return attr->type.text || (y && y->kind == SYM_DTYPE);
}

static void add_attr(struct scope *s, const struct ast_item *op,
	const struct ast_attr *attr)
{
	bool dtype = gives_dtype(s, attr), bare = !dtype && !attr->value;
	struct symbol *y;

	if (attr->value && !dtype)
		check_expr(s, attr->value, AT_CONDITION);
	if (bare)
		dtype = is_type_name(op, attr->name.text);
	y = scope_add(s, dtype ? SYM_DTYPE : SYM_ATTR, attr->name);
	if (!y)
		return;
	y->needed = bare;
	y->open = bare && !dtype;
	y->ready = true;
}

/* Derived sizes are entered first: a dimension may name them too. */
static void add_derived(struct scope *s, const struct ast_item *op)
{
	for (int i = 0; i < op->n_where; i++)
		if (op->where[i].bind.text)
			scope_add(s, SYM_DERIVED, op->where[i].bind);
}

static void add_sizes(struct scope *s, const struct ast_item *op)
{
	for (int i = 0; i < op->n_inputs; i++)
		for (int j = 0; j < op->inputs[i].n_dims; j++) {
			const struct ast_expr *e = op->inputs[i].dims[j];
			struct symbol *y;

			if (e->kind != AST_NAME || strchr(e->name, '.') ||
			    scope_find(s, e->name))
				continue;
			y = scope_add(s, SYM_SIZE,
				(struct ast_name){ e->name, e->at });
			if (y)
				y->ready = true;
		}
}

static void check_dims(struct scope *s, const struct ast_decl *v, int n)
{
	for (int i = 0; i < n; i++) {
		if (v[i].n_dims > RANK_LIMIT)
			diag_error(s->c->d, E_LIMIT, v[i].at,
				"'%s' has %d dimensions; at most %d are allowed",
				v[i].name.text, v[i].n_dims, RANK_LIMIT);
		for (int j = 0; j < v[i].n_dims; j++)
			check_expr(s, v[i].dims[j], AT_SIZE);
	}
}

static void check_where(struct scope *s, const struct ast_item *op)
{
	for (int i = 0; i < op->n_where; i++) {
		const struct ast_cond *w = &op->where[i];
		struct symbol *y;

		check_expr(s, w->expr, w->bind.text ? AT_SIZE : AT_CONDITION);
		y = w->bind.text ? scope_find(s, w->bind.text) : NULL;
		if (y)
			y->ready = true;
	}
}

void signature_build(struct scope *s, struct checker *c,
	const struct ast_item *op)
{
	s->c = c;
	s->op = op;
	table_init(&s->symbols, c->a);
	for (int i = 0; i < op->n_attrs && i < HEADER_LIMIT; i++)
		add_attr(s, op, &op->attrs[i]);
	add_derived(s, op);
	add_sizes(s, op);
	check_where(s, op);
	check_dims(s, op->inputs, op->n_inputs);
	check_dims(s, op->outputs, op->n_outputs);
}

const struct scope *signature_of(struct checker *c, struct found op)
{
	const char *key = arena_printf(c->a, "%s:%s", op.owner->src->path,
		op.item->name.text);
	struct scope *s = table_get(&c->signatures, key);
	struct checker *silent;

	if (s)
		return s;
	s = ARENA_NEW(c->a, struct scope);
	silent = ARENA_NEW(c->a, struct checker);
	silent->a = c->a;
	silent->u = op.owner;
	silent->d = diag_create(c->a);
	signature_build(s, silent, op.item);
	table_put(&c->signatures, key, s);
	return s;
}

static void check_size_value(struct checker *c, const struct ast_attr *attr)
{
	int64_t v;

	if (attr->value->kind == AST_FLOAT)
		diag_error(c->d, E_SIZE_VALUE, attr->value->at,
			"size '%s' must be an integer", attr->name.text);
	else if (constant(attr->value, &v) && v < 0)
		diag_error(c->d, E_SIZE_VALUE, attr->value->at,
			"size '%s' is negative", attr->name.text);
}

static void check_value(struct checker *c, struct scope *s,
	const struct ast_attr *attr, const struct symbol *y)
{
	struct scope none = { .c = c };

	if (!attr->value && !attr->type.text) {
		diag_error(c->d, E_ATTRIBUTE, attr->name.at, "'%s' needs a value",
			attr->name.text);
		return;
	}
	if (gives_dtype(s, attr) != (y->kind == SYM_DTYPE) && !y->open) {
		diag_error(c->d, E_ATTRIBUTE, attr->name.at, y->kind == SYM_DTYPE ?
			"'%s' must be a dtype" : "'%s' must be a number",
			attr->name.text);
		return;
	}
	if (attr->value && !gives_dtype(s, attr)) {
		table_init(&none.symbols, c->a);
		check_expr(s ? s : &none, attr->value, AT_CONDITION);
		if (y->kind == SYM_SIZE)
			check_size_value(c, attr);
	}
}

static void check_attr(struct checker *c, struct scope *s,
	struct ast_name callee, const struct scope *sig,
	const struct ast_attr *attr)
{
	const unsigned kinds = 1u << SYM_ATTR | 1u << SYM_DTYPE | 1u << SYM_SIZE;
	const struct symbol *y = scope_find(sig, attr->name.text);

	if (y && kinds & 1u << y->kind) {
		check_value(c, s, attr, y);
		return;
	}
	if (y && y->kind == SYM_DERIVED) {
		diag_error(c->d, E_ATTRIBUTE, attr->name.at,
			"'%s' is computed by '%s' and cannot be set",
			attr->name.text, callee.text);
		return;
	}
	diag_error(c->d, E_ATTRIBUTE, attr->name.at, "'%s' has no attribute or size '%s'",
		callee.text, attr->name.text);
	hint_nearest(c->d, attr->name.text,
		scope_nearest(sig, attr->name.text, kinds));
}

static const struct ast_attr *given(const struct ast_attr *attrs, int n,
	const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(attrs[i].name.text, name))
			return &attrs[i];
	return NULL;
}

/* An instance used by its name has given some attributes already. */
static const struct ast_attr *preset(const struct checker *c,
	struct ast_name callee, const char *name)
{
	struct found f = find_item(c->u, callee.text);

	return f.result == FIND_ONE && f.item->kind == AST_INSTANCE ?
		given(f.item->attrs, f.item->n_attrs, name) : NULL;
}

static void check_needed(struct checker *c, struct ast_name callee,
	struct found op, const struct ast_attr *attrs, int n)
{
	const struct scope *sig = signature_of(c, op);

	for (int i = 0; i < op.item->n_attrs; i++) {
		const char *name = op.item->attrs[i].name.text;
		const struct symbol *y = scope_find(sig, name);

		if (!y || !y->needed || given(attrs, n, name) ||
		    preset(c, callee, name))
			continue;
		diag_error(c->d, E_SIZE_OPEN, callee.at,
			"attribute '%s' of '%s' has no default and is not given",
			name, callee.text);
		diag_note(c->d, y->at, "it is declared here");
	}
}

void check_attrs(struct checker *c, struct scope *s, struct ast_name callee,
	struct found op, const struct ast_attr *attrs, int n)
{
	const struct scope *sig = signature_of(c, op);
	struct table seen;

	table_init(&seen, c->a);
	for (int i = 0; i < n && !diag_full(c->d); i++) {
		const struct ast_name *name = &attrs[i].name;

		if (table_get(&seen, name->text))
			diag_error(c->d, E_TWICE, name->at, "'%s' is given twice",
				name->text);
		else
			check_attr(c, s, callee, sig, &attrs[i]);
		table_put(&seen, name->text, (void *)name);
	}
	check_needed(c, callee, op, attrs, n);
}
