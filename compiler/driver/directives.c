/* SPDX-License-Identifier: MIT */
/* Schedules as values. In: a schedule block as checked syntax. Out: the same as
 * struct schedule: expressions over names, ranges expanded to their choices.
 * Numbers with a point become strings: only permissions (margin = 1.02) carry
 * them. Sketches give names their meaning when they bind. */
#include "driver/directives.h"

#include <string.h>

#include "base/vec.h"

enum { CHOICES = 4096 };

struct convert {
	struct arena *a;
	const struct ir_size *sizes;
	int n_sizes;
	struct diag *d;
};

static struct sched_expr *expr(struct convert *c, const struct ast_expr *e);

static struct sched_expr *leaf(struct convert *c, enum sched_kind kind,
	const char *name, struct span at)
{
	struct sched_expr *x = ARENA_NEW(c->a, struct sched_expr);

	x->kind = kind;
	x->name = name;
	x->at = at;
	return x;
}

static struct sched_expr *number(struct convert *c, int64_t i, struct span at)
{
	struct sched_expr *x = leaf(c, SX_INT, NULL, at);

	x->i = i;
	return x;
}

static struct sched_expr *op(struct convert *c, enum op op,
	const struct ast_expr *e, bool swap)
{
	struct sched_expr *x = leaf(c, SX_OP, NULL, e->at);

	x->op = op;
	for (int i = 0; i < e->n_args && i < 3; i++) {
		x->args[swap ? 1 - i : i] = expr(c, e->args[i]);
		if (!x->args[swap ? 1 - i : i])
			return NULL;
	}
	if (op == OP_NEG && x->args[0]->kind == SX_INT)
		return number(c, -x->args[0]->i, e->at);
	return x;
}

static struct sched_expr *decimal(struct convert *c, const struct ast_expr *e)
{
	struct sched_expr *x;
	struct str text;

	str_init(&text, c->a);
	str_double(&text, e->f);
	x = leaf(c, SX_STRING, str_text(&text), e->at);
	x->i = 1;
	return x;
}

static struct sched_expr *unusable(struct convert *c, const struct ast_expr *e)
{
	diag_error(c->d, E_VALUE, e->at, "this cannot stand in a directive");
	return NULL;
}

static struct sched_expr *expr(struct convert *c, const struct ast_expr *e)
{
	switch (e->kind) {
	case AST_INT: return number(c, e->i, e->at);
	case AST_FLOAT: return decimal(c, e);
	case AST_TYPE: return number(c, dtype_named(e->name), e->at);
	case AST_NAME: return leaf(c, SX_NAME, e->name, e->at);
	case AST_STRING: return leaf(c, SX_STRING, e->name, e->at);
	case AST_NEG: return op(c, OP_NEG, e, false);
	case AST_NOT: return op(c, OP_NOT, e, false);
	case AST_ADD: return op(c, OP_ADD, e, false);
	case AST_SUB: return op(c, OP_SUB, e, false);
	case AST_MUL: return op(c, OP_MUL, e, false);
	case AST_DIV: return op(c, OP_DIV, e, false);
	case AST_MOD: return op(c, OP_MOD, e, false);
	case AST_LT: return op(c, OP_LT, e, false);
	case AST_GT: return op(c, OP_LT, e, true);
	case AST_LE: return op(c, OP_LE, e, false);
	case AST_GE: return op(c, OP_LE, e, true);
	case AST_EQ: return op(c, OP_EQ, e, false);
	case AST_NE: return op(c, OP_NE, e, false);
	case AST_AND: return op(c, OP_AND, e, false);
	case AST_OR: return op(c, OP_OR, e, false);
	case AST_COND: return op(c, OP_SELECT, e, false);
	case AST_MINMAX:
		if (e->n_args == 2)
			return op(c, !strcmp(e->name, "max") ? OP_MAX : OP_MIN,
				e, false);
		return unusable(c, e);
	default: return unusable(c, e);
	}
}

/* ---- values ---- */

static bool size_value(void *ctx, const char *name, int64_t *v)
{
	const struct convert *c = ctx;

	for (int i = 0; i < c->n_sizes; i++)
		if (!strcmp(c->sizes[i].name, name)) {
			*v = c->sizes[i].value;
			return true;
		}
	return false;
}

