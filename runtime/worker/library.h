/* SPDX-License-Identifier: MIT */
/* What a measuring worker asks of libraries: calls of cuDNN and cuBLASLt as steps
 * of a candidate. */
#ifndef WPK_RUNTIME_WORKER_LIBRARY_H
#define WPK_RUNTIME_WORKER_LIBRARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/lib/driver.h"

enum { LIBRARY_PLACES = 64 };

struct library_call;

/* On a device whose driver is "calls", "share" percent of it. False without
 * memory. */
bool library_open(const struct cuda_calls *calls, int device, int sms,
	int share);
void library_close(void);

/* The step's call, ready, with what it takes in "*scratch"; or a sentence, which
 * lies in "text": the library is missing, or has no such algorithm. What was made
 * in "*out" is to be unloaded all the same. */
const char *library_load(const json_t *step, struct library_call **out,
	size_t *scratch, char text[400]);
void library_unload(struct library_call *l);
/* What makes it exactly this one again: a new reference, or NULL. */
json_t *library_pinned(const struct library_call *l);
/* NULL, or how it reaches beyond the problem's memory; "bytes" are a tensor's. */
const char *library_wrong(const struct library_call *l, int n_tensors,
	size_t workspace, size_t prepared, bool prepares,
	size_t (*bytes)(void *ctx, int tensor), void *ctx);
/* Queues it; "at" gives addresses of tensors (kind 0), of places in the workspace
 * (1) and among what is prepared (2). NULL, or a sentence in "text". */
const char *library_launch(const struct library_call *l,
	wpk_cu_pointer (*at)(void *ctx, int kind, long long value), void *ctx,
	wpk_cu_pointer scratch, wpk_cu stream, char text[400]);

#endif
