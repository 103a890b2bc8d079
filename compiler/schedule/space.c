/* SPDX-License-Identifier: MIT */
/* Search spaces. In: a space that sched_bind made, and points of it as gene
 * values. Out: tunables' values, texts, and the space with a number pinned.
 * space_tunables runs for every candidate: it allocates only to say why. */
#include "schedule/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "schedule/private.h"
#include "schedule/schedule.h"

struct point {
	const struct space *s;
	const int *genes;
};

static int find_gene(const struct space *s, const char *name)
{
	for (int i = 0; i < s->n_genes; i++)
		if (!strcmp(s->genes[i].name, name))
			return i;
	return -1;
}

static int find_tunable(const struct space *s, const char *name)
{
	for (int i = 0; i < s->n_tunables; i++)
		if (!strcmp(s->tunables[i].name, name))
			return i;
	return -1;
}

bool space_size_named(const struct space *s, const char *name, int64_t *v)
{
	for (int i = 0; i < s->n_sizes; i++)
		if (!strcmp(s->size_names[i], name)) {
			*v = s->size_values[i];
			return true;
		}
	if (strcmp(name, "smem_max"))
		return false;
	*v = s->smem_max;
	return true;
}

static bool lookup(void *ctx, const char *name, int64_t *v);

/* Expressions are over params alone, see bind_expr. */
static bool tunable_value(struct point *p, int i, int64_t *v)
{
	if (p->s->follows[i] < 0)
		return sched_eval(p->s->exprs[i], lookup, p, v);
	*v = p->genes[p->s->follows[i]];
	return true;
}

static bool lookup(void *ctx, const char *name, int64_t *v)
{
	struct point *p = ctx;
	int i = find_gene(p->s, name);

	if (i >= 0) {
		*v = p->genes[i];
		return true;
	}
	i = find_tunable(p->s, name);
	if (i >= 0)
		return tunable_value(p, i, v);
	return space_size_named(p->s, name, v);
}

static const char *no_value(struct arena *a, const struct space *s, int i)
{
	struct str out;

	str_init(&out, a);
	str_printf(&out, "%s = ", s->tunables[i].name);
	sched_print_expr(s->exprs[i], &out);
	str_puts(&out, " has no value a tunable can take");
	return str_text(&out);
}

/* "require 2 * BK <= 64 does not hold: 128 <= 64" */
static const char *not_held(struct arena *a, struct point *p,
	const struct sched_expr *e)
{
	struct str out;
	int64_t x, y;

	str_init(&out, a);
	str_puts(&out, "require ");
	sched_print_expr(e, &out);
	str_puts(&out, " does not hold");
	if (e->kind == SX_OP && e->op >= OP_LT && e->op <= OP_NE &&
	    sched_eval(e->args[0], lookup, p, &x) &&
	    sched_eval(e->args[1], lookup, p, &y))
		str_printf(&out, ": %lld %s %lld", (long long)x,
			op_rows[e->op].cuda, (long long)y);
	return str_text(&out);
}

bool space_tunables(struct arena *a, const struct space *s, const int *genes,
	int *out, const char **why)
{
	struct point p = { s, genes };
	int64_t v;

	for (int i = 0; i < s->n_tunables; i++) {
		if (s->follows[i] >= 0) {
			out[i] = genes[s->follows[i]];
			continue;
		}
		if (!tunable_value(&p, i, &v) || v != (int)v) {
			*why = no_value(a, s, i);
			return false;
		}
		out[i] = (int)v;
	}
	for (int i = 0; i < s->n_requires; i++) {
		const struct sched_expr *e = s->requires[i].expr;

		if (!sched_eval(e, lookup, &p, &v) || !v) {
			*why = not_held(a, &p, e);
			return false;
		}
	}
	return true;
}

double space_size(const struct space *s)
{
	double n = 1;

	for (int i = 0; i < s->n_genes; i++)
		n *= s->genes[i].n;
	return n;
}

void space_print_value(const char *const *words, int v, struct str *out)
{
	if (words)
		str_puts(out, words[v]);
	else
		str_printf(out, "%d", v);
}

/* The name of gene "i", or of tunable i - n_genes. */
static const char *name_of(const struct space *s, int i)
{
	return i < s->n_genes ? s->genes[i].name :
		s->tunables[i - s->n_genes].name;
}

/* The genes' and tunables' names in order, each once: tunables with a gene of
 * their own name are that gene. Returns indices, genes as themselves,
 * tunables after them. */
static int *sorted_names(struct arena *a, const struct space *s, int *n)
{
	int *order = ARENA_ARRAY(a, s->n_genes + s->n_tunables + 1, int);

	*n = 0;
	for (int i = 0; i < s->n_genes + s->n_tunables; i++) {
		const char *name = name_of(s, i);
		int k = *n;

		if (i >= s->n_genes && find_gene(s, name) >= 0)
			continue;
		for (; k > 0 && strcmp(name_of(s, order[k - 1]), name) > 0; k--)
			order[k] = order[k - 1];
		order[k] = i;
		++*n;
	}
	return order;
}

