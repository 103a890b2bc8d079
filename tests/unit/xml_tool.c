/* SPDX-License-Identifier: MIT */
/* xml_tool FILE: is the page well-formed, and does it need nothing but itself?
 * Tags nest, attributes are quoted and not given twice, "&" and "<" are escaped,
 * every id is there once, every reference to one finds it; every picture has a
 * title and a description; there are no scripts and nothing is fetched. One line
 * for each thing that is wrong, and a last one that counts elements. A document
 * as reports are: no CDATA, no entities but XML's own. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/source.h"
#include "base/str.h"
#include "base/vec.h"

typedef VEC(const char *) names;

struct page {
	struct arena *a;
	const struct source *s;
	const char *p;
	names open, ids, wanted;
	int elements, wrong;
	bool pending;		/* a picture whose title is still to come */
};

static void complain(struct page *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct page *g, const char *fmt, ...)
{
	int line, column;
	va_list ap;

	source_place(g->s, (uint32_t)(g->p - g->s->text), &line, &column);
	va_start(ap, fmt);
	printf("%d:%d: %s\n", line, column, arena_vprintf(g->a, fmt, ap));
	va_end(ap);
	g->wrong++;
}

static bool has(const names *v, const char *name)
{
	for (int i = 0; i < v->n; i++)
		if (!strcmp(v->v[i], name))
			return true;
	return false;
}

/* "&amp;", "&#39;" at "p"? */
static bool is_entity(const char *p)
{
	static const char *const known[] = { "&lt;", "&gt;", "&amp;", "&quot;",
		"&#39;" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strncmp(p, known[i], strlen(known[i])))
			return true;
	return false;
}

static void check_character(struct page *g)
{
	unsigned char c = (unsigned char)*g->p;

	if (c == '&' && !is_entity(g->p))
		complain(g, "a bare &");
	if (c < ' ' && c != '\n' && c != '\t')
		complain(g, "a control character");
}

static const char *name(struct page *g)
{
	const char *from = g->p;

	while (isalnum((unsigned char)*g->p) || strchr(":-_", *g->p))
		if (!*g->p++)
			break;
	if (from == g->p)
		complain(g, "no name");
	return arena_strndup(g->a, from, (size_t)(g->p - from));
}

static void space(struct page *g)
{
	while (*g->p && isspace((unsigned char)*g->p))
		g->p++;
}

/* Words of an attribute that are ids of other elements. */
static void want(struct page *g, const char *value)
{
	char *copy = arena_strdup(g->a, value), *save;

	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		vec_push(g->a, &g->wanted, w);
}

static void check_attribute(struct page *g, const char *key, const char *value)
{
	if (!strcmp(key, "id") && has(&g->ids, value))
		complain(g, "id %s twice", value);
	if (!strcmp(key, "id"))
		vec_push(g->a, &g->ids, value);
	if (!strcmp(key, "aria-labelledby"))
		want(g, value);
	if (!strcmp(key, "href") && *value != '#')
		complain(g, "a link that leaves the page");
	if (!strcmp(key, "href") && *value == '#')
		want(g, value + 1);
	if (!strcmp(key, "src") || !strcmp(key, "srcset") ||
	    !strncmp(key, "on", 2) || !strcmp(key, "style"))
		complain(g, "the attribute %s", key);
}

static void attribute(struct page *g, names *keys)
{
	const char *key = name(g), *from;

	if (has(keys, key))
		complain(g, "%s twice", key);
	vec_push(g->a, keys, key);
	if (*g->p != '=' || g->p[1] != '"') {
		complain(g, "no value in quotes");
		g->p += *g->p != 0;
		return;
	}
	from = g->p += 2;
	for (; *g->p && *g->p != '"'; g->p++) {
		check_character(g);
		if (*g->p == '<')
			complain(g, "< in a value");
	}
	check_attribute(g, key, arena_strndup(g->a, from,
		(size_t)(g->p - from)));
	g->p += *g->p == '"';
}

static void close_tag(struct page *g)
{
	const char *n;

	g->p += 2;
	n = name(g);
	if (!g->open.n || strcmp(g->open.v[g->open.n - 1], n))
		complain(g, "</%s> closes <%s>", n, g->open.n ?
			g->open.v[g->open.n - 1] : "nothing");
	g->open.n -= g->open.n > 0;
	if (*g->p != '>')
		complain(g, "no >");
	g->p += *g->p == '>';
}

/* A picture begins with its title. */
static void check_element(struct page *g, const char *n)
{
	if (g->pending && strcmp(n, "title"))
		complain(g, "a picture without a title");
	g->pending = !strcmp(n, "svg");
	if (!strcmp(n, "script") || !strcmp(n, "iframe") || !strcmp(n, "img") ||
	    !strcmp(n, "object") || !strcmp(n, "link"))
		complain(g, "the element %s", n);
	g->elements++;
}

static void open_tag(struct page *g)
{
	names keys = {0};
	const char *n;

	g->p++;
	n = name(g);
	check_element(g, n);
	for (space(g); *g->p && *g->p != '>' && *g->p != '/'; space(g))
		attribute(g, &keys);
	if (!strcmp(n, "svg") && !has(&keys, "aria-labelledby"))
		complain(g, "a picture that nothing describes");
	if (*g->p == '/')
		g->p++;
	else
		vec_push(g->a, &g->open, n);
	if (*g->p != '>')
		complain(g, "no >");
	g->p += *g->p == '>';
}

static void check_page(struct page *g)
{
	static const char first[] = "<!DOCTYPE html>\n";

	if (strncmp(g->p, first, sizeof first - 1))
		complain(g, "no document type");
	else
		g->p += sizeof first - 1;
	while (*g->p && g->wrong < 20) {
		if (*g->p == '<' && g->p[1] == '/') {
			close_tag(g);
		} else if (*g->p == '<') {
			open_tag(g);
		} else {
			check_character(g);
			if (!g->open.n && !isspace((unsigned char)*g->p))
				complain(g, "text outside");
			g->p++;
		}
	}
	for (int i = 0; i < g->open.n; i++)
		complain(g, "<%s> is not closed", g->open.v[i]);
	for (int i = 0; i < g->wanted.n; i++)
		if (!has(&g->ids, g->wanted.v[i]))
			complain(g, "no id %s", g->wanted.v[i]);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	const char *why = "no file";
	struct page g = { .a = a };

	g.s = argc == 2 ? source_read(a, argv[1], &why) : NULL;
	if (!g.s) {
		printf("xml_tool: %s\n", why);
		return 1;
	}
	g.p = g.s->text;
	check_page(&g);
	if (strstr(g.s->text, "url(") || strstr(g.s->text, "@import"))
		complain(&g, "a style that fetches something");
	printf("%d elements, %d wrong\n", g.elements, g.wrong);
	arena_destroy(a);
	return g.wrong > 0;
}
