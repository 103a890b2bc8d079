/* SPDX-License-Identifier: MIT */
/* Programs: launches in order over the operator's tensors and workspace. Here
 * they are made, laid out, printed and checked as a whole; each kernel alone
 * is verify.c's. */
#include "kernel/kernel.h"

enum { PLACE_ALIGN = 128 };

struct program *program_create(struct arena *a, const char *name)
{
	struct program *p = ARENA_NEW(a, struct program);

	p->name = name;
	return p;
}

void program_prepare(struct program *p)
{
	struct program was = *p;

	p->steps.v = was.prepare.v;
	p->steps.n = was.prepare.n;
	p->steps.cap = was.prepare.cap;
	p->prepare.v = was.steps.v;
	p->prepare.n = was.steps.n;
	p->prepare.cap = was.steps.cap;
	p->preparing = !was.preparing;
}

static int64_t tensor_bytes(const struct p_tensor *t)
{
	int bits = dtype_row(t->type)->bits;

	return t->elements * (bits < 8 ? 1 : bits / 8);
}

/* Workspace tensors one after the other, and so the prepared ones. */
void program_layout(struct program *p)
{
	p->workspace = 0;
	p->prepared = 0;
	for (int i = 0; i < p->tensors.n; i++) {
		struct p_tensor *t = &p->tensors.v[i];
		int64_t *end = t->role == P_WORKSPACE ? &p->workspace :
			&p->prepared;

		if (t->role != P_WORKSPACE && t->role != P_PREPARED)
			continue;
		t->offset = *end;
		*end += (tensor_bytes(t) + PLACE_ALIGN - 1) / PLACE_ALIGN *
			PLACE_ALIGN;
	}
}

/* Bytes of "t" rounded up to PLACE_ALIGN. */
static struct kx *open_bytes(struct arena *a, const struct p_tensor *t)
{
	int bits = dtype_row(t->type)->bits;
	int64_t each = bits < 8 ? 1 : bits / 8;
	struct kx *n = t->open_elements;

	n = kx_add(a, kx_mul(a, n, kx_cast(a, T_I64, kx_int(a, each))),
		kx_cast(a, T_I64, kx_int(a, PLACE_ALIGN - 1)));
	return kx_mul(a, kx_div(a, n, kx_cast(a, T_I64,
		kx_int(a, PLACE_ALIGN))), kx_cast(a, T_I64,
		kx_int(a, PLACE_ALIGN)));
}

/* The same over sizes: "*end" is NULL up to the first tensor whose size is
 * open. */
static void place_open(struct arena *a, struct p_tensor *t, struct kx **end)
{
	int64_t fixed = (tensor_bytes(t) + PLACE_ALIGN - 1) / PLACE_ALIGN *
		PLACE_ALIGN;
	struct kx *at = *end ? *end : kx_cast(a, T_I64, kx_int(a, t->offset));

	t->open_offset = *end;
	if (*end || t->open_elements)
		*end = kx_add(a, at, t->open_elements ? open_bytes(a, t) :
			kx_cast(a, T_I64, kx_int(a, fixed)));
}

void program_layout_open(struct arena *a, struct program *p)
{
	program_layout(p);
	p->open_workspace = p->open_prepared = NULL;
	for (int i = 0; i < p->tensors.n; i++) {
		struct p_tensor *t = &p->tensors.v[i];

		if (t->role == P_WORKSPACE)
			place_open(a, t, &p->open_workspace);
		else if (t->role == P_PREPARED)
			place_open(a, t, &p->open_prepared);
	}
}

/* ---- numbers at given sizes ---- */

struct at_sizes {
	const struct program *p;
	const int64_t *sizes;
};

static bool value_at(const void *ctx, const struct k_var *v, int64_t *out)
{
	const struct at_sizes *at = ctx;
	const struct kx_values with = { .value = value_at, .ctx = at };

	for (int i = 0; i < at->p->sizes.n; i++)
		if (at->p->sizes.v[i].var == v) {
			*out = at->sizes[i];
			return true;
		}
	for (int i = 0; i < at->p->lets.n; i++)
		if (at->p->lets.v[i].var == v)
			return kx_eval_with(at->p->lets.v[i].value, &with, out);
	return false;
}

