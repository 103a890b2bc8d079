/* SPDX-License-Identifier: MIT */
/* Records one by one: a line each, under the title of their problem; or one
 * candidate with all that is known of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wpkdb/wpkdb.h"

static const char *point_text(struct arena *a, const struct record *r)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < r->n; i++)
		str_printf(&s, "%s%s=%s", i ? " " : "", r->names[i],
			r->values[i]);
	return text_plain(a, str_text(&s));
}

static const char *number_text(struct arena *a, const struct db_record *r)
{
	return r->run ? arena_printf(a, "%lld.%d", (long long)r->run,
		r->number) : "-";
}

/* Of a message the first line, which says what there is. */
static void print_record(struct arena *a, const struct db_record *r)
{
	const char *message = r->r.message ? r->r.message : "";

	printf("    %-10s %-9s %10s%s  %s  %s%s%s%.*s\n", number_text(a, r),
		verdict_name(r->r.verdict), text_time(a, r->r.seconds),
		r->r.throttled ? "!" : "", text_plain(a, r->r.key.sketch),
		point_text(a, &r->r), r->origin == DB_OWN ? "" :
		arena_printf(a, "  (%s)", db_origin_name(r->origin)),
		*message ? "  # " : "", 200, text_plain(a, arena_strndup(a,
		message, strcspn(message, "\n"))));
}

static void print_fact(struct arena *a, const char *name, const char *value)
{
	if (*value)
		printf("    %-12s %s\n", name, text_plain(a, value));
}

static void print_number(struct arena *a, const char *name, double v,
	const char *unit)
{
	if (v > 0)
		print_fact(a, name, arena_printf(a, "%.4g%s", v, unit));
}

/* Messages of several lines keep them. */
static void print_message(struct arena *a, const char *text)
{
	const char *name = "message";

	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("    %-12s %s\n", name, text_plain(a, arena_strndup(a,
			text, n)));
		name = "";
		text += n + (text[n] == '\n');
	}
}

static void print_all(struct arena *a, const struct db_record *r)
{
	const struct record *x = &r->r;

	printf("%s\n", problem_title(a, &x->key));
	print_fact(a, "candidate", number_text(a, r));
	print_fact(a, "origin", db_origin_name(r->origin));
	print_fact(a, "hash", arena_printf(a, "%016llx",
		(unsigned long long)x->key.hash));
	print_fact(a, "sketch", x->key.sketch);
	print_fact(a, "point", point_text(a, x));
	print_fact(a, "verdict", verdict_name(x->verdict));
	print_message(a, x->message ? x->message : "");
	print_fact(a, "time", text_time(a, x->seconds));
	print_number(a, "spread", x->spread * 100, " %");
	print_fact(a, "predicted", text_time(a, x->predicted));
	print_number(a, "compiled in", x->compile_seconds, " s");
	print_number(a, "registers", x->registers, "");
	print_number(a, "spilt", x->spill_bytes, " bytes");
	print_number(a, "clock", x->clock_mhz, x->throttled ?
		" MHz, throttled" : " MHz");
	print_fact(a, "driver", x->driver);
	print_fact(a, "version", x->version);
	print_fact(a, "date", x->date);
}

static int show_one(struct wpkdb *w, const struct db_record *r,
	const char *command, const char *why)
{
	json_t *v;
	struct str out;

	if (!w->json) {
		print_all(w->a, r);
		print_fact(w->a, "again by", command ? "" : arena_printf(w->a,
			"no command: %s", why));
		if (command)
			printf("%s\n", text_plain(w->a, command));
		return EXIT_DONE;
	}
	v = json_record(w->a, r);
	json_object_set_new(v, "command", command ? json_string(command) :
		json_null());
	str_init(&out, w->a);
	json_print(v, &out);
	json_decref(v);
	printf("%s\n", str_text(&out));
	return EXIT_DONE;
}

/* "12.345", a run and a candidate of it. */
static bool read_number(struct wpkdb *w, const char *word)
{
	char *end;

	w->query.run = strtoll(word, &end, 10);
	if (*end == '.' && *word >= '0' && *word <= '9') {
		const char *number = end + 1;

		w->query.number = (int)strtol(number, &end, 10);
		return *number >= '0' && *number <= '9' && !*end &&
			w->query.run > 0 && w->query.number > 0;
	}
	return false;
}

static int show_candidate(struct wpkdb *w)
{
	const char *command = NULL, *why = "its run is not known";
	struct db_record *v;
	struct db_run *runs;
	int n, n_runs;

	if (!read_number(w, w->words.v[0]))
		return wpkdb_fail(w, EXIT_USER, "'%s' is no candidate; one is "
			"written as in 12.345, run and number", w->words.v[0]);
	v = db_find(w->db, w->a, &w->query, &n);
	runs = v ? db_runs(w->db, w->a, w->query.run, &n_runs) : NULL;
	if (!runs)
		return wpkdb_fail_db(w);
	if (!n)
		return wpkdb_fail(w, EXIT_USER, "there is no candidate %s",
			w->words.v[0]);
	if (n_runs)
		command = command_text(w->a, runs, v, &why);
	return show_one(w, v, command, why);
}

static int show_problem(struct wpkdb *w, const struct record_key *key,
	json_t *all)
{
	struct arena *a = arena_create();
	int n = 0;
	struct db_record *v = problems_records(w, a, key, &n);

	if (n && !w->json)
		printf("%s\n", problem_title(a, key));
	for (int i = 0; i < n; i++)
		if (w->json)
			json_array_append_new(all, json_record(a, &v[i]));
		else
			print_record(a, &v[i]);
	arena_destroy(a);
	return v ? EXIT_DONE : wpkdb_fail_db(w);
}

int wpkdb_show(struct wpkdb *w)
{
	json_t *all;
	key_list keys;
	struct str out;
	int code = EXIT_DONE;

	if (w->words.n)
		return show_candidate(w);
	if (!problems_find(w, &keys))
		return wpkdb_fail_db(w);
	all = json_array();
	for (int i = 0; i < keys.n && code == EXIT_DONE; i++)
		code = show_problem(w, &keys.v[i], all);
	str_init(&out, w->a);
	json_print(all, &out);
	if (w->json && code == EXIT_DONE)
		printf("%s\n", str_text(&out));
	json_decref(all);
	return code;
}
