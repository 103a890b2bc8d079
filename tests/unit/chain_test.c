/* SPDX-License-Identifier: MIT */
/* Chains of two products: which operators become one group by IR_CHAINED, and
 * which do not, in sources; what is grouped means what it meant. Where there is
 * no chain, all is as by IR_FUSED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "sketch/sketch.h"
#include "std_source.h"
#include "chain_cases.h"

enum { CASES = sizeof cases / sizeof *cases };

static const char *text_of(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p)
{
	struct str s;

	str_init(&s, a);
	ir_print(o, &s);
	ir_print_partition(o, p, &s);
	return str_text(&s);
}

static struct ir_partition *cut(struct arena *a, struct ir_operator *o,
	enum ir_rule rule)
{
	struct ir_partition *p = ir_partition_by(a, o,
		(struct ir_cut){ .rule = rule });
	const char *why = ir_verify(a, o);

	why = why ? why : ir_verify_partition(a, o, p);
	if (why)
		fail_msg("%s%s", text_of(a, o, p), why);
	return p;
}

/* ---- what it means ---- */

static struct ir_eval *evaluated(struct arena *a, const struct ir_operator *o)
{
	const void **data = ARENA_ARRAY(a, o->n_inputs, const void *);

	for (int i = 0; i < o->n_inputs; i++) {
		void *p = arena_alloc(a, (size_t)o->tensors[i].elements * 8);

		ir_eval_fill(o, i, 11, p);
		data[i] = p;
	}
	return ir_eval_create(o, data);
}

static void compare(const struct ir_tensor *t, struct ir_eval *x,
	struct ir_eval *y)
{
	int64_t idx[8], n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	for (int64_t k = 0; k < n; k += 1 + n / 100) {
		struct ir_num p, q;
		int64_t at = k;

		for (int i = t->rank - 1; i >= 0; i--) {
			idx[i] = at % t->dims[i];
			at /= t->dims[i];
		}
		p = ir_eval_at(x, t->id, idx);
		q = ir_eval_at(y, t->id, idx);
		if (!(fabs(p.v - q.v) <= p.err + q.err))
			fail_msg("element %lld of %s is %g, was %g",
				(long long)k, t->name, q.v, p.v);
	}
}

static void check_meaning(struct arena *a, const char *source,
	const struct ir_operator *o)
{
	struct ir_operator *was = std_lowered(a, source, "t");
	struct ir_eval *x = evaluated(a, was), *y = evaluated(a, o);

	for (int i = 0; i < o->n_outputs; i++)
		compare(&o->tensors[o->n_inputs + i], x, y);
	ir_eval_destroy(x);
	ir_eval_destroy(y);
}

/* ---- cases ---- */

static const struct ir_group *chain_of(const struct ir_partition *p)
{
	for (int k = 0; k < p->n_groups; k++)
		if (p->groups[k].anchor == IR_CHAIN)
			return &p->groups[k];
	return NULL;
}

static double extents(const struct ir_operator *o, int stmt)
{
	const struct ir_stmt *s = &o->stmts[stmt];
	double n = 1;

	for (int i = 0; i < s->n_axes; i++)
		n *= (double)o->axes[s->axes[i]].extent;
	for (int i = 0; i < s->expr->n_red; i++)
		n *= (double)o->axes[s->expr->red[i]].extent;
	return n;
}

static void check_chain(struct arena *a, const char *source, const char *want)
{
	struct ir_operator *o = std_split(a, source);
	struct ir_partition *p = cut(a, o, IR_CHAINED);
	const char *text = text_of(a, o, p);
	const struct ir_group *g = chain_of(p);
	struct ir_contraction c;

	if (!strstr(text, arena_printf(a, " chain: %s\n", want)))
		fail_msg("no chain %s in\n%s", want, text);
	assert_true(ir_contraction_by_table(a, o, g->anchor_stmt, &c, NULL));
	assert_true(ir_contraction_by_table(a, o, g->second, &c, NULL));
	assert_true(ir_operations(o, g) == 2 * extents(o, g->anchor_stmt) +
		2 * extents(o, g->second));
	check_meaning(a, source, o);
}

static void check_fused(struct arena *a, const char *source)
{
	struct ir_operator *o = std_split(a, source), *fused = ir_copy(a, o);
	const char *text = text_of(a, fused, cut(a, fused, IR_FUSED));

	assert_string_equal(text_of(a, o, cut(a, o, IR_CHAINED)), text);
}

static void test_cases(void **state)
{
	(void)state;
	for (int i = 0; i < CASES; i++) {
		struct arena *a = arena_create();

		if (cases[i].chain)
			check_chain(a, cases[i].source, cases[i].chain);
		else
			check_fused(a, cases[i].source);
		arena_destroy(a);
	}
}

/* No other rule makes chains. */
static void test_other_rules(void **state)
{
	(void)state;
	for (int rule = 0; rule <= IR_SEGMENTED; rule++) {
		struct arena *a = arena_create();
		struct ir_operator *o = std_split(a, cases[0].source);
		struct ir_partition *p = ir_partition_by(a, o, (struct ir_cut){
			.rule = (enum ir_rule)rule, .along = 1 });

		assert_true(!chain_of(p) == (rule != IR_CHAINED));
		arena_destroy(a);
	}
}

/* A projection becomes a chain where attention is none. */
static void test_elements_leave(void **state)
{
	static const char source[] =
		OP("F = 6, " SIZES, "(x: f32[M, F], w: f32[F, D], k: f32[L, D], "
			"v: f32[L, E])", "(o: f32[M, E], p: f32[M, L])")
		"let q[i, d]: f32 = sum[f](x[i, f] * w[f, d]); " SCORES ROWS SUM
		"p[i, j] = e[i, j] / z[i]; "
		"o[i, c] = sum[j](p[i, j] * v[j, c]); }\n";
	struct arena *a = arena_create();

	(void)state;
	check_chain(a, source, "(q), s");
	arena_destroy(a);
}

