/* SPDX-License-Identifier: MIT */
/* What orders accesses of a block: the program order of a thread, a barrier of
 * the block (counted by "epoch"), __syncwarp (a vector clock a warp). What
 * orders those of a cluster: barriers in memory and by number, and the cluster's
 * (clocks.c). What orders those of blocks of one launch: an atomic operation
 * that comes after a fence of the device in one block and before one in the
 * other (release.c). Launches follow one another. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "race.h"

enum { LANES = WARP };

static uint32_t block, blocks, first_block, epoch;
static uint32_t first_of_cluster;
/* A launch that may begin early may do so before those from this block's on have
 * ended: what a thread does is behind them once it has waited for the grid. */
static uint32_t first_of_chain;
static bool may_be_early;
static uint32_t agents[CLUSTER_MAX][THREADS_MAX / WARP];
/* Of each warp, how many bulk stores it has issued. */
static uint32_t stores[CLUSTER_MAX][THREADS_MAX / WARP];

/* Of each thread: its warp's lanes' clocks as far as it knows them, its own
 * included; when it last fenced; and whether it waited for the grids before. */
static struct view {
	uint32_t clock[LANES];
	uint32_t fence_epoch, fence_clock;
	bool grid_waited;
} all_views[CLUSTER_MAX][THREADS_MAX], *views = all_views[0];

