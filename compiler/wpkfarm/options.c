/* SPDX-License-Identifier: MIT */
/* wpkc's command line with several sources, taken apart: what each search gets,
 * what the compilation at the end gets, what the farm sees to itself, and what
 * makes no sense in one. */
#include "wpkfarm/wpkfarm.h"

#include <stdlib.h>
#include <string.h>

#include "driver/options_table.h"
#include "driver/version.h"

/* Where an option's words go. Those that are not here go to both. */
enum goes { GOES_SEARCH, GOES_FINAL, GOES_NOWHERE, GOES_WRONG };

static const struct {
	const char *name;
	enum goes goes;
} table[] = {
	{ "--tune", GOES_SEARCH }, { "--trials", GOES_SEARCH },
	{ "--time", GOES_SEARCH }, { "--effort", GOES_SEARCH },
	{ "--share", GOES_SEARCH }, { "--limits", GOES_SEARCH },
	{ "--jobs", GOES_SEARCH }, { "--db", GOES_SEARCH },
	{ "--no-db", GOES_SEARCH },
	{ "--no-verify", GOES_SEARCH },
	{ "-o", GOES_FINAL }, { "-H", GOES_FINAL }, { "--emit", GOES_FINAL },
	{ "-MD", GOES_FINAL }, { "-MF", GOES_FINAL }, { "-MT", GOES_FINAL },
	{ "--op", GOES_FINAL },
	{ "--measure", GOES_NOWHERE }, { "--seed", GOES_NOWHERE },
	{ "--lock", GOES_NOWHERE },
	{ "--no-lock", GOES_WRONG }, { "--frozen", GOES_WRONG },
	{ "--check", GOES_WRONG }, { "--test", GOES_WRONG },
	{ "--candidates", GOES_WRONG }, { "--list", GOES_WRONG },
	{ "--explain", GOES_WRONG }, { "--resume", GOES_WRONG },
};

static const char help[] =
	"usage: mpirun -np N wpkfarm [options of wpkc] FILE.wpk...\n\n"
	"  mpirun -np 9 wpkfarm conv.wpk --tune=ga       "
	"rank 0 and eight GPUs\n"
	"  mpirun -np 33 --hostfile hosts --enable-recovery wpkfarm net/*.wpk\n"
	"                                                "
	"four machines, any of which may die\n"
	"  kill -USR1 $(pidof mpirun)                    "
	"end with what there is\n\n"
	"  --patience=SECONDS   a rank that is silent for so long is dead "
	"(default 30)\n"
	"  --help, --version    this text; the version\n\n"
	"All ranks must see the sources under the same names. Exit: as wpkc. "
	"man wpkfarm.\n";

static enum asked complain(struct str *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_puts(text, "wpkfarm: error: ");
	str_vprintf(text, fmt, ap);
	str_putc(text, '\n');
	va_end(ap);
	return ASKED_NOTHING;
}

static int place_of(const char *name)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].name, name))
			return (int)table[i].goes;
	return -1;
}

/* The option at "*i" and its value, if that is a word of its own. */
static enum asked take_option(struct arena *a, int argc, char **argv, int *i,
	struct farm_options *f, struct str *text)
{
	const char *value;
	const struct option *o = options_find(argv[*i], &value);
	int goes = o ? place_of(o->name) : -1;
	int last = o && o->takes == VALUE && !value && *i + 1 < argc ?
		*i + 1 : *i;

	if (goes == GOES_WRONG)
		return complain(text, "%s is not for a farm", o->name);
	for (; *i <= last; ++*i) {
		if (goes == GOES_SEARCH || goes < 0)
			vec_push(a, &f->search, argv[*i]);
		if (goes == GOES_FINAL || goes < 0)
			vec_push(a, &f->final, argv[*i]);
	}
	--*i;
	return ASKED_COMPILE;
}

/* Options of the farm's own; ASKED_COMPILE where "arg" is none. */
static enum asked take_own(struct farm_options *f, const char *arg,
	struct str *text, bool *own)
{
	char *end;

