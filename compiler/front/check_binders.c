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
		diag_error(s->c->d, span_join(b->lo ? b->lo->at : b->hi->at,
			b->hi->at), "extent of '%s' is negative", b->name);
}

void bind(struct scope *s, const struct ast_binder *v, int n,
	const struct ast_expr *const *extents)
{
	for (int i = 0; i < n; i++)
		check_extent(s, &v[i]);
	for (int i = 0; i < n && !diag_full(s->c->d); i++) {
		struct symbol *y = scope_add(s, SYM_AXIS,
			(struct ast_name){ v[i].name, v[i].at });

		if (!y)
			continue;
		y->ready = true;
		y->lo = v[i].lo;
		y->hi = v[i].hi || !extents ? v[i].hi : extents[i];
	}
}

/* A binder that hid another name was never entered. */
void unbind(struct scope *s, const struct ast_binder *v, int n)
{
	for (int i = 0; i < n; i++) {
		const struct symbol *y = scope_find(s, v[i].name);

		if (y && y->kind == SYM_AXIS && y->at.lo == v[i].at.lo)
			table_put(&s->symbols, v[i].name, NULL);
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
