/* SPDX-License-Identifier: MIT */
/* The house layout of a source: indentation from brackets, blanks around signs.
 * Line breaks, comments, alignment by several blanks, and whether a product or
 * an extent is written tight, stay the author's. In: text that parses. Out:
 * the same text but for white space. */
#include <ctype.h>
#include <string.h>

#include "base/vec.h"
#include "front/front.h"

enum kind {
	WORD, NUMBER, STRING, SIGN, COMMENT
};

/* One word or sign: "n" characters from "p"; what white space stands before. */
struct piece {
	enum kind kind;
	const char *p;
	int n;
	int blanks, lines;
};

typedef VEC(struct piece) piece_list;

/* ---- words and signs ---- */

static int word_length(const char *p)
{
	int n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

static int number_length(const char *p)
{
	int n = word_length(p);

	if (p[n] == '.' && isdigit((unsigned char)p[n + 1]))
		n += 1 + word_length(p + n + 1);
	if (tolower((unsigned char)p[n - 1]) == 'e' &&
	    (p[n] == '-' || p[n] == '+') && isdigit((unsigned char)p[n + 1]))
		n += 1 + word_length(p + n + 1);
	return n;
}

static int string_length(const char *p)
{
	int n = 1;

	while (p[n] && p[n] != '"' && p[n] != '\n')
		n += p[n] == '\\' && p[n + 1] ? 2 : 1;
	return n + (p[n] == '"');
}

static int comment_length(const char *p)
{
	const char *end = p[1] == '/' ? strchr(p, '\n') : strstr(p + 2, "*/");

	if (!end)
		return (int)strlen(p);
	return (int)(end - p) + (p[1] == '/' ? 0 : 2);
}

static int sign_length(const char *p)
{
	static const char *const two[] = {
		"->", "..", "<=", ">=", "==", "!=", "&&", "||"
	};

	for (size_t i = 0; i < sizeof two / sizeof *two; i++)
		if (!strncmp(p, two[i], 2))
			return 2;
	return 1;
}

static struct piece scan(const char *p)
{
	struct piece t = { .p = p };

	if (p[0] == '/' && (p[1] == '/' || p[1] == '*'))
		return t.kind = COMMENT, t.n = comment_length(p), t;
	if (isdigit((unsigned char)*p))
		return t.kind = NUMBER, t.n = number_length(p), t;
	if (*p == '"')
		return t.kind = STRING, t.n = string_length(p), t;
	t.n = word_length(p);
	t.kind = t.n ? WORD : SIGN;
	if (!t.n)
		t.n = sign_length(p);
	return t;
}

static void scan_all(struct arena *a, const char *p, piece_list *out)
{
	int blanks = 0, lines = 0;

	while (*p) {
		struct piece t;

		if (isspace((unsigned char)*p)) {
			blanks = *p == '\n' ? 0 : blanks + 1;
			lines += *p++ == '\n';
			continue;
		}
		t = scan(p);
		t.blanks = blanks;
		t.lines = lines;
		blanks = lines = 0;
		p += t.n;
		vec_push(a, out, t);
	}
}

static bool is(const struct piece *t, const char *text)
{
	return t->kind != COMMENT && t->kind != STRING &&
		t->n == (int)strlen(text) && !strncmp(t->p, text, (size_t)t->n);
}

static bool is_any(const struct piece *t, const char *const *texts)
{
	for (; *texts; texts++)
		if (is(t, *texts))
			return true;
	return false;
}

/* ---- blanks within a line ---- */

static const char *const spaced[] = {
	"=", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "->", "?", NULL
};
static const char *const arithmetic[] = { "+", "-", "*", "/", "%", NULL };

/* Does a value end here, so that a sign after it has two operands? */
static bool ends_value(const struct piece *t)
{
	return t->kind == NUMBER || t->kind == STRING || is(t, ")") ||
		is(t, "]") || is(t, "inf") || is(t, "edge") ||
		(t->kind == WORD && !is_any(t, front_keywords()));
}

static bool binary(const piece_list *v, int i)
{
	return i > 0 && is_any(&v->v[i], arithmetic) && ends_value(&v->v[i - 1]);
}

/* Blanks between piece i - 1 and piece i of one line; "had" are there. */
static int blanks_between(const piece_list *v, int i)
{
	const struct piece *l = &v->v[i - 1], *r = &v->v[i];
	int had = r->blanks;

	if (r->kind == COMMENT || l->kind == COMMENT)
		return had ? had : 1;
	if (is(l, "..") && (is(r, "{") || is_any(r, front_keywords())))
		return 1;
	if (is(l, "(") || is(l, "[") || is(l, "!") || is(r, ")") ||
	    is(r, "]") || is(r, ",") || is(r, ";") || is(l, "..") ||
	    is(r, "..") || is(l, ".") || is(r, "."))
		return 0;
	if (is_any(l, arithmetic) && !binary(v, i - 1))
		return 0;
	if ((is(r, "(") || is(r, "[")) && ends_value(l) && !is(l, "inf") &&
	    !is(l, "edge"))
		return 0;
	if (is(l, ",") || is_any(l, spaced) || is_any(r, spaced))
		return had > 1 ? had : 1;
	if (binary(v, i))
		return had || (i + 1 < v->n && v->v[i + 1].blanks &&
			!v->v[i + 1].lines) ? (had > 1 ? had : 1) : 0;
	if (binary(v, i - 1))
		return had || l->blanks ? (had > 1 ? had : 1) : 0;
	return had;
}

/* ---- indentation ---- */

enum { STEP = 4 };

/* Brackets open before a line, each with the line that opened it; a line counts
 * once, whatever it opened. */
struct indent {
	VEC(int) lines;
	int line;
	int under;		/* column under which where, with go on */
};

static int levels(const struct indent *d, int n)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		count += i == 0 || d->lines.v[i] != d->lines.v[i - 1];
	return count;
}

