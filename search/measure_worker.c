/* SPDX-License-Identifier: MIT */
/* One worker process: started at the head of a group of its own that is killed
 * as one, spoken to through pipes that never block. Everything that can go wrong
 * with it ends in one event with a sentence. */
#include "search/measure_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MOST = 1 << 20, RUBBISH_MOST = 100 };

/* What a worker has beyond its own limit, after which it should have ended
 * itself. */
static const double grace_seconds = 3;
static const double backoff_seconds = 0.05, backoff_most = 3;

double worker_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void worker_init(struct arena *a, struct worker *w, const char *const *argv,
	double patience)
{
	*w = (struct worker){ .in = -1, .out = -1, .argv = argv,
		.patience = patience };
	str_init(&w->written, a);
	str_init(&w->read, a);
}

/* ---- the process ---- */

static void become(const struct worker *w, const int in[2], const int out[2],
	pid_t parent)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in[0], 0);
	dup2(out[1], 1);
	execv(w->argv[0], (char *const *)w->argv);
	_exit(127);
}

static void set_unblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

bool worker_start(struct worker *w)
{
	pid_t parent = getpid();
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC))
		return false;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	w->pid = fork();
	if (w->pid == 0)
		become(w, in, out, parent);
	close(in[0]);
	close(out[1]);
	if (w->pid < 0) {
		close(in[1]);
		close(out[0]);
		w->pid = 0;
		return false;
	}
	setpgid(w->pid, w->pid);
	w->in = in[1];
	w->out = out[0];
	set_unblocking(w->in);
	set_unblocking(w->out);
	w->written.n = w->read.n = 0;
	w->n_items = w->rubbish = 0;
	w->ready = w->begun = w->ending = w->late = false;
	w->deadline = worker_now() + w->patience;
	return true;
}

/* Its status, or -1 where that cannot be known. */
static int reap(struct worker *w)
{
	int status = -1;

	kill(-w->pid, SIGKILL);
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
	close(w->in);
	close(w->out);
	w->in = w->out = -1;
	w->ready = false;
	return status;
}

void worker_kill(struct worker *w)
{
	if (w->pid)
		reap(w);
}

void worker_blame(struct worker *w)
{
	double wait = backoff_seconds;

	for (int i = 0; i < w->failures && wait < backoff_most; i++)
		wait *= 2;
	w->failures++;
	w->not_before = worker_now() + wait;
}

/* ---- lines ---- */

static void drop_front(struct str *s, size_t n)
{
	memmove(s->p, s->p + n, s->n - n);
	s->n -= n;
	s->p[s->n] = '\0';
}

void worker_serve(struct worker *w)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	ssize_t n;

	if (w->pid && w->written.n) {
		n = write(w->in, w->written.p, w->written.n);
		if (n > 0)
			drop_front(&w->written, (size_t)n);
	}
	signal(SIGPIPE, old);
}

void worker_send(struct worker *w, int item, json_t *request, double limit)
{
	char *text = json_dumps(request, JSON_COMPACT);

	if (text) {
		str_puts(&w->written, text);
		str_putc(&w->written, '\n');
	}
	json_decref(request);
	free(text);
	worker_serve(w);
	if (item < 0)
		return;
	w->items[w->n_items++] = item;
	if (w->n_items == 1)
		w->deadline = worker_now() + w->patience;
	w->limit = limit;
}

void worker_done(struct worker *w)
{
	w->n_items--;
	memmove(w->items, w->items + 1, sizeof *w->items * (size_t)w->n_items);
	w->begun = false;
	w->failures = 0;
	w->deadline = worker_now() + w->patience;
}

int worker_poll(const struct worker *w, struct pollfd *p)
{
	int n = 0;

	if (!w->pid)
		return 0;
	p[n++] = (struct pollfd){ w->out, POLLIN, 0 };
	if (w->written.n)
		p[n++] = (struct pollfd){ w->in, POLLOUT, 0 };
	return n;
}

