/* SPDX-License-Identifier: MIT */
/* Expressions as C++ with no parentheses but the needed ones. Two things
 * differ between the kernel IR and C++: thread and block indices are unsigned
 * there, so they become int wherever a sign could matter; and a widening of
 * one operand is left to C++ where the other operand is wide already. */
#include <string.h>

#include "cuda/emit.h"

/* ---- unsigned in C++ only ---- */

static bool is_arithmetic(enum op op)
{
	return op <= OP_MOD;
}

bool emit_is_unsigned(const struct kx *e)
{
	if (e->type != T_I32)
		return false;
	if (e->kind == KX_SPECIAL)
		return e->special != K_CLUSTER_RANK;
	if (e->kind == KX_OP && is_arithmetic(e->op))
		return emit_is_unsigned(e->args[0]) ||
			emit_is_unsigned(e->args[1]);
	if (e->kind == KX_OP && e->op == OP_SELECT)
		return emit_is_unsigned(e->args[1]) ||
			emit_is_unsigned(e->args[2]);
	return e->kind == KX_CALL && intrin_is_infix(e->call) &&
		(emit_is_unsigned(e->args[0]) || emit_is_unsigned(e->args[1]));
}

static bool may_be_negative(const struct kx *e)
{
	int64_t lo, hi;

	kx_range(e, &lo, &hi);
	return lo < 0;
}

static void open(struct str *out, bool yes)
{
	if (yes)
		str_putc(out, '(');
}

static void close(struct str *out, bool yes)
{
	if (yes)
		str_putc(out, ')');
}

void emit_signed(struct emit *m, struct str *out, const struct kx *e,
	int least)
{
	if (!emit_is_unsigned(e)) {
		emit_x(m, out, e, least);
		return;
	}
	open(out, least > P_UNARY);
	str_puts(out, "(int)");
	emit_x(m, out, e, P_UNARY);
	close(out, least > P_UNARY);
}

/* ---- operators ---- */

static int infix_precedence(enum op op)
{
	switch (op) {
	case OP_ADD:
	case OP_SUB: return P_ADD;
	case OP_MUL:
	case OP_DIV:
	case OP_MOD: return P_MUL;
	case OP_LT:
	case OP_LE: return P_LESS;
	case OP_EQ:
	case OP_NE: return P_EQUAL;
	case OP_AND: return P_AND;
	case OP_OR: return P_OR;
	default: return P_ANY;
	}
}

/* A widening that C++ makes by itself if the other operand is an i64. */
static bool is_widening(const struct kx *e)
{
	return e->kind == KX_CAST && e->type == T_I64 &&
		e->args[0]->type == T_I32;
}

static void operand(struct emit *m, struct str *out, const struct kx *e,
	const struct kx *other, bool first, int least)
{
	bool wide = e->type == T_I64 && other->kind != KX_INT;

	if (wide && is_widening(e) && !(first && is_widening(other))) {
		if (may_be_negative(e->args[0]))
			emit_signed(m, out, e->args[0], least);
		else
			emit_x(m, out, e->args[0], least);
	} else if (e->kind == KX_INT && e->type == T_I64 &&
		   other->kind != KX_INT && e->i == (int32_t)e->i) {
		emit_int(out, e->i, T_I32);
	} else {
		emit_x(m, out, e, least);
	}
}

/* Comparisons are of int unless both sides are surely not negative. */
static void compared(struct emit *m, struct str *out, const struct kx *e,
	const struct kx *other, bool first, int least)
{
	if (emit_is_unsigned(e) &&
	    (may_be_negative(e) || may_be_negative(other)))
		emit_signed(m, out, e, least);
	else
		operand(m, out, e, other, first, least);
}

/* a + (b + c) of integers reads better, and is the same, without. */
static bool is_sum(const struct kx *e)
{
	return e->kind == KX_OP && (e->op == OP_ADD || e->op == OP_SUB) &&
		!dtype_is_float(e->type);
}

static bool is_and(const struct kx *e)
{
	return e->kind == KX_OP && e->op == OP_AND;
}

static int log2_of(const struct kx *e)
{
	int64_t v;

	return kx_is_int(e, &v) && v > 1 && !(v & (v - 1)) ?
		__builtin_ctzll((unsigned long long)v) : 0;
}

