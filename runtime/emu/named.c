/* SPDX-License-Identifier: MIT */
/* Barriers by number: whole warps arrive, to wait or only to be counted, until
 * as many threads as they say have done so. */
#include "emu.h"

#include <string.h>

enum { BARRIERS = 16 };

/* "sync": what threads did before they arrived, of even and odd times. */
static struct named {
	int count, arrived;
	long times;
	char sync[2];
} all[CLUSTER_MAX][BARRIERS];

void wpk_emu_barrier_sync(int line, int id, int count);
void wpk_emu_barrier_arrive(int line, int id, int count);

void named_begin(void)
{
	memset(all, 0, sizeof all);
}

static struct named *arrive(int line, int id, int count)
{
	struct named *b;
	int n;

	block_threads(current->rank, &n);
	if (id < 0 || id >= BARRIERS)
		fault("barrier", line, "barrier %d of %d", id, BARRIERS);
	if (count <= 0 || count % WARP || count > (n + WARP - 1) / WARP * WARP)
		fault("barrier", line, "barrier %d for %d threads: no whole "
			"warps, or more than the block's %d", id, count, n);
	b = &all[current->rank][id];
	if (b->arrived && b->count != count)
		fault("barrier", line, "barrier %d for %d threads, where "
			"others have come to wait for %d", id, count,
			b->count);
	b->count = count;
	b->arrived++;
	if (watch_release)
		watch_release(&b->sync[b->times % 2], false);
	something_happened();
	return b;
}

/* True if all have come: those who wait go on. */
static bool opens(struct named *b, int id)
{
	int n;
	struct thread *t = block_threads(current->rank, &n);

	if (b->arrived < b->count)
		return false;
	b->arrived = 0;
	b->times++;
	for (int i = 0; i < n; i++)
		if (t[i].state == AT_NAMED && t[i].id == id)
			t[i].state = READY;
	return true;
}

void wpk_emu_barrier_sync(int line, int id, int count)
{
	struct named *b = arrive(line, id, count);
	long times = b->times;

	current->id = id;
	if (!opens(b, id))
		thread_wait(AT_NAMED, line);
	if (watch_acquire)
		watch_acquire(&b->sync[times % 2]);
}

void wpk_emu_barrier_arrive(int line, int id, int count)
{
	opens(arrive(line, id, count), id);
}

void named_stuck(const struct thread *t)
{
	const struct named *b = &all[t->rank][t->id];

	fault("deadlock", t->line, "thread %d waits at barrier %d, where %d of "
		"%d threads have come", t->number, t->id, b->arrived,
		b->count);
}