static bool end_value(struct convert *c, const struct ast_expr *e, int64_t *v)
{
	const struct sched_expr *x = expr(c, e);

	if (x && sched_eval(x, size_value, c, v))
		return true;
	if (x)
		diag_error(c->d, E_VALUE, e->at, "the end of a range must be known here");
	return false;
}

struct growing {
	VEC(struct sched_expr *) v;
};

static bool add(struct convert *c, struct growing *g, struct sched_expr *x,
	struct span at)
{
	if (!x)
		return false;
	if (g->v.n < CHOICES) {
		vec_push(c->a, &g->v, x);
		return true;
	}
	diag_error(c->d, E_LIMIT, at, "more than %d values", CHOICES);
	return false;
}

static bool count_up(struct convert *c, struct growing *g, int64_t lo,
	int64_t hi, int64_t step, struct span at)
{
	int64_t v = lo;

	while (v <= hi) {
		if (!add(c, g, number(c, v, at), at))
			return false;
		if (step ? __builtin_add_overflow(v, step, &v) :
		    __builtin_mul_overflow(v, (int64_t)2, &v))
			break;
	}
	return true;
}

/* lo..hi doubles; with a step it adds. Both ends belong to it. */
static bool expand_range(struct convert *c, const struct ast_expr *e,
	struct growing *g)
{
	int64_t lo, hi, step = 0;

	if (!end_value(c, e->args[0], &lo) || !end_value(c, e->args[1], &hi) ||
	    (e->n_args == 3 && !end_value(c, e->args[2], &step)))
		return false;
	if (hi < lo)
		diag_error(c->d, E_VALUE, e->at, "range is empty: it starts at %lld and "
			"ends at %lld", (long long)lo, (long long)hi);
	else if (e->n_args == 3 && step < 1)
		diag_error(c->d, E_VALUE, e->args[2]->at, "a step is at least 1");
	else if (e->n_args == 2 && lo < 1)
		diag_error(c->d, E_VALUE, e->args[0]->at,
			"a range that doubles starts at 1 or above");
	else
		return count_up(c, g, lo, hi, step, e->at);
	return false;
}

static bool expand(struct convert *c, const struct ast_expr *e,
	struct growing *g)
{
	if (e->kind == AST_RANGE)
		return expand_range(c, e, g);
	if (e->kind != AST_SET)
		return add(c, g, expr(c, e), e->at);
	for (int i = 0; i < e->n_args; i++)
		if (!expand(c, e->args[i], g))
			return false;
	return true;
}

static bool value(struct convert *c, const struct ast_expr *e,
	struct sched_value *out)
{
	struct growing g = {0};

	if (!expand(c, e, &g))
		return false;
	*out = (struct sched_value){ g.v.v, g.v.n, e->at };
	return true;
}

bool directives_value(struct arena *a, const struct ast_expr *v,
	const struct ir_size *sizes, int n_sizes, struct diag *d,
	struct sched_value *out)
{
	struct convert c = { a, sizes, n_sizes, d };

	return value(&c, v, out);
}

/* ---- blocks ---- */

static bool convert_param(struct convert *c, const struct ast_dir *d,
	struct schedule *s)
{
	struct sched_param *p = &s->params[s->n_params];

	p->name = d->name.text;
	if (!value(c, d->value, &p->value))
		return false;
	s->n_params++;
	return true;
}

static bool convert_require(struct convert *c, const struct ast_dir *d,
	struct schedule *s)
{
	struct sched_require *r = &s->requires[s->n_requires];

	r->expr = expr(c, d->value);
	r->at = d->at;
	s->n_requires++;
	return r->expr;
}

static bool speaks_of_packing(const struct sched_directive *d)
{
	for (int i = 0; i < d->n_args; i++)
		if (d->args[i].key && (!strcmp(d->args[i].key, "pack") ||
		    !strcmp(d->args[i].key, "along")))
			return true;
	return false;
}

/* Each tensor is packed by a kernel of its own: the last directive becomes one for
 * each that it names, at its name. */