/* Division by a power of 2 of what C++ takes for signed. The IR's floors, as
 * these do; "/" and "%" don't: nvcc then asks each time for the sign of what has
 * none, in three instructions more, and takes longer over them. */
static bool is_bits(const struct emit *m, const struct kx *e)
{
	return m->kernel && (e->op == OP_DIV || e->op == OP_MOD) &&
		dtype_is_int(e->type) && e->type != T_U32 &&
		log2_of(e->args[1]) && !emit_is_unsigned(e->args[0]);
}

static void emit_shifted(struct emit *m, struct str *out, const struct kx *e,
	int least)
{
	int by = log2_of(e->args[1]);
	bool parens = least > P_SELECT;

	open(out, parens);
	emit_x(m, out, e->args[0], P_MUL);
	if (e->op == OP_DIV)
		str_printf(out, " >> %d", by);
	else
		str_printf(out, " & %lld", (long long)e->args[1]->i - 1);
	close(out, parens);
}

static void emit_infix(struct emit *m, struct str *out, const struct kx *e,
	int least)
{
	const struct kx *x = e->args[0], *y = e->args[1];
	int p = infix_precedence(e->op), right = p + 1, left = p;
	bool parens = p < least;

	if ((e->op == OP_ADD && is_sum(y)) || (is_and(e) && is_and(y)))
		right = p;
	if (e->op == OP_OR)
		left = right = P_EQUAL;
	open(out, parens);
	if (p == P_LESS || p == P_EQUAL) {
		compared(m, out, x, y, true, P_SHIFT);
		str_printf(out, " %s ", op_rows[e->op].cuda);
		compared(m, out, y, x, false, P_SHIFT);
	} else {
		operand(m, out, x, y, true, left);
		str_printf(out, " %s ", op_rows[e->op].cuda);
		operand(m, out, y, x, false, right);
	}
	close(out, parens);
}

static void emit_select(struct emit *m, struct str *out, const struct kx *e,
	int least)
{
	open(out, least > P_SELECT);
	emit_x(m, out, e->args[0], P_OR);
	str_puts(out, " ? ");
	emit_x(m, out, e->args[1], P_SELECT);
	str_puts(out, " : ");
	emit_x(m, out, e->args[2], P_SELECT);
	close(out, least > P_SELECT);
}

static void emit_prefix(struct emit *m, struct str *out, const struct kx *e,
	int least)
{
	const struct kx *x = e->args[0];
	bool twice = e->op == OP_NEG && (x->kind == KX_INT ||
		x->kind == KX_FLOAT || (x->kind == KX_OP && x->op == OP_NEG));

	open(out, least > P_UNARY);
	str_puts(out, op_rows[e->op].cuda);
	open(out, twice);
	emit_signed(m, out, x, P_UNARY);
	close(out, twice);
	close(out, least > P_UNARY);
}

/* ---- calls ---- */

static void emit_arguments(struct emit *m, struct str *out,
	struct kx *const *args, int n)
{
	for (int i = 0; i < n; i++) {
		str_puts(out, i ? ", " : "");
		emit_x(m, out, args[i], P_SELECT);
	}
}

static int infix_call_precedence(const char *name)
{
	return *name == '&' ? P_BIT_AND : *name == '^' ? P_BIT_XOR :
		*name == '|' ? P_BIT_OR : P_SHIFT;
}

/* Bit operators inside and around others get their parentheses even where C++
 * needs none: nobody remembers which. */
static void emit_infix_call(struct emit *m, struct str *out,
	const char *name, struct kx *const *args, int least)
{
	bool parens = infix_call_precedence(name) < least ||
		least > P_SELECT;

	open(out, parens);
	emit_x(m, out, args[0], P_MUL);
	str_printf(out, " %s ", name);
	emit_x(m, out, args[1], P_MUL);
	close(out, parens);
}

void emit_call(struct emit *m, struct str *out, int intrin,
	struct kx *const *args)
{
	const struct intrin_row *r = intrin_row(intrin);
	const char *kinds = intrin_operands(intrin);
	const char *gap = "";

