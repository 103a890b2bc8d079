/* SPDX-License-Identifier: MIT */
/* Element types against the compiler's own arithmetic, and integer folding,
 * ranges and affine forms against evaluation over all values of the axes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"

/* ---- types ---- */

/* The nearest bf16, ties to even, by the bits of a float. */
static float to_bf16(float v)
{
	uint32_t u;

	memcpy(&u, &v, 4);
	u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
	memcpy(&v, &u, 4);
	return v;
}

static float some_float(uint64_t *seed, int low, int high)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (float)ldexp((double)(int32_t)(*seed >> 32) / 2147483648.0,
		low + (int)(*seed >> 20 & 0xffff) % (high - low));
}

static void test_bits_round_trip(void **state)
{
	static const enum dtype types[] = { T_F16, T_BF16, T_E4M3, T_E5M2 };

	(void)state;
	for (int k = 0; k < 4; k++) {
		enum dtype t = types[k];

		for (unsigned i = 0; i < 1u << dtype_row(t)->bits; i++) {
			uint16_t in = (uint16_t)i, out = 0;
			double v = dtype_load(t, &in, 0);

			dtype_store(t, &out, 0, v);
			if (isnan(v)) {
				assert_true(isnan(dtype_load(t, &out, 0)));
				continue;
			}
			assert_int_equal(in, out);
			assert_true(dtype_round(t, v) == v);
		}
	}
}

/* Every narrow float rounds what lies between it and its neighbours. */
static void test_nearest(void **state)
{
	static const enum dtype types[] = { T_F16, T_BF16, T_E4M3, T_E5M2 };

	(void)state;
	for (int k = 0; k < 4; k++)
		for (unsigned i = 0; ; i++) {
			uint16_t b[2] = { (uint16_t)i, (uint16_t)(i + 1) };
			enum dtype t = types[k];
			double x = dtype_load(t, &b[0], 0);
			double y = dtype_load(t, &b[1], 0);
			double mid = (x + y) / 2, eps = (y - x) / 64;

			if (!isfinite(y))
				break;
			assert_true(x < y);
			assert_true(dtype_round(t, mid - eps) == x);
			assert_true(dtype_round(t, mid + eps) == y);
			assert_true(dtype_round(t, mid) == (i % 2 ? y : x));
			assert_true(dtype_round(t, -mid - eps) == -y);
		}
}

