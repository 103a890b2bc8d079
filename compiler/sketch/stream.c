/* SPDX-License-Identifier: MIT */
/* A walk in a kernel: positions become addresses, accesses become vector
 * moves between memory and registers, statements become values. Loads come
 * apart from the arithmetic, so that several vectors are in flight before the
 * first is used. Whoever calls keeps positions within the walk. */
#include "sketch/walk.h"

struct stream stream_create(struct arena *a, const struct ir_operator *o,
	const struct walk *w, struct kernel *k, struct k_buffer **buffers,
	struct kx **values, int v)
{
	struct stream s = {
		.a = a, .op = o, .w = w, .kernel = k, .buffers = buffers,
		.values = values, .v = v,
		.wide = w->in.total > INT32_MAX / 2 ||
			w->rows.total > INT32_MAX / 2,
	};

	s.held = ARENA_ARRAY(a, (size_t)w->acc.n + 1, struct held_access);
	s.kept = ARENA_ARRAY(a, (size_t)w->pieces.n + 1, struct held_access);
	return s;
}

void stream_bind(const struct task *t, struct arena *a, const struct walk *w,
	const struct program *p, struct p_step *step, struct kernel *k,
	struct k_buffer **buffers, uint64_t readers, uint64_t writers)
{
	for (int id = 0; id < t->op->n_tensors; id++) {
		uint64_t read = 0, written = 0;

		for (int i = 0; i < w->acc.n; i++) {
			const struct access *x = &w->acc.v[i];

			if (x->tensor->id != id)
				continue;
			read |= x->read ? x->pieces & readers : 0;
			written |= x->read ? 0 : x->pieces & writers;
		}
		if (read || written)
			buffers[id] = program_bind(a, p, step, k,
				&t->op->tensors[id], written != 0);
	}
}

void stream_row(struct stream *s, struct k_block *b, struct kx *row)
{
	nest_decode(s->a, b, &s->w->rows, row, s->row);
}

struct point stream_point(struct stream *s, struct k_block *b, struct kx *at)
{
	struct point p = { .flat = at };

	if (s->w->in.n_runs > 1)
		p.flat = ks_let(s->a, b, "at", at);
	nest_decode(s->a, b, &s->w->in, p.flat, p.in);
	if (s->w->in.n_runs == 1)
		p.flat = p.in[0];
	return p;
}

/* Does access "i" move in vectors that go on from run to run? */
static bool is_across(const struct stream *s, int i)
{
	return s->spans && i < 64 && s->across >> i & 1;
}

struct kx *stream_address(const struct stream *s, const struct access *x,
	const struct point *p)
{
	const struct walk *w = s->w;
	bool wide = s->buffers[x->tensor->id]->wide;
	struct arena *a = s->a;

	if (p->flat && !p->apart && is_across(s, (int)(x - w->acc.v)))
		return kx_add(a, kx_cast(a, wide ? T_I64 : T_I32, p->flat),
			kx_int(a, x->at.c));
	return kx_add(a, kx_add(a, nest_sum(a, &w->rows, x->at.row, s->row,
		wide), nest_sum(a, &w->in, x->at.in, p->in, wide)),
		kx_int(a, x->at.c));
}

static struct kx *element_address(const struct stream *s,
	const struct access *x, struct kx *base, const struct point *p,
	struct kx *element)
{
	const struct walk *w = s->w;

	if (!element || !w->in.n || p->apart)
		return base;
	return kx_add(s->a, base, kx_mul(s->a, element,
		kx_int(s->a, x->at.in[w->in.n - 1])));
}

/* Elements of access "i" that move together. */
static int chunk_of(const struct stream *s, int i)
{
	if (s->spans)
		return is_across(s, i) ? s->v : 1;
	return access_chunk(&s->w->acc.v[i], s->v);
}

