/* SPDX-License-Identifier: MIT */
/* Lowering: what there is to lower. In: a unit. Out: its operators and
 * instances, with the sizes that a request has still to give and all the names
 * that schedules may use. */
#include <string.h>

#include "front/front.h"
#include "ir/lower_state.h"

struct names {
	VEC(const char *) v;
};

static void add(struct arena *a, struct names *n, const char *name)
{
	for (int i = 0; i < n->v.n; i++)
		if (!strcmp(n->v.v[i], name))
			return;
	vec_push(a, &n->v, name);
}

static void add_sizes(struct arena *a, struct names *n,
	const struct ast_item *op)
{
	for (int i = 0; i < op->n_inputs; i++)
		for (int k = 0; k < op->inputs[i].n_dims; k++) {
			const struct ast_expr *e = op->inputs[i].dims[k];

			if (e->kind == AST_NAME && lower_is_size(op, e->name))
				add(a, n, e->name);
		}
}

/* A dtype by default, or the dtype that attribute "i" of "op" shares with an
 * earlier one by default. */
static bool is_dtype(const struct ast_item *op, int i)
{
	const struct ast_expr *e = op->attrs[i].value;

	if (e && e->kind == AST_NAME)
		for (int k = 0; k < i; k++)
			if (!strcmp(op->attrs[k].name.text, e->name))
				return is_dtype(op, k);
	return op->attrs[i].type.text;
}

bool lower_is_number(const struct ast_item *op, const char *name)
{
	for (int i = 0; i < op->n_attrs; i++)
		if (!strcmp(op->attrs[i].name.text, name))
			return !is_dtype(op, i);
	return false;
}

static void add_others(struct arena *a, struct names *n,
	const struct ast_item *op)
{
	for (int i = 0; i < op->n_attrs; i++)
		if (!is_dtype(op, i))
			add(a, n, op->attrs[i].name.text);
	for (int i = 0; i < op->n_where; i++)
		if (op->where[i].bind.text)
			add(a, n, op->where[i].bind.text);
}

/* The brackets of all instances on the way to the operator. */
static const struct ast_item *follow(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item, struct names *given)
{
	for (int i = 0; item && item->kind == AST_INSTANCE; i++) {
		for (int k = 0; k < item->n_attrs; k++)
			add(a, given, item->attrs[k].name.text);
		item = i < LOWER_USES ?
			front_find(u, item->callee.text, &u) : NULL;
	}
	return item && item->kind == AST_OP ? item : NULL;
}

static bool listed(const struct names *n, const char *name)
{
	for (int i = 0; i < n->v.n; i++)
		if (!strcmp(n->v.v[i], name))
			return true;
	return false;
}

static struct lower_item describe(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item)
{
	struct lower_item out = { .item = item };
	struct names all = {0}, given = {0}, open = {0};
	const struct ast_item *op = follow(a, u, item, &given);

	if (op)
		add_sizes(a, &all, op);
	for (int i = 0; i < all.v.n; i++)
		if (!listed(&given, all.v.v[i]))
			add(a, &open, all.v.v[i]);
	if (op)
		add_others(a, &all, op);
	vec_push(a, &open.v, NULL);
	vec_push(a, &all.v, NULL);
	out.open = open.v.v;
	out.sizes = all.v.v;
	return out;
}

struct lower_item *lower_items(struct arena *a, const struct ast_unit *u,
	bool exported, int *n)
{
	struct lower_item *items = ARENA_ARRAY(a, u->n_items + 1,
		struct lower_item);

	*n = 0;
	for (int i = 0; i < u->n_items; i++) {
		const struct ast_item *item = &u->items[i];

		if (item->kind != AST_OP && item->kind != AST_INSTANCE)
			continue;
		if (!exported || item->exported)
			items[(*n)++] = describe(a, u, item);
	}
	return items;
}
