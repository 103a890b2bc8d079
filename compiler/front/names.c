/* SPDX-License-Identifier: MIT */
/* The words of the language beyond its grammar: dtypes, reducers, builtin
 * functions, directives with their keys, targets. Each is one table, used by
 * the lexer, by the checks, by "did you mean" and by wpk(7). */
#include "front/names.h"

#include <stddef.h>
#include <string.h>

#include "base/patches.h"
#include "front/front.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define KEYS(...) ((const struct names_key[]){ __VA_ARGS__, { NULL, NULL } })

static const char *const dtypes[] = {
	"f64", "f32", "tf32", "f16", "bf16", "e4m3", "e5m2", "i64", "i32",
	"i16", "i8", "i4", "u32", "u16", "u8", "u4", "bool", NULL
};

static const char *const reducers[] = {
	"sum", "prod", "max", "min", "argmax", "argmin", "any", "all", NULL
};

/* min and max are reducers with parentheses: the last two rows. */
static const char *const builtins[] = {
	"exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sin", "cos", "tanh",
	"erf", "abs", "floor", "ceil", "round", "pow", "fma", "select", "min",
	"max", NULL
};

static const int arities[] = {
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 2, 2
};

static const char *const constants[] = { "smem_max", NULL };

static const char *const archs[] = {
	"sm_75", "sm_80", "sm_86", "sm_87", "sm_88", "sm_89", "sm_90",
	"sm_90a", "sm_100", "sm_100a", "sm_103", "sm_103a", "sm_110", "sm_110a",
	"sm_120", "sm_120a", "sm_121", "sm_121a", NULL
};

static const char *const reserved[] = {
	"alignas", "alignof", "and", "asm", "auto", "bool", "break", "case",
	"catch", "char", "class", "const", "constexpr", "continue", "decltype",
	"default", "delete", "do", "double", "else", "enum", "explicit",
	"extern", "false", "float", "friend", "goto", "if", "inline", "int",
	"long", "main", "mutable", "namespace", "new", "noexcept", "not",
	"nullptr", "operator", "or", "private", "protected", "public",
	"register", "return", "short", "signed", "sizeof", "static", "struct",
	"switch", "template", "this", "throw", "true", "try", "typedef",
	"typeid", "typename", "union", "unsigned", "using", "virtual", "void",
	"volatile", "while", "xor", "blockDim", "blockIdx", "gridDim",
	"threadIdx", "warpSize", NULL
};

#define LEVELS WORDS("block", "warp", "thread")
#define SCOPES WORDS("none", "shared", "register", "global", "auto")
#define SWITCH WORDS("on", "off", "auto")
#define HALOS WORDS("off", "auto" PATCHES(PATCH_WORD))
#define LIBRARIES WORDS("cublaslt", "cudnn", "library")
#define MATHS(n) "legacy_" #n "_tensor", "legacy_" #n "_default", \
	"legacy_" #n "_fma"
#define ALGORITHMS WORDS(MATHS(0), MATHS(1), MATHS(2), MATHS(3), MATHS(4), \
	MATHS(5), MATHS(6), MATHS(7))

