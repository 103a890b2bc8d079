/* SPDX-License-Identifier: MIT */
/* Rows of a product in an epilogue's code. In a pass over its elements every
 * thread takes in what its part of each of its rows adds to the pass's
 * statistics; then the threads of a row join: lanes of a warp by shuffles, warps
 * through shared memory, in a fixed order. After that every thread has the
 * values of its rows in registers, and the first of a row stores them. Columns
 * past the end take no part; rows past the end join, and are not stored. */
#include "sketch/epilogue_code.h"

#include "sketch/stage.h"
#include "sketch/team.h"

/* The side that rows go along. */
static const struct side *rows_along(const struct storing *s)
{
	return s->e->rows_along_n ? &s->n : &s->m;
}

const struct side *rows_of(const struct storing *s)
{
	return s->e->rows_along_n ? &s->m : &s->n;
}

static const struct output *output(const struct emission *m, int i)
{
	return &m->s->e->outputs[i];
}

/* Is output "i" a statistic that the present pass takes in? */
static bool is_taken(const struct emission *m, int i)
{
	return output(m, i)->reduction && output(m, i)->pass == m->pass &&
		epilogue_finder(m->s->e, i) < 0;
}

/* ---- registers ---- */

static struct k_buffer *array(struct emission *m, int i, const char *suffix,
	enum dtype type)
{
	const int64_t dims[1] = { rows_of(m->s)->mine };

	return kernel_array(m->s->k, K_REGISTER, arena_printf(m->s->a, "%s_%s",
		output(m, i)->tensor->name, suffix), type, 1, dims, 16);
}

/* The value is what the threads joined, unless it is an index or rounded. */
void rows_declare(struct emission *m)
{
	for (int i = 0; i < m->s->e->n; i++) {
		const struct output *o = output(m, i);
		enum dtype type = lower_type(o->tensor->type);
		struct row_values *r = &m->rows[i];

		if (!o->per_row)
			continue;
		if (o->reduction && epilogue_finder(m->s->e, i) < 0)
			r->part = array(m, i, "row", reducer_type(o->reduction));
		if (r->part && reducer_indexed(o->reduction->reducer))
			r->at = array(m, i, "at", reducer_at(m->s->t->op,
				o->reduction));
		r->value = r->part;
		if (!r->part || r->at || r->part->type != o->tensor->type)
			r->value = array(m, i, "of", type);
	}
}

static void start(struct emission *m, struct k_block *b, int i)
{
	struct row_values *r = &m->rows[i];
	struct arena *a = m->s->a;

	ks_store(a, b, k_place(r->part, m->row_at), reducer_identity(a,
		output(m, i)->reduction->reducer, r->part->type));
	if (r->at)
		ks_store(a, b, k_place(r->at, m->row_at),
			reducer_first(a, m->s->t->op,
				output(m, i)->reduction));
}

static void resume(struct emission *m, struct k_block *b, int i)
{
	struct row_values *r = &m->rows[i];
	struct arena *a = m->s->a;

	r->running = running_resume(a, b, arena_printf(a, "%s_here",
		output(m, i)->tensor->name), output(m, i)->reduction->reducer,
		kx_load(a, r->part, m->row_at),
		r->at ? kx_load(a, r->at, m->row_at) : NULL);
}

static void leave(struct emission *m, struct k_block *b, int i)
{
	struct row_values *r = &m->rows[i];
	struct arena *a = m->s->a;

	ks_store(a, b, k_place(r->part, m->row_at), kx_var(a,
		r->running.value));
	if (r->at)
		ks_store(a, b, k_place(r->at, m->row_at), kx_var(a,
			r->running.at));
}

/* For each statistic of the pass. */
static void each(struct emission *m, struct k_block *b,
	void (*f)(struct emission *m, struct k_block *b, int i))
{
	for (int i = 0; i < m->s->e->n; i++)
		if (is_taken(m, i))
			f(m, b, i);
}

static bool any(const struct emission *m)
{
	for (int i = 0; i < m->s->e->n; i++)
		if (is_taken(m, i))
			return true;
	return false;
}

/* "mx, z": the statistics of the pass. */
static const char *names(const struct emission *m)
{
	const char *text = "";

	for (int i = 0; i < m->s->e->n; i++)
		if (is_taken(m, i))
			text = arena_printf(m->s->a, "%s%s%s", text,
				*text ? ", " : "", output(m, i)->tensor->name);
	return text;
}

