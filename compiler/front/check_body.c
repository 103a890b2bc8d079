/* SPDX-License-Identifier: MIT */
/* Functions and operators: parameters, tensors and statements, in order. A let
 * or an output becomes known with the statement that defines it. */
#include "front/check.h"

#include <string.h>

#include "front/names.h"

void check_fn(struct checker *c, const struct ast_item *fn)
{
	struct scope s = { .c = c };

	table_init(&s.symbols, c->a);
	if (names_builtin_arity(fn->name.text) >= 0)
		diag_error(c->d, E_KIND, fn->name.at, "'%s' is a builtin function",
			fn->name.text);
	if (fn->n_params > RANK_LIMIT)
		diag_error(c->d, E_LIMIT, fn->name.at,
			"'%s' has %d parameters; at most %d are allowed",
			fn->name.text, fn->n_params, RANK_LIMIT);
	for (int i = 0; i < fn->n_params && !diag_full(c->d); i++)
		scope_add(&s, SYM_PARAM, fn->params[i]);
	check_expr(&s, fn->expr, AT_VALUE);
}

static void check_type(struct scope *s, const struct ast_name *type)
{
	const struct symbol *y;
	const char *near;

	if (names_is_dtype(type->text))
		return;
	y = scope_find(s, type->text);
	if (y && (y->kind == SYM_DTYPE || y->kind == SYM_ERROR))
		return;
	if (y) {
		diag_error(s->c->d, E_KIND, type->at, "'%s' is %s, not a dtype",
			type->text, symbol_kind_name(y->kind));
		diag_note(s->c->d, y->at, "it gets this meaning here");
		return;
	}
	diag_error(s->c->d, E_UNKNOWN_DTYPE, type->at, "unknown dtype '%s'", type->text);
	near = names_dtype_of(type->text);
	if (!near)
		near = scope_nearest(s, type->text, 1u << SYM_DTYPE);
	hint_nearest(s->c->d, type->text,
		near ? near : str_nearest(type->text, front_dtypes()));
	scope_silence(s, type->text);
}

static void add_tensors(struct scope *s, enum symbol_kind kind,
	const struct ast_decl *v, int n)
{
	for (int i = 0; i < n && !diag_full(s->c->d); i++) {
		struct symbol *y = scope_add(s, kind, v[i].name);

		check_type(s, &v[i].type);
		check_quals(s, &v[i], v[i].quals, v[i].n_quals);
		if (!y)
			continue;
		y->rank = v[i].n_dims;
		y->dims = (const struct ast_expr **)v[i].dims;
	}
}

static const struct ast_decl *find_output(const struct ast_item *op,
	const char *name)
{
	for (int i = 0; i < op->n_outputs; i++)
		if (!strcmp(op->outputs[i].name.text, name))
			return &op->outputs[i];
	return NULL;
}

static bool too_many_binders(struct scope *s, const struct ast_stmt *t)
{
	if (t->n_binders <= RANK_LIMIT)
		return false;
	diag_error(s->c->d, E_LIMIT, t->name.at,
		"'%s' has %d indices; at most %d are allowed", t->name.text,
		t->n_binders, RANK_LIMIT);
	return true;
}

static void check_let(struct scope *s, const struct ast_stmt *t)
{
	const struct ast_expr *extents[RANK_LIMIT] = {0};
	const struct ast_expr **dims;
	struct symbol *y;

	if (too_many_binders(s, t))
		return;
	check_type(s, &t->type);
	dims = ARENA_ARRAY(s->c->a, (size_t)t->n_binders, const struct ast_expr *);
	for (int i = 0; i < t->n_binders; i++) {
		const struct ast_binder *b = &t->binders[i];

		extents[i] = inferred_extent(s, t->expr, b->name);
		dims[i] = b->lo ? NULL : b->hi ? b->hi : extents[i];
	}
	bind_names(s, t->binders, t->n_binders, extents);
	check_expr(s, t->expr, AT_VALUE);
	unbind_names(s, t->binders, t->n_binders);
	y = scope_add(s, SYM_LET, t->name);
	if (!y)
		return;
	y->rank = t->n_binders;
	y->dims = dims;
}

