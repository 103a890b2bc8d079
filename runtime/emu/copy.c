/* SPDX-License-Identifier: MIT */
/* cp.async: a thread's copies complete when it waits for their group, and not
 * before. In late mode that is when they happen, in early mode they happen at
 * once; a kernel that reads without waiting, or overwrites what is still read,
 * differs in one of them. Copies that are never waited for are lost in late
 * mode. */
#include "emu.h"

#include <stdlib.h>
#include <string.h>

static void perform(const struct copy *c)
{
	if (watch_access)
		watch_access(c->place, c->to, (size_t)c->bytes, WATCH_ARRIVE);
	if (c->guard)
		memcpy(c->to, c->from, (size_t)c->bytes);
	else
		memset(c->to, 0, (size_t)c->bytes);
}

static void check(int line, const struct copy *c)
{
	size_t n = (size_t)c->bytes;

	if ((uintptr_t)c->to % n)
		fault("misaligned", line, "asynchronous copy of %d bytes to "
			"shared memory at a multiple of %d only", c->bytes,
			1 << __builtin_ctzll((uintptr_t)c->to));
	if ((uintptr_t)c->from % n)
		fault("misaligned", line, "asynchronous copy of %d bytes from "
			"an address that is a multiple of %d only", c->bytes,
			1 << __builtin_ctzll((uintptr_t)c->from));
	if ((unsigned char *)c->to < shared_memory ||
	    (unsigned char *)c->to + n > shared_memory + SHARED_SIZE ||
	    address_bad(c->to, n))
		fault("bounds", line, "asynchronous copy of %d bytes outside "
			"shared memory", c->bytes);
	if (c->guard && address_bad(c->from, n))
		fault("bounds", line, "asynchronous copy reads %d bytes out of "
			"bounds", c->bytes);
}

static void push(struct thread *t, struct copy c)
{
	if (t->n_copies == t->copies_room) {
		t->copies_room = t->copies_room ? 2 * t->copies_room : 16;
		t->copies = realloc(t->copies, (size_t)t->copies_room *
			sizeof *t->copies);
		if (!t->copies)
			fault("memory", 0, "no memory for copies in flight");
	}
	t->copies[t->n_copies++] = c;
}

void wpk_emu_copy(int line, void *to, const void *from, int bytes, bool guard);
void wpk_emu_commit(void);
void wpk_emu_wait(int in_flight);

void wpk_emu_copy(int line, void *to, const void *from, int bytes, bool guard)
{
	struct copy c = { to, from, bytes, guard, current->group,
		__builtin_return_address(0) };

	check(line, &c);
	if (watch_access && guard)
		watch_access(c.place, from, (size_t)bytes, WATCH_READ);
	if (watch_access)
		watch_access(c.place, to, (size_t)bytes, WATCH_ISSUE);
	if (job.late)
		push(current, c);
	else
		perform(&c);
}

void wpk_emu_commit(void)
{
	current->group++;
}

void wpk_emu_wait(int in_flight)
{
	struct thread *t = current;
	int n = 0;

	while (n < t->n_copies && t->copies[n].group < t->group - in_flight)
		perform(&t->copies[n++]);
	t->n_copies -= n;
	if (n)
		memmove(t->copies, t->copies + n,
			(size_t)t->n_copies * sizeof *t->copies);
}

void copy_forget(struct thread *t)
{
	t->n_copies = 0;
}
