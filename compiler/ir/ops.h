/* SPDX-License-Identifier: MIT */
/* Operations of expressions, in one table for the operator IR and the kernel
 * IR: enum suffix, name in text forms, number of operands, name in CUDA for
 * f32, error in ulps of the f32 form (CUDA C++ Programming Guide, appendix
 * "Mathematical Functions"; 0.5 = correctly rounded, 0 = exact).
 * Integer DIV and MOD floor. */
#ifndef WPK_COMPILER_IR_OPS_H
#define WPK_COMPILER_IR_OPS_H

#define OPS(X) \
	/*  enum     name     n  CUDA      ulp */ \
	X(ADD,    "add",    2, "+",       0.5) \
	X(SUB,    "sub",    2, "-",       0.5) \
	X(MUL,    "mul",    2, "*",       0.5) \
	X(DIV,    "div",    2, "/",       0.5) \
	X(MOD,    "mod",    2, "%",       0) \
	X(MIN,    "min",    2, "fminf",   0) \
	X(MAX,    "max",    2, "fmaxf",   0) \
	X(LT,     "lt",     2, "<",       0) \
	X(LE,     "le",     2, "<=",      0) \
	X(EQ,     "eq",     2, "==",      0) \
	X(NE,     "ne",     2, "!=",      0) \
	X(AND,    "and",    2, "&&",      0) \
	X(OR,     "or",     2, "||",      0) \
	X(NOT,    "not",    1, "!",       0) \
	X(NEG,    "neg",    1, "-",       0) \
	X(ABS,    "abs",    1, "fabsf",   0) \
	X(EXP,    "exp",    1, "expf",    2) \
	X(EXP2,   "exp2",   1, "exp2f",   2) \
	X(LOG,    "log",    1, "logf",    1) \
	X(LOG2,   "log2",   1, "log2f",   1) \
	X(SQRT,   "sqrt",   1, "sqrtf",   0.5) \
	X(RSQRT,  "rsqrt",  1, "rsqrtf",  2) \
	X(SIN,    "sin",    1, "sinf",    2) \
	X(COS,    "cos",    1, "cosf",    2) \
	X(TANH,   "tanh",   1, "tanhf",   2) \
	X(ERF,    "erf",    1, "erff",    2) \
	X(FLOOR,  "floor",  1, "floorf",  0) \
	X(CEIL,   "ceil",   1, "ceilf",   0) \
	X(ROUND,  "round",  1, "rintf",   0) \
	X(POW,    "pow",    2, "powf",    4) \
	X(FMA,    "fma",    3, "fmaf",    0.5) \
	X(SELECT, "select", 3, "?:",      0)

enum op {
#define X(e, ...) OP_##e,
	OPS(X)
#undef X
	N_OPS
};

struct op_row {
	const char *name;
	int n;
	const char *cuda;
	double ulp;
};

extern const struct op_row op_rows[N_OPS];

/* A function of one number, as near as double gives it; NaN for what is none. */
double op_value(enum op op, double x);

/* Reducers: enum suffix, name, the op that combines two values. */
#define REDUCERS(X) \
	X(SUM,    "sum",    OP_ADD) \
	X(PROD,   "prod",   OP_MUL) \
	X(MAX,    "max",    OP_MAX) \
	X(MIN,    "min",    OP_MIN) \
	X(ARGMAX, "argmax", OP_MAX) \
	X(ARGMIN, "argmin", OP_MIN) \
	X(ANY,    "any",    OP_OR) \
	X(ALL,    "all",    OP_AND)

enum reducer {
#define X(e, ...) RED_##e,
	REDUCERS(X)
#undef X
	N_REDUCERS
};

struct reducer_row {
	const char *name;
	enum op combine;
};

extern const struct reducer_row reducer_rows[N_REDUCERS];

#endif
