/* SPDX-License-Identifier: MIT */
/* Operators of sources that import the standard library; a test fails, with the
 * errors, where there is none. */
#ifndef WPK_TESTS_UNIT_STD_SOURCE_H
#define WPK_TESTS_UNIT_STD_SOURCE_H

#include "front/front.h"
#include "ir/lower.h"

struct ast_unit *std_load(struct arena *a, const char *text);
/* Operator "name" of "text". */
struct ir_operator *std_lowered(struct arena *a, const char *text,
	const char *name);
/* Operator "t" of "text", folded, hoisted and split, as groups want it. */
struct ir_operator *std_split(struct arena *a, const char *text);

#endif
