/* SPDX-License-Identifier: MIT */
/* What a point of sketch "reduce" costs: bytes, operations and latencies, from
 * which a model makes a time. */
#include "sketch/reduce.h"

#include <math.h>
#include <string.h>

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
	return (double)(number_ceil(row_tiles(r, x), x->rows) * x->rows *
		x->carried);
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

/* Elements of access "y" that so many rows want, each time it is read. */
static double wanted(const struct walk *w, const struct access *y, double rows)
{
	if (y->read)
		return row_once(w, y) ? rows : rows * (double)w->in.total;
	return w->in.n && y->direct && !y->at.in[w->in.n - 1] ?
		(double)w->rows.total : rows * (double)w->in.total;
}

static double size_of(const struct access *y)
{
	return dtype_row(y->tensor->type)->bits / 8;
}

/* Elements between neighbours along a row, where the access is direct. */
static double step_of(const struct walk *w, const struct access *y)
{
	return w->in.n ? fabs((double)y->at.in[w->in.n - 1]) : 0;
}

/* Does an access before "i" ask for the same sectors, as another coordinate of the
 * same points does? */
static bool asked_before(const struct walk *w, int i)
{
	const struct access *y = &w->acc.v[i];

	for (int k = 0; k < i; k++) {
		struct access x = w->acc.v[k];
		double apart = fabs((double)(x.at.c - y->at.c));

		x.at.c = y->at.c;
		if (x.read && x.direct && x.tensor == y->tensor &&
		    apart < step_of(w, y) && !memcmp(&x.at, &y->at,
			sizeof x.at))
			return true;
	}
	return false;
}

/* Bytes a warp asks for an element of what lies some elements apart: of points,
 * whose coordinates lie beside each other, what has not been asked for. */
static double scattered(const struct rows *r, const struct row_point *x, int i)
{
	const struct access *y = &r->walk->acc.v[i];
	double step = step_of(r->walk, y) * size_of(y);

	if (!r->carries || !y->read || x->threads == 1)
		return 32;
	return asked_before(r->walk, i) ? 0 : fmin(32, step);
}

/* Of "all" elements, those that threads load. */
static double loaded(const struct rows *r, const struct row_point *x, int i,
	double all)
{
	if (x->carried == 1 || i >= 64)
		return all;
	if (r->mine >> i & 1)
		return rows_done(r, x) * x->threads * x->parts;
	return r->ours >> i & 1 ? all / x->carried : all;
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
	double read = loaded(r, x, i, all);
	double n = y->read ? loads(r, x, i) : 1, moved;
	bool dense = access_vector(w, y) || access_uniform(w, y) ||
		(r->across && contiguous_rows(w, y));

	f->dram_bytes += size * n * fmin(all, (double)y->tensor->elements);
	f->l2_bytes += access_beyond(y, t, n * read * fmin(shared_sector(r, y),
		dense ? asked(r, x, y, size) : y->direct || !y->read ?
		scattered(r, x, i) :
		access_bytes(y, r->across ? y->apart_row : y->apart_in)));
	moved = access_uniform(w, y) ? 1 : access_chunk(y, x->vector);
	n *= read / ROW_WARP / (access_uniform(w, y) ? x->vector : moved);
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

/* What "e" costs for each element: what does not change along the row is
 * computed once for all. */
static struct cost_of cost_along(const struct walk *w, const struct piece *p,
	const struct ir_expr *e)
{
	struct cost_of c = expr_own_cost(e);

	if (!row_changes(w, p, e))
		return (struct cost_of){ 0, 0, 0 };
	if (e->kind == IR_READ || e->kind == IR_REDUCE)
		return expr_cost(e);
	for (int i = 0; i < e->n_args; i++)
		c = cost_add(c, cost_along(w, p, e->args[i]));
	return c;
}

/* Is each pass computed as for pairs? Not where passes are one, or what they keep is
 * not computed again. */
static bool by_pairs(const struct rows *r, const struct row_point *x)
{
	return r->carries && (r->passes == 1 || (!x->online && !x->kept));
}

static void add_cost(struct features *f, double n, struct cost_of c)
{
	f->flops += n * c.ops;
	f->special += n * c.special;
	f->issue += n / 32 * c.issue;
}

static void add_pieces(const struct rows *r, const struct row_point *x,
	double all, struct features *f)
{
	const struct walk *w = r->walk;

	for (int i = 0; i < w->pieces.n; i++) {
		const struct piece *p = &w->pieces.v[i];
		struct cost_of c = cost_along(w, p, p->value);

		if (p->per_row)
			add_cost(f, rows_done(r, x) * x->threads,
				expr_cost(p->value));
		if (p->per_row || by_pairs(r, x))
			continue;
		if (p->reduction)
			c = cost_add(c, (struct cost_of){ 1, 0, 1 });
		add_cost(f, all * evaluations(r, x, i), c);
	}
}

static void add_work(const struct rows *r, const struct row_point *x,
	struct features *f)
{
	double all = rows_done(r, x) * (double)r->walk->in.total;

	add_pieces(r, x, all, f);
	if (by_pairs(r, x)) {
		add_cost(f, all, r->pair);
		add_cost(f, all / x->carried, r->element);
	}
	f->issue += r->passes * all / 32 / x->vector * 4 / x->carried;
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
		.ilp = SOONER * (x.vector > 1 ? 2 : 1) * x.carried, .useful = 1,
		.launches = launches,
		.cluster = x.over == OVER_CLUSTER ? x.parts : 1,
		.blocks = parts * (double)number_ceil(row_tiles(r, &x),
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
