/* SPDX-License-Identifier: MIT */
/* Barriers in shared memory. A phase ends when as many threads have arrived as
 * the barrier was made for and all bytes that were announced have come; then
 * the next begins, and who waits for the parity of the one that ended goes on.
 * What a barrier is lies here; its eight bytes hold a number by which one that
 * was never made, or was written over, is known. */
#include "emu.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = (1 << 20) - 1 };

/* At byte "at" of its block: "pending" of "count" arrivals and "bytes" are
 * missing in phase number "phase". "fenced": asynchronous copies know of it,
 * which thread "by" made. "sync": what was done before it, in even and odd
 * phases. */
struct mbarrier {
	size_t at;
	uint64_t number;
	int count, pending, by;
	long bytes;
	uint32_t phase;
	bool fenced;
	char sync[2];
	struct mbarrier *next;
};

static struct mbarrier *all[CLUSTER_MAX];
static uint64_t numbers;

void wpk_emu_mbarrier_init(int line, void *p, int count);
void wpk_emu_mbarrier_invalidate(int line, void *p);
void wpk_emu_mbarrier_arrive(int line, void *p, int rank, long bytes);
bool wpk_emu_mbarrier_wait(int line, void *p, int parity, bool tries);
void wpk_emu_mbarrier_fence(void);

void mbarriers_begin(void)
{
	for (int i = 0; i < CLUSTER_MAX; i++)
		while (all[i]) {
			struct mbarrier *gone = all[i];

			all[i] = gone->next;
			free(gone);
		}
}

static struct mbarrier **place(int rank, size_t at)
{
	struct mbarrier **b = &all[rank];

	while (*b && (*b)->at != at)
		b = &(*b)->next;
	return b;
}

static struct mbarrier *barrier_at(int line, int rank, size_t at)
{
	const unsigned char *memory = shared_of(line, rank, at);
	struct mbarrier *b = *place(rank, at);

	if (!b)
		fault("mbarrier", line, "byte %zu of shared memory of block %d "
			"of the cluster is no barrier: none was made there",
			at, rank);
	if (memcmp(memory, &b->number, sizeof b->number))
		fault("mbarrier", line, "the barrier at byte %zu of shared "
			"memory was written over", at);
	return b;
}

static struct mbarrier *own_barrier(int line, const void *p)
{
	return barrier_at(line, current->rank, shared_at(line, p, 8));
}

void wpk_emu_mbarrier_init(int line, void *p, int count)
{
	size_t at = shared_at(line, p, 8);
	struct mbarrier **to = place(current->rank, at), *b;

	if (at % 8)
		fault("misaligned", line, "a barrier at byte %zu of shared "
			"memory", at);
	if (count < 1 || count > MOST)
		fault("mbarrier", line, "a barrier for %d arrivals", count);
	if (*to && !memcmp(p, &(*to)->number, 8))
		fault("mbarrier", line, "the barrier at byte %zu of shared "
			"memory is made a second time", at);
	if (!*to)
		*to = calloc(1, sizeof **to);
	b = *to;
	if (!b)
		fault("memory", 0, "no memory for a barrier");
	*b = (struct mbarrier){ .at = at, .count = count, .pending = count,
		.number = UINT64_C(0x6d62617200000000) | ++numbers,
		.by = current->number, .next = b->next };
	memcpy(p, &b->number, 8);
	if (watch_access)
		watch_access(__builtin_return_address(0), p, 8, WATCH_WRITE);
}

void wpk_emu_mbarrier_invalidate(int line, void *p)
{
	struct mbarrier *b = own_barrier(line, p);
	struct mbarrier **from = place(current->rank, b->at);

	if (mbarrier_awaited(current->rank, b->at))
		fault("mbarrier", line, "a thread waits at the barrier at byte "
			"%zu of shared memory, which is to be no more", b->at);
	*from = b->next;
	free(b);
	memset(p, 0xff, 8);
	if (watch_access)
		watch_access(__builtin_return_address(0), p, 8, WATCH_WRITE);
}

/* ---- phases ---- */

static bool over(const struct mbarrier *b, int parity)
{
	return (b->phase & 1) != (unsigned)parity;
}

