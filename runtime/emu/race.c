/* SPDX-License-Identifier: MIT */
/* Two accesses to the same element, one of them a write, that nothing orders
 * (order.c); and reads of what nobody has written. Both are faults, whatever
 * the order in which the emulator happens to run threads and blocks. What bulk
 * copies and wgmma read must besides be behind a fence of who wrote it.
 *
 * Each element has a cell with its last writer, its last readers, in two warps
 * so that a writer of either warp sees the other, and the last atomic access. A
 * slot holds the lanes of one warp that did the same at the same time. */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "race.h"

enum { CELLS = 1024 };

struct cell {
	struct slot write, read[2], atomic;
	bool set;
};

/* Cells of a tensor, a page of them when first touched. */
static struct shadow {
	const struct piece *m;
	struct cell **page;
} shadows[PIECES];
/* Of each block of the cluster, and the running one's. */
static struct cell *all_shared[CLUSTER_MAX], **shared_cells = all_shared;

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

	if (!*shared_cells)
		*shared_cells = zeros(SHARED_SIZE / (size_t)job.grain + 1,
			sizeof **shared_cells);
	c = &(*shared_cells)[at];
	if (order_rank(c->write.block) < 0 && order_rank(c->atomic.block) < 0)
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

void race_turn(int rank)
{
	shared_cells = &all_shared[rank];
	order_turn(rank);
}

void race_set(const struct piece *m, const void *p, size_t n)
{
	size_t from = (size_t)((const unsigned char *)p - m->p);

	for (size_t i = from / (size_t)job.grain;
	     i * (size_t)job.grain < from + n; i++)
		piece_cell(m, i)->set = true;
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
	bool here = order_rank(s->block) == current->rank;

	fault("race", 0, "%s: {%x} %s what thread %d of %s %s in {%x}, and %s "
		"orders the two", memory_name(at),
		(unsigned)(uintptr_t)at->place, does, thread,
		here ? "this block" : "another block", s->by == BY_STORE ?
		"reads by a bulk copy" : did, s->place, s->by == BY_STORE ?
		"no wait for the copy" : here ? "no barrier" : "nothing");
}

static const char writes[] = "writes";

static void must_follow(const struct spot *at, const char *does,
	const struct slot *s, const char *did)
{
	bool over = does == writes || s->by == BY_BULK;

	if (job.race && s->block && !order_has(s, !at->m, over))
		unordered(at, does, s, did);
}

static void must_be_fenced(const struct spot *at, const struct slot *s)
{
	if (job.race && s->by == BY_THREAD && !order_fenced(s))
		fault("race", 0, "%s: {%x} reads asynchronously what thread %d "
			"wrote in {%x}, and no fence_proxy_async stands behind "
			"that", memory_name(at), (unsigned)(uintptr_t)at->place,
			s->warp * WARP + __builtin_ctz(s->lanes), s->place);
}

/* What other kernels wrote, or still read, is theirs until they have ended: inputs
 * too, which another operator may have made. */
static void must_have_waited(const struct spot *at)
{
	if (job.race && at->m && order_early())
		fault("race", 0, "%s: {%x} touches what kernels before this one "
			"may, and no grid_wait() stands before that",
			memory_name(at), (unsigned)(uintptr_t)at->place);
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
	must_follow(at, writes, &c->write, "wrote");
	must_follow(at, writes, &c->read[0], "read");
	must_follow(at, writes, &c->read[1], "read");
	must_follow(at, writes, &c->atomic, "changed");
	c->write = order_slot(at->place, by);
}

static void change_cell(struct cell *c, const struct spot *at)
{
	struct slot now = order_slot(at->place, BY_THREAD);

	must_be_set(c, at);
	must_follow(at, "changes", &c->write, "wrote");
	must_follow(at, "changes", &c->read[0], "read");
	must_follow(at, "changes", &c->read[1], "read");
	if (!joins(&c->atomic, &now))
		c->atomic = now;
}

/* An asynchronous copy issued by this thread lands: nobody else may have read
 * since. */
static void land_cell(struct cell *c, const struct spot *at, enum by by)
{
	struct slot now = order_slot(at->place, by);

	for (int i = 0; i < 2 && job.race; i++) {
		const struct slot *r = &c->read[i];

		if (r->block == now.block && c->write.block == now.block &&
		    r->epoch > c->write.epoch && r->by == BY_THREAD &&
		    (r->warp != now.warp || r->lanes != now.lanes))
			unordered(at, "copies asynchronously", r,
				"read, before the copy was waited for,");
	}
	c->write = now;
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
	add_reader(c, order_slot(at->place, kind == WATCH_WGMMA_READ ? BY_AGENT :
		kind == WATCH_BULK_READ ? BY_STORE : BY_THREAD));
}

static void touch(struct cell *c, const struct spot *at, enum watch_kind kind)
{
	switch (kind) {
	case WATCH_READ:
	case WATCH_BULK_READ:
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
		write_cell(c, at, BY_THREAD);
		break;
	case WATCH_BULK_ISSUE:
		write_cell(c, at, BY_BULK);
		break;
	case WATCH_ARRIVE:
		land_cell(c, at, BY_THREAD);
		break;
	case WATCH_BULK_ARRIVE:
		land_cell(c, at, BY_BULK);
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

	must_have_waited(&at);
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
	struct cell **own = shared_cells;

	shared_cells = &all_shared[rank];
	race_access(place, NULL, shared_memory + from, n, kind);
	shared_cells = own;
}
