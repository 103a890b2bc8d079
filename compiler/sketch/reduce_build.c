/* SPDX-License-Identifier: MIT */
/* The kernels of sketch "reduce". Every thread of a team goes over its share
 * of the row, vector by vector, as often as there are passes; after a pass the
 * team joins what it reduced and every thread has the row's values. Rows past
 * the last are computed as the last one again and not stored, so that all
 * threads reach every barrier.
 *
 * The blocks of a cluster that share a row join what their teams joined through
 * each other's shared memory. Those of a grid leave running values in
 * workspace, pass by pass: each launch first joins, in a fixed order, what the
 * ones before it left. */
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
		if (m->x.carried > 1) {
			carry_start(m, b, i);
			continue;
		}
		name = m->t->op->tensors[piece(m, i)->stmt->tensor].name;
		name = arena_printf(m->a, "%s_here", name);
		m->running[i] = m->r->ordered && reducer_indexed(e->reducer) ?
			running_resume(m->a, b, name, e->reducer,
				reducer_identity(m->a, e->reducer,
					reducer_type(e)),
				reducer_first(m->a, m->t->op, e)) :
			running_start(m->a, b, name, e->reducer,
				reducer_type(e), reducer_at(m->t->op, e));
		m->running[i].ordered = m->r->ordered;
	}
}

/* The team's value, taken from its threads in no order. */
static void join(struct making *m, struct k_block *b, int i)
{
	m->running[i].ordered = false;
	team_join(&m->team, b, &m->running[i]);
}

/* Stored by the first thread of each team. */
static void store_row(struct making *m, struct k_block *b, int i,
	struct kx *value)
{
	struct kx *cond = m->stored;
	struct point p = { .element = NULL };

	if (piece(m, i)->out < 0 || m->silent)
		return;
	if (m->x.parts > 1)
		cond = kx_and(m->a, kx_op(m->a, OP_EQ, T_BOOL, 2,
			kx_special(m->a, K_BLOCK_Y), small(m, 0)), cond);
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
			join(m, b, i);
			set_row(m, b, i, running_result(m->a, &m->running[i],
				x->reduction->type));
		} else if (x->per_row) {
			set_row(m, b, i, stream_value(&m->row_stream, b, i,
				&p));
		}
	}
}

/* The same for each row that a thread has. */
static void finish_rows(struct making *m, struct k_block *b, int pass)
{
	if (m->x.carried == 1)
		finish_pass(m, b, pass);
	else if (pass)
		carry_finish(m, b, pass, finish_pass);
	else
		carry_begin(m, b, finish_pass);
}

/* NaN where the row's maximum is infinite, for it has no softmax; else 0. */
static void spoil_infinite(struct making *m, struct k_block *b, struct kx *max)
{
	for (int i = 0; i < m->w->pieces.n; i++)
		if (piece(m, i)->reduction && making_in_pass(m, i, 2))
			ks_update(m->a, b, m->running[i].value, OP_ADD,
				lower_convert(m->a, kx_op(m->a, OP_SUB,
				max->type, 2, max, max),
				m->running[i].type));
}

static struct kx *row_maximum(const struct making *m)
{
	return m->values[piece(m, m->r->maximum)->stmt->tensor];
}

