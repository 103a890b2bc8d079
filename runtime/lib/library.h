/* SPDX-License-Identifier: MIT */
/* Calls of cuDNN and cuBLASLt: problems described in JSON (wpk-plan(5), "call"),
 * algorithms by their place in an enumeration, made ready once and run often. */
#ifndef WPK_RUNTIME_LIB_LIBRARY_H
#define WPK_RUNTIME_LIB_LIBRARY_H

#include "runtime/lib/lib.h"

struct library_call;

/* N_LIBRARIES of them, none opened; NULL without memory. */
struct library *libraries_create(void);
/* Closes what was opened, and frees c->libraries. */
void libraries_destroy(struct wpk_context *c);

/* Its version; 0 with "*why", which lives as long as the context, where it is
 * missing or unfit. Opens it on first use, under a lock. */
int library_version(struct wpk_context *c, enum library_kind k,
	const char **why);
/* "cudnn", "cublaslt"; N_LIBRARIES: neither. */
enum library_kind library_named(const char *name);

/* A call that is checked but not yet ready. "step" is the plan's step, "library"
 * and "call" and "algorithm" in it; places are numbered in its order, and
 * "places" says of each what it is ("tensor" number, or a byte offset into
 * workspace or prepared). */
enum place_kind { PLACE_TENSOR, PLACE_WORKSPACE, PLACE_PREPARED };

struct place {
	enum place_kind kind;
	int64_t value;
};

enum wpk_status library_call_create(struct wpk_context *c, const json_t *step,
	struct library_call **out, struct wpk_error *e);
void library_call_destroy(struct library_call *l);
const struct place *library_call_places(const struct library_call *l, int *n);

/* How many algorithms there are for it here: those of the enumeration, at most
 * "most". */
enum wpk_status library_call_count(struct library_call *l, int most, int *n,
	struct wpk_error *e);
/* Makes algorithm "n" of the enumeration the one that runs. Its workspace is at
 * most the context's limit. "*text", of the call: "engine 12, tile 5". */
enum wpk_status library_call_choose(struct library_call *l, int n,
	size_t *workspace, const char **text, struct wpk_error *e);
/* The algorithm that the step asks for, pinned or by place; where it is not to
 * be had, the first that is, which is worth a warning. */
enum wpk_status library_call_ready(struct library_call *l, size_t *workspace,
	struct wpk_error *e);
/* What was chosen, so that it can be pinned: an object for "pinned". */
json_t *library_call_pinned(const struct library_call *l);

/* Queues it on "stream": "addresses" by place, a workspace of its own. No
 * allocation; safe from several threads at once. */
enum wpk_status library_call_run(const struct library_call *l,
	void *const *addresses, void *workspace, wpk_stream stream,
	struct wpk_error *e);

#endif
