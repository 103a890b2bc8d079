/* SPDX-License-Identifier: MIT */
/* Plans: read from JSON, as wpk-plan(5) has it, and checked whole, so that a run
 * meets nothing that it has to doubt. */
#include "runtime/lib/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/device_name.h"

/* Of schema 2 maps had no offset, and all else is alike. */
enum { SCHEMA_LEAST = 2, SCHEMA = 3, OPERATORS_MOST = 10000, VARIANTS_MOST = 1000,
	PORTABLE_CLUSTER = 8, SHARED_USUAL = 48 << 10 };

/* ---- operators ---- */

static bool read_names(struct reading *r, const json_t *v, const char *key,
	const char ***out, int *n)
{
	const json_t *names = field_array(r, v, key, SIZES_MOST, n);

	if (!names)
		return false;
	*out = pool_take(r->pool, (size_t)*n, sizeof **out);
	if (!*out)
		return field_no_memory(r);
	for (int i = 0; i < *n; i++) {
		const char *s = json_string_value(json_array_get(names,
			(size_t)i));

		if (!s)
			return field_fails(r, "\"%s\" are no texts",
				key);
		(*out)[i] = pool_text(r->pool, s);
		if (!(*out)[i])
			return field_no_memory(r);
	}
	return true;
}

static bool read_sizes(struct reading *r, const json_t *v,
	struct wpk_operator *op)
{
	int n;

	if (!read_names(r, v, "sizes", &op->sizes, &op->n_sizes) ||
	    !read_names(r, v, "arguments", &op->arguments, &n))
		return false;
	return n == op->n_sizes || field_fails(r, "%d sizes have %d "
		"arguments", op->n_sizes, n);
}

static bool read_tensors(struct reading *r, const json_t *v,
	struct wpk_operator *op)
{
	const json_t *all = field_array(r, v, "tensors", TENSORS_MOST,
		&op->n_tensors);

	if (!all)
		return false;
	op->tensors = pool_take(r->pool, (size_t)op->n_tensors,
		sizeof *op->tensors);
	if (!op->tensors)
		return field_no_memory(r);
	for (int i = 0; i < op->n_tensors; i++) {
		size_t at = field_enter(r, "tensors", i);

		if (!operand_read(r, json_array_get(all, (size_t)i),
		    &op->tensors[i]))
			return false;
		if (!op->tensors[i].output && op->n_inputs++ != i)
			return field_fails(r, "inputs come before "
				"outputs");
		field_leave(r, at);
	}
	return true;
}

/* ---- variants ---- */

/* Is size "s" dimension "d" of tensor "t", whatever the variant? What is so by
 * chance, since few shapes were made, does no harm: other shapes fit none. */
static bool is_place(const struct wpk_operator *op, int s, int t, int d)
{
	for (int i = 0; i < op->n_all; i++) {
		const struct variant *v = &op->variants[i];
		const struct geometry *g = &v->tensors[t];

		if (!g->plain || d >= g->rank)
			return false;
		if (!number_is_name(&g->dims[d], s) && (v->general ||
		    g->dims[d].n || g->dims[d].value != v->sizes[s]))
			return false;
	}
	return true;
}

static void find_place(const struct wpk_operator *op, int s,
	struct size_place *place)
{
	place->tensor = -1;
	for (int t = 0; t < op->n_tensors; t++)
		for (int d = 0; d < WPK_RANK; d++)
			if (is_place(op, s, t, d)) {
				*place = (struct size_place){ t, d };
				return;
			}
}

/* The number of a tensor's dimensions is one. */
static bool are_alike(struct reading *r, const struct wpk_operator *op)
{
	for (int i = 1; i < op->n_all; i++)
		for (int t = 0; t < op->n_tensors; t++)
			if (op->variants[i].tensors[t].n_extents !=
			    op->variants[0].tensors[t].n_extents)
				return field_fails(r, "its variants "
					"differ in how many dimensions there "
					"are");
	return true;
}

static int by_rank(const void *a, const void *b)
{
	const struct variant *x = a, *y = b;

	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) :
		x->place - y->place;
}

