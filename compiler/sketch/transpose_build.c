/* SPDX-License-Identifier: MIT */
/* The kernel of a transposing map. A block copies the box's part of every
 * staged tensor into shared memory, in the tensor's own order, and then goes
 * through the box in the order of the results. Boxes at the ragged end leave
 * out what lies outside, whole vectors at a time. */
#include "sketch/transpose.h"

#include <assert.h>

#include "kernel/intrin.h"

struct making {
	const struct task *t;
	const struct transpose *s;
	const struct transpose_plan *p;
	const int *v;
	struct arena *a;
	struct kernel *k;
	struct k_buffer **buffers, *tile[STAGED_MAX];
	struct kx *origin[NEST_AXES];	/* of the block's box, by run */
	struct kx *coord[NEST_AXES];	/* of an element in it */
	struct kx *flat;		/* first element of a vector */
	int order[NEST_AXES];		/* runs, those that blocks step
					 * through first last */
};

static struct kx *num(const struct making *m, int64_t v)
{
	return kx_int(m->a, v);
}

static const char *run_name(const struct making *m, int r)
{
	const struct nest *in = &m->s->walk->in;

	return in->name[in->first[r + 1] - 1];
}

static bool ragged(const struct making *m, int r)
{
	return m->s->walk->in.run[r] % m->p->t[r] != 0;
}

/* Blocks step along the results, or along the first staged tensor. */
static void find_order(struct making *m)
{
	int n = m->s->walk->in.n_runs, k = 0;

	for (int r = 0; r < n; r++)
		if (!m->v[TR_ORDER] || r != m->s->in)
			m->order[k++] = r;
	if (m->v[TR_ORDER])
		m->order[k] = m->s->in;
}

static void find_origins(struct making *m, struct k_block *b)
{
	struct kx *at = kx_special(m->a, K_BLOCK_X);
	int n = m->s->walk->in.n_runs, outermost = 0;

	while (outermost < n - 1 && m->p->tiles[m->order[outermost]] == 1)
		outermost++;
	if (m->s->walk->in.total > INT32_MAX / 2)
		at = kx_cast(m->a, T_I64, at);
	for (int k = n - 1; k >= 0; k--) {
		int r = m->order[k];
		struct kx *tile = at, *tiles = kx_cast(m->a, at->type,
			num(m, m->p->tiles[r]));

		m->origin[r] = num(m, 0);
		if (m->p->tiles[r] == 1)
			continue;
		if (k > outermost) {
			tile = kx_mod(m->a, at, tiles);
			at = ks_let(m->a, b, "tile", kx_div(m->a, at, tiles));
		}
		m->origin[r] = ks_let(m->a, b, arena_printf(m->a, "%s_first",
			run_name(m, r)), kx_mul(m->a, tile, kx_cast(m->a,
			tile->type, num(m, m->p->t[r]))));
	}
}

static struct k_block *rounds_loop(struct making *m, struct k_block *b,
	int64_t rounds, struct kx **i)
{
	int unroll = m->v[TR_UNROLL];
	struct k_block *inside = ks_for(m->a, b, unroll == 1 ? LOOP_SERIAL :
		LOOP_UNROLLED, "i", num(m, 0), num(m, rounds), NULL, i);

	if (unroll < rounds)
		b->s.v[b->s.n - 1].factor = unroll;
	return inside;
}

/* "n" values, dealt to the threads; the block of one and its number. */
static struct k_block *deal(struct making *m, struct k_block *b, int64_t n,
	const char *name, struct kx **at)
{
	int threads = m->v[TR_THREADS];
	int64_t rounds = (n + threads - 1) / threads;
	struct kx *i = num(m, 0);

	if (rounds > 1)
		b = rounds_loop(m, b, rounds, &i);
	*at = ks_let(m->a, b, name, kx_add(m->a, kx_special(m->a,
		K_THREAD_X), kx_mul(m->a, i, num(m, threads))));
	if (n % threads == 0)
		return b;
	return ks_if(m->a, b, kx_lt(m->a, *at, num(m, n)));
}

