/* SPDX-License-Identifier: MIT */
/* Lowering: operators inside operators. In: let (s) = std.matmul.nt[scale =
 * 0.125](q, k); Out: the other operator's statements, its inputs standing for
 * the operands, its outputs for the names on the left, its sizes and dtypes
 * those of the operands. Which kernel they end up in is not decided here. */
#include <string.h>

#include "front/front.h"
#include "ir/lower_state.h"

/* Sizes that stand alone as a dimension of an input take the operand's. */
static bool unify(struct lowering *l, struct scope *s,
	const struct ast_decl *d, const struct ir_tensor *t,
	struct ast_name operand)
{
	bool ok = true;

	for (int i = 0; i < d->n_dims; i++) {
		const struct ast_expr *e = d->dims[i];

		if (e->kind != AST_NAME || !lower_is_size(s->op, e->name))
			continue;
		ok &= lower_set(l, s, e->name, lower_int(t->dims[i]),
			operand.at);
	}
	return ok;
}

static bool operand_known(struct lowering *l, struct scope *s,
	const struct ast_decl *d, struct ast_name operand, int id)
{
	const struct ir_tensor *t;
	bool ok = true;

	if (id < 0) {
		lower_error(l, s->parent, E_UNKNOWN, operand.at, "unknown tensor '%s'",
			operand.text);
		return false;
	}
	for (int i = 0; i < l->tensors.v[id].rank; i++)
		ok &= l->tensors.v[id].dims[i] >= 0;
	if (!ok)
		lower_infer(l);
	t = &l->tensors.v[id];
	for (int i = 0; i < t->rank; i++) {
		if (t->dims[i] >= 0)
			continue;
		lower_error(l, s->parent, E_EXTENT_UNKNOWN, operand.at,
			"extent %d of '%s' is not known yet", i + 1,
			operand.text);
		diag_hint(l->d, "State it where '%s' is made: i in N.",
			operand.text);
		return false;
	}
	if (t->rank == d->n_dims)
		return true;
	lower_error(l, s->parent, E_RANK, operand.at,
		"'%s' has rank %d, '%s' takes rank %d", operand.text, t->rank,
		s->title, d->n_dims);
	return false;
}

/* An attribute that is the dtype of an input, and was not given, is the
 * operand's. */
static bool unify_type(struct lowering *l, struct scope *s,
	const struct ast_decl *d, const struct ir_tensor *t,
	struct ast_name operand)
{
	struct value v = { .kind = V_TYPE, .type = t->type };

	return dtype_named(d->type.text) != T_NONE ||
		lower_known(s, d->type.text) ||
		lower_set(l, s, d->type.text, v, operand.at);
}

static bool bind_operands(struct lowering *l, struct scope *s,
	const struct ast_stmt *use)
{
	bool ok = use->n_operands == s->op->n_inputs;

	if (!ok)
		lower_error(l, s->parent, E_ARGUMENTS, use->callee.at,
			"'%s' takes %d operands, not %d", s->title,
			s->op->n_inputs, use->n_operands);
	for (int i = 0; ok && i < use->n_operands; i++) {
		const struct ast_decl *d = &s->op->inputs[i];
		int id = lower_tensor_named(s->parent, use->operands[i].text);

		if (!operand_known(l, s, d, use->operands[i], id))
			return false;
		lower_name_tensor(l, s, d->name.text, id);
		ok = unify(l, s, d, &l->tensors.v[id], use->operands[i]) &&
			unify_type(l, s, d, &l->tensors.v[id],
				use->operands[i]);
	}
	return ok;
}

static void wrong_type(struct lowering *l, struct scope *s,
	const struct ast_stmt *use, int i, enum dtype found, enum dtype wanted)
{
	const char *attr = s->op->inputs[i].type.text;

	lower_error(l, s->parent, E_CONVERSION, use->operands[i].at,
		"'%s' is %s, but '%s' takes %s here", use->operands[i].text,
		dtype_row(found)->name, s->title, dtype_row(wanted)->name);
	for (int k = 0; k < use->n_attrs; k++)
		if (!strcmp(use->attrs[k].name.text, attr))
			diag_hint(l->d, "Give the attribute: %s[%s = %s].",
				s->title, attr, dtype_row(found)->name);
}

/* The operand's type and dimensions are those declared, sizes known. */
static bool check_operand(struct lowering *l, struct scope *s,
	const struct ast_stmt *use, int at)
{
	const struct ast_decl *d = &s->op->inputs[at];
	struct ast_name operand = use->operands[at];
	const struct ir_tensor *t =
		&l->tensors.v[lower_tensor_named(s, d->name.text)];
	enum dtype type = lower_dtype(l, s, d->type);
	bool ok = type == t->type;

	if (!ok && type != T_NONE)
		wrong_type(l, s, use, at, t->type, type);
	for (int i = 0; ok && i < d->n_dims; i++) {
		int64_t n = lower_size(l, s, d->dims[i]);

		if (n == t->dims[i])
			continue;
		if (n >= 0)
			lower_error(l, s->parent, E_EXTENTS_DISAGREE, operand.at,
				"dimension %d of '%s' is %lld, but '%s' takes "
				"%lld", i + 1, operand.text,
				(long long)t->dims[i], s->title, (long long)n);
		ok = false;
	}
	return ok;
}

/* ---- results ---- */

/* Result "i" as a let of the use's own, in its declared type. */
static int new_result(struct lowering *l, struct scope *s, int i,
	const char *name)
{
	const struct ast_decl *d = &s->op->outputs[i];
	enum dtype type = lower_dtype(l, s, d->type);
	int id;

	if (type == T_NONE)
		return -1;
	id = lower_new_let(l, s->parent, name, type, d->n_dims, d->name.at);
	l->info.v[id].declared = true;
	for (int k = 0; k < d->n_dims; k++) {
		l->tensors.v[id].dims[k] = lower_size(l, s, d->dims[k]);
		if (l->tensors.v[id].dims[k] < 0)
			return -1;
	}
	return lower_fits(l, s->parent, &l->tensors.v[id]) ? id : -1;
}

