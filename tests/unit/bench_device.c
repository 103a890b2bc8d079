/* SPDX-License-Identifier: MIT */
#include "tests/unit/bench_device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct made_device dev;
struct cuda_calls cuda;

static int take_event(wpk_cu *e, unsigned flags)
{
	(void)flags;
	*e = &dev.events[dev.n_events++ % 2];
	return 0;
}

static int record(wpk_cu e, wpk_cu stream)
{
	(void)stream;
	*(double *)e = dev.now;
	return 0;
}

static int elapsed(float *ms, wpk_cu a, wpk_cu b)
{
	*ms = (float)((*(double *)b - *(double *)a) * 1e3);
	return 0;
}

static int well(wpk_cu x)
{
	(void)x;
	return 0;
}

static int begin_capture(wpk_cu stream, int mode)
{
	(void)stream, (void)mode;
	dev.capturing = true;
	memset(&dev.graphs[dev.n_graphs], 0, sizeof dev.graphs[0]);
	for (int i = 0; i < MOST_SETS; i++)
		dev.touched[i] = -1000;
	return 0;
}

static int end_capture(wpk_cu stream, wpk_cu *graph)
{
	(void)stream;
	dev.capturing = false;
	*graph = &dev.graphs[dev.n_graphs++];
	return dev.n_graphs == GRAPHS;
}

static int instantiate(wpk_cu *exec, wpk_cu graph, unsigned long long flags)
{
	(void)flags;
	*exec = graph;
	return 0;
}

static int replay(wpk_cu exec, wpk_cu stream)
{
	const struct made_graph *g = exec;

	(void)stream;
	dev.now += g->seconds;
	if (dev.n_order < LOG)
		dev.order[dev.n_order++] = g->who;
	return 0;
}

static int attribute(int *v, int what, int device)
{
	(void)device;
	*v = what == WPK_CU_L2_BYTES ? 100 << 20 : 0;
	return 0;
}

static int allocate(wpk_cu_pointer *p, size_t n)
{
	*p = (uintptr_t)&dev;
	(void)n;
	dev.allocated++;
	return 0;
}

static int release(wpk_cu_pointer p)
{
	(void)p;
	dev.released++;
	return 0;
}

static int fill(wpk_cu_pointer p, unsigned char byte, size_t n, wpk_cu stream)
{
	(void)p, (void)byte, (void)n, (void)stream;
	return 0;
}

static int copy(wpk_cu_pointer to, wpk_cu_pointer from, size_t n)
{
	(void)to, (void)from;
	dev.now += 2.0 * (double)n / 4e12;
	return 0;
}

static int bus(char *s, int n, int device)
{
	(void)device;
	return snprintf(s, (size_t)n, "0000:01:00.0") < 0;
}

static const char *name_of(int code)
{
	return code == 719 ? "CUDA_ERROR_LAUNCH_FAILED" :
		"CUDA_ERROR_INVALID_VALUE";
}

static int error_name(int code, const char **name)
{
	*name = name_of(code);
	return 0;
}

void power_on(void)
{
	memset(&dev, 0, sizeof dev);
	cuda = (struct cuda_calls){ .event = take_event, .record = record,
		.elapsed = elapsed, .synchronize = well, .wait = well,
		.begin_capture = begin_capture, .end_capture = end_capture,
		.instantiate = instantiate, .replay = replay,
		.drop_exec = well, .drop_graph = well, .attribute = attribute,
		.allocate = allocate, .release = release, .fill = fill,
		.copy = copy, .bus = bus, .error_name = error_name };
}

/* ---- what the measured files use of others ---- */

void nvml_open(const char *at)
{
	if (strcmp(at, "0000:01:00.0"))
		abort();
}

bool nvml_clock(double *mhz, bool *throttled)
{
	*throttled = false;
	*mhz = dev.mhz[dev.asked] > 0 ? dev.mhz[dev.asked] : 1700;
	dev.asked++;
	return true;
}

bool nvml_power(double *watts)
{
	*watts = 400;
	return true;
}

double line_now(void)
{
	return dev.now;
}

void session_say(const struct session *s, const char *fmt, ...)
{
	(void)s, (void)fmt;
}

/* Cold where a launch's set is not among the last. */
enum wpk_status contender_launch(const struct contender *c, int set,
	wpk_cu stream, struct wpk_error *e)
{
	struct way *w = (struct way *)(uintptr_t)(const void *)c->x;
	struct made_graph *g = &dev.graphs[dev.n_graphs];
	bool hot = dev.launches - dev.touched[set] <= CACHED;
	double s = hot ? w->hot : w->cold;

	(void)stream;
	if (set < 0 || set >= c->n_sets)
		abort();
	if (dev.library_s > 0)
		s = dev.library_s;
	if (w->launches++ == w->fails)
		return fail_cuda(NULL, e, w->code, "launching");
	dev.touched[set] = dev.launches++;
	if (!dev.capturing) {
		dev.now += s;
		return WPK_OK;
	}
	g->seconds += s;
	g->sets[set]++;
	g->launches++;
	g->who = c->name[0];
	return WPK_OK;
}

enum wpk_status fail_cuda(const struct wpk_context *c, struct wpk_error *e,
	int code, const char *what)
{
	(void)c;
	e->cuda = code;
	e->status = WPK_E_CUDA;
	snprintf(e->text, sizeof e->text, "%s: %s", what, name_of(code));
	return e->status;
}

enum wpk_status fail(struct wpk_error *e, enum wpk_status status,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	e->cuda = 0;
	return e->status = status;
}

struct library_call *call_find(const struct wpk_operator *op,
	const int64_t *sizes)
{
	(void)op, (void)sizes;
	return dev.call.n ? &dev.call : NULL;
}

enum wpk_status library_call_count(struct library_call *l, int most, int *n,
	struct wpk_error *e)
{
	(void)e;
	*n = l->n < most ? l->n : most;
	return WPK_OK;
}

enum wpk_status library_call_choose(struct library_call *l, int n, size_t *workspace,
	const char **text, struct wpk_error *e)
{
	static char name[20];

	dev.now += l->build[n];
	if (l->seconds[n] < 0)
		return fail(e, WPK_E_LIBRARY, "not to be had");
	l->chosen = n;
	dev.library_s = l->seconds[n];
	*workspace = l->workspace[n];
	snprintf(name, sizeof name, "engine %d", n);
	*text = name;
	return WPK_OK;
}

/* Those of "legacy_N_..." are the enumeration's. */
enum wpk_status library_call_choose_named(struct library_call *l,
	const char *name, size_t *workspace, const char **text,
	struct wpk_error *e)
{
	int n;

	if (sscanf(name, "legacy_%d", &n) != 1)
		return fail(e, WPK_E_LIBRARY, "not to be had");
	return library_call_choose(l, n, workspace, text, e);
}

json_t *library_call_pinned(const struct library_call *l)
{
	return json_pack("{si}", "engine", l->chosen);
}
