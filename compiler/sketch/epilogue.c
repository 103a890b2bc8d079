/* SPDX-License-Identifier: MIT */
/* Epilogues of contractions. Statements that follow a contraction element by
 * element are rewritten in the contraction's own axes; then each accumulator
 * in a thread's registers passes through them and is stored, several at once
 * where the output's layout allows. */
#include "sketch/epilogue.h"

#include <string.h>

#include "sketch/common.h"
#include "sketch/stage.h"

/* ---- statements in the contraction's axes ---- */

struct rewriting {
	struct arena *a;
	const struct ir_operator *op;
	struct ir_expr **with;
	bool ok;
};

/* Axis values that make the affine index "e" equal "value": a plain axis, or
 * digits of a mixed radix such as o * 4 + i. */
static bool solve(struct rewriting *w, const struct ir_expr *e,
	struct ir_expr *value)
{
	struct ir_affine f;

	if (!ir_affine(w->a, w->op, e, &f) || f.c != 0)
		return false;
	for (int i = 0; i < w->op->n_axes; i++) {
		const struct ir_axis *x = &w->op->axes[i];
		struct ir_expr *v = value;

		if (!f.coef[i])
			continue;
		if (f.coef[i] < 0 || x->lo)
			return false;
		if (f.coef[i] > 1)
			v = ir_apply(w->a, OP_DIV, T_I64, 2, v,
				ir_int(w->a, f.coef[i], T_I64));
		for (int j = 0; j < w->op->n_axes; j++)
			if (f.coef[j] > f.coef[i]) {
				v = ir_apply(w->a, OP_MOD, T_I64, 2, v,
					ir_int(w->a, x->extent, T_I64));
				break;
			}
		w->with[i] = v;
	}
	return true;
}

struct search_read {
	int tensor;
	struct ir_expr *found;
};

static void find_read(struct ir_expr *e, void *ctx)
{
	struct search_read *s = ctx;

	if (e->kind == IR_READ && e->tensor == s->tensor && !s->found)
		s->found = e;
}

/* Statement "s" reads some earlier member at indices that are its own axes;
 * that gives its axes' values in terms of the contraction's. */
static bool map_axes(struct task *t, const struct epilogue *f,
	const struct ir_stmt *s, struct ir_expr **with)
{
	struct rewriting w = { t->a, t->op, with, true };

	for (int i = 0; i < f->n; i++) {
		struct search_read r = { (int)(f->outputs[i].tensor -
			t->op->tensors), NULL };
		bool ok = true;

		ir_walk(s->expr, find_read, &r);
		if (!r.found)
			continue;
		for (int d = 0; d < r.found->n_args && ok; d++)
			ok = solve(&w, r.found->args[d],
				f->outputs[i].index[d]);
		for (int j = 0; j < s->n_axes && ok; j++)
			ok = with[s->axes[j]] ||
				t->op->axes[s->axes[j]].extent == 1;
		if (ok)
			return true;
	}
	return false;
}

/* The same element: axes of extent 1 have one value, whichever is written. */
static bool same_index(const struct task *t, const struct ir_expr *x,
	const struct ir_expr *y)
{
	struct ir_affine f, g;

	if (!ir_affine(t->a, t->op, x, &f) || !ir_affine(t->a, t->op, y, &g))
		return false;
	for (int i = 0; i < t->op->n_axes; i++) {
		const struct ir_axis *axis = &t->op->axes[i];

		if (axis->extent == 1) {
			f.c += f.coef[i] * axis->lo;
			g.c += g.coef[i] * axis->lo;
		} else if (f.coef[i] != g.coef[i]) {
			return false;
		}
	}
	return f.c == g.c;
}

struct own_reads {
	const struct task *t;
	const struct epilogue *e;
	bool ok;
};

static void check_read(struct ir_expr *e, void *ctx)
{
	struct own_reads *r = ctx;

	if (e->kind != IR_READ)
		return;
	for (int i = 0; i < r->e->n; i++) {
		const struct output *o = &r->e->outputs[i];

		if (o->tensor->id != e->tensor)
			continue;
		for (int d = 0; d < e->n_args; d++)
			r->ok &= same_index(r->t, e->args[d], o->index[d]);
	}
}

static bool reads_own_element(const struct task *t, const struct epilogue *f,
	struct ir_expr *value)
{
	struct own_reads r = { t, f, true };

	ir_walk(value, check_read, &r);
	return r.ok;
}

static bool read_outside(const struct task *t, int tensor)
{
	for (int i = 0; i < t->op->n_stmts; i++) {
		struct search_read r = { tensor, NULL };
		bool inside = false;

		for (int j = 0; j < t->group->n_stmts; j++)
			inside |= t->group->stmts[j] == i;
		if (inside)
			continue;
		ir_walk(t->op->stmts[i].expr, find_read, &r);
		if (r.found)
			return true;
	}
	return false;
}

