/* SPDX-License-Identifier: MIT */
/* Graphs: what was captured, in the order in which it was handed in, which
 * obeys all that it depends on. It runs in that order. */
#include "runtime/emu/driver/driver.h"

#include <stdlib.h>

struct CUgraph_st {
	struct object object;
	struct graph *graph;
};

struct CUgraphExec_st {
	struct object object;
	struct graph *graph;
};

void graph_release(struct graph *g)
{
	if (--g->references)
		return;
	for (int i = 0; i < g->n; i++)
		work_drop(&g->v[i]);
	free(g->v);
	free(g);
}

CUresult graph_run(const struct graph *g)
{
	CUresult r = CUDA_SUCCESS;

	for (int i = 0; i < g->n && !r; i++)
		r = work_run(&g->v[i], 0);
	return r;
}

static void destroy_graph(CUgraph g)
{
	graph_release(g->graph);
	object_destroy(OBJECT_GRAPH, g);
}

static void destroy_exec(CUgraphExec e)
{
	graph_release(e->graph);
	object_destroy(OBJECT_EXEC, e);
}

void graph_drop_all(void)
{
	struct object *o;

	while ((o = object_first(OBJECT_GRAPH)))
		destroy_graph((CUgraph)o);
	while ((o = object_first(OBJECT_EXEC)))
		destroy_exec((CUgraphExec)o);
}

/* ---- entries ---- */

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
	return driver_leave(driver_enter() ?: capture_begin(stream_of(stream),
		mode));
}

static CUresult end_capture(CUstream s, CUgraph *graph)
{
	struct graph *g = NULL;
	CUresult r;

	if (!graph)
		return CUDA_ERROR_INVALID_VALUE;
	*graph = NULL;
	if ((r = capture_end(s, &g)))
		return r;
	*graph = object_create(OBJECT_GRAPH, sizeof **graph);
	if (!*graph) {
		graph_release(g);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	(*graph)->graph = g;
	return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
	return driver_leave(driver_enter() ?: end_capture(stream_of(stream),
		graph));
}

static CUresult tell_capture(CUstream s, CUstreamCaptureStatus *status)
{
	const struct capture *c;

	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!status)
		return CUDA_ERROR_INVALID_VALUE;
	c = capture_of(&s->at);
	*status = !c ? CU_STREAM_CAPTURE_STATUS_NONE :
		c->broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED :
		CU_STREAM_CAPTURE_STATUS_ACTIVE;
	return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status)
{
	return driver_leave(driver_enter() ?: tell_capture(stream_of(stream),
		status));
}

static CUresult instantiate(CUgraphExec *exec, CUgraph g,
	unsigned long long flags)
{
	if (!exec || flags > 15)
		return CUDA_ERROR_INVALID_VALUE;
	if (!object_known(OBJECT_GRAPH, g))
		return CUDA_ERROR_INVALID_HANDLE;
	*exec = object_create(OBJECT_EXEC, sizeof **exec);
	if (!*exec)
		return CUDA_ERROR_OUT_OF_MEMORY;
	(*exec)->graph = g->graph;
	g->graph->references++;
	return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph,
	unsigned long long flags)
{
	return driver_leave(driver_enter() ?: instantiate(exec, graph, flags));
}

static CUresult launch(CUgraphExec e, CUstream s)
{
	struct work w = { .kind = WORK_GRAPH };

	if (!s || !object_known(OBJECT_EXEC, e))
		return CUDA_ERROR_INVALID_HANDLE;
	w.graph = e->graph;
	w.graph->references++;
	return stream_add(s, &w);
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
	return driver_leave(driver_enter() ?: launch(exec, stream_of(stream)));
}

static CUresult drop_exec(CUgraphExec e)
{
	if (!object_known(OBJECT_EXEC, e))
		return CUDA_ERROR_INVALID_HANDLE;
	destroy_exec(e);
	return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec exec)
{
	return driver_leave(driver_enter() ?: drop_exec(exec));
}

static CUresult drop_graph(CUgraph g)
{
	if (!object_known(OBJECT_GRAPH, g))
		return CUDA_ERROR_INVALID_HANDLE;
	destroy_graph(g);
	return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph)
{
	return driver_leave(driver_enter() ?: drop_graph(graph));
}
