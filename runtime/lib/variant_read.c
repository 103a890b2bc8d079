/* SPDX-License-Identifier: MIT */
/* Variants of an operator, read from a plan: their numbers go into slots, their
 * kernels are looked up, and their library calls made ready. */
#include "runtime/lib/plan.h"

#include <limits.h>
#include <string.h>

#include "runtime/lib/device_name.h"
#include "runtime/lib/share.h"

struct builder {
	struct reading *r;
	struct wpk_plan *plan;
	const struct wpk_operator *op;
	struct variant *v;
	struct number slots[SLOTS_MOST];
	bool served;		/* by this device: else functions are none */
	bool preparing;
};

static bool put_slot(struct builder *b, const json_t *json, const char *what,
	int *slot)
{
	*slot = 0;
	if (b->v->n_slots == SLOTS_MOST)
		return field_fails(b->r, "more than %d numbers",
			SLOTS_MOST);
	*slot = b->v->n_slots;
	return field_number(b->r, json, what, &b->slots[b->v->n_slots++]);
}

/* ---- steps ---- */

static bool read_map(struct builder *b, const json_t *map, struct arg *a)
{
	struct cached_map *m;

	if (!map)
		return true;
	m = pool_take(b->r->pool, 1, sizeof *m);
	if (!m)
		return field_no_memory(b->r);
	a->map = m;
	atomic_flag_clear(&m->busy);
	return (map_read(map, &m->map) && a->kind <= ARG_PREPARED) ||
		field_fails(b->r, "\"map\" describes no tensor map");
}

/* To prepare needs no other tensors: they may not be there yet. */
static bool may_use(struct builder *b, int64_t tensor)
{
	if (tensor < 0 || tensor >= b->op->n_tensors)
		return field_fails(b->r, "there is no tensor %lld",
			(long long)tensor);
	return !b->preparing || b->op->tensors[tensor].constant ||
		field_fails(b->r, "%s is no constant, and is "
			"prepared", b->op->tensors[tensor].name);
}

static bool read_arg(struct builder *b, const json_t *v, struct arg *a)
{
	static const char *const kinds[] = { "tensor", "workspace", "prepared",
		"i32", "i64" };

	for (int i = 0; i < 5; i++) {
		const json_t *x = json_object_get(v, kinds[i]);

		if (!x)
			continue;
		a->kind = (enum arg_kind)i;
		if (a->kind == ARG_TENSOR) {
			a->tensor = (int)field_int(b->r, v, "tensor", 0,
				b->op->n_tensors - 1);
			if (b->r->status || !may_use(b, a->tensor))
				return false;
		} else if (!put_slot(b, x, kinds[i], &a->slot)) {
			return false;
		}
		return read_map(b, json_object_get(v, "map"), a);
	}
	return field_fails(b->r, "an argument is neither tensor, "
		"place nor number");
}

static bool read_args(struct builder *b, const json_t *v, struct step *s)
{
	const json_t *args = field_array(b->r, v, "args", ARGS_MOST, &s->n_args);
	int maps = 0;

	if (!args)
		return false;
	s->args = pool_take(b->r->pool, (size_t)s->n_args, sizeof *s->args);
	if (!s->args)
		return field_no_memory(b->r);
	for (int i = 0; i < s->n_args; i++) {
		size_t was = field_enter(b->r, "args", i);

		if (!read_arg(b, json_array_get(args, (size_t)i), &s->args[i]))
			return false;
		field_leave(b->r, was);
		maps += s->args[i].map != NULL;
	}
	return maps <= MAPS_MOST || field_fails(b->r, "more than %d "
		"tensor maps", MAPS_MOST);
}

static bool read_extent(struct builder *b, const json_t *v, struct step *s)
{
	const json_t *grid, *cluster;
	int n, m;

	grid = field_array(b->r, v, "grid", 3, &n);
	cluster = field_array(b->r, v, "cluster", 3, &m);
	if (!grid || !cluster)
		return false;
	if (n != 3 || m != 3)
		return field_fails(b->r, "\"grid\" and \"cluster\" "
			"are three numbers each");
	for (int i = 0; i < 3; i++) {
		const json_t *c = json_array_get(cluster, (size_t)i);
		json_int_t x = json_integer_value(c);

		if (!put_slot(b, json_array_get(grid, (size_t)i), "grid",
		    &s->grid[i]))
			return false;
		if (!json_is_integer(c) || x < 1 || x > 16)
			return field_fails(b->r, "\"cluster\" is "
				"not 1 to 16 blocks");
		s->cluster[i] = (unsigned)x;
	}
	return true;
}