/* Is access "i" to be loaded ahead of its use? */
static bool is_read(const struct stream *s, uint64_t mask, int i)
{
	const struct access *x = &s->w->acc.v[i];

	return i < 64 && (mask >> i & 1) && x->read && (x->direct ||
		(x->guarded && chunk_of(s, i) > 1));
}

/* "n" elements, or "slots" times as many; a slotted single element has one
 * index only. */
static struct k_buffer *registers(struct stream *s, const char *name,
	enum dtype type, int slots, int n)
{
	const int64_t dims[2] = { slots, n }, flat = (int64_t)slots * n;

	name = arena_printf(s->a, "%s_v", name);
	if (slots > 1 && n > 1)
		return kernel_array(s->kernel, K_REGISTER, name, type, 2,
			dims, VECTOR_BYTES);
	return kernel_array(s->kernel, K_REGISTER, name, type, 1, &flat,
		VECTOR_BYTES);
}

void stream_hold(struct stream *s, uint64_t mask, int slots, bool always)
{
	for (int i = 0; i < s->w->acc.n; i++) {
		const struct access *x = &s->w->acc.v[i];
		int n = access_uniform(s->w, x) ? 1 : s->v;
		struct held_access *h = &s->held[i];

		if (!is_read(s, mask, i) || h->buffer ||
		    (slots * n == 1 && !always))
			continue;
		h->slotted = slots > 1;
		h->buffer = registers(s, x->tensor->name, x->tensor->type,
			slots, n);
	}
}

static struct k_place register_place(const struct stream *s,
	const struct held_access *h, const struct point *p, struct kx *element)
{
	struct kx *slot = h->carried ? s->carried : p->slot ? p->slot :
		kx_int(s->a, 0);

	if (h->buffer->rank == 2)
		return k_place(h->buffer, slot, element);
	return k_place(h->buffer, h->slotted ? slot : element);
}

static struct kx *register_load(const struct stream *s,
	const struct held_access *h, const struct point *p, struct kx *element)
{
	struct k_place at = register_place(s, h, p, element);

	if (at.buffer->rank == 2)
		return kx_load(s->a, at.buffer, at.index[0], at.index[1]);
	return kx_load(s->a, at.buffer, at.index[0]);
}

/* Where "cond" is false, the read's pad. */
static void load_vector(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *base, struct kx *cond)
{
	const struct access *x = &s->w->acc.v[i];
	struct k_buffer *from = s->buffers[x->tensor->id];
	int chunk = chunk_of(s, i);
	int bytes = chunk * dtype_row(x->tensor->type)->bits / 8;

	for (int e = 0; e < s->v; e += chunk)
		ks_copy(s->a, b, COPY_PLAIN, register_place(s, &s->held[i], p,
			kx_int(s->a, e)), k_place(from, kx_add(s->a, base,
			kx_int(s->a, e))), bytes, cond, x->read->f);
}

static void load_elements(struct stream *s, struct k_block *b,
	const struct access *x, const struct held_access *h,
	const struct point *p, struct kx *base)
{
	struct k_buffer *from = s->buffers[x->tensor->id];
	struct kx *e = kx_int(s->a, 0);

	if (!access_uniform(s->w, x) && s->v > 1)
		b = ks_for(s->a, b, LOOP_UNROLLED, "e", kx_int(s->a, 0),
			kx_int(s->a, s->v), NULL, &e);
	ks_store(s->a, b, register_place(s, h, p, e), kx_load(s->a, from,
		element_address(s, x, base, p, e)));
}

/* ---- values ---- */

/* "chooses": the expression selects. nvcc then makes of two loads, of which one
 * is chosen, one load from a chosen place, and keeps what was read in vectors on
 * the stack; so elements of these become values first. */
struct reader {
	struct stream *s;
	struct k_block *block;
	const struct point *p;
	bool chooses;
	struct kx **made;	/* then by access */
};

static bool chooses(const struct ir_expr *e)
{
	if (e->kind == IR_OP && e->op == OP_SELECT)
		return true;
	for (int i = 0; i < e->n_args; i++)
		if (chooses(e->args[i]))
			return true;
	return false;
}

