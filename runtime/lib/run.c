/* SPDX-License-Identifier: MIT */
/* Running an operator: the caller's tensors are checked, a variant is chosen by
 * their shapes, and its steps are queued on the caller's stream. Nothing is
 * allocated and nothing waited for; what is worked out lies on the stack. */
#include "runtime/lib/plan.h"

#include <stdio.h>
#include <string.h>

enum { ALIGN = 256 };

/* Who asks wants to know, prepares constant operands, or runs. */
enum purpose { NEEDS, PREPARE, RUN };

static const struct wpk_memory no_memory;

/* "at": addresses of tensors, those that the call touches. */
struct call {
	enum purpose purpose;
	const struct wpk_operator *op;
	const struct wpk_context *c;
	const struct shape *s;
	const struct wpk_memory *m;
	wpk_stream stream;
	struct wpk_error *e;
	uintptr_t at[TENSORS_MOST];
	int64_t names[SIZES_MOST + LETS_MOST];
};

/* ---- tensors ---- */

/* As many as there are, with as many dimensions. */
static enum wpk_status check_given(struct call *l, const DLTensor *const *x,
	int n)
{
	const struct wpk_operator *op = l->op;

	if (!op || !x)
		return fail(l->e, WPK_E_NULL, "no operator, or no tensors");
	l->c = op->plan->context;
	if (n != op->n_tensors)
		return fail(l->e, WPK_E_COUNT, "%s takes %d tensors, not %d",
			op->name, op->n_tensors, n);
	for (int i = 0; i < n; i++) {
		const struct operand *t = &op->tensors[i];
		int rank = op->variants[0].tensors[i].n_extents;

		if (!x[i] || (x[i]->ndim && !x[i]->shape))
			return fail(l->e, WPK_E_NULL, "%s has no %s", t->name,
				x[i] ? "shape" : "tensor");
		if (x[i]->ndim != rank)
			return fail(l->e, WPK_E_SHAPE, "%s is %s: it has %d "
				"dimensions in memory, not %d", t->name,
				t->shape, rank, (int)x[i]->ndim);
	}
	return WPK_OK;
}

static enum wpk_status find_sizes(struct call *l, const DLTensor *const *x)
{
	const struct wpk_operator *op = l->op;

	for (int i = 0; i < op->n_sizes; i++) {
		const struct size_place *p = &op->places[i];

		if (p->tensor < 0)
			return fail(l->e, WPK_E_SHAPE, "%s: no extent is %s and"
				" nothing else, so its value cannot be told",
				op->name, op->sizes[i]);
		l->names[i] = x[p->tensor]->shape[p->dim];
		if (l->names[i] < 0)
			return fail(l->e, WPK_E_SHAPE, "%s: %s is negative",
				op->name, op->sizes[i]);
	}
	return WPK_OK;
}

/* Does the call touch the tensor's memory? */
static bool touches(const struct call *l, int tensor)
{
	return l->purpose == RUN || (l->purpose == PREPARE &&
		l->op->tensors[tensor].constant);
}

static bool meet(const struct call *l, int tensor, uintptr_t at, size_t bytes)
{
	size_t own = l->s->tensors[tensor].bytes;

	return own && bytes && touches(l, tensor) && l->at[tensor] < at +
		bytes && at < l->at[tensor] + own;
}

/* What is named "what" shares no byte with tensors from number "from" on. */
static enum wpk_status check_apart(const struct call *l, const char *what,
	uintptr_t at, size_t bytes, int from)
{
	for (int i = from; i < l->op->n_tensors; i++)
		if (meet(l, i, at, bytes))
			return fail(l->e, WPK_E_OVERLAP, "%s overlaps %s",
				what, l->op->tensors[i].name);
	return WPK_OK;
}

/* Are they one memory, element for element? */
static bool coincide(const struct call *l, int i, int k)
{
	const struct placed *x = &l->s->tensors[i], *y = &l->s->tensors[k];
	size_t n = (size_t)x->n * sizeof *x->extents;

	return l->at[i] == l->at[k] && x->bytes == y->bytes && x->n == y->n &&
		!memcmp(x->extents, y->extents, n) &&
		!memcmp(x->strides, y->strides, n);
}

/* Output "out" and tensor "i" share bytes: all of them, where that may be. */
static enum wpk_status check_shared(const struct call *l, int out, int i)
{
	const struct operand *t = l->op->tensors;

	if (i != l->s->v->over[out])
		return fail(l->e, WPK_E_OVERLAP, "%s overlaps %s%s",
			t[out].name, t[i].name, t[i].output ||
			l->at[i] != l->at[out] ? "" : ", and what serves does "
			"not compute it in place");
	return coincide(l, i, out) ? WPK_OK : fail(l->e, WPK_E_OVERLAP, "%s "
		"overlaps a part of %s: in place, both are the same memory",
		t[out].name, t[i].name);
}