static bool opens(const struct piece *t)
{
	return is(t, "(") || is(t, "[") || is(t, "{");
}

static bool closes(const struct piece *t)
{
	return is(t, ")") || is(t, "]") || is(t, "}");
}

static bool starts_statement(const piece_list *v, int i)
{
	while (i > 0 && v->v[i - 1].kind == COMMENT)
		i--;
	return i == 0 || is(&v->v[i - 1], ";") || is(&v->v[i - 1], "{") ||
		is(&v->v[i - 1], "}");
}

/* Whether all that is open are braces of blocks. */
static bool in_block(const piece_list *v, int i)
{
	int depth = 0;

	while (i-- > 0) {
		depth += closes(&v->v[i]);
		if (opens(&v->v[i]) && depth-- == 0)
			return is(&v->v[i], "{");
	}
	return true;
}

static int column(const piece_list *v, int i, struct indent *d)
{
	const struct piece *t = &v->v[i];
	int closing = 0, base;

	while (i + closing < v->n && closes(&v->v[i + closing]) &&
	       closing < d->lines.n)
		closing++;
	base = STEP * levels(d, d->lines.n - closing);
	if (closing || t->kind == COMMENT)
		return base;
	if (!in_block(v, i))
		return base;
	if (starts_statement(v, i) || is(t, "{") || is(t, "where")) {
		d->under = is(t, "where") ? base + 6 : 0;
		return base;
	}
	if (is(t, "with")) {
		d->under = base + STEP + 5;
		return base + STEP;
	}
	return d->under ? d->under : base + STEP;
}

static void follow(struct arena *a, struct indent *d, const struct piece *t)
{
	if (opens(t))
		vec_push(a, &d->lines, d->line);
	else if (closes(t) && d->lines.n)
		d->lines.n--;
	if (is(t, ";") || is(t, "{"))
		d->under = 0;
}

/* ---- text ---- */

/* A comment goes out as it is, but for blanks at its lines' ends. */
static void put_comment(struct str *out, const struct piece *t)
{
	for (int i = 0; i < t->n; ) {
		int end = i, keep;

		while (end < t->n && t->p[end] != '\n')
			end++;
		for (keep = end; keep > i &&
		     isspace((unsigned char)t->p[keep - 1]); )
			keep--;
		str_putn(out, t->p + i, (size_t)(keep - i));
		if (end < t->n)
			str_putc(out, '\n');
		i = end + 1;
	}
}

static void put_blanks(struct str *out, int n)
{
	while (n-- > 0)
		str_putc(out, ' ');
}

void front_format(struct arena *a, const char *text, struct str *out)
{
	piece_list v = {0};
	struct indent d = {0};

	scan_all(a, text, &v);
	for (int i = 0; i < v.n; i++) {
		const struct piece *t = &v.v[i];

		if (i > 0 && t->lines) {
			str_puts(out, t->lines > 1 ? "\n\n" : "\n");
			d.line++;
		}
		put_blanks(out, i == 0 || t->lines ? column(&v, i, &d) :
			blanks_between(&v, i));
		if (t->kind == COMMENT)
			put_comment(out, t);
		else
			str_putn(out, t->p, (size_t)t->n);
		follow(a, &d, t);
	}
	if (v.n)
		str_putc(out, '\n');
}
