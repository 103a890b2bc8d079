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
	"switch", "template", "tensor_map", "this", "threadIdx", "thread_local", "throw",
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

/* Macros of the headers that nvcc includes unasked. */
static const char *const macros[] = {
	"ADJ_ESTERROR", "ADJ_FREQUENCY", "ADJ_MAXERROR", "ADJ_MICRO",
	"ADJ_NANO", "ADJ_OFFSET", "ADJ_OFFSET_SINGLESHOT",
	"ADJ_OFFSET_SS_READ", "ADJ_SETOFFSET", "ADJ_STATUS", "ADJ_TAI",
	"ADJ_TICK", "ADJ_TIMECONST", "AIO_PRIO_DELTA_MAX", "BC_BASE_MAX",
	"BC_DIM_MAX", "BC_SCALE_MAX", "BC_STRING_MAX", "BIG_ENDIAN",
	"BOOL_MAX", "BOOL_WIDTH", "BUFSIZ", "BYTE_ORDER",
	"CHARCLASS_NAME_MAX", "CHAR_BIT", "CHAR_MAX", "CHAR_MIN",
	"CHAR_WIDTH", "CLOCKS_PER_SEC", "CLOCK_BOOTTIME",
	"CLOCK_BOOTTIME_ALARM", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_COARSE",
	"CLOCK_MONOTONIC_RAW", "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_REALTIME",
	"CLOCK_REALTIME_ALARM", "CLOCK_REALTIME_COARSE", "CLOCK_TAI",
	"CLOCK_THREAD_CPUTIME_ID", "COLL_WEIGHTS_MAX", "DELAYTIMER_MAX",
	"EOF", "EXIT_FAILURE", "EXIT_SUCCESS", "EXPR_NEST_MAX", "FD_CLR",
	"FD_ISSET", "FD_SET", "FD_SETSIZE", "FD_ZERO", "FILENAME_MAX",
	"FOPEN_MAX", "FP_ILOGB0", "FP_ILOGBNAN", "FP_INFINITE",
	"FP_INT_DOWNWARD", "FP_INT_TONEAREST", "FP_INT_TONEARESTFROMZERO",
	"FP_INT_TOWARDZERO", "FP_INT_UPWARD", "FP_LLOGB0", "FP_LLOGBNAN",
	"FP_NAN", "FP_NORMAL", "FP_SUBNORMAL", "FP_ZERO", "HOST_NAME_MAX",
	"HUGE_VAL", "HUGE_VALF", "HUGE_VALL", "HUGE_VAL_F128", "HUGE_VAL_F32",
	"HUGE_VAL_F32X", "HUGE_VAL_F64", "HUGE_VAL_F64X", "INFINITY",
	"INT_MAX", "INT_MIN", "INT_WIDTH", "IOV_MAX", "LINE_MAX",
	"LITTLE_ENDIAN", "LLONG_MAX", "LLONG_MIN", "LLONG_WIDTH",
	"LOGIN_NAME_MAX", "LONG_BIT", "LONG_LONG_MAX", "LONG_LONG_MIN",
	"LONG_MAX", "LONG_MIN", "LONG_WIDTH", "L_ctermid", "L_cuserid",
	"L_tmpnam", "MATH_ERREXCEPT", "MATH_ERRNO", "MAXFLOAT", "MAX_CANON",
	"MAX_INPUT", "MB_CUR_MAX", "MB_LEN_MAX", "MOD_CLKA", "MOD_CLKB",
	"MOD_ESTERROR", "MOD_FREQUENCY", "MOD_MAXERROR", "MOD_MICRO",
	"MOD_NANO", "MOD_OFFSET", "MOD_STATUS", "MOD_TAI", "MOD_TIMECONST",
	"MQ_PRIO_MAX", "NAME_MAX", "NAN", "NFDBITS", "NGROUPS_MAX",
	"NL_ARGMAX", "NL_LANGMAX", "NL_MSGMAX", "NL_NMAX", "NL_SETMAX",
	"NL_TEXTMAX", "NZERO", "PATH_MAX", "PDP_ENDIAN", "PIPE_BUF",
	"PTHREAD_DESTRUCTOR_ITERATIONS", "PTHREAD_KEYS_MAX",
	"PTHREAD_STACK_MIN", "P_tmpdir", "RAND_MAX", "RENAME_EXCHANGE",
	"RENAME_NOREPLACE", "RENAME_WHITEOUT", "RE_DUP_MAX", "RTSIG_MAX",
	"SCHAR_MAX", "SCHAR_MIN", "SCHAR_WIDTH", "SEEK_CUR", "SEEK_DATA",
	"SEEK_END", "SEEK_HOLE", "SEEK_SET", "SEM_VALUE_MAX", "SHRT_MAX",
	"SHRT_MIN", "SHRT_WIDTH", "SNAN", "SNANF", "SNANF128", "SNANF32",
	"SNANF32X", "SNANF64", "SNANF64X", "SNANL", "SSIZE_MAX", "STA_CLK",
	"STA_CLOCKERR", "STA_DEL", "STA_FLL", "STA_FREQHOLD", "STA_INS",
	"STA_MODE", "STA_NANO", "STA_PLL", "STA_PPSERROR", "STA_PPSFREQ",
	"STA_PPSJITTER", "STA_PPSSIGNAL", "STA_PPSTIME", "STA_PPSWANDER",
	"STA_RONLY", "STA_UNSYNC", "TIMER_ABSTIME", "TIME_UTC", "TMP_MAX",
	"TTY_NAME_MAX", "UCHAR_MAX", "UCHAR_WIDTH", "UINT_MAX", "UINT_WIDTH",
	"ULLONG_MAX", "ULLONG_WIDTH", "ULONG_LONG_MAX", "ULONG_MAX",
	"ULONG_WIDTH", "USHRT_MAX", "USHRT_WIDTH", "WCONTINUED", "WEXITED",
	"WEXITSTATUS", "WIFCONTINUED", "WIFEXITED", "WIFSIGNALED",
	"WIFSTOPPED", "WNOHANG", "WNOWAIT", "WORD_BIT", "WSTOPPED",
	"WSTOPSIG", "WTERMSIG", "WUNTRACED", "XATTR_LIST_MAX",
	"XATTR_NAME_MAX", "XATTR_SIZE_MAX", "alloca", "assert",
	"assert_perror", "be16toh", "be32toh", "be64toh", "htobe16",
	"htobe32", "htobe64", "htole16", "htole32", "htole64", "isalnum_l",
	"isalpha_l", "isascii", "isascii_l", "isblank_l", "iscntrl_l",
	"isdigit_l", "isgraph_l", "islower_l", "isprint_l", "ispunct_l",
	"isspace_l", "issubnormal", "isupper_l", "isxdigit_l", "le16toh",
	"le32toh", "le64toh", "math_errhandling", "offsetof", "stderr",
	"stdin", "stdout", "strdupa", "strndupa", "toascii", "toascii_l"
};

