/* SPDX-License-Identifier: MIT */
/* Making and copying expressions, and appending to an operator's tables. In
 * come an arena and parts, out come nodes that live in it. Nodes are never
 * changed once made, so subtrees may be shared. */
#include <assert.h>
#include <stdarg.h>

#include "ir/ir.h"

static struct ir_expr *node(struct arena *a, enum ir_kind kind, enum dtype t)
{
	struct ir_expr *e = ARENA_NEW(a, struct ir_expr);

	e->kind = kind;
	e->type = t;
	return e;
}

struct ir_expr *ir_int(struct arena *a, int64_t v, enum dtype t)
{
	struct ir_expr *e = node(a, IR_INT, t);

	e->i = v;
	return e;
}

struct ir_expr *ir_float(struct arena *a, double v, enum dtype t)
{
	struct ir_expr *e = node(a, IR_FLOAT, t);

	e->f = v;
	return e;
}

struct ir_expr *ir_axis_value(struct arena *a, int axis)
{
	struct ir_expr *e = node(a, IR_AXIS, T_I64);

	e->axis = axis;
	return e;
}

struct ir_expr *ir_apply(struct arena *a, enum op op, enum dtype t, int n, ...)
{
	struct ir_expr *e = node(a, IR_OP, t);
	va_list ap;

	assert(n == op_rows[op].n);
	e->op = op;
	e->n_args = n;
	e->args = ARENA_ARRAY(a, n, struct ir_expr *);
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		e->args[i] = va_arg(ap, struct ir_expr *);
	va_end(ap);
	return e;
}

struct ir_expr *ir_cast(struct arena *a, enum dtype t, struct ir_expr *x)
{
	struct ir_expr *e = node(a, IR_CAST, t);

	e->n_args = 1;
	e->args = ARENA_ARRAY(a, 1, struct ir_expr *);
	e->args[0] = x;
	return e;
}

struct ir_expr *ir_read_tensor(struct arena *a, const struct ir_tensor *t,
	struct ir_expr **idx)
{
	struct ir_expr *e = node(a, IR_READ, t->type);

	e->tensor = t->id;
	e->n_args = t->rank;
	e->args = ARENA_ARRAY(a, t->rank, struct ir_expr *);
	for (int i = 0; i < t->rank; i++)
		e->args[i] = idx[i];
	return e;
}

struct ir_expr *ir_substitute(struct arena *a, const struct ir_expr *e,
	struct ir_expr *const *with)
{
	struct ir_expr *c;

	if (e->kind == IR_AXIS && with[e->axis])
		return with[e->axis];
	c = ARENA_NEW(a, struct ir_expr);
	*c = *e;
	if (e->n_args)
		c->args = ARENA_ARRAY(a, e->n_args, struct ir_expr *);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = ir_substitute(a, e->args[i], with);
	if (e->n_red)
		c->red = ARENA_ARRAY(a, e->n_red, int);
	for (int i = 0; i < e->n_red; i++)
		c->red[i] = e->red[i];
	return c;
}

void ir_walk(struct ir_expr *e, void (*f)(struct ir_expr *, void *), void *ctx)
{
	f(e, ctx);
	for (int i = 0; i < e->n_args; i++)
		ir_walk(e->args[i], f, ctx);
}

struct ir_expr *ir_like(struct arena *a, const struct ir_expr *e)
{
	struct ir_expr *c = ARENA_NEW(a, struct ir_expr);

	*c = *e;
	if (e->n_args)
		c->args = ARENA_ARRAY(a, e->n_args, struct ir_expr *);
	return c;
}

struct ir_expr *ir_reduce_of(struct arena *a, const struct ir_expr *e,
	struct ir_expr *terms)
{
	struct ir_expr *r = ARENA_NEW(a, struct ir_expr);

	*r = *e;
	r->args = ARENA_ARRAY(a, 1, struct ir_expr *);
	r->args[0] = terms;
	return r;
}

bool ir_reads(const struct ir_expr *e, int tensor)
{
	bool any = e->kind == IR_READ && e->tensor == tensor;

	for (int i = 0; i < e->n_args && !any; i++)
		any = ir_reads(e->args[i], tensor);
	return any;
}

bool ir_depends(const struct ir_expr *e, int axis)
{
	bool any = e->kind == IR_AXIS && e->axis == axis;

	for (int i = 0; i < e->n_args && !any; i++)
		any = ir_depends(e->args[i], axis);
	return any;
}

int ir_nodes(const struct ir_expr *e)
{
	int n = 1;

	for (int i = 0; i < e->n_args; i++)
		n += ir_nodes(e->args[i]);
	return n;
}

static bool same_constant(double x, double y)
{
	return x == y || (x != x && y != y);
}

static bool same_accumulator(const struct ir_accumulator *x,
	const struct ir_accumulator *y)
{
	return x == y || (x && y && x->bits == y->bits &&
		x->at_once == y->at_once && x->promote == y->promote &&
		x->subnormal == y->subnormal);
}

