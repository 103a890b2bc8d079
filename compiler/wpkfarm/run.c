/* SPDX-License-Identifier: MIT */
/* wpkc or wpkdb as a child: in a group of its own, ended with whoever started it, on all
 * the processors of the machine: mpirun binds a rank to some, which are too few
 * for compilers. */
#include "wpkfarm/wpkfarm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/paths.h"

static void unbind(void)
{
	cpu_set_t all;

	CPU_ZERO(&all);
	for (int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &all);
	sched_setaffinity(0, sizeof all, &all);
}

static void become(const char *const *argv, const char *said, pid_t parent)
{
	int fd = said ? open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600) : 2;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	unbind();
	if (fd >= 0 && said) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

bool run_start(struct run *r, const char *const *argv, const char *said)
{
	pid_t parent = getpid();

	fflush(NULL);
	r->said = said;
	r->pid = fork();
	if (r->pid == 0)
		become(argv, said, parent);
	if (r->pid < 0)
		r->pid = 0;
	else
		setpgid(r->pid, r->pid);
	return r->pid > 0;
}

bool run_ended(struct run *r, int *code)
{
	int status;
	pid_t got = waitpid(r->pid, &status, WNOHANG);

	if (got == 0 || (got < 0 && errno == EINTR))
		return false;
	r->pid = 0;
	*code = got < 0 ? 127 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
		WEXITSTATUS(status);
	return true;
}

void run_signal(const struct run *r, int sig)
{
	if (r->pid)
		kill(r->pid, sig);
}

/* It has a second to clear away what it made. */
void run_kill(struct run *r)
{
	int code;

	run_signal(r, SIGTERM);
	for (int i = 0; i < 100 && r->pid && !run_ended(r, &code); i++)
		signals_pause();
	if (!r->pid)
		return;
	kill(-r->pid, SIGKILL);
	while (!run_ended(r, &code))
		signals_pause();
}

const char *run_wpkc(struct arena *a)
{
	return paths_find(a, PATHS_WPKC);
}