static bool read_launch(struct builder *b, const json_t *v, struct step *s)
{
	s->kind = STEP_LAUNCH;
	s->kernel = field_text(b->r, v, "kernel");
	s->threads = (unsigned)field_int(b->r, v, "threads", 1, 1024);
	s->shared = (size_t)field_int(b->r, v, "shared", 0, 1 << 20);
	s->early = json_is_true(json_object_get(v, "early"));
	if (!read_extent(b, v, s) || !read_args(b, v, s))
		return false;
	b->v->by = s->kernel;
	if (!b->served)
		return true;
	if (!module_function(b->r, b->plan, b->v->target, s->kernel,
	    &s->function))
		return false;
	b->served = s->function != NULL;
	return true;
}

/* ---- steps that are library calls ---- */

/* How many bytes there are where the place is, 0: no such number. */
static uint64_t room_at(struct builder *b, const struct place *p,
	const int64_t *names)
{
	const int slots[] = { [PLACE_WORKSPACE] = b->v->workspace,
		[PLACE_PREPARED] = b->v->prepared };
	struct placed t;
	int64_t bytes;

	if (p->kind == PLACE_TENSOR)
		return geometry_place(&b->op->tensors[p->value],
			&b->v->tensors[p->value], names, &t) ? t.bytes : 0;
	return number_value(&b->slots[slots[p->kind]], names, &bytes) &&
		bytes > p->value ? (uint64_t)(bytes - p->value) : 0;
}

static bool check_place(struct builder *b, const struct place *p,
	const int64_t *names)
{
	const struct operand *t = p->kind == PLACE_TENSOR ?
		&b->op->tensors[p->value] : NULL;
	uint64_t room = room_at(b, p, names);

	if (t && p->written && !t->output)
		return field_fails(b->r, "a library's call writes "
			"%s, an input", t->name);
	if (t ? t->align < p->align : p->value % p->align)
		return field_fails(b->r, "a library's call wants "
			"%s aligned to %u bytes", t ? t->name : "its memory",
			p->align);
	return (p->bytes && p->bytes <= room) || field_fails(b->r, "a library's "
		"call takes %zu bytes of %s, which has %llu there", p->bytes,
		t ? t->name : p->kind == PLACE_WORKSPACE ? "workspace" :
		"what is prepared", (unsigned long long)room);
}

/* Tensors of the call are the operator's, and all its memory is there. Sizes that
 * meet no conditions are never run. */
static bool check_places(struct builder *b, const struct library_call *call)
{
	int64_t names[SIZES_MOST + LETS_MOST];
	int n;
	const struct place *p = library_call_places(call, &n);

	if (n > ARGS_MOST)
		return field_fails(b->r, "a library's call has more "
			"than %d tensors", ARGS_MOST);
	memcpy(names, b->v->sizes, sizeof b->v->sizes);
	for (int i = 0; i < n; i++)
		if (p[i].kind == PLACE_TENSOR && !may_use(b, p[i].value))
			return false;
	if (!variant_serves(b->op, b->v, names))
		return true;
	for (int i = 0; i < n; i++)
		if (!check_place(b, &p[i], names))
			return false;
	return true;
}

/* Of one plan a sentence is said once, as of a library that is not there. */
static void pass_over(struct builder *b, const json_t *v, const char *why)
{
	enum library_kind k = library_named(json_string_value(
		json_object_get(v, "library")));
	const char *said = b->plan->said[k];

	b->served = false;
	if (said && !strcmp(said, why))
		return;
	b->plan->said[k] = pool_text(b->r->pool, why);
	context_warn(b->plan->context, "%s: %s", b->op->name, why);
}

/* A machine without the library has the other variants. Calls follow one another,
 * and so may their scratch lie in one place. */
