/* SPDX-License-Identifier: MIT */
/* Reading records: a query becomes one statement, run on one layer after the
 * other. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "search/db_private.h"

/* ---- the query as text, and its values ---- */

/* Conditions are put twice in the same order: as text ("s" NULL), then as
 * values of "s". */
struct where {
	struct str *out;
	struct sql *s;
};

static bool is_text(struct where *w, const char *condition)
{
	if (!w->s)
		str_printf(w->out, " AND %s", condition);
	return !w->s;
}

static void put_text(struct where *w, const char *condition, const char *v)
{
	if (v && !is_text(w, condition))
		sql_text(w->s, v);
}

static void put_int(struct where *w, const char *condition, int64_t v,
	bool asked)
{
	if (asked && !is_text(w, condition))
		sql_int(w->s, v);
}

static void put_hash(struct where *w, struct db *db, const char *condition,
	uint64_t hash)
{
	put_text(w, condition, hash ? arena_printf(db->tmp, "%016llx",
		(unsigned long long)hash) : NULL);
}

static void put_verdicts(struct where *w, struct db *db, unsigned verdicts)
{
	struct str s;

	if (!verdicts || w->s)
		return;
	str_init(&s, db->tmp);
	for (int v = 0; v < N_VERDICTS; v++)
		if (verdicts >> v & 1)
			str_printf(&s, "%s'%s'", s.n ? ", " : "",
				verdict_name((enum verdict)v));
	str_printf(w->out, " AND verdict IN (%s)", str_text(&s));
}

static void put_where(struct where *w, struct db *db, const struct db_query *q)
{
	put_hash(w, db, "hash = ?", q->hash);
	put_hash(w, db, "family = ?", q->family);
	put_text(w, "op = ?", q->op);
	put_text(w, "shape = ?", q->shape);
	put_text(w, "types = ?", q->types);
	put_text(w, "kernel = ?", q->kernel);
	put_text(w, "sketch = ?", q->sketch);
	put_text(w, "target = ?", q->target);
	put_text(w, "gpu = ?", q->gpu);
	put_text(w, "how = ?", q->how);
	put_text(w, "version = ?", q->version);
	put_text(w, "date < ?", q->before);
	put_text(w, "date > ?", q->after);
	put_int(w, "\"group\" = ?", q->group, q->grouped);
	put_int(w, "share = ?", q->share, q->share != 0);
	put_int(w, "run = ?", q->run, q->run != 0);
	put_int(w, "number = ?", q->number, q->number != 0);
	put_verdicts(w, db, q->verdicts);
}

/* The distinct problems. */
static const char *problems_text(struct db *db, const struct db_query *q)
{
	struct where w = {0};
	struct str s;

	str_init(&s, db->tmp);
	w.out = &s;
	str_puts(&s, "SELECT DISTINCT ");
	fields_list(&s, "p.", db_key_fields, DB_KEY_FIELDS);
	str_puts(&s, " FROM record r JOIN problem p ON p.id = r.problem "
		"WHERE 1");
	put_where(&w, db, q);
	return str_text(&s);
}

static const char *select_text(struct db *db, const struct db_query *q)
{
	struct where w = {0};
	struct str s;

	str_init(&s, db->tmp);
	w.out = &s;
	str_puts(&s, "SELECT r.id, run, number, origin, verdict, point, "
		"features, ");
	fields_list(&s, "p.", db_key_fields, DB_KEY_FIELDS);
	str_puts(&s, ", ");
	fields_list(&s, "r.", db_fields, DB_FIELDS);
	str_puts(&s, " FROM record r JOIN problem p ON p.id = r.problem "
		"WHERE 1");
	put_where(&w, db, q);
	str_puts(&s, " ORDER BY ");
	fields_list(&s, "p.", db_key_fields, DB_KEY_FIELDS);
	str_puts(&s, ", sketch, point, date, verdict, seconds, r.id");
	return str_text(&s);
}

/* ---- rows ---- */

static enum db_origin origin_of(const struct db_record *r, int64_t said)
{
	if (r->layer)
		return DB_FOREIGN;
	return said >= 0 && said < N_DB_ORIGINS ? (enum db_origin)said :
		DB_FOREIGN;
}

static bool read_record(struct sql *s, struct arena *a, int layer,
	struct db_record *r)
{
	const char *verdict, *point, *features;
	int64_t origin;

	*r = (struct db_record){ .layer = layer, .id = sql_get_int(s),
		.run = 0 };
	r->run = sql_get_int(s);
	r->number = (int)sql_get_int(s);
	origin = sql_get_int(s);
	r->origin = origin_of(r, origin);
	verdict = sql_get_text(s, a);
	r->r.verdict = db_verdict(verdict);
	point = sql_get_text(s, a);
	features = sql_get_text(s, a);
	fields_read(s, a, db_key_fields, DB_KEY_FIELDS, &r->r);
	fields_read(s, a, db_fields, DB_FIELDS, &r->r);
	if (r->r.verdict < N_VERDICTS && fields_set_point(a, point, &r->r) &&
	    fields_set_features(a, features, &r->r))
		return true;
	s->failed = true;
	return sql_say(s->db, "%s: record %lld of it makes no sense",
		s->layer->path, (long long)r->id);
}

