/* SPDX-License-Identifier: MIT */
/* The reference interpreter against closed forms. */
#include <math.h>

#include "tests/unit/eval_bench.h"

static void put(struct bench *b, int tensor, int n, const double *v)
{
	for (int i = 0; i < n; i++)
		dtype_store(b->o->tensors[tensor].type, b->data[tensor], i,
			v[i]);
}

static struct ir_num at(struct bench *b, int64_t i, int64_t j)
{
	int64_t idx[2] = { i, j };

	return ir_eval_at(b->e, b->o->n_inputs, idx);
}

static double load(struct bench *b, int tensor, int64_t i)
{
	return dtype_load(b->o->tensors[tensor].type, b->data[tensor], i);
}

static const char product[] = "op mm {\n"
	"  in A: f32[5, 300] layout(0, 1) align 16\n"
	"  in B: f32[300, 4] layout(1, 0) align 16\n"
	"  let acc: f32[5, 4]\n"
	"  out C: f32[5, 4] layout(0, 1) align 16\n"
	"  acc[i:5, j:4] = sum[k:300](mul(A[i, k], B[k, j])) : f32\n"
	"  C[i:5, j:4] = max(acc[i, j], 0.0:f32)\n"
	"}\n";

/* Of one factor's elements, many are no tf32; all of the other's are. */
static void tf32_shows(void **state)
{
	struct bench b = open_bench(product);
	int more[2] = { 0, 0 };

	(void)state;
	for (int t = 0; t < 2; t++)
		for (int i = 0; i < 1200; i++)
			more[t] += load(&b, t, i) != dtype_round(T_TF32,
				load(&b, t, i));
	assert_true(more[0] > 600 && more[1] == 0);
	close_bench(&b);
}

static void small_contraction_is_exact(void **state)
{
	struct bench b = open_bench(product);

	(void)state;
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < 4; j++) {
			struct ir_num got = at(&b, i, j);
			double want = 0;

			for (int k = 0; k < 300; k++)
				want += load(&b, 0, i * 300 + k) *
					load(&b, 1, j * 300 + k);
			assert_true(got.v == fmax(want, 0));
			assert_true(got.err == 0);
			assert_true(got.quantum > 0);
		}
	assert_true(ir_eval_cost(b.o, 2) == 301);
	close_bench(&b);
}

/* One term more or less is outside the bound, whatever it is. */
static void inexact_sum_has_a_tight_bound(void **state)
{
	struct bench b = open_bench("op s {\n"
		"  in x: f32[1000] layout(0) align 16\n"
		"  out y: f32[1] layout(0) align 16\n"
		"  y[i:1] = sum[k:1000](x[add(k, i)]) : f32\n"
		"}\n");
	float *x = b.data[0];
	double want = 0;
	struct ir_num got;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		x[i] = (float)(1 + 0.001 * i + 1e-7 * i * i);
		want += x[i];
	}
	got = at(&b, 0, 0);
	assert_true(fabs(got.v - want) < 1e-9);
	assert_true(got.err > 0 && got.err < 0.05);
	assert_true(got.quantum == 0);
	close_bench(&b);
}

static void convolution_with_pad(void **state)
{
	struct bench b = open_bench("op c {\n"
		"  in x: f32[3, 9, 9] layout(1, 2, 0) align 16\n"
		"  in w: f32[2, 3, 3, 3] layout(0, 1, 2, 3) align 16\n"
		"  out y: f32[2, 5, 5] layout(0, 1, 2) align 16\n"
		"  y[f:2, p:5, q:5] = sum[c:3, r:3, s:3](mul(x[c, "
		"add(add(mul(p, 2), r), -1), add(add(mul(q, 2), s), -1)] "
		"pad 0.0, w[f, c, r, s])) : f32\n"
		"}\n");
	struct ir_num row[5];

	(void)state;
	for (int64_t i = 0; i < 10; i++) {
		int64_t idx[3] = { i / 5, i % 5, 0 };

		ir_eval_row(b.e, 2, idx, 5, row);
		for (int q = 0; q < 5; q++) {
			double want = 0;

			for (int k = 0; k < 27; k++) {
				int c = k / 9, r = k / 3 % 3, s = k % 3;
				int h = (int)idx[1] * 2 + r - 1;
				int v = q * 2 + s - 1;

				if (h >= 0 && h < 9 && v >= 0 && v < 9)
					want += load(&b, 0, (h * 9 + v) * 3 + c)
						* load(&b, 1, idx[0] * 27 + k);
			}
			assert_true(row[q].v == want && row[q].err == 0);
		}
	}
	close_bench(&b);
}

