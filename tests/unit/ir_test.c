/* SPDX-License-Identifier: MIT */
/* The operator IR: its text form, verifier and passes. Every case of
 * ir_cases.h is printed and read back, and taken through folding, hoisting,
 * splitting, inlining and grouping, after each of which the reference
 * interpreter must compute the same outputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"
#include "ir_cases.h"

static const char *text_of(struct arena *a, const struct ir_operator *o)
{
	struct str s;

	str_init(&s, a);
	ir_print(o, &s);
	return str_text(&s);
}

/* The operator is well formed and its text reads back. */
static void check_form(struct arena *a, const struct ir_operator *o)
{
	const char *why = ir_verify(a, o), *text = text_of(a, o);

	if (why)
		fail_msg("%s%s", text, why);
	assert_string_equal(text_of(a, parse(a, text)), text);
}

/* ---- text ---- */

static void test_text_reads_back(void **state)
{
	(void)state;
	for (int i = 0; i < IR_CASES; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = parse(a, ir_cases[i].text);

		assert_string_equal(text_of(a, o), ir_cases[i].text);
		check_form(a, o);
		arena_destroy(a);
	}
}

static void test_text_of_split_form(void **state)
{
	static const char text[] =
		"op strange {\n"
		"  in x: f32[8, 3] layout(0/4*20, 1, 0%4) elements 40 align 4\n"
		"  let t: f32[8, 3] layout(1, 0) align 128\n"
		"  out y: f32[8] layout(0) align 16\n"
		"  t[add(mul(o, 4), i), c] over c:3, o:2, i:4 = "
			"x[add(mul(o, 4), i), c]\n"
		"  y[i:8] = sum[c:1:3](mul(t[i, c], nan:f32)) : f32\n"
		"}\n";
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(text_of(a, parse(a, text)), text);
	arena_destroy(a);
}

static void test_hash(void **state)
{
	struct arena *a = arena_create();
	struct ir_operator *o = parse(a, ir_cases[0].text);
	struct ir_operator *p = parse(a, ir_cases[0].text);

	(void)state;
	p->name = "other";
	p->source = "std.other";
	p->exported = true;
	assert_true(ir_hash(o) == ir_hash(p));
	p->tensors[0].align = 8;
	assert_true(ir_hash(o) != ir_hash(p));
	arena_destroy(a);
}

/* ---- errors ---- */

#define HEAD "op e {\n  in x: f32[4] layout(0) align 16\n" \
	"  in n: i32[4] layout(0) align 16\n" \
	"  let t: f32[4]\n  out y: f32[4] layout(0) align 16\n"

