/* SPDX-License-Identifier: MIT */
/* Operators for the tests of sketches, as text of the operator IR. */
#include "sketch_cases.h"

/* One-line operators over a row length or element count. */
#define MAP(n, type) \
	"op t {\n  in x: " type "[" #n "] layout(0) align 16\n" \
	"  in w: " type "[" #n "] layout(0) align 16\n" \
	"  out y: " type "[" #n "] layout(0) align 16\n" \
	"  y[i:" #n "] = add(mul(x[i], w[i]), x[i])\n}\n"

#define SUM(n, type, acc) \
	"op t {\n  in x: " type "[" #n "] layout(0) align 16\n" \
	"  out y: " acc "[1] layout(0) align 16\n" \
	"  y[o:1] = sum[i:" #n "](" acc "(x[i])) : " acc "\n}\n"

#define SOFTMAX(b, l, type) \
	"op t {\n  in x: " type "[" #b ", " #l "] layout(0, 1) align 16\n" \
	"  let m: f32[" #b "]\n  let e: f32[" #b ", " #l "]\n" \
	"  let z: f32[" #b "]\n" \
	"  out y: " type "[" #b ", " #l "] layout(0, 1) align 16\n" \
	"  m[b:" #b "] = max[l:" #l "](f32(x[b, l])) : f32\n" \
	"  e[b:" #b ", l:" #l "] = exp(sub(f32(x[b, l]), m[b]))\n" \
	"  z[b:" #b "] = sum[l:" #l "](e[b, l]) : f32\n" \
	"  y[b:" #b ", l:" #l "] = " type "(div(e[b, l], z[b]))\n}\n"

#define ARG(b, l, type) \
	"op t {\n  in x: " type "[" #b ", " #l "] layout(0, 1) align 16\n" \
	"  out p: i64[" #b "] layout(0) align 16\n" \
	"  out q: i32[" #b "] layout(0) align 16\n" \
	"  out m: " type "[" #b "] layout(0) align 16\n" \
	"  p[b:" #b "] = argmax[l:" #l "](x[b, l]) : i64\n" \
	"  q[b:" #b "] = argmin[l:" #l "](x[b, l]) : i32\n" \
	"  m[b:" #b "] = min[l:" #l "](x[b, l]) : " type "\n}\n"

#define PAIRS(n, m, type) \
	"op t {\n  in x: " type "[" #n ", 2] layout(0, 1) align 16\n" \
	"  in y: " type "[" #m ", 2] layout(0, 1) align 16\n" \
	"  let r: f32[" #n ", " #m "]\n" \
	"  out p: i32[" #n "] layout(0) align 16\n" \
	"  out d: f32[" #n "] layout(0) align 16\n" \
	"  r[i:" #n ", j:" #m "] = add(abs(sub(f32(x[i, 0]), f32(y[j, 0]))), " \
	"abs(sub(f32(x[i, 1]), f32(y[j, 1]))))\n" \
	"  p[i:" #n "] = argmin[j:" #m "](r[i, j]) : i32\n" \
	"  d[i:" #n "] = sum[j:" #m "](r[i, j]) : f32\n}\n"

#define COLUMNS(b, l, type) \
	"op t {\n  in x: " type "[" #l ", " #b "] layout(0, 1) align 16\n" \
	"  out y: f32[" #b "] layout(0) align 16\n" \
	"  y[b:" #b "] = sum[l:" #l "](f32(x[l, b])) : f32\n}\n"

/* A factor computed as it is loaded: dequantised by rows, and by blocks of k. */
#define DEQUANT(m, n, k, scale, at) \
	"op t {\n  in a: f16[" #m ", " #k "] layout(0, 1) align 16\n" \
	"  in b: i8[" #n ", " #k "] layout(0, 1) align 16\n" \
	"  in s: f32[" scale "] layout(0) align 16\n" \
	"  let acc: f32[" #m ", " #n "]\n" \
	"  out c: f16[" #m ", " #n "] layout(0, 1) align 16\n" \
	"  acc[i:" #m ", j:" #n "] = sum[k:" #k "](mul(f32(a[i, k]), " \
	"mul(f32(b[j, k]), s[" at "]))) : f32\n" \
	"  c[i:" #m ", j:" #n "] = f16(acc[i, j])\n}\n"

/* A factor that is unpacked as it is loaded: "weight" is made of w, of type and
 * sizes "packed", and of "others". */
