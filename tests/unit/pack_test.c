/* SPDX-License-Identifier: MIT */
/* Packing keeps what operators mean: every case of ir_cases.h, products and
 * convolutions of made-up odd sizes, each along the innermost axes of the
 * reduction, one or more, to a multiple of 4, 8 or 16. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"
#include "ir_cases.h"

static struct ir_operator *cut(struct arena *a, const char *text, int along,
	int to)
{
	struct ir_operator *o = parse(a, text);
	struct ir_partition *p;
	const char *why;

	ir_fold(a, o);
	ir_hoist(a, o);
	ir_split_axes(a, o);
	p = ir_partition_by(a, o, (struct ir_cut){ .rule = IR_PACKED,
		.along = along, .to = to });
	why = ir_verify(a, o);
	if (!why)
		why = ir_verify_partition(a, o, p);
	if (why)
		fail_msg("%s%d axes by %d: %s", text, along, to, why);
	return o;
}

/* ---- meaning ---- */

/* Inputs of both operators are the same; "odd" spoils some of them, if it is not
 * NULL. */
typedef void (*spoiler)(const struct ir_tensor *t, void *data);

static const void *const *inputs(struct arena *a, const struct ir_operator *o,
	spoiler odd)
{
	const void **data = ARENA_ARRAY(a, o->n_inputs, const void *);

	for (int i = 0; i < o->n_inputs; i++) {
		void *p = arena_alloc(a, (size_t)o->tensors[i].elements * 8);

		ir_eval_fill(o, i, 11, p);
		if (odd)
			odd(&o->tensors[i], p);
		data[i] = p;
	}
	return data;
}

static void spread(const struct ir_tensor *t, int64_t k, int64_t *idx)
{
	for (int i = t->rank - 1; i >= 0; i--) {
		idx[i] = k % t->dims[i];
		k /= t->dims[i];
	}
}

static bool same(struct ir_num p, struct ir_num q)
{
	return p.v == q.v || (isnan(p.v) && isnan(q.v)) ||
		fabs(p.v - q.v) <= p.err + q.err;
}

static void compare(const char *text, const struct ir_tensor *t,
	struct ir_eval *x, struct ir_eval *y)
{
	int64_t idx[8], n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	for (int64_t k = 0; k < n; k += 1 + n / 300) {
		struct ir_num p, q;

		spread(t, k, idx);
		p = ir_eval_at(x, t->id, idx);
		q = ir_eval_at(y, t->id, idx);
		if (!same(p, q))
			fail_msg("%selement %lld of %s is %g, was %g", text,
				(long long)k, t->name, q.v, p.v);
	}
}

static void check_meaning(struct arena *a, const char *text,
	const struct ir_operator *o, spoiler odd)
{
	const struct ir_operator *was = parse(a, text);
	const void *const *data = inputs(a, was, odd);
	struct ir_eval *x = ir_eval_create(was, data);
	struct ir_eval *y = ir_eval_create(o, data);

	for (int i = 0; i < o->n_outputs; i++)
		compare(text, &was->tensors[was->n_inputs + i], x, y);
	ir_eval_destroy(x);
	ir_eval_destroy(y);
}

/* ---- what is packed ---- */

/* How many lets are, each contiguous along a multiple of what was asked for. */
static int count_packed(const struct ir_operator *o)
{
	int n = 0;

	for (int i = 0; i < o->n_tensors; i++) {
		const struct ir_tensor *t = &o->tensors[i];

		if (!t->packing)
			continue;
		n++;
		assert_int_equal(t->role, IR_LET);
		assert_int_equal(t->phys[t->n_phys - 1].dim, t->rank - 1);
		assert_int_equal(t->phys[t->n_phys - 1].stride, 1);
		assert_int_equal(t->dims[t->rank - 1] % t->packing->to, 0);
	}
	return n;
}

/* By all numbers; how many lets that made. */
static int check_all(const char *text, spoiler odd)
{
	static const int tos[] = { 0, 4, 8, 16 };
	int n = 0;

	for (int along = 1; along <= 4; along++)
		for (int k = 0; k < 4; k++) {
			struct arena *a = arena_create();
			struct ir_operator *o = cut(a, text, along, tos[k]);

			n += count_packed(o);
			check_meaning(a, text, o, odd);
			arena_destroy(a);
		}
	return n;
}

static void test_cases(void **state)
{
	int n = 0;

	(void)state;
	for (int i = 0; i < IR_CASES; i++)
		n += check_all(ir_cases[i].text, NULL);
	assert_true(n > 20);
}

/* ---- made-up sizes ---- */