static const struct {
	const char *text, *message;
} errors[] = {
	{ "", "expected \"op\"" },
	{ "op e {", "expected a name" },
	{ "op e { in x: f33[4] }", "there is no type \"f33\"" },
	{ "op e { in x: f32[4] layout(1) }", "x has no dimension 1" },
	{ "op e { in x: f32[4] layout(0/0) }", "a dimension is divided by 0" },
	{ "op e { in x: f32[99999999999999999999] }", "does not fit 64 bits" },
	{ "op e { out x: f32[99999999999, 99999999999] }", "too large" },
	{ "op e { out x: f32[4] align 3 x[i:4] = 0.0:f32 }", "aligned to 3" },
	{ "op e { in x: f32[4] }", "counts of tensors" },
	{ "op e { in x: f32[4] out y: f32[4] over z }",
	  "y lies over z, and is no output or that no input" },
	{ "op e { in x: f32[4] over y out y: f32[4] }",
	  "x lies over y, and is no output or that no input" },
	{ HEAD "}", "y is not fully written" },
	{ HEAD "  z[i:4] = x[i]\n}", "there is no tensor \"z\"" },
	{ HEAD "  x[i:4] = x[i]\n}", "writes no let or output" },
	{ HEAD "  y[i:4] = x[j]\n}", "there is no axis \"j\"" },
	{ HEAD "  y[i:4, j:2] = x[i]\n}", "y has 1 dimensions" },
	{ HEAD "  y[i:4:2] = x[i]\n}", "ends before it begins" },
	{ HEAD "  y[i:4] = x[add(i, 1)]\n}", "index 0 of x reaches 4" },
	{ HEAD "  y[i:4] = x[sub(i, 1)]\n}", "index 0 of x reaches -1" },
	{ HEAD "  y[i:4] = x[n[i]]\n}", "computed but not padded" },
	{ HEAD "  y[i:4] = x[i, 0]\n}", "has 2 indices" },
	{ "op e { let t: f32[0] out y: f32[4] t[i:0] = 1.0:f32 y[i:4] = t[i] }",
		"index 0 of t reaches 3, and t is empty" },
	{ "op e { let t: f32[0] out y: f32[4] "
		"y[i:4] = sum[k:0](t[k]) : f32 }", "read before it is written" },
	{ HEAD "  y[i:4] = t[i]\n}", "t is read before it is written" },
	{ HEAD "  y[i:3] = x[i]\n}", "y is not fully written" },
	{ HEAD "  y[i:5] = 0.0:f32\n}", "leaves the tensor" },
	{ HEAD "  y[i:3] = x[i]\n  y[i:2:4] = x[i]\n}", "written twice" },
	{ HEAD "  y[i:4] = n[i]\n}", "the expression is i32, the tensor f32" },
	{ HEAD "  y[i:4] = frob(x[i])\n}", "no operation \"frob\"" },
	{ HEAD "  y[i:4] = add(x[i])\n}", "add takes 2 operands" },
	{ HEAD "  y[i:4] = select(x[i], x[i], x[i])\n}", "cannot be f32" },
	{ HEAD "  y[i:4] = sum[k:4](x[k])\n}", "expected \": TYPE\"" },
	{ HEAD "  y[i:4] = sum[i:4](x[i]) : f32\n}", "two axes are named i" },
	{ HEAD "  y[i:4] = max[k:0](x[k]) : f32\n}", "over nothing" },
	{ HEAD "  y[mul(i, 2)] over i:2 = x[i]\n}", "skips or repeats" },
	{ HEAD "  y[i] over i:4, j:2 = x[i]\n}", "axis j is not written" },
	{ HEAD "  y[i:4] = x[i]\n  in z: f32[1]\n}", "before statements" },
	{ HEAD "  y[i:4] = x[i]\n} more", "more after the operator" },
	{ HEAD "  y[i:4] = x[i", "expected" },
	{ HEAD "  y[i:4] = 1.5:i32\n}", "no type of a fraction" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		struct arena *a = arena_create();
		struct diag *d = diag_create(a);
		const char *text = errors[i].text;
		struct str s;

		if (ir_read(a, source_from_text(a, "bad.ir", text,
				strlen(text)), d))
			fail_msg("no error in %s", text);
		str_init(&s, a);
		diag_print(d, &s, false);
		if (!strstr(str_text(&s), errors[i].message))
			fail_msg("%s: %s", errors[i].message, str_text(&s));
		arena_destroy(a);
	}
}

/* Text cut anywhere, or with a byte changed, never does worse than fail. */
static void test_broken_text(void **state)
{
	const char *text = ir_cases[5].text;
	size_t n = strlen(text);
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < 2 * n; i++) {
		struct arena *a = arena_create();
		struct diag *d = diag_create(a);
		char *t = arena_strndup(a, text, i < n ? i : n);

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (i >= n)
			t[i - n] = "[](),:0x/%*=-"[(seed >> 40) % 13];
		if (!ir_read(a, source_from_text(a, "cut.ir", t, strlen(t)), d))
			assert_true(diag_errors(d) > 0);
		arena_destroy(a);
	}
}

static void test_deep_text(void **state)
{
	struct arena *a = arena_create();
	struct diag *d = diag_create(a);
	struct str s;

	(void)state;
	str_init(&s, a);
	str_puts(&s, HEAD "  y[i:4] = ");
	for (int i = 0; i < 100000; i++)
		str_puts(&s, "neg(");
	assert_null(ir_read(a, source_from_text(a, "deep.ir", s.p, s.n), d));
	assert_int_equal(diag_errors(d), 1);
	arena_destroy(a);
}

