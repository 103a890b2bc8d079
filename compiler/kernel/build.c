/* SPDX-License-Identifier: MIT */
/* Kernels and expressions are made here. Every constructor hands out a node of
 * the given arena that nobody changes afterwards, so nodes may be shared;
 * integer operands of mixed width leave as i64, and what fold.c can simplify
 * leaves simplified. */
#include <assert.h>

#include "kernel/fold.h"
#include "kernel/intrin.h"

struct kernel *kernel_create(struct arena *a, const char *name, int threads)
{
	struct kernel *k = ARENA_NEW(a, struct kernel);

	k->name = name;
	k->a = a;
	k->threads = threads;
	k->cluster = 1;
	return k;
}

struct k_buffer *kernel_global(struct kernel *k, const char *name,
	enum dtype t, int align, bool written, bool wide)
{
	struct k_buffer *b = ARENA_NEW(k->a, struct k_buffer);

	*b = (struct k_buffer){ .name = name, .scope = K_GLOBAL, .type = t,
		.rank = 1, .align = align, .written = written, .wide = wide };
	vec_push(k->a, &k->globals, b);
	return b;
}

struct k_var *kernel_scalar(struct kernel *k, const char *name, enum dtype t)
{
	struct k_var *v = ARENA_NEW(k->a, struct k_var);

	*v = (struct k_var){ .name = name, .type = t };
	vec_push(k->a, &k->scalars, v);
	return v;
}

struct k_buffer *kernel_array(struct kernel *k, enum k_scope scope,
	const char *name, enum dtype t, int rank, const int64_t *dims,
	int align)
{
	struct k_buffer *b = ARENA_NEW(k->a, struct k_buffer);

	assert(scope != K_GLOBAL && rank >= 1 && rank <= 5);
	*b = (struct k_buffer){ .name = name, .scope = scope, .type = t,
		.rank = rank, .align = align, .written = true };
	for (int i = 0; i < rank; i++)
		b->dims[i] = dims[i];
	if (scope == K_SHARED)
		vec_push(k->a, &k->shared, b);
	else
		vec_push(k->a, &k->registers, b);
	return b;
}

static int64_t buffer_bytes(const struct k_buffer *b)
{
	int64_t n = dtype_row(b->type)->bits < 8 ? 1 :
		dtype_row(b->type)->bits / 8;

	for (int i = 0; i < b->rank; i++)
		n *= b->dims[i];
	return n;
}

void kernel_layout(struct kernel *k)
{
	int64_t at = 0;

	for (int i = 0; i < k->shared.n; i++) {
		struct k_buffer *b = k->shared.v[i];
		int64_t align = b->align > 16 ? b->align : 16;

		at = (at + align - 1) / align * align;
		b->offset = at;
		at += buffer_bytes(b);
	}
	k->shared_bytes = at;
}

int kernel_registers(const struct kernel *k)
{
	int blocks = k->min_blocks > 1 ? k->min_blocks : 1;

	return 65536 / k->threads / blocks / 8 * 8;
}

/* ---- leaves ---- */

static struct kx *node(struct arena *a, struct kx e)
{
	struct kx *p = ARENA_NEW(a, struct kx);

	*p = e;
	return p;
}

static struct kx **gather(struct arena *a, int n, va_list ap)
{
	struct kx **args = n ? ARENA_ARRAY(a, (size_t)n, struct kx *) : NULL;

	for (int i = 0; i < n; i++)
		args[i] = va_arg(ap, struct kx *);
	return args;
}

struct kx *fold_typed(struct arena *a, enum dtype t, int64_t v)
{
	if (t == T_I32 && (v < INT32_MIN || v > INT32_MAX))
		t = T_I64;
	return node(a, (struct kx){ .kind = KX_INT, .type = t, .i = v });
}

struct kx *kx_int(struct arena *a, int64_t v)
{
	return fold_typed(a, T_I32, v);
}

struct kx *kx_float(struct arena *a, double v, enum dtype t)
{
	return node(a, (struct kx){ .kind = KX_FLOAT, .type = t,
		.f = dtype_round(t, v) });
}

struct kx *kx_var(struct arena *a, struct k_var *v)
{
	return node(a, (struct kx){ .kind = KX_VAR, .type = v->type,
		.var = v });
}

struct kx *kx_special(struct arena *a, enum k_special s)
{
	return node(a, (struct kx){ .kind = KX_SPECIAL, .type = T_I32,
		.special = s });
}

