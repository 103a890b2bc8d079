/* SPDX-License-Identifier: MIT */
/* Steps that call cuDNN or cuBLASLt, by the same code as libwpk's. Which algorithm
 * is measured is said by its number or name, and then it is that one or none; or
 * it is pinned. Libraries are opened in whatever context is current. */
#include "runtime/worker/library.h"

#include <stdint.h>
#include <stdio.h>

#include "runtime/lib/library.h"

enum { WORKSPACE_MOST = 256 << 20 };

static struct wpk_context context;

/* Warnings are for people who run plans. */
static void keep_quiet(void *data, const char *text)
{
	(void)data, (void)text;
}

bool library_open(const struct cuda_calls *calls, int device, int sms,
	int share)
{
	context = (struct wpk_context){ .cuda = *calls, .device = device,
		.sms = sms, .share = share, .warn = keep_quiet,
		.library_workspace = WORKSPACE_MOST,
		.libraries = libraries_create() };
	return context.libraries != NULL;
}

void library_close(void)
{
	libraries_destroy(&context);
}

const char *library_load(const json_t *step, struct library_call **out,
	size_t *scratch, char text[400])
{
	struct wpk_error e;
	enum wpk_status status = library_call_create(&context, step, out, &e);

	if (!status && json_object_get(step, "pinned"))
		status = library_call_ready(*out, scratch, &e);
	else if (!status)
		status = library_call_choose_own(*out, scratch, &e);
	if (!status)
		return NULL;
	snprintf(text, 400, "%.399s", e.text);
	return text;
}

void library_unload(struct library_call *l)
{
	library_call_destroy(l);
}

json_t *library_pinned(const struct library_call *l)
{
	return library_call_pinned(l);
}

const char *library_launch(const struct library_call *l,
	wpk_cu_pointer (*at)(void *ctx, int kind, long long value), void *ctx,
	wpk_cu_pointer scratch, wpk_cu stream, char text[400])
{
	void *addresses[LIBRARY_PLACES];
	struct wpk_error e;
	int n;
	const struct place *p = library_call_places(l, &n);

	for (int i = 0; i < n && i < LIBRARY_PLACES; i++)
		addresses[i] = (void *)(uintptr_t)at(ctx, (int)p[i].kind,
			p[i].value);
	if (!library_call_run(l, addresses, (void *)(uintptr_t)scratch, stream,
	    &e))
		return NULL;
	snprintf(text, 400, "%.399s", e.text);
	return text;
}

const char *library_wrong(const struct library_call *l, int n_tensors,
	size_t workspace, size_t prepared, bool prepares,
	size_t (*bytes)(void *ctx, int tensor), void *ctx)
{
	int n;
	const struct place *p = library_call_places(l, &n);

	for (int i = 0; i < n; i++) {
		size_t room = p[i].kind == PLACE_WORKSPACE ? workspace :
			prepared, at = (size_t)p[i].value;

		if (p[i].kind == PLACE_TENSOR) {
			if (p[i].value >= n_tensors)
				return "a call's tensor is none of the problem";
			room = bytes(ctx, (int)p[i].value);
			at = 0;
		}
		if (at > room || p[i].bytes > room - at)
			return "a call reaches past the end of its memory";
		if (p[i].kind == PLACE_PREPARED && p[i].written && !prepares)
			return "a call writes what is prepared";
	}
	return n > LIBRARY_PLACES ? "a call has too many tensors" : NULL;
}
