/* SPDX-License-Identifier: MIT */
/* The code of an epilogue: each accumulator in a thread's registers passes
 * through the statements that follow the contraction and is stored, several at
 * once where the output's layout allows; where rows are measured, pass by pass,
 * with what epilogue_rows.c makes of rows between them. */
#include "sketch/epilogue_code.h"

#include <string.h>

#include "sketch/stage.h"

/* The accumulator of the present element, "o"'s product's. */
static struct kx *sum_of(const struct emission *m, const struct output *o)
{
	const struct storing *s = m->s;
	struct kx *at = kx_add(s->a, m->first, m->element), *row = m->row;
	struct kx **n = s->e->along_n ? &at : &row;

	if (s->acc->rank == 1)
		return kx_load(s->a, s->acc, at);
	if (o->second)
		*n = kx_add(s->a, *n, kx_int(s->a, s->n.mine));
	return s->e->along_n ? kx_load(s->a, s->acc, row, at) :
		kx_load(s->a, s->acc, at, row);
}

/* Of the present element, in what it is stored as and used. */
static struct kx *element_of(const struct emission *m, struct k_buffer *b)
{
	const struct storing *s = m->s;
	struct kx *at = kx_add(s->a, m->first, m->element);

	return s->e->along_n ? kx_load(s->a, b, m->row, at) :
		kx_load(s->a, b, at, m->row);
}

static struct kx *value_of_output(const struct emission *m, int i)
{
	const struct output *o = &m->s->e->outputs[i];

	if (o->per_row)
		return rows_value(m, i);
	if (o->pass == m->pass)
		return m->values[i];
	if (o->value)
		return element_of(m, m->kept[i]);
	return lower_round(m->s->a, sum_of(m, o), o->tensor->type);
}

bool is_row_value(const struct storing *s, int tensor)
{
	return s->row_values && s->row_values[tensor];
}

static struct kx *row_value(const struct emission *m, struct k_buffer *of)
{
	const struct storing *s = m->s;

	return kx_load(s->a, of, s->rows_m == s->e->along_n ?
		m->row : kx_add(s->a, m->first, m->element));
}

/* x / y as x * (1 / y), where that is at hand. */
static struct kx *quotient(const struct emission *m, const struct ir_expr *e)
{
	const struct storing *s = m->s;
	const struct ir_expr *y;

	if (e->kind != IR_OP || e->op != OP_DIV || e->type != T_F32)
		return NULL;
	y = e->args[1];
	if (y->kind != IR_READ || !s->row_inverses || !s->row_inverses[y->tensor])
		return NULL;
	return kx_op(s->a, OP_MUL, T_F32, 2, lower_as(&m->env, e->args[0],
		T_F32), row_value(m, s->row_inverses[y->tensor]));
}

static struct kx *value_of_read(void *ctx, const struct ir_expr *e)
{
	struct emission *m = ctx;

	if (e->kind != IR_READ)
		return quotient(m, e);
	for (int i = 0; i < m->s->e->n; i++)
		if (m->s->e->outputs[i].tensor->id == e->tensor)
			return value_of_output(m, i);
	if (is_row_value(m->s, e->tensor))
		return row_value(m, m->s->row_values[e->tensor]);
	for (int i = 0; i < m->n_reads; i++)
		if (ir_equal(m->reads[i], e))
			return lower_convert(m->env.a, kx_load(m->env.a,
				m->held[i], m->element), lower_type(e->type));
	return NULL;
}

const struct side *inner_side(const struct storing *s)
{
	return s->e->along_n ? &s->n : &s->m;
}

const struct side *outer_side(const struct storing *s)
{
	return s->e->along_n ? &s->m : &s->n;
}

static int store_width(const struct storing *s, const struct output *o)
{
	const struct side *d = inner_side(s);
	int v = s->e->along_n ? o->vec_n : o->vec_m;

	v = v < d->vec ? v : d->vec;
	return d->patches ? halo_together(d->patches->of, v) : v;
}

bool output_in_pass(const struct emission *m, const struct output *o)
{
	return o->pass == m->pass && (!o->per_row || o->reduction);
}

/* Does the present pass store "o" element by element? */
bool output_stores(const struct emission *m, const struct output *o)
{
	return output_in_pass(m, o) && !o->per_row && o->stored;
}

/* Where a thread's group "at" begins, counted from its first. */
static struct kx *group_offset(struct arena *a, const struct side *d,
	struct kx *at)
{
	struct kx *step = kx_int(a, (int64_t)d->lanes * d->vec), *n;

	if (!d->together)
		return kx_mul(a, at, step);
	n = kx_int(a, d->together);
	return kx_add(a, kx_mul(a, kx_div(a, at, n), kx_int(a, d->pitch)),
		kx_mul(a, kx_mod(a, at, n), step));
}

