/* SPDX-License-Identifier: MIT */
/* Records as JSON, one object each, for exports and scripts. Keys are the
 * database's names; reading is strict, since what is misread is lost: a key
 * that this version does not know, or a value of another kind, is an error. */
#include <math.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "wpkdb/wpkdb.h"

/* Of the objects: a later version that means something else by a key has
 * another. */
enum { FORMAT = 1 };

/* ---- writing ---- */

static json_t *field_json(struct arena *a, const struct db_field *f,
	const char *at)
{
	const char *text;

	switch (f->kind) {
	case DB_HASH:
		return json_string(arena_printf(a, "%016llx",
			(unsigned long long)*(const uint64_t *)at));
	case DB_TEXT:
	case DB_NOTE:
		text = *(const char *const *)at;
		return text ? json_string(text) : json_null();
	case DB_INT:
		return json_integer(*(const int *)at);
	case DB_REAL:
	case DB_TIME:
		return isfinite(*(const double *)at) ?
			json_real(*(const double *)at) : json_null();
	case DB_FLAG:
		break;
	}
	return json_boolean(*(const bool *)at);
}

static void put_fields(struct arena *a, json_t *v, const struct db_field *f,
	int n, const struct record *r)
{
	for (int i = 0; i < n; i++)
		json_object_set_new(v, f[i].name, field_json(a, &f[i],
			(const char *)r + f[i].at));
}

static json_t *point_json(const struct record *r)
{
	json_t *v = json_object();

	for (int i = 0; i < r->n; i++)
		json_object_set_new(v, r->names[i], json_string(r->values[i]));
	return v;
}

json_t *json_record(struct arena *a, const struct db_record *r)
{
	json_t *v = json_object(), *features = json_array();
	json_t *point = point_json(&r->r);

	for (int i = 0; i < r->r.n_features; i++)
		json_array_append_new(features, json_real(r->r.features[i]));
	json_object_set_new(v, "format", json_integer(FORMAT));
	put_fields(a, v, db_key_fields, DB_KEY_FIELDS, &r->r);
	put_fields(a, v, &db_fields[0], 1, &r->r);
	json_object_set_new(v, "point", point);
	json_object_set_new(v, "verdict", json_string(verdict_name(
		r->r.verdict)));
	put_fields(a, v, &db_fields[1], DB_FIELDS - 1, &r->r);
	json_object_set_new(v, "features", features);
	json_object_set_new(v, "origin", json_string(db_origin_name(
		r->origin)));
	if (r->run) {
		json_object_set_new(v, "run", json_integer(r->run));
		json_object_set_new(v, "candidate", json_integer(r->number));
	}
	return v;
}

/* jansson's own memory, copied. */
void json_print(json_t *v, struct str *out)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(17));

	str_puts(out, text ? text : "");
	free(text);
}

/* ---- reading ---- */

static const char *is_no(struct arena *a, const char *name, const char *what)
{
	return arena_printf(a, "'%s' is no %s", name, what);
}

static const char *read_text(struct arena *a, json_t *v, const char *name,
	const char **out)
{
	if (!json_is_string(v))
		return is_no(a, name, "text");
	*out = arena_strdup(a, json_string_value(v));
	return NULL;
}

static const char *read_hash(struct arena *a, json_t *v, const char *name,
	uint64_t *out)
{
	const char *text = json_string_value(v);

	if (!text || strlen(text) != 16 ||
	    strspn(text, "0123456789abcdef") != 16)
		return is_no(a, name, "hash, a text of 16 hexadecimal digits");
	*out = strtoull(text, NULL, 16);
	return NULL;
}

static const char *read_int(struct arena *a, json_t *v, const char *name,
	int *out)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > INT_MAX)
		return is_no(a, name, "integer from 0");
	*out = (int)n;
	return NULL;
}

static const char *read_field(struct arena *a, json_t *v,
	const struct db_field *f, char *at)
{
	switch (f->kind) {
	case DB_HASH:
		return read_hash(a, v, f->name, (uint64_t *)at);
	case DB_NOTE:
		if (json_is_null(v))
			return NULL;
		return read_text(a, v, f->name, (const char **)at);
	case DB_TEXT:
		return read_text(a, v, f->name, (const char **)at);
	case DB_INT:
		return read_int(a, v, f->name, (int *)at);
	case DB_TIME:
		if (json_is_null(v))
			return NULL;
		if (json_number_value(v) <= 0)
			return is_no(a, f->name, "time");
		*(double *)at = json_number_value(v);
		return NULL;
	case DB_REAL:
		if (!json_is_number(v) || json_number_value(v) < 0)
			return is_no(a, f->name, "number from 0");
		*(double *)at = json_number_value(v);
		return NULL;
	case DB_FLAG:
		break;
	}
	if (!json_is_boolean(v))
		return is_no(a, f->name, "truth value");
	*(bool *)at = json_is_true(v);
	return NULL;
}

