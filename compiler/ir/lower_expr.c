/* SPDX-License-Identifier: MIT */
/* Lowering: expressions. In: syntax at a place, and the type wanted there.
 * Out: a value: a constant, or a typed IR expression. Functions are inlined;
 * their arguments are lowered once, where they stand. */
#include <math.h>
#include <string.h>

#include "front/front.h"
#include "ir/lower_state.h"

static struct value bad(const struct place *p, enum diag_code code,
	struct span at, const char *fmt, const char *name)
{
	lower_error(p->l, p->scope, code, at, fmt, name);
	return lower_bad();
}

static struct value index_value(const struct place *p, const struct index *x)
{
	return lower_made(ir_axis_value(p->l->a, x->axis), 1, 1);
}

static const struct argument *find_argument(const struct place *p,
	const char *name)
{
	for (int i = 0; i < p->n_args; i++)
		if (!strcmp(p->args[i].name, name))
			return &p->args[i];
	return NULL;
}

static struct value lower_name(const struct place *p, const struct ast_expr *e)
{
	const struct argument *arg = find_argument(p, e->name);
	const struct index *x;
	const struct known *k;

	if (arg)
		return arg->v;
	x = p->work >= 0 ? lower_index(&p->l->works.v[p->work], p->frame,
		e->name) : NULL;
	if (x)
		return index_value(p, x);
	if (p->args)
		return bad(p, E_UNKNOWN, e->at, "unknown name '%s'", e->name);
	if (p->work >= 0 && lower_tensor_named(p->scope, e->name) >= 0)
		return lower_read(p, e);
	k = lower_known(p->scope, e->name);
	return k ? k->v : bad(p, E_CONSTANT, e->at, "'%s' is no constant here", e->name);
}

/* ---- functions ---- */

static const struct { const char *name; enum op op; } unary[] = {
	{ "exp", OP_EXP }, { "exp2", OP_EXP2 }, { "log", OP_LOG },
	{ "log2", OP_LOG2 }, { "sqrt", OP_SQRT }, { "rsqrt", OP_RSQRT },
	{ "sin", OP_SIN }, { "cos", OP_COS }, { "tanh", OP_TANH },
	{ "erf", OP_ERF }, { "abs", OP_ABS }, { "floor", OP_FLOOR },
	{ "ceil", OP_CEIL }, { "round", OP_ROUND }, { NULL, N_OPS }
};

static enum op unary_named(const char *name)
{
	for (int i = 0; unary[i].name; i++)
		if (!strcmp(unary[i].name, name))
			return unary[i].op;
	return N_OPS;
}

static struct value lower_fma(const struct place *p, const struct ast_expr *e,
	struct want want)
{
	struct value x = lower_value(p, e->args[0], want);
	struct value y = lower_value(p, e->args[1], want);

	return lower_op(p, e->at, OP_ADD, lower_op(p, e->at, OP_MUL, x, y, want),
		lower_value(p, e->args[2], want), want);
}

static struct value lower_builtin(const struct place *p,
	const struct ast_expr *e, struct want want, bool *known)
{
	enum op op = unary_named(e->name);
	struct want any = { .type = T_NONE };

	*known = true;
	if (op != N_OPS && e->n_args == 1)
		return lower_unary(p, e->at, op, lower_value(p, e->args[0], want),
			want);
	if (!strcmp(e->name, "pow") && e->n_args == 2)
		return lower_op(p, e->at, OP_POW, lower_value(p, e->args[0], want),
			lower_value(p, e->args[1], want), want);
	if (!strcmp(e->name, "fma") && e->n_args == 3)
		return lower_fma(p, e, want);
	if (!strcmp(e->name, "select") && e->n_args == 3)
		return lower_select(p, e->at, lower_value(p, e->args[0], any),
			lower_value(p, e->args[1], want),
			lower_value(p, e->args[2], want), want);
	*known = false;
	return lower_bad();
}

/* The body of "fn" sees its parameters and the functions of its own unit. */
static struct value inline_fn(const struct place *p, const struct ast_expr *e,
	const struct ast_item *fn, const struct ast_unit *owner,
	struct want want)
{
	struct argument *args = ARENA_ARRAY(p->l->a, fn->n_params + 1,
		struct argument);
	struct scope inside = { .parent = p->scope, .title = e->name,
		.at = e->at, .unit = owner };
	struct place body = *p;

	if (p->calls >= LOWER_CALLS)
		return bad(p, E_LIMIT, e->at,
			"functions call each other too deeply%s", "");
	for (int i = 0; i < fn->n_params; i++) {
		args[i].name = fn->params[i].text;
		args[i].v = lower_value(p, e->args[i], want);
		if (args[i].v.kind == V_BAD)
			return lower_bad();
	}
	body.scope = &inside;
	body.args = args;
	body.n_args = fn->n_params;
	body.unit = owner;
	body.calls++;
	return lower_value(&body, fn->expr, want);
}

static struct value lower_call(const struct place *p, const struct ast_expr *e,
	struct want want)
{
	const struct ast_unit *owner = NULL;
	const struct ast_item *fn;
	struct value v;
	bool known;

	v = lower_builtin(p, e, want, &known);
	if (known)
		return v;
	fn = front_find(p->unit, e->name, &owner);
	if (!fn || fn->kind != AST_FN || fn->n_params != e->n_args)
		return bad(p, E_UNKNOWN, e->at, "unknown function '%s'", e->name);
	return inline_fn(p, e, fn, owner, want);
}

