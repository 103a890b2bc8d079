/* SPDX-License-Identifier: MIT */
/* wpkdb: what is in the tuning database, for people and scripts. The command
 * line comes in; a command is a row of a table and a function. Only the files
 * of this room print. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "driver/paths.h"
#include "driver/version.h"
#include "wpkdb/wpkdb.h"

/* "least" and "most" words go with it besides options (-1: any number).
 * "writes": the database is changed; "layers": it is asked with those below;
 * "late": it opens the database itself, when there is something to store. */
struct command {
	const char *name, *arguments, *help;
	int (*run)(struct wpkdb *w);
	int least, most;
	unsigned takes;
	bool writes, layers, late;
};

static const struct command commands[] = {
	{ "list", "", "problems, their numbers of records and their winners",
		wpkdb_list, 0, 0, TAKES_FILTERS | TAKES_JSON, false, true, false },
	{ "runs", "", "runs of a tuner", wpkdb_runs, 0, 0, TAKES_JSON, false,
		false, false },
	{ "show", "[RUN.CANDIDATE]", "records; of one candidate also the "
		"command that makes it again", wpkdb_show, 0, 1,
		TAKES_FILTERS | TAKES_JSON, false, true, false },
	{ "export", "", "records as JSON lines, or of one problem as CSV",
		wpkdb_export, 0, 0, TAKES_FILTERS | TAKES_OUTPUT, false, true,
		false },
	{ "import", "FILE...", "JSON lines of another database, all or none",
		wpkdb_import, 1, -1, TAKES_OWN, true, false, true },
	{ "merge", "OTHER.db", "all records and runs of another database",
		wpkdb_merge, 1, 1, TAKES_OWN, true, false, true },
	{ "prune", "", "delete records", wpkdb_prune, 0, 0, TAKES_FILTERS |
		TAKES_PRUNE, true, false, false },
	{ "verify", "SOURCE.wpk [WPKC-OPTION...]", "prove records of elsewhere",
		wpkdb_verify, 1, -1, TAKES_FILTERS | TAKES_BEST, true, true,
		false },
	{ "check", "", "is the database undamaged?", wpkdb_check, 0, 0, 0,
		false, false, false },
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* ---- errors ---- */

enum exit_code wpkdb_fail(struct wpkdb *w, enum exit_code code,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "wpkdb: error: %s\n", text_plain(w->a,
		arena_vprintf(w->a, fmt, ap)));
	va_end(ap);
	return code;
}

enum exit_code wpkdb_fail_db(struct wpkdb *w)
{
	return wpkdb_fail(w, EXIT_USER, "%s", db_why(w->db));
}

/* ---- help ---- */

static void put_help(struct str *out)
{
	str_puts(out, "usage: wpkdb [--db=PATH] COMMAND [OPTION...]\n\n"
		"The tuning database of wpkc: $WPK_DB, else "
		"~/.local/share/wpkc/tuning.db.\n\n");
	for (int i = 0; i < N_COMMANDS; i++)
		str_printf(out, "  wpkdb %s%s%s\n        %s\n",
			commands[i].name, *commands[i].arguments ? " " : "",
			commands[i].arguments, commands[i].help);
	str_puts(out, "\nOptions; wpkdb COMMAND --help tells which a command "
		"takes:\n");
	options_show(out, ~0u, false);
	str_puts(out, "\nExamples:\n"
		"  wpkdb list --gpu=h200\n"
		"  wpkdb show 12.345\n"
		"  wpkdb export --op=mm | gzip >mm.jsonl.gz\n"
		"  wpkdb prune --verdict=timeout --older-than=30 --dry-run\n");
}

static int print(struct str *text)
{
	fputs(str_text(text), stdout);
	return EXIT_DONE;
}