struct kx *side_offset(struct arena *a, const struct side *d, struct kx *i,
	int width)
{
	struct kx *vec = kx_int(a, d->vec), *at;

	if (width == d->vec) {
		at = group_offset(a, d, i);
	} else {
		i = kx_mul(a, i, kx_int(a, width));
		at = kx_add(a, group_offset(a, d, kx_div(a, i, vec)),
			kx_mod(a, i, vec));
	}
	return kx_add(a, at, kx_mul(a, d->lane, vec));
}

static struct kx *position(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *i, int width)
{
	return ks_let(s->a, b, d->name, kx_add(s->a, d->first,
		side_offset(s->a, d, i, width)));
}

static struct k_block *inside(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *at)
{
	if (d->own)
		b = ks_if(s->a, b, kx_op(s->a, OP_LE, T_BOOL, 2, d->own, at));
	if (!d->ragged)
		return b;
	return ks_if(s->a, b, kx_lt(s->a, at, kx_int(s->a, d->extent)));
}

void side_axes(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *at, struct kx **env)
{
	struct near x = near_at(at);
	struct arena *a = s->a;

	if (d->row_first)
		x = near_in(near_at(d->row_first), d->row, kx_sub(a, at,
			d->row_first));
	flat_axes_near(a, b, s->t->op, d->axes, d->n_axes, x, env);
}

struct k_block *side_enter(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *at, struct kx **env)
{
	struct kx *cond;

	if (!d->patches) {
		b = inside(s, b, d, at);
		side_axes(s, b, d, at, env);
		return b;
	}
	cond = halo_axes(s->a, b, s->t->op, d->axes, d->n_axes, d->patches, at,
		env);
	return cond ? ks_if(s->a, b, cond) : b;
}

/* The longest vector as which "e" can be read along the inner side. */
static int read_width(const struct storing *s, const struct ir_expr *e)
{
	const struct ir_tensor *t = &s->t->op->tensors[e->tensor];
	struct output o = { .tensor = t, .index = e->args };

	if (e->pad != IR_PAD_NONE || dtype_row(t->type)->bits < 8)
		return 1;
	output_vectors(s->t, s->c, &o);
	return store_width(s, &o);
}

static bool is_output(const struct storing *s, int tensor)
{
	for (int i = 0; i < s->e->n; i++)
		if (s->e->outputs[i].tensor->id == tensor)
			return true;
	return is_row_value(s, tensor);
}

static void widen(struct ir_expr *e, void *ctx)
{
	struct emission *m = ctx;
	int w = e->kind == IR_READ && !is_output(m->s, e->tensor) ?
		read_width(m->s, e) : 1;

	if (w > m->width)
		m->width = w;
}

static void note_read(struct ir_expr *e, void *ctx)
{
	struct emission *m = ctx;
	const struct storing *s = m->s;
	int64_t dims[1] = { m->width };
	const struct ir_tensor *t;

	if (e->kind != IR_READ || m->n_reads == READS_MAX ||
	    is_output(s, e->tensor) || m->width < 2 ||
	    read_width(s, e) < m->width)
		return;
	t = &s->t->op->tensors[e->tensor];
	for (int i = 0; i < m->n_reads; i++)
		if (ir_equal(m->reads[i], e))
			return;
	m->reads[m->n_reads] = e;
	m->held[m->n_reads++] = kernel_array(s->k, K_REGISTER,
		arena_printf(s->a, "%s_vector", t->name), t->type, 1, dims, 16);
}

static struct kx *offset_of(struct emission *m, const struct ir_tensor *t,
	struct ir_expr *const *index)
{
	struct kx **idx = ARENA_ARRAY(m->env.a, (size_t)t->rank, struct kx *);

	for (int d = 0; d < t->rank; d++)
		idx[d] = index_value(&m->env, index[d]);
	return lower_offset(&m->env, t, idx);
}

static void load_vectors(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;

	m->env.block = b;
	for (int i = 0; i < m->n_reads; i++) {
		const struct ir_tensor *t =
			&s->t->op->tensors[m->reads[i]->tensor];

		ks_copy(s->a, b, COPY_PLAIN, k_place(m->held[i],
			kx_int(s->a, 0)), k_place(s->buffers[t->id],
			offset_of(m, t, m->reads[i]->args)),
			m->width * dtype_row(t->type)->bits / 8, NULL, 0);
	}
}

struct k_place output_place(struct emission *m, int i)
{
	const struct output *o = &m->s->e->outputs[i];

	return k_place(m->s->buffers[o->tensor->id], offset_of(m, o->tensor,
		o->index));
}

