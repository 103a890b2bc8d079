/* SPDX-License-Identifier: MIT */
/* std.math, std.matmul and std.quant as formulas. */
#include <math.h>
#include <string.h>

#include "stdlib_cases.h"

static bool called(const struct trial *t, const char *what)
{
	return strstr(t->name, what) != NULL;
}

static double self(const struct trial *t, int input)
{
	return trial_read(t, input, t->at, NAN);
}

/* ---- functions of one number, by name ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double relu(double x) { return x > 0 ? x : 0; }
static double softplus(double x) { return log1p(exp(x)); }
static double silu(double x) { return x * sigmoid(x); }
static double gelu(double x) { return x * 0.5 * erfc(-x / M_SQRT2); }
static double gelu_tanh(double x)
{
	return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * pow(x, 3))));
}
static double neg(double x) { return 0 - x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double sign(double x) { return (x > 0) - (x < 0); }
static double square(double x) { return pow(x, 2); }
static double reciprocal(double x) { return 1 / x; }
static double hardtanh(double x) { return x < -1 ? -1 : x > 1 ? 1 : x; }
static double relu6(double x) { return fmin(relu(x), 6); }
static double elu(double x) { return x > 0 ? x : expm1(x); }
static double selu(double x)
{
	return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
}
static double quick_gelu(double x) { return x * sigmoid(1.702 * x); }
static double logsigmoid(double x) { return log(sigmoid(x)); }
static double mish(double x) { return x * tanh(softplus(x)); }
static double softsign(double x) { return x / (1 + fabs(x)); }
static double tanhshrink(double x) { return x - tanh(x); }
static double hard_sigmoid(double x)
{
	return x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5;
}
static double hard_swish(double x) { return x * hard_sigmoid(x); }
static double leaky_relu(double x) { return x > 0 ? x : 0.01 * x; }
static double unit(double x) { return fmin(relu(x), 1); }
static double softshrink(double x)
{
	return fabs(x) <= 0.5 ? 0 : x - copysign(0.5, x);
}
static double hardshrink(double x) { return fabs(x) <= 0.5 ? 0 : x; }

static const struct {
	const char *name;
	double (*f)(double);
} functions[] = {
	{ "abs", fabs }, { "exp", exp }, { "exp2", exp2 }, { "log", log },
	{ "log2", log2 }, { "sqrt", sqrt }, { "rsqrt", rsqrt }, { "sin", sin },
	{ "cos", cos }, { "tanh", tanh }, { "erf", erf }, { "floor", floor },
	{ "ceil", ceil }, { "round", rint }, { "neg", neg }, { "sign", sign },
	{ "square", square }, { "reciprocal", reciprocal }, { "trunc", trunc },
	{ "relu", relu }, { "relu6", relu6 }, { "hardtanh", hardtanh },
	{ "selu", selu }, { "gelu", gelu }, { "gelu_tanh", gelu_tanh },
	{ "quick_gelu", quick_gelu }, { "sigmoid", sigmoid }, { "silu", silu },
	{ "softplus", softplus }, { "logsigmoid", logsigmoid },
	{ "mish", mish }, { "softsign", softsign },
	{ "tanhshrink", tanhshrink }, { "hard_sigmoid", hard_sigmoid },
	{ "hard_swish", hard_swish }, { "leaky_relu", leaky_relu },
	{ "threshold", relu }, { "clamp", unit }, { "elu", elu },
	{ "celu", elu }, { "swish", silu }, { "softshrink", softshrink },
	{ "hardshrink", hardshrink }
};

static double one(const struct trial *t)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!strcmp(functions[i].name, t->name))
			return functions[i].f(self(t, 0));
	return NAN;
}

/* ---- of two ---- */

static double second(const struct trial *t)
{
	return called(t, "_scalar") ? trial_read(t, 1, NULL, NAN) :
		called(t, "_first") ? IN(1, t->at[0]) :
		called(t, "_last") || called(t, "_middle") ?
		IN(1, t->at[1]) : self(t, 1);
}

static bool begins(const struct trial *t, const char *what)
{
	return !strncmp(t->name, what, strlen(what));
}

static double two(const struct trial *t)
{
	double x = self(t, 0), b = second(t);

	return begins(t, "add") ? x + b : begins(t, "sub") ? x - b :
		begins(t, "mul") ? x * b : begins(t, "div") ? x / b :
		begins(t, "maximum") ? fmax(x, b) :
		begins(t, "minimum") ? fmin(x, b) : pow(x, b);
}

static double compared(const struct trial *t)
{
	double x = self(t, 0), b = self(t, 1);
	int order = (x > b) - (x < b);

	return begins(t, "eq") ? !order : begins(t, "ne") ? order != 0 :
		begins(t, "lt") ? order < 0 : begins(t, "le") ? order <= 0 :
		begins(t, "gt") ? order > 0 : order >= 0;
}