/* The deepest index that is read at all goes through every pass. */
static void test_deep_index(void **state)
{
	struct arena *a = arena_create();
	struct ir_partition *p;
	struct ir_operator *o;
	struct str s;

	(void)state;
	str_init(&s, a);
	str_puts(&s, HEAD "  y[i:4] = x[");
	for (int i = 0; i < 1990; i++)
		str_puts(&s, i % 2 ? "neg(" : "add(1, ");
	str_puts(&s, "i");
	for (int i = 0; i < 1990; i++)
		str_puts(&s, ")");
	str_puts(&s, "] pad 0.0\n}\n");
	o = parse(a, str_text(&s));
	ir_fold(a, o);
	ir_split_axes(a, o);
	p = ir_partition(a, o);
	assert_int_equal(p->n_groups, 1);
	assert_null(ir_verify(a, o));
	arena_destroy(a);
}

/* ---- passes keep meaning ---- */

struct run {
	struct arena *a;
	const struct ir_operator *o;
	struct ir_eval *e;
};

static struct run start(struct arena *a, const struct ir_operator *o)
{
	const void **data = ARENA_ARRAY(a, o->n_inputs, const void *);

	for (int i = 0; i < o->n_inputs; i++) {
		void *p = arena_alloc(a, (size_t)o->tensors[i].elements * 8);

		ir_eval_fill(o, i, 11, p);
		data[i] = p;
	}
	return (struct run){ a, o, ir_eval_create(o, data) };
}

/* The index of the k-th of some elements spread over the tensor. */
static void spread(const struct ir_tensor *t, int64_t k, int64_t *idx)
{
	for (int i = t->rank - 1; i >= 0; i--) {
		idx[i] = k % t->dims[i];
		k /= t->dims[i];
	}
}

static void compare_output(struct run *x, struct run *y, int tensor)
{
	const struct ir_tensor *t = &x->o->tensors[tensor];
	int64_t idx[8], n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	for (int64_t k = 0; k < n; k += 1 + n / 500) {
		struct ir_num p, q;

		spread(t, k, idx);
		p = ir_eval_at(x->e, tensor, idx);
		q = ir_eval_at(y->e, tensor, idx);
		if (!(fabs(p.v - q.v) <= p.err + q.err))
			fail_msg("%s: element %lld of %s is %g, was %g",
				x->o->name, (long long)k, t->name, q.v, p.v);
	}
}

/* "o" has the outputs it had when it was "text". */
static void check_meaning(struct arena *a, const char *text,
	const struct ir_operator *o)
{
	struct run was = start(a, parse(a, text)), is = start(a, o);

	check_form(a, o);
	for (int i = 0; i < o->n_outputs; i++)
		compare_output(&was, &is, o->n_inputs + i);
	ir_eval_destroy(was.e);
	ir_eval_destroy(is.e);
}

static void check_partition(struct arena *a, const struct ir_case *c,
	struct ir_operator *o)
{
	struct ir_partition *p = ir_partition(a, o);
	const char *why = ir_verify_partition(a, o, p);
	struct str s;

	if (why)
		fail_msg("%s%s", text_of(a, o), why);
	str_init(&s, a);
	ir_print_partition(o, p, &s);
	assert_string_equal(str_text(&s), c->partition);
}

static void test_passes(void **state)
{
	(void)state;
	for (int i = 0; i < IR_CASES; i++) {
		const struct ir_case *c = &ir_cases[i];
		struct arena *a = arena_create();
		struct ir_operator *o = parse(a, c->text);

		ir_fold(a, o);
		check_meaning(a, c->text, o);
		ir_hoist(a, o);
		check_meaning(a, c->text, o);
		ir_split_axes(a, o);
		check_meaning(a, c->text, o);
		check_partition(a, c, o);
		check_meaning(a, c->text, o);
		arena_destroy(a);
	}
}

/* Outputs over inputs: in which order kernels come, by IR_APART's cut, why they
 * cannot leave the output there, and whether the last both reads and writes. */