/* Coordinates of number "at" among those of runs order[0] to order[n - 1]. */
static void decode(struct making *m, struct k_block *b, const int *order,
	int n, struct kx *at, struct kx **coord)
{
	int outermost = 0;

	while (outermost < n && m->p->t[order[outermost]] == 1)
		outermost++;
	for (int k = n - 1; k >= 0; k--) {
		int r = order[k];
		struct kx *t = num(m, m->p->t[r]);

		coord[r] = num(m, 0);
		if (m->p->t[r] == 1)
			continue;
		if (k == outermost) {
			coord[r] = ks_let(m->a, b, run_name(m, r), at);
			continue;
		}
		coord[r] = ks_let(m->a, b, run_name(m, r), kx_mod(m->a, at,
			t));
		at = kx_div(m->a, at, t);
	}
}

/* Where the chunk of an element lies in the swizzled tile. */
static struct kx *swizzled(struct making *m, int k, struct kx *at)
{
	const struct access *x = &m->s->walk->acc.v[m->s->staged[k]];
	int chunk = CHUNK_BYTES * 8 / dtype_row(x->tensor->type)->bits;
	struct kx *bits;

	if (!m->p->shift[k])
		return at;
	bits = kx_mod(m->a, kx_div(m->a, at, num(m, (int64_t)chunk <<
		m->p->shift[k])), num(m, 8));
	return kx_call(m->a, INTRIN_BIT_XOR, T_I32, 2, at, kx_mul(m->a, bits,
		num(m, chunk)));
}

static struct kx *inside(struct making *m, struct kx *cond, int r,
	struct kx *coord)
{
	struct kx *end = num(m, m->s->walk->in.run[r]);
	struct kx *at = kx_add(m->a, m->origin[r], coord);

	if (!ragged(m, r))
		return cond;
	return kx_and(m->a, cond, kx_lt(m->a, at, kx_cast(m->a, at->type,
		end)));
}

/* ---- in ---- */

static struct kx *wide_as(struct making *m, const struct access *x,
	struct kx *v)
{
	return kx_cast(m->a, m->buffers[x->tensor->id]->wide ? T_I64 : T_I32,
		v);
}

static struct kx *base_of(struct making *m, struct k_block *b,
	const struct access *x)
{
	struct kx *sum = wide_as(m, x, num(m, x->at.c));

	for (int r = 0; r < m->s->walk->in.n_runs; r++)
		sum = kx_add(m->a, sum, kx_mul(m->a, wide_as(m, x,
			m->origin[r]), num(m, run_coef(m->s->walk, x, r))));
	return ks_let(m->a, b, arena_printf(m->a, "%s_first",
		x->tensor->name), sum);
}

static void copy_vector(struct making *m, struct k_block *b, int k,
	struct kx *base, struct kx *at)
{
	const struct access *x = &m->s->walk->acc.v[m->s->staged[k]];
	const struct tile_order *o = &m->p->read[k];
	int vec = m->v[TR_READ];
	struct kx *off = kx_mul(m->a, at, num(m, vec)), *from = base;
	struct kx *to = ks_let(m->a, b, "to", off), *cond = NULL;
	struct kx *coord[NEST_AXES];

	off = o->segment == 0 ? to : ks_let(m->a, b, "off", kx_mod(m->a, to,
		num(m, o->length)));
	decode(m, b, o->run, o->segment, kx_div(m->a, to,
		num(m, o->length)), coord);
	for (int i = 0; i < o->segment; i++) {
		int r = o->run[i];

		from = kx_add(m->a, from, kx_mul(m->a, wide_as(m, x,
			coord[r]), num(m, run_coef(m->s->walk, x, r))));
		cond = inside(m, cond, r, coord[r]);
	}
	if (o->segment < o->n) {
		int r = o->run[o->segment];

		cond = inside(m, cond, r, kx_div(m->a, off, num(m,
			run_coef(m->s->walk, x, r))));
	}
	b = ks_if(m->a, b, cond);
	ks_copy(m->a, b, m->v[TR_ASYNC] ? COPY_ASYNC : COPY_PLAIN,
		k_place(m->tile[k], swizzled(m, k, to)),
		k_place(m->buffers[x->tensor->id], kx_add(m->a, from,
			wide_as(m, x, off))),
		vec * dtype_row(x->tensor->type)->bits / 8, NULL, 0);
}

