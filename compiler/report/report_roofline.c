/* SPDX-License-Identifier: MIT */
/* Rooflines: for each GPU and kind of cost the best of every problem, by the
 * operations it has to do for a byte of memory, under what the GPU's memory and its
 * f32 units or tensor cores allow (rates of schedule/target.h). In: problems whose
 * best has features. Out: a picture and a table that says the same. */
#include <math.h>
#include <string.h>

#include "search/features.h"
#include "report/report.h"
#include "search/search.h"
#include "report/svg.h"

enum { W = 480, H = 400, LEFT = 66, RIGHT = 466, TOP = 30, BOTTOM = 352 };

struct point {
	const struct report_problem *p;
	double x, y;		/* operations a byte, a second */
	double rate;		/* of tensor cores, as struct features has it */
};

struct roofline {
	const struct report *r;
	const struct record_key *key;	/* its GPU and kind of cost */
	const struct gpu *gpu;		/* or NULL: not in the table */
	struct point *v;
	int n, number;
	double rate;		/* the greatest; 0: no point uses tensor cores */
};

static bool same(const struct record_key *x, const struct record_key *y)
{
	return !strcmp(x->gpu, y->gpu) && !strcmp(x->how, y->how) &&
		x->share == y->share;
}

/* What no kernel and no GPU is far beyond. */
static bool is_drawable(double v)
{
	return v > 1e-9 && v < 1e21;
}

/* The features of the best, where they say what there is to do and bytes: older
 * records have only what was done, more or less of it. */
static bool point_of(const struct report_problem *p, struct point *out)
{
	const struct record *r = p->best ? &p->best->record : NULL;
	double work, bytes;

	if (!r || r->n_features <= FEATURE_rate)
		return false;
	work = r->features[FEATURE_work];
	bytes = r->features[FEATURE_dram_bytes];
	*out = (struct point){ p, work / bytes, work / r->seconds,
		r->features[FEATURE_rate] };
	return work > 0 && bytes > 0 && out->rate >= 0 && out->rate < 1e3 &&
		is_drawable(out->x) && is_drawable(out->y);
}

static struct roofline gather(const struct report *r,
	const struct record_key *key, int number)
{
	struct roofline l = { r, key, gpu_named(key->gpu),
		ARENA_ARRAY(r->a, (size_t)r->n, struct point), 0, number,
		0 };

	for (int i = 0; i < r->n; i++)
		if (same(r->problems[i].key, key))
			l.n += point_of(&r->problems[i], &l.v[l.n]);
	for (int i = 0; i < l.n; i++)
		l.rate = fmax(l.rate, l.v[i].rate);
	return l;
}

/* ---- the picture ---- */

static void axes(const struct roofline *l, struct axis *x, struct axis *y)
{
	double low = l->gpu ? model_peak(l->gpu, 0) : l->v[0].y;
	double high = l->gpu ? model_peak(l->gpu, l->rate) : low;
	double slope = l->gpu ? l->gpu->dram_bytes_s * l->gpu->copy :
		l->v[0].y / l->v[0].x;
	double left = low / slope / 20, right = high / slope * 20;

	for (int i = 0; i < l->n; i++) {
		left = fmin(left, l->v[i].x / 1.5);
		right = fmax(right, l->v[i].x * 1.5);
		low = fmin(low, l->v[i].y / 2);
		high = fmax(high, l->v[i].y);
	}
	*x = axis_log(left, right, LEFT, RIGHT, false);
	*y = axis_log(low, high * 1.5, BOTTOM, TOP, false);
}

/* What stands in the picture already: dots, then numbers. */
struct labels {
	struct {
		double x, y, wide, high;	/* half of each */
	} *v;
	int n;
};

static void add_box(struct labels *l, double x, double y, double wide,
	double high)
{
	l->v[l->n].x = x;
	l->v[l->n].y = y;
	l->v[l->n].wide = wide;
	l->v[l->n++].high = high;
}

