/* SPDX-License-Identifier: MIT */
/* Values in blocks: numbers over params and sizes, ranges, sets, words; and the
 * names of axes and tunables. */
#include "front/check.h"

#include <stdlib.h>
#include <string.h>

#include "front/directives.h"
#include "front/names.h"

/* What packing calls a dimension that no axis reads alone: at2. */
static bool is_dimension(const char *name, size_t n)
{
	return n == 3 && !strncmp(name, "at", 2) && name[2] >= '0' &&
		name[2] <= '9';
}

/* An axis, one renamed because a tensor is called so (k_), or the outer or
 * inner part that splitting makes of one: f, f_o, f_i, f_i_o, f_o2. */
static bool is_axis_part(const struct block *b, const char *name, size_t n)
{
	if (!n)
		return false;
	if (is_dimension(name, n) ||
	    table_get(&b->names->axes, arena_strndup(b->c->a, name, n)))
		return true;
	if (name[n - 1] == '_')
		return is_axis_part(b, name, n - 1);
	while (n > 3 && strchr("0123456789", name[n - 1]))
		n--;
	return n > 2 && name[n - 2] == '_' &&
		(name[n - 1] == 'o' || name[n - 1] == 'i') &&
		is_axis_part(b, name, n - 2);
}

/* True if "name" is names of axes put together. */
static bool is_joined(const struct block *b, const char *name)
{
	enum { LONGEST = 64 };
	bool reached[LONGEST + 1] = { true };
	size_t n = strlen(name);

	for (size_t i = 0; i < n && n <= LONGEST; i++)
		for (size_t j = i + 1; reached[i] && j <= n; j++)
			reached[j] = reached[j] ||
				is_axis_part(b, name + i, j - i);
	return n <= LONGEST && reached[n];
}

bool named_axis(const struct block *b, const char *name)
{
	return table_get(&b->names->axes, name) || table_get(&b->made, name) ||
		table_get(&b->names->pairs, name);
}

