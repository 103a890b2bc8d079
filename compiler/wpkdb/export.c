/* SPDX-License-Identifier: MIT */
/* Records out of the database: JSON lines, which import reads, in an order that
 * depends on the records alone; or one problem as the table that replays
 * read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "driver/output.h"
#include "wpkdb/wpkdb.h"

/* ---- JSON lines ---- */

/* Straight to standard output, or "text" for a file. */
struct lines {
	struct wpkdb *w;
	struct str *text;
	const char *why;
};

static bool put_line(void *ctx, const struct db_record *r)
{
	struct lines *l = ctx;
	struct arena *a = arena_create();
	json_t *v = json_record(a, r);
	struct str out;

	str_init(&out, l->text ? l->text->a : a);
	if ((int)json_object_size(json_object_get(v, "point")) != r->r.n)
		l->why = arena_printf(l->w->a, "record %lld of '%s' has a "
			"tunable twice", (long long)r->id, r->r.key.op);
	json_print(v, l->text ? l->text : &out);
	json_decref(v);
	if (l->text)
		str_putc(l->text, '\n');
	else if (!l->why)
		puts(str_text(&out));
	arena_destroy(a);
	return !l->why && !ferror(stdout);
}

/* ---- CSV ---- */

static bool same_names(const struct record *x, const struct record *y)
{
	if (x->n != y->n || strcmp(x->key.sketch, y->key.sketch))
		return false;
	for (int i = 0; i < x->n; i++)
		if (strcmp(x->names[i], y->names[i]))
			return false;
	return true;
}

static void put_cell(struct str *out, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		str_puts(out, text);
		return;
	}
	str_putc(out, '"');
	for (; *text; text++)
		str_printf(out, "%s%c", *text == '"' ? "\"" : "", *text);
	str_putc(out, '"');
}

static void put_table(const struct db_record *v, int n, struct str *out)
{
	for (int i = 0; i < v[0].r.n; i++) {
		put_cell(out, v[0].r.names[i]);
		str_putc(out, ',');
	}
	str_puts(out, "time_ms,compile_ms\n");
	for (int k = 0; k < n; k++) {
		const struct record *r = &v[k].r;

		for (int i = 0; i < r->n; i++) {
			put_cell(out, r->values[i]);
			str_putc(out, ',');
		}
		if (isfinite(r->seconds))
			str_printf(out, "%.9g", r->seconds * 1e3);
		else
			str_puts(out, "fail");
		str_printf(out, ",%.9g\n", r->compile_seconds * 1e3);
	}
}

/* Each point once, by the record that counts, the best first. */
static int table(struct wpkdb *w, struct str *out)
{
	struct db_record *v;
	key_list keys;
	int n;

	if (!problems_find(w, &keys))
		return wpkdb_fail_db(w);
	if (keys.n != 1)
		return wpkdb_fail(w, EXIT_USER, keys.n ? "a table is of one "
			"problem, and these records are of %d: narrow them "
			"down, as by --op and --gpu; wpkdb list tells" :
			"there are no such records", keys.n);
	v = problems_records(w, w->a, &keys.v[0], &n);
	if (!v)
		return wpkdb_fail_db(w);
	n = db_count(v, n);
	if (!n)
		return wpkdb_fail(w, EXIT_USER, "none of these records counts");
	for (int i = 1; i < n; i++)
		if (!same_names(&v[0].r, &v[i].r))
			return wpkdb_fail(w, EXIT_USER, "a table is of one "
				"space, and these records are of several: "
				"name a --sketch");
	put_table(v, n, out);
	return EXIT_DONE;
}

/* ---- both ---- */

static int export_lines(struct wpkdb *w, struct str *text)
{
	struct lines l = { .w = w, .text = w->output ? text : NULL };

	if (!db_each(w->db, &w->query, put_line, &l))
		return wpkdb_fail_db(w);
	return l.why ? wpkdb_fail(w, EXIT_USER, "%s", l.why) : EXIT_DONE;
}

int wpkdb_export(struct wpkdb *w)
{
	struct outputs out;
	struct str text;
	const char *why;
	int code;

	str_init(&text, w->a);
	code = w->csv ? table(w, &text) : export_lines(w, &text);
	if (code != EXIT_DONE || (!w->csv && !w->output))
		return code;
	outputs_init(&out, w->a);
	outputs_add(&out, w->output ? w->output : "-", &text);
	why = outputs_commit(&out);
	return why ? wpkdb_fail(w, EXIT_USER, "%s", why) : EXIT_DONE;
}
