/* SPDX-License-Identifier: MIT */
/* An operand of a contraction as its reads have it: address and padded indices
 * as affine forms over rows, batch and each order of the reduction, along which of
 * them vectors can run, and how many neighbours one element makes. */
#include "sketch/operand.h"

#include "base/number.h"

int operand_forms(const struct operand *p)
{
	return p->n_forms + (p->entry != NULL);
}

static bool collect_forms(struct arena *a, const struct ir_operator *o,
	const struct ir_affine *address, const struct ir_lookup *table,
	struct operand *out, const char **why)
{
	const struct ir_expr *read = out->read;
	bool below, above;

	out->forms[0] = *address;
	out->n_forms = 1;
	if (read->pad == IR_PAD_NONE)
		return true;
	for (int d = 0; d < read->n_args; d++) {
		bool found = table && d == table->dim;

		ir_leaves(o, read, d, &below, &above);
		if (!below && !above)
			continue;
		if (out->n_forms == FORMS_MAX) {
			*why = "more than five dimensions of an operand are padded";
			return false;
		}
		if (found) {
			out->forms[out->n_forms] = table->index;
			out->point[out->n_forms] = table->times;
			out->strays = true;
		} else if (!ir_affine(a, o, read->args[d],
				&out->forms[out->n_forms])) {
			*why = "a padded index is not affine";
			return false;
		}
		out->size[out->n_forms++] = out->tensor->dims[d];
	}
	return true;
}

/* ---- where a table says what is read ---- */

static void affine_range(const struct ir_operator *o, const struct ir_affine *f,
	int64_t *lo, int64_t *hi)
{
	*lo = *hi = f->c;
	for (int i = 0; i < o->n_axes; i++) {
		int64_t first = f->coef[i] * o->axes[i].lo;
		int64_t last = first + f->coef[i] * (o->axes[i].extent - 1);

		*lo += first < last ? first : last;
		*hi += first < last ? last : first;
	}
}

/* Entries that point inside, for some row at least. */
static const char *find_entries(const struct ir_operator *o,
	const struct ir_lookup *table, struct operand *out)
{
	enum dtype t = table->entry->type;
	int64_t lo, hi, end;

	affine_range(o, &table->index, &lo, &hi);
	out->least = number_ceil(-hi, table->times);
	end = 1 - number_ceil(lo + 1 - out->tensor->dims[table->dim],
		table->times);
	out->entries = end > out->least ? end - out->least : 0;
	out->apart = number_ceil(-lo, table->times) != out->least || end != 1 -
		number_ceil(hi + 1 - out->tensor->dims[table->dim],
		table->times);
	if (dtype_row(t)->bits < 8 || (t == T_U32 && out->least < 0))
		return "a table of this type says where an operand is read";
	if (out->least - 1 < INT32_MIN || end > INT32_MAX)
		return "a table says where an operand is read, by numbers of "
			"more than 32 bits";
	return NULL;
}

static bool collect_entry(const struct ir_operator *o,
	const struct ir_lookup *table, struct operand *out, const char **why)
{
	if (out->n_forms == FORMS_MAX) {
		*why = "more than four dimensions of an operand that a table "
			"finds are padded";
		return false;
	}
	out->entry = table->entry;
	out->forms[out->n_forms] = table->at;
	out->point[0] = table->stride;
	*why = find_entries(o, table, out);
	return !*why;
}

static int natural_alignment(const struct operand *p, int vec)
{
	int64_t c = p->forms[0].c;

	while (vec > 1 && (c % vec || p->point[0] % vec ||
	       p->tensor->align % (vec * p->elem)))
		vec /= 2;
	vec = flat_alignment(&p->batch, vec, false);
	return vec;
}

/* The run that no form moves along, if it is the innermost: then that many
 * neighbours are made of one element. */
static int packed(const struct flat *f, int n_forms)
{
	const struct run *r = f->n_runs ? &f->runs[f->n_runs - 1] : NULL;

	if (!r || r->extent & (r->extent - 1) || r->common != r->extent)
		return 1;
	for (int i = 0; i < n_forms; i++)
		if (r->coef[i])
			return 1;
	return (int)r->extent;
}

/* "f" with elements in place of the neighbours that share one. */
static struct flat elements(const struct flat *f, int pack)
{
	struct flat e = *f;

	e.n_runs -= pack > 1;
	e.extent /= pack;
	return e;
}

int64_t operand_step(const struct operand_order *q, int form)
{
	const struct run *r = flat_moving(&q->k, q->pack_k);

	return r ? r->coef[form] : 0;
}

/* Do neighbouring rows lie near enough that a warp reading along them uses
 * most of every 32-byte sector? */
static bool rows_are_near(const struct flat *rows)
{
	const struct run *r = rows->n_runs ? &rows->runs[rows->n_runs - 1] :
		NULL;

	return r && r->coef[0] >= -4 && r->coef[0] <= 4 && r->extent > 4;
}

static int vector_along(const struct operand *p, const struct flat *along,
	const struct flat *across)
{
	int v = flat_vector(along, operand_forms(p), 16 / p->elem);

	v = flat_alignment(along, v, true);
	v = flat_alignment(across, v, false);
	return natural_alignment(p, v);
}

