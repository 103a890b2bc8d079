/* SPDX-License-Identifier: MIT */
/* A GPU as a device. The problem's tensors lie in several sets, which together
 * exceed three times the L2 cache and take turns, so that a launch finds its
 * data cold; the first is also where results are judged. Outputs, with a margin
 * behind each, workspace and prepared operands are poisoned before a judged run.
 * A candidate is timed by events around a few launches, or around replays of a
 * graph of as many as last some milliseconds. */
#include "runtime/worker/worker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/worker/cuda.h"
#include "runtime/worker/library.h"

enum { ALIGN = 256, MARGIN = 256, SETS_LEAST = 4, SETS_MOST = 256, FEW = 3,
	LAUNCHES_MOST = 1000, PORTABLE_CLUSTER = 8, ARGS_MOST = 128,
	MAPS_MOST = 32 };

/* How long a replay is, at least, so that its start does not count: of those in
 * the race, of finalists; and at most, where not all sets have had their turn. */
static const double race_seconds = 1e-3, final_seconds = 2e-3;
static const double replay_most = 20e-3;

static struct {
	int number, share;
	bool mps;
	wpk_cu stream, events[2];
	size_t l2_bytes;
	const struct task *task;
	const struct data *inputs;	/* what set 0 holds */
	wpk_cu_pointer base;		/* the sets, one behind the other */
	int n_sets;
	size_t *offsets, set_bytes;	/* of each tensor in a set */
	int turn;			/* the set of the next launch */
	char message[400];
} gpu;

/* A loaded candidate: functions and calls by step, memory of its own, which the
 * graph knows, and that once it was timed. */
struct loaded {
	wpk_cu_pointer workspace, prepared, scratch;
	size_t scratch_bytes;
	struct library_call **calls;
	wpk_cu *modules, *functions, exec;
	int n_modules, launches;
	double one;		/* seconds, from the few */
};

/* ---- errors ---- */

static struct outcome fails(const char *verdict, const char *fmt,
	const char *what, const char *error)
{
	snprintf(gpu.message, sizeof gpu.message, fmt, what, error);
	return (struct outcome){ verdict, gpu.message, false };
}

/* The driver's errors from 700 on tell of a kernel that went wrong, and then the
 * context serves no more, but for a launch that asks for too much. */
static struct outcome judge(int status, const char *what)
{
	bool lost = status >= WPK_CU_FAULTS && status < 900 &&
		status != WPK_CU_OUT_OF_RESOURCES;
	struct outcome o = { 0 };

	if (status)
		o = fails(lost ? "fault" : "launch", "%s: %s", what,
			cuda_error(status));
	o.lost = lost;
	return o;
}

/* ---- the device ---- */

static int attribute(int device, int which)
{
	int v = 0;

	return cuda.attribute(&v, which, device) ? 0 : v;
}

static void describe(int device, json_t *hello)
{
	char name[128] = "", text[32], bus[32] = "";
	int version = 0;

	cuda.name(name, sizeof name, device);
	cuda.version(&version);
	gpu.l2_bytes = (size_t)attribute(device, WPK_CU_L2_BYTES);
	json_object_set_new(hello, "device", json_string(name));
	snprintf(text, sizeof text, "sm_%d%d", attribute(device, WPK_CU_MAJOR),
		attribute(device, WPK_CU_MINOR));
	json_object_set_new(hello, "arch", json_string(text));
	snprintf(text, sizeof text, "%d.%d", version / 1000,
		version % 1000 / 10);
	json_object_set_new(hello, "driver", json_string(text));
	json_object_set_new(hello, "l2_bytes",
		json_integer((json_int_t)gpu.l2_bytes));
	if (!cuda.bus(bus, sizeof bus, device))
		nvml_open(bus);
}

static struct outcome no_device(int count, int status)
{
	char text[100];

	if (status || !count)
		return fails("launch", "the CUDA driver finds no GPU%s%s",
			status ? ": " : "", status ? cuda_error(status) : "");
	snprintf(text, sizeof text, "gpu:%d: this machine has %d, numbered from"
		" 0", gpu.number, count);
	return fails("launch", "%s%s", text, "");
}

static struct outcome gpu_open(json_t *hello)
{
	const char *why = cuda_start(), *by = "";
	int count = 0, device = 0, status, sms;

