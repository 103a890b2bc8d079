/* SPDX-License-Identifier: MIT */
/* What a record consists of, as a table: columns, bindings, reading and what
 * exports are made of follow from it. And the texts that lists become. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "search/db_private.h"

#define AT(member) offsetof(struct record, member)

const struct db_field db_key_fields[DB_KEY_FIELDS] = {
	{ "op", DB_TEXT, AT(key.op) },
	{ "shape", DB_TEXT, AT(key.shape) },
	{ "types", DB_TEXT, AT(key.types) },
	{ "hash", DB_HASH, AT(key.hash) },
	{ "family", DB_HASH, AT(key.family) },
	{ "group", DB_INT, AT(key.group) },
	{ "kernel", DB_TEXT, AT(key.kernel) },
	{ "target", DB_TEXT, AT(key.target) },
	{ "gpu", DB_TEXT, AT(key.gpu) },
	{ "how", DB_TEXT, AT(key.how) },
	{ "share", DB_INT, AT(key.share) },
};

const struct db_field db_fields[DB_FIELDS] = {
	{ "sketch", DB_TEXT, AT(key.sketch) },
	{ "message", DB_NOTE, AT(message) },
	{ "seconds", DB_TIME, AT(seconds) },
	{ "spread", DB_REAL, AT(spread) },
	{ "predicted", DB_REAL, AT(predicted) },
	{ "compile_seconds", DB_REAL, AT(compile_seconds) },
	{ "registers", DB_INT, AT(registers) },
	{ "spill_bytes", DB_INT, AT(spill_bytes) },
	{ "clock_mhz", DB_REAL, AT(clock_mhz) },
	{ "throttled", DB_FLAG, AT(throttled) },
	{ "driver", DB_TEXT, AT(driver) },
	{ "version", DB_TEXT, AT(version) },
	{ "date", DB_TEXT, AT(date) },
};

void fields_list(struct str *out, const char *table,
	const struct db_field *v, int n)
{
	for (int i = 0; i < n; i++)
		str_printf(out, "%s%s\"%s\"", i ? ", " : "", table, v[i].name);
}

static void bind(struct sql *s, const struct db_field *f, const char *at)
{
	switch (f->kind) {
	case DB_HASH:
		sql_text(s, arena_printf(s->db->tmp, "%016llx",
			(unsigned long long)*(const uint64_t *)at));
		break;
	case DB_TEXT:
		sql_text(s, *(const char *const *)at);
		break;
	case DB_NOTE:
		sql_note(s, *(const char *const *)at);
		break;
	case DB_INT:
		sql_int(s, *(const int *)at);
		break;
	case DB_REAL:
		sql_real(s, *(const double *)at);
		break;
	case DB_TIME:
		if (isfinite(*(const double *)at))
			sql_real(s, *(const double *)at);
		else
			sql_null(s);
		break;
	case DB_FLAG:
		sql_int(s, *(const bool *)at);
	}
}

void fields_bind(struct sql *s, const struct db_field *v, int n,
	const struct record *r)
{
	for (int i = 0; i < n; i++)
		bind(s, &v[i], (const char *)r + v[i].at);
}

static void read_field(struct sql *s, struct arena *a,
	const struct db_field *f, char *at)
{
	switch (f->kind) {
	case DB_HASH:
		*(uint64_t *)at = strtoull(sql_get_text(s, a), NULL, 16);
		break;
	case DB_TEXT:
		*(const char **)at = sql_get_text(s, a);
		break;
	case DB_NOTE:
		*(const char **)at = sql_get_note(s, a);
		break;
	case DB_INT:
		*(int *)at = (int)sql_get_int(s);
		break;
	case DB_REAL:
		*(double *)at = sql_get_real(s, 0);
		break;
	case DB_TIME:
		*(double *)at = sql_get_real(s, INFINITY);
		break;
	case DB_FLAG:
		*(bool *)at = sql_get_int(s) != 0;
	}
}

void fields_read(struct sql *s, struct arena *a, const struct db_field *v,
	int n, struct record *r)
{
	for (int i = 0; i < n; i++)
		read_field(s, a, &v[i], (char *)r + v[i].at);
}

bool fields_finite(const struct record *r)
{
	bool ok = isfinite(r->seconds) || r->seconds == INFINITY;

	for (int i = 0; i < DB_FIELDS; i++)
		if (db_fields[i].kind == DB_REAL)
			ok &= isfinite(*(const double *)((const char *)r +
				db_fields[i].at)) != 0;
	for (int i = 0; i < r->n_features; i++)
		ok &= isfinite(r->features[i]) != 0;
	return ok;
}

/* ---- words ---- */