/* From where the slope enters the picture to the ridge, and on. */
static void put_peak(const struct gpu *g, double rate, const struct axis *x,
	const struct axis *y, struct str *out)
{
	double slope = g->dram_bytes_s * g->copy, peak = model_peak(g, rate);
	double from = fmax(x->lo, y->lo / slope);

	str_printf(out, "<path class=\"roof\" d=\"M%.1f %.1fL%.1f %.1fH%.1f\"/>"
		"\n", axis_at(x, from), axis_at(y, from * slope),
		axis_at(x, peak / slope), axis_at(y, peak), x->to);
	svg_text(out, "rooflabel", "end", x->to - 2, axis_at(y, peak) - 6,
		rate > 0 ? "tensor cores" : "f32 units");
}

static void put_roof(const struct roofline *l, const struct axis *x,
	const struct axis *y, struct labels *labels, struct str *out)
{
	const struct gpu *g = l->gpu;
	double slope = g->dram_bytes_s * g->copy;
	double ridge = model_peak(g, l->rate) / slope;
	double at = fmax(fmax(x->lo, y->lo / slope), ridge / 3);

	put_peak(g, 0, x, y, out);
	if (l->rate > 0)
		put_peak(g, l->rate, x, y, out);
	svg_text(out, "rooflabel", "end", axis_at(x, at) - 8,
		axis_at(y, at * slope), "memory");
	add_box(labels, axis_at(x, at) - 32, axis_at(y, at * slope) - 4, 26, 6);
}

static bool is_free(const struct labels *l, double x, double y, double wide)
{
	for (int i = 0; i < l->n; i++)
		if (fabs(l->v[i].x - x) < l->v[i].wide + wide &&
		    fabs(l->v[i].y - y) < l->v[i].high + 5)
			return false;
	return x > LEFT + 8 && x < RIGHT - 8 && y > TOP + 6 && y < BOTTOM - 6;
}

/* Beside the dot at x, y, where nothing else is; or nowhere: the table has it. */
static void put_label(struct labels *l, double x, double y, const char *text,
	struct str *out)
{
	static const double at[][2] = { { 1, 0 }, { -1, 0 }, { 0, -1 }, { 0, 1 },
		{ 1, -1 }, { -1, -1 }, { 1, 1 }, { -1, 1 } };
	double wide = 3.4 * (double)strlen(text);

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		double tx = x + at[i][0] * (wide + 7);
		double ty = y + at[i][1] * 12;

		if (!is_free(l, tx, ty, wide))
			continue;
		add_box(l, tx, ty, wide, 5);
		svg_text(out, "number", "middle", tx, ty + 4, text);
		return;
	}
}

static void put_points(const struct roofline *l, const struct axis *x,
	const struct axis *y, struct labels *labels, struct str *out)
{
	struct arena *a = l->r->a;
	const char *class = strcmp(l->key->how, "gpu") ? "dot hollow" : "dot";

	for (int i = 0; i < l->n; i++)
		add_box(labels, axis_at(x, l->v[i].x), axis_at(y, l->v[i].y),
			5, 5);
	for (int i = 0; i < l->n; i++)
		svg_dot(out, class, axis_at(x, l->v[i].x), axis_at(y, l->v[i].y),
			4.5, arena_printf(a, "%d: %s", l->v[i].p->number,
				report_name(a, l->v[i].p)));
	for (int i = 0; i < l->n; i++)
		put_label(labels, axis_at(x, l->v[i].x), axis_at(y, l->v[i].y),
			arena_printf(a, "%d", l->v[i].p->number), out);
}

static void put_picture(const struct roofline *l, struct str *out)
{
	struct arena *a = l->r->a;
	struct labels labels = {
		.v = arena_array(a, 2 * (size_t)l->n + 1, sizeof *labels.v) };
	struct axis x, y;

	axes(l, &x, &y);
	svg_open(out, W, H, arena_printf(a, "r%d", l->number),
		arena_printf(a, "Roofline of %s", l->key->gpu),
		arena_printf(a, "Operations a second over operations a byte of "
		"%d kernels, on logarithmic axes, under what the GPU allows; "
		"the table that follows has the numbers.", l->n));
	svg_axis_x(out, &x, &y, "operations a byte of memory (flop/B)",
		format_plain);
	svg_axis_y(out, &x, &y, "operations a second (flop/s)", format_large);
	if (l->gpu)
		put_roof(l, &x, &y, &labels, out);
	put_points(l, &x, &y, &labels, out);
	svg_close(out);
}

