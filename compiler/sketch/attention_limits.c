/* SPDX-License-Identifier: MIT */
/* Keys that masks hide from all rows of a tile, as causal ones and windows do: blocks
 * go over steps from the first of which one of their rows sees a key to the last, and
 * over one where there is none. A tile knows its lines where it has none of two
 * heads; else it may have any. */
#include "sketch/attention.h"

#include "base/number.h"
#include "sketch/common.h"

#include <math.h>

/* Where a size differs from call to call, the kernel of each is to be the same but
 * for numbers. */
static bool is_open(const struct task *t)
{
	const struct attention *f = t->state;

	return f->key->rows.open || ir_any_open(t->op, f->row_axes,
		f->n_row_axes);
}

static bool moves(const struct limit *l)
{
	return !l->there || l->moves || l->beside;
}

/* Are keys left out? */
static bool stops(const struct task *t)
{
	const struct attention *f = t->state;
	bool still = !f->upto.moves && !f->from.moves;

	return f->limited && (!is_open(t) || ((still || f->lines == f->rows) &&
		moves(&f->upto) && moves(&f->from)));
}

/* Are a tile's lines neighbours, the first of which it knows? */
static bool follows(const struct attention *f, const struct attention_plan *p)
{
	return f->lines == f->rows || f->lines % p->rows == 0;
}

/* ---- as numbers ---- */