static void narrow_outputs_round_once(void **state)
{
	static const double x[] = { 1, 2049, 1e-8, 65519, 65520, -70000,
		1.0001 };
	struct bench b = open_bench("op r {\n"
		"  in x: f32[7] layout(0) align 16\n"
		"  out y: f16[7] layout(0) align 16\n"
		"  y[i:7] = f16(x[i])\n"
		"}\n");

	(void)state;
	put(&b, 0, 7, x);
	for (int i = 0; i < 7; i++) {
		double v = load(&b, 0, i), right = dtype_round(T_F16, v);
		struct ir_num got = at(&b, i, 0);

		if (isinf(right)) {
			assert_true(got.v == right && got.err == 0);
			continue;
		}
		assert_true(got.v == v && got.err == fabs(right - v));
	}
	close_bench(&b);
}

static void narrow_overflow_is_no_number(void **state)
{
	static const double x[] = { 448, 463, 465, -1000 };
	struct bench b = open_bench("op r {\n"
		"  in x: f32[4] layout(0) align 16\n"
		"  out y: e4m3[4] layout(0) align 16\n"
		"  y[i:4] = e4m3(x[i])\n"
		"}\n");

	(void)state;
	put(&b, 0, 4, x);
	assert_true(at(&b, 0, 0).v == 448 && at(&b, 0, 0).err == 0);
	assert_true(at(&b, 1, 0).err == 15);
	assert_true(isnan(at(&b, 2, 0).v) && isnan(at(&b, 3, 0).v));
	close_bench(&b);
}

static void integers_wrap_and_floor(void **state)
{
	static const double x[] = { 100, -100, 7, -7 };
	struct bench b = open_bench("op i {\n"
		"  in x: i8[4] layout(0) align 16\n"
		"  out y: i8[4] layout(0) align 16\n"
		"  out q: i8[4] layout(0) align 16\n"
		"  out r: i8[4] layout(0) align 16\n"
		"  out s: i32[1] layout(0) align 16\n"
		"  y[i:4] = add(x[i], x[i])\n"
		"  q[i:4] = div(x[i], 2:i8)\n"
		"  r[i:4] = mod(x[i], 2:i8)\n"
		"  s[i:1] = sum[k:4](mul(i32(x[k]), 1000000000:i32)) : i32\n"
		"}\n");
	static const double twice[] = { -56, 56, 14, -14 };
	static const double half[] = { 50, -50, 3, -4 };
	static const double odd[] = { 0, 0, 1, 1 };

	(void)state;
	put(&b, 0, 4, x);
	for (int64_t i = 0; i < 4; i++) {
		assert_true(ir_eval_at(b.e, 1, &i).v == twice[i]);
		assert_true(ir_eval_at(b.e, 2, &i).v == half[i]);
		assert_true(ir_eval_at(b.e, 3, &i).v == odd[i]);
	}
	assert_true(ir_eval_at(b.e, 4, (int64_t[]){ 0 }).v == 0);
	put(&b, 0, 1, (double[]){ 103 });
	ir_eval_destroy(b.e);
	b.e = ir_eval_create(b.o, (const void *const *)b.data);
	assert_true(ir_eval_at(b.e, 4, (int64_t[]){ 0 }).v ==
		3000000000.0 - 4294967296.0);
	close_bench(&b);
}