static int roll(uint64_t *seed, int from, int to)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return from + (int)(*seed >> 33) % (to - from + 1);
}

static const struct { const char *in, *sum; } types[] = {
	{ "f16", "f32" }, { "bf16", "f32" }, { "i8", "i32" }, { "e4m3", "f32" },
	{ "f32", "f32" }
};

static const char *product(struct arena *a, uint64_t *seed)
{
	int m = roll(seed, 1, 40), n = roll(seed, 2, 40), k = roll(seed, 1, 70);
	int type = roll(seed, 0, 4), lda = roll(seed, 0, 1) * roll(seed, 0, 9);
	const char *t = types[type].in, *s = types[type].sum;
	bool turned = roll(seed, 0, 1);

	return arena_printf(a, "op product {\n"
		"  in x: %s[%d, %d] layout(0, 1:%d) elements %d align 16\n"
		"  in w: %s[%d, %d] layout(%s) align %d\n"
		"  out y: %s[%d, %d] layout(0, 1) align 16\n"
		"  y[i:%d, j:%d] = sum[k:%d](mul(%s(x[i, k]), %s(w[j, k]))) : "
		"%s\n}\n", t, m, k, k + lda, m * (k + lda), t, n, k,
		turned ? "1, 0" : "0, 1", 4 << roll(seed, 0, 2), s, m, n, m, n,
		k, s, s, s);
}

struct conv {
	int n, c, h, w, f, r, s, step, pad, spread, groups, type;
	bool last, filter_last;		/* channels are innermost */
};

static struct conv some_conv(uint64_t *seed)
{
	struct conv v = { .n = roll(seed, 1, 2), .c = roll(seed, 1, 12),
		.f = roll(seed, 1, 5), .r = roll(seed, 1, 4),
		.s = roll(seed, 1, 5), .step = roll(seed, 1, 3),
		.pad = roll(seed, 0, 3), .spread = roll(seed, 1, 2),
		.groups = roll(seed, 1, 2), .type = roll(seed, 0, 4),
		.last = roll(seed, 0, 1), .filter_last = roll(seed, 0, 1) };

	v.h = v.spread * (v.r - 1) + roll(seed, 1, 7);
	v.w = v.spread * (v.s - 1) + roll(seed, 1, 9);
	return v;
}

static const char *conv_text(struct arena *a, struct conv v)
{
	const char *t = types[v.type].in, *s = types[v.type].sum;
	int p = (v.h + 2 * v.pad - v.spread * (v.r - 1) - 1) / v.step + 1;
	int q = (v.w + 2 * v.pad - v.spread * (v.s - 1) - 1) / v.step + 1;
	int f = v.f * v.groups;

	return arena_printf(a, "op conv {\n"
		"  in x: %s[%d, %d, %d, %d] layout(%s) align 16\n"
		"  in w: %s[%d, %d, %d, %d] layout(%s) align 16 const\n"
		"  out y: %s[%d, %d, %d, %d] layout(0, 1, 2, 3) align 16\n"
		"  y[n:%d, f:%d, p:%d, q:%d] = sum[c:%d, r:%d, s:%d](mul("
		"%s(x[n, add(mul(div(f, %d), %d), c), sub(add(mul(p, %d), "
		"mul(r, %d)), %d), sub(add(mul(q, %d), mul(s, %d)), %d)] pad "
		"0.0), %s(w[f, c, r, s]))) : %s\n}\n",
		t, v.n, v.c * v.groups, v.h, v.w, v.last ? "0, 2, 3, 1" :
		"0, 1, 2, 3", t, f, v.c, v.r, v.s, v.filter_last ?
		"0, 2, 3, 1" : "0, 1, 2, 3", s, v.n, f, p, q, v.n, f, p, q, v.c,
		v.r, v.s, s, v.f, v.c, v.step, v.spread, v.pad, v.step,
		v.spread, v.pad, s, s);
}

static void test_products(void **state)
{
	struct arena *a = arena_create();
	uint64_t seed = 7;
	int n = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		n += check_all(product(a, &seed), NULL);
	assert_true(n > 200);
	arena_destroy(a);
}

static void test_convolutions(void **state)
{
	struct arena *a = arena_create();
	uint64_t seed = 3;
	int n = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		n += check_all(conv_text(a, some_conv(&seed)), NULL);
	assert_true(n > 200);
	arena_destroy(a);
}

/* ---- what lies beside ---- */

