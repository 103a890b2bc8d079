/* SPDX-License-Identifier: MIT */
/* The point of sketch "reduce" that is taken without a search, and where a
 * search starts. */
#include "sketch/reduce.h"

#include <string.h>

enum { SPLIT_THREADS = 256 };

static void put_team(const struct rows *r, int *v, int threads, int rows)
{
	row_put(r, v, ROW_OVER, row_over(r, threads));
	row_put(r, v, ROW_THREADS, threads);
	row_put(r, v, ROW_ROWS, rows);
	row_put(r, v, ROW_CARRIED, 1);
}

static int power_up_to(int64_t x, int limit)
{
	int n = 1;

	while (n * 2 <= x && n < limit)
		n *= 2;
	return n;
}

static const struct gpu *gpu_of(const struct task *t)
{
	return t->gpu ? t->gpu : gpu_for_target(t->target);
}

/* A warp a row while that is at most 32 elements of each lane, else as many
 * threads as hold 16 each; more where the rows are too few to fill
 * the chip, unless blocks can share a row. */
static void start_along(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	int64_t vectors = number_ceil(r->walk->in.total, r->limit);
	int64_t fill = (int64_t)gpu_of(t)->sms * 512;
	int lane = 32 / r->limit, threads = power_up_to(vectors, ROW_WARP), rows;
	int most = r->splits ? SPLIT_THREADS : ROW_THREADS_MAX;

	if (vectors > (int64_t)ROW_WARP * (lane > 8 ? 8 : lane < 4 ? 4 : lane))
		threads = power_up_to(r->walk->in.total / 16, most);
	while (threads < most && threads * 2 <= vectors &&
	       r->walk->rows.total * threads < fill)
		threads *= 2;
	if (threads < ROW_WARP && !r->row_name)
		threads = ROW_WARP;
	rows = r->row_name ? power_up_to(128 / threads, 128) : 1;
	put_team(r, v, threads, rows);
}

static void start_across(const struct rows *r, int *v)
{
	int threads = power_up_to(r->walk->in.total / 8, 16);

	put_team(r, v, threads, threads < 4 ? 128 / threads : 32);
}

static void start_team(const struct task *t, int *v)
{
	const struct rows *r = t->state;

	if (r->across)
		start_across(r, v);
	else
		start_along(t, v);
}

static void put_parts(const struct rows *r, int *v, int parts,
	enum row_over over)
{
	struct row_point x = row_point(r, v);

	row_put(r, v, ROW_SPLIT, parts);
	row_put(r, v, ROW_OVER, parts > 1 ? over : row_over(r, x.threads));
}

/* Parts enough for eight blocks an SM, none below 4 steps. */
static void start_split(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	const struct gpu *g = gpu_of(t);
	struct row_point x = row_point(r, v);
	int64_t blocks = number_ceil(row_tiles(r, &x), x.rows), steps;
	int parts = power_up_to(blocks ? 8 * g->sms / blocks : 1, 1024);

	if (!r->splits && blocks * 4 > g->sms)
		return;
	if (x.threads > SPLIT_THREADS)
		put_team(r, v, SPLIT_THREADS, 1);
	x = row_point(r, v);
	steps = r->walk->in.total / ((int64_t)x.threads * x.vector *
		x.unroll * 4);
	while (parts > 1 && parts > steps)
		parts /= 2;
	put_parts(r, v, parts, OVER_GRID);
	while (parts > 1 && reduce_legal(t, NULL, v))
		put_parts(r, v, parts /= 2, OVER_GRID);
}

/* ---- rows on the chip ---- */

/* Does the point fit, with "least" threads resident? */
static bool fits(const struct task *t, const int *v, int least)
{
	const struct rows *r = t->state;
	struct row_point x = row_point(r, v);
	int all = x.threads * x.rows;

	return !reduce_legal(t, NULL, v) && target_occupancy(t->target, all,
		row_registers(r, &x), row_shared(r, &x)) * all >= least;
}

static void put_caches(const struct rows *r, int *v, int n, int scope)
{
	for (int i = 0; i < r->n_caches; i++)
		row_put(r, v, ROW_CACHE + i, i < n ? scope : SCOPE_NONE);
}

/* What is read again, as far as registers allow half the threads of an SM. */
static bool start_registers(const struct task *t, int *v)
{
	const struct rows *r = t->state;

	for (int n = r->n_caches; n > 0; n--) {
		put_caches(r, v, n, SCOPE_REGISTER);
		if (fits(t, v, 512))
			return true;
	}
	return false;
}

