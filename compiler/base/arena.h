/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_ARENA_H
#define WPK_COMPILER_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/* An arena owns everything allocated from it until it is reset or destroyed;
 * nothing in it is freed on its own. Running out of memory ends the process
 * with exit code 5: a compiler has nothing better to do. */
struct arena;

struct arena *arena_create(void);
void arena_reset(struct arena *a);
void arena_destroy(struct arena *a);
size_t arena_bytes(const struct arena *a);

/* Zeroed memory of "size" bytes, aligned to 16. */
void *arena_alloc(struct arena *a, size_t size);

/* A zeroed array of "n" elements of "size" bytes, and one value. */
void *arena_array(struct arena *a, size_t n, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);

/* Text; a NULL arena is told that nobody reads it, and the text is empty. */
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

#endif
