/* SPDX-License-Identifier: MIT */
/* See command.h. */
#include "driver/command.h"

#include <stdio.h>
#include <string.h>

int command_complain(const char *command, const char *text)
{
	fprintf(stderr, "wpkc %s: %s\n", command, text);
	return EXIT_USER;
}

static int put(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout);
}

bool command_helps(int argc, char **argv, const char *help, int *code)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help")) {
			*code = put(help);
			return true;
		}
	return false;
}

bool command_options(struct arena *a, const char *command, int argc, char **argv,
	const char *(*unwanted)(const struct options *o), struct options *o,
	int *code)
{
	const char *wrong;
	enum asked asked;
	struct str text;

	str_init(&text, a);
	asked = options_read(a, argc, argv, o, &text);
	if (asked == ASKED_TEXT) {
		*code = put(str_text(&text));
		return false;
	}
	if (asked == ASKED_NOTHING) {
		fputs(str_text(&text), stderr);
		*code = EXIT_USER;
		return false;
	}
	wrong = unwanted(o);
	if (wrong)
		*code = command_complain(command, arena_printf(a, "%s is not for "
			"%s; wpkc %s --help tells what is", wrong, command,
			command));
	return !wrong;
}
