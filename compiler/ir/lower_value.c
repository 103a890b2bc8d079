/* SPDX-License-Identifier: MIT */
/* Lowering: values and their types. In: operands that are constants without a
 * type or typed expressions, and what the surroundings want. Out: one typed
 * operation whose operands have its type. The rules, from the language:
 * constants take the other operand's type; mixed operands widen; arithmetic
 * on integers narrower than 32 bits is done in 32; a wanted type is the least
 * precision of everything below it. */
#include <math.h>

#include "ir/lower_state.h"

struct value lower_int(int64_t i)
{
	return (struct value){ .kind = V_INT, .i = i, .nodes = 1, .levels = 1 };
}

struct value lower_float(double f)
{
	return (struct value){ .kind = V_FLOAT, .f = f, .nodes = 1,
		.levels = 1 };
}

struct value lower_bool(bool b)
{
	return (struct value){ .kind = V_BOOL, .i = b, .nodes = 1, .levels = 1 };
}

struct value lower_bad(void)
{
	return (struct value){ .kind = V_BAD };
}

struct value lower_made(struct ir_expr *e, int nodes, int levels)
{
	return (struct value){ .kind = V_EXPR, .e = e, .nodes = nodes,
		.levels = levels };
}

enum dtype lower_type_of(struct value v)
{
	if (v.kind == V_EXPR)
		return v.e->type;
	return v.kind == V_BOOL ? T_BOOL : T_NONE;
}

enum dtype lower_carried(enum dtype t, struct want want, bool promote)
{
	if (dtype_is_float(t)) {
		if (want.type != T_NONE && dtype_is_float(want.type))
			t = dtype_widen(t, want.type);
		return want.accumulate ? dtype_row(t)->accum : t;
	}
	if (promote)
		t = dtype_row(t)->accum;
	if (want.type != T_NONE && dtype_is_int(want.type) && t != T_BOOL)
		t = dtype_widen(t, want.type);
	return t;
}

static enum dtype float_wanted(struct want want)
{
	return want.type != T_NONE && dtype_is_float(want.type) ? want.type :
		T_F32;
}

/* The type two operands share; T_NONE for untyped integers. */
static enum dtype common(struct value x, struct value y, struct want want)
{
	enum dtype t = dtype_widen(lower_type_of(x), lower_type_of(y));
	bool number = x.kind == V_FLOAT || y.kind == V_FLOAT;

	if (number && (t == T_NONE || !dtype_is_float(t)))
		return float_wanted(want);
	return t;
}

/* ---- constants as typed expressions ---- */

static bool int_fits(enum dtype t, int64_t i)
{
	const struct dtype_row *r = dtype_row(t);

	if (t == T_BOOL)
		return i == 0 || i == 1;
	if (r->bits == 64)
		return true;
	if (r->class == DTYPE_UNSIGNED)
		return i >= 0 && i < INT64_C(1) << r->bits;
	return i >= -(INT64_C(1) << (r->bits - 1)) &&
		i < INT64_C(1) << (r->bits - 1);
}

static struct ir_expr *unfit(const struct place *p, struct span at,
	struct value v, enum dtype t)
{
	struct str out;

	str_init(&out, p->l->a);
	if (v.kind == V_FLOAT)
		str_double(&out, v.f);
	else
		str_printf(&out, "%lld", (long long)v.i);
	lower_error(p->l, p->scope, E_CONVERSION, at,
		"%s does not fit %s", str_text(&out),
		dtype_row(t)->name);
	return NULL;
}

static struct ir_expr *float_constant(const struct place *p, struct span at,
	struct value v, enum dtype t)
{
	double x = v.kind == V_FLOAT ? v.f : (double)v.i, r = dtype_round(t, x);

	if (isfinite(x) && !isfinite(r))
		return unfit(p, at, v, t);
	return ir_float(p->l->a, r, t);
}

static struct ir_expr *constant_as(const struct place *p, struct span at,
	struct value v, enum dtype t)
{
	if (dtype_is_float(t))
		return float_constant(p, at, v, t);
	if (v.kind == V_FLOAT) {
		if (v.f != rint(v.f) || fabs(v.f) > 9e18)
			return unfit(p, at, v, t);
		v = lower_int((int64_t)v.f);
	}
	if (!int_fits(t, v.i))
		return unfit(p, at, v, t);
	return ir_int(p->l->a, v.i, t);
}

struct ir_expr *lower_typed(const struct place *p, struct span at, struct value v,
	enum dtype t)
{
	struct ir_expr *e;