#define UNPACKED(m, n, k, packed, others, weight) \
	"op t {\n  in x: f16[" #m ", " #k "] layout(0, 1) align 16\n" \
	"  in w: " packed " layout(0, 1) align 16\n" others \
	"  let acc: f32[" #m ", " #n "]\n" \
	"  out y: f16[" #m ", " #n "] layout(0, 1) align 16\n" \
	"  acc[i:" #m ", j:" #n "] = sum[k:" #k "](mul(f32(x[i, k]), " \
	"f32(" weight "))) : f32\n" \
	"  y[i:" #m ", j:" #n "] = f16(acc[i, j])\n}\n"

/* Of two in a byte, that at "digit". */
#define NIBBLE(at, digit) "mod(div(i64(w[" at "]), add(mul(" digit ", 15), 1)), 16)"

/* A product, and the softmax of its rows. */
#define PRODUCT_SOFTMAX(m, n, k, type) \
	"op t {\n  in a: " type "[" #m ", " #k "] layout(0, 1) align 16\n" \
	"  in b: " type "[" #n ", " #k "] layout(0, 1) align 16\n" \
	"  in c: f32[" #n "] layout(0) align 16\n" \
	"  let acc: f32[" #m ", " #n "]\n  let s: f32[" #m ", " #n "]\n" \
	"  let e: f32[" #m ", " #n "]\n  let z: f32[" #m "]\n" \
	"  out p: " type "[" #m ", " #n "] layout(0, 1) align 16\n" \
	"  out mx: f32[" #m "] layout(0) align 16\n" \
	"  acc[i:" #m ", j:" #n "] = sum[k:" #k "](mul(f32(a[i, k]), " \
	"f32(b[j, k]))) : f32\n" \
	"  s[i:" #m ", j:" #n "] = add(acc[i, j], c[j])\n" \
	"  mx[i:" #m "] = max[j:" #n "](s[i, j]) : f32\n" \
	"  e[i:" #m ", j:" #n "] = exp(sub(s[i, j], mx[i]))\n" \
	"  z[i:" #m "] = sum[j:" #n "](e[i, j]) : f32\n" \
	"  p[i:" #m ", j:" #n "] = " type "(div(e[i, j], z[i]))\n}\n"