/* 3037000500 squared is beyond 2^63, and its neighbours' products are no doubles. */
static void integers_are_no_doubles(void **state)
{
	static const int64_t x[] = { 9007199254740993, -9007199254740993,
		3037000499, INT64_MIN };
	struct bench b = open_bench("op i {\n"
		"  in x: i64[4] layout(0) align 16\n"
		"  out y: i64[4] layout(0) align 16\n"
		"  out w: i32[4] layout(0) align 16\n"
		"  out s: i64[1] layout(0) align 16\n"
		"  out m: i64[1] layout(0) align 16\n"
		"  out p: i64[1] layout(0) align 16\n"
		"  out d: i64[4] layout(0) align 16\n"
		"  y[i:4] = add(mul(x[i], x[i]), 2:i64)\n"
		"  w[i:4] = i32(mul(x[i], 3:i64))\n"
		"  s[i:1] = sum[k:4](mul(x[k], 5:i64)) : i64\n"
		"  m[i:1] = argmax[k:4](select(eq(k, 1:i64), "
		"9007199254740992:i64, x[k])) : i64\n"
		"  p[i:1] = prod[k:4](add(mul(x[k], 2:i64), 1:i64)) : i64\n"
		"  d[i:4] = select(lt(x[i], 9007199254740993:i64), 1:i64, "
		"mod(x[i], 10:i64))\n"
		"}\n");
	uint64_t sum = 0, product = 1;

	(void)state;
	memcpy(b.data[0], x, sizeof x);
	for (int64_t i = 0; i < 4; i++) {
		uint64_t u = (uint64_t)x[i];

		assert_true(ir_eval_at(b.e, 1, &i).i == (int64_t)(u * u + 2));
		assert_true(ir_eval_at(b.e, 1, &i).whole);
		assert_true(ir_eval_at(b.e, 2, &i).i ==
			(int32_t)(uint32_t)(u * 3));
		assert_true(ir_eval_at(b.e, 6, &i).i == (i ? 1 : 3));
		sum += u * 5;
		product *= u * 2 + 1;
	}
	assert_true(ir_eval_at(b.e, 3, (int64_t[]){ 0 }).i == (int64_t)sum);
	assert_true(ir_eval_at(b.e, 3, (int64_t[]){ 0 }).err == 0);
	assert_true(ir_eval_at(b.e, 4, (int64_t[]){ 0 }).i == 0);
	assert_true(ir_eval_at(b.e, 5, (int64_t[]){ 0 }).i == (int64_t)product);
	close_bench(&b);
}

static void extremes_and_their_places(void **state)
{
	static const double x[] = { 1, 5, 5, 2, 1, NAN, 9, NAN, -1, -1, -1, -1 };
	struct bench b = open_bench("op a {\n"
		"  in x: f32[3, 4] layout(0, 1) align 16\n"
		"  out y: i64[3] layout(0) align 16\n"
		"  out m: f32[3] layout(0) align 16\n"
		"  y[i:3] = argmax[k:4](x[i, k]) : i64\n"
		"  m[i:3] = max[k:4](x[i, k]) : f32\n"
		"}\n");
	static const double places[] = { 1, 1, 0 };

	(void)state;
	put(&b, 0, 12, x);
	for (int64_t i = 0; i < 3; i++) {
		struct ir_num y = ir_eval_at(b.e, 1, &i);
		struct ir_num m = ir_eval_at(b.e, 2, &i);

		assert_true(y.v == places[i] && y.err == 0);
		assert_true(i == 1 ? isnan(m.v) : m.v == x[4 * i +
			(int)places[i]]);
		assert_true(m.err == 0);
	}
	close_bench(&b);
}

/* exp makes 3.0 and its neighbour one bound apart: either may be greatest. */
static void an_uncertain_place_is_bounded(void **state)
{
	struct bench b = open_bench("op a {\n"
		"  in x: f32[5] layout(0) align 16\n"
		"  out y: i64[1] layout(0) align 16\n"
		"  y[i:1] = argmax[k:5](exp(x[add(k, i)])) : i64\n"
		"}\n");
	float *x = b.data[0];
	struct ir_num y;

	(void)state;
	memcpy(x, (float[]){ 0, 3, 1, nextafterf(3, 4), 2 }, 5 * sizeof *x);
	y = at(&b, 0, 0);
	assert_true(y.v == 3 && y.err == 2);
	close_bench(&b);
}