static int help_of(struct wpkdb *w, const struct command *c)
{
	struct str out;

	str_init(&out, w->a);
	str_printf(&out, "usage: wpkdb %s%s%s [OPTION...]\n\n%s\n\n", c->name,
		*c->arguments ? " " : "", c->arguments, c->help);
	options_show(&out, c->takes | TAKES_ALWAYS, false);
	return print(&out);
}

/* --list=commands and --list=options[:COMMAND], for completion. */
static int list_names(struct wpkdb *w, const char *what)
{
	struct str out;

	str_init(&out, w->a);
	if (!strcmp(what, "commands"))
		for (int i = 0; i < N_COMMANDS; i++)
			str_printf(&out, "%s\n", commands[i].name);
	else if (!strcmp(what, "options"))
		options_show(&out, ~0u, true);
	else
		return wpkdb_fail(w, EXIT_USER, "--list knows commands and "
			"options, not '%s'", what);
	return print(&out);
}

/* ---- running ---- */

enum exit_code wpkdb_open(struct wpkdb *w, bool write, bool layers)
{
	const char *paths[3] = { w->path ? w->path : db_user_path(w->a) }, *why;

	if (!paths[0] || !*paths[0])
		return wpkdb_fail(w, EXIT_USER, "no database: none of --db, "
			"WPK_DB, XDG_DATA_HOME and HOME is set");
	if (layers)
		paths[1] = paths_find(w->a, PATHS_DB);
	w->path = paths[0];
	w->db = db_open(w->a, paths, write ? DB_WRITE : DB_READ, &why);
	return w->db ? EXIT_DONE : wpkdb_fail(w, EXIT_USER, "%s", why);
}

static int run(struct wpkdb *w, const struct command *c)
{
	int code = EXIT_DONE, n = w->words.n;

	if (n < c->least || (c->most >= 0 && n > c->most))
		return wpkdb_fail(w, EXIT_USER, "usage: wpkdb %s %s", c->name,
			c->arguments);
	if (!c->late)
		code = wpkdb_open(w, c->writes && !w->dry_run, c->layers);
	if (code == EXIT_DONE)
		code = c->run(w);
	if (w->db)
		db_close(w->db);
	return code;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return false;
}

static int command(struct wpkdb *w, int argc, char **argv)
{
	for (int i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->name, argv[0]))
			continue;
		if (asks_help(argc, argv))
			return help_of(w, c);
		return options_parse(w, c->name, c->takes, argc - 1, argv + 1) ?
			run(w, c) : EXIT_USER;
	}
	return wpkdb_fail(w, EXIT_USER, "there is no command '%s'; wpkdb "
		"--help tells", argv[0]);
}

static int dispatch(struct wpkdb *w, int argc, char **argv)
{
	struct str out;

	str_init(&out, w->a);
	for (; argc && !strncmp(*argv, "--db", 4); argc--, argv++)
		if ((*argv)[4] == '=')
			w->path = *argv + 5;
		else if (!(*argv)[4] && argc > 1) {
			w->path = *++argv;
			argc--;
		} else {
			break;
		}
	if (argc && !strncmp(*argv, "--list=", 7))
		return list_names(w, *argv + 7);
	if (argc && !strcmp(*argv, "--version"))
		str_printf(&out, "wpkdb %s\n", WPK_VERSION);
	else if (argc && !strcmp(*argv, "--help"))
		put_help(&out);
	else if (argc)
		return command(w, argc, argv);
	else
		return wpkdb_fail(w, EXIT_USER, "no command; wpkdb --help "
			"tells");
	return print(&out);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	struct wpkdb w = { .a = a, .days = -1 };
	bool failed;
	int code;

	signal(SIGXFSZ, SIG_IGN);
	code = argc > 0 ? dispatch(&w, argc - 1, argv + 1) : EXIT_USER;
	failed = ferror(stdout);
	if ((fflush(stdout) || failed) && code == EXIT_DONE)
		code = wpkdb_fail(&w, EXIT_USER, "cannot write standard "
			"output: %s", strerror(errno));
	arena_destroy(a);
	return code;
}
