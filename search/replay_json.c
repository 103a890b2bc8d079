/* SPDX-License-Identifier: MIT */
/* Recorded spaces as JSON. Three forms, told apart by what their first object
 * has: "results" of the T4 form of auto-tuning results (each a configuration
 * with measurements), the "cache" that Kernel Tuner writes (each entry has the
 * tunables' values and a time beside each other), and otherwise records of our
 * own, one a line, which replay_records.c reads. jansson does not say where a
 * value stood: the line of an entry is counted anew when there is something to
 * say about it. */
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "search/replay_rows.h"

struct reader {
	struct replay_rows *t;
	const char *list;	/* "results", "cache" */
	int entry;		/* its number in "list" */
};

/* ---- places ---- */

static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* The line of entry "entry" in member "list" of the only object in "text",
 * which is known to be well-formed: objects two levels down are counted once
 * the name was seen one level down. */
static int line_of(const char *text, const char *list, int entry)
{
	size_t len = strlen(list);
	bool inside = false;
	int depth = 0, line = 1;

	for (const char *p = text; *p;) {
		if (*p == '"') {
			const char *end = skip_string(p);

			if (depth == 1)
				inside = (size_t)(end - p) == len + 2 &&
					!strncmp(p + 1, list, len);
			p = end;
			continue;
		}
		if (*p == '{' && depth == 2 && inside && !entry--)
			return line;
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		line += *p++ == '\n';
	}
	return line;
}

#define FAIL(r, ...) replay_fail((r)->t, line_of((r)->t->src->text, \
	(r)->list, (r)->entry), __VA_ARGS__)

/* ---- cells ---- */

static const char *text_of(struct arena *a, const json_t *v)
{
	if (json_is_string(v))
		return arena_strdup(a, json_string_value(v));
	if (json_is_integer(v))
		return arena_printf(a, "%lld",
			(long long)json_integer_value(v));
	if (json_is_real(v))
		return arena_printf(a, "%.17g", json_real_value(v));
	return json_is_boolean(v) ? json_is_true(v) ? "1" : "0" : NULL;
}

/* Tunables are those of the first entry: "values" has each of them. */
static bool read_cells(struct reader *r, json_t *values,
	struct replay_row *row)
{
	struct replay_rows *t = r->t;

	row->cells = ARENA_ARRAY(t->a, t->names.n, const char *);
	for (int i = 0; i < t->names.n; i++) {
		const json_t *v = json_object_get(values, t->names.v[i]);

		if (!v)
			return FAIL(r, "no value of '%s'", t->names.v[i]);
		row->cells[i] = text_of(t->a, v);
		if (!row->cells[i])
			return FAIL(r, "'%s' is neither a number nor a word",
				t->names.v[i]);
	}
	return true;
}

static bool read_names(struct reader *r, json_t *values)
{
	const char *name;
	json_t *v;

	if (!json_is_object(values))
		return FAIL(r, "no tunables");
	json_object_foreach(values, name, v)
		vec_push(r->t->a, &r->t->names, arena_strdup(r->t->a, name));
	return true;
}

/* Those of "values" and no others. */
static bool same_names(struct reader *r, json_t *values)
{
	if (json_is_object(values) && (int)json_object_size(values) ==
	    r->t->names.n)
		return true;
	return FAIL(r, "other tunables than in the first entry");
}

static double number_in(json_t *object, const char *name, double unit)
{
	double v = json_number_value(json_object_get(object, name));

	return v > 0 ? v * unit : 0;
}

static bool read_outcome(struct reader *r, struct replay_row *row,
	const json_t *v, double unit)
{
	const char *text = v ? text_of(r->t->a, v) : NULL;

	if (!text)
		return FAIL(r, "no time");
	return replay_outcome(row, text, unit) ||
		FAIL(r, "the time is '%s', which is neither a time nor a "
			"failure", text);
}

/* ---- T4 ---- */

/* The measured "time"; its unit is given, milliseconds if not. */
static const json_t *measured_time(json_t *result, double *unit)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(result, "measurements"), i, m) {
		const char *name = json_string_value(json_object_get(m, "name"));
		const char *u = json_string_value(json_object_get(m, "unit"));

		if (!name || strcmp(name, "time"))
			continue;
		*unit = !u || !*u ? 1e-3 : !strcmp(u, "s") ||
			!strcmp(u, "seconds") ? 1 : !strcmp(u, "us") ? 1e-6 :
			!strcmp(u, "ns") ? 1e-9 : 1e-3;
		return json_object_get(m, "value");
	}
	return NULL;
}