/* For each of the thread's rows. */
static struct k_block *row_loop(struct emission *m, struct k_block *b)
{
	return tile_loop(m->s->a, b, "i", rows_of(m->s)->mine, &m->row_at);
}

void rows_start(struct emission *m, struct k_block *b)
{
	if (!any(m))
		return;
	ks_comment(m->s->a, b, "%s, this thread's part", names(m));
	each(m, row_loop(m, b), start);
}

/* ---- during a pass ---- */

/* A thread goes along its rows; patches lie anyhow. */
static void go_along(struct emission *m, struct k_block *b, int i)
{
	resume(m, b, i);
	m->rows[i].running.ordered = !rows_along(m->s)->patches;
}

void rows_open(struct emission *m, struct k_block *b)
{
	each(m, b, go_along);
}

static void take(struct emission *m, struct k_block *b, int i)
{
	const struct output *o = output(m, i);

	running_take(m->s->a, b, &m->rows[i].running, lower_expr(&m->env,
		o->value), reducer_index(&m->env, o->reduction));
}

void rows_take(struct emission *m, struct k_block *b)
{
	each(m, b, take);
}

void rows_close(struct emission *m, struct k_block *b)
{
	each(m, b, leave);
}

/* ---- after it ---- */

static void join_lanes(struct emission *m, struct k_block *b, int i)
{
	const struct row_threads *t = &m->s->rows;

	lanes_join(m->s->a, b, &m->rows[i].running, t->lanes, t->stride);
}

/* Where the present row of part "part" lies on a board. */
static struct kx *board_place(const struct emission *m, struct kx *part)
{
	const struct side *d = rows_of(m->s);
	const struct row_threads *t = &m->s->rows;
	struct arena *a = m->s->a;
	struct kx *row = side_offset(a, d, m->row_at, 1);

	if (t->first)
		row = kx_add(a, t->first, row);
	return kx_add(a, kx_mul(a, part, kx_int(a, t->rows)), row);
}

/* The thread's of the parts of a row. */
static struct kx *part_of(const struct emission *m)
{
	const struct row_threads *t = &m->s->rows;

	return t->part ? t->part : kx_div(m->s->a, rows_along(m->s)->lane,
		kx_int(m->s->a, t->lanes));
}

static struct kx *is_zero(struct arena *a, struct kx *x)
{
	return kx_op(a, OP_EQ, T_BOOL, 2, x, kx_int(a, 0));
}

/* Is it the first lane of its part? */
static struct kx *is_first_of_part(const struct emission *m)
{
	const struct row_threads *t = &m->s->rows;
	struct kx *lane = rows_along(m->s)->lane;

	return is_zero(m->s->a, t->part ? lane : kx_mod(m->s->a, lane,
		kx_int(m->s->a, t->lanes)));
}

/* Is it the first thread of its rows? */
static struct kx *is_first(const struct emission *m)
{
	const struct row_threads *t = &m->s->rows;
	struct arena *a = m->s->a;
	struct kx *first = is_zero(a, rows_along(m->s)->lane);

	return t->part ? kx_and(a, first, is_zero(a, t->part)) : first;
}

/* The first lane of each warp leaves what its lanes have of each row. */
static void write_boards(struct emission *m, struct k_block *b,
	struct board *boards)
{
	const struct row_threads *t = &m->s->rows;
	struct arena *a = m->s->a;
	struct k_block *first = ks_if(a, b, is_first_of_part(m));
	struct kx *place = ks_let(a, first, "to", board_place(m, part_of(m)));

	for (int i = 0; i < m->s->e->n; i++) {
		struct running *r = &m->rows[i].running;

		if (!is_taken(m, i))
			continue;
		boards[i] = board_create(a, m->s->k, r, (int64_t)t->parts *
			t->rows);
		board_write(a, first, &boards[i], r, place);
	}
}

static void read_boards(struct emission *m, struct k_block *b,
	const struct board *boards)
{
	struct arena *a = m->s->a;
	struct kx *part, *from;

	each(m, b, start);
	each(m, b, resume);
	b = ks_serial(a, b, "part", kx_int(a, 0), kx_int(a, m->s->rows.parts),
		kx_int(a, 1), &part);
	from = ks_let(a, b, "from", board_place(m, part));
	for (int i = 0; i < m->s->e->n; i++)
		if (is_taken(m, i))
			board_take(a, b, &boards[i], &m->rows[i].running, from);
}

