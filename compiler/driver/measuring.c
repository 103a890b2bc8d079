/* SPDX-License-Identifier: MIT */
/* The session of workers: what is asked for, opened before the first search,
 * closed with all its processes and files whatever ends the run. */
#include "driver/measuring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/check_parts.h"
#include "driver/child.h"
#include "driver/jobserver.h"
#include "driver/known.h"
#include "driver/measuring_folder.h"
#include "driver/paths.h"
#include "runtime/lib/device_name.h"

static const double compile_seconds = 30, run_seconds = 10, start_seconds = 60;
static const double compiler_memory = 4 * 0x1p30;

/* ---- what is asked for ---- */

/* A GPU, as far as one can see without asking it: there, and not hidden. */
bool measuring_has_gpu(void)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");

	return !(visible && !*visible) && !access("/dev/nvidiactl", R_OK | W_OK);
}

static const char *how_of(const struct session *s)
{
	const char *m = s->o->measure;

	if (!m)
		return measuring_has_gpu() ? "gpu" : "model";
	return !strncmp(m, "gpu", 3) ? "gpu" : m;
}

static const char *device_of(const struct session *s)
{
	const char *m = s->o->measure;

	if (m && !strcmp(m, "emu"))
		return m;
	return m && !strncmp(m, "gpu:", 4) ? m : "gpu:0";
}

static bool take_token(void *ctx, int running)
{
	struct measuring *g = ctx;

	return jobserver_take(g->make, running);
}

static void keep_tokens(void *ctx, int running)
{
	struct measuring *g = ctx;

	jobserver_keep(g->make, running);
}

static bool is_stopped(void *ctx)
{
	struct measuring *g = ctx;

	return *g->s->stop || child_stop_pending();
}

/* nvcc, where a worker has no NVRTC: a cubin; or with "host" code a shared object
 * that a worker opens. */
static const char *const *nvcc_command(struct session *s, bool host)
{
	const char *arch = s->places[0].target->name + 3;
	const char **v = ARENA_ARRAY(s->a, 14, const char *);
	int n = 0;

	if (!s->nvcc)
		return NULL;
	v[n++] = s->nvcc;
	v[n++] = arena_printf(s->a, "-gencode=arch=compute_%s,code=sm_%s",
		arch, arch);
	v[n++] = host ? "-shared" : "-cubin";
	if (host) {
		v[n++] = "-Xcompiler";
		v[n++] = "-fPIC";
	}
	v[n++] = "-std=c++17";
	v[n++] = "-Xptxas";
	v[n++] = "-v";
	v[n++] = "-o";
	v[n++] = "@out";
	v[n++] = "@source";
	return v;
}

bool measuring_takes_files(const struct session *s)
{
	return s->nvcc || strcmp(s->how, "gpu");
}

int measuring_compilers(const struct session *s)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	n = s->o->jobs ? s->o->jobs : n;
	n = s->side_by_side ? n / s->side_by_side : n;
	return n < 1 ? 1 : n > 64 ? 64 : (int)n;
}

static bool set_options(struct measuring *g, struct measure_options *o,
	const char **why)
{
	struct session *s = g->s;
	bool emulated = !strcmp(g->how, "emu");
	const struct limits *l = &s->o->limits;

	*o = (struct measure_options){ .worker = paths_worker(g->a),
		.device = device_of(s), .share = s->o->share,
		.mps = s->o->share_mps, .folder = g->folder,
		.arch = emulated ? NULL : s->places[0].target->name,
		.compilers = measuring_compilers(s), .memory = l->memory > 0 ?
		l->memory : compiler_memory, .compile_seconds = l->compile > 0 ?
		l->compile : compile_seconds, .seconds = l->run > 0 ? l->run :
		run_seconds, .start_seconds = l->start > 0 ? l->start :
		start_seconds, .stopped = is_stopped, .take = take_token,
		.keep = keep_tokens, .ctx = g };
	if (!o->worker)
		*why = "its program wpkworker was not found";
	else
		o->command = emulated ? check_command(g->a,
			s->places[0].target, g->folder, why) :
			nvcc_command(s, false);
	o->host_command = emulated ? o->command : nvcc_command(s, true);
	return !*why;
}

/* ---- opening and closing ---- */

/* Does the device run code for the target? "sm_90" runs sm_90a's and sm_90's,
 * not sm_80's: cubins are for one major. */
static bool runs(const struct measuring *g, const struct target *t)
{
	const struct measure_device *d = measure_device(g->m);
	int cc = atoi(d->arch + (strncmp(d->arch, "sm_", 3) ? 0 : 3));

	return !strcmp(g->how, "emu") || (cc / 10 == t->cc / 10 &&
		(t->suffix ? cc == t->cc : cc >= t->cc));
}

static const char *share_text(struct measuring *g)
{
	const struct measure_device *d = measure_device(g->m);

	return g->share == 100 ? "" : arena_printf(g->a, ", %d %% of it%s%s",
		g->share, *d->share_by ? " by " : "", d->share_by);
}

