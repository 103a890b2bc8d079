/* SPDX-License-Identifier: MIT */
/* What a point of sketch "reduce" costs: bytes, operations and latencies, from
 * which a model makes a time. */
#include "sketch/reduce.h"

#include <math.h>

/* A barrier of a cluster and a read of another block's shared memory: about
 * 180 and 200 cycles (Luo et al., arXiv:2402.13499, on distributed shared
 * memory; the barrier is taken to be as long). */
enum { CLUSTER_CYCLES = 400 };
/* Instructions of a warp whatever it has of a row: finding it, and joining what
 * a pass reduced, five shuffles with what they feed, twice in a block. Counted
 * in emitted text. */
enum { WARP_ISSUE = 20, JOIN_ISSUE = 20 };

/* Bytes that the first-level cache or shared memory, which are one, move in a cycle. */
enum { WAVEFRONT = 128 };
/* Threads wait for what they computed themselves, 4 cycles (Jia et al.,
 * arXiv:1804.06826, on arithmetic), not for shared memory, 30, as the model's "ilp"
 * has it: as if so many times as much of it were independent. */
enum { SOONER = 30 / 4 };

/* With those that a block computes again past the last. */
static double rows_done(const struct rows *r, const struct row_point *x)
{
	return (double)(number_ceil(r->walk->rows.total, x->rows) * x->rows);
}

/* Passes that load access "i" from memory. */
static int loads(const struct rows *r, const struct row_point *x, int i)
{
	const struct walk *w = r->walk;
	int n = 0;

	if (i >= 64 || x->cached >> i & 1)
		return 1;
	for (int pass = 1 + x->online; pass <= r->passes; pass++) {
		uint64_t reads = 0;

		for (int k = 0; k < w->pieces.n; k++)
			if (!w->pieces.v[k].per_row && (r->pass[k] == pass ||
			    (x->online && pass == 2 && r->pass[k] == 1)))
				reads |= walk_reads(w, k, x->kept);
		n += reads >> i & 1;
	}
	return n ? n : 1;
}

static bool contiguous_rows(const struct walk *w, const struct access *x)
{
	return x->direct && w->rows.n && x->at.row[w->rows.n - 1] == 1;
}

/* Neighbours for which what does not move along a row is asked once. */
static double alike(const struct walk *w)
{
	double n = w->in.n ? (double)w->in.extent[w->in.n - 1] : 1;

	return n < 32 ? n : 32;
}

/* Bytes a warp asks for an element of "size" bytes: a sector serves as many of
 * the same team's as one instruction moves, and at most a row. */
static double asked(const struct rows *r, const struct row_point *x,
	const struct access *y, double size)
{
	double chunk = access_chunk(y, x->vector);
	double together = x->vector > chunk ? chunk : x->threads * chunk;
	double often = 32 / (together * size);
	double row = (double)r->walk->in.total / together;

	if (access_uniform(r->walk, y))
		return size / alike(r->walk);
	often = often < row ? often : row;
	return r->across || often < 1 ? size : size * often;
}

/* Bytes of a sector for each thread, where threads go along rows and neighbours
 * read the same of it. */
static double shared_sector(const struct rows *r, const struct access *y)
{
	const struct walk *w = r->walk;
	double n = 1;

	for (int k = w->rows.n - 1; r->across && y->direct && k >= 0 &&
	     !y->at.row[k]; k--)
		n *= (double)w->rows.extent[k];
	return 32 / (n < 32 ? n : 32);
}

/* Do only values of the whole row read or write access "y"? */
static bool once_a_row(const struct walk *w, const struct access *y)
{
	bool once = y->pieces != 0;

	for (int i = 0; i < w->pieces.n; i++)
		once &= !(y->pieces >> i & 1) || w->pieces.v[i].per_row;
	return once;
}

/* Elements of access "y" that so many rows want, each time it is read. */
static double wanted(const struct walk *w, const struct access *y, double rows)
{
	if (y->read)
		return once_a_row(w, y) ? rows : rows * (double)w->in.total;
	return w->in.n && y->direct && !y->at.in[w->in.n - 1] ?
		(double)w->rows.total : rows * (double)w->in.total;
}

static double size_of(const struct access *y)
{
	return dtype_row(y->tensor->type)->bits / 8;
}