static double logical(const struct trial *t)
{
	bool x = self(t, 0) != 0;
	bool b = t->o->n_inputs > 1 && self(t, 1) != 0;

	return called(t, "_and") ? x & b : called(t, "_or") ? x | b :
		called(t, "_xor") ? x ^ b : !x;
}

static double mod(const struct trial *t)
{
	double x = self(t, 0), b = self(t, 1);

	return b ? x - b * floor(x / b) : 0;
}

static double of_three(const struct trial *t)
{
	return fma(self(t, 0), self(t, 1), self(t, 2));
}

static double sum(const struct trial *t) { return self(t, 0) + self(t, 1); }
static double add_relu(const struct trial *t) { return relu(sum(t)); }

static double lerp(const struct trial *t)
{
	double w = self(t, 2);

	return (1 - w) * self(t, 0) + w * self(t, 1);
}

static double choose(const struct trial *t)
{
	return self(t, self(t, 0) != 0 ? 1 : 2);
}

static double prelu(const struct trial *t)
{
	double x = self(t, 0);

	return x * (x > 0 ? 1 : IN(1, t->at[1]));
}

static double swiglu(const struct trial *t)
{
	return silu(self(t, 0)) * self(t, 1);
}

static double outer(const struct trial *t)
{
	double x = IN(0, t->at[0]), y = IN(1, t->at[1]);

	return called(t, "add") ? x + y : x * y;
}

/* ---- products ---- */

/* a b, transposed as the last two letters of the name say. */
static double product(const struct trial *t)
{
	const char *form = t->name + strlen(t->name) - 2;
	bool z = called(t, "batched");
	int64_t i = t->at[z], j = t->at[z + 1];
	double s = 0;

	FOR(k, SIZE("K")) {
		int64_t a[3] = { t->at[0] }, b[3] = { t->at[0] };

		a[z] = form[0] == 'n' ? i : k;
		a[z + 1] = form[0] == 'n' ? k : i;
		b[z] = form[1] == 'n' ? k : j;
		b[z + 1] = form[1] == 'n' ? j : k;
		s += trial_read(t, 0, a, NAN) * trial_read(t, 1, b, NAN);
	}
	return s;
}

/* x w^T, w being input "w". */
static double linear_by(const struct trial *t, int w)
{
	double s = 0;

	FOR(k, SIZE("K"))
		s += IN(0, t->at[0], k) * IN(w, t->at[1], k);
	return s;
}

static double linear(const struct trial *t)
{
	double x = linear_by(t, 1) + IN(2, t->at[1]);

	if (called(t, "_add"))
		x += self(t, 3);
	return called(t, "relu") ? relu(x) : called(t, "gelu_tanh") ?
		gelu_tanh(x) : called(t, "gelu") ? gelu(x) :
		called(t, "silu") ? silu(x) : x;
}

static double gated(const struct trial *t)
{
	double x = linear_by(t, 1);

	return (called(t, "swi") ? silu(x) : gelu(x)) * linear_by(t, 2);
}

/* Rows of three groups, by the weights "w" that the group chooses. */
static double grouped_by(const struct trial *t, int w, int expert)
{
	int64_t e = (int64_t)IN(expert, t->at[0] * 3 / SIZE("M"));
	double s = 0;

	FOR(k, SIZE("K"))
		s += IN(0, t->at[0], k) * (called(t, "_nn") ?
			IN(w, e, k, t->at[1]) : IN(w, e, t->at[1], k));
	return s;
}

static double grouped(const struct trial *t) { return grouped_by(t, 1, 2); }
static double grouped_gated(const struct trial *t)
{
	return silu(grouped_by(t, 1, 3)) * grouped_by(t, 2, 3);
}

/* scale = 2 */
static double lora(const struct trial *t)
{
	int64_t e = (int64_t)IN(3, t->at[0]);
	double up = 0;

	FOR(r, SIZE("R")) {
		double down = 0;

		FOR(k, SIZE("K"))
			down += IN(0, t->at[0], t->at[1], k) * IN(1, e, r, k);
		up += down * IN(2, e, t->at[2], r);
	}
	return self(t, 4) + 2 * up;
}

/* alpha = 2, beta = 3 */
static double gemm(const struct trial *t)
{
	double s = 0;

	FOR(k, SIZE("K"))
		s += IN(0, t->at[0], k) * IN(1, k, t->at[1]);
	return 2 * s + 3 * self(t, 2);
}