static struct kx *zero_or(struct arena *a, struct kx *x)
{
	return x ? x : kx_int(a, 0);
}

static struct kx *read_access(const struct reader *r, int i)
{
	struct stream *s = r->s;
	const struct access *x = &s->w->acc.v[i];
	const struct held_access *h = &s->held[i];
	struct kx *e = zero_or(s->a, r->p->element), *value;

	if (access_uniform(s->w, x))
		e = kx_int(s->a, 0);
	if (h->buffer && r->chooses)
		value = r->made[i] = r->made[i] ? r->made[i] : ks_let(s->a,
			r->block, x->tensor->name, register_load(s, h, r->p,
			e));
	else if (h->buffer)
		value = register_load(s, h, r->p, e);
	else if (h->value)
		value = h->value;
	else
		value = kx_load(s->a, s->buffers[x->tensor->id],
			element_address(s, x, stream_address(s, x, r->p), r->p, e));
	return lower_convert(s->a, value, lower_type(x->tensor->type));
}

/* What piece "i" computes at this element, from where it is kept or again. */
static struct kx *read_piece(const struct reader *r, int i)
{
	const struct ir_stmt *x = r->s->w->pieces.v[i].stmt;
	const struct ir_tensor *t = &r->s->op->tensors[x->tensor];
	const struct held_access *h = &r->s->kept[i];

	if (h->buffer)
		return register_load(r->s, h, r->p, zero_or(r->s->a,
			r->p->element));
	r->s->values[t->id] = ks_let(r->s->a, r->block, t->name,
		lower_round(r->s->a, stream_value(r->s, r->block, i, r->p),
			t->type));
	return r->s->values[t->id];
}

static struct kx *supply(void *ctx, const struct ir_expr *e)
{
	const struct reader *r = ctx;
	const struct walk *w = r->s->w;
	int writer = e->kind == IR_READ ? walk_writer(w, e->tensor) : -1;

	if (e->kind != IR_READ)
		return NULL;
	if (r->s->values[e->tensor])
		return r->s->values[e->tensor];
	if (writer >= 0)
		return read_piece(r, writer);
	for (int i = 0; i < w->uses.n; i++) {
		int x = w->uses.v[i].access;

		if (w->uses.v[i].read == e && (w->acc.v[x].direct ||
		    r->s->held[x].buffer))
			return read_access(r, x);
	}
	return NULL;
}

/* Values of axes that are runs of their own, from their lower bounds; joined
 * ones are never asked for. */
static void set_axes(const struct stream *s, const struct nest *x,
	const int *ids, struct kx *const *runs, struct kx **axes)
{
	for (int r = 0; r < x->n_runs; r++) {
		int id = ids[x->first[r]];

		if (x->first[r + 1] == x->first[r] + 1)
			axes[id] = kx_add(s->a, runs[r], kx_int(s->a,
				s->op->axes[id].lo));
	}
}

static struct kx **axis_values(const struct stream *s, const struct piece *p,
	const struct point *at)
{
	struct arena *a = s->a;
	struct kx **axes = ARENA_ARRAY(a, (size_t)s->op->n_axes + 1,
		struct kx *);
	const struct nest *in = &s->w->in;
	int last;

	for (int i = 0; i < s->op->n_axes; i++)
		if (s->op->axes[i].extent == 1)
			axes[i] = kx_int(a, s->op->axes[i].lo);
	set_axes(s, &s->w->rows, p->row_axis, s->row, axes);
	if (p->per_row || !in->n)
		return axes;
	set_axes(s, in, p->in_axis, at->in, axes);
	last = p->in_axis[in->n - 1];
	if (at->element && axes[last] && !at->apart)
		axes[last] = kx_add(a, axes[last], at->element);
	return axes;
}

