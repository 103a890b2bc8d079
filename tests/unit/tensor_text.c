/* SPDX-License-Identifier: MIT */
/* From the levels of a case to its operator, and to a name for people. */
#include "base/str.h"
#include "tensor_cases.h"

static const char *const endings[] = { "plain", "bias and maximum", "residual",
	"rounded", "two outputs", "along m", "statistics of rows",
	"statistics of columns" };
static const char *const edges[] = { "whole", "m ragged", "n ragged",
	"k ragged", "all ragged", "odd" };

/* Of the sides and the reduction, by the tile of each. */
struct sizes {
	int m, n, k;
};

static bool is_ragged(const struct tensor_case *c, enum tensor_edge side)
{
	enum tensor_edge e = (enum tensor_edge)c->level[BY_EDGE];

	return e == side || e == EDGE_ALL;
}

/* One tile holds what statistics are of; the other side has as many more. */
static void measure(const struct tensor_case *c, struct sizes *s, int bm, int bn)
{
	bool odd = c->level[BY_EDGE] == EDGE_ODD;
	bool columns = c->level[BY_ENDING] == ENDING_COLUMNS;
	int *whole = columns ? &s->m : &s->n, *other = columns ? &s->n : &s->m;
	bool less = is_ragged(c, columns ? EDGE_M : EDGE_N);

	if (!tensor_measures(c))
		return;
	*other += (columns ? bn : bm) * 7 * (c->level[BY_ROUNDS] > ROUNDS_NONE);
	*whole = (columns ? bm : bn) - (odd ? 3 : less ? 16 : 0);
}

/* Of a cluster's parts none is left empty: there the last one is short. Where blocks
 * are few, tiles are more. */
static struct sizes sizes_of(const struct tensor_case *c, int bm, int bn, int bk)
{
	int stages = tensor_pipeline(c)->stages;
	bool rounds = c->level[BY_ROUNDS] > ROUNDS_NONE ||
		tensor_split(c)->sms;
	int parts = tensor_split(c)->parts;
	int chunks = tensor_split(c)->streams ? stages + parts : rounds ?
		stages + 1 : 2 * stages * parts;
	struct sizes s = { (rounds ? 7 : 2) * bm, 2 * bn, chunks * bk };
	int more = tensor_split(c)->joined ? -1 : 1;
	int step = c->level[BY_WORK] == WORK_UNPACKED_REGISTER ? 32 : 16;

	if (c->level[BY_EDGE] == EDGE_ODD)
		s = (struct sizes){ s.m + 3, s.n + 5, s.k + 7 * more };
	s.m += is_ragged(c, EDGE_M) ? 16 : 0;
	s.n += is_ragged(c, EDGE_N) ? 16 : 0;
	s.k += is_ragged(c, EDGE_K) ? step * more : 0;
	measure(c, &s, bm, bn);
	return s;
}

/* "[2, 40, 16]", with a batch. */
static const char *dims(struct arena *a, bool batch, int x, int y)
{
	return arena_printf(a, "[%s%d, %d]", batch ? "2, " : "", x, y);
}

/* "[z, i, j]" or "[z:2, i:40, j:16]". */
static const char *at(struct arena *a, bool batch, const char *x, const char *y)
{
	return arena_printf(a, "[%s%s, %s]", batch ? "z, " : "", x, y);
}

static const char *over(struct arena *a, bool batch, const struct sizes *s)
{
	return arena_printf(a, "[%si:%d, j:%d]", batch ? "z:2, " : "", s->m,
		s->n);
}

static const char *layout(bool batch, bool turned)
{
	return turned ? batch ? "layout(0, 2, 1) align 16" :
		"layout(1, 0) align 16" : batch ? "layout(0, 1, 2) align 16" :
		"layout(0, 1) align 16";
}

/* What follows the sum: declarations, and statements. */
struct tail {
	const char *tensors, *stmts;
};

/* The most of a row, or of a column, what its sums lack of that in all, and each
 * with both. */
