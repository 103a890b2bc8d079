/* SPDX-License-Identifier: MIT */
/* What a name means: own items by their plain name, items of imported units by
 * the import's full name or its last component. */
#include "front/check.h"

#include <string.h>

#include "base/vec.h"

static const char *last_component(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* True if "module" of "n" characters names the import, fully or not. */
static bool is_full(const struct ast_import *m, const char *module, size_t n)
{
	return strlen(m->name) == n && !strncmp(m->name, module, n);
}

static bool is_last(const struct ast_import *m, const char *module, size_t n)
{
	const char *last = last_component(m->name);

	return strlen(last) == n && !strncmp(last, module, n);
}

static struct found in_unit(const struct ast_import *m, const char *name)
{
	struct found f = { .owner = m->unit, .first = m->name };

	if (!m->unit) {
		f.result = FIND_BROKEN;
		return f;
	}
	f.item = table_get(m->unit->names, name);
	f.result = f.item ? FIND_ONE : FIND_NONE;
	return f;
}

static struct found imported(const struct ast_unit *u, const char *name,
	const char *dot)
{
	size_t n = (size_t)(dot - name);
	struct found found = {0};

	for (int i = 0; i < u->n_imports; i++)
		if (is_full(&u->imports[i], name, n))
			return in_unit(&u->imports[i], dot + 1);
	for (int i = 0; i < u->n_imports; i++) {
		struct found f;

		if (!is_last(&u->imports[i], name, n))
			continue;
		f = in_unit(&u->imports[i], dot + 1);
		if (f.result == FIND_NONE)
			continue;
		if (found.result != FIND_NONE && found.owner != f.owner) {
			found.result = FIND_AMBIGUOUS;
			found.second = f.first;
			return found;
		}
		found = f;
	}
	return found;
}

struct found find_item(const struct ast_unit *u, const char *name)
{
	const char *dot = strrchr(name, '.');
	struct found f = { .owner = u };

	if (dot)
		return imported(u, name, dot);
	f.item = table_get(u->names, name);
	f.result = f.item ? FIND_ONE : FIND_NONE;
	return f;
}

const struct ast_item *front_find(const struct ast_unit *u, const char *name,
	const struct ast_unit **owner)
{
	struct found f = find_item(u, name);

	if (f.result != FIND_ONE)
		return NULL;
	if (owner)
		*owner = f.owner;
	return f.item;
}

const char *const *find_names(struct arena *a, const struct ast_unit *u,
	unsigned kinds)
{
	VEC(const char *) names = {0};

	for (int i = 0; i < u->n_items; i++)
		if (kinds & 1u << u->items[i].kind)
			vec_push(a, &names, u->items[i].name.text);
	for (int i = 0; i < u->n_imports; i++) {
		const struct ast_import *m = &u->imports[i];

		for (int j = 0; m->unit && j < m->unit->n_items; j++) {
			const struct ast_item *it = &m->unit->items[j];

			if (!(kinds & 1u << it->kind) ||
			    it->kind >= AST_SCHEDULE)
				continue;
			vec_push(a, &names, arena_printf(a, "%s.%s",
				last_component(m->name), it->name.text));
			vec_push(a, &names, arena_printf(a, "%s.%s", m->name,
				it->name.text));
		}
	}
	vec_push(a, &names, NULL);
	return names.v;
}

struct found find_operator(const struct ast_unit *u, const char *name)
{
	struct found f = find_item(u, name);

	if (f.result == FIND_ONE && f.item->kind == AST_INSTANCE)
		f = find_item(f.owner, f.item->callee.text);
	if (f.result == FIND_ONE && f.item->kind != AST_OP) {
		f.result = f.item->kind == AST_INSTANCE ? FIND_BROKEN :
			FIND_NONE;
		f.item = NULL;
	}
	return f;
}

static void report(struct checker *c, struct ast_name name, struct found f)
{
	const unsigned kinds = 1u << AST_OP | 1u << AST_INSTANCE;
	struct found any = find_item(c->u, name.text);

	if (f.result == FIND_AMBIGUOUS) {
		diag_error(c->d, E_AMBIGUOUS, name.at, "'%s' is ambiguous", name.text);
		diag_note(c->d, (struct span){0}, "both %s and %s define it",
			f.first, f.second);
	} else if (any.result == FIND_ONE && any.item->kind == AST_FN) {
		diag_error(c->d, E_KIND, name.at, "'%s' is a function, not an operator",
			name.text);
		diag_note(c->d, any.item->name.at, "it is defined here");
	} else if (f.result == FIND_NONE) {
		diag_error(c->d, E_UNKNOWN_OPERATOR, name.at,
			"unknown operator '%s'", name.text);
		hint_nearest(c->d, name.text, str_nearest(name.text,
			find_names(c->a, c->u, kinds)));
	}
}

struct found find_expect(struct checker *c, struct ast_name name)
{
	struct found f = find_operator(c->u, name.text);

	if (f.result != FIND_ONE)
		report(c, name, f);
	return f;
}
