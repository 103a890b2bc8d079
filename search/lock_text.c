/* SPDX-License-Identifier: MIT */
/* Lock files: which schedule every operator was given. Text comes in and goes
 * out; what is printed reads back to the same entries, and the same entries
 * print the same bytes. One stanza a choice, one line a fact, all sorted, so
 * that two branches which tune different operators merge without a conflict:
 *
 *	[c2 sm_90 h200]
 *	hash = 00f1d2d2f924e986
 *	group = 0
 *	sketch = fma
 *	tile.block.i = 128
 *	tile.block.j = 64
 *	predicted = 12.3 us
 *	verified = emulation
 *
 * What was tuned for a slice of the GPU says so in its heading, behind what it
 * is a slice of: [c2 sm_90 h200 share=50]. The heading is what stanzas are told
 * apart by, so it stands there and in no line of its own.
 *
 * The first three lines and the last two are always these (the cost says
 * "measured" when a GPU said so, "emulated" when the emulator did), whatever a
 * tunable may be called. Lines that begin with # are comments, which are not
 * kept. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "search/lock_private.h"

/* ---- seconds ---- */

static const struct unit {
	const char *name;
	double seconds, from;
} units[] = {
	{ "s", 1, 1 }, { "ms", 1e-3, 1e-3 }, { "us", 1e-6, 0 }
};
enum { N_UNITS = sizeof units / sizeof *units };

static void print_seconds(struct str *out, double seconds)
{
	double v = lock_seconds(seconds);
	int i = 0;

	while (v < units[i].from)
		i++;
	str_printf(out, "%.4g %s", v / units[i].seconds, units[i].name);
}

static bool parse_seconds(const char *text, double *seconds)
{
	char *end;
	double v;

	if (*text < '0' || *text > '9')
		return false;
	v = strtod(text, &end);
	if (*end++ != ' ' || !(v >= 0) || isinf(v))
		return false;
	for (int i = 0; i < N_UNITS; i++)
		if (strcmp(end, units[i].name) == 0) {
			*seconds = lock_seconds(v * units[i].seconds);
			return true;
		}
	return false;
}

/* ---- reading ---- */

struct reader {
	struct arena *a;
	const char *next;	/* start of the line after this one */
	char *text;		/* this line, trimmed; NULL at the end */
	int line;
	const char **why;
	int *at;
};

