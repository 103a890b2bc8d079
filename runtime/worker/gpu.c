/* SPDX-License-Identifier: MIT */
/* A GPU as a device. The problem's tensors lie in several sets, which together
 * exceed three times the L2 cache and take turns, so that a launch finds its
 * data cold; the first is also where results are judged. Outputs, with a margin
 * behind each, workspace and prepared operands are poisoned before a judged run.
 * gpu_launch.c has how steps are queued, gpu_time.c how long they take. */
#include "runtime/worker/gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/worker/launcher.h"
#include "runtime/worker/library.h"

enum { ALIGN = 256, MARGIN = 256, SETS_MOST = 256, PORTABLE_CLUSTER = 8 };

struct gpu gpu;

/* ---- errors ---- */

struct outcome gpu_fails(const char *verdict, const char *fmt,
	const char *what, const char *error)
{
	snprintf(gpu.message, sizeof gpu.message, fmt, what, error);
	return (struct outcome){ verdict, gpu.message, false };
}

/* A kernel that went wrong took the context with it. */
struct outcome gpu_judge(int status, const char *what)
{
	bool lost = cuda_is_lost(status);
	struct outcome o = { 0 };

	if (status)
		o = gpu_fails(lost ? "fault" : "launch", "%s: %s", what,
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
		return gpu_fails("launch", "the CUDA driver finds no GPU%s%s",
			status ? ": " : "", status ? cuda_error(status) : "");
	snprintf(text, sizeof text, "gpu:%d: this machine has %d, numbered from"
		" 0", gpu.number, count);
	return gpu_fails("launch", "%s%s", text, "");
}

static struct outcome gpu_open(json_t *hello)
{
	const char *why = cuda_start(), *by = "";
	int count = 0, device = 0, status, sms;

	if (!why)
		why = share_prepare(gpu.share, gpu.mps);
	if (why)
		return gpu_fails("launch", "%s%s", why, "");
	status = cuda.init(0);
	if (!status)
		status = cuda.count(&count);
	if (status || gpu.number >= count)
		return no_device(count, status);
	status = cuda.device(&device, gpu.number);
	if (status)
		return gpu_judge(status, "cuDeviceGet");
	sms = attribute(device, WPK_CU_MULTIPROCESSORS);
	why = share_open(device, gpu.share, gpu.mps, &gpu.stream, &by, &sms);
	if (why)
		return gpu_fails("launch", "%s%s", why, "");
	describe(device, hello);
	json_object_set_new(hello, "share", json_integer(gpu.share));
	json_object_set_new(hello, "share_by", json_string(by));
	json_object_set_new(hello, "sms", json_integer(sms));
	for (int i = 0; i < 2 && !status; i++)
		status = cuda.event(&gpu.events[i], 0);
	if (!library_open(&cuda, gpu.number, sms, gpu.share))
		return gpu_fails("launch", "no memory%s%s", "", "");
	return gpu_judge(status, "cuEventCreate");
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

wpk_cu_pointer gpu_set(int i)
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
		return gpu_fails("launch", "no memory%s%s", "", "");
	want = sets_wanted();
	status = cuda.allocate(&gpu.base, (size_t)want * gpu.set_bytes);
	while (status == WPK_CU_NO_MEMORY && want > 1) {
		want /= 2;
		status = cuda.allocate(&gpu.base, (size_t)want *
			gpu.set_bytes);
	}
	if (status)
		return gpu_judge(status, "no memory for the tensors");
	gpu.n_sets = want;
	status = upload(&t->sets[0]);
	for (int i = 1; i < gpu.n_sets && !status; i++)
		status = cuda.copy(gpu_set(i), gpu.base, gpu.set_bytes);
	return gpu_judge(settle(status), "the tensors");
}

/* ---- loading ---- */

static struct outcome prepare_function(struct loaded *l,
	const struct step *s, wpk_cu *f)
{
	struct outcome o = gpu_judge(cuda.function(f, l->modules[s->module],
		s->kernel), s->kernel);
	unsigned cluster = s->cluster[0] * s->cluster[1] * s->cluster[2];

	if (!o.verdict && s->shared > 48 << 10)
		o = gpu_judge(cuda.set_function(*f, WPK_CU_FUNC_SHARED,
			(int)s->shared), s->kernel);
	if (!o.verdict && cluster > PORTABLE_CLUSTER)
		o = gpu_judge(cuda.set_function(*f, WPK_CU_FUNC_ANY_CLUSTER, 1),
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
		return gpu_fails("launch", "%s%s", why, "");
	if (bytes > l->scratch_bytes)
		l->scratch_bytes = bytes;
	if (s->timed && !c->pinned)
		c->pinned = library_pinned(*call);
	return (struct outcome){ 0 };
}

/* What its launcher asks for is known only now. */
static struct outcome prepare_launcher(struct candidate *c,
	const struct step *s, struct launcher **launcher)
{
	char text[400];
	size_t bytes = 0;
	const char *why = launcher_load(c->files[s->module], launcher, &bytes,
		text);

	if (why)
		return gpu_fails("launch", "%s: %s", s->file, why);
	if (bytes > c->workspace)
		c->workspace = bytes;
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
		if (c->steps[i].file)
			o = prepare_launcher(c, &c->steps[i],
				&l->launchers[i]);
	}
	return o;
}

static bool has_host_code(const struct candidate *c, int module)
{
	for (int i = 0; i < c->n_steps; i++)
		if (c->steps[i].file && c->steps[i].module == module)
			return true;
	return false;
}

static struct outcome load_modules(struct candidate *c)
{
	struct loaded *l = c->state;
	struct outcome o = { 0 };

