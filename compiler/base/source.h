/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_SOURCE_H
#define WPK_COMPILER_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* One source file, whole in memory. "path" is as the user wrote it (or as the
 * import search found it) and appears in messages; "text" has "len" bytes and
 * two NULs after them, which flex wants. */
struct source {
	const char *path;
	char *text;
	size_t len;
	uint32_t *lines;	/* byte offset of each line's first character */
	int n_lines;
};

/* A half-open range of bytes of a source; "src" NULL means no place. */
struct span {
	const struct source *src;
	uint32_t lo, hi;
};

enum { SOURCE_LIMIT = 100 << 20 };

/* Read "path" into "a". On failure return NULL with "*why" set to a reason
 * ("no such file or directory", "is a directory", "larger than 100 MB",
 * "has a NUL byte at line 3"). */
struct source *source_read(struct arena *a, const char *path, const char **why);

/* A source from text, for tests, fuzzing and standard input. */
struct source *source_from_text(struct arena *a, const char *path,
	const char *text, size_t len);

/* Line and column of a byte offset, both from 1; columns count characters of
 * UTF-8, a tab as one. */
void source_place(const struct source *s, uint32_t offset, int *line, int *col);

/* The line's text without its newline. */
const char *source_line(const struct source *s, int line, size_t *len);

/* The smallest span that covers both. */
struct span span_join(struct span x, struct span y);

#endif
