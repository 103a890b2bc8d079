/* SPDX-License-Identifier: MIT */
/* Lines of C++ as people lay them out: given one long line, where to break it;
 * given words, how to fill a comment. Breaking never changes the tokens, save
 * that a string literal may become two adjacent ones. */
#include <string.h>

#include "cuda/emit.h"

/* Lines are broken past WIDTH; up to LIMIT they stay whole if the best place
 * to break is worse than UGLY: inside an index. */
enum { WIDTH = 80, LIMIT = 90, UGLY = 16, TAB = 8 };

/* A place to break before: the offset, and how much one dislikes it. */
struct place {
	size_t at;
	int cost;
	bool in_string;
};

static const struct {
	const char *token;
	int cost;
	bool before;		/* the token starts the next line */
} breaks[] = {
	{ " ::: ", 0, true }, { " :: ", 0, true }, { " : ", 0, true },
	{ " ? ", 0, true }, { "; ", 0, false }, { " || ", 1, false },
	{ ", ", 2, false }, { " && ", 2, false }, { " | ", 3, false },
	{ " + ", 4, false }, { " - ", 4, false }, { " * ", 5, false },
	{ " / ", 5, false }, { " % ", 5, false }, { " < ", 3, false },
	{ " = ", 14, false }
};

/* Keeps the better of two places; of equals, the later. */
static void consider(struct place *best, size_t at, int cost, bool in_string)
{
	if (best->at == 0 || cost <= best->cost)
		*best = (struct place){ at, cost, in_string };
}

static void consider_tokens(struct place *best, const char *s, size_t i,
	size_t room, int depth)
{
	for (size_t b = 0; b < sizeof breaks / sizeof *breaks; b++) {
		const char *token = breaks[b].token;
		size_t len, at;

		if (s[i] != token[0] || s[i + 1] != token[1])
			continue;
		len = strlen(token);
		at = i + (breaks[b].before ? 1 : len);
		if (!strncmp(s + i, token, len) && at <= room + 1)
			consider(best, at, depth * 8 + breaks[b].cost, false);
	}
}

/* Within a literal: between instructions, then before brackets. */
static int string_cost(const char *s, size_t i)
{
	if (i && s[i - 1] == ';')
		return 900;
	return s[i + 1] == '[' || s[i + 1] == '{' ? 950 : 1000;
}

/* An index is broken later than a call. */
static int nesting(char c)
{
	return c == '(' ? 1 : c == '[' ? 2 : c == ')' ? -1 : c == ']' ? -2 : 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
		c == '>';
}

/* The best place within the first "room" columns; "at" 0 if there is none.
 * "quoted" tells whether the text starts inside a string literal. */
static struct place find_break(const char *s, size_t room, int depth,
	bool quoted)
{
	struct place best = { 0 };

	for (size_t i = 0; s[i] && i < room; i++) {
		if (s[i] == '"')
			quoted = !quoted;
		if (quoted) {
			if (s[i] == ' ' && i + 2 < room)
				consider(&best, i + 1, string_cost(s, i), true);
			continue;
		}
		depth += nesting(s[i]);
		if (s[i] == '(' && i && is_word(s[i - 1]) && i + 1 < room)
			consider(&best, i + 1, depth * 8 + 8, false);
		consider_tokens(&best, s, i, room, depth);
	}
	return best;
}

/* May "text" stay as long as it is? */
static bool tolerable(const char *text, int indent, struct place p)
{
	return !p.at || (p.cost > UGLY && !p.in_string &&
		strlen(text) + (size_t)indent <= LIMIT);
}

static int depth_at(const char *s, size_t n, int depth, bool *quoted)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			*quoted = !*quoted;
		if (!*quoted)
			depth += nesting(s[i]);
	}
	return depth;
}

static size_t trimmed(const char *s, size_t n)
{
	while (n && s[n - 1] == ' ')
		n--;
	return n;
}

void emit_line(struct str *out, int depth, const char *text)
{
	bool quoted = false, head = strlen(text) > 1 &&
		text[strlen(text) - 1] == '{';
	int nest = 0, indent = depth * TAB;

	str_indent(out, depth);
	while (strlen(text) + (size_t)indent > WIDTH) {
		size_t room = indent < 60 ? WIDTH - (size_t)indent : 20;
		struct place p = find_break(text, room, nest, quoted);

		while (!p.at && room < strlen(text))
			p = find_break(text, ++room, nest, quoted);
		if (tolerable(text, indent, p))
			break;
		nest = depth_at(text, p.at, nest, &quoted);
		str_putn(out, text, p.in_string ? p.at :
			trimmed(text, p.at));
		str_puts(out, p.in_string ? "\"\n" : "\n");
		str_indent(out, head ? depth : depth + 1);
		str_puts(out, head ? "    " : "");
		str_puts(out, p.in_string ? "\"" : "");
		indent = depth * TAB + (head ? 4 : TAB) + p.in_string;
		text += p.at;
	}
	str_puts(out, text);
	str_putc(out, '\n');
}

const char *emit_harmless(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);

	for (size_t i = 0; s[i]; i++) {
		if ((s[i] == '*' && s[i + 1] == '/') ||
		    (s[i] == '/' && s[i + 1] == '*'))
			s[i] = '+';
		if ((unsigned char)s[i] < ' ' && s[i] != '\n' && s[i] != '\t')
			s[i] = ' ';
	}
	return s;
}

void emit_comment(struct arena *a, struct str *out, int depth,
	const char *text)
{
	const char *s = emit_harmless(a, text);
	int col;

	str_indent(out, depth);
	str_puts(out, "/*");
	col = depth * TAB + 2;
	while (*s) {
		size_t n = strcspn(s, " \n");

		if (col > depth * TAB + 3 && col + 1 + (int)n > WIDTH - 3) {
			str_putc(out, '\n');
			str_indent(out, depth);
			str_puts(out, " *");
			col = depth * TAB + 2;
		}
		if (n)
			str_putc(out, ' ');
		str_putn(out, s, n);
		col += (int)n + 1;
		s += n;
		s += strspn(s, " \n");
	}
	str_puts(out, " */\n");
}
