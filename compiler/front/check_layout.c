/* SPDX-License-Identifier: MIT */
/* Qualifiers of a tensor: layout, stride, align. A layout names every declared
 * dimension once, whole or split by a constant into D/c and D%c; equal
 * dimensions are matched left to right. */
#include "front/check.h"

#include <string.h>

enum part { WHOLE = 1, QUOTIENT = 2, REMAINDER = 4 };

/* What a layout has said about the dimensions so far: parts, and the constant
 * of a dimension's first half. */
struct cover {
	unsigned parts[RANK_LIMIT];
	const struct ast_expr *by[RANK_LIMIT];
};

/* The dimension equal to "e" that lacks "part", or -1. */
static int find_dim(const struct ast_decl *d, const struct cover *c,
	const struct ast_expr *e, enum part part, const struct ast_expr *by)
{
	for (int i = 0; i < d->n_dims; i++) {
		unsigned taken = part == WHOLE ? c->parts[i] :
			c->parts[i] & (unsigned)(WHOLE | part);

		if (!taken && same_expr(d->dims[i], e) &&
		    (!c->by[i] || same_expr(c->by[i], by)))
			return i;
	}
	return -1;
}

static bool match(const struct ast_decl *d, struct cover *c,
	const struct ast_expr *e, struct front_layout_part *out)
{
	int dim = find_dim(d, c, e, WHOLE, NULL);
	enum part part = WHOLE;

	*out = (struct front_layout_part){ .dim = dim };
	if (dim < 0 && (e->kind == AST_DIV || e->kind == AST_MOD)) {
		part = e->kind == AST_DIV ? QUOTIENT : REMAINDER;
		out->by = e->args[1];
		out->modulo = e->kind == AST_MOD;
		out->dim = dim = find_dim(d, c, e->args[0], part, out->by);
	}
	if (dim < 0)
		return false;
	c->parts[dim] |= part;
	if (out->by)
		c->by[dim] = out->by;
	return true;
}

static bool covered(unsigned parts)
{
	return parts == WHOLE || parts == (QUOTIENT | REMAINDER);
}

bool front_layout(const struct ast_decl *d, const struct ast_qual *layout,
	struct front_layout_part *out)
{
	struct cover c = {0};

	if (d->n_dims > RANK_LIMIT)
		return false;
	for (int i = 0; i < layout->n_args; i++)
		if (!match(d, &c, layout->args[i], &out[i]))
			return false;
	for (int i = 0; i < d->n_dims; i++)
		if (!covered(c.parts[i]))
			return false;
	return true;
}

static const char *dims_text(struct arena *a, const struct ast_decl *d)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < d->n_dims; i++)
		str_printf(&s, "%s%s", i ? ", " : "", expr_text(a, d->dims[i]));
	return d->n_dims ? str_text(&s) : "none";
}

/* True if "e" repeats a dimension, or a part of one, whatever was matched. */
static bool repeats(const struct ast_decl *d, const struct ast_expr *e)
{
	struct cover none = {0};
	struct front_layout_part part;

	return match(d, &none, e, &part);
}

static void report_entry(struct scope *s, const struct ast_decl *d,
	const struct cover *c, const struct ast_expr *e)
{
	struct front_layout_part part;
	struct cover free = {0};

	match(d, &free, e, &part);
	if (!repeats(d, e)) {
		diag_error(s->c->d, E_LAYOUT, e->at, "'%s' is no dimension of '%s'",
			expr_text(s->c->a, e), d->name.text);
		diag_note(s->c->d, d->at, "its dimensions are %s",
			dims_text(s->c->a, d));
	} else if (part.by && c->by[part.dim] &&
		   !same_expr(c->by[part.dim], part.by)) {
		diag_error(s->c->d, E_LAYOUT, e->at, "dimension '%s' is split by %s and "
			"by %s", expr_text(s->c->a, d->dims[part.dim]),
			expr_text(s->c->a, c->by[part.dim]),
			expr_text(s->c->a, part.by));
	} else {
		diag_error(s->c->d, E_LAYOUT, e->at, "'%s' is in the layout twice",
			expr_text(s->c->a, e));
	}
}

