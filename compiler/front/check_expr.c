/* SPDX-License-Identifier: MIT */
/* Names, ranks and calls of one expression. What is unknown is reported once
 * and entered as an error, so that its other uses are silent. */
#include "front/check.h"

#include <string.h>

#include "front/names.h"
#include "front/syntax.h"

static const unsigned tensor_kinds =
	1u << SYM_INPUT | 1u << SYM_OUTPUT | 1u << SYM_LET;
static const unsigned number_kinds =
	1u << SYM_ATTR | 1u << SYM_SIZE | 1u << SYM_DERIVED;

static bool is_tensor(const struct symbol *y)
{
	return y && tensor_kinds & 1u << y->kind;
}

/* An index that nothing binds: the mistake that other languages turn into an
 * implicit sum. */
static void report_forgotten(struct scope *s, const struct ast_expr *e)
{
	diag_error(s->c->d, E_FORGOTTEN_INDEX, e->at,
		"index '%s' is neither on the left nor bound "
		"by a reduction", e->name);
	diag_hint(s->c->d, "Reduce over it, as in sum[%s](...), or put it on "
		"the left.", e->name);
}

static void report_unknown(struct scope *s, const struct ast_expr *e,
	enum place place)
{
	struct found f = find_item(s->c->u, e->name);
	unsigned kinds = number_kinds | 1u << SYM_PARAM;

	if (f.result == FIND_BROKEN)
		return;
	if (f.result == FIND_ONE) {
		diag_error(s->c->d, E_KIND, e->at, "'%s' is %s, not a value", e->name,
			f.item->kind == AST_FN ? "a function" : "an operator");
		return;
	}
	if (place == AT_INDEX && !strchr(e->name, '.')) {
		report_forgotten(s, e);
		return;
	}
	if (place == AT_VALUE)
		kinds |= 1u << SYM_AXIS | tensor_kinds;
	diag_error(s->c->d, E_UNKNOWN, e->at, place == AT_SIZE ? "unknown size '%s'" :
		"unknown name '%s'", e->name);
	hint_nearest(s->c->d, e->name, scope_nearest(s, e->name, kinds));
	if (place == AT_SIZE && s->op)
		diag_note(s->c->d, (struct span){0}, "sizes are names that stand "
			"alone as a dimension of an input, attributes in "
			"brackets, and what where computes");
}

static void report_as_value(struct scope *s, const struct ast_expr *e,
	const struct symbol *y)
{
	diag_error(s->c->d, E_RANK, e->at, "'%s' has rank %d and is read without "
		"indices", e->name, y->rank);
	diag_note(s->c->d, y->at, "it is declared here");
}

/* What is read early is most often the result of the statement itself. */
static void hint_recurrence(struct scope *s, const struct ast_expr *e)
{
	bool own = false;

	for (int i = 0; s->op && i < s->op->n_stmts; i++) {
		const struct ast_stmt *t = &s->op->stmts[i];

		own |= t->kind != AST_USE && t->name.text &&
			!strcmp(t->name.text, e->name) &&
			t->at.lo <= e->at.lo && e->at.hi <= t->at.hi;
	}
	if (own)
		diag_hint(s->c->d, "No statement reads its own results, and there "
			"are no recurrences; a running sum is "
			"sum[k](k <= i ? x[k] : 0).");
}

static bool read_too_early(struct scope *s, const struct ast_expr *e,
	const struct symbol *y)
{
	if (y->kind != SYM_OUTPUT || y->ready)
		return false;
	diag_error(s->c->d, E_ORDER, name_span(e),
		"output '%s' is read before it is assigned", e->name);
	hint_recurrence(s, e);
	return true;
}

static void report_dtype(struct scope *s, const struct ast_expr *e)
{
	diag_error(s->c->d, E_KIND, e->at, "'%s' is a dtype, not a value",
		e->name);
}

static void check_tensor_name(struct scope *s, const struct ast_expr *e,
	struct symbol *y, enum place place)
{
	y->used = true;
	if (place == AT_SIZE || place == AT_CONDITION)
		diag_error(s->c->d, E_SIZE_EXPRESSION, e->at,
			"a size cannot depend on %s",
			symbol_kind_name(y->kind));
	else if (y->rank > 0)
		report_as_value(s, e, y);
	else
		read_too_early(s, e, y);
}

