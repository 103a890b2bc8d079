/* SPDX-License-Identifier: MIT */
/* Records from text. In: lines of JSON. Out: records, in the order of the lines,
 * every text of them whole; or what is wrong with which line. What a table of
 * fields names is read and must be of its kind; the rest is another's. */
#include "search/record_read.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"

enum kind {
	TEXT, NAME, HASH, INT, NUMBER, SECONDS, ESTIMATE, TRUTH, VERDICT, POINT, LIST
};

/* NAME may be a number. What is not needed may be null, which says nothing. */
static const struct field {
	const char *name;
	enum kind kind;
	size_t at;
	bool needed;
} fields[] = {
#define KEY(name) offsetof(struct record_line, record.key.name)
#define OWN(name) offsetof(struct record_line, record.name)
#define LINE(name) offsetof(struct record_line, name)
	{ "hash", HASH, KEY(hash), true },
	{ "family", HASH, KEY(family), false },
	{ "op", TEXT, KEY(op), true },
	{ "shape", TEXT, KEY(shape), false },
	{ "types", TEXT, KEY(types), false },
	{ "group", INT, KEY(group), false },
	{ "kernel", TEXT, KEY(kernel), false },
	{ "sketch", TEXT, KEY(sketch), true },
	{ "target", TEXT, KEY(target), false },
	{ "gpu", TEXT, KEY(gpu), true },
	{ "how", TEXT, KEY(how), true },
	{ "share", INT, KEY(share), false },
	{ "point", POINT, OWN(names), true },
	{ "verdict", VERDICT, OWN(verdict), true },
	{ "message", TEXT, OWN(message), false },
	{ "seconds", SECONDS, OWN(seconds), false },
	{ "spread", NUMBER, OWN(spread), false },
	{ "predicted", ESTIMATE, OWN(predicted), false },
	{ "compile_seconds", NUMBER, OWN(compile_seconds), false },
	{ "registers", INT, OWN(registers), false },
	{ "spill_bytes", INT, OWN(spill_bytes), false },
	{ "clock_mhz", NUMBER, OWN(clock_mhz), false },
	{ "throttled", TRUTH, OWN(throttled), false },
	{ "driver", TEXT, OWN(driver), false },
	{ "version", TEXT, OWN(version), false },
	{ "date", TEXT, OWN(date), false },
	{ "features", LIST, OWN(features), false },
	{ "run", NAME, LINE(run), false },
	{ "candidate", INT, LINE(candidate), false },
	{ "strategy", TEXT, LINE(strategy), false },
	{ "source", TEXT, LINE(source), false },
	{ "command", TEXT, LINE(command), false },
#undef KEY
#undef OWN
#undef LINE
};

enum { N_FIELDS = sizeof fields / sizeof *fields };

/* Texts that came before: the same ones come again and again. */
struct texts {
	const char **slots;
	int n, n_slots;
};

/* One value of one line: where it goes, and the sentence if it may not. */
struct reading {
	struct arena *a;
	struct texts *texts;
	struct record_line *line;
	const struct field *field;
	const char *why;
};

/* ---- texts ---- */

static const char **slot_of(struct texts *t, const char *text)
{
	uint64_t at = str_hash(text, strlen(text));

	while (t->slots[at % (uint64_t)t->n_slots] &&
	       strcmp(t->slots[at % (uint64_t)t->n_slots], text))
		at++;
	return &t->slots[at % (uint64_t)t->n_slots];
}

static void grow(struct arena *a, struct texts *t)
{
	struct texts more = { .n_slots = t->n_slots ? 4 * t->n_slots : 1024 };

	more.slots = ARENA_ARRAY(a, (size_t)more.n_slots, const char *);
	for (int i = 0; i < t->n_slots; i++)
		if (t->slots[i])
			*slot_of(&more, t->slots[i]) = t->slots[i];
	more.n = t->n;
	*t = more;
}

static const char *keep(struct reading *r, const char *text)
{
	const char **slot;

	if (2 * r->texts->n >= r->texts->n_slots)
		grow(r->a, r->texts);
	slot = slot_of(r->texts, text);
	if (!*slot) {
		*slot = arena_strdup(r->a, text);
		r->texts->n++;
	}
	return *slot;
}

