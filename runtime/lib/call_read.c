/* SPDX-License-Identifier: MIT */
/* The JSON of library calls, read with care: it may be anybody's. The first thing
 * that is wrong is said, with where it stands. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lib/call.h"

void read_fails(struct call_reader *r, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (r->status)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->status = fail(r->e, WPK_E_PLAN, "%s: %s", r->what, text);
}

/* The member, or NULL: null counts as missing. */
static const json_t *member(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_null(v) ? NULL : v;
}

const json_t *read_object(struct call_reader *r, const json_t *o,
	const char *key, bool may)
{
	const json_t *v = member(o, key);

	if (json_is_object(v))
		return v;
	if (v || !may)
		read_fails(r, "%s is %s", key, v ? "no object" : "missing");
	return NULL;
}

static int64_t number_of(struct call_reader *r, const json_t *v,
	const char *key, int64_t least, int64_t most)
{
	int64_t n = json_integer_value(v);

	if (!json_is_integer(v))
		read_fails(r, "%s is %s", key, v ? "no whole number" :
			"missing");
	else if (n < least || n > most)
		read_fails(r, "%s is %lld, and not from %lld to %lld", key,
			(long long)n, (long long)least, (long long)most);
	return r->status ? least : n;
}

int64_t read_number(struct call_reader *r, const json_t *o, const char *key,
	int64_t least, int64_t most)
{
	return number_of(r, member(o, key), key, least, most);
}

int64_t read_number_or(struct call_reader *r, const json_t *o, const char *key,
	int64_t least, int64_t most, int64_t otherwise)
{
	return member(o, key) ? read_number(r, o, key, least, most) : otherwise;
}

bool read_flag(struct call_reader *r, const json_t *o, const char *key)
{
	const json_t *v = member(o, key);

	if (v && !json_is_boolean(v))
		read_fails(r, "%s is neither true nor false", key);
	return json_is_true(v);
}

double read_real_or(struct call_reader *r, const json_t *o, const char *key,
	double otherwise)
{
	const json_t *v = member(o, key);

	if (v && (!json_is_number(v) || !isfinite(json_number_value(v))))
		read_fails(r, "%s is no number", key);
	return v ? json_number_value(v) : otherwise;
}

int read_numbers(struct call_reader *r, const json_t *o, const char *key,
	int n, int room, int64_t least, int64_t most, int64_t *to)
{
	const json_t *v = member(o, key);
	size_t found = json_array_size(v);

	if (!json_is_array(v))
		read_fails(r, "%s is %s", key, v ? "no array" : "missing");
	else if (n && found != (size_t)n)
		read_fails(r, "%s has %zu numbers, and not %d", key, found, n);
	else if (!found || found > (size_t)room)
		read_fails(r, "%s has %zu numbers, and not 1 to %d", key, found,
			room);
	for (size_t i = 0; !r->status && i < found; i++)
		to[i] = number_of(r, json_array_get(v, i), key, least, most);
	return r->status ? 0 : (int)found;
}

int read_word(struct call_reader *r, const json_t *o, const char *key,
	const char *otherwise, const struct call_word *words)
{
	const json_t *v = member(o, key);
	const char *word = v ? json_string_value(v) : otherwise;

	for (const struct call_word *w = words; word && w->name; w++)
		if (!strcmp(w->name, word))
			return w->value;
	if (!v)
		read_fails(r, "%s is missing", key);
	else
		read_fails(r, "%s '%s' is not known", key, word ? word : "");
	return words->value;
}

static const struct call_type types[] = {
	{ "f16", 2, WPK_LT_16F, WPK_DNN_HALF },
	{ "bf16", 2, WPK_LT_16BF, WPK_DNN_BFLOAT16 },
	{ "f32", 4, WPK_LT_32F, WPK_DNN_FLOAT },
	{ "f64", 8, WPK_LT_64F, WPK_DNN_DOUBLE },
	{ "i8", 1, WPK_LT_8I, WPK_DNN_INT8 },
	{ "u8", 1, WPK_LT_8U, WPK_DNN_UINT8 },
	{ "i32", 4, WPK_LT_32I, WPK_DNN_INT32 },
	{ "e4m3", 1, WPK_LT_E4M3, WPK_DNN_E4M3 },
	{ "e5m2", 1, WPK_LT_E5M2, WPK_DNN_E5M2 },
};

const struct call_type *read_type(struct call_reader *r, const json_t *o,
	const char *key)
{
	const char *name = json_string_value(member(o, key));

	for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	read_fails(r, "%s '%s' is no type of the libraries", key,
		name ? name : "");
	return NULL;
}

/* Kinds by what a place has. */
static const char *const kinds[] = { [PLACE_TENSOR] = "tensor",
	[PLACE_WORKSPACE] = "workspace", [PLACE_PREPARED] = "prepared" };

int read_place(struct call_reader *r, const json_t *o, bool written,
	unsigned align, size_t bytes)
{
	const json_t *p = read_object(r, o, "place", false);
	struct library_call *call = r->call;
	int kind = 0;

	assert(call->n_places < CALL_PLACES);
	while (kind <= PLACE_PREPARED && !member(p, kinds[kind]))
		kind++;
	if (kind > PLACE_PREPARED)
		read_fails(r, "the place is no tensor, workspace or prepared");
	if (r->status)
		return 0;
	if (kind == PLACE_PREPARED && written)
		read_fails(r, "what is prepared is not written");
	call->places[call->n_places] = (struct place){ kind,
		read_number(r, p, kinds[kind], 0, kind == PLACE_TENSOR ? 9999 :
			INT64_MAX / 2), bytes, align, written };
	return call->n_places++;
}

bool call_sum(int64_t a, int64_t b, int64_t c, int64_t *v)
{
	return !__builtin_mul_overflow(a, b, v) &&
		!__builtin_add_overflow(*v, c, v);
}