static bool fail_at(struct reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool fail_at(struct reader *r, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*r->why = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	*r->at = line;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that says something, trimmed, or NULL. */
static void advance(struct reader *r)
{
	r->text = NULL;
	while (*r->next) {
		const char *from = r->next, *to = strchr(from, '\n');

		if (!to)
			to = from + strlen(from);
		r->next = *to ? to + 1 : to;
		r->line++;
		while (from < to && is_space(*from))
			from++;
		while (to > from && is_space(to[-1]))
			to--;
		if (from == to || *from == '#')
			continue;
		r->text = arena_strndup(r->a, from, (size_t)(to - from));
		return;
	}
}

static bool is_conflict(const char *text)
{
	return strncmp(text, "<<<<<<<", 7) == 0
		|| strncmp(text, "=======", 7) == 0
		|| strncmp(text, "|||||||", 7) == 0
		|| strncmp(text, ">>>>>>>", 7) == 0;
}

/* "share=50"; all of a GPU is no slice of it. */
static bool set_share(struct reader *r, struct lock_entry *e, const char *word)
{
	const char *digits = word + strlen("share=");
	size_t n;
	int share;

	if (strncmp(word, "share=", strlen("share=")))
		return fail_at(r, r->line, "behind the GPU stands its share, as "
			"in [conv sm_90 h200 share=50], not %s", word);
	n = strlen(digits);
	share = n <= 3 && strspn(digits, "0123456789") == n &&
		*digits != '0' ? atoi(digits) : 0;
	if (share < 1 || share > 100)
		return fail_at(r, r->line, "a share is 1 to 100 percent, not "
			"'%s'", digits);
	e->share = share == 100 ? 0 : share;
	return true;
}

/* "[c2 sm_90 h200]" or "[c2 sm_90 h200 share=50]" */
static bool read_heading(struct reader *r, struct lock_entry *e)
{
	char *words[5], *rest = NULL, *end;
	int n = 0;

	if (is_conflict(r->text))
		return fail_at(r, r->line, "an unresolved merge conflict");
	end = r->text + strlen(r->text) - 1;
	if (*r->text != '[' || *end != ']')
		return fail_at(r, r->line,
			"expected a stanza as in [conv sm_90 h200]");
	*end = '\0';
	for (char *w = strtok_r(r->text + 1, " \t", &rest); w && n < 5;
	     w = strtok_r(NULL, " \t", &rest))
		words[n++] = w;
	if (n < 3 || n > 4)
		return fail_at(r, r->line,
			"a stanza names operator, target and GPU");
	e->op = words[0];
	e->target = words[1];
	e->gpu = words[2];
	return n == 3 || set_share(r, e, words[3]);
}

/* "name = value"; the value of a tunable is one word. */
static bool read_pair(struct reader *r, struct lock_pair *p)
{
	char *name = r->text, *equals, *value;

	if (is_conflict(name))
		return fail_at(r, r->line, "an unresolved merge conflict");
	equals = strstr(name, " = ");
	if (!equals || strcspn(name, " \t") != (size_t)(equals - name))
		return fail_at(r, r->line, "expected name = value");
	*equals = '\0';
	value = equals + 3;
	while (is_space(*value))
		value++;
	*p = (struct lock_pair){ name, value, r->line };
	return true;
}

static bool expect(struct reader *r, const struct lock_pair *p, const char *name)
{
	if (strcmp(p->name, name) == 0)
		return true;
	return fail_at(r, p->line, "expected %s, found %s", name, p->name);
}

static bool set_hash(struct reader *r, struct lock_entry *e,
	const struct lock_pair *p)
{
	if (!expect(r, p, "hash"))
		return false;
	if (strlen(p->value) != 16
			|| strspn(p->value, "0123456789abcdef") != 16)
		return fail_at(r, p->line, "a hash has 16 hexadecimal digits");
	e->hash = strtoull(p->value, NULL, 16);
	return true;
}

static bool set_group(struct reader *r, struct lock_entry *e,
	const struct lock_pair *p)
{
	size_t n = strlen(p->value);

	if (!expect(r, p, "group"))
		return false;
	if (n < 1 || n > 6 || strspn(p->value, "0123456789") != n
			|| (n > 1 && *p->value == '0'))
		return fail_at(r, p->line, "a group is a number from 0");
	e->group = atoi(p->value);
	return true;
}

static bool set_word(struct reader *r, const char **word, const char *name,
	const struct lock_pair *p)
{
	if (!expect(r, p, name))
		return false;
	if (!*p->value || p->value[strcspn(p->value, " \t")])
		return fail_at(r, p->line, "%s is one word", name);
	*word = p->value;
	return true;
}

static bool set_cost(struct reader *r, struct lock_entry *e,
	const struct lock_pair *p)
{
	if (strcmp(p->name, "predicted") == 0)
		e->measured = "model";
	else if (strcmp(p->name, "measured") == 0)
		e->measured = "gpu";
	else if (strcmp(p->name, "emulated") == 0)
		e->measured = "emu";
	else
		return fail_at(r, p->line,
			"expected predicted or measured, found %s", p->name);
	if (!parse_seconds(p->value, &e->seconds))
		return fail_at(r, p->line, "a time is written as in 12.3 us");
	return true;
}

static bool check_tunables(struct reader *r, const struct lock_pair *v, int n)
{
	for (int i = 0; i < n; i++) {
		const char *word;

		if (!set_word(r, &word, v[i].name, &v[i]))
			return false;
		for (int k = 0; k < i; k++)
			if (strcmp(v[k].name, v[i].name) == 0)
				return fail_at(r, v[i].line,
					"%s is already set at line %d",
					v[i].name, v[k].line);
	}
	return true;
}

/* One stanza, up to the next heading. */
static bool read_entry(struct reader *r, struct lock_entry *e)
{
	VEC(struct lock_pair) v = {0};
	int line = r->line, k = 2;
	struct lock_pair p;

	if (!read_heading(r, e))
		return false;
	for (advance(r); r->text && *r->text != '['; advance(r)) {
		if (!read_pair(r, &p))
			return false;
		vec_push(r->a, &v, p);
	}
	if (v.n < 5)
		return fail_at(r, line, "this stanza is cut short: it needs "
			"hash, group, sketch, a time and verified");
	if (strcmp(v.v[k].name, "kernel") == 0
			&& !set_word(r, &e->kernel, "kernel", &v.v[k++]))
		return false;
	k++;
	if (v.n < k + 2)
		return fail_at(r, line, "this stanza is cut short: it needs "
			"a time and verified");
	if (!set_hash(r, e, &v.v[0]) || !set_group(r, e, &v.v[1])
			|| !set_word(r, &e->sketch, "sketch", &v.v[k - 1])
			|| !check_tunables(r, v.v + k, v.n - k - 2)
			|| !set_cost(r, e, &v.v[v.n - 2])
			|| !set_word(r, &e->verified, "verified", &v.v[v.n - 1]))
		return false;
	lock_set_pairs(r->a, e, v.v + k, v.n - k - 2);
	return true;
}

struct placed {
	struct lock_entry e;
	int line;
};

static int by_place_line(const void *x, const void *y)
{
	const struct placed *p = x, *q = y;
	int c = lock_by_group(&p->e, &q->e);

	return c ? c : (p->line > q->line) - (p->line < q->line);
}

static const char *heading(struct arena *a, const struct lock_entry *e)
{
	const char *share = e->share ? arena_printf(a, " share=%d", e->share) :
		"";

	return arena_printf(a, "[%s %s %s%s]", e->op, e->target, e->gpu, share);
}

/* The entries in order; false where two are for the same place. */
static bool set_entries(struct reader *r, struct lock *l, struct placed *v,
	int n)
{
	if (n)
		qsort(v, (size_t)n, sizeof *v, by_place_line);
	l->v = ARENA_ARRAY(r->a, n, struct lock_entry);
	l->n = n;
	for (int i = 0; i < n; i++) {
		const struct lock_entry *e = &v[i].e;

		if (i && lock_by_group(&v[i - 1].e, e) == 0)
			return fail_at(r, v[i].line,
				"%s group %d is already at line %d",
				heading(r->a, e), e->group, v[i - 1].line);
		l->v[i] = *e;
	}
	return true;
}

struct lock *lock_parse(struct arena *a, const char *text, const char **why,
	int *line)
{
	struct reader r = { .a = a, .next = text ? text : "", .why = why,
		.at = line };
	struct lock *l = ARENA_NEW(a, struct lock);
	VEC(struct placed) v = {0};

	advance(&r);
	while (r.text) {
		struct placed p = { .line = r.line };

		if (!read_entry(&r, &p.e))
			return NULL;
		vec_push(a, &v, p);
	}
	return set_entries(&r, l, v.v, v.n) ? l : NULL;
}

/* ---- writing ---- */

static void print_entry(const struct lock_entry *e, struct str *out)
{
	str_printf(out, "\n%s\nhash = %016llx\ngroup = %d\n",
		heading(out->a, e), (unsigned long long)e->hash, e->group);
	if (e->kernel)
		str_printf(out, "kernel = %s\n", e->kernel);
	str_printf(out, "sketch = %s\n", e->sketch);
	for (int i = 0; i < e->n; i++)
		str_printf(out, "%s = %s\n", e->names[i], e->values[i]);
	str_puts(out, strcmp(e->measured, "gpu") == 0 ? "measured = " :
		strcmp(e->measured, "emu") == 0 ? "emulated = " :
		"predicted = ");
	print_seconds(out, e->seconds);
	str_printf(out, "\nverified = %s\n", e->verified);
}

void lock_print(const struct lock *l, struct str *out)
{
	str_puts(out, "# Schedules chosen by wpkc. Keep this file with the "
		"source; wpkc rewrites it.\n");
	for (int i = 0; i < l->n; i++)
		print_entry(&l->v[i], out);
}
