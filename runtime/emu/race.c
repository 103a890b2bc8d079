/* SPDX-License-Identifier: MIT */
/* Two accesses to the same element, one of them a write, that nothing orders;
 * and reads of what nobody has written. Both are faults, whatever the order in
 * which the emulator happens to run threads and blocks.
 *
 * What orders accesses of a block: the program order of a thread, a barrier of
 * the block (counted by "epoch"), __syncwarp (a vector clock a warp). What
 * orders those of a cluster: barriers in memory and by number, and the cluster's
 * (clocks.c). What bulk copies and wgmma read must besides be behind a fence
 * of who wrote it. What orders those of blocks of one launch: an atomic operation that comes after a
 * fence of the device in one block and before in the other. Launches follow one
 * another.
 *
 * Each element has a cell with its last writer, its last readers, in two warps
 * so that a writer of either warp sees the other, and the last atomic access. A
 * slot holds the lanes of one warp that did the same at the same time. */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"

enum { LANES = WARP, CELLS = 1024 };

/* "by" a warp's agent, which reads for wgmma: its clock counts what the warp
 * waited for. */
enum by { BY_THREAD, BY_COPY, BY_AGENT };

struct slot {
	uint32_t block, epoch, clock, lanes, place;
	uint8_t warp, by;
};

struct cell {
	struct slot write, read[2], atomic;
	bool set;
};

/* Cells of a tensor, a page of them when first touched. */
static struct shadow {
	const struct piece *m;
	struct cell **page;
} shadows[PIECES];
static struct cell *shared_cells;

static uint32_t block, blocks, first_block, epoch;
static uint32_t first_of_cluster;
static uint32_t agents[CLUSTER_MAX][THREADS_MAX / WARP];

/* Of each thread: its warp's lanes' clocks as far as it knows them, its own
 * included; and when it last fenced. */
static struct view {
	uint32_t clock[LANES];
	uint32_t fence_epoch, fence_clock;
} all_views[CLUSTER_MAX][THREADS_MAX], *views = all_views[0];

/* Of the cluster's blocks while others run. */
static struct side {
	struct cell *shared_cells;
	uint32_t block, epoch;
} sides[CLUSTER_MAX];
static int turn;

static int lane(void)
{
	return current->number % WARP;
}

static int warp(void)
{
	return current->number / WARP;
}

static struct view *view(void)
{
	return &views[current->number];
}

/* Of a block in its cluster, -1 if that is not the running one. */
static int rank_of(uint32_t b)
{
	return b < first_of_cluster || b > blocks ? -1 :
		(int)(b - first_of_cluster);
}

static int n_threads(void)
{
	return (int)(blockDim.x * blockDim.y * blockDim.z);
}

/* ---- cells ---- */

static void *zeros(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		fault("memory", 0, "no memory to watch accesses");
	return p;
}

static struct cell *shared_cell(size_t at)
{
	struct cell *c;

	if (!shared_cells)
		shared_cells = zeros(SHARED_SIZE / (size_t)job.grain + 1,
			sizeof *shared_cells);
	c = &shared_cells[at];
	if (rank_of(c->write.block) < 0 && rank_of(c->atomic.block) < 0)
		c->set = false;
	return c;
}

static struct cell *piece_cell(const struct piece *m, size_t at)
{
	struct cell **page = &shadows[m->number].page[at / CELLS];

	if (!*page)
		*page = zeros(CELLS, sizeof **page);
	return &(*page)[at % CELLS];
}

/* ---- events ---- */

void race_open(const struct piece *m)
{
	shadows[m->number] = (struct shadow){ m, zeros(m->bytes /
		(size_t)job.grain / CELLS + 1, sizeof(struct cell *)) };
}

void race_launch(void)
{
	first_block = blocks + 1;
	race_forget();
}

void race_block(void)
{
	block = ++blocks;
	epoch = 1;
	if (turn == 0) {
		first_of_cluster = block;
		clocks_begin(cluster_size());
	}
	memset(views, 0, sizeof all_views[0]);
	for (int i = 0; i < THREADS_MAX; i++)
		views[i].clock[i % WARP] = 1;
	for (int i = 0; i < THREADS_MAX / WARP; i++)
		agents[turn][i] = 1;
}

void race_turn(int rank)
{
	sides[turn] = (struct side){ shared_cells, block, epoch };
	turn = rank;
	shared_cells = sides[turn].shared_cells;
	block = sides[turn].block;
	epoch = sides[turn].epoch;
	views = all_views[turn];
}

/* Clocks of a warp's lanes go on together, so that what they do together is one
 * slot. */
