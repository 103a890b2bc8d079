/* SPDX-License-Identifier: MIT */
/* Programs that a worker runs: compilers, an emulated kernel. They stay in its
 * group, which ends as one, so nothing here waits with a time limit. */
#include "runtime/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(const char *const *argv, const int in[2], const int out[2],
	pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	dup2(in[0], 0);
	dup2(out[1], 1);
	dup2(out[1], 2);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

struct log {
	char *p;
	size_t n, most;
};

/* False at the end. */
static bool drain(int fd, struct log *l)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof buf);
	size_t keep = l->most - l->n;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	keep = (size_t)n < keep ? (size_t)n : keep;
	memcpy(l->p + l->n, buf, keep);
	l->n += keep;
	return true;
}

/* Feeds and reads until the child closes its outputs. */
static void serve(int in, int out, const char *input, size_t n, struct log *l)
{
	struct pollfd p[2] = { { in, POLLOUT, 0 }, { out, POLLIN, 0 } };
	size_t done = 0;

	fcntl(in, F_SETFL, O_NONBLOCK);
	for (;;) {
		if (p[0].fd >= 0 && done == n) {
			close(p[0].fd);
			p[0].fd = -1;
		}
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].fd >= 0 && p[0].revents) {
			ssize_t w = write(in, input + done, n - done);

			if (w > 0)
				done += (size_t)w;
			else if (errno != EAGAIN && errno != EINTR)
				done = n;
		}
		if (p[1].revents && !drain(out, l))
			break;
	}
	if (p[0].fd >= 0)
		close(p[0].fd);
}

int child_run(const char *const *argv, const char *input, size_t n,
	char **log, size_t most)
{
	struct log l = { malloc(most + 1), 0, most };
	int in[2], out[2], status = -1;
	pid_t parent = getpid(), pid;

	*log = l.p;
	if (!l.p)
		return -1;
	*l.p = '\0';
	if (pipe2(in, O_CLOEXEC))
		return -1;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become(argv, in, out, parent);
	close(in[0]);
	close(out[1]);
	if (pid > 0)
		serve(in[1], out[0], input, n, &l);
	else
		close(in[1]);
	close(out[0]);
	l.p[l.n] = '\0';
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}