static void split_tensors(struct convert *c, struct schedule *s)
{
	const struct sched_directive all = s->directives[--s->n_directives];

	for (int i = 0; i < all.n_args; i++) {
		struct sched_directive *x = &s->directives[s->n_directives];

		if (all.args[i].key)
			continue;
		s->n_directives++;
		*x = all;
		x->at = all.args[i].at;
		x->args = ARENA_ARRAY(c->a, all.n_args, struct sched_arg);
		x->n_args = 0;
		for (int k = 0; k < all.n_args; k++)
			if (k == i || all.args[k].key)
				x->args[x->n_args++] = all.args[k];
	}
}

static bool convert_directive(struct convert *c, const struct ast_dir *d,
	struct schedule *s)
{
	struct sched_directive *x = &s->directives[s->n_directives++];
	const char *why;
	struct span at;
	bool ok = true;

	x->name = d->name.text;
	x->at = d->at;
	x->n_args = d->n_args;
	x->args = ARENA_ARRAY(c->a, d->n_args + 1, struct sched_arg);
	for (int i = 0; i < d->n_args; i++) {
		x->args[i].key = d->args[i].key;
		x->args[i].at = d->args[i].key ? d->args[i].key_at :
			d->args[i].value->at;
		ok &= value(c, d->args[i].value, &x->args[i].value);
	}
	why = ok && !strcmp(x->name, "fallback") ?
		sched_fallback_wrong(x, &at) : NULL;
	if (why)
		diag_error(c->d, E_VALUE, at, "%s", why);
	if (speaks_of_packing(x))
		split_tensors(c, s);
	return ok && !why;
}

static bool convert_dirs(struct convert *c, const struct ast_item *item,
	struct schedule *s)
{
	bool ok = true;

	for (int i = 0; i < item->n_dirs; i++) {
		const struct ast_dir *d = &item->dirs[i];

		if (d->kind == AST_PARAM)
			ok &= convert_param(c, d, s);
		else if (d->kind == AST_REQUIRE)
			ok &= convert_require(c, d, s);
		else
			ok &= convert_directive(c, d, s);
	}
	return ok;
}

static void convert_archs(struct convert *c, const struct ast_item *item,
	struct schedule *s)
{
	s->archs = ARENA_ARRAY(c->a, item->n_archs + 1, struct sched_arch);
	s->n_archs = item->n_archs;
	for (int i = 0; i < item->n_archs; i++)
		s->archs[i] = (struct sched_arch){ item->archs[i].lo.text,
			item->archs[i].hi.text, item->archs[i].open };
}

struct schedule *directives_schedule(struct arena *a,
	const struct ast_item *item, const struct ir_operator *o,
	struct diag *d)
{
	struct convert c = { a, o ? o->sizes : NULL, o ? o->n_sizes : 0, d };
	struct schedule *s = ARENA_NEW(a, struct schedule);
	int n = 1;

	for (int i = 0; i < item->n_dirs; i++)
		n += 1 + item->dirs[i].n_args;
	s->name = item->name.text;
	s->op = item->target_op.text;
	s->at = item->at;
	s->params = ARENA_ARRAY(a, n, struct sched_param);
	s->requires = ARENA_ARRAY(a, n, struct sched_require);
	s->directives = ARENA_ARRAY(a, n, struct sched_directive);
	convert_archs(&c, item, s);
	if (item->expr) {
		s->when = expr(&c, item->expr);
		if (!s->when)
			return NULL;
	}
	return convert_dirs(&c, item, s) ? s : NULL;
}

static void mark(struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_inputs; i++)
		if (!strcmp(o->tensors[i].name, name))
			o->tensors[i].constant = true;
}

void directives_mark_constants(struct ir_operator *o,
	const struct schedule *s)
{
	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_directive *d = &s->directives[i];

		if (strcmp(d->name, "const"))
			continue;
		for (int k = 0; k < d->n_args; k++)
			for (int j = 0; j < d->args[k].value.n; j++)
				if (d->args[k].value.choices[j]->kind == SX_NAME)
					mark(o, d->args[k].value.choices[j]->name);
	}
}
