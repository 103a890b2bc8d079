/* SPDX-License-Identifier: MIT */
/* The main program of an emulated kernel. Jobs come in on standard input, one
 * fact a line, and run side by side, each in a process of its own:
 *
 *	mode late | mode early
 *	address			tensors in allocations of their exact size
 *	watch bytes | watch race | watch init	what watch.c looks for
 *	grain BYTES		of the smallest element that threads share
 *	shared BYTES		the most a block may have
 *	poison BYTE		what workspace is filled with, in decimal
 *	tensor in|out FD OFFSET BYTES ALIGN
 *	time			say what each launch takes
 *	launch NUMBER X...	run only these block.x of that launch;
 *	launch NUMBER/N X...	as if its grid had N of them
 *	launch NUMBER/N/M X/Y...	these blocks alone, of N times M
 *	run			this was all; another job may follow
 *
 * Tensors are open files, in the launcher's order; their contents start at
 * OFFSET, chosen by the caller so that they end at the end of a page, behind
 * which lies one that faults. Reports go out on standard output, each behind
 * its job's mode:
 *
 *	late launch 0 ran 14 of 98 columns of 1 blocks
 *	late took 0 0.00214	launch 0, seconds of processor time
 *	late bytes 0 read 96 cached 0 once 96 written 0 cached 0 once 0
 *	late fault KIND line L block X Y Z thread T: TEXT
 *	late returned CODE		by the launcher
 *	late done
 *
 * The exit code is 0 if all jobs came to "done", else 3. */
#include "emu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TENSORS = 512, WORKSPACE_ALIGN = 256 };

/* What the compiled kernel brings: its launcher with the tensors in an array,
 * and the workspace it wants. */
int wpk_emu_entry(void *const *tensors, void *workspace, size_t bytes);
size_t wpk_emu_workspace(void) __attribute__((weak));
/* Constant operands: how much room they take prepared, and preparing them. */
size_t wpk_emu_prepared(void) __attribute__((weak));
int wpk_emu_prepare(void *const *tensors, void *prepared, size_t bytes)
	__attribute__((weak));

struct tensor {
	bool output;
	int fd;
	size_t offset, bytes, align;
	void *p;
};

static struct tensor tensors[TENSORS];
static int n_tensors;

/* ---- the job ---- */

static void read_blocks(char *text, struct launch_part *part)
{
	for (;;) {
		char *end;
		unsigned long x = strtoul(text, &end, 10), y = 0;

		if (end == text)
			return;
		if (*end == '/')
			y = strtoul(end + 1, &end, 10);
		if (part->y)
			part->y[part->n] = (unsigned)y;
		part->x[part->n++] = (unsigned)x;
		text = end;
	}
}

static void read_launch(char *text)
{
	char *end;
	long number = strtol(text, &end, 10);
	struct launch_part *part;

	if (number < 0 || number > 4095)
		fault("job", 0, "launch %ld", number);
	if (number >= job.n_launches) {
		job.launches = realloc(job.launches, (size_t)(number + 1) *
			sizeof *job.launches);
		if (!job.launches)
			fault("memory", 0, "no memory for the job");
		memset(job.launches + job.n_launches, 0,
			(size_t)(number + 1 - job.n_launches) *
			sizeof *job.launches);
		job.n_launches = (int)number + 1;
	}
	part = &job.launches[number];
	part->some = true;
	if (*end == '/')
		part->of = (unsigned)strtoul(end + 1, &end, 10);
	if (*end == '/')
		part->of_y = (unsigned)strtoul(end + 1, &end, 10);
	part->x = calloc(strlen(end) / 2 + 1, sizeof *part->x);
	part->y = part->of_y ? calloc(strlen(end) / 2 + 1, sizeof *part->y) :
		NULL;
	if (!part->x || (part->of_y && !part->y))
		fault("memory", 0, "no memory for the job");
	read_blocks(end, part);
}

static void read_tensor(const char *text)
{
	struct tensor *t = &tensors[n_tensors];
	char role[8];

	if (n_tensors == TENSORS ||
	    sscanf(text, "%7s %d %zu %zu %zu", role, &t->fd, &t->offset,
		&t->bytes, &t->align) != 5)
		fault("job", 0, "tensor %s", text);
	t->output = !strcmp(role, "out");
	n_tensors++;
}

static bool read_line(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (!strcmp(line, "run"))
		return false;
	if (!strcmp(line, "mode late"))
		job.late = true;
	else if (!strcmp(line, "mode early"))
		job.late = false;
	else if (!strcmp(line, "address"))
		job.address = true;
	else if (!strcmp(line, "time"))
		job.time = true;
	else if (!strcmp(line, "watch bytes"))
		job.count = true;
	else if (!strcmp(line, "watch race"))
		job.race = true;
	else if (!strcmp(line, "watch init"))
		job.init = true;
	else if (!strncmp(line, "grain ", 6))
		job.grain = atoi(line + 6);
	else if (!strncmp(line, "shared ", 7))
		job.shared_limit = atol(line + 7);
	else if (!strncmp(line, "poison ", 7))
		job.poison = atoi(line + 7);
	else if (!strncmp(line, "tensor ", 7))
		read_tensor(line + 7);
	else if (!strncmp(line, "launch ", 7))
		read_launch(line + 7);
	else
		fault("job", 0, "%s", line);
	return true;
}