static const struct names_directive table[] = {
	{ "kernel", IN_SCHEDULE, OF_STATEMENTS, BY_LIST, NULL,
		KEYS({ "sketch", NULL }) },
	{ "tile", IN_SCHEDULE, OF_WORDS, BY_AXIS, LEVELS,
		KEYS({ "rows", NULL }, { "cols", NULL }) },
	{ "fuse", IN_SCHEDULE, OF_NOTHING, BY_NEW_AXIS, NULL, NULL },
	{ "split", IN_SCHEDULE, OF_NOTHING, BY_AXIS, NULL, NULL },
	{ "reorder", IN_SCHEDULE, OF_ORDER, BY_LIST, NULL, NULL },
	{ "bind", IN_SCHEDULE, OF_NOTHING, BY_AXIS,
		WORDS("block", "block.x", "block.y", "block.z", "warp", "lane",
			"thread", "thread.x", "thread.y", "thread.z", "serial"),
		KEYS({ "threads", NULL }) },
	{ "stage", IN_SCHEDULE, OF_TENSORS, BY_LIST, NULL,
		KEYS({ "scope", SCOPES }, { "at", NULL },
			{ "swizzle", SWITCH }, { "pad", SWITCH },
			{ "pack", NULL }, { "along", NULL },
			{ "async", WORDS("on", "off", "auto", "bulk") },
			{ "halo", HALOS },
			{ "vector", NULL }) },
	{ "pipeline", IN_SCHEDULE, OF_AXES, BY_LIST, NULL,
		KEYS({ "stages", NULL }, { "overlap", SWITCH },
			{ "async", WORDS("on", "off", "auto", "bulk") }) },
	{ "unroll", IN_SCHEDULE, OF_SOME_AXES, BY_AXIS, WORDS("full"), NULL },
	{ "vectorize", IN_SCHEDULE, OF_TENSORS, BY_LIST, NULL,
		KEYS({ "width", NULL }) },
	{ "split_k", IN_SCHEDULE, OF_STATEMENTS, BY_LIST, NULL,
		KEYS({ "combine", WORDS("atomic", "workspace", "cluster",
			"stream") }) },
	{ "raster", IN_SCHEDULE, OF_NOTHING, BY_LIST, NULL,
		KEYS({ "order", WORDS("row", "col") }, { "group", NULL },
			{ "persistent", WORDS("on", "off", "auto",
				"pingpong") }) },
	{ "swizzle", IN_SCHEDULE, OF_TENSORS, BY_LIST, SWITCH, NULL },
	{ "tail", IN_SCHEDULE, OF_AXES, BY_LIST,
		WORDS("predicate", "shift", "exact"), NULL },
	{ "compute_at", IN_SCHEDULE, OF_PLACE, BY_LIST, NULL, NULL },
	{ "cache", IN_SCHEDULE, OF_TENSORS, BY_LIST, NULL,
		KEYS({ "scope", WORDS("none", "shared", "register", "global",
				"auto") }, { "at", NULL }) },
	{ "rfactor", IN_SCHEDULE, OF_REDUCTIONS, BY_LIST, NULL,
		KEYS({ "combine", WORDS("passes", "online", "tree") },
			{ "factor", NULL }) },
	{ "reduce", IN_SCHEDULE, OF_REDUCTIONS, BY_LIST, NULL,
		KEYS({ "over", WORDS("thread", "warp", "block", "cluster",
				"grid", "auto") },
			{ "threads", NULL }) },
	{ "epilogue", IN_SCHEDULE, OF_TENSORS, BY_LIST, NULL,
		KEYS({ "scope", SCOPES }, { "vector", NULL },
			{ "bulk", NULL }) },
	{ "mma", IN_SCHEDULE, OF_STATEMENTS, BY_LIST, NULL,
		KEYS({ "kind", WORDS("mma", "wgmma", "auto") },
			{ "precision", WORDS("tf32", "3xtf32", "f16", "bf16",
				"e4m3", "e5m2") },
			{ "promote", WORDS("fast") }, { "swap", SWITCH },
			{ "from", WORDS("shared", "register", "auto") }) },
	{ "winograd", IN_SCHEDULE, OF_STATEMENTS, BY_LIST, NULL,
		KEYS({ "m", NULL }) },
	{ "seed", IN_SCHEDULE, OF_NOTHING, BY_TUNABLE, NULL, NULL },
	{ "fallback", IN_SCHEDULE, OF_WORDS, BY_LIST, LIBRARIES,
		KEYS({ "margin", NULL }, { "algorithm", ALGORITHMS }) },
	{ "const", IN_SCHEDULE, OF_INPUTS, BY_LIST, NULL, NULL },
	{ "in_place", IN_SCHEDULE, OF_TENSORS, BY_LIST, NULL, NULL },
	{ "launch", IN_SCHEDULE, OF_NOTHING, BY_LIST, NULL,
		KEYS({ "overlap", WORDS("off", "steps", "stream") }) },
	{ "deterministic", IN_SCHEDULE, OF_NOTHING, BY_LIST, NULL, NULL },
	{ "variant", IN_SCHEDULE | IN_TUNE, OF_STRING, BY_LIST, NULL, NULL },
	{ "cluster", IN_SCHEDULE, OF_NOTHING, BY_AXIS, NULL,
		KEYS({ "rows", NULL }, { "cols", NULL }) },
	{ "shape", IN_TUNE | IN_TEST, OF_NOTHING, BY_SIZE, NULL,
		KEYS({ "weight", NULL }) },
	{ "budget", IN_TUNE, OF_NOTHING, BY_LIST, NULL,
		KEYS({ "trials", NULL }, { "time", NULL }) },
	{ "expect", IN_TEST, OF_NOTHING, BY_LIST, NULL,
		KEYS({ "against", WORDS("ref", "cublaslt", "cudnn") },
			{ "seed", NULL }) },
};

