/* SPDX-License-Identifier: MIT */
/* Child processes: started in a group of their own, fed and read through
 * pipes, killed as a group when their time is up, so that no compiler or
 * emulated kernel outlives its use. */
#include "driver/child.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sigset_t ending_signals(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGHUP);
	return s;
}

void child_hold(sigset_t *before)
{
	sigset_t s = ending_signals();

	sigprocmask(SIG_BLOCK, &s, before);
}

void child_release(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

bool child_stop_pending(void)
{
	sigset_t s;

	return !sigpending(&s) && (sigismember(&s, SIGINT) ||
		sigismember(&s, SIGTERM) || sigismember(&s, SIGHUP));
}

enum { IN, OUT, ERR, N_PIPES };
enum { GRACE = 2 };	/* seconds */

static void close_pipes(int pipes[N_PIPES][2])
{
	for (int i = 0; i < N_PIPES; i++)
		for (int j = 0; j < 2; j++)
			if (pipes[i][j] >= 0)
				close(pipes[i][j]);
}

static bool open_pipes(int pipes[N_PIPES][2])
{
	for (int i = 0; i < N_PIPES; i++)
		pipes[i][0] = pipes[i][1] = -1;
	for (int i = 0; i < N_PIPES; i++)
		if (pipe2(pipes[i], O_CLOEXEC)) {
			close_pipes(pipes);
			return false;
		}
	return true;
}

static pid_t start(const char *const *argv, int pipes[N_PIPES][2])
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(pipes[IN][0], 0);
	dup2(pipes[OUT][1], 1);
	dup2(pipes[ERR][1], 2);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* Reads what is there; false at the end. */
static bool drain(int fd, struct str *to)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n > 0)
		str_putn(to, buf, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

struct feed {
	const char *p;
	size_t n;
};

/* Writes what fits; false when all is written or nobody reads. */
static bool push(int fd, struct feed *f)
{
	ssize_t n = write(fd, f->p, f->n);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	f->p += n;
	f->n -= (size_t)n;
	return f->n > 0;
}

static void close_end(struct pollfd *p)
{
	close(p->fd);
	p->fd = -1;
}

/* Serves the pipes until both outputs are closed or time is up. */
static void serve(int in, int out, int err, struct feed *f, double deadline,
	struct child *c)
{
	struct pollfd p[N_PIPES] = { { in, POLLOUT, 0 }, { out, POLLIN, 0 },
		{ err, POLLIN, 0 } };

	fcntl(in, F_SETFL, O_NONBLOCK);
	if (!f->n)
		close_end(&p[IN]);
	while (p[OUT].fd >= 0 || p[ERR].fd >= 0) {
		double left = deadline - now();

		c->timed_out = left <= 0;
		c->stopped = child_stop_pending();
		if (c->timed_out || c->stopped)
			break;
		if (poll(p, N_PIPES, left > 0.1 ? 100 : (int)(left * 1000) + 1) < 0)
			continue;
		if (p[IN].fd >= 0 && p[IN].revents && !push(in, f))
			close_end(&p[IN]);
		if (p[OUT].fd >= 0 && p[OUT].revents && !drain(out, &c->out))
			close_end(&p[OUT]);
		if (p[ERR].fd >= 0 && p[ERR].revents && !drain(err, &c->err))
			close_end(&p[ERR]);
	}
	for (int i = 0; i < N_PIPES; i++)
		if (p[i].fd >= 0)
			close(p[i].fd);
}

static void doze(void)
{
	nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

/* The child's end, and its group's within a moment if they are asked: a child
 * that has children in groups of their own, as wpkc has, sees to these. Then
 * the group is killed. */
static int end_group(pid_t pid)
{
	double deadline = now() + GRACE;
	bool ended = false;
	int status = 0;

	kill(-pid, SIGTERM);
	while (now() < deadline && (!ended || !kill(-pid, 0))) {
		ended = ended || waitpid(pid, &status, WNOHANG) == pid;
		doze();
	}
	kill(-pid, SIGKILL);
	while (!ended && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* A child may close its pipes and still run: it has the rest of its time. */
static int collect(pid_t pid, double deadline, struct child *c)
{
	int status;

	while (!c->timed_out && !c->stopped) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return 127 << 8;
		c->timed_out = now() > deadline;
		c->stopped = child_stop_pending();
		if (!c->timed_out && !c->stopped)
			doze();
	}
	return end_group(pid);
}

void child_run(struct arena *a, const char *const *argv, const char *input,
	size_t n_input, double seconds, struct child *out)
{
	double begin = now();
	struct feed f = { input, input ? n_input : 0 };
	int pipes[N_PIPES][2], status;
	void (*old)(int);
	pid_t pid;

	*out = (struct child){ .status = 127 };
	str_init(&out->out, a);
	str_init(&out->err, a);
	if (!open_pipes(pipes))
		return;
	fflush(NULL);
	pid = start(argv, pipes);
	if (pid < 0) {
		close_pipes(pipes);
		return;
	}
	setpgid(pid, pid);
	close(pipes[IN][0]);
	close(pipes[OUT][1]);
	close(pipes[ERR][1]);
	old = signal(SIGPIPE, SIG_IGN);
	serve(pipes[IN][1], pipes[OUT][0], pipes[ERR][0], &f, begin + seconds,
		out);
	status = collect(pid, begin + seconds, out);
	signal(SIGPIPE, old);
	kill(-pid, SIGKILL);
	out->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
		WEXITSTATUS(status);
	out->seconds = now() - begin;
}

const char *child_folder(struct arena *a)
{
	const char *tmp = getenv("TMPDIR");

	return mkdtemp(arena_printf(a, "%s/wpkc-XXXXXX", tmp && *tmp ? tmp :
		"/tmp"));
}

static int remove_entry(const char *path, const struct stat *st, int type,
	struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

void child_folder_remove(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

bool child_write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	bool ok;

	if (!f)
		return false;
	ok = fwrite(text, 1, n, f) == n;
	return (fclose(f) == 0) & ok;
}