static void check_by(struct scope *s, const struct ast_expr *by)
{
	const struct symbol *y = by->kind == AST_NAME ?
		scope_find(s, by->name) : NULL;
	int64_t v;

	if (y && y->kind == SYM_ATTR)
		return;
	if (!constant(by, &v) || v < 1)
		diag_error(s->c->d, E_LAYOUT, by->at,
			"a dimension is split by a positive "
			"constant, and '%s' is none", expr_text(s->c->a, by));
}

static void report_missing(struct scope *s, const struct ast_decl *d,
	const struct ast_qual *q, const struct cover *c, int dim)
{
	const char *text = expr_text(s->c->a, d->dims[dim]);

	if (!c->parts[dim])
		diag_error(s->c->d, E_LAYOUT, q->name.at,
			"dimension '%s' is missing from the layout of '%s'",
			text, d->name.text);
	else
		diag_error(s->c->d, E_LAYOUT, q->name.at,
			"the layout of '%s' has '%s%c%s' "
			"but not '%s%c%s'", d->name.text, text,
			c->parts[dim] == QUOTIENT ? '/' : '%',
			expr_text(s->c->a, c->by[dim]), text,
			c->parts[dim] == QUOTIENT ? '%' : '/',
			expr_text(s->c->a, c->by[dim]));
}

static void check_layout(struct scope *s, const struct ast_decl *d,
	const struct ast_qual *q)
{
	struct cover c = {0};
	struct front_layout_part part;
	int errors = diag_errors(s->c->d);

	if (d->n_dims > RANK_LIMIT)
		return;
	for (int i = 0; i < q->n_args; i++) {
		if (!match(d, &c, q->args[i], &part))
			report_entry(s, d, &c, q->args[i]);
		else if (part.by)
			check_by(s, part.by);
		if (diag_errors(s->c->d) > errors)
			return;
	}
	for (int i = 0; i < d->n_dims; i++)
		if (!covered(c.parts[i]))
			report_missing(s, d, q, &c, i);
}

static void check_stride(struct scope *s, const struct ast_decl *d,
	const struct ast_qual *q)
{
	if (q->n_args != d->n_dims)
		diag_error(s->c->d, E_STRIDE, q->name.at, "'%s' has rank %d but %d "
			"stride%s", d->name.text, d->n_dims, q->n_args,
			q->n_args == 1 ? "" : "s");
	for (int i = 0; i < q->n_args; i++)
		check_expr(s, q->args[i], AT_SIZE);
}

static void check_align(struct scope *s, const struct ast_qual *q)
{
	int64_t v;

	if (q->n_args != 1)
		diag_error(s->c->d, E_ALIGN, q->name.at,
			"align takes one number of bytes, not %d", q->n_args);
	else if (!constant(q->args[0], &v) || v < 1 || (v & (v - 1)))
		diag_error(s->c->d, E_ALIGN, q->args[0]->at,
			"an alignment is a power of two");
}

void check_quals(struct scope *s, const struct ast_decl *d,
	const struct ast_qual *quals, int n)
{
	static const char *const names[] = { "layout", "stride", "align", NULL };
	bool seen[3] = {0};

	for (int i = 0; i < n && !diag_full(s->c->d); i++) {
		const struct ast_name *name = &quals[i].name;
		int k = 0;

		while (names[k] && strcmp(names[k], name->text))
			k++;
		if (!names[k]) {
			diag_error(s->c->d, E_QUALIFIER, name->at,
				"unknown qualifier '%s'",
				name->text);
			hint_nearest(s->c->d, name->text,
				str_nearest(name->text, names));
			continue;
		}
		if (seen[k])
			diag_error(s->c->d, E_QUALIFIER, name->at, "'%s' has two %ss",
				d->name.text, name->text);
		seen[k] = true;
		if (k == 0)
			check_layout(s, d, &quals[i]);
		else if (k == 1)
			check_stride(s, d, &quals[i]);
		else
			check_align(s, &quals[i]);
	}
}
