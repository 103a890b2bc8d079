/* SPDX-License-Identifier: MIT */
/* Schedule expressions and names. In: expressions whose names the caller can
 * look up. Out: their values, exact in 64 bits or none at all; their text in
 * the language, which reads back to the same tree. Nothing here knows
 * tunables. */
#include "schedule/schedule.h"

#include <string.h>

struct eval {
	bool (*lookup)(void *ctx, const char *name, int64_t *v);
	void *ctx;
};

static int64_t floor_div(int64_t x, int64_t y)
{
	int64_t q = x / y;

	return q - (x % y && (x < 0) != (y < 0));
}

static bool divide(enum op op, int64_t x, int64_t y, int64_t *out)
{
	if (!y || (x == INT64_MIN && y == -1))
		return false;
	*out = floor_div(x, y);
	if (op == OP_MOD)
		*out = x - *out * y;
	return true;
}

static bool binary(enum op op, int64_t x, int64_t y, int64_t *out)
{
	switch (op) {
	case OP_ADD: return !__builtin_add_overflow(x, y, out);
	case OP_SUB: return !__builtin_sub_overflow(x, y, out);
	case OP_MUL: return !__builtin_mul_overflow(x, y, out);
	case OP_DIV:
	case OP_MOD: return divide(op, x, y, out);
	case OP_MIN: *out = x < y ? x : y; return true;
	case OP_MAX: *out = x > y ? x : y; return true;
	case OP_LT: *out = x < y; return true;
	case OP_LE: *out = x <= y; return true;
	case OP_EQ: *out = x == y; return true;
	case OP_NE: *out = x != y; return true;
	default: return false;
	}
}

static bool eval(const struct eval *c, const struct sched_expr *e, int64_t *out);

/* and, or and select look at an operand only when its value counts. */
static bool eval_lazy(const struct eval *c, const struct sched_expr *e,
	int64_t *out)
{
	int64_t x;

	if (!eval(c, e->args[0], &x))
		return false;
	if (e->op == OP_SELECT)
		return eval(c, e->args[x ? 1 : 2], out);
	*out = !!x;
	if (*out == (e->op == OP_OR))
		return true;
	if (!eval(c, e->args[1], &x))
		return false;
	*out = !!x;
	return true;
}

static bool eval_op(const struct eval *c, const struct sched_expr *e,
	int64_t *out)
{
	int64_t x, y;

	if (e->op == OP_AND || e->op == OP_OR || e->op == OP_SELECT)
		return eval_lazy(c, e, out);
	if (!eval(c, e->args[0], &x))
		return false;
	if (e->op == OP_NEG)
		return !__builtin_sub_overflow((int64_t)0, x, out);
	if (e->op == OP_NOT) {
		*out = !x;
		return true;
	}
	return eval(c, e->args[1], &y) && binary(e->op, x, y, out);
}

static bool eval(const struct eval *c, const struct sched_expr *e, int64_t *out)
{
	switch (e->kind) {
	case SX_INT:
		*out = e->i;
		return true;
	case SX_NAME:
		return c->lookup && c->lookup(c->ctx, e->name, out);
	case SX_OP:
		return eval_op(c, e, out);
	default:
		return false;
	}
}

bool sched_eval(const struct sched_expr *e,
	bool (*lookup)(void *ctx, const char *name, int64_t *v), void *ctx,
	int64_t *out)
{
	return eval(&(struct eval){ lookup, ctx }, e, out);
}

static bool names(const struct sched_value *v, const char *axis)
{
	for (int i = 0; i < v->n; i++)
		if (v->choices[i]->kind == SX_NAME &&
		    !strcmp(v->choices[i]->name, axis))
			return true;
	return false;
}

/* Does "v", the choices of a fuse directive's key, name exactly "axes"? */
static bool same_axes(const struct sched_value *v, const char *const *axes,
	int n)
{
	for (int i = 0; i < n; i++)
		if (!names(v, axes[i]))
			return false;
	return v->n == n;
}

