/* SPDX-License-Identifier: MIT */
/* Charts. In: numbers and any strings. Out: well-formed XML, the same for the
 * same input. */
#include "report/svg.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- escaping ---- */

/* Length of the character of UTF-8 at "p", with its code; 0 if there is none. */
static int decode(const unsigned char *p, uint32_t *code)
{
	int n = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 :
		(*p & 0xf0) == 0xe0 ? 3 : (*p & 0xf8) == 0xf0 ? 4 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	*code = n == 1 ? *p : n ? *p & (0xffu >> (n + 1)) : 0;
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	return n && *code >= least[n] && *code <= 0x10ffff &&
		(*code < 0xd800 || *code > 0xdfff) ? n : 0;
}

/* Characters that XML has not, or that turn text around (Unicode's embeddings,
 * overrides and isolates, and the marks). */
static bool is_unsafe(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ||
		(c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
		(c & 0xfffe) == 0xfffe;
}

static const char *entity(uint32_t c)
{
	static const struct {
		char c;
		const char *text;
	} rows[] = { { '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" },
		{ '"', "&quot;" }, { '\'', "&#39;" } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((uint32_t)rows[i].c == c)
			return rows[i].text;
	return NULL;
}

/* One character; returns how many bytes it had. */
static int put_character(struct str *out, const char *p)
{
	uint32_t c;
	int n = decode((const unsigned char *)p, &c);

	if (!n)
		str_printf(out, "\\x%02x", (unsigned char)*p);
	else if (is_unsafe(c))
		str_printf(out, "\\u%04x", (unsigned)c);
	else if (entity(c))
		str_puts(out, entity(c));
	else
		str_putn(out, p, (size_t)n);
	return n ? n : 1;
}

void xml_text(struct str *out, const char *text)
{
	while (*text)
		text += put_character(out, text);
}

static int count(const char *text)
{
	struct str none;
	struct arena *a = arena_create();
	int n = 0;

	str_init(&none, a);
	for (; *text; n++)
		text += put_character(&none, text);
	arena_destroy(a);
	return n;
}

void xml_clipped(struct str *out, const char *text, int most)
{
	int n = count(text), keep = n > most ? most - 1 : n;

	for (int i = 0; i < keep; i++)
		text += put_character(out, text);
	if (keep < n)
		str_puts(out, "\xe2\x80\xa6");
}

/* ---- shapes ---- */

void svg_open(struct str *out, double w, double h, const char *id,
	const char *title, const char *desc)
{
	str_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\""
		"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n"
		"<title id=\"%s-t\">", w, h, id, id, id);
	xml_text(out, title);
	str_printf(out, "</title>\n<desc id=\"%s-d\">", id);
	xml_text(out, desc);
	str_puts(out, "</desc>\n");
}

void svg_close(struct str *out)
{
	str_puts(out, "</svg>\n");
}

void svg_line(struct str *out, const char *class, double x0, double y0,
	double x1, double y1)
{
	str_printf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" "
		"x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x0, y0, x1, y1);
}

void svg_rect(struct str *out, const char *class, double x, double y, double w,
	double h)
{
	str_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" "
		"width=\"%.1f\" height=\"%.1f\"/>\n", class, x, y, w, h);
}

void svg_dot(struct str *out, const char *class, double x, double y, double r,
	const char *title)
{
	str_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" "
		"r=\"%.1f\"><title>", class, x, y, r);
	xml_text(out, title);
	str_puts(out, "</title></circle>\n");
}

void svg_text(struct str *out, const char *class, const char *anchor, double x,
	double y, const char *text)
{
	str_printf(out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" "
		"y=\"%.1f\">", class, anchor, x, y);
	xml_text(out, text);
	str_puts(out, "</text>\n");
}

/* ---- axes ---- */

/* The step 1, 2, 5 of a decade at or beyond "v" on the side of "up". */
static double nice(double v, bool up)
{
	static const double steps[] = { 1, 2, 5, 10 };
	double decade = pow(10, floor(log10(v))), m = v / decade;
	int i = 0;

	while (i < 3 && steps[i + 1] <= m * (1 + 1e-9))
		i++;
	if (up && i < 3 && steps[i] < m * (1 - 1e-9))
		i++;
	return steps[i] * decade;
}

struct axis axis_log(double lo, double hi, double from, double to, bool tight)
{
	struct axis a = { nice(lo, false), nice(hi, true), from, to, true };

	if (tight) {
		double margin = fmax(pow(hi / lo, 0.06), 1.06);

		a.lo = lo / margin;
		a.hi = hi * margin;
	} else if (a.hi <= a.lo * 1.5) {
		a.hi = nice(a.lo * 1.6, true);
	}
	return a;
}

