/* SPDX-License-Identifier: MIT */
/* Any bytes as a source: the front end must end, without a fault, with a tree
 * or with at least one error; what it accepts must print. Build with
 * -fsanitize=fuzzer,address,undefined; good seeds are tests/front and
 * tests/errors. */
#include <stdlib.h>

#include "front/front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diag *d = diag_create(a);
	struct source *src = source_from_text(a, "nowhere/fuzz.wpk",
		(const char *)data, size);
	struct ast_unit *u = front_load_source(a, src, NULL, NULL, d);
	struct str out;

	str_init(&out, a);
	if (u)
		front_print(u, &out);
	if (!u == !diag_errors(d))
		abort();
	diag_print(d, &out, false);
	arena_destroy(a);
	return 0;
}
