/* SPDX-License-Identifier: MIT */
/* Work in child processes, several at once: one without asking, each further
 * one for a token of the make that runs wpkc, where there is one. */
#include "driver/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/child.h"
#include "driver/jobserver.h"

/* "gentle": it gets SIGINT, which it heeds, not SIGTERM. */
struct how {
	int most;
	bool gentle;
};

struct worker {
	pid_t pid;
	int fd, item;
	struct str text;
};

/* A worker holds signals back: what it runs is stopped and its folder removed,
 * also when wpkc itself is gone. */
static void hold_signals(pid_t parent, const struct how *how)
{
	sigset_t before;

	/* A terminal's Ctrl-C is for wpkc, which hands it on. */
	if (how->gentle)
		setpgid(0, 0);
	else
		child_hold(&before);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static bool start_worker(struct session *s, struct worker *w,
	const struct how *how, int item,
	void (*work)(void *, int, struct str *), void *ctx)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return false;
	*w = (struct worker){ .fd = ends[0], .item = item };
	str_init(&w->text, s->a);
	w->pid = fork();
	if (w->pid == 0) {
		struct str out;
		size_t done = 0;
		ssize_t n = 1;

		hold_signals(parent, how);
		close(ends[0]);
		str_init(&out, s->a);
		work(ctx, item, &out);
		while (done < out.n && n > 0)
			done += (size_t)(n = write(ends[1], out.p + done,
				out.n - done));
		_exit(n > 0 ? 0 : 1);
	}
	close(ends[1]);
	if (w->pid < 0)
		close(ends[0]);
	return w->pid > 0;
}

/* Waits for any worker to say something; returns its place when it ended. */
static int next_ended(struct worker *w, int n)
{
	struct pollfd p[n];
	char buf[4096];

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ w[i].fd, POLLIN, 0 };
	if (poll(p, (nfds_t)n, 200) <= 0)
		return -1;
	for (int i = 0; i < n; i++) {
		ssize_t got = p[i].revents ? read(w[i].fd, buf, sizeof buf) : 1;

		if (!p[i].revents)
			continue;
		if (got > 0)
			str_putn(&w[i].text, buf, (size_t)got);
		else if (got == 0 || errno != EINTR)
			return i;
	}
	return -1;
}

static void finish_worker(struct worker *w, const char **texts)
{
	int status = 1;

	close(w->fd);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	texts[w->item] = status == 0 ? str_text(&w->text) : NULL;
}

static int most_at_once(const struct session *s)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return s->o->jobs ? s->o->jobs : n > 0 ? (int)n : 1;
}

static void run(struct session *s, const struct how *how, int n,
	void (*work)(void *ctx, int i, struct str *out), void *ctx,
	const char **texts)
{
	int jobs = how->most, next = 0, running = 0;
	struct worker *w = ARENA_ARRAY(s->a, (size_t)jobs, struct worker);
	struct jobserver make;
	bool told = false;

	jobserver_open(s->a, &make);

	while (running || (next < n && !*s->stop)) {
		int ended;

		for (int i = 0; i < running && *s->stop && !told; i++)
			kill(w[i].pid, how->gentle ? SIGINT : SIGTERM);
		told = *s->stop;
		while (running < jobs && next < n && !*s->stop &&
		       jobserver_take(&make, running)) {
			texts[next] = NULL;
			if (start_worker(s, &w[running], how, next, work,
			    ctx))
				running++;
			next++;
		}
		ended = running ? next_ended(w, running) : -1;
		if (ended >= 0) {
			finish_worker(&w[ended], texts);
			w[ended] = w[--running];
		}
		jobserver_keep(&make, running);
	}
	jobserver_close(&make);
}

void workers_run(struct session *s, int n,
	void (*work)(void *ctx, int i, struct str *out), void *ctx,
	const char **texts)
{
	run(s, &(struct how){ most_at_once(s), false }, n, work, ctx, texts);
}

void workers_run_most(struct session *s, int most, int n,
	void (*work)(void *ctx, int i, struct str *out), void *ctx,
	const char **texts)
{
	run(s, &(struct how){ most, true }, n, work, ctx, texts);
}