/* ---- the table ---- */

static void put_row(const struct roofline *l, const struct point *p,
	struct str *out)
{
	str_printf(out, "<tr><td class=\"num\">%d</td><td><a href=\"#p%d\">",
		p->p->number, p->p->number);
	xml_text(out, report_name(l->r->a, p->p));
	str_printf(out, "</a></td><td class=\"num\">%.3g</td><td class=\"num\">",
		p->x);
	format_large(out, p->y);
	str_puts(out, "flop/s</td><td class=\"num\">");
	if (l->gpu)
		str_printf(out, "%.0f %%", 100 * p->y /
			model_roof(l->gpu, p->rate, p->x));
	else
		str_puts(out, "\xe2\x80\x93");
	str_puts(out, "</td></tr>\n");
}

static void put_table(const struct roofline *l, struct str *out)
{
	str_puts(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		"aria-label=\"numbers of the roofline\"><table>\n<thead><tr>"
		"<th scope=\"col\" class=\"num\">No.</th><th scope=\"col\">"
		"Kernel</th><th scope=\"col\" class=\"num\">flop/B</th>"
		"<th scope=\"col\" class=\"num\">Rate</th><th scope=\"col\" "
		"class=\"num\">Of the roof</th></tr></thead>\n<tbody>\n");
	for (int i = 0; i < l->n; i++)
		put_row(l, &l->v[i], out);
	str_puts(out, "</tbody></table></div>\n");
}

static void put_caption(const struct roofline *l, struct str *out)
{
	str_puts(out, "<figcaption>Each dot is the best point of one kernel, ");
	xml_text(out, report_how(l->key));
	if (l->key->share && l->key->share != 100)
		str_printf(out, ", on %d %% of the GPU", l->key->share);
	if (l->gpu)
		str_printf(out, "; the roof is %.3g TB/s, %.0f %% of the data "
			"sheet\xe2\x80\x99s memory rate, and %.3g Tflop/s, "
			"the f32 peak", l->gpu->dram_bytes_s * l->gpu->copy /
			1e12, 100 * l->gpu->copy, model_peak(l->gpu, 0) /
			1e12);
	else
		str_puts(out, "; this version knows no rates of this GPU, so "
			"there is no roof");
	if (l->gpu && l->rate > 0)
		str_printf(out, ", or %.3g Tflop/s, that of tensor cores in "
			"the fastest type that is multiplied here: the table "
			"has each under the roof of its own",
			model_peak(l->gpu, l->rate) / 1e12);
	str_puts(out, ". Numbers are the table\xe2\x80\x99s.</figcaption>\n");
}

static void put_roofline(const struct roofline *l, struct str *out)
{
	str_puts(out, "<h3>");
	xml_text(out, *l->key->gpu ? l->key->gpu : "unnamed GPU");
	str_puts(out, ", ");
	xml_text(out, report_how_word(l->key));
	str_puts(out, "</h3>\n<div class=\"pair\">\n<figure>\n");
	put_picture(l, out);
	put_caption(l, out);
	str_puts(out, "</figure>\n");
	put_table(l, out);
	str_puts(out, "</div>\n");
}

static bool is_first(const struct report *r, int at)
{
	for (int i = 0; i < at; i++)
		if (same(r->problems[i].key, r->problems[at].key))
			return false;
	return true;
}

void report_rooflines(const struct report *r, struct str *out)
{
	int drawn = 0;

	str_puts(out, "<section id=\"rooflines\">\n<h2>Rooflines</h2>\n");
	for (int i = 0; i < r->n; i++) {
		struct roofline l;

		if (!is_first(r, i))
			continue;
		l = gather(r, r->problems[i].key, drawn + 1);
		if (!l.n)
			continue;
		put_roofline(&l, out);
		drawn++;
	}
	if (!drawn)
		str_puts(out, "<p class=\"none\">No best point has features on "
			"record, from which operations and bytes would be "
			"known.</p>\n");
	str_puts(out, "</section>\n");
}
