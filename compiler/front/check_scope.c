/* SPDX-License-Identifier: MIT */
/* Names and their meaning at one place of an operator, and the small questions
 * that all checks ask. No name may hide another, so a scope is one table. */
#include "front/check.h"

#include <string.h>

#include "base/vec.h"

struct span name_span(const struct ast_expr *e)
{
	struct span at = e->at;
	size_t n = e->name ? strlen(e->name) : 0;

	if (n && n < at.hi - at.lo)
		at.hi = at.lo + (uint32_t)n;
	return at;
}

struct symbol *scope_find(const struct scope *s, const char *name)
{
	return table_get(&s->symbols, name);
}

const char *symbol_kind_name(enum symbol_kind kind)
{
	static const char *const names[] = {
		[SYM_ERROR] = "a name", [SYM_DTYPE] = "a dtype attribute",
		[SYM_ATTR] = "an attribute", [SYM_SIZE] = "a size",
		[SYM_DERIVED] = "a size", [SYM_INPUT] = "an input",
		[SYM_OUTPUT] = "an output", [SYM_LET] = "a let",
		[SYM_AXIS] = "an index", [SYM_PARAM] = "a parameter",
	};

	return names[kind];
}

struct symbol *scope_add(struct scope *s, enum symbol_kind kind,
	struct ast_name name)
{
	struct symbol *old = scope_find(s, name.text);
	struct symbol *y;

	if (old && old->kind != SYM_ERROR) {
		diag_error(s->c->d, E_TWICE, name.at, "'%s' is already %s", name.text,
			symbol_kind_name(old->kind));
		diag_note(s->c->d, old->at, "it gets this meaning here");
		return NULL;
	}
	y = ARENA_NEW(s->c->a, struct symbol);
	y->kind = kind;
	y->name = name.text;
	y->at = name.at;
	y->used = old != NULL;
	table_put(&s->symbols, name.text, y);
	return y;
}

void scope_silence(struct scope *s, const char *name)
{
	struct symbol *y = ARENA_NEW(s->c->a, struct symbol);

	y->kind = SYM_ERROR;
	y->name = name;
	table_put(&s->symbols, name, y);
}

const char *scope_nearest(const struct scope *s, const char *name,
	unsigned kinds)
{
	VEC(const char *) names = {0};

	for (int i = 0; i < s->symbols.cap; i++) {
		const struct symbol *y = s->symbols.rows[i].value;

		if (y && kinds & 1u << y->kind)
			vec_push(s->c->a, &names, y->name);
	}
	vec_push(s->c->a, &names, NULL);
	return str_nearest(name, names.v);
}

void hint_nearest(struct diag *d, const char *name, const char *near)
{
	if (near && strlen(name) > 1 && strcmp(near, name))
		diag_hint(d, "Did you mean '%s'?", near);
}

static int64_t floor_div(int64_t x, int64_t y)
{
	return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

static bool combine(enum ast_expr_kind kind, int64_t x, int64_t y, int64_t *v)
{
	switch (kind) {
	case AST_ADD:
		return !__builtin_add_overflow(x, y, v);
	case AST_SUB:
		return !__builtin_sub_overflow(x, y, v);
	case AST_MUL:
		return !__builtin_mul_overflow(x, y, v);
	case AST_DIV: case AST_MOD:
		if (!y || (x == INT64_MIN && y == -1))
			return false;
		*v = kind == AST_DIV ? floor_div(x, y) :
			x - y * floor_div(x, y);
		return true;
	default:
		return false;
	}
}

bool constant(const struct ast_expr *e, int64_t *v)
{
	int64_t x, y;

	if (e->kind == AST_INT) {
		*v = e->i;
		return true;
	}
	if (e->kind == AST_NEG)
		return constant(e->args[0], &x) &&
			!__builtin_sub_overflow(0, x, v);
	if (e->kind < AST_ADD || e->kind > AST_MOD)
		return false;
	return constant(e->args[0], &x) && constant(e->args[1], &y) &&
		combine(e->kind, x, y, v);
}

static bool same_name(const char *x, const char *y)
{
	return x == y || (x && y && !strcmp(x, y));
}

bool same_expr(const struct ast_expr *x, const struct ast_expr *y)
{
	if (x->kind != y->kind || x->n_args != y->n_args ||
	    x->i != y->i || x->f != y->f || !same_name(x->name, y->name) ||
	    x->n_binders || y->n_binders)
		return false;
	for (int i = 0; i < x->n_args; i++)
		if (!same_expr(x->args[i], y->args[i]))
			return false;
	return true;
}
