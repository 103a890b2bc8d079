/* SPDX-License-Identifier: MIT */
/* wpkc search: how good strategies are, on recorded spaces. Tables and names of
 * strategies come in; for each pair a curve goes out, as a row of text or as a
 * line of JSON. Nothing is compiled and no GPU is needed. */
#include "driver/search.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "driver/command.h"
#include "search/curve.h"

struct asked_search {
	struct arena *a;
	VEC(const char *) tables, strategies;
	const char *from;
	long budget, seeds, batch, window;
	bool json, help;
};

static const char help[] =
	"usage: wpkc search --replay=FILE [OPTION]...\n\n"
	"Plays searches on recorded spaces and tells the optimum's time over the\n"
	"best time found after 25, 50, 100, .. distinct evaluations: mean and\n"
	"standard deviation over the seeds.\n\n"
	"  --replay=FILE       a recorded space: CSV, T4 or Kernel Tuner JSON, or\n"
	"                      records as 'wpkdb export' writes; may be repeated\n"
	"  --strategy=NAME,..  what searches; 'wpkc --list=strategies' (auto)\n"
	"  --budget=N          evaluations of each search (400)\n"
	"  --seeds=N           searches, with seeds 1 to N (30)\n"
	"  --batch=N           points proposed and told at once (1)\n"
	"  --window=N          points under way at once, told one by one (0: none\n"
	"                      are when others are proposed)\n"
	"  --from=FILE         a space of another GPU or shape with the same\n"
	"                      tunables, known beforehand\n"
	"  --json              a JSON object for each space and strategy\n"
	"  --help              this text\n";

static bool complain(const char *text)
{
	command_complain("search", text);
	return false;
}

/* ---- options ---- */

static bool add_table(struct asked_search *s, const char *v)
{
	vec_push(s->a, &s->tables, v);
	return true;
}

static bool unknown_strategy(struct asked_search *s, const char *v)
{
	struct str out;

	str_init(&out, s->a);
	str_printf(&out, "no strategy '%s'; there are", v);
	for (int i = 0; strategy_list()[i]; i++)
		str_printf(&out, "%s %s", i ? "," : "",
			strategy_list()[i]->name);
	return complain(str_text(&out));
}

static bool add_strategies(struct asked_search *s, const char *v)
{
	char *copy = arena_strdup(s->a, v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		if (!strategy_named(p))
			return unknown_strategy(s, p);
		vec_push(s->a, &s->strategies, p);
	}
	return s->strategies.n || complain("--strategy wants a name");
}

static bool set_from(struct asked_search *s, const char *v)
{
	s->from = v;
	return true;
}

static bool read_number(struct asked_search *s, const char *name,
	const char *v, long most, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(v, &end, 10);
	return (end > v && !*end && !errno && *out >= 1 && *out <= most) ||
		complain(arena_printf(s->a, "%s takes a whole number from 1 to "
			"%ld, not '%s'", name, most, v));
}

static bool set_budget(struct asked_search *s, const char *v)
{
	return read_number(s, "--budget", v, 1000000, &s->budget);
}

static bool set_seeds(struct asked_search *s, const char *v)
{
	return read_number(s, "--seeds", v, 100000, &s->seeds);
}

static bool set_batch(struct asked_search *s, const char *v)
{
	return read_number(s, "--batch", v, 10000, &s->batch);
}

static bool set_window(struct asked_search *s, const char *v)
{
	return read_number(s, "--window", v, 10000, &s->window);
}

static bool set_json(struct asked_search *s, const char *v)
{
	(void)v;
	return s->json = true;
}

static bool set_help(struct asked_search *s, const char *v)
{
	(void)v;
	return s->help = true;
}

