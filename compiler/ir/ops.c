/* SPDX-License-Identifier: MIT */
/* The tables of ops.h as data. */
#include "ir/ops.h"

const struct op_row op_rows[N_OPS] = {
#define X(e, name, n, cuda, ulp) { name, n, cuda, ulp },
	OPS(X)
#undef X
};

const struct reducer_row reducer_rows[N_REDUCERS] = {
#define X(e, name, combine) { name, combine },
	REDUCERS(X)
#undef X
};