const char *sched_fused(const struct schedule *s, const char *const *axes,
	int n)
{
	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_directive *d = &s->directives[i];

		for (int k = 0; !strcmp(d->name, "fuse") && k < d->n_args; k++)
			if (d->args[k].key &&
			    same_axes(&d->args[k].value, axes, n))
				return d->args[k].key;
	}
	return NULL;
}

const struct sched_arg *sched_keyed(const struct sched_directive *d,
	const char *key)
{
	for (int i = 0; i < d->n_args; i++)
		if (d->args[i].key && !strcmp(d->args[i].key, key))
			return &d->args[i];
	return NULL;
}

static bool is_about(const struct sched_directive *d, const char *subject)
{
	for (int i = 0; i < d->n_args; i++)
		if (!d->args[i].key && names(&d->args[i].value, subject))
			return true;
	return false;
}

const struct sched_arg *sched_said(const struct schedule *s,
	const char *directive, const char *subject, const char *key)
{
	const struct sched_arg *arg = NULL;

	for (int i = 0; s && i < s->n_directives && !arg; i++) {
		const struct sched_directive *d = &s->directives[i];

		if (!strcmp(d->name, directive) && is_about(d, subject))
			arg = sched_keyed(d, key);
	}
	return arg;
}

/* How an operation is written, and how tightly it binds. */
static const struct { const char *text; int level; } infix[N_OPS] = {
	[OP_OR] = { "||", 2 }, [OP_AND] = { "&&", 3 },
	[OP_EQ] = { "==", 4 }, [OP_NE] = { "!=", 4 },
	[OP_LT] = { "<", 5 }, [OP_LE] = { "<=", 5 },
	[OP_ADD] = { "+", 6 }, [OP_SUB] = { "-", 6 },
	[OP_MUL] = { "*", 7 }, [OP_DIV] = { "/", 7 }, [OP_MOD] = { "%", 7 },
};

static void print(const struct sched_expr *e, int level, struct str *out);

static void print_call(const struct sched_expr *e, struct str *out)
{
	str_printf(out, "%s(", op_rows[e->op].name);
	print(e->args[0], 0, out);
	str_puts(out, ", ");
	print(e->args[1], 0, out);
	str_putc(out, ')');
}

static void print_select(const struct sched_expr *e, struct str *out)
{
	print(e->args[0], 2, out);
	str_puts(out, " ? ");
	print(e->args[1], 1, out);
	str_puts(out, " : ");
	print(e->args[2], 1, out);
}

static void print_infix(const struct sched_expr *e, struct str *out)
{
	int level = infix[e->op].level;
	bool compares = level == 4 || level == 5;

	print(e->args[0], level + compares, out);
	str_printf(out, " %s ", infix[e->op].text);
	print(e->args[1], level + 1, out);
}

static void print_op(const struct sched_expr *e, int level, struct str *out)
{
	int own = e->op == OP_SELECT ? 1 :
		e->op == OP_NEG || e->op == OP_NOT ? 8 : infix[e->op].level;
	bool braces = own && own < level;

	if (braces)
		str_putc(out, '(');
	if (e->op == OP_SELECT) {
		print_select(e, out);
	} else if (own == 8) {
		str_putc(out, e->op == OP_NEG ? '-' : '!');
		print(e->args[0], 8, out);
	} else if (own) {
		print_infix(e, out);
	} else {
		print_call(e, out);
	}
	if (braces)
		str_putc(out, ')');
}

static void print(const struct sched_expr *e, int level, struct str *out)
{
	switch (e->kind) {
	case SX_INT:
		str_printf(out, e->i < 0 && level ? "(%lld)" : "%lld",
			(long long)e->i);
		break;
	case SX_NAME:
		str_puts(out, e->name);
		break;
	case SX_STRING:
		str_printf(out, e->i ? "%s" : "\"%s\"", e->name);
		break;
	case SX_OP:
		print_op(e, level, out);
		break;
	}
}

void sched_print_expr(const struct sched_expr *e, struct str *out)
{
	print(e, 0, out);
}