/* The team's maximum, and every thread's sums scaled to it. */
static void finish_online(struct making *m, struct k_block *b)
{
	struct running *max = &m->running[m->r->maximum];
	struct kx *mine = ks_let(m->a, b, "mine", kx_var(m->a, max->value));

	finish_pass(m, b, 1);
	making_scale(m, b, mine, row_maximum(m));
	spoil_infinite(m, b, row_maximum(m));
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
		finish_rows(m, b, pass);
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

/* The block's running values of a pass; online, of passes 1 and 2, whose sums
 * are then of the block's maximum. */
static void leave_partial(struct making *m, struct k_block *b, int pass)
{
	for (int i = 0; i < m->w->pieces.n; i++)
		if (piece(m, i)->reduction && making_in_pass(m, i, pass)) {
			join(m, b, i);
			store_partial(m, b, i);
		}
}

static void leave_rows(struct making *m, struct k_block *b, int pass)
{
	if (m->x.carried > 1)
		carry_finish(m, b, pass, leave_partial);
	else
		leave_partial(m, b, pass);
}

static void leave_online(struct making *m, struct k_block *b)
{
	struct running *max = &m->running[m->r->maximum];
	struct kx *mine = ks_let(m->a, b, "mine", kx_var(m->a, max->value));

	leave_partial(m, b, 1);
	making_scale(m, b, mine, kx_var(m->a, max->value));
	leave_partial(m, b, 2);
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
	if (m->w->rows.total % m->x.rows || (m->x.rows > 1 && ir_any_open(
	    m->t->op, m->w->pieces.v[0].row_axis, m->w->rows.n))) {
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
		.blocks = m->x.over == OVER_CLUSTER ? m->x.parts : 1,
		.lane = m->r->across ? div : mod,
		.row = m->r->across ? mod : div };
}

static struct p_tiling tiling_of(struct making *m)
{
	struct arena *a = m->a;
	int rows = m->x.rows * m->x.carried;

	return (struct p_tiling){
		.rows = row_tiles(m->r, &m->x) * m->x.carried, .cols = 1,
		.batch = 1, .tile_rows = rows, .tile_cols = 1,
		.row = kx_mul(a, kx_cast(a, T_I64, kx_special(a, K_BLOCK_X)),
			kx_int(a, rows)),
		.col = kx_int(a, 0), .batch_index = kx_int(a, 0),
	};
}

/* ---- programs ---- */

/* Read those of passes below "pass", write its own. */
static void bind_partials(struct making *m, struct program *p,
	struct p_step *step, int pass, bool writes)
{
	for (int i = 0; i < 2 * m->w->pieces.n; i++) {
		int of = m->r->pass[i / 2];
		bool own = of == pass || (m->x.online && pass == 1 && of == 2);

		if (m->tensors[i] >= 0 && (of < pass || (own && writes)))
			m->partial[i] = program_bind_at(m->a, p, step, m->k,
				m->tensors[i], own);
	}
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
				reducer_at(m->t->op, e), n);
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
	m.runs = ARENA_ARRAY(a, pieces, struct board);
	m.known = ARENA_ARRAY(a, pieces, struct k_buffer *);
	return m;
}

static struct p_step open_step(struct making *m, struct program *p,
	bool several)
{
	struct p_step step = { .kind = P_LAUNCH, .grid = { number_ceil(
		row_tiles(m->r, &m->x), m->x.rows), 1, 1 } };

	m->k = kernel_create(m->a, program_kernel_name(m->a, p, several),
		m->x.threads * m->x.rows);
	m->k->min_blocks = promise_usual(m->t->target, m->k->threads,
		row_registers(m->r, &m->x), m->w->wide,
		row_shared(m->r, &m->x));
	return step;
}