static void advance(struct view *v, unsigned mask)
{
	uint32_t most = 0;

	for (int i = 0; i < LANES; i++)
		if (mask >> i & 1 && v[i].clock[i] > most)
			most = v[i].clock[i];
	for (int i = 0; i < LANES; i++)
		if (mask >> i & 1)
			v[i].clock[i] = most + 1;
}

void race_barrier(void)
{
	int n = n_threads();

	epoch++;
	for (int i = 0; i < n; i++)
		clocks_tell(turn, i, views[i].clock[i % WARP]);
	for (int w = 0; w * WARP < n; w++) {
		clocks_tell(turn, THREADS_MAX + w, agents[turn][w] - 1);
		advance(&views[w * WARP], ~0u);
	}
	clocks_meet(turn, n);
}

/* By another object what lanes know of other warps. */
static void share_clocks(int at, unsigned mask)
{
	static char objects[CLUSTER_MAX][THREADS_MAX];
	const char *object = &objects[turn][at];
	bool any = false;

	for (int i = 0; i < LANES; i++)
		any |= mask >> i & 1 && clocks_any(turn, at * WARP + i);
	for (int i = 0; i < LANES && any; i++)
		if (mask >> i & 1)
			clocks_release(object, turn, at * WARP + i);
	for (int i = 0; i < LANES && any; i++)
		if (mask >> i & 1)
			clocks_acquire(object, turn, at * WARP + i);
}

void race_warp(int at, unsigned mask)
{
	struct view *v = &views[at * WARP];
	uint32_t known[LANES] = { 0 };

	for (int i = 0; i < LANES; i++)
		for (int l = 0; l < LANES && mask >> i & 1; l++)
			if (v[i].clock[l] > known[l])
				known[l] = v[i].clock[l];
	for (int i = 0; i < LANES; i++)
		if (mask >> i & 1)
			memcpy(v[i].clock, known, sizeof known);
	advance(v, mask);
	share_clocks(at, mask);
}

/* ---- barriers of some threads ---- */

/* The vector clock of the warp becomes part of that of the cluster. */
static void learn_warp(void)
{
	for (int l = 0; l < LANES; l++)
		clocks_learn(turn, current->number, warp() * WARP + l,
			view()->clock[l]);
}

void race_release(const void *object)
{
	learn_warp();
	clocks_release(object, turn, current->number);
	view()->clock[lane()]++;
}

void race_acquire(const void *object)
{
	clocks_acquire(object, turn, current->number);
	for (int l = 0; l < LANES; l++) {
		uint32_t known = clocks_known(turn, current->number, turn,
			warp() * WARP + l);

		if (l != lane() && known > view()->clock[l])
			view()->clock[l] = known;
	}
}

void race_proxy(void)
{
	learn_warp();
	clocks_fence(turn, current->number);
	view()->clock[lane()]++;
}

void race_waited(int at)
{
	for (int l = 0; l < LANES; l++)
		clocks_learn(turn, at * WARP + l, THREADS_MAX + at,
			agents[turn][at]);
	agents[turn][at]++;
}

void race_fence(void)
{
	view()->fence_epoch = epoch;
	view()->fence_clock = view()->clock[lane()];
}

void race_set(const struct piece *m, const void *p, size_t n)
{
	size_t from = (size_t)((const unsigned char *)p - m->p);

	for (size_t i = from / (size_t)job.grain;
	     i * (size_t)job.grain < from + n; i++)
		piece_cell(m, i)->set = true;
}

/* ---- between blocks ---- */

/* What the running thread's atomic operation makes others see: all that its
 * block did up to an epoch: before the barrier behind which it fenced itself,
 * or behind which every thread had fenced. */
static struct race_release release_now(void)
{
	struct race_release r = { .block = block, .thread = current->number,
		.epoch = view()->fence_epoch, .clock = view()->fence_clock };
	uint32_t least = UINT32_MAX;
	int n = n_threads();

	for (int i = 0; i < n; i++)
		if (views[i].fence_epoch < least)
			least = views[i].fence_epoch;
	if (least >= epoch)
		least = epoch - 1;
	r.all = r.epoch > least + 1 ? r.epoch - 1 : least;
	return r;
}

void race_atomic(const void *p)
{
	if ((const unsigned char *)p < shared_memory ||
	    (const unsigned char *)p >= shared_memory + SHARED_SIZE)
		race_exchange(p, release_now(), epoch);
}

