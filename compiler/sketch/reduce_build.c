/* SPDX-License-Identifier: MIT */
/* The kernels of sketch "reduce". Every thread of a team goes over its share
 * of the row, vector by vector, as often as there are passes; after a pass the
 * team joins what it reduced and every thread has the row's values. Rows past
 * the last are computed as the last one again and not stored, so that all
 * threads reach every barrier. A row split among blocks leaves its running
 * values in workspace, which a second kernel joins in a fixed order. */
#include "sketch/reduce_build.h"

static struct kx *small(struct making *m, int64_t v)
{
	return kx_int(m->a, v);
}

static const struct piece *piece(const struct making *m, int i)
{
	return &m->w->pieces.v[i];
}

/* ---- passes ---- */

static void start_running(struct making *m, struct k_block *b, int pass)
{
	for (int i = 0; i < m->w->pieces.n; i++) {
		const struct ir_expr *e = piece(m, i)->reduction;
		const char *name;

		if (!e || !making_in_pass(m, i, pass))
			continue;
		name = m->t->op->tensors[piece(m, i)->stmt->tensor].name;
		m->running[i] = running_start(m->a, b, arena_printf(m->a,
			"%s_here", name), e->reducer, reducer_type(e),
			lower_type(e->type));
	}
}

/* Stored by the first thread of each team. */
static void store_row(struct making *m, struct k_block *b, int i,
	struct kx *value)
{
	struct kx *cond = m->stored;
	struct point p = { .element = NULL };

	if (piece(m, i)->out < 0)
		return;
	if (m->x.threads > 1)
		cond = kx_and(m->a, kx_op(m->a, OP_EQ, T_BOOL, 2,
			m->team.lane, small(m, 0)), cond);
	stream_store(&m->row_stream, ks_if(m->a, b, cond), i, &p, value);
}

static void set_row(struct making *m, struct k_block *b, int i,
	struct kx *value)
{
	const struct ir_tensor *t =
		&m->t->op->tensors[piece(m, i)->stmt->tensor];

	m->values[t->id] = ks_let(m->a, b, t->name, lower_round(m->a, value,
		t->type));
	store_row(m, b, i, m->values[t->id]);
}

static void finish_pass(struct making *m, struct k_block *b, int pass)
{
	struct point p = { .element = NULL };

	for (int i = 0; i < m->w->pieces.n; i++) {
		const struct piece *x = piece(m, i);

		if (m->r->pass[i] != pass)
			continue;
		if (x->reduction) {
			team_join(&m->team, b, &m->running[i]);
			set_row(m, b, i, running_result(m->a, &m->running[i],
				x->reduction->type));
		} else if (x->per_row) {
			set_row(m, b, i, stream_value(&m->row_stream, b, i,
				&p));
		}
	}
}

/* The team's maximum, and every thread's sums scaled to it; a row of
 * infinities has none, and m - m is then a NaN. */
static void finish_online(struct making *m, struct k_block *b)
{
	struct running *max = &m->running[m->r->maximum];
	struct kx *mine = ks_let(m->a, b, "mine", kx_var(m->a, max->value));
	struct kx *all;

	finish_pass(m, b, 1);
	all = m->values[piece(m, m->r->maximum)->stmt->tensor];
	making_scale(m, b, mine, all);
	for (int i = 0; i < m->w->pieces.n; i++)
		if (piece(m, i)->reduction && making_in_pass(m, i, 2))
			ks_update(m->a, b, m->running[i].value, OP_ADD,
				lower_convert(m->a, kx_op(m->a, OP_SUB,
				max->type, 2, all, all), m->running[i].type));
	finish_pass(m, b, 2);
}

static void run_passes(struct making *m, struct k_block *b)
{
	for (int pass = 1; pass <= m->r->passes; pass++) {
		if (m->x.online && pass == 1) {
			start_running(m, b, 1);
			start_running(m, b, 2);
			making_pass(m, b, 1);
			finish_online(m, b);
			pass = 2;
			continue;
		}
		start_running(m, b, pass);
		making_pass(m, b, pass);
		finish_pass(m, b, pass);
	}
}

static void store_partial(struct making *m, struct k_block *b, int i)
{
	const struct running *run = &m->running[i];
	struct kx *cond = m->stored, *at;

	if (m->x.threads > 1)
		cond = kx_and(m->a, kx_op(m->a, OP_EQ, T_BOOL, 2,
			m->team.lane, small(m, 0)), cond);
	b = ks_if(m->a, b, cond);
	at = ks_let(m->a, b, "to", kx_add(m->a, kx_mul(m->a,
		kx_special(m->a, K_BLOCK_Y), small(m, m->w->rows.total)),
		m->row));
	ks_store(m->a, b, k_place(m->partial[2 * i], at),
		kx_var(m->a, run->value));
	if (run->at)
		ks_store(m->a, b, k_place(m->partial[2 * i + 1], at),
			kx_var(m->a, run->at));
}