	if (!why)
		why = share_prepare(gpu.share, gpu.mps);
	if (why)
		return fails("launch", "%s%s", why, "");
	status = cuda.init(0);
	if (!status)
		status = cuda.count(&count);
	if (status || gpu.number >= count)
		return no_device(count, status);
	status = cuda.device(&device, gpu.number);
	if (status)
		return judge(status, "cuDeviceGet");
	sms = attribute(device, WPK_CU_MULTIPROCESSORS);
	why = share_open(device, gpu.share, gpu.mps, &gpu.stream, &by, &sms);
	if (why)
		return fails("launch", "%s%s", why, "");
	describe(device, hello);
	json_object_set_new(hello, "share", json_integer(gpu.share));
	json_object_set_new(hello, "share_by", json_string(by));
	json_object_set_new(hello, "sms", json_integer(sms));
	for (int i = 0; i < 2 && !status; i++)
		status = cuda.event(&gpu.events[i], 0);
	if (!library_open(&cuda, gpu.number, sms, gpu.share))
		return fails("launch", "no memory%s%s", "", "");
	return judge(status, "cuEventCreate");
}

/* ---- tensors ---- */

static size_t up(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

static void lay_out(const struct task *t)
{
	size_t at = 0, widest = ALIGN;

	free(gpu.offsets);
	gpu.offsets = calloc((size_t)t->n + 1, sizeof *gpu.offsets);
	for (int i = 0; gpu.offsets && i < t->n; i++) {
		size_t align = t->tensors[i].align > ALIGN ?
			t->tensors[i].align : ALIGN;

		widest = align > widest ? align : widest;
		gpu.offsets[i] = up(at, align);
		at = gpu.offsets[i] + t->tensors[i].bytes + MARGIN;
	}
	gpu.set_bytes = up(at ? at : 1, widest);
}

/* So many that they exceed three times the cache, and fit half the memory. */
static int sets_wanted(void)
{
	size_t n = 3 * gpu.l2_bytes / gpu.set_bytes + 1, fit;
	size_t unused = 0, all = 0;

	if (cuda.memory(&unused, &all))
		unused = 0;
	fit = unused / 2 / gpu.set_bytes;
	n = n < SETS_LEAST ? SETS_LEAST : n > SETS_MOST ? SETS_MOST : n;
	return (int)(n > fit ? fit > 1 ? fit : 1 : n);
}

static void release_sets(void)
{
	if (gpu.n_sets)
		cuda.release(gpu.base);
	gpu.n_sets = 0;
}

static wpk_cu_pointer set_at(int i)
{
	return gpu.base + (size_t)i * gpu.set_bytes;
}

/* Copies go by the default stream, which the other does not wait for. */
static int settle(int status)
{
	int waited = cuda.synchronize(NULL);

	return status ? status : waited;
}

static int upload(const struct data *d)
{
	int status = 0;

	for (int i = 0; i < gpu.task->n && !status; i++)
		if (!gpu.task->tensors[i].output && gpu.task->tensors[i].bytes)
			status = cuda.to_device(gpu.base + gpu.offsets[i],
				d->p[i], gpu.task->tensors[i].bytes);
	gpu.inputs = d;
	return settle(status);
}

/* Fewer sets will do where memory is short. */
static struct outcome gpu_task(const struct task *t)
{
	int want, status;

	release_sets();
	gpu.task = t;
	lay_out(t);
	if (!gpu.offsets)
		return fails("launch", "no memory%s%s", "", "");
	want = sets_wanted();
	status = cuda.allocate(&gpu.base, (size_t)want * gpu.set_bytes);
	while (status == WPK_CU_NO_MEMORY && want > 1) {
		want /= 2;
		status = cuda.allocate(&gpu.base, (size_t)want *
			gpu.set_bytes);
	}
	if (status)
		return judge(status, "no memory for the tensors");
	gpu.n_sets = want;
	status = upload(&t->sets[0]);
	for (int i = 1; i < gpu.n_sets && !status; i++)
		status = cuda.copy(set_at(i), gpu.base, gpu.set_bytes);
	return judge(settle(status), "the tensors");
}

/* ---- loading ---- */

static struct outcome prepare_function(struct loaded *l,
	const struct step *s, wpk_cu *f)
{
	struct outcome o = judge(cuda.function(f, l->modules[s->module],
		s->kernel), s->kernel);
	unsigned cluster = s->cluster[0] * s->cluster[1] * s->cluster[2];

	if (!o.verdict && s->shared > 48 << 10)
		o = judge(cuda.set_function(*f, WPK_CU_FUNC_SHARED,
			(int)s->shared), s->kernel);
	if (!o.verdict && cluster > PORTABLE_CLUSTER)
		o = judge(cuda.set_function(*f, WPK_CU_FUNC_ANY_CLUSTER, 1),
			s->kernel);
	return o;
}

static size_t bytes_of(void *ctx, int tensor)
{
	const struct task *t = ctx;

	return t->tensors[tensor].bytes;
}

/* An algorithm that there is not is a launch that fails. */
static struct outcome prepare_call(struct candidate *c, const struct step *s,
	struct library_call **call)
{
	struct loaded *l = c->state;
	char text[400];
	size_t bytes = 0;
	const char *why = library_load(s->library, call, &bytes, text);

	if (!why)
		why = library_wrong(*call, gpu.task->n, c->workspace,
			c->prepared, s->prepare, bytes_of, (void *)gpu.task);
	if (why)
		return fails("launch", "%s%s", why, "");
	if (bytes > l->scratch_bytes)
		l->scratch_bytes = bytes;
	if (s->timed && !c->pinned)
		c->pinned = library_pinned(*call);
	return (struct outcome){ 0 };
}

static struct outcome prepare_steps(struct candidate *c)
{
	struct loaded *l = c->state;
	struct outcome o = { 0 };

	for (int i = 0; i < c->n_steps && !o.verdict; i++) {
		if (c->steps[i].kernel)
			o = prepare_function(l, &c->steps[i],
				&l->functions[i]);
		if (c->steps[i].library)
			o = prepare_call(c, &c->steps[i], &l->calls[i]);
	}
	return o;
}

static struct outcome gpu_load(struct candidate *c)
{
	struct loaded *l = calloc(1, sizeof *l);
	struct outcome o = { 0 };

	c->state = l;
	if (!l)
		return fails("launch", "no memory%s%s", "", "");
	l->modules = calloc((size_t)c->n_files + 1, sizeof *l->modules);
	l->functions = calloc((size_t)c->n_steps + 1, sizeof *l->functions);
	l->calls = calloc((size_t)c->n_steps + 1, sizeof *l->calls);
	if (!l->modules || !l->functions || !l->calls)
		return fails("launch", "no memory%s%s", "", "");
	for (int i = 0; i < c->n_files && !o.verdict; i++) {
		o = judge(cuda.load(&l->modules[i], c->files[i]),
			"cuModuleLoad");
		l->n_modules += !o.verdict;
	}
	if (!o.verdict)
		o = prepare_steps(c);
	if (!o.verdict && l->scratch_bytes)
		o = judge(cuda.allocate(&l->scratch, l->scratch_bytes),
			"no memory for a library's workspace");
	if (!o.verdict && c->workspace)
		o = judge(cuda.allocate(&l->workspace, c->workspace),
			"no memory for the workspace");
	if (!o.verdict && c->prepared)
		o = judge(cuda.allocate(&l->prepared, c->prepared),
			"no memory for prepared operands");
	return o;
}

static void gpu_unload(struct candidate *c)
{
	struct loaded *l = c->state;

	if (!l)
		return;
	if (l->exec)
		cuda.drop_exec(l->exec);
	for (int i = 0; i < l->n_modules; i++)
		cuda.unload(l->modules[i]);
	if (l->workspace)
		cuda.release(l->workspace);
	if (l->prepared)
		cuda.release(l->prepared);
	if (l->scratch)
		cuda.release(l->scratch);
	for (int i = 0; l->calls && i < c->n_steps; i++)
		library_unload(l->calls[i]);
	free(l->calls);
	free(l->modules);
	free(l->functions);
	free(l);
	c->state = NULL;
}

/* ---- launching ---- */

static wpk_cu_pointer place_of(const struct loaded *of, const struct arg *a,
	wpk_cu_pointer set)
{
	return a->kind == ARG_TENSOR ? set + gpu.offsets[a->value] :
		(a->kind == ARG_WORKSPACE ? of->workspace : of->prepared) +
		(size_t)a->value;
}

static int launch_step(const struct loaded *of, const struct step *s,
	wpk_cu function, wpk_cu_pointer set)
{
	struct wpk_cu_attribute cluster = { WPK_CU_ATTRIBUTE_CLUSTER, { 0 },
		{ .cluster = { s->cluster[0], s->cluster[1],
			s->cluster[2] } } };
	struct wpk_cu_launch l = { { s->grid[0], s->grid[1], s->grid[2] },
		{ s->threads, 1, 1 }, (unsigned)s->shared, gpu.stream,
		&cluster, s->cluster[0] * s->cluster[1] * s->cluster[2] > 1 };
	struct wpk_cu_map maps[MAPS_MOST];
	long long values[ARGS_MOST];
	void *args[ARGS_MOST + 1];
	int n_maps = 0, status = 0;

	args[s->n_args < ARGS_MOST ? s->n_args : ARGS_MOST] = NULL;
	if (s->n_args > ARGS_MOST)
		return WPK_CU_INVALID_VALUE;
	for (int i = 0; i < s->n_args && !status; i++) {
		const struct arg *a = &s->args[i];
		bool number = a->kind == ARG_I32 || a->kind == ARG_I64;

		values[i] = number ? a->value :
			(long long)place_of(of, a, set);
		args[i] = a->map ? (void *)&maps[n_maps] : &values[i];
		if (a->map)
			status = n_maps == MAPS_MOST ? WPK_CU_INVALID_VALUE :
				map_encode(&cuda, a->map, (wpk_cu_pointer)values[i],
				&maps[n_maps++]);
	}
	return status ? status : cuda.launch(&l, function, args, NULL);
}

struct placing {
	const struct loaded *of;
	wpk_cu_pointer set;
};

static wpk_cu_pointer place_at(void *ctx, int kind, long long value)
{
	const struct placing *p = ctx;
	const struct arg a = { .kind = (enum arg_kind)kind, .value = value };

	return place_of(p->of, &a, p->set);
}

/* The library's code is not the driver's: whether the context is lost, waiting
 * for what was launched will tell. */
static struct outcome call_step(const struct loaded *of,
	const struct library_call *call, wpk_cu_pointer set)
{
	struct placing p = { of, set };
	char text[400];
	const char *why = library_launch(call, place_at, &p, of->scratch,
		gpu.stream, text);

	return why ? fails("launch", "%s%s", why, "") : (struct outcome){ 0 };
}

enum which { PREPARING, ALL, TIMED };

static bool belongs(const struct step *s, enum which which)
{
	return which == PREPARING ? s->prepare : !s->prepare &&
		(which == ALL || s->timed);
}

static struct outcome launch_all(const struct candidate *c, enum which which,
	wpk_cu_pointer set)
{
	const struct loaded *l = c->state;
	struct outcome o = { 0 };

	for (int i = 0; i < c->n_steps && !o.verdict; i++) {
		const struct step *s = &c->steps[i];

		if (!belongs(s, which))
			continue;
		if (s->kernel)
			o = judge(launch_step(l, s, l->functions[i], set),
				s->kernel);
		else if (s->library)
			o = call_step(l, l->calls[i], set);
		else if (s->bytes)
			o = judge(cuda.fill(l->workspace + s->offset, 0,
				s->bytes, gpu.stream), "clearing");
	}
	return o;
}

static struct outcome wait_for(const struct candidate *c)
{
	const char *name = "the kernel";

	for (int i = 0; i < c->n_steps; i++) {
		if (c->steps[i].library && c->steps[i].timed)
			name = "the library's call";
		if (c->steps[i].kernel && c->steps[i].timed)
			name = c->steps[i].kernel;
	}
	return judge(cuda.synchronize(gpu.stream), name);
}

/* ---- results ---- */

static int poison_all(const struct candidate *c, int byte)
{
	const struct loaded *l = c->state;
	int status = 0;

	for (int i = 0; i < gpu.task->n && !status; i++)
		if (gpu.task->tensors[i].output)
			status = cuda.fill(gpu.base + gpu.offsets[i],
				(unsigned char)byte, gpu.task->tensors[i].bytes
				+ MARGIN, gpu.stream);
	if (!status && c->workspace)
		status = cuda.fill(l->workspace, (unsigned char)byte,
			c->workspace, gpu.stream);
	if (!status && c->prepared)
		status = cuda.fill(l->prepared, (unsigned char)byte,
			c->prepared, gpu.stream);
	return status;
}

/* Behind its end an output is as it was. */
static struct outcome check_margin(int tensor, int byte)
{
	const struct tensor *t = &gpu.task->tensors[tensor];
	unsigned char margin[MARGIN];
	struct outcome o = judge(cuda.to_host(margin, gpu.base +
		gpu.offsets[tensor] + t->bytes, MARGIN), "cuMemcpyDtoH");

	for (int i = 0; i < MARGIN && !o.verdict; i++)
		if (margin[i] != byte)
			o = fails("wrong", "it writes behind the end of %s%s",
				t->name, "");
	return o;
}

static struct outcome fetch_all(int byte, void *const *outputs)
{
	struct outcome o = { 0 };

	for (int i = 0; i < gpu.task->n && !o.verdict; i++) {
		const struct tensor *t = &gpu.task->tensors[i];

		if (!t->output)
			continue;
		if (t->bytes)
			o = judge(cuda.to_host(outputs[i], gpu.base +
				gpu.offsets[i], t->bytes), "cuMemcpyDtoH");
		if (!o.verdict)
			o = check_margin(i, byte);
	}
	return o;
}

static struct outcome gpu_run(struct candidate *c, const struct data *d,
	int poison, void *const *outputs)
{
	struct outcome o = { 0 };

	if (gpu.inputs != d)
		o = judge(upload(d), "the inputs");
	if (!o.verdict)
		o = judge(poison_all(c, poison), "poisoning");
	if (!o.verdict)
		o = launch_all(c, PREPARING, gpu.base);
	if (!o.verdict)
		o = launch_all(c, ALL, gpu.base);
	if (!o.verdict)
		o = wait_for(c);
	return o.verdict ? o : fetch_all(poison, outputs);
}

/* ---- time ---- */

static wpk_cu_pointer next_set(void)
{
	gpu.turn = (gpu.turn + 1) % gpu.n_sets;
	return set_at(gpu.turn);
}

static struct outcome elapsed(const struct candidate *c, int launches,
	double *s)
{
	struct outcome o = wait_for(c);
	float ms = 0;

	if (!o.verdict)
		o = judge(cuda.elapsed(&ms, gpu.events[0], gpu.events[1]),
			"cuEventElapsedTime");
	*s = ms * 1e-3 / launches;
	return o;
}

static struct outcome few_launches(struct candidate *c, double *s)
{
	struct loaded *l = c->state;
	struct outcome o = judge(cuda.record(gpu.events[0], gpu.stream),
		"cuEventRecord");

	for (int i = 0; i < FEW && !o.verdict; i++)
		o = launch_all(c, TIMED, next_set());
	if (!o.verdict)
		o = judge(cuda.record(gpu.events[1], gpu.stream),
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
	struct outcome o = judge(cuda.begin_capture(gpu.stream,
		WPK_CU_CAPTURE_RELAXED), "cuStreamBeginCapture"), end;

	if (o.verdict)
		return o;
	gpu.turn = 0;
	for (int i = 0; i < launches && !o.verdict; i++)
		o = launch_all(c, TIMED, next_set());
	end = judge(cuda.end_capture(gpu.stream, graph), "cuStreamEndCapture");
	return o.verdict ? o : end;
}

/* The first replay warms up. */
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
		o = judge(cuda.instantiate(&l->exec, graph, 0),
			"cuGraphInstantiate");
	if (graph)
		cuda.drop_graph(graph);
	if (!o.verdict)
		o = judge(cuda.replay(l->exec, gpu.stream), "cuGraphLaunch");
	return o;
}

static struct outcome gpu_time(struct candidate *c, bool thorough, double *s)
{
	struct loaded *l = c->state;
	struct outcome o = { 0 };

	if (!thorough)
		return few_launches(c, s);
	if (!l->exec)
		o = make_graph(c);
	if (!o.verdict)
		o = judge(cuda.record(gpu.events[0], gpu.stream),
			"cuEventRecord");
	if (!o.verdict)
		o = judge(cuda.replay(l->exec, gpu.stream), "cuGraphLaunch");
	if (!o.verdict)
		o = judge(cuda.record(gpu.events[1], gpu.stream),
			"cuEventRecord");
	return o.verdict ? o : elapsed(c, l->launches, s);
}

static void gpu_state(json_t *reply)
{
	bool throttled;
	double mhz;

	if (!nvml_clock(&mhz, &throttled))
		return;
	json_object_set_new(reply, "clock_mhz", json_real(mhz));
	json_object_set_new(reply, "throttled", json_boolean(throttled));
}

static void gpu_close(void)
{
	release_sets();
	library_close();
	free(gpu.offsets);
	gpu.offsets = NULL;
}

const struct device *device_gpu(int number, int share, bool mps)
{
	static const struct device d = { "gpu", gpu_open, gpu_task, gpu_load,
		gpu_run, gpu_time, gpu_unload, gpu_state, gpu_close };

	gpu.number = number;
	gpu.share = share;
	gpu.mps = mps;
	return &d;
}