/* The running thread sees what slot "s" of an earlier block did. */
static bool released(const struct slot *s)
{
	for (const struct race_seen *r = race_seen(s->block); r; r = r->next) {
		if (r->what.block != s->block ||
		    (r->epoch >= epoch && r->thread != current->number))
			continue;
		if (s->epoch <= r->what.all)
			return true;
		if (s->epoch == r->what.epoch &&
		    s->warp == r->what.thread / WARP &&
		    (s->lanes == 1u << r->what.thread % WARP ||
		     s->clock < r->what.clock))
			return true;
	}
	return false;
}

/* ---- order ---- */

/* All of its lanes' accesses are known by the cluster's clocks. */
static bool known(const struct slot *s, int rank)
{
	int me = current->number;

	if (s->by == BY_AGENT)
		return clocks_known(turn, me, rank, THREADS_MAX + s->warp) >=
			s->clock;
	for (int l = 0; l < LANES; l++)
		if (s->lanes >> l & 1 && s->clock > clocks_known(turn, me,
		    rank, s->warp * WARP + l))
			return false;
	return true;
}

static bool known_in_warp(const struct slot *s)
{
	uint32_t others = s->lanes & ~(1u << lane());

	for (int l = 0; l < LANES && others; l++)
		if (others >> l & 1 && s->clock > view()->clock[l])
			return false;
	return true;
}

static bool ordered(const struct slot *s, bool shared)
{
	int rank = rank_of(s->block);

	if (s->block < first_block || (shared && rank < 0))
		return true;
	if (rank < 0)
		return released(s);
	if (rank != turn)
		return known(s, rank) || (!shared && released(s));
	if (s->by == BY_AGENT)
		return known(s, rank);
	if (s->epoch < epoch)
		return true;
	return s->warp == warp() ? known_in_warp(s) : known(s, rank);
}

static struct slot slot_by(const void *place, enum by by)
{
	return (struct slot){ block, epoch, by == BY_AGENT ?
		agents[turn][warp()] : view()->clock[lane()],
		1u << lane(), (uint32_t)(uintptr_t)place, (uint8_t)warp(),
		(uint8_t)by };
}

static struct slot slot_now(const void *place)
{
	return slot_by(place, BY_THREAD);
}

/* The same warp at the same time: "s" takes the lane in. */
static bool joins(struct slot *s, const struct slot *now)
{
	if (s->block != now->block || s->epoch != now->epoch ||
	    s->warp != now->warp || s->clock != now->clock ||
	    s->by != now->by)
		return false;
	s->lanes |= now->lanes;
	s->place = now->place;
	return true;
}

static void add_reader(struct cell *c, struct slot now)
{
	struct slot other = c->read[0];

	if (joins(&c->read[0], &now))
		return;
	if (joins(&c->read[1], &now)) {
		c->read[0] = c->read[1];
		c->read[1] = other;
		return;
	}
	if (other.block != now.block || other.warp != now.warp ||
	    other.by != now.by)
		c->read[1] = other;
	c->read[0] = now;
}

/* ---- faults ---- */

/* Where in memory, and how it reads in a message. */
struct spot {
	const struct piece *m;
	size_t offset;
	const void *place;
};

static const char *memory_name(const struct spot *at)
{
	static char text[64];

	static const char *const names[] = {
		[WATCH_WORKSPACE] = "the workspace",
		[WATCH_PREPARED] = "what is prepared"
	};

	if (!at->m || at->m->role >= WATCH_WORKSPACE)
		snprintf(text, sizeof text, "byte %zu of %s", at->offset,
			at->m ? names[at->m->role] : "shared memory");
	else
		snprintf(text, sizeof text, "byte %zu of tensor %d", at->offset,
			at->m->number);
	return text;
}

static void unordered(const struct spot *at, const char *does,
	const struct slot *s, const char *did)
{
	int thread = s->warp * WARP + __builtin_ctz(s->lanes);
	bool here = s->block == block;

	fault("race", 0, "%s: {%x} %s what thread %d of %s %s in {%x}, and %s "
		"orders the two", memory_name(at),
		(unsigned)(uintptr_t)at->place, does, thread,
		here ? "this block" : "another block", did, s->place,
		here ? "no barrier" : "nothing");
}

static void must_follow(const struct spot *at, const char *does,
	const struct slot *s, const char *did)
{
	if (job.race && s->block && !ordered(s, !at->m))
		unordered(at, does, s, did);
}

/* What "s" wrote is behind its own fence or that of the running thread. */
static bool fenced(const struct slot *s, int rank)
{
	for (int l = 0; l < LANES; l++) {
		int t = s->warp * WARP + l;

		if (s->lanes >> l & 1 &&
		    clocks_fenced(rank, t, rank, t) < s->clock &&
		    clocks_fenced(turn, current->number, rank, t) < s->clock)
			return false;
	}
	return true;
}

