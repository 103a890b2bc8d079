/* SPDX-License-Identifier: MIT */
/* random_tool SEED [COUNT]: COUNT small operators that are legal and that
 * nobody thought of, as a source: maps, reductions, products, windows, rows
 * and chains over tensors of random order, dtype, stride and pad. The same seed
 * gives the same text; sweep_tool checks points of it against the reference. */
#include <stdio.h>
#include <stdlib.h>

#include "random.h"

/* ---- which axes ---- */

/* Most of the axes from..to-1. */
static unsigned some_of(struct gen *g, int from, int to, int often)
{
	unsigned which = 0;

	for (int i = from; i < to; i++)
		if (below(g, 10) < often)
			which |= 1u << i;
	return which;
}

static unsigned all_of(int from, int to)
{
	return (1u << to) - (1u << from);
}

/* ---- expressions ---- */

static const char *value(struct gen *g, int depth, const char *const *known,
	unsigned which);

static const char *leaf(struct gen *g, const char *const *known, unsigned which)
{
	int n = 0, i;

	while (known && known[n])
		n++;
	if (n && one_in(g, 2))
		return known[below(g, n)];
	if (one_in(g, 6))
		return g->floats ? PICK(g, "0.5", "2.0", "-1.25", "3.0") :
			PICK(g, "1", "2", "-3", "7");
	if (one_in(g, 10) && which) {
		for (i = 0; !(which >> i & 1); i++)
			;
		return arena_printf(g->a, g->floats ? "f32(%s %% 7)" : "i32(%s)",
			g->axes[i].index);
	}
	if (g->n_inputs > READS)
		return g->floats ? "1.5" : "5";
	return read_input(g, which & some_of(g, 0, g->n, 8), false, true);
}

static const char *float_function(struct gen *g, const char *x)
{
	switch (below(g, 7)) {
	case 0: return arena_printf(g->a, "exp(min(%s, 2.0))", x);
	case 1: return arena_printf(g->a, "tanh(%s)", x);
	case 2: return arena_printf(g->a, "sqrt(abs(%s) + 1.0)", x);
	case 3: return arena_printf(g->a, "(1.0 / (1.0 + abs(%s)))", x);
	case 4: return arena_printf(g->a, "max(%s, 0.0)", x);
	case 5: return arena_printf(g->a, "(-%s)", x);
	default: return arena_printf(g->a, "abs(%s)", x);
	}
}

static const char *int_function(struct gen *g, const char *x)
{
	int c = 2 + below(g, 9);

	switch (below(g, 5)) {
	case 0: return arena_printf(g->a, "(%s / %d)", x, c);
	case 1: return arena_printf(g->a, "(%s %% %d)", x, c);
	case 2: return arena_printf(g->a, "max(%s, 0)", x);
	case 3: return arena_printf(g->a, "(-%s)", x);
	default: return arena_printf(g->a, "abs(%s)", x);
	}
}

static const char *value(struct gen *g, int depth, const char *const *known,
	unsigned which)
{
	const char *x, *y;

	if (depth <= 0 || one_in(g, 4))
		return leaf(g, known, which);
	x = value(g, depth - 1, known, which);
	if (one_in(g, 3))
		return g->floats ? float_function(g, x) : int_function(g, x);
	y = value(g, depth - 1, known, which);
	switch (below(g, 7)) {
	case 0: return arena_printf(g->a, "(%s - %s)", x, y);
	case 1: return arena_printf(g->a, "max(%s, %s)", x, y);
	case 2: return arena_printf(g->a, "min(%s, %s)", x, y);
	case 3: return g->floats ? arena_printf(g->a, "(%s * %s)", x, y) :
		arena_printf(g->a, "(%s %% 50 * (%s %% 40))", x, y);
	case 4:
		if (which & 1)
			return arena_printf(g->a, "(%s %% 3 < 2 ? %s : %s)",
				g->axes[0].index, x, y);
		/* FALLTHROUGH */
	default: return arena_printf(g->a, "(%s + %s)", x, y);
	}
}

/* ---- statements ---- */

/* "p0 in P0, p1 in P1" */
static const char *binders(struct gen *g, int from, int to)
{
	struct str out;

	str_init(&out, g->a);
	for (int i = from; i < to; i++)
		str_printf(&out, "%s%s in %s", i > from ? ", " : "",
			g->axes[i].index, g->axes[i].size);
	return str_text(&out);
}

/* "[p0, p1]", nothing of none. */
static const char *indices(struct gen *g, int from, int to)
{
	struct str out;

	str_init(&out, g->a);
	for (int i = from; i < to; i++)
		str_printf(&out, "%s%s", i > from ? ", " : "[",
			g->axes[i].index);
	if (to > from)
		str_puts(&out, "]");
	return str_text(&out);
}

