/* SPDX-License-Identifier: MIT */
/* The private folder, and programs that work in it. A keeper, a child that does
 * nothing else, removes the folder when the pipe from here closes, which it does
 * however this process ends. On a signal the program that is waited for ends
 * first, then the folder goes, then this process. State is global, for signals
 * are the process's. */
#include "runtime/wpkrun/wpkrun.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t keeper, working;
static volatile int to_keeper = -1;
static const char *work_folder;

static const int endings[] = { SIGINT, SIGTERM, SIGHUP };
enum { N_ENDINGS = sizeof endings / sizeof *endings, DEPTH = 8 };

static int drop(const char *path, const struct stat *st, int kind,
	struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

/* Files may still come while it looks, from a program that is being ended. */
static void remove_all(const char *path)
{
	for (int i = 0; i < 100 && !access(path, F_OK); i++) {
		if (i)
			poll(NULL, 0, 20);
		nftw(path, drop, DEPTH, FTW_DEPTH | FTW_PHYS);
	}
}

static void keep(const char *path, int pipe)
{
	char byte;

	setsid();
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	for (int i = 0; i < N_ENDINGS; i++)
		signal(endings[i], SIG_IGN);
	while (read(pipe, &byte, 1) < 0 && errno == EINTR)
		;
	remove_all(path);
	_exit(0);
}

/* All that it calls may be called in a signal's handler. */
static void end_keeper(void)
{
	pid_t pid = keeper;

	keeper = 0;
	if (!pid)
		return;
	close(to_keeper);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void on_signal(int number)
{
	pid_t pid = working;

	if (pid) {
		kill(-pid, SIGTERM);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	end_keeper();
	signal(number, SIG_DFL);
	raise(number);
}

/* One signal at a time. */
static void hold(sigset_t *before)
{
	sigset_t s;

	sigemptyset(&s);
	for (int i = 0; i < N_ENDINGS; i++)
		sigaddset(&s, endings[i]);
	sigprocmask(SIG_BLOCK, &s, before);
}

static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal }, old;

	for (int i = 0; i < N_ENDINGS; i++)
		sigaddset(&act.sa_mask, endings[i]);
	for (int i = 0; i < N_ENDINGS; i++)
		if (!sigaction(endings[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(endings[i], &act, NULL);
}

bool folder_open(struct session *s)
{
	const char *tmp = getenv("TMPDIR");
	char *path = session_print(s, "%s/wpkrun-XXXXXX", tmp && *tmp ? tmp :
		"/tmp");
	int ends[2];
	sigset_t before;
	pid_t pid;

	if (s->folder)
		return true;
	if (pipe2(ends, O_CLOEXEC))
		return session_fail(s, EXIT_INTERNAL, "no pipe: %s",
			strerror(errno));
	fflush(NULL);
	hold(&before);
	pid = mkdtemp(path) ? fork() : -1;
	if (!pid) {
		close(ends[1]);
		keep(path, ends[0]);
	}
	close(ends[0]);
	if (pid > 0) {
		keeper = pid;
		to_keeper = ends[1];
		work_folder = s->folder = path;
		catch_signals();
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid > 0 || session_fail(s, EXIT_USER, "no folder can be made "
		"in TMPDIR: %s", strerror(errno));
}

void folder_close(struct session *s)
{
	sigset_t before;

	hold(&before);
	end_keeper();
	s->folder = NULL;
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void folder_drop(const char *path)
{
	nftw(path, drop, DEPTH, FTW_DEPTH | FTW_PHYS);
}

/* ---- programs ---- */

/* What it leaves behind goes with the folder. */
static void become(const char *const *argv, pid_t parent, int out)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	setenv("TMPDIR", work_folder, 1);
	for (int i = 0; i < N_ENDINGS; i++)
		signal(endings[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (out >= 0)
		dup2(out, 1);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* All that can be read, as text. */
static char *read_all(int fd)
{
	char *text = NULL;
	size_t n = 0, room = 0;
	ssize_t got;

	do {
		if (n + 1 >= room) {
			char *more = realloc(text, room = 2 * room + 4096);

			if (!more)
				break;
			text = more;
		}
		got = read(fd, text + n, room - n - 1);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (text)
		text[n] = 0;
	return text;
}

/* A zombie's number is nobody else's, so that a signal meets who is meant. */
static int wait_for(pid_t pid)
{
	siginfo_t info;
	sigset_t before;
	int status = 0;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 &&
	    errno == EINTR)
		;
	hold(&before);
	working = 0;
	waitpid(pid, &status, 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 +
		WTERMSIG(status);
}

int folder_run(const char *const *argv, char **text)
{
	int ends[2] = { -1, -1 };
	sigset_t before;
	pid_t parent = getpid(), pid;

	if (text && pipe2(ends, O_CLOEXEC))
		return 127;
	fflush(NULL);
	hold(&before);
	pid = fork();
	if (!pid)
		become(argv, parent, ends[1]);
	if (pid > 0) {
		setpgid(pid, pid);
		working = pid;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (text) {
		close(ends[1]);
		*text = pid > 0 ? read_all(ends[0]) : NULL;
		close(ends[0]);
	}
	return pid > 0 ? wait_for(pid) : 127;
}