/* Elements storable at once along "axes", when the others stay aligned. */
static int store_vector(const struct task *t, const struct ir_affine *at,
	const struct ir_tensor *tensor, const int *along, int n_along,
	const int *const others[2], const int n_others[2])
{
	int elem = dtype_row(tensor->type)->bits / 8;
	int v = elem ? 16 / elem : 1;
	struct flat f;

	if (!flat_make(t->op, along, n_along, at, 1, &f))
		return 1;
	v = flat_alignment(&f, flat_vector(&f, 1, v < 4 ? v : 4), true);
	for (int i = 0; i < 2; i++) {
		if (!flat_make(t->op, others[i], n_others[i], at, 1, &f))
			return 1;
		v = flat_alignment(&f, v, false);
	}
	while (v > 1 && (at->c % v || tensor->align % (v * elem)))
		v /= 2;
	return v;
}

static void choose_stores(const struct task *t,
	const struct ir_contraction *c, struct output *out)
{
	struct ir_affine at;

	out->vec_m = out->vec_n = 1;
	if (!ir_address(t->a, t->op, out->tensor, out->index, &at))
		return;
	out->vec_n = store_vector(t, &at, out->tensor, c->n, c->n_n,
		(const int *const[]){ c->m, c->batch },
		(const int[]){ c->n_m, c->n_batch });
	out->vec_m = store_vector(t, &at, out->tensor, c->m, c->n_m,
		(const int *const[]){ c->n, c->batch },
		(const int[]){ c->n_n, c->n_batch });
}

static bool add_output(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, int stmt, const char **why)
{
	const struct ir_stmt *s = &t->op->stmts[stmt];
	struct output *out = &f->outputs[f->n];
	struct ir_expr **with = ARENA_ARRAY(t->a, (size_t)t->op->n_axes,
		struct ir_expr *);

	if (f->n == OUTPUTS_MAX) {
		*why = "more than eight statements follow the contraction";
		return false;
	}
	*out = (struct output){ .tensor = &t->op->tensors[s->tensor] };
	out->index = ARENA_ARRAY(t->a, (size_t)out->tensor->rank,
		struct ir_expr *);
	if (stmt != t->group->anchor_stmt) {
		if (!map_axes(t, f, s, with)) {
			*why = arena_printf(t->a, "'%s' does not follow the "
				"contraction element by element",
				out->tensor->name);
			return false;
		}
		for (int j = 0; j < s->n_axes; j++)
			if (!with[s->axes[j]])
				with[s->axes[j]] = ir_int(t->a,
					t->op->axes[s->axes[j]].lo, T_I64);
		out->value = ir_substitute(t->a, s->expr, with);
		if (!reads_own_element(t, f, out->value)) {
			*why = arena_printf(t->a, "'%s' reads other elements "
				"of the contraction than its own",
				out->tensor->name);
			return false;
		}
	}
	for (int d = 0; d < out->tensor->rank; d++)
		out->index[d] = ir_substitute(t->a, s->index[d], with);
	out->stored = out->tensor->role == IR_OUT ||
		read_outside(t, s->tensor);
	choose_stores(t, c, out);
	f->n++;
	return true;
}

bool epilogue_analyse(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, const char **why)
{
	const struct output *last;

	for (int i = 0; i < t->group->n_stmts; i++)
		if (!add_output(t, c, f, t->group->stmts[i], why))
			return false;
	last = &f->outputs[f->n - 1];
	f->along_n = last->vec_n > 1 || last->vec_m == 1;
	return true;
}

/* ---- bytes ---- */

static double tensor_bytes(const struct ir_tensor *t)
{
	return (double)t->elements * dtype_row(t->type)->bits / 8;
}

double epilogue_bytes(const struct task *t)
{
	double bytes = 0;

	for (int i = 0; i < t->op->n_tensors; i++) {
		struct search_read r = { i, NULL };
		bool written = false;

		for (int j = 0; j < t->group->n_stmts; j++) {
			const struct ir_stmt *s =
				&t->op->stmts[t->group->stmts[j]];

			ir_walk(s->expr, find_read, &r);
			written |= s->tensor == i;
		}
		if (written ? t->op->tensors[i].role == IR_OUT ||
		    read_outside(t, i) : r.found != NULL)
			bytes += tensor_bytes(&t->op->tensors[i]);
	}
	return bytes;
}

/* ---- code ---- */

/* State while one vector of elements is computed. "held[i]" has the vector of
 * read "reads[i]"; "values" those of outputs already computed for the present
 * element, whose number in the vector is "element". */