struct kx *kx_load(struct arena *a, struct k_buffer *b, ...)
{
	struct kx e = { .kind = KX_LOAD, .type = b->type, .buffer = b,
		.n_args = b->rank };
	va_list ap;

	va_start(ap, b);
	e.args = gather(a, b->rank, ap);
	va_end(ap);
	return node(a, e);
}

struct kx *kx_address(struct arena *a, struct k_place p)
{
	struct kx e = { .kind = KX_ADDRESS, .type = T_I64,
		.buffer = p.buffer, .n_args = p.buffer->rank };

	e.args = ARENA_ARRAY(a, (size_t)e.n_args, struct kx *);
	for (int i = 0; i < e.n_args; i++)
		e.args[i] = p.index[i];
	return node(a, e);
}

struct kx *kx_map(struct arena *a, const struct k_map *m)
{
	return node(a, (struct kx){ .kind = KX_MAP, .type = T_I64,
		.map = m });
}

struct kx *kx_call(struct arena *a, int intrin, enum dtype t, int n, ...)
{
	struct kx e = { .kind = KX_CALL, .type = t, .call = intrin,
		.n_args = n };
	va_list ap;

	va_start(ap, n);
	e.args = gather(a, n, ap);
	va_end(ap);
	return node(a, e);
}

struct kx *kx_pack(struct arena *a, struct kx *const *v, int n)
{
	struct kx *all = NULL, *one;

	if (n == 1)
		return kx_bits(a, T_U32, v[0]);
	for (int i = 0; i < n; i++) {
		one = kx_cast(a, T_I32, kx_bits(a, n == 4 ? T_U8 : T_U16, v[i]));
		one = kx_call(a, INTRIN_SHIFT_LEFT, T_I32, 2, one,
			kx_int(a, 32 / n * i));
		all = all ? kx_call(a, INTRIN_BIT_OR, T_I32, 2, all, one) : one;
	}
	return kx_bits(a, T_U32, all);
}

struct kx *kx_bits(struct arena *a, enum dtype t, struct kx *e)
{
	struct kx **args;

	assert(dtype_row(t)->bits == dtype_row(e->type)->bits);
	if (e->type == t)
		return e;
	args = ARENA_ARRAY(a, 1, struct kx *);
	args[0] = e;
	return node(a, (struct kx){ .kind = KX_BITS, .type = t, .args = args,
		.n_args = 1 });
}

struct kx *kx_cast(struct arena *a, enum dtype t, struct kx *e)
{
	struct kx **args;

	if (e->type == t)
		return e;
	if (e->kind == KX_INT && t == T_I64)
		return fold_typed(a, t, e->i);
	if (e->kind == KX_INT && t == T_I32 && e->i == (int32_t)e->i)
		return fold_typed(a, t, e->i);
	if (e->kind == KX_INT && t == T_U32 && e->i == (uint32_t)e->i)
		return node(a, (struct kx){ .kind = KX_INT, .type = t,
			.i = e->i });
	if (e->kind == KX_INT && dtype_is_float(t))
		return kx_float(a, (double)e->i, t);
	if (e->kind == KX_FLOAT && dtype_is_float(t))
		return kx_float(a, e->f, t);
	args = ARENA_ARRAY(a, 1, struct kx *);
	args[0] = e;
	return node(a, (struct kx){ .kind = KX_CAST, .type = t, .args = args,
		.n_args = 1 });
}

/* ---- operations ---- */

static struct kx *op_node(struct arena *a, enum op op, enum dtype t, int n,
	struct kx *const *from)
{
	struct kx **args = ARENA_ARRAY(a, (size_t)n, struct kx *);

	for (int i = 0; i < n; i++)
		args[i] = from[i];
	return node(a, (struct kx){ .kind = KX_OP, .type = t, .op = op,
		.args = args, .n_args = n });
}

struct kx *fold_node(struct arena *a, enum op op, enum dtype t, struct kx *x,
	struct kx *y)
{
	return op_node(a, op, t, 2, (struct kx *[]){ x, y });
}

static bool is_index(enum dtype t)
{
	return t == T_I32 || t == T_I64;
}

static bool is_logical(enum op op)
{
	return op >= OP_LT && op <= OP_NOT;
}

static bool commutes(enum op op)
{
	return op == OP_ADD || op == OP_MUL || op == OP_EQ || op == OP_NE ||
		op == OP_MIN || op == OP_MAX;
}

/* Two operands, i32 or i64 or logical: fold, else a node. */
static struct kx *binary(struct arena *a, enum op op, struct kx *x,
	struct kx *y)
{
	struct kx *folded;
	enum dtype t;
	int64_t v;