static void open_kernel(struct making *m)
{
	m->row_stream = stream_create(m->a, m->t->op, m->w, m->k, m->buffers,
		m->values, 1);
	find_team(m, &m->k->body);
	if (m->x.carried > 1)
		carry_find(m, &m->k->body);
	else
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

/* ---- a grid's blocks share a row ---- */

/* Factor from the maximum of part "at" to the row's. */
static struct kx *part_factor(struct making *m, struct k_block *b,
	struct kx *at)
{
	struct kx *all = row_maximum(m), *one = kx_float(m->a, 1, all->type);
	struct kx *mine = ks_let(m->a, b, "mine", kx_load(m->a,
		m->partial[2 * m->r->maximum], at));

	return ks_let(m->a, b, "factor", kx_op(m->a, OP_SELECT, all->type, 3,
		kx_op(m->a, OP_EQ, T_BOOL, 2, mine, all), one,
		kx_op(m->a, OP_EXP, all->type, 1, kx_op(m->a, OP_SUB,
			all->type, 2, mine, all))));
}

/* The first part has the end of the row, too, so that indices are in no order. */
static void take_partials(struct making *m, struct k_block *b, int pass,
	int64_t parts)
{
	struct kx *at, *i, *value, *factor = NULL;

	b = ks_for(m->a, b, LOOP_SERIAL, "part", m->team.lane,
		small(m, parts), small(m, m->x.threads), &i);
	at = ks_let(m->a, b, "from", kx_add(m->a, kx_mul(m->a, i,
		small(m, m->w->rows.total)), m->row));
	if (m->x.online && pass == 2)
		factor = part_factor(m, b, at);
	for (int k = 0; k < m->w->pieces.n; k++) {
		if (!piece(m, k)->reduction || !making_in_pass(m, k, pass))
			continue;
		m->running[k].ordered = false;
		value = kx_load(m->a, m->partial[2 * k], at);
		if (factor)
			value = kx_op(m->a, OP_MUL, value->type, 2, value,
				lower_convert(m->a, factor, value->type));
		running_take(m->a, b, &m->running[k], value,
			m->running[k].at ? kx_load(m->a,
			m->partial[2 * k + 1], at) : NULL);
	}
}

static bool reduces(const struct making *m, int pass)
{
	for (int i = 0; i < m->w->pieces.n; i++)
		if (piece(m, i)->reduction && making_in_pass(m, i, pass))
			return true;
	return false;
}

/* Row values of the passes below "end", from what their launches left. */
static void join_before(struct making *m, struct k_block *b, int end,
	int64_t parts)
{
	finish_rows(m, b, 0);
	for (int pass = 1; pass < end; pass++) {
		start_running(m, b, pass);
		take_partials(m, b, pass, parts);
		if (m->x.online && pass == 2)
			spoil_infinite(m, b, row_maximum(m));
		finish_pass(m, b, pass);
	}
}

/* One pass over parts of rows, running values in workspace out. The last one
 * stores row values as well, if it does not reduce. */
static void build_pass(struct making *m, struct program *p, int pass)
{
	struct p_step step = open_step(m, p, true);
	struct k_block *b = &m->k->body;
	int64_t parts = row_parts(m->r, &m->x);
	bool online = m->x.online && pass == 1, ends = !reduces(m, pass);

	step.grid[1] = parts;
	stream_bind(m->t, m->a, m->w, p, &step, m->k, m->buffers,
		~0ull, ~0ull);
	bind_partials(m, p, &step, pass, !ends);
	open_kernel(m);
	m->silent = !ends;
	join_before(m, b, pass, parts);
	start_running(m, b, pass);
	if (online)
		start_running(m, b, 2);
	making_pass(m, b, pass);
	if (online)
		leave_online(m, b);
	else if (!ends)
		leave_rows(m, b, pass);
	close_step(m, p, &step);
}

/* What the last pass left joined, a warp a row, and what follows for each. */
static void build_join(struct making *m, struct program *p, int64_t parts)
{
	struct p_step step = open_step(m, p, true);

	stream_bind(m->t, m->a, m->w, p, &step, m->k, m->buffers, ~0ull,
		~0ull);
	bind_partials(m, p, &step, m->r->passes + 1, false);
	open_kernel(m);
	join_before(m, &m->k->body, m->r->passes + 1, parts);
	close_step(m, p, &step);
}

static void build_split(struct making *m, struct program *p)
{
	struct rows along = *m->r;
	struct making join;
	int pass = 1;

	add_partials(m, p);
	for (; pass <= m->r->passes; pass += 1 + (m->x.online && pass == 1)) {
		struct making one = create(m->t, m->a, m->x);

		one.tensors = m->tensors;
		build_pass(&one, p, pass);
	}
	if (!reduces(m, m->r->passes))
		return;
	along.across = false;
	join = create(m->t, m->a, (struct row_point){ .over = OVER_WARP,
		.threads = 32, .rows = m->w->rows.total > 1 ? ROW_JOINED : 1,
		.carried = 1, .vector = 1, .unroll = 1, .parts = 1,
		.online = m->x.online });
	join.r = &along;
	join.tensors = m->tensors;
	build_join(&join, p, row_parts(m->r, &m->x));
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
	finish_rows(m, b, 0);
	run_passes(m, b);
	if (m->x.over == OVER_CLUSTER) {
		m->k->cluster = m->x.parts;
		m->k->cluster_y = true;
		step.grid[1] = m->x.parts;
		ks_barrier(m->a, b, BARRIER_CLUSTER);
	}
	close_step(m, p, &step);
}

void reduce_build(const struct task *t, struct arena *a, const int *values,
	struct program *p)
{
	const struct rows *r = t->state;
	struct making m = create(t, a, row_point(r, values));

	if (r->walk->rows.total == 0)
		return;
	if (m.x.over == OVER_GRID)
		build_split(&m, p);
	else
		build_whole(&m, p);
}
