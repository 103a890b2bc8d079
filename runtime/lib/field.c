/* SPDX-License-Identifier: MIT */
/* Fields of JSON objects, with errors that say where. */
#include "runtime/lib/field.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- failures ---- */

static bool fails(struct reading *r, enum wpk_status status, const char *fmt,
	va_list ap)
{
	char text[300];

	if (r->status)
		return false;
	vsnprintf(text, sizeof text, fmt, ap);
	r->status = fail(r->e, status, "%s%s%s", r->where, *r->where ? ": " :
		"", text);
	return false;
}

bool field_fails(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fails(r, WPK_E_PLAN, fmt, ap);
	va_end(ap);
	return false;
}

bool field_fails_as(struct reading *r, enum wpk_status status, const char *fmt,
	...)
{
	va_list ap;

	va_start(ap, fmt);
	fails(r, status, fmt, ap);
	va_end(ap);
	return false;
}

bool field_no_memory(struct reading *r)
{
	return field_fails_as(r, WPK_E_MEMORY, "no memory for a plan");
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

/* The member is not of its kind, which is "kind", or there is none. */
static void differs(struct reading *r, const json_t *v, const char *key,
	const char *kind)
{
	field_fails(r, "\"%s\" is %s%s", key, v ? "no " : "missing", v ? kind :
		"");
}

/* ---- objects and arrays ---- */

const json_t *field_member(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_null(v) ? NULL : v;
}

const json_t *field_object(struct reading *r, const json_t *object,
	const char *key, bool may)
{
	const json_t *v = field_member(object, key);

	if (!json_is_object(v) && (v || !may))
		differs(r, v, key, "object");
	return r->status || !json_is_object(v) ? NULL : v;
}

const json_t *field_array(struct reading *r, const json_t *object,
	const char *key, int most, int *n)
{
	const json_t *v = field_member(object, key);
	size_t found = json_array_size(v);

	if (!json_is_array(v))
		differs(r, v, key, "array");
	else if (found > (size_t)most)
		field_fails(r, "\"%s\" has %zu elements, more than %d", key,
			found, most);
	*n = r->status ? 0 : (int)found;
	return r->status ? NULL : v;
}

/* ---- numbers ---- */

static int64_t int_of(struct reading *r, const json_t *v, const char *key,
	int64_t least, int64_t most)
{
	int64_t n = json_integer_value(v);

	if (!json_is_integer(v))
		differs(r, v, key, "integer");
	else if (n < least || n > most)
		field_fails(r, "\"%s\" is %lld, not %lld to %lld", key,
			(long long)n, (long long)least, (long long)most);
	return r->status ? least : n;
}

int64_t field_int(struct reading *r, const json_t *object, const char *key,
	int64_t least, int64_t most)
{
	return int_of(r, field_member(object, key), key, least, most);
}

int64_t field_int_or(struct reading *r, const json_t *object, const char *key,
	int64_t least, int64_t most, int64_t otherwise)
{
	return field_member(object, key) ? field_int(r, object, key, least,
		most) : otherwise;
}

int field_ints(struct reading *r, const json_t *object, const char *key, int n,
	int room, int64_t least, int64_t most, int64_t *to)
{
	const json_t *v = field_member(object, key);
	size_t found = json_array_size(v);

	if (!json_is_array(v))
		differs(r, v, key, "array");
	else if (n && found != (size_t)n)
		field_fails(r, "\"%s\" has %zu numbers, not %d", key, found, n);
	else if (!found || found > (size_t)room)
		field_fails(r, "\"%s\" has %zu numbers, not 1 to %d", key,
			found, room);
	for (size_t i = 0; !r->status && i < found; i++)
		to[i] = int_of(r, json_array_get(v, i), key, least, most);
	return r->status ? 0 : (int)found;
}

double field_real_or(struct reading *r, const json_t *object, const char *key,
	double otherwise)
{
	const json_t *v = field_member(object, key);

	if (v && (!json_is_number(v) || !isfinite(json_number_value(v))))
		differs(r, v, key, "number");
	return v ? json_number_value(v) : otherwise;
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
		return field_fails(r, "\"%s\" is neither a number nor an "
			"expression", what);
	why = number_parse(r->pool, json_string_value(v), &r->names, out);
	return !why || field_fails(r, "\"%s\" %s: %.100s", what, why,
		json_string_value(v));
}

/* ---- words ---- */

bool field_flag(struct reading *r, const json_t *object, const char *key)
{
	const json_t *v = field_member(object, key);

	if (v && !json_is_boolean(v))
		field_fails(r, "\"%s\" is neither true nor false", key);
	return json_is_true(v);
}

const char *field_text(struct reading *r, const json_t *object, const char *key)
{
	const json_t *v = field_member(object, key);
	const char *text = NULL;

	if (!json_is_string(v) || json_string_length(v) !=
	    strlen(json_string_value(v)))
		differs(r, v, key, "text");
	else if (!r->status && !(text = pool_text(r->pool,
	    json_string_value(v))))
		field_no_memory(r);
	return text ? text : "";
}

const char *field_text_or_null(struct reading *r, const json_t *object,
	const char *key)
{
	return field_member(object, key) ? field_text(r, object, key) : NULL;
}

int field_word(struct reading *r, const json_t *object, const char *key,
	const char *otherwise, const struct field_word *words)
{
	const json_t *v = field_member(object, key);
	const char *word = v ? json_string_value(v) : otherwise;

	for (const struct field_word *w = words; word && w->name; w++)
		if (!strcmp(w->name, word))
			return w->value;
	if (v && word)
		field_fails(r, "\"%s\" knows no '%.40s'", key, word);
	else
		differs(r, v, key, "text");
	return words->value;
}