	if (v.kind == V_BAD)
		return NULL;
	if (v.kind == V_TYPE) {
		lower_error(p->l, p->scope, E_KIND, at, "a dtype is no value");
		return NULL;
	}
	if (v.kind != V_EXPR)
		e = constant_as(p, at, v, t);
	else if (v.e->type == t)
		return v.e;
	else
		e = ir_cast(p->l->a, t, v.e);
	if (e)
		e->at = at;
	return e;
}

/* ---- operations ---- */

/* The result of an operation, unless it has grown beyond reason: functions of
 * functions can double at every call. */
static struct value grown(const struct place *p, struct span at,
	struct ir_expr *e, const struct value *v, int n)
{
	int nodes = 1, levels = 0;

	for (int i = 0; i < n; i++) {
		nodes += v[i].nodes + 1;
		levels = v[i].levels > levels ? v[i].levels : levels;
	}
	if (nodes > LOWER_NODES || levels + 2 > LOWER_LEVELS) {
		lower_error(p->l, p->scope, E_LIMIT, at,
			"expression is too large once functions are inlined");
		diag_hint(p->l->d, "Give parts of it names with let.");
		return lower_bad();
	}
	e->at = at;
	return lower_made(e, nodes, levels + 2);
}

static bool is_constant(struct value v)
{
	return v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_BOOL;
}

static bool is_truth(struct value v)
{
	return lower_type_of(v) == T_BOOL;
}

static struct value wrong(const struct place *p, enum diag_code code,
	struct span at, const char *what)
{
	lower_error(p->l, p->scope, code, at, "%s", what);
	return lower_bad();
}

static bool compares(enum op op)
{
	return op == OP_LT || op == OP_LE || op == OP_EQ || op == OP_NE;
}

/* The type in which "op" is done. */
static enum dtype working_type(enum op op, struct value x, struct value y,
	struct want want)
{
	enum dtype t = common(x, y, want);

	if (compares(op))
		return t;
	if (op == OP_POW && !dtype_is_float(t))
		t = float_wanted(want);
	return lower_carried(t, want,
		t == T_BOOL || (op != OP_MIN && op != OP_MAX));
}

/* An integer constant beyond the type of the operand it meets is compared, or
 * added, in one that holds both. */
static enum dtype room_for(enum dtype t, struct value v)
{
	if (v.arms)
		return room_for(room_for(t, v.arms[0]), v.arms[1]);
	if (v.kind != V_INT || dtype_is_float(t) || int_fits(t, v.i))
		return t;
	return int_fits(T_I32, v.i) ? dtype_widen(t, T_I32) : T_I64;
}

static bool is_flexible(struct value v)
{
	return v.kind == V_INT || v.arms;
}

/* "v" in integers of type "t", if it has no type of its own. */
static struct value in_integers(const struct place *p, struct span at,
	struct value v, enum dtype t)
{
	struct ir_expr *x, *y;
	struct value made = v;

	if (!v.arms)
		return v;
	t = room_for(t, v);
	x = lower_typed(p, at, in_integers(p, at, v.arms[0], t), t);
	y = lower_typed(p, at, in_integers(p, at, v.arms[1], t), t);
	if (!x || !y)
		return lower_bad();
	made.e = ir_apply(p->l->a, OP_SELECT, t, 3, v.e->args[0], x, y);
	made.e->at = at;
	made.arms = NULL;
	return made;
}

/* A choice of integers that meets integers is one, whatever is wanted of the
 * result: what would be divided otherwise? */
static void meet(const struct place *p, struct span at, struct value *x,
	struct value *y, struct want want)
{
	enum dtype t = x->arms ? y->arms ? T_NONE : lower_type_of(*y) :
		lower_type_of(*x);

	if (!x->arms && !y->arms)
		return;
	if (is_flexible(*x) && is_flexible(*y))
		t = dtype_is_int(want.type) ? want.type : T_I32;
	if (t == T_NONE || !dtype_is_int(t))
		return;
	*x = in_integers(p, at, *x, t);
	*y = in_integers(p, at, *y, t);
}

/* A constant on either side decides, or is nothing. */
static struct value logical(const struct place *p, struct span at, enum op op,
	struct value x, struct value y)
{
	struct ir_expr *e;

	if (x.kind == V_BOOL)
		return x.i == (op == OP_AND) ? y : x;
	if (y.kind == V_BOOL)
		return y.i == (op == OP_AND) ? x : y;
	e = ir_apply(p->l->a, op, T_BOOL, 2, lower_typed(p, at, x, T_BOOL),
		lower_typed(p, at, y, T_BOOL));
	return grown(p, at, e, (struct value[]){ x, y }, 2);
}

struct value lower_op(const struct place *p, struct span at, enum op op,
	struct value x, struct value y, struct want want)
{
	struct ir_expr *left, *right;
	enum dtype t;

