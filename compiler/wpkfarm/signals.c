/* SPDX-License-Identifier: MIT */
/* Signals and time. mpirun hands SIGUSR1 on to all ranks, which then end with
 * what they have; on Ctrl-C it sends SIGTERM, and kills what is still there a
 * second later. The handler's flag is the program's one mutable global. */
#include "wpkfarm/wpkfarm.h"

#include <signal.h>
#include <time.h>

static volatile sig_atomic_t got;

static void note(int sig)
{
	if (got != WISH_END)
		got = sig == SIGUSR1 ? WISH_FINISH : WISH_END;
}

void signals_begin(void)
{
	struct sigaction s = { .sa_handler = note, .sa_flags = SA_RESTART };
	static const int which[] = { SIGUSR1, SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof which / sizeof *which; i++)
		sigaction(which[i], &s, NULL);
	signal(SIGPIPE, SIG_IGN);
}

enum wish signals_wish(void)
{
	return (enum wish)got;
}

double signals_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void signals_pause(void)
{
	nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
}
