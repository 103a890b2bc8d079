/* SPDX-License-Identifier: MIT */
/* What follows a sum, as libraries have it: functions of one number that they
 * know whole are recognised by their form, whatever they are called. */
#include "sketch/library.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- expressions but for casts ---- */

/* Does "to" hold every value of "from"? */
static bool loses_nothing(enum dtype from, enum dtype to)
{
	return dtype_widen(from, to) == to && dtype_is_float(from) ==
		dtype_is_float(to);
}

static const struct output *let_of(const struct library_group *g,
	const struct ir_expr *e)
{
	for (int i = 1; i < g->e.n && e->kind == IR_READ; i++)
		if (g->e.outputs[i].tensor->id == e->tensor)
			return &g->e.outputs[i];
	return NULL;
}

const struct ir_expr *library_strip(const struct library_group *g,
	const struct ir_expr *e)
{
	for (;;) {
		const struct output *let = let_of(g, e);

		if (let && !let->stored)
			e = let->value;
		else if (e->kind == IR_CAST && loses_nothing(e->args[0]->type,
		    e->type))
			e = e->args[0];
		else
			return e;
	}
}

bool library_is_sum(const struct library_group *g, const struct ir_expr *e)
{
	return e->kind == IR_READ && e->tensor == g->e.outputs[0].tensor->id;
}

bool library_constant(const struct library_group *g, const struct ir_expr *e,
	double *v)
{
	e = library_strip(g, e);
	*v = e->kind == IR_INT ? (double)e->i : e->f;
	return e->kind == IR_INT || e->kind == IR_FLOAT;
}

bool library_same(const struct library_group *g, const struct ir_expr *x,
	const struct ir_expr *y)
{
	x = library_strip(g, x);
	y = library_strip(g, y);
	if (x->kind != IR_OP || y->kind != IR_OP)
		return x == y || ir_equal(x, y);
	if (x->op != y->op || x->type != y->type)
		return false;
	for (int i = 0; i < x->n_args; i++)
		if (!library_same(g, x->args[i], y->args[i]))
			return false;
	return true;
}

/* ---- functions by their form ---- */

/* Operations before their operands; x is the argument, $ a number. */
static const struct form {
	const char *text, *lt, *mode, *extra;
	double number;
} forms[] = {
	{ "max x 0", "relu", "relu", NULL, 0 },
	{ "min max x 0 $", NULL, "relu", "upper", 0 },
	{ "select lt 0 x x mul $ x", NULL, "relu", "slope", 0 },
	{ "mul mul 0.5 x add 1 erf mul x 0.7071067811865476", NULL, "gelu",
		NULL, 0 },
	{ "mul mul 0.5 x add 1 tanh mul 0.7978845608028654 add x "
		"mul mul mul 0.044715 x x x", "gelu", "gelu_tanh", NULL, 0 },
	{ "div 1 add 1 exp neg x", NULL, "sigmoid", NULL, 0 },
	{ "div x add 1 exp neg x", NULL, "swish", "beta", 1 },
};

struct matching {
	const struct library_group *g;
	const char *at;
	const struct ir_expr *x;
	double number;
	bool numbered;
};

static bool matches(struct matching *m, const struct ir_expr *e);

static bool is_commutative(enum op op)
{
	return op == OP_ADD || op == OP_MUL || op == OP_MAX || op == OP_MIN;
}

static bool matches_op(struct matching *m, const char *name, size_t n,
	const struct ir_expr *e)
{
	struct matching before = *m;
	const char *own = e->kind == IR_OP ? op_rows[e->op].name : "";

	if (strlen(own) != n || memcmp(own, name, n))
		return false;
	for (int i = 0; i < e->n_args; i++)
		if (!matches(m, e->args[i])) {
			if (!is_commutative(e->op))
				return false;
			*m = before;
			return matches(m, e->args[1]) &&
				matches(m, e->args[0]);
		}
	return true;
}

static bool matches_x(struct matching *m, const struct ir_expr *e)
{
	if (m->x)
		return library_same(m->g, m->x, e);
	m->x = e;
	return true;
}

