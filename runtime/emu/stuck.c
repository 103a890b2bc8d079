/* SPDX-License-Identifier: MIT */
/* No thread can go on: who waits for what, as a fault. What waits for a barrier
 * in memory or a named one, or for a flag, tells what it lacks; at the block's and the
 * cluster's own barriers it is others who stay away. */
#include "emu.h"

static int count_state(const struct thread *t, int n, enum thread_state state)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		count += t[i].state == state;
	return count;
}

/* The first thread of the cluster in "state", or NULL. */
static struct thread *first_in(enum thread_state state)
{
	for (int i = 0; i < cluster_size(); i++) {
		int n;
		struct thread *t = block_threads(i, &n);

		for (int k = 0; k < n; k++)
			if (t[k].state == state)
				return &t[k];
	}
	return NULL;
}

/* A thread that waits for bytes tells more than those who wait for what it would
 * do then. */
static struct thread *first_at_mbarrier(void)
{
	for (int i = 0; i < cluster_size(); i++) {
		int n;
		struct thread *t = block_threads(i, &n);

		for (int k = 0; k < n; k++)
			if (t[k].state == AT_MBARRIER &&
			    mbarrier_lacks_bytes(&t[k]))
				return &t[k];
	}
	return first_in(AT_MBARRIER);
}

/* "at" waits at its block's barrier, and not all do, or not at the same. */
static void report_barrier(const struct thread *at)
{
	int n;
	struct thread *t = block_threads(at->rank, &n), *off = NULL;

	for (int i = 0; i < n; i++)
		if (!off && (t[i].state != at->state || t[i].line != at->line))
			off = &t[i];
	thread_turn(off);
	if (off->state == EXITED)
		fault("deadlock", at->line, "the kernel ended for %d of %d "
			"threads, first thread %d after %ld barriers, while "
			"thread %d waits at barrier %ld",
			count_state(t, n, EXITED), n, off->number,
			off->barriers, at->number, at->barriers + 1);
	fault("deadlock", at->line, "thread %d waits at the barrier in line "
		"%d, its number %ld, while thread %d waits at the one in line "
		"%d, its number %ld", off->number, off->line,
		off->barriers + 1, at->number, at->line, at->barriers + 1);
}

static void report_cluster(struct thread *at)
{
	int ended = 0;

	for (int i = 0; i < cluster_size(); i++) {
		int n;
		struct thread *t = block_threads(i, &n);

		ended += count_state(t, n, EXITED) == n;
	}
	thread_turn(at);
	fault("deadlock", at->line, "block %d waits at the cluster's barrier, "
		"its number %ld, and %d of %d blocks have ended", at->rank,
		at->barriers + 1, ended, cluster_size());
}

void stuck(void)
{
	struct thread *t;

	if ((t = first_at_mbarrier())) {
		thread_turn(t);
		mbarrier_stuck(t);
	}
	if ((t = first_in(AT_FLAG))) {
		thread_turn(t);
		flag_stuck(t);
	}
	if ((t = first_in(AT_NAMED))) {
		thread_turn(t);
		named_stuck(t);
	}
	if ((t = first_in(AT_BARRIER)))
		report_barrier(t);
	if ((t = first_in(AT_CLUSTER)))
		report_cluster(t);
	fault("deadlock", 0, "no thread can go on");
}
