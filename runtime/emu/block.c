/* SPDX-License-Identifier: MIT */
/* The blocks of a cluster, mostly one: their threads are fibers that run until
 * they wait for others. The scheduler runs each warp as far as it can go
 * (warp.c), then the next, then the next block. When no thread can go on, what
 * is asynchronous and awaited happens; if there is nothing, that is a fault
 * which names who is missing (stuck.c). Order is first thread to last, or the
 * reverse in late mode, so that a missing barrier shows in one of the two
 * runs. Shared memory starts as all ones, which is NaN in floats and true in
 * flags, or in every other block as zeros, which is false. What lies behind it
 * on its last page is GUARD, and must be when the block ends. */
#include "emu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct emu_index threadIdx, blockIdx, blockDim, gridDim;
unsigned char shared_memory[SHARED_SIZE] __attribute__((aligned(PAGE)));
struct thread *current;

/* Blocks take turns; "threads" are those of the one whose turn it is, number
 * "turn". It has shared_memory, the others' is kept in "image". */
static struct member {
	struct emu_index at;
	struct thread threads[THREADS_MAX];
	unsigned char *image;
} members[CLUSTER_MAX];
static int n_members, turn;
static struct thread *threads;
static int n_threads;
static size_t shared_size;
static void (*kernel_invoke)(void *);
static void *kernel_closure;

static void thread_body(void *arg)
{
	struct thread *t = arg;

	kernel_invoke(kernel_closure);
	t->state = EXITED;
}

void thread_index(int number)
{
	unsigned n = (unsigned)number;

	threadIdx.x = n % blockDim.x;
	threadIdx.y = n / blockDim.x % blockDim.y;
	threadIdx.z = n / blockDim.x / blockDim.y;
}

void thread_resume(struct thread *t)
{
	current = t;
	thread_index(t->number);
	fiber_resume(t->fiber);
	current = NULL;
}

void thread_wait(enum thread_state state, int line)
{
	struct thread *t = current;

	t->state = state;
	t->line = line;
	fiber_wait(t->fiber);
}

/* ---- barriers ---- */

/* The body of a kernel for another device than that for which the text is
 * compiled. */
void wpk_emu_trap(int line)
{
	fault("trap", line, "this kernel is for another target");
}

void wpk_emu_barrier(int line)
{
	thread_wait(AT_BARRIER, line);
	current->barriers++;
}

/* True if all threads were at the same barrier, which opens. */
static bool open_barrier(void)
{
	int line = threads[0].line;

	for (int i = 0; i < n_threads; i++)
		if (threads[i].state != AT_BARRIER || threads[i].line != line)
			return false;
	for (int i = 0; i < n_threads; i++)
		threads[i].state = READY;
	if (watch_barrier)
		watch_barrier();
	return true;
}

/* ---- blocks ---- */

static void start_threads(int n)
{
	n_threads = n;
	for (int i = 0; i < n; i++) {
		struct thread *t = &threads[i];

		t->rank = turn;
		if (!t->fiber)
			t->fiber = fiber_create(thread_body, t);
		else if (t->state != EXITED)
			fiber_restart(t->fiber);
		if (job.init)
			fiber_poison(t->fiber);
		t->number = i;
		t->state = READY;
		t->line = 0;
		t->barriers = t->group = t->arrivals = t->bulk_group = 0;
		t->tried = -1;
		copy_forget(t);
	}
}

/* ---- shared memory ---- */

enum { GUARD = 0x5a };

