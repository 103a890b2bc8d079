/* SPDX-License-Identifier: MIT */
/* Graphs of launches and what they take. All sides are launched in the same
 * way, so that what a launch costs the host is nobody's disadvantage. */
#include "runtime/wpkrun/bench.h"

#include <math.h>
#include <string.h>

enum { FEW = 3, LAUNCHES_MOST = 20000, COPIES = 10 };

/* From so many operations on a pass counts as one that heats the chip up: its
 * clocks take seconds to settle. */
static const double much_arithmetic = 1e11;
static const double cold_bytes_least = 180e6;

/* Launches in a graph follow each other after a microsecond or so. */
static const double impossible = 1e-7;

/* ---- options ---- */

static void set(double *v, double usual)
{
	if (!(*v > 0))
		*v = usual;
}

static size_t cold_bytes(int device)
{
	int l2 = 0;

	cuda.attribute(&l2, WPK_CU_L2_BYTES, device);
	return (size_t)fmax(3.0 * l2, cold_bytes_least);
}

void bench_usual(struct bench_options *o, bool emulated, int device)
{
	bool much = o->flops >= much_arithmetic;

	o->blocks = o->blocks ? o->blocks : 9;
	o->blocks = o->blocks > STATS_BLOCKS / 2 ? STATS_BLOCKS / 2 :
		o->blocks;
	o->sets = o->sets ? o->sets : 4;
	o->finalists = o->finalists ? o->finalists : 5;
	o->algorithms = o->algorithms ? o->algorithms : 1000;
	if (o->finalists > BENCH_CONTENDERS)
		o->finalists = BENCH_CONTENDERS;
	set(&o->off, 0.015);
	set(&o->build_s, 5);
	set(&o->library_s, 20);
	set(&o->replay_s, emulated ? 1e-9 : 2e-3);
	set(&o->warm_s, emulated ? 1e-9 : much ? 3 : 0.2);
	set(&o->block_s, emulated ? 1e-9 : much ? 1 : o->replay_s);
	if (!o->cold_bytes && !emulated)
		o->cold_bytes = cold_bytes(device);
}

/* ---- begin and end ---- */

/* Events go with the process. */
enum wpk_status bench_open(struct bench *b, struct session *s,
	const struct bench_options *o, struct wpk_error *e)
{
	char bus[32] = "";
	int status = 0;

	*b = (struct bench){ .s = s, .o = *o, .n_sets = 1 };
	bench_usual(&b->o, s->emulated, s->o->device);
	for (int i = 0; i < 2 && !status; i++)
		status = cuda.event(&b->events[i], 0);
	if (!status && !s->emulated && !cuda.bus(bus, sizeof bus,
	    s->o->device))
		nvml_open(bus);
	return status ? fail_cuda(s->context, e, status, "events") : WPK_OK;
}

static enum wpk_status bench_wait(struct bench *b, struct wpk_error *e)
{
	int status = cuda.synchronize(b->s->stream);

	return status ? fail_cuda(b->s->context, e, status,
		"waiting for the device") : WPK_OK;
}

/* ---- launches ---- */

static enum wpk_status begin(struct bench *b, struct wpk_error *e)
{
	int status = cuda.record(b->events[0], b->s->stream);

	return status ? fail_cuda(b->s->context, e, status, "cuEventRecord") : WPK_OK;
}

static enum wpk_status end(struct bench *b, double launches, double *seconds,
	struct wpk_error *e)
{
	float ms = 0;
	int status = cuda.record(b->events[1], b->s->stream);
	enum wpk_status s;

	if (status)
		return fail_cuda(b->s->context, e, status, "cuEventRecord");
	s = bench_wait(b, e);
	if (s)
		return s;
	status = cuda.elapsed(&ms, b->events[0], b->events[1]);
	*seconds = ms * 1e-3 / launches;
	return status ? fail_cuda(b->s->context, e, status, "cuEventElapsedTime") :
		WPK_OK;
}

static enum wpk_status launch(struct bench *b, const struct contender *c,
	int n, int sets, struct wpk_error *e)
{
	enum wpk_status s = WPK_OK;

	for (int i = 0; i < n && !s; i++) {
		b->turn = (b->turn + 1) % sets;
		s = contender_launch(c, b->turn, b->s->stream, e);
	}
	return s;
}

enum wpk_status bench_few(struct bench *b, const struct contender *c, int n,
	double *seconds, struct wpk_error *e)
{
	enum wpk_status s = begin(b, e);

	if (!s)
		s = launch(b, c, n, b->n_sets, e);
	return s ? s : end(b, n, seconds, e);
}

/* ---- graphs ---- */

