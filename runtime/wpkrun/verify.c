/* SPDX-License-Identifier: MIT */
/* One run of a subject, and what is right of it: outputs and workspace are
 * poisoned before, and where an element looks as if nobody wrote it, once more
 * with another byte; margins must hold what they held; samples of outputs are
 * compared with the reference's; inputs must be what they were. Where the plan lets
 * outputs lie over inputs, it is run like that, too. */
#include "runtime/worker/worker.h"
#include "runtime/wpkrun/wpkrun.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 2 };

/* A set of inputs at work, "in_place": outputs where inputs lie. "outputs" by run
 * and tensor, malloc'ed. */
struct running {
	bool in_place;
	struct session *s;
	const struct subject *x;
	const void *const *data;
	struct buffers *b;
	struct contender *c;
	struct verdict *v;
	void **outputs[RUNS];
};

static bool say(struct running *r, const char *verdict, const char *message)
{
	r->v->verdict = verdict;
	r->v->message = session_print(r->s, "%s%s", r->in_place ?
		"in place: " : "", message);
	r->s->code = r->s->code ? r->s->code : EXIT_UNVERIFIED;
	return false;
}

/* ---- one run ---- */

/* Is it an output in an input's memory, or such an input? */
static bool is_shared(const struct running *r, int tensor)
{
	if (r->x->tensors[tensor].over >= 0)
		return r->in_place;
	for (int i = r->x->n_inputs; i < r->x->n; i++)
		if (r->x->tensors[i].over == tensor)
			return r->in_place;
	return false;
}

static bool poison(struct running *r, int byte)
{
	const struct block w = contender_workspace(r->c);
	bool ok = !w.base || block_fill(r->s, &w, byte, true);

	for (int i = 0; i < r->x->n && ok; i++)
		ok = block_fill(r->s, &r->b->blocks[i], byte,
			r->x->tensors[i].output && !is_shared(r, i));
	return ok;
}

/* A kernel that faults is wrong, and its context is lost. */
static bool launch(struct running *r)
{
	struct wpk_error e;
	enum wpk_status status = contender_launch(r->c, 0, r->s->stream, &e);
	int code;

	if (status && (status != WPK_E_CUDA || e.cuda < WPK_CU_FAULTS))
		return session_fail_wpk(r->s, r->x->title, &e);
	code = status ? e.cuda : cuda.synchronize(r->s->stream);
	if (!code)
		return true;
	if (code < WPK_CU_FAULTS)
		return device_fails(r->s, code, r->x->title);
	r->s->lost |= cuda_is_lost(code);
	return say(r, "fault", cuda_error(code));
}

static bool check_margins(struct running *r, int byte)
{
	const struct block w = contender_workspace(r->c);
	bool whole = true;

	if (w.base && !block_check(r->s, &w, byte, &whole))
		return false;
	if (!whole)
		return say(r, "wrong", "memory beside the workspace was "
			"written");
	for (int i = 0; i < r->x->n; i++) {
		if (!block_check(r->s, &r->b->blocks[i], byte, &whole))
			return false;
		if (!whole)
			return say(r, "wrong", session_print(r->s, "memory "
				"beside %s was written",
				r->x->tensors[i].name));
	}
	return true;
}

static bool fetch(struct running *r, void **outputs)
{
	for (int i = r->x->n_inputs; i < r->x->n; i++) {
		size_t bytes = r->x->tensors[i].bytes;
		int status;

		outputs[i] = large_take(r->s, bytes);
		status = bytes ? cuda.to_host(outputs[i], r->b->blocks[i].at,
			bytes) : 0;
		if (status)
			return device_fails(r->s, status,
				"copying an output");
	}
	return true;
}

static bool run(struct running *r, int n)
{
	r->outputs[n] = large_take(r->s, (size_t)r->x->n * sizeof(void *));
	return (!n || !r->in_place || buffers_restore(r->s, r->b, r->data)) &&
		poison(r, task_poison(n)) && launch(r) &&
		check_margins(r, task_poison(n)) && fetch(r, r->outputs[n]);
}

/* ---- what is right ---- */

