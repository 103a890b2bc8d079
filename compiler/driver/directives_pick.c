/* SPDX-License-Identifier: MIT */
/* Which schedule is meant. In: an operator or instance, its sizes, a target.
 * Out: the one schedule block that applies, by closeness of the name, then of
 * the target, then place. */
#include <string.h>

#include "driver/directives.h"
#include "front/front.h"

enum { CHAIN = 64 };

int directives_names(const struct ast_unit *from, const char *name,
	const struct ast_unit *u, const struct ast_item *item)
{
	const struct ast_item *named = front_find(from, name, NULL);

	if (!named)
		return 0;
	if (named == item)
		return 2;
	for (int i = 0; item->kind == AST_INSTANCE && i < CHAIN; i++) {
		item = front_find(u, item->callee.text, &u);
		if (!item)
			return 0;
		if (item == named)
			return 1;
	}
	return 0;
}

/* sm_90a over sm_90 over ranges; of ranges the one that starts latest; a
 * schedule without targets last. -1 if the target is none of them. */
static int closeness(const struct ast_item *s, const struct target *t)
{
	int best = s->n_archs ? -1 : 0;

	for (int i = 0; i < s->n_archs; i++) {
		const char *lo = s->archs[i].lo.text, *hi = s->archs[i].hi.text;
		int n = 1;

		if (!target_in(t, lo, hi, s->archs[i].open))
			continue;
		for (const struct target *x = target_list(); x->name; x++)
			n += target_in(x, lo, NULL, true) ? 0 : 1;
		if (!hi && !s->archs[i].open)
			n += strcmp(lo, t->name) ? 1000 : 2000;
		best = n > best ? n : best;
	}
	return best;
}

struct lookup {
	const struct ir_operator *o;
};

static bool size_value(void *ctx, const char *name, int64_t *v)
{
	const struct lookup *l = ctx;

	for (int i = 0; i < l->o->n_sizes; i++)
		if (!strcmp(l->o->sizes[i].name, name)) {
			*v = l->o->sizes[i].value;
			return true;
		}
	for (int i = 0; i < l->o->n_types; i++)
		if (!strcmp(l->o->types[i].name, name)) {
			*v = l->o->types[i].type;
			return true;
		}
	return false;
}

static bool guard_holds(struct arena *a, const struct ast_item *s,
	const struct ir_operator *o, struct diag *d)
{
	struct lookup l = { o };
	struct sched_value when;
	int64_t v;

	if (!s->expr)
		return true;
	if (!directives_value(a, s->expr, NULL, 0, d, &when))
		return false;
	if (sched_eval(when.choices[0], size_value, &l, &v))
		return v;
	diag_error(d, E_WHEN, s->expr->at, "'when' has no value for %s", o->name);
	return false;
}

struct best {
	const struct ast_item *item;
	int name, target;
};

static void consider(struct arena *a, const struct ast_unit *from,
	const struct ast_unit *u, const struct ast_item *item,
	const struct ir_operator *o, const struct target *t, struct diag *d,
	struct best *best)
{
	for (int i = 0; i < from->n_items; i++) {
		const struct ast_item *s = &from->items[i];
		int name, near;

		if (s->kind != AST_SCHEDULE)
			continue;
		name = directives_names(from, s->target_op.text, u, item);
		near = closeness(s, t);
		if (!name || near < 0 || name < best->name ||
		    (name == best->name && near <= best->target))
			continue;
		if (guard_holds(a, s, o, d))
			*best = (struct best){ s, name, near };
	}
}

/* The units whose schedules may apply to "item" of "u", in the order in which
 * the first of equals is taken: the source, what it imports, then the files of
 * the operators behind an instance. */
typedef VEC(const struct ast_unit *) unit_list;

static void add_unit(struct arena *a, unit_list *l, const struct ast_unit *u)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i] == u)
			return;
	vec_push(a, l, u);
}

static unit_list units_of(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item)
{
	const struct ast_unit *owner = u, *own[CHAIN];
	unit_list l = {0};
	int n = 0;

	while (item && item->kind == AST_INSTANCE && n < CHAIN) {
		item = front_find(owner, item->callee.text, &owner);
		if (item)
			own[n++] = owner;
	}
	add_unit(a, &l, u);
	for (int i = 0; i < u->n_imports; i++) {
		const struct ast_unit *x = u->imports[i].unit;
		bool behind = false;

		for (int k = 0; k < n; k++)
			behind |= own[k] == x;
		if (x && !behind)
			add_unit(a, &l, x);
	}
	for (int i = 0; i < n; i++)
		add_unit(a, &l, own[i]);
	return l;
}

/* Schedules of "from" for the item and target that say when, behind those that
 * are as close or closer. */
static void add_guarded(struct arena *a, const struct ast_unit *from,
	const struct ast_unit *u, const struct ast_item *item,
	const struct target *t, ast_item_list *out)
{
	int begin = out->n;

	for (int i = 0; i < from->n_items; i++) {
		const struct ast_item *s = &from->items[i];
		int at = out->n;

		if (s->kind != AST_SCHEDULE || !s->expr || closeness(s, t) < 0 ||
		    !directives_names(from, s->target_op.text, u, item))
			continue;
		vec_push(a, out, s);
		for (; at > begin && closeness(out->v[at - 1], t) <
		       closeness(s, t); at--)
			out->v[at] = out->v[at - 1];
		out->v[at] = s;
	}
}

ast_item_list directives_guarded(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item, const struct target *t)
{
	unit_list from = units_of(a, u, item);
	ast_item_list out = {0};

	for (int i = 0; i < from.n; i++)
		add_guarded(a, from.v[i], u, item, t, &out);
	return out;
}

const struct ast_item *directives_pick(struct arena *a,
	const struct ast_unit *u, const struct ast_item *item,
	const struct ir_operator *o, const struct target *t, struct diag *d)
{
	unit_list from = units_of(a, u, item);
	struct best best = { NULL, 0, -1 };

	for (int i = 0; i < from.n; i++)
		consider(a, from.v[i], u, item, o, t, d, &best);
	return best.item;
}
