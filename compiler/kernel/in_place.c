/* SPDX-License-Identifier: MIT */
/* May an output lie where an input lies? Whoever writes an element must be the one
 * thread that reads it, and be done with reading. That is so where every read of the
 * input has a write of the output as its companion: in the same thread, behind it,
 * of the same elements, under no condition that the read is not under, in loops of
 * which each moves it on. Kernels write each element of an output once, which is
 * what their checks for races want, so that no other write can reach it.
 *
 * Two accesses are of the same elements if their addresses are the same expression
 * once lets are put in; a loop's variable counts as its bounds, and as its place
 * among those of the address. What cannot be seen so is refused. */
#include "kernel/kernel.h"

#include <string.h>

#include "kernel/intrin.h"

enum { DEPTH = 32, TEXT_MOST = 4000 };

/* A statement on the way to an access, and which of its blocks the way takes: 0 the
 * body, 1 the else, from 2 on a role's. "at" is its number among its neighbours;
 * "cond" the condition as text, NULL: it is alike itself alone. */
struct way {
	const struct ks *s;
	int branch, at;
	const char *cond;
};

/* The way ends with the statement itself. "loops": those whose variables its
 * address has. */
struct access {
	struct way way[DEPTH];
	int depth, bytes, n_loops;
	const char *address;
	const struct ks *loops[DEPTH];
};

struct let {
	const struct k_var *var;
	const struct kx *value;
};

struct looking {
	struct arena *a;
	const struct k_buffer *in, *out;
	struct way way[DEPTH];
	int depth;
	VEC(struct let) lets;
	VEC(struct access) reads, writes;
	const char *why;
};

static void refuse(struct looking *l, const char *why)
{
	l->why = l->why ? l->why : why;
}

/* ---- expressions as text ---- */

struct writer {
	struct looking *l;
	struct access *x;
	struct str out;
	bool fails;
};

static const struct ks *loop_of(const struct looking *l, const struct k_var *v)
{
	for (int i = 0; i < l->depth; i++)
		if (l->way[i].s->kind == KS_FOR && l->way[i].s->var == v)
			return l->way[i].s;
	return NULL;
}

static const struct kx *value_of(const struct looking *l,
	const struct k_var *v)
{
	for (int i = l->lets.n; i-- > 0;)
		if (l->lets.v[i].var == v)
			return l->lets.v[i].value;
	return NULL;
}

static void write_x(struct writer *w, const struct kx *e);

static int place_of(struct access *x, const struct ks *loop)
{
	int i = 0;

	while (i < x->n_loops && x->loops[i] != loop)
		i++;
	if (i == x->n_loops && i < DEPTH)
		x->loops[x->n_loops++] = loop;
	return i;
}

static void write_loop(struct writer *w, const struct ks *s)
{
	str_printf(&w->out, "<%d %d ", place_of(w->x, s), s->loop);
	write_x(w, s->lo);
	str_putc(&w->out, ' ');
	write_x(w, s->hi);
	str_putc(&w->out, ' ');
	write_x(w, s->step);
	str_putc(&w->out, '>');
}

/* A scalar of the kernel's is itself. */
static void write_var(struct writer *w, const struct k_var *v)
{
	const struct ks *loop = loop_of(w->l, v);
	const struct kx *value = value_of(w->l, v);

	if (v->mutable)
		w->fails = true;
	else if (loop)
		write_loop(w, loop);
	else if (value)
		write_x(w, value);
	else
		str_printf(&w->out, "%p", (const void *)v);
}

/* What is chosen may be chosen by two threads alike: the last tile of a row that
 * is shifted back. What is loaded or called may differ the next time. */
static void write_x(struct writer *w, const struct kx *e)
{
	if (!e || w->fails || w->out.n > TEXT_MOST) {
		w->fails |= e != NULL;
		return;
	}
	switch (e->kind) {
	case KX_INT:
		str_printf(&w->out, "%lld", (long long)e->i);
		return;
	case KX_VAR:
		write_var(w, e->var);
		return;
	case KX_SPECIAL:
		str_printf(&w->out, "s%d", e->special);
		return;
	case KX_CAST:
		write_x(w, e->args[0]);
		return;
	case KX_OP:
		w->fails |= e->op == OP_MIN || e->op == OP_MAX ||
			e->op == OP_SELECT;
		str_printf(&w->out, "o%d(", e->op);
		for (int i = 0; i < e->n_args; i++) {
			str_putc(&w->out, i ? ',' : ' ');
			write_x(w, e->args[i]);
		}
		str_putc(&w->out, ')');
		return;
	default:
		w->fails = true;
	}
}

/* NULL where it cannot be told so. */
static const char *text_of(struct looking *l, struct access *x,
	const struct kx *e)
{
	struct writer w = { .l = l, .x = x };

	str_init(&w.out, l->a);
	write_x(&w, e);
	return w.fails ? NULL : str_text(&w.out);
}

/* ---- finding accesses ---- */