/* The tensors that are read again, in shared memory. */
static bool start_shared(const struct task *t, int *v)
{
	const struct rows *r = t->state;

	put_caches(r, v, 0, SCOPE_NONE);
	for (int i = 0; i < r->n_caches; i++)
		if (r->caches[i].cached)
			row_put(r, v, ROW_CACHE + i, SCOPE_SHARED);
	row_put(r, v, ROW_UNROLL, 4);
	if (r->n_caches && fits(t, v, 256))
		return true;
	row_put(r, v, ROW_UNROLL, 1);
	return false;
}

/* A row on the chip of one block, or else of a cluster's. */
static bool start_caches(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	int most = t->target->cc < 90 || r->across ||
		r->at[ROW_SPLIT] < 0 ? 1 : 8;

	for (int parts = 1; parts <= most; parts *= 2) {
		if (parts > 1)
			put_team(r, v, power_up_to(r->walk->in.total / parts /
				16, ROW_THREADS_MAX / 2), 1);
		put_parts(r, v, parts, OVER_CLUSTER);
		if (start_registers(t, v) || start_shared(t, v))
			return true;
	}
	put_caches(r, v, 0, SCOPE_NONE);
	return false;
}

/* ---- all ---- */

/* The longest vector of what differs from row to row: what all rows read, such
 * as a bias, is little. */
static int start_vector(const struct rows *r)
{
	const struct walk *w = r->walk;
	int best = 1;

	for (int i = 0; i < w->acc.n; i++) {
		const struct access *x = &w->acc.v[i];
		bool own = !x->direct || w->rows.total == 1;

		for (int k = 0; k < w->rows.n && !own; k++)
			own = x->at.row[k] != 0;
		if (own && x->width > best)
			best = x->width;
	}
	return best < r->limit ? best : r->limit;
}

void reduce_start(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	static const int unrolls[] = { 4, 2, 1 };

	memset(v, 0, (size_t)r->n_numbers * sizeof *v);
	row_put(r, v, ROW_VECTOR, start_vector(r));
	row_put(r, v, ROW_UNROLL, 1);
	row_put(r, v, ROW_SPLIT, 1);
	row_put(r, v, ROW_ONLINE, 0);
	start_team(t, v);
	if (start_caches(t, v))
		return;
	row_put(r, v, ROW_SPLIT, 1);
	start_team(t, v);
	row_put(r, v, ROW_ONLINE, r->online);
	for (int i = 0; i < 3; i++) {
		row_put(r, v, ROW_UNROLL, unrolls[i]);
		if (!reduce_legal(t, NULL, v))
			break;
	}
	for (int i = r->limit / 2; i > 0 && reduce_legal(t, NULL, v); i /= 2)
		row_put(r, v, ROW_VECTOR, i);
	if (r->at[ROW_SPLIT] >= 0)
		start_split(t, v);
}

/* ---- rows that a thread carries ---- */

/* So many for each thread of a warp, or of a block where few rows are left. */
static void start_carried(const struct task *t, int carried, bool warp, int *v)
{
	const struct rows *r = t->state;
	int64_t fill = (int64_t)gpu_of(t)->sms * 512;
	int threads = ROW_WARP;

	while (!warp && threads < SPLIT_THREADS && r->walk->rows.total / carried *
	       threads < fill && threads < r->walk->in.total)
		threads *= 2;
	put_team(r, v, threads, carried * (threads < 128 ? 128 / threads : 1));
	row_put(r, v, ROW_CARRIED, carried);
}

bool reduce_other_start(const struct task *t, int n, int *v)
{
	bool warp = n % 2;
	static const int carried[] = { 2, 4, 8, ROW_CARRIED_MAX };
	const struct rows *r = t->state;

	if (!r->carries || n >= 8)
		return false;
	n /= 2;
	memset(v, 0, (size_t)r->n_numbers * sizeof *v);
	row_put(r, v, ROW_VECTOR, 1);
	row_put(r, v, ROW_UNROLL, 64 / carried[n] < 4 ? 64 / carried[n] : 4);
	row_put(r, v, ROW_SPLIT, 1);
	row_put(r, v, ROW_ONLINE, 0);
	start_carried(t, carried[n], warp, v);
	if (r->at[ROW_SPLIT] >= 0)
		start_split(t, v);
	return true;
}