static void gather_and_edges(void **state)
{
	static const double idx[] = { 2, -1, 0, 5 };
	struct bench b = open_bench("op g {\n"
		"  in x: f32[3, 2] layout(0, 1) align 16\n"
		"  in i: i32[4] layout(0) align 16\n"
		"  out y: f32[4, 2] layout(0, 1) align 16\n"
		"  out z: f32[5] layout(0) align 16\n"
		"  y[p:4, q:2] = x[i[p], q] pad 0.5\n"
		"  z[p:5] = x[add(p, -1), 0] pad edge\n"
		"}\n");
	static const int edge[] = { 0, 0, 1, 2, 2 };

	(void)state;
	put(&b, 1, 4, idx);
	for (int64_t p = 0; p < 4; p++)
		for (int64_t q = 0; q < 2; q++) {
			double want = idx[p] < 0 || idx[p] > 2 ? 0.5 :
				load(&b, 0, 2 * (int64_t)idx[p] + q);

			assert_true(at(&b, p, q).v == want);
			assert_true(at(&b, p, q).err == 0);
		}
	for (int64_t p = 0; p < 5; p++)
		assert_true(ir_eval_at(b.e, 3, &p).v ==
			load(&b, 0, 2 * edge[p]));
	close_bench(&b);
}

/* Indices by quotients and rests, below 0 too, truth values, choices, what does not
 * change along the lanes: each in C, and the same of many lanes as of one. */
static void lanes_of_integers(void **state)
{
	struct bench b = open_bench("op l {\n"
		"  in x: f32[40, 3] layout(0, 1) align 16\n"
		"  out y: f32[7, 300] layout(0, 1) align 16\n"
		"  y[i:7, j:300] = select(and(lt(mod(sub(j, 9), 4), 3),"
		" not(eq(i, 5))), add(mul(f32(add(i, 1)), x[div(sub(j, 20), 8),"
		" mod(j, 3)] pad 0.5), f32(i32(mul(mod(j, 5), i)))),"
		" f32(div(i, -2)))\n"
		"}\n");
	struct ir_num row[300];

	(void)state;
	for (int64_t i = 0; i < 7; i++) {
		ir_eval_row(b.e, 1, (int64_t []){ i, 0 }, 300, row);
		for (int64_t j = 0; j < 300; j++) {
			int64_t at = (int64_t)floor((double)(j - 20) / 8);
			bool first = ((j - 9) % 4 + 4) % 4 < 3 && i != 5;
			double x = at < 0 ? 0.5 : load(&b, 0, at * 3 + j % 3);
			double want = first ? (double)(i + 1) * x +
				(double)(j % 5 * i) : floor((double)i / -2);

			assert_true(row[j].v == want);
			assert_true(ir_eval_at(b.e, 1, (int64_t []){ i, j }).v ==
				want);
			assert_true(row[j].err <= 0x1p-22 * fabs(want));
		}
	}
	close_bench(&b);
}

/* Split axes, pieces, a layout with div and mod, a let read transposed and
 * longer than one batch of lanes. */
static void writes_and_layouts(void **state)
{
	struct bench b = open_bench("op w {\n"
		"  in x: f32[64, 600] layout(0/8, 1, 0%8) align 16\n"
		"  let t: f32[64, 600]\n"
		"  out y: f32[600, 64] layout(0, 1) align 16\n"
		"  out z: f32[10] layout(0) align 16\n"
		"  t[add(mul(i_o, 16), i_i), j] over i_o:4, i_i:16, j:600 = "
		"mul(x[add(mul(i_o, 16), i_i), j], 2.0:f32)\n"
		"  y[j:600, i:64] = t[i, j]\n"
		"  z[i:4] = x[i, 0]\n"
		"  z[i:4:10] = x[i, 1]\n"
		"}\n");
	struct ir_num row[64];

	(void)state;
	for (int64_t j = 0; j < 600; j += 37) {
		ir_eval_row(b.e, 1, (int64_t[]){ j, 0 }, 64, row);
		for (int i = 0; i < 64; i++)
			assert_true(row[i].v == 2 * load(&b, 0,
				(i / 8 * 600 + j) * 8 + i % 8));
	}
	ir_eval_row(b.e, 2, (int64_t[]){ 0 }, 10, row);
	for (int i = 0; i < 10; i++)
		assert_true(row[i].v == load(&b, 0, (i / 8 * 600 + (i >= 4)) * 8
			+ i % 8));
	close_bench(&b);
}