/* What is read again is taken to come from memory again: that it stays in L2
 * until then is luck. */
static void add_access(const struct task *t, const struct row_point *x,
	int i, struct features *f)
{
	const struct rows *r = t->state;
	const struct walk *w = r->walk;
	const struct access *y = &w->acc.v[i];
	double all = wanted(w, y, rows_done(r, x)), size = size_of(y);
	double n = y->read ? loads(r, x, i) : 1, moved;
	bool dense = access_vector(w, y) || access_uniform(w, y) ||
		(r->across && contiguous_rows(w, y));

	f->dram_bytes += size * n * fmin(all, (double)y->tensor->elements);
	f->l2_bytes += access_beyond(y, t, n * all * fmin(shared_sector(r, y),
		dense ? asked(r, x, y, size) : y->direct || !y->read ? 32 :
		access_bytes(y, r->across ? y->apart_row : y->apart_in)));
	moved = access_uniform(w, y) ? 1 : access_chunk(y, x->vector);
	n *= all / ROW_WARP / (access_uniform(w, y) ? x->vector : moved);
	f->issue += n;
	f->smem_cycles += n * (access_uniform(w, y) ? 1 :
		fmax(1, ROW_WARP * moved * size / WAVEFRONT));
}

/* Passes that compute piece "i": its own, and those that use it again where it
 * is not kept. */
static int evaluations(const struct rows *r, const struct row_point *x, int i)
{
	const struct walk *w = r->walk;
	uint64_t passes = 1ull << (r->pass[i] & 63);

	for (int k = i + 1; k < w->pieces.n && !(x->kept >> i & 1); k++)
		if (w->pieces.v[k].uses >> i & 1 && !w->pieces.v[i].reduction)
			passes |= 1ull << (r->pass[k] & 63);
	return __builtin_popcountll(passes);
}

/* Does "e" of piece "p" change along a row? */
static bool varies(const struct walk *w, const struct piece *p,
	const struct ir_expr *e)
{
	int writer = e->kind == IR_READ ? walk_writer(w, e->tensor) : -1;

	if (writer >= 0)
		return !w->pieces.v[writer].per_row &&
			!w->pieces.v[writer].reduction;
	for (int i = 0; e->kind == IR_AXIS && i < w->in.n; i++)
		if (p->in_axis[i] == e->axis)
			return true;
	for (int i = 0; i < e->n_args; i++)
		if (varies(w, p, e->args[i]))
			return true;
	return e->kind == IR_REDUCE;
}

/* What "e" costs for each element: what does not change along the row is
 * computed once for all. */
static struct cost_of cost_along(const struct walk *w, const struct piece *p,
	const struct ir_expr *e)
{
	struct cost_of c = expr_own_cost(e);

	if (!varies(w, p, e))
		return (struct cost_of){ 0, 0, 0 };
	if (e->kind == IR_READ || e->kind == IR_REDUCE)
		return expr_cost(e);
	for (int i = 0; i < e->n_args; i++)
		c = cost_add(c, cost_along(w, p, e->args[i]));
	return c;
}

static void add_work(const struct rows *r, const struct row_point *x,
	struct features *f)
{
	const struct walk *w = r->walk;
	double all = rows_done(r, x) * (double)w->in.total;

	for (int i = 0; i < w->pieces.n; i++) {
		const struct piece *p = &w->pieces.v[i];
		struct cost_of c = p->per_row ? expr_cost(p->value) :
			cost_along(w, p, p->value);
		double n = p->per_row ? rows_done(r, x) * x->threads :
			all * evaluations(r, x, i);

		if (p->reduction)
			c = cost_add(c, (struct cost_of){ 1, 0, 1 });
		f->flops += n * c.ops;
		f->special += n * c.special;
		f->issue += n / 32 * c.issue;
	}
	f->issue += r->passes * all / 32 / x->vector * 4;
	f->issue += rows_done(r, x) * x->parts * x->threads / ROW_WARP *
		(WARP_ISSUE + JOIN_ISSUE * r->passes);
}

/* Cycles to join a team: a shuffle or a trip through shared memory is about
 * 30, a barrier as much again. */