/* ---- what the verifier finds ---- */

static void swap(int *x, int *y)
{
	int t = *x;

	*x = *y;
	*y = t;
}

static void no_second(struct ir_operator *o, struct ir_group *g)
{
	(void)o;
	g->second = -1;
}

static void no_rows(struct ir_operator *o, struct ir_group *g)
{
	(void)o;
	g->across = NULL;
}

static void swapped_rows(struct ir_operator *o, struct ir_group *g)
{
	swap(&o->stmts[g->second].axes[0], &o->stmts[g->second].axes[1]);
}

static void swapped_maps(struct ir_operator *o, struct ir_group *g)
{
	int *axes = o->stmts[g->stmts[g->n_stmts - 1]].axes;

	swap(&axes[1], &axes[2]);
}

/* The first product's axes are no axes of what comes after the second. */
static void second_too_early(struct ir_operator *o, struct ir_group *g)
{
	(void)o;
	g->second = g->stmts[1];
}

static void test_verifier(void **state)
{
	static const struct {
		void (*spoil)(struct ir_operator *o, struct ir_group *g);
		const char *why;
	} wrong[] = {
		{ no_second, "group 0 has no second product" },
		{ no_rows, "group 0 has no second product" },
		{ swapped_rows, "the axes of acc are not its group's" },
		{ swapped_maps, "the axes of o are not its group's" },
		{ second_too_early, "the axes of s are not its group's" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = std_split(a, ATTENTION("scaled_dot_product_"
			"attention[Z = 2, H = 3, J = 3, M = 5, L = 9, D = 8, "
			"E = 7]"));
		struct ir_partition *p = cut(a, o, IR_CHAINED);

		wrong[i].spoil(o, &p->groups[0]);
		assert_string_equal(ir_verify_partition(a, o, p), wrong[i].why);
		arena_destroy(a);
	}
}

/* ---- outputs over inputs ---- */

/* Why "o" cannot lie in "in", or NULL. */
static const char *refused(struct arena *a, const char *source, const char *in)
{
	struct ir_operator *o = std_split(a, source);
	int out;

	o->tensors[o->n_inputs].over = in;
	return ir_in_place_refused(a, o, cut(a, o, IR_CHAINED), &out);
}

static void test_in_place(void **state)
{
	static const char source[] =
		OP("M = 6, L = 6, D = 6, E = 6", "(q: f32[M, D], k: f32[L, D], "
			"v: f32[L, E], mask: f32[M, L], r: f32[M, E])",
			"(o: f32[M, E])")
		"let s[i, j]: f32 = sum[d](q[i, d] * k[j, d]) + mask[i, j]; "
		ROWS SUM "let acc[i, c]: f32 = sum[j](e[i, j] * v[j, c]); "
		"o[i, c] = acc[i, c] / z[i] + r[i, c]; }\n";
	static const char *const made[] = { "q", "k", "v", "mask" };
	struct arena *a = arena_create();

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_string_equal(refused(a, source, made[i]), arena_printf(a,
			"the kernel of o sums products of what it makes of %s, "
			"and reads each element for several sums", made[i]));
	assert_null(refused(a, source, "r"));
	arena_destroy(a);
}

/* ---- sketches ---- */

/* Extents are equal, so that nothing but the anchor tells axes apart. */
static void test_sketches(void **state)
{
	static const char source[] =
		OP("M = 64, L = 64, D = 64, E = 64", QKV, "(o: f32[M, E])")
		SCORES "let h[i, j]: f32 = max(s[i, j], 0); "
		"o[i, c] = sum[j](h[i, j] * v[j, c]); }\n";
	static const struct {
		const char *sketch, *why;
	} refusals[] = {
		{ "wgmma", "wgmma computes one contraction, and this group is "
			"a chain of two" },
		{ "mma", "mma computes one contraction, and this group is a "
			"chain of two" },
		{ "fma", "fma computes one contraction, and this group is a "
			"chain of two" },
		{ "gemv", "gemv computes one contraction, and this group is a "
			"chain of two" },
		{ "winograd", "winograd computes one contraction, and this "
			"group is a chain of two" },
		{ "library", "libraries compute one contraction, and this "
			"group is a chain of two" },
		{ "direct", "direct computes one reduction, and this group is "
			"a chain of two contractions" },
		{ "reduce", "it reduces over the same axes each time, and this "
			"group is a chain of two contractions" },
		{ "transpose", "it changes the layout of maps, and this group "
			"reduces" },
		{ "elementwise", "it computes maps, and this group reduces" },
	};
	struct arena *a = arena_create();
	struct ir_operator *o = std_split(a, source);
	struct ir_partition *p = cut(a, o, IR_CHAINED);

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct target *target = target_named("sm_90a");
		struct task t = { .a = a, .op = o, .group = p->groups,
			.n_groups = p->n_groups, .target = target,
			.gpu = gpu_for_target(target) };
		const struct sketch *const *k = sketch_list();
		const char *why = NULL;

		while (*k && strcmp((*k)->name, refusals[i].sketch))
			k++;
		assert_non_null(*k);
		assert_false((*k)->applies(&t, &why));
		assert_string_equal(why, refusals[i].why);
	}
	arena_destroy(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_other_rules),
		cmocka_unit_test(test_elements_leave),
		cmocka_unit_test(test_verifier),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_sketches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