/* Of the cluster's blocks while others run. */
static struct side {
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
int order_rank(uint32_t b)
{
	return b < first_of_cluster || b > blocks ? -1 :
		(int)(b - first_of_cluster);
}

static int n_threads(void)
{
	return (int)(blockDim.x * blockDim.y * blockDim.z);
}

/* ---- events ---- */

void race_launch(bool early)
{
	first_block = blocks + 1;
	may_be_early = early;
	if (!early)
		first_of_chain = first_block;
	race_forget();
}

void race_grid_wait(void)
{
	view()->grid_waited = true;
}

void race_block(void)
{
	block = ++blocks;
	epoch = 1;
	if (turn == 0) {
		first_of_cluster = block;
		clocks_begin(cluster_size(), (n_threads() + WARP - 1) / WARP);
	}
	memset(views, 0, sizeof all_views[0]);
	for (int i = 0; i < THREADS_MAX; i++)
		views[i].clock[i % WARP] = 1;
	for (int i = 0; i < THREADS_MAX / WARP; i++) {
		agents[turn][i] = 1;
		stores[turn][i] = 0;
	}
}

void order_turn(int rank)
{
	sides[turn] = (struct side){ block, epoch };
	turn = rank;
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
	bool waited = false;
	int n = n_threads();

	epoch++;
	for (int i = 0; i < n; i++)
		waited |= views[i].grid_waited;
	for (int i = 0; i < n; i++)
		views[i].grid_waited = waited;
	for (int i = 0; i < n; i++)
		clocks_tell(turn, i, views[i].clock[i % WARP]);
	for (int w = 0; w * WARP < n; w++) {
		clocks_tell(turn, AGENTS + w, agents[turn][w] - 1);
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

void race_release(const void *object, bool over)
{
	learn_warp();
	(over ? clocks_give_over : clocks_release)(object, turn,
		current->number);
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
		clocks_learn(turn, at * WARP + l, AGENTS + at,
			agents[turn][at]);
	agents[turn][at]++;
}

uint32_t race_store(void)
{
	return ++stores[turn][warp()];
}

void race_stored(uint32_t number)
{
	clocks_learn(turn, current->number, STORE_AGENTS + warp(), number);
}

/* ---- between blocks ---- */

/* The running thread knows of what thread "thread" of its block did at a time. */
static bool told_of(int thread, struct race_time at)
{
	return thread == current->number || at.epoch < epoch ||
		clocks_known(turn, current->number, turn, thread) >= at.clock;
}

/* What it knows to have been seen it now sees. */
static void acquire_seen(struct race_time now)
{
	int me = current->number;

	for (struct race_seen *r = race_last_seen(block); r; r = r->before) {
		if (!told_of(r->thread, r->at))
			continue;
		r->fenced[me / 32] |= 1u << me % 32;
		if (r->by < 0) {
			r->by = me;
			r->acquired = now;
		}
	}
}

static struct race_time fence(void)
{
	view()->fence_epoch = epoch;
	view()->fence_clock = ++view()->clock[lane()];
	return (struct race_time){ epoch, view()->clock[lane()] };
}

void race_fence(void)
{
	acquire_seen(fence());
}

/* Of each thread the clock before which accesses are known to the running one
 * and, unless it releases "all" of them, behind that thread's own fence; NULL
 * where no barrier of some threads told it. */
static uint32_t *fenced_of_each(bool all)
{
	int n = n_threads();
	uint32_t *v = clocks_any(turn, current->number) ?
		calloc((size_t)n, sizeof *v) : NULL;

	for (int i = 0; i < n && v; i++) {
		uint32_t known = clocks_known(turn, current->number, turn, i) +
			1;

		v[i] = all || known < views[i].fence_clock ? known :
			views[i].fence_clock;
	}
	return v;
}

/* What the running thread's atomic operation makes others see: all that its
 * block did up to an epoch: before the barrier behind which it fenced itself,
 * or behind which every thread had fenced; and what barriers of some threads
 * told it of. */
static struct race_release release_now(bool cumulative)
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
	r.fenced = fenced_of_each(cumulative);
	return r;
}

void race_atomic(const void *p)
{
	if ((const unsigned char *)p < shared_memory ||
	    (const unsigned char *)p >= shared_memory + SHARED_SIZE)
		race_exchange(p, release_now(false), (struct race_time){ epoch,
			view()->clock[lane()] });
}

/* PTX ISA, "Release and Acquire Patterns": what a thread releases is all that it
 * knows of, also of others. */
void race_flag(const int *p, bool sets)
{
	struct race_time now;

	if (!sets) {
		race_see(p, block, current->number, (struct race_time){ epoch,
			view()->clock[lane()] });
		return;
	}
	learn_warp();
	now = fence();
	race_exchange(p, release_now(true), now);
}

/* The running thread's accesses are behind what "r" saw: by its own fence, or as
 * another tells it that has had one. */
static bool acquired(const struct race_seen *r)
{
	int me = current->number;

	return r->fenced[me / 32] >> me % 32 & 1 ||
		(r->by >= 0 && told_of(r->by, r->acquired));
}

static bool fenced_there(const struct slot *s, const uint32_t *fenced)
{
	for (int l = 0; l < LANES; l++)
		if (s->lanes >> l & 1 &&
		    s->clock >= fenced[s->warp * WARP + l])
			return false;
	return true;
}

/* The running thread sees what slot "s" of an earlier block did. */
static bool released(const struct slot *s)
{
	for (const struct race_seen *r = race_seen(s->block); r; r = r->next) {
		if (r->what.block != s->block || !acquired(r))
			continue;
		if (s->epoch <= r->what.all || (r->what.fenced &&
		    s->by == BY_THREAD && fenced_there(s, r->what.fenced)))
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
static bool known(const struct slot *s, int rank, bool over)
{
	bool agent = s->by == BY_AGENT || s->by == BY_STORE;
	int first = s->by == BY_AGENT ? AGENTS + s->warp : s->by == BY_STORE ?
		STORE_AGENTS + s->warp : s->warp * WARP;

	return clocks_has(turn, current->number, rank, first, agent ? 1 :
		s->lanes, s->clock, over);
}

static bool known_in_warp(const struct slot *s)
{
	uint32_t others = s->lanes & ~(1u << lane());

	for (; others; others &= others - 1)
		if (s->clock > view()->clock[__builtin_ctz(others)])
			return false;
	return true;
}

bool order_has(const struct slot *s, bool shared, bool over)
{
	int rank = order_rank(s->block);

	if (shared && rank < 0)
		return true;
	if (s->block < first_block)
		return !may_be_early || view()->grid_waited ||
			s->block < first_of_chain;
	if (rank < 0)
		return released(s);
	if (rank != turn)
		return known(s, rank, over) || (!shared && released(s));
	if (s->by == BY_AGENT || s->by == BY_STORE)
		return known(s, rank, over);
	if (s->epoch < epoch)
		return true;
	return s->warp == warp() ? known_in_warp(s) : known(s, rank, over);
}

bool order_early(void)
{
	return may_be_early && !view()->grid_waited;
}

struct slot order_slot(const void *place, enum by by)
{
	return (struct slot){ block, epoch, by == BY_AGENT ?
		agents[turn][warp()] : by == BY_STORE ? stores[turn][warp()] :
		view()->clock[lane()], 1u << lane(),
		(uint32_t)(uintptr_t)place, (uint8_t)warp(), (uint8_t)by };
}

bool order_fenced(const struct slot *s)
{
	int rank = order_rank(s->block);

	for (uint32_t left = rank < 0 ? 0 : s->lanes; left; left &= left - 1) {
		int t = s->warp * WARP + __builtin_ctz(left);

		if (clocks_fenced(rank, t, rank, t) < s->clock &&
		    clocks_fenced(turn, current->number, rank, t) < s->clock)
			return false;
	}
	return true;
}