static const struct {
	const char *body, *partition, *why;
	bool within;
} over_cases[] = {
	{ "  out y: f32[6, 5] layout(0, 1) align 16 over x\n"
	  "  out s: f32[6] layout(0) align 16\n"
	  "  y[i:6, j:5] = mul(x[i, j], 2.0:f32)\n"
	  "  s[i:6] = sum[j:5](x[i, j]) : f32\n",
	  "group 0 row of 1: s\ngroup 1 map: y\n", NULL, true },
	{ "  out y: f32[6, 5] layout(0, 1) align 16\n"
	  "  out s: f32[6] layout(0) align 16\n"
	  "  y[i:6, j:5] = mul(x[i, j], 2.0:f32)\n"
	  "  s[i:6] = sum[j:5](x[i, j]) : f32\n",
	  "group 0 map: y\ngroup 1 row of 1: s\n", NULL, false },
	{ "  out y: f32[6, 5] layout(0, 1) align 16 over x\n"
	  "  out s: f32[6] layout(0) align 16\n"
	  "  y[i:6, j:5] = mul(w[i, j], 2.0:f32)\n"
	  "  s[i:6] = sum[j:5](x[i, j]) : f32\n",
	  "group 0 row of 1: s\ngroup 1 map: y\n", NULL, false },
	{ "  out y: f32[6, 5] layout(0, 1) align 16 over x\n"
	  "  out s: f32[6] layout(0) align 16\n"
	  "  y[i:6, j:5] = mul(x[i, j], 2.0:f32)\n"
	  "  s[i:6] = sum[j:5](mul(y[i, j], x[i, j])) : f32\n",
	  "group 0 map: y\ngroup 1 row of 1: s\n",
	  "the kernel of s reads x, and cannot come before that of y, which "
	  "writes there", false },
};

static void test_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof over_cases / sizeof *over_cases; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = parse(a, arena_printf(a, "op over {\n"
			"  in x: f32[6, 5] layout(0, 1) align 16\n"
			"  in w: f32[6, 5] layout(0, 1) align 16\n%s}\n",
			over_cases[i].body));
		struct ir_partition *p = ir_partition_by(a, o,
			(struct ir_cut){ .rule = IR_APART });
		const char *why;
		struct str s;
		int out = -1;

		assert_null(ir_verify_partition(a, o, p));
		str_init(&s, a);
		ir_print_partition(o, p, &s);
		assert_string_equal(str_text(&s), over_cases[i].partition);
		why = ir_in_place_refused(a, o, p, &out);
		assert_string_equal(why ? why : "", over_cases[i].why ?
			over_cases[i].why : "");
		assert_true(!why || out == 2);
		assert_int_equal(ir_in_place_within(o, &p->groups[1]),
			over_cases[i].within);
		arena_destroy(a);
	}
}

/* A kernel that multiplies the input and writes there, and one that adds it. */
static void test_over_a_factor(void **state)
{
	static const char *const sums[] = { "mul(x[i, k], w[j, k])",
		"mul(v[i, k], w[j, k])" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = parse(a, arena_printf(a, "op over {\n"
			"  in x: f32[6, 6] layout(0, 1) align 16\n"
			"  in v: f32[6, 6] layout(0, 1) align 16\n"
			"  in w: f32[6, 6] layout(0, 1) align 16\n"
			"  let acc: f32[6, 6]\n"
			"  out y: f32[6, 6] layout(0, 1) align 16 over x\n"
			"  acc[i:6, j:6] = sum[k:6](%s) : f32\n"
			"  y[i:6, j:6] = add(acc[i, j], x[i, j])\n}\n",
			sums[i]));
		struct ir_partition *p = ir_partition(a, o);
		int out = -1;
		const char *why = ir_in_place_refused(a, o, p, &out);

		assert_int_equal(p->n_groups, 1);
		if (i)
			assert_null(why);
		else
			assert_string_equal(why, "the kernel of y sums products "
				"of x, and reads each element for several sums");
		arena_destroy(a);
	}
}

/* After splitting, what was divided is affine. */
static void test_split_is_affine(void **state)
{
	struct arena *a = arena_create();
	struct ir_operator *o = parse(a, ir_cases[5].text);
	struct ir_affine f;

	(void)state;
	ir_fold(a, o);
	assert_false(ir_address(a, o, &o->tensors[2], o->stmts[1].index, &f));
	ir_split_axes(a, o);
	for (int i = 0; i < o->n_stmts; i++)
		assert_true(ir_address(a, o, &o->tensors[o->stmts[i].tensor],
			o->stmts[i].index, &f));
	arena_destroy(a);
}