static void stage_in(struct making *m, struct k_block *b)
{
	for (int k = 0; k < m->s->n_staged; k++) {
		const struct access *x = &m->s->walk->acc.v[m->s->staged[k]];
		int64_t n = m->p->read[k].count, pad = 128 * 8 /
			dtype_row(x->tensor->type)->bits;
		int64_t dims[1] = { (n + pad - 1) / pad * pad };
		struct kx *base = base_of(m, b, x), *at;
		struct k_block *body;

		m->tile[k] = kernel_array(m->k, K_SHARED, arena_printf(m->a,
			"%s_tile", x->tensor->name), x->tensor->type, 1, dims,
			128);
		m->tile[k]->comment = m->p->shift[k] ? "in the order of the "
			"tensor, chunks of 16 bytes permuted" :
			"in the order of the tensor";
		body = deal(m, b, n / m->v[TR_READ], "vector", &at);
		copy_vector(m, body, k, base, at);
	}
	if (m->v[TR_ASYNC]) {
		ks_commit(m->a, b);
		ks_wait(m->a, b, 0);
	}
	ks_barrier(m->a, b, BARRIER_BLOCK);
}

/* ---- out ---- */

static void set_point(struct making *m, struct point *p)
{
	for (int r = 0; r < m->s->walk->in.n_runs; r++)
		p->in[r] = kx_add(m->a, m->origin[r], m->coord[r]);
}

static const int *all_runs(void)
{
	static const int order[NEST_AXES] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	};

	return order;
}

/* Staged values at an element of the vector. */
static void place_element(void *ctx, struct stream *st, struct k_block *b,
	struct point *p)
{
	struct making *m = ctx;
	const struct walk *w = m->s->walk;
	struct kx *e = p->element ? p->element : num(m, 0);

	if (m->p->apart) {
		decode(m, b, all_runs(), w->in.n_runs, kx_add(m->a, m->flat,
			e), m->coord);
		set_point(m, p);
		p->apart = true;
		e = num(m, 0);
	}
	for (int k = 0; k < m->s->n_staged; k++) {
		const struct access *x = &w->acc.v[m->s->staged[k]];
		struct kx *at = kx_mul(m->a, e, num(m,
			m->p->read[k].stride[m->s->out]));

		for (int r = 0; r < w->in.n_runs; r++)
			at = kx_add(m->a, at, kx_mul(m->a, m->coord[r],
				num(m, m->p->read[k].stride[r])));
		if (m->p->shift[k])
			at = ks_let(m->a, b, "at", at);
		st->held[m->s->staged[k]].value = ks_let(m->a, b,
			x->tensor->name, kx_load(m->a, m->tile[k],
				swizzled(m, k, at)));
	}
}

static uint64_t staged_mask(const struct transpose *s)
{
	uint64_t mask = 0;

	for (int k = 0; k < s->n_staged; k++)
		mask |= 1ull << s->staged[k];
	return mask;
}

static uint64_t written_mask(const struct walk *w)
{
	uint64_t mask = 0;

	for (int i = 0; i < w->pieces.n; i++)
		if (w->pieces.v[i].out >= 0)
			mask |= 1ull << w->pieces.v[i].out;
	return mask;
}

static void write_out(struct making *m, struct k_block *b, struct stream *s)
{
	const struct walk *w = m->s->walk;
	uint64_t others = m->p->apart ? 0 : ~staged_mask(m->s);
	struct kx *at, *cond = NULL;
	struct point p = { .apart = false };

	b = deal(m, b, m->p->box / m->v[TR_WRITE], "vector", &at);
	m->flat = ks_let(m->a, b, "first", kx_mul(m->a, at,
		num(m, m->v[TR_WRITE])));
	decode(m, b, all_runs(), w->in.n_runs, m->flat, m->coord);
	set_point(m, &p);
	for (int r = 0; r < w->in.n_runs; r++)
		cond = inside(m, cond, r, m->coord[r]);
	b = ks_if(m->a, b, cond);
	stream_hold(s, others, 1, false);
	stream_load(s, b, others, &p);
	stream_compute(s, b, &p, place_element, m);
}