/* Literals are of the type that they are computed in: f32, mostly. */
static bool matches_number(struct matching *m, const char *text,
	const struct ir_expr *e)
{
	double want = strtod(text, NULL), v;

	if (!library_constant(m->g, e, &v))
		return false;
	if (*text != '$')
		return fabs(v - want) <= 1e-6 * fabs(want);
	m->number = v;
	m->numbered = true;
	return true;
}

static bool matches(struct matching *m, const struct ir_expr *e)
{
	const char *word = m->at + strspn(m->at, " ");
	size_t n = strcspn(word, " ");

	e = library_strip(m->g, e);
	m->at = word + n;
	if (n == 1 && *word == 'x')
		return matches_x(m, e);
	if (*word == '$' || (*word >= '0' && *word <= '9'))
		return matches_number(m, word, e);
	return matches_op(m, word, n, e);
}

bool library_activation(const struct library_group *g, const struct ir_expr *e,
	struct activation *out)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct matching m = { .g = g, .at = forms[i].text };
		double v;

		if (!matches(&m, e) || library_constant(g, m.x, &v))
			continue;
		*out = (struct activation){ forms[i].lt, forms[i].mode,
			forms[i].extra, m.numbered ? m.number :
			forms[i].number, m.x };
		return true;
	}
	return false;
}

/* ---- the group ---- */

/* One result, the last statement's; what is between is not rounded. */
static bool one_result(struct library_group *g, const char **why)
{
	const struct task *t = g->t;

	for (int i = 0; i < g->e.n; i++) {
		const struct output *o = &g->e.outputs[i];

		if (o->reduction || o->per_row) {
			*why = "libraries' calls end with values of one element "
				"each, and a statistic of rows follows here";
			return false;
		}
		if (o->stored != (i == g->e.n - 1)) {
			*why = arena_printf(t->a, "libraries' calls write one "
				"tensor, and '%s' is written too",
				g->e.outputs[0].stored ?
				g->e.outputs[0].tensor->name : o->tensor->name);
			return false;
		}
		if (!o->stored && !loses_nothing(g->acc, o->tensor->type)) {
			*why = arena_printf(t->a, "'%s' is rounded to %s, and "
				"libraries round results alone",
				o->tensor->name,
				dtype_row(o->tensor->type)->name);
			return false;
		}
	}
	return true;
}

struct computing {
	const struct library_group *g;
	const struct ir_expr *narrow;
};

static void find_narrow(struct ir_expr *e, void *ctx)
{
	struct computing *c = ctx;

	if (e->kind == IR_OP && dtype_is_float(e->type) &&
	    e->type != c->g->acc)
		c->narrow = e;
	if (e->kind == IR_CAST && !loses_nothing(e->args[0]->type, e->type))
		c->narrow = e;
}

/* Is everything computed in the type of the sum? */
static bool computes_wide(struct library_group *g, const char **why)
{
	struct computing c = { g, NULL };

	for (int i = 1; i < g->e.n && !c.narrow; i++) {
		const struct ir_expr *e = g->e.outputs[i].value;

		if (i == g->e.n - 1 && e->kind == IR_CAST)
			e = e->args[0];
		ir_walk((struct ir_expr *)e, find_narrow, &c);
	}
	if (!c.narrow)
		return true;
	*why = arena_printf(g->t->a, "what follows the sum computes in %s, and "
		"libraries do in that of the sum, %s",
		dtype_row(c.narrow->type)->name, dtype_row(g->acc)->name);
	return false;
}

bool library_follow(struct task *t, struct library_group *g, const char **why)
{
	g->acc = lower_type(g->c.acc);
	if (!epilogue_analyse(t, &g->c, &g->e, why) || !one_result(g, why) ||
	    !computes_wide(g, why))
		return false;
	g->last = &g->e.outputs[g->e.n - 1];
	g->value = g->last->value;
	if (g->value && g->value->kind == IR_CAST)
		g->value = g->value->args[0];
	if (g->value)
		g->value = library_strip(g, g->value);
	if (ir_address(t->a, t->op, g->last->tensor, g->last->index,
	    &g->result) && g->result.c == 0)
		return true;
	*why = arena_printf(t->a, "the layout of %s is none of strides",
		g->last->tensor->name);
	return false;
}