static bool make_ready(struct builder *b, const json_t *v, struct step *s)
{
	struct wpk_error e;
	enum wpk_status status;
	size_t bytes = 0;

	status = library_call_create(b->plan->context, v, &s->call, &e);
	if (!status && !check_places(b, s->call))
		return false;
	if (!status)
		status = library_call_ready(s->call, &bytes, &e);
	bytes = (bytes + 255) / 256 * 256;
	b->v->scratch = bytes > b->v->scratch ? bytes : b->v->scratch;
	if (status == WPK_E_LIBRARY) {
		pass_over(b, v, e.text);
	} else if (status) {
		return field_fails_as(b->r, status, "%s", e.text);
	}
	return true;
}

static bool read_library(struct builder *b, const json_t *v, struct step *s)
{
	s->kind = STEP_LIBRARY;
	b->v->by = field_text(b->r, v, "library");
	if (b->r->status)
		return false;
	if (b->v->general)
		return field_fails(b->r, "a library's call is of "
			"fixed sizes");
	return make_ready(b, v, s);
}

static bool read_step(struct builder *b, const json_t *v, struct step *s)
{
	if (json_object_get(v, "kernel"))
		return read_launch(b, v, s);
	if (json_object_get(v, "library"))
		return read_library(b, v, s);
	if (!json_object_get(v, "clear"))
		return field_fails(b->r, "a step is neither launch, "
			"call nor clearing");
	s->kind = STEP_CLEAR;
	return put_slot(b, json_object_get(v, "clear"), "clear", &s->offset) &&
		put_slot(b, json_object_get(v, "bytes"), "bytes", &s->bytes);
}

static bool read_steps(struct builder *b, const json_t *v, const char *key,
	struct steps *out)
{
	const json_t *steps = field_array(b->r, v, key, STEPS_MOST, &out->n);

	if (!steps)
		return false;
	b->preparing = out == &b->v->prepare;
	out->v = pool_take(b->r->pool, (size_t)out->n, sizeof *out->v);
	if (!out->v)
		return field_no_memory(b->r);
	for (int i = 0; i < out->n; i++) {
		size_t was = field_enter(b->r, key, i);

		if (!read_step(b, json_array_get(steps, (size_t)i),
		    &out->v[i]))
			return false;
		field_leave(b->r, was);
	}
	return true;
}

/* ---- what it is for ---- */

static bool read_sizes(struct builder *b, const json_t *v)
{
	const json_t *sizes = json_object_get(v, "sizes");

	for (int i = 0; i < b->op->n_sizes && !b->v->general; i++)
		b->v->sizes[i] = field_int(b->r, sizes, b->op->sizes[i], 0,
			INT64_MAX);
	return !b->r->status;
}

/* Names and values; later ones may use earlier ones. "names" has room. */
static bool read_lets(struct builder *b, const json_t *v, const char **names)
{
	struct reading *r = b->r;
	const json_t *lets = field_array(r, v, "lets", LETS_MOST,
		&b->v->n_lets);

	if (!lets)
		return false;
	b->v->lets = pool_take(r->pool, (size_t)b->v->n_lets,
		sizeof *b->v->lets);
	if (!b->v->lets)
		return field_no_memory(r);
	for (int i = 0; i < b->v->n_lets; i++) {
		const json_t *let = json_array_get(lets, (size_t)i);
		const char *name = field_text(r, let, "name");

		if (!field_number(r, json_object_get(let, "value"), "value",
		    &b->v->lets[i]))
			return false;
		names[r->names.n++] = name;
	}
	return true;
}

/* Their dims may use lets as well. */
static bool read_tensors(struct builder *b, const json_t *v)
{
	int n;
	const json_t *all = field_array(b->r, v, "tensors", TENSORS_MOST, &n);

	if (!all)
		return false;
	if (n != b->op->n_tensors)
		return field_fails(b->r, "it tells of %d tensors, "
			"and the operator has %d", n, b->op->n_tensors);
	b->v->tensors = pool_take(b->r->pool, (size_t)n,
		sizeof *b->v->tensors);
	if (!b->v->tensors)
		return field_no_memory(b->r);
	for (int i = 0; i < n; i++) {
		size_t was = field_enter(b->r, "tensors", i);

		if (!geometry_read(b->r, json_array_get(all, (size_t)i),
		    &b->v->tensors[i]))
			return false;
		field_leave(b->r, was);
	}
	return true;
}

