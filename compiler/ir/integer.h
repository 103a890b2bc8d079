/* SPDX-License-Identifier: MIT */
/* Arithmetic of integers as operators have it. */
#ifndef WPK_COMPILER_IR_INTEGER_H
#define WPK_COMPILER_IR_INTEGER_H

#include <stdint.h>

#include "ir/ops.h"
#include "ir/type.h"

/* "v" modulo 2^bits, in the type's range; of bool whether it is not 0. */
int64_t integer_wrap(enum dtype t, int64_t v);
/* "v" as arithmetic in "t" has it, which is done in 32 bits or more. */
int64_t integer_settle(enum dtype t, int64_t v);
/* x OP y modulo 2^64, of ADD, SUB, MUL, DIV and MOD; y is not 0 where it divides. */
int64_t integer_apply(enum op op, int64_t x, int64_t y);

#endif