bool known_axis(const struct block *b, const char *name)
{
	return named_axis(b, name) || is_joined(b, name);
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *axes_text(struct block *b)
{
	enum { SHOWN = 16 };
	const struct table *t = &b->names->axes;
	const char **names = ARENA_ARRAY(b->c->a, (size_t)t->n, const char *);
	const char *text = "";
	int n = 0;

	for (int i = 0; i < t->cap; i++)
		if (t->rows[i].value)
			names[n++] = t->rows[i].name;
	qsort(names, (size_t)n, sizeof *names, by_name);
	for (int i = 0; i < n && i < SHOWN; i++)
		text = arena_printf(b->c->a, "%s%s%s", text, i ? ", " : "",
			names[i]);
	return n ? text : "none";
}

void report_axis(struct block *b, const char *name, struct span at)
{
	const struct table *tables[] = {
		&b->names->axes, &b->made, &b->names->pairs
	};

	diag_error(b->c->d, E_SUBJECT, at, "'%s' is no axis of '%s'", name,
		b->op.item->name.text);
	diag_note(b->c->d, (struct span){0}, "its axes are %s", axes_text(b));
	hint_nearest(b->c->d, name, nearest_key(b->c->a, name, tables, 3));
}

static bool is_key_or_word(const struct names_directive *d, const char *word)
{
	for (int i = 0; d->keys && d->keys[i].name; i++)
		if (!strcmp(d->keys[i].name, word))
			return true;
	return names_has(d->words, word);
}

static bool is_tensor(const struct block *b, const char *name)
{
	const struct ast_item *op = b->op.item;

	for (int i = 0; i < op->n_inputs; i++)
		if (!strcmp(op->inputs[i].name.text, name))
			return true;
	return known_statement(b, name);
}

/* The rest of a tunable's name: words of its directive, axes, tensors. */
static void check_tunable_part(struct block *b,
	const struct names_directive *d, const char *part, struct span at)
{
	if (is_key_or_word(d, part) || is_tensor(b, part) ||
	    known_axis(b, part))
		return;
	diag_error(b->c->d, E_SUBJECT, at, "'%s' has no tunable '%s'", d->name, part);
}

void check_tunable(struct block *b, const char *name, struct span at)
{
	char *text = arena_strdup(b->c->a, name), *rest = strchr(text, '.');
	const struct names_directive *d;
	const struct table *params = &b->params;

	if (!rest) {
		d = names_directive(name);
		if (table_get(&b->params, name) ||
		    (d && d->where & IN_SCHEDULE))
			return;
		diag_error(b->c->d, E_SUBJECT, at, "unknown param '%s'", name);
		hint_nearest(b->c->d, name,
			nearest_key(b->c->a, name, &params, 1));
		return;
	}
	*rest++ = '\0';
	d = names_directive(text);
	if (!d || !(d->where & IN_SCHEDULE)) {
		diag_error(b->c->d, E_UNKNOWN_DIRECTIVE, at,
			"'%s' is no directive with tunables",
			text);
		hint_nearest(b->c->d, text,
			str_nearest(text, front_directives()));
		return;
	}
	while (rest) {
		char *part = rest;

		rest = strchr(part, '.');
		if (rest)
			*rest++ = '\0';
		check_tunable_part(b, d, part, at);
	}
}

/* Words that a directive or one of its keys knows. */
static bool is_word_of(const struct names_directive *d, const char *word)
{
	for (int i = 0; d->keys && d->keys[i].name; i++)
		if (names_has(d->keys[i].words, word))
			return true;
	return names_has(d->words, word);
}

void check_seed(struct block *b, const char *name, const struct ast_expr *v)
{
	const char *dot = strchr(name, '.');
	const struct names_directive *d = names_directive(dot ? arena_strndup(
		b->c->a, name, (size_t)(dot - name)) : name);

	if (d && v->kind == AST_NAME && (is_word_of(d, v->name) ||
	    known_axis(b, v->name)))
		return;
	if (v->kind == AST_SET || v->kind == AST_RANGE)
		diag_error(b->c->d, E_VALUE, v->at, "a seed is one value");
	else
		check_value(b, v, NULL);
}

static bool known_number(const struct block *b, const char *name)
{
	const struct symbol *y = scope_find(b->signature, name);

	return table_get(&b->params, name) || (y && y->kind != SYM_DTYPE);
}

static void report_number(struct block *b, const struct ast_expr *e,
	const char *const *words, bool require)
{
	const struct table *tables[] = { &b->params, &b->signature->symbols };
	const char *near = words ? str_nearest(e->name, words) : NULL;

	diag_error(b->c->d, E_SUBJECT, e->at, "unknown %s '%s'",
		words && !require ? "word" : "name", e->name);
	if (words && !require)
		diag_note(b->c->d, (struct span){0}, "the words here are %s",
			str_some(b->c->a, e->name, words));
	hint_nearest(b->c->d, e->name,
		near ? near : nearest_key(b->c->a, e->name, tables, 2));
}

/* A number over params and sizes; "require" may also name tunables and
 * constants of the target. */
static void check_number(struct block *b, const struct ast_expr *e,
	bool require)
{
	switch (e->kind) {
	case AST_NAME:
		if (known_number(b, e->name) || (require &&
		    names_has(names_target_constants(), e->name)))
			return;
		if (require && (strchr(e->name, '.') ||
		    names_directive(e->name)))
			check_tunable(b, e->name, e->at);
		else
			report_number(b, e, require ?
				names_target_constants() : NULL, require);
		return;
	case AST_INDEX: case AST_REDUCE: case AST_CAST:
		diag_error(b->c->d, E_VALUE, e->at, "a schedule reads no tensors");
		return;
	case AST_CALL:
		diag_error(b->c->d, E_VALUE, e->at,
			"'%s' cannot be called here", e->name);
		return;
	case AST_MINMAX:
		if (names_builtin_arity(e->name) != e->n_args) {
			diag_error(b->c->d, E_VALUE, e->at,
				"only min and max of two can be called here");
			return;
		}
		break;
	case AST_EQ: case AST_NE:
		if (e->args[1]->kind != AST_TYPE)
			break;
		diag_error(b->c->d, E_VALUE, e->at, "dtypes are asked for "
			"behind 'when'");
		return;
	default:
		break;
	}
	for (int i = 0; i < e->n_args; i++)
		check_number(b, e->args[i], require);
}

void check_require(struct block *b, const struct ast_expr *e)
{
	check_number(b, e, true);
}

static void check_range(struct block *b, const struct ast_expr *v)
{
	int64_t lo, hi, step;
	bool low = constant(v->args[0], &lo), high = constant(v->args[1], &hi);

	for (int i = 0; i < v->n_args; i++)
		check_number(b, v->args[i], false);
	if (low && high && hi < lo) {
		diag_error(b->c->d, E_VALUE, v->at, "range is empty");
		return;
	}
	if (v->n_args == 3) {
		if (constant(v->args[2], &step) && step < 1)
			diag_error(b->c->d, E_VALUE, v->args[2]->at,
				"a step is at least 1");
	} else if (low && lo < 1) {
		diag_error(b->c->d, E_VALUE, v->args[0]->at,
			"a range that doubles starts at 1 or above");
		diag_hint(b->c->d, "Say step 1 to count.");
	}
}

void check_value(struct block *b, const struct ast_expr *v,
	const char *const *words)
{
	if (v->kind == AST_NAME) {
		if (!names_has(words, v->name) && !known_number(b, v->name))
			report_number(b, v, words, false);
		return;
	}
	if (v->kind == AST_STRING)
		diag_error(b->c->d, E_VALUE, v->at, "no string is expected here");
	else if (v->kind == AST_RANGE)
		check_range(b, v);
	else if (v->kind != AST_SET)
		check_number(b, v, false);
	for (int i = 0; v->kind == AST_SET && i < v->n_args; i++)
		check_value(b, v->args[i], words);
}
