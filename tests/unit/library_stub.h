/* SPDX-License-Identifier: MIT */
/* For tests of library calls: contexts whose libraries are stubs, and calls whose
 * memory is exactly as large as they say, between guards. */
#ifndef WPK_TESTS_UNIT_LIBRARY_STUB_H
#define WPK_TESTS_UNIT_LIBRARY_STUB_H

#include "runtime/lib/lib.h"
#include "runtime/lib/library.h"

/* A stub, held open so that what it counts can be read; "warned": what the
 * context said, and how often. */
struct stub {
	struct wpk_context context;
	void *file;
	int *alive, *misused, *runs, *sms, *fast;
	void **stream;
	void (*reset)(void);
	char text[500];
	int warnings;
};

/* The path of a stub that make built: "libcublaslt.so". */
const char *stub_path(const char *name, char path[400]);
/* With files (NULL: the usual ones) for cuBLASLt and cuDNN; counts are of the
 * one that is given first. */
struct stub *stub_create(const char *cublaslt, const char *cudnn);
/* Nothing of the stub's may be left, nothing misused. */
void stub_destroy(struct stub *s);

/* A step from text; quotes may be single ones. The test fails if it is none. */
json_t *step_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Takes the step. */
struct library_call *call_of(struct stub *s, json_t *step);
struct library_call *call_of_context(struct wpk_context *c, json_t *step);

/* Memory by place, each with guards around it that free_memory() checks. */
struct memory {
	void *address[64];
	size_t bytes[64];
	int n;
};

struct memory take_memory(const struct library_call *l, unsigned align);
void free_memory(struct memory *m);
/* A workspace likewise: run_call() makes sure that no more is written. */
void run_call(const struct library_call *l, const struct memory *m);
/* It has no algorithm "n", as a sentence says in which "why" is. */
enum wpk_status call_refuses(struct library_call *l, int n, const char *why);
/* Everything that can be done with a call of the step, which is taken. */
enum wpk_status call_lives(struct stub *s, json_t *step, unsigned align,
	struct wpk_error *e);

#endif
