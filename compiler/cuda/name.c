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
	"sizeof", "static", "static_assert", "static_cast", "struct",
	"switch", "template", "this", "threadIdx", "thread_local", "throw",
	"true", "try", "typedef", "typeid", "typename", "uint2", "uint4",
	"union", "unix", "unsigned", "using", "virtual", "void", "volatile",
	"warpSize", "wchar_t", "while", "xor", "xor_eq"
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

const char *emit_c_type(enum dtype t)
{
	return t == T_BOOL ? "bool" : dtype_row(t)->c;
}
