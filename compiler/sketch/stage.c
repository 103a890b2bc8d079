/* SPDX-License-Identifier: MIT */
/* Staging a tile of one operand from global to shared memory. Addresses are
 * separable: a part of the row (m or n), hoisted out of the main loop, and a
 * part of k, shared by all rows. Rows beyond the matrix read its last row, so
 * that tails need no guard in the main loop (what they compute is not stored);
 * padded reads and the ragged end of k are zero-filled. */
#include "sketch/stage.h"

#include "base/vec.h"
#include "kernel/intrin.h"
#include "sketch/common.h"

struct k_block *tile_loop(struct arena *a, struct k_block *b, const char *name,
	int64_t n, struct kx **var)
{
	if (n > 1)
		return ks_for(a, b, LOOP_UNROLLED, name, kx_int(a, 0),
			kx_int(a, n), kx_int(a, 1), var);
	*var = kx_int(a, 0);
	return b;
}

static struct kx *num(struct stager *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* Row of the operand that shared slot "slot" holds: threads read neighbouring
 * slots at once and own "group" neighbouring rows each. */
static struct kx *row_of_slot(struct stager *g, struct kx *slot)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	struct kx *j, *lane;

	if (s->group == 1)
		return slot;
	j = kx_div(a, slot, num(g, s->lanes));
	lane = kx_mod(a, slot, num(g, s->lanes));
	if (s->pairs) {
		j = kx_add(a, kx_mul(a, kx_div(a, slot, num(g, 8)), num(g, 2)),
			kx_mod(a, slot, num(g, 2)));
		lane = kx_div(a, kx_mod(a, slot, num(g, 8)), num(g, 2));
	}
	j = kx_add(a, kx_mul(a, kx_div(a, j, num(g, s->group)),
			num(g, (int64_t)s->lanes * s->group)),
		kx_mod(a, j, num(g, s->group)));
	return kx_add(a, j, kx_mul(a, lane, num(g, s->group)));
}

/* Shared slot (k_inner) or first row within the tile (else) of copy "i". */
static struct kx *row_slot(struct stager *g, struct kx *i)
{
	const struct stage *s = g->s;
	int step = s->order->k_inner ? s->threads / stage_lead(s) :
		s->threads * stage_rows(s);

	if (s->row_slots == 1)
		return g->row_first;
	return kx_add(g->a, g->row_first, kx_mul(g->a, i, num(g, step)));
}

/* Elements along k from one slot of a thread to the next. */
static int slot_ks(const struct stage *s)
{
	return s->row_slots > 1 ? 1 : s->threads / stage_lead(s);
}

struct kx *stager_k(struct stager *g, struct kx *j)
{
	const struct stage *s = g->s;

	if (s->k_slots == 1 || s->order->k_inner)
		return g->k_first;
	return kx_add(g->a, g->k_first, kx_mul(g->a, j, num(g,
		(int64_t)slot_ks(s) * s->order->pack_k)));
}

struct kx *stage_woven(struct arena *a, const struct stage *s, struct kx *row)
{
	struct kx *weave = kx_int(a, s->weave);

	if (!s->weave)
		return row;
	if (s->weave < s->tile_rows)
		row = kx_add(a, kx_mul(a, kx_div(a, row, weave), kx_int(a,
			2 * s->weave)), kx_mod(a, row, weave));
	return s->second ? kx_add(a, row, weave) : row;
}

/* With several row slots a thread's ks follow each other. */
static void first_positions(struct stager *g, struct k_block *b)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	struct kx *n = num(g, stage_lead(s));
	struct kx *outer = s->row_slots > 1 && !s->order->k_inner ? num(g, 0) :
		kx_div(a, g->thread, n);
	struct kx *inner = s->row_slots > 1 && !s->order->k_inner ? g->thread :
		kx_mod(a, g->thread, n);
	int ks = stage_ks(s), rows = stage_rows(s);

	outer = ks_let(a, b, arena_printf(a, "%s_%s", g->name,
		s->order->k_inner ? "row" : "k"), kx_mul(a, outer, num(g,
		s->order->k_inner ? rows : ks)));
	inner = ks_let(a, b, arena_printf(a, "%s_%s", g->name,
		s->order->k_inner ? "k" : "row"), kx_mul(a, inner, num(g,
		s->order->k_inner ? ks : rows)));
	g->row_first = s->order->k_inner ? outer : inner;
	g->k_first = s->order->k_inner ? inner : outer;
	g->line_first = g->row_first;
	if (s->weave && s->row_slots == 1)
		g->line_first = ks_let(a, b, arena_printf(a, "%s_line", g->name),
			stage_woven(a, s, g->row_first));
}

/* Where that of copy "i" lies in shared memory. */
static struct kx *row_line(struct stager *g, struct kx *i)
{
	return g->s->row_slots == 1 ? g->line_first : stage_woven(g->a, g->s,
		row_slot(g, i));
}

