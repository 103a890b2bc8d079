/* SPDX-License-Identifier: MIT */
/* Captures: streams whose work becomes a graph. Others join by waiting for an
 * event of one that is in it, and have to be waited for before the end: each
 * stream counts its work on a track of its own, and knows of each track how far
 * it is behind. */
#include "runtime/emu/driver/driver.h"

#include <stdlib.h>

static struct capture *captures;
static uint64_t numbers;

struct capture *capture_of(const struct position *at)
{
	struct capture *c = at->capture ? captures : NULL;

	while (c && c->number != at->capture)
		c = c->next;
	return c;
}

CUresult capture_break(struct capture *c, CUresult code)
{
	c->broken = true;
	return code;
}

/* ---- what may not be meanwhile ---- */

static CUresult forbid(bool (*when)(const struct capture *), CUresult code)
{
	CUresult r = CUDA_SUCCESS;

	for (struct capture *c = captures; c; c = c->next)
		if (when(c))
			r = capture_break(c, code);
	return r;
}

static bool is_strict(const struct capture *c)
{
	return c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
		(c->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL &&
		pthread_equal(c->thread, pthread_self()));
}

CUresult capture_forbids(void)
{
	return forbid(is_strict, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

static bool any(const struct capture *c)
{
	return c;
}

CUresult capture_forbids_waiting(void)
{
	return forbid(any, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

static CUstream next_in(const struct capture *c, CUstream s)
{
	s = (CUstream)(s ? s->object.next : object_first(OBJECT_STREAM));
	while (s && s->at.capture != c->number)
		s = (CUstream)s->object.next;
	return s;
}

static bool has_blocking(const struct capture *c)
{
	bool found = driver.thread_stream.at.capture == c->number;

	for (CUstream s = next_in(c, NULL); s; s = next_in(c, s))
		found |= s->blocking;
	return found;
}

CUresult capture_forbids_default(void)
{
	return forbid(has_blocking, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
}

/* ---- from beginning to end ---- */

CUresult capture_begin(CUstream s, CUstreamCaptureMode mode)
{
	struct capture *c;

	if (!s || (unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return s ? CUDA_ERROR_INVALID_VALUE :
			CUDA_ERROR_INVALID_HANDLE;
	if (s == &driver.default_stream)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (s->at.capture)
		return CUDA_ERROR_ILLEGAL_STATE;
	c = calloc(1, sizeof *c);
	if (c)
		c->graph = calloc(1, sizeof *c->graph);
	if (!c || !c->graph) {
		free(c);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	c->number = ++numbers;
	c->origin = s;
	c->mode = mode;
	c->thread = pthread_self();
	c->tracks = 1;
	c->graph->references = 1;
	c->next = captures;
	captures = c;
	s->at = (struct position){ .capture = c->number };
	return CUDA_SUCCESS;
}

/* Has the origin waited for all that the others did? */
static bool joined(const struct capture *c)
{
	const struct position *o = &c->origin->at;

	for (CUstream s = next_in(c, NULL); s; s = next_in(c, s))
		if (s->at.done[s->at.track] > o->done[s->at.track])
			return false;
	return true;
}

/* It is over; the graph is the caller's. */
static void leave(struct capture *c)
{
	struct capture **i = &captures;

	while (*i != c)
		i = &(*i)->next;
	*i = c->next;
	for (CUstream s = next_in(c, NULL); s; s = next_in(c, s))
		s->at = (struct position){ 0 };
	if (driver.thread_stream.at.capture == c->number)
		driver.thread_stream.at = (struct position){ 0 };
	free(c);
}

static void drop(struct capture *c)
{
	graph_release(c->graph);
	leave(c);
}

void capture_forget(CUstream s)
{
	struct capture *c = capture_of(&s->at);

	if (c && c->origin == s)
		drop(c);
	else if (c)
		c->broken = true;
}

CUresult capture_end(CUstream s, struct graph **out)
{
	struct capture *c = s ? capture_of(&s->at) : NULL;
	CUresult r = CUDA_SUCCESS;

	if (!c)
		return s ? CUDA_ERROR_ILLEGAL_STATE :
			CUDA_ERROR_INVALID_HANDLE;
	if (c->origin != s)
		return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
	if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
	    !pthread_equal(c->thread, pthread_self()))
		return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	if (c->broken)
		r = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	else if (!joined(c))
		r = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
	if (r) {
		drop(c);
		return r;
	}
	*out = c->graph;
	leave(c);
	return CUDA_SUCCESS;
}

void capture_drop_all(void)
{
	while (captures)
		drop(captures);
}

/* ---- meanwhile ---- */

static bool append(struct graph *g, const struct work *w)
{
	if (g->n == g->room) {
		int room = g->room ? 2 * g->room : 16;
		struct work *v = realloc(g->v, (size_t)room * sizeof *v);

		if (!v)
			return false;
		g->v = v;
		g->room = room;
	}
	g->v[g->n++] = *w;
	return true;
}

CUresult capture_add(CUstream s, struct work *w)
{
	struct capture *c = capture_of(&s->at);

	if (c->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!append(c->graph, w))
		return CUDA_ERROR_OUT_OF_MEMORY;
	s->at.done[s->at.track]++;
	return CUDA_SUCCESS;
}

/* Joining counts as work: it has to be waited for. */
static CUresult join(struct capture *c, CUstream s, const struct position *at)
{
	if (s == &driver.default_stream)
		return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	if (c->tracks == TRACKS)
		return capture_break(c, CUDA_ERROR_NOT_SUPPORTED);
	s->at = *at;
	s->at.track = c->tracks++;
	s->at.done[s->at.track] = 1;
	return CUDA_SUCCESS;
}

CUresult capture_wait(CUstream s, CUevent e)
{
	struct capture *c = capture_of(&e->at);

	if (!c)
		return CUDA_ERROR_CAPTURED_EVENT;
	if (c->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!s->at.capture)
		return join(c, s, &e->at);
	if (s->at.capture != c->number) {
		capture_break(capture_of(&s->at), CUDA_SUCCESS);
		return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_MERGE);
	}
	for (int i = 0; i < TRACKS; i++)
		if (s->at.done[i] < e->at.done[i])
			s->at.done[i] = e->at.done[i];
	return CUDA_SUCCESS;
}
