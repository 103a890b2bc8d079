/* SPDX-License-Identifier: MIT */
/* Parsing one source: text comes in, a unit goes out, or errors with their
 * places. Also the wording of syntax errors. The source's text is as it was
 * when parsing ends. */
#include "front/front.h"

#include <string.h>

#include "base/vec.h"
#include "front/syntax.h"
#include "front/table.h"

int syntax_parse(struct parser *p);

/* Length of the UTF-8 sequence at "p", of which "n" bytes exist; 0 if it is
 * none: overlong forms, surrogates and values past U+10FFFF are not legal. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 :
		*p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool is_utf8(const struct source *src, struct diag *d)
{
	const unsigned char *text = (const unsigned char *)src->text;
	size_t i = 0, len;

	while (i < src->len) {
		len = utf8_length(text + i, src->len - i);
		if (!len) {
			diag_error(d, E_STRAY, (struct span){ src, (uint32_t)i,
				(uint32_t)i + 1 },
				"byte 0x%02x is not valid UTF-8", text[i]);
			return false;
		}
		i += len;
	}
	return true;
}

static bool contains(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool is_operator(const char *name)
{
	static const char *const operators[] = {
		"'?'", "'<'", "'>'", "'+'", "'-'", "'*'", "'/'", "'%'",
		"'<='", "'>='", "'=='", "'!='", "'&&'", "'||'",
	};

	return contains(operators, sizeof operators / sizeof *operators, name);
}

static bool starts_expression(const char *name)
{
	static const char *const starts[] = {
		"a name", "an integer", "a number", "a type", "a reducer",
		"'inf'", "'('", "'-'", "'!'",
	};

	return contains(starts, sizeof starts / sizeof *starts, name);
}

/* Shorten "names": where any expression may stand, say so; where one may go
 * on, leave its operators out. */
static int summarize(const char **names, int n)
{
	bool start = contains(names, n, "an integer") &&
		contains(names, n, "'('") && contains(names, n, "'!'");
	bool more = contains(names, n, "'+'");
	int kept = 0;

	for (int i = 0; i < n; i++) {
		if (start && starts_expression(names[i]))
			continue;
		if (more && (is_operator(names[i]) ||
		    !strcmp(names[i], "'['") || !strcmp(names[i], "'.'") ||
		    (!start && !strcmp(names[i], "'('"))))
			continue;
		names[kept++] = names[i];
	}
	if (start)
		names[kept++] = "an expression";
	return kept;
}

static const char *expectation(struct parser *p, const char *const *expected,
	int n)
{
	enum { SHOWN = 5, MANY = 64 };
	const char *names[MANY + 1];
	struct str s;

	if (n > MANY)
		return "";
	memcpy(names, expected, (size_t)n * sizeof *names);
	n = summarize(names, n);
	if (!n || n > SHOWN)
		return "";
	str_init(&s, p->a);
	for (int i = 0; i < n; i++)
		str_printf(&s, "%s%s", !i ? ", expecting " :
			i + 1 < n ? ", " : " or ", names[i]);
	return str_text(&s);
}

/* True if a line ends between the newest token and the one before. */
static bool begins_line(const struct parser *p)
{
	uint32_t from = p->previous.at.hi;

	return p->previous.at.src && from <= p->last.at.lo &&
		memchr(p->src->text + from, '\n', p->last.at.lo - from);
}

static struct span after(struct span at)
{
	at.lo = at.hi;
	return at;
}

/* A name where only words of the language may stand is one misspelt. */
static void suggest_word(struct parser *p, const char *const *expected, int n)
{
	enum { MANY = 64 };
	const char *words[MANY + 1] = {0};
	const char *near;

	if (!p->last.text || contains(expected, n, "a name") || n > MANY)
		return;
	for (int i = 0; i < n; i++)
		words[i] = arena_strndup(p->a, expected[i] + 1,
			strlen(expected[i]) - 2);
	near = str_nearest(p->last.text, words);
	if (near && *near >= 'a' && *near <= 'z' && p->last.text[1])
		diag_hint(p->d, "Did you mean '%s'?", near);
}

