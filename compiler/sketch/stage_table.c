/* SPDX-License-Identifier: MIT */
/* Rows, or ks, of a stage of which a table says where they lie, such as pages of a
 * cache: the table's entries are read before the copies, all of a tile at once, so
 * that nobody waits for one after the other. An entry that points outside becomes
 * the one before those that do not: what it makes of an address fits still, and no
 * copy reads there. */
#include "sketch/stage.h"

static struct kx *num(const struct stager *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* Does the entry change along the axes? */
static bool moves(const struct operand *op, const struct flat *f)
{
	for (int i = 0; i < f->n_runs; i++)
		if (f->runs[i].coef[op->n_forms])
			return true;
	return false;
}

static int entry_ks(const struct stage *s)
{
	return moves(s->op, &s->order->k) ? s->k_slots : 1;
}

static int entry_rows(const struct stage *s)
{
	return moves(s->op, &s->op->rows) ? s->row_slots : 1;
}

int stage_entries(const struct stage *s)
{
	return s->op->entry ? entry_ks(s) * entry_rows(s) : 0;
}

bool stage_entries_alike(const struct stage *x, const struct stage *y)
{
	return operand_entries_alike(x->op, &x->op->rows, y->op, &y->order->k) &&
		x->order->k_inner && !y->order->k_inner && x->group == 1 &&
		x->threads == y->threads && stage_lead(x) == stage_lead(y) &&
		stage_entries(x) == stage_entries(y) && stage_rows(x) == 1 &&
		stage_ks(y) == 1 && y->row_slots == 1;
}

void stager_declare_entries(struct stager *g)
{
	int64_t dims[1] = { stage_entries(g->s) };

	if (g->s->op->entry)
		g->entries = kernel_array(g->kernel, K_REGISTER,
			arena_printf(g->a, "%s_entry", g->name), T_I32, 1,
			dims, 0);
}

/* Of row slot "i" and k slot "j". */
static struct kx *entry_number(const struct stager *g, struct kx *i,
	struct kx *j)
{
	int rows = entry_rows(g->s);

	if (rows == 1)
		i = num(g, 0);
	if (entry_ks(g->s) == 1)
		j = num(g, 0);
	return kx_add(g->a, kx_mul(g->a, j, num(g, rows)), i);
}

/* Does the entry point where some row is? */
static struct kx *points_inside(struct arena *a, const struct operand *op,
	struct kx *e)
{
	struct kx *least = kx_int(a, op->least);

	if (e->type == T_I64)
		return kx_and(a, kx_op(a, OP_LE, T_BOOL, 2, kx_cast(a, T_I64,
			least), e), kx_lt(a, e, kx_cast(a, T_I64, kx_int(a,
			op->least + op->entries))));
	e = kx_cast(a, T_U32, e);
	if (op->least)
		e = kx_op(a, OP_SUB, T_U32, 2, e, kx_cast(a, T_U32, least));
	return kx_op(a, OP_LT, T_BOOL, 2, e, kx_cast(a, T_U32, kx_int(a,
		op->entries)));
}

struct kx *stage_kept(struct arena *a, const struct operand *op, struct kx *e)
{
	struct kx *number = kx_cast(a, T_I32, e);

	if (!op->strays)
		return number;
	return kx_op(a, OP_SELECT, T_I32, 3, points_inside(a, op, e->type ==
		T_I64 ? e : number), number, kx_int(a, op->least - 1));
}

/* What the axes add to where the entry lies, at index "at", which may be past the
 * end: then at the last. */
static struct kx *part(struct stager *g, struct k_block *b, const struct flat *f,
	struct kx *at)
{
	struct kx *last = num(g, f->extent - 1);

	if (!moves(g->s->op, f))
		return num(g, 0);
	return flat_form(g->a, b, f, "rest", ks_let(g->a, b, "at", kx_op(g->a,
		OP_MIN, T_I32, 2, at, last)), g->s->op->n_forms);
}

void stager_look_up(struct stager *g, struct k_block *b, struct kx *k0)
{
	const struct stage *s = g->s;
	const struct operand *op = s->op;
	struct arena *a = g->a;
	struct kx *at, *i, *j;

	if (!op->entry)
		return;
	b = tile_loop(a, b, "j", entry_ks(s), &j);
	b = tile_loop(a, b, "i", entry_rows(s), &i);
	at = num(g, op->forms[op->n_forms].c);
	if (g->form_base[op->n_forms])
		at = kx_add(a, at, g->form_base[op->n_forms]);
	at = kx_add(a, at, part(g, b, &op->rows, kx_add(a, g->row_base,
		stager_row(g, i))));
	at = kx_add(a, at, part(g, b, &s->order->k, kx_add(a, k0, stager_k(g,
		j))));
	ks_store(a, b, k_place(g->entries, entry_number(g, i, j)), stage_kept(a,
		op, ks_let(a, b, "entry", kx_load(a, g->table, at))));
}

struct kx *stager_pointed(struct stager *g, struct kx *v, int form, struct kx *i,
	struct kx *j)
{
	const struct operand *op = g->s->op;
	struct arena *a = g->a;
	struct kx *entry;

	if (!op->entry || !op->point[form])
		return v;
	entry = kx_load(a, g->entries, entry_number(g, i, j));
	if (form == 0 && g->s->wide)
		entry = kx_cast(a, T_I64, entry);
	return kx_add(a, v, kx_mul(a, entry, num(g, op->point[form])));
}
