/* SPDX-License-Identifier: MIT */
/* Results, a line each, on standard output. */
#include "runtime/wpkrun/wpkrun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_people(const struct session *s, const struct subject *x,
	const char *name, const struct verdict *v)
{
	bool own = !strcmp(name, "woodpecker");

	printf("%s: %s%s%s%s, ", x->title, own ? "" : name, own ? "" : " ",
		v->by, v->general ? " (general)" : "");
	if (!strcmp(v->verdict, "verified"))
		printf("verified %lld samples, max error %.2g of bound",
			(long long)v->compared, v->error);
	else if (v->message)
		printf("%s: %s", v->verdict, v->message);
	else
		printf("ran, not checked");
	if (v->in_place)
		printf(", in place too");
	if (s->o->verbose)
		printf(", %zu bytes of workspace, %zu prepared", v->workspace,
			v->prepared);
	putchar('\n');
	fflush(stdout);
}

static json_t *sizes_of(const struct subject *x)
{
	json_t *v = json_object();

	for (int i = 0; i < x->n_sizes; i++)
		json_object_set_new(v, x->sizes[i], json_integer(
			x->values[i]));
	return v;
}

json_t *tell_object(const struct session *s, const struct subject *x)
{
	return json_pack("{ss so ss si}", "operator", x->name, "sizes",
		sizes_of(x), "device", s->context->name, "share",
		s->o->share);
}

void tell_json(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6));

	puts(text ? text : "{}");
	free(text);
	json_decref(line);
	fflush(stdout);
}

static json_t *line_of(const struct session *s, const struct subject *x,
	const char *name, const struct verdict *v)
{
	json_t *line = tell_object(s, x);

	json_object_set_new(line, "contender", json_string(name));
	json_object_set_new(line, "by", json_string(v->by));
	json_object_set_new(line, "general", json_boolean(v->general));
	json_object_set_new(line, "in_place", json_boolean(v->in_place));
	json_object_set_new(line, "verdict", json_string(v->verdict));
	json_object_set_new(line, "workspace", json_integer(
		(json_int_t)v->workspace));
	json_object_set_new(line, "prepared", json_integer(
		(json_int_t)v->prepared));
	if (!strcmp(v->verdict, "verified")) {
		json_object_set_new(line, "compared", json_integer(
			v->compared));
		json_object_set_new(line, "error", json_real(v->error));
	}
	if (v->message)
		json_object_set_new(line, "message", json_string(v->message));
	return line;
}

void tell(struct session *s, const struct subject *x, const char *name,
	const struct verdict *v)
{
	if (s->o->json)
		tell_json(line_of(s, x, name, v));
	else
		tell_people(s, x, name, v);
}
