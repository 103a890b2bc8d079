/* SPDX-License-Identifier: MIT */
/* See boost_library.h. */
#include "boost_library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const struct boost *boost_or_skip(struct arena *a)
{
	const char *why;
	const struct boost *b = boost_open(a, &why);

	if (!b) {
		print_message("# %s\n", why);
		skip();
	}
	return b;
}