bool program_number(const struct program *p, const int64_t *sizes,
	const struct kx *open, int64_t fixed, int64_t *out)
{
	struct at_sizes at = { p, sizes };
	struct kx_values with = { .value = value_at, .ctx = &at };

	*out = fixed;
	return !open || kx_eval_with(open, &with, out);
}

/* ---- text ---- */

/* "open" if there is one, else the number. */
static void print_number(const struct kx *open, int64_t fixed, struct str *out)
{
	if (open)
		kx_print(open, out);
	else
		str_printf(out, "%lld", (long long)fixed);
}

static void print_tensor(const struct p_tensor *t, struct str *out)
{
	static const char *const roles[] = {
		"in", "out", "workspace", "prepared"
	};

	str_printf(out, "  %s %s: %s[", roles[t->role], t->name,
		dtype_row(t->type)->name);
	print_number(t->open_elements, t->elements, out);
	str_printf(out, "] align %d", t->align);
	if (t->role == P_WORKSPACE || t->role == P_PREPARED) {
		str_puts(out, " at ");
		print_number(t->open_offset, t->offset, out);
	}
	if (t->shape)
		str_printf(out, "  // %s", t->shape);
	str_putc(out, '\n');
}

static void print_tiling(const struct p_tiling *g, struct str *out)
{
	str_printf(out, "    tiles %lld x %lld of %lld x %lld, batch %lld",
		(long long)g->tile_rows, (long long)g->tile_cols,
		(long long)g->rows, (long long)g->cols, (long long)g->batch);
	str_puts(out, ": row ");
	kx_print(g->row, out);
	str_puts(out, ", col ");
	kx_print(g->col, out);
	str_puts(out, ", batch ");
	kx_print(g->batch_index, out);
	if (g->stream.units)
		str_printf(out, "; %lld of %lld chunks shared out to %lld",
			(long long)g->stream.tiles, (long long)g->stream.chunks,
			(long long)g->stream.units);
	str_putc(out, '\n');
}

static void print_launch(const struct program *p, const struct p_step *s,
	struct str *out)
{
	str_printf(out, "launch %s %sgrid", s->kernel->name, s->early ?
		"early " : "");
	for (int i = 0; i < 3; i++) {
		str_puts(out, i ? ", " : "(");
		print_number(s->open_grid[i], s->grid[i], out);
	}
	str_puts(out, ") (");
	for (int i = 0; i < s->n_args; i++)
		str_printf(out, "%s%s", i ? ", " : "",
			p->tensors.v[s->args[i]].name);
	for (int i = 0; i < s->n_scalars; i++) {
		str_puts(out, i || s->n_args ? ", " : "");
		print_number(s->open_scalars ? s->open_scalars[i] : NULL,
			s->scalar_args[i], out);
	}
	str_puts(out, ")\n");
	if (s->tiling.row)
		print_tiling(&s->tiling, out);
}

static void print_call(const struct program *p, const struct p_call *c,
	struct str *out)
{
	str_puts(out, "call ");
	call_print(p, c, out);
	str_putc(out, '\n');
}

static void print_step(const struct program *p, const char *word,
	const struct p_step *s, struct str *out)
{
	str_printf(out, "  %s", word);
	if (s->kind == P_LAUNCH)
		print_launch(p, s, out);
	else if (s->kind == P_CLEAR)
		str_printf(out, "clear %s\n", p->tensors.v[s->tensor].name);
	else if (s->kind == P_FILE)
		str_printf(out, "file %s\n", s->file);
	else
		print_call(p, s->call, out);
}

static void print_kernels(const struct p_step *s, int n, struct str *out)
{
	for (int i = 0; i < n; i++) {
		if (s[i].kind != P_LAUNCH)
			continue;
		str_putc(out, '\n');
		kernel_print(s[i].kernel, out);
	}
}

