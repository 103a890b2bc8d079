/* SPDX-License-Identifier: MIT */
/* What tests/runtime/null.c remembers. */
#ifndef WPK_TESTS_RUNTIME_NULL_H
#define WPK_TESTS_RUNTIME_NULL_H

#include "runtime/lib/driver.h"

enum { NULL_ARGS = 16, NULL_NAMES = 16 };

struct null_state {
	int contexts, modules, launches, maps, shared;
	char code[64], names[NULL_NAMES][64];
	const char *function;
	struct wpk_cu_launch launch;
	unsigned long long args[NULL_ARGS];	/* the first 8 bytes of each */
	unsigned long long filled;
	size_t fill_bytes;
};

#endif