static int bytes_of(const struct k_buffer *b)
{
	return dtype_row(b->type)->bits / 8;
}

static void note(struct looking *l, bool write, const struct kx *index,
	int bytes, const struct kx *cond)
{
	struct access x = { .depth = l->depth, .bytes = bytes };
	int n;

	if (bytes <= 0)
		refuse(l, "its elements are smaller than a byte");
	memcpy(x.way, l->way, sizeof x.way);
	x.address = text_of(l, &x, index);
	if (!x.address)
		refuse(l, "not every thread's elements can be told apart");
	n = x.n_loops;
	for (int i = 0; i < x.depth && x.address; i++) {
		if (x.way[i].s->kind == KS_IF)
			x.way[i].cond = text_of(l, &x, x.way[i].s->cond);
		x.n_loops = n;
	}
	if (cond && write)
		refuse(l, "it is written under a copy's own condition");
	if (write)
		vec_push(l->a, &l->writes, x);
	else
		vec_push(l->a, &l->reads, x);
}

static void look_at(void *ctx, const struct kx *e)
{
	struct looking *l = ctx;

	if (e->kind == KX_MAP && (e->map->of == l->in || e->map->of == l->out))
		refuse(l, "it is copied as a tensor map tells it, for other "
			"threads or by none");
	if (e->kind == KX_ADDRESS && (e->buffer == l->in ||
	    e->buffer == l->out))
		refuse(l, "its address is an instruction's");
	if (e->kind == KX_LOAD && e->buffer == l->out)
		refuse(l, "results are read again");
	if (e->kind == KX_LOAD && e->buffer == l->in)
		note(l, false, e->args[0], bytes_of(l->in), NULL);
}

static void look_at_copy(struct looking *l, const struct ks *s)
{
	if (s->src.buffer == l->out)
		refuse(l, "results are read again");
	if (s->copy != COPY_PLAIN && (s->src.buffer == l->in ||
	    s->dst.buffer == l->out))
		refuse(l, "it is copied while other threads go on");
	else if (s->src.buffer == l->in)
		note(l, false, s->src.index[0], s->bytes, s->cond);
	if (s->dst.buffer == l->out)
		note(l, true, s->dst.index[0], s->bytes, s->cond);
}

static void look_block(struct looking *l, const struct k_block *b);

static void look_inside(struct looking *l, const struct ks *s, int at,
	int branch, const struct k_block *b)
{
	if (!b)
		return;
	if (l->depth == DEPTH) {
		refuse(l, "its kernel is too deep");
		return;
	}
	l->way[l->depth++] = (struct way){ s, branch, at, NULL };
	look_block(l, b);
	l->depth--;
}

/* What the statement does itself. */
static void look_statement(struct looking *l, const struct ks *s)
{
	ks_visit(s, look_at, l);
	if (s->kind == KS_COPY)
		look_at_copy(l, s);
	if (s->kind == KS_STORE && s->dst.buffer == l->out)
		note(l, true, s->dst.index[0], bytes_of(l->out), NULL);
	if (s->kind == KS_ATOMIC && s->dst.buffer == l->out)
		refuse(l, "results are added up in memory");
	if (s->kind == KS_LET)
		vec_push(l->a, &l->lets, (struct let){ s->var, s->value });
}

/* An access is at the statement that it is of: the last of its way. */
static void look_block(struct looking *l, const struct k_block *b)
{
	for (int i = 0; i < b->s.n && !l->why; i++) {
		const struct ks *s = &b->s.v[i];

		if (l->depth == DEPTH - 1) {
			refuse(l, "its kernel is too deep");
			return;
		}
		l->way[l->depth++] = (struct way){ s, -1, i, NULL };
		look_statement(l, s);
		l->depth--;
		for (int k = 0; k < ks_blocks(s); k++)
			look_inside(l, s, i, k, ks_block(s, k));
	}
}

/* ---- companions ---- */

static bool same_way(const struct way *x, const struct way *y)
{
	return x->s == y->s && x->branch == y->branch;
}

/* How many steps the two go together. */
static int together(const struct access *x, const struct access *y)
{
	int i = 0;

	while (i < x->depth && i < y->depth && same_way(&x->way[i],
	    &y->way[i]))
		i++;
	return i;
}

/* Is the write's step "i" a condition, and the read under the same? */
static bool is_under(const struct access *r, const struct way *w)
{
	for (int i = 0; i < r->depth; i++) {
		const struct way *x = &r->way[i];

		if (same_way(x, w) || (x->s->kind == w->s->kind && x->branch ==
		    w->branch && x->cond && w->cond &&
		    !strcmp(x->cond, w->cond)))
			return true;
	}
	return false;
}

static bool encloses(const struct access *x, const struct ks *s)
{
	for (int i = 0; i < x->depth; i++)
		if (x->way[i].s == s)
			return true;
	return false;
}