	m->used[intrin] |= m->places;
	str_puts(out, r->name);
	for (int i = 0; kinds[i]; i++) {
		if (kinds[i] != 'n')
			continue;
		str_putc(out, '<');
		emit_x(m, out, args[i], P_SELECT);
		str_putc(out, '>');
	}
	str_putc(out, '(');
	if (*r->operands == '!') {
		str_puts(out, "0xffffffff");
		gap = ", ";
	}
	for (int i = 0; kinds[i]; i++) {
		if (kinds[i] == 'n')
			continue;
		str_puts(out, gap);
		emit_x(m, out, args[i], P_SELECT);
		gap = ", ";
	}
	str_putc(out, ')');
}

static int min_max(const struct kx *e)
{
	bool max = e->op == OP_MAX;

	if (e->type == T_F64)
		return max ? INTRIN_MAX_NAN_F64 : INTRIN_MIN_NAN_F64;
	if (dtype_is_float(e->type))
		return max ? INTRIN_MAX_NAN : INTRIN_MIN_NAN;
	if (e->type == T_I64 || e->type == T_U32)
		return max ? INTRIN_MAX_LONG : INTRIN_MIN_LONG;
	return max ? INTRIN_MAX_INT : INTRIN_MIN_INT;
}

/* The double form of a function lacks the last 'f'. */
static void emit_math(struct emit *m, struct str *out, const struct kx *e)
{
	const char *name = op_rows[e->op].cuda;
	size_t n = strlen(name);

	str_putn(out, name, e->type == T_F64 && name[n - 1] == 'f' ? n - 1 :
		n);
	str_putc(out, '(');
	emit_arguments(m, out, e->args, e->n_args);
	str_putc(out, ')');
}

static void emit_op(struct emit *m, struct str *out, const struct kx *e,
	int least)
{
	if (e->op == OP_MIN || e->op == OP_MAX)
		emit_call(m, out, min_max(e), e->args);
	else if (e->op == OP_ABS && dtype_is_int(e->type))
		emit_call(m, out, e->type == T_I64 ? INTRIN_ABS_LONG :
			INTRIN_ABS_INT, e->args);
	else if (e->op == OP_SELECT)
		emit_select(m, out, e, least);
	else if (is_bits(m, e))
		emit_shifted(m, out, e, least);
	else if (infix_precedence(e->op) != P_ANY)
		emit_infix(m, out, e, least);
	else if (e->op == OP_NEG || e->op == OP_NOT)
		emit_prefix(m, out, e, least);
	else
		emit_math(m, out, e);
}

/* ---- conversions ---- */

/* The function that decodes a narrow float, or encodes one; -1: not one. */
static int decoder(enum dtype t)
{
	switch (t) {
	case T_F16: return INTRIN_F32_FROM_F16;
	case T_BF16: return INTRIN_F32_FROM_BF16;
	case T_E4M3: return INTRIN_F32_FROM_E4M3;
	case T_E5M2: return INTRIN_F32_FROM_E5M2;
	default: return -1;
	}
}

static int encoder(enum dtype t)
{
	switch (t) {
	case T_F16: return INTRIN_F16_FROM_F32;
	case T_BF16: return INTRIN_BF16_FROM_F32;
	case T_E4M3: return INTRIN_E4M3_FROM_F32;
	case T_E5M2: return INTRIN_E5M2_FROM_F32;
	case T_TF32: return INTRIN_TF32_FROM_F32;
	default: return -1;
	}
}

/* "(type)e", or the type's test against zero. */
static void emit_plain_cast(struct emit *m, struct str *out, enum dtype to,
	const struct kx *e, int least)
{
	bool test = to == T_BOOL;

	open(out, least > (test ? P_EQUAL : P_UNARY));
	if (!test)
		str_printf(out, "(%s)", emit_c_type(to));
	if (decoder(e->type) >= 0)
		emit_call(m, out, decoder(e->type),
			(struct kx *[]){ (struct kx *)e });
	else if (may_be_negative(e))
		emit_signed(m, out, e, test ? P_LESS : P_UNARY);
	else
		emit_x(m, out, e, test ? P_LESS : P_UNARY);
	if (test)
		str_puts(out, " != 0");
	close(out, least > (test ? P_EQUAL : P_UNARY));
}

