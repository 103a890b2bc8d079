/* SPDX-License-Identifier: MIT */
/* Reads and extents that leave their tensor whatever the sizes are. Indices
 * and dimensions are brought to linear forms over axes and sizes; parts that
 * are not linear stand for themselves, by their text. Where the difference
 * between the largest index and the dimension is a constant, it decides; where
 * it is not, lowering decides, which knows the sizes. */
#include "front/check.h"

#include <string.h>

enum { TERMS = 16 };

/* c + sum of coef * key; "axis" is set where the key is an index. */
struct linear {
	int64_t c;
	int n;
	struct { const char *key; const struct symbol *axis; int64_t coef; }
		v[TERMS];
};

static bool add_term(struct linear *l, const char *key,
	const struct symbol *axis, int64_t coef)
{
	for (int i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].key, key))
			return !__builtin_add_overflow(l->v[i].coef, coef,
				&l->v[i].coef);
	if (l->n == TERMS)
		return false;
	l->v[l->n].key = key;
	l->v[l->n].axis = axis;
	l->v[l->n++].coef = coef;
	return true;
}

/* l += times * x. */
static bool add_scaled(struct linear *l, const struct linear *x, int64_t times)
{
	int64_t v;

	if (__builtin_mul_overflow(x->c, times, &v) ||
	    __builtin_add_overflow(l->c, v, &l->c))
		return false;
	for (int i = 0; i < x->n; i++)
		if (__builtin_mul_overflow(x->v[i].coef, times, &v) ||
		    !add_term(l, x->v[i].key, x->v[i].axis, v))
			return false;
	return true;
}

static bool names_axis(const struct scope *s, const struct ast_expr *e)
{
	const struct symbol *y = e->name ? scope_find(s, e->name) : NULL;

	if (e->kind == AST_INDEX || (y && y->kind == SYM_AXIS))
		return true;
	for (int i = 0; i < e->n_args; i++)
		if (names_axis(s, e->args[i]))
			return true;
	return false;
}

/* l += times * e, if "e" is linear in the indices that it names. */
static bool add_expr(const struct scope *s, struct linear *l,
	const struct ast_expr *e, int64_t times)
{
	const struct symbol *y;
	int64_t v;

	if (constant(e, &v))
		return !__builtin_mul_overflow(v, times, &v) &&
			!__builtin_add_overflow(l->c, v, &l->c);
	switch (e->kind) {
	case AST_NAME:
		y = scope_find(s, e->name);
		if (y && y->kind == SYM_ERROR)
			return false;
		return add_term(l, e->name,
			y && y->kind == SYM_AXIS ? y : NULL, times);
	case AST_ADD: case AST_SUB:
		return times != INT64_MIN &&
			add_expr(s, l, e->args[0], times) &&
			add_expr(s, l, e->args[1],
				e->kind == AST_ADD ? times : -times);
	case AST_NEG:
		return times != INT64_MIN &&
			add_expr(s, l, e->args[0], -times);
	case AST_MUL:
		for (int i = 0; i < 2; i++)
			if (constant(e->args[i], &v))
				return !__builtin_mul_overflow(v, times, &v) &&
					add_expr(s, l, e->args[1 - i], v);
		break;
	default:
		break;
	}
	return !names_axis(s, e) &&
		add_term(l, arena_printf(s->c->a, "(%s)",
			expr_text(s->c->a, e)), NULL, times);
}

/* The least (or greatest) value of "l" over its indices, as a linear form over
 * sizes; false if an index has no known extent. */
