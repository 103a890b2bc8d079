/* SPDX-License-Identifier: MIT */
/* Inlining must end, and end small: functions and operators that reach
 * themselves are refused, and so are chains of calls that are too long and
 * expressions that grow too large when their functions are put in place.
 * Needs: names and numbers of arguments checked. */
#include "front/check.h"

#include <string.h>

#include "base/vec.h"

enum { HEIGHT_LIMIT = 100 };

static const double EXPR_LIMIT = 1e6;

enum state { UNSEEN, OPEN, DONE };

/* A function or operator. "size" counts operations (statements, for an
 * operator) with everything inlined, "uses[i]" how often parameter i occurs. */
struct node {
	const struct ast_item *item;
	const struct ast_unit *owner;
	enum state state;
	int height;
	double size, *uses;
	struct node *caller;
};

struct call {
	const char *name;
	struct span at;
};

struct call_list {
	struct call *v;
	int n, cap;
};

struct walk {
	struct checker *c;
	struct table nodes;
};

static struct node *node_of(struct walk *w, const struct ast_unit *from,
	const char *name)
{
	struct found f = find_item(from, name);
	struct node *n;
	const char *key;

	if (f.result == FIND_ONE && f.item->kind == AST_INSTANCE)
		f = find_operator(from, name);
	if (f.result != FIND_ONE)
		return NULL;
	key = arena_printf(w->c->a, "%s:%s", f.owner->src->path,
		f.item->name.text);
	n = table_get(&w->nodes, key);
	if (n)
		return n;
	n = ARENA_NEW(w->c->a, struct node);
	n->item = f.item;
	n->owner = f.owner;
	n->uses = ARENA_ARRAY(w->c->a, (size_t)f.item->n_params, double);
	table_put(&w->nodes, key, n);
	return n;
}

/* The function that "name" calls; an operator of that name it does not. */
static struct node *fn_of(struct walk *w, const struct ast_unit *from,
	const char *name)
{
	struct node *n = node_of(w, from, name);

	return n && n->item->kind == AST_FN ? n : NULL;
}

static void collect(struct walk *w, const struct ast_unit *from,
	const struct ast_expr *e, struct call_list *calls)
{
	if (e->kind == AST_CALL && fn_of(w, from, e->name))
		vec_push(w->c->a, calls, (struct call){ e->name, name_span(e) });
	for (int i = 0; i < e->n_args; i++)
		collect(w, from, e->args[i], calls);
}

static struct call_list calls_of(struct walk *w, const struct node *n)
{
	const struct ast_item *it = n->item;
	struct call_list calls = {0};

	if (it->kind == AST_FN)
		collect(w, n->owner, it->expr, &calls);
	for (int i = 0; i < it->n_stmts; i++) {
		const struct ast_stmt *t = &it->stmts[i];

		if (t->kind == AST_USE)
			vec_push(w->c->a, &calls,
				(struct call){ t->callee.text, t->callee.at });
		else
			collect(w, n->owner, t->expr, &calls);
	}
	return calls;
}

static int param_index(const struct ast_item *fn, const char *name)
{
	for (int i = 0; i < fn->n_params; i++)
		if (!strcmp(fn->params[i].text, name))
			return i;
	return -1;
}

/* How often parameter "param" of "in" occurs in "e" when calls are inlined;
 * with -1, how many operations there are. */
static double weigh(struct walk *w, const struct node *in,
	const struct ast_expr *e, int param)
{
	struct node *f = e->kind == AST_CALL ?
		fn_of(w, in->owner, e->name) : NULL;
	double sum = f ? param < 0 ? f->size : 0 : param < 0;

	if (e->kind == AST_NAME)
		return param < 0 || param_index(in->item, e->name) == param;
	for (int i = 0; i < e->n_args; i++) {
		double times = !f ? 1 : i < f->item->n_params ? f->uses[i] : 0;

		if (times)
			sum += times * weigh(w, in, e->args[i], param);
	}
	return sum;
}