static void check_name(struct scope *s, const struct ast_expr *e,
	enum place place)
{
	struct symbol *y = scope_find(s, e->name);

	if (!y) {
		report_unknown(s, e, place);
		scope_silence(s, e->name);
		return;
	}
	if (is_tensor(y))
		check_tensor_name(s, e, y, place);
	else if (y->kind == SYM_DTYPE)
		report_dtype(s, e);
	else if (y->kind == SYM_AXIS && place == AT_SIZE)
		diag_error(s->c->d, E_SIZE_EXPRESSION, e->at,
			"an extent may use sizes only, and '%s' is an index",
			e->name);
	else if (y->kind == SYM_DERIVED && !y->ready)
		diag_error(s->c->d, E_ORDER, e->at,
			"size '%s' is used before where computes it", e->name);
	y->used = true;
}

static bool has_read(const struct scope *s, const struct ast_expr *e)
{
	if (e->kind == AST_INDEX || (e->kind == AST_NAME &&
	    is_tensor(scope_find(s, e->name))))
		return true;
	for (int i = 0; i < e->n_args; i++)
		if (has_read(s, e->args[i]))
			return true;
	return false;
}

static void check_computed(struct scope *s, const struct ast_expr *e)
{
	for (int i = 0; i < e->n_args && e->pad.kind == PAD_NONE; i++) {
		if (!has_read(s, e->args[i]))
			continue;
		diag_error(s->c->d, E_COMPUTED_INDEX, e->args[i]->at,
			"a computed index needs pad");
		diag_hint(s->c->d, "Say what '%s' yields outside, as in "
			"%s[...] pad 0.", e->name, e->name);
		return;
	}
}

static void check_pad(struct scope *s, const struct ast_pad *pad)
{
	struct symbol *y;

	if (pad->kind != PAD_NAME)
		return;
	y = scope_find(s, pad->name);
	if (y && (number_kinds & 1u << y->kind || y->kind == SYM_ERROR)) {
		y->used = true;
		return;
	}
	diag_error(s->c->d, E_PAD, pad->at, "pad takes a number, an attribute or edge, "
		"and '%s' is none", pad->name);
	hint_nearest(s->c->d, pad->name, scope_nearest(s, pad->name,
		number_kinds));
}

/* A let that is defined further down. */
static bool report_early(struct scope *s, const struct ast_expr *e)
{
	for (int i = 0; s->op && i < s->op->n_stmts; i++) {
		const struct ast_stmt *t = &s->op->stmts[i];

		if (t->kind != AST_LET || strcmp(t->name.text, e->name))
			continue;
		diag_error(s->c->d, E_ORDER, name_span(e),
			"let '%s' is read before it is defined", e->name);
		diag_note(s->c->d, t->name.at, "it is defined here");
		hint_recurrence(s, e);
		return true;
	}
	return false;
}

static void report_not_tensor(struct scope *s, const struct ast_expr *e,
	const struct symbol *y)
{
	struct found f = find_item(s->c->u, e->name);

	if (f.result == FIND_BROKEN)
		return;
	if (!y && report_early(s, e))
		return;
	if (y || f.result == FIND_ONE)
		diag_error(s->c->d, E_KIND, name_span(e), "'%s' is %s, not a tensor",
			e->name, y ? symbol_kind_name(y->kind) :
			f.item->kind == AST_FN ? "a function" : "an operator");
	else
		diag_error(s->c->d, E_UNKNOWN, name_span(e),
			s->op ? "unknown tensor '%s'" :
			"a function may read its parameters only, and '%s' is "
			"none", e->name);
	if (!y && f.result == FIND_NONE)
		hint_nearest(s->c->d, e->name,
			scope_nearest(s, e->name, tensor_kinds));
	if (f.result == FIND_ONE && f.item->kind == AST_FN)
		diag_hint(s->c->d, "Call it with parentheses.");
}

