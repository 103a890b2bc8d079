/* SPDX-License-Identifier: MIT */
/* The tuning database: what goes in comes out, which record counts, what is
 * near, and that a transaction is one. Many processes, kills and bad files are
 * tests/db.t's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "search/db.h"

struct bed {
	struct arena *a;
	char *folder;
	const char *paths[4];
	struct db *db;
};

static struct bed make_bed(void)
{
	struct bed b = { .a = arena_create() };
	const char *why;

	b.folder = arena_strdup(b.a, "/tmp/wpk-unit-XXXXXX");
	assert_non_null(mkdtemp(b.folder));
	b.paths[0] = arena_printf(b.a, "%s/new/own.db", b.folder);
	b.paths[1] = arena_printf(b.a, "%s/a%%20?b#.db", b.folder);
	b.db = db_open(b.a, b.paths, DB_WRITE, &why);
	if (!b.db)
		fail_msg("%s", why);
	return b;
}

static void remove_bed(struct bed *b)
{
	char *argv[] = { "rm", "-rf", b->folder, NULL };

	db_close(b->db);
	if (fork() == 0)
		execvp("rm", argv);
	arena_destroy(b->a);
}

static void must(struct bed *b, bool ok)
{
	if (!ok)
		fail_msg("%s", db_why(b->db));
}

static void reopen(struct bed *b, enum db_mode mode)
{
	const char *why;

	db_close(b->db);
	b->db = db_open(b->a, b->paths, mode, &why);
	if (!b->db)
		fail_msg("%s", why);
}

static const char *const names[] = { "tile.block.i", "unroll" };

static struct record record_of(const char *const *values, double seconds,
	const char *date)
{
	return (struct record){ .key = { .hash = 1, .family = 2, .op = "mm",
		.shape = "K=64 M=32", .types = "f32 f32", .kernel = "acc",
		.sketch = "fma", .target = "sm_90a", .gpu = "h200",
		.how = "gpu", .share = 100 }, .names = names, .values = values,
		.n = 2, .verdict = V_MEASURED, .seconds = seconds,
		.driver = "12", .version = "0.1.0", .date = date };
}

static const char *const small[] = { "16", "1" }, *const large[] = { "64", "4" };

static void put(struct bed *b, const struct record *r)
{
	must(b, db_put(b->db, 0, r, 1, NULL));
}

/* ---- round trip ---- */

static uint64_t next(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 11;
}

static const char *some_text(struct bed *b, uint64_t *s)
{
	static const char *const parts[] = {
		"", "mm", "'", "\"", "%00", "%", " ", "\n", "\t", "=", ";",
		"\xc3\xa9", "\xf0\x9f\xaa\xb5", "DROP TABLE record;--", "\\",
		"?", "\x7f", "\x01", "NULL"
	};
	const char *text = "";

	for (uint64_t n = next(s) % 4; n > 0; n--)
		text = arena_printf(b->a, "%s%s", text, parts[next(s) %
			(sizeof parts / sizeof *parts)]);
	return text;
}

/* Of every size, and exactly what double has. */
static double some_number(uint64_t *s)
{
	return ldexp((double)(int64_t)next(s) - 4e15,
		(int)(next(s) % 120) - 110);
}

static void fill_fields(struct bed *b, const struct db_field *v, int n,
	struct record *r, uint64_t *s)
{
	for (int i = 0; i < n; i++) {
		char *at = (char *)r + v[i].at;

		switch (v[i].kind) {
		case DB_HASH:
			*(uint64_t *)at = next(s) * 4099;
			break;
		case DB_NOTE:
		case DB_TEXT:
			*(const char **)at = some_text(b, s);
			if (v[i].kind == DB_NOTE && next(s) % 2)
				*(const char **)at = NULL;
			break;
		case DB_INT:
			*(int *)at = (int)(next(s) % 2000) - 1000;
			break;
		case DB_TIME:
		case DB_REAL:
			*(double *)at = some_number(s);
			if (v[i].kind == DB_TIME && next(s) % 2)
				*(double *)at = INFINITY;
			break;
		case DB_FLAG:
			*(bool *)at = next(s) % 2;
		}
	}
}

static struct record some_record(struct bed *b, uint64_t *s)
{
	struct record r = { .n = (int)(next(s) % 5),
		.n_features = (int)(next(s) % 5),
		.verdict = (enum verdict)(next(s) % N_VERDICTS) };
	const char **names_of = ARENA_ARRAY(b->a, 5, const char *);
	const char **values = ARENA_ARRAY(b->a, 5, const char *);
	double *features = ARENA_ARRAY(b->a, 5, double);