static void report_growth(struct walk *w, struct span at)
{
	diag_error(w->c->d, E_LIMIT, at, "expression grows to more than a million "
		"operations when its functions are inlined");
}

static void weigh_fn(struct walk *w, struct node *n)
{
	n->size = weigh(w, n, n->item->expr, -1);
	if (n->size > EXPR_LIMIT) {
		report_growth(w, n->item->name.at);
		n->size = 1;
		return;
	}
	for (int i = 0; i < n->item->n_params; i++)
		n->uses[i] = weigh(w, n, n->item->expr, i);
}

static void weigh_op(struct walk *w, struct node *n)
{
	for (int i = 0; i < n->item->n_stmts; i++) {
		const struct ast_stmt *t = &n->item->stmts[i];
		struct node *f;

		n->size++;
		if (t->kind != AST_USE) {
			if (weigh(w, n, t->expr, -1) > EXPR_LIMIT)
				report_growth(w, t->expr->at);
			continue;
		}
		f = node_of(w, n->owner, t->callee.text);
		n->size += f ? f->size : 0;
	}
	if (n->size > STMT_LIMIT) {
		diag_error(w->c->d, E_LIMIT, n->item->name.at,
			"operator '%s' has more than %d statements with those "
			"of the operators it uses", n->item->name.text,
			STMT_LIMIT);
		n->size = 1;
	}
}

static void report_cycle(struct walk *w, const struct node *from,
	const struct node *to, struct span at)
{
	enum { SHOWN = 8 };
	const char *chain = to->item->name.text;
	int n = 0;

	for (const struct node *i = from; i != to && n++ < SHOWN; i = i->caller)
		chain = arena_printf(w->c->a, "%s -> %s", i->item->name.text,
			chain);
	diag_error(w->c->d, E_RECURSION, at, to->item->kind == AST_FN ?
		"function '%s' is recursive" : "operator '%s' uses itself",
		to->item->name.text);
	diag_note(w->c->d, (struct span){0}, "%s%s -> %s",
		n > SHOWN ? "... " : "", to->item->name.text, chain);
}

static void visit(struct walk *w, struct node *n, int depth);

static void follow(struct walk *w, struct node *n, struct call call, int depth)
{
	struct node *f = node_of(w, n->owner, call.name);

	if (!f)
		return;
	if (f->state == OPEN) {
		report_cycle(w, n, f, call.at);
		return;
	}
	if (f->state == UNSEEN && depth <= HEIGHT_LIMIT) {
		f->caller = n;
		visit(w, f, depth + 1);
	}
	if (f->height >= n->height)
		n->height = f->height + 1;
	if (n->height <= HEIGHT_LIMIT && depth <= HEIGHT_LIMIT)
		return;
	diag_error(w->c->d, E_LIMIT, call.at, "calls are nested more than %d deep",
		HEIGHT_LIMIT);
	n->height = 0;
}

static void visit(struct walk *w, struct node *n, int depth)
{
	struct call_list calls = calls_of(w, n);
	int errors = diag_errors(w->c->d);

	n->state = OPEN;
	for (int i = 0; i < calls.n && diag_errors(w->c->d) == errors; i++)
		follow(w, n, calls.v[i], depth);
	n->state = DONE;
	if (diag_errors(w->c->d) > errors)
		return;
	if (n->item->kind == AST_FN)
		weigh_fn(w, n);
	else
		weigh_op(w, n);
}

void check_cycles(struct checker *c)
{
	struct walk w = { .c = c };

	table_init(&w.nodes, c->a);
	for (int i = 0; i < c->u->n_items && !diag_full(c->d); i++) {
		const struct ast_item *it = &c->u->items[i];
		struct node *n;

		if (it->kind != AST_FN && it->kind != AST_OP)
			continue;
		n = node_of(&w, c->u, it->name.text);
		if (n && n->state == UNSEEN)
			visit(&w, n, 1);
	}
}