static bool same_shape(struct lowering *l, struct scope *s, int i, int id,
	struct ast_name name)
{
	const struct ast_decl *d = &s->op->outputs[i];
	const struct ir_tensor *t = &l->tensors.v[id];
	bool ok = t->rank == d->n_dims;

	for (int k = 0; ok && k < t->rank; k++)
		ok = lower_size(l, s, d->dims[k]) == t->dims[k];
	if (!ok)
		lower_error(l, s->parent, E_EXTENTS_DISAGREE, name.at,
			"'%s' has other dimensions than the result of '%s'",
			name.text, s->title);
	return ok;
}

/* out[i0, i1] = result[i0, i1], as syntax in the use's scope: the types of the
 * output and of the result differ. */
static void copy_result(struct lowering *l, struct scope *s, int i, int to,
	struct ast_name name)
{
	const struct ast_decl *d = &s->op->outputs[i];
	struct ast_stmt *c = ARENA_NEW(l->a, struct ast_stmt);
	struct ast_expr *read = ARENA_NEW(l->a, struct ast_expr);

	c->kind = AST_ASSIGN;
	c->name = name;
	c->at = read->at = name.at;
	c->n_binders = read->n_args = d->n_dims;
	c->binders = ARENA_ARRAY(l->a, d->n_dims + 1, struct ast_binder);
	read->args = ARENA_ARRAY(l->a, d->n_dims + 1, struct ast_expr *);
	read->kind = d->n_dims ? AST_INDEX : AST_NAME;
	read->name = d->name.text;
	for (int k = 0; k < d->n_dims; k++) {
		struct ast_expr *e = ARENA_NEW(l->a, struct ast_expr);

		e->kind = AST_NAME;
		e->name = arena_printf(l->a, "i%d", k);
		e->at = name.at;
		read->args[k] = e;
		c->binders[k] = (struct ast_binder){ .name = e->name,
			.at = name.at };
	}
	c->expr = read;
	lower_add_work(l, s, c, to);
}

/* Tensors that the results are written to, named inside "s"; "*copies[i]" is
 * the output to copy result i to afterwards, or -1. */
static bool bind_results(struct lowering *l, struct scope *s,
	const struct ast_stmt *use, int *copies)
{
	if (use->n_names != s->op->n_outputs) {
		lower_error(l, s->parent, E_ARGUMENTS, use->at,
			"'%s' has %d results, not %d",
			s->title, s->op->n_outputs, use->n_names);
		return false;
	}
	for (int i = 0; i < use->n_names; i++) {
		const char *name = use->names[i].text;
		int id = use->is_let ? -1 : lower_tensor_named(s->parent, name);

		copies[i] = -1;
		if (!use->is_let && (id < 0 || !same_shape(l, s, i, id,
		    use->names[i])))
			return false;
		if (id >= 0 && l->tensors.v[id].type !=
		    lower_dtype(l, s, s->op->outputs[i].type)) {
			copies[i] = id;
			id = -1;
		}
		if (id < 0)
			id = new_result(l, s, i, name);
		if (id < 0)
			return false;
		lower_name_tensor(l, s, s->op->outputs[i].name.text, id);
	}
	return true;
}

/* ---- the use ---- */

static bool find_callee(struct lowering *l, struct scope *s, const char *name)
{
	const struct ast_unit *owner = NULL;
	const struct ast_item *item = front_find(s->unit, name, &owner);

	s->unit = owner;
	s->op = item && item->kind == AST_OP ? item : NULL;
	if (s->op)
		return true;
	if (item && item->kind == AST_INSTANCE)
		return lower_resolve(l, s, item);
	lower_error(l, s->parent, E_UNKNOWN_OPERATOR, s->at,
		"unknown operator '%s'", name);
	return false;
}

static bool prepare(struct lowering *l, struct scope *s,
	const struct ast_stmt *use, int *copies)
{
	bool ok;

	if (!find_callee(l, s, use->callee.text) ||
	    !lower_attrs(l, s, s->parent, use->attrs, use->n_attrs) ||
	    !bind_operands(l, s, use) || !lower_defaults(l, s) ||
	    !lower_where(l, s))
		return false;
	ok = true;
	for (int i = 0; i < use->n_operands; i++)
		ok &= check_operand(l, s, use, i);
	return ok && bind_results(l, s, use, copies);
}

void lower_use(struct lowering *l, struct scope *parent,
	const struct ast_stmt *use)
{
	struct scope *s = ARENA_NEW(l->a, struct scope);
	int *copies = ARENA_ARRAY(l->a, use->n_names + 1, int);

	s->parent = parent;
	s->title = use->callee.text;
	s->at = use->callee.at;
	s->unit = parent->unit;
	s->prefix = parent->prefix ? arena_printf(l->a, "%s_%s", parent->prefix,
		use->names[0].text) : use->names[0].text;
	s->depth = parent->depth + 1;
	if (s->depth > LOWER_USES) {
		lower_error(l, parent, E_LIMIT, use->at, "operators use each other too "
			"deeply");
		return;
	}
	if (!prepare(l, s, use, copies))
		return;
	lower_expand(l, s);
	for (int i = 0; i < use->n_names; i++) {
		if (copies[i] >= 0)
			copy_result(l, s, i, copies[i], use->names[i]);
		if (use->is_let)
			lower_name_tensor(l, parent, use->names[i].text,
				lower_tensor_named(s,
					s->op->outputs[i].name.text));
	}
}