	fill_fields(b, db_key_fields, DB_KEY_FIELDS, &r, s);
	fill_fields(b, db_fields, DB_FIELDS, &r, s);
	for (int i = 0; i < 5; i++) {
		names_of[i] = some_text(b, s);
		values[i] = some_text(b, s);
		features[i] = some_number(s);
	}
	r.names = names_of;
	r.values = values;
	r.features = features;
	return r;
}

static void same_text(const char *x, const char *y)
{
	if (!x || !y)
		assert_ptr_equal(x, y);
	else
		assert_string_equal(x, y);
}

static void same_fields(const struct db_field *v, int n,
	const struct record *x, const struct record *y)
{
	for (int i = 0; i < n; i++) {
		const char *p = (const char *)x + v[i].at;
		const char *q = (const char *)y + v[i].at;

		switch (v[i].kind) {
		case DB_HASH:
			assert_true(*(const uint64_t *)p ==
				*(const uint64_t *)q);
			break;
		case DB_NOTE:
		case DB_TEXT:
			same_text(*(const char *const *)p,
				*(const char *const *)q);
			break;
		case DB_INT:
			assert_int_equal(*(const int *)p, *(const int *)q);
			break;
		case DB_TIME:
		case DB_REAL:
			assert_true(*(const double *)p == *(const double *)q);
			break;
		case DB_FLAG:
			assert_int_equal(*(const bool *)p, *(const bool *)q);
		}
	}
}

static void same_record(const struct record *x, const struct record *y)
{
	same_fields(db_key_fields, DB_KEY_FIELDS, x, y);
	same_fields(db_fields, DB_FIELDS, x, y);
	assert_int_equal(x->verdict, y->verdict);
	assert_int_equal(x->n, y->n);
	assert_int_equal(x->n_features, y->n_features);
	for (int i = 0; i < x->n; i++) {
		assert_string_equal(x->names[i], y->names[i]);
		assert_string_equal(x->values[i], y->values[i]);
	}
	for (int i = 0; i < x->n_features; i++)
		assert_true(x->features[i] == y->features[i]);
}

/* Does the table have every member of the structs? One that was added and is
 * not in it would be lost without a word. What is left is padding. */
static void fields_cover_the_struct(void **state)
{
	size_t bytes = 0;

	(void)state;
	for (int i = 0; i < DB_KEY_FIELDS + DB_FIELDS; i++) {
		enum db_kind k = i < DB_KEY_FIELDS ? db_key_fields[i].kind :
			db_fields[i - DB_KEY_FIELDS].kind;

		bytes += k == DB_INT ? sizeof(int) : k == DB_FLAG ? 1 : 8;
	}
	bytes += 2 * sizeof(char *) + sizeof(int) + sizeof(enum verdict) +
		sizeof(double *) + sizeof(int);
	assert_true(sizeof(struct record) - bytes < 24);
}

static void what_goes_in_comes_out(void **state)
{
	enum { N = 500 };
	struct bed b = make_bed();
	struct record v[N];
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < N; i++) {
		v[i] = some_record(&b, &seed);
		v[i].date = arena_printf(b.a, "%d", i);
	}
	must(&b, db_put(b.db, 0, v, N / 2, NULL));
	must(&b, db_put(b.db, 0, v + N / 2, N - N / 2, NULL));
	reopen(&b, DB_READ);
	for (int i = 0; i < N; i++) {
		struct db_query q = db_of(&v[i].key);
		struct db_record *found;
		int n, k = 0;

		found = db_find(b.db, b.a, &q, &n);
		must(&b, found != NULL);
		while (k < n && strcmp(found[k].r.date, v[i].date))
			k++;
		assert_true(k < n);
		same_record(&v[i], &found[k].r);
	}
	must(&b, db_sound(b.db));
	remove_bed(&b);
}

static void cleans_and_refuses(void **state)
{
	struct bed b = make_bed();
	struct record v[2] = { record_of(small, 1, "a"), record_of(large, 1, "b") };
	struct db_query all = {0};
	struct db_record *found;
	int n;

	(void)state;
	v[0].message = "bad \xff\xc0\x80 \xed\xa0\x80 bytes \xe2\x82";
	v[1].spread = NAN;
	assert_false(db_put(b.db, 0, v, 2, NULL));
	assert_non_null(strstr(db_why(b.db), "a number that is none"));
	v[1].spread = 0;
	v[1].seconds = -INFINITY;
	assert_false(db_put(b.db, 0, v, 2, NULL));
	assert_non_null(db_find(b.db, b.a, &all, &n));
	assert_int_equal(n, 0);
	must(&b, db_put(b.db, 0, v, 1, NULL));
	found = db_find(b.db, b.a, &all, &n);
	assert_int_equal(n, 1);
	assert_string_equal(found->r.message, "bad \xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd bytes "
		"\xef\xbf\xbd\xef\xbf\xbd");
	reopen(&b, DB_READ);
	assert_false(db_put(b.db, 0, v, 1, NULL));
	remove_bed(&b);
}