/* Along k where vectors fit or rows are far apart, else along the rows. */
static void choose_vector(struct operand *p, struct operand_order *q)
{
	int pack_k = packed(&q->k, operand_forms(p));
	int pack_rows = packed(&p->rows, operand_forms(p));
	struct flat k = elements(&q->k, pack_k);
	struct flat rows = elements(&p->rows, pack_rows);
	const struct run *last = flat_moving(&q->k, pack_k);
	int along_k = vector_along(p, &k, &rows);

	q->run = last ? last->extent * pack_k : q->k.extent;
	q->k_inner = last && last->coef[0] == 1 &&
		(along_k > 1 || !rows_are_near(&rows));
	q->vec = q->k_inner ? along_k : vector_along(p, &rows, &k);
	q->pack_k = pack_k;
	q->pack_rows = q->k_inner ? 1 : pack_rows;
	q->share = 1;
}

/* Rows that share elements have one each, copied one by one. */
static void keep_elements(struct operand_order *q)
{
	q->k = elements(&q->k, q->pack_k);
	q->run /= q->pack_k;
	q->share = q->pack_k;
	if (q->pack_rows > 1)
		q->vec = 1;
	q->pack_k = q->pack_rows = 1;
}

struct operand operand_raw(const struct operand *p, int n_orders)
{
	struct operand raw = *p;

	raw.value = NULL;
	raw.tile_type = p->tensor->type;
	raw.tile_elem = p->elem;
	for (int i = 0; i < n_orders; i++)
		keep_elements(&raw.orders[i]);
	return raw;
}

static bool same_steps(const struct flat *x, int at_x, const struct flat *y,
	int at_y)
{
	bool same = x->n_runs == y->n_runs;

	for (int i = 0; same && i < x->n_runs; i++)
		same = x->runs[i].extent == y->runs[i].extent &&
			x->runs[i].coef[at_x] == y->runs[i].coef[at_y];
	return same;
}

bool operand_entries_alike(const struct operand *p, const struct flat *along,
	const struct operand *q, const struct flat *with)
{
	return p->entry && q->entry && p->entry->tensor == q->entry->tensor &&
		p->least == q->least && p->entries == q->entries &&
		p->strays == q->strays &&
		p->forms[p->n_forms].c == q->forms[q->n_forms].c &&
		same_steps(along, p->n_forms, with, q->n_forms) &&
		same_steps(&p->batch, p->n_forms, &q->batch, q->n_forms);
}

/* ---- sums in 32 bits ---- */

struct reach {
	double least, most;
};

static void add_flat(struct reach *r, const struct flat *f, int form)
{
	for (int i = 0; i < f->n_runs; i++) {
		double last = (double)f->runs[i].coef[form] *
			(double)(f->runs[i].extent - 1);

		*(last < 0 ? &r->least : &r->most) += last;
	}
}

static bool is_i32(struct reach r)
{
	return r.least >= INT32_MIN && r.most <= INT32_MAX;
}

/* May the form be summed in 32 bits, the reduction's share by itself? Addresses of
 * large tensors need not. */
static bool form_fits(const struct operand *p, int form)
{
	double c = (double)p->forms[form].c;
	struct reach rows = { c, c }, k = { 0, 0 }, all;

	if (!form && p->tensor->elements > INT32_MAX)
		return true;
	if (p->point[form]) {
		rows.least += (double)p->point[form] * (double)(p->least - 1);
		rows.most += (double)p->point[form] * (double)(p->least +
			p->entries - 1);
	}
	add_flat(&rows, &p->rows, form);
	add_flat(&rows, &p->batch, form);
	add_flat(&k, &p->orders[0].k, form);
	all = (struct reach){ rows.least + k.least, rows.most + k.most };
	return is_i32(rows) && is_i32(k) && is_i32(all);
}

bool operand_analyse(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *read, const struct ir_affine *address,
	const int *rows, int n_rows, const int *batch, int n_batch,
	int *const *k_orders, int n_orders, int n_k, struct operand *out,
	const char **why)
{
	struct ir_lookup table;
	bool found = ir_lookup(a, o, read, &table);
	int n;

	*out = (struct operand){ .read = read };
	out->tensor = &o->tensors[read->tensor];
	out->elem = dtype_row(out->tensor->type)->bits / 8;
	out->tile_type = out->tensor->type;
	out->tile_elem = out->elem;
	if (!collect_forms(a, o, address, found ? &table : NULL, out, why) ||
	    (found && !collect_entry(o, &table, out, why)))
		return false;
	n = operand_forms(out);
	*why = "an operand's index mixes too many axes";
	if (!flat_make(o, rows, n_rows, out->forms, n, &out->rows) ||
	    !flat_make(o, batch, n_batch, out->forms, n, &out->batch))
		return false;
	for (int i = 0; i < n_orders; i++) {
		if (!flat_make(o, k_orders[i], n_k, out->forms, n,
				&out->orders[i].k))
			return false;
		choose_vector(out, &out->orders[i]);
	}
	*why = "an operand is padded so far out that its indices take more than "
		"32 bits";
	for (int f = 0; f < n; f++)
		if (!form_fits(out, f))
			return false;
	*why = NULL;
	return true;
}

void operand_compute(struct operand *p, const struct ir_expr *value)
{
	p->value = value;
	p->tile_type = value->type;
	p->tile_elem = dtype_row(value->type)->bits / 8;
}