/* An output shares no byte with another tensor, but with the one input that it may
 * lie over. */
static enum wpk_status check_output(const struct call *l, int out)
{
	const struct placed *t = l->s->tensors;
	uintptr_t from = l->at[out], to = from + t[out].bytes;
	enum wpk_status s = WPK_OK;

	for (int i = 0; i < l->op->n_tensors && from < to && !s; i++)
		if (l->at[i] < to && from < l->at[i] + t[i].bytes && i != out &&
		    t[i].bytes)
			s = check_shared(l, out, i);
	return s;
}

static enum wpk_status check_tensors(struct call *l, const DLTensor *const *x)
{
	const struct wpk_operator *op = l->op;
	enum wpk_status s;

	for (int i = 0; i < op->n_tensors; i++) {
		s = operand_check(l->c, &op->tensors[i], &l->s->tensors[i],
			x[i], touches(l, i), l->e);
		if (s)
			return s;
		l->at[i] = touches(l, i) ? (uintptr_t)x[i]->data +
			x[i]->byte_offset : 0;
	}
	for (int i = op->n_inputs; i < op->n_tensors && l->purpose == RUN;
	     i++) {
		s = check_output(l, i);
		if (s)
			return s;
	}
	return WPK_OK;
}

static enum wpk_status nothing_serves(const struct call *l)
{
	return fail(l->e, WPK_E_NO_KERNEL, "%s: %s for %s", l->op->name,
		l->op->n_variants ? "the plan has nothing for these sizes" :
		"the plan has nothing", l->c->arch);
}

/* "spare" is of the caller's: where the shape may lie. */
static enum wpk_status find_shape(struct call *l, struct shape *spare)
{
	l->s = shape_find(l->op, l->names, spare);
	return l->s ? WPK_OK : nothing_serves(l);
}

/* ---- memory ---- */

static void sizes_of(const struct call *l, long long sizes[SIZES_MOST])
{
	for (int i = 0; i < l->op->n_sizes; i++)
		sizes[i] = l->names[i];
}

static void needs_of(const struct call *l, size_t *workspace, size_t *prepared)
{
	const struct wpk_compiled *k = l->op->compiled;
	long long sizes[SIZES_MOST];

	if (k) {
		sizes_of(l, sizes);
		*workspace = k->workspace(sizes);
		*prepared = k->prepared ? k->prepared(sizes) : 0;
		return;
	}
	*workspace = l->s->workspace;
	*prepared = l->s->prepared;
}

/* A run only reads what was prepared. */
static enum wpk_status check_places(const struct call *l, size_t workspace,
	size_t prepared)
{
	uintptr_t w = (uintptr_t)l->m->workspace;
	uintptr_t p = (uintptr_t)l->m->prepared;
	enum wpk_status s;

	if (((workspace ? w : 0) | (prepared ? p : 0)) % ALIGN)
		return fail(l->e, WPK_E_ALIGNMENT, "workspace and prepared "
			"operands are aligned to %d bytes", ALIGN);
	if (workspace && prepared && w < p + prepared && p < w + workspace)
		return fail(l->e, WPK_E_OVERLAP, "workspace overlaps prepared "
			"operands");
	s = check_apart(l, "workspace", w, workspace, 0);
	return s ? s : check_apart(l, "what is prepared", p, prepared,
		l->purpose == RUN ? l->op->n_inputs : 0);
}

static enum wpk_status check_memory(const struct call *l)
{
	const struct wpk_memory *m = l->m;
	size_t workspace, prepared;

	needs_of(l, &workspace, &prepared);
	if (workspace > (m->workspace ? m->workspace_bytes : 0))
		return fail(l->e, WPK_E_WORKSPACE, "%s needs %zu bytes of "
			"workspace, not %zu", l->op->name, workspace,
			m->workspace ? m->workspace_bytes : 0);
	if (prepared > (m->prepared ? m->prepared_bytes : 0))
		return fail(l->e, WPK_E_PREPARED, "%s needs %zu bytes of "
			"prepared operands, not %zu: wpk_plan_prepare() writes"
			" them", l->op->name, prepared,
			m->prepared ? m->prepared_bytes : 0);
	return check_places(l, workspace, prepared);
}

/* ---- steps ---- */

/* Where an argument of memory lies; an offset beyond its memory is refused. */
static bool address_of(const struct call *l, enum arg_kind kind, int tensor,
	int64_t offset, uintptr_t *out)
{
	bool workspace = kind == ARG_WORKSPACE;

	if (kind == ARG_TENSOR) {
		*out = l->at[tensor];
		return true;
	}
	if (offset < 0 || (uint64_t)offset > (workspace ?
	    l->m->workspace_bytes : l->m->prepared_bytes))
		return false;
	*out = (uintptr_t)(workspace ? l->m->workspace : l->m->prepared) +
		(uintptr_t)offset;
	return true;
}

