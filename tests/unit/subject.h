/* SPDX-License-Identifier: MIT */
/* A program to be checked: an operator, built and emitted by one sketch, whose
 * text a test may damage. */
#ifndef WPK_TESTS_UNIT_SUBJECT_H
#define WPK_TESTS_UNIT_SUBJECT_H

#include "base/arena.h"
#include "driver/check.h"
#include "ir/ir.h"
#include "kernel/kernel.h"
#include "schedule/target.h"

/* "arithmetic": as check_request has it. */
struct subject {
	struct arena *a;
	struct ir_operator *reference, *arithmetic;
	struct program *program;
	char *cuda;
	const struct target *target;
};

/* The operator whose IR is "text", for sm_80, by the sketch of this name, or by
 * the first that serves each group. */
struct subject subject_open(const char *text, const char *sketch);
/* The same with some tunables at other values than the default, NULL-ended. */
struct subject_value {
	const char *name;
	int value;
};
struct subject subject_open_at(const char *text, const char *sketch,
	const struct subject_value *values);
/* For another target; where launches can begin early they all do. */
struct subject subject_open_for(const char *target, const char *text,
	const char *sketch, const struct subject_value *values);
/* The first "was" in the emitted text becomes "is". */
void subject_plant(struct subject *s, const char *was, const char *is);
/* What asks for a check of it, CHECK_... bits "how", and its answer. */
struct check_request subject_request(const struct subject *s, unsigned how);
struct check_result subject_check(const struct subject *s, unsigned how);

#endif
