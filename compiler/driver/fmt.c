/* SPDX-License-Identifier: MIT */
/* wpkc fmt: sources in the house layout, in place. A file that does not parse
 * is left alone. */
#include "driver/fmt.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "driver/command.h"
#include "driver/output.h"
#include "front/front.h"

struct fmt {
	struct arena *a;
	struct diag *d;
	bool check;
	int changed, failed;
};

static int complain(const char *text)
{
	return command_complain("fmt", text);
}

/* The same but for white space? */
static bool same_signs(const char *x, const char *y)
{
	for (;;) {
		while (isspace((unsigned char)*x))
			x++;
		while (isspace((unsigned char)*y))
			y++;
		if (*x != *y)
			return false;
		if (!*x)
			return true;
		x++;
		y++;
	}
}

static struct source *read_source(struct fmt *f, const char *path)
{
	bool standard = !strcmp(path, "-");
	const char *why;
	struct source *s = source_read(f->a, standard ? "/dev/stdin" : path,
		&why);

	if (s && standard)
		s->path = "<stdin>";
	if (!s)
		complain(arena_printf(f->a, "cannot read %s: %s", path, why));
	return s;
}

static void write_source(struct fmt *f, const char *path, struct str *text)
{
	struct outputs o;
	const char *why;

	outputs_init(&o, f->a);
	outputs_add(&o, path, text);
	why = outputs_commit(&o);
	if (why)
		f->failed += complain(why);
}

static void format_file(struct fmt *f, const char *path)
{
	struct source *s = read_source(f, path);
	struct str out;
	bool same;

	if (!s || !front_parse(f->a, s, f->d)) {
		f->failed++;
		return;
	}
	str_init(&out, f->a);
	front_format(f->a, s->text, &out);
	assert(same_signs(s->text, str_text(&out)));
	same = !strcmp(s->text, str_text(&out));
	if (same && (f->check || strcmp(path, "-")))
		return;
	f->changed++;
	if (f->check)
		printf("%s\n", path);
	else
		write_source(f, path, &out);
}

static const char help[] =
	"usage: wpkc fmt [--check] FILE.wpk...\n\n"
	"Lays sources out: indentation and blanks; '-' goes from standard input\n"
	"to standard output. With --check nothing is written: the files that\n"
	"would change are named, and the exit code is 1 if there are any.\n";

int fmt_main(struct arena *a, int argc, char **argv)
{
	struct fmt f = { .a = a, .d = diag_create(a) };
	struct str out;
	int files = 0;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--check"))
			f.check = true;
		else if (!strcmp(argv[i], "--help"))
			return fputs(help, stdout) < 0;
		else if (argv[i][0] == '-' && argv[i][1])
			return complain(arena_printf(a, "unknown option '%s'; "
				"there are --check and --help", argv[i]));
	}
	for (int i = 0; i < argc; i++)
		if (argv[i][0] != '-' || !argv[i][1]) {
			format_file(&f, argv[i]);
			files++;
		}
	str_init(&out, a);
	diag_print(f.d, &out, false);
	fputs(str_text(&out), stderr);
	if (!files)
		return complain("no files; wpkc fmt --help tells");
	return fflush(stdout) || f.failed || (f.check && f.changed);
}
