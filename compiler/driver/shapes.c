/* SPDX-License-Identifier: MIT */
/* Shapes. In: sizes with numbers, from options, tune blocks and the conditions
 * of schedules. Out: names for the kernels made for them, conditions, and what
 * of them one operator leaves open. */
#include "driver/shapes.h"

#include <string.h>

#include "base/str.h"
#include "driver/jobs.h"

const char *shapes_name(struct arena *a, const char *name,
	const struct directives_shape *shape)
{
	struct str n;

	str_init(&n, a);
	str_puts(&n, name);
	for (int i = 0; i < shape->n; i++)
		str_printf(&n, "_%s%lld", shape->sizes[i].name,
			(long long)shape->sizes[i].value);
	return str_text(&n);
}

const char *shapes_text(struct arena *a, const struct directives_shape *shape)
{
	struct str t;

	str_init(&t, a);
	for (int i = 0; i < shape->n; i++)
		str_printf(&t, "%s%s == %lld", i ? " && " : "",
			shape->sizes[i].name, (long long)shape->sizes[i].value);
	return str_text(&t);
}

struct directives_shape shapes_own(struct arena *a,
	const struct lower_item *it, const struct directives_shape *shape)
{
	struct directives_shape out = *shape;

	out.sizes = ARENA_ARRAY(a, (size_t)shape->n + 1, struct ir_size);
	out.n = 0;
	for (int i = 0; i < shape->n; i++)
		if (jobs_among(it->open, shape->sizes[i].name))
			out.sizes[out.n++] = shape->sizes[i];
	return out;
}

bool shapes_of_guard(struct arena *a, const struct ast_expr *e,
	struct directives_shape *out)
{
	struct ir_size *v = ARENA_ARRAY(a, (size_t)out->n + 1,
		struct ir_size);

	if (e->kind == AST_AND)
		return shapes_of_guard(a, e->args[0], out) &&
			shapes_of_guard(a, e->args[1], out);
	if (e->kind != AST_EQ || e->args[0]->kind != AST_NAME ||
	    e->args[1]->kind != AST_INT)
		return false;
	for (int i = 0; i < out->n; i++) {
		v[i] = out->sizes[i];
		if (!strcmp(v[i].name, e->args[0]->name))
			return false;
	}
	v[out->n++] = (struct ir_size){ e->args[0]->name, e->args[1]->i };
	out->sizes = v;
	return true;
}