	*own = true;
	if (!strcmp(arg, "--help"))
		str_puts(text, help);
	else if (!strcmp(arg, "--version"))
		str_printf(text, "wpkfarm %s\n", WPK_VERSION);
	else if (!strcmp(arg, "--list=options"))
		str_puts(text, "--patience\n--help\n--version\n");
	else
		*own = !strncmp(arg, "--patience=", 11);
	if (text->n || !*own)
		return text->n ? ASKED_TEXT : ASKED_COMPILE;
	f->patience = strtod(arg + 11, &end);
	if (*end || !(f->patience >= 1) || f->patience > 1e6)
		return complain(text, "--patience takes seconds, at least 1, "
			"not '%s'", arg + 11);
	return ASKED_COMPILE;
}

static enum asked take_words(struct arena *a, int argc, char **argv,
	struct farm_options *f, struct str *text)
{
	bool only_files = false, own;

	for (int i = 1; i < argc; i++) {
		enum asked asked = take_own(f, argv[i], text, &own);

		if (own && asked == ASKED_COMPILE && !only_files)
			continue;
		if (!own && !only_files && argv[i][0] == '@')
			asked = complain(text, "response files are wpkc's "
				"alone: '%s'", argv[i]);
		else if (!own && !only_files && !strcmp(argv[i], "--"))
			only_files = true;
		else if (!own && !only_files && argv[i][0] == '-' &&
			 argv[i][1])
			asked = take_option(a, argc, argv, &i, f, text);
		else if (!own)
			vec_push(a, &f->files, argv[i]);
		if (asked != ASKED_COMPILE)
			return asked;
	}
	return f->files.n ? ASKED_COMPILE : complain(text,
		"no source file; wpkfarm --help shows how to call it");
}

/* All of it as wpkc would read it for source "file". */
static enum asked read_as_wpkc(struct arena *a, int argc, char **argv,
	const char *file, struct farm_options *f, struct str *text)
{
	char **v = ARENA_ARRAY(a, (size_t)argc + 3, char *);
	const char *value;
	int n = 0;

	v[n++] = argv[0];
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const struct option *o = argv[i][0] == '-' ?
			options_find(argv[i], &value) : NULL;

		if (argv[i][0] != '-' || !argv[i][1] ||
		    !strncmp(argv[i], "--patience=", 11))
			continue;
		v[n++] = argv[i];
		if (o && o->takes == VALUE && !value && i + 1 < argc)
			v[n++] = argv[++i];
	}
	v[n++] = arena_strdup(a, "--");
	v[n++] = arena_strdup(a, file);
	return options_read(a, n, v, &f->o, text);
}

static enum asked judge(struct farm_options *f, struct str *text)
{
	const struct options *o = &f->o;
	const char *one = o->lock ? "--lock" : o->output ? "-o" : o->header ?
		"-H" : o->dep_file ? "-MF" : NULL;

	for (int i = 0; i < f->files.n; i++)
		if (!strcmp(f->files.v[i], "-"))
			return complain(text, "standard input reaches one rank "
				"alone: name a file");
	if (f->files.n > 1 && one)
		return complain(text, "%s is for one source, not for %d", one,
			f->files.n);
	if (o->measure && !strncmp(o->measure, "gpu:", 4))
		return complain(text, "each rank takes a GPU of its own: say "
			"--measure=gpu");
	return ASKED_COMPILE;
}

enum asked farm_options_read(struct arena *a, int argc, char **argv,
	struct farm_options *f, struct str *text)
{
	enum asked asked;

	*f = (struct farm_options){ .patience = 30 };
	asked = take_words(a, argc, argv, f, text);
	if (asked == ASKED_COMPILE)
		asked = read_as_wpkc(a, argc, argv, f->files.v[0], f, text);
	if (asked == ASKED_COMPILE)
		asked = judge(f, text);
	if (asked == ASKED_COMPILE && !f->o.tune)
		vec_push(a, &f->search, "--tune");
	return asked;
}
