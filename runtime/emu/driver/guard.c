/* SPDX-License-Identifier: MIT */
/* Whatever a kernel does to itself ends as a code: the emulator's faults, and
 * the signals of its thread, jump back to where it was started, over the fibers
 * that were under way. They begin anew with the next block. */
#undef _FORTIFY_SOURCE	/* whose longjmp leaves no stack for another */
#include "runtime/emu/driver/driver.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
enum { CAUGHT = sizeof caught / sizeof *caught, STACK = 64 << 10 };

/* What is guarded, by which thread, what signals did before. */
static struct {
	volatile bool active;
	pthread_t thread;
	sigjmp_buf back;
	struct sigaction before[CAUGHT];
	char stack[STACK];
	const char *kind;
	char sentence[SENTENCE];
} guard;

static CUresult code_of(const char *kind)
{
	static const struct {
		const char *kind;
		CUresult code;
	} codes[] = {
		{ "address", CUDA_ERROR_ILLEGAL_ADDRESS },
		{ "bounds", CUDA_ERROR_ILLEGAL_ADDRESS },
		{ "misaligned", CUDA_ERROR_MISALIGNED_ADDRESS },
		{ "instruction", CUDA_ERROR_ILLEGAL_INSTRUCTION },
		{ "deadlock", CUDA_ERROR_LAUNCH_TIMEOUT },
		{ "memory", CUDA_ERROR_OUT_OF_MEMORY },
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (!strcmp(kind, codes[i].kind))
			return codes[i].code;
	return CUDA_ERROR_LAUNCH_FAILED;
}

static void on_fault(const char *kind, const char *sentence)
{
	guard.kind = kind;
	snprintf(guard.sentence, sizeof guard.sentence, "%s", sentence);
	fiber_before_escape();
	siglongjmp(guard.back, 1);
}

/* A signal that is another's goes where it went before. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	for (int i = 0; i < CAUGHT; i++) {
		const struct sigaction *old = &guard.before[i];

		if (caught[i] != sig)
			continue;
		if (old->sa_flags & SA_SIGINFO)
			old->sa_sigaction(sig, info, context);
		else if (old->sa_handler == SIG_DFL)
			signal(sig, SIG_DFL);
		else if (old->sa_handler != SIG_IGN)
			old->sa_handler(sig);
	}
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	if (guard.active && pthread_equal(guard.thread, pthread_self()))
		fault_signal(sig, info->si_code, info->si_addr);
	pass_on(sig, info, context);
}

static void begin(stack_t *before)
{
	stack_t alternate = { .ss_sp = guard.stack, .ss_size = STACK };
	struct sigaction act = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	act.sa_sigaction = on_signal;
	sigaltstack(&alternate, before);
	guard.thread = pthread_self();
	guard.active = true;
	job.on_fault = on_fault;
	for (int i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &act, &guard.before[i]);
}

static void end(const stack_t *before)
{
	for (int i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &guard.before[i], NULL);
	guard.active = false;
	sigaltstack(before, NULL);
}

CUresult guard_run(void (*f)(void *), void *arg, char sentence[SENTENCE])
{
	CUresult code = CUDA_SUCCESS;
	stack_t before;

	begin(&before);
	if (!sigsetjmp(guard.back, 1)) {
		f(arg);
		end(&before);
		return CUDA_SUCCESS;
	}
	fiber_after_escape();
	end(&before);
	current = NULL;
	code = code_of(guard.kind);
	memcpy(sentence, guard.sentence, SENTENCE);
	return code;
}

struct copied {
	void *to;
	const void *from;
	size_t n;
};

static void copy(void *arg)
{
	const struct copied *c = arg;

	memmove(c->to, c->from, c->n);
}

bool guard_copy(void *to, const void *from, size_t n)
{
	struct copied c = { to, from, n };
	char sentence[SENTENCE];

	return !guard_run(copy, &c, sentence);
}

/* Byte by byte, and by no function that a sanitizer has its eyes on. */
static void read_bytes(void *arg)
{
	const struct copied *c = arg;
	const volatile char *from = c->from;
	char *to = c->to;

	for (size_t i = 0; i < c->n; i++)
		to[i] = from[i];
}

bool guard_read(void *to, const void *from, size_t n)
{
	struct copied c = { to, from, n };
	char sentence[SENTENCE];

	return !guard_run(read_bytes, &c, sentence);
}
