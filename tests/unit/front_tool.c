/* SPDX-License-Identifier: MIT */
/* Prints a file's syntax, or what is wrong with it: the program behind the
 * golden cases of the front end.
 *
 *	front_tool [-I DIR]... [-M] FILE
 *
 * Syntax goes to standard output, diagnostics to standard error; with -M the
 * files read instead of the syntax. Exit code 0, 1 if there are errors. */
#include <stdio.h>
#include <string.h>

#include "front/front.h"

enum { DIRS = 16 };

static void put_files(const struct front_files *files, struct str *out)
{
	for (int i = 0; i < files->n; i++)
		str_printf(out, "%s\n", files->v[i]);
}

static int run(struct arena *a, const char *path,
	const struct front_options *o, bool list)
{
	struct diag *d = diag_create(a);
	struct front_files files;
	struct ast_unit *u = front_load(a, path, o, &files, d);
	struct str out, err;

	str_init(&out, a);
	str_init(&err, a);
	if (list)
		put_files(&files, &out);
	else if (u)
		front_print(u, &out);
	diag_print(d, &err, false);
	fputs(str_text(&out), stdout);
	fputs(str_text(&err), stderr);
	return u ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *dirs[DIRS + 1] = {0}, *path = NULL;
	struct front_options o = { dirs };
	struct arena *a = arena_create();
	bool list = false;
	int n = 0, rc = 2;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-I") && i + 1 < argc && n < DIRS)
			dirs[n++] = argv[++i];
		else if (!strcmp(argv[i], "-M"))
			list = true;
		else
			path = argv[i];
	}
	if (path)
		rc = run(a, path, &o, list);
	else
		fputs("usage: front_tool [-I DIR]... [-M] FILE\n", stderr);
	arena_destroy(a);
	return rc;
}