static void emit_cast(struct emit *m, struct str *out, enum dtype to,
	const struct kx *e, int least)
{
	int encode = encoder(to), decode = decoder(e->type);

	if (encode >= 0) {
		m->used[encode] |= m->places;
		str_printf(out, "%s(", intrin_row(encode)->name);
		emit_cast(m, out, T_F32, e, P_SELECT);
		str_putc(out, ')');
	} else if (e->type == to || (to == T_F32 && e->type == T_TF32)) {
		emit_x(m, out, e, least);
	} else if (to == T_F32 && decode >= 0) {
		emit_call(m, out, decode, (struct kx *[]){ (struct kx *)e });
	} else {
		emit_plain_cast(m, out, to, e, least);
	}
}

static void emit_bits(struct emit *m, struct str *out, enum dtype to,
	const struct kx *e, int least)
{
	bool from_float = dtype_is_float(e->type) &&
		dtype_row(e->type)->bits >= 32;
	bool to_float = dtype_is_float(to) && dtype_row(to)->bits >= 32;
	bool wide = dtype_row(to)->bits == 64;

	if (from_float == to_float) {
		open(out, least > P_UNARY);
		str_printf(out, "(%s)", dtype_row(to)->c);
		emit_x(m, out, e, P_UNARY);
		close(out, least > P_UNARY);
		return;
	}
	if (!to_float && to == T_U32)
		str_puts(out, "(unsigned)");
	str_puts(out, to_float ? wide ? "__longlong_as_double(" :
		"__int_as_float(" : wide ? "__double_as_longlong(" :
		"__float_as_int(");
	if (e->type == T_U32)
		str_puts(out, "(int)");
	emit_x(m, out, e, e->type == T_U32 ? P_UNARY : P_SELECT);
	str_putc(out, ')');
}

/* ---- leaves ---- */

static void emit_special(struct emit *m, struct str *out, enum k_special s,
	int least)
{
	static const char *const names[] = {
		[K_THREAD_X] = "threadIdx.x", [K_BLOCK_X] = "blockIdx.x",
		[K_BLOCK_Y] = "blockIdx.y", [K_BLOCK_Z] = "blockIdx.z",
		[K_GRID_X] = "gridDim.x", [K_GRID_Y] = "gridDim.y",
		[K_LANE] = "threadIdx.x % 32", [K_WARP] = "threadIdx.x / 32"
	};
	bool parens = (s == K_LANE || s == K_WARP) && least > P_MUL;

	if (s == K_CLUSTER_RANK) {
		emit_call(m, out, INTRIN_CLUSTER_RANK, NULL);
		return;
	}
	open(out, parens);
	str_puts(out, names[s]);
	close(out, parens);
}

static bool is_negative_number(const struct kx *e)
{
	return (e->kind == KX_INT && e->i < 0) ||
		(e->kind == KX_FLOAT && e->f < 0);
}

static void emit_number(struct str *out, const struct kx *e, int least)
{
	bool parens = least > P_UNARY && is_negative_number(e);

	open(out, parens);
	if (e->kind == KX_INT)
		emit_int(out, e->i, e->type);
	else
		emit_float(out, e->f, e->type);
	close(out, parens);
}

void emit_x(struct emit *m, struct str *out, const struct kx *e, int least)
{
	switch (e->kind) {
	case KX_INT:
	case KX_FLOAT:
		emit_number(out, e, least);
		break;
	case KX_VAR:
		str_puts(out, names_of(&m->names, e->var));
		break;
	case KX_SPECIAL:
		emit_special(m, out, e->special, least);
		break;
	case KX_MAP:
		str_printf(out, "&%s", names_of(&m->names, e->map));
		break;
	case KX_ADDRESS:
		str_putc(out, '&');
		/* fall through */
	case KX_LOAD:
		emit_element(m, out, e->buffer, e->args);
		break;
	case KX_OP:
		emit_op(m, out, e, least);
		break;
	case KX_CAST:
		emit_cast(m, out, e->type, e->args[0], least);
		break;
	case KX_BITS:
		emit_bits(m, out, e->type, e->args[0], least);
		break;
	case KX_CALL:
		if (intrin_is_infix(e->call))
			emit_infix_call(m, out, intrin_row(e->call)->name,
				e->args, least);
		else
			emit_call(m, out, e->call, e->args);
		break;
	}
}
