/* SPDX-License-Identifier: MIT */
/* Random axes, and inputs of random order, dtype, stride and pad that are read
 * at them. */
#include "random.h"

int below(struct gen *g, int n)
{
	return rng_below(&g->r, n);
}

bool one_in(struct gen *g, int n)
{
	return below(g, n) == 0;
}

const char *pick(struct gen *g, const char *const *v)
{
	int n = 0;

	while (v[n])
		n++;
	return v[below(g, n)];
}

/* ---- axes ---- */

static int random_extent(struct gen *g)
{
	static const int few[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const int some[] = { 9, 12, 15, 16, 17, 24, 31, 32, 33, 40 };
	static const int many[] = { 63, 64, 65, 100, 128, 130, 200, 257, 1000 };

	switch (below(g, 5)) {
	case 0:
	case 1:
		return few[below(g, 8)];
	case 2:
	case 3:
		return some[below(g, 10)];
	default:
		return many[below(g, 9)];
	}
}

static void add_axis(struct gen *g, bool outer, int64_t *left)
{
	int e = random_extent(g), i = g->n;
	char c = outer ? 'p' : 'k';

	if (g->n == AXES)
		return;
	while (e > *left)
		e = e / 2;
	if (e < 1)
		e = 1;
	*left /= e;
	g->axes[g->n++] = (struct axis){ arena_printf(g->a, "%c%d", c, i),
		arena_printf(g->a, "%c%d", c - 'a' + 'A', i), e };
}

void make_axes(struct gen *g, int outer, int reduced)
{
	int64_t written = WRITTEN, work;

	for (int i = 0; i < outer; i++)
		add_axis(g, true, &written);
	g->n_outer = g->n;
	work = WORK;
	for (int i = 0; i < g->n; i++)
		work /= g->axes[i].extent;
	for (int i = 0; i < reduced; i++)
		add_axis(g, false, &work);
}

/* ---- reads ---- */

struct dim plain(const struct axis *x)
{
	return (struct dim){ x->size, x->index, x->extent };
}

/* An axis as one dimension, turned, stretched, cut or shifted; "padded" when
 * the read needs a pad. */
static struct dim bent(struct gen *g, const struct axis *x, bool *padded)
{
	int e = x->extent, c = 2 + below(g, 4);

	switch (below(g, 12)) {
	case 0:
		return (struct dim){ x->size, arena_printf(g->a, "%s - 1 - %s",
			x->size, x->index), e };
	case 1:
		return (struct dim){ arena_printf(g->a, "%d*%s", c, x->size),
			arena_printf(g->a, "%d*%s + %d", c, x->index,
			below(g, c)), c * e };
	case 2:
		return (struct dim){ arena_printf(g->a, "(%s + %d)/%d", x->size,
			c - 1, c), arena_printf(g->a, "%s/%d", x->index, c),
			(e + c - 1) / c };
	case 3:
		return (struct dim){ arena_printf(g->a, "%d", c),
			arena_printf(g->a, "%s %% %d", x->index, c), c };
	case 4:
	case 5:
		*padded = true;
		return (struct dim){ x->size, arena_printf(g->a, "%s %c %d",
			x->index, one_in(g, 2) ? '+' : '-', c - 1), e };
	default:
		return plain(x);
	}
}

/* Two axes as one dimension: a window, or one after the other. */
static struct dim joined(struct gen *g, const struct axis *x,
	const struct axis *y, bool *padded)
{
	int s = 1 + below(g, 3), d = 1 + below(g, 2);

	if (one_in(g, 3))
		return (struct dim){ arena_printf(g->a, "%s*%s", x->size,
			y->size), arena_printf(g->a, "%s*%s + %s", x->index,
			y->size, y->index), x->extent * y->extent };
	*padded = true;
	return (struct dim){ arena_printf(g->a, "%d*%s", s, x->size),
		arena_printf(g->a, "%d*%s + %d*%s - %d", s, x->index, d,
		y->index, below(g, 3)), s * x->extent };
}

static void shuffle(struct gen *g, struct dim *v, int n)
{
	for (int i = n - 1; i > 0; i--) {
		int k = below(g, i + 1);
		struct dim t = v[i];

		v[i] = v[k];
		v[k] = t;
	}
}

void put_order(struct gen *g, const struct dim *v, int n, struct str *out)
{
	struct dim w[DIMS];
	int64_t stride[DIMS + 1];

	for (int i = 0; i < n; i++)
		w[i] = v[i];
	if (n && one_in(g, 6)) {
		stride[n] = 1;
		for (int i = n - 1; i >= 0; i--)
			stride[i] = stride[i + 1] * (i < n - 1 ?
				v[i + 1].extent + below(g, 3) : 1);
		str_puts(out, " stride(");
		for (int i = 0; i < n; i++)
			str_printf(out, "%s%lld", i ? ", " : "",
				(long long)stride[i]);
		str_puts(out, ")");
	} else if (n > 1 && one_in(g, 4)) {
		shuffle(g, w, n);
		str_puts(out, " layout(");
		for (int i = 0; i < n; i++)
			str_printf(out, "%s%s", i ? ", " : "", w[i].text);
		str_puts(out, ")");
	} else if (n > 1 && v[1].extent % 4 == 0 && one_in(g, 3)) {
		str_printf(out, " layout(%s, (%s)/4", v[0].text, v[1].text);
		for (int i = 2; i < n; i++)
			str_printf(out, ", %s", v[i].text);
		str_printf(out, ", (%s)%%4)", v[1].text);
	}
	if (one_in(g, 8))
		str_printf(out, " align(%d)", 8 << below(g, 4));
}

static const char *input_dtype(struct gen *g)
{
	if (!g->floats)
		return PICK(g, "i32", "i8", "u8", "i16", "i32", "i64");
	return PICK(g, "f32", "f16", "bf16", "f32", "f16", "bf16", "f32", "f64",
		"i8", "i32");
}

const char *add_input(struct gen *g, const char *type,
	const struct dim *v, int n)
{
	const char *name = arena_printf(g->a, "x%d", g->n_inputs);
	struct str *out = &g->inputs;

	str_printf(out, "%s\n    %s: %s", g->n_inputs++ ? "," : "", name, type);
	for (int i = 0; i < n; i++)
		str_printf(out, "%s%s", i ? ", " : "[", v[i].text);
	if (n)
		str_puts(out, "]");
	put_order(g, v, n, out);
	return name;
}

/* A dimension whose index another input says. */
static struct dim gathered(struct gen *g, const struct axis *x, bool *padded)
{
	struct dim d = plain(x);
	const char *name = add_input(g, PICK(g, "i32", "i64"), &d, 1);
	int e = 1 + below(g, 40);

	*padded = true;
	return (struct dim){ arena_printf(g->a, "%d", e), arena_printf(g->a,
		"%s[%s]", name, x->index), e };
}

/* Dimensions for the axes in "which"; one that another has taken in is left
 * out. */
static int make_dims(struct gen *g, unsigned which, struct dim *v, bool *padded,
	bool straight)
{
	int n = 0;

	for (int i = 0; i < g->n; i++) {
		int k = g->n_outer + below(g, g->n - g->n_outer + 1);

		if (!(which >> i & 1))
			continue;
		if (straight)
			v[n++] = plain(&g->axes[i]);
		else if (i < g->n_outer && k < g->n && which >> k & 1 &&
			 one_in(g, 2)) {
			v[n++] = joined(g, &g->axes[i], &g->axes[k], padded);
			which &= ~(1u << k);
		} else if (one_in(g, 25))
			v[n++] = gathered(g, &g->axes[i], padded);
		else
			v[n++] = bent(g, &g->axes[i], padded);
	}
	return n;
}

static const char *pad_text(struct gen *g, const char *type)
{
	if (type[0] == 'f' || type[0] == 'b')
		return PICK(g, " pad 0", " pad 0", " pad edge", " pad -1.5",
			" pad -inf");
	return PICK(g, " pad 0", " pad 0", " pad edge", " pad 3");
}

const char *read_input(struct gen *g, unsigned which, bool straight,
	bool finite)
{
	struct dim v[DIMS];
	const char *type = input_dtype(g), *name, *pad;
	struct str out;
	bool padded = false;
	int n = make_dims(g, which, v, &padded, straight);

	if (!one_in(g, 3))
		shuffle(g, v, n);
	name = add_input(g, type, v, n);
	pad = pad_text(g, finite ? "i" : type);
	str_init(&out, g->a);
	str_printf(&out, "%s(%s[", g->floats ? "f32" : "i32", name);
	for (int i = 0; i < n; i++)
		str_printf(&out, "%s%s", i ? ", " : "", v[i].index);
	str_printf(&out, "]%s)", padded ? pad : "");
	return n ? str_text(&out) : arena_printf(g->a, "%s(%s)",
		g->floats ? "f32" : "i32", name);
}
