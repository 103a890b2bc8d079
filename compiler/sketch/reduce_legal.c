/* SPDX-License-Identifier: MIT */
/* Which points of sketch "reduce" make kernels that fit: threads and rows of a
 * block, vectors, and what registers and shared memory hold of a row. */
#include "sketch/reduce.h"
#include "sketch/asked.h"

#include <string.h>

enum {
	UNROLL_MAX = 8, REGS_MAX = 255, GRID_Y_MAX = 65535, BASE_REGS = 32,
	SLOTS_MAX = 64, HELD_MAX = 160, CLUSTER_MAX = 8, TURNS_MAX = 64
};

static int bytes(enum dtype t)
{
	return dtype_row(t)->bits / 8;
}

static int64_t reg_words(int64_t elements, enum dtype t)
{
	return number_ceil(elements * bytes(t), 4);
}

static int held_size(enum dtype t)
{
	return bytes(t) > 4 ? 2 : 1;
}

/* Words of what registers hold between passes, at the pass that needs most: a pass
 * takes values apart slot by slot as it makes others. Values are held as what
 * they are converted to, once. */
static int64_t held_words(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t n = row_slots(r, x) * x->vector, most = 0;

	for (int pass = 1; pass <= r->passes; pass++) {
		int64_t before = 0, after = 0, words;

		for (int i = 0; i < w->acc.n && i < 64; i++) {
			int last = row_last_use(r, i, x->kept);

			if (!((x->cached & ~x->shared_cached) >> i & 1))
				continue;
			words = n * r->words[i];
			before += last >= pass ? words : 0;
			after += last > pass ? words : 0;
		}
		for (int i = 0; i < w->pieces.n; i++) {
			if (!((x->kept & ~x->shared_kept) >> i & 1))
				continue;
			words = n * held_size(w->pieces.v[i].value->type);
			before += r->pass[i] < pass ? words : 0;
			after += r->pass[i] <= pass ? words : 0;
		}
		most = before > most ? before : most;
		most = after > most ? after : most;
	}
	return most;
}

/* How many of access "i" a thread has at once, of its rows or of what they share. */
static int64_t at_once(const struct rows *r, const struct row_point *x, int i)
{
	const struct access *y = &r->walk->acc.v[i];
	int64_t n = access_uniform(r->walk, y) ? 1 : x->vector;

	if (x->carried > 1 && i < 64 && r->mine >> i & 1)
		return x->carried;
	return n * (y->read ? x->unroll : 1);
}

/* Words of running values, and of what is known before, of all rows but one. */
static int64_t carried_words(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t n = 0;

	for (int i = 0; i < w->pieces.n; i++) {
		const struct piece *p = &w->pieces.v[i];

		if (p->reduction)
			n += held_size(reducer_type(p->reduction)) +
				reducer_indexed(p->reduction->reducer);
		else if (p->per_row && r->pass[i] < r->passes &&
		    walk_used(w, i))
			n += held_size(lower_type(p->value->type));
	}
	return n * (x->carried - 1);
}

int row_registers(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t regs = BASE_REGS + carried_words(r, x);

	for (int i = 0; i < w->acc.n; i++) {
		const struct access *y = &w->acc.v[i];

		if (y->direct && !(i < 64 && (x->cached &
		    ~x->shared_cached) >> i & 1))
			regs += 1 + reg_words(at_once(r, x, i),
				y->tensor->type);
	}
	if (x->fixed)
		regs += held_words(r, x) * 23 / 20;
	return regs > 100000 ? 100000 : (int)regs;
}

/* Shared memory in which running values meet: of a block's warps, or of all
 * its threads where teams lie across, and of the blocks of a cluster. */
static int64_t joins_bytes(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t each = 0, n = 0, boards = 0;

	if (x->threads > 1 && (r->across || x->threads > ROW_WARP))
		n = r->across ? x->threads : x->threads / ROW_WARP;
	n += x->over == OVER_CLUSTER;
	for (int i = 0; i < w->pieces.n; i++) {
		const struct ir_expr *e = w->pieces.v[i].reduction;

		if (!e)
			continue;
		each += bytes(reducer_type(e)) + 4 +
			(reducer_indexed(e->reducer) ? 8 : 0);
		boards += 4;
	}
	return n ? n * x->rows * x->carried * each + 16 * boards : 0;
}

int row_shared(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t n = row_slots(r, x) * x->vector * x->threads * x->rows;
	int64_t all = joins_bytes(r, x);

	for (int i = 0; i < w->acc.n && i < 64; i++)
		if (x->shared_cached >> i & 1)
			all += n * bytes(w->acc.v[i].tensor->type) + 16;
	for (int i = 0; i < w->pieces.n; i++)
		if (x->shared_kept >> i & 1)
			all += n * bytes(lower_type(
				w->pieces.v[i].value->type)) + 16;
	return all > 1 << 30 ? 1 << 30 : (int)all;
}

