/* SPDX-License-Identifier: MIT */
/* The report's tables: every problem in a line, what became of candidates with
 * the first message of each kind, and the best points with what to type. In: a
 * report. Out: tables, and nothing that only a picture says. */
#include <math.h>
#include <string.h>

#include "report/report.h"
#include "report/svg.h"

/* Heads of numbers begin with #. */
static void open_table(struct str *out, const char *name,
	const char *const *heads)
{
	str_printf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		"aria-label=\"%s\"><table>\n<thead><tr>", name);
	for (; *heads; heads++)
		str_printf(out, "<th scope=\"col\"%s>%s</th>", **heads == '#' ?
			" class=\"num\"" : "", *heads + (**heads == '#'));
	str_puts(out, "</tr></thead>\n<tbody>\n");
}

static void close_table(struct str *out)
{
	str_puts(out, "</tbody></table></div>\n");
}

static void cell(struct str *out, const char *text)
{
	str_puts(out, "<td>");
	xml_text(out, *text ? text : "\xe2\x80\x93");
	str_puts(out, "</td>");
}

static void time_cell(struct str *out, double seconds)
{
	str_puts(out, "<td class=\"num\">");
	format_seconds(out, seconds);
	str_puts(out, "</td>");
}

static void count_cell(struct str *out, int n)
{
	str_printf(out, "<td class=\"num%s\">%d</td>", n ? "" : " zero", n);
}

static void no_number(struct str *out)
{
	str_puts(out, "<td class=\"num\">\xe2\x80\x93</td>");
}

static void ratio_cell(struct str *out, double ratio)
{
	if (isfinite(ratio))
		str_printf(out, "<td class=\"num\">%.2f</td>", ratio);
	else
		no_number(out);
}

static void name_cell(const struct report *r, const struct report_problem *p,
	struct str *out)
{
	str_printf(out, "<td class=\"num\">%d</td><td class=\"nm\"><a "
		"href=\"#p%d\">", p->number, p->number);
	xml_text(out, report_name(r->a, p));
	str_puts(out, "</a></td>");
}

/* What was measured over what the model said of it; a prediction is its own. */
static double to_model(const struct report_problem *p)
{
	return p->best && strcmp(p->key->how, "model") &&
		p->best->record.predicted > 0 ? p->best->record.seconds /
		p->best->record.predicted : INFINITY;
}

/* ---- all problems ---- */

static void summary_row(const struct report *r, const struct report_problem *p,
	struct str *out)
{
	str_puts(out, "<tr>");
	name_cell(r, p, out);
	time_cell(out, p->best ? p->best->record.seconds : INFINITY);
	cell(out, p->best ? p->best->record.key.sketch : "");
	ratio_cell(out, to_model(p));
	count_cell(out, p->n);
	count_cell(out, p->n - p->counts[V_MEASURED]);
	cell(out, p->key->gpu);
	cell(out, report_how_word(p->key));
	str_puts(out, "<td class=\"sizes\">");
	xml_text(out, *p->key->shape ? p->key->shape : "\xe2\x80\x93");
	str_puts(out, "</td></tr>\n");
}

void report_summary(const struct report *r, struct str *out)
{
	static const char *const heads[] = { "#No.", "Kernel", "#Best", "By",
		"#\xc3\x97 model", "#Candidates", "#Without a time", "GPU",
		"Times are", "Sizes", NULL };

	str_puts(out, "<section id=\"summary\">\n<h2>Summary</h2>\n");
	open_table(out, "all kernels", heads);
	for (int i = 0; i < r->n; i++)
		summary_row(r, &r->problems[i], out);
	close_table(out);
	str_puts(out, "<p class=\"note\">\xe2\x80\x9c\xc3\x97 model\xe2\x80\x9d "
		"is the best time over the model\xe2\x80\x99s prediction for "
		"that point, where both are on record.</p>\n</section>\n");
}

/* ---- verdicts ---- */

static int total(const struct report *r, int verdict)
{
	int n = 0;

	for (int i = 0; i < r->n; i++)
		n += r->problems[i].counts[verdict];
	return n;
}

/* The first in the order of the input, that says something. */
static const struct record_line *first_message(const struct report *r,
	int verdict)
{
	for (int i = 0; i < r->all->lines.n; i++) {
		const struct record_line *l = &r->all->lines.v[i];

		if ((int)l->record.verdict == verdict && l->record.message)
			return l;
	}
	return NULL;
}

