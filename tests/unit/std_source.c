/* SPDX-License-Identifier: MIT */
/* See std_source.h. */
#include "std_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void need(struct arena *a, const void *made, const char *text,
	const struct diag *d)
{
	struct str out;

	if (made)
		return;
	str_init(&out, a);
	diag_print(d, &out, false);
	fail_msg("%s\n%s", text, str_text(&out));
}

struct ast_unit *std_load(struct arena *a, const char *text)
{
	const char *dirs[] = { arena_printf(a, "%s/stdlib",
		getenv("top_srcdir")), NULL };
	struct front_options o = { dirs };
	struct front_files files = {0};
	struct diag *d = diag_create(a);
	struct ast_unit *u = front_load_source(a, source_from_text(a, "t.wpk",
		text, strlen(text)), &o, &files, d);

	need(a, u, text, d);
	return u;
}

struct ir_operator *std_lowered(struct arena *a, const char *text,
	const char *name)
{
	struct ast_unit *u = std_load(a, text);
	const struct ast_unit *owner;
	struct lower_request r = { .unit = u,
		.item = front_find(u, name, &owner) };
	struct diag *d = diag_create(a);
	struct ir_operator *o = lower(a, &r, d);

	need(a, o, text, d);
	return o;
}

struct ir_operator *std_split(struct arena *a, const char *text)
{
	struct ir_operator *o = std_lowered(a, text, "t");

	ir_fold(a, o);
	ir_hoist(a, o);
	ir_split_axes(a, o);
	return o;
}
