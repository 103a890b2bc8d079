/* SPDX-License-Identifier: MIT */
/* A worker and all that it starts is one process group, which ends as one: when
 * its time is up, when a signal says so, and when whoever started it is gone. */
#include "runtime/worker/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static char last_words[2048];
static size_t n_last_words;

static void end_group(int sig)
{
	(void)sig;
	kill(0, SIGKILL);
}

static void time_is_up(int sig)
{
	(void)sig;
	if (write(1, last_words, n_last_words) < 0)
		kill(0, SIGKILL);
	kill(0, SIGKILL);
}

void limits_begin(void)
{
	pid_t parent = getppid();

	setpgid(0, 0);
	signal(SIGTERM, end_group);
	signal(SIGINT, end_group);
	signal(SIGHUP, end_group);
	signal(SIGALRM, time_is_up);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

/* AddressSanitizer itself has more address space than any limit allows. */
void limits_memory(double bytes)
{
#ifndef __SANITIZE_ADDRESS__
	struct rlimit r;

	if (!(bytes > 0) || getrlimit(RLIMIT_AS, &r))
		return;
	if (r.rlim_max == RLIM_INFINITY || bytes < (double)r.rlim_max)
		r.rlim_cur = (rlim_t)bytes;
	setrlimit(RLIMIT_AS, &r);
#else
	(void)bytes;
#endif
}

void limits_time(double seconds, json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT);
	struct itimerval t = { .it_value = { (time_t)seconds,
		(suseconds_t)(seconds * 1e6) % 1000000 } };

	json_decref(reply);
	n_last_words = 0;
	if (text && strlen(text) + 2 < sizeof last_words) {
		n_last_words = strlen(text) + 1;
		memcpy(last_words, text, n_last_words - 1);
		last_words[n_last_words - 1] = '\n';
	}
	free(text);
	if (!t.it_value.tv_sec && !t.it_value.tv_usec)
		t.it_value.tv_usec = 1;
	setitimer(ITIMER_REAL, &t, NULL);
}

void limits_end(void)
{
	struct itimerval none = { .it_value = { 0, 0 } };

	setitimer(ITIMER_REAL, &none, NULL);
}