struct axis axis_linear(double hi, double from, double to)
{
	return (struct axis){ 0, hi > 0 ? hi : 1, from, to, false };
}

double axis_at(const struct axis *a, double v)
{
	double t = a->log ? log(v / a->lo) / log(a->hi / a->lo) :
		(v - a->lo) / (a->hi - a->lo);

	return a->from + t * (a->to - a->from);
}

enum { TICKS = 64 };

/* Multiples of a round step, some five of them. */
static int even_ticks(const struct axis *a, double *v)
{
	double step = nice((a->hi - a->lo) / 5, true);
	int n = 0;

	for (double i = ceil(a->lo / step - 1e-9); n < TICKS &&
	     i * step <= a->hi * (1 + 1e-9); i++)
		v[n++] = i * step;
	return n;
}

/* Powers of ten, with 2 and 5 between them where there are few, and not each of
 * them where there are many. */
static int log_ticks(const struct axis *a, double *v)
{
	static const int steps[] = { 1, 2, 5 };
	double decades = log10(a->hi / a->lo);
	int every = (int)ceil(decades / 7), n = 0;

	for (int e = (int)floor(log10(a->lo) + 1e-9);
	     e <= (int)ceil(log10(a->hi) - 1e-9); e++)
		for (int k = 0; k < (decades > 2.4 ? 1 : 3); k++) {
			double x = steps[k] * pow(10, e);

			if (e % every == 0 && n < TICKS &&
			    x >= a->lo * (1 - 1e-9) && x <= a->hi * (1 + 1e-9))
				v[n++] = x;
		}
	return n;
}

static int ticks_of(const struct axis *a, double *v)
{
	return a->log && a->hi > 5 * a->lo ? log_ticks(a, v) :
		even_ticks(a, v);
}

static const char *tick_text(struct arena *a,
	void (*format)(struct str *out, double v), double v)
{
	struct str s;

	str_init(&s, a);
	format(&s, v);
	return str_text(&s);
}

void svg_axis_x(struct str *out, const struct axis *x, const struct axis *y,
	const char *label, void (*format)(struct str *out, double v))
{
	double v[TICKS], last = -1e9;
	int n = ticks_of(x, v);

	for (int i = 0; i < n; i++) {
		double at = axis_at(x, v[i]);
		const char *text = tick_text(out->a, format, v[i]);
		double wide = 7.0 * (double)strlen(text) + 6;

		svg_line(out, "grid", at, y->from, at, y->to);
		if (at - last < wide)
			continue;
		last = at;
		svg_text(out, "tick", "middle", at, y->from + 16, text);
	}
	svg_line(out, "axis", x->from, y->from, x->to, y->from);
	svg_text(out, "label", "middle", (x->from + x->to) / 2, y->from + 34,
		label);
}

void svg_axis_y(struct str *out, const struct axis *x, const struct axis *y,
	const char *label, void (*format)(struct str *out, double v))
{
	double v[TICKS];
	int n = ticks_of(y, v);

	for (int i = 0; i < n; i++) {
		double at = axis_at(y, v[i]);

		svg_line(out, "grid", x->from, at, x->to, at);
		svg_text(out, "tick", "end", x->from - 6, at + 4,
			tick_text(out->a, format, v[i]));
	}
	svg_line(out, "axis", x->from, y->from, x->from, y->to);
	svg_text(out, "label", "start", 4, y->to - 10, label);
}

/* ---- numbers ---- */

struct unit {
	double from;
	const char *name;
};

static void put_in_units(struct str *out, double v, const struct unit *u)
{
	while (u->from > 0 && v < u->from * (1 - 1e-9))
		u++;
	str_printf(out, "%.3g%s", u->from > 0 ? v / u->from : v, u->name);
}

void format_seconds(struct str *out, double v)
{
	static const struct unit units[] = { { 1, " s" }, { 1e-3, " ms" },
		{ 1e-6, " \xc2\xb5s" }, { 1e-9, " ns" }, { 0, " s" } };

	if (isfinite(v))
		put_in_units(out, v, units);
	else
		str_puts(out, "\xe2\x80\x93");
}

void format_large(struct str *out, double v)
{
	static const struct unit units[] = { { 1e15, " P" }, { 1e12, " T" },
		{ 1e9, " G" }, { 1e6, " M" }, { 1e3, " k" }, { 0, "" } };

	put_in_units(out, v, units);
}

void format_plain(struct str *out, double v)
{
	str_printf(out, v < 1e6 ? "%.6g" : "%.3g", v);
}