	if (x->type != y->type && is_index(x->type) && is_index(y->type)) {
		x = kx_cast(a, T_I64, x);
		y = kx_cast(a, T_I64, y);
	}
	assert(x->type == y->type);
	t = is_logical(op) ? T_BOOL : x->type;
	if (kx_is_int(x, NULL) && kx_is_int(y, NULL) &&
	    fold_int(op, x->i, y->i, &v))
		return fold_typed(a, t, v);
	if (commutes(op) && kx_is_int(x, NULL))
		return binary(a, op, y, x);
	folded = fold_binary(a, op, x, y);
	return folded ? folded : fold_node(a, op, t, x, y);
}

struct kx *kx_add(struct arena *a, struct kx *x, struct kx *y)
{
	return binary(a, OP_ADD, x, y);
}

struct kx *kx_sub(struct arena *a, struct kx *x, struct kx *y)
{
	return binary(a, OP_SUB, x, y);
}

struct kx *kx_mul(struct arena *a, struct kx *x, struct kx *y)
{
	return binary(a, OP_MUL, x, y);
}

struct kx *kx_div(struct arena *a, struct kx *x, struct kx *y)
{
	return binary(a, OP_DIV, x, y);
}

struct kx *kx_mod(struct arena *a, struct kx *x, struct kx *y)
{
	return binary(a, OP_MOD, x, y);
}

struct kx *kx_lt(struct arena *a, struct kx *x, struct kx *y)
{
	return binary(a, OP_LT, x, y);
}

/* NULL for what is always true, so that guards may be collected from NULL. */
static struct kx *guard(struct kx *x)
{
	int64_t v;

	return kx_is_int(x, &v) && v ? NULL : x;
}

struct kx *kx_and(struct arena *a, struct kx *x, struct kx *y)
{
	x = guard(x);
	y = guard(y);
	if (!x || !y)
		return x ? x : y;
	return binary(a, OP_AND, x, y);
}

static struct kx *fold_one(struct arena *a, enum op op, enum dtype t,
	struct kx *x)
{
	if (op == OP_NEG && x->kind == KX_INT && is_index(t) &&
	    x->i != INT64_MIN)
		return fold_typed(a, t, -x->i);
	if (op == OP_NEG && x->kind == KX_FLOAT)
		return kx_float(a, -x->f, t);
	if (op == OP_NOT && x->kind == KX_INT)
		return fold_typed(a, T_BOOL, !x->i);
	return NULL;
}

/* x * 1, 1 * x and x / 1 are exact in floating point too. */
static struct kx *fold_float(enum op op, struct kx *x, struct kx *y)
{
	if ((op == OP_MUL || op == OP_DIV) && y->kind == KX_FLOAT &&
	    y->f == 1)
		return x;
	if (op == OP_MUL && x->kind == KX_FLOAT && x->f == 1)
		return y;
	return NULL;
}

static struct kx *fold_op(struct arena *a, enum op op, enum dtype t, int n,
	struct kx **args)
{
	if (n == 1)
		return fold_one(a, op, t, args[0]);
	if (op == OP_SELECT && kx_is_int(args[0], NULL))
		return args[0]->i ? args[1] : args[2];
	if (n == 2 && dtype_is_float(t))
		return fold_float(op, args[0], args[1]);
	if (n == 2 && (is_index(args[0]->type) || args[0]->type == T_BOOL) &&
	    op != OP_POW && (is_index(args[1]->type) ||
		args[1]->type == T_BOOL))
		return binary(a, op, args[0], args[1]);
	return NULL;
}

struct kx *kx_op(struct arena *a, enum op op, enum dtype t, int n, ...)
{
	struct kx **args, *folded;
	va_list ap;

	assert(n == op_rows[op].n);
	va_start(ap, n);
	args = gather(a, n, ap);
	va_end(ap);
	folded = fold_op(a, op, t, n, args);
	return folded ? folded : op_node(a, op, is_logical(op) ? T_BOOL : t,
		n, args);
}

bool kx_same(const struct kx *x, const struct kx *y)
{
	if (x == y)
		return true;
	if (x->kind != y->kind || x->type != y->type || x->op != y->op ||
	    x->i != y->i || x->f != y->f || x->var != y->var ||
	    x->special != y->special || x->buffer != y->buffer ||
	    x->map != y->map || x->call != y->call || x->n_args != y->n_args)
		return false;
	for (int i = 0; i < x->n_args; i++)
		if (!kx_same(x->args[i], y->args[i]))
			return false;
	return true;
}
