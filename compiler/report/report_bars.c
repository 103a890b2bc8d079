/* SPDX-License-Identifier: MIT */
/* Best of each sketch: bars from zero, and where the model's prediction for the
 * same point is known and is another number, a mark there. In: a problem. Out:
 * a picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/svg.h"

enum { W = 440, LEFT = 104, RIGHT = 284, ROW = 26, TOP = 8, SHOWN = 12 };

struct bar {
	const char *sketch;
	const struct record_line *best;
	int failed;
};

static struct bar *find_bar(struct bar *v, int *n, const char *sketch)
{
	for (int i = 0; i < *n; i++)
		if (!strcmp(v[i].sketch, sketch))
			return &v[i];
	v[*n] = (struct bar){ .sketch = sketch };
	return &v[(*n)++];
}

static double seconds_of(const struct bar *b)
{
	return b->best ? b->best->record.seconds : INFINITY;
}

static int by_best(const void *x, const void *y)
{
	const struct bar *p = x, *q = y;
	double s = seconds_of(p), t = seconds_of(q);

	return s != t ? (s > t) - (s < t) : strcmp(p->sketch, q->sketch);
}

static struct bar *gather(struct arena *a, const struct report_problem *p,
	int *n)
{
	struct bar *v = ARENA_ARRAY(a, (size_t)p->n + 1, struct bar);

	*n = 0;
	for (int i = 0; i < p->n; i++) {
		const struct record *r = &p->lines[i]->record;
		struct bar *b = find_bar(v, n, r->key.sketch);

		if (r->verdict != V_MEASURED)
			b->failed++;
		else if (r->seconds < seconds_of(b))
			b->best = p->lines[i];
	}
	qsort(v, (size_t)*n, sizeof *v, by_best);
	return v;
}

/* Has the model's prediction for this point a place of its own? */
static bool is_marked(const struct report_problem *p, const struct bar *b)
{
	return strcmp(p->key->how, "model") && b->best &&
		b->best->record.predicted > 0;
}

/* "12.3 µs, model 10.1 µs (x1.22)" */
static const char *note(struct arena *a, const struct report_problem *p,
	const struct bar *b)
{
	struct str s;

	str_init(&s, a);
	if (!b->best) {
		str_printf(&s, "none of %d measured", b->failed);
		return str_text(&s);
	}
	format_seconds(&s, b->best->record.seconds);
	if (is_marked(p, b))
		str_printf(&s, ", %.2f \xc3\x97 model", b->best->record.seconds /
			b->best->record.predicted);
	return str_text(&s);
}

static void put_bar(const struct report_problem *p, const struct bar *b, int i,
	const struct axis *x, struct str *out)
{
	double y = TOP + ROW * i, end = x->from;
	struct str name;

	str_init(&name, out->a);
	xml_clipped(&name, b->sketch, 14);
	str_printf(out, "<text class=\"name\" text-anchor=\"end\" x=\"%d\" "
		"y=\"%.1f\">%s</text>\n", LEFT - 8, y + 16, str_text(&name));
	if (b->best) {
		end = axis_at(x, fmin(b->best->record.seconds, x->hi));
		svg_rect(out, i ? "bar" : "bar best", x->from, y + 4,
			fmax(end - x->from, 1), ROW - 8);
		if (b->best->record.seconds > x->hi)
			svg_line(out, "cut", end - 14, y + ROW - 3, end - 8,
				y + 3);
	}
	if (is_marked(p, b) && b->best->record.predicted <= x->hi) {
		double at = axis_at(x, b->best->record.predicted);

		svg_line(out, "mark", at, y + 1, at, y + ROW - 1);
		end = fmax(end, at);
	}
	svg_text(out, "value", "start", end + 6, y + 17, note(out->a, p, b));
}

/* Seconds at the right end: of the longest, but five times the shortest at most,
 * of which nothing would be seen; "*cut": longer ones are cut there. */
static double longest(const struct report_problem *p, const struct bar *v, int n,
	bool *cut)
{
	double most = 0, limit = 5 * seconds_of(&v[0]);

	for (int i = 0; i < n; i++) {
		if (v[i].best)
			most = fmax(most, v[i].best->record.seconds);
		if (is_marked(p, &v[i]))
			most = fmax(most, v[i].best->record.predicted);
	}
	*cut = most > limit;
	return *cut ? limit : most;
}

void report_bars(const struct report *r, const struct report_problem *p,
	struct str *out)
{
	int n;
	struct bar *v = gather(r->a, p, &n);
	int shown = n < SHOWN ? n : SHOWN;
	bool cut, marked = false;
	struct axis x = axis_linear(longest(p, v, shown, &cut), LEFT, RIGHT);

	for (int i = 0; i < shown; i++)
		marked |= is_marked(p, &v[i]);
	str_puts(out, "<figure>\n");
	svg_open(out, W, TOP + ROW * shown + 6, arena_printf(r->a, "b%d",
		p->number), arena_printf(r->a, "Best of each sketch for %s",
		report_name(r->a, p)), marked ? "Bars of the least time; a "
		"line marks what the model predicted for the same point." :
		"Bars of the least time.");
	svg_line(out, "axis", LEFT, TOP, LEFT, TOP + ROW * shown);
	for (int i = 0; i < shown; i++)
		put_bar(p, &v[i], i, &x, out);
	svg_close(out);
	str_printf(out, "<figcaption>Best time of each sketch, from zero%s%s%s."
		"</figcaption>\n</figure>\n", marked ? "; "
		"a line marks the model\xe2\x80\x99s prediction for that point" :
		"", cut ? "; bars with a cut are "
		"longer than drawn" : "", n > shown ?
		"; the slowest are left out" : "");
}
