/* SPDX-License-Identifier: MIT */
/* Schedule, tune and test blocks: whose they are, for which targets, and the
 * names that their directives may use. */
#include "front/check.h"

#include <string.h>

#include "base/vec.h"
#include "front/directives.h"
#include "front/names.h"

/* Uses of operators in operators are followed this far. */
enum { USE_LIMIT = 16 };

static void add_axes_of(struct checker *c, struct axis_names *names,
	const struct ast_unit *owner, const struct ast_item *op,
	const char *as, const char *prefix, int depth);

/* "as" names the statement; those of an operator that is used go by the name of
 * its result, and "inner" is their own (NULL: the same): s_acc. */
static void add_axis(struct checker *c, struct axis_names *names,
	const char *as, const char *inner, const char *axis)
{
	table_put(&names->axes, axis, names);
	table_put(&names->pairs, arena_printf(c->a, "%s.%s", as, axis), names);
	if (inner)
		table_put(&names->pairs, arena_printf(c->a, "%s.%s", inner,
			axis), names);
}

static void add_reduced(struct checker *c, struct axis_names *names,
	const char *as, const char *inner, const struct ast_expr *e)
{
	for (int i = 0; i < e->n_binders; i++)
		add_axis(c, names, as, inner, e->binders[i].name);
	for (int i = 0; i < e->n_args; i++)
		add_reduced(c, names, as, inner, e->args[i]);
}

static const char *inside(struct checker *c, const char *prefix,
	const char *name)
{
	return prefix ? arena_printf(c->a, "%s_%s", prefix, name) : name;
}

static void add_use(struct checker *c, struct axis_names *names,
	const struct ast_unit *owner, const struct ast_stmt *t,
	const char *as, const char *prefix, int depth)
{
	struct found f = find_operator(owner, t->callee.text);

	for (int i = 0; i < t->n_names; i++) {
		const char *name = as ? as : t->names[i].text;

		table_put(&names->statements, name, names);
		table_put(&names->statements, inside(c, prefix,
			t->names[i].text), names);
		if (f.result == FIND_ONE && depth < USE_LIMIT)
			add_axes_of(c, names, f.owner, f.item, name, inside(c,
				prefix, t->names[0].text), depth + 1);
	}
}

static void add_axes_of(struct checker *c, struct axis_names *names,
	const struct ast_unit *owner, const struct ast_item *op,
	const char *as, const char *prefix, int depth)
{
	for (int i = 0; i < op->n_stmts && names->n_stmts < STMT_LIMIT; i++) {
		const struct ast_stmt *t = &op->stmts[i];
		const char *name = as ? as : t->name.text;
		const char *inner = prefix && t->kind == AST_LET ?
			inside(c, prefix, t->name.text) : NULL;

		names->n_stmts++;
		if (t->kind == AST_USE) {
			add_use(c, names, owner, t, as, prefix, depth);
			continue;
		}
		table_put(&names->statements, name, names);
		if (inner)
			table_put(&names->statements, inner, names);
		for (int j = 0; j < t->n_binders; j++)
			add_axis(c, names, name, inner, t->binders[j].name);
		add_reduced(c, names, name, inner, t->expr);
	}
}

static const struct axis_names *axis_names_of(struct checker *c, struct found op)
{
	const char *key = arena_printf(c->a, "%s:%s", op.owner->src->path,
		op.item->name.text);
	struct axis_names *names = table_get(&c->axes, key);

	if (names)
		return names;
	names = ARENA_NEW(c->a, struct axis_names);
	table_init(&names->axes, c->a);
	table_init(&names->pairs, c->a);
	table_init(&names->statements, c->a);
	add_axes_of(c, names, op.owner, op.item, NULL, NULL, 0);
	table_put(&c->axes, key, names);
	return names;
}

const char *nearest_key(struct arena *a, const char *name,
	const struct table *const *tables, int n)
{
	VEC(const char *) keys = {0};

	for (int i = 0; i < n; i++)
		for (int j = 0; j < tables[i]->cap; j++)
			if (tables[i]->rows[j].value)
				vec_push(a, &keys, tables[i]->rows[j].name);
	vec_push(a, &keys, NULL);
	return str_nearest(name, keys.v);
}

static int check_arch(struct checker *c, const struct ast_name *name)
{
	int i = names_arch(name->text);

	if (i >= 0)
		return i;
	diag_error(c->d, E_TARGET, name->at, "unknown target '%s'", name->text);
	hint_nearest(c->d, name->text, str_nearest(name->text, names_archs()));
	return -1;
}

