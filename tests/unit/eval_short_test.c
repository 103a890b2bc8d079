/* SPDX-License-Identifier: MIT */
/* Sums that are kept short: what a model of it in exact arithmetic loses stays
 * within the reference's bound, whatever the bytes, and comes near it where they
 * are chosen to lose most; what is said to be exact is. */
#include <math.h>

#include "tests/unit/eval_bench.h"

enum { BITS = 14, MOST = 2048, SUMS = 16 };

static uint64_t seed;

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- the model ---- */

struct form {
	enum dtype left, right;
	int at_once, promote, points;
};

static int exponent(double v, enum dtype t)
{
	int e, least = t == T_E4M3 ? -6 : t == T_E5M2 ? -14 : -126;

	frexp(v, &e);
	return v == 0 ? -1000 : e - 1 < least ? least : e - 1;
}

static double cut(double v, int e)
{
	return ldexp(trunc(ldexp(v, BITS - 1 - e)), e - (BITS - 1));
}

/* One instruction: "n" products are added to "c". */
static double add(const struct form *f, double c, const double *x,
	const double *y, int n)
{
	int most = exponent(c, T_F32);
	double sum;

	for (int i = 0; i < n; i++) {
		int e = exponent(x[i], f->left) + exponent(y[i], f->right);

		most = e > most ? e : most;
	}
	if (most < -500)
		return 0;
	sum = cut(c, most);
	for (int i = 0; i < n; i++)
		sum += cut(x[i] * y[i], most);
	return cut(sum, exponent(sum, T_F32));
}

/* All of them, the first "missing" of the first instruction being none. */
static double model(const struct form *f, const double *x, const double *y,
	int missing)
{
	double c = 0;
	float all = 0;
	int n;

	for (int at = 0, step = 0; at < f->points; at += n) {
		n = f->at_once - (at ? 0 : missing);
		n = n < f->points - at ? n : f->points - at;
		c = add(f, c, x + at, y + at, n);
		step += f->at_once;
		if (f->promote && (step % f->promote == 0 ||
		    at + n == f->points)) {
			all += (float)c;
			c = 0;
		}
	}
	return f->promote ? all : c;
}

/* ---- against the bound ---- */

static struct bench bench_of(const struct form *f)
{
	const char *l = dtype_row(f->left)->name, *r = dtype_row(f->right)->name;
	struct arena *a = arena_create();
	struct bench b = open_bench(arena_printf(a, "op t {\n"
		"  in x: %s[%d, %d] layout(0, 1) align 16\n"
		"  in y: %s[%d, %d] layout(0, 1) align 16\n"
		"  out c: f32[%d] layout(0) align 16\n"
		"  c[i:%d] = sum[k:%d](mul(f32(x[i, k]), f32(y[i, k]))) : f32 "
		"accumulator(%d, %d, %d, 8)\n}\n", l, SUMS, f->points, r, SUMS,
		f->points, SUMS, SUMS, f->points, BITS, f->at_once, f->promote));

	arena_destroy(a);
	return b;
}

/* The greatest loss of sums by the bound's share, and how many were said to be
 * exact. */
static double worst(const struct form *f, struct bench *b, int missing,
	int *n_exact)
{
	double x[MOST], y[MOST], most = 0;

	for (int i = 0; i < SUMS; i++) {
		int64_t at[1] = { i };
		struct ir_num want = ir_eval_at(b->e, 2, at);
		double off;

		for (int k = 0; k < f->points; k++) {
			x[k] = dtype_load(f->left, b->data[0],
				i * f->points + k);
			y[k] = dtype_load(f->right, b->data[1],
				i * f->points + k);
		}
		off = fabs(model(f, x, y, missing) - want.v);
		if (want.err == 0) {
			assert_true(off == 0);
			++*n_exact;
			continue;
		}
		if (off > want.err)
			fail_msg("%s x %s, %d of %d points at once, promoted "
				"after %d: off by %g of %g, bound %g",
				dtype_row(f->left)->name,
				dtype_row(f->right)->name, f->at_once,
				f->points, f->promote, off, want.v, want.err);
		most = fmax(most, off / want.err);
	}
	return most;
}

static struct form random_form(void)
{
	static const int promote[] = { 0, 32, 64, 128, 256 };

	return (struct form){ .left = dice(2) ? T_E4M3 : T_E5M2,
		.right = dice(2) ? T_E4M3 : T_E5M2, .at_once = dice(2) ? 16 : 32,
		.promote = promote[dice(5)], .points = 1 + (int)dice(600) };
}

/* A finite byte: any, one of a few exponents, one without a sign, a subnormal or
 * 0, by "kind". */