static void print_gene(const struct gene *g, struct str *out)
{
	if (g->n != 1)
		str_putc(out, '{');
	for (int i = 0; i < g->n; i++) {
		str_puts(out, i ? ", " : "");
		space_print_value(g->words, g->values[i], out);
	}
	if (g->n != 1)
		str_putc(out, '}');
	if (g->launch)
		str_puts(out, " at launch");
}

static void print_follower(const struct space *s, int i, struct str *out)
{
	if (s->follows[i] >= 0)
		str_puts(out, s->genes[s->follows[i]].name);
	else
		sched_print_expr(s->exprs[i], out);
}

void space_print(const struct space *s, struct str *out)
{
	int n, *order = sorted_names(out->a, s, &n);

	for (int i = 0; i < n; i++) {
		str_printf(out, "%s = ", name_of(s, order[i]));
		if (order[i] < s->n_genes)
			print_gene(&s->genes[order[i]], out);
		else
			print_follower(s, order[i] - s->n_genes, out);
		str_putc(out, '\n');
	}
	for (int i = 0; i < s->n_requires; i++) {
		str_puts(out, "require ");
		sched_print_expr(s->requires[i].expr, out);
		str_putc(out, '\n');
	}
}

const char *space_text(struct arena *a, const struct gene *g, int v)
{
	return g->words ? g->words[v] : arena_printf(a, "%d", v);
}

static bool parse_value(const struct gene *g, const char *text, int *v)
{
	char *end;
	long n;

	if (g->words) {
		for (*v = 0; g->words[*v]; ++*v)
			if (!strcmp(g->words[*v], text))
				return true;
		return false;
	}
	errno = 0;
	n = strtol(text, &end, 10);
	*v = (int)n;
	return end != text && !*end && !errno && n == *v;
}

static const char *cannot_be(struct arena *a, const struct gene *g,
	const char *value)
{
	struct gene fixed = *g;
	struct str out;

	fixed.launch = false;
	str_init(&out, a);
	str_printf(&out, "%s cannot be %s: it is ", g->name, value);
	str_puts(&out, g->n > 1 ? "one of " : "");
	print_gene(&fixed, &out);
	return str_text(&out);
}

/* A gene that no schedule narrowed still has its tunable's own list. */
static bool is_open(const struct space *s, int gene)
{
	for (int i = 0; i < s->n_tunables; i++)
		if (s->follows[i] == gene &&
		    s->genes[gene].values == s->tunables[i].values)
			return true;
	return false;
}

static bool has_value(const struct gene *g, int v)
{
	for (int i = 0; i < g->n; i++)
		if (g->values[i] == v)
			return true;
	return false;
}

static const char *pin_gene(struct arena *a, struct space *s, int i,
	const char *value)
{
	struct gene *g = &s->genes[i];
	int v, *one;

	if (!parse_value(g, value, &v) ||
	    (!has_value(g, v) && (g->words || !is_open(s, i))))
		return cannot_be(a, g, value);
	one = ARENA_NEW(a, int);
	*one = v;
	g->values = one;
	g->n = 1;
	return NULL;
}

/* The names of the directive that "name" is of, or where there are none all. */
static const char *const *of_directive(struct arena *a, const char *name,
	const char *const *all)
{
	VEC(const char *) v = {0};
	size_t n = strcspn(name, ".");

	for (int i = 0; all[i]; i++)
		if (!strncmp(all[i], name, n) && (all[i][n] == '.' ||
		    !all[i][n]))
			vec_push(a, &v, all[i]);
	vec_push(a, &v, NULL);
	return v.n > 1 ? v.v : all;
}

static const char *unknown(struct arena *a, const struct space *s,
	const char *name)
{
	int n, *order = sorted_names(a, s, &n);
	const char **all = ARENA_ARRAY(a, n + 1, const char *), *near;
	struct str out;

	str_init(&out, a);
	str_printf(&out, "nothing here is named %s", name);
	for (int i = 0; i < n; i++)
		all[i] = name_of(s, order[i]);
	near = str_nearest(name, all);
	if (near) {
		str_printf(&out, "; did you mean %s?", near);
		return str_text(&out);
	}
	str_printf(&out, "; there is %s", str_some(a, name,
		of_directive(a, name, all)));
	return str_text(&out);
}

const char *space_pin(struct arena *a, struct space *s, const char *name,
	const char *value)
{
	int i = find_gene(s, name), t = find_tunable(s, name);
	struct str out;

	if (i < 0 && t >= 0)
		i = s->follows[t];
	if (i >= 0)
		return pin_gene(a, s, i, value);
	if (t < 0)
		return unknown(a, s, name);
	str_init(&out, a);
	str_printf(&out, "%s is computed as ", name);
	sched_print_expr(s->exprs[t], &out);
	str_puts(&out, " and cannot be set by itself");
	return str_text(&out);
}