struct kx *stager_row(struct stager *g, struct kx *i)
{
	struct kx *slot = row_slot(g, i);

	return g->s->order->k_inner ? row_of_slot(g, slot) : slot;
}

static struct kx *clamp_row(struct stager *g, struct kx *row)
{
	int64_t last = g->s->op->rows.extent - stage_rows(g->s);

	if (!g->s->ragged)
		return row;
	return kx_op(g->a, OP_MIN, T_I32, 2, row, num(g, last));
}

static struct kx *form_value(struct stager *g, int form, struct kx *v)
{
	return form == 0 && g->s->wide ? kx_cast(g->a, T_I64, v) : v;
}

/* The row's, the batch's and the thread's fixed share of every form. */
static struct kx *row_part(struct stager *g, struct kx *const *runs, int form)
{
	const struct operand *op = g->s->op;
	const struct flat *k = &g->s->order->k;
	struct arena *a = g->a;
	struct kx *v = num(g, op->forms[form].c);

	for (int r = 0; r < op->rows.n_runs; r++)
		v = kx_add(a, v, kx_mul(a, form_value(g, form, runs[r]),
			num(g, op->rows.runs[r].coef[form])));
	if (g->form_base[form])
		v = kx_add(a, v, g->form_base[form]);
	if (g->s->uniform && k->n_runs)
		v = kx_add(a, v, kx_mul(a, form_value(g, form, kx_div(a,
			g->k_first, num(g, g->s->order->pack_k))), num(g,
			operand_step(g->s->order, form))));
	return v;
}

static const char *part_name(struct stager *g, int form)
{
	return form == 0 ? arena_printf(g->a, "%s_at", g->name) :
		arena_printf(g->a, "%s_i%d", g->name, form);
}

static void declare_rows(struct stager *g)
{
	int64_t dims[1] = { g->s->row_slots };

	for (int f = 0; f < g->s->op->n_forms; f++)
		g->row_at[f] = kernel_array(g->kernel, K_REGISTER,
			part_name(g, f), f == 0 && g->s->wide ? T_I64 : T_I32,
			1, dims, 0);
}

void stager_rows(struct stager *g, struct k_block *b, struct kx *first_row)
{
	const struct operand *op = g->s->op;
	struct arena *a = g->a;
	struct kx *runs[RUNS_MAX], *i, *row;

	g->row_base = first_row;
	b = tile_loop(a, b, "i", g->s->row_slots, &i);
	row = ks_let(a, b, "row", clamp_row(g, kx_add(a, first_row,
		stager_row(g, i))));
	flat_decode(a, b, &op->rows, "rest", row, runs);
	for (int f = 0; f < op->n_forms; f++)
		ks_store(a, b, k_place(g->row_at[f], i), row_part(g, runs, f));
}

static void hoist_choices(struct stager *g, struct k_block *b)
{
	struct kx *at = g->form_base[0], *more;

	g->chosen = choice_read(&g->computed, b, g->s->op, g->name);
	if (!g->s->op->n_choices)
		return;
	more = choice_address(g->a, g->s->op, &g->chosen, g->s->wide ? T_I64 :
		T_I32);
	g->form_base[0] = at ? kx_add(g->a, at, more) : more;
}

static void hoist_batch(struct stager *g, struct k_block *b, struct kx *batch)
{
	const struct operand *op = g->s->op;

	for (int f = 0; f < operand_forms(op); f++) {
		g->form_base[f] = NULL;
		if (batch && op->batch.n_runs)
			g->form_base[f] = flat_form(g->a, b, &op->batch,
				"batch_rest", form_value(g, f, batch), f);
	}
	hoist_choices(g, b);
}

static void declare_made(struct stager *g)
{
	int64_t n[1] = { stage_at_once(g->s) };

	if (g->s->op->value && n[0] > 1)
		g->made = kernel_array(g->kernel, K_REGISTER,
			arena_printf(g->a, "%s_made", g->name),
			g->s->op->tile_type, 1, n, 16);
}

void stager_declare(struct stager *g, struct k_block *b, int stages,
	struct kx *batch)
{
	const struct stage *s = g->s;
	int64_t dims[3] = { stages, stage_lines(s), s->row_stride };
	int64_t held[2] = { s->per_thread, s->vec };

	if (!g->tile) {
		g->tile = kernel_array(g->kernel, K_SHARED,
			arena_printf(g->a, "%s_tile", g->name),
			s->op->tile_type, 3, dims, s->align ? s->align : 16);
		g->tile->comment = s->order->k_inner ? "[stage][row][k]" :
			s->panel ? "[stage][panel of rows, k][row]" :
			"[stage][k][row]";
	}
	if (!s->async)
		g->held = kernel_array(g->kernel, K_REGISTER,
			arena_printf(g->a, "%s_held", g->name),
			s->op->tensor->type, 2, held, 16);
	declare_made(g);
	stager_declare_entries(g);
	g->computed.batch = batch;
	hoist_batch(g, b, batch);
	first_positions(g, b);
	declare_rows(g);
}

