/* SPDX-License-Identifier: MIT */
/* Operators in text form, with what the passes make of them: the partition,
 * and the roles of the first contraction's axes or why statement 0 is none. */
#ifndef WPK_TESTS_UNIT_IR_CASES_H
#define WPK_TESTS_UNIT_IR_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"

struct ir_case {
	const char *text, *partition, *roles;
};

static const struct ir_case ir_cases[] = {
{
	"op mm {\n"
	"  size M = 6\n"
	"  in A: f16[6, 5] layout(0, 1) align 16\n"
	"  in B: f16[5, 7] layout(1, 0) align 16 const\n"
	"  in bias: f16[7] layout(0) align 16\n"
	"  out C: f16[6, 7] layout(0, 1) align 16\n"
	"  C[i:6, j:7] = f16(add(sum[k:5](mul(f32(A[i, k]), f32(B[k, j])))"
		" : f32, f32(bias[j])))\n"
	"}\n",
	"group 0 contraction: (C_red0), C\n",
	"m i n j k k batch"
}, {
	/* the epilogue reads the sum more than once */
	"op gelu {\n"
	"  in A: f32[6, 5] layout(0, 1) align 16\n"
	"  in B: f32[5, 7] layout(0, 1) align 16\n"
	"  in bias: f32[7] layout(0) align 16\n"
	"  let acc: f32[6, 7]\n"
	"  let h: f32[6, 7]\n"
	"  out C: f32[6, 7] layout(0, 1) align 16\n"
	"  acc[i:6, j:7] = sum[k:5](mul(B[k, j], A[i, k])) : f32\n"
	"  h[i:6, j:7] = add(acc[i, j], bias[j])\n"
	"  C[i:6, j:7] = mul(mul(h[i, j], 0.5:f32), add(erf(mul(h[i, j],"
		" 0.70710678:f32)), 1.0:f32))\n"
	"}\n",
	"group 0 contraction: (acc), C\n",
	"m j n i k k batch"
}, {
	/* both operands transposed, the output too */
	"op tt {\n"
	"  in A: i8[5, 6] layout(0, 1) align 16\n"
	"  in B: i8[7, 5] layout(0, 1) align 16\n"
	"  out C: i32[7, 6] layout(1, 0) align 16\n"
	"  C[j:7, i:6] = sum[k:5](mul(A[k, i], B[j, k]):i32) : i32\n"
	"}\n",
	"group 0 contraction: C\n",
	"m i n j k k batch"
}, {
	"op batched {\n"
	"  in q: f32[2, 3, 6, 5] layout(0, 1, 2, 3) align 16\n"
	"  in k: f32[2, 3, 7, 5] layout(0, 1, 2, 3) align 16\n"
	"  let s: f32[2, 3, 6, 7]\n"
	"  out y: f32[2, 3, 6, 7] layout(0, 1, 2, 3) align 16\n"
	"  s[b:2, h:3, i:6, j:7] = sum[d:5](mul(q[b, h, i, d], k[b, h, j, d]))"
		" : f32\n"
	"  y[b:2, h:3, i:6, j:7] = mul(s[b, h, i, j], 0.125:f32)\n"
	"}\n",
	"group 0 contraction: (s), y\n",
	"m i n j k d batch b h"
}, {
	"op conv {\n"
	"  in x: f32[2, 3, 9, 9] layout(0, 1, 2, 3) align 16\n"
	"  in w: f32[4, 3, 3, 3] layout(0, 1, 2, 3) align 16 const\n"
	"  in bias: f32[4] layout(0) align 16 const\n"
	"  let acc: f32[2, 4, 5, 5]\n"
	"  out y: f32[2, 4, 5, 5] layout(0, 2, 3, 1) align 16\n"
	"  acc[n:2, f:4, p:5, q:5] = sum[c:3, r:3, s:3](mul(w[f, c, r, s], x[n,"
		" c, sub(add(mul(p, 2), r), 1), sub(add(mul(q, 2), s), 1)]"
		" pad 0.0)) : f32\n"
	"  y[n:2, f:4, p:5, q:5] = max(add(acc[n, f, p, q], bias[f]),"
		" 0.0:f32)\n"
	"}\n",
	"group 0 contraction: (acc), y\n",
	"m n p q n f k c r s batch"
}, {
	/* groups split f; the output's layout splits it again */
	"export op grouped = std.conv.conv2d {\n"
	"  in x: f16[1, 16, 5, 5] layout(0, 1/8, 2, 3, 1%8) align 16\n"
	"  in w: f16[16, 8, 3, 3] layout(0, 1, 2, 3) align 16\n"
	"  let acc: f32[1, 16, 5, 5]\n"
	"  out y: f16[1, 16, 5, 5] layout(0, 1/4, 2, 3, 1%4) align 16\n"
	"  acc[n:1, f:16, p:5, q:5] = sum[c:8, r:3, s:3](mul(f32(x[n,"
		" add(mul(div(f, 8), 8), c), sub(add(p, r), 1), sub(add(q, s),"
		" 1)] pad 0.0), f32(w[f, c, r, s]))) : f32\n"
	"  y[n:1, f:16, p:5, q:5] = f16(acc[n, f, p, q])\n"
	"}\n",
	"group 0 contraction: (acc), y\n",
	"m n p q n f_i_o f_i_i k c r s batch f_o"
}, {
	/* each channel alone: the factor that is no image has no own axis */
	"op depthwise {\n"
	"  in x: f32[1, 4, 6, 6] layout(0, 2, 3, 1) align 16\n"
	"  in w: f32[4, 3, 3] layout(1, 2, 0) align 16\n"
	"  out y: f32[1, 4, 4, 4] layout(0, 2, 3, 1) align 16\n"
	"  y[n:1, c:4, p:4, q:4] = sum[r:3, s:3](mul(x[n, c, add(p, r),"
		" add(q, s)], w[c, r, s])) : f32\n"
	"}\n",
	"group 0 contraction: y\n",
	"m n p q n k r s batch c"
}, {
	"op dot {\n"
	"  in x: f32[3, 9] layout(0, 1) align 16\n"
	"  out y: f32[3] layout(0) align 16\n"
	"  y[b:3] = sum[l:9](mul(x[b, l], x[b, l])) : f32\n"
	"}\n",
	"group 0 row of 1: y\n",
	"no axis of the result belongs to one factor alone: each element is a "
		"sum of its own"
}, {
	"op outer {\n"
	"  in x: f32[3, 50] layout(0, 1) align 16\n"
	"  in g: f32[50] layout(0) align 16\n"
	"  in t: f32[40] layout(0) align 16\n"
	"  out y: f32[3, 40] layout(0, 1) align 16\n"
	"  y[b:3, i:40] = sum[l:50](mul(x[b, l], mul(g[l], t[i]))) : f32\n"
	"}\n",
	"group 0 row of 2: y\n",
	"no read of a computed factor goes along all of its axes, or all but 32 "
		"of their values"
}, {
	/* two of 4 bits in a byte, looked up in a table, and a scale */
	"op packed {\n"
	"  in x: f32[3, 8] layout(0, 1) align 16\n"
	"  in w: u8[5, 4] layout(0, 1) align 16\n"
	"  in t: f32[16] layout(0) align 16\n"
	"  in s: f32[5, 2] layout(0, 1) align 16\n"
	"  out y: f32[3, 5] layout(0, 1) align 16\n"
	"  y[b:3, j:5] = sum[l:8](mul(x[b, l], mul(t[mod(div(i64(w[j,"
		" div(l, 2)]), add(mul(mod(l, 2), 15), 1)), 16)],"
		" s[j, div(l, 4)]))) : f32\n"
	"}\n",
	"group 0 contraction: y\n",
	"m b n j k l_o_o l_o_i l_i batch"
}, {
	"op lonely {\n"
	"  in x: f32[3, 9] layout(0, 1) align 16\n"
	"  in g: f32[4] layout(0) align 16\n"
	"  out y: f32[3] layout(0) align 16\n"
	"  y[b:3] = sum[l:9, j:4](mul(x[b, l], g[j])) : f32\n"
	"}\n",
	"group 0 row of 1: y\n",
	"axis l is summed over but occurs in x alone"
}, {
	"op spread {\n"
	"  in x: f32[3, 9] layout(0, 1) align 16\n"
	"  in g: f32[9] layout(0) align 16\n"
	"  out y: f32[3, 2] layout(0, 1) align 16\n"
	"  y[b:3, i:2] = sum[l:9](mul(x[b, l], g[l])) : f32\n"
	"}\n",
	"group 0 row of 2: y\n",
	"axis i of the result occurs in neither x nor g"
}, {
	"op edges {\n"
	"  in x: f32[9] layout(0) align 16\n"
	"  in w: f32[3, 2] layout(0, 1) align 16\n"
	"  out y: f32[9, 2] layout(0, 1) align 16\n"
	"  y[p:9, f:2] = sum[r:3](mul(x[sub(add(p, r), 1)] pad edge,"
		" w[r, f])) : f32\n"
	"}\n",
	"group 0 row of 2: y\n",
	"x is padded by something else than 0"
}, {
	"op gather {\n"
	"  in x: f32[9, 4] layout(0, 1) align 16\n"
	"  in at: i32[6] layout(0) align 16\n"
	"  in w: f32[4, 2] layout(0, 1) align 16\n"
	"  out y: f32[6, 2] layout(0, 1) align 16\n"
	"  y[i:6, f:2] = sum[c:4](mul(x[at[i], c] pad 0.0, w[c, f])) : f32\n"
	"}\n",
	"group 0 row of 2: y\n",
	"index 1 of x is not affine, nor one number for each batch"
}, {
	/* blocks of rows choose their matrix */
	"op grouped {\n"
	"  in x: f32[6, 5] layout(0, 1) align 16\n"
	"  in w: f32[4, 7, 5] layout(0, 1, 2) align 16\n"
	"  in at: i32[3] layout(0) align 16\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  y[t:6, n:7] = sum[k:5](mul(x[t, k], w[at[div(t, 2)], n, k] pad 0.0))"
		" : f32\n"
	"}\n",
	"group 0 contraction: y\n",
	"m t_i n n k k batch t_o"
}, {
	/* each row its own: rows are batches */
	"op each {\n"
	"  in x: f32[6, 5] layout(0, 1) align 16\n"
	"  in w: f32[4, 7, 5] layout(0, 1, 2) align 16\n"
	"  in at: i32[6] layout(0) align 16\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  y[t:6, n:7] = sum[k:5](mul(x[t, k], w[at[t], n, k] pad 0.0)) : f32\n"
	"}\n",
	"group 0 contraction: y\n",
	"m n n k k batch t"
}, {
	/* along the sum, no batch's */
	"op bag {\n"
	"  in x: f32[3, 5] layout(0, 1) align 16\n"
	"  in w: f32[9, 7] layout(0, 1) align 16\n"
	"  in at: i32[3, 5] layout(0, 1) align 16\n"
	"  out y: f32[3, 7] layout(0, 1) align 16\n"
	"  y[b:3, n:7] = sum[l:5](mul(x[b, l], w[at[b, l], n] pad 0.0)) : f32\n"
	"}\n",
	"group 0 row of 2: y\n",
	"index 1 of w is not affine, nor one number for each batch"
}, {
	"op softmax {\n"
	"  in x: f16[4, 9] layout(0, 1) align 16\n"
	"  let m: f32[4]\n"
	"  let e: f32[4, 9]\n"
	"  let z: f32[4]\n"
	"  out y: f16[4, 9] layout(0, 1) align 16\n"
	"  m[b:4] = max[l:9](f32(x[b, l])) : f32\n"
	"  e[b:4, l:9] = exp(sub(f32(x[b, l]), m[b]))\n"
	"  z[b:4] = sum[l:9](e[b, l]) : f32\n"
	"  y[b:4, l:9] = f16(div(e[b, l], z[b]))\n"
	"}\n",
	"group 0 row of 1: (m), (e), (z), y\n",
	"it is no sum over axes"
}, {
	"op layer_norm {\n"
	"  in x: f16[4, 9] layout(0, 1) align 16\n"
	"  in g: f32[9] layout(0) align 16\n"
	"  out y: f16[4, 9] layout(0, 1) align 16\n"
	"  out mean: f32[4] layout(0) align 16\n"
	"  out rstd: f32[4] layout(0) align 16\n"
	"  mean[b:4] = div(sum[l:9](f32(x[b, l])) : f32, 9.0:f32)\n"
	"  rstd[b:4] = rsqrt(add(div(sum[l:9](mul(sub(f32(x[b, l]), mean[b]),"
		" sub(f32(x[b, l]), mean[b]))) : f32, 9.0:f32), 1e-05:f32))\n"
	"  y[b:4, l:9] = f16(mul(mul(sub(f32(x[b, l]), mean[b]), rstd[b]),"
		" g[l]))\n"
	"}\n",
	"group 0 row of 1: (mean_red0), mean, (rstd_red0), rstd, y\n",
	"what is summed is no product of two tensors"
}, {
	/* the channel is in the middle: rows come first in every statement */
	"op channels {\n"
	"  in x: f32[2, 5, 3] layout(0, 1, 2) align 16\n"
	"  in r: f32[2, 5, 3] layout(0, 1, 2) align 16\n"
	"  let h: f32[2, 5, 3]\n"
	"  let m: f32[2, 3]\n"
	"  out y: f32[2, 5, 3] layout(0, 1, 2) align 16\n"
	"  h[n:2, c:5, w:3] = mul(add(x[n, c, w], r[n, c, w]), x[n, c, w])\n"
	"  m[n:2, w:3] = max[c:5](h[n, c, w]) : f32\n"
	"  y[n:2, c:5, w:3] = sub(h[n, c, w], m[n, w])\n"
	"}\n",
	"group 0 row of 2: (h), (m), y\n",
	"it is no sum over axes"
}, {
	/* three reductions of one input; one over the other axis */
	"op moments {\n"
	"  in x: f32[4, 9] layout(0, 1) align 16\n"
	"  out s: f32[4] layout(0) align 16\n"
	"  out q: f32[4] layout(0) align 16\n"
	"  out t: f32[9] layout(0) align 16\n"
	"  out a: i32[4] layout(0) align 16\n"
	"  s[b:4] = sum[l:9](x[b, l]) : f32\n"
	"  q[b:4] = sum[l:9](mul(x[b, l], x[b, l])) : f32\n"
	"  t[l:9] = sum[b:4](x[b, l]) : f32\n"
	"  a[b:4] = argmax[l:9](x[b, l]) : i32\n"
	"}\n",
	"group 0 row of 1: s, q, a\n"
	"group 1 row of 1: t\n",
	"what is summed is no product of two tensors"
}, {
	/* attention: the scores leave the contraction as workspace */
	"op attention {\n"
	"  in q: f32[6, 4] layout(0, 1) align 16\n"
	"  in k: f32[7, 4] layout(0, 1) align 16\n"
	"  in v: f32[7, 4] layout(0, 1) align 16\n"
	"  let s: f32[6, 7]\n"
	"  let t: f32[6, 7]\n"
	"  let m: f32[6]\n"
	"  let e: f32[6, 7]\n"
	"  let z: f32[6]\n"
	"  let o: f32[6, 4]\n"
	"  out y: f32[6, 4] layout(0, 1) align 16\n"
	"  s[i:6, j:7] = sum[d:4](mul(q[i, d], k[j, d])) : f32\n"
	"  t[i:6, j:7] = mul(s[i, j], 0.5:f32)\n"
	"  m[i:6] = max[j:7](t[i, j]) : f32\n"
	"  e[i:6, j:7] = exp(sub(t[i, j], m[i]))\n"
	"  z[i:6] = sum[j:7](e[i, j]) : f32\n"
	"  o[i:6, d:4] = sum[j:7](mul(e[i, j], v[j, d])) : f32\n"
	"  y[i:6, d:4] = div(o[i, d], z[i])\n"
	"}\n",
	"group 0 contraction: (s), t\n"
	"group 1 row of 1: (m), e, z\n"
	"group 2 contraction: (o), y\n",
	"m i n j k d batch"
}, {
	/* pieces of one output, one of them a reduction's result */
	"op concat {\n"
	"  in x: f32[4, 8] layout(0, 1) align 16\n"
	"  in z: f32[6, 8] layout(0, 1) align 16\n"
	"  out y: f32[10, 8] layout(0:12, 1) elements 100 align 32\n"
	"  y[i:4, j:8] = x[i, j]\n"
	"  y[i:4:10, j:8] = add(z[sub(i, 4), j], sum[k:8](z[sub(i, 4), k])"
		" : f32)\n"
	"}\n",
	"group 0 map: y\n"
	"group 1 row of 1: y_red0\n"
	"group 2 map: y\n",
	"it is no sum over axes"
}, {
	/* a renamed, widened and a computed operand: one inlined, one stored */
	"op before {\n"
	"  in x: f16[6, 5] layout(0, 1) align 16\n"
	"  in w: f16[5, 7] layout(0, 1) align 16\n"
	"  let a: f32[5, 6]\n"
	"  let b: f16[5, 7]\n"
	"  out y: f32[6, 7] layout(0, 1) align 16\n"
	"  a[k:5, i:6] = f32(x[i, k])\n"
	"  b[k:5, j:7] = f16(tanh(f32(w[k, j])))\n"
	"  y[i:6, j:7] = sum[k:5](mul(a[k, i], f32(b[k, j]))) : f32\n"
	"}\n",
	"group 0 map: b\n"
	"group 1 contraction: y\n",
	"it is no sum over axes"
}, {
	/* a window over a cheap map, and one that may leave the tensor */
	"op pool {\n"
	"  in x: f32[1, 2, 6, 6] layout(0, 1, 2, 3) align 16\n"
	"  let r: f32[1, 2, 6, 6]\n"
	"  out y: f32[1, 2, 3, 3] layout(0, 1, 2, 3) align 16\n"
	"  out z: f32[1, 2, 6, 6] layout(0, 1, 2, 3) align 16\n"
	"  r[n:1, c:2, h:6, w:6] = max(x[n, c, h, w], 0.0:f32)\n"
	"  y[n:1, c:2, p:3, q:3] = max[i:2, j:2](r[n, c, add(mul(p, 2), i),"
		" add(mul(q, 2), j)]) : f32\n"
	"  z[n:1, c:2, p:6, q:6] = max[i:3, j:3](x[n, c, sub(add(p, i), 1),"
		" sub(add(q, j), 1)] pad -inf) : f32\n"
	"}\n",
	"group 0 row of 4: y\n"
	"group 1 row of 4: z\n",
	"it is no sum over axes"
}, {
	/* maps over maps; a scalar; a bool; a 4-bit tensor; a select */
	"op maps {\n"
	"  in x: f32[4, 6] layout(0, 1) align 16\n"
	"  in u: u4[4, 6] layout(0, 1) align 16\n"
	"  in s: f32[] layout() align 16\n"
	"  let e: f32[4, 6]\n"
	"  out y: f32[4, 6] layout(0, 1) align 16\n"
	"  out p: bool[6, 4] layout(0, 1) align 16\n"
	"  e[i:4, j:6] = exp(mul(x[i, j], s[]))\n"
	"  y[i:4, j:6] = select(lt(u[i, j], 5:u4), e[i, j], add(e[i, j],"
		" f32(sub(j, i))))\n"
	"  p[j:6, i:4] = and(lt(e[i, j], 1.0:f32), not(eq(i, 2)))\n"
	"}\n",
	"group 0 map: (e), y, p\n",
	"it is no sum over axes"
}, {
	/* one long row: what follows the sum does not wait in its block */
	"op norm {\n"
	"  in x: f32[70000] layout(0) align 16\n"
	"  let n: f32[]\n"
	"  out r: f32[] layout() align 16\n"
	"  out y: f32[70000] layout(0) align 16\n"
	"  n[] = sum[i:70000](mul(x[i], x[i])) : f32\n"
	"  r[] = rsqrt(n[])\n"
	"  y[i:70000] = mul(x[i], r[])\n"
	"}\n",
	"group 0 row of 0: (n), r\n"
	"group 1 map: y\n",
	"no axis of the result belongs to one factor alone: each element is a "
		"sum of its own"
}, {
	/* a transposed convolution: no terms that do not count, no mask */
	"op transposed {\n"
	"  in x: f32[1, 2, 3, 3] layout(0, 1, 2, 3) align 16\n"
	"  in w: f32[2, 3, 4, 3] layout(0, 1, 2, 3) align 16\n"
	"  let acc: f32[1, 3, 6, 6]\n"
	"  out y: f32[1, 3, 6, 6] layout(0, 1, 2, 3) align 16\n"
	"  acc[n:1, f:3, p:6, q:6] = sum[c:2, r:4, s:3](select(and(eq(mod("
		"sub(add(p, 1), r), 2), 0), eq(mod(sub(add(q, 1), s), 2), 0)), "
		"mul(x[n, c, div(sub(add(p, 1), r), 2), div(sub(add(q, 1), s), "
		"2)] pad 0.0, w[c, f, r, s]), 0.0:f32)) : f32\n"
	"  y[n:1, f:3, p:6, q:6] = max(acc[n, f, p, q], 0.0:f32)\n"
	"}\n",
	"group 0 contraction: (acc), y\n",
	"m n p_o q_o n f k c r_o s_o batch p_i q_i"
}, {
	/* a step of 8 with half a step of padding splits the digit once more */
	"op steps {\n"
	"  in x: f32[2, 3] layout(0, 1) align 16\n"
	"  in w: f32[2, 4, 16] layout(0, 1, 2) align 16\n"
	"  out y: f32[4, 24] layout(0, 1) align 16\n"
	"  y[f:4, q:24] = sum[c:2, s:16](select(eq(mod(sub(add(q, 4), s), 8), "
		"0), mul(x[c, div(sub(add(q, 4), s), 8)] pad 0.0, w[c, f, s]), "
		"0.0:f32)) : f32\n"
	"}\n",
	"group 0 contraction: y\n",
	"m q_o n f q_i_i k c s_o batch q_i_o"
}, {
	/* a step of 3 with padding: what fits is not affine, the mask stays */
	"op masked {\n"
	"  in x: f32[2, 3] layout(0, 1) align 16\n"
	"  in w: f32[2, 4, 3] layout(0, 1, 2) align 16\n"
	"  out y: f32[4, 9] layout(0, 1) align 16\n"
	"  y[f:4, q:9] = sum[c:2, s:3](select(eq(mod(sub(add(q, 1), s), 3), "
		"0), mul(x[c, div(sub(add(q, 1), s), 3)] pad 0.0, w[c, f, s]), "
		"0.0:f32)) : f32\n"
	"}\n",
	"group 0 row of 2: y\n",
	"what is summed is no product of two tensors"
}, {
	/* an odd result of a step of 2: the let and the filter grow by one */
	"op odd {\n"
	"  in x: f32[2, 4] layout(0, 1) align 16\n"
	"  in w: f32[2, 5, 3] layout(0, 1, 2) align 16\n"
	"  let acc: f32[5, 7]\n"
	"  out y: f32[5, 7] layout(0, 1) align 16\n"
	"  acc[f:5, q:7] = sum[c:2, s:3](select(eq(mod(sub(add(q, 1), s), 2), "
		"0), mul(x[c, div(sub(add(q, 1), s), 2)] pad 0.0, w[c, f, s]), "
		"0.0:f32)) : f32\n"
	"  y[f:5, q:7] = max(acc[f, q], 0.0:f32)\n"
	"}\n",
	"group 0 contraction: acc\n"
	"group 1 map: y\n",
	"m q_o n f k c s_o batch q_i"
}, {
	/* a let read past its end keeps its size, and the mask */
	"op padded {\n"
	"  in x: f32[2, 4] layout(0, 1) align 16\n"
	"  in w: f32[2, 5, 3] layout(0, 1, 2) align 16\n"
	"  let acc: f32[5, 7]\n"
	"  out y: f32[5, 7] layout(0, 1) align 16\n"
	"  acc[f:5, q:7] = sum[c:2, s:3](select(eq(mod(sub(add(q, 1), s), 2), "
		"0), mul(x[c, div(sub(add(q, 1), s), 2)] pad 0.0, w[c, f, s]), "
		"0.0:f32)) : f32\n"
	"  y[f:5, q:7] = sub(acc[f, add(q, 1)] pad 3.0, acc[f, q])\n"
	"}\n",
	"group 0 row of 2: acc\n"
	"group 1 map: y\n",
	"what is summed is no product of two tensors"
}
};

enum { IR_CASES = sizeof ir_cases / sizeof *ir_cases };

/* The operator of a text, which is right. */
static inline struct ir_operator *parse(struct arena *a, const char *text)
{
	struct diag *d = diag_create(a);
	struct ir_operator *o = ir_read(a, source_from_text(a, "case.ir", text,
		strlen(text)), d);
	struct str s;

	if (o)
		return o;
	str_init(&s, a);
	diag_print(d, &s, false);
	fail_msg("%s%s", text, str_text(&s));
	return NULL;
}

#endif
