/* SPDX-License-Identifier: MIT */
/* Any bytes as the words of a command line, one a line, and as a response file:
 * options that are consistent, or a sentence. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/child.h"
#include "driver/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 64 };

static void read_words(struct arena *a, int argc, char **argv)
{
	struct options o;
	struct str text;
	enum asked asked;

	str_init(&text, a);
	asked = options_read(a, argc, argv, &o, &text);
	if (asked == ASKED_COMPILE ? !o.input : !text.n)
		abort();
}

/* Words that name other files are left out: what is in them is not known. */
static void read_lines(struct arena *a, const char *data, size_t size)
{
	char *text = arena_strndup(a, data, size), *save = NULL;
	char *argv[WORDS + 1] = { "wpkc" };
	int argc = 1;

	for (char *w = strtok_r(text, "\n", &save); w && argc < WORDS;
	     w = strtok_r(NULL, "\n", &save))
		if (*w != '@')
			argv[argc++] = w;
	read_words(a, argc, argv);
}

static void read_response(struct arena *a, const char *data, size_t size)
{
	char name[] = "/tmp/fuzz_options.XXXXXX";
	int fd = mkstemp(name);
	char *argv[] = { "wpkc", arena_printf(a, "@%s", name), NULL };

	if (fd < 0)
		abort();
	close(fd);
	if (!child_write_file(name, data, size))
		abort();
	if (!memchr(data, '@', size))
		read_words(a, 2, argv);
	unlink(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();

	read_lines(a, (const char *)data, size);
	read_response(a, (const char *)data, size);
	arena_destroy(a);
	return 0;
}