static const char *add_let(struct gen *g, const char *name, int to,
	const char *e)
{
	const char *type = g->floats ? "f32" : "i32";

	str_printf(&g->body, "    let %s", name);
	if (to)
		str_printf(&g->body, "[%s]", binders(g, 0, to));
	str_printf(&g->body, ": %s = %s;\n", type, e);
	return arena_printf(g->a, "%s%s", name, indices(g, 0, to));
}

/* An output over the first "to" axes. */
static void add_output(struct gen *g, const char *name, int to, const char *e)
{
	const char *type = g->floats ? PICK(g, "f32", "f16", "bf16", "f32",
		"f64") : PICK(g, "i32", "i64", "i8", "i16");
	bool narrow = type[1] == '8' || (type[0] == 'i' && type[2] == '6');
	struct dim v[DIMS];

	for (int i = 0; i < to; i++)
		v[i] = plain(&g->axes[i]);
	str_printf(&g->tail, "%s%s: %s", g->tail.n ? ", " : "", name, type);
	for (int i = 0; i < to; i++)
		str_printf(&g->tail, "%s%s", i ? ", " : "[", v[i].text);
	str_puts(&g->tail, to ? "]" : "");
	put_order(g, v, to, &g->tail);
	str_printf(&g->body, "    %s%s = %s(%s%s%s);\n", name,
		indices(g, 0, to), type, narrow && !g->floats ? "max(min(" : "",
		e, narrow && !g->floats ? ", 99), -99)" : "");
}

static const char *reduction(struct gen *g, const char *reducer, const char *e)
{
	return arena_printf(g->a, "%s[%s](%s)", reducer, binders(g, g->n_outer,
		g->n), e);
}

/* A factor of a product: reduced axes and some outer ones. */
static const char *factor(struct gen *g, unsigned outer, bool straight)
{
	return read_input(g, outer | all_of(g->n_outer, g->n), straight, true);
}

/* ---- kinds of operators ---- */

static void make_map(struct gen *g)
{
	make_axes(g, below(g, 6), 0);
	add_output(g, "y", g->n, value(g, 3, NULL, all_of(0, g->n)));
	if (one_in(g, 3))
		add_output(g, "z", g->n, value(g, 2, NULL, all_of(0, g->n)));
}

static void make_reduction(struct gen *g)
{
	const char *reducer, *e, *known[2] = {0};

	make_axes(g, below(g, 4), 1 + below(g, 3));
	reducer = PICK(g, "sum", "max", "min", "sum");
	e = value(g, 2, NULL, all_of(0, g->n));
	known[0] = add_let(g, "r", g->n_outer, reduction(g, reducer, e));
	add_output(g, "y", g->n_outer, value(g, 2, known, all_of(0, g->n_outer)));
	if (one_in(g, 3))
		add_output(g, "z", g->n_outer, known[0]);
}

static void make_place(struct gen *g)
{
	make_axes(g, 1 + below(g, 2), 1);
	str_printf(&g->tail, "at: i32");
	for (int i = 0; i < g->n_outer; i++)
		str_printf(&g->tail, "%s%s", i ? ", " : "[", g->axes[i].size);
	str_puts(&g->tail, "]");
	str_printf(&g->body, "    at%s = i32(%s);\n", indices(g, 0, g->n_outer),
		reduction(g, PICK(g, "argmax", "argmin"), read_input(g,
		all_of(0, g->n), one_in(g, 2), true)));
}

static void make_product(struct gen *g)
{
	bool straight = !one_in(g, 3);
	unsigned left, right;
	const char *known[2] = {0};

	make_axes(g, 1 + below(g, 4), 1 + below(g, 3));
	left = some_of(g, 0, g->n_outer, 6);
	right = all_of(0, g->n_outer) & ~left;
	if (one_in(g, 3))
		right |= some_of(g, 0, g->n_outer, 3);
	known[0] = add_let(g, "acc", g->n_outer, reduction(g, "sum",
		arena_printf(g->a, "%s * %s", factor(g, left, straight),
		factor(g, right, straight))));
	add_output(g, "y", g->n_outer, one_in(g, 2) ? known[0] :
		value(g, 2, known, all_of(0, g->n_outer)));
}