static struct tail measured(struct arena *a, const struct tensor_case *c,
	const struct sizes *s)
{
	const char *t = tensor_type(c)->acc;
	bool batch = c->level[BY_BATCH], rows = c->level[BY_ENDING] ==
		ENDING_ROWS;
	const char *d = dims(a, batch, s->m, s->n), *o = over(a, batch, s);
	const char *acc = arena_printf(a, "acc%s", at(a, batch, "i", "j"));
	const char *of = arena_printf(a, "[%s%s]", batch ? "z, " : "", rows ?
		"i" : "j");
	const char *each = arena_printf(a, "[%s%s:%d]", batch ? "z:2, " : "",
		rows ? "i" : "j", rows ? s->m : s->n);
	const char *all = arena_printf(a, "[%s:%d]", rows ? "j" : "i", rows ?
		s->n : s->m);
	const char *n = arena_printf(a, "[%s%d]", batch ? "2, " : "", rows ?
		s->m : s->n);

	return (struct tail){ arena_printf(a, "  let most: %s%s\n  out lack: "
		"%s%s layout(%s) align 16\n  out c: %s%s %s\n", t, n, t, n,
		batch ? "0, 1" : "0", t, d, layout(batch, false)),
		arena_printf(a, "  most%s = max%s(%s) : %s\n  lack%s = sum%s("
		"sub(most%s, %s)) : %s\n  c%s = add(sub(most%s, %s), lack%s)\n",
		each, all, acc, t, each, all, of, acc, t, o, of, acc, of) };
}

static struct tail tail_of(struct arena *a, const struct tensor_case *c,
	const struct sizes *s)
{
	const struct tensor_type *t = tensor_type(c);
	bool batch = c->level[BY_BATCH];
	const char *d = dims(a, batch, s->m, s->n), *o = over(a, batch, s);
	const char *acc = arena_printf(a, "acc%s", at(a, batch, "i", "j"));
	const char *flat = layout(batch, false);

	switch ((enum tensor_ending)c->level[BY_ENDING]) {
	case ENDING_PLAIN:
		return (struct tail){ arena_printf(a, "  out c: %s%s %s\n",
			t->acc, d, flat), arena_printf(a, "  c%s = %s\n", o,
			acc) };
	case ENDING_BIAS: case ENDING_ALONG_M:
		return (struct tail){ arena_printf(a, "  in v: %s[%d] layout(0) "
			"align 16\n  out c: %s%s %s\n", t->acc, s->n, t->acc, d,
			layout(batch, c->level[BY_ENDING] == ENDING_ALONG_M)),
			arena_printf(a, "  c%s = max(add(%s, v[j]), 1:%s)\n",
			o, acc, t->acc) };
	case ENDING_RESIDUAL:
		return (struct tail){ arena_printf(a, "  in r: %s%s %s\n"
			"  out c: %s%s %s\n", t->narrow, d, flat, t->acc, d,
			flat), arena_printf(a, "  c%s = add(%s, %s(r%s))\n", o,
			acc, t->acc, at(a, batch, "i", "j")) };
	case ENDING_NARROW:
		return (struct tail){ arena_printf(a, "  out c: %s%s %s\n",
			t->narrow, d, flat), arena_printf(a, "  c%s = %s(%s)\n",
			o, t->narrow, acc) };
	case ENDING_SEVERAL:
		return (struct tail){ arena_printf(a, "  out c: %s%s %s\n"
			"  out q: %s%s %s\n", t->acc, d, flat, t->narrow, d,
			flat), arena_printf(a, "  c%s = %s\n  q%s = %s(mul(%s, "
			"2:%s))\n", o, acc, o, t->narrow, acc, t->acc) };
	case ENDING_ROWS: case ENDING_COLUMNS:
		return measured(a, c, s);
	}
	return (struct tail){ "", "" };
}

/* Is it the factor of an instruction's rows, whose work is a factor of cases? */
static bool has_work(const struct tensor_case *c, bool right)
{
	return c->of->tiles && (c->level[BY_SWAP] != 0) == right;
}

static const char *stored_as(const struct tensor_case *c, bool right)
{
	const struct tensor_type *t = tensor_type(c);

	if (has_work(c, right) && tensor_unpacked(c))
		return "u8";
	return has_work(c, right) && c->level[BY_WORK] ==
		WORK_CONVERTED_REGISTER ? dtype_row(t->raw)->name :
		right && t->right ? t->right : t->name;
}

/* The factor, which is tensor "name" at "at", with the work on its way; "v" is read
 * along the reduction. */
