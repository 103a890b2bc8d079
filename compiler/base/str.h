/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_STR_H
#define WPK_COMPILER_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Text under construction; "p" is always NUL-terminated once anything was
 * written, and lives in the arena given to str_init. "n" excludes the NUL. */
struct str {
	struct arena *a;
	char *p;
	size_t n, cap;
};

void str_init(struct str *s, struct arena *a);
void str_putc(struct str *s, char c);
void str_puts(struct str *s, const char *text);
void str_putn(struct str *s, const char *text, size_t n);
void str_printf(struct str *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *s, const char *fmt, va_list ap);
/* "n" tabs. */
void str_indent(struct str *s, int n);
/* "word" as a shell reads it, in quotes where it must be. */
void str_word(struct str *s, const char *word);
const char *str_text(const struct str *s);

/* The shortest decimal text that reads back as exactly "v"; always with a
 * point or exponent, "inf", "-inf" or "nan". */
void str_double(struct str *s, double v);

/* 64-bit FNV-1a, for hashes that are written to files. */
uint64_t str_hash(const char *text, size_t n);

/* The entry of "names" (NULL-ended) near enough to be a misspelling of "name",
 * or NULL: "did you mean". */
const char *str_nearest(const char *name, const char *const *names);
/* "row, col": the names; of many those that are nearest, and how many more there
 * are. */
const char *str_some(struct arena *a, const char *name,
	const char *const *names);

#endif