static size_t page_end(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

void shared_open(size_t n)
{
	size_t end = page_end(n);

	address_unpoison(shared_memory, SHARED_SIZE);
	if (mprotect(shared_memory, SHARED_SIZE, PROT_READ | PROT_WRITE) ||
	    (end < SHARED_SIZE && mprotect(shared_memory + end,
	    SHARED_SIZE - end, PROT_NONE)))
		fault("memory", 0, "shared memory cannot be protected");
	address_unpoison(shared_memory, SHARED_SIZE);
	memset(shared_memory + n, GUARD, end - n);
}

bool shared_has(const void *p, size_t n)
{
	size_t at = (size_t)((const unsigned char *)p - shared_memory);

	return at < shared_size && n <= shared_size - at;
}

size_t shared_bytes(void)
{
	return shared_size;
}

unsigned wpk_emu_shared_address(int line, const void *p);
unsigned wpk_emu_map_shared(int line, const void *p, int rank);

unsigned wpk_emu_shared_address(int line, const void *p)
{
	const unsigned char *c = p;

	if (c < shared_memory || c >= shared_memory + shared_size)
		fault("bounds", line, "an address that is not in the block's "
			"shared memory");
	return (unsigned)(c - shared_memory);
}

/* As a number that nothing but the PTX ISA's instructions can use. */
unsigned wpk_emu_map_shared(int line, const void *p, int rank)
{
	size_t at = shared_at(line, p, 1);

	shared_of(line, rank, at);
	return (unsigned)rank << 24 | (unsigned)at;
}

static void check_guard(size_t n)
{
	for (size_t i = n; i < page_end(n); i++)
		if (shared_memory[i] != GUARD)
			fault("bounds", 0, "byte %zu of %zu of shared memory "
				"is written", i, n);
}

/* ---- clusters ---- */

void wpk_emu_cluster_arrive(int line);
void wpk_emu_cluster_wait(int line);
void wpk_emu_cluster_barrier(int line);
int wpk_emu_cluster_rank(void);
void *wpk_emu_remote(int line, const void *p, int rank, int bytes, bool store);

static long phase;	/* how often the cluster's barrier has opened */
static char met[2];	/* even and odd times */

void wpk_emu_cluster_arrive(int line)
{
	if (current->arrivals > phase)
		fault("cluster", line, "a thread arrives again at the "
			"cluster's barrier, before it waited there");
	if (watch_release)
		watch_release(&met[phase % 2], false);
	current->arrivals++;
}

void wpk_emu_cluster_wait(int line)
{
	if (!current->arrivals)
		fault("cluster", line, "a thread waits at the cluster's "
			"barrier, where it has not arrived");
	if (current->arrivals > phase)
		thread_wait(AT_CLUSTER, line);
	if (watch_acquire)
		watch_acquire(&met[(current->arrivals - 1) % 2]);
	current->barriers++;
}

void wpk_emu_cluster_barrier(int line)
{
	wpk_emu_cluster_arrive(line);
	wpk_emu_cluster_wait(line);
}

int wpk_emu_cluster_rank(void)
{
	return turn;
}

int cluster_size(void)
{
	return n_members;
}

struct thread *block_threads(int rank, int *n)
{
	*n = n_threads;
	return members[rank].threads;
}

static bool ended(const struct member *m)
{
	for (int i = 0; i < n_threads; i++)
		if (m->threads[i].state != EXITED)
			return false;
	return true;
}

size_t shared_at(int line, const void *p, size_t n)
{
	size_t at = (size_t)((const unsigned char *)p - shared_memory);

	if (!shared_has(p, n))
		fault("bounds", line, "%zu bytes of a block's shared memory, "
			"which has %zu", n, shared_size);
	return at;
}

unsigned char *shared_of(int line, int rank, size_t at)
{
	if (rank < 0 || rank >= n_members)
		fault("cluster", line, "shared memory of block %d of a cluster "
			"of %d", rank, n_members);
	if (rank != turn && ended(&members[rank]))
		fault("cluster", line, "shared memory of block %d of the "
			"cluster, which has ended", rank);
	return (rank == turn ? shared_memory : members[rank].image) + at;
}

void *wpk_emu_remote(int line, const void *p, int rank, int bytes, bool store)
{
	void *remote;
	size_t at;

	if ((uintptr_t)p % (unsigned)bytes)
		fault("misaligned", line, "%d bytes of another block's shared "
			"memory, at an address that is no multiple", bytes);
	at = shared_at(line, p, (size_t)bytes);
	remote = shared_of(line, rank, at);

	if (watch_remote && rank != turn)
		watch_remote(__builtin_return_address(0), rank, at,
			(size_t)bytes, store ? WATCH_WRITE : WATCH_READ);
	return remote;
}

void block_enter(int i)
{
	struct member *m = &members[i];

	if (i != turn && n_members > 1) {
		check_guard(shared_size);
		memcpy(members[turn].image, shared_memory, shared_size);
		memcpy(shared_memory, m->image, shared_size);
	}
	turn = i;
	threads = m->threads;
	blockIdx = m->at;
	if (watch_turn)
		watch_turn(i);
}

void thread_turn(struct thread *t)
{
	block_enter(t->rank);
	current = t;
	thread_index(t->number);
}

static int n_warps(void)
{
	return (n_threads + WARP - 1) / WARP;
}

/* Until no thread of the block can go on; true if any did. */
static bool run_block(void)
{
	bool any = false, more;

	do {
		more = false;
		for (int i = 0; i < n_warps(); i++) {
			int w = job.late ? n_warps() - 1 - i : i;
			int left = n_threads - w * WARP;

			more |= warp_run(&threads[w * WARP],
				left < WARP ? left : WARP);
		}
		more |= open_barrier();
		any |= more;
	} while (more);
	return any;
}

/* All threads have arrived at the cluster's barrier: it opens. */
static bool open_cluster(void)
{
	bool all = true;	/* wait there */

	for (int i = 0; i < n_members; i++)
		for (int k = 0; k < n_threads; k++) {
			if (members[i].threads[k].arrivals <= phase)
				return false;
			all &= members[i].threads[k].state == AT_CLUSTER;
		}
	phase++;
	something_happened();
	for (int i = 0; i < n_members; i++) {
		block_enter(i);
		for (int k = 0; k < n_threads; k++)
			if (threads[k].state == AT_CLUSTER)
				threads[k].state = READY;
		if (all && watch_barrier)
			watch_barrier();
	}
	return true;
}

static long happened;
enum { TRIES = 64 };

void something_happened(void)
{
	happened++;
}

/* Threads that only try to wait for a barrier are told that they did so in
 * vain, though not for ever while nothing happens; false if there is none. */
static bool end_tries(void)
{
	bool any = false;

	for (int i = 0; i < n_members; i++)
		for (int k = 0; k < n_threads; k++) {
			struct thread *t = &members[i].threads[k];

			if (t->state != AT_MBARRIER || !t->tries)
				continue;
			if (t->tried != happened)
				t->in_vain = 0;
			t->tried = happened;
			if (t->in_vain++ >= TRIES)
				continue;
			t->state = READY;
			any = true;
		}
	return any;
}

static bool all_ended(void)
{
	for (int i = 0; i < n_members; i++)
		if (!ended(&members[i]))
			return false;
	return true;
}

static void run_members(void)
{
	bool more;

	do {
		more = false;
		for (int i = 0; i < n_members; i++) {
			block_enter(job.late ? n_members - 1 - i : i);
			more |= run_block();
		}
		if (all_ended())
			return;
	} while (more || open_cluster() || bulk_land() || flags_open() ||
		end_tries());
	stuck();
}

static void open_members(const struct emu_index *at, int n, int n_each)
{
	n_members = n;
	for (int i = 0; i < n; i++) {
		members[i].at = at[i];
		if (n > 1 && !members[i].image)
			members[i].image = malloc(SHARED_SIZE);
		if (n > 1 && !members[i].image)
			fault("memory", 0, "no memory for a cluster");
	}
	turn = 0;
	for (int i = 0; i < n; i++) {
		block_enter(i);
		memset(shared_memory, (at[i].x + at[i].y + at[i].z) % 2 ? 0 :
			0xff, shared_size);
		if (watch_block)
			watch_block(i);
		start_threads(n_each);
	}
}

void blocks_run(const struct emu_index *at, int n, struct emu_index dim,
	size_t shared, void (*invoke)(void *), void *closure)
{
	blockDim = dim;
	kernel_invoke = invoke;
	kernel_closure = closure;
	shared_size = shared;
	address_unpoison(shared_memory, SHARED_SIZE);
	address_poison(shared_memory + shared, SHARED_SIZE - shared);
	open_members(at, n, (int)(dim.x * dim.y * dim.z));
	phase = happened = 0;
	mbarriers_begin();
	named_begin();
	wgmma_begin();
	bulk_begin();
	run_members();
	bulk_end();
	wgmma_end();
	check_guard(shared);
}

static void free_member(struct member *m)
{
	free(m->image);
	m->image = NULL;
	for (int i = 0; i < THREADS_MAX; i++) {
		struct thread *t = &m->threads[i];

		if (t->fiber)
			fiber_destroy(t->fiber);
		free(t->copies);
		*t = (struct thread){ 0 };
	}
}

void blocks_free(void)
{
	for (int i = 0; i < CLUSTER_MAX; i++)
		free_member(&members[i]);
	mbarriers_begin();
	wgmma_free();
	bulk_free();
}