enum { READS_MAX = 16 };

struct emission {
	const struct storing *s;
	struct lower_env env;
	const struct ir_expr *reads[READS_MAX];
	struct k_buffer *held[READS_MAX];
	int n_reads;
	struct kx *values[OUTPUTS_MAX], *element;
	struct kx *row, *first;		/* of the accumulators */
	struct k_buffer *outs[OUTPUTS_MAX];
	int width;
};

static struct kx *value_of_read(void *ctx, const struct ir_expr *e)
{
	struct emission *m = ctx;

	if (e->kind != IR_READ)
		return NULL;
	for (int i = 0; i < m->s->e->n; i++)
		if (m->s->e->outputs[i].tensor->id == e->tensor)
			return m->values[i];
	for (int i = 0; i < m->n_reads; i++)
		if (ir_equal(m->reads[i], e))
			return lower_convert(m->env.a, kx_load(m->env.a,
				m->held[i], m->element), lower_type(e->type));
	return NULL;
}

static const struct side *inner_side(const struct storing *s)
{
	return s->e->along_n ? &s->n : &s->m;
}

static const struct side *outer_side(const struct storing *s)
{
	return s->e->along_n ? &s->m : &s->n;
}

static int store_width(const struct storing *s, const struct output *o)
{
	int v = s->e->along_n ? o->vec_n : o->vec_m;

	return v < inner_side(s)->vec ? v : inner_side(s)->vec;
}

static int widest_store(const struct storing *s)
{
	int w = 1;

	for (int i = 0; i < s->e->n; i++)
		if (s->e->outputs[i].stored &&
		    store_width(s, &s->e->outputs[i]) > w)
			w = store_width(s, &s->e->outputs[i]);
	return w;
}

static struct kx *position(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *i, int width)
{
	struct arena *a = s->a;
	struct kx *vec = kx_int(a, d->vec), *at;

	if (width == d->vec)
		at = kx_mul(a, i, kx_int(a, (int64_t)d->lanes * width));
	else
		at = kx_add(a, kx_mul(a, kx_div(a, kx_mul(a, i, kx_int(a,
			width)), vec), kx_int(a, (int64_t)d->lanes * d->vec)),
			kx_mod(a, kx_mul(a, i, kx_int(a, width)), vec));
	at = kx_add(a, at, kx_mul(a, d->lane, vec));
	return ks_let(a, b, d->name, kx_add(a, d->first, at));
}

static struct k_block *inside(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *at)
{
	if (!d->ragged)
		return b;
	return ks_if(s->a, b, kx_lt(s->a, at, kx_int(s->a, d->extent)));
}

/* Can "e" be read as one vector of "width" along the inner side? */
static bool vector_read(const struct storing *s, const struct ir_expr *e,
	int width)
{
	const struct ir_tensor *t = &s->t->op->tensors[e->tensor];
	struct output o = { .tensor = t, .index = e->args };

	if (e->pad != IR_PAD_NONE || width < 2 ||
	    dtype_row(t->type)->bits < 8)
		return false;
	choose_stores(s->t, s->c, &o);
	return (s->e->along_n ? o.vec_n : o.vec_m) >= width;
}

static void note_read(struct ir_expr *e, void *ctx)
{
	struct emission *m = ctx;
	const struct storing *s = m->s;
	int64_t dims[1] = { m->width };
	const struct ir_tensor *t;

	if (e->kind != IR_READ || m->n_reads == READS_MAX)
		return;
	t = &s->t->op->tensors[e->tensor];
	for (int i = 0; i < s->e->n; i++)
		if (s->e->outputs[i].tensor == t)
			return;
	if (!vector_read(s, e, m->width))
		return;
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

/* Output "i" of the present element, from the accumulator's value. */
static void compute_output(struct emission *m, struct k_block *b, int i,
	struct kx *acc)
{
	const struct output *o = &m->s->e->outputs[i];
	struct arena *a = m->s->a;
	enum dtype type = lower_type(o->tensor->type);
	struct kx *v = o->value ? lower_expr(&m->env, o->value) : acc;

	v = ks_let(a, b, arena_printf(a, "%s_value", o->tensor->name),
		lower_convert(a, lower_convert(a, v, type), o->tensor->type));
	m->values[i] = lower_convert(a, v, type);
	if (!o->stored)
		return;
	if (m->outs[i])
		ks_store(a, b, k_place(m->outs[i], m->element), v);
	else
		ks_store(a, b, k_place(m->s->buffers[o->tensor->id],
			offset_of(m, o->tensor, o->index)), v);
}

static void store_vectors(struct emission *m, struct k_block *b)
{
	const struct storing *s = m->s;

	m->env.block = b;
	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		if (m->outs[i])
			ks_copy(s->a, b, COPY_PLAIN,
				k_place(s->buffers[o->tensor->id],
					offset_of(m, o->tensor, o->index)),
				k_place(m->outs[i], kx_int(s->a, 0)),
				m->width * dtype_row(o->tensor->type)->bits / 8,
				NULL, 0);
	}
}

