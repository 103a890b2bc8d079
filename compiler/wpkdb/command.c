/* SPDX-License-Identifier: MIT */
/* The command that makes a candidate again. A run's own command says which
 * sources, sizes and pins there were; the record says the rest, as --set of
 * every tunable. What concerns searching, output and the lock is left out. */
#include <stdio.h>
#include <string.h>

#include "schedule/target.h"
#include "wpkdb/wpkdb.h"

static void add(struct arena *a, string_list *words, const char *option,
	const char *value)
{
	vec_push(a, words, arena_printf(a, "%s=%s", option, value));
}

/* "acc+y" */
static const char *with_plus(struct arena *a, const char *names)
{
	char *copy = arena_strdup(a, names);

	for (char *p = copy; *p; p++)
		if (*p == ',')
			*p = '+';
	return copy;
}

void command_settings(struct arena *a, const struct db_record *r,
	string_list *words)
{
	const struct record_key *k = &r->r.key;
	const char *to = arena_printf(a, "--set=%s.%d:", k->op, k->group);

	if (*k->kernel)
		vec_push(a, words, arena_printf(a, "%skernel=%s", to,
			with_plus(a, k->kernel)));
	vec_push(a, words, arena_printf(a, "%ssketch=%s", to, k->sketch));
	for (int i = 0; i < r->r.n; i++)
		vec_push(a, words, arena_printf(a, "%s%s=%s", to,
			r->r.names[i], r->r.values[i]));
}

static void add_settings(struct arena *a, string_list *words,
	const char *option, const struct setting *v, int n)
{
	for (int i = 0; i < n; i++)
		add(a, words, option, arena_printf(a, "%s=%s", v[i].name,
			v[i].value));
}

static const char *command_of(struct arena *a, const struct db_run *run,
	const struct options *o, const struct db_record *r)
{
	string_list words = {0};
	struct str s;

	vec_push(a, &words, "wpkc");
	vec_push(a, &words, o->input);
	for (int i = 0; i < o->dirs.n; i++)
		vec_push(a, &words, arena_printf(a, "-I%s", o->dirs.v[i]));
	add(a, &words, "--target", r->r.key.target);
	if (gpu_named(r->r.key.gpu))
		add(a, &words, "--gpu", r->r.key.gpu);
	if (o->share)
		add(a, &words, "--share", arena_printf(a, "%d", o->share));
	for (int i = 0; i < o->ops.n; i++)
		add(a, &words, "--op", o->ops.v[i]);
	add_settings(a, &words, "--shape", o->shapes.v, o->shapes.n);
	add_settings(a, &words, "--set", o->settings.v, o->settings.n);
	command_settings(a, r, &words);
	vec_push(a, &words, "--no-lock");
	str_init(&s, a);
	if (*run->folder) {
		str_puts(&s, "cd ");
		str_word(&s, run->folder);
		str_puts(&s, " && ");
	}
	for (int i = 0; i < words.n; i++) {
		str_puts(&s, i ? " " : "");
		str_word(&s, words.v[i]);
	}
	return str_text(&s);
}

static bool has_comma(const struct record *r)
{
	for (int i = 0; i < r->n; i++)
		if (strchr(r->names[i], ',') || strchr(r->values[i], ','))
			return true;
	return false;
}

const char *command_text(struct arena *a, const struct db_run *run,
	const struct db_record *r, const char **why)
{
	char **argv = ARENA_ARRAY(a, (size_t)run->argc + 1, char *);
	struct options o;
	struct str text;

	str_init(&text, a);
	*why = NULL;
	for (int i = 0; i < run->argc; i++)
		argv[i] = arena_strdup(a, run->argv[i]);
	if (run->argc < 2)
		*why = "its run has no command";
	else if (options_read(a, run->argc, argv, &o, &text) != ASKED_COMPILE)
		*why = arena_printf(a, "this version does not take the run's "
			"command: %.*s", (int)strcspn(str_text(&text), "\n"),
			str_text(&text));
	else if (!strcmp(o.input, "-"))
		*why = "its source came from standard input";
	else if (has_comma(&r->r))
		*why = "a tunable has a comma";
	return *why ? NULL : command_of(a, run, &o, r);
}