const struct sketch_case sketch_cases[] = {
	{ "softmax of a product", PRODUCT_SOFTMAX(37, 100, 40, "f32") },
	{ "softmax of a narrow product", PRODUCT_SOFTMAX(70, 33, 25, "f16") },
	{ "softmax of a wide product", PRODUCT_SOFTMAX(9, 520, 16, "bf16") },
	{ "norms of products",
		"op t {\n  in x: f16[2, 19, 24] layout(0, 1, 2) align 16\n"
		"  in w: f16[2, 24, 40] layout(0, 1, 2) align 16\n"
		"  in r: f16[2, 19, 40] layout(0, 1, 2) align 16\n"
		"  in g: f32[40] layout(0) align 16\n"
		"  let y: f32[2, 19, 40]\n  let v: f32[2, 19]\n"
		"  let t: f32[2, 19, 40]\n"
		"  out o: f16[2, 19, 40] layout(0, 1, 2) align 16\n"
		"  out mean: f16[2, 19] layout(0, 1) align 16\n"
		"  y[z:2, i:19, j:40] = sum[k:24](mul(f32(x[z, i, k]), "
		"f32(w[z, k, j]))) : f32\n"
		"  t[z:2, i:19, j:40] = add(y[z, i, j], f32(r[z, i, j]))\n"
		"  mean[z:2, i:19] = f16(div(sum[j:40](t[z, i, j]) : f32, "
		"40.0:f32))\n"
		"  v[z:2, i:19] = sum[j:40](mul(sub(t[z, i, j], "
		"f32(mean[z, i])), sub(t[z, i, j], f32(mean[z, i])))) : f32\n"
		"  o[z:2, i:19, j:40] = f16(mul(mul(sub(t[z, i, j], "
		"f32(mean[z, i])), rsqrt(add(v[z, i], 0.01:f32))), g[j]))\n}\n" },
	{ "channels of a convolution",
		"op t {\n  in x: f32[2, 5, 6, 7] layout(0, 1, 2, 3) align 16\n"
		"  in w: f32[20, 5, 3, 3] layout(0, 1, 2, 3) align 16\n"
		"  let m: f32[2, 6, 7]\n"
		"  out y: f32[2, 20, 6, 7] layout(0, 1, 2, 3) align 16\n"
		"  out o: f16[2, 20, 6, 7] layout(0, 1, 2, 3) align 16\n"
		"  y[n:2, f:20, p:6, q:7] = sum[c:5, r:3, s:3](mul(x[n, c, "
		"add(add(p, r), -1), add(add(q, s), -1)] pad 0.0, w[f, c, r, s]))"
		" : f32\n"
		"  m[n:2, p:6, q:7] = max[f:20](y[n, f, p, q]) : f32\n"
		"  o[n:2, f:20, p:6, q:7] = f16(sub(y[n, f, p, q], "
		"m[n, p, q]))\n}\n" },
	{ "columns of a product, the first and last best",
		"op t {\n  in w: i8[50, 24] layout(0, 1) align 16\n"
		"  in x: i8[37, 24] layout(0, 1) align 16\n"
		"  let y: i32[37, 50]\n"
		"  out best: i64[37] layout(0) align 16\n"
		"  out worst: i32[37] layout(0) align 16\n"
		"  out hot: bool[37] layout(0) align 16\n"
		"  y[i:37, j:50] = sum[k:24](mul(i32(w[j, k]), i32(x[i, k])))"
		" : i32\n"
		"  best[i:37] = argmax[j:50](y[i, j]) : i64\n"
		"  worst[i:37] = argmin[j:50](abs(y[i, j])) : i32\n"
		"  hot[i:37] = any[j:50](lt(60:i32, y[i, j])) : bool\n}\n" },
	{ "dequantised by rows", DEQUANT(33, 40, 50, "40", "j") },
	{ "dequantised along k", DEQUANT(40, 33, 64, "64", "k") },
	{ "unpacked along k, scaled by groups", UNPACKED(3, 40, 128,
		"u8[40, 64]", "  in s: f16[40, 4] layout(0, 1) align 16\n"
		"  in z: u8[40, 4] layout(0, 1) align 16\n",
		"mul(f16(sub(" NIBBLE("j, div(k, 2)", "mod(k, 2)") ", "
		"i64(z[j, div(k, 32)]))), s[j, div(k, 32)])") },
	{ "unpacked along k, ragged", UNPACKED(35, 41, 90, "u8[41, 45]", "",
		"sub(" NIBBLE("j, div(k, 2)", "mod(k, 2)") ", 8)") },
	{ "unpacked along k, rows contiguous", UNPACKED(9, 48, 64,
		"u32[8, 48]", "  in s: f16[2, 48] layout(0, 1) align 16\n",
		"mul(f16(sub(i32(mod(div(i64(w[div(k, 8), j]), mul(mul(add(mul("
		"mod(k, 2), 15), 1), add(mul(mod(div(k, 2), 2), 255), 1)), "
		"add(mul(mod(div(k, 4), 2), 65535), 1))), 16)), 8:i32)), "
		"s[div(k, 32), j])") },
	{ "unpacked along rows, looked up", UNPACKED(5, 64, 40, "u8[40, 32]",
		"  in t: f16[16] layout(0) align 16\n",
		"t[" NIBBLE("k, div(j, 2)", "mod(j, 2)") "]") },
	{ "unpacked far apart", UNPACKED(4, 24, 96, "u8[24, 48]", "",
		"sub(" NIBBLE("j, mod(k, 48)", "div(k, 48)") ", 8)") },
	{ "few unpacked rows", UNPACKED(70, 2, 64, "u8[2, 32]", "",
		"sub(" NIBBLE("j, div(k, 2)", "mod(k, 2)") ", 8)") },
	{ "map 1", MAP(1, "f32") },
	{ "map 31", MAP(31, "f32") },
	{ "map 1000", MAP(1000, "f32") },
	{ "map 4097 f16", MAP(4097, "f16") },
	{ "map 4096 bf16", MAP(4096, "bf16") },
	{ "map 1000 f64", MAP(1000, "f64") },
	{ "map 1000 i8", MAP(1000, "i8") },
	{ "map 1003 i16", MAP(1003, "i16") },
	{ "map 600 i32", MAP(600, "i32") },
	{ "map 600 i64", MAP(600, "i64") },
	{ "map 600 u8", MAP(600, "u8") },
	{ "map 1000 e4m3", MAP(1000, "e4m3") },
	{ "map 600 e5m2", MAP(600, "e5m2") },
	{ "product of two kinds of 8-bit floats",
		"op t {\n  in x: e4m3[37, 50] layout(0, 1) align 16\n"
		"  in w: e5m2[50, 70] layout(0, 1) align 16\n"
		"  let s: f32[37, 70]\n"
		"  out y: e4m3[37, 70] layout(0, 1) align 16\n"
		"  s[i:37, j:70] = sum[k:50](mul(f32(x[i, k]), f32(w[k, j])))"
		" : f32\n"
		"  y[i:37, j:70] = e4m3(mul(s[i, j], 0.125:f32))\n}\n" },
	{ "map 600 u16", MAP(600, "u16") },
	{ "map 600 u32", MAP(600, "u32") },
	{ "bias",
		"op t {\n  in x: f16[33, 48] layout(0, 1) align 16\n"
		"  in b: f32[48] layout(0) align 16\n"
		"  out y: f16[33, 48] layout(0, 1) align 16\n"
		"  y[i:33, j:48] = f16(max(add(f32(x[i, j]), b[j]), 0.0:f32))"
		"\n}\n" },
	{ "bias of rows",
		"op t {\n  in x: f32[33, 47] layout(0, 1) align 16\n"
		"  in b: f32[33] layout(0) align 16\n"
		"  out y: f32[33, 47] layout(0, 1) align 16\n"
		"  y[i:33, j:47] = mul(x[i, j], tanh(b[i]))\n}\n" },
	{ "transpose",
		"op t {\n  in x: f32[40, 65] layout(0, 1) align 16\n"
		"  out y: f32[65, 40] layout(0, 1) align 16\n"
		"  y[j:65, i:40] = x[i, j]\n}\n" },
	{ "layouts",
		"op t {\n  in x: f16[2, 24, 5, 6] layout(0, 1, 2, 3) "
		"align 16\n"
		"  in r: f16[2, 24, 5, 6] layout(0, 1/8, 2, 3, 1%8) "
		"align 16\n"
		"  out y: f16[2, 24, 5, 6] layout(0, 2, 3, 1) align 16\n"
		"  y[n:2, c:24, h:5, w:6] = add(x[n, c, h, w], "
		"r[n, c, h, w])\n}\n" },
	{ "transpose bf16",
		"op t {\n  in x: bf16[136, 200] layout(0, 1) align 16\n"
		"  out y: bf16[200, 136] layout(0, 1) align 16\n"
		"  y[j:200, i:136] = x[i, j]\n}\n" },
	{ "transpose i8 in three, ragged",
		"op t {\n  in x: i8[3, 130, 48] layout(0, 1, 2) align 16\n"
		"  out y: i8[3, 48, 130] layout(0, 1, 2) align 16\n"
		"  y[b:3, j:48, i:130] = x[b, i, j]\n}\n" },
	{ "images to pixels",
		"op t {\n  in x: u8[2, 3, 16, 24] layout(0, 1, 2, 3) align 16\n"
		"  out y: f16[2, 3, 16, 24] layout(0, 2, 3, 1) align 16\n"
		"  y[n:2, c:3, h:16, w:24] = f16(mul(f32(x[n, c, h, w]), "
		"0.0078125:f32))\n}\n" },
	{ "pixels to images",
		"op t {\n  in x: f32[2, 3, 5, 7] layout(0, 2, 3, 1) align 16\n"
		"  in b: f32[3] layout(0) align 4\n"
		"  out y: f32[2, 3, 5, 7] layout(0, 1, 2, 3) align 16\n"
		"  y[n:2, c:3, h:5, w:7] = add(x[n, c, h, w], b[c])\n}\n" },
	{ "rank 4 reversed, with a residual",
		"op t {\n  in x: f32[5, 33, 7, 40] layout(0, 1, 2, 3) "
		"align 16\n"
		"  in r: f16[40, 7, 33, 5] layout(0, 1, 2, 3) align 16\n"
		"  out y: f32[40, 7, 33, 5] layout(0, 1, 2, 3) align 16\n"
		"  y[d:40, c:7, b:33, a:5] = add(x[a, b, c, d], "
		"f32(r[d, c, b, a]))\n}\n" },
	{ "two orders of two inputs",
		"op t {\n  in x: f16[24, 40, 16] layout(0, 1, 2) align 16\n"
		"  in z: f32[16, 24, 40] layout(1, 0, 2) align 16\n"
		"  out y: f32[40, 24, 16] layout(2, 1, 0) align 16\n"
		"  out q: f16[40, 24, 16] layout(2, 1, 0) align 16\n"
		"  y[j:40, i:24, k:16] = add(f32(x[i, j, k]), z[k, i, j])\n"
		"  q[j:40, i:24, k:16] = f16(mul(y[j, i, k], 0.5:f32))\n}\n" },
	{ "blocks of 32 channels",
		"op t {\n  in x: f16[2, 64, 7, 8] layout(0, 1/32, 2, 3, 1%32) "
		"align 16\n"
		"  out y: f16[2, 64, 7, 8] layout(0, 1, 2, 3) align 16\n"
		"  y[n:2, c:64, h:7, w:8] = f16(max(f32(x[n, c, h, w]), "
		"0.0:f32))\n}\n" },
	{ "rows gathered, at two places",
		"op t {\n  in x: f16[30, 24] layout(0, 1) align 16\n"
		"  in i: i32[50] layout(0) align 16\n"
		"  out y: f32[50, 24] layout(0, 1) align 16\n"
		"  y[p:50, q:24] = add(f32(x[i[p], q] pad -1.5), "
		"f32(x[add(i[p], 1), q] pad edge))\n}\n" },
	{ "rows padded",
		"op t {\n  in x: i8[3, 10, 9, 16] layout(0, 1, 2, 3) align 16\n"
		"  out y: i8[3, 12, 11, 16] layout(0, 1, 2, 3) align 16\n"
		"  y[n:3, h:12, w:11, c:16] = x[n, add(h, -1), add(w, -1), c] "
		"pad 7.0\n}\n" },
	{ "bias of odd images",
		"op t {\n  in x: f16[3, 10, 49] layout(0, 1, 2) align 16\n"
		"  in b: f32[10] layout(0) align 16\n"
		"  out y: f16[3, 10, 49] layout(0, 1, 2) align 16\n"
		"  out z: f32[3, 10, 49] layout(0, 1, 2) align 16\n"
		"  y[n:3, c:10, h:49] = f16(add(f32(x[n, c, h]), b[c]))\n"
		"  z[n:3, c:10, h:49] = mul(f32(y[n, c, h]), f32(h))\n}\n" },
	{ "shift with pads",
		"op t {\n  in x: f32[20, 21] layout(0, 1) align 16\n"
		"  out y: f32[20, 21] layout(0, 1) align 16\n"
		"  y[i:20, j:21] = add(x[add(i, -1), add(j, 2)] pad 0.5, "
		"x[add(i, 1), add(j, -3)] pad edge)\n}\n" },
	{ "gather",
		"op t {\n  in x: f32[30, 16] layout(0, 1) align 16\n"
		"  in i: i32[50] layout(0) align 16\n"
		"  out y: f32[50, 16] layout(0, 1) align 16\n"
		"  y[p:50, q:16] = x[i[p], q] pad -1.0\n}\n" },
	{ "pieces",
		"op t {\n  in x: f32[30] layout(0) align 16\n"
		"  in w: f32[34] layout(0) align 16\n"
		"  out y: f32[64] layout(0) align 16\n"
		"  y[i:30] = x[i]\n"
		"  y[i:30:64] = mul(w[add(i, -30)], 2.0:f32)\n}\n" },
	{ "two outputs",
		"op t {\n  in x: f32[7, 40] layout(0, 1) align 16\n"
		"  out y: f16[7, 40] layout(0, 1) align 16\n"
		"  out z: f32[7, 40] layout(0, 1) align 16\n"
		"  y[i:7, j:40] = f16(mul(x[i, j], x[i, j]))\n"
		"  z[i:7, j:40] = add(f32(y[i, j]), x[i, j])\n}\n" },
	{ "integers",
		"op t {\n  in x: i32[90] layout(0) align 16\n"
		"  in w: i32[90] layout(0) align 16\n"
		"  out q: i32[90] layout(0) align 16\n"
		"  out r: i32[90] layout(0) align 16\n"
		"  out k: bool[90] layout(0) align 16\n"
		"  q[i:90] = div(sub(x[i], 3:i32), add(abs(w[i]), 1:i32))\n"
		"  r[i:90] = mod(sub(x[i], 3:i32), -3:i32)\n"
		"  k[i:90] = and(lt(x[i], w[i]), not(eq(x[i], 1:i32)))\n"
		"}\n" },
	{ "axis values",
		"op t {\n  in x: f32[12, 20] layout(0, 1) align 16\n"
		"  out y: f32[12, 20] layout(0, 1) align 16\n"
		"  y[i:12, j:20] = select(le(j, i), mul(x[i, j], "
		"f32(add(i, mul(j, 2)))), f32(mod(sub(i, j), 7)))\n}\n" },
	{ "functions",
		"op t {\n  in x: f32[200] layout(0) align 16\n"
		"  out y: f32[200] layout(0) align 16\n"
		"  y[i:200] = add(add(exp(x[i]), add(erf(x[i]), "
		"sqrt(abs(x[i])))), add(floor(mul(x[i], 3.0:f32)), "
		"add(min(x[i], 0.25:f32), add(pow(add(abs(x[i]), 1.0:f32), "
		"1.5:f32), mul(sin(x[i]), cos(x[i]))))))\n}\n" },
	{ "scalar",
		"op t {\n  in x: f32[] layout() align 4\n"
		"  out y: f32[] layout() align 4\n"
		"  y[] = mul(x[], 3.0:f32)\n}\n" },
	{ "sum 1", SUM(1, "f32", "f32") },
	{ "sum 1000", SUM(1000, "f32", "f32") },
	{ "sum 4097", SUM(4097, "f32", "f32") },
	{ "sum 100003 f16", SUM(100003, "f16", "f32") },
	{ "sum 5000 i8", SUM(5000, "i8", "i32") },
	{ "sum 33 f64", SUM(33, "f64", "f64") },
	{ "softmax 31", SOFTMAX(5, 31, "f32") },
	{ "softmax 33", SOFTMAX(9, 33, "f16") },
	{ "softmax 1000", SOFTMAX(3, 1000, "f32") },
	{ "softmax 4096", SOFTMAX(2, 4096, "bf16") },
	{ "softmax 4097", SOFTMAX(2, 4097, "f32") },
	{ "softmax 50000", SOFTMAX(1, 50000, "f32") },
	{ "softmax 1", SOFTMAX(40, 1, "f32") },
	{ "softmax 8", SOFTMAX(130, 8, "f32") },
	{ "weighted",
		"op t {\n  in x: f32[4, 300] layout(0, 1) align 16\n"
		"  in w: f32[300] layout(0) align 16\n"
		"  let m: f32[4]\n  let z: f32[4]\n"
		"  out lse: f32[4] layout(0) align 16\n"
		"  out y: f32[4] layout(0) align 16\n"
		"  m[b:4] = max[l:300](mul(x[b, l], 4.0:f32)) : f32\n"
		"  z[b:4] = sum[l:300](exp(sub(mul(x[b, l], 4.0:f32), m[b])))"
		" : f32\n"
		"  lse[b:4] = add(m[b], log(z[b]))\n"
		"  y[b:4] = div(sum[l:300](mul(w[l], exp(sub(mul(x[b, l], "
		"4.0:f32), m[b])))) : f32, z[b])\n}\n" },
	{ "arg 31", ARG(6, 31, "f32") },
	{ "arg 1000", ARG(3, 1000, "i32") },
	{ "arg 600 f16", ARG(2, 600, "f16") },
	{ "pairs 31 x 70", PAIRS(31, 70, "f16") },
	{ "pairs 7 x 300", PAIRS(7, 300, "bf16") },
	{ "columns 40", COLUMNS(40, 100, "f32") },
	{ "columns 256", COLUMNS(256, 33, "f16") },
	{ "columns 3", COLUMNS(3, 5000, "f32") },
	{ "norm",
		"op t {\n  in x: f16[6, 200] layout(0, 1) align 16\n"
		"  in g: f32[200] layout(0) align 16\n"
		"  in h: f32[200] layout(0) align 16\n"
		"  out y: f16[6, 200] layout(0, 1) align 16\n"
		"  out mean: f32[6] layout(0) align 16\n"
		"  out rstd: f32[6] layout(0) align 16\n"
		"  mean[b:6] = div(sum[l:200](f32(x[b, l])) : f32, "
		"200.0:f32)\n"
		"  rstd[b:6] = rsqrt(add(div(sum[l:200](mul(sub(f32(x[b, l]),"
		" mean[b]), sub(f32(x[b, l]), mean[b]))) : f32, 200.0:f32), "
		"0.00001:f32))\n"
		"  y[b:6, l:200] = f16(add(mul(mul(sub(f32(x[b, l]), mean[b])"
		", rstd[b]), g[l]), h[l]))\n}\n" },
	{ "middle axis",
		"op t {\n  in x: f32[3, 50, 12] layout(0, 1, 2) align 16\n"
		"  let m: f32[3, 12]\n"
		"  out y: f32[3, 50, 12] layout(0, 1, 2) align 16\n"
		"  m[a:3, c:12] = max[l:50](x[a, l, c]) : f32\n"
		"  y[a:3, l:50, c:12] = sub(x[a, l, c], m[a, c])\n}\n" },
	{ "channel statistics",
		"op t {\n  in x: f32[4, 6, 9, 10] layout(0, 2, 3, 1) "
		"align 16\n"
		"  out s: f32[6] layout(0) align 16\n"
		"  out q: f32[6] layout(0) align 16\n"
		"  s[c:6] = sum[n:4, h:9, w:10](x[n, c, h, w]) : f32\n"
		"  q[c:6] = sum[n:4, h:9, w:10](mul(x[n, c, h, w], "
		"x[n, c, h, w])) : f32\n}\n" },
	{ "pool",
		"op t {\n  in x: f32[2, 3, 13, 14] layout(0, 1, 2, 3) "
		"align 16\n"
		"  out y: f32[2, 3, 7, 7] layout(0, 1, 2, 3) align 16\n"
		"  y[n:2, c:3, p:7, q:7] = max[r:3, s:3](x[n, c, "
		"add(add(mul(p, 2), r), -1), add(add(mul(q, 2), s), -1)] "
		"pad -inf) : f32\n}\n" },
	{ "window of channels",
		"op t {\n  in x: f16[2, 7, 9, 24] layout(0, 1, 2, 3) "
		"align 16\n  in w: f16[24, 3, 3] layout(0, 1, 2) align 16\n"
		"  in b: f32[24] layout(0) align 16\n"
		"  let s: f32[2, 7, 9, 24]\n"
		"  out y: f16[2, 7, 9, 24] layout(0, 1, 2, 3) align 16\n"
		"  s[n:2, p:7, q:9, c:24] = sum[r:3, k:3](mul(x[n, "
		"add(add(p, r), -1), add(add(q, mul(k, 2)), -2), c] pad 0.0, "
		"w[c, r, k])) : f32\n"
		"  y[n:2, p:7, q:9, c:24] = f16(max(add(s[n, p, q, c], b[c]), "
		"0.0:f32))\n}\n" },
	{ "window backwards",
		"op t {\n  in x: f32[3, 12, 20] layout(0, 1, 2) align 16\n"
		"  in w: f32[3, 4] layout(0, 1) align 16\n"
		"  out y: f32[3, 14, 23] layout(0, 1, 2) align 16\n"
		"  y[n:3, p:14, q:23] = sum[r:3, s:4](mul(x[n, sub(p, r), "
		"sub(q, s)] pad 0.0, w[r, s])) : f32\n}\n" },
	{ "window past edges",
		"op t {\n  in x: bf16[5, 6, 7, 3] layout(0, 1, 2, 3) align 16\n"
		"  out y: f32[5, 6, 7, 3] layout(0, 1, 2, 3) align 16\n"
		"  y[i:5, j:6, k:7, c:3] = sum[a:9, b:3](mul(f32(x[add(add(i, "
		"a), -4), add(add(j, b), -1), k, c] pad edge), f32(x[add(add(i, "
		"a), -4), add(add(j, b), -1), k, c] pad edge))) : f32\n}\n" },
	{ "window in chunks",
		"op t {\n  in x: f32[2, 12, 9, 16] layout(0, 1, 2, 3) "
		"align 16\n  in w: f32[5, 12, 3, 3] layout(0, 1, 2, 3) align 16\n"
		"  out y: f32[2, 5, 9, 16] layout(0, 1, 2, 3) align 16\n"
		"  y[n:2, f:5, p:9, q:16] = sum[c:12, r:3, s:3](mul(x[n, c, "
		"add(add(p, r), -1), add(add(q, s), -1)] pad 0.0, w[f, c, r, s]))"
		" : f32\n}\n" },
	{ "window of pixels",
		"op t {\n  in x: f16[2, 7, 9, 10] layout(0, 1, 2, 3) align 16\n"
		"  in w: f16[6, 3, 3, 10] layout(0, 1, 2, 3) align 16\n"
		"  in b: f32[6] layout(0) align 16\n"
		"  let s: f32[2, 7, 9, 6]\n"
		"  out y: f16[2, 7, 9, 6] layout(0, 1, 2, 3) align 16\n"
		"  s[n:2, p:7, q:9, f:6] = sum[c:10, r:3, s:3](mul(f32(x[n, "
		"add(add(p, r), -1), add(add(q, s), -1), c] pad 0.0), "
		"f32(w[f, r, s, c]))) : f32\n"
		"  y[n:2, p:7, q:9, f:6] = f16(max(add(s[n, p, q, f], b[f]), "
		"0.0:f32))\n}\n" },
	{ "window of bytes",
		"op t {\n  in x: i8[3, 70] layout(0, 1) align 16\n"
		"  out y: i8[3, 24] layout(0, 1) align 16\n"
		"  y[n:3, p:24] = min[r:5](x[n, add(add(mul(p, 3), r), -1)] "
		"pad 100.0) : i8\n}\n" },
	{ "stencil",
		"op t {\n  in x: f16[5, 9, 30] layout(0, 1, 2) align 16\n"
		"  out y: f32[5, 9, 30] layout(0, 1, 2) align 16\n"
		"  y[n:5, i:9, j:30] = sub(add(f32(x[n, add(i, -1), add(j, 2)] "
		"pad edge), f32(x[n, add(i, 1), j] pad edge)), mul(f32(x[n, i, "
		"j]), 2.0:f32))\n}\n" },
	{ "any and all",
		"op t {\n  in x: f32[9, 70] layout(0, 1) align 16\n"
		"  out p: bool[9] layout(0) align 16\n"
		"  out q: bool[9] layout(0) align 16\n"
		"  p[i:9] = any[j:70](lt(0.9:f32, x[i, j])) : bool\n"
		"  q[i:9] = all[j:70](lt(-0.95:f32, x[i, j])) : bool\n}\n" },
	{ "product",
		"op t {\n  in x: f32[5, 20] layout(0, 1) align 16\n"
		"  out y: f32[5] layout(0) align 16\n"
		"  y[i:5] = prod[j:20](add(x[i, j], 1.5:f32)) : f32\n}\n" },
	{ "contraction",
		"op t {\n  in A: f32[17, 40] layout(0, 1) align 16\n"
		"  in B: f32[40, 9] layout(0, 1) align 16\n"
		"  let acc: f32[17, 9]\n"
		"  out C: f32[17, 9] layout(0, 1) align 16\n"
		"  acc[i:17, j:9] = sum[k:40](mul(A[i, k], B[k, j])) : f32\n"
		"  C[i:17, j:9] = max(acc[i, j], 0.0:f32)\n}\n" },
	{ "row times matrix",
		"op t {\n  in x: bf16[1, 200] layout(0, 1) align 16\n"
		"  in W: bf16[77, 200] layout(0, 1) align 16\n"
		"  in b: f32[77] layout(0) align 16\n"
		"  let acc: f32[1, 77]\n"
		"  out y: bf16[1, 77] layout(0, 1) align 16\n"
		"  acc[i:1, j:77] = sum[k:200](mul(f32(x[i, k]), f32(W[j, k])))"
		" : f32\n"
		"  y[i:1, j:77] = bf16(max(add(acc[i, j], b[j]), 0.0:f32))\n}\n" },
	{ "batch of tall products",
		"op t {\n  in x: f16[3, 50, 48] layout(0, 1, 2) align 16\n"
		"  in w: f32[3, 50, 3] layout(0, 1, 2) align 16\n"
		"  out y: f32[3, 48, 3] layout(0, 1, 2) align 16\n"
		"  y[z:3, i:48, j:3] = sum[k:50](mul(f32(x[z, k, i]), "
		"w[z, k, j])) : f32\n}\n" },
	{ "window of few filters",
		"op t {\n  in x: i8[2, 5, 9, 10] layout(0, 1, 2, 3) align 16\n"
		"  in w: i8[3, 5, 3, 3] layout(0, 1, 2, 3) align 16\n"
		"  out y: i32[2, 3, 9, 10] layout(0, 1, 2, 3) align 16\n"
		"  y[n:2, f:3, p:9, q:10] = sum[c:5, r:3, s:3](mul(i32(x[n, c, "
		"add(add(p, r), -1), add(add(q, s), -1)] pad 0), "
		"i32(w[f, c, r, s]))) : i32\n}\n" },
	{ "two groups",
		"op t {\n  in x: f32[8, 64] layout(0, 1) align 16\n"
		"  let s: f32[8]\n"
		"  out y: f32[8, 8] layout(0, 1) align 16\n"
		"  s[i:8] = sum[k:64](x[i, k]) : f32\n"
		"  y[i:8, j:8] = mul(s[i], s[j])\n}\n" },
};

const int n_sketch_cases = sizeof sketch_cases / sizeof *sketch_cases;
