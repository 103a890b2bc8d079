/* SPDX-License-Identifier: MIT */
/* Text under construction, and the few questions asked of finished text. */
#include "base/str.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_init(struct str *s, struct arena *a)
{
	*s = (struct str){ .a = a };
}

static void reserve(struct str *s, size_t more)
{
	size_t cap = s->cap ? s->cap : 64;
	char *p;

	while (cap - s->n <= more)
		cap *= 2;
	if (cap == s->cap)
		return;
	p = arena_alloc(s->a, cap);
	if (s->n)
		memcpy(p, s->p, s->n);
	s->p = p;
	s->cap = cap;
}

void str_putn(struct str *s, const char *text, size_t n)
{
	reserve(s, n);
	memcpy(s->p + s->n, text, n);
	s->n += n;
	s->p[s->n] = '\0';
}

void str_putc(struct str *s, char c)
{
	str_putn(s, &c, 1);
}

void str_puts(struct str *s, const char *text)
{
	str_putn(s, text, strlen(text));
}

void str_vprintf(struct str *s, const char *fmt, va_list ap)
{
	enum { USUAL = 64 };
	va_list again;
	size_t n;

	assert(fmt);
	va_copy(again, ap);
	reserve(s, USUAL);
	n = (size_t)vsnprintf(s->p + s->n, USUAL + 1, fmt, ap);
	if (n > USUAL) {
		reserve(s, n);
		vsnprintf(s->p + s->n, n + 1, fmt, again);
	}
	va_end(again);
	s->n += n;
}

void str_printf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(s, fmt, ap);
	va_end(ap);
}

void str_indent(struct str *s, int n)
{
	while (n-- > 0)
		str_putc(s, '\t');
}

void str_word(struct str *s, const char *word)
{
	if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=+,@%")]) {
		str_puts(s, word);
		return;
	}
	str_putc(s, '\'');
	for (; *word; word++)
		if (*word == '\'')
			str_puts(s, "'\\''");
		else
			str_putc(s, *word);
	str_putc(s, '\'');
}

const char *str_text(const struct str *s)
{
	return s->p ? s->p : "";
}

void str_double(struct str *s, double v)
{
	char buf[40];

	if (isnan(v)) {
		str_puts(s, "nan");
		return;
	}
	if (isinf(v)) {
		str_puts(s, v < 0 ? "-inf" : "inf");
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buf, sizeof buf, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	str_puts(s, buf);
	if (!strpbrk(buf, ".e"))
		str_puts(s, ".0");
}

uint64_t str_hash(const char *text, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
	return h;
}

enum { FAR = 4, LONGEST = 63 };

/* Levenshtein distance, capped. */
static int distance(const char *x, const char *y)
{
	int row[LONGEST + 1];
	size_t nx = strlen(x), ny = strlen(y);

	if (nx > LONGEST || ny > LONGEST)
		return FAR;
	for (size_t j = 0; j <= ny; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= nx; i++) {
		int diagonal = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= ny; j++) {
			int d = diagonal + (x[i - 1] != y[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < d)
				d = row[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			row[j] = d;
		}
	}
	return row[ny] < FAR ? row[ny] : FAR;
}

/* How far a name may be from what it was meant to be: of a single letter nothing
 * would be left. */
static int farthest(const char *name)
{
	size_t n = strlen(name);

	return n <= 1 ? 0 : n <= 3 ? 1 : n <= 6 ? 2 : 3;
}

const char *str_nearest(const char *name, const char *const *names)
{
	int limit = farthest(name);
	const char *best = NULL;

	for (; *names; names++) {
		int d = strcasecmp(name, *names) ? distance(name, *names) : 0;

		if (d <= limit && (!best || d < distance(name, best)))
			best = *names;
	}
	return best;
}

/* The "n" names, nearest first. */
static const char **by_distance(struct arena *a, const char *name,
	const char *const *names, int n)
{
	const char **v = ARENA_ARRAY(a, (size_t)n, const char *);

	for (int i = 0; i < n; i++) {
		int k = i;

		for (; k > 0 && distance(name, v[k - 1]) >
		       distance(name, names[i]); k--)
			v[k] = v[k - 1];
		v[k] = names[i];
	}
	return v;
}

const char *str_some(struct arena *a, const char *name,
	const char *const *names)
{
	enum { ALL = 8, SOME = 4 };
	int n = 0, told;
	struct str out;

	while (names[n])
		n++;
	told = n > ALL ? SOME : n;
	if (told < n)
		names = by_distance(a, name, names, n);
	str_init(&out, a);
	for (int i = 0; i < told; i++)
		str_printf(&out, "%s%s", i ? ", " : "", names[i]);
	if (told < n)
		str_printf(&out, " and %d more", n - told);
	return str_text(&out);
}