static void leave_partial(struct making *m, struct k_block *b)
{
	for (int i = 0; i < m->w->pieces.n; i++)
		if (piece(m, i)->reduction) {
			team_join(&m->team, b, &m->running[i]);
			store_partial(m, b, i);
		}
}

/* ---- rows and threads ---- */

static void find_row(struct making *m, struct k_block *b)
{
	struct kx *block = kx_special(m->a, K_BLOCK_X);
	struct kx *last = small(m, m->w->rows.total - 1);

	if (m->w->rows.total > INT32_MAX / 2)
		block = kx_cast(m->a, T_I64, block);
	m->row = kx_add(m->a, kx_mul(m->a, block, small(m, m->x.rows)),
		m->team.row);
	m->stored = NULL;
	if (m->w->rows.total % m->x.rows) {
		m->row = ks_let(m->a, b, "row_at", m->row);
		m->stored = ks_let(m->a, b, "stored", kx_lt(m->a, m->row,
			small(m, m->w->rows.total)));
		m->row = kx_op(m->a, OP_MIN, m->row->type, 2, m->row,
			kx_cast(m->a, m->row->type, last));
	}
	m->row = ks_let(m->a, b, "row", m->row);
	stream_row(&m->row_stream, b, m->row);
}

static void find_team(struct making *m, struct k_block *b)
{
	struct kx *thread = kx_special(m->a, K_THREAD_X);
	struct kx *inner = small(m, m->r->across ? m->x.rows : m->x.threads);
	struct kx *div = m->x.rows == 1 && !m->r->across ? small(m, 0) :
		ks_let(m->a, b, m->r->across ? "lane" : "team",
			kx_div(m->a, thread, inner));
	struct kx *mod = m->x.rows == 1 && !m->r->across ? thread :
		ks_let(m->a, b, m->r->across ? "team" : "lane",
			kx_mod(m->a, thread, inner));

	if (m->x.threads == 1 && !m->r->across)
		mod = small(m, 0);
	m->team = (struct team){ .a = m->a, .k = m->k,
		.threads = m->x.threads, .rows = m->x.rows,
		.across = m->r->across,
		.lane = m->r->across ? div : mod,
		.row = m->r->across ? mod : div };
}

static struct p_tiling tiling_of(struct making *m)
{
	struct arena *a = m->a;

	return (struct p_tiling){
		.rows = m->w->rows.total, .cols = 1, .batch = 1,
		.tile_rows = m->x.rows, .tile_cols = 1,
		.row = kx_mul(a, kx_cast(a, T_I64, kx_special(a, K_BLOCK_X)),
			kx_int(a, m->x.rows)),
		.col = kx_int(a, 0), .batch_index = kx_int(a, 0),
	};
}

/* ---- programs ---- */

static void bind_partials(struct making *m, struct program *p,
	struct p_step *step, bool written)
{
	for (int i = 0; i < 2 * m->w->pieces.n; i++)
		if (m->tensors[i] >= 0)
			m->partial[i] = program_bind_at(m->a, p, step, m->k,
				m->tensors[i], written);
}

static void add_partials(struct making *m, struct program *p)
{
	int64_t n = row_parts(m->r, &m->x) * m->w->rows.total;

	for (int i = 0; i < m->w->pieces.n; i++) {
		const struct ir_expr *e = piece(m, i)->reduction;
		const char *name =
			m->t->op->tensors[piece(m, i)->stmt->tensor].name;

		m->tensors[2 * i] = m->tensors[2 * i + 1] = -1;
		if (!e)
			continue;
		m->tensors[2 * i] = program_workspace(m->a, p,
			arena_printf(m->a, "%s_parts", name), reducer_type(e),
			n);
		if (reducer_indexed(e->reducer))
			m->tensors[2 * i + 1] = program_workspace(m->a, p,
				arena_printf(m->a, "%s_parts_at", name),
				lower_type(e->type), n);
	}
}

static struct making create(const struct task *t, struct arena *a,
	struct row_point x)
{
	const struct rows *r = t->state;
	size_t n = (size_t)t->op->n_tensors;
	size_t pieces = (size_t)r->walk->pieces.n;
	struct making m = { .t = t, .a = a, .r = r, .w = r->walk, .x = x,
		.wide = r->walk->in.total > INT32_MAX / 2 };

	m.buffers = ARENA_ARRAY(a, n, struct k_buffer *);
	m.values = ARENA_ARRAY(a, n, struct kx *);
	m.running = ARENA_ARRAY(a, pieces, struct running);
	m.partial = ARENA_ARRAY(a, 2 * pieces, struct k_buffer *);
	m.tensors = ARENA_ARRAY(a, 2 * pieces, int);
	return m;
}

