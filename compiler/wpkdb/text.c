/* SPDX-License-Identifier: MIT */
/* Texts of a database, which anybody may have written, made harmless for
 * terminals; and times for people. */
#include <math.h>
#include <string.h>

#include "wpkdb/wpkdb.h"

const char *text_plain(struct arena *a, const char *text)
{
	struct str out;

	str_init(&out, a);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text, next =
			(unsigned char)text[1];

		if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			str_printf(&out, "\\x%02x", next);
			text++;
		} else if (c < 0x20 || c == 0x7f) {
			str_printf(&out, "\\x%02x", c);
		} else {
			str_putc(&out, *text);
		}
	}
	return str_text(&out);
}

const char *text_time(struct arena *a, double seconds)
{
	static const struct { const char *name; double seconds; } units[] = {
		{ "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "ns", 1e-9 }
	};
	int i = 0;

	if (!isfinite(seconds) || seconds <= 0)
		return "-";
	while (i < 3 && seconds < units[i].seconds)
		i++;
	return arena_printf(a, "%.4g %s", seconds / units[i].seconds,
		units[i].name);
}
