/* SPDX-License-Identifier: MIT */
/* How much of an epilogue ptxas may have under way at once. Of a straight line it
 * starts as many functions as registers allow, and a few more, which spill. So where
 * those of all of a thread's elements could not be under way together, there is a
 * branch in front of each so many: one that is always taken, though nobody knows
 * before the launch. What is loaded then waits for its line, so sums and products,
 * whose loads ptxas has never begun too many of, stay one line, and lines are not
 * too short. Seen with ptxas of CUDA 13.0. */
#include "sketch/epilogue_code.h"

#include "kernel/intrin.h"
#include "sketch/stage.h"
#include "sketch/walk.h"

#include <limits.h>

/* Registers for addresses and constants; words of an element whose function is
 * under way, beside its argument; elements of a line at least. */
enum { RESERVED = 32, FUNCTION_WORDS = 2, LEAST = 16 };

/* Bits of registers: of each element, "function" of them for what is under way, and
 * "kept" for what a statistic is of, which the next pass wants again; and of each of
 * the inner side's. "seen" are the reads that are counted. */
struct demand {
	const struct emission *m;
	int element, inner, function, kept;
	const struct ir_expr *seen[READS_MAX];
	int n_seen;
};

static int bits_of(enum dtype t)
{
	return dtype_row(t)->bits;
}

static int words_of(enum dtype t)
{
	return bits_of(t) > 32 ? 2 : 1;
}

static bool is_computed(const struct emission *m, int tensor)
{
	for (int i = 0; i < m->s->e->n; i++)
		if (m->s->e->outputs[i].tensor->id == tensor)
			return true;
	return false;
}

static bool is_among(const struct ir_expr *const *reads, int n,
	const struct ir_expr *e)
{
	for (int i = 0; i < n; i++)
		if (ir_equal(reads[i], e))
			return true;
	return false;
}

static void add_read(struct ir_expr *e, void *ctx)
{
	struct demand *d = ctx;
	const struct emission *m = d->m;
	const struct ir_tensor *t;
	int bits;

	if (e->kind != IR_READ || is_computed(m, e->tensor) ||
	    d->n_seen == READS_MAX || is_among(d->seen, d->n_seen, e))
		return;
	d->seen[d->n_seen++] = e;
	t = &m->s->t->op->tensors[e->tensor];
	bits = is_among(m->reads, m->n_reads, e) ? bits_of(t->type) :
		32 * words_of(t->type);
	if (t->rank >= m->s->e->outputs[0].tensor->rank)
		d->element += bits;
	else
		d->inner += bits;
}

/* What the present pass has under way of an element, all of it at once. */
static struct demand demand_of(const struct emission *m)
{
	const struct epilogue *e = m->s->e;
	struct demand d = { .m = m };
	int stored = 0;

	for (int i = 0; i < e->n; i++) {
		const struct output *o = &e->outputs[i];

		if (!output_in_pass(m, o) || !o->value)
			continue;
		ir_walk(o->value, add_read, &d);
		if (expr_cost(o->value).special > 0)
			d.function = FUNCTION_WORDS * 32 *
				words_of(o->value->type);
		if (o->reduction && m->pass + 1 < e->passes &&
		    expr_cost(o->value).issue > 0)
			d.kept = 32 * words_of(m->s->acc->type);
		if (output_stores(m, o) && stored++)
			d.element += bits_of(o->tensor->type);
	}
	d.element += d.function + d.kept;
	return d;
}

/* Sums of a thread that are a second product's. */
static int second_sums(const struct storing *s)
{
	return s->acc->rank < 2 ? 0 : s->m.mine *
		(int)(s->acc->dims[1] - s->n.mine);
}

/* Registers that are left beside the thread's sums, and what else of them and of
 * rows waits for later passes. */
static int room_of(const struct emission *m, const struct demand *d)
{
	const struct storing *s = m->s;
	int held = s->e->held > 1 ? s->e->held : 1, n = s->regs - RESERVED;

	n -= (held * s->m.mine * s->n.mine + second_sums(s)) *
		words_of(s->acc->type);
	for (int i = 0; i < s->e->n; i++)
		if (s->e->outputs[i].per_row)
			n -= rows_of(s)->mine;
	return n - inner_side(s)->mine * d->inner / 32;
}

/* Guards of a ragged tile are no branches where nvcc knows better. */
void lines_plan(struct emission *m)
{
	struct demand d = demand_of(m);
	int most;

	m->line = INT_MAX;
	if (!m->s->regs || (!d.function && !d.kept))
		return;
	most = room_of(m, &d) * 32 / d.element;
	if (most < m->s->m.mine * m->s->n.mine)
		m->line = most > LEAST ? most : LEAST;
}

int lines_divisor(int n, int most)
{
	int d = most < n ? most : n;

	while (d > 1 && n % d)
		d--;
	return d > 1 ? d : 1;
}

struct lines lines_start(struct arena *a, struct k_block *b, int n)
{
	struct lines l = { a, n, NULL };

	if (n > 1)
		l.end = ks_let(a, b, "lines", kx_call(a, INTRIN_MORE_THAN, T_I32,
			1, kx_int(a, n)));
	return l;
}

struct k_block *lines_next(const struct lines *l, struct k_block *b,
	struct kx *line)
{
	return l->end ? ks_if(l->a, b, kx_lt(l->a, line, l->end)) : b;
}

/* Part number "q" of those that are "n" long. */
static struct reach part_of(struct arena *a, struct reach all, struct kx *q, int n)
{
	return (struct reach){ kx_add(a, all.first, kx_mul(a, q, kx_int(a, n))),
		n };
}

void lines_emit(struct emission *m, struct k_block *b, struct reach rows,
	struct reach cols)
{
	struct arena *a = m->s->a;
	int c = m->width * lines_divisor(cols.n / m->width, m->line / m->width);
	int r = c < cols.n ? 1 : lines_divisor(rows.n, m->line / cols.n);
	struct lines l;
	struct kx *line, *across = kx_int(a, cols.n / c);

	l = lines_start(a, b, rows.n / r * (cols.n / c));
	b = tile_loop(a, b, "line", l.n, &line);
	b = lines_next(&l, b, line);
	emit_elements(m, b, part_of(a, rows, kx_div(a, line, across), r),
		part_of(a, cols, kx_mod(a, line, across), c));
}