static bool check_inputs(struct running *r)
{
	for (int i = 0; i < r->x->n_inputs; i++) {
		size_t bytes = r->x->tensors[i].bytes;
		void *is = large_take(r->s, bytes);
		int status = bytes ? cuda.to_host(is, r->b->blocks[i].at,
			bytes) : 0;
		bool same = is_shared(r, i) || !memcmp(is, r->data[i], bytes);

		free(is);
		if (status)
			return device_fails(r->s, status, "copying an input");
		if (!same)
			return say(r, "wrong", session_print(r->s, "the input "
				"%s was written", r->x->tensors[i].name));
	}
	return true;
}

static bool compare(struct running *r, const struct task *t, int set)
{
	const struct data *d = &t->sets[set];
	char scratch[400];
	bool doubt = false;
	const char *why = task_compare(t, d, r->outputs[0], NULL, scratch,
		&doubt);
	double error;

	if (doubt) {
		if (!run(r, 1))
			return false;
		why = task_compare(t, d, r->outputs[0], r->outputs[1],
			scratch, &doubt);
	}
	if (why)
		return say(r, "wrong", why);
	error = task_error(t, d, r->outputs[0], &r->v->compared);
	r->v->error = error > r->v->error ? error : r->v->error;
	return true;
}

static bool run_all(struct running *r, const struct task *t, int set)
{
	return run(r, 0) && check_inputs(r) && (!t || compare(r, t, set));
}

/* ---- sets ---- */

static void drop(struct running *r, void **keep)
{
	for (int n = 0; n < RUNS; n++) {
		for (int i = 0; i < r->x->n && r->outputs[n]; i++)
			if (keep && !n)
				keep[i] = r->outputs[n][i];
			else
				free(r->outputs[n][i]);
		free(r->outputs[n]);
	}
	contender_destroy(r->c);
	buffers_destroy(r->b);
}

static bool run_set(struct running *r, const char *name,
	const struct wpk_operator *op, const struct inputs *in, int set,
	size_t more, void **keep)
{
	bool ok;

	r->data = in->sets[set];
	r->b = buffers_create(r->s, r->x, r->data, r->in_place);
	if (r->b)
		r->c = contender_create(r->s, name, r->x, op, &r->b, 1,
			more);
	ok = r->c != NULL;
	if (ok) {
		r->v->by = session_print(r->s, "%s", r->c->needs.by);
		r->v->general = r->c->needs.general;
		r->v->workspace = r->c->needs.workspace;
		r->v->prepared = r->c->needs.prepared;
		ok = run_all(r, in->task, set);
	}
	drop(r, keep);
	return ok;
}

static bool has_place(const struct subject *x)
{
	for (int i = x->n_inputs; i < x->n; i++)
		if (x->tensors[i].over >= 0)
			return true;
	return false;
}

/* All sets apart, then the first in place. */
bool verify(struct session *s, const char *name, const struct wpk_operator *op,
	const struct subject *x, const struct inputs *in, struct verdict *v,
	void **outputs)
{
	bool own = op == x->op && has_place(x);

	*v = (struct verdict){ .verdict = in->task ? "verified" : "ran",
		.by = name };
	for (int set = 0; set < in->n_run + own; set++) {
		struct running r = { .s = s, .x = x, .v = v,
			.in_place = set == in->n_run };

		if (!run_set(&r, name, op, in, r.in_place ? 0 : set, 0,
		    set ? NULL : outputs))
			return v->message != NULL;
		v->in_place = r.in_place;
	}
	return true;
}

bool verify_fresh(struct session *s, const char *name,
	const struct wpk_operator *op, const struct subject *x,
	const struct inputs *in, size_t more, struct verdict *v)
{
	struct running r = { .s = s, .x = x, .v = v };
	enum exit_code code = s->code;
	bool ok;

	*v = (struct verdict){ .verdict = in->task ? "verified" : "ran",
		.by = name };
	ok = run_set(&r, name, op, in, in->n_sets - 1, more, NULL);
	if (v->message)
		s->code = code;
	return ok || v->message != NULL;
}
