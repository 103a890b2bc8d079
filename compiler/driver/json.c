/* SPDX-License-Identifier: MIT */
/* Texts as JSON, whatever their bytes. */
#include "driver/json.h"

static const char *escaped(struct arena *a, const char *s)
{
	struct str out;

	str_init(&out, a);
	for (; *s; s++)
		if ((unsigned char)*s < 0x80)
			str_putn(&out, s, 1);
		else
			str_printf(&out, "\\x%02x", (unsigned char)*s);
	return str_text(&out);
}

json_t *json_text(struct arena *a, const char *s)
{
	json_t *v = s ? json_string(s) : json_null();

	return v ? v : json_string(escaped(a, s));
}