/* An infinity in every channel of the second group, and right of the windows. */
static void spoil(const struct ir_tensor *t, void *data)
{
	if (strcmp(t->name, "x"))
		return;
	for (int64_t i = 0; i < t->elements; i++)
		if (i / 5 % 2 || i / 10 % 12 == 11)
			dtype_store(t->type, data, i, INFINITY);
}

/* Elements that a product does not read stay out of it, whatever they are. */
static void test_infinities(void **state)
{
	const struct conv v = { .n = 1, .c = 5, .h = 6, .w = 12, .f = 3, .r = 2,
		.s = 3, .step = 4, .spread = 1, .groups = 2, .last = true,
		.filter_last = true };
	struct arena *a = arena_create();

	(void)state;
	assert_true(check_all(conv_text(a, v), spoil) > 0);
	arena_destroy(a);
}

/* ---- what is not packed ---- */

static const struct { const char *text; int to; const char *why; } kept[] = {
{
	"op aligned {\n"
	"  in x: f16[6, 64] layout(0, 1) align 16\n"
	"  in w: f16[7, 64] layout(0, 1) align 16\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  y[i:6, j:7] = sum[k:64](mul(f32(x[i, k]), f32(w[j, k]))) : f32\n"
	"}\n", 16, "factors are copied 8 elements at a time as they lie"
}, {
	"op unasked {\n"
	"  in x: f32[6, 5] layout(0, 1) align 16\n"
	"  in w: f32[7, 5] layout(0, 1) align 16\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  y[i:6, j:7] = sum[k:5](mul(x[i, k], w[j, k])) : f32\n"
	"}\n", 0, "elements have 8, 16 or 32 bits, those of 32 if stage(.., pack "
		"= N) asks"
}, {
	"op computed {\n"
	"  in x: f16[6, 5] layout(0, 1) align 16\n"
	"  in w: f16[7, 5] layout(0, 1) align 16\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  y[i:6, j:7] = sum[k:5](mul(mul(f32(x[i, k]), 2.0:f32), "
		"f32(w[j, k]))) : f32\n"
	"}\n", 8, "a factor is computed as it is loaded"
}, {
	"op mixed {\n"
	"  in x: f16[6, 5] layout(0, 1) align 16\n"
	"  in w: bf16[7, 5] layout(0, 1) align 16\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  y[i:6, j:7] = sum[k:5](mul(f32(x[i, k]), f32(w[j, k]))) : f32\n"
	"}\n", 8, "the factors are of two types"
}, {
	"op map {\n"
	"  in x: f16[6, 5] layout(0, 1) align 16\n"
	"  out y: f16[6, 5] layout(0, 1) align 16\n"
	"  y[i:6, j:5] = x[i, j]\n"
	"}\n", 8, "it is no factor of a sum over products"
}, {
	"op beside {\n"
	"  in v: f16[6, 5] layout(0, 1) align 16\n"
	"  in x: f16[5, 64] layout(0, 1) align 16\n"
	"  out y: f32[6, 64] layout(0, 1) align 16\n"
	"  y[i:6, j:64] = sum[k:5](mul(f32(v[i, k]), f32(x[k, j]))) : f32\n"
	"}\n", 8, "it can be copied in vectors as it lies"
}
};

static void test_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = parse(a, kept[i].text);

		ir_fold(a, o);
		ir_split_axes(a, o);
		ir_partition(a, o);
		assert_string_equal(ir_not_packed(a, o, (struct ir_cut){
			.rule = IR_PACKED, .along = 1, .to = kept[i].to }, "x"),
			kept[i].why);
		o = cut(a, kept[i].text, 1, kept[i].to);
		for (int k = 0; k < o->n_tensors; k++)
			if (o->tensors[k].packing)
				assert_string_not_equal(
					o->tensors[k].packing->of, "x");
		arena_destroy(a);
	}
}

/* What several sums read alike is packed once. */
static void test_shared(void **state)
{
	const char *text =
		"op shared {\n"
		"  in x: f16[6, 5] layout(0, 1) align 16\n"
		"  in w: f16[7, 5] layout(0, 1) align 16\n"
		"  out y: f32[6, 6] layout(0, 1) align 16\n"
		"  out z: f32[6, 7] layout(0, 1) align 16\n"
		"  y[i:6, j:6] = sum[k:5](mul(f32(x[i, k]), f32(x[j, k]))) : "
		"f32\n"
		"  z[i:6, j:7] = sum[k:5](mul(f32(x[i, k]), f32(w[j, k]))) : "
		"f32\n"
		"}\n";
	struct arena *a = arena_create();

	(void)state;
	assert_int_equal(count_packed(cut(a, text, 1, 0)), 2);
	check_all(text, NULL);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_infinities),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
