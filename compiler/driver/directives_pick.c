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

/* Schedules of "from" for the item and target that say when, behind those that
 * are as close or closer. */
static void add_guarded(struct arena *a, const struct ast_unit *from,
	const struct ast_unit *u, const struct ast_item *item,
	const struct target *t, int begin, ast_item_list *out)
{
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
	const struct ast_unit *owner = u;
	const struct ast_item *behind = item;
	ast_item_list out = {0};

	add_guarded(a, u, u, item, t, 0, &out);
	for (int i = 0; behind && behind->kind == AST_INSTANCE && i < CHAIN; i++) {
		const struct ast_unit *last = owner;

		behind = front_find(owner, behind->callee.text, &owner);
		if (behind && owner != last)
			add_guarded(a, owner, u, item, t, out.n, &out);
	}
	return out;
}

const struct ast_item *directives_pick(struct arena *a,
	const struct ast_unit *u, const struct ast_item *item,
	const struct ir_operator *o, const struct target *t, struct diag *d)
{
	struct best best = { NULL, 0, -1 };
	const struct ast_unit *owner = u;
	const struct ast_item *behind = item;

	consider(a, u, u, item, o, t, d, &best);
	for (int i = 0; behind && behind->kind == AST_INSTANCE && i < CHAIN; i++) {
		const struct ast_unit *last = owner;

		behind = front_find(owner, behind->callee.text, &owner);
		if (behind && owner != last)
			consider(a, owner, u, item, o, t, d, &best);
	}
	return best.item;
}
