/* SPDX-License-Identifier: MIT */
/* Recorded spaces as CSV: a line of names, a row for each point. Commas alone
 * part the cells: neither names nor values of tunables have any. */
#include <math.h>
#include <string.h>

#include "search/replay_rows.h"

struct csv {
	struct replay_rows *t;
	int n, time, compile;		/* columns; of these two, or -1 */
};

/* The cells of line "line" into "cells", at most "most"; their number. */
static int split(struct replay_rows *t, int line, const char **cells, int most)
{
	size_t len;
	const char *p = source_line(t->src, line, &len), *end = p + len;
	int n = 0;

	if (len && end[-1] == '\r')
		end--;
	for (;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if (n < most)
			cells[n] = arena_strndup(t->a, p, (size_t)(stop - p));
		n++;
		if (!comma)
			return n;
		p = comma + 1;
	}
}

static bool read_names(struct csv *c)
{
	struct replay_rows *t = c->t;
	size_t len;
	const char **names;

	source_line(t->src, 1, &len);
	names = ARENA_ARRAY(t->a, len + 1, const char *);
	c->n = split(t, 1, names, (int)len + 1);
	c->time = c->compile = -1;
	for (int i = 0; i < c->n; i++) {
		if (!*names[i])
			return replay_fail(t, 1, "column %d has no name", i + 1);
		for (int k = 0; k < i; k++)
			if (!strcmp(names[i], names[k]))
				return replay_fail(t, 1, "two columns '%s'",
					names[i]);
		if (!strcmp(names[i], "time_ms"))
			c->time = i;
		else if (!strcmp(names[i], "compile_ms"))
			c->compile = i;
		else
			vec_push(t->a, &t->names, names[i]);
	}
	return c->time >= 0 || replay_fail(t, 1, "no column 'time_ms'");
}

static bool read_row(struct csv *c, int line, const char **cells)
{
	struct replay_rows *t = c->t;
	int n = split(t, line, cells, c->n), k = 0;
	struct replay_row r = {0}, compile = {0};

	r.cells = ARENA_ARRAY(t->a, t->names.n, const char *);
	if (n != c->n)
		return replay_fail(t, line, "%d cells, the first line has %d",
			n, c->n);
	for (int i = 0; i < n; i++) {
		if (i == c->time || i == c->compile)
			continue;
		if (!*cells[i])
			return replay_fail(t, line, "'%s' has no value",
				t->names.v[k]);
		r.cells[k++] = cells[i];
	}
	if (!replay_outcome(&r, cells[c->time], 1e-3))
		return replay_fail(t, line, "time_ms is '%s', which is neither "
			"a time nor 'fail'", cells[c->time]);
	if (c->compile >= 0 && replay_outcome(&compile, cells[c->compile], 1e-3)
	    && isfinite(compile.seconds))
		r.compile_seconds = compile.seconds;
	vec_push(t->a, &t->rows, r);
	return true;
}

bool replay_csv(struct replay_rows *t)
{
	struct csv c = { .t = t };
	const char **cells;

	if (!read_names(&c))
		return false;
	cells = ARENA_ARRAY(t->a, c.n, const char *);
	for (int line = 2; line <= t->src->n_lines; line++) {
		size_t len;

		source_line(t->src, line, &len);
		if (len && !read_row(&c, line, cells))
			return false;
	}
	return true;
}
