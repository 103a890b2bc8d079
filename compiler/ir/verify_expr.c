/* SPDX-License-Identifier: MIT */
/* The verifier's second part: one expression. Operands have the type of their
 * result or widen to it without loss of meaning; axes are in scope; reads come
 * after writes and stay within their tensor unless padded. */
#include "ir/verify.h"

static const char *name_of(enum dtype t)
{
	return dtype_row(t)->name;
}

static bool check_axis(struct verify *v, const struct ir_expr *e)
{
	for (int i = 0; i < v->axes.n; i++)
		if (v->axes.v[i] == e->axis)
			return e->type == T_I64 ||
				verify_fail(v, "an axis is not i64");
	if (e->axis < 0 || e->axis >= v->o->n_axes)
		return verify_fail(v, "there is no axis %d", e->axis);
	return verify_fail(v, "axis %s is not in scope here",
		v->o->axes[e->axis].name);
}

/* Nothing here is ever computed. */
static bool in_empty_loop(const struct verify *v)
{
	for (int i = 0; i < v->axes.n; i++)
		if (!v->o->axes[v->axes.v[i]].extent)
			return true;
	return false;
}

static bool check_index(struct verify *v, const struct ir_tensor *t,
	const struct ir_expr *read, int i)
{
	const struct ir_expr *e = read->args[i];
	int64_t lo, hi;

	if (!dtype_is_int(e->type))
		return verify_fail(v, "index %d of %s is %s", i, t->name,
			name_of(e->type));
	if (read->pad != IR_PAD_NONE || in_empty_loop(v))
		return true;
	if (!ir_range(v->o, e, &lo, &hi))
		return verify_fail(v, "index %d of %s is computed but not "
			"padded", i, t->name);
	if (!t->dims[i])
		return verify_fail(v, "index %d of %s reaches %lld, and %s is "
			"empty", i, t->name, (long long)hi, t->name);
	if (lo < 0 || hi >= t->dims[i])
		return verify_fail(v, "index %d of %s reaches %lld, which is "
			"outside 0..%lld", i, t->name,
			(long long)(lo < 0 ? lo : hi),
			(long long)t->dims[i] - 1);
	return true;
}

static bool check_read(struct verify *v, const struct ir_expr *e)
{
	const struct ir_tensor *t;

	if (e->tensor < 0 || e->tensor >= v->o->n_tensors)
		return verify_fail(v, "there is no tensor %d", e->tensor);
	t = &v->o->tensors[e->tensor];
	if (e->n_args != t->rank || e->type != t->type)
		return verify_fail(v, "a read of %s has %d indices and is %s",
			t->name, e->n_args, name_of(e->type));
	if (!verify_complete(v, e->tensor))
		return verify_fail(v, "%s is read before it is written",
			t->name);
	for (int i = 0; i < e->n_args; i++)
		if (!check_index(v, t, e, i))
			return false;
	return true;
}

static bool all_bool(const struct ir_expr *e)
{
	for (int i = 0; i < e->n_args; i++)
		if (e->args[i]->type != T_BOOL)
			return false;
	return e->type == T_BOOL;
}

/* Operands from "first" on are of the result's type or widen to it. */
static bool widens(const struct ir_expr *e, int first)
{
	for (int i = first; i < e->n_args; i++)
		if (dtype_widen(e->args[i]->type, e->type) != e->type)
			return false;
	return true;
}

static bool well_typed(const struct ir_expr *e)
{
	switch (e->op) {
	case OP_AND: case OP_OR: case OP_NOT:
		return all_bool(e);
	case OP_LT: case OP_LE: case OP_EQ: case OP_NE:
		return e->type == T_BOOL && e->args[0]->type == e->args[1]->type;
	case OP_SELECT:
		return e->args[0]->type == T_BOOL && widens(e, 1);
	case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_MOD:
	case OP_MIN: case OP_MAX: case OP_NEG: case OP_ABS: case OP_FMA:
		return e->type != T_BOOL && widens(e, 0);
	default:
		return dtype_is_float(e->type) && widens(e, 0);
	}
}

