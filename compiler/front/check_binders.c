/* SPDX-License-Identifier: MIT */
/* Indices: their extents, stated or inferred, and the time they are known. */
#include "front/check.h"

#include <string.h>

static void check_extent(struct scope *s, const struct ast_binder *b)
{
	int errors = diag_errors(s->c->d);
	int64_t lo = 0, hi;

	if (b->lo)
		check_expr(s, b->lo, AT_SIZE);
	if (b->hi)
		check_expr(s, b->hi, AT_SIZE);
	if (!b->hi || diag_errors(s->c->d) > errors || !constant(b->hi, &hi) ||
	    (b->lo && !constant(b->lo, &lo)))
		return;
	if (hi < lo)
		diag_error(s->c->d, E_SIZE_VALUE, span_join(b->lo ? b->lo->at : b->hi->at,
			b->hi->at), "extent of '%s' is negative", b->name);
}

static void hide(struct scope *s, const char *name)
{
	struct symbol *old = scope_find(s, name);

	scope_silence(s, name);
	scope_find(s, name)->hidden = old;
}

void bind_names(struct scope *s, const struct ast_binder *v, int n,
	const struct ast_expr *const *extents)
{
	for (int i = 0; i < n; i++)
		check_extent(s, &v[i]);
	for (int i = 0; i < n && !diag_full(s->c->d); i++) {
		struct symbol *y = scope_add(s, SYM_AXIS,
			(struct ast_name){ v[i].name, v[i].at });

		if (!y) {
			hide(s, v[i].name);
			continue;
		}
		y->ready = true;
		y->lo = v[i].lo;
		y->hi = v[i].hi || !extents ? v[i].hi : extents[i];
	}
}

void unbind_names(struct scope *s, const struct ast_binder *v, int n)
{
	for (int i = n; i-- > 0; ) {
		const struct symbol *y = scope_find(s, v[i].name);

		if (y)
			table_put(&s->symbols, v[i].name, y->hidden);
	}
}

static const struct ast_expr *extent_in_read(const struct scope *s,
	const struct ast_expr *read, const char *axis)
{
	const struct symbol *y = scope_find(s, read->name);

	if (!y || !y->dims || y->rank != read->n_args)
		return NULL;
	for (int i = 0; i < read->n_args; i++)
		if (read->args[i]->kind == AST_NAME && y->dims[i] &&
		    !strcmp(read->args[i]->name, axis))
			return y->dims[i];
	return NULL;
}

const struct ast_expr *inferred_extent(const struct scope *s,
	const struct ast_expr *body, const char *axis)
{
	const struct ast_expr *e = body->kind == AST_INDEX ?
		extent_in_read(s, body, axis) : NULL;

	for (int i = 0; i < body->n_args && !e; i++)
		e = inferred_extent(s, body->args[i], axis);
	return e;
}

bool indexes_alone(const struct ast_expr *body, const char *axis)
{
	for (int i = 0; i < body->n_args; i++) {
		const struct ast_expr *e = body->args[i];

		if ((body->kind == AST_INDEX && e->kind == AST_NAME &&
		     !strcmp(e->name, axis)) || indexes_alone(e, axis))
			return true;
	}
	return false;
}
