/* SPDX-License-Identifier: MIT */
/* The reference interpreter's error bound against the same expressions
 * computed in float, in random orders, with and without FMA. */
#include <math.h>
#include <stdio.h>

#include "tests/unit/eval_bench.h"

static uint64_t seed;

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* A way to compute an operator in float: axis values, contents of tensors. */
struct machine {
	struct bench *b;
	int64_t axis[32];
	float *lets[TENSORS];
};

static float run(struct machine *m, const struct ir_expr *e);

static float run_op(struct machine *m, const struct ir_expr *e)
{
	float x = run(m, e->args[0]), y = e->n_args > 1 ?
		run(m, e->args[1]) : 0;

	switch (e->op) {
	case OP_ADD:
		if (e->args[0]->kind == IR_OP && e->args[0]->op == OP_MUL &&
		    dice(2))
			return fmaf(run(m, e->args[0]->args[0]),
				run(m, e->args[0]->args[1]), y);
		return x + y;
	case OP_SUB: return x - y;
	case OP_MUL: return x * y;
	case OP_DIV: return x / y;
	case OP_MAX: return fmaxf(x, y);
	case OP_MIN: return fminf(x, y);
	case OP_LT: return x < y;
	case OP_NEG: return -x;
	case OP_ABS: return fabsf(x);
	case OP_EXP: return expf(x);
	case OP_SQRT: return sqrtf(x);
	case OP_TANH: return tanhf(x);
	case OP_FLOOR: return floorf(x);
	case OP_SELECT: return x != 0 ? y : run(m, e->args[2]);
	default: fail(); return 0;
	}
}

static int64_t run_index(struct machine *m, const struct ir_expr *e)
{
	if (e->kind == IR_AXIS)
		return m->axis[e->axis];
	assert_true(e->kind == IR_INT);
	return e->i;
}

/* Sums in a random order: each step adds two of the values left. */
static float run_sum(float *v, int n)
{
	while (n > 1) {
		int i = (int)dice((unsigned)n), j;
		float x = v[i];

		v[i] = v[--n];
		j = (int)dice((unsigned)n);
		v[j] += x;
	}
	return v[0];
}

static float run_reduce(struct machine *m, const struct ir_expr *e)
{
	const struct ir_axis *axis = &m->b->o->axes[e->red[0]];
	float v[4096];

	assert_true(e->n_red == 1 && axis->extent <= 4096);
	for (int64_t k = 0; k < axis->extent; k++) {
		m->axis[axis->id] = k;
		v[k] = run(m, e->args[0]);
	}
	if (e->reducer == RED_SUM)
		return run_sum(v, (int)axis->extent);
	assert_true(e->reducer == RED_MAX);
	for (int64_t k = 1; k < axis->extent; k++)
		v[0] = fmaxf(v[0], v[k]);
	return v[0];
}

static float run(struct machine *m, const struct ir_expr *e)
{
	const struct ir_tensor *t;
	int64_t at = 0;

	switch (e->kind) {
	case IR_FLOAT:
		return (float)e->f;
	case IR_OP:
		return run_op(m, e);
	case IR_REDUCE:
		return run_reduce(m, e);
	case IR_READ:
		t = &m->b->o->tensors[e->tensor];
		for (int d = 0; d < t->rank; d++)
			at = at * t->dims[d] + run_index(m, e->args[d]);
		return t->role == IR_IN ? ((float *)m->b->data[t->id])[at] :
			m->lets[t->id][at];
	default:
		fail();
		return 0;
	}
}

/* All statements over at most two axes, in order. */
static void run_all(struct machine *m)
{
	for (int i = 0; i < m->b->o->n_stmts; i++) {
		const struct ir_stmt *s = &m->b->o->stmts[i];
		const struct ir_axis *x = &m->b->o->axes[s->axes[0]];
		const struct ir_axis *y = s->n_axes > 1 ?
			&m->b->o->axes[s->axes[1]] : NULL;
		int64_t n = x->extent * (y ? y->extent : 1);

		m->lets[s->tensor] = arena_alloc(m->b->a, (size_t)n * 4);
		for (int64_t k = 0; k < n; k++) {
			m->axis[x->id] = y ? k / y->extent : k;
			if (y)
				m->axis[y->id] = k % y->extent;
			m->lets[s->tensor][k] = run(m, s->expr);
		}
	}
}

static void fill_rough(struct bench *b, double scale)
{
	for (int i = 0; i < b->o->n_inputs; i++)
		for (int64_t k = 0; k < b->o->tensors[i].elements; k++)
			((float *)b->data[i])[k] = (float)(scale *
				((int)dice(2000001) - 1000000) / 1e6);
}