/* Those that the device runs, best first. qsort() keeps no order among equals,
 * but conditions are asked in the plan's. */
static bool read_variants(struct reading *r, struct wpk_plan *p,
	const json_t *v, struct wpk_operator *op)
{
	const json_t *all = field_array(r, v, "variants", VARIANTS_MOST,
		&op->n_variants);

	if (!all)
		return false;
	if (!op->n_variants)
		return field_fails(r, "\"variants\" are none");
	op->variants = pool_take(r->pool, (size_t)op->n_variants,
		sizeof *op->variants);
	if (!op->variants)
		return field_no_memory(r);
	op->n_all = op->n_variants;
	for (int i = 0; i < op->n_variants; i++) {
		size_t was = field_enter(r, "variants", i);

		op->variants[i].place = i;
		if (!variant_read(r, p, op, json_array_get(all, (size_t)i),
		    &op->variants[i]))
			return false;
		field_leave(r, was);
	}
	if (!are_alike(r, op))
		return false;
	op->places = pool_take(r->pool, (size_t)op->n_sizes,
		sizeof *op->places);
	if (!op->places)
		return field_no_memory(r);
	for (int i = 0; i < op->n_sizes; i++)
		find_place(op, i, &op->places[i]);
	for (int i = 0; i < op->n_all; i++)
		if (op->variants[i].n_slots > op->most_slots)
			op->most_slots = op->variants[i].n_slots;
	if (!shapes_create(r->pool, op))
		return field_no_memory(r);
	qsort(op->variants, (size_t)op->n_variants, sizeof *op->variants,
		by_rank);
	while (op->n_variants &&
	       op->variants[op->n_variants - 1].rank == INT_MAX)
		op->n_variants--;
	return true;
}

static const struct wpk_compiled *compiled_named(
	const struct wpk_compiled *all, const char *symbol)
{
	for (; all && all->symbol; all++)
		if (!strcmp(all->symbol, symbol))
			return all->run && all->workspace ? all : NULL;
	return NULL;
}

static bool read_operator(struct reading *r, struct wpk_plan *p,
	const json_t *v, const struct wpk_compiled *compiled,
	struct wpk_operator *op)
{
	op->plan = p;
	op->name = field_text(r, v, "name");
	op->symbol = field_text(r, v, "symbol");
	if (!read_sizes(r, v, op) || !read_tensors(r, v, op))
		return false;
	op->compiled = compiled_named(compiled, op->symbol);
	if (compiled && !op->compiled)
		return field_fails_as(r, WPK_E_MODULE, "the program has no %s "
			"compiled in", op->symbol);
	return read_variants(r, p, v, op);
}

/* ---- the device's part ---- */

static bool set_function(struct reading *r, const struct wpk_context *c,
	const struct step *s)
{
	unsigned blocks = s->cluster[0] * s->cluster[1] * s->cluster[2];
	char scratch[40];
	int status = 0;

	if (s->kind != STEP_LAUNCH || !s->function)
		return true;
	if (s->shared > SHARED_USUAL)
		status = c->cuda.set_function(s->function, WPK_CU_FUNC_SHARED,
			(int)s->shared);
	if (!status && blocks > PORTABLE_CLUSTER)
		status = c->cuda.set_function(s->function,
			WPK_CU_FUNC_ANY_CLUSTER, 1);
	return !status || field_fails_as(r, WPK_E_MODULE, "%s: %s", s->kernel,
		cuda_error_name(&c->cuda, status, scratch));
}

static bool set_functions(struct reading *r, const struct wpk_plan *p)
{
	for (int i = 0; i < p->n; i++)
		for (int k = 0; k < p->operators[i].n_variants; k++) {
			const struct variant *v = &p->operators[i].variants[k];

			for (int s = 0; s < v->prepare.n; s++)
				if (!set_function(r, p->context,
				    &v->prepare.v[s]))
					return false;
			for (int s = 0; s < v->steps.n; s++)
				if (!set_function(r, p->context,
				    &v->steps.v[s]))
					return false;
		}
	return true;
}

