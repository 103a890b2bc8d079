/* SPDX-License-Identifier: MIT */
/* All ways to compute a group, in the order in which they are asked. A new one
 * is one file and one row here. */
#include "sketch/sketch.h"

#include <string.h>

extern const struct sketch sketch_fma, sketch_gemv, sketch_direct,
	sketch_winograd, sketch_reduce, sketch_transpose, sketch_elementwise,
	sketch_variant;

static const struct sketch *const sketches[] = {
	&sketch_fma, &sketch_gemv, &sketch_direct, &sketch_winograd,
	&sketch_reduce, &sketch_transpose, &sketch_elementwise,
	&sketch_variant, NULL
};

const struct sketch *const *sketch_list(void)
{
	return sketches;
}

const struct sketch *sketch_named(const char *name)
{
	for (int i = 0; sketches[i]; i++)
		if (!strcmp(sketches[i]->name, name))
			return sketches[i];
	return NULL;
}

bool sketch_honours(const struct sketch *s, const char *directive)
{
	if (s->deterministic && !strcmp(directive, "deterministic"))
		return true;
	for (int i = 0; s->directives && s->directives[i]; i++)
		if (!strcmp(s->directives[i], directive))
			return true;
	return false;
}