/* ---- what counts ---- */

/* Of the points that are known, the first that may be taken for a winner. */
static double best(struct bed *b, const struct record *r)
{
	int n;
	const struct db_record *v = db_known(b->db, b->a, &r->key, &n);

	must(b, v != NULL);
	for (int i = 0; i < n; i++)
		if (v[i].r.verdict == V_MEASURED && v[i].origin != DB_FOREIGN)
			return v[i].r.seconds;
	return 0;
}

static void the_newest_significant_counts(void **state)
{
	struct bed b = make_bed();
	struct record r = record_of(small, 3e-6, "2026-01-02"), x = r;
	struct db_record *known;
	int n;

	(void)state;
	assert_true(best(&b, &r) == 0);
	put(&b, &r);
	x.seconds = 1e-6;
	x.date = "2026-01-01";
	put(&b, &x);
	assert_true(best(&b, &r) == 3e-6);
	x.seconds = 2e-6;
	x.date = "2026-01-03";
	put(&b, &x);
	assert_true(best(&b, &r) == 2e-6);
	x.seconds = 1e-6;
	x.date = "2026-01-04";
	x.throttled = true;
	put(&b, &x);
	x.throttled = false;
	x.verdict = V_SLOW;
	put(&b, &x);
	x.verdict = V_TIMEOUT;
	x.seconds = INFINITY;
	put(&b, &x);
	assert_true(best(&b, &r) == 2e-6);
	x.values = large;
	x.verdict = V_SPILL;
	put(&b, &x);
	known = db_known(b.db, b.a, &r.key, &n);
	assert_int_equal(n, 2);
	assert_int_equal(known[0].r.verdict, V_MEASURED);
	assert_int_equal(known[1].r.verdict, V_SPILL);
	x = r;
	x.verdict = V_WRONG;
	x.seconds = INFINITY;
	x.date = "2026-01-05";
	put(&b, &x);
	assert_true(best(&b, &r) == 0);
	x.key.share = 50;
	assert_true(best(&b, &x) == 0);
	remove_bed(&b);
}

static void foreign_records_wait_for_proof(void **state)
{
	struct bed b = make_bed();
	struct record r = record_of(small, 1e-6, "2026-01-01");
	struct db_record foreign[] = { { .r = r, .origin = DB_FOREIGN } };
	struct db_query all = {0};
	struct db_record *v;
	int n, added;

	(void)state;
	must(&b, db_take(b.db, NULL, 0, foreign, 1, &added));
	assert_int_equal(added, 1);
	must(&b, db_take(b.db, NULL, 0, foreign, 1, &added));
	assert_int_equal(added, 0);
	assert_true(best(&b, &r) == 0);
	v = db_find(b.db, b.a, &all, &n);
	assert_int_equal(n, 1);
	must(&b, db_mark(b.db, &v->id, 1, DB_PROVED));
	assert_true(best(&b, &r) == 1e-6);
	r.seconds = 2e-6;
	r.date = "2025-01-01";
	put(&b, &r);
	assert_true(best(&b, &r) == 2e-6);
	must(&b, db_mark(b.db, &v->id, 1, DB_REFUSED));
	assert_true(best(&b, &r) == 2e-6);
	all.origins = 1 << DB_REFUSED;
	assert_non_null(db_find(b.db, b.a, &all, &n));
	assert_int_equal(n, 1);
	must(&b, db_remove(b.db, &v->id, 1));
	assert_non_null(db_find(b.db, b.a, &all, &n));
	assert_int_equal(n, 0);
	assert_true(best(&b, &r) == 2e-6);
	remove_bed(&b);
}

/* ---- layers ---- */

static void layers_are_read_and_left_alone(void **state)
{
	struct bed b = make_bed();
	struct record r = record_of(small, 1e-6, "2026-01-01");
	const char *below[] = { NULL, NULL }, *why;
	struct db_query all = {0};
	struct db_record *v;
	struct db *db;
	int n;

	(void)state;
	below[0] = b.paths[1];
	db = db_open(b.a, below, DB_WRITE, &why);
	assert_non_null(db);
	assert_true(db_put(db, 0, &r, 1, NULL));
	db_close(db);
	b.paths[2] = arena_printf(b.a, "%s/absent.db", b.folder);
	reopen(&b, DB_WRITE);
	r.values = large;
	put(&b, &r);
	v = db_find(b.db, b.a, &all, &n);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].layer, 0);
	assert_int_equal(v[0].origin, DB_OWN);
	assert_int_equal(v[1].layer, 1);
	assert_int_equal(v[1].origin, DB_FOREIGN);
	assert_int_equal(access(b.paths[2], F_OK), -1);
	assert_int_equal(access(arena_printf(b.a, "%s-wal", b.paths[1]), F_OK),
		-1);
	assert_int_equal(access(arena_printf(b.a, "%s-shm", b.paths[1]), F_OK),
		-1);
	remove_bed(&b);
}

