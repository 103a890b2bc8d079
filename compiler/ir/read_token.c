/* SPDX-License-Identifier: MIT */
/* Words, numbers and punctuation of the operator IR's text form. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/read.h"

void reader_fail(struct reader *r, const char *fmt, ...)
{
	struct span at = { r->src, r->pos, r->pos };
	va_list ap;

	if (r->bad)
		return;
	va_start(ap, fmt);
	diag_error(r->d, E_IR_TEXT, at, "%s", arena_vprintf(r->a, fmt, ap));
	va_end(ap);
	r->bad = true;
	r->pos = (uint32_t)r->src->len;
}

static char at(const struct reader *r, uint32_t pos)
{
	return pos < r->src->len ? r->src->text[pos] : 0;
}

static void skip(struct reader *r)
{
	for (;;) {
		while (isspace((unsigned char)at(r, r->pos)))
			r->pos++;
		if (at(r, r->pos) != '#')
			return;
		while (at(r, r->pos) && at(r, r->pos) != '\n')
			r->pos++;
	}
}

char reader_peek(struct reader *r)
{
	skip(r);
	return at(r, r->pos);
}

bool reader_accept(struct reader *r, char c)
{
	if (reader_peek(r) != c)
		return false;
	r->pos++;
	return true;
}

void reader_expect(struct reader *r, char c)
{
	if (!reader_accept(r, c))
		reader_fail(r, "expected \"%c\"", c);
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* The length of the word that follows, 0 if none does. */
static uint32_t word_length(struct reader *r)
{
	char c = reader_peek(r);
	uint32_t n = 0;

	if (!isalpha((unsigned char)c) && c != '_')
		return 0;
	while (in_word(at(r, r->pos + n)))
		n++;
	return n;
}

const char *reader_word(struct reader *r)
{
	uint32_t n = word_length(r);
	const char *s = r->src->text + r->pos;

	if (!n) {
		reader_fail(r, "expected a name");
		return "";
	}
	r->pos += n;
	return arena_strndup(r->a, s, n);
}

bool reader_keyword(struct reader *r, const char *word)
{
	uint32_t n = word_length(r), begin = r->pos;

	if (n != strlen(word) || strncmp(r->src->text + begin, word, n))
		return false;
	r->pos += n;
	if (reader_peek(r) != '[')
		return true;
	r->pos = begin;
	return false;
}

/* The text of a number: what may be part of one, and a sign in front or after
 * an exponent's "e". */
static const char *number_text(struct reader *r)
{
	uint32_t begin, n = 0;

	reader_peek(r);
	begin = r->pos;
	if (at(r, begin) == '-')
		n++;
	while (in_word(at(r, begin + n)) || (n && (at(r, begin + n) == '-' ||
			at(r, begin + n) == '+') && at(r, begin + n - 1) == 'e'))
		n++;
	r->pos += n;
	return arena_strndup(r->a, r->src->text + begin, n);
}

bool reader_number(struct reader *r, int64_t *i, double *v)
{
	const char *s = number_text(r);
	char *end;

	errno = 0;
	*i = strtoll(s, &end, 10);
	if (end != s && !*end) {
		if (errno)
			reader_fail(r, "%s does not fit 64 bits", s);
		return false;
	}
	*v = strtod(s, &end);
	if (end == s || *end)
		reader_fail(r, "expected a number");
	return true;
}

int64_t reader_int(struct reader *r)
{
	int64_t i = 0;
	double v;

	if (!r->bad && reader_number(r, &i, &v))
		reader_fail(r, "expected an integer");
	return r->bad ? 0 : i;
}

void reader_skip_brackets(struct reader *r)
{
	int depth = 1;

	while (!r->bad && depth) {
		char c = reader_peek(r);

		if (!c)
			reader_fail(r, "expected \"]\"");
		depth += (c == '[') - (c == ']');
		r->pos += !r->bad;
	}
}

bool reader_at_binder(struct reader *r)
{
	uint32_t n = word_length(r), begin = r->pos;
	bool yes;

	r->pos += n;
	yes = n && reader_peek(r) == ':';
	r->pos = begin;
	return yes;
}