static int64_t clamped(int64_t x, int64_t lo, int64_t hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

/* Is it a limit, and known before the kernel runs? */
static bool is_known(const struct limit *l)
{
	return l->there && !l->beside;
}

/* The limit of a row's keys. */
static int64_t limit_at(const struct limit *l, int64_t line, int64_t none)
{
	return !is_known(l) ? none : l->at + (l->moves ? line : 0);
}

/* A tile of "n" steps. */
static void add_steps(const struct attention_plan *p, int64_t n, struct spans *s)
{
	int64_t part = number_ceil(n, p->split);

	s->fewest = s->fewest && s->fewest < n ? s->fewest : n;
	s->most = s->most > n ? s->most : n;
	s->each += (double)part;
	if ((p->split - 1) * part >= n)
		s->bare = n;
}

/* The tile whose lines are from "first" to "last". */
static void add_tile(const struct attention *f, const struct attention_plan *p,
	int64_t first, int64_t last, struct spans *s)
{
	int64_t end = clamped(number_ceil(clamped(limit_at(&f->upto, last,
		f->keys), 1, f->keys), p->keys), 1, p->steps);
	int64_t begin = clamped(clamped(limit_at(&f->from, first, 0), 0,
		f->keys) / p->keys, 0, end - 1);
	int64_t low = clamped(limit_at(&f->from, last, 0), 0, f->keys);
	int64_t high = clamped(limit_at(&f->upto, first, f->keys), 0, f->keys);

	add_steps(p, end - begin, s);
	s->whole |= (number_ceil(low, p->keys) + 1) * p->keys <= high;
}

void attention_spans(const struct task *t, const struct attention_plan *p,
	struct spans *s)
{
	const struct attention *f = t->state;
	bool each = stops(t) && follows(f, p) && ((is_known(&f->upto) &&
		f->upto.moves) || (is_known(&f->from) && f->from.moves));
	int64_t n = each ? number_ceil(f->lines, p->rows) : 1;

	*s = (struct spans){0};
	if (!stops(t)) {
		add_steps(p, p->steps, s);
		return;
	}
	for (int64_t i = 0; i < n; i++)
		add_tile(f, p, each ? i * p->rows : 0, each ? (i + 1) * p->rows -
			1 : f->lines - 1, s);
	s->each /= (double)n;
	s->whole |= is_open(t) || f->upto.beside || f->from.beside;
}

bool attention_bare(const struct attention *f, const struct attention_plan *p)
{
	return p->split > 1 && (f->upto.beside || f->from.beside);
}

bool attention_grows(const struct task *t, const struct attention_plan *p)
{
	const struct attention *f = t->state;

	return stops(t) && follows(f, p) && f->upto.there && f->upto.moves;
}

/* Keys before the limit, of all lines. */
static double keys_before(const struct attention *f, const struct limit *l)
{
	double lines = (double)f->lines, at = (double)l->at;
	double most = (double)f->keys, none, all;

	if (!l->moves)
		return lines * fmin(fmax(at, 0), most);
	none = fmin(fmax(1 - at, 0), lines);		/* lines of which none is, */
	all = fmin(fmax(lines + at - most, 0), lines);		/* and all are */
	return all * most + fmax(lines - none - all, 0) * (fmax(at + none,
		0) + fmin(lines - 1 + at, most)) / 2;
}

double attention_work(const struct attention *f)
{
	double seen = (double)f->lines * (double)f->keys;

	if (!f->limited)
		return 0;
	if (is_known(&f->upto))
		seen = keys_before(f, &f->upto);
	if (is_known(&f->from))
		seen -= keys_before(f, &f->from);
	return 2 * fmax(seen, 1) * (double)f->rows / (double)f->lines *
		(double)f->batch * (double)(f->depth + f->cols);
}

/* Elements in memory, each once. */
static double elements(const struct flat *x)
{
	double n = 1;

	for (int i = 0; i < x->n_runs; i++)
		n *= x->runs[i].coef[0] ? (double)x->runs[i].extent : 1;
	return n;
}

/* Keys may be the values. */
double attention_unseen(const struct attention *f)
{
	bool one = f->key->tensor == f->value->tensor &&
		f->key->forms[0].c == f->value->forms[0].c;
	int64_t end = clamped(limit_at(&f->upto, f->lines - 1, f->keys), 0,
		f->keys);
	int64_t begin = clamped(limit_at(&f->from, 0, 0), 0, end);
	double keys = (double)f->keys, each = (double)(f->depth + (one ? 0 :
		f->cols));

	return !f->limited ? 0 : elements(&f->key->batch) * each *
		(keys - (double)(end - begin)) * f->key->elem;
}

/* ---- in a kernel ---- */

static struct kx *num(const struct attention_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

/* The first line of the block's, the last, or any. */
static struct kx *line(const struct attention_code *g, bool last)
{
	const struct attention *f = g->f;
	struct kx *first = g->row_first;

	if (!follows(f, g->p))
		return num(g, last ? f->lines - 1 : 0);
	if (f->lines != f->rows)
		first = kx_mod(g->a, first, num(g, f->lines));
	return kx_add(g->a, first, num(g, last ? g->p->rows - 1 : 0));
}

static struct kx *limit_of(const struct attention_code *g,
	const struct limit *l, bool last)
{
	struct kx *at = l == &g->f->upto ? g->upto_at : g->from_at;

	return l->moves ? kx_add(g->a, line(g, last), at) : at;
}

static struct kx *op2(const struct attention_code *g, enum op op, struct kx *x,
	struct kx *y)
{
	return kx_op(g->a, op, T_I32, 2, x, y);
}

/* What is read is cut off where no key and no line is: then all is of 32 bits. */
static struct kx *first_limit(struct attention_code *g, struct k_block *b,
	const struct limit *l, const char *name)
{
	enum { FARTHEST = 1 << 30 };
	struct lower_env env = { .a = g->a, .op = g->t->op, .axes = g->axes,
		.buffers = g->buffers, .block = b };
	struct arena *a = g->a;
	struct kx *x;

	if (!l->beside)
		return num(g, l->at);
	attention_bind_reads(g, l->beside);
	x = kx_add(a, kx_mul(a, lower_as(&env, l->beside, T_I64), kx_cast(a,
		T_I64, num(g, l->times))), kx_cast(a, T_I64, num(g, l->at)));
	x = kx_op(a, OP_MIN, T_I64, 2, kx_op(a, OP_MAX, T_I64, 2, x, kx_cast(a,
		T_I64, num(g, -FARTHEST))), kx_cast(a, T_I64, num(g, FARTHEST)));
	return ks_let(a, b, name, kx_cast(a, T_I32, x));
}

/* Before which step the block's rows see keys, */
static struct kx *step_end(const struct attention_code *g)
{
	struct kx *all = num(g, g->p->steps), *keys;

	if (!g->f->upto.there)
		return all;
	keys = op2(g, OP_MAX, limit_of(g, &g->f->upto, true), num(g, 1));
	if (g->f->upto.beside)
		keys = op2(g, OP_MIN, keys, num(g, g->f->keys));
	return op2(g, OP_MIN, all, kx_div(g->a, kx_add(g->a, keys, num(g,
		g->p->keys - 1)), num(g, g->p->keys)));
}

/* and from which on; always one. */
static struct kx *step_begin(const struct attention_code *g, struct kx *end)
{
	struct kx *keys;

	if (!g->f->from.there)
		return num(g, 0);
	keys = op2(g, OP_MAX, limit_of(g, &g->f->from, false), num(g, 0));
	return op2(g, OP_MIN, kx_div(g->a, keys, num(g, g->p->keys)),
		kx_sub(g->a, end, num(g, 1)));
}

/* The block's part of them. */
static void share(struct attention_code *g, struct k_block *b, struct kx *end)
{
	const struct attention_plan *p = g->p;
	struct kx *part = num(g, number_ceil(p->spans.most, p->split));
	struct arena *a = g->a;

	if (p->spans.fewest != p->spans.most || attention_bare(g->f, p))
		part = ks_let(a, b, "part", kx_div(a, kx_add(a, kx_sub(a, end,
			g->step_first), num(g, p->split - 1)), num(g,
			p->split)));
	g->step_first = ks_let(a, b, "step_first", kx_add(a, g->step_first,
		kx_mul(a, kx_special(a, K_BLOCK_Y), part)));
	g->steps = ks_let(a, b, "steps", op2(g, OP_MIN, part, kx_sub(a, end,
		g->step_first)));
}

void attention_steps(struct attention_code *g, struct k_block *b)
{
	bool some = stops(g->t), split = g->p->split > 1;
	struct kx *end;

	g->upto_at = first_limit(g, b, &g->f->upto, "upto");
	g->from_at = first_limit(g, b, &g->f->from, "from");
	end = some ? step_end(g) : num(g, g->p->steps);
	g->step_first = num(g, 0);
	if (some && (g->f->from.there || split))
		end = ks_let(g->a, b, "step_end", end);
	if (some)
		g->step_first = ks_let(g->a, b, split ? "step_begin" :
			"step_first", step_begin(g, end));
	if (split)
		share(g, b, end);
	else
		g->steps = ks_let(g->a, b, "steps", kx_sub(g->a, end,
			g->step_first));
}

struct kx *attention_sees_all(struct attention_code *g)
{
	const struct attention *f = g->f;
	struct arena *a = g->a;
	struct kx *end = kx_add(a, g->key_first, num(g, g->p->keys)), *all = NULL;

	if (g->p->ragged)
		all = kx_op(a, OP_LE, T_BOOL, 2, end, num(g, f->keys));
	if (!f->limited)
		return all;
	if (!stops(g->t) || !g->p->spans.whole)
		return NULL;
	if (f->upto.there)
		all = kx_and(a, all, kx_op(a, OP_LE, T_BOOL, 2, end,
			limit_of(g, &f->upto, false)));
	if (f->from.there)
		all = kx_and(a, all, kx_op(a, OP_LE, T_BOOL, 2, limit_of(g,
			&f->from, true), g->key_first));
	return all;
}
