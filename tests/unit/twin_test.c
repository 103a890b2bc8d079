/* SPDX-License-Identifier: MIT */
/* Twins: which products of one factor become one group where ir_cut's twins asks for
 * it, in sources, and which do not; what twins are in the axes of the first; what is
 * said of a partition whose twins are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"
#include "std_source.h"

#define OP(ins, outs, body) "import std.act;\nexport op t(" ins ") -> (" outs \
	")\n{\n" body "}\n"

/* "groups": the partition, as it is printed. */
static const struct {
	const char *source, *groups;
} cases[] = {
	{ OP("x: f32[5, 6], w: f32[7, 6], v: f32[7, 6]", "y: f32[5, 7]",
		"let g[i, j]: f32 = sum[k](x[i, k] * w[j, k]);\n"
		"let u[i, j]: f32 = sum[k](x[i, k] * v[j, k]);\n"
		"y[i, j] = act.silu(g[i, j]) * u[i, j];\n"),
	  "group 0 twins: (g), (u), y\n" },
	/* factors the other way round, and axes in another order */
	{ OP("x: f32[5, 6, 4], w: f32[7, 6, 4], v: f32[4, 6, 7]",
		"y: f32[5, 7]",
		"let g[i, j]: f32 = sum[k, l](w[j, k, l] * x[i, k, l]);\n"
		"let u[j, i]: f32 = sum[l, k](x[i, k, l] * v[l, k, j]);\n"
		"y[i, j] = g[i, j] * u[j, i];\n"),
	  "group 0 twins: (g), (u), y\n" },
	/* parts of one tensor; what comes before is made of one alone */
	{ OP("x: f32[5, 6], w: f32[14, 6], b: f32[14]", "y: f32[5, 7]",
		"let g[i, j in 7]: f32 = sum[k](x[i, k] * w[j, k]);\n"
		"let s[i, j]: f32 = act.silu(g[i, j] + b[j]);\n"
		"let u[i, j in 7]: f32 = sum[k](x[i, k] * w[j + 7, k]);\n"
		"let r[i, j]: f32 = u[i, j] + b[j + 7];\n"
		"y[i, j] = s[i, j] * r[i, j];\n"),
	  "group 0 twins: (g), (u), y\n" },
	/* each batch chooses its weights */
	{ OP("x: f32[6, 6], w: f32[4, 7, 6], v: f32[4, 7, 6], e: i32[3]",
		"y: f32[6, 7]",
		"let g[i, j]: f32 = sum[k](x[i, k] * w[e[i / 2], j, k] pad 0);\n"
		"let u[i, j]: f32 = sum[k](x[i, k] * v[e[i / 2], j, k] pad 0);\n"
		"y[i, j] = act.silu(g[i, j]) * u[i, j];\n"),
	  "group 0 twins: (g), (u), y\n" },
	/* who belongs together is what is made of both */
	{ OP("x: f32[5, 6], a: f32[7, 6], b: f32[7, 6], c: f32[7, 6], "
		"d: f32[7, 6]", "y: f32[5, 7], z: f32[5, 7]",
		"let p[i, j]: f32 = sum[k](x[i, k] * a[j, k]);\n"
		"let q[i, j]: f32 = sum[k](x[i, k] * b[j, k]);\n"
		"let r[i, j]: f32 = sum[k](x[i, k] * c[j, k]);\n"
		"let s[i, j]: f32 = sum[k](x[i, k] * d[j, k]);\n"
		"y[i, j] = p[i, j] * r[i, j];\n"
		"z[i, j] = q[i, j] * s[i, j];\n"),
	  "group 0 twins: (p), (r), y\ngroup 1 twins: (q), (s), z\n" },
	/* nothing is made of both */
	{ OP("x: f32[5, 6], w: f32[7, 6], v: f32[7, 6]",
		"y: f32[5, 7], z: f32[5, 7]",
		"y[i, j] = sum[k](x[i, k] * w[j, k]);\n"
		"z[i, j] = sum[k](x[i, k] * v[j, k]);\n"),
	  "group 0 contraction: y\ngroup 1 contraction: z\n" },
	/* no factor is shared, of other elements, or none at the same places */
	{ OP("x: f32[5, 6], z: f32[5, 6], w: f32[7, 6], v: f32[7, 6]",
		"y: f32[5, 7]",
		"let g[i, j]: f32 = sum[k](x[i, k] * w[j, k]);\n"
		"let u[i, j]: f32 = sum[k](z[i, k] * v[j, k]);\n"
		"y[i, j] = g[i, j] * u[i, j];\n"),
	  "group 0 contraction: g\ngroup 1 contraction: (u), y\n" },
	{ OP("x: f32[10, 6], w: f32[7, 6], v: f32[7, 6]", "y: f32[5, 7]",
		"let g[i in 5, j]: f32 = sum[k](x[i, k] * w[j, k]);\n"
		"let u[i in 5, j]: f32 = sum[k](x[i + 5, k] * v[j, k]);\n"
		"y[i, j] = g[i, j] * u[i, j];\n"),
	  "group 0 contraction: g\ngroup 1 contraction: (u), y\n" },
	/* other extents; the second product is of what the first becomes */
	{ OP("x: f32[5, 6], w: f32[7, 6], v: f32[8, 6]",
		"y: f32[5, 7], z: f32[5, 8]",
		"let g[i, j]: f32 = sum[k](x[i, k] * w[j, k]);\n"
		"let u[i, j]: f32 = sum[k](x[i, k] * v[j, k]);\n"
		"y[i, j] = g[i, j] * u[i, j + 1];\n"
		"z[i, j] = u[i, j] + 1.0;\n"),
	  "group 0 contraction: u, z\ngroup 1 contraction: (g), y\n" },
	{ OP("x: f32[6, 6], w: f32[6, 6]", "y: f32[6, 6]",
		"let g[i, j]: f32 = sum[k](x[i, k] * w[j, k]);\n"
		"let u[i, j]: f32 = sum[k](x[i, k] * g[k, j]);\n"
		"y[i, j] = g[i, j] * u[i, j];\n"),
	  "group 0 contraction: g\ngroup 1 contraction: (u), y\n" },
};

