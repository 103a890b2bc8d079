/* SPDX-License-Identifier: MIT */
/* Rows that a thread carries. Where all pairs of two sets are gone through, what
 * is loaded of the one serves as many rows of the other as a thread has: they are
 * neighbours along the last run of the rows' axes, and their running values, what
 * they read once and what is known of them before lie in register arrays, over
 * which loops go that are unrolled. Rows past the end of their run are the last
 * one again. */
#include "sketch/reduce_build.h"

static struct kx *small(struct making *m, int64_t v)
{
	return kx_int(m->a, v);
}

/* ---- what rows share ---- */

/* The row's last run moves by what its last axis does. */
static bool is_ours(const struct walk *w, const struct access *x)
{
	return !x->at.row[w->rows.n - 1];
}

/* Of pairs, of what only the row has and what all rows have; of several passes
 * nothing else. Threads that go along rows share what they read by themselves. */
void row_shares(const struct task *t, struct rows *r)
{
	const struct walk *w = r->walk;

	for (int i = 0; i < w->acc.n && i < 64 && w->rows.n; i++) {
		const struct access *x = &w->acc.v[i];

		if (!x->read || row_once(w, x))
			continue;
		if (x->direct && !row_varies(w, x))
			r->mine |= 1ull << i;
		else if (x->direct && is_ours(w, x))
			r->ours |= 1ull << i;
		else
			r->own = true;
	}
	r->carries = t->group->anchor == IR_ROW && !row_stores(r) &&
		!r->across && r->ours && r->mine && r->passes >= 1 &&
		(r->passes == 1 || !r->own);
	r->ordered = r->carries && w->in.n == 1;
	if (r->carries)
		row_pairs(t, r);
}

/* ---- which rows a thread has ---- */

static int64_t run_length(const struct making *m)
{
	return m->w->rows.run[m->w->rows.n_runs - 1];
}

static bool open_rows(const struct making *m)
{
	return ir_any_open(m->t->op, m->w->pieces.v[0].row_axis,
		m->w->rows.n);
}

/* The number of this thread's team among all; past the last one, the last again,
 * whose rows are not stored. */
static struct kx *find_tile(struct making *m, struct k_block *b)
{
	int64_t n = row_tiles(m->r, &m->x);
	struct kx *block = kx_special(m->a, K_BLOCK_X), *tile;

	if (m->w->rows.total > INT32_MAX / 2)
		block = kx_cast(m->a, T_I64, block);
	tile = kx_add(m->a, kx_mul(m->a, block, small(m, m->x.rows)),
		m->team.row);
	m->valid = NULL;
	if (n % m->x.rows == 0 && !(m->x.rows > 1 && open_rows(m)))
		return tile;
	tile = ks_let(m->a, b, "tile_at", tile);
	m->valid = ks_let(m->a, b, "valid", kx_lt(m->a, tile, small(m, n)));
	return kx_op(m->a, OP_MIN, tile->type, 2, tile, kx_cast(m->a,
		tile->type, small(m, n - 1)));
}

void carry_find(struct making *m, struct k_block *b)
{
	struct nest tiles = m->w->rows;
	int last = tiles.n_runs - 1;
	struct kx *tile = ks_let(m->a, b, "tile", find_tile(m, b));
	struct kx **row = m->row_stream.row;

	tiles.run[last] = number_ceil(run_length(m), m->x.carried);
	tiles.name[tiles.n - 1] = "tile";
	nest_decode(m->a, b, &tiles, tile, row);
	m->first = ks_let(m->a, b, "first", kx_mul(m->a, row[last],
		small(m, m->x.carried)));
	m->before = !last ? small(m, 0) : kx_mul(m->a, kx_div(m->a, tile,
		small(m, tiles.run[last])), small(m, run_length(m)));
}

/* Row number "which" of this thread's, in "s". */
static void enter(struct making *m, struct stream *s, struct k_block *b,
	struct kx *which)
{
	const struct nest *rows = &m->w->rows;
	struct kx *at = kx_add(m->a, m->first, kx_cast(m->a, m->first->type,
		which));

	m->stored = m->valid;
	if (run_length(m) % m->x.carried || open_rows(m)) {
		at = ks_let(m->a, b, "row_at", at);
		m->stored = kx_and(m->a, m->valid, ks_let(m->a, b, "stored",
			kx_lt(m->a, at, small(m, run_length(m)))));
		at = kx_op(m->a, OP_MIN, at->type, 2, at, kx_cast(m->a,
			at->type, small(m, run_length(m) - 1)));
	}
	at = ks_let(m->a, b, rows->name[rows->n - 1], at);
	s->row[rows->n_runs - 1] = at;
	s->carried = which;
	m->row = kx_add(m->a, m->before, at);
	for (int i = 0; i < m->w->pieces.n; i++)
		if (m->known[i])
			m->values[m->w->pieces.v[i].stmt->tensor] = kx_load(
				m->a, m->known[i], which);
}

static struct k_block *rows_loop(struct making *m, struct k_block *b,
	struct kx **which)
{
	return ks_for(m->a, b, LOOP_UNROLLED, "which", small(m, 0),
		small(m, m->x.carried), NULL, which);
}

