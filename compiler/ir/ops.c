/* SPDX-License-Identifier: MIT */
/* The tables of ops.h as data, and the values of functions. */
#include "ir/ops.h"

#include <math.h>

const struct op_row op_rows[N_OPS] = {
#define X(e, name, n, cuda, ulp) { name, n, cuda, ulp },
	OPS(X)
#undef X
};

double op_value(enum op op, double x)
{
	switch (op) {
	case OP_NEG: return -x;
	case OP_ABS: return fabs(x);
	case OP_EXP: return exp(x);
	case OP_EXP2: return exp2(x);
	case OP_LOG: return log(x);
	case OP_LOG2: return log2(x);
	case OP_SQRT: return sqrt(x);
	case OP_RSQRT: return 1 / sqrt(x);
	case OP_SIN: return sin(x);
	case OP_COS: return cos(x);
	case OP_TANH: return tanh(x);
	case OP_ERF: return erf(x);
	case OP_FLOOR: return floor(x);
	case OP_CEIL: return ceil(x);
	case OP_ROUND: return rint(x);
	default: return (double)NAN;
	}
}

const struct reducer_row reducer_rows[N_REDUCERS] = {
#define X(e, name, combine) { name, combine },
	REDUCERS(X)
#undef X
};