/* The next job; false at the end of the input. */
static bool read_job(char **line, size_t *room)
{
	bool any = false;

	job = (struct job){ .reports = true, .grain = 1,
		.shared_limit = 48 << 10, .poison = 0xff };
	n_tensors = 0;
	while (getline(line, room, stdin) > 0) {
		any = true;
		if (!read_line(*line))
			return true;
	}
	if (any)
		fault("job", 0, "ends without \"run\"");
	return false;
}

/* ---- memory ---- */

/* "bytes" of the file between two pages that fault; inputs are read-only. */
static void *map_file(const struct tensor *t)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (t->offset + t->bytes + page - 1) / page * page;
	char *room = mmap(NULL, bytes + 2 * page, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED || (bytes && mmap(room + page, bytes,
	    t->output ? PROT_READ | PROT_WRITE : PROT_READ,
	    MAP_SHARED | MAP_FIXED, t->fd, 0) == MAP_FAILED))
		fault("memory", 0, "a tensor of %zu bytes: %s", t->bytes,
			strerror(errno));
	return room + page + t->offset;
}

static void *allocate(size_t bytes, size_t align)
{
	void *p;

	if (posix_memalign(&p, align < 16 ? 16 : align, bytes ? bytes : 1))
		fault("memory", 0, "%zu bytes", bytes);
	return p;
}

/* NULL for no bytes. */
static void *poisoned(size_t bytes)
{
	void *p = !bytes ? NULL : job.address ?
		allocate(bytes, WORKSPACE_ALIGN) :
		device_allocate(bytes, WORKSPACE_ALIGN);

	if (p)
		memset(p, job.poison, bytes);
	return p;
}

static bool whole(ssize_t (*move)(struct tensor *, char *, size_t, off_t),
	struct tensor *t)
{
	size_t done = 0;

	while (done < t->bytes) {
		ssize_t n = move(t, (char *)t->p + done, t->bytes - done,
			(off_t)(t->offset + done));

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static ssize_t get(struct tensor *t, char *p, size_t n, off_t at)
{
	return pread(t->fd, p, n, at);
}

static ssize_t put(struct tensor *t, char *p, size_t n, off_t at)
{
	return pwrite(t->fd, p, n, at);
}

static void open_tensors(void **p)
{
	for (int i = 0; i < n_tensors; i++) {
		struct tensor *t = &tensors[i];

		t->p = job.address ? allocate(t->bytes, t->align) :
			map_file(t);
		if (job.address && !whole(get, t))
			fault("memory", 0, "tensor %d cannot be read", i);
		p[i] = t->p;
	}
}

static void close_tensors(void)
{
	for (int i = 0; i < n_tensors && job.address; i++)
		if (tensors[i].output && !whole(put, &tensors[i]))
			fault("memory", 0, "tensor %d cannot be written", i);
}

static void watch_all(void **p, const void *workspace, size_t bytes,
	const void *prepared, size_t kept)
{
	for (int i = 0; i < n_tensors; i++)
		watch_open(p[i], tensors[i].bytes, tensors[i].output ?
			WATCH_OUTPUT : WATCH_INPUT);
	watch_open(workspace, bytes, WATCH_WORKSPACE);
	if (kept)
		watch_open(prepared, kept, WATCH_PREPARED);
}

/* What is done once does not count. */
static int prepare(void **p, void *prepared, size_t kept)
{
	bool count = job.count;
	int code;

	job.count = false;
	code = wpk_emu_prepare(p, prepared, kept);
	job.count = count;
	return code;
}

static int run_job(void)
{
	void *p[TENSORS] = { 0 }, *workspace, *prepared;
	size_t bytes = wpk_emu_workspace ? wpk_emu_workspace() : 0;
	size_t kept = wpk_emu_prepared ? wpk_emu_prepared() : 0;
	int code = 0;

	report_catch_signals();
	open_tensors(p);
	workspace = poisoned(bytes);
	prepared = poisoned(kept);
	if (watch_open)
		watch_all(p, workspace, bytes, prepared, kept);
	if (kept)
		code = prepare(p, prepared, kept);
	if (!code)
		code = wpk_emu_entry(p, workspace, bytes);
	close_tensors();
	if (watch_report)
		watch_report();
	if (code)
		say("returned %d", code);
	say("done");
	return 0;
}

/* A job's process ends with this one, however that ends. */
static void start_job(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fault("memory", 0, "no process: %s", strerror(errno));
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(FAULTED);
	exit(run_job());
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	int status, code = 0;

	while (read_job(&line, &room))
		start_job();
	free(line);
	while (wait(&status) > 0)
		if (status)
			code = FAULTED;
	return code;
}