static bool same_node(const struct ir_expr *x, const struct ir_expr *y)
{
	if (x->kind != y->kind || x->type != y->type || x->n_args != y->n_args)
		return false;
	switch (x->kind) {
	case IR_INT:
		return x->i == y->i;
	case IR_FLOAT:
		return same_constant(x->f, y->f);
	case IR_AXIS:
		return x->axis == y->axis;
	case IR_READ:
		return x->tensor == y->tensor && x->pad == y->pad &&
			(x->pad != IR_PAD_VALUE || same_constant(x->f, y->f));
	case IR_OP:
		return x->op == y->op;
	case IR_CAST:
		return true;
	case IR_REDUCE:
		return x->reducer == y->reducer && x->n_red == y->n_red &&
			same_accumulator(x->accumulator,
				y->accumulator);
	}
	return false;
}

bool ir_equal(const struct ir_expr *x, const struct ir_expr *y)
{
	if (x == y)
		return true;
	if (!same_node(x, y))
		return false;
	for (int i = 0; i < x->n_red; i++)
		if (x->red[i] != y->red[i])
			return false;
	for (int i = 0; i < x->n_args; i++)
		if (!ir_equal(x->args[i], y->args[i]))
			return false;
	return true;
}

enum dtype ir_natural_type(enum op op, struct ir_expr *const *args, int n)
{
	enum dtype t = T_NONE;

	switch (op) {
	case OP_LT: case OP_LE: case OP_EQ: case OP_NE:
	case OP_AND: case OP_OR: case OP_NOT:
		return T_BOOL;
	default:
		break;
	}
	for (int i = op == OP_SELECT; i < n; i++)
		t = dtype_widen(t, args[i]->type);
	return t;
}

struct ir_expr **ir_axis_values(struct arena *a, const int *axes, int n)
{
	struct ir_expr **v = ARENA_ARRAY(a, n, struct ir_expr *);

	for (int i = 0; i < n; i++)
		v[i] = ir_axis_value(a, axes[i]);
	return v;
}

static bool all_values(const struct ir_stmt *s)
{
	for (int i = 0; i < s->n_axes; i++)
		if (s->index[i]->kind != IR_AXIS ||
				s->index[i]->axis != s->axes[i])
			return false;
	return true;
}

bool ir_stmt_plain(const struct ir_operator *o, const struct ir_stmt *s)
{
	return o->tensors[s->tensor].rank == s->n_axes && all_values(s);
}

int ir_add_axis(struct arena *a, struct ir_operator *o, struct ir_axis axis)
{
	struct ir_axis *v = ARENA_ARRAY(a, o->n_axes + 1, struct ir_axis);

	for (int i = 0; i < o->n_axes; i++)
		v[i] = o->axes[i];
	axis.id = o->n_axes;
	v[o->n_axes] = axis;
	o->axes = v;
	return o->n_axes++;
}

void ir_row_major(struct arena *a, struct ir_tensor *t)
{
	t->n_phys = t->rank;
	t->phys = ARENA_ARRAY(a, t->rank, struct ir_phys);
	t->elements = 1;
	for (int i = t->rank - 1; i >= 0; i--) {
		t->phys[i] = (struct ir_phys){ .dim = i, .div = 1,
			.extent = t->dims[i], .stride = t->elements };
		t->elements *= t->dims[i];
	}
}

int ir_add_let(struct arena *a, struct ir_operator *o, const char *name,
	enum dtype type, const int64_t *dims, int rank)
{
	struct ir_tensor *v = ARENA_ARRAY(a, o->n_tensors + 1, struct ir_tensor);
	struct ir_tensor *t = &v[o->n_tensors];

	for (int i = 0; i < o->n_tensors; i++)
		v[i] = o->tensors[i];
	t->name = arena_strdup(a, name);
	t->role = IR_LET;
	t->type = type;
	t->rank = rank;
	t->dims = ARENA_ARRAY(a, rank, int64_t);
	for (int i = 0; i < rank; i++)
		t->dims[i] = dims[i];
	t->align = 16;
	t->id = o->n_tensors;
	ir_row_major(a, t);
	o->tensors = v;
	return o->n_tensors++;
}

/* With lists of its own: passes write into them. */
static struct ir_stmt copy_stmt(struct arena *a, const struct ir_operator *o,
	const struct ir_stmt *s)
{
	int rank = o->tensors[s->tensor].rank;
	struct ir_stmt c = *s;

	c.axes = ARENA_ARRAY(a, (size_t)s->n_axes + 1, int);
	c.index = ARENA_ARRAY(a, (size_t)rank + 1, struct ir_expr *);
	for (int i = 0; i < s->n_axes; i++)
		c.axes[i] = s->axes[i];
	for (int i = 0; i < rank; i++)
		c.index[i] = s->index[i];
	return c;
}

struct ir_operator *ir_copy(struct arena *a, const struct ir_operator *o)
{
	struct ir_operator *c = ARENA_NEW(a, struct ir_operator);

	*c = *o;
	c->axes = ARENA_ARRAY(a, o->n_axes + 1, struct ir_axis);
	c->tensors = ARENA_ARRAY(a, o->n_tensors + 1, struct ir_tensor);
	c->stmts = ARENA_ARRAY(a, o->n_stmts + 1, struct ir_stmt);
	for (int i = 0; i < o->n_axes; i++)
		c->axes[i] = o->axes[i];
	for (int i = 0; i < o->n_tensors; i++)
		c->tensors[i] = o->tensors[i];
	for (int i = 0; i < o->n_stmts; i++)
		c->stmts[i] = copy_stmt(a, o, &o->stmts[i]);
	return c;
}
