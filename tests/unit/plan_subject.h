/* SPDX-License-Identifier: MIT */
/* A plan and a driver that does nothing, for tests of libwpk. */
#ifndef WPK_TESTS_UNIT_PLAN_SUBJECT_H
#define WPK_TESTS_UNIT_PLAN_SUBJECT_H

#include "runtime/wpk.h"
#include "tests/runtime/null.h"

/* The plan with blanks filled: pairs of name and text, then NULL. Malloc'ed. */
char *plan_of(const char *first, ...);

struct subject {
	struct wpk_context *c;
	struct null_state *driver;
	char folder[32], warned[1000];
	int share;			/* percent of the device, 0: all */
	const char *cublaslt;		/* file, or "": without */
	int warnings;
	void *library;
};

/* Setup and teardown of a case. */
int subject_open(void **state);
int subject_close(void **state);
/* Another context, where the environment changed. */
int subject_context(struct subject *s);
const char *subject_driver(char path[4096]);

/* Reads and frees the text. */
struct wpk_plan *subject_read(struct subject *s, char *text,
	struct wpk_error *e);
/* The plan as it is. */
struct wpk_plan *subject_plan(struct subject *s);

/* Tensors of the operator at some M and K, at some addresses. */
struct pair {
	int64_t shapes[2][2], strides[2][2];
	DLTensor a, y;
	const DLTensor *v[2];
};

void pair_make(struct pair *p, int64_t m, int64_t k);
extern const struct wpk_memory pair_memory;
enum wpk_status pair_run(const struct wpk_plan *p, const struct pair *t,
	const struct wpk_memory *m, struct wpk_error *e);

#define CASE(f) cmocka_unit_test_setup_teardown(f, subject_open, subject_close)

#endif