void stager_create(struct stager *g, struct k_block *b, int stages,
	struct kx *first_row, struct kx *batch)
{
	stager_declare(g, b, stages, batch);
	stager_rows(g, b, first_row);
}

/* The k part of every form at k, for "uniform" without the thread's own kk. */
static void k_parts(struct stager *g, struct k_block *b, struct kx *k,
	struct kx **parts)
{
	const struct flat *f = &g->s->order->k;
	struct kx *runs[RUNS_MAX];

	flat_decode(g->a, b, f, arena_printf(g->a, "%s_rest", g->name), k, runs);
	for (int i = 0; i < g->s->op->n_forms; i++) {
		parts[i] = num(g, 0);
		for (int r = 0; r < f->n_runs; r++)
			parts[i] = kx_add(g->a, parts[i], kx_mul(g->a,
				form_value(g, i, runs[r]),
				num(g, f->runs[r].coef[i])));
		parts[i] = ks_let(g->a, b, arena_printf(g->a, "%s_k%d", g->name,
			i), parts[i]);
	}
}

/* What k slot j adds to a uniform form beyond the thread's first kk. */
static struct kx *slot_step(struct stager *g, struct kx *j, int form)
{
	const struct stage *s = g->s;

	if (!s->uniform || s->k_slots == 1 || s->order->k_inner ||
			!s->order->k.n_runs)
		return num(g, 0);
	return kx_mul(g->a, form_value(g, form, j), num(g, slot_ks(s) *
		operand_step(s->order, form)));
}

static struct kx *copy_index(struct stager *g, struct kx *i, struct kx *j)
{
	return kx_add(g->a, kx_mul(g->a, j, num(g, g->s->row_slots)), i);
}

/* Chunk c of line r lies where c ^ r is, so that eight lines' chunks fall into
 * distinct banks; lines shorter than all banks, of "span" chunks, take turns. */
static struct kx *exchanged(const struct stager *g, struct kx *line,
	struct kx *at, int span)
{
	struct arena *a = g->a;
	struct kx *chunk = kx_int(a, 16 / g->s->op->tile_elem);
	struct kx *turn = kx_mod(a, kx_div(a, line, kx_int(a, 8 / span)),
		kx_int(a, span));

	turn = kx_call(a, INTRIN_BIT_XOR, T_I32, 2, kx_div(a, at, chunk), turn);
	return kx_add(a, kx_mul(a, turn, chunk), kx_mod(a, at, chunk));
}

struct kx *stager_column(const struct stager *g, struct kx *row,
	struct kx *kk)
{
	if (!g->s->swizzled)
		return kk;
	return exchanged(g, row, kk, stage_span(g->s));
}

struct k_place stager_place(const struct stager *g, struct kx *slot,
	struct kx *row, struct kx *kk)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	struct kx *panel = kx_int(a, s->panel), *line;

	if (s->order->k_inner)
		return k_place(g->tile, slot, row, stager_column(g, row, kk));
	if (!s->panel)
		return k_place(g->tile, slot, kk, row);
	line = kx_add(a, kx_mul(a, kx_div(a, row, panel), kx_int(a, s->tile_k)),
		kk);
	return k_place(g->tile, slot, line, exchanged(g, kk, kx_mod(a, row,
		panel), s->panel * s->op->tile_elem / 16));
}

static void copy_one(struct stager *g, struct k_block *b, struct kx *const *k,
	struct kx *i, struct kx *j, struct kx *slot, struct kx *limit)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	struct kx *kk = stager_k(g, j), *at = NULL, *copy;
	struct kx *row = row_line(g, i);
	struct kx *cond = g->chosen.inside;

	for (int f = 0; f < s->op->n_forms; f++) {
		struct kx *v = kx_add(a, kx_add(a, kx_load(a, g->row_at[f], i),
			k[f]), slot_step(g, j, f));

		v = stager_pointed(g, v, f, i, j);
		if (f == 0)
			at = v;
		else
			cond = kx_and(a, cond, form_inside(a, v,
				s->op->size[f]));
	}
	if (limit)
		cond = kx_and(a, cond, kx_lt(a, kk, limit));
	copy = copy_index(g, i, j);
	ks_copy(a, b, s->async ? COPY_ASYNC : COPY_PLAIN, !s->async ?
		k_place(g->held, copy, num(g, 0)) :
		stager_place(g, slot, row, kk), k_place(g->global, at),
		s->vec * s->op->elem, cond, 0);
}