static bool check_operation(struct verify *v, const struct ir_expr *e)
{
	if (e->op >= N_OPS || e->n_args != op_rows[e->op].n)
		return verify_fail(v, "an operation has %d operands", e->n_args);
	if (!well_typed(e))
		return verify_fail(v, "%s of %s cannot be %s",
			op_rows[e->op].name, name_of(e->args[0]->type),
			name_of(e->type));
	return true;
}

static bool reduces_to(enum reducer r, enum dtype from, enum dtype to)
{
	if (r == RED_ANY || r == RED_ALL)
		return from == T_BOOL && to == T_BOOL;
	if (r == RED_ARGMAX || r == RED_ARGMIN)
		return dtype_is_int(to);
	if (dtype_is_float(to))
		return true;
	return dtype_is_int(to) && !dtype_is_float(from);
}

/* "max" and its like need a value. */
static bool has_identity(enum reducer r)
{
	return r == RED_SUM || r == RED_PROD || r == RED_ANY || r == RED_ALL;
}

/* Whole instructions between promotions, and not more bits than the type has. */
static bool check_accumulator(struct verify *v, const struct ir_expr *e)
{
	const struct ir_accumulator *x = e->accumulator;

	if (!x)
		return true;
	if (e->reducer != RED_SUM || !dtype_is_float(e->type))
		return verify_fail(v, "%s of %s has an accumulator",
			reducer_rows[e->reducer].name, name_of(e->type));
	if (x->bits < 2 || x->bits > dtype_row(e->type)->significand ||
	    x->at_once < 1 || x->subnormal < 1 || x->promote < 0 ||
	    x->promote % x->at_once)
		return verify_fail(v, "an accumulator of %d bits for %d "
			"products at once, promoted after %d, is none",
			x->bits, x->at_once, x->promote);
	return true;
}

static bool check_reduce(struct verify *v, const struct ir_expr *e)
{
	int scope = v->axes.n;

	if (e->reducer >= N_REDUCERS || e->n_args != 1 || e->n_red < 1)
		return verify_fail(v, "a reduction has no operand or axis");
	for (int i = 0; i < e->n_red; i++) {
		if (!verify_scope_add(v, e->red[i], true))
			return false;
		if (!v->o->axes[e->red[i]].extent && !has_identity(e->reducer))
			return verify_fail(v, "%s over nothing has no value",
				reducer_rows[e->reducer].name);
	}
	if (!verify_expr(v, e->args[0]))
		return false;
	v->axes.n = scope;
	if (!reduces_to(e->reducer, e->args[0]->type, e->type))
		return verify_fail(v, "%s of %s cannot be %s",
			reducer_rows[e->reducer].name,
			name_of(e->args[0]->type), name_of(e->type));
	return check_accumulator(v, e);
}

static bool check_node(struct verify *v, const struct ir_expr *e)
{
	switch (e->kind) {
	case IR_INT:
		return !dtype_is_float(e->type) ||
			verify_fail(v, "an integer constant is %s",
				name_of(e->type));
	case IR_FLOAT:
		return dtype_is_float(e->type) ||
			verify_fail(v, "a floating-point constant is %s",
				name_of(e->type));
	case IR_AXIS:
		return check_axis(v, e);
	case IR_READ:
		return check_read(v, e);
	case IR_OP:
		return check_operation(v, e);
	case IR_CAST:
		return e->n_args == 1 || verify_fail(v, "a cast of nothing");
	case IR_REDUCE:
		return true;
	}
	return verify_fail(v, "an expression is of no kind");
}

bool verify_expr(struct verify *v, const struct ir_expr *e)
{
	if (e->type >= T_NONE)
		return verify_fail(v, "an expression has no type");
	if (e->kind == IR_REDUCE)
		return check_reduce(v, e);
	for (int i = 0; i < e->n_args; i++)
		if (!e->args[i] || !verify_expr(v, e->args[i]))
			return verify_fail(v, "an operand is missing");
	return check_node(v, e);
}
