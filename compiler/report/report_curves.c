/* SPDX-License-Identifier: MIT */
/* Tuning curves: the best time so far by candidate, one line a run, one colour a
 * strategy. In: a problem, its runs sorted by strategy. Out: a picture and its
 * legend. What was not measured moves no line, but counts as a candidate. */
#include <math.h>
#include <string.h>

#include "report/report.h"
#include "report/svg.h"

enum { W = 440, H = 280, LEFT = 62, RIGHT = 428, TOP = 30, BOTTOM = 236,
	SERIES = 8, SHOWN = 64 };

static int number_of(const struct report_run *r, int i)
{
	return r->lines[i]->candidate > 0 ? r->lines[i]->candidate : i + 1;
}

static double seconds_of(const struct report_run *r, int i)
{
	const struct record *x = &r->lines[i]->record;

	return x->verdict == V_MEASURED ? x->seconds : INFINITY;
}

/* The first time and the last candidate over all runs. */
static void spans(const struct report_problem *p, double *first, int *last)
{
	*first = 0;
	*last = 1;
	for (int k = 0; k < p->n_runs; k++) {
		const struct report_run *r = &p->runs[k];
		bool found = false;

		for (int i = 0; i < r->n; i++) {
			double t = seconds_of(r, i);

			if (isfinite(t) && !found)
				*first = fmax(*first, t);
			found |= isfinite(t);
			*last = number_of(r, i) > *last ? number_of(r, i) :
				*last;
		}
	}
}

/* A stair: along to the candidate, down to its time. */
static void put_run(struct str *out, const struct report_run *r, int series,
	const struct axis *x, const struct axis *y)
{
	double best = INFINITY, end = 1;

	str_printf(out, "<path class=\"curve s%d%s\" d=\"", series % SERIES,
		series >= SERIES ? " dashed" : "");
	for (int i = 0; i < r->n; i++) {
		double t = seconds_of(r, i), at = axis_at(x, number_of(r, i));

		end = at;
		if (t >= best)
			continue;
		str_printf(out, isinf(best) ? "M%.1f %.1f" : "H%.1fV%.1f", at,
			axis_at(y, t));
		best = t;
	}
	str_printf(out, "H%.1f\"/>\n", end);
	str_printf(out, "<circle class=\"end s%d\" cx=\"%.1f\" cy=\"%.1f\" "
		"r=\"3\"/>\n", series % SERIES, end, axis_at(y, best));
}

/* Runs "from" to "to" are of one strategy. */
static void put_strategy(const struct report_problem *p, int from, int to,
	int series, struct str *out)
{
	const struct report_run *r = &p->runs[from], *best = r;

	for (int k = from; k < to; k++)
		if (p->runs[k].best < best->best)
			best = &p->runs[k];
	str_printf(out, "<li><span class=\"swatch s%d%s\"></span>",
		series % SERIES, series >= SERIES ? " dashed" : "");
	xml_text(out, *r->strategy ? r->strategy : "unnamed strategy");
	if (to - from > 1)
		str_printf(out, ", %d runs, best ", to - from);
	else
		str_puts(out, ": ");
	if (isfinite(best->best))
		format_seconds(out, best->best);
	else
		str_puts(out, "nothing measured");
	str_printf(out, " after %d</li>\n", best->n);
}

/* The number of the first run after "at" of another strategy. */
static int next_strategy(const struct report_problem *p, int at)
{
	int k = at;

	while (k < p->n_runs && !strcmp(p->runs[k].strategy,
	       p->runs[at].strategy))
		k++;
	return k;
}

static void put_legend(const struct report_problem *p, struct str *out)
{
	int series = 0;

	str_puts(out, "<ul class=\"legend\">\n");
	for (int k = 0, next; k < p->n_runs; k = next) {
		next = next_strategy(p, k);
		put_strategy(p, k, next, series++, out);
	}
	str_puts(out, "</ul>\n");
	if (p->n_runs > SHOWN)
		str_printf(out, "<p class=\"note\">%d runs are not drawn.</p>\n",
			p->n_runs - SHOWN);
}

static void put_runs(const struct report_problem *p, const struct axis *x,
	const struct axis *y, struct str *out)
{
	int series = 0;

	for (int k = 0, next; k < p->n_runs; k = next, series++) {
		next = next_strategy(p, k);
		for (int i = k; i < next && i < SHOWN; i++)
			if (isfinite(p->runs[i].best))
				put_run(out, &p->runs[i], series, x, y);
	}
}

static void put_nothing(const struct report_problem *p, struct str *out)
{
	str_printf(out, "<p class=\"none\">No candidate of %d was measured, so "
		"there is no curve. What became of them stands under "
		"<a href=\"#verdicts\">Verdicts</a>.</p>\n", p->n);
}

void report_curve(const struct report *r, const struct report_problem *p,
	struct str *out)
{
	const char *id = arena_printf(r->a, "c%d", p->number);
	struct axis x, y;
	double first;
	int last;

	if (!p->best) {
		put_nothing(p, out);
		return;
	}
	spans(p, &first, &last);
	x = (struct axis){ 1, last > 5 ? last : 5, LEFT, RIGHT, true };
	y = axis_log(p->best->record.seconds, first, BOTTOM, TOP, true);
	str_puts(out, "<figure>\n");
	svg_open(out, W, H, id, arena_printf(r->a, "Tuning curve of %s",
		report_name(r->a, p)), arena_printf(r->a, "Best time so far, "
		"by candidate, of %d runs; the least is in the table of best "
		"points.", p->n_runs));
	svg_axis_x(out, &x, &y, "candidates tried", format_plain);
	svg_axis_y(out, &x, &y, "best time so far", format_seconds);
	put_runs(p, &x, &y, out);
	svg_close(out);
	str_puts(out, "<figcaption>Best time so far by candidate, both axes "
		"logarithmic.</figcaption>\n");
	put_legend(p, out);
	str_puts(out, "</figure>\n");
}
