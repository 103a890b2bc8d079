/* SPDX-License-Identifier: MIT */
/* Every access of a kernel's threads to memory that others see, and what orders
 * accesses, told to those that want to know: count.c and race.c. A kernel
 * compiled for ThreadSanitizer calls a function before each of its accesses;
 * here are these functions, so a kernel that is to be watched is compiled that
 * way and linked without that sanitizer's library. Nothing of it is linked to
 * others. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

static struct piece pieces[PIECES];
static int n_pieces;
static int atomics;	/* depth of atomic operations of the running thread */

/* ---- memory ---- */

void watch_open(const void *p, size_t bytes, enum watch_role role)
{
	if (n_pieces == PIECES)
		fault("job", 0, "more than %d tensors to watch", PIECES);
	pieces[n_pieces] = (struct piece){ n_pieces, p, bytes, role };
	if (job.count)
		count_open(&pieces[n_pieces]);
	if (job.race || job.init)
		race_open(&pieces[n_pieces]);
	n_pieces++;
}

static const struct piece *piece_of(const unsigned char *p)
{
	static int last;

	if (last < n_pieces && p >= pieces[last].p &&
	    p < pieces[last].p + pieces[last].bytes)
		return &pieces[last];
	for (int i = 0; i < n_pieces; i++)
		if (p >= pieces[i].p && p < pieces[i].p + pieces[i].bytes) {
			last = i;
			return &pieces[i];
		}
	return NULL;
}

/* ---- what the emulator tells ---- */

void watch_launch(bool early)
{
	if (job.count)
		count_launch();
	if (job.race || job.init)
		race_launch(early);
}

void watch_grid_wait(void)
{
	if (job.race && current)
		race_grid_wait();
}

void watch_block(int rank)
{
	atomics = 0;
	if (job.count && rank == 0)
		count_block();
	if (job.race || job.init)
		race_block();
}

void watch_turn(int rank)
{
	if (job.race || job.init)
		race_turn(rank);
}

void watch_barrier(void)
{
	if (job.race || job.init)
		race_barrier();
}

void watch_warp(int warp, unsigned mask)
{
	if (job.race || job.init)
		race_warp(warp, mask);
}

void watch_fence(void)
{
	if (job.race && current)
		race_fence();
}

void watch_release(const void *object, bool over)
{
	if (job.race && current)
		race_release(object, over);
}

void watch_acquire(const void *object)
{
	if (job.race && current)
		race_acquire(object);
}

void watch_proxy(void)
{
	if (job.race && current)
		race_proxy();
}

void watch_waited(int warp)
{
	if (job.race)
		race_waited(warp);
}

unsigned watch_store(void)
{
	return job.race ? race_store() : 0;
}

void watch_stored(unsigned number)
{
	if (job.race)
		race_stored(number);
}

void watch_remote(const void *place, int rank, size_t at, size_t n,
	enum watch_kind kind)
{
	if (current && (job.race || job.init))
		race_remote(place, rank, at, n, kind);
}

void watch_atomic(const void *p, bool begins)
{
	if (!current)
		return;
	if (begins && job.race)
		race_atomic(p);
	atomics += begins ? 1 : -1;
}

void watch_flag(const void *place, const int *flag, bool sets)
{
	if (job.race)
		race_flag(flag, sets);
	watch_access(place, flag, sizeof *flag, WATCH_ATOMIC);
}

void watch_set(const void *p, size_t n)
{
	const struct piece *m = piece_of(p);

	if (m && job.init)
		race_set(m, p, n);
}

void watch_report(void)
{
	if (job.count)
		count_report();
}

void watch_access(const void *place, const void *p, size_t n, enum watch_kind kind)
{
	const unsigned char *c = p;
	bool shared = c >= shared_memory && c < shared_memory + SHARED_SIZE;
	const struct piece *m = shared || !current ? NULL : piece_of(c);

	if (!current || (!shared && !m))
		return;
	if (m && n > (size_t)(m->p + m->bytes - c))
		n = (size_t)(m->p + m->bytes - c);
	if (m && job.count)
		count_access(place, m, p, n, kind == WATCH_WRITE);
	if (shared && job.count && kind < WATCH_ISSUE)
		count_shared(place, (size_t)(c - shared_memory), n);
	if (job.race || job.init)
		race_access(place, m, p, n, kind);
}

/* ---- what the compiler calls ---- */

static void access(const void *place, const void *p, size_t n, bool write)
{
	watch_access(place, p, n, atomics ? WATCH_ATOMIC :
		write ? WATCH_WRITE : WATCH_READ);
}

#define ACCESS(name, n, write) \
	void __tsan_##name(void *p); \
	void __tsan_##name(void *p) \
	{ \
		access(__builtin_return_address(0), p, n, write); \
	}
#define ACCESSES(n) \
	ACCESS(read##n, n, false) \
	ACCESS(write##n, n, true) \
	ACCESS(unaligned_read##n, n, false) \
	ACCESS(unaligned_write##n, n, true) \
	ACCESS(volatile_read##n, n, false) \
	ACCESS(volatile_write##n, n, true)

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *p, size_t n);
void __tsan_write_range(void *p, size_t n);
void __tsan_func_entry(void *at);
void __tsan_func_exit(void);
void __tsan_init(void);

void __tsan_read_range(void *p, size_t n)
{
	access(__builtin_return_address(0), p, n, false);
}

void __tsan_write_range(void *p, size_t n)
{
	access(__builtin_return_address(0), p, n, true);
}

void __tsan_func_entry(void *at)
{
	(void)at;
}

void __tsan_func_exit(void)
{
}

void __tsan_init(void)
{
}