/* max(a, b, ...) from left to right. */
static struct value lower_minmax(const struct place *p,
	const struct ast_expr *e, struct want want)
{
	enum op op = !strcmp(e->name, "max") ? OP_MAX : OP_MIN;
	struct value v = lower_value(p, e->args[0], want);

	for (int i = 1; i < e->n_args; i++)
		v = lower_op(p, e->at, op, v, lower_value(p, e->args[i], want),
			want);
	return v;
}

/* ---- casts ---- */

static struct value to_truth(const struct place *p, struct span at,
	struct value v)
{
	struct want any = { .type = T_NONE };

	if (v.kind == V_BOOL || lower_type_of(v) == T_BOOL)
		return v;
	return lower_op(p, at, OP_NE, v, lower_int(0), any);
}

static struct value lower_cast(const struct place *p, const struct ast_expr *e)
{
	struct ast_name name = { e->name, e->at };
	enum dtype t = lower_dtype(p->l, p->scope, name);
	struct value v;
	struct ir_expr *x;

	if (t == T_NONE)
		return lower_bad();
	v = lower_value(p, e->args[0], (struct want){ .type = t });
	if (v.kind == V_BAD)
		return v;
	if (t == T_BOOL)
		return to_truth(p, e->at, v);
	if (v.kind == V_FLOAT && !dtype_is_float(t) && fabs(v.f) < 9e18)
		v = lower_int((int64_t)dtype_round(T_I64, v.f));
	x = lower_typed(p, e->at, v, t);
	return x ? lower_made(x, v.nodes + 1, v.levels + 1) : lower_bad();
}

/* ---- operators ---- */

static struct value lower_binary(const struct place *p,
	const struct ast_expr *e, enum op op, bool swap, struct want want)
{
	struct want side = want;
	struct value x, y;

	if (e->kind >= AST_LT && e->kind <= AST_OR)
		side = (struct want){ .type = p->index ? T_I64 : T_NONE };
	x = lower_value(p, e->args[0], side);
	if (x.kind == V_BAD)
		return x;
	y = lower_value(p, e->args[1], side);
	return swap ? lower_op(p, e->at, op, y, x, side) :
		lower_op(p, e->at, op, x, y, side);
}

static struct value lower_cond(const struct place *p, const struct ast_expr *e,
	struct want want)
{
	struct want any = { .type = T_NONE };
	struct value c = lower_value(p, e->args[0], any);

	if (c.kind == V_BOOL)
		return lower_value(p, e->args[c.i ? 1 : 2], want);
	return lower_select(p, e->at, c, lower_value(p, e->args[1], want),
		lower_value(p, e->args[2], want), want);
}

/* Functions that call others twice can double at every level, even where the
 * result is one number. */
static bool too_long(const struct place *p, const struct ast_expr *e)
{
	if (++p->l->steps < LOWER_STEPS)
		return false;
	if (p->l->steps == LOWER_STEPS)
		lower_error(p->l, p->scope, E_LIMIT, e->at,
			"operator is too large once functions are inlined");
	return true;
}

struct value lower_value(const struct place *p, const struct ast_expr *e,
	struct want want)
{
	struct want any = { .type = T_NONE };

	if (too_long(p, e))
		return lower_bad();

	switch (e->kind) {
	case AST_INT: return lower_int(e->i);
	case AST_FLOAT: return lower_float(e->f);
	case AST_NAME: return lower_name(p, e);
	case AST_TYPE: return (struct value){ .kind = V_TYPE,
		.type = dtype_named(e->name) };
	case AST_INDEX: return lower_read(p, e);
	case AST_CALL: return lower_call(p, e, want);
	case AST_CAST: return lower_cast(p, e);
	case AST_REDUCE: return lower_reduce(p, e, want);
	case AST_MINMAX: return lower_minmax(p, e, want);
	case AST_NEG:
		return lower_unary(p, e->at, OP_NEG,
			lower_value(p, e->args[0], want), want);
	case AST_NOT:
		return lower_unary(p, e->at, OP_NOT,
			lower_value(p, e->args[0], any), any);
	case AST_ADD: return lower_binary(p, e, OP_ADD, false, want);
	case AST_SUB: return lower_binary(p, e, OP_SUB, false, want);
	case AST_MUL: return lower_binary(p, e, OP_MUL, false, want);
	case AST_DIV: return lower_binary(p, e, OP_DIV, false, want);
	case AST_MOD: return lower_binary(p, e, OP_MOD, false, want);
	case AST_LT: return lower_binary(p, e, OP_LT, false, want);
	case AST_GT: return lower_binary(p, e, OP_LT, true, want);
	case AST_LE: return lower_binary(p, e, OP_LE, false, want);
	case AST_GE: return lower_binary(p, e, OP_LE, true, want);
	case AST_EQ: return lower_binary(p, e, OP_EQ, false, want);
	case AST_NE: return lower_binary(p, e, OP_NE, false, want);
	case AST_AND: return lower_binary(p, e, OP_AND, false, want);
	case AST_OR: return lower_binary(p, e, OP_OR, false, want);
	case AST_COND: return lower_cond(p, e, want);
	case AST_ERROR: return lower_bad();
	default: return bad(p, E_KIND, e->at, "%s is no value", "this");
	}
}

struct value lower_const(struct lowering *l, struct scope *s,
	const struct ast_expr *e)
{
	struct place p = { .l = l, .scope = s, .unit = s->unit, .work = -1 };
	struct value v = lower_value(&p, e, (struct want){ .type = T_NONE });

	if (v.kind != V_EXPR)
		return v;
	lower_error(l, s, E_CONSTANT, e->at, "this is no constant");
	return lower_bad();
}