static enum wpk_status capture(struct bench *b, const struct contender *c,
	int launches, int sets, wpk_cu *graph, struct wpk_error *e)
{
	int status = cuda.begin_capture(b->s->stream,
		WPK_CU_CAPTURE_RELAXED);
	enum wpk_status s;

	if (status)
		return fail_cuda(b->s->context, e, status, "cuStreamBeginCapture");
	b->turn = sets - 1;
	s = launch(b, c, launches, sets, e);
	status = cuda.end_capture(b->s->stream, graph);
	if (s)
		return s;
	return status ? fail_cuda(b->s->context, e, status, "cuStreamEndCapture") :
		WPK_OK;
}

/* A multiple of the sets: across replays, too, each has its turn. */
static int launches_for(double one, double seconds, int sets)
{
	double n = ceil(seconds / fmax(one, 1e-7));

	n = fmin(fmax(n, 1), LAUNCHES_MOST);
	return (int)(ceil(n / sets) * sets);
}

/* Replays it once. What queued its work elsewhere left nothing in the graph, and
 * would be unbeatable. */
static enum wpk_status prove(struct bench *b, const struct bench_graph *g,
	struct wpk_error *e)
{
	double seconds;
	enum wpk_status s = bench_replay(b, g, 1, &seconds, e);

	if (s || seconds >= impossible)
		return s;
	return fail(e, WPK_E_LIBRARY, "its graph does not hold its work: %.2g "
		"s a launch", seconds);
}

enum wpk_status bench_graph_make(struct bench *b, const struct contender *c,
	int sets, double seconds, struct bench_graph *g, struct wpk_error *e)
{
	wpk_cu graph = NULL;
	int few = b->s->emulated ? 1 : FEW, status = 0;
	enum wpk_status s = launch(b, c, 1, sets, e);

	*g = (struct bench_graph){ 0 };
	if (!s)
		s = bench_few(b, c, few, &g->one, e);
	g->launches = launches_for(g->one, seconds, sets);
	if (!s)
		s = capture(b, c, g->launches, sets, &graph, e);
	if (!s) {
		status = cuda.instantiate(&g->exec, graph, 0);
		if (status)
			s = fail_cuda(b->s->context, e, status,
				"cuGraphInstantiate");
	}
	if (graph)
		cuda.drop_graph(graph);
	return s ? s : prove(b, g, e);
}

void bench_graph_drop(struct bench_graph *g)
{
	if (g->exec)
		cuda.drop_exec(g->exec);
	g->exec = NULL;
}

enum wpk_status bench_replay(struct bench *b, const struct bench_graph *g,
	int n, double *seconds, struct wpk_error *e)
{
	enum wpk_status s = begin(b, e);
	int status = 0;

	for (int i = 0; i < n && !s && !status; i++)
		status = cuda.replay(g->exec, b->s->stream);
	if (status)
		s = fail_cuda(b->s->context, e, status, "cuGraphLaunch");
	return s ? s : end(b, (double)n * g->launches, seconds, e);
}

/* ---- the ceiling ---- */

/* Copies on the default stream, which waits for none of ours. */
static enum wpk_status copy(struct bench *b, wpk_cu_pointer at, size_t bytes,
	double *bytes_s, struct wpk_error *e)
{
	float ms = 0;
	int status = cuda.copy(at + bytes, at, bytes);

	if (!status)
		status = cuda.record(b->events[0], NULL);
	for (int i = 0; i < COPIES && !status; i++)
		status = cuda.copy(at + bytes, at, bytes);
	if (!status)
		status = cuda.record(b->events[1], NULL);
	if (!status)
		status = cuda.wait(b->events[1]);
	if (!status)
		status = cuda.elapsed(&ms, b->events[0], b->events[1]);
	*bytes_s = ms > 0 ? 2.0 * COPIES * (double)bytes / (ms * 1e-3) : 0;
	return status ? fail_cuda(b->s->context, e, status, "copying") : WPK_OK;
}

enum wpk_status bench_copy(struct bench *b, double *bytes_s,
	struct wpk_error *e)
{
	size_t bytes = b->s->emulated ? (size_t)1 << 22 : (size_t)1 << 30;
	wpk_cu_pointer at = 0;
	int status = cuda.allocate(&at, 2 * bytes);
	enum wpk_status s;

	if (!status)
		status = cuda.fill(at, 1, 2 * bytes, b->s->stream);
	if (!status)
		status = cuda.synchronize(b->s->stream);
	s = status ? fail_cuda(b->s->context, e, status, "memory to copy") :
		copy(b, at, bytes, bytes_s, e);
	if (at)
		cuda.release(at);
	return s;
}
