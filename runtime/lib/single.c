/* SPDX-License-Identifier: MIT */
/* Calls of libraries on their own, as launchers make them that wpkc wrote: the
 * step's text goes in, and what makes it many times comes out. */
#include <stdlib.h>

#include "runtime/lib/call.h"

struct wpk_call {
	struct library_call *call;
	size_t workspace;
};

/* Threads that race for the context's libraries are let in one by one by these
 * themselves: library.c. */
static enum wpk_status make(struct wpk_context *c, const char *text,
	struct wpk_call *call, struct wpk_error *e)
{
	json_error_t at;
	json_t *step = json_loads(text, 0, &at);
	enum wpk_status status;

	if (!step)
		return fail(e, WPK_E_SYNTAX, "a call of a library is no JSON: "
			"%s", at.text);
	status = library_call_create(c, step, &call->call, e);
	if (!status)
		status = library_call_ready(call->call, &call->workspace, e);
	json_decref(step);
	return status;
}

enum wpk_status wpk_call_create(struct wpk_context *c, const char *text,
	struct wpk_call **out, struct wpk_error *e)
{
	struct wpk_call *call;
	enum wpk_status status;

	if (out)
		*out = NULL;
	if (!c || !text || !out)
		return fail(e, WPK_E_NULL, "no context, no text, or no place for"
			" the call");
	call = calloc(1, sizeof *call);
	if (!call)
		return fail(e, WPK_E_MEMORY, "no memory for a call");
	status = make(c, text, call, e);
	if (status) {
		wpk_call_destroy(call);
		return status;
	}
	*out = call;
	return succeed(e);
}

void wpk_call_destroy(struct wpk_call *call)
{
	if (call)
		library_call_destroy(call->call);
	free(call);
}

size_t wpk_call_workspace(const struct wpk_call *call)
{
	return call ? call->workspace : 0;
}

/* Where the place is, of what the caller gave; NULL: nowhere. */
static void *address(const struct place *p, void *const *tensors, int n,
	const struct wpk_memory *m)
{
	char *base = m && p->kind == PLACE_WORKSPACE ? m->workspace :
		m && p->kind == PLACE_PREPARED ? m->prepared : NULL;
	size_t bytes = !m ? 0 : p->kind == PLACE_WORKSPACE ?
		m->workspace_bytes : m->prepared_bytes;

	if (p->kind == PLACE_TENSOR)
		return p->value < n ? tensors[p->value] : NULL;
	if (!base || (size_t)p->value > bytes ||
	    p->bytes > bytes - (size_t)p->value)
		return NULL;
	return base + p->value;
}

enum wpk_status wpk_call_run(const struct wpk_call *call,
	void *const *tensors, int n, const struct wpk_memory *m, void *scratch,
	wpk_stream stream, struct wpk_error *e)
{
	void *addresses[CALL_PLACES];
	const struct place *p;
	int n_places;

	if (!call || (!tensors && n) || (!scratch && call->workspace))
		return fail(e, WPK_E_NULL, "no call, no tensors, or no "
			"workspace for the library");
	p = library_call_places(call->call, &n_places);
	for (int i = 0; i < n_places; i++) {
		addresses[i] = address(&p[i], tensors, n, m);
		if (!addresses[i])
			return fail(e, WPK_E_NULL, "what the call %s is nowhere",
				p[i].written ? "writes" : "reads");
		if ((uintptr_t)addresses[i] % p[i].align)
			return fail(e, WPK_E_ALIGNMENT, "what the call %s is not "
				"aligned to %u bytes", p[i].written ? "writes" :
				"reads", p[i].align);
	}
	return library_call_run(call->call, addresses, scratch, stream, e);
}