static void must_be_fenced(const struct spot *at, const struct slot *s)
{
	int rank = rank_of(s->block);

	if (job.race && rank >= 0 && s->by == BY_THREAD && !fenced(s, rank))
		fault("race", 0, "%s: {%x} reads asynchronously what thread %d "
			"wrote in {%x}, and no fence_proxy_async stands behind "
			"that", memory_name(at), (unsigned)(uintptr_t)at->place,
			s->warp * WARP + __builtin_ctz(s->lanes), s->place);
}

static void must_be_set(const struct cell *c, const struct spot *at)
{
	if (job.init && !c->set)
		fault("init", 0, "%s: {%x} reads what nobody has written",
			memory_name(at), (unsigned)(uintptr_t)at->place);
}

/* ---- accesses ---- */

static void write_cell(struct cell *c, const struct spot *at, enum by by)
{
	must_follow(at, "writes", &c->write, "wrote");
	must_follow(at, "writes", &c->read[0], "read");
	must_follow(at, "writes", &c->read[1], "read");
	must_follow(at, "writes", &c->atomic, "changed");
	c->write = slot_by(at->place, by);
}

static void change_cell(struct cell *c, const struct spot *at)
{
	struct slot now = slot_now(at->place);

	must_be_set(c, at);
	must_follow(at, "changes", &c->write, "wrote");
	must_follow(at, "changes", &c->read[0], "read");
	must_follow(at, "changes", &c->read[1], "read");
	if (!joins(&c->atomic, &now))
		c->atomic = now;
}

/* An asynchronous copy issued by this thread lands: nobody else may have read
 * since. */
static void land_cell(struct cell *c, const struct spot *at)
{
	for (int i = 0; i < 2 && job.race; i++) {
		const struct slot *r = &c->read[i];

		if (r->block == block && c->write.block == block &&
		    r->epoch > c->write.epoch && r->by == BY_THREAD &&
		    (r->warp != warp() || r->lanes != 1u << lane()))
			unordered(at, "copies asynchronously", r,
				"read, before the copy was waited for,");
	}
	c->write = slot_by(at->place, BY_COPY);
	c->set = true;
}

static void read_cell(struct cell *c, const struct spot *at,
	enum watch_kind kind)
{
	must_be_set(c, at);
	must_follow(at, "reads", &c->write, "wrote");
	must_follow(at, "reads", &c->atomic, "changed");
	if (kind != WATCH_READ)
		must_be_fenced(at, &c->write);
	add_reader(c, slot_by(at->place, kind == WATCH_WGMMA_READ ? BY_AGENT :
		BY_THREAD));
}

static void touch(struct cell *c, const struct spot *at, enum watch_kind kind)
{
	switch (kind) {
	case WATCH_READ:
	case WATCH_COPY_READ:
	case WATCH_WGMMA_READ:
		read_cell(c, at, kind);
		break;
	case WATCH_WRITE:
		write_cell(c, at, BY_THREAD);
		c->set = true;
		break;
	case WATCH_ATOMIC:
		change_cell(c, at);
		break;
	case WATCH_ISSUE:
		write_cell(c, at, BY_COPY);
		break;
	case WATCH_ARRIVE:
		land_cell(c, at);
		break;
	}
}

void race_access(const void *place, const struct piece *m, const void *p,
	size_t n, enum watch_kind kind)
{
	const unsigned char *base = m ? m->p : shared_memory;
	size_t from = (size_t)((const unsigned char *)p - base);
	size_t grain = (size_t)job.grain;
	struct spot at = { m, from, place };

	if (m && m->role == WATCH_INPUT)
		return;
	for (size_t i = from / grain; i * grain < from + n; i++) {
		at.offset = i * grain;
		touch(m ? piece_cell(m, i) : shared_cell(i), &at, kind);
	}
}

void race_remote(const void *place, int rank, size_t from, size_t n,
	enum watch_kind kind)
{
	struct cell *own = shared_cells;
	size_t grain = (size_t)job.grain;

	if (rank == turn)
		return race_access(place, NULL, shared_memory + from, n, kind);
	shared_cells = sides[rank].shared_cells;
	for (size_t i = from / grain; i * grain < from + n; i++)
		touch(shared_cell(i), &(struct spot){ NULL, i * grain, place },
			kind);
	sides[rank].shared_cells = shared_cells;
	shared_cells = own;
}