/* Said once a plan: the schedules are of another device. */
static void warn_of_device(const struct wpk_plan *p)
{
	const char *tuned = NULL;

	for (int i = 0; i < p->n; i++)
		for (int k = 0; k < p->operators[i].n_variants; k++) {
			const struct variant *v = &p->operators[i].variants[k];

			if (v->tuned && device_is_called(p->context->name,
			    v->tuned))
				return;
			tuned = tuned ? tuned : v->tuned;
		}
	if (tuned && !p->context->emulated)
		context_warn(p->context, "this plan was tuned for %s and runs "
			"on %s, where other schedules may be faster", tuned,
			p->context->name);
}

/* ---- documents ---- */

static bool read_plan(struct reading *r, struct wpk_plan *p,
	const struct wpk_compiled *compiled)
{
	const json_t *all;
	int64_t schema;

	if (!json_is_object(p->json) ||
	    !json_is_integer(json_object_get(p->json, "schema")))
		return field_fails(r, "this is no plan: it has no "
			"\"schema\"");
	schema = json_integer_value(json_object_get(p->json, "schema"));
	if (schema < SCHEMA_LEAST || schema > SCHEMA)
		return field_fails_as(r, WPK_E_VERSION, "the plan's schema is "
			"%lld, and this library reads %d to %d",
			(long long)schema, SCHEMA_LEAST, SCHEMA);
	if (!modules_read(r, p, p->json))
		return false;
	all = field_array(r, p->json, "operators", OPERATORS_MOST, &p->n);
	p->operators = pool_take(&p->pool, (size_t)p->n, sizeof *p->operators);
	if (!all || !p->operators) {
		p->n = 0;
		return all ? field_no_memory(r) : false;
	}
	for (int i = 0; i < p->n; i++) {
		size_t was = field_enter(r, "operators", i);

		if (!read_operator(r, p, json_array_get(all, (size_t)i),
		    compiled, &p->operators[i]))
			return false;
		field_leave(r, was);
	}
	return set_functions(r, p);
}

static enum wpk_status parse(struct wpk_plan *p, const char *text,
	size_t bytes, struct wpk_error *e)
{
	json_error_t at;

	p->json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &at);
	return p->json ? WPK_OK : fail(e, WPK_E_SYNTAX, "line %d, column %d: "
		"%s", at.line, at.column, at.text);
}

static enum wpk_status read_text(struct wpk_plan *p, const char *text,
	size_t bytes, const char *folder, const struct wpk_compiled *compiled,
	struct wpk_error *e)
{
	struct reading r = { .pool = &p->pool, .e = e };

	r.status = parse(p, text, bytes, e);
	if (!r.status && folder) {
		p->folder = pool_text(&p->pool, folder);
		if (!p->folder)
			field_no_memory(&r);
	}
	if (!r.status)
		read_plan(&r, p, compiled);
	json_decref(p->json);
	p->json = NULL;
	return r.status;
}

enum wpk_status wpk_plan_read(struct wpk_context *c, const char *text,
	size_t bytes, const char *folder, const struct wpk_compiled *compiled,
	struct wpk_plan **out, struct wpk_error *e)
{
	struct wpk_plan *p;
	enum wpk_status s;
	wpk_cu before;

	if (out)
		*out = NULL;
	if (!c || !text || !out)
		return fail(e, WPK_E_NULL, "no context, no text, or no place "
			"for the plan");
	p = calloc(1, sizeof *p);
	if (!p)
		return fail(e, WPK_E_MEMORY, "no memory for a plan");
	p->context = c;
	before = context_enter(c);
	s = read_text(p, text, bytes, folder, compiled, e);
	context_leave(c, before);
	if (s) {
		wpk_plan_destroy(p);
		return s;
	}
	warn_of_device(p);
	*out = p;
	return succeed(e);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, slash == path ? 1 :
		(size_t)(slash - path)) : strdup(".");
}

enum wpk_status wpk_plan_load(struct wpk_context *c, const char *path,
	struct wpk_plan **out, struct wpk_error *e)
{
	enum wpk_status s;
	char *text, *folder, *was;
	size_t n = 0;
	int wrong;