/* What was asked of the driver failed; often because the thread is at work on
 * another device. */
static enum wpk_status cuda_failed(const struct call *l, int code,
	const char *what)
{
	struct wpk_error *e = l->e;
	size_t n;

	fail_cuda(l->c, e, code, what);
	n = e ? strlen(e->text) : 0;
	if (e && !context_is_current(l->c))
		snprintf(e->text + n, sizeof e->text - n, ": device %d's "
			"primary context is not current in this thread, which "
			"wpk_context_use() makes it", l->c->device);
	return WPK_E_CUDA;
}

static enum wpk_status bad_number(const struct call *l, const struct step *s)
{
	return fail(l->e, WPK_E_PLAN, "%s: %s has an offset or extent that is "
		"out of range", l->op->name, s->kernel ? s->kernel : "a step");
}

/* One argument: its value goes to "room", or its map to "maps". */
static int argument(const struct call *l, const struct arg *a, int64_t *room,
	struct wpk_cu_map **maps, void **out)
{
	uintptr_t at;

	*out = room;
	if (a->kind == ARG_I32 || a->kind == ARG_I64) {
		*room = l->s->values[a->slot];
		return a->kind == ARG_I32 && (*room < INT32_MIN ||
			*room > UINT32_MAX) ? WPK_CU_INVALID_VALUE : 0;
	}
	if (!address_of(l, a->kind, a->tensor, a->kind == ARG_TENSOR ? 0 :
	    l->s->values[a->slot], &at))
		return WPK_CU_INVALID_VALUE;
	*room = (int64_t)at;
	if (!a->map)
		return 0;
	*out = *maps;
	return map_cached(&l->c->cuda, a->map, at, (*maps)++);
}

/* What the launch has beyond its grid, in "v"; how many. */
static unsigned attributes(const struct step *s, struct wpk_cu_attribute *v)
{
	unsigned n = 0;

	if (s->cluster[0] * s->cluster[1] * s->cluster[2] > 1)
		v[n++] = (struct wpk_cu_attribute){ WPK_CU_ATTRIBUTE_CLUSTER,
			{ 0 }, { .cluster = { s->cluster[0], s->cluster[1],
				s->cluster[2] } } };
	if (s->early)
		v[n++] = (struct wpk_cu_attribute){ WPK_CU_ATTRIBUTE_EARLY,
			{ 0 }, { .early = 1 } };
	return n;
}

static enum wpk_status launch(const struct call *l, const struct step *s)
{
	struct wpk_cu_attribute more[2];
	struct wpk_cu_launch config = { { 1, 1, 1 }, { s->threads, 1, 1 },
		(unsigned)s->shared, l->stream, more, attributes(s, more) };
	struct wpk_cu_map maps[MAPS_MOST], *next = maps;
	int64_t room[ARGS_MOST];
	void *args[ARGS_MOST + 1];
	int status;

	for (int i = 0; i < 3; i++) {
		int64_t n = l->s->values[s->grid[i]];

		if (!n)
			return WPK_OK;
		if (n < 0 || n > INT32_MAX)
			return bad_number(l, s);
		config.grid[i] = (unsigned)n;
	}
	for (int i = 0; i < s->n_args; i++) {
		status = argument(l, &s->args[i], &room[i], &next, &args[i]);
		if (status == WPK_CU_INVALID_VALUE)
			return bad_number(l, s);
		if (status)
			return cuda_failed(l, status, s->kernel);
	}
	args[s->n_args] = NULL;
	status = l->c->cuda.launch(&config, s->function, args, NULL);
	return status ? cuda_failed(l, status, s->kernel) : WPK_OK;
}

static enum wpk_status clear(const struct call *l, const struct step *s)
{
	int64_t bytes = l->s->values[s->bytes], offset = l->s->values[s->offset];
	uintptr_t at;
	int status;

	if (bytes < 0 || !address_of(l, ARG_WORKSPACE, 0, offset, &at) ||
	    (uint64_t)bytes > l->m->workspace_bytes - (uint64_t)offset)
		return bad_number(l, s);
	status = bytes ? l->c->cuda.fill(at, 0, (size_t)bytes, l->stream) : 0;
	return status ? cuda_failed(l, status, "clearing workspace") : WPK_OK;
}