static bool wanted(const struct db_query *q, const struct db_record *r)
{
	return !q->origins || q->origins >> r->origin & 1;
}

/* "*more" becomes false when "each" has had enough. Rows live in an arena that
 * they have to themselves, or in "a". */
static bool each_of_layer(struct db *db, int layer, const struct db_query *q,
	struct arena *a, bool (*each)(void *ctx, const struct db_record *r),
	void *ctx, bool *more)
{
	struct arena *row = a ? a : arena_create();
	struct sql s = sql_start(db, &db->layers[layer], select_text(db, q));
	struct where w = { .s = &s };
	struct db_record r;

	put_where(&w, db, q);
	arena_reset(db->tmp);
	while (*more && sql_row(&s) && read_record(&s, row, layer, &r)) {
		*more = !wanted(q, &r) || each(ctx, &r);
		if (!a)
			arena_reset(row);
	}
	if (!a)
		arena_destroy(row);
	return sql_end(&s);
}

static bool each_in(struct db *db, const struct db_query *q, struct arena *a,
	bool (*each)(void *ctx, const struct db_record *r), void *ctx)
{
	bool more = true, ok = true;

	for (int i = 0; i < db->n && more && ok; i++)
		if (db->layers[i].sql && (i == 0 || !q->run))
			ok = each_of_layer(db, i, q, a, each, ctx, &more);
	return ok;
}

bool db_each(struct db *db, const struct db_query *q,
	bool (*each)(void *ctx, const struct db_record *r), void *ctx)
{
	return each_in(db, q, NULL, each, ctx);
}

struct found {
	struct arena *a;
	VEC(struct db_record) v;
};

static bool keep(void *ctx, const struct db_record *r)
{
	struct found *f = ctx;

	vec_push(f->a, &f->v, *r);
	return true;
}

struct db_record *db_find(struct db *db, struct arena *a,
	const struct db_query *q, int *n)
{
	struct found f = { .a = a };

	if (!each_in(db, q, a, keep, &f))
		return NULL;
	*n = f.v.n;
	return f.v.n ? f.v.v : ARENA_NEW(a, struct db_record);
}

/* ---- problems ---- */

static int by_number(uint64_t x, uint64_t y)
{
	return (x > y) - (x < y);
}

static int by_key(const void *v, const void *w)
{
	const struct record *x = v, *y = w;
	int c = 0;

	for (int i = 0; i < DB_KEY_FIELDS && !c; i++) {
		const char *p = (const char *)x + db_key_fields[i].at;
		const char *q = (const char *)y + db_key_fields[i].at;

		if (db_key_fields[i].kind == DB_TEXT)
			c = strcmp(*(const char *const *)p,
				*(const char *const *)q);
		else if (db_key_fields[i].kind == DB_HASH)
			c = by_number(*(const uint64_t *)p,
				*(const uint64_t *)q);
		else
			c = *(const int *)p - *(const int *)q;
	}
	return c;
}

typedef VEC(struct record) record_list;

static bool problems_of_layer(struct db *db, int layer, struct arena *a,
	const struct db_query *q, record_list *out)
{
	struct sql s = sql_start(db, &db->layers[layer], problems_text(db, q));
	struct where w = { .s = &s };

	put_where(&w, db, q);
	arena_reset(db->tmp);
	while (sql_row(&s)) {
		struct record r = {0};

		fields_read(&s, a, db_key_fields, DB_KEY_FIELDS, &r);
		vec_push(a, out, r);
	}
	return sql_end(&s);
}

struct record_key *db_problems(struct db *db, struct arena *a,
	const struct db_query *q, int *n)
{
	struct record_key *keys;
	record_list v = {0};

	for (int i = 0; i < db->n; i++)
		if (db->layers[i].sql && (i == 0 || !q->run) &&
		    !problems_of_layer(db, i, a, q, &v))
			return NULL;
	if (v.n)
		qsort(v.v, (size_t)v.n, sizeof *v.v, by_key);
	keys = ARENA_ARRAY(a, (size_t)v.n + 1, struct record_key);
	*n = 0;
	for (int i = 0; i < v.n; i++)
		if (!i || by_key(&v.v[i - 1], &v.v[i]))
			keys[(*n)++] = v.v[i].key;
	return keys;
}

/* The hash stands for family, shape and types as well, and for what the
 * operator does whatever it is called. */
struct db_query db_of(const struct record_key *key)
{
	return (struct db_query){ .hash = key->hash, .kernel = key->kernel,
		.sketch = key->sketch, .target = key->target, .gpu = key->gpu,
		.how = key->how, .share = key->share, .grouped = true,
		.group = key->group };
}