	if (out)
		*out = NULL;
	if (!c || !path || !out)
		return fail(e, WPK_E_NULL, "no context, no path, or no place "
			"for the plan");
	text = file_read(path, &n);
	wrong = errno;
	folder = folder_of(path);
	if (!text)
		s = fail(e, WPK_E_FILE, "%.300s cannot be read: %s", path,
			strerror(wrong));
	else if (!folder)
		s = fail(e, WPK_E_MEMORY, "no memory for a plan");
	else
		s = wpk_plan_read(c, text, n, folder, NULL, out, e);
	if (s && text && e && (was = strdup(e->text))) {
		snprintf(e->text, sizeof e->text, "%.200s: %.290s", path, was);
		free(was);
	}
	free(text);
	free(folder);
	return s;
}

static void drop_calls(const struct steps *s)
{
	for (int i = 0; i < s->n && s->v; i++)
		library_call_destroy(s->v[i].call);
}

void wpk_plan_destroy(struct wpk_plan *p)
{
	wpk_cu before;

	if (!p)
		return;
	before = context_enter(p->context);
	for (int i = 0; i < p->n; i++)
		for (int k = 0; k < p->operators[i].n_all; k++) {
			drop_calls(&p->operators[i].variants[k].prepare);
			drop_calls(&p->operators[i].variants[k].steps);
		}
	modules_unload(p);
	context_leave(p->context, before);
	json_decref(p->json);
	pool_free(&p->pool);
	free(p);
}

/* ---- looking ---- */

int wpk_plan_operators(const struct wpk_plan *p)
{
	return p ? p->n : 0;
}

const struct wpk_operator *wpk_plan_operator(const struct wpk_plan *p, int i)
{
	return p && i >= 0 && i < p->n ? &p->operators[i] : NULL;
}

const struct wpk_operator *wpk_plan_find(const struct wpk_plan *p,
	const char *name)
{
	for (int i = 0; p && name && i < p->n; i++)
		if (!strcmp(p->operators[i].name, name))
			return &p->operators[i];
	return NULL;
}

const char *wpk_operator_name(const struct wpk_operator *op)
{
	return op ? op->name : NULL;
}

int wpk_operator_tensors(const struct wpk_operator *op)
{
	return op ? op->n_tensors : 0;
}

/* The number "which" tells of dimension "d"; -1 where it differs with the
 * sizes. */
static int64_t number_of(const struct wpk_operator *op, int tensor, int d,
	const struct number *(*which)(const struct geometry *, int))
{
	const struct number *x = which(&op->variants[0].tensors[tensor], d), *y;

	for (int i = 0; i < op->n_all; i++) {
		y = which(&op->variants[i].tensors[tensor], d);
		if (y->n || y->value != x->value)
			return -1;
	}
	return x->value;
}

int operator_over(const struct wpk_operator *op, int i)
{
	int over = op->variants[0].over[i];

	for (int k = 1; k < op->n_all; k++)
		if (op->variants[k].over[i] != over)
			return -1;
	return over;
}

enum wpk_status wpk_operator_tensor(const struct wpk_operator *op, int i,
	struct wpk_tensor *out, struct wpk_error *e)
{
	struct wpk_tensor t = { .size = sizeof t };
	const struct operand *x;

	if (!op || !out)
		return fail(e, WPK_E_NULL, "no operator, or no place for its "
			"tensor");
	if (i < 0 || i >= op->n_tensors || out->size < sizeof out->size ||
	    out->size > sizeof t)
		return fail(e, WPK_E_ARGUMENT, "%s has %d tensors, numbered "
			"from 0; \"size\" is to be set", op->name,
			op->n_tensors);
	x = &op->tensors[i];
	t.size = out->size;
	t.name = x->name;
	t.shape = x->shape;
	t.output = x->output;
	t.constant = x->constant;
	t.dtype = x->type;
	t.ndim = op->variants[0].tensors[i].n_extents;
	t.align = x->align;
	t.over = operator_over(op, i);
	for (int d = 0; d < t.ndim; d++) {
		t.dims[d] = number_of(op, i, d, geometry_extent);
		t.strides[d] = number_of(op, i, d, geometry_stride);
	}
	memcpy(out, &t, t.size);
	return succeed(e);
}