static const char *token_text(struct parser *p, struct token t)
{
	return t.at.src ? arena_strndup(p->a, p->src->text + t.at.lo,
		t.at.hi - t.at.lo) : "";
}

static bool in_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z');
}

/* The token before the newest; of an argument list, whose it is. */
static const char *before_last(struct parser *p)
{
	const char *text = p->src->text;
	uint32_t at = p->previous.at.lo, end;
	int depth = 1;

	if (strcmp(token_text(p, p->previous), ")"))
		return token_text(p, p->previous);
	while (at > 0 && depth) {
		at--;
		depth += text[at] == ')';
		depth -= text[at] == '(';
	}
	while (at > 0 && text[at - 1] == ' ')
		at--;
	for (end = at; at > 0 && in_word(text[at - 1]); at--)
		;
	return end > at ? arena_strndup(p->a, text + at, end - at) : ")";
}

static void suggest_habit(struct parser *p, const char *const *expected, int n)
{
	const char *hint = habit_hint(token_text(p, p->last), before_last(p),
		expected, n);

	if (hint)
		diag_hint(p->d, "%s", hint);
	else
		suggest_word(p, expected, n);
}

void syntax_unexpected(struct parser *p, const char *const *expected, int n,
	bool end, bool reserved)
{
	enum { LONGEST = 40 };
	struct span at = p->last.at;
	int len = (int)(at.hi - at.lo);

	if (p->recovering || p->damaged) {
		p->recovering = true;
		return;
	}
	p->recovering = true;
	if (contains(expected, n, "';'") && (begins_line(p) ||
	    p->src->text[at.lo] == '}')) {
		diag_error(p->d, E_SYNTAX, after(p->previous.at), "missing ';'");
		return;
	}
	if (end) {
		diag_error(p->d, E_SYNTAX, at, "unexpected end of file%s",
			expectation(p, expected, n));
		return;
	}
	diag_error(p->d, E_SYNTAX, at, "unexpected '%.*s%s'%s",
		len < LONGEST ? len : LONGEST, p->src->text + at.lo,
		len > LONGEST ? "..." : "", expectation(p, expected, n));
	if (reserved && contains(expected, n, "a name") &&
	    !contains(expected, n, "an integer") && !contains(expected, n, "'let'"))
		diag_hint(p->d, "'%.*s' is a word of the language.", len,
			p->src->text + at.lo);
	else
		suggest_habit(p, expected, n);
}

/* "conv" of "std/conv.wpk". */
static const char *module_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return arena_strndup(a, base, dot && dot > base ?
		(size_t)(dot - base) : strlen(base));
}

static void collect_imports(struct arena *a, struct ast_unit *u)
{
	VEC(struct ast_import) imports = {0};

	for (int i = 0; i < u->n_items; i++)
		if (u->items[i].kind == AST_IMPORT)
			vec_push(a, &imports, (struct ast_import){
				.name = u->items[i].name.text,
				.at = u->items[i].name.at });
	u->imports = imports.v;
	u->n_imports = imports.n;
}

static void index_names(struct arena *a, struct ast_unit *u)
{
	struct table *t = ARENA_NEW(a, struct table);

	table_init(t, a);
	for (int i = 0; i < u->n_items; i++) {
		struct ast_item *it = &u->items[i];

		if ((it->kind == AST_FN || it->kind == AST_OP ||
		     it->kind == AST_INSTANCE) && !table_get(t, it->name.text))
			table_put(t, it->name.text, it);
	}
	u->names = t;
}

struct ast_unit *front_parse(struct arena *a, const struct source *src,
	struct diag *d)
{
	struct parser p = { .a = a, .src = src, .d = d };
	int before = diag_errors(d);
	struct ast_unit *u;

	if (!is_utf8(src, d))
		return NULL;
	syntax_open(&p);
	syntax_parse(&p);
	syntax_close(&p);
	if (diag_errors(d) > before)
		return NULL;
	u = ARENA_NEW(a, struct ast_unit);
	u->src = src;
	u->module = module_name(a, src->path);
	u->items = p.items.v;
	u->n_items = p.items.n;
	collect_imports(a, u);
	index_names(a, u);
	return u;
}