/* ---- values ---- */

static bool wrong(struct reading *r, const char *wanted)
{
	r->why = arena_printf(r->a, "\"%s\" must be %s", r->field->name, wanted);
	return false;
}

static void *place(const struct reading *r)
{
	return (char *)r->line + r->field->at;
}

static bool read_text(struct reading *r, const json_t *v)
{
	if (!json_is_string(v))
		return wrong(r, "a string");
	*(const char **)place(r) = keep(r, json_string_value(v));
	return true;
}

static const char *number_text(struct reading *r, const json_t *v)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
	return keep(r, text);
}

static bool read_name(struct reading *r, const json_t *v)
{
	if (!json_is_integer(v))
		return read_text(r, v);
	*(const char **)place(r) = number_text(r, v);
	return true;
}

static bool read_hash(struct reading *r, const json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = s ? strlen(s) : 0;

	if (!n || n > 16 || strspn(s, "0123456789abcdefABCDEF") != n)
		return wrong(r, "a string of hexadecimal digits");
	*(uint64_t *)place(r) = strtoull(s, NULL, 16);
	return true;
}

static bool read_int(struct reading *r, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < INT_MIN || n > INT_MAX)
		return wrong(r, "an integer");
	*(int *)place(r) = (int)n;
	return true;
}

static bool read_number(struct reading *r, const json_t *v)
{
	if (!json_is_number(v) || json_number_value(v) < 0)
		return wrong(r, "a number that is not negative");
	*(double *)place(r) = json_number_value(v);
	return true;
}

/* With much to spare: charts need not ask again. */
bool record_is_duration(double v)
{
	return v >= 1e-12 && v <= 1e6;
}

static bool read_seconds(struct reading *r, const json_t *v)
{
	if (!json_is_number(v) || !record_is_duration(json_number_value(v)))
		return wrong(r, "a number from 1e-12 to 1e6");
	*(double *)place(r) = json_number_value(v);
	return true;
}

static bool read_estimate(struct reading *r, const json_t *v)
{
	if (!json_is_number(v) || (json_number_value(v) != 0 &&
	    !record_is_duration(json_number_value(v))))
		return wrong(r, "0, or a number from 1e-12 to 1e6");
	*(double *)place(r) = json_number_value(v);
	return true;
}

static bool read_truth(struct reading *r, const json_t *v)
{
	if (!json_is_boolean(v))
		return wrong(r, "true or false");
	*(bool *)place(r) = json_is_true(v);
	return true;
}

static bool wrong_verdict(struct reading *r)
{
	struct str known;

	str_init(&known, r->a);
	for (int i = 0; i < N_VERDICTS; i++)
		str_printf(&known, "%s%s", i ? ", " : "one of ",
			verdict_name((enum verdict)i));
	return wrong(r, str_text(&known));
}

static bool read_verdict(struct reading *r, const json_t *v)
{
	const char *s = json_string_value(v);

	for (int i = 0; s && i < N_VERDICTS; i++)
		if (!strcmp(s, verdict_name((enum verdict)i))) {
			r->line->record.verdict = (enum verdict)i;
			return true;
		}
	return wrong_verdict(r);
}

static const char *value_text(struct reading *r, const json_t *v)
{
	return json_is_string(v) ? keep(r, json_string_value(v)) :
		json_is_integer(v) ? number_text(r, v) : NULL;
}

/* Names sorted, as a lock has them. */
static bool read_point(struct reading *r, const json_t *v)
{
	struct record *record = &r->line->record;
	size_t n = json_object_size(v);
	const char **names = ARENA_ARRAY(r->a, n + 1, const char *);
	const char **values = ARENA_ARRAY(r->a, n + 1, const char *);
	const char *name;
	json_t *value;

	if (!json_is_object(v))
		return wrong(r, "an object");
	json_object_foreach((json_t *)v, name, value) {
		int k = record->n++;

		for (; k > 0 && strcmp(names[k - 1], name) > 0; k--) {
			names[k] = names[k - 1];
			values[k] = values[k - 1];
		}
		names[k] = keep(r, name);
		values[k] = value_text(r, value);
		if (!values[k])
			return wrong(r, "of strings and integers");
	}
	record->names = names;
	record->values = values;
	return true;
}

