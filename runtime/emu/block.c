/* SPDX-License-Identifier: MIT */
/* The blocks of a cluster, mostly one: their threads are fibers that run until
 * they wait at a barrier or a warp-wide operation. The scheduler runs each warp
 * as far as it can go, then the next; when all wait at the same barrier it
 * opens, anything else is a fault that names who is missing. Blocks go as far
 * as the cluster's barrier in turn. Order is first thread to last, or the
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

static void resume(struct thread *t)
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

/* ---- warps ---- */

static void warp_wait(enum warp_kind kind, int line, unsigned mask)
{
	struct thread *t = current;

	if (!(mask >> (t->number % WARP) & 1))
		fault("warp", line, "lane %d is not in its own mask 0x%08x",
			t->number % WARP, mask);
	t->kind = kind;
	t->mask = mask;
	thread_wait(AT_WARP, line);
}

void wpk_emu_syncwarp(int line, unsigned mask)
{
	warp_wait(WARP_SYNC, line, mask);
}

unsigned wpk_emu_ballot(int line, unsigned mask, bool vote)
{
	struct thread *t = current;

	t->value = vote;
	warp_wait(WARP_VOTE, line, mask);
	return (unsigned)t->result;
}

uint64_t wpk_emu_exchange(int line, unsigned mask, uint64_t value,
	unsigned lane)
{
	struct thread *t = current;

	if (!(mask >> lane & 1))
		fault("warp", line, "lane %d reads lane %u, which is not in "
			"mask 0x%08x", t->number % WARP, lane, mask);
	t->value = value;
	t->lane = lane;
	warp_wait(WARP_EXCHANGE, line, mask);
	return t->result;
}

void warp_matrix(int line, const void *form,
	void (*perform)(struct thread *warp), void *part)
{
	struct thread *t = current;

	t->form = form;
	t->perform = perform;
	t->part = part;
	warp_wait(WARP_MATRIX, line, ~0u);
}

static bool same_operation(const struct thread *t, const struct thread *u)
{
	return t->state == AT_WARP && t->kind == u->kind &&
		t->mask == u->mask && (t->kind != WARP_MATRIX ||
		(t->form == u->form && t->line == u->line));
}

/* Lanes of "mask" that do not wait in the same operation as "t". */
static unsigned missing_lanes(struct thread *warp, int lanes, struct thread *t)
{
	unsigned missing = 0;

	for (int i = 0; i < WARP; i++) {
		if (!(t->mask >> i & 1))
			continue;
		if (i >= lanes || !same_operation(&warp[i], t))
			missing |= 1u << i;
	}
	return missing;
}

static void complete(struct thread *warp, unsigned mask, enum warp_kind kind)
{
	uint64_t votes = 0;

	if (kind == WARP_MATRIX) {
		current = warp;
		thread_index(warp->number);
		warp->perform(warp);
		current = NULL;
	}
	for (int i = 0; i < WARP && kind == WARP_VOTE; i++)
		if (mask >> i & 1 && warp[i].value)
			votes |= 1u << i;
	for (int i = 0; i < WARP; i++) {
		if (!(mask >> i & 1))
			continue;
		warp[i].result = kind == WARP_EXCHANGE ?
			warp[warp[i].lane].value : votes;
		warp[i].state = READY;
	}
	if (kind == WARP_SYNC && watch_warp)
		watch_warp(warp->number / WARP, mask);
}

/* Lets operations go on whose lanes are all there; true if there was one. */
static bool complete_warp(struct thread *warp, int lanes)
{
	bool any = false;

	for (int i = 0; i < lanes; i++)
		if (warp[i].state == AT_WARP &&
		    !missing_lanes(warp, lanes, &warp[i])) {
			complete(warp, warp[i].mask, warp[i].kind);
			any = true;
		}
	return any;
}

/* Lanes that wait for what others may do, or have done, can still come. */
static bool may_come(const struct thread *t)
{
	return t->state == READY || t->state == AT_CLUSTER ||
		t->state == AT_NAMED || t->state == AT_MBARRIER;
}

static void check_warp(struct thread *warp, int lanes)
{
	for (int i = 0; i < lanes; i++)
		if (may_come(&warp[i]))
			return;
	for (int i = 0; i < lanes; i++) {
		if (warp[i].state != AT_WARP)
			continue;
		current = &warp[i];
		thread_index(warp[i].number);
		fault("warp", warp[i].line, "a warp-wide operation with mask "
			"0x%08x waits for lanes 0x%08x, which do not come",
			warp[i].mask, missing_lanes(warp, lanes, &warp[i]));
	}
}

/* True if any of its threads went on. */
static bool run_warp(struct thread *warp, int lanes)
{
	bool any = false;

	do {
		for (int i = 0; i < lanes; i++) {
			struct thread *t = &warp[job.late ? lanes - 1 - i : i];

			any |= t->state == READY;
			if (t->state == READY)
				resume(t);
		}
	} while (complete_warp(warp, lanes));
	check_warp(warp, lanes);
	return any;
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

unsigned wpk_emu_shared_address(int line, const void *p)
{
	const unsigned char *c = p;

	if (c < shared_memory || c >= shared_memory + shared_size)
		fault("bounds", line, "an address that is not in the block's "
			"shared memory");
	return (unsigned)(c - shared_memory);
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
		watch_release(&met[phase % 2]);
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
	size_t at = shared_at(line, p, (size_t)bytes);
	void *remote = shared_of(line, rank, at);

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

			more |= run_warp(&threads[w * WARP],
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
	} while (more || open_cluster() || bulk_land() || end_tries());
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
	run_members();
	bulk_end();
	wgmma_end();
	check_guard(shared);
}
