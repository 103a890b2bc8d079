/* SPDX-License-Identifier: MIT */
/* Names that C, C++ or CUDA keep for themselves, and the functions emitted
 * text calls; the user's names are moved out of their way. All that begin with
 * "cuda" are the CUDA runtime's. */
#include <stdlib.h>
#include <string.h>

#include "cuda/emit.h"

static const char *const reserved[] = {
	"NULL", "abs", "alignas", "alignof", "and", "and_eq", "asm",
	"atomicAdd", "atomicAnd", "atomicCAS", "atomicExch", "atomicMax",
	"atomicMin", "atomicOr", "auto", "bitand", "bitor", "blockDim",
	"blockIdx", "bool", "break", "case", "catch", "char", "char16_t",
	"char32_t", "char8_t", "class", "co_await", "co_return", "co_yield",
	"compl", "concept", "const", "const_cast", "consteval", "constexpr",
	"constinit", "continue", "decltype", "default", "delete", "dim3",
	"do", "double", "double2", "dynamic_cast", "else", "enum", "errno",
	"explicit", "export",
	"extern", "false", "float", "float2", "float4", "for", "friend",
	"goto", "gridDim", "if", "inline", "int", "int2", "int4", "linux",
	"long", "main", "make_double2", "make_float2", "make_float4",
	"make_uint2", "make_uint4", "mutable", "namespace", "new", "noexcept",
	"not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
	"protected", "public", "register", "reinterpret_cast", "requires",
	"restrict", "return", "shared_memory", "short", "signed", "size_t",
	"sizeof", "static", "static_assert", "static_cast", "std", "struct",
	"switch", "template", "this", "threadIdx", "thread_local", "throw",
	"true", "try", "typedef", "typeid", "typename", "uint2", "uint4",
	"union", "unix", "unsigned", "using", "virtual", "void", "volatile",
	"warpSize", "wchar_t", "while", "xor", "xor_eq"
};

/* Functions that nvcc declares unasked, in C's or CUDA's libraries: a launcher
 * of that name would be declared twice. */
static const char *const functions[] = {
	"abort", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh",
	"atexit", "atof", "atoi", "atol", "bsearch", "calloc", "cbrt", "ceil",
	"clock", "copysign", "cos", "cosh", "cospi", "difftime", "div", "drem",
	"erf", "erfc", "erfcinv", "erfcx", "erfinv", "exit", "exp", "exp10",
	"exp2", "expm1", "fabs", "fdim", "finite", "floor", "fma", "fmax",
	"fmin", "fmod", "free", "frexp", "gamma", "getenv", "hypot", "ilogb",
	"index", "isinf", "isnan", "j0", "j1", "jn", "labs", "ldexp", "ldiv",
	"lgamma", "llabs", "lldiv", "llrint", "llround", "log", "log10",
	"log1p", "log2", "logb", "lrint", "lround", "malloc", "max", "memcmp",
	"memcpy", "memmove", "memset", "min", "modf", "nan", "nearbyint",
	"nextafter", "norm", "norm3d", "norm4d", "normcdf", "normcdfinv",
	"pow", "printf", "putchar", "puts", "qsort", "rand", "random", "rcbrt",
	"realloc", "remainder", "remove", "remquo", "rename", "rhypot",
	"rindex", "rint", "rnorm", "rnorm3d", "rnorm4d", "round", "rsqrt",
	"scalb", "scalbln", "scalbn", "select", "signgam", "significand",
	"sin", "sincos", "sincospi", "sinh", "sinpi", "sqrt", "srand",
	"strlen", "system", "tan", "tanh", "tanpi", "tgamma", "time",
	"tolower", "toupper", "trunc", "umax", "umin", "y0", "y1", "yn"
};

static int compare(const void *x, const void *y)
{
	return strcmp(x, *(const char *const *)y);
}

/* A math function, in its form for float or double. */
static bool is_math(const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < N_OPS; i++) {
		const char *s = op_rows[i].cuda;
		size_t len = strlen(s);

		if (!strcmp(s, name) || (len == n + 1 && s[n] == 'f' &&
		    !strncmp(s, name, n)))
			return true;
	}
	return false;
}

static bool is_reserved(const char *name)
{
	return bsearch(name, reserved, sizeof reserved / sizeof *reserved,
			sizeof *reserved, compare) ||
		!strncmp(name, "__", 2) || !strncmp(name, "cuda", 4) ||
		is_math(name) ||
		intrin_named(name) >= 0;
}

const char *cuda_name(struct arena *a, const char *name)
{
	return is_reserved(name) ? arena_printf(a, "%s_", name) : name;
}

const char *cuda_symbol(struct arena *a, const char *name)
{
	if (bsearch(name, functions, sizeof functions / sizeof *functions,
			sizeof *functions, compare))
		return arena_printf(a, "%s_", name);
	return cuda_name(a, name);
}

const char *emit_c_type(enum dtype t)
{
	return t == T_BOOL ? "bool" : dtype_row(t)->c;
}