static bool extreme(const struct scope *s, const struct linear *l, bool greatest,
	struct linear *out)
{
	*out = (struct linear){ .c = l->c };
	for (int i = 0; i < l->n; i++) {
		const struct symbol *axis = l->v[i].axis;
		struct linear end = {0};
		int64_t coef = l->v[i].coef;

		if (!coef)
			continue;
		if (!axis) {
			if (!add_term(out, l->v[i].key, NULL, coef))
				return false;
			continue;
		}
		if ((coef > 0) == greatest) {
			end.c = -1;
			if (!axis->hi || !add_expr(s, &end, axis->hi, 1))
				return false;
		} else if (axis->lo && !add_expr(s, &end, axis->lo, 1)) {
			return false;
		}
		if (!add_scaled(out, &end, coef))
			return false;
	}
	return true;
}

static bool is_constant(const struct linear *l)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].coef)
			return false;
	return true;
}

static const char *linear_text(struct arena *a, const struct linear *l)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < l->n; i++) {
		int64_t k = l->v[i].coef;
		uint64_t size = k < 0 ? -(uint64_t)k : (uint64_t)k;

		if (!k)
			continue;
		str_puts(&s, k < 0 ? s.n ? " - " : "-" : s.n ? " + " : "");
		if (size != 1)
			str_printf(&s, "%llu*", (unsigned long long)size);
		str_puts(&s, l->v[i].key);
	}
	if (!s.n)
		str_printf(&s, "%lld", (long long)l->c);
	else if (l->c)
		str_printf(&s, " %c %llu", l->c < 0 ? '-' : '+',
			(unsigned long long)(l->c < 0 ? -(uint64_t)l->c :
				(uint64_t)l->c));
	return str_text(&s);
}

static void report(struct scope *s, const struct ast_expr *read, int i,
	const struct ast_expr *dim, const char *reaches)
{
	diag_error(s->c->d, E_READ_BOUNDS, read->args[i]->at,
		"read may leave its tensor");
	diag_note(s->c->d, (struct span){0},
		"index %d of '%s' reaches %s; the dimension has extent %s",
		i + 1, read->name, reaches, expr_text(s->c->a, dim));
	diag_hint(s->c->d, "Say what lies outside with pad, as in %s[...] "
		"pad 0, or state a smaller extent.", read->name);
}

static void check_one(struct scope *s, const struct ast_expr *read, int i,
	const struct ast_expr *dim)
{
	struct linear index = {0}, end, past;

	if (!add_expr(s, &index, read->args[i], 1))
		return;
	if (extreme(s, &index, false, &end) && is_constant(&end) && end.c < 0) {
		report(s, read, i, dim, linear_text(s->c->a, &end));
		return;
	}
	if (!extreme(s, &index, true, &end))
		return;
	past = end;
	if (add_expr(s, &past, dim, -1) && is_constant(&past) && past.c >= 0)
		report(s, read, i, dim, linear_text(s->c->a, &end));
}

void check_read_bounds(struct scope *s, const struct ast_expr *read,
	const struct symbol *tensor)
{
	if (read->pad.kind != PAD_NONE)
		return;
	for (int i = 0; i < read->n_args; i++)
		if (tensor->dims && tensor->dims[i])
			check_one(s, read, i, tensor->dims[i]);
}

void check_extent_bounds(struct scope *s, const struct ast_binder *b,
	const struct ast_expr *dim)
{
	struct linear past = {0};
	int64_t lo;

	if (!b->hi)
		return;
	if (b->lo && constant(b->lo, &lo) && lo < 0) {
		diag_error(s->c->d, E_WRITE_BOUNDS, b->lo->at, "write leaves its tensor");
		diag_note(s->c->d, (struct span){0}, "'%s' starts at %lld",
			b->name, (long long)lo);
		return;
	}
	if (!add_expr(s, &past, b->hi, 1) || !add_expr(s, &past, dim, -1) ||
	    !is_constant(&past) || past.c <= 0)
		return;
	diag_error(s->c->d, E_WRITE_BOUNDS, b->hi->at, "write leaves its tensor");
	diag_note(s->c->d, (struct span){0},
		"'%s' ends at %s; the dimension has extent %s", b->name,
		expr_text(s->c->a, b->hi), expr_text(s->c->a, dim));
}
