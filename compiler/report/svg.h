/* SPDX-License-Identifier: MIT */
/* Pictures as text: the few shapes that a chart is made of, axes with ticks, and
 * the escaping that makes any string harmless in XML. Looks are classes, which
 * the page's style sheet knows. Coordinates are pixels, y downwards. */
#ifndef WPK_COMPILER_REPORT_SVG_H
#define WPK_COMPILER_REPORT_SVG_H

#include <stdbool.h>

#include "base/str.h"

/* "text" in XML, between tags and in quotes. What is no character of XML, and
 * what would turn the direction of the text around it, is written as \u202e or
 * \xff. */
void xml_text(struct str *out, const char *text);
/* At most "most" characters of it, the last three dots where some are missing. */
void xml_clipped(struct str *out, const char *text, int most);

/* Begins a picture of "w" by "h"; "id" is the page's for it, a word. "title" and
 * "desc" say in words what it shows. Ends with svg_close(). */
void svg_open(struct str *out, double w, double h, const char *id,
	const char *title, const char *desc);
void svg_close(struct str *out);

void svg_line(struct str *out, const char *class, double x0, double y0,
	double x1, double y1);
void svg_rect(struct str *out, const char *class, double x, double y, double w,
	double h);
/* A disc; "title" appears where the pointer rests on it. */
void svg_dot(struct str *out, const char *class, double x, double y, double r,
	const char *title);
/* "anchor" is start, middle or end. */
void svg_text(struct str *out, const char *class, const char *anchor, double x,
	double y, const char *text);

/* From "lo" at "from" to "hi" at "to". */
struct axis {
	double lo, hi, from, to;
	bool log;
};

/* A logarithmic axis over these values, both greater than 0: ended at whole
 * multiples 1, 2 or 5 of powers of ten, or if "tight" a little beyond them; and a
 * linear one from 0. */
struct axis axis_log(double lo, double hi, double from, double to, bool tight);
struct axis axis_linear(double hi, double from, double to);
double axis_at(const struct axis *a, double v);

/* Ticks with grid lines over "to" .. "from" of the other direction, and the
 * axis's label. "format" writes a tick's value. */
void svg_axis_x(struct str *out, const struct axis *x, const struct axis *y,
	const char *label, void (*format)(struct str *out, double v));
void svg_axis_y(struct str *out, const struct axis *x, const struct axis *y,
	const char *label, void (*format)(struct str *out, double v));

/* "12.3 µs"; "12.3 T"; "1000". */
void format_seconds(struct str *out, double v);
void format_large(struct str *out, double v);
void format_plain(struct str *out, double v);

#endif
