/* SPDX-License-Identifier: MIT */
/* Fields of JSON objects, with errors that say where. */
#include "runtime/lib/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool field_fails(struct reading *r, enum wpk_status status, const char *fmt,
	...)
{
	char text[260];
	va_list ap;

	if (r->status)
		return false;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->status = fail(r->e, status, "%s%s%s", r->where, *r->where ? ": " :
		"", text);
	return false;
}

bool field_no_memory(struct reading *r)
{
	return field_fails(r, WPK_E_MEMORY, "no memory for a plan");
}

size_t field_enter(struct reading *r, const char *key, int i)
{
	size_t was = strlen(r->where), room = sizeof r->where - was;
	const char *dot = was ? "." : "";

	if (i < 0)
		snprintf(r->where + was, room, "%s%s", dot, key);
	else
		snprintf(r->where + was, room, "%s%s[%d]", dot, key, i);
	return was;
}

void field_leave(struct reading *r, size_t was)
{
	r->where[was] = 0;
}

bool field_int_or(struct reading *r, const json_t *object, const char *key,
	int64_t lo, int64_t hi, int64_t otherwise, int64_t *out)
{
	const json_t *v = json_object_get(object, key);

	*out = otherwise;
	if (r->status)
		return false;
	return !v || field_int(r, object, key, lo, hi, out);
}

bool field_int(struct reading *r, const json_t *object, const char *key,
	int64_t lo, int64_t hi, int64_t *out)
{
	const json_t *v = json_object_get(object, key);

	*out = lo;
	if (!json_is_integer(v))
		return field_fails(r, WPK_E_PLAN, "\"%s\" is no integer", key);
	if (json_integer_value(v) < lo || json_integer_value(v) > hi)
		return field_fails(r, WPK_E_PLAN, "\"%s\" is %lld, not %lld to "
			"%lld", key, (long long)json_integer_value(v),
			(long long)lo, (long long)hi);
	*out = json_integer_value(v);
	return !r->status;
}

bool field_text_or_null(struct reading *r, const json_t *object,
	const char *key, const char **out)
{
	const json_t *v = json_object_get(object, key);

	*out = NULL;
	if (!v || json_is_null(v))
		return !r->status;
	return field_text(r, object, key, out);
}

bool field_text(struct reading *r, const json_t *object, const char *key,
	const char **out)
{
	const json_t *v = json_object_get(object, key);

	*out = "";
	if (!json_is_string(v) || json_string_length(v) !=
	    strlen(json_string_value(v)))
		return field_fails(r, WPK_E_PLAN, "\"%s\" is no text", key);
	*out = pool_text(r->pool, json_string_value(v));
	if (!*out)
		return field_no_memory(r);
	return !r->status;
}

const json_t *field_array(struct reading *r, const json_t *object,
	const char *key, int most, int *n)
{
	const json_t *v = json_object_get(object, key);

	*n = 0;
	if (!json_is_array(v)) {
		field_fails(r, WPK_E_PLAN, "\"%s\" is no array", key);
		return NULL;
	}
	if (json_array_size(v) > (size_t)most) {
		field_fails(r, WPK_E_PLAN, "\"%s\" has %zu elements, more than "
			"%d", key, json_array_size(v), most);
		return NULL;
	}
	*n = (int)json_array_size(v);
	return r->status ? NULL : v;
}

bool field_number(struct reading *r, const json_t *v, const char *what,
	struct number *out)
{
	const char *why;

	*out = (struct number){ 0 };
	if (r->status)
		return false;
	if (json_is_integer(v)) {
		out->value = json_integer_value(v);
		return true;
	}
	if (!json_is_string(v))
		return field_fails(r, WPK_E_PLAN, "\"%s\" is neither a number "
			"nor an expression", what);
	why = number_parse(r->pool, json_string_value(v), &r->names, out);
	return !why || field_fails(r, WPK_E_PLAN, "\"%s\" %s: %.100s", what,
		why, json_string_value(v));
}