static struct lower_env environment(struct stream *s, struct k_block *b,
	const struct piece *p, const struct reader *r)
{
	return (struct lower_env){
		.a = s->a, .op = s->op, .axes = axis_values(s, p, r->p),
		.buffers = s->buffers, .block = b, .hook = supply,
		.ctx = (void *)(uintptr_t)r,
	};
}

/* The row is one vector's: its place and its guard are those of the first
 * element. */
static void load_guarded(struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	const struct access *x = &s->w->acc.v[i];
	const struct ir_expr *e = x->read;
	const struct piece *piece = &s->w->pieces.v[__builtin_ctzll(x->pieces)];
	struct reader r = { .s = s, .block = b, .p = p };
	struct lower_env env = environment(s, b, piece, &r);
	struct kx **idx = ARENA_ARRAY(s->a, (size_t)x->tensor->rank + 1,
		struct kx *), *cond = NULL;

	for (int d = 0; d < x->tensor->rank; d++)
		idx[d] = index_value(&env, e->args[d]);
	if (e->pad == IR_PAD_VALUE)
		cond = index_guard(&env, e, idx);
	if (e->pad == IR_PAD_EDGE)
		index_clamp(&env, e, idx);
	if (cond)
		cond = ks_let(s->a, b, "inside", cond);
	load_vector(s, b, i, p, ks_let(s->a, b, "from", lower_offset(&env,
		x->tensor, idx)), cond);
}

void stream_load(struct stream *s, struct k_block *b, uint64_t mask,
	const struct point *p)
{
	for (int i = 0; i < s->w->acc.n; i++) {
		const struct access *x = &s->w->acc.v[i];
		struct held_access *h = &s->held[i];
		struct kx *base;

		if (!is_read(s, mask, i))
			continue;
		if (x->guarded) {
			load_guarded(s, b, i, p);
			continue;
		}
		base = stream_address(s, x, p);
		if (h->buffer && !access_uniform(s->w, x) &&
		    chunk_of(s, i) > 1)
			load_vector(s, b, i, p, ks_let(s->a, b, "from", base),
				NULL);
		else if (h->buffer)
			load_elements(s, b, x, h, p, ks_let(s->a, b, "from",
				base));
		else
			h->value = ks_let(s->a, b, x->tensor->name,
				kx_load(s->a, s->buffers[x->tensor->id],
				base));
	}
}

struct kx *stream_value(struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	const struct piece *x = &s->w->pieces.v[i];
	struct reader r = { s, b, p, chooses(x->value), ARENA_ARRAY(s->a,
		(size_t)s->w->acc.n + 1, struct kx *) };
	struct lower_env env = environment(s, b, x, &r);

	return lower_expr(&env, x->value);
}

void stream_forget(struct stream *s)
{
	for (int i = 0; i < s->w->pieces.n; i++) {
		const struct piece *x = &s->w->pieces.v[i];

		if (!x->per_row && !x->reduction)
			s->values[x->stmt->tensor] = NULL;
	}
}

void stream_keep(struct stream *s, int i, int slots)
{
	const struct piece *x = &s->w->pieces.v[i];
	const struct ir_tensor *t = &s->op->tensors[x->stmt->tensor];

	s->kept[i].slotted = slots > 1;
	s->kept[i].buffer = registers(s, t->name, lower_type(t->type), slots,
		s->v);
}

void stream_put(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *value)
{
	const struct held_access *h = &s->kept[i];

	if (h->buffer)
		ks_store(s->a, b, register_place(s, h, p,
			zero_or(s->a, p->element)), value);
}

struct kx *stream_place(struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	const struct piece *x = &s->w->pieces.v[i];
	struct reader r = { .s = s, .block = b, .p = p };
	struct lower_env env = environment(s, b, x, &r);

	return reducer_index(&env, x->reduction);
}

/* ---- results ---- */

