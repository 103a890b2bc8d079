/* SPDX-License-Identifier: MIT */
/* Winograd's algorithm: its statements are worth what the window's sum is, the
 * bound that they give holds for the algorithm in float on data that is exact
 * nowhere and is no looser than it has to be, and numbers that are changed in
 * emitted transforms are found, one at a time. Every number where $WPK_FULL is
 * set, else one in some. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver/check.h"
#include "ir/winograd.h"
#include "subject.h"
#include "tests/unit/eval_bench.h"

enum { N = 2, F = 3, H = 7, W = 9, P = H, Q = W };

static const int sides[] = { 2, 4 };
static const int channels[] = { 1, 5, 64 };

static const char *conv(struct arena *a, int c)
{
	return arena_printf(a, "op conv {\n"
		"  in x: f32[2, %d, 7, 9] layout(0, 1, 2, 3) align 16\n"
		"  in w: f32[3, %d, 3, 3] layout(0, 1, 2, 3) align 16\n"
		"  out out: f32[2, 3, 7, 9] layout(0, 1, 2, 3) align 16\n"
		"  out[n:2, f:3, p:7, q:9] = sum[c:%d, r:3, s:3](mul(x[n, c, "
		"add(add(p, r), -1), add(add(q, s), -1)] pad 0.0, "
		"w[f, c, r, s])) : f32\n}\n", c, c, c);
}

/* ---- the algorithm in float ---- */

static float image(const float *x, int c, int n, int k, int h, int w)
{
	return h < 0 || w < 0 || h >= H || w >= W ? 0 :
		x[((n * c + k) * H + h) * W + w];
}

/* to = v from v', v of rows x cols, from of cols x cols. */
static void both_axes(const double *v, int rows, int cols, int pitch,
	float from[6][6], float to[6][6])
{
	float half[6][6] = { { 0 } };

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < cols; j++)
			for (int k = 0; k < cols; k++)
				half[i][j] += (float)v[i * pitch + k] *
					from[k][j];
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < rows; j++) {
			to[i][j] = 0;
			for (int k = 0; k < cols; k++)
				to[i][j] += (float)v[j * pitch + k] *
					half[i][k];
		}
}

static void add_channel(const struct winograd *by, const float *x,
	const float *w, int c, const int at[4], int k, float sums[6][6])
{
	float d[6][6], g[6][6], u[6][6], v[6][6];

	for (int i = 0; i < by->points; i++)
		for (int j = 0; j < by->points; j++)
			d[i][j] = image(x, c, at[0], k, at[2] + i - 1,
				at[3] + j - 1);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			g[i][j] = w[((at[1] * c + k) * 3 + i) * 3 + j];
	both_axes(by->input[0], by->points, by->points, WINOGRAD_MOST, d, v);
	both_axes(by->weights[0], by->points, 3, WINOGRAD_TAPS, g, u);
	for (int i = 0; i < by->points; i++)
		for (int j = 0; j < by->points; j++)
			sums[i][j] += u[i][j] * v[i][j];
}

/* The results of the tile at n, f, p, q. */
static void in_float(const struct winograd *by, const float *x, const float *w,
	int c, const int at[4], float y[6][6])
{
	float sums[6][6] = { { 0 } };

	for (int k = 0; k < c; k++)
		add_channel(by, x, w, c, at, k, sums);
	both_axes(by->output[0], by->m, by->points, WINOGRAD_MOST, sums, y);
	for (int i = 0; i < by->m; i++)
		for (int j = 0; j < by->m; j++)
			y[i][j] *= (float)by->scale;
}

/* ---- the bound ---- */

static void fill(void *data, int64_t n, unsigned seed)
{
	float *v = data;

	for (int64_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		v[i] = (float)((double)seed / 0x1p31 - 1);
	}
}

struct seen {
	double error, bound, square;	/* greatest, greatest, sum */
};

static void compare_tile(struct bench *b, struct ir_eval *by_it,
	const float y[6][6], int m, const int at[4], struct seen *s)
{
	int out = b->o->n_inputs;

	for (int i = 0; i < m && at[2] + i < P; i++)
		for (int j = 0; j < m && at[3] + j < Q; j++) {
			int64_t idx[4] = { at[0], at[1], at[2] + i, at[3] + j };
			struct ir_num want = ir_eval_at(b->e, out, idx);
			struct ir_num bound = ir_eval_at(by_it, out, idx);
			double off = fabs(y[i][j] - want.v);

			assert_true(fabs(bound.v - want.v) < 1e-11);
			assert_true(off <= bound.err);
			s->error = fmax(s->error, off);
			s->bound = fmax(s->bound, bound.err);
			s->square += want.v * want.v;
		}
}