static void keep(struct emission *m, struct k_block *b, int i)
{
	struct arena *a = m->s->a;
	struct kx *at = kx_add(a, m->first, m->element);

	ks_store(a, b, m->s->e->along_n ? k_place(m->kept[i], m->row, at) :
		k_place(m->kept[i], at, m->row), m->values[i]);
}

/* Output "i" of the present element. */
static void compute_output(struct emission *m, struct k_block *b, int i)
{
	const struct output *o = &m->s->e->outputs[i];
	struct arena *a = m->s->a;
	enum dtype type = lower_type(o->tensor->type);
	struct kx *v = o->value ? lower_expr(&m->env, o->value) :
		sum_of(m, o);

	if (m->taken[i]) {
		taken_give(m, b, i, lower_convert(a, v, type));
		if (m->kept[i])
			keep(m, b, i);
		return;
	}
	v = ks_let(a, b, arena_printf(a, "%s_value", o->tensor->name),
		lower_convert(a, lower_convert(a, v, type), o->tensor->type));
	m->values[i] = lower_convert(a, v, type);
	if (m->kept[i])
		keep(m, b, i);
	if (!o->stored)
		return;
	if (m->outs[i])
		ks_store(a, b, k_place(m->outs[i], m->element), v);
	else
		ks_store(a, b, output_place(m, i), v);
}

static void store_vectors(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;

	m->env.block = b;
	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		if (m->outs[i])
			ks_copy(s->a, b, COPY_PLAIN, output_place(m, i),
				k_place(m->outs[i], kx_int(s->a, 0)),
				m->width * dtype_row(o->tensor->type)->bits / 8,
				NULL, 0);
	}
}

/* Elements at a time in the present pass: the most that it stores, or reads
 * where it stores nothing. */
static int pass_width(struct emission *m)
{
	const struct epilogue *e = m->s->e;
	bool any = false;

	m->width = 1;
	for (int i = 0; i < e->n; i++) {
		const struct output *o = &e->outputs[i];
		int w = output_stores(m, o) ? store_width(m->s, o) : 1;

		any |= output_stores(m, o);
		m->width = w > m->width ? w : m->width;
	}
	for (int i = 0; i < e->n && !any; i++)
		if (output_in_pass(m, &e->outputs[i]) && e->outputs[i].value)
			ir_walk(e->outputs[i].value, widen, m);
	return m->width;
}

/* Vectors of what the present pass reads and stores. */
static void declare_vectors(struct emission *m)
{
	const struct storing *s = m->s;
	int64_t dims[1] = { pass_width(m) };

	m->n_reads = 0;
	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		m->outs[i] = NULL;
		if (output_in_pass(m, o) && o->value)
			ir_walk(o->value, note_read, m);
		if (output_stores(m, o) && !m->taken[i] && m->width > 1 &&
		    store_width(s, o) >= m->width)
			m->outs[i] = kernel_array(s->k, K_REGISTER,
				arena_printf(s->a, "%s_vector", o->tensor->name),
				o->tensor->type, 1, dims, 16);
	}
}

/* The axes' values so far stay with the caller; those of single elements go
 * into a copy. */
static struct kx **keep_axes(struct emission *m)
{
	size_t n = (size_t)m->s->t->op->n_axes;
	struct kx **first = m->env.axes;

	m->env.axes = ARENA_ARRAY(m->env.a, n, struct kx *);
	memcpy(m->env.axes, first, n * sizeof *first);
	return first;
}

/* Element "e" of the present vector, all whose axes have a value. */
static void emit_element(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;
	bool alone = s->e->rows && rows_of(s) == inner_side(s);

	if (alone) {
		m->row_at = kx_add(s->a, m->first, m->element);
		rows_open(m, b);
	}
	for (int x = 0; x < s->e->n; x++)
		if (output_in_pass(m, &s->e->outputs[x]) &&
		    !s->e->outputs[x].reduction)
			compute_output(m, b, x);
	if (s->e->rows)
		rows_take(m, b);
	if (alone)
		rows_close(m, b);
}

/* Values of the axes of side "d" at element "e" of the vector that starts at
 * "at", of which, where it is in a patch, there are the values. */
static void element_axes(struct emission *m, struct k_block *b,
	const struct side *d, struct kx *at, struct kx *e)
{
	struct arena *a = m->s->a;
	struct kx **across;

	if (!d->patches) {
		side_axes(m->s, b, d, kx_add(a, at, e), m->env.axes);
		return;
	}
	across = &m->env.axes[d->patches->of->axes[HALO_ACROSS]];
	*across = kx_add(a, *across, e);
}

