/* SPDX-License-Identifier: MIT */
/* Reading one operand of a gemv kernel. Rows at a constant distance cost one
 * address, others one each in registers. */
#include "sketch/gemv_read.h"

static struct kx *num(const struct reader *r, int64_t v)
{
	return kx_int(r->a, v);
}

/* Addresses are 64-bit where the operand is. */
static struct kx *sized(const struct reader *r, int form, struct kx *v)
{
	return form == 0 && r->global->wide ? kx_cast(r->a, T_I64, v) : v;
}

static struct kx *scaled(const struct reader *r, int form, struct kx *v,
	int64_t by)
{
	return by ? kx_mul(r->a, sized(r, form, v), num(r, by)) : num(r, 0);
}

static bool even(const struct reader *r)
{
	return r->op->rows.n_runs <= 1 && !r->ragged;
}

static struct kx *rows_form(const struct reader *r, struct kx *const *runs,
	int form)
{
	struct kx *v = r->base[form];

	for (int i = 0; i < r->op->rows.n_runs; i++)
		v = kx_add(r->a, v, scaled(r, form, runs[i],
			r->op->rows.runs[i].coef[form]));
	return v;
}

static const char *form_name(const struct reader *r, int form)
{
	return form == 0 ? arena_printf(r->a, "%s_at", r->name) :
		arena_printf(r->a, "%s_i%d", r->name, form);
}

/* One address for each vector; those past the end read the last one. */
static void keep_rows(struct reader *r, struct k_block *b)
{
	struct arena *a = r->a;
	int64_t dims[1] = { r->n / r->vec };
	struct kx *runs[RUNS_MAX], *i, *row;

	for (int f = 0; f < r->op->n_forms; f++)
		r->row_at[f] = kernel_array(r->kernel, K_REGISTER,
			form_name(r, f), f == 0 && r->global->wide ? T_I64 :
			T_I32, 1, dims, 0);
	b = tile_loop(a, b, "i", dims[0], &i);
	row = kx_add(a, r->first, kx_mul(a, i, num(r, (int64_t)r->lanes *
		r->vec)));
	if (r->ragged)
		row = kx_op(a, OP_MIN, T_I32, 2, row, num(r,
			r->op->rows.extent - r->vec));
	row = ks_let(a, b, "row", row);
	flat_decode(a, b, &r->op->rows, "rest", row, runs);
	for (int f = 0; f < r->op->n_forms; f++)
		ks_store(a, b, k_place(r->row_at[f], i), rows_form(r, runs, f));
}

void reader_create(struct reader *r, struct k_block *b)
{
	const struct operand *op = r->op;
	struct kx *runs[RUNS_MAX] = { r->first };
	struct kx *batch[RUNS_MAX];

	if (r->batch)
		flat_decode(r->a, b, &op->batch, "batch_rest", r->batch, batch);
	for (int f = 0; f < op->n_forms; f++) {
		r->base[f] = sized(r, f, num(r, op->forms[f].c));
		for (int i = 0; r->batch && i < op->batch.n_runs; i++)
			r->base[f] = kx_add(r->a, r->base[f], scaled(r, f,
				batch[i], op->batch.runs[i].coef[f]));
	}
	r->chosen = choice_read(r->computed, b, op, r->name);
	r->base[0] = kx_add(r->a, r->base[0], choice_address(r->a, op,
		&r->chosen, r->global->wide ? T_I64 : T_I32));
	if (!even(r)) {
		keep_rows(r, b);
		return;
	}
	for (int f = 0; f < op->n_forms; f++)
		r->base[f] = ks_let(r->a, b, form_name(r, f),
			rows_form(r, runs, f));
}

void reader_at(const struct reader *r, struct k_block *b, struct kx *k,
	struct kx **forms)
{
	struct kx *runs[RUNS_MAX];

	flat_decode(r->a, b, r->k, arena_printf(r->a, "%s_rest", r->name), k,
		runs);
	for (int f = 0; f < r->op->n_forms; f++) {
		forms[f] = num(r, 0);
		for (int i = 0; i < r->k->n_runs; i++)
			forms[f] = kx_add(r->a, forms[f], scaled(r, f, runs[i],
				r->k->runs[i].coef[f]));
		forms[f] = ks_let(r->a, b, arena_printf(r->a, "%s_k%d",
			r->name, f), forms[f]);
	}
}

/* The share of vector "i" in a form. */
static struct kx *row_part(const struct reader *r, struct kx *i, int form)
{
	if (!even(r))
		return kx_load(r->a, r->row_at[form], i);
	if (!r->op->rows.n_runs)
		return r->base[form];
	return kx_add(r->a, r->base[form], scaled(r, form,
		i, r->lanes * r->vec * r->op->rows.runs[0].coef[form]));
}

void reader_copy(const struct reader *r, struct k_block *b, struct kx *i,
	struct kx *const *forms, int count, struct k_place dst,
	struct kx *inside)
{
	struct kx *at = kx_add(r->a, row_part(r, i, 0), forms[0]);

	inside = kx_and(r->a, r->chosen.inside, inside);
	for (int f = 1; f < r->op->n_forms; f++)
		inside = kx_and(r->a, inside, form_inside(r->a, kx_add(r->a,
			row_part(r, i, f), forms[f]), r->op->size[f]));
	ks_copy(r->a, b, COPY_PLAIN, dst, k_place(r->global, at),
		count * r->op->elem, inside, 0);
}
