/* SPDX-License-Identifier: MIT */
/* wpkc merge: lock files of two branches, as git calls a merge driver: the
 * result takes the place of ours, whole or not at all. */
#include "driver/merge.h"

#include <stdio.h>
#include <string.h>

#include "base/source.h"
#include "driver/command.h"
#include "driver/output.h"
#include "search/search.h"

static int complain(const char *text)
{
	return command_complain("merge", text);
}

static struct lock *read_lock(struct arena *a, const char *path)
{
	const char *why;
	struct source *s = source_read(a, path, &why);
	struct lock *l;
	int line;

	if (!s) {
		complain(arena_printf(a, "cannot read '%s': %s", path, why));
		return NULL;
	}
	l = lock_parse(a, s->text, &why, &line);
	if (!l)
		complain(arena_printf(a, "%s:%d: %s", path, line, why));
	return l;
}

static const char help[] =
	"usage: wpkc merge BASE OURS THEIRS\n\n"
	"Merges lock files stanza by stanza and writes the result to OURS. With\n"
	"  git config merge.wpkc.driver 'wpkc merge %O %A %B'\n"
	"and a line \"*.lock merge=wpkc\" in .gitattributes git calls it.\n";

int merge_main(struct arena *a, int argc, char **argv)
{
	struct lock *v[3];
	struct outputs o;
	struct str out;
	const char *why;

	if (argc == 1 && !strcmp(argv[0], "--help"))
		return fputs(help, stdout) < 0 || fflush(stdout);
	if (argc != 3)
		return complain("three lock files are needed; wpkc merge "
			"--help tells");
	for (int i = 0; i < 3; i++) {
		v[i] = read_lock(a, argv[i]);
		if (!v[i])
			return 1;
	}
	str_init(&out, a);
	lock_print(lock_merge(a, v[0], v[1], v[2]), &out);
	outputs_init(&o, a);
	outputs_add(&o, argv[1], &out);
	why = outputs_commit(&o);
	return why ? complain(why) : 0;
}