static void put_word(struct str *out, const char *word)
{
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (c == '%' || !(c >= 0x80 || isgraph(c)))
			str_printf(out, "%%%02X", c);
		else
			str_putc(out, *word);
	}
}

const char *db_join(struct arena *a, const char *const *words, int n)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < n; i++) {
		str_puts(&s, i ? " " : "");
		if (*words[i])
			put_word(&s, words[i]);
		else
			str_puts(&s, "%00");
	}
	return str_text(&s);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ?
		c - 'A' + 10 : -1;
}

/* In place; "%00" stands for no letter. */
static bool unescape(char *word)
{
	char *to = word;

	for (char *p = word; *p; p++) {
		int hi, lo;

		if (*p != '%') {
			*to++ = *p;
			continue;
		}
		hi = digit(p[1]);
		lo = hi < 0 ? -1 : digit(p[2]);
		if (lo < 0)
			return false;
		if (hi || lo)
			*to++ = (char)(hi * 16 + lo);
		p += 2;
	}
	*to = '\0';
	return true;
}

const char *const *db_split(struct arena *a, const char *text, int *n)
{
	VEC(const char *) v = {0};

	while (*text) {
		size_t length = strcspn(text, " ");
		char *word = arena_strndup(a, text, length);

		if (!length || !unescape(word))
			return NULL;
		vec_push(a, &v, word);
		text += length;
		text += *text == ' ';
	}
	*n = v.n;
	vec_push(a, &v, NULL);
	return v.v;
}

/* ---- points and features ---- */

/* "tile.block.i 128 unroll 4": names and values in turn. */
const char *fields_point(struct arena *a, const struct record *r)
{
	const char **v = ARENA_ARRAY(a, (size_t)r->n * 2 + 1, const char *);

	for (int i = 0; i < r->n; i++) {
		v[2 * i] = r->names[i];
		v[2 * i + 1] = r->values[i];
	}
	return db_join(a, v, r->n * 2);
}

bool fields_set_point(struct arena *a, const char *text, struct record *r)
{
	int n = 0;
	const char *const *words = db_split(a, text, &n);
	const char **names, **values;

	if (!words || n % 2)
		return false;
	names = ARENA_ARRAY(a, (size_t)n / 2 + 1, const char *);
	values = ARENA_ARRAY(a, (size_t)n / 2 + 1, const char *);
	for (int i = 0; i < n / 2; i++) {
		names[i] = words[2 * i];
		values[i] = words[2 * i + 1];
	}
	r->names = names;
	r->values = values;
	r->n = n / 2;
	return true;
}

const char *fields_features(struct arena *a, const struct record *r)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < r->n_features; i++) {
		str_puts(&s, i ? " " : "");
		str_double(&s, r->features[i]);
	}
	return str_text(&s);
}

bool fields_set_features(struct arena *a, const char *text, struct record *r)
{
	VEC(double) v = {0};
	char *end;

	while (*text) {
		vec_push(a, &v, strtod(text, &end));
		if (end == text)
			return false;
		text = end + (*end == ' ');
	}
	r->features = v.v;
	r->n_features = v.n;
	return true;
}

/* ---- the rest ---- */

const char *db_origin_name(enum db_origin o)
{
	static const char *const names[N_DB_ORIGINS] = {
		[DB_OWN] = "own", [DB_FOREIGN] = "foreign",
		[DB_PROVED] = "proved", [DB_REFUSED] = "refused"
	};

	return names[o];
}

enum verdict db_verdict(const char *name)
{
	enum verdict v = 0;

	while (v < N_VERDICTS && strcmp(verdict_name(v), name))
		v++;
	return v;
}

const char *db_date(struct arena *a, int64_t seconds)
{
	char text[32];
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "";
	return arena_strdup(a, text);
}