static void check_archs(struct checker *c, const struct ast_item *it)
{
	for (int i = 0; i < it->n_archs; i++) {
		const struct ast_arch *arch = &it->archs[i];
		int lo = check_arch(c, &arch->lo);
		int hi = arch->hi.text ? check_arch(c, &arch->hi) : lo;

		if (lo >= 0 && hi >= 0 && hi < lo)
			diag_error(c->d, E_TARGET, span_join(arch->lo.at, arch->hi.at),
				"range of targets is empty");
	}
}

/* False if the operator cannot be found: the block cannot be judged. */
static bool open_block(struct block *b, struct checker *c, struct ast_name op,
	unsigned place)
{
	struct found direct = find_item(c->u, op.text);

	*b = (struct block){ .c = c, .place = place };
	table_init(&b->made, c->a);
	table_init(&b->params, c->a);
	b->op = find_expect(c, op);
	if (b->op.result != FIND_ONE)
		return false;
	if (direct.item->kind == AST_INSTANCE)
		b->instance = direct.item;
	b->signature = signature_of(c, b->op);
	b->names = axis_names_of(c, b->op);
	return true;
}

static void check_same_name(struct checker *c, const struct ast_item *it)
{
	const char *key = arena_printf(c->a, "%s:%s", it->target_op.text,
		it->name.text);
	const struct ast_item *first = table_get(&c->schedules, key);

	if (!first) {
		table_put(&c->schedules, key, (void *)it);
		return;
	}
	diag_error(c->d, E_TWICE, it->name.at, "'%s' has two schedules '%s'",
		it->target_op.text, it->name.text);
	diag_note(c->d, first->name.at, "the first is here");
}

static void check_when(struct block *b, const struct ast_item *it)
{
	struct scope s = *b->signature;

	s.c = b->c;
	if (it->expr)
		check_expr(&s, it->expr, AT_CONDITION);
}

static void check_param(struct block *b, const struct ast_dir *d)
{
	const struct ast_dir *first = table_get(&b->params, d->name.text);
	const struct symbol *y = scope_find(b->signature, d->name.text);

	if (b->place != IN_SCHEDULE)
		diag_error(b->c->d, E_PLACE, d->name.at, "param belongs in a schedule");
	if (first || (y && y->kind != SYM_ERROR)) {
		diag_error(b->c->d, E_TWICE, d->name.at, "'%s' is already %s",
			d->name.text, first ? "a param" :
			symbol_kind_name(y->kind));
		diag_note(b->c->d, first ? first->name.at : y->at,
			"it gets this meaning here");
	}
	check_value(b, d->value, NULL);
	table_put(&b->params, d->name.text, (void *)d);
}

static bool mentions(const struct ast_expr *e, const char *name)
{
	bool found = e && e->kind == AST_NAME && !strcmp(e->name, name);

	for (int i = 0; e && i < e->n_args && !found; i++)
		found = mentions(e->args[i], name);
	return found;
}

static bool is_used(const struct ast_item *it, const char *param)
{
	for (int i = 0; i < it->n_dirs; i++) {
		const struct ast_dir *d = &it->dirs[i];

		if (mentions(d->value, param))
			return true;
		for (int k = 0; k < d->n_args; k++)
			if (mentions(d->args[k].value, param))
				return true;
	}
	return false;
}

static void warn_unused(struct block *b, const struct ast_item *it)
{
	for (int i = 0; i < it->n_dirs; i++) {
		const struct ast_name *name = &it->dirs[i].name;

		if (it->dirs[i].kind == AST_PARAM && !is_used(it, name->text))
			diag_warn(b->c->d, W_UNUSED, name->at,
				"param '%s' is never used", name->text);
	}
}

static void check_dirs(struct block *b, const struct ast_item *it)
{
	for (int i = 0; i < it->n_dirs && !diag_full(b->c->d); i++) {
		const struct ast_dir *d = &it->dirs[i];

		if (d->kind == AST_PARAM)
			check_param(b, d);
		else if (d->kind == AST_DIRECTIVE)
			check_directive(b, d);
		else if (b->place != IN_SCHEDULE)
			diag_error(b->c->d, E_PLACE, d->at,
				"require belongs in a schedule");
		else
			check_require(b, d->value);
	}
}

void check_schedule(struct checker *c, const struct ast_item *it)
{
	struct block b;

	if (!it->again)
		check_archs(c, it);
	if (!open_block(&b, c, it->target_op, IN_SCHEDULE))
		return;
	/* What is wrong with a block is said once, of its first operator. */
	if (it->again && diag_errors(c->d))
		return;
	check_same_name(c, it);
	check_when(&b, it);
	check_dirs(&b, it);
	if (!it->again)
		warn_unused(&b, it);
}

void check_tune(struct checker *c, const struct ast_item *it)
{
	struct block b;

	check_archs(c, it);
	if (open_block(&b, c, it->name, it->kind == AST_TUNE ? IN_TUNE : IN_TEST))
		check_dirs(&b, it);
}
