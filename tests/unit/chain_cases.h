/* SPDX-License-Identifier: MIT */
/* Operators of two products, in sources, and which group they are to become. */
#ifndef WPK_TESTS_UNIT_CHAIN_CASES_H
#define WPK_TESTS_UNIT_CHAIN_CASES_H

#include <stddef.h>

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

#endif
