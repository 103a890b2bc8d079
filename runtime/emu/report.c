/* SPDX-License-Identifier: MIT */
/* What the emulator says: lines for wpkc, which started it with a job, or, in a
 * program of the user's that is linked with it, nothing but faults in words. */
#include "emu.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct job job = { .late = true, .shared_limit = 227 << 10, .poison = 0xff };

void say(const char *fmt, ...)
{
	va_list ap;

	if (!job.reports)
		return;
	va_start(ap, fmt);
	fputs(job.late ? "late " : "early ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	va_end(ap);
}

static void report(const char *kind, int line, const char *text)
{
	char sentence[700];

	snprintf(sentence, sizeof sentence, "%s fault in block (%u, %u, %u), "
		"thread %d%s%.0d: %s", kind, blockIdx.x, blockIdx.y,
		blockIdx.z, current ? current->number : -1,
		line ? ", line " : "", line, text);
	if (job.on_fault)
		job.on_fault(kind, sentence);
	if (!job.reports)
		fprintf(stderr, "emulated CUDA: %s\n", sentence);
	say("fault %s line %d block %u %u %u thread %d: %s", kind, line,
		blockIdx.x, blockIdx.y, blockIdx.z,
		current ? current->number : -1, text);
}

void fault(const char *kind, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	report(kind, line, text);
	_exit(FAULTED);
}

static bool in_shared(const void *p)
{
	const unsigned char *c = p;

	return c >= shared_memory && c < shared_memory + SHARED_SIZE;
}

void fault_signal(int sig, int code, const void *at)
{
	const char *text = "an address that is not mapped";

	if (current && fiber_overflowed(current->fiber, at))
		text = "a thread's stack is full";
	else if (in_shared(at))
		text = "beyond the launch's shared memory";
	else if (sig == SIGFPE)
		text = "integer division by zero";
	else if (sig == SIGABRT)
		text = "see the report";
	else if (sig == SIGILL)
		text = "an instruction this processor lacks";
	else if (code == SI_KERNEL)
		text = "a misaligned vector, or an address out of range";
	report(sig == SIGFPE ? "arithmetic" : sig == SIGABRT ? "sanitizer" :
		sig == SIGILL ? "instruction" : "address", 0, text);
	_exit(FAULTED);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!current && !job.reports) {
		signal(sig, SIG_DFL);
		return;
	}
	fault_signal(sig, info->si_code, info->si_addr);
}

/* A sanitizer ends the process; its own report is on standard error. */
static void on_death(void)
{
	report("sanitizer", 0, "see the report");
}

void report_catch_signals(void)
{
	static const int all[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static char stack[64 << 10];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction act = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	act.sa_sigaction = on_signal;
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sigaction(all[i], &act, NULL);
	address_on_death(on_death);
}