static void report_not_output(struct scope *s, const struct ast_name *name)
{
	const struct symbol *y = scope_find(s, name->text);

	if (y && y->kind == SYM_ERROR)
		return;
	if (y && y->kind == SYM_INPUT)
		diag_error(s->c->d, E_COVERAGE, name->at, "input '%s' is assigned",
			name->text);
	else if (y)
		diag_error(s->c->d, E_COVERAGE, name->at,
			"'%s' is %s and cannot be assigned",
			name->text, symbol_kind_name(y->kind));
	else
		diag_error(s->c->d, E_UNKNOWN, name->at,
			"unknown output '%s'", name->text);
	if (y) {
		diag_note(s->c->d, y->at, "it is declared here");
		return;
	}
	hint_nearest(s->c->d, name->text,
		scope_nearest(s, name->text, 1u << SYM_OUTPUT));
	if (!scope_nearest(s, name->text, 1u << SYM_OUTPUT))
		diag_hint(s->c->d, "A value in between is a let: "
			"let %s[...]: f32 = ...;", name->text);
}

/* True if the statement writes a piece: one index at least has an extent. */
static bool is_piece(const struct ast_stmt *t)
{
	for (int i = 0; i < t->n_binders; i++)
		if (t->binders[i].hi)
			return true;
	return false;
}

static void check_twice(struct scope *s, const struct ast_stmt *t,
	struct symbol *y)
{
	if (y->ready && (!is_piece(t) || !y->open)) {
		diag_error(s->c->d, E_COVERAGE, t->name.at,
			"output '%s' is assigned twice",
			t->name.text);
		diag_hint(s->c->d, "Pieces of an output need extents, as in "
			"%s[i in 0:4].", t->name.text);
	}
	y->ready = true;
	y->open = is_piece(t);
}

static void check_assign(struct scope *s, const struct ast_stmt *t)
{
	const struct ast_decl *out = find_output(s->op, t->name.text);
	struct symbol *y = scope_find(s, t->name.text);
	bool fits;

	if (too_many_binders(s, t))
		return;
	if (!out || !y || y->kind != SYM_OUTPUT) {
		report_not_output(s, &t->name);
		out = NULL;
	}
	fits = out && out->n_dims == t->n_binders;
	if (out && !fits) {
		diag_error(s->c->d, E_RANK, t->name.at,
			"output '%s' has rank %d but is assigned with %d %s",
			t->name.text, out->n_dims, t->n_binders,
			t->n_binders == 1 ? "index" : "indices");
		diag_note(s->c->d, out->at, "it is declared here");
	}
	bind_names(s, t->binders, t->n_binders,
		fits ? (const struct ast_expr *const *)out->dims : NULL);
	for (int i = 0; fits && i < t->n_binders; i++)
		check_extent_bounds(s, &t->binders[i], out->dims[i]);
	check_expr(s, t->expr, AT_VALUE);
	unbind_names(s, t->binders, t->n_binders);
	if (out)
		check_twice(s, t, y);
}

static void check_operand(struct scope *s, const struct ast_stmt *t, int i,
	const struct ast_decl *want)
{
	const unsigned kinds = 1u << SYM_INPUT | 1u << SYM_OUTPUT | 1u << SYM_LET;
	const struct ast_name *name = &t->operands[i];
	struct symbol *y = scope_find(s, name->text);

	if (!y || !(kinds & 1u << y->kind)) {
		if (y && y->kind == SYM_ERROR)
			return;
		diag_error(s->c->d, E_KIND, name->at, y ? "'%s' is no tensor" :
			"unknown tensor '%s'", name->text);
		hint_nearest(s->c->d, name->text,
			scope_nearest(s, name->text, kinds));
		return;
	}
	y->used = true;
	if (y->kind == SYM_OUTPUT && !y->ready) {
		diag_error(s->c->d, E_ORDER, name->at,
			"output '%s' is read before it is assigned", name->text);
	} else if (y->rank != want->n_dims) {
		diag_error(s->c->d, E_RANK, name->at,
			"'%s' has rank %d, and '%s' of '%s' has rank %d",
			name->text, y->rank, want->name.text, t->callee.text,
			want->n_dims);
		diag_note(s->c->d, y->at, "it is declared here");
	}
}

static void add_result(struct scope *s, const struct ast_stmt *t, int i,
	int rank)
{
	const struct ast_name *name = &t->names[i];
	struct symbol *y;

	if (t->is_let) {
		y = scope_add(s, SYM_LET, *name);
		if (y)
			y->rank = rank;
		return;
	}
	y = scope_find(s, name->text);
	if (!y || y->kind != SYM_OUTPUT) {
		report_not_output(s, name);
		return;
	}
	if (rank >= 0 && y->rank != rank) {
		diag_error(s->c->d, E_RANK, name->at,
			"output '%s' has rank %d, and this result of '%s' has "
			"rank %d", name->text, y->rank, t->callee.text, rank);
		diag_note(s->c->d, y->at, "it is declared here");
	}
	if (y->ready)
		diag_error(s->c->d, E_COVERAGE, name->at, "output '%s' is assigned twice",
			name->text);
	y->ready = true;
}