static struct k_block *guard_partial(struct stager *g, struct k_block *b)
{
	if (!g->s->partial)
		return b;
	return ks_if(g->a, b, kx_lt(g->a, g->thread, num(g, stage_copies(g->s))));
}

void stager_load(struct stager *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *limit)
{
	const struct stage *s = g->s;
	struct kx *parts[FORMS_MAX], *share = num(g, s->order->share), *i, *j;

	k0 = kx_div(g->a, k0, share);
	if (limit)
		limit = kx_div(g->a, limit, share);
	if (s->uniform)
		k_parts(g, b, k0, parts);
	b = guard_partial(g, b);
	b = tile_loop(g->a, b, "j", s->k_slots, &j);
	if (!s->uniform)
		k_parts(g, b, kx_add(g->a, k0, stager_k(g, j)), parts);
	b = tile_loop(g->a, b, "i", s->row_slots, &i);
	copy_one(g, b, parts, i, j, slot, limit);
}

/* A value of a copy, computed where its k is one there is, else 0. */
static void compute_one(struct stager *g, struct k_block *b,
	struct k_place to, struct kx *raw, struct near row, struct near k,
	struct kx *inside)
{
	const struct operand *op = g->s->op;
	struct arena *a = g->a;

	if (inside) {
		ks_store(a, b, to, kx_cast(a, op->tile_type, kx_int(a, 0)));
		b = ks_if(a, b, inside);
	}
	ks_store(a, b, to, computed_value(&g->computed, b, op, raw, row, k));
}

/* A copy that holds rows from "row" and ks from "kk" on of stage "slot": "from" is
 * the operand's row, "k0" the stage's first k. */
struct held_copy {
	struct kx *index, *row, *kk, *from, *k0, *slot, *limit;
};

/* Of a copy the value at row "i" and k "u". */
static void compute_value(struct stager *g, struct k_block *b,
	const struct held_copy *c, struct k_place to, struct kx *i,
	struct kx *u)
{
	const struct stage *s = g->s;
	const struct operand_order *q = s->order;
	struct arena *a = g->a;
	struct kx *element = q->k_inner ? kx_div(a, u, num(g, q->pack_k)) :
		kx_div(a, i, num(g, q->pack_rows));
	struct near k = c->limit ? near_at(kx_add(a, c->k0, c->kk)) :
		near_in(near_at(c->k0), s->tile_k, c->kk);

	compute_one(g, b, to, kx_load(a, g->held, c->index, element),
		near_in(near_at(c->from), stage_rows(s), i), near_in(k,
			stage_ks(s), u), c->limit ? kx_lt(a, kx_add(a, c->kk, u),
			c->limit) : NULL);
}

/* All values of a copy, as many at a time as lie side by side. */
static void compute_copy(struct stager *g, struct k_block *b,
	const struct held_copy *c)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	bool along_k = s->order->k_inner;
	int n = stage_at_once(s);
	struct kx *across, *first, *e, *i, *u;
	struct k_block *each;
	struct k_place to;

	b = tile_loop(a, b, along_k ? "r" : "c", along_k ? stage_rows(s) :
		stage_ks(s), &across);
	b = tile_loop(a, b, "v", (along_k ? stage_ks(s) : stage_rows(s)) / n,
		&first);
	first = kx_mul(a, first, num(g, n));
	i = along_k ? across : first;
	u = along_k ? first : across;
	to = stager_place(g, c->slot, kx_add(a, c->row, i), kx_add(a, c->kk, u));
	if (n == 1) {
		compute_value(g, b, c, to, i, u);
		return;
	}
	each = tile_loop(a, b, "e", n, &e);
	compute_value(g, each, c, k_place(g->made, e), along_k ? i : kx_add(a,
		i, e), along_k ? kx_add(a, u, e) : u);
	ks_copy(a, b, COPY_PLAIN, to, k_place(g->made, num(g, 0)),
		n * s->op->tile_elem, NULL, 0);
}

void stager_store(struct stager *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *limit)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	struct kx *i, *j, *kk, *row, *copy, *from;

	b = guard_partial(g, b);
	b = tile_loop(a, b, "j", s->k_slots, &j);
	b = tile_loop(a, b, "i", s->row_slots, &i);
	kk = stager_k(g, j);
	row = row_line(g, i);
	copy = copy_index(g, i, j);
	if (s->op->value) {
		from = ks_let(a, b, "row", clamp_row(g, kx_add(a, g->row_base,
			stager_row(g, i))));
		compute_copy(g, b, &(struct held_copy){ copy, row, kk, from, k0,
			slot, limit });
		return;
	}
	ks_copy(a, b, COPY_PLAIN, stager_place(g, slot, row, kk),
		k_place(g->held, copy, num(g, 0)), s->vec * s->op->elem, NULL, 0);
}
