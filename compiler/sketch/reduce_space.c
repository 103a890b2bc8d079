/* SPDX-License-Identifier: MIT */
/* The numbers of sketch "reduce": which threads share a row, how many rows a
 * block has, in what vectors it reads, what stays on the chip between passes,
 * and among how many blocks a row is split. */
#include "sketch/reduce.h"
#include "sketch/asked.h"

#include <string.h>

enum { ROWS_ALWAYS = 128 };

static int number(const struct rows *r, const int *v, enum row_number n,
	int otherwise)
{
	return r->at[n] < 0 ? otherwise : v[r->at[n]];
}

struct row_point row_point(const struct rows *r, const int *v)
{
	struct row_point x = {
		.over = number(r, v, ROW_OVER, OVER_THREAD),
		.threads = number(r, v, ROW_THREADS, 1),
		.rows = number(r, v, ROW_ROWS, 1),
		.vector = number(r, v, ROW_VECTOR, 1),
		.unroll = number(r, v, ROW_UNROLL, 1),
		.parts = number(r, v, ROW_SPLIT, 1),
		.online = number(r, v, ROW_ONLINE, 0) != 0,
	};

	x.carried = number(r, v, ROW_CARRIED, 1);
	if (x.carried > 1) {
		x.spare = x.rows % x.carried;
		x.rows /= x.carried;
	}
	for (int i = 0; i < r->n_caches; i++) {
		int scope = number(r, v, ROW_CACHE + i, SCOPE_NONE);

		if (scope == SCOPE_NONE)
			continue;
		x.held = true;
		x.fixed |= scope == SCOPE_REGISTER;
		x.cached |= r->caches[i].cached;
		x.kept |= r->caches[i].kept;
		if (scope != SCOPE_SHARED)
			continue;
		x.shared_cached |= r->caches[i].cached;
		x.shared_kept |= r->caches[i].kept;
	}
	return x;
}

static int64_t whole(const struct rows *r, const struct row_point *x)
{
	return r->walk->in.total / x->vector * x->vector;
}

int64_t row_slots(const struct rows *r, const struct row_point *x)
{
	return number_ceil(x->parts > 1 ? row_part(r, x) : whole(r, x),
		(int64_t)x->threads * x->vector);
}

int64_t row_tiles(const struct rows *r, const struct row_point *x)
{
	const struct nest *n = &r->walk->rows;
	int64_t run = n->n_runs ? n->run[n->n_runs - 1] : 1;

	return run ? n->total / run * number_ceil(run, x->carried) : 0;
}

int64_t row_part(const struct rows *r, const struct row_point *x)
{
	int64_t step = (int64_t)x->threads * x->vector * x->unroll;
	int64_t steps = number_ceil(number_ceil(whole(r, x), x->parts), step);

	return (steps ? steps : 1) * step;
}

int64_t row_parts(const struct rows *r, const struct row_point *x)
{
	int64_t n = number_ceil(whole(r, x), row_part(r, x));

	return n ? n : 1;
}

/* ---- tunables ---- */

struct listing {
	struct rows *r;
	struct tunable *x;
	int n;
};

static void list(struct listing *l, enum row_number n, struct tunable x)
{
	l->r->at[n] = l->n;
	l->x[l->n++] = x;
}

static int up_to(const int *values, int n, int64_t limit)
{
	int k = 1;

	while (k < n && values[k] <= limit)
		k++;
	return k;
}

/* Values of a row are computed at the row and nowhere else; of those that pieces of
 * one tensor are, the first says so. */
static void list_places(const struct task *t, struct listing *l)
{
	static const int here[] = { 0 };
	const char **row = ARENA_ARRAY(t->a, 2, const char *);
	const struct walk *w = l->r->walk;

	row[0] = l->r->row_name;
	for (int i = 0; i < w->pieces.n; i++) {
		const char **subject = ARENA_ARRAY(t->a, 2, const char *);

		subject[0] = t->op->tensors[
			w->pieces.v[i].stmt->tensor].name;
		if (row_source_name(t->a, subject[0]) ||
		    walk_writer(w, w->pieces.v[i].stmt->tensor) != i)
			continue;
		if (w->pieces.v[i].per_row || w->pieces.v[i].reduction)
			l->x[l->n++] = (struct tunable){ arena_printf(t->a,
				"compute_at.%s", subject[0]), "compute_at",
				NULL, subject, here, 1, row, false };
	}
}

