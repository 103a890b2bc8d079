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

/* What the source is made of, the group that is expected; NULL: no chain. */
struct chain_case {
	const char *source, *chain;
};

#define QKV "(q: f32[M, D], k: f32[L, D], v: f32[L, E])"
#define SCORES "let s[i, j]: f32 = sum[d](q[i, d] * k[j, d]); "
#define ROWS "let m[i]: f32 = max[j](s[i, j]); " \
	"let e[i, j]: f32 = exp(s[i, j] - m[i]); "
#define SUM "let z[i]: f32 = sum[j](e[i, j]); "
#define ATTENTION(op) "import std.attention; " \
	"export op t = std.attention." op ";\n"
#define PAGED "(q: f32[M, D], k: f32[P, D], v: f32[P, E], at: i32[L])"
/* Rows of both at an index, and then what is expected. */
#define BY_TABLE(index) \
	"let s[i, j]: f32 = sum[d](q[i, d] * k[" index ", d] pad 0); " ROWS SUM \
	"let acc[i, c]: f32 = sum[j](e[i, j] / z[i] * v[" index ", c] pad 0); " \
	"o[i, c] = acc[i, c]; }\n",
#define OP(sizes, in, out) "export op t[" sizes "]" in " -> " out " { "
#define SIZES "M = 5, L = 7, D = 4, E = 3"

