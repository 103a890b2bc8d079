/* SPDX-License-Identifier: MIT */
/* Explanations of diagnostics, from explain.txt: a line with the code, then
 * what is said about it, with "Wrong:" and "Right:" examples indented. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/codes.h"
#include "driver/options.h"

static const char texts[] =
#include "driver/explain.inc"
	;

static const struct { char letter; int number; const char *title; } codes[] = {
	{ 'W', W_UNUSED, "a let or param that nothing reads" },
#define CODE(name, number, title) { 'E', number, title },
	DIAG_CODES(CODE)
#undef CODE
};

enum { N_CODES = sizeof codes / sizeof *codes };

void explain_list(struct str *out)
{
	for (int i = 0; i < N_CODES; i++)
		str_printf(out, "%c%04d  %s\n", codes[i].letter,
			codes[i].number, codes[i].title);
}

/* Does a line begin here that is a code and nothing else? */
static bool is_heading(const char *p)
{
	return (*p == 'E' || *p == 'W') && isdigit((unsigned char)p[1]) &&
		isdigit((unsigned char)p[2]) && isdigit((unsigned char)p[3]) &&
		isdigit((unsigned char)p[4]) && p[5] == '\n';
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

static const char *find_text(char letter, int number)
{
	for (const char *p = texts; *p; p = next_line(p))
		if (is_heading(p) && *p == letter && atoi(p + 1) == number)
			return next_line(p);
	return "";
}

static void print_text(const char *p, struct str *out)
{
	while (*p && !is_heading(p)) {
		const char *end = next_line(p);

		if (!strncmp(p, "Wrong:", 6) || !strncmp(p, "Right:", 6))
			str_putc(out, '\n');
		str_putn(out, p, (size_t)(end - p));
		p = end;
	}
}

/* "E0401", "e401" and "401" are the same. */
bool explain_code(const char *code, struct str *out)
{
	char letter = isalpha((unsigned char)*code) ?
		(char)toupper((unsigned char)*code) : 'E';
	const char *digits = code + (isalpha((unsigned char)*code) != 0);
	size_t n = strlen(digits);

	if (!n || n > 4 || strspn(digits, "0123456789") != n)
		return false;
	for (int i = 0; i < N_CODES; i++)
		if (codes[i].letter == letter && codes[i].number == atoi(digits)) {
			str_printf(out, "%c%04d: %s\n\n", letter,
				codes[i].number, codes[i].title);
			print_text(find_text(letter, codes[i].number), out);
			return true;
		}
	return false;
}
