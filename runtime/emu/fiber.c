/* SPDX-License-Identifier: MIT */
/* Fibers on Boost.Context's C entry points: each has a stack of its own with a
 * page below it that faults, and is kept for the next block when its body
 * returns. AddressSanitizer is told of every switch. */
#include "emu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* boost/context/detail/fcontext.hpp, which is C++. */
typedef void *fcontext_t;
struct transfer {
	fcontext_t from;
	void *data;
};
struct transfer jump_fcontext(fcontext_t to, void *data);
fcontext_t make_fcontext(void *top, size_t size, void (*f)(struct transfer));

enum { STACK = 256 << 10, GUARD = PAGE, POISONED = 16 << 10 };

/* "save" and "caller_*": AddressSanitizer's view of both sides. */
struct fiber {
	fcontext_t self, caller;
	char *stack;
	void (*body)(void *);
	void *arg;
	void *save, *caller_save;
	const void *caller_stack;
	size_t caller_size;
};

/* NULL: the scheduler. */
static struct fiber *running;

static void leave(struct fiber *f)
{
	struct transfer t;

	address_before_switch(&f->save, f->caller_stack, f->caller_size);
	t = jump_fcontext(f->caller, NULL);
	f->caller = t.from;
	address_after_switch(f->save, &f->caller_stack, &f->caller_size);
}

static void run(struct transfer t)
{
	struct fiber *f = t.data;

	f->caller = t.from;
	address_after_switch(NULL, &f->caller_stack, &f->caller_size);
	for (;;) {
		f->body(f->arg);
		leave(f);
	}
}

void fiber_restart(struct fiber *f)
{
	f->self = make_fcontext(f->stack + GUARD + STACK, STACK, run);
}

struct fiber *fiber_create(void (*body)(void *), void *arg)
{
	struct fiber *f = calloc(1, sizeof *f);

	if (!f)
		fault("memory", 0, "no memory for a thread");
	f->stack = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (f->stack == MAP_FAILED ||
	    mprotect(f->stack, GUARD, PROT_NONE) != 0)
		fault("memory", 0, "no memory for a thread's stack");
	f->body = body;
	f->arg = arg;
	fiber_restart(f);
	return f;
}

void fiber_destroy(struct fiber *f)
{
	munmap(f->stack, GUARD + STACK);
	free(f);
}

void fiber_resume(struct fiber *f)
{
	struct transfer t;

	address_before_switch(&f->caller_save, f->stack + GUARD, STACK);
	running = f;
	t = jump_fcontext(f->self, f);
	running = NULL;
	f->self = t.from;
	address_after_switch(f->caller_save, NULL, NULL);
}

void fiber_wait(struct fiber *f)
{
	leave(f);
}

void fiber_before_escape(void)
{
	if (running)
		address_before_switch(NULL, running->caller_stack,
			running->caller_size);
}

void fiber_after_escape(void)
{
	if (running)
		address_after_switch(running->caller_save, NULL, NULL);
	running = NULL;
}

void fiber_poison(struct fiber *f)
{
	char *sp = f->self;

	memset(sp - POISONED, 0xff, POISONED);
}

bool fiber_overflowed(const struct fiber *f, const void *p)
{
	const char *c = p;

	return c >= f->stack && c < f->stack + GUARD;
}