/* What softmax and norms are of: rows read more than once. */
static void make_rows(struct gen *g)
{
	const char *x, *known[4] = {0};
	int outer;

	g->floats = true;
	make_axes(g, below(g, 3), 1 + below(g, 2));
	x = read_input(g, all_of(0, g->n), true, true);
	known[0] = add_let(g, "m", g->n_outer, reduction(g, PICK(g, "max",
		"sum", "min"), x));
	known[1] = add_let(g, "s", g->n_outer, reduction(g, PICK(g, "sum",
		"max"), arena_printf(g->a, PICK(g, "exp(min(%s - %s, 3.0))",
		"(%s - 0.001 * %s)"), x, known[0])));
	known[2] = x;
	outer = g->n_outer;
	g->n_outer = one_in(g, 4) ? outer : g->n;
	add_output(g, "y", g->n_outer, value(g, 3, g->n_outer == outer ?
		(const char *const []){ known[0], known[1], NULL } : known,
		all_of(0, g->n_outer)));
	if (one_in(g, 3))
		add_output(g, "z", outer, known[1]);
}

/* A product and statistics of its rows, along the axes of one factor. */
static void make_measured(struct gen *g)
{
	const char *known[4] = {0};
	int all, outer, rows;

	g->floats = true;
	make_axes(g, 2 + below(g, 3), 1 + below(g, 2));
	all = g->n;
	outer = g->n_outer;
	rows = 1 + below(g, outer - 1);
	known[0] = add_let(g, "a", outer, reduction(g, "sum", arena_printf(
		g->a, "%s * %s", factor(g, all_of(0, rows), true),
		factor(g, all_of(rows, outer), true))));
	if (one_in(g, 2))
		known[0] = add_let(g, "t", outer, value(g, 2, known,
			all_of(0, outer)));
	g->n = outer;
	g->n_outer = rows;
	known[1] = add_let(g, "m", rows, reduction(g, PICK(g, "max", "sum",
		"min"), known[0]));
	known[2] = add_let(g, "s", rows, reduction(g, PICK(g, "sum", "max"),
		arena_printf(g->a, PICK(g, "exp(min(%s - %s, 3.0))",
		"(%s - 0.001 * %s)"), known[0], known[1])));
	g->n = all;
	if (!one_in(g, 4))
		add_output(g, "y", outer, value(g, 3, known, all_of(0, outer)));
	add_output(g, "z", rows, known[2]);
}

/* A let read at other places than where it is written. */
static void make_chain(struct gen *g)
{
	const char *known[3] = {0}, *e, *rest;

	make_axes(g, 1 + below(g, 3), below(g, 2));
	e = value(g, 2, NULL, all_of(0, g->n));
	known[0] = add_let(g, "a", g->n_outer, g->n > g->n_outer ?
		reduction(g, "sum", e) : e);
	rest = g->n_outer > 1 ? arena_printf(g->a, ", %s", indices(g, 1,
		g->n_outer) + 1) : "]";
	known[1] = add_let(g, "b", g->n_outer, arena_printf(g->a,
		"(%s + a[%s - 1 - %s%s + a[%s + 1%s pad 0)", value(g, 1, known,
		all_of(0, g->n_outer)), g->axes[0].size, g->axes[0].index, rest,
		g->axes[0].index, rest));
	add_output(g, "y", g->n_outer, value(g, 2, known, all_of(0, g->n_outer)));
}

static void make_operator(struct gen *g, int number, struct str *out)
{
	static void (*const kinds[])(struct gen *) = { make_map, make_reduction,
		make_place, make_product, make_product, make_product,
		make_rows, make_rows, make_measured, make_measured, make_chain,
		make_chain };

	g->n = g->n_outer = g->n_inputs = 0;
	g->floats = !one_in(g, 4);
	str_init(&g->inputs, g->a);
	str_init(&g->body, g->a);
	str_init(&g->tail, g->a);
	kinds[below(g, sizeof kinds / sizeof *kinds)](g);
	if (!g->n_inputs)
		add_input(g, "f32", NULL, 0);
	str_printf(out, "export op r%d", number);
	for (int i = 0; i < g->n; i++)
		str_printf(out, "%s%s = %d", i ? ", " : "[", g->axes[i].size,
			g->axes[i].extent);
	str_printf(out, "%s(%s)\n    -> (%s)\n{\n%s}\n", g->n ? "]" : "",
		str_text(&g->inputs), str_text(&g->tail), str_text(&g->body));
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	struct gen *g = ARENA_NEW(a, struct gen);
	int count = argc > 2 ? atoi(argv[2]) : 1;
	struct str out;

	if (argc < 2) {
		fputs("usage: random_tool SEED [COUNT]\n", stderr);
		return 1;
	}
	g->a = a;
	rng_seed(&g->r, strtoull(argv[1], NULL, 10));
	str_init(&out, a);
	for (int i = 0; i < count; i++)
		make_operator(g, i, &out);
	fputs(str_text(&out), stdout);
	arena_destroy(a);
	return 0;
}