static void message_cells(const struct report *r, int verdict, struct str *out)
{
	const struct record_line *l = first_message(r, verdict);

	str_puts(out, "<td class=\"msg\">");
	xml_text(out, l ? l->record.message : "\xe2\x80\x93");
	str_puts(out, "</td><td>");
	if (l) {
		xml_text(out, l->record.key.op);
		if (l->candidate)
			str_printf(out, ", candidate %d", l->candidate);
	}
	str_puts(out, "</td>");
}

static void put_kinds(const struct report *r, struct str *out)
{
	static const char *const heads[] = { "Verdict", "#Candidates", "#Share",
		"First message", "Of", NULL };

	open_table(out, "verdicts", heads);
	for (int v = N_VERDICTS - 1; v >= 0; v--) {
		int n = total(r, v);

		if (!n)
			continue;
		str_puts(out, "<tr>");
		cell(out, verdict_name((enum verdict)v));
		count_cell(out, n);
		str_printf(out, "<td class=\"num\">%.1f %%</td>", 100.0 * n /
			r->all->lines.n);
		message_cells(r, v, out);
		str_puts(out, "</tr>\n");
	}
	close_table(out);
}

/* Columns for what happened at all. */
static void put_by_problem(const struct report *r, struct str *out)
{
	const char *heads[N_VERDICTS + 3] = { "#No.", "Kernel" };
	int n = 2;

	for (int v = N_VERDICTS - 1; v >= 0; v--)
		if (total(r, v))
			heads[n++] = arena_printf(r->a, "#%s",
				verdict_name((enum verdict)v));
	open_table(out, "verdicts by kernel", heads);
	for (int i = 0; i < r->n; i++) {
		str_puts(out, "<tr>");
		name_cell(r, &r->problems[i], out);
		for (int v = N_VERDICTS - 1; v >= 0; v--)
			if (total(r, v))
				count_cell(out, r->problems[i].counts[v]);
		str_puts(out, "</tr>\n");
	}
	close_table(out);
}

void report_verdicts(const struct report *r, struct str *out)
{
	str_puts(out, "<section id=\"verdicts\">\n<h2>Verdicts</h2>\n");
	put_kinds(r, out);
	str_puts(out, "<p class=\"note\">\xe2\x80\x9cmeasured\xe2\x80\x9d "
		"here is every candidate that has a time, of whatever kind."
		"</p>\n<h3>By kernel</h3>\n");
	put_by_problem(r, out);
	str_puts(out, "</section>\n");
}

/* ---- best points ---- */

static void put_command(const struct report *r, const struct record_line *l,
	struct str *out)
{
	const char *command = report_command(r->a, l);

	if (!*command)
		return;
	str_puts(out, "<pre><code>");
	xml_text(out, command);
	str_puts(out, "</code></pre>");
}

static void point_row(const struct report *r, const struct report_problem *p,
	struct str *out)
{
	const struct record *b = &p->best->record;

	str_puts(out, "<tr class=\"first\">");
	name_cell(r, p, out);
	time_cell(out, b->seconds);
	cell(out, report_how_word(p->key));
	if (b->spread > 0)
		str_printf(out, "<td class=\"num\">%.1f %%</td>",
			100 * b->spread);
	else
		no_number(out);
	time_cell(out, b->predicted > 0 ? b->predicted : INFINITY);
	if (b->registers)
		count_cell(out, b->registers);
	else
		no_number(out);
	cell(out, b->date);
	str_puts(out, "</tr>\n<tr class=\"more\"><td></td><td colspan=\"7\">"
		"<div>");
	xml_text(out, report_point(r->a, p->best));
	put_command(r, p->best, out);
	str_puts(out, "</div></td></tr>\n");
}

void report_points(const struct report *r, struct str *out)
{
	static const char *const heads[] = { "#No.", "Kernel", "#Time", "It is",
		"#Spread", "#Model", "#Registers", "Date", NULL };
	int n = 0;

	str_puts(out, "<section id=\"points\">\n<h2>Best points</h2>\n");
	for (int i = 0; i < r->n; i++)
		n += r->problems[i].best != NULL;
	if (!n) {
		str_puts(out, "<p class=\"none\">Nothing was measured.</p>\n"
			"</section>\n");
		return;
	}
	open_table(out, "best points", heads);
	for (int i = 0; i < r->n; i++)
		if (r->problems[i].best)
			point_row(r, &r->problems[i], out);
	close_table(out);
	str_puts(out, "<p class=\"note\">Spread is the inter-quartile range over "
		"the median. The command makes wpkc compute it just so."
		"</p>\n</section>\n");
}