/* "size M", and where they are fixed, "size M = 128". */
static void print_sizes(const struct program *p, struct str *out)
{
	for (int i = 0; i < p->sizes.n; i++) {
		str_printf(out, "  size %s", p->sizes.v[i].name);
		if (!p->general)
			str_printf(out, " = %lld",
				(long long)p->sizes.v[i].value);
		str_putc(out, '\n');
	}
	for (int i = 0; i < p->lets.n; i++) {
		str_printf(out, "  let %s = ", p->lets.v[i].var->name);
		kx_print(p->lets.v[i].value, out);
		str_putc(out, '\n');
	}
	for (int i = 0; i < p->conditions.n; i++) {
		str_puts(out, "  where ");
		kx_print(p->conditions.v[i].holds, out);
		str_putc(out, '\n');
	}
}

void program_print(const struct program *p, struct str *out)
{
	str_printf(out, "program %s workspace ", p->name);
	print_number(p->open_workspace, p->workspace, out);
	str_puts(out, " prepared ");
	print_number(p->open_prepared, p->prepared, out);
	str_puts(out, " {\n");
	print_sizes(p, out);
	for (int i = 0; i < p->tensors.n; i++)
		print_tensor(&p->tensors.v[i], out);
	for (int i = 0; i < p->prepare.n; i++)
		print_step(p, "prepare ", &p->prepare.v[i], out);
	for (int i = 0; i < p->steps.n; i++)
		print_step(p, "", &p->steps.v[i], out);
	str_puts(out, "}\n");
	print_kernels(p->prepare.v, p->prepare.n, out);
	print_kernels(p->steps.v, p->steps.n, out);
}

/* ---- checks ---- */

static const char *check_argument(struct arena *a, const struct program *p,
	const struct kernel *k, const struct k_buffer *b, int tensor,
	bool preparing, const bool *written)
{
	const struct p_tensor *t = &p->tensors.v[tensor];
	bool fixed = t->role == P_IN ||
		(t->role == P_PREPARED && !preparing);

	if (dtype_row(t->type)->bits != dtype_row(b->type)->bits)
		return arena_printf(a, "kernel %s takes %s of %s, and tensor "
			"%s is of %s", k->name, b->name,
			dtype_row(b->type)->name, t->name,
			dtype_row(t->type)->name);
	if (b->align > t->align)
		return arena_printf(a, "kernel %s needs %s aligned to %d, and "
			"tensor %s is to %d", k->name, b->name, b->align,
			t->name, t->align);
	if (b->written && fixed)
		return arena_printf(a, "kernel %s writes %s, which is an "
			"input", k->name, t->name);
	if (!b->written && !fixed && !written[tensor])
		return arena_printf(a, "kernel %s reads %s before any step "
			"writes it", k->name, t->name);
	if (!b->wide && t->elements > INT32_MAX)
		return arena_printf(a, "%s has %lld elements and is indexed "
			"with 32 bits", t->name, (long long)t->elements);
	return NULL;
}

/* Restricted pointers, of which one is written, are not of the same memory. */
static const char *check_names(struct arena *a, const struct program *p,
	const struct p_step *s)
{
	const struct kernel *k = s->kernel;

	for (int i = 0; i < s->n_args; i++)
		for (int j = 0; j < i; j++)
			if (s->args[i] == s->args[j] &&
			    (k->globals.v[i]->written ||
			     k->globals.v[j]->written))
				return arena_printf(a, "kernel %s knows %s by "
					"two names, and writes it", k->name,
					p->tensors.v[s->args[i]].name);
	return NULL;
}

