/* SPDX-License-Identifier: MIT */
/* Expressions of the operator IR's text form: a word followed by "(" is an
 * operation or a cast, by "[" a reduction or a read, else an axis. */
#include <math.h>
#include <string.h>

#include "ir/read.h"

enum { DEEPEST = 2000 };

static struct ir_expr *nothing(struct reader *r)
{
	return ir_int(r->a, 0, T_I64);
}

static struct ir_axis read_axis(struct reader *r, bool reduced)
{
	struct ir_axis x = { .reduced = reduced };
	int64_t end;

	x.name = reader_word(r);
	reader_expect(r, ':');
	end = reader_int(r);
	if (reader_accept(r, ':')) {
		x.lo = end;
		end = reader_int(r);
	}
	if (__builtin_sub_overflow(end, x.lo, &x.extent) || x.extent < 0)
		reader_fail(r, "axis %s ends before it begins", x.name);
	x.stmt = r->stmts.n;
	x.id = r->axes.n;
	return x;
}

void reader_axes(struct reader *r, bool reduced, char end, int **axes, int *n)
{
	VEC(int) list = {0};

	while (!r->bad && reader_peek(r) != end) {
		struct ir_axis x = read_axis(r, reduced);

		vec_push(r->a, &list, x.id);
		vec_push(r->a, &r->axes, x);
		vec_push(r->a, &r->scope, x.id);
		if (reader_peek(r) != end)
			reader_expect(r, ',');
	}
	*axes = list.v;
	*n = list.n;
}

int reader_tensor(struct reader *r, const char *name)
{
	for (int i = 0; i < r->o->n_tensors; i++)
		if (!strcmp(r->o->tensors[i].name, name))
			return i;
	reader_fail(r, "there is no tensor \"%s\"", name);
	return 0;
}

static void read_args(struct reader *r, char end, struct ir_expr *e)
{
	VEC(struct ir_expr *) args = {0};

	while (!r->bad && !reader_accept(r, end)) {
		vec_push(r->a, &args, reader_expr(r));
		if (reader_peek(r) != end)
			reader_expect(r, ',');
	}
	e->args = args.v;
	e->n_args = args.n;
}

static void read_pad(struct reader *r, struct ir_expr *e)
{
	int64_t i;

	if (!reader_keyword(r, "pad"))
		return;
	e->pad = IR_PAD_EDGE;
	if (reader_keyword(r, "edge"))
		return;
	e->pad = IR_PAD_VALUE;
	if (!reader_number(r, &i, &e->f))
		e->f = (double)i;
}

static struct ir_expr *read_read(struct reader *r, const char *name)
{
	struct ir_expr *e = ARENA_NEW(r->a, struct ir_expr);

	e->kind = IR_READ;
	e->tensor = reader_tensor(r, name);
	read_args(r, ']', e);
	if (r->bad)
		return nothing(r);
	e->type = r->o->tensors[e->tensor].type;
	read_pad(r, e);
	return e;
}

static enum dtype read_suffix(struct reader *r)
{
	const char *name;
	enum dtype t;

	if (!reader_accept(r, ':'))
		return T_NONE;
	name = reader_word(r);
	t = dtype_named(name);
	if (t == T_NONE)
		reader_fail(r, "there is no type \"%s\"", name);
	return t;
}

static struct ir_expr *read_operation(struct reader *r, enum op op)
{
	struct ir_expr *e = ARENA_NEW(r->a, struct ir_expr);

	e->kind = IR_OP;
	e->op = op;
	read_args(r, ')', e);
	if (!r->bad && e->n_args != op_rows[op].n)
		reader_fail(r, "%s takes %d operands", op_rows[op].name,
			op_rows[op].n);
	if (r->bad)
		return nothing(r);
	e->type = read_suffix(r);
	if (e->type == T_NONE)
		e->type = ir_natural_type(op, e->args, e->n_args);
	return e;
}

static struct ir_expr *read_call(struct reader *r, const char *name)
{
	struct ir_expr *x;
	enum dtype t = dtype_named(name);

