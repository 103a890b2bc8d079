/* SPDX-License-Identifier: MIT */
/* What all parts share: errors, lines for people, memory. */
#include "runtime/wpkrun/wpkrun.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	fputs("wpkrun: error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	s->code = s->code ? s->code : code;
	return false;
}

/* A library that fails serves nothing; what is left is either asked wrongly, or
 * the kernel's or this program's fault. */
static enum exit_code code_of(const struct wpk_error *e)
{
	switch (e->status) {
	case WPK_E_NO_KERNEL:
	case WPK_E_LIBRARY:
		return EXIT_NOTHING_SERVES;
	case WPK_E_CUDA:
		return e->cuda >= WPK_CU_FAULTS ? EXIT_UNVERIFIED :
			EXIT_INTERNAL;
	case WPK_E_NULL:
	case WPK_E_COUNT:
	case WPK_E_DEVICE:
	case WPK_E_OVERLAP:
	case WPK_E_ALIGNMENT:
	case WPK_E_WORKSPACE:
	case WPK_E_PREPARED:
		return EXIT_INTERNAL;
	default:
		return EXIT_USER;
	}
}

bool session_fail_wpk(struct session *s, const char *what,
	const struct wpk_error *e)
{
	return session_fail(s, code_of(e), "%s%s%s", what ? what : "",
		what ? ": " : "", e->text);
}

void session_say(const struct session *s, const char *fmt, ...)
{
	va_list ap;

	if (s->o->quiet)
		return;
	fputs("wpkrun: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void need(struct session *s, const void *p)
{
	if (p)
		return;
	fputs("wpkrun: error: no memory\n", stderr);
	folder_close(s);
	exit(EXIT_INTERNAL);
}

void *session_take(struct session *s, size_t n, size_t size)
{
	void *p = pool_take(&s->pool, n ? n : 1, size);

	need(s, p);
	return p;
}

void *large_take(struct session *s, size_t bytes)
{
	void *p = calloc(bytes ? bytes : 1, 1);

	need(s, p);
	return p;
}

char *session_print(struct session *s, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL, *kept;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	need(s, text);
	kept = pool_text(&s->pool, text);
	free(text);
	need(s, kept);
	return kept;
}
