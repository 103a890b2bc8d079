/* SPDX-License-Identifier: MIT */
/* A candidate as a request describes it: its files and the steps to run. */
#include "runtime/worker/worker.h"

#include <stdlib.h>
#include <string.h>

/* A place in memory may have a map. */
static bool read_map(const json_t *v, struct arg *a)
{
	const json_t *map = json_object_get(v, "map");

	if (!map)
		return true;
	a->map = calloc(1, sizeof *a->map);
	return a->map && map_read(map, a->map) && a->kind != ARG_I32 &&
		a->kind != ARG_I64;
}

static bool read_arg(const json_t *v, int n_tensors, struct arg *a)
{
	static const char *const kinds[] = { "tensor", "workspace", "prepared",
		"i32", "i64" };

	for (int i = 0; i < 5; i++) {
		const json_t *x = json_object_get(v, kinds[i]);

		if (!json_is_integer(x))
			continue;
		*a = (struct arg){ (enum arg_kind)i, json_integer_value(x),
			NULL };
		return read_map(v, a) && (i != ARG_TENSOR ||
			(a->value >= 0 && a->value < n_tensors));
	}
	return false;
}

static bool read_three(const json_t *v, unsigned out[3])
{
	for (int i = 0; i < 3; i++) {
		json_int_t n = json_integer_value(json_array_get(v, (size_t)i));

		if (n < 1 || n > 0x7fffffff)
			return false;
		out[i] = (unsigned)n;
	}
	return true;
}

static bool read_launch(const json_t *v, int n_tensors, int n_files,
	struct step *s)
{
	const json_t *args = json_object_get(v, "args");

	s->module = (int)line_number(v, "module", 0);
	s->threads = (unsigned)line_number(v, "threads", 0);
	s->shared = (size_t)line_number(v, "shared", 0);
	s->early = json_is_true(json_object_get(v, "early"));
	s->args = calloc(json_array_size(args) + 1, sizeof *s->args);
	if (!s->args || s->module < 0 || s->module >= n_files || !s->threads ||
	    !read_three(json_object_get(v, "grid"), s->grid) ||
	    !read_three(json_object_get(v, "cluster"), s->cluster))
		return false;
	for (size_t i = 0; i < json_array_size(args); i++)
		if (!read_arg(json_array_get(args, i), n_tensors,
		    &s->args[s->n_args++]))
			return false;
	return true;
}

static bool read_step(const json_t *v, int n_tensors, int n_files,
	struct step *s)
{
	s->kernel = line_text(v, "kernel");
	s->timed = json_is_true(json_object_get(v, "timed"));
	s->prepare = json_is_true(json_object_get(v, "prepare"));
	if (s->kernel)
		return read_launch(v, n_tensors, n_files, s);
	if (json_object_get(v, "library")) {
		s->library = v;
		return json_is_object(json_object_get(v, "call"));
	}
	s->file = line_text(v, "file");
	s->module = (int)line_number(v, "module", 0);
	if (s->file)
		return s->module >= 0 && s->module < n_files;
	s->offset = (size_t)line_number(v, "clear", -1);
	s->bytes = (size_t)line_number(v, "bytes", 0);
	return json_is_integer(json_object_get(v, "clear"));
}

static bool calls_library(const struct candidate *c)
{
	for (int i = 0; i < c->n_steps; i++)
		if (c->steps[i].library)
			return true;
	return false;
}

static const char *read_all(const struct task *t, const json_t *v,
	struct candidate *c)
{
	const json_t *files = json_object_get(v, "files");
	const json_t *steps = json_object_get(v, "steps");

	c->id = (long)line_number(v, "id", -1);
	c->workspace = (size_t)line_number(v, "workspace", 0);
	c->prepared = (size_t)line_number(v, "prepared", 0);
	c->shared = (int)line_number(v, "shared", 48 << 10);
	c->limit = line_number(v, "limit", 10);
	c->files = calloc(json_array_size(files) + 1, sizeof *c->files);
	c->steps = calloc(json_array_size(steps) + 1, sizeof *c->steps);
	if (!c->files || !c->steps)
		return "no memory";
	for (size_t i = 0; i < json_array_size(files); i++) {
		c->files[i] = json_string_value(json_array_get(files, i));
		if (!c->files[i])
			return "a file of the candidate has no name";
		c->n_files++;
	}
	for (size_t i = 0; i < json_array_size(steps); i++)
		if (!read_step(json_array_get(steps, i), t->n, c->n_files,
		    &c->steps[c->n_steps++]))
			return "a step of the candidate is not described";
	return c->n_files || calls_library(c) ? NULL :
		"a candidate without files";
}

struct candidate *candidate_read(const struct task *t, const json_t *json,
	const char **why)
{
	struct candidate *c = calloc(1, sizeof *c);

	*why = c ? read_all(t, json, c) : "no memory";
	if (!*why)
		return c;
	candidate_free(c);
	return NULL;
}

void candidate_free(struct candidate *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->n_steps; i++) {
		for (int k = 0; k < c->steps[i].n_args; k++)
			free(c->steps[i].args[k].map);
		free(c->steps[i].args);
	}
	json_decref(c->pinned);
	free(c->files);
	free(c->steps);
	free(c);
}