static const char *check_launch(struct arena *a, const struct program *p,
	const struct p_step *s, bool preparing, bool *written,
	const struct target *t)
{
	const struct kernel *k = s->kernel;
	const char *why = kernel_verify(a, k, t);

	if (!why && s->early && !kernel_waits(k))
		why = "it may begin early, and touches memory before it waits "
			"for the kernels before it";

	if (why)
		return arena_printf(a, "kernel %s: %s", k->name, why);
	if (s->n_args != k->globals.n || s->n_scalars != k->scalars.n)
		return arena_printf(a, "kernel %s has %d tensors and %d "
			"scalars, and is launched with %d and %d", k->name,
			k->globals.n, k->scalars.n, s->n_args, s->n_scalars);
	if (s->grid[0] < 1 || s->grid[0] > INT32_MAX || s->grid[1] < 1 ||
	    s->grid[1] > 65535 || s->grid[2] < 1 || s->grid[2] > 65535 ||
	    s->grid[k->cluster_y] % k->cluster)
		return arena_printf(a, "kernel %s cannot have a grid of "
			"%lld x %lld x %lld", k->name, (long long)s->grid[0],
			(long long)s->grid[1], (long long)s->grid[2]);
	why = check_names(a, p, s);
	for (int i = 0; !why && i < s->n_args; i++)
		why = check_argument(a, p, k, k->globals.v[i], s->args[i],
			preparing, written);
	for (int i = 0; !why && i < s->n_args; i++)
		written[s->args[i]] |= k->globals.v[i]->written;
	return why;
}

/* What is in the file is for checks of values to find out. */
static const char *check_file(struct arena *a, const struct program *p,
	int n_steps, bool preparing, bool *written)
{
	if (n_steps > 1 || preparing)
		return arena_printf(a, "a hand-written file is not all of %s",
			p->name);
	for (int i = 0; i < p->tensors.n; i++)
		written[i] = true;
	return NULL;
}

static const char *check_place(struct arena *a, const struct program *p,
	const struct call_place *x, bool preparing, const bool *written)
{
	const struct p_tensor *t = &p->tensors.v[x->tensor];
	bool fixed = t->role == P_IN ||
		(t->role == P_PREPARED && !preparing);

	if (t->type != x->type)
		return arena_printf(a, "a call takes %s of %s, which is of %s",
			t->name, dtype_row(x->type)->name,
			dtype_row(t->type)->name);
	if (x->elements > t->elements)
		return arena_printf(a, "a call goes %lld elements into %s, "
			"which has %lld", (long long)x->elements, t->name,
			(long long)t->elements);
	if (x->written && fixed)
		return arena_printf(a, "a call writes %s, which is an input",
			t->name);
	if (!x->written && !fixed && !written[x->tensor])
		return arena_printf(a, "a call reads %s before any step writes "
			"it", t->name);
	return NULL;
}

static const char *check_call(struct arena *a, const struct program *p,
	const struct p_call *c, bool preparing, bool *written)
{
	struct call_place v[CALL_PLACES];
	int n = call_places(c, v);
	const char *why = NULL;

	for (int i = 0; !why && i < n; i++)
		why = check_place(a, p, &v[i], preparing, written);
	for (int i = 0; !why && i < n; i++)
		written[v[i].tensor] |= v[i].written;
	return why;
}

static const char *check_steps(struct arena *a, const struct program *p,
	const struct p_step *s, int n, bool preparing, const struct target *t)
{
	bool *written = ARENA_ARRAY(a, (size_t)p->tensors.n + 1, bool);
	const char *why = NULL;

	for (int i = 0; !why && i < n; i++) {
		if (s[i].kind == P_LIBRARY)
			why = check_call(a, p, s[i].call, preparing, written);
		else if (s[i].kind == P_CLEAR)
			written[s[i].tensor] = true;
		else if (s[i].kind == P_FILE)
			why = check_file(a, p, n, preparing, written);
		else if (i && s[i].early && s[i - 1].kind != P_LAUNCH)
			why = arena_printf(a, "kernel %s may begin early, and "
				"no launch is before it", s[i].kernel->name);
		else
			why = check_launch(a, p, &s[i], preparing, written,
				t);
	}
	for (int i = 0; !why && i < p->tensors.n; i++)
		if (p->tensors.v[i].role == (preparing ? P_PREPARED : P_OUT) &&
		    !written[i])
			why = arena_printf(a, "no step writes %s",
				p->tensors.v[i].name);
	return why;
}

const char *program_verify(struct arena *a, const struct program *p,
	const struct target *t)
{
	const char *why = NULL;

	if (p->prepare.n)
		why = check_steps(a, p, p->prepare.v, p->prepare.n, true, t);
	return why ? why :
		check_steps(a, p, p->steps.v, p->steps.n, false, t);
}