static const struct {
	const char *name;
	bool wants_value;
	bool (*take)(struct asked_search *s, const char *v);
} rows[] = {
	{ "--replay", true, add_table },
	{ "--strategy", true, add_strategies },
	{ "--budget", true, set_budget },
	{ "--seeds", true, set_seeds },
	{ "--batch", true, set_batch },
	{ "--window", true, set_window },
	{ "--from", true, set_from },
	{ "--json", false, set_json },
	{ "--help", false, set_help },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static bool unknown_option(struct asked_search *s, const char *name)
{
	const char *names[N_ROWS + 1] = {0}, *near;

	for (int i = 0; i < N_ROWS; i++)
		names[i] = rows[i].name;
	near = str_nearest(name, names);
	return complain(near ? arena_printf(s->a,
		"unknown option '%s'; did you mean %s?", name, near) :
		arena_printf(s->a, "unknown option '%s'; wpkc search --help "
		"tells", name));
}

/* One option of argv, as NAME=VALUE or NAME VALUE; what it takes is counted
 * in "*i". */
static bool read_option(struct asked_search *s, int argc, char **argv, int *i)
{
	char *arg = arena_strdup(s->a, argv[(*i)++]), *eq = strchr(arg, '=');

	if (eq)
		*eq++ = '\0';
	for (int k = 0; k < N_ROWS; k++) {
		if (strcmp(arg, rows[k].name))
			continue;
		if (eq && !rows[k].wants_value)
			return complain(arena_printf(s->a,
				"%s takes no value", arg));
		if (!eq && rows[k].wants_value && *i < argc)
			eq = argv[(*i)++];
		if (rows[k].wants_value && !(eq && *eq))
			return complain(arena_printf(s->a, "%s wants a value",
				arg));
		return rows[k].take(s, eq);
	}
	return unknown_option(s, arg);
}

static bool read_options(struct asked_search *s, int argc, char **argv)
{
	for (int i = 0; i < argc;)
		if (!read_option(s, argc, argv, &i))
			return false;
	if (s->help)
		return true;
	if (!s->strategies.n)
		add_strategies(s, strategy_list()[0]->name);
	return s->tables.n || complain("--replay=FILE is missing; "
		"wpkc search --help tells");
}

/* ---- tables ---- */

/* "spaces/conv-a100.csv" is of "conv-a100". */
static const char *space_name_of(struct arena *a, const char *path)
{
	const char *base = strrchr(path, '/'), *dot;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	return dot && dot > base ?
		arena_strndup(a, base, (size_t)(dot - base)) : base;
}

static struct replay *read_table(struct asked_search *s, const char *path)
{
	const char *why;
	struct replay *r = replay_read(s->a, path, &why);

	if (!r)
		complain(why);
	return r;
}

/* NULL, having said why, unless there is something to find in it. */
static struct replay *read_space(struct asked_search *s, const char *path,
	const struct replay *from)
{
	struct replay *r = read_table(s, path);
	const char *why = NULL;

	if (!r)
		return NULL;
	if (r->failures == r->n)
		why = arena_printf(s->a, "%s: every point fails: there is no "
			"optimum to find", path);
	else if (from)
		curve_prior(s->a, r, from, &why);
	if (why)
		complain(why);
	return why ? NULL : r;
}

/* ---- output ---- */

static void put(json_t *object, const char *key, json_t *value)
{
	int failed = json_object_set_new(object, key, value);

	assert(!failed);
	(void)failed;
}

static json_t *by_mark(struct arena *a, const struct curve *c,
	const double *values)
{
	json_t *v = json_object();

	for (int m = 0; m < c->n; m++)
		put(v, arena_printf(a, "%d", c->marks[m]),
			json_real(values[m]));
	return v;
}

static json_t *text(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("(not UTF-8)");
}

static void print_json(const struct asked_search *s, const struct replay *r,
	const char *strategy, const struct curve *c)
{
	json_t *v = json_object();

	put(v, "space", text(space_name_of(s->a, r->path)));
	put(v, "points", json_integer(r->n));
	put(v, "strategy", text(strategy));
	if (s->from)
		put(v, "from", text(space_name_of(s->a, s->from)));
	put(v, "budget", json_integer(s->budget));
	put(v, "seeds", json_integer(c->seeds));
	put(v, "batch", json_integer(s->batch));
	if (s->window)
		put(v, "window", json_integer(s->window));
	put(v, "curve", by_mark(s->a, c, c->mean));
	put(v, "spread", by_mark(s->a, c, c->spread));
	put(v, "evaluations_to_95", json_real(c->to_95));
	put(v, "reached_95", json_real(c->reached_95));
	put(v, "own_ms", json_real(c->own_ms));
	json_dumpf(v, stdout, JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(v);
}

static void print_head(const struct curve *c)
{
	printf("%-16s %-11s", "space", "strategy");
	for (int m = 0; m < c->n; m++)
		printf(" %13d", c->marks[m]);
	printf(" %8s %9s\n", "95% at", "ms/point");
}

static void print_row(const char *space, const char *strategy,
	const struct curve *c)
{
	printf("%-16s %-11s", space, strategy);
	for (int m = 0; m < c->n; m++)
		printf("  %.3f ±%.3f", c->mean[m], c->spread[m]);
	printf(" %8.1f %9.2f\n", c->to_95, c->own_ms);
	fflush(stdout);
}

/* ---- all pairs ---- */

/* Add "c" to the mean over spaces. */
static void sum_up(struct curve *sum, const struct curve *c, int n)
{
	for (int m = 0; m < c->n; m++) {
		sum->mean[m] += c->mean[m] / n;
		sum->spread[m] += c->spread[m] / n;
	}
	sum->to_95 += c->to_95 / n;
	sum->own_ms += c->own_ms / n;
}

static void search_space(const struct asked_search *s, const struct replay *r,
	const struct replay *from, struct curve *sums)
{
	for (int i = 0; i < s->strategies.n; i++) {
		const char *name = s->strategies.v[i];
		struct curve c;

		curve_init(&c, (int)s->budget);
		c.batch = (int)s->batch;
		c.window = (int)s->window;
		curve_run(&c, r, from, strategy_named(name), (int)s->seeds,
			NULL);
		if (s->json)
			print_json(s, r, name, &c);
		else
			print_row(space_name_of(s->a, r->path), name, &c);
		sum_up(&sums[i], &c, s->tables.n);
	}
}

static bool search_all(struct asked_search *s)
{
	struct curve *sums = ARENA_ARRAY(s->a, s->strategies.n, struct curve);
	struct replay **tables = ARENA_ARRAY(s->a, s->tables.n,
		struct replay *);
	struct replay *from = s->from ? read_table(s, s->from) : NULL;

	if (s->from && !from)
		return false;
	for (int i = 0; i < s->tables.n; i++)
		if (!(tables[i] = read_space(s, s->tables.v[i], from)))
			return false;
	for (int i = 0; i < s->strategies.n; i++)
		curve_init(&sums[i], (int)s->budget);
	if (!s->json)
		print_head(&sums[0]);
	for (int i = 0; i < s->tables.n; i++)
		search_space(s, tables[i], from, sums);
	for (int i = 0; !s->json && s->tables.n > 1 && i < s->strategies.n; i++)
		print_row("(mean)", s->strategies.v[i], &sums[i]);
	return true;
}

int search_main(struct arena *a, int argc, char **argv)
{
	struct asked_search s = { .a = a, .budget = 400, .seeds = 30,
		.batch = 1 };
	bool failed;

	if (!read_options(&s, argc, argv))
		return EXIT_USER;
	if (s.help)
		fputs(help, stdout);
	else if (!search_all(&s))
		return EXIT_USER;
	failed = ferror(stdout);
	if (!fflush(stdout) && !failed)
		return EXIT_DONE;
	complain(arena_printf(a, "cannot write standard output: %s",
		strerror(errno)));
	return EXIT_USER;
}