/* Those who wait for the phase that ended go on. */
static void wake(const struct mbarrier *b)
{
	for (int i = 0; i < cluster_size(); i++) {
		int n;
		struct thread *t = block_threads(i, &n);

		for (int k = 0; k < n; k++)
			if (t[k].state == AT_MBARRIER && t[k].mbarrier == b &&
			    over(b, t[k].parity))
				t[k].state = READY;
	}
}

static void end_phase(struct mbarrier *b)
{
	if (b->pending || b->bytes)
		return;
	b->phase++;
	b->pending = b->count;
	wake(b);
}

static void expect(int line, struct mbarrier *b, long bytes)
{
	b->bytes += bytes;
	if (b->bytes > MOST || b->bytes < -MOST)
		fault("mbarrier", line, "the barrier at byte %zu of shared "
			"memory lacks %ld bytes: it cannot count them",
			b->at, b->bytes);
}

void mbarrier_complete(int line, int rank, size_t at, long bytes)
{
	struct mbarrier *b = barrier_at(line, rank, at);

	if (watch_release)
		watch_release(&b->sync[b->phase % 2], true);
	expect(line, b, -bytes);
	end_phase(b);
	something_happened();
}

/* "bytes" below 0: none is announced. An arrival at another block's barrier is a
 * release for the own block, not for the cluster. */
void wpk_emu_mbarrier_arrive(int line, void *p, int rank, long bytes)
{
	size_t at = shared_at(line, p, 8);
	struct mbarrier *b = barrier_at(line, rank < 0 ? current->rank : rank,
		at);

	if (watch_release)
		watch_release(&b->sync[b->phase % 2], rank >= 0 &&
			rank != current->rank);
	if (bytes >= 0)
		expect(line, b, bytes);
	if (!b->pending)
		fault("mbarrier", line, "a thread too many arrives at the "
			"barrier at byte %zu of shared memory, made for %d",
			b->at, b->count);
	b->pending--;
	end_phase(b);
	something_happened();
}

bool wpk_emu_mbarrier_wait(int line, void *p, int parity, bool tries)
{
	struct mbarrier *b = own_barrier(line, p);
	struct thread *t = current;

	if (parity != 0 && parity != 1)
		fault("mbarrier", line, "parity %d", parity);
	t->mbarrier = b;
	t->parity = parity;
	t->tries = tries;
	if (!over(b, parity)) {
		uint32_t phase = b->phase;

		thread_wait(AT_MBARRIER, line);
		b = own_barrier(line, p);
		if (b->phase == phase)
			return false;
		if (b->phase != phase + 1)
			fault("mbarrier", line, "the barrier at byte %zu of "
				"shared memory went through another phase "
				"before this thread saw the end of the one it "
				"waits for", b->at);
	}
	if (watch_acquire)
		watch_acquire(&b->sync[parity]);
	return true;
}

/* ---- asynchronous copies ---- */

void mbarrier_fence(void)
{
	for (struct mbarrier *b = all[current->rank]; b; b = b->next)
		if (b->by == current->number)
			b->fenced = true;
}

void wpk_emu_mbarrier_fence(void)
{
	mbarrier_fence();
}

void mbarrier_check(int line, int rank, size_t at)
{
	const struct mbarrier *b = barrier_at(line, rank, at);

	if (!b->fenced)
		fault("mbarrier", line, "an asynchronous copy is to tell the "
			"barrier at byte %zu of shared memory, and no fence "
			"stands behind its making", at);
}

bool mbarrier_awaited(int rank, size_t at)
{
	const struct mbarrier *b = *place(rank, at);
	int n;
	const struct thread *t = block_threads(rank, &n);

	for (int i = 0; i < n; i++)
		if (b && t[i].state == AT_MBARRIER && t[i].mbarrier == b)
			return true;
	return false;
}

bool mbarrier_lacks_bytes(const struct thread *t)
{
	return t->mbarrier->bytes != 0;
}

void mbarrier_stuck(const struct thread *t)
{
	const struct mbarrier *b = t->mbarrier;

	fault("deadlock", t->line, "thread %d waits for a phase of parity %d "
		"of the barrier at byte %zu of shared memory, which is in its "
		"phase %u: %d of %d arrivals and %ld bytes are missing, and "
		"nothing brings them", t->number, t->parity, b->at, b->phase,
		b->pending, b->count, b->bytes);
}