static const struct db_field *field_named(const char *name)
{
	for (int i = 0; i < DB_KEY_FIELDS; i++)
		if (!strcmp(db_key_fields[i].name, name))
			return &db_key_fields[i];
	for (int i = 0; i < DB_FIELDS; i++)
		if (!strcmp(db_fields[i].name, name))
			return &db_fields[i];
	return NULL;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *read_point(struct arena *a, json_t *v, struct record *r)
{
	size_t n = json_object_size(v);
	const char **names = ARENA_ARRAY(a, n + 1, const char *);
	const char **values = ARENA_ARRAY(a, n + 1, const char *);
	const char *name;
	json_t *value;

	if (!json_is_object(v))
		return is_no(a, "point", "object");
	json_object_foreach(v, name, value)
		names[r->n++] = arena_strdup(a, name);
	qsort(names, n, sizeof *names, by_name);
	for (int i = 0; i < r->n; i++) {
		const char *why = read_text(a, json_object_get(v, names[i]),
			names[i], &values[i]);

		if (why)
			return why;
	}
	r->names = names;
	r->values = values;
	return NULL;
}

static const char *read_features(struct arena *a, json_t *v, struct record *r)
{
	size_t n = json_array_size(v);
	double *out = ARENA_ARRAY(a, n + 1, double);

	if (!json_is_array(v))
		return is_no(a, "features", "list of numbers");
	for (size_t i = 0; i < n; i++) {
		json_t *x = json_array_get(v, i);

		if (!json_is_number(x))
			return is_no(a, "features", "list of numbers");
		out[i] = json_number_value(x);
	}
	r->features = out;
	r->n_features = (int)n;
	return NULL;
}

static const char *read_verdict(struct arena *a, json_t *v, struct record *r)
{
	const char *text = json_string_value(v);

	r->verdict = text ? db_verdict(text) : N_VERDICTS;
	return r->verdict < N_VERDICTS ? NULL : is_no(a, "verdict", "verdict");
}

/* What says where the record comes from speaks of another database. */
static bool is_of_there(const char *name)
{
	return !strcmp(name, "origin") || !strcmp(name, "run") ||
		!strcmp(name, "candidate") || !strcmp(name, "format");
}

static const char *read_key(struct arena *a, const char *name, json_t *v,
	struct record *r)
{
	const struct db_field *f = field_named(name);

	if (f)
		return read_field(a, v, f, (char *)r + f->at);
	if (!strcmp(name, "point"))
		return read_point(a, v, r);
	if (!strcmp(name, "verdict"))
		return read_verdict(a, v, r);
	if (!strcmp(name, "features"))
		return read_features(a, v, r);
	return is_of_there(name) ? NULL : arena_printf(a,
		"there is no key '%s'", name);
}

/* What no record can do without, and what its values must agree in. */
static const char *check(struct arena *a, json_t *v, const struct record *r)
{
	static const char *const needed[] = {
		"op", "hash", "sketch", "group", "target", "gpu", "how", "share",
		"point", "verdict"
	};
	bool timed = r->verdict == V_MEASURED || r->verdict == V_SLOW;

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!json_object_get(v, needed[i]))
			return arena_printf(a, "'%s' is missing", needed[i]);
	if (strcmp(r->key.how, "gpu") && strcmp(r->key.how, "emu") &&
	    strcmp(r->key.how, "model"))
		return "'how' is not gpu, emu or model";
	if (r->key.share < 1 || r->key.share > 100)
		return "'share' is no percentage";
	if (r->verdict == V_MEASURED && !isfinite(r->seconds))
		return "it was measured, and 'seconds' is missing";
	if (!timed && isfinite(r->seconds))
		return "it failed, and has 'seconds'";
	return NULL;
}

const char *json_read_record(struct arena *a, json_t *v, struct db_record *r)
{
	json_int_t format = json_integer_value(json_object_get(v, "format"));
	const char *name, *why = NULL;
	json_t *value;

	*r = (struct db_record){ .r = { .seconds = INFINITY, .key = {
		.family = 0, .shape = "", .types = "", .kernel = "" } },
		.origin = DB_FOREIGN };
	if (!json_is_object(v))
		return "it is no object";
	if (format > FORMAT)
		return arena_printf(a, "it was written by a newer wpkdb (format "
			"%lld, this version knows %d)", (long long)format,
			FORMAT);
	json_object_foreach(v, name, value) {
		why = read_key(a, name, value, &r->r);
		if (why)
			return why;
	}
	return check(a, v, &r->r);
}
