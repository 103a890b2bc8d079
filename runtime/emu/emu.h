/* SPDX-License-Identifier: MIT */
/* What the files of the emulator share. One process runs one job: the global
 * state below is the emulated device's. */
#ifndef WPK_RUNTIME_EMU_EMU_H
#define WPK_RUNTIME_EMU_EMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WARP = 32,
	THREADS_MAX = 1024,
	PAGE = 4096,
	SHARED_SIZE = 256 << 10,
	CLUSTER_MAX = 8
};

struct emu_index {
	unsigned x, y, z;
};

/* Names that wpk_emu.h declares to device code. */
extern struct emu_index threadIdx, blockIdx, blockDim, gridDim;
extern unsigned char shared_memory[SHARED_SIZE];

/* ---- fiber.c: control passes between the scheduler and fibers ---- */

struct fiber;

/* "body" runs again each time the fiber is resumed after it returned. */
struct fiber *fiber_create(void (*body)(void *), void *arg);
/* From the scheduler: what its body was at is given up; it begins anew. */
void fiber_restart(struct fiber *f);
void fiber_destroy(struct fiber *f);
/* From the scheduler: run until the fiber waits or its body returns. */
void fiber_resume(struct fiber *f);
/* Between bodies: what the next finds in its variables is NaN, in floats. */
void fiber_poison(struct fiber *f);
/* From inside a fiber: back to the scheduler. */
void fiber_wait(struct fiber *f);
/* Around a jump out of whatever runs, a fiber or the scheduler, to the scheduler's
 * stack. */
void fiber_before_escape(void);
void fiber_after_escape(void);
/* The page below a stack, which nothing may touch: true if "p" is in it. */
bool fiber_overflowed(const struct fiber *f, const void *p);

/* ---- block.c ---- */

enum thread_state {
	READY, AT_BARRIER, AT_CLUSTER, AT_WARP, AT_NAMED, AT_MBARRIER,
	AT_FLAG, EXITED
};
enum warp_kind { WARP_SYNC, WARP_VOTE, WARP_EXCHANGE, WARP_MATRIX };

/* A thread waits at "line", in a warp operation with "mask", handing in
 * "value" and, to exchange, naming the "lane" it wants one from; for its whole
 * warp to "perform" what "form" tells more of, where "part" is what the thread
 * hands in; at named barrier "id"; or for a phase of "mbarrier" of "parity",
 * where it only "tries" for a while: "in_vain" so often since "tried" things
 * had happened; or until "flag" is set. It has arrived "arrivals" times at the
 * cluster's barrier. It has "number" in its block, which is number "rank" of its
 * cluster. "copies" are its asynchronous copies in flight, oldest first; "group"
 * counts commits, "bulk_group" those of bulk copies. A copy's "place" is where
 * it is issued. */
struct copy {
	void *to;
	const void *from;
	int bytes;
	bool guard;
	long group;
	const void *place;
};

struct thread {
	struct fiber *fiber;
	int number, rank;
	enum thread_state state;
	int line;
	enum warp_kind kind;
	unsigned mask, lane;
	uint64_t value, result;
	const void *form;
	void *part;
	void (*perform)(struct thread *warp);
	int id;
	struct mbarrier *mbarrier;
	int parity;
	bool tries;
	const int *flag;
	int in_vain;
	long tried, arrivals;
	long barriers, group, bulk_group;
	struct copy *copies;
	int n_copies, copies_room;
};

/* The running thread, NULL outside of kernels. */
extern struct thread *current;

/* Run the "n" blocks "at" of a cluster, or one: "invoke(closure)" is the
 * kernel's call. */
void blocks_run(const struct emu_index *at, int n, struct emu_index dim,
	size_t shared, void (*invoke)(void *), void *closure);
/* Gives back what blocks left to be used again. */
void blocks_free(void);
/* Blocks from here on have "n" bytes of shared memory; pages behind fault. */
void shared_open(size_t n);
/* Do the running block's have "n" bytes at "p"? */
bool shared_has(const void *p, size_t n);
/* What the launch has. */
size_t shared_bytes(void);
/* Where "p", of the running block's shared memory, lies in it: a fault if "n"
 * bytes are not there. */
size_t shared_at(int line, const void *p, size_t n);
/* The byte "at" of block "rank" of the cluster, whose turn it may not be: a
 * fault if there is none, or it has ended. */