static void inputs_suit_their_types(void **state)
{
	struct bench b = open_bench("op f {\n"
		"  in x: f16[3, 50] layout(0, 1) align 16\n"
		"  in i: u8[70] layout(0) align 16\n"
		"  out y: f16[70] layout(0) align 16\n"
		"  y[p:70] = x[i[p], 0] pad 0.0\n"
		"}\n");
	bool low = false, high = false;

	(void)state;
	for (int k = 0; k < 150; k++) {
		double v = load(&b, 0, k) * 16;

		assert_true(v == trunc(v) && fabs(v) <= 16);
		low |= v < -8;
		high |= v > 8;
	}
	assert_true(low && high);
	for (int k = 0; k < 70; k++)
		assert_true(load(&b, 1, k) < 3);
	close_bench(&b);
}

/* As many as the language has; only the last two are longer than 1. */
static void many_dimensions(void **state)
{
	struct arena *a = arena_create();
	struct bench b;
	struct str dims, order, zeros;

	(void)state;
	str_init(&dims, a);
	str_init(&order, a);
	str_init(&zeros, a);
	for (int i = 0; i < IR_RANK - 2; i++) {
		str_puts(&dims, "1, ");
		str_puts(&zeros, "0, ");
	}
	for (int i = 0; i < IR_RANK; i++)
		str_printf(&order, i ? ", %d" : "%d", i);
	b = open_bench(arena_printf(a, "op s {\n"
		"  in x: f32[%s3, 5] layout(%s) align 16\n"
		"  out y: f32[3, 5] layout(0, 1) align 16\n"
		"  y[i:3, j:5] = x[%si, j]\n}\n", str_text(&dims),
		str_text(&order), str_text(&zeros)));
	for (int i = 0; i < 15; i++)
		assert_true(at(&b, i / 5, i % 5).v == load(&b, 0, i));
	close_bench(&b);
	arena_destroy(a);
}

/* Uncertain comparisons cover both branches, certain ones only one. */
static void branches(void **state)
{
	struct bench b = open_bench("op b {\n"
		"  in x: f32[2] layout(0) align 16\n"
		"  out y: f32[2] layout(0) align 16\n"
		"  y[i:2] = select(lt(exp(x[i]), 2.718281828459045:f32), "
		"1.0:f32, 5.0:f32)\n"
		"}\n");

	(void)state;
	put(&b, 0, 2, (double[]){ 1, 2 });
	assert_true(at(&b, 0, 0).err == 4);
	assert_true(at(&b, 1, 0).v == 5 && at(&b, 1, 0).err == 0);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_contraction_is_exact),
		cmocka_unit_test(tf32_shows),
		cmocka_unit_test(inexact_sum_has_a_tight_bound),
		cmocka_unit_test(convolution_with_pad),
		cmocka_unit_test(narrow_outputs_round_once),
		cmocka_unit_test(narrow_overflow_is_no_number),
		cmocka_unit_test(integers_wrap_and_floor),
		cmocka_unit_test(integers_are_no_doubles),
		cmocka_unit_test(extremes_and_their_places),
		cmocka_unit_test(an_uncertain_place_is_bounded),
		cmocka_unit_test(gather_and_edges),
		cmocka_unit_test(lanes_of_integers),
		cmocka_unit_test(writes_and_layouts),
		cmocka_unit_test(inputs_suit_their_types),
		cmocka_unit_test(many_dimensions),
		cmocka_unit_test(branches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
