/* SPDX-License-Identifier: MIT */
/* Files written all together or not at all. */
#ifndef WPK_COMPILER_DRIVER_OUTPUT_H
#define WPK_COMPILER_DRIVER_OUTPUT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"

struct output_file {
	const char *path;	/* "-": standard output */
	const char *text;
	size_t n;
	const char *beside;	/* temporary name, NULL: written directly */
};

struct outputs {
	struct arena *a;
	VEC(struct output_file) files;
};

void outputs_init(struct outputs *o, struct arena *a);
/* Remember that "text" goes to "path"; nothing is written yet. */
void outputs_add(struct outputs *o, const char *path, const struct str *text);
/* Write every file beside its place, then rename all. NULL, or a sentence with
 * the file's name after removing what was written. */
const char *outputs_commit(struct outputs *o);

/* Could a file be written at "path"? NULL, or why not: found out before the
 * work is done, not after. */
const char *output_refuses(struct arena *a, const char *path);

/* Do these name one file? Not where it is standard output or a device, which
 * takes more than one. */
bool output_same(const char *x, const char *y);

/* A make rule: "targets: prerequisites", with what make treats specially
 * escaped. Both NULL-ended. */
void output_depfile(struct str *out, const char *const *targets,
	const char *const *prerequisites);

#endif