static void check_rank(struct scope *s, const struct ast_expr *e,
	const struct symbol *y)
{
	int errors = diag_errors(s->c->d);

	if (y->rank != e->n_args) {
		diag_error(s->c->d, E_RANK, e->at, "'%s' has rank %d but is read with "
			"%d %s", e->name, y->rank, e->n_args,
			e->n_args == 1 ? "index" : "indices");
		diag_note(s->c->d, y->at, "it is declared here");
		return;
	}
	check_computed(s, e);
	if (!read_too_early(s, e, y) && diag_errors(s->c->d) == errors)
		check_read_bounds(s, e, y);
}

static void check_index(struct scope *s, struct ast_expr *e, enum place place)
{
	struct symbol *y = scope_find(s, e->name);
	int errors = diag_errors(s->c->d);

	if (!is_tensor(y)) {
		if (!y || y->kind != SYM_ERROR)
			report_not_tensor(s, e, y);
		if (!y)
			scope_silence(s, e->name);
	} else if (place == AT_SIZE || place == AT_CONDITION) {
		check_tensor_name(s, e, y, place);
	}
	for (int i = 0; i < e->n_args; i++)
		check_expr(s, e->args[i], AT_INDEX);
	check_pad(s, &e->pad);
	if (!is_tensor(y) || place == AT_SIZE || place == AT_CONDITION)
		return;
	y->used = true;
	if (diag_errors(s->c->d) == errors)
		check_rank(s, e, y);
}

static void check_arity(struct scope *s, const struct ast_expr *e, int want)
{
	if (e->n_args != want)
		diag_error(s->c->d, E_ARGUMENTS, e->at,
			"'%s' takes %d argument%s, not %d",
			e->name, want, want == 1 ? "" : "s", e->n_args);
}

static void report_unknown_function(struct scope *s, const struct ast_expr *e,
	struct found f)
{
	const struct symbol *y = scope_find(s, e->name);
	const char *near;

	if (y || f.result == FIND_ONE) {
		diag_error(s->c->d, E_KIND, name_span(e), "'%s' is %s, not a function",
			e->name, y ? symbol_kind_name(y->kind) : "an operator");
		if (is_tensor(y))
			diag_hint(s->c->d, "Read it with brackets: %s[...].",
				e->name);
		else if (!y)
			diag_hint(s->c->d, "Use it in a statement: "
				"let (y) = %s(x);", e->name);
		return;
	}
	if (f.result == FIND_AMBIGUOUS) {
		diag_error(s->c->d, E_AMBIGUOUS, name_span(e),
			"'%s' is ambiguous", e->name);
		diag_note(s->c->d, (struct span){0}, "both %s and %s define it",
			f.first, f.second);
		return;
	}
	diag_error(s->c->d, E_UNKNOWN, name_span(e), "unknown function '%s'", e->name);
	if (habit_function(e->name)) {
		diag_hint(s->c->d, "%s", habit_function(e->name));
		return;
	}
	near = str_nearest(e->name, front_builtins());
	hint_nearest(s->c->d, e->name, near ? near : str_nearest(e->name,
		find_names(s->c->a, s->c->u, 1u << AST_FN)));
}

static void check_call(struct scope *s, struct ast_expr *e)
{
	struct symbol *y = scope_find(s, e->name);
	struct found f = find_item(s->c->u, e->name);
	int arity = names_builtin_arity(e->name);

	if (y && (y->kind == SYM_DTYPE || y->open)) {
		y->kind = SYM_DTYPE;
		y->open = false;
		e->kind = AST_CAST;
		check_arity(s, e, 1);
	} else if (arity >= 0) {
		check_arity(s, e, arity);
	} else if (!y && f.result == FIND_ONE && f.item->kind == AST_FN) {
		check_arity(s, e, f.item->n_params);
	} else if (f.result != FIND_BROKEN) {
		report_unknown_function(s, e, f);
	}
}

static void check_minmax(struct scope *s, const struct ast_expr *e)
{
	int arity = names_builtin_arity(e->name);

	if (arity >= 0) {
		check_arity(s, e, arity);
		return;
	}
	diag_error(s->c->d, E_REDUCER, name_span(e), "'%s' needs the indices that it "
		"reduces over", e->name);
	diag_hint(s->c->d, "Write %s[k](...).", e->name);
}