static void store_general(struct stream *s, struct k_block *b,
	const struct piece *x, const struct point *p, struct kx *value)
{
	const struct ir_tensor *t = &s->op->tensors[x->stmt->tensor];
	struct reader r = { .s = s, .block = b, .p = p };
	struct lower_env env = environment(s, b, x, &r);
	struct kx **idx = ARENA_ARRAY(s->a, (size_t)t->rank + 1, struct kx *);

	for (int d = 0; d < t->rank; d++)
		idx[d] = index_value(&env, x->stmt->index[d]);
	lower_store(&env, b, t, idx, value);
}

void stream_store(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *value)
{
	const struct piece *x = &s->w->pieces.v[i];
	const struct access *out = &s->w->acc.v[x->out];
	struct k_buffer *to = s->buffers[out->tensor->id];

	if (s->stored)
		b = ks_if(s->a, b, s->stored);
	if (!out->direct) {
		store_general(s, b, x, p, value);
		return;
	}
	ks_store(s->a, b, k_place(to, element_address(s, out,
		stream_address(s, out, p), p, x->per_row ? NULL : p->element)),
		lower_convert(s->a, value, to->type));
}

struct k_block *stream_elements(struct stream *s, struct k_block *b,
	struct point *p)
{
	p->element = NULL;
	if (s->v == 1)
		return b;
	return ks_for(s->a, b, LOOP_UNROLLED, "e", kx_int(s->a, 0),
		kx_int(s->a, s->v), NULL, &p->element);
}

static bool collects(const struct stream *s, int out)
{
	return s->v > 1 && s->w->acc.v[out].direct && chunk_of(s, out) > 1;
}

void stream_collect(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *value)
{
	int out = s->w->pieces.v[i].out;
	const struct access *x = &s->w->acc.v[out];
	struct held_access *h = &s->held[out];

	if (!collects(s, out)) {
		stream_store(s, b, i, p, value);
		return;
	}
	if (!h->buffer)
		h->buffer = registers(s, x->tensor->name, x->tensor->type, 1,
			s->v);
	ks_store(s->a, b, k_place(h->buffer, zero_or(s->a, p->element)),
		lower_convert(s->a, value, h->buffer->type));
}

void stream_flush(struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	int out = s->w->pieces.v[i].out;
	const struct access *x = &s->w->acc.v[out];
	struct k_buffer *to = s->buffers[x->tensor->id];
	int chunk = chunk_of(s, out);
	struct kx *base;

	if (!collects(s, out))
		return;
	if (s->stored)
		b = ks_if(s->a, b, s->stored);
	base = ks_let(s->a, b, "to", stream_address(s, x, p));
	for (int e = 0; e < s->v; e += chunk)
		ks_copy(s->a, b, COPY_PLAIN, k_place(to, kx_add(s->a, base,
			kx_int(s->a, e))), k_place(s->held[out].buffer,
			kx_int(s->a, e)), chunk *
			dtype_row(x->tensor->type)->bits / 8, NULL, 0);
}

void stream_compute(struct stream *s, struct k_block *b, struct point *p,
	void (*each)(void *, struct stream *, struct k_block *,
		struct point *), void *ctx)
{
	struct point first = *p;
	struct k_block *inside = stream_elements(s, b, p);

	if (each)
		each(ctx, s, inside, p);
	for (int i = 0; i < s->w->pieces.n; i++) {
		const struct piece *x = &s->w->pieces.v[i];
		const struct ir_tensor *t = &s->op->tensors[x->stmt->tensor];
		struct kx *value = stream_value(s, inside, i, p);

		if (walk_used(s->w, i))
			value = s->values[t->id] = ks_let(s->a, inside,
				t->name, lower_round(s->a, value, t->type));
		if (x->out >= 0)
			stream_collect(s, inside, i, p, value);
	}
	stream_forget(s);
	for (int i = 0; i < s->w->pieces.n; i++)
		if (s->w->pieces.v[i].out >= 0)
			stream_flush(s, b, i, &first);
}