enum { N_DIRECTIVES = sizeof table / sizeof *table };

static const char *const directives[] = {
	"kernel", "tile", "fuse", "split", "reorder", "bind", "stage", "pipeline",
	"unroll", "vectorize", "split_k", "raster", "swizzle", "tail",
	"compute_at", "cache", "rfactor", "reduce", "epilogue", "mma",
	"winograd", "seed",
	"fallback", "const", "in_place", "launch", "deterministic", "variant", "cluster",
	"shape", "budget", "expect", NULL
};

_Static_assert(sizeof directives / sizeof *directives == N_DIRECTIVES + 1,
	"directives and their table have the same rows");
_Static_assert(sizeof builtins / sizeof *builtins ==
	sizeof arities / sizeof *arities + 1,
	"builtins and their arities have the same rows");

static const struct { const char *foreign, *dtype; } foreign[] = {
	{ "double", "f64" }, { "float", "f32" }, { "half", "f16" },
	{ "fp64", "f64" }, { "fp32", "f32" }, { "fp16", "f16" },
	{ "float64", "f64" }, { "float32", "f32" }, { "float16", "f16" },
	{ "bfloat16", "bf16" }, { "int", "i32" }, { "int64", "i64" },
	{ "int32", "i32" }, { "int16", "i16" }, { "int8", "i8" },
	{ "uint32", "u32" }, { "uint16", "u16" }, { "uint8", "u8" },
};

static int position(const char *const *list, const char *word)
{
	for (int i = 0; list && list[i]; i++)
		if (!strcmp(list[i], word))
			return i;
	return -1;
}

const char *const *front_directives(void)
{
	return directives;
}

bool front_in_schedule(const char *directive)
{
	const struct names_directive *d = names_directive(directive);

	return d && d->where & IN_SCHEDULE;
}

const char *const *front_builtins(void)
{
	return builtins;
}

const char *const *front_reducers(void)
{
	return reducers;
}

const char *const *front_keywords(void)
{
	static const char *const keywords[] = {
#define KEYWORD(name, kind) name,
		NAMES_KEYWORDS(KEYWORD)
#undef KEYWORD
		NULL
	};

	return keywords;
}

const char *const *front_dtypes(void)
{
	return dtypes;
}

bool names_has(const char *const *list, const char *word)
{
	return position(list, word) >= 0;
}

bool names_is_dtype(const char *word)
{
	return names_has(dtypes, word);
}

const char *names_dtype_of(const char *word)
{
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (!strcmp(foreign[i].foreign, word))
			return foreign[i].dtype;
	return NULL;
}

bool names_is_reducer(const char *word)
{
	return names_has(reducers, word);
}

const struct names_directive *names_directive(const char *word)
{
	for (int i = 0; i < N_DIRECTIVES; i++)
		if (!strcmp(table[i].name, word))
			return &table[i];
	return NULL;
}

int names_builtin_arity(const char *word)
{
	int i = position(builtins, word);

	return i < 0 ? -1 : arities[i];
}

const char *const *names_target_constants(void)
{
	return constants;
}

const char *const *names_archs(void)
{
	return archs;
}

int names_arch(const char *word)
{
	return position(archs, word);
}

bool names_is_reserved(const char *word)
{
	return names_has(reserved, word);
}
