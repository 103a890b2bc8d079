/* SPDX-License-Identifier: MIT */
/* The front end's whole interface: text in, checked syntax out. */
#ifndef WPK_COMPILER_FRONT_FRONT_H
#define WPK_COMPILER_FRONT_FRONT_H

#include "base/arena.h"
#include "base/diag.h"
#include "front/ast.h"

struct front_options {
	const char *const *dirs;	/* import search path after the
					 * importing file's own folder;
					 * NULL-ended */
};

/* The files read, in order of first reading, for the depfile. */
struct front_files {
	const char **v;
	int n;
};

/* Parse one source; imports are not followed. NULL after an error. */
struct ast_unit *front_parse(struct arena *a, const struct source *src,
	struct diag *d);

/* Read, parse and check "path" and everything it imports. Errors go to "d";
 * NULL if there were any. "files" also names files read before an error. */
struct ast_unit *front_load(struct arena *a, const char *path,
	const struct front_options *o, struct front_files *files,
	struct diag *d);

/* The same for a source already in memory (standard input, fuzzing). */
struct ast_unit *front_load_source(struct arena *a, struct source *src,
	const struct front_options *o, struct front_files *files,
	struct diag *d);

/* Checks what needs no sizes: names, ranks, dtypes, attributes, layouts,
 * recursion of fn, schedules, tune and test blocks. */
void front_check(struct arena *a, struct ast_unit *u, struct diag *d);

/* Find the operator, instance or fn that "name" (possibly dotted) means inside
 * "u"; "*owner" gets the unit that defines it. NULL if there is none. */
const struct ast_item *front_find(const struct ast_unit *u, const char *name,
	const struct ast_unit **owner);

/* One entry of a layout: dimension "dim" whole ("by" NULL), divided by "by", or
 * modulo "by". */
struct front_layout_part {
	int dim;
	const struct ast_expr *by;
	bool modulo;
};

/* What the entries of "layout" mean for the tensor "d"; "out" has room for
 * layout->n_args. False unless they cover every dimension exactly once. */
bool front_layout(const struct ast_decl *d, const struct ast_qual *layout,
	struct front_layout_part *out);

/* The directives, builtin functions and dtypes there are, NULL-ended; the
 * checks, "did you mean" and wpk(7) use the same lists. The rest of the
 * directives belongs in tune and test blocks. */
const char *const *front_directives(void);
bool front_in_schedule(const char *directive);
const char *const *front_builtins(void);
const char *const *front_dtypes(void);
const char *const *front_reducers(void);
const char *const *front_keywords(void);

/* "text", which parses, in the house layout: only white space changes. */
void front_format(struct arena *a, const char *text, struct str *out);

/* Syntax as text, one construct a line, for tests. */
void front_print(const struct ast_unit *u, struct str *out);

#endif