/* Variables of loops that both are in stand for themselves. */
static bool loops_agree(const struct access *r, const struct access *w)
{
	if (r->n_loops != w->n_loops)
		return false;
	for (int i = 0; i < r->n_loops; i++)
		if (r->loops[i] != w->loops[i] && (encloses(r, w->loops[i]) ||
		    encloses(w, r->loops[i])))
			return false;
	return true;
}

static bool is_companion(const struct access *r, const struct access *w)
{
	int fork = together(r, w);

	if (r->bytes != w->bytes || strcmp(r->address, w->address) != 0 ||
	    !loops_agree(r, w))
		return false;
	for (int i = fork; i < w->depth - 1; i++)
		if (w->way[i].s->kind != KS_FOR && !is_under(r, &w->way[i]))
			return false;
	return fork == w->depth || fork == r->depth ||
		r->way[fork].at < w->way[fork].at;
}

static bool turns_once(const struct ks *s)
{
	int64_t lo, hi, step = 1;

	return kx_is_int(s->lo, &lo) && kx_is_int(s->hi, &hi) &&
		(!s->step || kx_is_int(s->step, &step)) && hi - lo <= step;
}

/* In a loop that does not move it on an element is written in each turn. */
static bool moves_on(const struct access *w)
{
	for (int i = 0; i < w->depth; i++) {
		const struct ks *s = w->way[i].s;
		bool used = s->kind != KS_FOR || turns_once(s);

		for (int k = 0; k < w->n_loops && !used; k++)
			used = w->loops[k] == s;
		if (!used)
			return false;
	}
	return true;
}

static bool has_companion(const struct looking *l, const struct access *r)
{
	for (int i = 0; i < l->writes.n; i++)
		if (is_companion(r, &l->writes.v[i]))
			return true;
	return false;
}

static const char *kernel_in_place(struct arena *a, const struct kernel *k,
	const struct k_buffer *in, const struct k_buffer *out)
{
	struct looking l = { .a = a, .in = in, .out = out };

	look_block(&l, &k->body);
	for (int i = 0; i < l.writes.n && !l.why; i++)
		if (!moves_on(&l.writes.v[i]))
			refuse(&l, "an element is written more than once");
	for (int i = 0; i < l.reads.n && !l.why; i++)
		if (!has_companion(&l, &l.reads.v[i]))
			refuse(&l, "elements are read where no write of the "
				"same thread follows");
	return l.why;
}

/* ---- programs ---- */

static struct k_buffer *bound(const struct p_step *s, int tensor)
{
	for (int i = 0; i < s->n_args && s->kind == P_LAUNCH; i++)
		if (s->args[i] == tensor)
			return s->kernel->globals.v[i];
	return NULL;
}

/* As how many arguments. */
static int takes(const struct p_step *s, int tensor)
{
	int n = 0;

	for (int i = 0; i < s->n_args; i++)
		n += s->args[i] == tensor;
	return n;
}

/* Does the kernel write, or else read, what it knows as "b"? What cannot be seen
 * into does. */
static bool touches(struct arena *a, const struct kernel *k,
	const struct k_buffer *b, bool write)
{
	struct looking l = { .a = a, .in = write ? NULL : b, .out = write ? b :
		NULL };

	look_block(&l, &k->body);
	return l.why || l.reads.n || l.writes.n;
}

static bool step_touches(struct arena *a, const struct p_step *s, int tensor,
	bool write)
{
	const struct k_buffer *b = bound(s, tensor);

	return b ? touches(a, s->kernel, b, write) : takes(s, tensor) > 0;
}

/* Step "s", of which the output may be written before. Both kinds of pointers are
 * then no restricted ones. */
static const char *step_in_place(struct arena *a, const struct p_step *s,
	int in, int out, bool before)
{
	struct k_buffer *x = bound(s, in), *y = bound(s, out);
	const char *why;

	if (s->kind == P_FILE)
		return "its kernel is written by hand";
	if (!step_touches(a, s, in, false))
		return NULL;
	if (before)
		return "a kernel reads it behind the one that writes there";
	if (!step_touches(a, s, out, true))
		return NULL;
	if (s->kind == P_LIBRARY)
		return "a library computes it";
	if (takes(s, in) > 1 || takes(s, out) > 1)
		return "a kernel knows it by two names";
	why = kernel_in_place(a, s->kernel, x, y);
	if (!why)
		x->aliased = y->aliased = true;
	return why;
}

const char *program_in_place(struct arena *a, struct program *p)
{
	for (int out = 0; out < p->tensors.n; out++) {
		const char *name = p->tensors.v[out].over, *why = NULL;
		bool before = false;
		int in = 0;

		if (!name)
			continue;
		while (strcmp(p->tensors.v[in].name, name) != 0)
			in++;
		for (int i = 0; i < p->steps.n && !why; i++) {
			why = step_in_place(a, &p->steps.v[i], in, out, before);
			before |= step_touches(a, &p->steps.v[i], out, true);
		}
		if (why)
			return arena_printf(a, "%s cannot lie where %s lies: %s",
				p->tensors.v[out].name, name, why);
	}
	return NULL;
}