/* Results of an operator that cannot be found are silent names. */
static void give_up_use(struct scope *s, const struct ast_stmt *t)
{
	for (int i = 0; i < t->n_names; i++) {
		struct symbol *y = scope_find(s, t->names[i].text);

		if (y && y->kind == SYM_OUTPUT)
			y->ready = true;
		else if (!y)
			scope_silence(s, t->names[i].text);
	}
}

static void check_use(struct scope *s, const struct ast_stmt *t)
{
	struct found f = find_expect(s->c, t->callee);

	if (f.result != FIND_ONE) {
		give_up_use(s, t);
		return;
	}
	check_attrs(s->c, s, t->callee, f, t->attrs, t->n_attrs);
	if (t->n_operands != f.item->n_inputs)
		diag_error(s->c->d, E_ARGUMENTS, t->callee.at,
			"'%s' takes %d tensor%s, not %d",
			t->callee.text, f.item->n_inputs,
			f.item->n_inputs == 1 ? "" : "s", t->n_operands);
	if (t->n_names != f.item->n_outputs)
		diag_error(s->c->d, E_ARGUMENTS, t->callee.at,
			"'%s' gives %d result%s, not %d",
			t->callee.text, f.item->n_outputs,
			f.item->n_outputs == 1 ? "" : "s", t->n_names);
	for (int i = 0; i < t->n_operands && i < f.item->n_inputs; i++)
		check_operand(s, t, i, &f.item->inputs[i]);
	for (int i = 0; i < t->n_names && !diag_full(s->c->d); i++)
		add_result(s, t, i, i < f.item->n_outputs ?
			f.item->outputs[i].n_dims : -1);
}

static void warn_unused(struct scope *s, const struct ast_name *name)
{
	enum { ENOUGH = 20 };
	const struct symbol *y = scope_find(s, name->text);

	if (!y || y->kind != SYM_LET || y->used || y->at.lo != name->at.lo ||
	    s->c->n_warnings++ >= ENOUGH)
		return;
	diag_warn(s->c->d, W_UNUSED, name->at, "let '%s' is never used", name->text);
}

static void check_left_over(struct scope *s)
{
	for (int i = 0; i < s->op->n_outputs; i++) {
		const struct ast_name *name = &s->op->outputs[i].name;
		const struct symbol *y = scope_find(s, name->text);

		if (y && y->kind == SYM_OUTPUT && !y->ready)
			diag_error(s->c->d, E_COVERAGE, name->at,
				"output '%s' is never assigned", name->text);
	}
	for (int i = 0; i < s->op->n_stmts; i++) {
		const struct ast_stmt *t = &s->op->stmts[i];

		if (t->kind == AST_LET)
			warn_unused(s, &t->name);
		for (int j = 0; t->is_let && j < t->n_names; j++)
			warn_unused(s, &t->names[j]);
	}
}

static bool too_large(struct checker *c, const struct ast_item *op)
{
	const struct { int n, limit; const char *what; } parts[] = {
		{ op->n_attrs, HEADER_LIMIT, "attributes" },
		{ op->n_inputs, HEADER_LIMIT, "inputs" },
		{ op->n_outputs, HEADER_LIMIT, "outputs" },
		{ op->n_stmts, STMT_LIMIT, "statements" },
	};
	int errors = diag_errors(c->d);

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].n > parts[i].limit)
			diag_error(c->d, E_LIMIT, op->name.at,
				"operator '%s' has %d %s; at most %d are allowed",
				op->name.text, parts[i].n, parts[i].what,
				parts[i].limit);
	return diag_errors(c->d) > errors;
}

void check_op(struct checker *c, const struct ast_item *op)
{
	struct scope s;

	if (too_large(c, op))
		return;
	signature_build(&s, c, op);
	add_tensors(&s, SYM_INPUT, op->inputs, op->n_inputs);
	add_tensors(&s, SYM_OUTPUT, op->outputs, op->n_outputs);
	for (int i = 0; i < op->n_stmts && !diag_full(c->d); i++) {
		if (op->stmts[i].kind == AST_LET)
			check_let(&s, &op->stmts[i]);
		else if (op->stmts[i].kind == AST_ASSIGN)
			check_assign(&s, &op->stmts[i]);
		else
			check_use(&s, &op->stmts[i]);
	}
	check_left_over(&s);
}