static const char *factor_text(struct arena *a, const struct tensor_case *c,
	bool right, const char *name, const char *at)
{
	const struct tensor_type *t = tensor_type(c);
	const char *read = arena_printf(a, "%s%s", name, at);
	bool work = has_work(c, right);

	if (work && c->level[BY_WORK] == WORK_CONVERTED_REGISTER)
		read = arena_printf(a, "%s(%s)", t->name, read);
	else if (work && tensor_unpacked(c))
		read = arena_printf(a, "%s(mod(div(i64(%s), add(mul(mod(k, 2), "
			"15), 1)), 16))", t->name, read);
	else if (work && tensor_computed(c))
		read = arena_printf(a, "%s(%s(%s(%s), %s(s[k])))", t->name,
			dtype_is_float(t->dtype) ? "mul" : "add", t->acc, read,
			t->acc);
	return arena_printf(a, "%s(%s)", t->acc, read);
}

const char *tensor_text(struct arena *a, const struct tensor_case *c, int bm,
	int bn, int bk)
{
	const struct tensor_type *t = tensor_type(c);
	struct sizes s = sizes_of(c, bm, bn, bk);
	struct tail tail = tail_of(a, c, &s);
	bool batch = c->level[BY_BATCH];
	bool left = tensor_k_inner(c, false);
	bool right = tensor_k_inner(c, true);
	bool x_packed = has_work(c, false) && tensor_unpacked(c);
	bool y_packed = has_work(c, true) && tensor_unpacked(c);
	const char *xk = x_packed ? "div(k, 2)" : "k";
	const char *yk = y_packed ? "div(k, 2)" : "k";
	int xs = x_packed ? s.k / 2 : s.k, ys = y_packed ? s.k / 2 : s.k;
	const char *x = at(a, batch, left ? "i" : xk, left ? xk : "i");
	const char *y = at(a, batch, right ? "j" : yk, right ? yk : "j");
	const char *more = tensor_computed(c) ? arena_printf(a, "  in s: "
		"%s[%d] layout(0) align 16\n", t->name, s.k) : "";

	return arena_printf(a, "op t {\n  in a: %s%s %s\n  in b: %s%s %s\n%s"
		"  let acc: %s%s\n%s  acc%s = sum[k:%d](mul(%s, %s)) : %s\n%s}\n",
		stored_as(c, false), dims(a, batch, left ? s.m : xs,
			left ? xs : s.m), layout(batch, false),
		stored_as(c, true), dims(a, batch, right ? s.n : ys, right ?
			ys : s.n), layout(batch, false), more, t->acc, dims(a,
			batch, s.m, s.n), tail.tensors, over(a, batch, &s), s.k,
		factor_text(a, c, false, "a", x), factor_text(a, c, true, "b",
			y), t->acc, tail.stmts);
}

static const char *tile_name(struct arena *a, const struct tensor_case *c)
{
	static const char *const rounds[] = { "", ", persistent",
		", by turns" };
	static const char *const work[N_WORK] = { "", ", rows computed",
		", rows unpacked", ", rows from registers",
		", rows computed in registers",
		", rows converted in registers",
		", rows unpacked in registers" };
	const struct tensor_tile *t = tensor_tile(c);

	return t ? arena_printf(a, ", %d x %d by %d threads, %d bytes%s, %d "
		"columns stored at once%s%s", t->rows, t->cols,
		tensor_threads(c), t->bytes, c->level[BY_SWAP] ? ", swapped" :
		"", tensor_store(c), rounds[c->level[BY_ROUNDS]],
		work[c->level[BY_WORK]]) : "";
}

const char *tensor_name(struct arena *a, const struct tensor_case *c)
{
	static const char *const copied[] = { "", " async", " bulk" };
	const struct tensor_type *t = tensor_type(c);
	const struct tensor_pipeline *p = tensor_pipeline(c);

	return arena_printf(a, "%s%s%s%s%s, a[%s] b[%s], %s, %d stages%s, %d "
		"parts%s%s, %s%s%s", t->precision ? t->precision : t->name,
		t->right ? " x " : "", t->right ? t->right : "", t->promote ?
		" promote " : "", t->promote ? t->promote : "",
		tensor_k_inner(c, false) ? "m, k" : "k, m",
		tensor_k_inner(c, true) ? "n, k" : "k, n",
		endings[c->level[BY_ENDING]], p->stages, copied[p->async],
		tensor_split(c)->parts, tensor_split(c)->joined ?
		" of a cluster" : "", tensor_split(c)->streams ?
		" shared out" : "", edges[c->level[BY_EDGE]],
		c->level[BY_BATCH] ? ", batched" : "", tile_name(a, c));
}
