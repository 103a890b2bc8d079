/* SPDX-License-Identifier: MIT */
/* Schedules as text, in the language. In: a schedule; or a space and gene
 * values. Out: a schedule's body, one directive a line; for a point with every
 * number pinned: the fuse and const directives the space was bound with, then
 * directives by name, subject and key. Parsed and bound again to the same
 * sketch that gives a space of one point, this one. */
#include <string.h>

#include "schedule/private.h"

static int compare(const char *x, const char *y)
{
	if (!x || !y)
		return !!x - !!y;
	return strcmp(x, y);
}

static const char *subject_of(const struct tunable *t)
{
	return t->subjects ? t->subjects[0] : NULL;
}

static int compare_lines(const struct tunable *x, const struct tunable *y)
{
	int c = compare(x->directive, y->directive);

	return c ? c : compare(subject_of(x), subject_of(y));
}

static int compare_tunables(const struct tunable *x, const struct tunable *y)
{
	int c = compare_lines(x, y);

	return c ? c : compare(x->key, y->key);
}

static int *in_order(struct arena *a, const struct tunable *t, int n)
{
	int *order = ARENA_ARRAY(a, n + 1, int);

	for (int i = 0; i < n; i++) {
		int k = i;

		for (; k > 0 && compare_tunables(&t[order[k - 1]], &t[i]) > 0; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	return order;
}

static void print_value(const struct sched_value *v, struct str *out)
{
	if (v->n != 1)
		str_putc(out, '{');
	for (int i = 0; i < v->n; i++) {
		str_puts(out, i ? ", " : "");
		sched_print_expr(v->choices[i], out);
	}
	if (v->n != 1)
		str_putc(out, '}');
}

static void print_directive(const struct sched_directive *d, struct str *out)
{
	str_printf(out, "%s(", d->name);
	for (int i = 0; i < d->n_args; i++) {
		str_puts(out, i ? ", " : "");
		if (d->args[i].key)
			str_printf(out, "%s = ", d->args[i].key);
		print_value(&d->args[i].value, out);
	}
	str_puts(out, ");\n");
}

void sched_print(const struct schedule *s, struct str *out)
{
	for (int i = 0; i < s->n_params; i++) {
		str_printf(out, "param %s = ", s->params[i].name);
		print_value(&s->params[i].value, out);
		str_puts(out, ";\n");
	}
	for (int i = 0; i < s->n_requires; i++) {
		str_puts(out, "require ");
		sched_print_expr(s->requires[i].expr, out);
		str_puts(out, ";\n");
	}
	for (int i = 0; i < s->n_directives; i++)
		print_directive(&s->directives[i], out);
}

static void print_kept(const struct schedule *s, struct str *out)
{
	for (int i = 0; s && i < s->n_directives; i++) {
		const char *name = s->directives[i].name;

		if (!strcmp(name, "fuse") || !strcmp(name, "const") ||
		    !strcmp(name, "launch") || !strcmp(name, "in_place"))
			print_directive(&s->directives[i], out);
	}
}

/* "epilogue(y)": nothing but to be asked for. */
static bool is_flag(const struct tunable *t)
{
	return !t->key && !t->words && t->n == 1 && t->values[0] == 1;
}

/* "vectorize()", "epilogue(bulk = 0)": there is nothing it could be of, and
 * nothing else was to be chosen. */
static bool is_void(const struct tunable *t)
{
	return t->n == 1 && t->subjects && !t->subjects[0] &&
		(is_flag(t) || t->key);
}

/* A word that needs no quotes: not the name of a file. */
static bool is_bare(const char *word)
{
	return !word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")];
}

/* "unroll(k, auto)": nobody asked, and nothing else was to be chosen. */
static bool is_auto(const struct tunable *t, int v)
{
	return t->words && t->n == 1 && v == t->values[0] &&
		!strcmp(t->words[v], "auto");
}

/* The first one, which stands for all that share the number; but how sums are
 * multiplied has to be said of each. */
static void print_subjects(const struct tunable *t, struct str *out)
{
	bool all = !strcmp(t->directive, "mma");

	str_puts(out, subject_of(t) ? subject_of(t) : "");
	for (int i = 1; all && subject_of(t) && t->subjects[i]; i++)
		str_printf(out, ", %s", t->subjects[i]);
}

static void print_pin(const struct tunable *t, int v, struct str *out)
{
	if (t->key)
		str_printf(out, "%s = ", t->key);
	if (t->words && !is_bare(t->words[v]))
		str_printf(out, "\"%s\"", t->words[v]);
	else
		space_print_value(t->words, v, out);
}

void sched_print_point(const struct space *sp, const int *genes,
	struct str *out)
{
	int *values = ARENA_ARRAY(out->a, sp->n_tunables + 1, int), *order;
	const struct tunable *last = NULL;
	const char *why;

	print_kept(sp->schedule, out);
	if (!space_tunables(out->a, sp, genes, values, &why))
		return;
	order = in_order(out->a, sp->tunables, sp->n_tunables);
	for (int i = 0; i < sp->n_tunables; i++) {
		const struct tunable *t = &sp->tunables[order[i]];
		bool more = last && !compare_lines(last, t);

		if (is_void(t) || is_auto(t, values[order[i]]))
			continue;
		if (last && !more)
			str_puts(out, ");\n");
		if (!more) {
			str_printf(out, "%s(", t->directive);
			print_subjects(t, out);
		}
		if (!is_flag(t)) {
			str_puts(out, more || subject_of(t) ? ", " : "");
			print_pin(t, values[order[i]], out);
		}
		last = t;
	}
	str_puts(out, last ? ");\n" : "");
}