static void declare_vectors(struct emission *m)
{
	const struct storing *s = m->s;
	int64_t dims[1] = { m->width };

	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		if (o->value)
			ir_walk(o->value, note_read, m);
		if (o->stored && m->width > 1 && store_width(s, o) >= m->width)
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

/* The accumulator of element "e" of the present vector. */
static struct kx *accumulator(const struct emission *m, struct kx *e)
{
	const struct storing *s = m->s;
	struct kx *at = kx_add(s->a, m->first, e);

	if (s->acc->rank == 1)
		return kx_load(s->a, s->acc, at);
	return s->e->along_n ? kx_load(s->a, s->acc, m->row, at) :
		kx_load(s->a, s->acc, at, m->row);
}

/* The "width" neighbouring elements that start at "at" along "axes". */
static void emit_vector(struct emission *m, struct k_block *b,
	const int *axes, int n_axes, struct kx *at)
{
	const struct storing *s = m->s;
	struct arena *a = s->a;
	struct k_block *each;
	struct kx *e, *acc, **first;

	if (m->width > 1)
		flat_axes(a, b, s->t->op, axes, n_axes, at, m->env.axes);
	load_vectors(m, b);
	each = tile_loop(a, b, "e", m->width, &e);
	m->env.block = each;
	m->element = e;
	acc = accumulator(m, e);
	first = keep_axes(m);
	flat_axes(a, each, s->t->op, axes, n_axes, kx_add(a, at, e),
		m->env.axes);
	for (int x = 0; x < s->e->n; x++)
		compute_output(m, each, x, acc);
	m->env.axes = first;
	store_vectors(m, b);
}

static struct emission start(const struct storing *s)
{
	struct emission m = { .s = s, .width = widest_store(s) };

	m.env = (struct lower_env){ .a = s->a, .op = s->t->op, .axes =
		ARENA_ARRAY(s->a, (size_t)s->t->op->n_axes, struct kx *),
		.buffers = s->buffers, .hook = value_of_read };
	return m;
}

void epilogue_emit(const struct storing *s, struct k_block *b)
{
	const struct side *out = outer_side(s), *in = inner_side(s);
	struct emission m = start(s);
	struct kx *j, *at;

	m.env.ctx = &m;
	declare_vectors(&m);
	if (s->batch)
		flat_axes(s->a, b, s->t->op, s->c->batch, s->c->n_batch,
			s->batch, m.env.axes);
	else
		for (int x = 0; x < s->c->n_batch; x++)
			m.env.axes[s->c->batch[x]] = kx_int(s->a, 0);
	b = tile_loop(s->a, b, "i", out->mine, &m.row);
	at = position(s, b, out, m.row, 1);
	b = inside(s, b, out, at);
	flat_axes(s->a, b, s->t->op, out->axes, out->n_axes, at, m.env.axes);
	b = tile_loop(s->a, b, "j", in->mine / m.width, &j);
	m.first = kx_mul(s->a, j, kx_int(s->a, m.width));
	at = position(s, b, in, j, m.width);
	b = inside(s, b, in, at);
	emit_vector(&m, b, in->axes, in->n_axes, at);
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
			emit_vector(&m, b, y->axes, 1, at);
		else
			m.env.axes[y->axes[0]] = at;
	}
}

struct binding {
	const struct storing *s;
	const struct program *p;
	struct p_step *step;
};

static void bind_read(struct ir_expr *e, void *ctx)
{
	struct binding *g = ctx;
	const struct ir_tensor *t;

	if (e->kind != IR_READ)
		return;
	t = &g->s->t->op->tensors[e->tensor];
	for (int i = 0; i < g->s->e->n; i++)
		if (g->s->e->outputs[i].tensor == t)
			return;
	if (!g->s->buffers[t->id])
		g->s->buffers[t->id] = program_bind(g->s->a, g->p, g->step,
			g->s->k, t, false);
}

void epilogue_bind(const struct storing *s, const struct program *p,
	struct p_step *step)
{
	struct binding g = { s, p, step };

	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		if (o->value)
			ir_walk(o->value, bind_read, &g);
		if (o->stored)
			s->buffers[o->tensor->id] = program_bind(s->a, p, step,
				s->k, o->tensor, true);
	}
}