/* ---- roles ---- */

static void put_axes(struct str *s, const struct ir_operator *o,
	const char *role, const int *axes, int n)
{
	str_printf(s, "%s%s", s->n ? " " : "", role);
	for (int i = 0; i < n; i++)
		str_printf(s, " %s", o->axes[axes[i]].name);
}

static const char *roles_of(struct arena *a, const struct ir_operator *o)
{
	struct ir_contraction c;
	const char *why;
	struct str s;

	if (!ir_contraction(a, o, 0, &c, &why))
		return why;
	str_init(&s, a);
	put_axes(&s, o, "m", c.m, c.n_m);
	put_axes(&s, o, "n", c.n, c.n_n);
	put_axes(&s, o, "k", c.k, c.n_k);
	put_axes(&s, o, "batch", c.batch, c.n_batch);
	return str_text(&s);
}

static void test_roles(void **state)
{
	(void)state;
	for (int i = 0; i < IR_CASES; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = parse(a, ir_cases[i].text);

		ir_fold(a, o);
		ir_hoist(a, o);
		ir_split_axes(a, o);
		assert_string_equal(roles_of(a, o), ir_cases[i].roles);
		arena_destroy(a);
	}
}

static void test_left_is_padded(void **state)
{
	struct arena *a = arena_create();
	struct ir_operator *o = parse(a, ir_cases[4].text);
	struct ir_contraction c;
	const char *why;

	(void)state;
	assert_true(ir_contraction(a, o, 0, &c, &why));
	assert_string_equal(o->tensors[c.left->tensor].name, "x");
	assert_string_equal(o->tensors[c.right->tensor].name, "w");
	assert_int_equal(c.left_addr.c, -10);
	assert_int_equal(c.left_addr.coef[c.m[1]], 18);
	assert_int_equal(c.left_addr.coef[c.k[1]], 9);
	assert_int_equal(c.right_addr.coef[c.n[0]], 27);
	assert_int_equal(c.acc, T_F32);
	arena_destroy(a);
}

static const char *case_with(const char *part)
{
	for (int i = 0; i < IR_CASES; i++)
		if (strstr(ir_cases[i].text, part))
			return ir_cases[i].text;
	fail_msg("no case has %s", part);
	return NULL;
}

/* Where batches choose, the address is that of the first there is to choose. */
static void test_choices(void **state)
{
	struct arena *a = arena_create();
	struct ir_operator *o = parse(a, case_with("w[at[div(t, 2)]"));
	struct ir_contraction c;
	const char *why;

	(void)state;
	ir_split_axes(a, o);
	assert_true(ir_contraction(a, o, 0, &c, &why));
	assert_string_equal(o->tensors[c.right->tensor].name, "w");
	assert_int_equal(c.left_choices.n, 0);
	assert_int_equal(c.right_choices.n, 1);
	assert_int_equal(c.right_choices.v[0].dim, 0);
	assert_int_equal(c.right_choices.v[0].stride, 35);
	assert_int_equal(c.right_addr.c, 0);
	assert_int_equal(c.right_addr.coef[c.batch[0]], 0);
	assert_int_equal(c.right_addr.coef[c.n[0]], 5);
	arena_destroy(a);
}

static void test_offsets(void **state)
{
	struct arena *a = arena_create();
	struct ir_operator *o = parse(a, ir_cases[5].text);
	const struct ir_tensor *x = &o->tensors[0];
	int64_t at[4] = { 0, 13, 2, 3 };

	(void)state;
	assert_int_equal(ir_offset_of(x, at), ((1 * 5 + 2) * 5 + 3) * 8 + 5);
	at[1] = 0;
	at[2] = at[3] = 0;
	assert_int_equal(ir_offset_of(x, at), 0);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_reads_back),
		cmocka_unit_test(test_text_of_split_form),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_broken_text),
		cmocka_unit_test(test_deep_text),
		cmocka_unit_test(test_deep_index),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_over_a_factor),
		cmocka_unit_test(test_split_is_affine),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_left_is_padded),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_offsets),
	};

	return cmocka_run_group_tests_name("ir", tests, NULL, NULL);
}