	if (x.kind == V_BAD || y.kind == V_BAD)
		return lower_bad();
	if (x.kind == V_TYPE && y.kind == V_TYPE && (op == OP_EQ || op == OP_NE))
		return lower_bool((x.type == y.type) == (op == OP_EQ));
	if (x.kind == V_TYPE || y.kind == V_TYPE)
		return wrong(p, E_KIND, at, "a dtype is no value");
	meet(p, at, &x, &y, want);
	if (x.kind == V_BAD || y.kind == V_BAD)
		return lower_bad();
	if (op == OP_MOD && dtype_is_float(common(x, y, want)))
		return wrong(p, E_CONVERSION, at, "'%' takes integers");
	if (op == OP_AND && !(is_truth(x) && is_truth(y)))
		return wrong(p, E_TRUTH, at, "'&&' takes truth values");
	if (op == OP_OR && !(is_truth(x) && is_truth(y)))
		return wrong(p, E_TRUTH, at, "'||' takes truth values");
	if (is_constant(x) && is_constant(y))
		return lower_fold_op(p, at, op, x, y);
	if (op == OP_AND || op == OP_OR)
		return logical(p, at, op, x, y);
	t = room_for(room_for(working_type(op, x, y, want), x), y);
	if ((op == OP_DIV || op == OP_MOD) && !dtype_is_float(t) &&
	    is_constant(y) && !y.i)
		return wrong(p, E_ZERO_DIVISION, at, "division by zero");
	left = lower_typed(p, at, x, t);
	right = lower_typed(p, at, y, t);
	if (!left || !right)
		return lower_bad();
	return grown(p, at, ir_apply(p->l->a, op, compares(op) ? T_BOOL : t, 2,
		left, right), (struct value[]){ x, y }, 2);
}

static bool keeps_integers(enum op op)
{
	return op == OP_FLOOR || op == OP_CEIL || op == OP_ROUND;
}

struct value lower_unary(const struct place *p, struct span at, enum op op,
	struct value x, struct want want)
{
	enum dtype t = lower_type_of(x);
	struct ir_expr *e;

	if (x.kind == V_BAD)
		return x;
	if (x.kind == V_TYPE)
		return wrong(p, E_KIND, at, "a dtype is no value");
	if (op == OP_NOT && !is_truth(x))
		return wrong(p, E_TRUTH, at, "'!' takes a truth value");
	if (is_constant(x))
		return lower_fold_unary(p, at, op, x);
	if (x.arms && (op == OP_NEG || op == OP_ABS))
		return lower_select(p, at, lower_made(x.e->args[0], 1, 1),
			lower_unary(p, at, op, x.arms[0], want),
			lower_unary(p, at, op, x.arms[1], want), want);
	if (keeps_integers(op) && !dtype_is_float(t))
		return x;
	if (op != OP_NOT && op != OP_NEG && op != OP_ABS && !dtype_is_float(t))
		t = float_wanted(want);
	if (op != OP_NOT)
		t = lower_carried(t, want, true);
	e = ir_apply(p->l->a, op, t, 1, lower_typed(p, at, x, t));
	return grown(p, at, e, &x, 1);
}

/* Untyped arms take the wanted type. */
static enum dtype arms_type(struct value x, struct value y, struct want want)
{
	enum dtype t = common(x, y, want);

	if (t == T_NONE)
		return want.type != T_NONE ? want.type : T_I32;
	t = lower_carried(t, want, false);
	return room_for(room_for(t, x), y);
}

struct value lower_select(const struct place *p, struct span at,
	struct value c, struct value x, struct value y, struct want want)
{
	struct value *arms = ARENA_ARRAY(p->l->a, 2, struct value), made;
	struct ir_expr *left, *right, *e;
	enum dtype t;

	if (c.kind == V_BAD || x.kind == V_BAD || y.kind == V_BAD)
		return lower_bad();
	if (!is_truth(c))
		return wrong(p, E_TRUTH, at, "the condition is no truth value");
	if (c.kind == V_BOOL)
		return c.i ? x : y;
	if (!is_flexible(x) || !is_flexible(y))
		meet(p, at, &x, &y, want);
	arms[0] = x;
	arms[1] = y;
	t = arms_type(x, y, want);
	left = lower_typed(p, at, x, t);
	right = lower_typed(p, at, y, t);
	if (!left || !right)
		return lower_bad();
	e = ir_apply(p->l->a, OP_SELECT, t, 3, c.e, left, right);
	made = grown(p, at, e, (struct value[]){ c, x, y }, 3);
	made.arms = is_flexible(x) && is_flexible(y) ? arms : NULL;
	return made;
}