/* Why the device is not the one that costs are wanted of, or NULL. */
static const char *misses(struct measuring *g)
{
	const struct place *p = &g->s->places[0];
	const struct measure_device *d = measure_device(g->m);

	if (!strcmp(g->how, "emu"))
		return NULL;
	if (!runs(g, p->target))
		return arena_printf(g->a, "%s is an %s and runs no %s code: name "
			"its target with --target, or --measure=model",
			d->name, d->arch, p->target->name);
	if (p->named && !device_is_called(d->name, p->named))
		return arena_printf(g->a, "%s is not the %s that --gpu names",
			d->name, p->named);
	return NULL;
}

/* The lock and the model know the device by its row, where it has one. */
static void settle_place(struct measuring *g)
{
	struct place *p = &g->s->places[0];
	const struct measure_device *d = measure_device(g->m);

	g->gpu = p->gpu->name;
	if (!strcmp(g->how, "emu"))
		return;
	for (const struct gpu *x = gpu_list(); x->name; x++)
		if (x->cc == p->target->cc && device_is_called(d->name, x->name)) {
			p->gpu = x;
			g->gpu = x->name;
			return;
		}
	g->gpu = arena_strdup(g->a, d->name);
	session_say(g->s, "the lock calls this GPU %s: it has no name of its own",
		p->gpu->name);
}

static void tell_device(struct measuring *g)
{
	const struct measure_device *d = measure_device(g->m);

	if (!strcmp(g->how, "emu"))
		session_say(g->s, "measuring by emulation: seconds are the "
			"emulator's own, and say nothing of a GPU");
	else
		session_say(g->s, "measuring on %s (%s, driver %s)%s", d->name,
			d->arch, d->driver, share_text(g));
}

static FILE *fopen_log(struct session *s, const char *mode)
{
	const char *path = s->o->candidates;
	FILE *f = fopen(strcmp(path, "-") ? path : "/dev/stdout", mode);

	if (!f)
		session_fail(s, EXIT_USER, "cannot write '%s': %s", path,
			strerror(errno));
	return f;
}

bool measuring_clear_log(struct session *s)
{
	FILE *f = fopen_log(s, "w");

	return f && !fclose(f);
}

static bool open_log(struct measuring *g)
{
	if (!g->s->o->candidates)
		return true;
	g->log = fopen_log(g->s, g->s->counted ? "a" : "w");
	return g->log;
}

/* Where nobody asked for a GPU, one that does not serve is no error. */
static bool fails(struct measuring *g, const char *why)
{
	struct session *s = g->s;

	measuring_close(s);
	if (s->o->measure)
		return session_fail(s, EXIT_USER, "--measure=%s: %s",
			s->o->measure, why);
	session_say(s, "this machine's GPU is not measured: %s", why);
	return true;
}

bool measuring_open(struct session *s)
{
	const char *how = how_of(s), *why = NULL;
	struct measure_options o;
	struct measuring *g;

	if (!strcmp(how, "model"))
		return true;
	if (s->n_places > 1)
		return !s->o->measure || session_fail(s, EXIT_USER,
			"--measure=%s is for one target at a time", how);
	g = ARENA_NEW(s->a, struct measuring);
	*g = (struct measuring){ .s = s, .a = s->a, .how = how,
		.folder_fd = -1, .share = s->o->share ? s->o->share : 100 };
	s->measuring = g;
	if (!s->tally)
		s->tally = ARENA_NEW(s->a, struct measuring_tally);
	child_hold(&g->before);
	g->held = true;
	g->on_pipe = signal(SIGPIPE, SIG_IGN);
	g->make = ARENA_NEW(s->a, struct jobserver);
	jobserver_open(s->a, g->make);
	g->folder = measuring_folder(s->a, &g->folder_fd);
	if (!g->folder)
		return fails(g, arena_printf(s->a, "no folder can be made in "
			"TMPDIR: %s", strerror(errno)));
	if (set_options(g, &o, &why))
		g->m = measure_open(s->a, &o, &why);
	why = g->m ? misses(g) : why;
	if (why)
		return fails(g, why);
	settle_place(g);
	tell_device(g);
	if (open_log(g) && known_open(s))
		return true;
	measuring_close(s);
	return false;
}

void measuring_end(struct measuring *g)
{
	if (g->m)
		measure_close(g->m);
	g->m = NULL;
	measuring_data_close(g->data);
	g->data = NULL;
	g->job = NULL;
	if (g->folder)
		measuring_folder_remove(g->folder, g->folder_fd);
	g->folder = NULL;
	jobserver_close(g->make);
	if (!g->held)
		return;
	g->held = false;
	signal(SIGPIPE, g->on_pipe);
	child_release(&g->before);
}

void measuring_close(struct session *s)
{
	struct measuring *g = s->measuring;

	known_close(s);
	if (!g)
		return;
	s->measuring = NULL;
	measuring_end(g);
	if (g->log && (ferror(g->log) | fclose(g->log)))
		session_fail(s, EXIT_USER, "cannot write all of '%s'",
			s->o->candidates);
}

bool measuring_stopped(struct measuring *g)
{
	if (!g->m)
		return true;
	if (!is_stopped(g))
		return false;
	measuring_end(g);
	return true;
}