unsigned char *shared_of(int line, int rank, size_t at);
int cluster_size(void);
/* The threads of a block of the cluster. */
struct thread *block_threads(int rank, int *n);
/* Something that others may have waited for. */
void something_happened(void);
/* Gives the turn to a block of the cluster: blockIdx and shared memory are its. */
void block_enter(int rank);
/* threadIdx becomes that of a thread of its block. */
void thread_index(int number);
/* The running thread gives way until somebody makes it READY. */
void thread_wait(enum thread_state state, int line);
/* What happens now is the doing of "t", whose block has the turn. */
void thread_turn(struct thread *t);
/* From the scheduler: "t" runs until it gives way or ends. */
void thread_resume(struct thread *t);
/* ---- warp.c ---- */

/* As far as its lanes go; true if any went on. */
bool warp_run(struct thread *warp, int lanes);
/* The running thread waits until all lanes of its warp are in the instruction
 * in "line" that "form" points to, no other; "perform" then does it for all,
 * each with its "part". */
void warp_matrix(int line, const void *form,
	void (*perform)(struct thread *warp), void *part);

/* ---- mbarrier.c ---- */

void mbarriers_begin(void);
/* The one at byte "at" of block "rank": "bytes" of a copy have arrived. */
void mbarrier_complete(int line, int rank, size_t at, long bytes);
/* Fault if asynchronous copies may not know of the barrier yet. */
void mbarrier_check(int line, int rank, size_t at);
void mbarrier_fence(void);
/* Does a thread wait there? */
bool mbarrier_awaited(int rank, size_t at);
/* Is that what "t" waits for? */
bool mbarrier_lacks_bytes(const struct thread *t);
/* Fault: nothing can end what "t" waits for. */
void mbarrier_stuck(const struct thread *t) __attribute__((noreturn));

/* ---- named.c ---- */

void named_begin(void);
void named_stuck(const struct thread *t) __attribute__((noreturn));

/* ---- flag.c ---- */

/* Do blocks of the program wait for those before them? */
extern bool blocks_in_order;
/* Threads whose flag is set go on; false if there are none. */
bool flags_open(void);
void flag_stuck(const struct thread *t) __attribute__((noreturn));

/* ---- stuck.c ---- */

/* Fault: no thread of the cluster can go on. */
void stuck(void) __attribute__((noreturn));

/* ---- bulk.c ---- */

/* A cluster's blocks begin: nothing is under way. */
void bulk_begin(void);
void bulk_free(void);
/* Copies that somebody waits for land; false if there are none. */
bool bulk_land(void);
/* The cluster's blocks have ended. */
void bulk_end(void);

/* ---- wgmma.c ---- */

/* A cluster's blocks begin, and have ended. */
void wgmma_begin(void);
void wgmma_end(void);
void wgmma_free(void);

/* ---- copy.c ---- */

void copy_forget(struct thread *t);

/* ---- launch.c ---- */

/* A launch: "early" if it may begin before the one before it has ended. */
struct launch {
	struct emu_index grid, block, cluster;
	size_t shared;
	bool early;
};

/* Run what the job wants of the launch's blocks, which is within the device's
 * limits: "invoke(closure)" is the kernel's call. */
void launch_run(const struct launch *l, void (*invoke)(void *), void *closure);

/* ---- report.c ---- */

/* What the job asks for: lines of report (a user's program wants none);
 * asynchronous effects as late as is legal (and threads
 * from last to first), or at once (first to last); greatest shared memory a
 * block may have; which block.x of a launch to run. */
struct launch_part {
	bool some;
	unsigned *x;
	unsigned n;
	unsigned of;	/* blocks along x, if not 0 in place of the grid's: as
			 * many as a persistent kernel has tiles */
	unsigned *y;	/* NULL: all of a column; else its block alone, in a grid
			 * that has "of_y" of them along y */
	unsigned of_y;
};

struct job {
	bool reports;
	bool late;
	bool address;
	bool time;		/* say what launches take */
	bool count, race, init;	/* for watch.c */
	int grain;		/* bytes of the smallest element */
	long shared_limit;
	int poison;
	struct launch_part *launches;
	int n_launches;
	/* Told of a fault, in a sentence, in place of the process's end; it does
	 * not return. NULL: there is nobody to go on. */
	void (*on_fault)(const char *kind, const char *sentence);
};

