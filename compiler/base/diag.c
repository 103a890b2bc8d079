/* SPDX-License-Identifier: MIT */
/* Diagnostics: collected as values, printed together. A message repeated at
 * the same place (an operator checked for several instances) is kept once. */
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum severity { ERROR, WARNING, NOTE, HINT };

static const struct { const char *name, *color; char letter; } severities[] = {
	[ERROR]   = { "error",   "\033[1;31m", 'E' },
	[WARNING] = { "warning", "\033[1;35m", 'W' },
	[NOTE]    = { "note",    "\033[1;36m", 0 },
	[HINT]    = { "hint",    "\033[1;32m", 0 },
};

struct message {
	enum severity severity;
	enum diag_code code;
	struct span at;
	const char *text;
};

/* A head and what was added to it; "order" keeps equal places stable. */
struct entry {
	struct message head;
	VEC(struct message) more;
	int order;
};

struct diag {
	struct arena *a;
	VEC(struct entry) entries;
	int n_errors;
	bool muted;	/* the newest was a repeat: drop its notes too */
};

struct diag *diag_create(struct arena *a)
{
	struct diag *d = ARENA_NEW(a, struct diag);

	d->a = a;
	return d;
}

static bool repeated(const struct diag *d, struct span at, const char *text)
{
	for (int i = 0; i < d->entries.n; i++) {
		const struct message *m = &d->entries.v[i].head;

		if (m->at.src == at.src && m->at.lo == at.lo &&
		    !strcmp(m->text, text))
			return true;
	}
	return false;
}

static void report(struct diag *d, enum severity s, enum diag_code code,
	struct span at, const char *text)
{
	struct entry e = { .head = { s, code, at, text }, .order = d->entries.n };

	d->muted = repeated(d, at, text) || diag_full(d);
	if (d->muted)
		return;
	d->n_errors += s == ERROR;
	vec_push(d->a, &d->entries, e);
}

void diag_error(struct diag *d, enum diag_code code, struct span at,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, ERROR, code, at, arena_vprintf(d->a, fmt, ap));
	va_end(ap);
}

void diag_warn(struct diag *d, enum diag_code code, struct span at,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, WARNING, code, at, arena_vprintf(d->a, fmt, ap));
	va_end(ap);
}

static void add(struct diag *d, enum severity s, struct span at, const char *text)
{
	struct message m = { s, E_NONE, at, text };

	if (d->muted || !d->entries.n)
		return;
	vec_push(d->a, &d->entries.v[d->entries.n - 1].more, m);
}

void diag_note(struct diag *d, struct span at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, NOTE, at, arena_vprintf(d->a, fmt, ap));
	va_end(ap);
}

void diag_hint(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, HINT, (struct span){0}, arena_vprintf(d->a, fmt, ap));
	va_end(ap);
}

int diag_errors(const struct diag *d)
{
	return d->n_errors;
}

bool diag_full(const struct diag *d)
{
	return d->n_errors >= DIAG_LIMIT;
}

/* The part of the line shown: long lines are cut around the caret. */
static void print_excerpt(struct str *out, struct span at, bool color)
{
	enum { WIDTH = 120, LEFT = 60 };
	int line, col;
	size_t len, from, lead, marks;
	const char *p;

	source_place(at.src, at.lo, &line, &col);
	p = source_line(at.src, line, &len);
	lead = at.lo - at.src->lines[line - 1];
	if (lead > len)
		lead = len;
	from = lead > LEFT && len > WIDTH ? lead - LEFT : 0;
	while (from && ((unsigned char)p[from] & 0xc0) == 0x80)
		from--;
	str_puts(out, "    ");
	str_putn(out, p + from, len - from < WIDTH ? len - from : WIDTH);
	str_puts(out, "\n    ");
	for (size_t i = from; i < lead; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			str_putc(out, p[i] == '\t' ? '\t' : ' ');
	marks = 0;
	for (size_t i = lead; i < len && i < lead + (at.hi - at.lo); i++)
		marks += ((unsigned char)p[i] & 0xc0) != 0x80;
	if (marks > WIDTH - LEFT)
		marks = WIDTH - LEFT;
	if (marks == 0)
		marks = 1;
	str_puts(out, color ? "\033[1;32m^" : "^");
	while (--marks > 0)
		str_putc(out, '~');
	str_puts(out, color ? "\033[0m\n" : "\n");
}

static void print_message(struct str *out, const struct message *m, bool color)
{
	int line, col;

	if (m->at.src) {
		source_place(m->at.src, m->at.lo, &line, &col);
		str_printf(out, "%s:%d:%d: ", m->at.src->path, line, col);
	} else if (m->severity == ERROR || m->severity == WARNING) {
		str_puts(out, "wpkc: ");
	}
	str_printf(out, "%s%s", color ? severities[m->severity].color : "",
		severities[m->severity].name);
	if (m->code)
		str_printf(out, "[%c%04d]", severities[m->severity].letter, m->code);
	str_printf(out, ":%s %s\n", color ? "\033[0m" : "", m->text);
	if (m->at.src)
		print_excerpt(out, m->at, color);
}

static int by_place(const void *x, const void *y)
{
	const struct entry *e = x, *f = y;

	if (e->head.at.src == f->head.at.src && e->head.at.lo != f->head.at.lo)
		return e->head.at.lo < f->head.at.lo ? -1 : 1;
	return e->order - f->order;
}

/* Entries keep the order of their files' first appearance. */
static void group_by_source(struct entry *v, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (v[j].head.at.src == v[i].head.at.src) {
				v[i].order = v[j].order;
				break;
			}
}

static int by_group(const void *x, const void *y)
{
	const struct entry *e = x, *f = y;

	return e->order != f->order ? e->order - f->order : by_place(x, y);
}

void diag_print(const struct diag *d, struct str *out, bool color)
{
	int n = d->entries.n;
	struct entry *v = ARENA_ARRAY(d->a, (size_t)n, struct entry);

	if (n)
		memcpy(v, d->entries.v, (size_t)n * sizeof *v);
	group_by_source(v, n);
	qsort(v, (size_t)n, sizeof *v, by_group);
	for (int i = 0; i < n; i++) {
		print_message(out, &v[i].head, color);
		for (int j = 0; j < v[i].more.n; j++)
			print_message(out, &v[i].more.v[j], color);
	}
	if (diag_full(d))
		str_printf(out, "wpkc: error: too many errors; the first %d are shown\n",
			DIAG_LIMIT);
}
