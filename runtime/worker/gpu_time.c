/* SPDX-License-Identifier: MIT */
/* How long a candidate's timed steps take: a few launches between two events, or
 * replays of a graph of as many as last some milliseconds, sets of tensors taking
 * turns. */
#include "runtime/worker/gpu.h"

#include <math.h>

enum { FEW = 3, LAUNCHES_MOST = 1000 };

/* How long a replay is, at least, so that its start does not count: of those in
 * the race, of finalists; and at most, where not all sets have had their turn. */
static const double race_seconds = 1e-3, final_seconds = 2e-3;
static const double replay_most = 20e-3;

static wpk_cu_pointer next_set(void)
{
	gpu.turn = (gpu.turn + 1) % gpu.n_sets;
	return gpu_set(gpu.turn);
}

static struct outcome elapsed(const struct candidate *c, int launches,
	double *s)
{
	struct outcome o = gpu_wait(c);
	float ms = 0;

	if (!o.verdict)
		o = gpu_judge(cuda.elapsed(&ms, gpu.events[0], gpu.events[1]),
			"cuEventElapsedTime");
	*s = ms * 1e-3 / launches;
	return o;
}

static struct outcome few_launches(struct candidate *c, double *s)
{
	struct loaded *l = c->state;
	struct outcome o = gpu_judge(cuda.record(gpu.events[0], gpu.stream),
		"cuEventRecord");

	for (int i = 0; i < FEW && !o.verdict; i++)
		o = gpu_launch(c, TIMED, next_set());
	if (!o.verdict)
		o = gpu_judge(cuda.record(gpu.events[1], gpu.stream),
			"cuEventRecord");
	if (!o.verdict)
		o = elapsed(c, FEW, s);
	if (!o.verdict)
		l->one = *s;
	return o;
}

/* Every set has its turn, if that does not take too long. */
static int launches_for(const struct candidate *c, double one)
{
	double n = ceil((c->finalist ? final_seconds : race_seconds) /
		fmax(one, 1e-7));

	n = fmin(fmax(n, gpu.n_sets), fmax(SETS_LEAST, replay_most /
		fmax(one, 1e-7)));
	return (int)fmin(n, LAUNCHES_MOST);
}

static struct outcome capture(struct candidate *c, int launches,
	wpk_cu *graph)
{
	struct outcome o = gpu_judge(cuda.begin_capture(gpu.stream,
		WPK_CU_CAPTURE_RELAXED), "cuStreamBeginCapture"), end;

	if (o.verdict)
		return o;
	gpu.turn = 0;
	for (int i = 0; i < launches && !o.verdict; i++)
		o = gpu_launch(c, TIMED, next_set());
	end = gpu_judge(cuda.end_capture(gpu.stream, graph), "cuStreamEndCapture");
	return o.verdict ? o : end;
}

static struct outcome make_graph(struct candidate *c)
{
	struct loaded *l = c->state;
	wpk_cu graph = NULL;
	struct outcome o = { 0 };

	if (!(l->one > 0))
		o = few_launches(c, &l->one);
	l->launches = launches_for(c, l->one);
	if (!o.verdict)
		o = capture(c, l->launches, &graph);
	if (!o.verdict)
		o = gpu_judge(cuda.instantiate(&l->exec, graph, 0),
			"cuGraphInstantiate");
	if (graph)
		cuda.drop_graph(graph);
	return o;
}

/* Of two replays the second is timed: the first warms up, and keeps the device at
 * work until the other is handed over, however late compilers that run beside this
 * process let it come to that. */
static struct outcome replay(const struct loaded *l)
{
	struct outcome o = gpu_judge(cuda.replay(l->exec, gpu.stream),
		"cuGraphLaunch");

	if (!o.verdict)
		o = gpu_judge(cuda.record(gpu.events[0], gpu.stream),
			"cuEventRecord");
	if (!o.verdict)
		o = gpu_judge(cuda.replay(l->exec, gpu.stream), "cuGraphLaunch");
	if (!o.verdict)
		o = gpu_judge(cuda.record(gpu.events[1], gpu.stream),
			"cuEventRecord");
	return o;
}

struct outcome gpu_time(struct candidate *c, bool thorough, double *s)
{
	struct loaded *l = c->state;
	struct outcome o = { 0 };

	if (!thorough)
		return few_launches(c, s);
	if (!l->exec)
		o = make_graph(c);
	if (!o.verdict)
		o = replay(l);
	return o.verdict ? o : elapsed(c, l->launches, s);
}