	for (int i = 0; i < c->n_files && !o.verdict; i++)
		if (!has_host_code(c, i))
			o = gpu_judge(cuda.load(&l->modules[i], c->files[i]),
				"cuModuleLoad");
	return o;
}

static struct outcome gpu_load(struct candidate *c)
{
	struct loaded *l = calloc(1, sizeof *l);
	struct outcome o = { 0 };

	c->state = l;
	if (!l)
		return gpu_fails("launch", "no memory%s%s", "", "");
	l->modules = calloc((size_t)c->n_files + 1, sizeof *l->modules);
	l->functions = calloc((size_t)c->n_steps + 1, sizeof *l->functions);
	l->calls = calloc((size_t)c->n_steps + 1, sizeof *l->calls);
	l->launchers = calloc((size_t)c->n_steps + 1, sizeof *l->launchers);
	if (!l->modules || !l->functions || !l->calls || !l->launchers)
		return gpu_fails("launch", "no memory%s%s", "", "");
	o = load_modules(c);
	if (!o.verdict)
		o = prepare_steps(c);
	if (!o.verdict && l->scratch_bytes)
		o = gpu_judge(cuda.allocate(&l->scratch, l->scratch_bytes),
			"no memory for a library's workspace");
	if (!o.verdict && c->workspace)
		o = gpu_judge(cuda.allocate(&l->workspace, c->workspace),
			"no memory for the workspace");
	if (!o.verdict && c->prepared)
		o = gpu_judge(cuda.allocate(&l->prepared, c->prepared),
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
	for (int i = 0; l->modules && i < c->n_files; i++)
		if (l->modules[i])
			cuda.unload(l->modules[i]);
	if (l->workspace)
		cuda.release(l->workspace);
	if (l->prepared)
		cuda.release(l->prepared);
	if (l->scratch)
		cuda.release(l->scratch);
	for (int i = 0; l->calls && i < c->n_steps; i++)
		library_unload(l->calls[i]);
	for (int i = 0; l->launchers && i < c->n_steps; i++)
		launcher_unload(l->launchers[i]);
	free(l->launchers);
	free(l->calls);
	free(l->modules);
	free(l->functions);
	free(l);
	c->state = NULL;
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
	struct outcome o = gpu_judge(cuda.to_host(margin, gpu.base +
		gpu.offsets[tensor] + t->bytes, MARGIN), "cuMemcpyDtoH");

	for (int i = 0; i < MARGIN && !o.verdict; i++)
		if (margin[i] != byte)
			o = gpu_fails("wrong", "it writes behind the end of %s%s",
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
			o = gpu_judge(cuda.to_host(outputs[i], gpu.base +
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
		o = gpu_judge(upload(d), "the inputs");
	if (!o.verdict)
		o = gpu_judge(poison_all(c, poison), "poisoning");
	if (!o.verdict)
		o = gpu_launch(c, PREPARING, gpu.base);
	if (!o.verdict)
		o = gpu_launch(c, ALL, gpu.base);
	if (!o.verdict)
		o = gpu_wait(c);
	return o.verdict ? o : fetch_all(poison, outputs);
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