static void test_known_bits(void **state)
{
	static const struct {
		enum dtype t;
		uint16_t bits;
		double v;
	} known[] = {
		{ T_F16, 0x3c00, 1 }, { T_F16, 0x0001, 0x1p-24 },
		{ T_F16, 0x7bff, 65504 }, { T_F16, 0xc248, -3.140625 },
		{ T_BF16, 0x3f80, 1 }, { T_BF16, 0x0001, 0x1p-133 },
		{ T_E4M3, 0x7e, 448 }, { T_E4M3, 0x01, 0x1p-9 },
		{ T_E4M3, 0xb8, -1 }, { T_E5M2, 0x7b, 57344 },
		{ T_E5M2, 0x01, 0x1p-16 }, { T_E5M2, 0x7c, INFINITY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_true(dtype_load(known[i].t, &known[i].bits, 0) ==
			known[i].v);
}

static void test_rounding(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		float v = some_float(&seed, -120, 120);

		assert_true(dtype_round(T_BF16, v) == to_bf16(v));
	}
	assert_true(dtype_round(T_F32, 0.1) == (double)0.1f);
	assert_true(dtype_round(T_TF32, 1 + ldexp(1, -11)) == 1);
	assert_true(dtype_round(T_TF32, 1 + 3 * ldexp(1, -11)) ==
		1 + ldexp(1, -9));
	assert_true(dtype_round(T_E4M3, 448) == 448);
	assert_true(dtype_round(T_E4M3, 464) == 448);
	assert_true(isnan(dtype_round(T_E4M3, 465)));
	assert_true(isnan(dtype_round(T_E4M3, (double)INFINITY)));
	assert_true(dtype_round(T_E5M2, 61440) == (double)INFINITY);
	assert_true(dtype_round(T_F16, 65520) == (double)INFINITY);
	assert_true(dtype_round(T_F16, -65519) == -65504);
}

static void test_integers(void **state)
{
	uint8_t bytes[2] = {0};

	(void)state;
	assert_true(dtype_round(T_I8, -1.9) == -1);
	assert_true(dtype_round(T_I8, 128) == -128);
	assert_true(dtype_round(T_I8, -129) == 127);
	assert_true(dtype_round(T_U8, -1) == 255);
	assert_true(dtype_round(T_I32, 2147483648.0) == -2147483648.0);
	assert_true(dtype_round(T_U4, 17) == 1);
	assert_true(dtype_round(T_BOOL, 0.5) == 1);
	for (int i = 0; i < 4; i++)
		dtype_store(T_I4, bytes, i, 2 * i - 3);
	assert_int_equal(bytes[0], 0xfd);
	assert_int_equal(bytes[1], 0x31);
	for (int i = 0; i < 4; i++)
		assert_true(dtype_load(T_I4, bytes, i) == 2 * i - 3);
	assert_true(dtype_load(T_U4, bytes, 0) == 13);
}

static void test_widening(void **state)
{
	(void)state;
	assert_int_equal(dtype_widen(T_F16, T_BF16), T_F32);
	assert_int_equal(dtype_widen(T_E4M3, T_E5M2), T_F16);
	assert_int_equal(dtype_widen(T_I8, T_U8), T_I16);
	assert_int_equal(dtype_widen(T_U32, T_I32), T_I64);
	assert_int_equal(dtype_widen(T_I8, T_F16), T_F16);
	assert_int_equal(dtype_widen(T_I32, T_F16), T_F32);
	assert_int_equal(dtype_widen(T_I32, T_F32), T_F32);
	assert_int_equal(dtype_widen(T_I64, T_F64), T_F64);
	assert_int_equal(dtype_widen(T_BOOL, T_I4), T_I4);
	for (enum dtype x = 0; x < T_NONE; x++)
		for (enum dtype y = 0; y < T_NONE; y++) {
			enum dtype w = dtype_widen(x, y);

			assert_int_equal(w, dtype_widen(y, x));
			assert_int_equal(dtype_widen(w, x), w);
		}
}

/* ---- random integer expressions ---- */

enum { AXES = 4, EXPRESSIONS = 30000 };

struct field {
	struct arena *a;
	struct ir_operator o;
	struct ir_axis axes[AXES];
	uint64_t seed;
};

static const int64_t extents[AXES] = { 8, 4, 3, 1 };
static const int64_t lows[AXES] = { 0, 0, -1, 5 };

static void open_field(struct field *f)
{
	static const char *const names[AXES] = { "f", "b", "r", "n" };

	memset(f, 0, sizeof *f);
	f->a = arena_create();
	for (int i = 0; i < AXES; i++)
		f->axes[i] = (struct ir_axis){ .name = names[i], .id = i,
			.lo = lows[i], .extent = extents[i] };
	f->o.axes = f->axes;
	f->o.n_axes = AXES;
	f->seed = 20240229;
}

static int some(struct field *f, int n)
{
	f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((f->seed >> 33) % (uint64_t)n);
}

static struct ir_expr *number(struct field *f, int64_t v)
{
	return ir_int(f->a, v, T_I64);
}

static struct ir_expr *condition(struct field *f, int depth);

static struct ir_expr *expression(struct field *f, int depth)
{
	static const int64_t divisors[] = { 1, 2, 3, 4, 6, 8, 12, 32 };
	static const enum op two[] = { OP_ADD, OP_ADD, OP_SUB, OP_MIN, OP_MAX,
		OP_MUL };
	struct ir_expr *x, *y;
	int kind = some(f, 12);

	if (!depth || kind == 0)
		return some(f, 4) ? ir_axis_value(f->a, some(f, AXES)) :
			number(f, some(f, 40) - 12);
	x = expression(f, depth - 1);
	if (kind < 3)
		return ir_apply(f->a, OP_MUL, T_I64, 2, x,
			number(f, some(f, 20) - 5));
	if (kind < 6)
		return ir_apply(f->a, some(f, 2) ? OP_DIV : OP_MOD, T_I64, 2, x,
			number(f, divisors[some(f, 8)]));
	if (kind == 6)
		return ir_apply(f->a, OP_NEG, T_I64, 1, x);
	y = expression(f, depth - 1);
	if (kind == 7)
		return ir_apply(f->a, OP_SELECT, T_I64, 3,
			condition(f, depth - 1), x, y);
	return ir_apply(f->a, two[some(f, 6)], T_I64, 2, x, y);
}

static struct ir_expr *condition(struct field *f, int depth)
{
	static const enum op compare[] = { OP_LT, OP_LE, OP_EQ, OP_NE };
	struct ir_expr *x = expression(f, depth), *y = expression(f, depth);

	x = ir_apply(f->a, compare[some(f, 4)], T_BOOL, 2, x, y);
	if (!some(f, 3))
		return ir_apply(f->a, OP_NOT, T_BOOL, 1, x);
	return x;
}

static int64_t floor_quotient(int64_t x, int64_t d)
{
	return (int64_t)floor((double)x / (double)d);
}

static int64_t evaluate(const struct ir_expr *e, const int64_t *v)
{
	int64_t x[3];

	if (e->kind == IR_INT)
		return e->i;
	if (e->kind == IR_AXIS)
		return v[e->axis];
	assert_int_equal(e->kind, IR_OP);
	for (int i = 0; i < e->n_args; i++)
		x[i] = evaluate(e->args[i], v);
	switch (e->op) {
	case OP_ADD: return x[0] + x[1];
	case OP_SUB: return x[0] - x[1];
	case OP_MUL: return x[0] * x[1];
	case OP_DIV: return floor_quotient(x[0], x[1]);
	case OP_MOD: return x[0] - x[1] * floor_quotient(x[0], x[1]);
	case OP_MIN: return x[0] < x[1] ? x[0] : x[1];
	case OP_MAX: return x[0] > x[1] ? x[0] : x[1];
	case OP_NEG: return -x[0];
	case OP_LT: return x[0] < x[1];
	case OP_LE: return x[0] <= x[1];
	case OP_EQ: return x[0] == x[1];
	case OP_NE: return x[0] != x[1];
	case OP_NOT: return !x[0];
	case OP_SELECT: return x[0] ? x[1] : x[2];
	default: fail_msg("operation %d", e->op);
	}
	return 0;
}

/* The next values of the axes; false after the last. */
static bool next(int64_t *v)
{
	for (int i = AXES - 1; i >= 0; i--) {
		if (++v[i] < lows[i] + extents[i])
			return true;
		v[i] = lows[i];
	}
	return false;
}

static const char *text_of(struct field *f, const struct ir_expr *e)
{
	struct str s;

	str_init(&s, f->a);
	ir_print_expr(&f->o, e, &s);
	return str_text(&s);
}

static int64_t affine_at(const struct ir_affine *p, const int64_t *v)
{
	int64_t sum = p->c;

	for (int i = 0; i < AXES; i++)
		sum += p->coef[i] * v[i];
	return sum;
}

static void check_expression(struct field *f, struct ir_expr *e)
{
	struct ir_expr *g = ir_fold_expr(f->a, &f->o, e);
	struct ir_affine p;
	bool affine = ir_affine(f->a, &f->o, e, &p);
	int64_t v[AXES], lo, hi, glo, ghi;
	bool known = ir_range(&f->o, e, &lo, &hi);
	bool gknown = ir_range(&f->o, g, &glo, &ghi);

	assert_true(known && gknown);
	memcpy(v, lows, sizeof v);
	do {
		int64_t x = evaluate(e, v), y = evaluate(g, v);

		if (x != y)
			fail_msg("%s folds to %s", text_of(f, e), text_of(f, g));
		if (x < lo || x > hi || x < glo || x > ghi)
			fail_msg("%s is %lld outside its range", text_of(f, e),
				(long long)x);
		if (affine && affine_at(&p, v) != x)
			fail_msg("%s is not its affine form", text_of(f, e));
	} while (next(v));
}

static void test_random_folds(void **state)
{
	struct field f;

	(void)state;
	open_field(&f);
	for (int i = 0; i < EXPRESSIONS; i++) {
		struct arena *whole = f.a;

		f.a = arena_create();
		check_expression(&f, expression(&f, 1 + some(&f, 5)));
		arena_destroy(f.a);
		f.a = whole;
	}
	arena_destroy(f.a);
}

/* Folding once more changes nothing. */
static void test_fold_is_final(void **state)
{
	struct field f;

	(void)state;
	open_field(&f);
	for (int i = 0; i < EXPRESSIONS / 10; i++) {
		struct ir_expr *e = expression(&f, 3);
		struct ir_expr *g = ir_fold_expr(f.a, &f.o, e);
		struct ir_expr *h = ir_fold_expr(f.a, &f.o, g);

		if (!ir_equal(g, h))
			fail_msg("%s folds to %s and then %s", text_of(&f, e),
				text_of(&f, g), text_of(&f, h));
	}
	arena_destroy(f.a);
}

/* ---- what folding must achieve ---- */

static struct ir_expr *op2(struct field *f, enum op op, struct ir_expr *x,
	struct ir_expr *y)
{
	return ir_apply(f->a, op, T_I64, 2, x, y);
}

static void expect(struct field *f, struct ir_expr *e, const char *text)
{
	assert_string_equal(text_of(f, ir_fold_expr(f->a, &f->o, e)), text);
}

static void test_known_folds(void **state)
{
	struct field f;
	struct ir_expr *x, *b, *r, *s;

	(void)state;
	open_field(&f);
	x = ir_axis_value(f.a, 0);
	b = ir_axis_value(f.a, 1);
	r = ir_axis_value(f.a, 2);
	s = op2(&f, OP_ADD, op2(&f, OP_MUL, x, number(&f, 4)), b);
	expect(&f, op2(&f, OP_DIV, s, number(&f, 4)), "f");
	expect(&f, op2(&f, OP_MOD, s, number(&f, 4)), "b");
	expect(&f, op2(&f, OP_DIV, s, number(&f, 8)), "div(f, 2)");
	expect(&f, op2(&f, OP_DIV, s, number(&f, 32)), "0");
	expect(&f, op2(&f, OP_MOD, s, number(&f, 32)), "add(mul(f, 4), b)");
	expect(&f, op2(&f, OP_SUB, x, x), "0");
	expect(&f, op2(&f, OP_SUB, op2(&f, OP_ADD, op2(&f, OP_MUL, x,
		number(&f, 2)), op2(&f, OP_MUL, r, number(&f, 1))),
		number(&f, 3)), "sub(add(mul(f, 2), r), 3)");
	expect(&f, op2(&f, OP_ADD, op2(&f, OP_MUL, op2(&f, OP_DIV, x,
		number(&f, 2)), number(&f, 2)), op2(&f, OP_MOD, x,
		number(&f, 2))), "f");
	expect(&f, op2(&f, OP_DIV, number(&f, -1), number(&f, 2)), "-1");
	expect(&f, op2(&f, OP_MOD, number(&f, -1), number(&f, 2)), "1");
	expect(&f, op2(&f, OP_MAX, x, number(&f, 0)), "f");
	expect(&f, ir_apply(f.a, OP_LT, T_BOOL, 2, x, number(&f, 8)), "1:bool");
	arena_destroy(f.a);
}

/* Numbers near the end of 64 bits are left alone, not wrapped. */
static void test_huge_constants(void **state)
{
	struct field f;
	struct ir_expr *e, *x;
	int64_t lo, hi;

	(void)state;
	open_field(&f);
	x = ir_axis_value(f.a, 0);
	e = x;
	for (int i = 0; i < 5; i++)
		e = op2(&f, OP_MUL, op2(&f, OP_ADD, e, number(&f, INT64_MAX)),
			number(&f, INT64_MIN + i));
	assert_int_equal(ir_fold_expr(f.a, &f.o, e)->kind, IR_OP);
	assert_false(ir_range(&f.o, e, &lo, &hi));
	e = op2(&f, OP_DIV, op2(&f, OP_ADD, x, number(&f, INT64_MIN)),
		number(&f, INT64_MAX));
	ir_fold_expr(f.a, &f.o, e);
	ir_range(&f.o, e, &lo, &hi);
	e = ir_apply(f.a, OP_ABS, T_I64, 1, number(&f, INT64_MIN));
	assert_int_equal(ir_fold_expr(f.a, &f.o, e)->kind, IR_OP);
	arena_destroy(f.a);
}

static void test_float_folds(void **state)
{
	struct field f;
	struct ir_expr *x, *one;

	(void)state;
	open_field(&f);
	x = ir_cast(f.a, T_F32, ir_axis_value(f.a, 0));
	one = ir_float(f.a, 1, T_F32);
	expect(&f, ir_apply(f.a, OP_MUL, T_F32, 2, x, one), "f32(f)");
	expect(&f, ir_apply(f.a, OP_MUL, T_F32, 2, x, ir_float(f.a, 0, T_F32)),
		"mul(f32(f), 0.0:f32)");
	expect(&f, ir_cast(f.a, T_F16, ir_float(f.a, 0.1, T_F32)),
		"0.0999755859375:f16");
	expect(&f, ir_cast(f.a, T_I8, ir_int(f.a, 200, T_I32)), "-56:i8");
	expect(&f, ir_apply(f.a, OP_SELECT, T_F32, 3,
		ir_apply(f.a, OP_LT, T_BOOL, 2, one, ir_float(f.a, 2, T_F32)),
		x, one), "f32(f)");
	arena_destroy(f.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits_round_trip),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_known_bits),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_widening),
		cmocka_unit_test(test_random_folds),
		cmocka_unit_test(test_fold_is_final),
		cmocka_unit_test(test_known_folds),
		cmocka_unit_test(test_huge_constants),
		cmocka_unit_test(test_float_folds),
	};

	return cmocka_run_group_tests_name("ir_fold", tests, NULL, NULL);
}