static unsigned char random_byte(enum dtype t, int kind)
{
	unsigned top = t == T_E4M3 ? 0x7e : 0x7b, one = t == T_E4M3 ? 0x38 :
		0x3c;
	unsigned v = kind == 0 ? dice(top + 1) : kind == 1 ? one + dice(12) :
		kind == 2 ? dice(top + 1) : dice(t == T_E4M3 ? 8 : 4);

	return (unsigned char)(v | (kind == 2 || dice(2) ? 0 : 0x80));
}

static void any_bytes_stay_within_the_bound(void **state)
{
	(void)state;
	seed = 1;
	for (int try = 0; try < 400; try++) {
		struct form f = random_form();
		struct bench b = bench_of(&f);
		int kind[2] = { (int)dice(4), (int)dice(4) }, n_exact = 0;

		for (int t = 0; t < 2; t++)
			for (int i = 0; i < SUMS * f.points; i++)
				((unsigned char *)b.data[t])[i] = random_byte(
					t ? f.right : f.left, kind[t]);
		worst(&f, &b, dice(2) ? (int)dice((unsigned)f.at_once) : 0,
			&n_exact);
		close_bench(&b);
	}
}

/* 256 first, and then products that are nearly what is cut off, behind a sum that
 * is not. */
static void chosen_bytes_come_near_it(void **state)
{
	struct form f = { T_E5M2, T_E5M2, 32, 64, 64 };
	struct bench b = bench_of(&f);
	unsigned char *x = b.data[0], *y = b.data[1];
	int n_exact = 0;
	double most;

	(void)state;
	memset(x, 0, SUMS * (size_t)f.points);
	memset(y, 0x3c, SUMS * (size_t)f.points);
	for (int i = 0; i < SUMS; i++) {
		x[i * f.points] = 0x5c;
		memset(x + i * f.points + 32, 0x27, 32);
	}
	most = worst(&f, &b, 0, &n_exact);
	assert_true(most > 0.09 && n_exact == 0);
	close_bench(&b);
}

/* What tests are filled with is exact in 128 and 256 products, however many
 * there are, and not in sums that are promoted never. */
static void usual_bytes_are_exact(void **state)
{
	(void)state;
	for (int promote = 0; promote <= 256; promote = promote ? 2 * promote :
	     128) {
		struct form f = { T_E4M3, T_E4M3, 32, promote, MOST };
		struct bench b = bench_of(&f);
		int n_exact = 0;

		worst(&f, &b, 0, &n_exact);
		assert_int_equal(n_exact, promote ? SUMS : 0);
		close_bench(&b);
	}
}

static void says(const char *text, const char *what)
{
	struct arena *a = arena_create();
	struct diag *d = diag_create(a);
	struct str s;

	ir_read(a, source_from_text(a, "test", text, strlen(text)), d);
	str_init(&s, a);
	diag_print(d, &s, false);
	if (!strstr(str_text(&s), what))
		fail_msg("%s%s", text, str_text(&s));
	arena_destroy(a);
}

static void text_and_faults(void **state)
{
	struct form f = { T_E4M3, T_E5M2, 32, 128, 256 };
	struct bench b = bench_of(&f), other;
	struct arena *a = arena_create();
	struct str s;
	static const char one[] = "op t {\n  in x: %s[8] layout(0) align 16\n"
		"  out c: %s[1] layout(0) align 16\n  c[i:1] = %s[k:8]("
		"x[add(k, i)]) : %s accumulator(%s)\n}\n";

	(void)state;
	str_init(&s, a);
	ir_print(b.o, &s);
	assert_true(ir_equal(parse(a, str_text(&s))->stmts[0].expr,
		b.o->stmts[0].expr));
	f.promote = 64;
	other = bench_of(&f);
	assert_false(ir_equal(other.o->stmts[0].expr, b.o->stmts[0].expr));
	close_bench(&other);
	says(arena_printf(a, one, "f32", "f32", "max", "f32", "14, 32, 0, 8"),
		"max of f32 has an accumulator");
	says(arena_printf(a, one, "i32", "i32", "sum", "i32", "14, 32, 0, 8"),
		"sum of i32 has an accumulator");
	says(arena_printf(a, one, "f32", "f32", "sum", "f32", "25, 32, 0, 8"),
		"an accumulator of 25 bits");
	says(arena_printf(a, one, "f32", "f32", "sum", "f32", "14, 32, 48, 8"),
		"promoted after 48, is none");
	arena_destroy(a);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_stay_within_the_bound),
		cmocka_unit_test(chosen_bytes_come_near_it),
		cmocka_unit_test(usual_bytes_are_exact),
		cmocka_unit_test(text_and_faults),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