	for (int op = 0; op < N_OPS; op++)
		if (!strcmp(op_rows[op].name, name))
			return read_operation(r, op);
	if (t == T_NONE) {
		reader_fail(r, "there is no operation \"%s\"", name);
		return nothing(r);
	}
	x = reader_expr(r);
	reader_expect(r, ')');
	return ir_cast(r->a, t, x);
}

static const struct ir_accumulator *read_accumulator(struct reader *r)
{
	struct ir_accumulator *x;
	int v[4];

	if (!reader_keyword(r, "accumulator"))
		return NULL;
	for (int i = 0; i < 4; i++) {
		reader_expect(r, i ? ',' : '(');
		v[i] = (int)reader_int(r);
	}
	reader_expect(r, ')');
	x = ARENA_NEW(r->a, struct ir_accumulator);
	*x = (struct ir_accumulator){ v[0], v[1], v[2], v[3] };
	return x;
}

static struct ir_expr *read_reduce(struct reader *r, enum reducer reducer)
{
	struct ir_expr *e = ARENA_NEW(r->a, struct ir_expr);
	int scope = r->scope.n;

	e->kind = IR_REDUCE;
	e->reducer = reducer;
	reader_axes(r, true, ']', &e->red, &e->n_red);
	reader_expect(r, ']');
	reader_expect(r, '(');
	read_args(r, ')', e);
	r->scope.n = scope;
	if (!r->bad && e->n_args != 1)
		reader_fail(r, "a reduction takes one operand");
	if (!r->bad && reader_peek(r) != ':')
		reader_fail(r, "expected \": TYPE\" after a reduction");
	e->type = read_suffix(r);
	e->accumulator = read_accumulator(r);
	return e;
}

static struct ir_expr *read_brackets(struct reader *r, const char *name)
{
	for (int i = 0; i < N_REDUCERS; i++)
		if (!strcmp(reducer_rows[i].name, name))
			return read_reduce(r, i);
	return read_read(r, name);
}

static struct ir_expr *read_name(struct reader *r, const char *name)
{
	for (int i = r->scope.n - 1; i >= 0; i--)
		if (!strcmp(r->axes.v[r->scope.v[i]].name, name))
			return ir_axis_value(r->a, r->scope.v[i]);
	reader_fail(r, "there is no axis \"%s\" here", name);
	return nothing(r);
}

static struct ir_expr *read_literal(struct reader *r)
{
	int64_t i = 0;
	double v = 0;
	bool real = reader_number(r, &i, &v);
	enum dtype t = read_suffix(r);

	if (t == T_NONE)
		t = real ? T_F32 : T_I64;
	if (real && !dtype_is_float(t))
		reader_fail(r, "%s is no type of a fraction",
			dtype_row(t)->name);
	return dtype_is_float(t) ? ir_float(r->a, real ? v : (double)i, t) :
		ir_int(r->a, i, t);
}

/* "inf:f32" and "nan:f32" begin like a name. */
static struct ir_expr *read_special(struct reader *r, const char *name)
{
	double v = *name == 'i' ? (double)INFINITY : (double)NAN;

	return ir_float(r->a, v, read_suffix(r));
}

static struct ir_expr *read_word_expr(struct reader *r)
{
	const char *name = reader_word(r);

	if (reader_accept(r, '('))
		return read_call(r, name);
	if (reader_accept(r, '['))
		return read_brackets(r, name);
	if (reader_peek(r) == ':' && (!strcmp(name, "inf") ||
			!strcmp(name, "nan")))
		return read_special(r, name);
	return read_name(r, name);
}

struct ir_expr *reader_expr(struct reader *r)
{
	struct ir_expr *e;
	char c = reader_peek(r);

	if (++r->depth > DEEPEST)
		reader_fail(r, "expressions nest more than %d deep", DEEPEST);
	if (r->bad)
		e = nothing(r);
	else if (c == '-' || (c >= '0' && c <= '9'))
		e = read_literal(r);
	else
		e = read_word_expr(r);
	r->depth--;
	return e;
}