static void list_team(const struct task *t, struct listing *l)
{
	static const char *const over[] = { "thread", "warp", "block",
		"cluster", "grid", NULL };
	static const int overs[] = { OVER_THREAD, OVER_WARP, OVER_BLOCK,
		OVER_CLUSTER, OVER_GRID };
	static const int threads[] = {
		1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024
	};
	static const int rows[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 };
	static const int carried[] = { 1, 2, 4, 8, ROW_CARRIED_MAX };
	static const char *const block[] = { "block", NULL };
	static const char *const thread[] = { "thread", NULL };
	struct rows *r = l->r;

	list(l, ROW_OVER, (struct tunable){ "reduce.over", "reduce", "over",
		r->reductions, overs, 5, over, false });
	list(l, ROW_THREADS, (struct tunable){ "reduce.threads", "reduce",
		"threads", r->reductions, threads, 11, NULL, false });
	if (r->row_name)
		list(l, ROW_ROWS, (struct tunable){ arena_printf(t->a,
			"tile.block.%s", r->row_name), "tile", r->row_name,
			block, rows, up_to(rows, 10, r->walk->rows.total >
				ROWS_ALWAYS ? r->walk->rows.total :
				ROWS_ALWAYS), NULL, false });
	if (r->carries)
		list(l, ROW_CARRIED, (struct tunable){ arena_printf(t->a,
			"tile.thread.%s", r->row_name), "tile", r->row_name,
			thread, carried, 5, NULL, false });
	if (r->row_name)
		list_places(t, l);
}

static void list_caches(const struct task *t, struct listing *l)
{
	static const char *const scope[] = { "none", "register", "shared",
		NULL };
	static const int scopes[] = { SCOPE_NONE, SCOPE_REGISTER,
		SCOPE_SHARED };

	for (int i = 0; i < l->r->n_caches; i++) {
		const char *name = l->r->caches[i].name;
		const char **subject = ARENA_ARRAY(t->a, 2, const char *);

		subject[0] = name;
		list(l, ROW_CACHE + i, (struct tunable){ arena_printf(t->a,
			"cache.%s", name), "cache", "scope", subject, scopes,
			3, scope, false });
	}
}

static void list_moves(struct listing *l)
{
	static const int vectors[] = { 1, 2, 4, 8, 16 };
	static const int unroll[] = { 1, 2, 4, 8 };
	struct rows *r = l->r;

	if (r->limit > 1)
		list(l, ROW_VECTOR, (struct tunable){ "vectorize",
			"vectorize", NULL, r->vectors, vectors,
			up_to(vectors, 5, r->limit), NULL, false });
	list(l, ROW_UNROLL, (struct tunable){ "unroll", "unroll", NULL, NULL,
		unroll, 4, NULL, false });
}

static void list_order(struct listing *l)
{
	static const char *const combine[] = { "passes", "online", NULL };
	static const int combines[] = { 0, 1 };
	static const int parts[] = {
		1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024
	};
	struct rows *r = l->r;

	if (r->walk->in.total >= 128)
		list(l, ROW_SPLIT, (struct tunable){ "split_k", "split_k",
			NULL, r->reductions, parts,
			up_to(parts, 11, r->walk->in.total / 64), NULL,
			false });
	if (r->online)
		list(l, ROW_ONLINE, (struct tunable){ "rfactor.combine",
			"rfactor", "combine", r->reductions, combines, 2,
			combine, false });
}

/* What follows from the others, unless it is asked for. */
static void list_asked(const struct task *t, struct listing *l)
{
	struct rows *r = l->r;
	const char **axes = ARENA_ARRAY(t->a, 3, const char *);
	int n = 0;

	list(l, ROW_BIND, asked_tunable(t->a, "bind", NULL, "threads"));
	if (r->in_name) {
		list(l, ROW_CHUNK, asked_tunable(t->a, "tile", "block",
			r->in_name));
		list(l, ROW_CLUSTER, asked_tunable(t->a, "cluster", NULL,
			r->in_name));
		axes[n++] = r->in_name;
	}
	if (r->row_name)
		axes[n++] = r->row_name;
	if (n)
		list(l, ROW_TAIL, asked_tail(t->a, axes));
}

const struct tunable *reduce_tunables(const struct task *t, int *n)
{
	struct rows *r = t->state;
	struct listing l = { r, ARENA_ARRAY(t->a, N_ROW_NUMBERS +
		(size_t)r->walk->pieces.n, struct tunable), 0 };

	for (int i = 0; i < N_ROW_NUMBERS; i++)
		r->at[i] = -1;
	list_team(t, &l);
	list_moves(&l);
	list_caches(t, &l);
	list_order(&l);
	list_asked(t, &l);
	r->tunables = l.x;
	r->n_numbers = *n = l.n;
	return l.x;
}

void row_put(const struct rows *r, int *v, enum row_number n, int value)
{
	if (r->at[n] >= 0)
		v[r->at[n]] = value;
}