static const struct chain_case cases[] = {
/* ---- of the standard library ---- */
{
	ATTENTION("attention[M = 7, L = 19, D = 16, E = 12]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("attention[T = f16, M = 1, L = 19, D = 16, E = 12]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	/* rows longer than the statistics of a product alone may have */
	ATTENTION("attention[M = 3, L = 1500, D = 4, E = 2]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("scaled_dot_product_attention[T = f16, Z = 1, H = 4, J = 4, "
		"M = 5, L = 9, D = 8, E = 6]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	/* heads share keys; all of them the same */
	ATTENTION("scaled_dot_product_attention[Z = 2, H = 6, J = 2, "
		"M = 5, L = 9, D = 8, E = 8]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("scaled_dot_product_attention[Z = 2, H = 4, J = 1, "
		"M = 1, L = 9, D = 8, E = 8]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("scaled_dot_product_attention_causal[Z = 1, H = 4, J = 2, "
		"M = 5, L = 9, D = 8, E = 6]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("scaled_dot_product_attention_masked[T = f16, Z = 1, H = 2, "
		"J = 1, M = 5, L = 9, D = 8, E = 6]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	/* one column of values, sizes that are equal */
	ATTENTION("attention[M = 7, L = 7, D = 7, E = 1]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("attention[M = 6, L = 6, D = 6, E = 6]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	/* one key, one number of each */
	ATTENTION("attention[M = 5, L = 1, D = 4, E = 3]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	ATTENTION("attention[M = 5, L = 4, D = 1, E = 3]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	/* one query in all, batches of one */
	ATTENTION("scaled_dot_product_attention_causal[Z = 1, H = 1, J = 1, "
		"M = 1, L = 9, D = 8, E = 6]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
},
/* ---- other ways to write it ---- */
{
	/* divided at the end, the sum of rows after the product; what comes out
	 * of rows */
	OP(SIZES, QKV, "(o: f32[M, E], lse: f32[M])") SCORES ROWS
	"let acc[i, c]: f32 = sum[j](e[i, j] * v[j, c]); " SUM
	"o[i, c] = acc[i, c] / z[i]; lse[i] = m[i] + log(z[i]); }\n",
	"(s), (m), (e), (z), lse, (acc), o"
}, {
	/* the values first, divided in the factor, a residual and a bias after */
	OP(SIZES, "(q: f32[M, D], k: f32[L, D], v: f32[L, E], r: f32[M, E], "
		"b: f32[E])", "(o: f32[M, E])") SCORES ROWS SUM
	"let acc[i, c]: f32 = sum[j](v[j, c] * (e[i, j] / z[i])); "
	"o[i, c] = max(acc[i, c] + b[c], 0) + r[i, c]; }\n",
	"(s), (m), (e), (z), (acc), o"
}, {
	/* heads after rows, as projections leave them; outputs likewise */
	OP("Z = 2, H = 3, " SIZES, "(q: f32[Z, M, H, D], k: f32[Z, L, H, D], "
		"v: f32[Z, L, H, E])", "(o: f32[Z, M, H, E])")
	"let s[b, h, i, j]: f32 = sum[d](q[b, i, h, d] * k[b, j, h, d]); "
	"let m[b, h, i]: f32 = max[j](s[b, h, i, j]); "
	"let e[b, h, i, j]: f32 = exp(s[b, h, i, j] - m[b, h, i]); "
	"let z[b, h, i]: f32 = sum[j](e[b, h, i, j]); "
	"o[b, i, h, c] = sum[j](e[b, h, i, j] * v[b, j, h, c]) / z[b, h, i]; }\n",
	"(s), (m), (e), (z), (o_red0), o"
}, {
	/* keys of two axes, along the product's rows */
	OP("P = 3, " SIZES, "(k: f32[P, L, D], q: f32[M, D], v: f32[E, P, L])",
		"(o: f32[E, M])")
	"let s[p, j, i]: f32 = sum[d](k[p, j, d] * q[i, d]); "
	"let m[i]: f32 = max[p, j](s[p, j, i]); "
	"let e[p, j, i]: f32 = exp(s[p, j, i] - m[i]); "
	"let z[i]: f32 = sum[p, j](e[p, j, i]); "
	"let acc[c, i]: f32 = sum[j, p](v[c, p, j] * e[p, j, i]); "
	"o[c, i] = acc[c, i] / z[i]; }\n",
	"(s), (m), (e), (z), (acc), o"
}, {
	/* a single query, without an axis */
	OP(SIZES, "(q: f32[D], k: f32[L, D], v: f32[L, E])", "(o: f32[E])")
	"let s[j]: f32 = sum[d](q[d] * k[j, d]); "
	"let m: f32 = max[j](s[j]); let e[j]: f32 = exp(s[j] - m); "
	"let z: f32 = sum[j](e[j]); o[c] = sum[j](e[j] / z * v[j, c]); }\n",
	"(s), (m), (e), (z), o"
}, {
	/* no statistics */
	OP(SIZES, QKV, "(o: f32[M, E])") SCORES
	"let h[i, j]: f32 = max(s[i, j], 0); "
	"o[i, c] = sum[j](h[i, j] * v[j, c]); }\n",
	"(s), (h), o"
}, {
	/* the products of a projection come before, and take no second */
	OP("F = 6, " SIZES, "(x: f32[M, F], w: f32[F, D], k: f32[L, D], "
		"v: f32[L, E])", "(o: f32[M, E])")
	"let q[i, d]: f32 = sum[f](x[i, f] * w[f, d]); " SCORES ROWS SUM
	"o[i, c] = sum[j](e[i, j] / z[i] * v[j, c]); }\n",
	"(s), (m), (e), (z), o"
}, {
	/* a third product is a kernel of its own */
	OP("F = 6, " SIZES, "(q: f32[M, D], k: f32[L, D], v: f32[L, E], "
		"w: f32[E, F])", "(o: f32[M, F])") SCORES ROWS SUM
	"let y[i, c]: f32 = sum[j](e[i, j] / z[i] * v[j, c]); "
	"o[i, f] = sum[c](y[i, c] * w[c, f]); }\n",
	"(s), (m), (e), (z), y"
},
/* ---- a table says where keys and values are ---- */
{
	ATTENTION("paged_attention_lengths[T = f16, Z = 2, H = 4, J = 2, P = 7, "
		"R = 4, N = 3, D = 8, E = 6]"),
	"(dot), (s), (m), (e), (z), (p), (acc), o"
}, {
	/* each row has an entry */
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, E])") BY_TABLE("at[j]")
	"(s), (m), (e), (z), (acc), o"
}, {
	/* so many times it, and something else */
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, E])") BY_TABLE("2 * at[j] + j - 1")
	"(s), (m), (e), (z), (acc), o"
}, {
	/* of queries */
	OP("P = 9, " SIZES, "(q: f32[P, D], k: f32[L, D], v: f32[L, E], "
		"at: i32[M])", "(o: f32[M, E])")
	"let s[i, j]: f32 = sum[d](q[at[i], d] pad 0 * k[j, d]); " ROWS SUM
	"o[i, c] = sum[j](e[i, j] / z[i] * v[j, c]); }\n",
	"(s), (m), (e), (z), o"
},
/* ---- no chains ---- */
{
	/* more than an entry in an index; two of them; another pad */
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, E])") BY_TABLE("at[j] * at[0]")
	NULL
}, {
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, E])") BY_TABLE("at[j] + at[0]")
	NULL
}, {
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, E])") BY_TABLE("at[at[j]] pad 0")
	NULL
}, {
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, E])")
	"let s[i, j]: f32 = sum[d](q[i, d] * k[at[j], d] pad 1); " ROWS SUM
	"o[i, c] = sum[j](e[i, j] / z[i] * v[at[j], c] pad 0); }\n",
	NULL
}, {
	/* one product by a table, and none that follows */
	OP("P = 9, " SIZES, PAGED, "(o: f32[M, L])")
	"let s[i, j]: f32 = sum[d](q[i, d] * k[at[j], d] pad 0); " ROWS SUM
	"o[i, j] = e[i, j] / z[i]; }\n",
	NULL
},
{
	/* one number comes out: the second is a sum of products, no contraction */
	ATTENTION("attention[M = 1, L = 4, D = 2, E = 1]"), NULL
}, {
	/* elements that are needed outside: an output, a third product */
	OP(SIZES, QKV, "(o: f32[M, E], p: f32[M, L])") SCORES ROWS SUM
	"p[i, j] = e[i, j] / z[i]; o[i, c] = sum[j](p[i, j] * v[j, c]); }\n",
	NULL
}, {
	OP(SIZES, QKV, "(o: f32[M, E], g: f32[M, D])") SCORES ROWS
	"o[i, c] = sum[j](e[i, j] * v[j, c]); "
	"g[i, d] = sum[j](e[i, j] * k[j, d]); }\n",
	NULL
}, {
	/* elements beside the sum over them */
	OP("M = 5, L = 7, D = 4, E = 7", QKV, "(o: f32[M, E])") SCORES ROWS
	"o[i, c] = sum[j](e[i, j] * v[j, c]) + s[i, c]; }\n",
	NULL
}, {
	/* both factors depend on the first product */
	OP(SIZES, QKV, "(o: f32[M, E])") SCORES ROWS SUM
	"o[i, c] = sum[j](e[i, j] * (v[j, c] * z[i])); }\n",
	NULL
}, {
	OP("M = 7, L = 7, D = 4", "(q: f32[M, D], k: f32[L, D])",
		"(o: f32[M, L])") SCORES
	"let h[i, j]: f32 = max(s[i, j], 0); "
	"o[i, c] = sum[j](h[i, j] * s[j, c]); }\n",
	NULL
}, {
	/* statistics over part of a row, and of another part than is summed */
	OP("P = 3, " SIZES, "(q: f32[M, D], k: f32[P, L, D], v: f32[P, L, E])",
		"(o: f32[M, E])")
	"let s[i, p, j]: f32 = sum[d](q[i, d] * k[p, j, d]); "
	"let m[i, p]: f32 = max[j](s[i, p, j]); "
	"let e[i, p, j]: f32 = exp(s[i, p, j] - m[i, p]); "
	"o[i, c] = sum[p, j](e[i, p, j] * v[p, j, c]); }\n",
	NULL
}, {
	OP(SIZES, "(q: f32[M, D], k: f32[L, D], v: f32[M, E])",
		"(o: f32[L, E])") SCORES ROWS
	"o[j, c] = sum[i](e[i, j] * v[i, c]); }\n",
	NULL
}, {
	/* sums over part of a side */
	OP("P = 3, " SIZES, "(q: f32[M, D], k: f32[P, L, D], v: f32[L, E])",
		"(o: f32[M, P, E])")
	"let s[i, p, j]: f32 = sum[d](q[i, d] * k[p, j, d]); "
	"o[i, p, c] = sum[j](max(s[i, p, j], 0) * v[j, c]); }\n",
	NULL
}, {
	/* over a batch as well */
	OP("H = 3, " SIZES, "(q: f32[H, M, D], k: f32[H, L, D], "
		"v: f32[H, L, E])", "(o: f32[M, E])")
	"let s[h, i, j]: f32 = sum[d](q[h, i, d] * k[h, j, d]); "
	"let m[h, i]: f32 = max[j](s[h, i, j]); "
	"let e[h, i, j]: f32 = exp(s[h, i, j] - m[h, i]); "
	"o[i, c] = sum[h, j](e[h, i, j] * v[h, j, c]); }\n",
	NULL
}, {
	/* the factor made of elements has the second's own axes */
	OP(SIZES, "(q: f32[M, D], k: f32[L, D], v: f32[L, E], g: f32[M, E])",
		"(o: f32[M, E])") SCORES ROWS
	"o[i, c] = sum[j](e[i, j] * g[i, c] * v[j, c]); }\n",
	NULL
}, {
	/* statistics, and then no product: long rows and short ones */
	OP("M = 3, L = 1500, D = 4", "(q: f32[M, D], k: f32[L, D])",
		"(o: f32[M, L])") SCORES ROWS SUM "o[i, j] = e[i, j] / z[i]; }\n",
	NULL
}, {
	OP("M = 3, L = 15, D = 4", "(q: f32[M, D], k: f32[L, D])",
		"(o: f32[M, L])") SCORES ROWS SUM "o[i, j] = e[i, j] / z[i]; }\n",
	NULL
} };

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

static struct ir_operator *split(struct arena *a, const char *source)
{
	struct ir_operator *o = std_lowered(a, source, "t");

	ir_fold(a, o);
	ir_hoist(a, o);
	ir_split_axes(a, o);
	return o;
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
	struct ir_operator *o = split(a, source);
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
	struct ir_operator *o = split(a, source), *fused = ir_copy(a, o);
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
	for (int rule = 0; rule <= IR_PACKED; rule++) {
		struct arena *a = arena_create();
		struct ir_operator *o = split(a, cases[0].source);
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
		struct ir_operator *o = split(a, ATTENTION("scaled_dot_product_"
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
	struct ir_operator *o = split(a, source);
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
	struct ir_operator *o = split(a, source);
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
