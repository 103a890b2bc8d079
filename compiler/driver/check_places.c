/* SPDX-License-Identifier: MIT */
/* From instructions to lines: the emulator names what it watched by addresses,
 * addr2line tells their lines, and the lines are shown with the fault. Without
 * addr2line the addresses go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/check_parts.h"
#include "driver/child.h"

enum { SECONDS = 20 };

/* The line in which the call before "address" stands, 0: unknown. */
static int line_of(struct check *c, const char *program, unsigned long address)
{
	const char *const argv[] = { "addr2line", "-i", "-e", program,
		arena_printf(c->a, "0x%lx", address - 1), NULL };
	const char *name = arena_printf(c->a, "/%s.cu:", c->r->program->name);
	const char *p;
	struct child run;

	child_run(c->a, argv, NULL, 0, SECONDS, &run);
	p = run.status ? NULL : strstr(str_text(&run.out), name);
	return p ? atoi(p + strlen(name)) : 0;
}

/* Line "line" of the emitted text, without its indentation. */
static void show_line(struct check *c, int line)
{
	const char *p = c->r->cuda;

	for (int i = 1; p && i < line; i++) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (p)
		str_printf(&c->detail, "  line %d: %.*s\n", line,
			(int)strcspn(p + strspn(p, "\t "), "\n"),
			p + strspn(p, "\t "));
}

void check_places(struct check *c, const char *program)
{
	const char *text = arena_strdup(c->a, str_text(&c->detail));
	int lines[4], n = 0;

	str_init(&c->detail, c->a);
	for (const char *p; (p = strchr(text, '{')); ) {
		char *end;
		unsigned long address = strtoul(p + 1, &end, 16);
		int line = *end == '}' ? line_of(c, program, address) : 0;

		str_putn(&c->detail, text, (size_t)(p - text));
		if (line)
			str_printf(&c->detail, "line %d", line);
		else
			str_puts(&c->detail, "a line that is not known");
		if (line && n < 4)
			lines[n++] = line;
		text = *end == '}' ? end + 1 : p + 1;
	}
	str_puts(&c->detail, text);
	for (int i = 0; i < n; i++)
		if (i == 0 || lines[i] != lines[i - 1])
			show_line(c, lines[i]);
}