extern struct job job;

/* One line of the report. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Report a fault at the running thread and end the process. */
void fault(const char *kind, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
/* The signal as a fault; "code" and "at" as in its siginfo_t. */
void fault_signal(int sig, int code, const void *at)
	__attribute__((noreturn));
/* From here on what a thread does to be stopped by a signal is a fault. */
void report_catch_signals(void);
/* Exit code of a process that ended with a fault. */
enum { FAULTED = 3 };

/* ---- region.c ---- */

/* "bytes" at "p", a multiple of some alignment, in a mapping of "room" at "base",
 * whose first and last REGION_GUARD bytes fault. */
enum { REGION_GUARD = 64 << 10 };
struct region {
	char *base, *p;
	size_t bytes, room;
};

/* False if the process can have no more. */
bool region_map(struct region *r, size_t bytes, size_t align);
void region_unmap(struct region *r);
/* Bytes that the machine can still give, and has. */
size_t region_available(void);
size_t region_total(void);

/* ---- device.c ---- */

/* Memory that ends where a page ends, as far as "align" lets it; the page
 * behind faults. */
void *device_allocate(size_t bytes, size_t align);

/* ---- watch.c: accesses, where the kernel is compiled to be watched ---- */

#define WEAK __attribute__((weak))

enum watch_role {
	WATCH_INPUT, WATCH_OUTPUT, WATCH_WORKSPACE, WATCH_PREPARED
};

/* An asynchronous copy is issued, and arrives in shared memory; a bulk copy, past
 * the threads' own accesses, as it reads, and so does wgmma. */
enum watch_kind {
	WATCH_READ, WATCH_WRITE, WATCH_ATOMIC, WATCH_ISSUE, WATCH_ARRIVE,
	WATCH_BULK_ISSUE, WATCH_BULK_ARRIVE, WATCH_BULK_READ, WATCH_WGMMA_READ
};

WEAK void watch_open(const void *p, size_t bytes, enum watch_role role);
/* A launch begins, "early" if it may before the one before it has ended: until
 * its threads wait for the grid. */
WEAK void watch_launch(bool early);
WEAK void watch_grid_wait(void);
/* A block begins, number "rank" of its cluster; from now on it runs. */
WEAK void watch_block(int rank);
WEAK void watch_turn(int rank);
/* What orders accesses: all threads of the block, those of "mask" in a warp have
 * met; the running thread's fence of the device, its atomic operation. */
WEAK void watch_barrier(void);
WEAK void watch_warp(int warp, unsigned mask);
WEAK void watch_fence(void);
/* What the running thread did until now is before what others do once they
 * acquire the same object; if "over" they may overwrite it then, or read what was
 * copied, but not what threads wrote. */
WEAK void watch_release(const void *object, bool over);
WEAK void watch_acquire(const void *object);
/* The running thread's fence between its accesses and asynchronous ones; a warp
 * has waited for its wgmma. */
WEAK void watch_proxy(void);
WEAK void watch_waited(int warp);
WEAK unsigned watch_store(void);
WEAK void watch_stored(unsigned number);
WEAK void watch_atomic(const void *p, bool begins);
/* It "sets" a flag, which releases what it knows of, or has found it set; "place"
 * as in watch_access(). */
WEAK void watch_flag(const void *place, const int *flag, bool sets);
/* The host writes "n" bytes. */
WEAK void watch_set(const void *p, size_t n);
/* The running thread touches "n" bytes; "place" tells the instruction. */
WEAK void watch_access(const void *place, const void *p, size_t n,
	enum watch_kind kind);
/* In the shared memory of block "rank" of the cluster. */
WEAK void watch_remote(const void *place, int rank, size_t at, size_t n,
	enum watch_kind kind);
WEAK void watch_report(void);

/* ---- address.c: AddressSanitizer, where the kernel is compiled with it ---- */

void address_poison(const void *p, size_t n);
void address_unpoison(const void *p, size_t n);
bool address_watched(void);
bool address_bad(const void *p, size_t n);
void address_before_switch(void **save, const void *stack, size_t size);
void address_after_switch(void *save, const void **stack, size_t *size);
void address_on_death(void (*f)(void));

#endif
