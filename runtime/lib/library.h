/* SPDX-License-Identifier: MIT */
/* Calls of cuDNN and cuBLASLt: problems described in JSON (wpk-plan(5), "call"),
 * algorithms by their place in an enumeration, made ready once and run often.
 *
 * Threads: a call is created, chosen and made ready by one thread, with nobody
 * running it; then any number run it. Runs of cuBLASLt calls share nothing that
 * changes; runs of cuDNN calls take turns at queueing, under a lock of the
 * context's, because one handle has one stream. Whoever calls has the primary
 * context of the device current. */
#ifndef WPK_RUNTIME_LIB_LIBRARY_H
#define WPK_RUNTIME_LIB_LIBRARY_H

#include "runtime/lib/lib.h"

struct library_call;

/* N_LIBRARIES of them, none opened; NULL without memory. */
struct library *libraries_create(void);
/* Closes what was opened, and frees c->libraries. */
void libraries_destroy(struct wpk_context *c);

/* Its version; 0 with "*why" (may be NULL), which lives as long as the context,
 * where it is missing or unfit. Opens it on first use, under a lock. */
int library_version(struct wpk_context *c, enum library_kind k,
	const char **why);
/* "cudnn", "cublaslt"; N_LIBRARIES: neither, or NULL. */
enum library_kind library_named(const char *name);

/* What a call reads or writes: a tensor by its number, or a byte offset into
 * workspace or prepared; "bytes" from there on, aligned to "align". Who runs it
 * sees to it that they are there. */
enum place_kind { PLACE_TENSOR, PLACE_WORKSPACE, PLACE_PREPARED };

struct place {
	enum place_kind kind;
	int64_t value;
	size_t bytes;
	unsigned align;
	bool written;
};

/* A call that is checked and described to its library, with no algorithm yet.
 * "step" is the plan's step: "library", "call", "algorithm" and "pinned" in it;
 * all numbers are numbers by now. It is not kept. WPK_E_PLAN: makes no sense;
 * WPK_E_LIBRARY: the library is missing or refuses it. */
enum wpk_status library_call_create(struct wpk_context *c, const json_t *step,
	struct library_call **out, struct wpk_error *e);
/* NULL does nothing. */
void library_call_destroy(struct library_call *l);
/* In the order in which they stand in the call: a, b, c, d, bias of a product,
 * a graph's tensors that are neither virtual nor constant. */
const struct place *library_call_places(const struct library_call *l, int *n);

/* How many algorithms there are for it here: those of the enumeration, at most
 * "most". A longer enumeration begins with the shorter one. */
enum wpk_status library_call_count(struct library_call *l, int most, int *n,
	struct wpk_error *e);
/* Makes algorithm "n" of the enumeration the one that runs. Its workspace is at
 * most the context's limit, and its plan is built within LIBRARY_SECONDS; else
 * it is refused. "*text", of the call: "engine 12, tile_size 5". */
enum { LIBRARY_SECONDS = 5 };

enum wpk_status library_call_choose(struct library_call *l, int n,
	size_t *workspace, const char **text, struct wpk_error *e);
/* Likewise by its name, where the library has named ones: "legacy_1_tensor". */
enum wpk_status library_call_choose_named(struct library_call *l,
	const char *name, size_t *workspace, const char **text,
	struct wpk_error *e);
/* Likewise the one that the step asks for by place or by name, and no other. */
enum wpk_status library_call_choose_own(struct library_call *l,
	size_t *workspace, struct wpk_error *e);
/* The algorithm that the step asks for, pinned, by place or by name; where it is
 * not to be had, the first that is, which is worth a warning. */
enum wpk_status library_call_ready(struct library_call *l, size_t *workspace,
	struct wpk_error *e);
/* What was chosen, in words, and what it takes; "" and 0 where nothing is. */
const char *library_call_text(const struct library_call *l);
size_t library_call_workspace(const struct library_call *l);
/* What was chosen, so that it can be pinned: an object for "pinned", a new
 * reference; NULL where nothing is chosen, or without memory. */
json_t *library_call_pinned(const struct library_call *l);

/* Queues it on "stream": "addresses" by place, a workspace of its own of the
 * size that was told, aligned to 256 bytes. Nothing is allocated here; cuDNN
 * itself takes host memory when it sees addresses for the first time. Safe from
 * several threads at once. */
enum wpk_status library_call_run(const struct library_call *l,
	void *const *addresses, void *workspace, wpk_stream stream,
	struct wpk_error *e);

#endif