/* How far float is off, in parts of the bound; more than 1 fails. */
static double compare(struct bench *b, int tensor, const float *got)
{
	const struct ir_tensor *t = &b->o->tensors[tensor];
	double worst = 0;

	for (int64_t k = 0; k < t->elements; k++) {
		int64_t idx[2] = { t->rank > 1 ? k / t->dims[1] : k,
			t->rank > 1 ? k % t->dims[1] : 0 };
		struct ir_num want = ir_eval_at(b->e, tensor, idx);
		double off = fabs(got[k] - want.v);

		if (isnan(want.v) || want.err == INFINITY)
			continue;
		if (isinf(want.v)) {
			assert_true(got[k] == want.v);
			continue;
		}
		if (!(off <= want.err))
			fail_msg("element %lld: %.9g, reference %.17g, bound "
				"%g", (long long)k, (double)got[k], want.v,
				want.err);
		if (want.err > 0)
			worst = fmax(worst, off / want.err);
	}
	return worst;
}

static void random_tree(struct str *s, int depth)
{
	static const char *const two[] = { "add", "sub", "mul", "div", "max",
		"min", "add", "mul" };
	static const char *const one[] = { "neg", "abs", "tanh", "floor" };

	if (depth == 0 || dice(8) == 0) {
		if (dice(6) == 0)
			str_printf(s, "0.%u:f32", dice(100) + 1);
		else
			str_printf(s, "x%u[i]", dice(3));
		return;
	}
	switch (dice(8)) {
	case 0:
		str_printf(s, "%s(", one[dice(4)]);
		break;
	case 1:
		str_puts(s, "sqrt(abs(");
		random_tree(s, depth - 1);
		str_puts(s, "))");
		return;
	case 2:
		str_puts(s, "exp(min(");
		random_tree(s, depth - 1);
		str_puts(s, ", 4.0:f32))");
		return;
	case 3:
		str_puts(s, "select(lt(");
		random_tree(s, depth - 1);
		str_puts(s, ", ");
		random_tree(s, depth - 1);
		str_puts(s, "), ");
		random_tree(s, depth - 1);
		str_puts(s, ", ");
		random_tree(s, depth - 1);
		str_puts(s, ")");
		return;
	default:
		str_printf(s, "%s(", two[dice(8)]);
		random_tree(s, depth - 1);
		str_puts(s, ", ");
	}
	random_tree(s, depth - 1);
	str_puts(s, ")");
}

static void floats_stay_within_the_bound(void **state)
{
	double worst = 0;

	(void)state;
	seed = 1;
	for (int i = 0; i < 500; i++) {
		struct arena *a = arena_create();
		struct machine m = { 0 };
		struct bench b;
		struct str s;

		str_init(&s, a);
		str_puts(&s, "op t {\n"
			"  in x0: f32[40] layout(0) align 16\n"
			"  in x1: f32[40] layout(0) align 16\n"
			"  in x2: f32[40] layout(0) align 16\n"
			"  out y: f32[40] layout(0) align 16\n"
			"  y[i:40] = ");
		random_tree(&s, 2 + (int)dice(4));
		str_puts(&s, "\n}\n");
		b = open_bench(str_text(&s));
		if (i % 3)
			fill_rough(&b, i % 3 == 1 ? 1 : 30);
		m.b = &b;
		run_all(&m);
		worst = fmax(worst, compare(&b, 3, m.lets[3]));
		close_bench(&b);
		arena_destroy(a);
	}
	assert_true(worst > 0.2);
}

static void sums_stay_within_the_bound(void **state)
{
	double worst = 0;

	(void)state;
	seed = 2;
	for (int i = 0; i < 60; i++) {
		struct machine m = { 0 };
		char text[512];
		struct bench b;
		int n = 1 << dice(12);

		snprintf(text, sizeof text, "op t {\n"
			"  in x: f32[3, %d] layout(0, 1) align 16\n"
			"  in w: f32[%d] layout(0) align 16\n"
			"  out y: f32[3] layout(0) align 16\n"
			"  y[i:3] = sum[k:%d](mul(x[i, k], w[k])) : f32\n"
			"}\n", n, n, n);
		b = open_bench(text);
		fill_rough(&b, 1);
		m.b = &b;
		run_all(&m);
		worst = fmax(worst, compare(&b, 2, m.lets[2]));
		close_bench(&b);
	}
	assert_true(worst > 0.001);
}

static void softmax_stays_within_the_bound(void **state)
{
	(void)state;
	seed = 3;
	for (int i = 0; i < 20; i++) {
		struct machine m = { 0 };
		struct bench b = open_bench("op sm {\n"
			"  in x: f32[4, 300] layout(0, 1) align 16\n"
			"  let m: f32[4]\n"
			"  let e: f32[4, 300]\n"
			"  let z: f32[4]\n"
			"  out y: f32[4, 300] layout(0, 1) align 16\n"
			"  m[b:4] = max[l:300](x[b, l]) : f32\n"
			"  e[b:4, l:300] = exp(sub(x[b, l], m[b]))\n"
			"  z[b:4] = sum[l:300](e[b, l]) : f32\n"
			"  y[b:4, l:300] = div(e[b, l], z[b])\n"
			"}\n");

		fill_rough(&b, 10);
		m.b = &b;
		run_all(&m);
		assert_true(compare(&b, 1, m.lets[1]) > 0.01);
		close_bench(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floats_stay_within_the_bound),
		cmocka_unit_test(sums_stay_within_the_bound),
		cmocka_unit_test(softmax_stays_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