static const char *const over_names[] = {
	"thread", "warp", "block", "cluster", "grid"
};

enum row_over row_over(const struct rows *r, int threads)
{
	if (threads == 1)
		return OVER_THREAD;
	return threads <= ROW_WARP && !r->across ? OVER_WARP : OVER_BLOCK;
}

/* Blocks that share a row, and by what. */
static const char *legal_over(const struct task *t, struct arena *a,
	const struct row_point *x)
{
	const struct rows *r = t->state;
	enum row_over over = row_over(r, x->threads);
	bool shares = x->over == OVER_CLUSTER || x->over == OVER_GRID;

	if (x->over == OVER_CLUSTER && t->target->cc < 90)
		return arena_printf(a, "over = cluster needs sm_90, the target "
			"is %s: over = grid is possible", t->target->name);
	if (x->over == OVER_GRID && x->held)
		return arena_printf(a, "over = grid has a launch for each "
			"pass, and nothing stays on the chip: cache = none");
	if (shares && x->parts == 1)
		return arena_printf(a, "over = %s goes with split_k = 2 or "
			"more blocks for a row", over_names[x->over]);
	if (!shares && x->parts > 1)
		return arena_printf(a, "split_k = %d blocks for a row go with "
			"over = %s", x->parts, t->target->cc < 90 ? "grid" :
			"cluster or grid");
	if (x->over == OVER_CLUSTER && x->parts > CLUSTER_MAX)
		return arena_printf(a, "a cluster has %d blocks at most: "
			"split_k = %d", CLUSTER_MAX, CLUSTER_MAX);
	if (!shares && x->over != (int)over)
		return arena_printf(a, "%d threads for a row go with over = "
			"%s", x->threads, over_names[over]);
	return NULL;
}

static const char *legal_carried(const struct rows *r, struct arena *a,
	const struct row_point *x)
{
	if (x->carried < 1 || x->carried > ROW_CARRIED_MAX)
		return arena_printf(a, "a thread has 1 to %d rows, not %d",
			ROW_CARRIED_MAX, x->carried);
	if (x->spare)
		return arena_printf(a, "the rows of a block are a multiple of "
			"the %d of a thread", x->carried);
	if (x->carried * x->unroll * x->vector > TURNS_MAX)
		return arena_printf(a, "%d rows, unroll = %d and vectorize = %d "
			"write more than %d turns out", x->carried, x->unroll,
			x->vector, TURNS_MAX);
	if (x->held || x->online)
		return arena_printf(a, "what rows of a thread share is read in "
			"each pass: they go with cache = none and combine = "
			"passes");
	if (x->over == OVER_GRID && r->passes > 1)
		return arena_printf(a, "rows of a thread go with over = grid in "
			"one pass, not in %d: over = cluster or block is "
			"possible", r->passes);
	return NULL;
}

static const char *legal_team(struct arena *a, const struct row_point *x)
{
	int all = x->threads * x->rows;

	if (x->threads < 1 || x->threads > ROW_THREADS_MAX ||
	    x->threads & (x->threads - 1))
		return arena_printf(a, "reduce.threads = %d is no power of two "
			"up to %d", x->threads, ROW_THREADS_MAX);
	if (x->rows < 1 || x->rows > ROW_THREADS_MAX || all > ROW_THREADS_MAX ||
	    all % ROW_WARP)
		return arena_printf(a, "%d rows of %d threads make a block of "
			"%d, which must be a multiple of %d up to %d",
			x->rows, x->threads, all, ROW_WARP, ROW_THREADS_MAX);
	return NULL;
}

static bool power_of_two(int x)
{
	return x >= 1 && !(x & (x - 1));
}

static const char *legal_moves(const struct rows *r, struct arena *a,
	const struct row_point *x)
{
	if (!power_of_two(x->vector) || x->vector > r->limit)
		return arena_printf(a, "vectorize = %d is not possible, %d is",
			x->vector, r->limit);
	if (x->unroll < 1 || x->unroll > UNROLL_MAX)
		return arena_printf(a, "unroll = %d is not possible, %d is",
			x->unroll, x->unroll < 1 ? 1 : UNROLL_MAX);
	if (x->fixed && x->unroll > 1)
		return arena_printf(a, "a row in registers is unrolled wholly:"
			" unroll = 1");
	if (x->fixed && (row_slots(r, x) > SLOTS_MAX ||
	    held_words(r, x) > HELD_MAX))
		return arena_printf(a, "a row of %lld is too long for the "
			"registers of %d threads: cache with scope = shared "
			"or none", (long long)r->walk->in.total, x->threads);
	if (x->held && x->online)
		return arena_printf(a, "online passes read the row once: they "
			"go with cache = none");
	if (x->parts < 1 || x->parts > GRID_Y_MAX ||
	    row_parts(r, x) < x->parts)
		return arena_printf(a, "split_k = %d leaves blocks without "
			"work, %lld does not", x->parts,
			(long long)row_parts(r, x));
	return NULL;
}