/* ---- what is known of rows before they are gone through ---- */

static struct k_buffer *array(struct making *m, const char *name,
	enum dtype type)
{
	const int64_t n = m->x.carried;

	return kernel_array(m->k, K_REGISTER, arena_printf(m->a, "%s_of", name),
		type, 1, &n, VECTOR_BYTES);
}

/* Values of the row that the pass has made, for those that follow. */
static void keep_known(struct making *m, struct k_block *b, int pass,
	struct kx *which)
{
	for (int i = 0; i < m->w->pieces.n && pass < m->r->passes; i++) {
		const struct piece *p = &m->w->pieces.v[i];
		const struct ir_tensor *t = &m->t->op->tensors[
			p->stmt->tensor];

		if (m->r->pass[i] != pass || !walk_used(m->w, i) ||
		    !(p->reduction || p->per_row))
			continue;
		m->known[i] = array(m, t->name, m->values[t->id]->type);
		ks_store(m->a, b, k_place(m->known[i], which),
			m->values[t->id]);
	}
}

void carry_begin(struct making *m, struct k_block *b, row_maker *each)
{
	struct stream *s = &m->row_stream;
	struct point p = { .element = NULL };
	struct kx *which;
	struct k_block *inside = rows_loop(m, b, &which);

	enter(m, s, inside, which);
	each(m, inside, 0);
	stream_hold(s, m->r->mine, m->x.carried, true);
	for (int i = 0; i < m->w->acc.n && i < 64; i++)
		s->held[i].carried = m->r->mine >> i & 1;
	stream_load(s, inside, m->r->mine, &p);
	keep_known(m, inside, 0, which);
}

/* ---- running values ---- */

static bool reduces_in(const struct making *m, int i, int pass)
{
	return m->w->pieces.v[i].reduction && making_in_pass(m, i, pass);
}

void carry_start(struct making *m, struct k_block *b, int i)
{
	const struct ir_expr *e = m->w->pieces.v[i].reduction;
	const char *name =
		m->t->op->tensors[m->w->pieces.v[i].stmt->tensor].name;
	enum dtype type = reducer_type(e), at = reducer_at(m->t->op, e);
	struct kx *which;

	b = rows_loop(m, b, &which);
	m->runs[i].value = array(m, arena_printf(m->a, "%s_here", name), type);
	ks_store(m->a, b, k_place(m->runs[i].value, which),
		reducer_identity(m->a, e->reducer, type));
	if (!reducer_indexed(e->reducer))
		return;
	m->runs[i].at = array(m, arena_printf(m->a, "%s_at", name), at);
	ks_store(m->a, b, k_place(m->runs[i].at, which),
		m->r->ordered ? reducer_first(m->a, m->t->op, e) :
		reducer_nowhere(m->a, at));
}

/* Row "which"'s running values are those at hand. */
static void resume(struct making *m, struct k_block *b, int pass,
	struct kx *which)
{
	for (int i = 0; i < m->w->pieces.n; i++) {
		const struct board *x = &m->runs[i];

		if (!reduces_in(m, i, pass))
			continue;
		m->running[i] = running_resume(m->a, b, arena_printf(m->a,
			"%s_here", m->t->op->tensors[
				m->w->pieces.v[i].stmt->tensor].name),
			m->w->pieces.v[i].reduction->reducer,
			kx_load(m->a, x->value, which),
			x->at ? kx_load(m->a, x->at, which) : NULL);
	}
}

static void put_back(struct making *m, struct k_block *b, int pass,
	struct kx *which)
{
	for (int i = 0; i < m->w->pieces.n; i++)
		if (reduces_in(m, i, pass))
			board_write(m->a, b, &m->runs[i], &m->running[i],
				which);
}

/* ---- over a row, and after it ---- */

void carry_lend(const struct making *m, struct stream *s)
{
	for (int i = 0; i < m->w->acc.n && i < 64; i++)
		if (m->r->mine >> i & 1)
			s->held[i] = m->row_stream.held[i];
}

uint64_t carry_ahead(const struct making *m, uint64_t reads)
{
	return m->x.carried > 1 ? reads & m->r->ours : reads;
}

void carry_consume(struct making *m, struct stream *s, struct k_block *b,
	int pass, struct point *p, uint64_t reads, vector_maker *each)
{
	uint64_t own = reads & ~m->r->ours & ~m->r->mine;
	struct kx *which;
	struct k_block *inside = rows_loop(m, b, &which);

	enter(m, s, inside, which);
	stream_hold(s, own, 1, false);
	stream_load(s, inside, own, p);
	resume(m, inside, pass, which);
	for (int i = 0; i < m->w->pieces.n; i++)
		m->running[i].ordered = m->r->ordered;
	each(m, s, inside, pass, p);
	put_back(m, inside, pass, which);
}

void carry_finish(struct making *m, struct k_block *b, int pass,
	row_maker *each)
{
	struct kx *which;
	struct k_block *inside = rows_loop(m, b, &which);

	enter(m, &m->row_stream, inside, which);
	resume(m, inside, pass, which);
	m->team.copy = which;
	m->team.copies = m->x.carried;
	each(m, inside, pass);
	keep_known(m, inside, pass, which);
}