/* The "width" neighbouring elements that start at "at" on side "d". */
static void emit_vector(struct emission *m, struct k_block *b,
	const struct side *d, struct kx *at)
{
	const struct storing *s = m->s;
	struct arena *a = s->a;
	struct k_block *each;
	struct kx *e, **first;

	if (m->width > 1 && !d->patches)
		side_axes(s, b, d, at, m->env.axes);
	load_vectors(m, b);
	each = tile_loop(a, b, "e", m->width, &e);
	m->env.block = each;
	m->element = e;
	first = keep_axes(m);
	element_axes(m, each, d, at, e);
	emit_element(m, each);
	m->env.axes = first;
	store_vectors(m, b);
}

static struct emission start(const struct storing *s)
{
	struct emission m = { .s = s };

	m.env = (struct lower_env){ .a = s->a, .op = s->t->op, .axes =
		ARENA_ARRAY(s->a, (size_t)s->t->op->n_axes, struct kx *),
		.buffers = s->buffers, .hook = value_of_read };
	return m;
}

/* What later passes read of elements, but for the accumulators themselves. */
static void declare_kept(struct emission *m)
{
	const struct storing *s = m->s;
	int64_t dims[2] = { s->m.mine, s->n.mine };

	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		if (!o->per_row && o->value && o->last > o->pass)
			m->kept[i] = kernel_array(s->k, K_REGISTER,
				arena_printf(s->a, "%s_kept", o->tensor->name),
				lower_type(o->tensor->type), 2, dims, 16);
	}
}

static void decode_batch(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;

	for (int x = 0; x < s->c->n_batch; x++)
		m->env.axes[s->c->batch[x]] = kx_int(s->a, 0);
	if (s->batch)
		flat_axes(s->a, b, s->t->op, s->c->batch, s->c->n_batch,
			s->batch, m->env.axes);
}

void emit_elements(struct emission *m, struct k_block *b, struct reach rows,
	struct reach cols)
{
	const struct storing *s = m->s;
	const struct side *out = outer_side(s), *in = inner_side(s);
	bool by_row = s->e->rows && rows_of(s) == out;
	struct kx *width = kx_int(s->a, m->width), *j, *at;
	struct k_block *row, *vector;

	row = tile_loop(s->a, b, "i", rows.n, &m->row_in);
	m->row = kx_add(s->a, rows.first, m->row_in);
	at = position(s, row, out, m->row, 1);
	row = side_enter(s, row, out, at, m->env.axes);
	if (by_row) {
		m->row_at = m->row;
		rows_open(m, row);
	}
	vector = tile_loop(s->a, row, "j", cols.n / m->width, &j);
	m->first_in = kx_mul(s->a, j, width);
	m->first = kx_add(s->a, cols.first, m->first_in);
	at = position(s, vector, in, kx_add(s->a, kx_div(s->a, cols.first,
		width), j), m->width);
	vector = in->patches ? side_enter(s, vector, in, at, m->env.axes) :
		inside(s, vector, in, at);
	emit_vector(m, vector, in, at);
	if (by_row)
		rows_close(m, row);
}

/* All of the thread's elements, in pass m->pass. */
static void emit_pass(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;
	struct kx *zero = kx_int(s->a, 0);
	bool parts = taken_declare(m);

	declare_vectors(m);
	lines_plan(m);
	if (parts)
		taken_emit(m, b);
	else
		lines_emit(m, b, (struct reach){ zero, outer_side(s)->mine },
			(struct reach){ zero, inner_side(s)->mine });
}

void epilogue_emit(const struct storing *s, struct k_block *b)
{
	struct emission m = start(s);

	m.env.ctx = &m;
	decode_batch(&m, b);
	declare_kept(&m);
	if (s->e->rows)
		rows_declare(&m);
	for (m.pass = 0; m.pass < s->e->passes; m.pass++) {
		if (s->e->rows)
			rows_start(&m, b);
		emit_pass(&m, b);
		if (s->e->rows)
			rows_finish(&m, b);
	}
}

void epilogue_emit_box(const struct storing *s, struct k_block *b,
	const struct side *sides, int n, struct kx *box)
{
	struct emission m = start(s);
	struct arena *a = s->a;

	m.env.ctx = &m;
	m.first = box;
	declare_vectors(&m);
	for (int x = 0; x < s->c->stmt->n_axes; x++)
		m.env.axes[s->c->stmt->axes[x]] = kx_int(a, 0);
	for (int d = 0; d < n; d++) {
		const struct side *y = &sides[d];
		int64_t step = d == n - 1 ? m.width : 1;
		struct kx *i, *at;

		b = tile_loop(a, b, y->name, y->mine / step, &i);
		i = kx_mul(a, i, kx_int(a, step));
		at = ks_let(a, b, y->name, kx_add(a, y->first, i));
		b = inside(s, b, y, at);
		m.first = kx_add(a, kx_mul(a, m.first, kx_int(a, y->mine)), i);
		if (d == n - 1)
			emit_vector(&m, b, y, at);
		else
			m.env.axes[y->axes[0]] = at;
	}
}