/* What a block takes of a row at a time: all of one that stays in registers. */
static int64_t chunk(const struct rows *r, const struct row_point *x)
{
	return (int64_t)x->threads * x->vector * (x->fixed ? row_slots(r, x) :
		x->unroll);
}

static const char *asked(const struct rows *r, struct arena *a, const int *v,
	enum row_number n, int64_t is)
{
	return r->at[n] < 0 ? NULL : asked_wrong(a, &r->tunables[r->at[n]],
		v[r->at[n]], is);
}

static const char *legal_asked(const struct rows *r, struct arena *a,
	const int *v, const struct row_point *x)
{
	const char *why = asked(r, a, v, ROW_BIND, x->threads * x->rows);

	if (!why)
		why = asked(r, a, v, ROW_CHUNK, chunk(r, x));
	return why ? why : asked(r, a, v, ROW_CLUSTER,
		x->over == OVER_CLUSTER ? x->parts : 1);
}

const char *reduce_legal(const struct task *t, struct arena *a,
	const int *values)
{
	const struct rows *r = t->state;
	struct row_point x = row_point(r, values);
	const char *why;
	int regs, smem, rows;

	why = x.carried != 1 ? legal_carried(r, a, &x) : NULL;
	why = why ? why : legal_team(a, &x);
	why = why ? why : legal_over(t, a, &x);
	why = why ? why : legal_moves(r, a, &x);
	why = why ? why : legal_asked(r, a, values, &x);
	if (why)
		return why;
	rows = x.over == OVER_GRID && x.rows > ROW_JOINED ? ROW_JOINED : x.rows;
	if (number_ceil(row_tiles(r, &x), rows) > INT32_MAX)
		return arena_printf(a, "a grid has fewer than 2^31 blocks");
	smem = row_shared(r, &x);
	if (smem > t->target->smem_block)
		return arena_printf(a, "it needs %d bytes of shared memory, "
			"%s has %d", smem, t->target->name,
			t->target->smem_block);
	regs = row_registers(r, &x);
	if (regs > REGS_MAX ||
	    target_occupancy(t->target, x.threads * x.rows, regs, smem) < 1)
		return arena_printf(a, "a row in %d threads takes about %d "
			"registers of each", x.threads, regs);
	return NULL;
}

static bool is_below(const struct ir_operator *o, const struct ir_tensor *input)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (o->tensors[i].over && !strcmp(o->tensors[i].over,
		    input->name))
			return true;
	return false;
}

/* Why not all threads that read the input at access "i" write there. */
static const char *read_by_others(const struct rows *r, struct arena *a,
	const struct row_point *x, int i)
{
	const struct access *y = &r->walk->acc.v[i];

	if (access_uniform(r->walk, y) && x->threads > 1)
		return arena_printf(a, "all %d threads of a row read it: "
			"reduce(%s, over = thread)", x->threads,
			r->reductions[0]);
	if (i < 64 && x->shared_cached >> i & 1)
		return arena_printf(a, "cache(%s, scope = register) keeps each "
			"element with the thread that writes there",
			y->tensor->name);
	return NULL;
}

const char *reduce_in_place(const struct task *t, struct arena *a,
	const int *values)
{
	const struct rows *r = t->state;
	struct row_point x = row_point(r, values);
	int64_t rows = r->walk->rows.total, tiles = row_tiles(r, &x);
	const char *why = NULL;

	for (int i = 0; i < r->walk->acc.n && !why; i++)
		if (r->walk->acc.v[i].read &&
		    is_below(t->op, r->walk->acc.v[i].tensor))
			why = read_by_others(r, a, &x, i);
	if (why || !r->row_name || (tiles * x.carried == rows &&
	    tiles % x.rows == 0))
		return why;
	return arena_printf(a, "%d rows of a block do not divide %lld, and the "
		"last block's are another's too: tile(block, %s = %lld)",
		x.rows * x.carried, (long long)rows, r->row_name,
		(long long)(rows & -rows));
}
