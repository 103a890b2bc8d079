/* SPDX-License-Identifier: MIT */
/* The library sketch: a product or convolution, with what follows it, by cuBLASLt
 * or cuDNN. What they are is recognised by axes and strides, never by name. It
 * has no kernel: its step is a call, which libwpk makes. Its numbers are which
 * library, and which of the algorithms that this has for the call on a device;
 * how many there are is known there alone.
 *
 * Nobody but a measurement knows what a call costs, so it serves who asks for it,
 * or where fallback(...) allows it and candidates are measured on a GPU. */
#include "sketch/library.h"

#include <string.h>

/* Algorithms that a search looks at; more may be asked for. cuDNN's heuristics name
 * up to 88 on an H200, and behind them are up to 24 of before graphs. */
enum { ALGORITHMS = 128 };

enum { LIBRARY, ALGORITHM, DETERMINISTIC, TUNABLES };

/* "whys": of libraries that do not serve. "named": the algorithm, where the
 * schedule names one, as words. */
struct libraries {
	struct library_group g;
	struct p_call calls[N_CALL_LIBRARIES];
	bool serves[N_CALL_LIBRARIES];
	const char *whys[N_CALL_LIBRARIES];
	int words[N_CALL_LIBRARIES], n_words;
	int algorithms[ALGORITHMS], n_algorithms;
	const char *named[2];
	double bytes;
	struct tunable open[TUNABLES];
	int n_open;
};

/* ---- what the schedule allows ---- */

static bool says(const struct schedule *s, const char *directive)
{
	for (int i = 0; s && i < s->n_directives; i++)
		if (!strcmp(s->directives[i].name, directive))
			return true;
	return false;
}

/* ---- what applies ---- */

/* Images of three axes and more are convolved, others multiplied. */
static bool graph_of(struct libraries *l, struct p_call *out, const char **why)
{
	bool image = l->g.c.n_m >= 3 || l->g.c.n_n >= 3;
	const char *other;

	if (image && library_conv(&l->g, out, why))
		return true;
	if (library_matmul(&l->g, out, image ? &other : why))
		return true;
	return !image && library_conv(&l->g, out, why);
}

/* Only convolutions of cuDNN have algorithms with names. */
static bool has_named(struct libraries *l, enum call_library k)
{
	const struct call_graph *q = &l->calls[k].graph;

	if (k == CALL_CUDNN && q->nodes[0].op == CALL_CONV)
		return true;
	l->whys[k] = k == CALL_CUDNN ? "legacy algorithms are of convolutions" :
		"its algorithms have no names";
	return false;
}

static void try_library(struct task *t, struct libraries *l,
	enum call_library k)
{
	const char **why = &l->whys[k];

	if (!sched_allows(t->schedule, call_libraries[k])) {
		*why = "fallback(...) names another";
	} else if (k == CALL_CUDNN && says(t->schedule, "deterministic")) {
		*why = "which of its engines are deterministic is not known";
	} else if (k == CALL_CUBLASLT) {
		l->serves[k] = library_gemm(&l->g, &l->calls[k], why);
	} else {
		l->serves[k] = graph_of(l, &l->calls[k], why);
	}
	if (l->serves[k] && l->named[0])
		l->serves[k] = has_named(l, k);
}

/* Calls are of one shape. */
static bool is_open(const struct ir_operator *o)
{
	for (int i = 0; i < o->n_axes; i++)
		if (o->axes[i].open)
			return true;
	return false;
}

static bool analyse(struct task *t, struct libraries *l, const char **why)
{
	struct library_group *g = &l->g;

	g->t = t;
	if (t->group->anchor != IR_CONTRACTION) {
		*why = t->group->anchor == IR_CHAIN ? "libraries compute one "
			"contraction, and this group is a chain of two" :
			t->group->anchor == IR_TWINS ? "libraries compute one "
			"contraction, and this group is of two that share a "
			"factor" :
			"libraries compute contractions, sums over products of "
			"two tensors";
		return false;
	}
	if (!ir_contraction(t->a, t->op, t->group->anchor_stmt, &g->c, why))
		return false;
	*why = g->c.pair ? "what is summed is no product of two tensors" :
		is_open(t->op) ? "calls of libraries are of one shape, and sizes "
		"are open here" : g->c.left_value != g->c.left ||
		g->c.right_value != g->c.right ? "a factor of the product is "
		"computed, and libraries load factors" :
		g->c.left_choices.n || g->c.right_choices.n ? "libraries find "
		"factors by affine indices, and batches choose one here" : NULL;
	return !*why && library_follow(t, g, why);
}

static void make_tunables(struct task *t, struct libraries *l)
{
	static const char *const words[] = { "cublaslt", "cudnn", NULL };
	static const int on[] = { 1 };
	int asked = sched_algorithm(t->schedule);

	for (int k = 0; k < N_CALL_LIBRARIES; k++)
		if (l->serves[k])
			l->words[l->n_words++] = k;
	l->n_algorithms = asked >= 0 || l->named[0] ? 1 : ALGORITHMS;
	for (int i = 0; i < l->n_algorithms; i++)
		l->algorithms[i] = asked >= 0 ? asked : i;
	l->open[LIBRARY] = (struct tunable){ .name = "library", .directive =
		"fallback", .values = l->words, .n = l->n_words,
		.words = words, .launch = true };
	l->open[ALGORITHM] = (struct tunable){ .name = "algorithm",
		.directive = "fallback", .key = "algorithm", .values =
		l->algorithms, .n = l->n_algorithms, .launch = true,
		.words = l->named[0] ? l->named : NULL };
	l->open[DETERMINISTIC] = (struct tunable){ .name = "deterministic",
		.directive = "deterministic", .values = on, .n = 1 };
	l->n_open = says(t->schedule, "deterministic") ? TUNABLES :
		DETERMINISTIC;
}