enum { CASES = sizeof cases / sizeof *cases };

static struct ir_partition *cut(struct arena *a, struct ir_operator *o,
	bool twins)
{
	return ir_partition_by(a, o, (struct ir_cut){ .rule = IR_FUSED,
		.twins = twins });
}

static const char *groups(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p)
{
	struct str s;

	str_init(&s, a);
	ir_print_partition(o, p, &s);
	return str_text(&s);
}

static bool any_twins(const struct ir_partition *p)
{
	for (int i = 0; i < p->n_groups; i++)
		if (p->groups[i].anchor == IR_TWINS)
			return true;
	return false;
}

static void test_groups(void **state)
{
	(void)state;
	for (int i = 0; i < CASES; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = std_split(a, cases[i].source);
		struct ir_operator *other = ir_copy(a, o);
		struct ir_partition *p = cut(a, o, true);
		const char *why = ir_verify(a, o);

		assert_string_equal(groups(a, o, p), cases[i].groups);
		why = why ? why : ir_verify_partition(a, o, p);
		if (why)
			fail_msg("%s%s", cases[i].source, why);
		assert_false(any_twins(cut(a, other, false)));
		arena_destroy(a);
	}
}

/* Both are contractions of the first one's axes, with the shared factor on the
 * left, and both count. */
static void test_axes(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct arena *a = arena_create();
		struct ir_operator *o = std_split(a, cases[i].source);
		struct ir_partition *p = cut(a, o, true);
		const struct ir_group *g = &p->groups[0];
		const struct ir_stmt *s = &o->stmts[g->anchor_stmt];
		struct ir_twins t;
		double n = 4;

		assert_true(ir_twins(a, o, g->anchor_stmt, g->second, &t));
		for (int k = 0; k < 2; k++) {
			assert_ptr_equal(t.of[k].stmt, s);
			assert_string_equal(o->tensors[t.of[k].left->tensor]
				.name, "x");
		}
		assert_true(ir_equal(t.of[0].left_value, t.of[1].left_value));
		for (int k = 0; k < s->n_axes; k++)
			n *= (double)o->axes[s->axes[k]].extent;
		for (int k = 0; k < s->expr->n_red; k++)
			n *= (double)o->axes[s->expr->red[k]].extent;
		assert_true(ir_operations(o, g) == n);
		arena_destroy(a);
	}
}

static void test_wrong(void **state)
{
	struct arena *a = arena_create();
	struct ir_operator *o = std_split(a, cases[0].source);
	struct ir_partition *p = cut(a, o, true);

	(void)state;
	p->groups[0].second = p->groups[0].stmts[2];
	assert_string_equal(ir_verify_partition(a, o, p), "group 0 has no twins");
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_axes),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
