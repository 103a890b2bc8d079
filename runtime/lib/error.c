/* SPDX-License-Identifier: MIT */
/* What went wrong: a status and a sentence, in a struct of the caller's. */
#include "runtime/lib/lib.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = { "WPK_OK", "WPK_E_NULL", "WPK_E_ARGUMENT",
	"WPK_E_COUNT", "WPK_E_DEVICE", "WPK_E_DTYPE", "WPK_E_SHAPE",
	"WPK_E_LAYOUT", "WPK_E_ALIGNMENT", "WPK_E_OVERLAP", "WPK_E_WORKSPACE",
	"WPK_E_PREPARED", "WPK_E_FILE", "WPK_E_SYNTAX", "WPK_E_PLAN",
	"WPK_E_VERSION", "WPK_E_MODULE", "WPK_E_OPERATOR", "WPK_E_NO_KERNEL",
	"WPK_E_DRIVER", "WPK_E_CUDA", "WPK_E_LIBRARY", "WPK_E_MEMORY" };

_Static_assert(sizeof names / sizeof *names == WPK_E_MEMORY + 1, "a name each");

const char *wpk_status_name(enum wpk_status status)
{
	return (unsigned)status <= WPK_E_MEMORY ? names[status] : "unknown";
}

int wpk_version(void)
{
	return WPK_VERSION_NUMBER;
}

enum wpk_status succeed(struct wpk_error *e)
{
	if (e) {
		e->status = WPK_OK;
		e->cuda = 0;
		*e->text = 0;
	}
	return WPK_OK;
}

enum wpk_status fail(struct wpk_error *e, enum wpk_status status,
	const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return status;
	e->status = status;
	e->cuda = 0;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return status;
}

enum wpk_status fail_cuda(const struct wpk_context *c, struct wpk_error *e,
	int code, const char *what)
{
	char scratch[40];

	fail(e, WPK_E_CUDA, "%s: %s", what, cuda_error_name(&c->cuda, code,
		scratch));
	if (e)
		e->cuda = code;
	return WPK_E_CUDA;
}