static bool applies(struct task *t, const char **why)
{
	struct libraries *l = ARENA_NEW(t->a, struct libraries);

	if (!analyse(t, l, why))
		return false;
	l->named[0] = sched_algorithm_name(t->schedule);
	for (int k = 0; k < N_CALL_LIBRARIES; k++)
		try_library(t, l, (enum call_library)k);
	if (!l->serves[CALL_CUBLASLT] && !l->serves[CALL_CUDNN]) {
		*why = arena_printf(t->a, "cuBLASLt: %s; cuDNN: %s",
			l->whys[CALL_CUBLASLT], l->whys[CALL_CUDNN]);
		return false;
	}
	l->bytes = epilogue_bytes(t);
	make_tunables(t, l);
	t->state = l;
	return true;
}

/* ---- the open numbers ---- */

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct libraries *l = t->state;

	*n = l->n_open;
	return l->open;
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	const struct libraries *l = t->state;
	int k = values[LIBRARY], algorithm = values[ALGORITHM];

	if (!l->serves[k])
		return arena_printf(a, "%s does not serve: %s; fallback(%s) is "
			"legal", call_titles[k], l->whys[k],
			call_libraries[!k]);
	if (algorithm < 0 || algorithm > SCHED_ALGORITHMS)
		return arena_printf(a, "algorithms are counted from 0 to %d",
			SCHED_ALGORITHMS);
	return NULL;
}

static void start(const struct task *t, int *values)
{
	const struct libraries *l = t->state;

	values[LIBRARY] = l->words[0];
	values[ALGORITHM] = l->algorithms[0];
	if (l->n_open > DETERMINISTIC)
		values[DETERMINISTIC] = 1;
}

/* ---- what it costs ---- */

static double extents(const struct task *t, const int *axes, int n)
{
	double all = 1;

	for (int i = 0; i < n; i++)
		all *= (double)t->op->axes[axes[i]].extent;
	return all;
}

/* What there is to do, done as well as can be: a bound, not an estimate. */
static void features(const struct task *t, const int *values,
	struct features *f)
{
	enum { THREADS = 256, REGISTERS = 64 };
	const struct libraries *l = t->state;
	const struct ir_contraction *c = &l->g.c;
	enum dtype type = t->op->tensors[c->left->tensor].type;
	double products = extents(t, c->stmt->axes, c->stmt->n_axes) *
		extents(t, c->k, c->n_k);

	(void)values;
	*f = (struct features){ .threads = THREADS, .regs = REGISTERS,
		.useful = 1, .ilp = 4, .launches = 1, .stages = 4,
		.blocks = t->gpu->sms, .occupancy = target_occupancy(t->target,
			THREADS, REGISTERS, 0), .dram_bytes = l->bytes,
		.l2_bytes = l->bytes };
	f->rate = dtype_row(type)->bits == 16 ? 1 :
		dtype_row(type)->bits == 8 ? 2 : 0;
	if (f->rate > 0)
		f->tensor = products / f->rate;
	else
		f->flops = 2 * products;
}

/* ---- the step ---- */

static void place(const struct task *t, const struct program *p, int *tensor)
{
	if (*tensor >= 0)
		*tensor = program_tensor(p, t->op->tensors[*tensor].name);
}

static void place_all(const struct task *t, const struct program *p,
	struct p_call *c)
{
	struct call_matrix *m[] = { &c->gemm.a, &c->gemm.b, &c->gemm.c,
		&c->gemm.d, &c->gemm.bias };

	for (int i = 0; c->library == CALL_CUBLASLT && i < 5; i++)
		place(t, p, &m[i]->tensor);
	for (int i = 0; i < c->graph.n_tensors; i++)
		place(t, p, &c->graph.tensors[i].tensor);
}

static void build(const struct task *t, struct arena *a, const int *values,
	struct program *p)
{
	const struct libraries *l = t->state;
	struct p_call *c = ARENA_NEW(a, struct p_call);
	struct p_step s = { .kind = P_LIBRARY, .call = c };
	struct call_place v[CALL_PLACES];

	*c = l->calls[values[LIBRARY]];
	c->algorithm = values[ALGORITHM];
	c->named = l->named[0];
	place_all(t, p, c);
	s.n_args = call_places(c, v);
	s.args = ARENA_ARRAY(a, (size_t)s.n_args + 1, int);
	for (int i = 0; i < s.n_args; i++)
		s.args[i] = v[i].tensor;
	vec_push(a, &p->steps, s);
}

static const char *const directives[] = { "deterministic", NULL };

const struct sketch sketch_library = {
	.name = "library",
	.summary = "a call of cuBLASLt or cuDNN, where fallback(...) allows it",
	.directives = directives,
	.asked_by = "fallback",
	.asked_why = "calls what is not of wpkc's making",
	.unpriced = true, .opaque = true,
	.applies = applies, .tunables = tunables, .legal = legal,
	.features = features, .start = start, .build = build,
};