static double join_cycles(const struct rows *r, const struct row_point *x)
{
	double steps = 0;

	if (x->threads == 1)
		return 0;
	if (r->across)
		return 60 + 30.0 * x->threads / 4;
	for (int n = x->threads; n > 1; n /= 2)
		steps++;
	return steps * 30 + (x->threads > ROW_WARP ? 90 : 0);
}

/* Does the last pass reduce? */
static bool ends_reducing(const struct rows *r)
{
	for (int i = 0; i < r->walk->pieces.n; i++)
		if (r->walk->pieces.v[i].reduction && r->pass[i] == r->passes)
			return true;
	return false;
}

/* Words that go to shared memory for a row there, and back for each pass. */
static double shared_words(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	double bytes = 0, all = rows_done(r, x) * (double)w->in.total;

	for (int i = 0; i < w->acc.n && i < 64; i++)
		if (x->shared_cached >> i & 1)
			bytes += dtype_row(w->acc.v[i].tensor->type)->bits / 8;
	for (int i = 0; i < w->pieces.n; i++)
		if (x->shared_kept >> i & 1)
			bytes += 4;
	return bytes * all * (1 + r->passes) / 4;
}

/* Wavefronts of a block's joins. */
static double joins_cycles(const struct rows *r, struct row_point x)
{
	x.shared_cached = x.shared_kept = 0;
	return row_shared(r, &x) / 128.0;
}

/* Threads of a block that have something of a row, in warps: others hide
 * nothing. */
static int busy_threads(const struct rows *r, const struct row_point *x)
{
	int64_t length = x->parts > 1 ? row_part(r, x) : r->walk->in.total;
	int64_t busy = number_ceil(length, x->vector);

	busy = (busy < x->threads ? busy : x->threads) * x->rows;
	return (int)number_ceil(busy, ROW_WARP) * ROW_WARP;
}

/* Bytes of the widest element that is read along rows. */
static double widest(const struct rows *r)
{
	const struct walk *w = r->walk;
	double n = 0;

	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].read && !access_uniform(w, &w->acc.v[i]))
			n = fmax(n, dtype_row(w->acc.v[i].tensor->type)->bits / 8);
	return n;
}

void reduce_features(const struct task *t, const int *values,
	struct features *f)
{
	const struct rows *r = t->state;
	struct row_point x = row_point(r, values);
	double parts = (double)row_parts(r, &x);
	double steps = (double)number_ceil(row_slots(r, &x), x.unroll);
	int launches = x.over != OVER_GRID ? 1 : r->passes - x.online +
		(r->splits || ends_reducing(r));

	/* Of a vector's operations only those that reduce wait for others. */
	*f = (struct features){ .threads = busy_threads(r, &x),
		.regs = row_registers(r, &x), .smem = row_shared(r, &x),
		.ilp = SOONER * (x.vector > 1 ? 2 : 1), .useful = 1,
		.launches = launches,
		.cluster = x.over == OVER_CLUSTER ? x.parts : 1,
		.blocks = parts * (double)number_ceil(r->walk->rows.total,
			x.rows) };
	for (int i = 0; i < r->walk->acc.n; i++)
		add_access(t, &x, i, f);
	add_work(r, &x, f);
	f->occupancy = target_occupancy(t->target, x.threads * x.rows, f->regs,
		f->smem);
	f->stages = x.cached ? (double)row_slots(r, &x) : x.unroll;
	f->flight = f->threads * f->stages * x.vector * widest(r);
	f->smem_cycles += joins_cycles(r, x) * f->blocks +
		shared_words(r, &x) / 32;
	f->chain = 600 * (x.cached ? 1 : steps * (r->passes - x.online));
	f->chain += r->passes * (join_cycles(r, &x) +
		(x.over == OVER_CLUSTER ? CLUSTER_CYCLES : 0));
	f->smem = 0;	/* none of it stages operands */
}

void reduce_least(const struct task *t, struct features *out)
{
	const struct walk *w = ((const struct rows *)t->state)->walk;

	*out = (struct features){ .launches = 1 };
	for (int i = 0; i < w->acc.n; i++) {
		const struct access *y = &w->acc.v[i];

		out->dram_bytes += size_of(y) * fmin(wanted(w, y,
			(double)w->rows.total), (double)y->tensor->elements);
	}
}