static void check_inferred(struct scope *s, const struct ast_expr *e)
{
	for (int i = 0; i < e->n_binders; i++) {
		const struct ast_binder *b = &e->binders[i];

		if (b->hi || indexes_alone(e->args[0], b->name))
			continue;
		diag_error(s->c->d, E_EXTENT_UNKNOWN, b->at,
			"extent of '%s' cannot be inferred", b->name);
		diag_note(s->c->d, (struct span){0},
			"no tensor is indexed by '%s' alone", b->name);
		diag_hint(s->c->d, "State it: %s[%s in N](...).", e->name,
			b->name);
	}
}

static void check_reduce(struct scope *s, struct ast_expr *e,
	enum place place)
{
	const struct ast_expr *extents[RANK_LIMIT] = {0};
	int errors = diag_errors(s->c->d);

	if (place == AT_SIZE || place == AT_CONDITION) {
		diag_error(s->c->d, E_SIZE_EXPRESSION, e->at,
			"a size cannot be a reduction");
		return;
	}
	if (e->n_binders > RANK_LIMIT) {
		diag_error(s->c->d, E_LIMIT, e->at,
			"%d indices are reduced at once; at most %d are allowed",
			e->n_binders, RANK_LIMIT);
		return;
	}
	if (e->n_binders > 1 && !strncmp(e->name, "arg", 3))
		diag_error(s->c->d, E_REDUCER, e->at, "'%s' takes one index", e->name);
	for (int i = 0; i < e->n_binders; i++)
		extents[i] = inferred_extent(s, e->args[0], e->binders[i].name);
	bind_names(s, e->binders, e->n_binders, extents);
	check_expr(s, e->args[0], AT_VALUE);
	if (diag_errors(s->c->d) == errors)
		check_inferred(s, e);
	unbind_names(s, e->binders, e->n_binders);
}

static void check_division(struct scope *s, const struct ast_expr *e,
	enum place place)
{
	int64_t v;

	if (place != AT_VALUE && constant(e->args[1], &v) && !v)
		diag_error(s->c->d, E_ZERO_DIVISION, e->at, "division by zero");
}

/* A comparison of dtypes: T == f32, where T is an attribute. */
static bool compares_dtypes(struct scope *s, const struct ast_expr *e)
{
	struct symbol *y[2] = { NULL, NULL };

	if ((e->kind != AST_EQ && e->kind != AST_NE))
		return false;
	for (int i = 0; i < 2; i++) {
		const struct ast_expr *x = e->args[i];

		y[i] = x->kind == AST_NAME ? scope_find(s, x->name) : NULL;
		if (x->kind != AST_TYPE && !(y[i] && y[i]->kind == SYM_DTYPE))
			return false;
	}
	for (int i = 0; i < 2; i++)
		if (y[i])
			y[i]->used = true;
	return true;
}

static void check_operator(struct scope *s, struct ast_expr *e,
	enum place place)
{
	if (compares_dtypes(s, e))
		return;
	for (int i = 0; i < e->n_args; i++)
		check_expr(s, e->args[i], place);
	if (e->kind == AST_DIV || e->kind == AST_MOD)
		check_division(s, e, place);
}

static void check_args(struct scope *s, struct ast_expr *e, enum place place)
{
	for (int i = 0; i < e->n_args; i++)
		check_expr(s, e->args[i], place);
}

void check_expr(struct scope *s, struct ast_expr *e, enum place place)
{
	if (diag_full(s->c->d))
		return;
	switch (e->kind) {
	case AST_INT: case AST_ERROR:
		break;
	case AST_FLOAT:
		if (place == AT_INDEX || place == AT_SIZE)
			diag_error(s->c->d, E_INDEX_TYPE, e->at, "%s must be an integer",
				place == AT_SIZE ? "a size" : "an index");
		break;
	case AST_NAME:
		check_name(s, e, place);
		break;
	case AST_TYPE:
		report_dtype(s, e);
		break;
	case AST_INDEX:
		check_index(s, e, place);
		break;
	case AST_CALL:
		check_call(s, e);
		check_args(s, e, place);
		break;
	case AST_MINMAX:
		check_minmax(s, e);
		check_args(s, e, place);
		break;
	case AST_REDUCE:
		check_reduce(s, e, place);
		break;
	default:
		check_operator(s, e, place);
	}
}