/* Each input for one output at most. */
static bool read_in_place(struct builder *b, const json_t *v)
{
	const struct wpk_operator *op = b->op;
	const json_t *all = NULL;
	bool taken[TENSORS_MOST] = { false };
	int n = 0;

	for (int i = 0; i < op->n_tensors; i++)
		b->v->over[i] = -1;
	if (field_member(v, "in_place"))
		all = field_array(b->r, v, "in_place", TENSORS_MOST, &n);
	for (int i = 0; i < n; i++) {
		const json_t *pair = json_array_get(all, (size_t)i);
		size_t was = field_enter(b->r, "in_place", i);
		int64_t out = field_int(b->r, pair, "output", op->n_inputs,
			op->n_tensors - 1);
		int64_t in = field_int(b->r, pair, "input", 0,
			op->n_inputs - 1);

		if (b->r->status)
			return false;
		if (taken[in] || taken[out] || op->tensors[in].constant)
			return field_fails(b->r, "%s cannot lie over %s",
				op->tensors[out].name, op->tensors[in].name);
		taken[in] = taken[out] = true;
		b->v->over[out] = (int)in;
		field_leave(b->r, was);
	}
	return !b->r->status;
}

static bool read_conditions(struct builder *b, const json_t *v)
{
	const json_t *all = field_array(b->r, v, "conditions", SLOTS_MOST,
		&b->v->n_conditions);

	if (!all)
		return false;
	b->v->conditions = pool_take(b->r->pool, (size_t)b->v->n_conditions,
		sizeof *b->v->conditions);
	if (!b->v->conditions)
		return field_no_memory(b->r);
	for (int i = 0; i < b->v->n_conditions; i++)
		field_number(b->r, json_array_get(all, (size_t)i), "conditions",
			&b->v->conditions[i]);
	return !b->r->status;
}

static bool keep_slots(struct builder *b)
{
	struct variant *v = b->v;
	size_t n = (size_t)v->n_slots;

	v->slots = pool_take(b->r->pool, n, sizeof *v->slots);
	if (!v->slots)
		return field_no_memory(b->r);
	memcpy(v->slots, b->slots, n * sizeof *v->slots);
	return true;
}

/* A launcher that is compiled in has its own numbers and steps: the one slot is
 * 0. */
static bool read_rest(struct builder *b, const json_t *json)
{
	if (b->op->compiled) {
		b->v->n_slots = 1;
		return keep_slots(b);
	}
	return put_slot(b, json_object_get(json, "workspace"), "workspace",
		&b->v->workspace) && put_slot(b, json_object_get(json,
		"prepared"), "prepared", &b->v->prepared) && read_steps(b,
		json, "prepare", &b->v->prepare) && read_steps(b, json,
		"steps", &b->v->steps) && keep_slots(b);
}

/* The device that it was tuned on comes before others and its share, or the nearest,
 * before what is further, what was made for one shape before what serves all, a
 * special target before a plain one. */
static int rank_of(const struct wpk_context *c, const struct variant *v,
	int target)
{
	bool here = v->tuned && device_is_called(c->name, v->tuned);
	int gpu = here ? 0 : v->tuned ? 2 : 1;

	return ((target * 2 + v->general) * 3 + gpu) * SHARE_APART_MOST +
		share_apart(v->share, c->share);
}

bool variant_read(struct reading *r, struct wpk_plan *p,
	const struct wpk_operator *op, const json_t *json, struct variant *v)
{
	struct builder b = { .r = r, .plan = p, .op = op, .v = v };
	const char *names[SIZES_MOST + LETS_MOST];
	struct number_names was = r->names;
	int target = 0;

	v->general = json_is_true(json_object_get(json, "general"));
	v->target = field_text(r, json, "target");
	v->tuned = field_text_or_null(r, json, "tuned");
	v->share = (int)field_int_or(r, json, "share", 1, 100, 100);
	if (!read_sizes(&b, json))
		return false;
	v->by = op->name;
	b.served = target_serves(p->context, v->target, &target);
	v->rank = rank_of(p->context, v, target);
	for (int i = 0; i < op->n_sizes; i++)
		names[i] = op->arguments[i];
	r->names = (struct number_names){ names, op->n_sizes };
	if (!read_lets(&b, json, names) || !read_tensors(&b, json) ||
	    !read_in_place(&b, json) ||
	    !read_conditions(&b, json) || !read_rest(&b, json))
		return false;
	r->names = was;
	v->rank = b.served ? v->rank : INT_MAX;
	return true;
}