static struct p_step open_step(struct making *m, struct program *p,
	bool several)
{
	struct p_step step = { .kind = P_LAUNCH, .grid = { (m->w->rows.total +
		m->x.rows - 1) / m->x.rows, 1, 1 } };

	m->k = kernel_create(m->a, program_kernel_name(m->a, p, several),
		m->x.threads * m->x.rows);
	return step;
}

static void open_kernel(struct making *m)
{
	m->row_stream = stream_create(m->a, m->t->op, m->w, m->k, m->buffers,
		m->values, 1);
	find_team(m, &m->k->body);
	find_row(m, &m->k->body);
}

static void close_step(struct making *m, struct program *p,
	struct p_step *step)
{
	kernel_prune(m->a, m->k);
	kernel_layout(m->k);
	step->kernel = m->k;
	step->tiling = tiling_of(m);
	vec_push(m->a, &p->steps, *step);
}

/* Pieces that go over the row. */
static uint64_t inner_pieces(const struct walk *w)
{
	uint64_t mask = 0;

	for (int i = 0; i < w->pieces.n; i++)
		if (!w->pieces.v[i].per_row)
			mask |= 1ull << i;
	return mask;
}

/* Parts of rows in, running values in workspace out. */
static void build_parts(struct making *m, struct program *p)
{
	struct p_step step = open_step(m, p, true);
	uint64_t inner = inner_pieces(m->w);

	step.grid[1] = row_parts(m->r, &m->x);
	stream_bind(m->t, m->a, m->w, p, &step, m->k, m->buffers, inner, 0);
	bind_partials(m, p, &step, true);
	open_kernel(m);
	start_running(m, &m->k->body, 1);
	making_pass(m, &m->k->body, 1);
	leave_partial(m, &m->k->body);
	close_step(m, p, &step);
}

static void take_partials(struct making *m, struct k_block *b, int64_t parts)
{
	struct k_block *inside;
	struct kx *at, *i;

	inside = ks_for(m->a, b, LOOP_SERIAL, "part", m->team.lane,
		small(m, parts), small(m, m->x.threads), &i);
	at = ks_let(m->a, inside, "from", kx_add(m->a, kx_mul(m->a, i,
		small(m, m->w->rows.total)), m->row));
	for (int k = 0; k < m->w->pieces.n; k++)
		if (piece(m, k)->reduction)
			running_take(m->a, inside, &m->running[k],
				kx_load(m->a, m->partial[2 * k], at),
				m->running[k].at ? kx_load(m->a,
				m->partial[2 * k + 1], at) : NULL);
}

/* Their parts joined, a warp a row, and what follows for each row. */
static void build_join(struct making *m, struct program *p, int64_t parts)
{
	struct p_step step = open_step(m, p, true);
	struct k_block *b = &m->k->body;

	stream_bind(m->t, m->a, m->w, p, &step, m->k, m->buffers,
		~inner_pieces(m->w), ~0ull);
	bind_partials(m, p, &step, false);
	open_kernel(m);
	finish_pass(m, b, 0);
	start_running(m, b, 1);
	take_partials(m, b, parts);
	finish_pass(m, b, 1);
	close_step(m, p, &step);
}

static void build_split(struct making *m, struct program *p)
{
	struct rows along = *m->r;
	struct making join;
	int64_t parts = row_parts(m->r, &m->x);

	add_partials(m, p);
	build_parts(m, p);
	along.across = false;
	join = create(m->t, m->a, (struct row_point){ .over = OVER_WARP,
		.threads = 32, .rows = m->w->rows.total > 1 ? 4 : 1,
		.vector = 1, .unroll = 1, .parts = 1 });
	join.r = &along;
	join.tensors = m->tensors;
	build_join(&join, p, parts);
}

static void build_whole(struct making *m, struct program *p)
{
	struct p_step step = open_step(m, p, m->t->n_groups > 1);
	struct k_block *b = &m->k->body;

	stream_bind(m->t, m->a, m->w, p, &step, m->k, m->buffers, ~0ull,
		~0ull);
	open_kernel(m);
	if (m->x.held)
		making_fill_cache(m, b);
	finish_pass(m, b, 0);
	run_passes(m, b);
	close_step(m, p, &step);
}

void reduce_build(const struct task *t, struct arena *a, const int *values,
	struct program *p)
{
	const struct rows *r = t->state;
	struct making m = create(t, a, row_point(r, values));

	if (r->walk->rows.total == 0)
		return;
	if (m.x.parts > 1)
		build_split(&m, p);
	else
		build_whole(&m, p);
}