static double vector(const struct trial *t)
{
	double s = 0;

	FOR(k, SIZE("K"))
		s += called(t, "matvec") ? IN(0, t->at[0], k) * IN(1, k) :
			called(t, "vecmat") ? IN(0, k) * IN(1, k, t->at[0]) :
			IN(0, k) * IN(1, k);
	return s;
}

/* ---- quantised ---- */

static double clamped(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

static double i8_of(double x) { return clamped(rint(x), -128, 127); }
static double scale_of(const struct trial *t)
{
	return called(t, "channel") ? IN(1, t->at[1]) : trial_read(t, 1, NULL, 0);
}

static double zero_of(const struct trial *t)
{
	return t->o->tensors[2].rank ? IN(2, t->at[1]) :
		trial_read(t, 2, NULL, 0);
}

static double cast_i32(const struct trial *t) { return trunc(self(t, 0)); }
static double saturated(const struct trial *t) { return i8_of(self(t, 0)); }

static double quantize(const struct trial *t)
{
	return i8_of(rint((float)self(t, 0) / (float)scale_of(t)) + zero_of(t));
}

static double dequantize(const struct trial *t)
{
	return (self(t, 0) - zero_of(t)) * scale_of(t);
}

static double requantize(const struct trial *t)
{
	return i8_of(rint(self(t, 0) * scale_of(t)) + zero_of(t));
}

static double fake(const struct trial *t)
{
	return (quantize(t) - zero_of(t)) * scale_of(t);
}

static double row_scale(const struct trial *t)
{
	double best = 0;

	FOR(j, SIZE("N"))
		best = fmax(best, fabs(IN(0, t->at[0], j)));
	return best / 127;
}

static double quantize_row(const struct trial *t)
{
	return rint(self(t, 0) / row_scale(t));
}

static double linear_quantized(const struct trial *t)
{
	return i8_of((linear_by(t, 1) + IN(2, t->at[1])) * IN(3, t->at[1]));
}

/* The weights' share is rounded to f16, as scales by groups have it. */
static double linear_w8(const struct trial *t)
{
	double s = 0;

	FOR(k, SIZE("K"))
		s += IN(0, t->at[0], k) * dtype_round(T_F16, IN(1, t->at[1], k) *
			IN(2, t->at[1], k / SIZE("G")));
	return s;
}

static double linear_w4(const struct trial *t)
{
	double s = 0;

	FOR(k, SIZE("K")) {
		int two = (int)IN(1, t->at[1], k / 2);

		s += IN(0, t->at[0], k) * dtype_round(T_F16, ((k % 2 ? two >> 4 :
			two & 15) - 8) * IN(2, t->at[1], k / SIZE("G")));
	}
	return s;
}

static double linear_blocks(const struct trial *t)
{
	double s = 0;

	FOR(k, SIZE("K"))
		s += IN(0, t->at[0], k) * IN(1, t->at[0], k / SIZE("G")) *
			IN(2, t->at[1], k) * IN(3, t->at[1] / SIZE("B"), k /
			SIZE("G"));
	return s;
}

static double conv_quantized(const struct trial *t)
{
	const int64_t *a = t->at;
	double s = IN(2, a[1]);

	FOR(c, SIZE("C"))
		FOR(y, SIZE("R"))
			FOR(x, SIZE("S"))
				s += IN(0, a[0], c, a[2] * SIZE("SH") + y -
					SIZE("PH"), a[3] * SIZE("SW") + x -
					SIZE("PW")) * IN(1, a[1], c, y, x);
	return i8_of(s * IN(3, a[1]));
}

#define ONE(name) WIDE("math." name "[N = 40]", one)
#define ONE_POSITIVE(name) POSITIVE("math." name "[N = 40]", one)
#define TWO(name) \
	POSITIVE("math." name "[N = 40]", two), \
	POSITIVE("math." name "_scalar[N = 40]", two), \
	POSITIVE("math." name "_last[M = 3, N = 5]", two), \
	POSITIVE("math." name "_first[M = 3, N = 5]", two), \
	POSITIVE("math." name "_middle[K = 2, C = 3, N = 5]", two)
#define PAIR(name, f) CASE("math." name "[N = 40]", f)
#define PRODUCT(form) \
	CASE("matmul." form "[M = 3, N = 5, K = 4]", product), \
	CASE("matmul.batched_" form "[Z = 2, M = 3, N = 5, K = 4]", product)
#define LINEAR(name, f) CASE("matmul." name "[M = 3, N = 5, K = 4]", f)

const struct stdlib_case stdlib_numbers[] = {
	ONE("abs"), ONE("exp"), ONE("exp2"), ONE_POSITIVE("log"),
	ONE_POSITIVE("log2"), ONE_POSITIVE("sqrt"), ONE_POSITIVE("rsqrt"),
	ONE("sin"), ONE("cos"), ONE("tanh"), ONE("erf"), ONE("floor"),
	ONE("ceil"), ONE("round"), ONE("neg"), ONE("sign"), ONE("square"),
	ONE_POSITIVE("reciprocal"), ONE("trunc"), ONE("relu"), ONE("relu6"),
	ONE("hardtanh"), ONE("selu"), ONE("gelu"), ONE("gelu_tanh"),
	ONE("quick_gelu"), ONE("sigmoid"), ONE("silu"), ONE("softplus"),
	ONE("logsigmoid"), ONE("mish"), ONE("softsign"), ONE("tanhshrink"),
	ONE("hard_sigmoid"), ONE("hard_swish"), ONE("leaky_relu"),
	ONE("threshold"), ONE("clamp"), ONE("elu"), ONE("celu"), ONE("swish"),
	ONE("softshrink"), ONE("hardshrink"),
	TWO("add"), TWO("sub"), TWO("mul"), TWO("div"), TWO("maximum"),
	TWO("minimum"), TWO("pow"),
	PAIR("mod", mod), PAIR("fma", of_three), PAIR("axpy", sum),
	PAIR("lerp", lerp), PAIR("select", choose), PAIR("add_relu", add_relu),
	CASE("math.prelu[K = 2, C = 3, N = 5]", prelu),
	CASE("math.swiglu[M = 3, N = 5]", swiglu),
	CASE("math.add_outer[M = 3, N = 5]", outer),
	CASE("math.mul_outer[M = 3, N = 5]", outer),
	PAIR("eq", compared), PAIR("ne", compared), PAIR("lt", compared),
	PAIR("le", compared), PAIR("gt", compared), PAIR("ge", compared),
	PAIR("logical_and", logical), PAIR("logical_or", logical),
	PAIR("logical_xor", logical), PAIR("logical_not", logical),

	PRODUCT("nn"), PRODUCT("nt"), PRODUCT("tn"), PRODUCT("tt"),
	CASE("matmul.grouped_nn[M = 6, G = 3, E = 4, N = 5, K = 4]", grouped),
	CASE("matmul.grouped_nt[M = 6, G = 3, E = 4, N = 5, K = 4]", grouped),
	CASE("matmul.grouped_swiglu[M = 6, G = 3, E = 4, N = 5, K = 4]",
		grouped_gated),
	CASE("matmul.lora[Z = 2, M = 3, N = 5, K = 4, R = 2, E = 3, scale = 2.0]",
		lora),
	CASE("matmul.gemm[M = 3, N = 5, K = 4, alpha = 2.0, beta = 3.0]", gemm),
	LINEAR("linear", linear), LINEAR("linear_relu", linear),
	LINEAR("linear_gelu", linear), LINEAR("linear_gelu_tanh", linear),
	LINEAR("linear_silu", linear), LINEAR("linear_add", linear),
	LINEAR("linear_add_relu", linear), LINEAR("linear_swiglu", gated),
	LINEAR("linear_geglu", gated),
	CASE("matmul.matvec[M = 10, K = 4]", vector),
	CASE("matmul.vecmat[N = 10, K = 4]", vector),
	CASE("matmul.dot[K = 5]", vector),
	CASE("matmul.outer[M = 3, N = 5]", outer),

	POSITIVE("quant.cast[N = 40, O = i32]", cast_i32),
	CASE("quant.cast_saturate[T = i32, N = 40]", saturated),
	POSITIVE("quant.quantize[N = 40]", quantize),
	CASE("quant.dequantize[N = 40]", dequantize),
	POSITIVE("quant.quantize_channel[N = 2, C = 3, W = 5]", quantize),
	CASE("quant.dequantize_channel[N = 2, C = 3, W = 5]", dequantize),
	CASE("quant.quantize_rows[M = 3, N = 9]", quantize_row, row_scale),
	POSITIVE("quant.requantize[N = 40]", requantize),
	POSITIVE("quant.requantize_channel[N = 2, C = 3, W = 5]", requantize),
	POSITIVE("quant.fake_quantize[N = 40]", fake),
	CASE("quant.linear_quantized[M = 3, N = 5, K = 4]", linear_quantized),
	CASE("quant.linear_w8[M = 3, N = 5, K = 8, G = 4]", linear_w8),
	CASE("quant.linear_w4[M = 3, N = 5, K = 8, G = 4]", linear_w4),
	CASE("quant.linear_blocks[M = 3, N = 6, K = 8, G = 4, B = 2]",
		linear_blocks),
	CASE("quant.conv2d_quantized[N = 1, C = 2, H = 4, W = 5, F = 3, R = 3, "
		"S = 2, SH = 2, PH = 1, PW = 1]", conv_quantized),
	{0}
};