/* Numbers of math.h, which may have a type behind them: M_PI, M_PIf. */
static const char *const numbers[] = {
	"M_1_PI", "M_2_PI", "M_2_SQRTPI", "M_E", "M_LN10", "M_LN2", "M_LOG10E",
	"M_LOG2E", "M_PI", "M_PI_2", "M_PI_4", "M_SQRT1_2", "M_SQRT2"
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

		if (*s == *name && !strncmp(s, name, n) && (!s[n] ||
		    (s[n] == 'f' && !s[n + 1])))
			return true;
	}
	return false;
}

static bool is_number(const char *name)
{
	static const char *const types[] = {
		"", "f", "l", "f32", "f32x", "f64", "f64x", "f128"
	};

	if (*name != 'M')
		return false;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		size_t n = strlen(numbers[i]);

		if (strncmp(name, numbers[i], n))
			continue;
		for (size_t t = 0; t < sizeof types / sizeof *types; t++)
			if (!strcmp(name + n, types[t]))
				return true;
	}
	return false;
}

static bool is_reserved(const char *name)
{
	return bsearch(name, reserved, sizeof reserved / sizeof *reserved,
			sizeof *reserved, compare) ||
		bsearch(name, macros, sizeof macros / sizeof *macros,
			sizeof *macros, compare) || is_number(name) ||
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
