/* SPDX-License-Identifier: MIT */
/* The emulator as a device: a candidate is a program (runtime/emu/main.c) that
 * takes jobs. Its seconds are the processor time that it spent on the timed
 * launches: of use to compare candidates with one another, and nothing else. */
#include "runtime/worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_MOST = 1 << 20, LINE_MOST = 300 };

/* A tensor's contents end where a page ends, as far as alignment lets them. */
struct file {
	int fd;
	size_t offset;
};

static struct {
	const struct task *task;
	struct file *files;	/* [set][tensor]; outputs only of set 0 */
	int n_files;
	double last;		/* seconds of the last run */
	char message[600];
} emu;

static struct outcome fails(const char *verdict, const char *message)
{
	return (struct outcome){ verdict, message, false };
}

static struct outcome emu_open(json_t *hello)
{
	json_object_set_new(hello, "device", json_string("emu"));
	return (struct outcome){ 0 };
}

/* ---- tensors ---- */

static struct file *file_of(int set, int tensor)
{
	if (emu.task->tensors[tensor].output)
		set = 0;
	return &emu.files[set * emu.task->n + tensor];
}

static bool make_file(const struct tensor *t, const void *contents,
	struct file *f)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t align = t->align > 16 ? t->align : 16, done = 0;

	f->offset = (page - t->bytes % page) % page / align * align;
	f->fd = memfd_create("tensor", 0);
	if (f->fd < 0 || ftruncate(f->fd, (off_t)(f->offset + t->bytes)))
		return false;
	while (contents && done < t->bytes) {
		ssize_t n = pwrite(f->fd, (const char *)contents + done,
			t->bytes - done, (off_t)(f->offset + done));

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* The task that they were made for may be gone. */
static void close_files(void)
{
	for (int i = 0; emu.files && i < emu.n_files; i++)
		if (emu.files[i].fd > 0)
			close(emu.files[i].fd);
	free(emu.files);
	emu.files = NULL;
}

static struct outcome emu_task(const struct task *t)
{
	close_files();
	emu.task = t;
	emu.n_files = t->n * t->n_sets;
	emu.files = calloc((size_t)emu.n_files + 1, sizeof *emu.files);
	for (int s = 0; emu.files && s < t->n_sets; s++)
		for (int i = 0; i < t->n; i++)
			if ((!t->tensors[i].output || s == 0) &&
			    !make_file(&t->tensors[i], t->sets[s].p[i],
				    file_of(s, i)))
				return fails("launch",
					"no memory for the tensors");
	return emu.files ? (struct outcome){ 0 } : fails("launch", "no memory");
}

static bool poison(struct file *f, size_t bytes, int byte)
{
	char block[4096];
	size_t done = 0;

	memset(block, byte, sizeof block);
	while (done < bytes) {
		size_t want = bytes - done < sizeof block ? bytes - done :
			sizeof block;
		ssize_t n = pwrite(f->fd, block, want,
			(off_t)(f->offset + done));

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool fetch(const struct file *f, size_t bytes, char *to)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = pread(f->fd, to + done, bytes - done,
			(off_t)(f->offset + done));

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* ---- a run ---- */

static struct outcome emu_load(struct candidate *c)
{
	if (access(c->files[0], X_OK))
		return fails("launch", "its program is not there");
	return (struct outcome){ 0 };
}

static size_t put_job(const struct candidate *c, int set, int poisoned,
	char *out, size_t room)
{
	bool late = poisoned == task_poison(0);
	int n = snprintf(out, room, "mode %s\nshared %d\npoison %d\ntime\n",
		late ? "late" : "early", c->shared, poisoned);

	for (int i = 0; i < emu.task->n; i++) {
		const struct tensor *t = &emu.task->tensors[i];
		const struct file *f = file_of(set, i);

		n += snprintf(out + n, room - (size_t)n,
			"tensor %s %d %zu %zu %zu\n", t->output ? "out" : "in",
			f->fd, f->offset, t->bytes, t->align > 16 ? t->align :
			16);
	}
	n += snprintf(out + n, room - (size_t)n, "run\n");
	return (size_t)n;
}

/* The line of the log in which "mark" stands, from there on. */
static const char *line_with(const char *log, const char *mark)
{
	const char *p = strstr(log, mark);

	if (!p)
		return NULL;
	snprintf(emu.message, sizeof emu.message, "%.*s",
		(int)strcspn(p + 1, "\n") < LINE_MOST ?
		(int)strcspn(p + 1, "\n") : LINE_MOST, p + 1);
	return emu.message;
}

/* How many launches a launcher makes, the log alone tells. */
static double all_seconds_in(const char *log)
{
	double sum = 0, s;
	int n;

	for (const char *p = log; (p = strstr(p, " took ")); p++)
		if (sscanf(p, " took %d %lf", &n, &s) == 2)
			sum += s;
	return sum;
}

/* "late took 2 1.5e-05": of the launches that are timed. */
static double seconds_in(const struct candidate *c, const char *log)
{
	double sum = 0, s;
	int launch = 0, n;

	for (int i = 0; i < c->n_steps; i++) {
		char mark[32];
		const char *p;

		if (c->steps[i].file)
			return all_seconds_in(log);
		if (!c->steps[i].kernel)
			continue;
		snprintf(mark, sizeof mark, " took %d ", launch++);
		p = strstr(log, mark);
		if (c->steps[i].timed && p &&
		    sscanf(p, " took %d %lf", &n, &s) == 2)
			sum += s;
	}
	return sum;
}

static struct outcome judge(int status, const char *log)
{
	const char *why = line_with(log, " fault memory");

	if (why)
		return fails("launch", why);
	if (line_with(log, " fault launch"))
		return fails("launch", emu.message);
	if (line_with(log, " fault "))
		return fails("fault", emu.message);
	if (line_with(log, " returned "))
		return fails("launch", emu.message);
	if (status == 0 && strstr(log, " done\n"))
		return (struct outcome){ 0 };
	snprintf(emu.message, sizeof emu.message, WIFSIGNALED(status) ?
		"the emulated kernel was ended by signal %d" :
		"the emulated kernel ended with status %d",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return fails("fault", emu.message);
}

static struct outcome run(const struct candidate *c, int set, int poisoned)
{
	const char *const argv[] = { c->files[0], NULL };
	size_t room = 200 + (size_t)emu.task->n * 100;
	char *job = malloc(room), *log = NULL;
	struct outcome o = fails("launch", "no memory");
	int status;

	if (job) {
		size_t n = put_job(c, set, poisoned, job, room);

		status = child_run(argv, job, n, &log, LOG_MOST);
		o = status < 0 ? fails("launch", "it cannot be started") :
			judge(status, log ? log : "");
	}
	if (!o.verdict)
		emu.last = seconds_in(c, log);
	free(job);
	free(log);
	return o;
}

static int set_of(const struct data *d)
{
	return (int)(d - emu.task->sets);
}

static struct outcome emu_run(struct candidate *c, const struct data *d,
	int poisoned, void *const *outputs)
{
	struct outcome o = { 0 };

	for (int i = 0; i < emu.task->n; i++)
		if (emu.task->tensors[i].output &&
		    !poison(file_of(0, i), emu.task->tensors[i].bytes,
			    poisoned))
			return fails("launch", "no memory for the outputs");
	o = run(c, set_of(d), poisoned);
	for (int i = 0; i < emu.task->n && !o.verdict; i++)
		if (emu.task->tensors[i].output &&
		    !fetch(file_of(0, i), emu.task->tensors[i].bytes,
			    outputs[i]))
			return fails("fault", "its outputs cannot be read");
	return o;
}

/* A quick look is the run for the results that was just made. */
static struct outcome emu_time(struct candidate *c, bool thorough, double *s)
{
	struct outcome o = { 0 };

	if (thorough)
		o = run(c, 0, task_poison(0));
	*s = emu.last;
	return o;
}

static void emu_unload(struct candidate *c)
{
	(void)c;
}

static void emu_state(json_t *reply)
{
	(void)reply;
}

static void emu_close(void)
{
	close_files();
}

const struct device *device_emu(void)
{
	static const struct device d = { "emu", emu_open, emu_task, emu_load,
		emu_run, emu_time, emu_unload, emu_state, emu_close };

	return &d;
}