/* Results by boxes: a run that is cut is a row or a column, whole ones count
 * to the columns, runs taken one value at a time are copies. Boxes cut along
 * three runs are not described. */
static struct p_tiling tiling_of(struct making *m)
{
	struct p_tiling t = { .rows = 1, .cols = 1, .batch = 1,
		.tile_rows = 1, .tile_cols = 1, .row = num(m, 0),
		.col = num(m, 0), .batch_index = num(m, 0) };
	struct kx *at = kx_special(m->a, K_BLOCK_X);
	int64_t whole = 1;
	int cut = 0;

	for (int r = 0; r < m->s->walk->in.n_runs; r++)
		whole *= m->p->tiles[r] == 1 ? m->p->t[r] : 1;
	for (int k = m->s->walk->in.n_runs - 1; k >= 0; k--) {
		int r = m->order[k];
		int64_t extent = m->s->walk->in.run[r], tile = m->p->t[r];
		int64_t unit = cut == 0 ? whole : 1;
		struct kx *i = kx_mod(m->a, at, num(m, m->p->tiles[r])), *first;

		at = kx_div(m->a, at, num(m, m->p->tiles[r]));
		if (m->p->tiles[r] == 1)
			continue;
		first = kx_mul(m->a, kx_cast(m->a, T_I64, i),
			num(m, tile * unit));
		if (tile == 1) {
			t.batch_index = kx_add(m->a, t.batch_index,
				kx_mul(m->a, i, num(m, t.batch)));
			t.batch *= extent;
		} else if (cut++ == 0) {
			t.cols = extent * unit;
			t.tile_cols = tile * unit;
			t.col = first;
		} else if (cut > 2) {
			return (struct p_tiling){ .row = NULL };
		} else {
			t.rows = extent;
			t.tile_rows = tile;
			t.row = first;
		}
	}
	if (cut == 0)
		t.cols = t.tile_cols = whole;
	return t;
}

void transpose_build(const struct task *t, struct arena *a, const int *v,
	struct program *p)
{
	const struct transpose *s = t->state;
	size_t n = (size_t)t->op->n_tensors;
	struct transpose_plan plan;
	const char *why = transpose_plan(t, a, v, &plan);
	struct p_step step = { .kind = P_LAUNCH,
		.grid = { plan.blocks, 1, 1 } };
	struct making m = { .t = t, .s = s, .p = &plan, .v = v, .a = a };
	struct stream stream;

	assert(!why);
	(void)why;
	transpose_banks(t, v, &plan);
	m.k = kernel_create(a, program_kernel_name(a, p, t->n_groups > 1),
		v[TR_THREADS]);
	m.k->min_blocks = promise_usual(t->target, v[TR_THREADS],
		transpose_registers(s, v), s->walk->wide, (int)plan.smem);
	m.buffers = ARENA_ARRAY(a, n, struct k_buffer *);
	stream_bind(t, a, s->walk, p, &step, m.k, m.buffers, ~0ull, ~0ull);
	stream = stream_create(a, t->op, s->walk, m.k, m.buffers,
		ARENA_ARRAY(a, n, struct kx *), v[TR_WRITE]);
	stream.spans = plan.apart;
	stream.across = written_mask(s->walk);
	find_order(&m);
	find_origins(&m, &m.k->body);
	stage_in(&m, &m.k->body);
	write_out(&m, &m.k->body, &stream);
	kernel_prune(a, m.k);
	kernel_layout(m.k);
	step.kernel = m.k;
	step.tiling = tiling_of(&m);
	vec_push(a, &p->steps, step);
}