/* Reads what is there; false at the end of it all. */
static bool fill(struct worker *w)
{
	char buf[1 << 16];
	ssize_t n = read(w->out, buf, sizeof buf);

	if (n > 0)
		str_putn(&w->read, buf, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The first line, out of the buffer; NULL if there is no whole one. */
static const char *take_line(struct worker *w, struct arena *a)
{
	char *end = w->read.n ? memchr(w->read.p, '\n', w->read.n) : NULL;
	const char *line;

	if (!end)
		return NULL;
	line = arena_strndup(a, w->read.p, (size_t)(end - w->read.p));
	drop_front(&w->read, (size_t)(end + 1 - w->read.p));
	return line;
}

static const char *quoted(struct arena *a, const char *line)
{
	return arena_printf(a, "'%.60s%s'", line, strlen(line) > 60 ? "..." :
		"");
}

/* ---- events ---- */

static const char *death(struct arena *a, const struct worker *w, int status)
{
	const char *half = w->read.n ? " in the middle of a line" : "";

	if (status >= 0 && WIFSIGNALED(status))
		return arena_printf(a, "the worker was ended by signal %d%s%s",
			WTERMSIG(status), WTERMSIG(status) == SIGKILL ?
			" (no memory?)" : "", half);
	if (status >= 0 && WEXITSTATUS(status) == 127 && !w->ready)
		return arena_printf(a, "%s cannot be started", w->argv[0]);
	return arena_printf(a, "the worker ended by itself, with status %d%s",
		status < 0 ? -1 : WEXITSTATUS(status), half);
}

/* After the end of its output it has a moment to end by itself, so that its
 * status is its own. */
static int wait_for_end(const struct worker *w)
{
	siginfo_t info = { .si_pid = 0 };

	for (int i = 0; i < 200 && !info.si_pid; i++) {
		if (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG |
		    WNOWAIT))
			break;
		if (!info.si_pid)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return info.si_pid != 0;
}

static enum worker_event fail(struct worker *w, const char **why,
	const char *text)
{
	reap(w);
	*why = text;
	return WORKER_FAILED;
}

static enum worker_event ended(struct worker *w, struct arena *a,
	const char **why)
{
	bool silent = !wait_for_end(w);
	int status = reap(w);

	*why = silent ? "the worker closed its output" : death(a, w, status);
	return WORKER_FAILED;
}

/* Other libraries may print: what does not look like JSON is passed over, up to
 * a point. */
static enum worker_event judge_line(struct worker *w, struct arena *a,
	const char *text, json_t **line, const char **why)
{
	json_error_t e;

	*line = *text == '{' ? json_loads(text, 0, &e) : NULL;
	if (json_is_object(*line))
		return WORKER_LINE;
	json_decref(*line);
	*line = NULL;
	if (*text != '{' && ++w->rubbish < RUBBISH_MOST)
		return WORKER_NOTHING;
	return fail(w, why, arena_printf(a, "the worker talks rubbish: %s",
		quoted(a, text)));
}

/* Is it that the first item has begun? */
static bool takes_begun(struct worker *w, json_t **line)
{
	if (!json_is_true(json_object_get(*line, "begun")))
		return false;
	if (w->n_items) {
		w->begun = true;
		w->deadline = worker_now() + w->limit + grace_seconds;
	}
	json_decref(*line);
	*line = NULL;
	return true;
}

enum worker_event worker_next(struct worker *w, struct arena *a,
	json_t **line, const char **why)
{
	const char *text;
	bool open;

	*line = NULL;
	if (!w->pid)
		return WORKER_NOTHING;
	open = fill(w);
	while ((text = take_line(w, a))) {
		enum worker_event e = judge_line(w, a, text, line, why);

		if (e == WORKER_FAILED || (e == WORKER_LINE &&
		    !takes_begun(w, line)))
			return e;
	}
	if (!open)
		return ended(w, a, why);
	if (w->read.n > LINE_MOST)
		return fail(w, why, "the worker talks rubbish: a line without "
			"an end");
	w->late = (w->n_items || !w->ready) && worker_now() > w->deadline;
	if (w->late)
		return fail(w, why, w->begun ?
			"the worker hung and was ended" :
			"the worker does not answer");
	return WORKER_NOTHING;
}