static bool read_list(struct reading *r, const json_t *v)
{
	size_t n = json_array_size(v);
	double *list = ARENA_ARRAY(r->a, n + 1, double);

	if (!json_is_array(v))
		return wrong(r, "a list of numbers");
	for (size_t i = 0; i < n; i++) {
		if (!json_is_number(json_array_get(v, i)))
			return wrong(r, "a list of numbers");
		list[i] = json_number_value(json_array_get(v, i));
	}
	r->line->record.features = list;
	r->line->record.n_features = (int)n;
	return true;
}

static bool (*const readers[])(struct reading *r, const json_t *v) = {
	[TEXT] = read_text, [NAME] = read_name, [HASH] = read_hash, [INT] = read_int,
	[NUMBER] = read_number, [SECONDS] = read_seconds,
	[ESTIMATE] = read_estimate,
	[TRUTH] = read_truth, [VERDICT] = read_verdict,
	[POINT] = read_point, [LIST] = read_list,
};

/* What is not said is 0 or "". */
static void set_defaults(struct record_line *line)
{
	for (int i = 0; i < N_FIELDS; i++)
		if (fields[i].kind == TEXT || fields[i].kind == NAME)
			*(const char **)((char *)line + fields[i].at) = "";
	line->record.seconds = INFINITY;
}

static bool is_timed(const struct record *r)
{
	return r->verdict == V_MEASURED || r->verdict == V_SLOW;
}

static const char *read_object(struct arena *a, struct texts *texts,
	const json_t *object, struct record_line *line)
{
	struct reading r = { .a = a, .texts = texts, .line = line };

	set_defaults(line);
	if (!json_is_object(object))
		return "a record is an object, {...}";
	for (int i = 0; i < N_FIELDS; i++) {
		const json_t *v = json_object_get(object, fields[i].name);

		r.field = &fields[i];
		if (!v && fields[i].needed)
			return arena_printf(a, "\"%s\" is missing",
				fields[i].name);
		if (json_is_null(v) && !fields[i].needed)
			continue;
		if (v && !readers[fields[i].kind](&r, v))
			return r.why;
	}
	if (line->record.verdict == V_MEASURED && isinf(line->record.seconds))
		return "\"seconds\" is missing, and the verdict is measured";
	if (!is_timed(&line->record))
		line->record.seconds = INFINITY;
	if (!*line->record.message)
		line->record.message = NULL;
	return NULL;
}

static const char *read_line(struct arena *a, struct texts *texts,
	const char *text, size_t n, int number, struct record_lines *out)
{
	struct record_line line = { .number = number };
	json_error_t error;
	json_t *object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	const char *why;

	if (!object)
		return arena_printf(a, "not JSON: %s", error.text);
	why = read_object(a, texts, object, &line);
	json_decref(object);
	if (!why)
		vec_push(a, &out->lines, line);
	return why;
}

static bool is_blank(const char *text, size_t n)
{
	return strspn(text, " \t\r") >= n;
}

const char *record_lines_parse(struct arena *a, const char *name,
	const char *text, struct record_lines *out)
{
	struct texts texts = {0};
	int line = 0;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		const char *why;

		line++;
		why = is_blank(p, n) ? NULL : read_line(a, &texts, p, n, line,
			out);
		if (why)
			return arena_printf(a, "%s:%d: %s", name, line, why);
		p += n + (p[n] == '\n');
	}
	return NULL;
}

const char *record_lines_read(struct arena *a, const char *path,
	struct record_lines *out)
{
	bool standard = !strcmp(path, "-");
	const char *name = standard ? "<stdin>" : path, *why;
	struct source *s;

	if (!standard && record_is_db(path))
		return record_db_read(a, path, out);
	s = source_read(a, standard ? "/dev/stdin" : path, &why);
	return s ? record_lines_parse(a, name, s->text, out) :
		arena_printf(a, "cannot read %s: %s", name, why);
}