/* ---- runs ---- */

static void candidates_are_numbered_within_runs(void **state)
{
	struct bed b = make_bed();
	const char *argv[] = { "wpkc", "", "a b.wpk", "--set=x='%'", NULL };
	struct db_run run = { .folder = "/home/me", .argv = argv, .argc = 4,
		.options = "seed 1", .version = "0.1.0", .started = "now" };
	struct record r = record_of(small, 1e-6, "d"), two[] = { r, r };
	int64_t first = db_run_begin(b.db, &run), second;
	struct db_query q = {0};
	struct db_record *v;
	struct db_run *found;
	int number, n;

	(void)state;
	second = db_run_begin(b.db, &run);
	assert_true(first == 1 && second == 2);
	must(&b, db_put(b.db, first, two, 2, &number));
	assert_int_equal(number, 1);
	must(&b, db_put(b.db, second, two, 2, &number));
	assert_int_equal(number, 1);
	two[0].values = large;
	must(&b, db_put(b.db, first, two, 1, &number));
	assert_int_equal(number, 3);
	assert_false(db_put(b.db, 77, two, 1, &number));
	must(&b, db_run_end(b.db, first, "later", true));
	found = db_runs(b.db, b.a, 0, &n);
	assert_int_equal(n, 2);
	assert_int_equal(found[0].candidates, 3);
	assert_true(found[0].interrupted);
	assert_string_equal(found[0].ended, "later");
	assert_string_equal(found[1].ended, "");
	assert_int_equal(found[0].argc, 4);
	for (int i = 0; i < 4; i++)
		assert_string_equal(found[0].argv[i], argv[i]);
	q.run = first;
	q.number = 3;
	v = db_find(b.db, b.a, &q, &n);
	assert_int_equal(n, 1);
	assert_string_equal(v->r.values[0], "64");
	remove_bed(&b);
}

/* ---- transfer ---- */

static void near(struct bed *b, const struct record *r, const char *want)
{
	const char *seen = "";
	int n;
	struct db_near *v = db_nearest(b->db, b->a, &r->key, 10, &n);

	must(b, v != NULL);
	for (int i = 0; i < n; i++)
		seen = arena_printf(b->a, "%s%s%s", seen, i ? " " : "",
			v[i].record.r.values[0]);
	assert_string_equal(seen, want);
}

static void the_nearest_come_first(void **state)
{
	static const char *const points[][2] = {
		{ "a", "1" }, { "b", "1" }, { "c", "1" }, { "d", "1" },
		{ "e", "1" }, { "f", "1" }, { "g", "1" }
	};
	struct bed b = make_bed();
	struct record own = record_of(points[0], 1e-6, "1"), r;

	(void)state;
	put(&b, &own);
	near(&b, &own, "");
	r = own;
	r.key.gpu = "h100";
	r.values = points[1];
	put(&b, &r);
	r.values = points[2];
	r.seconds = 2e-6;
	put(&b, &r);
	r = own;
	r.key.hash = 5;
	r.key.shape = "K=64 M=64";
	r.values = points[3];
	put(&b, &r);
	r.values = points[1];
	put(&b, &r);
	r = own;
	r.key.gpu = "a100";
	r.key.target = "sm_80";
	r.values = points[4];
	put(&b, &r);
	r = own;
	r.key.family = 6;
	r.values = points[5];
	put(&b, &r);
	r = own;
	r.key.how = "model";
	put(&b, &r);
	r = own;
	r.key.gpu = "h100";
	r.values = points[6];
	r.verdict = V_SPILL;
	r.seconds = INFINITY;
	put(&b, &r);
	near(&b, &own, "b d e c");
	r = own;
	r.key.types = "f16 f16";
	r.key.hash = 9;
	near(&b, &r, "a b d e c");
	remove_bed(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_cover_the_struct),
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(cleans_and_refuses),
		cmocka_unit_test(the_newest_significant_counts),
		cmocka_unit_test(foreign_records_wait_for_proof),
		cmocka_unit_test(layers_are_read_and_left_alone),
		cmocka_unit_test(candidates_are_numbered_within_runs),
		cmocka_unit_test(the_nearest_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