static bool read_result(struct reader *r, json_t *result)
{
	json_t *values = json_object_get(result, "configuration");
	json_t *times = json_object_get(result, "times");
	const char *invalid = json_string_value(json_object_get(result,
		"invalidity"));
	struct replay_row row = {0};
	double unit = 1e-3;
	const json_t *time;

	if (!r->t->names.n && !read_names(r, values))
		return false;
	if (!same_names(r, values) || !read_cells(r, values, &row))
		return false;
	time = measured_time(result, &unit);
	if (invalid && *invalid && strcmp(invalid, "correct")) {
		if (!replay_outcome(&row, invalid, 1) ||
		    row.verdict == V_MEASURED)
			return FAIL(r, "unknown invalidity '%s'", invalid);
	} else if (!read_outcome(r, &row, time, unit)) {
		return false;
	}
	row.compile_seconds = number_in(times, "compilation_time", 1e-3);
	if (!row.compile_seconds)
		row.compile_seconds = number_in(times, "compilation", 1e-3);
	vec_push(r->t->a, &r->t->rows, row);
	return true;
}

static bool read_results(struct reader *r, json_t *results)
{
	json_t *result;
	size_t i;

	r->list = "results";
	if (!json_is_array(results))
		return replay_fail(r->t, 1, "'results' is no array");
	json_array_foreach(results, i, result) {
		r->entry = (int)i;
		if (!read_result(r, result))
			return false;
	}
	return true;
}

/* ---- Kernel Tuner's cache ---- */

static bool read_cache(struct reader *r, json_t *root, json_t *cache)
{
	json_t *keys = json_object_get(root, "tune_params_keys"), *entry, *v;
	const char *key;
	size_t i;

	r->list = "cache";
	if (!json_is_array(keys) || !json_is_object(cache))
		return replay_fail(r->t, 1, "'tune_params_keys' is no array, "
			"or 'cache' no object");
	json_array_foreach(keys, i, v) {
		if (!json_is_string(v))
			return replay_fail(r->t, 1, "'tune_params_keys' are "
				"not all names");
		vec_push(r->t->a, &r->t->names, text_of(r->t->a, v));
	}
	json_object_foreach(cache, key, entry) {
		struct replay_row row = {0};

		if (!read_cells(r, entry, &row) || !read_outcome(r, &row,
		    json_object_get(entry, "time"), 1e-3))
			return false;
		row.compile_seconds = number_in(entry, "compile_time", 1e-3);
		vec_push(r->t->a, &r->t->rows, row);
		r->entry++;
	}
	return true;
}

/* ---- which of them ---- */

/* A cache that Kernel Tuner is still writing lacks its last two braces. */
static json_t *load_open(struct replay_rows *t)
{
	const char *text = t->src->text;
	size_t n = t->src->len;

	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (n && text[n - 1] == ',')
		n--;
	text = arena_printf(t->a, "%.*s}}", (int)n, text);
	return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

/* Is the first line an object by itself, and not one of the two forms that
 * are a single object? */
static bool is_lines(const struct replay_rows *t)
{
	size_t len;
	const char *text;
	int line = 1;
	json_t *v;
	bool is;

	do
		text = source_line(t->src, line++, &len);
	while (text[strspn(text, " \t\r")] == '\n');
	v = json_loadb(text, len, 0, NULL);
	is = v && !json_object_get(v, "results") &&
		!json_object_get(v, "cache");
	json_decref(v);
	return is;
}

bool replay_json(struct replay_rows *t)
{
	struct reader r = { .t = t };
	json_error_t e;
	json_t *root, *list;
	bool ok;

	if (is_lines(t))
		return replay_records(t);
	root = json_loadb(t->src->text, t->src->len, JSON_REJECT_DUPLICATES,
		&e);
	if (!root)
		root = load_open(t);
	if (!root)
		return replay_fail(t, e.line, "%s", e.text);
	list = json_object_get(root, "cache");
	if (list)
		ok = read_cache(&r, root, list);
	else if ((list = json_object_get(root, "results")))
		ok = read_results(&r, list);
	else
		ok = replay_fail(t, 1, "JSON with neither 'results' nor "
			"'cache'");
	json_decref(root);
	return ok;
}
