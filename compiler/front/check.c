/* SPDX-License-Identifier: MIT */
/* The checks that need no sizes: a parsed unit comes in, whose imports were
 * checked; errors and warnings go out. The tree stays as it is, except that
 * calls of dtype attributes become casts. */
#include "front/check.h"

#include <string.h>

#include "front/names.h"

/* The name that emitted C uses. */
static const char *c_name(struct arena *a, const char *name)
{
	return names_is_reserved(name) ? arena_printf(a, "%s_", name) : name;
}

static void check_duplicate(struct checker *c, const struct ast_item *it)
{
	const struct ast_item *first = table_get(c->u->names, it->name.text);

	if (first == it)
		return;
	diag_error(c->d, E_TWICE, it->name.at, "'%s' is defined twice", it->name.text);
	diag_note(c->d, first->name.at, "the first definition is here");
}

/* "name" without "part" at its end, or NULL. */
static const char *without(struct arena *a, const char *name, const char *part)
{
	size_t n = strlen(name), m = strlen(part);

	return n > m && !strcmp(name + n - m, part) ?
		arena_strndup(a, name, n - m) : NULL;
}

/* The name of which "name" is a part in emitted C: "f" of f_workspace,
 * f_kernel_2 or f_launch_sm_80; NULL if of none. */
static const char *whole_of(struct arena *a, const char *name)
{
	static const char *const parts[] = {
		"_workspace", "_prepare", "_prepared", "_kernel", "_launch"
	};
	size_t n = strlen(name);
	const char *whole = NULL, *kernel = strstr(name, "_kernel_");
	const char *launch = strstr(name, "_launch_");

	for (size_t i = 0; !whole && i < sizeof parts / sizeof *parts; i++)
		whole = without(a, name, parts[i]);
	if (!whole && kernel)
		n = (size_t)(kernel - name);
	else if (!whole && launch)
		n = (size_t)(launch - name);
	return whole || n == strlen(name) ? whole :
		arena_strndup(a, name, n);
}

/* Launchers bring functions of their own: "exports" has all names in C. */
static void check_part(struct checker *c, const struct ast_item *it,
	const struct table *exports)
{
	const char *whole = whole_of(c->a, it->name.text);
	const struct ast_item *other = whole ? table_get(exports, whole) : NULL;

	if (!other)
		return;
	diag_error(c->d, E_C_NAME, it->name.at, "'%s' is what emitted C calls a part of "
		"'%s'", it->name.text, other->name.text);
	diag_note(c->d, other->name.at, "which is exported here");
}

static void check_exports(struct checker *c)
{
	struct table seen;

	table_init(&seen, c->a);
	for (int i = 0; i < c->u->n_items && !diag_full(c->d); i++) {
		const struct ast_item *it = &c->u->items[i], *first;
		const char *name = c_name(c->a, it->name.text);

		if (!it->exported)
			continue;
		first = table_get(&seen, name);
		if (!first) {
			table_put(&seen, name, (void *)it);
		} else if (strcmp(first->name.text, it->name.text)) {
			diag_error(c->d, E_C_NAME, it->name.at, "'%s' and '%s' both get "
				"the C name '%s'", first->name.text,
				it->name.text, name);
			diag_note(c->d, first->name.at, "the other is here");
		}
	}
	for (int i = 0; i < c->u->n_items && !diag_full(c->d); i++)
		if (c->u->items[i].exported)
			check_part(c, &c->u->items[i], &seen);
}

static void check_imports(struct checker *c)
{
	struct table seen;

	table_init(&seen, c->a);
	for (int i = 0; i < c->u->n_imports && !diag_full(c->d); i++) {
		struct ast_import *m = &c->u->imports[i];

		if (table_get(&seen, m->name))
			diag_error(c->d, E_TWICE, m->at, "'%s' is imported twice",
				m->name);
		table_put(&seen, m->name, m);
	}
}

static const struct ast_decl *find_tensor(const struct ast_item *op,
	const char *name)
{
	for (int i = 0; i < op->n_inputs; i++)
		if (!strcmp(op->inputs[i].name.text, name))
			return &op->inputs[i];
	for (int i = 0; i < op->n_outputs; i++)
		if (!strcmp(op->outputs[i].name.text, name))
			return &op->outputs[i];
	return NULL;
}

static const char *nearest_tensor(struct arena *a, const struct ast_item *op,
	const char *name)
{
	int n = op->n_inputs + op->n_outputs;
	const char **names = ARENA_ARRAY(a, (size_t)n + 1, const char *);

	for (int i = 0; i < n; i++)
		names[i] = i < op->n_inputs ? op->inputs[i].name.text :
			op->outputs[i - op->n_inputs].name.text;
	return str_nearest(name, names);
}

static void check_restate(struct checker *c, const struct ast_item *it,
	const struct ast_restate *r, struct found f)
{
	const struct ast_decl *d = find_tensor(f.item, r->name.text);
	struct scope s = *signature_of(c, f);

	if (!d) {
		diag_error(c->d, E_UNKNOWN, r->name.at, "'%s' has no tensor '%s'",
			it->callee.text, r->name.text);
		hint_nearest(c->d, r->name.text,
			nearest_tensor(c->a, f.item, r->name.text));
		return;
	}
	s.c = c;
	check_quals(&s, d, r->quals, r->n_quals);
}

static void check_instance(struct checker *c, const struct ast_item *it)
{
	struct found f = find_expect(c, it->callee);
	struct found direct = find_item(c->u, it->callee.text);
	struct table seen;

	if (f.result != FIND_ONE)
		return;
	if (direct.item->kind == AST_INSTANCE) {
		diag_error(c->d, E_INSTANCE, it->callee.at,
			"'%s' is an instance, not an operator", it->callee.text);
		diag_note(c->d, direct.item->name.at, "it is defined here");
		return;
	}
	check_attrs(c, NULL, it->callee, f, it->attrs, it->n_attrs);
	table_init(&seen, c->a);
	for (int i = 0; i < it->n_with && !diag_full(c->d); i++) {
		const struct ast_restate *r = &it->with[i];

		if (table_get(&seen, r->name.text))
			diag_error(c->d, E_TWICE, r->name.at, "'%s' is restated twice",
				r->name.text);
		table_put(&seen, r->name.text, (void *)r);
		check_restate(c, it, r, f);
	}
}

static void check_item(struct checker *c, const struct ast_item *it)
{
	switch (it->kind) {
	case AST_IMPORT:
		break;
	case AST_FN:
		check_duplicate(c, it);
		check_fn(c, it);
		break;
	case AST_OP:
		check_duplicate(c, it);
		check_op(c, it);
		break;
	case AST_INSTANCE:
		check_duplicate(c, it);
		check_instance(c, it);
		break;
	case AST_SCHEDULE:
		check_schedule(c, it);
		break;
	case AST_TUNE: case AST_TEST:
		check_tune(c, it);
	}
}

void front_check(struct arena *a, struct ast_unit *u, struct diag *d)
{
	struct checker c = { .a = a, .u = u, .d = d };
	int errors = diag_errors(d);

	table_init(&c.signatures, a);
	table_init(&c.axes, a);
	table_init(&c.schedules, a);
	check_imports(&c);
	for (int i = 0; i < u->n_items && !diag_full(d); i++)
		check_item(&c, &u->items[i]);
	check_exports(&c);
	if (diag_errors(d) == errors)
		check_cycles(&c);
}