static struct ir_operator *rewritten(struct arena *a,
	const struct ir_operator *o, const struct winograd *by)
{
	struct ir_operator *copy = ir_copy(a, o);
	struct ir_window w;
	const char *why;

	assert_true(ir_window(a, o, o->n_stmts - 1, &w, &why));
	ir_winograd(a, copy, &w, by);
	why = ir_verify(a, copy);
	if (why)
		fail_msg("%s", why);
	return copy;
}

static void bound_of(int c, const struct winograd *by)
{
	struct arena *a = arena_create();
	struct bench b = open_bench(conv(a, c));
	struct ir_eval *e;
	struct seen s = { 0, 0, 0 };
	int at[4];

	fill(b.data[0], b.o->tensors[0].elements, 1);
	fill(b.data[1], b.o->tensors[1].elements, 2);
	e = ir_eval_create(rewritten(b.a, b.o, by),
		(const void *const *)b.data);
	for (int i = 0; i < N * F; i++)
		for (at[2] = 0; at[2] < P; at[2] += by->m)
			for (at[3] = 0; at[3] < Q; at[3] += by->m) {
				float y[6][6];

				at[0] = i / F;
				at[1] = i % F;
				in_float(by, b.data[0], b.data[1], c, at, y);
				compare_tile(&b, e, (const float (*)[6])y,
					by->m, at, &s);
			}
	print_message("# F(%d, 3), %d channels: error %.2g, bound %.2g, "
		"values %.2g\n", by->m, c, s.error, s.bound,
		sqrt(s.square / (N * F * P * Q)));
	assert_true(s.error > s.bound / 2000);
	assert_true(s.bound < 1e-2 * sqrt(s.square / (N * F * P * Q)));
	ir_eval_destroy(e);
	close_bench(&b);
	arena_destroy(a);
}

static void bounds_hold(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 3; k++)
			bound_of(channels[k], winograd_of(sides[i]));
	assert_null(winograd_of(3));
}

/* ---- planted numbers ---- */

/* The next number such as 0.25f that is not 0, from "p" on. */
static const char *next_number(const char *p, const char *end)
{
	while (p && p < end) {
		size_t n = strspn(p, "0123456789.");

		if (n > 2 && p[n] == 'f' && p[-1] != '[' && strtod(p, NULL) != 0)
			return p;
		p += n ? n : 1;
	}
	return NULL;
}

static int plant_numbers(struct subject *s, int one_in)
{
	const char *text = s->cuda, *at = strstr(text, "__global__");
	const char *end = strstr(text, "#ifndef __CUDACC_RTC__");
	int n = 0;

	while ((at = next_number(at, end))) {
		struct check_result r;

		if (n++ % one_in == 0) {
			s->cuda = arena_printf(s->a, "%.*s1.125f * %s",
				(int)(at - text), text, at);
			r = subject_check(s, 0);
			if (r.verdict != CHECK_WRONG)
				fail_msg("number %d is not found: %.*s: %s", n,
					(int)strcspn(at, "\n"), at, r.line);
		}
		at += strspn(at, "0123456789.");
	}
	s->cuda = (char *)text;
	return n;
}

static void planted_numbers_are_found(void **state)
{
	const char *full = getenv("WPK_FULL");

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct arena *a = arena_create();
		struct subject s = subject_open_at(conv(a, 5), "winograd",
			(const struct subject_value[]){ { "winograd.out.m",
				sides[i] }, { NULL, 0 } });
		struct check_result r = subject_check(&s, 0);

		if (r.verdict != CHECK_VERIFIED)
			fail_msg("%s\n%s", r.line, r.detail);
		assert_true(plant_numbers(&s, full && *full ? 1 :
			sides[i] == 2 ? 4 : 12) > (sides[i] == 2 ? 5 : 60));
		arena_destroy(s.a);
		arena_destroy(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(planted_numbers_are_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