static enum wpk_status call_library(const struct call *l, const struct step *s)
{
	static const enum arg_kind kinds[] = { ARG_TENSOR, ARG_WORKSPACE,
		ARG_PREPARED };
	void *addresses[ARGS_MOST];
	size_t scratch = l->s->workspace - l->s->v->scratch;
	uintptr_t at;
	int n;
	const struct place *p = library_call_places(s->call, &n);

	for (int i = 0; i < n; i++) {
		if (!address_of(l, kinds[p[i].kind], (int)p[i].value,
		    p[i].value, &at))
			return bad_number(l, s);
		addresses[i] = (void *)at;
	}
	return library_call_run(s->call, addresses, l->m->workspace ?
		(char *)l->m->workspace + scratch : NULL, l->stream, l->e);
}

static enum wpk_status run_steps(const struct call *l, const struct steps *all)
{
	static enum wpk_status (*const run[])(const struct call *,
		const struct step *) = { launch, clear, call_library };
	enum wpk_status s = WPK_OK;

	for (int i = 0; i < all->n && !s; i++)
		s = run[all->v[i].kind](l, &all->v[i]);
	return s;
}

static enum wpk_status run_compiled(const struct call *l)
{
	const struct wpk_compiled *k = l->op->compiled;
	const struct wpk_memory *m = l->m;
	void *tensors[TENSORS_MOST];
	long long sizes[SIZES_MOST];
	int status;

	sizes_of(l, sizes);
	for (int i = 0; i < l->op->n_tensors; i++)
		tensors[i] = (void *)l->at[i];
	if (l->purpose == RUN)
		status = k->run(sizes, tensors, m, l->stream);
	else
		status = k->prepare ? k->prepare(sizes, tensors, m->prepared,
			m->prepared_bytes, l->stream) : 0;
	return status ? cuda_failed(l, status, l->op->symbol) : WPK_OK;
}

/* ---- the doors ---- */

static enum wpk_status look(struct call *l, const DLTensor *const *x,
	struct shape *spare)
{
	enum wpk_status s = find_sizes(l, x);

	if (!s)
		s = find_shape(l, spare);
	return s ? s : check_tensors(l, x);
}

static enum wpk_status tell_needs(struct call *l, struct wpk_needs *needs)
{
	struct wpk_needs x = { .size = needs->size };

	needs_of(l, &x.workspace, &x.prepared);
	x.by = l->op->compiled ? l->op->symbol : l->s->v->by;
	x.general = l->s->v->general;
	memcpy(needs, &x, x.size);
	return succeed(l->e);
}

static enum wpk_status do_run(struct call *l)
{
	enum wpk_status s = check_memory(l);

	if (!s)
		s = l->op->compiled ? run_compiled(l) : run_steps(l,
			l->purpose == PREPARE ? &l->s->v->prepare :
			&l->s->v->steps);
	return s ? s : succeed(l->e);
}

enum wpk_status wpk_plan_needs(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, struct wpk_needs *needs,
	struct wpk_error *e)
{
	struct call l;
	struct shape spare;
	enum wpk_status s;

	l.purpose = NEEDS;
	l.op = op;
	l.e = e;
	if (!needs || needs->size < sizeof needs->size ||
	    needs->size > sizeof *needs)
		return fail(e, needs ? WPK_E_ARGUMENT : WPK_E_NULL, "no place "
			"for what it needs, or its \"size\" is not set");
	l.s = NULL;
	s = check_given(&l, tensors, n);
	if (!s) {
		_Alignas(16) char room[shape_room(op)];

		shape_give_room(op, &spare, room);
		s = look(&l, tensors, &spare);
		if (!s)
			s = tell_needs(&l, needs);
		shape_leave(l.s);
	}
	return s;
}

static enum wpk_status perform(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, const struct wpk_memory *m,
	wpk_stream stream, enum purpose purpose, struct wpk_error *e)
{
	struct call l;
	struct shape spare;
	enum wpk_status s;

	l.purpose = purpose;
	l.op = op;
	l.m = m ? m : &no_memory;
	l.stream = stream;
	l.e = e;
	l.s = NULL;
	s = check_given(&l, tensors, n);
	if (!s) {
		_Alignas(16) char room[shape_room(op)];

		shape_give_room(op, &spare, room);
		s = look(&l, tensors, &spare);
		if (!s)
			s = do_run(&l);
		shape_leave(l.s);
	}
	return s;
}

enum wpk_status wpk_plan_prepare(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, const struct wpk_memory *m,
	wpk_stream stream, struct wpk_error *e)
{
	return perform(op, tensors, n, m, stream, PREPARE, e);
}

enum wpk_status wpk_plan_run(const struct wpk_operator *op,
	const DLTensor *const *tensors, int n, const struct wpk_memory *m,
	wpk_stream stream, struct wpk_error *e)
{
	return perform(op, tensors, n, m, stream, RUN, e);
}
