/* SPDX-License-Identifier: MIT */
/* Between both products of attention: a step's scores, as instructions leave them
 * in registers, become weights, as instructions take them. Four neighbouring lanes
 * share a row. Its maximum is joined in every step, as all is scaled by it; other
 * statistics are each thread's own until the end. */
#include "sketch/attention.h"

#include "sketch/common.h"
#include "sketch/team.h"

#include <math.h>

enum { ROW_LANES = 4 };

static const double log2_e = 1.4426950408889634;

static struct kx *num(const struct attention_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

static struct kx *f32(const struct attention_code *g, double v)
{
	return kx_float(g->a, v, T_F32);
}

/* Into powers of two. */
static struct kx *log2_factor(const struct attention_code *g)
{
	return f32(g, g->f->w.factor * log2_e);
}

static struct kx *op2(const struct attention_code *g, enum op op, struct kx *x,
	struct kx *y)
{
	return kx_op(g->a, op, T_F32, 2, x, y);
}

struct kx *attention_shift(const struct attention_code *g, struct kx *most)
{
	return kx_op(g->a, OP_SELECT, T_F32, 3, kx_op(g->a, OP_EQ, T_BOOL, 2, most,
		f32(g, -INFINITY)), f32(g, 0), g->f->w.far ? most : op2(g,
		OP_MUL, most, log2_factor(g)));
}

struct kx *attention_exp(const struct attention_code *g, struct kx *x,
	struct kx *shift)
{
	x = g->f->w.far ? op2(g, OP_MUL, op2(g, OP_SUB, x, shift), f32(g,
		log2_e)) : kx_op(g->a, OP_FMA, T_F32, 3, x, log2_factor(g),
		kx_op(g->a, OP_NEG, T_F32, 1, shift));
	return kx_call(g->a, INTRIN_EXP2_APPROX, T_F32, 1, x);
}

static const struct output *output(const struct attention_code *g, int i)
{
	return &g->f->scores.epilogue.outputs[i];
}

static int outputs(const struct attention_code *g)
{
	return g->f->scores.epilogue.n;
}

/* ---- where values are ---- */

struct k_place attention_element(const struct attention_code *g,
	struct k_buffer *of, struct kx *i, struct kx *c)
{
	struct arena *a = g->a;
	struct kx *half = kx_mul(a, kx_mod(a, i, num(g, 2)), num(g, 2));

	return k_place(of, kx_div(a, i, num(g, 2)), kx_add(a, kx_mul(a,
		kx_div(a, c, num(g, 2)), num(g, 4)), kx_add(a, half, kx_mod(a,
		c, num(g, 2)))));
}

static struct kx *load(const struct attention_code *g, struct k_place p)
{
	return kx_load(g->a, p.buffer, p.index[0], p.index[1]);
}

struct kx *attention_settled(const struct attention_code *g, struct kx *x)
{
	return g->p->groups && !g->joined ? kx_call(g->a, INTRIN_SETTLED_F32,
		T_F32, 1, x) : x;
}

static struct kx *result(const struct attention_code *g, struct k_place p)
{
	return attention_settled(g, load(g, p));
}

/* "x" times the scores' factor. */
static struct kx *scaled(const struct attention_code *g, struct kx *x)
{
	return g->f->w.factor == 1 ? x : op2(g, OP_MUL, x, f32(g,
		g->f->w.factor));
}

/* A value of the element or row at hand: "score" is the element's place, where
 * there is one, "shifted" says that it holds what is shifted but for its factor. */
struct value {
	struct attention_code *g;
	struct lower_env env;
	struct kx *row, *score, *inside;
	bool shifted;
	struct kx *known[OUTPUTS_MAX];
};

static struct kx *computed(struct value *v, int i)
{
	const struct output *o = output(v->g, i);
	struct arena *a = v->g->a;

	if (!o->value)
		return lower_round(a, v->score, o->tensor->type);
	if (!v->known[i])
		v->known[i] = ks_let(a, v->env.block, o->tensor->name,
			lower_round(a, lower_expr(&v->env, o->value),
			o->tensor->type));
	return v->known[i];
}

static struct kx *value_of(void *ctx, const struct ir_expr *e)
{
	struct value *v = ctx;
	const struct attention *f = v->g->f;
	int i = attention_output(f, e);

	if (v->shifted && e->kind == IR_OP && attention_is_exp(f, e))
		return attention_exp(v->g, v->score, kx_load(v->g->a,
			v->g->shift, v->row));
	if (v->shifted && attention_is_shifted(f, e))
		return scaled(v->g, v->score);
	if (i < 0)
		return NULL;
	if (output(v->g, i)->per_row)
		return kx_load(v->g->a, v->g->held[i], v->row);
	return computed(v, i);
}

static struct value value_in(struct attention_code *g, struct k_block *b,
	struct kx *row)
{
	return (struct value){ .g = g, .row = row, .env = { .a = g->a,
		.op = g->t->op, .axes = g->axes, .buffers = g->buffers,
		.block = b, .hook = value_of } };
}

static struct kx *lowered(struct value *v, const struct ir_expr *e)
{
	v->env.ctx = v;
	return lower_as(&v->env, e, T_F32);
}

/* What counts of an element is "x", and of keys that there are not, "none". */
static struct kx *counted(const struct value *v, struct kx *x, double none)
{
	return v->inside ? kx_op(v->g->a, OP_SELECT, T_F32, 3, v->inside, x,
		f32(v->g, none)) : x;
}

/* ---- positions ---- */

struct kx *attention_row(const struct attention_code *g, struct kx *i)
{
	struct arena *a = g->a;

	return kx_add(a, kx_add(a, g->own_first, kx_mul(a, i, num(g, 8))),
		g->lane_row);
}

/* Values of the axes at row "i" of the thread's; past the end, of the last. */
static void enter_row(struct attention_code *g, struct k_block *b, struct kx *i)
{
	struct arena *a = g->a;
	struct kx *row = attention_row(g, i);

	if (g->rows_ragged)
		row = kx_op(a, OP_MIN, T_I32, 2, row, num(g, g->f->rows - 1));
	flat_axes(a, b, g->t->op, g->f->row_axes, g->f->n_row_axes, ks_let(a, b,
		g->f->rows_name, row), g->axes);
}

/* The same at column "c" of the step. "hides": some may be no key; v->inside says
 * whether it is one. */
static void enter_key(struct value *v, struct k_block *b, struct kx *c, bool hides)
{
	struct attention_code *g = v->g;
	struct arena *a = g->a;
	struct kx *key = kx_add(a, kx_add(a, g->key_first, kx_mul(a, kx_div(a, c,
		num(g, 2)), num(g, 8))), kx_add(a, kx_mul(a, g->lane_col,
		num(g, 2)), kx_mod(a, c, num(g, 2))));

	v->env.block = b;
	for (int i = 0; i < OUTPUTS_MAX; i++)
		v->known[i] = NULL;
	key = ks_let(a, b, g->f->keys_name, key);
	v->inside = NULL;
	if (hides) {
		v->inside = kx_lt(a, key, num(g, g->f->keys));
		key = kx_op(a, OP_MIN, T_I32, 2, key, num(g, g->f->keys - 1));
	}
	flat_axes(a, b, g->t->op, g->f->key_axes, g->f->n_key_axes, key,
		g->axes);
}

/* ---- statistics ---- */

/* Does the statistic run along with the maximum? */
static bool is_scaled(const struct attention_code *g, int i)
{
	return attention_scales(g->f, output(g, i)->value);
}

static struct k_buffer *of_row(struct attention_code *g, int x, const char *what)
{
	int64_t mine[1] = { g->p->mine };
	const struct ir_tensor *t = output(g, x)->tensor;

	return kernel_array(g->k, K_REGISTER, arena_printf(g->a, "%s_%s",
		t->name, what), lower_type(t->type), 1, mine, 16);
}

void attention_rows_declare(struct attention_code *g)
{
	int64_t mine[1] = { g->p->mine };

	for (int x = 0; x < outputs(g); x++) {
		int id = output(g, x)->tensor->id;

		if (output(g, x)->per_row)
			g->held[x] = g->of_rows[id] = of_row(g, x, "row");
		if (attention_divides(g->f, output(g, x)))
			g->inverse[id] = of_row(g, x, "inverse");
	}
	if (g->f->w.maximum >= 0) {
		g->shift = kernel_array(g->k, K_REGISTER, "shift", T_F32, 1,
			mine, 16);
		g->scale = kernel_array(g->k, K_REGISTER, "scale", T_F32, 1,
			mine, 16);
	}
}

void attention_rows_start(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct kx *i;

	b = tile_loop(a, b, "i", g->p->mine, &i);
	for (int x = 0; x < outputs(g); x++)
		if (output(g, x)->reduction)
			ks_store(a, b, k_place(g->held[x], i),
				reducer_identity(a, output(g, x)->reduction->
				reducer, T_F32));
}

static struct running resume(const struct attention_code *g, struct k_block *b,
	int x, struct kx *value)
{
	return running_resume(g->a, b, arena_printf(g->a, "%s_here",
		output(g, x)->tensor->name), output(g, x)->reduction->reducer,
		value, NULL);
}

/* ---- a step ---- */

/* "e", which is what is shifted or what a mask hides of it, without its factor, takes
 * the scores' places, and joins in the maximum, if that is not NULL. */
static void shift_all(struct attention_code *g, struct k_block *b, struct kx *i,
	const struct running *maximum, const struct ir_expr *e, bool hides)
{
	struct value v = value_in(g, b, i);
	struct arena *a = g->a;
	struct k_place at;
	struct kx *c, *x;

	b = tile_loop(a, b, "c", g->p->keys / 4, &c);
	at = attention_element(g, g->scores, i, c);
	v.score = load(g, at);
	enter_key(&v, b, c, hides);
	x = counted(&v, lowered(&v, e), -INFINITY);
	if (x->kind != KX_LOAD)
		ks_store(a, b, at, x = ks_let(a, b, "x", x));
	if (maximum)
		running_take(a, b, maximum, x, NULL);
}

static bool is_score(const struct attention_code *g, const struct ir_expr *e)
{
	int i = attention_output(g->f, e);

	return i >= 0 && !output(g, i)->value && e->type == T_F32;
}

/* Where nothing is hidden scores stay where they are, which nvcc does not see if
 * the other way has its own code for the maximum: it moves them all. */
static void shift_scores(struct attention_code *g, struct k_block *b,
	struct kx *i, const struct running *maximum)
{
	const struct ir_expr *e = g->f->w.score;
	const struct ir_expr *seen = g->f->limited ? g->f->w.seen : e;
	struct kx *all = attention_sees_all(g);
	int64_t does = 0;

	if (all && !kx_is_int(all, &does) && is_score(g, seen)) {
		shift_all(g, ks_if(g->a, b, kx_op(g->a, OP_NOT, T_BOOL, 1,
			all)), i, NULL, e, g->p->ragged);
		shift_all(g, b, i, maximum, seen, false);
		return;
	}
	if (all && (!kx_is_int(all, &does) || does)) {
		shift_all(g, ks_if(g->a, b, all), i, maximum, seen, false);
		if (does)
			return;
		b = ks_else(g->a, b);
	}
	shift_all(g, b, i, maximum, e, g->p->ragged);
}

/* The row's new maximum: by how much what was summed so far is scaled. */
static struct kx *grow(struct attention_code *g, struct k_block *b, struct kx *i)
{
	struct k_buffer *held = g->held[g->f->w.maximum];
	struct running r = resume(g, b, g->f->w.maximum, kx_load(g->a, held, i));
	struct arena *a = g->a;
	struct kx *old, *shift;

	old = ks_let(a, b, "before", kx_load(a, held, i));
	shift_scores(g, b, i, &r);
	lanes_join(a, b, &r, ROW_LANES, 1);
	ks_store(a, b, k_place(held, i), kx_var(a, r.value));
	shift = ks_let(a, b, "shift", attention_shift(g, kx_var(a, r.value)));
	ks_store(a, b, k_place(g->shift, i), shift);
	return ks_let(a, b, "grown", attention_exp(g, old, shift));
}

static void scale_sums(struct attention_code *g, struct k_block *b, struct kx *i,
	struct kx *scale)
{
	struct k_place at;
	struct kx *c;

	b = tile_loop(g->a, b, "c", g->p->cols / 4, &c);
	at = attention_element(g, g->sums, i, c);
	ks_store(g->a, b, at, op2(g, OP_MUL, result(g, at), scale));
}

/* One element's part of the statistics, and its weight. */
static struct kx *weigh(struct value *v, struct k_block *b, struct kx *c,
	const struct running *here)
{
	struct attention_code *g = v->g;
	const struct attention *f = g->f;
	struct kx *w;

	v->score = load(g, attention_element(g, g->scores, v->row, c));
	enter_key(v, b, c, g->p->ragged);
	for (int x = 0; x < outputs(g); x++) {
		const struct output *o = output(g, x);

		if (!o->reduction || x == f->w.maximum)
			continue;
		w = lowered(v, o->value);
		if (!attention_is_exp(f, o->value))
			w = counted(v, w, o->reduction->reducer == RED_SUM ? 0 :
				o->reduction->reducer == RED_MAX ? -INFINITY :
				INFINITY);
		running_take(g->a, b, &here[x], w, NULL);
	}
	w = lowered(v, f->w.weight);
	return attention_is_exp(f, f->w.weight) ? w : counted(v, w, 0);
}

static void weigh_row(struct attention_code *g, struct k_block *b, struct kx *i,
	const struct running *here)
{
	struct value v = value_in(g, b, i);
	struct kx *c;

	v.shifted = g->f->w.maximum >= 0;
	b = tile_loop(g->a, b, "c", g->p->keys / 4, &c);
	ks_store(g->a, b, attention_element(g, g->scores, i, c), weigh(&v, b, c, here));
}

void attention_rows_weigh(struct attention_code *g, struct k_block *b)
{
	struct running here[OUTPUTS_MAX];
	struct arena *a = g->a;
	struct kx *i, *scale = NULL;

	ks_comment(a, b, "scores become weights");
	b = tile_loop(a, b, "i", g->p->mine, &i);
	enter_row(g, b, i);
	if (g->f->w.maximum >= 0)
		scale = grow(g, b, i);
	for (int x = 0; x < outputs(g); x++) {
		struct kx *so_far;

		if (!output(g, x)->reduction || x == g->f->w.maximum)
			continue;
		so_far = kx_load(a, g->held[x], i);
		here[x] = resume(g, b, x, scale && is_scaled(g, x) ? op2(g,
			OP_MUL, so_far, scale) : so_far);
	}
	weigh_row(g, b, i, here);
	for (int x = 0; x < outputs(g); x++)
		if (output(g, x)->reduction && x != g->f->w.maximum)
			ks_store(a, b, k_place(g->held[x], i), kx_var(a,
				here[x].value));
	if (scale)
		ks_store(a, b, k_place(g->scale, i), scale);
}

/* Neighbours of a row share a register: two columns of an instruction's eight. */
static void pack_row(struct attention_code *g, struct k_block *b, struct kx *i)
{
	struct arena *a = g->a;
	struct kx *j, *two[2];

	b = tile_loop(a, b, "j", g->p->keys / 8, &j);
	for (int e = 0; e < 2; e++)
		two[e] = load(g, attention_element(g, g->scores, i, kx_add(a, kx_mul(a,
			j, num(g, 2)), num(g, e))));
	ks_store(a, b, k_place(g->weights, kx_div(a, i, num(g, 2)), kx_add(a,
		kx_mul(a, j, num(g, 2)), kx_mod(a, i, num(g, 2)))), kx_call(a,
		g->f->w.type == T_F16 ? INTRIN_PACK_F16 : INTRIN_PACK_BF16,
		T_U32, 2, two[0], two[1]));
}

void attention_rows_turn(struct attention_code *g, struct k_block *b)
{
	struct kx *i;

	ks_comment(g->a, b, g->f->w.scaled ? "what was summed is scaled by how "
		"the maximum grew; weights as factors" : "weights as factors");
	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	if (g->f->w.scaled)
		scale_sums(g, b, i, kx_load(g->a, g->scale, i));
	pack_row(g, b, i);
}

/* ---- the end ---- */

/* "x", but of a row of -inf alone what the source says: exp(-inf - -inf), no
 * number. */
static struct kx *seen(const struct attention_code *g, struct kx *i,
	struct kx *x)
{
	struct kx *most = kx_load(g->a, g->held[g->f->w.maximum], i);

	return kx_op(g->a, OP_SELECT, T_F32, 3, kx_op(g->a, OP_EQ, T_BOOL, 2, most,
		f32(g, -INFINITY)), op2(g, OP_SUB, most, most), x);
}

/* The maximum of what was shifted, which until now had no factor. */
static void scale_maximum(struct attention_code *g, struct k_block *b,
	struct kx *i)
{
	struct k_buffer *held;

	if (g->f->w.maximum < 0 || g->f->w.factor == 1)
		return;
	held = g->held[g->f->w.maximum];
	ks_store(g->a, b, k_place(held, i), scaled(g, kx_load(g->a, held, i)));
}

static void join(struct attention_code *g, struct k_block *b, struct kx *i)
{
	for (int x = 0; x < outputs(g); x++) {
		struct running r;

		if (!output(g, x)->reduction || x == g->f->w.maximum)
			continue;
		r = resume(g, b, x, kx_load(g->a, g->held[x], i));
		lanes_join(g->a, b, &r, ROW_LANES, 1);
		ks_store(g->a, b, k_place(g->held[x], i), is_scaled(g, x) ?
			seen(g, i, kx_var(g->a, r.value)) : kx_var(g->a,
			r.value));
	}
}

static void invert(struct attention_code *g, struct k_block *b, struct kx *i)
{
	for (int x = 0; x < outputs(g); x++) {
		struct k_buffer *inverse = g->inverse[output(g, x)->tensor->id];

		if (inverse)
			ks_store(g->a, b, k_place(inverse, i), op2(g, OP_DIV,
				f32(g, 1), kx_load(g->a, g->held[x], i)));
	}
}

static void map_row(struct attention_code *g, struct k_block *b, struct kx *i)
{
	struct value v = value_in(g, b, i);

	v.env.ctx = &v;
	for (int x = 0; x < outputs(g); x++) {
		const struct output *o = output(g, x);

		if (o->per_row && !o->reduction)
			ks_store(g->a, b, k_place(g->held[x], i), lower_round(
				g->a, lower_expr(&v.env, o->value),
				o->tensor->type));
	}
}

void attention_rows_end(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct value v;
	struct kx *i, *norm = f32(g, 1);

	ks_comment(a, b, "values of whole rows");
	b = tile_loop(a, b, "i", g->p->mine, &i);
	enter_row(g, b, i);
	join(g, b, i);
	scale_maximum(g, b, i);
	invert(g, b, i);
	map_row(g, b, i);
	if (!g->f->w.norm && !g->f->w.scaled)
		return;
	v = value_in(g, b, i);
	if (g->f->w.norm)
		norm = lowered(&v, g->f->w.norm);
	if (g->f->w.divides)
		norm = op2(g, OP_DIV, f32(g, 1), norm);
	scale_sums(g, b, i, ks_let(a, b, "norm", g->f->w.scaled ? seen(g, i,
		norm) : norm));
	g->joined = true;
}

/* The first of a row's lanes stores. */
void attention_rows_store(struct attention_code *g, struct k_block *b)
{
	struct arena *a = g->a;
	struct k_block *first = NULL;
	struct kx *i, *row;

	for (int x = 0; x < outputs(g); x++) {
		const struct output *o = output(g, x);
		struct value v;
		struct kx **idx;

		if (!o->per_row || !o->stored)
			continue;
		if (!first) {
			first = tile_loop(a, ks_if(a, b, kx_op(a, OP_EQ, T_BOOL,
				2, g->lane_col, num(g, 0))), "i", g->p->mine,
				&i);
			row = attention_row(g, i);
			if (g->rows_ragged)
				first = ks_if(a, first, kx_lt(a, row, num(g,
					g->f->rows)));
			enter_row(g, first, i);
		}
		v = value_in(g, first, i);
		idx = ARENA_ARRAY(a, (size_t)o->tensor->rank, struct kx *);
		for (int d = 0; d < o->tensor->rank; d++)
			idx[d] = index_value(&v.env, o->index[d]);
		lower_store(&v.env, first, o->tensor, idx, kx_load(a,
			g->held[x], i));
	}
}