static void settle_as(struct emission *m, struct k_block *b, int i,
	struct kx *value)
{
	ks_store(m->s->a, b, k_place(m->rows[i].value, m->row_at), lower_round(
		m->s->a, value, output(m, i)->tensor->type));
}

static void settle(struct emission *m, struct k_block *b, int i)
{
	settle_as(m, b, i, running_result(m->s->a, &m->rows[i].running,
		output(m, i)->reduction->type));
}

/* Values that others have found. */
static void settle_found(struct emission *m, struct k_block *b)
{
	for (int i = 0; i < m->s->e->n; i++) {
		const struct output *o = output(m, i);
		int k = o->pass == m->pass ? epilogue_finder(m->s->e, i) : -1;

		if (k >= 0)
			settle_as(m, b, i, lower_convert(m->s->a, kx_var(
				m->s->a, m->rows[k].running.value),
				lower_type(o->reduction->type)));
	}
}

/* The pass's statistics of every row, to all threads that share it. The block
 * is of a loop over the rows. */
static struct k_block *join(struct emission *m, struct k_block *b)
{
	struct board boards[OUTPUTS_MAX];
	struct k_block *row;

	if (!any(m))
		return row_loop(m, b);
	ks_comment(m->s->a, b, "%s of whole rows", names(m));
	row = row_loop(m, b);
	each(m, row, resume);
	each(m, row, join_lanes);
	if (m->s->rows.parts > 1) {
		write_boards(m, row, boards);
		ks_barrier(m->s->a, b, BARRIER_BLOCK);
		row = row_loop(m, b);
		read_boards(m, row, boards);
	}
	each(m, row, settle);
	settle_found(m, row);
	return row;
}

static void compute_map(struct emission *m, struct k_block *b, int i)
{
	const struct output *o = output(m, i);
	struct kx *v = lower_expr(&m->env, o->value);

	ks_store(m->s->a, b, k_place(m->rows[i].value, m->row_at), lower_round(
		m->s->a, v, o->tensor->type));
}

static void store_row(struct emission *m, struct k_block *b, int i)
{
	struct arena *a = m->s->a;
	struct k_place to;

	m->env.block = b;
	to = output_place(m, i);
	ks_store(a, b, to, lower_convert(a, rows_value(m, i),
		output(m, i)->tensor->type));
}

/* Are there values of rows in this pass, "stored" ones? */
static bool has_rows(const struct emission *m, bool stored)
{
	for (int i = 0; i < m->s->e->n; i++) {
		const struct output *o = output(m, i);

		if (o->per_row && o->pass == m->pass && (stored ? o->stored :
				!o->reduction))
			return true;
	}
	return false;
}

void rows_finish(struct emission *m, struct k_block *b)
{
	const struct side *d = rows_of(m->s), *along = rows_along(m->s);
	struct arena *a = m->s->a;
	struct kx *at;

	if (!any(m) && !has_rows(m, false))
		return;
	b = join(m, b);
	if (!has_rows(m, false) && !has_rows(m, true))
		return;
	at = ks_let(a, b, d->name, kx_add(a, d->first, side_offset(a, d,
		m->row_at, 1)));
	b = side_enter(m->s, b, d, at, m->env.axes);
	/* Of a cluster's blocks some may have no row. */
	if (along->row_first && along->ragged)
		b = ks_if(a, b, kx_lt(a, along->row_first, kx_int(a,
			along->extent)));
	if (along->row_first)
		side_axes(m->s, b, along, along->row_first, m->env.axes);
	else
		for (int i = 0; i < along->n_axes; i++)
			m->env.axes[along->axes[i]] = kx_int(a, 0);
	m->env.block = b;
	for (int i = 0; i < m->s->e->n; i++)
		if (output(m, i)->per_row && output(m, i)->pass == m->pass &&
		    !output(m, i)->reduction)
			compute_map(m, b, i);
	if (!has_rows(m, true))
		return;
	b = ks_if(a, b, is_first(m));
	for (int i = 0; i < m->s->e->n; i++)
		if (output(m, i)->per_row && output(m, i)->pass == m->pass &&
		    output(m, i)->stored)
			store_row(m, b, i);
}

struct kx *rows_value(const struct emission *m, int i)
{
	return kx_load(m->s->a, m->rows[i].value, m->row_at);
}
