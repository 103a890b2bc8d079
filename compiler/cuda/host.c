/* SPDX-License-Identifier: MIT */
/* The host's side of a program: what checks the caller's pointers, clears and
 * launches in order, and says how much workspace that takes. Every number is
 * a literal, for shapes are fixed when the program is built. */
#include "cuda/host.h"

#include "cuda/emit.h"

/* A parameter must not hide what is launched. */
static void bind_kernels(struct names *n, const struct program *p,
	const struct p_step *s, int n_steps)
{
	for (int i = 0; i < n_steps; i++)
		if (s[i].kind == P_LAUNCH)
			names_bind(n, &s[i], emit_kernel_name(n->a, p, &s[i]));
}

struct names host_names(struct arena *a, const struct program *p)
{
	static const char *const own[] = {
		"workspace", "workspace_bytes", "prepared", "prepared_bytes",
		"stream", "config", "cluster", "status"
	};
	struct names n = { .a = a, .legal = cuda_name };

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		names_bind(&n, &own[i], own[i]);
	bind_kernels(&n, p, p->prepare.v, p->prepare.n);
	bind_kernels(&n, p, p->steps.v, p->steps.n);
	for (int i = 0; i < p->tensors.n; i++)
		names_bind(&n, &p->tensors.v[i], p->tensors.v[i].name);
	return n;
}

static const char *tensor_name(const struct names *n, const struct program *p,
	int i)
{
	return names_of(n, &p->tensors.v[i]);
}

static bool in_steps(const struct p_step *s, int n, int tensor)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < s[i].n_args; j++)
			if (s[i].args[j] == tensor)
				return true;
	return false;
}

/* ---- parameters ---- */

static void put_parameter(struct str *out, const struct names *n,
	const struct p_tensor *t)
{
	str_printf(out, "%s%s *%s, ", t->role == P_OUT ? "" : "const ",
		dtype_row(t->type)->c, names_of(n, t));
}

void cuda_prototype(const struct program *p, struct str *out)
{
	struct names n = host_names(out->a, p);

	str_printf(out, "cudaError_t %s(", cuda_symbol(out->a, p->name));
	for (int role = P_IN; role <= P_OUT; role++)
		for (int i = 0; i < p->tensors.n; i++)
			if ((int)p->tensors.v[i].role == role)
				put_parameter(out, &n, &p->tensors.v[i]);
	if (p->prepared)
		str_puts(out, "const void *prepared, size_t prepared_bytes, ");
	if (p->workspace)
		str_puts(out, "void *workspace, size_t workspace_bytes, ");
	str_puts(out, "cudaStream_t stream)");
}

void emit_prepare_prototype(const struct program *p, struct str *out)
{
	struct names n = host_names(out->a, p);

	str_printf(out, "cudaError_t %s_prepare(", cuda_symbol(out->a, p->name));
	for (int i = 0; i < p->tensors.n; i++)
		if (p->tensors.v[i].role == P_IN &&
		    in_steps(p->prepare.v, p->prepare.n, i))
			put_parameter(out, &n, &p->tensors.v[i]);
	str_puts(out, "void *prepared, size_t prepared_bytes, "
		"cudaStream_t stream)");
}

/* ---- checks ---- */

struct host {
	struct arena *a;
	const struct program *p;
	struct names names;
	struct str *out;
	const struct p_step *steps;
	int n_steps, calls_left;
	bool preparing;
};

static bool is_parameter(const struct host *h, int i)
{
	enum p_role role = h->p->tensors.v[i].role;

	if (h->preparing)
		return role == P_IN && in_steps(h->steps, h->n_steps, i);
	return role == P_IN || role == P_OUT;
}

static void put_refusal(struct host *h, const char *condition)
{
	emit_line(h->out, 1, arena_printf(h->a, "if (%s)", condition));
	str_puts(h->out, "\t\treturn cudaErrorInvalidValue;\n");
}

static void check_null(struct host *h)
{
	struct str s;
	const char *gap = "";

	str_init(&s, h->a);
	for (int i = 0; i < h->p->tensors.n; i++) {
		if (!is_parameter(h, i) || !h->p->tensors.v[i].elements)
			continue;
		str_printf(&s, "%s!%s", gap, tensor_name(&h->names, h->p, i));
		gap = " || ";
	}
	if (*gap)
		put_refusal(h, str_text(&s));
}

/* "((size_t)x | (size_t)y) % align", or "" if no tensor asks for it. */
static const char *misaligned(struct host *h, int align)
{
	struct str s;
	int n = 0;

	str_init(&s, h->a);
	for (int i = 0; i < h->p->tensors.n; i++) {
		if (!is_parameter(h, i) || h->p->tensors.v[i].align != align)
			continue;
		str_printf(&s, "%s(size_t)%s", n++ ? " | " : "",
			tensor_name(&h->names, h->p, i));
	}
	if (!n)
		return "";
	return arena_printf(h->a, n > 1 ? "(%s) %% %d" : "%s %% %d",
		str_text(&s), align);
}

static int widest(const struct host *h)
{
	int align = 1;

	for (int i = 0; i < h->p->tensors.n; i++)
		if (is_parameter(h, i) && h->p->tensors.v[i].align > align)
			align = h->p->tensors.v[i].align;
	return align;
}

static void check_alignment(struct host *h)
{
	struct str s;
	const char *gap = "";

	str_init(&s, h->a);
	for (int align = widest(h); align > 1; align /= 2) {
		const char *one = misaligned(h, align);

		if (!*one)
			continue;
		str_printf(&s, "%s%s", gap, one);
		gap = " || ";
	}
	if (*gap)
		put_refusal(h, str_text(&s));
}

static void check_space(struct host *h, const char *name, int64_t bytes)
{
	if (bytes)
		put_refusal(h, arena_printf(h->a, "!%s || (size_t)%s %% 128 "
			"|| %s_bytes < %lld", name, name, name,
			(long long)bytes));
}

/* ---- steps ---- */

static void put_place(struct host *h, int i)
{
	const struct p_tensor *t = &h->p->tensors.v[i];
	bool work = t->role == P_WORKSPACE;
	const char *type = dtype_row(t->type)->c;
	const char *qualifier = work || h->preparing ? "" : "const ";
	const char *base = work ? "workspace" : "prepared";

	if ((!work && t->role != P_PREPARED) ||
	    !in_steps(h->steps, h->n_steps, i))
		return;
	if (t->offset)
		base = arena_printf(h->a, "((%schar *)%s + %lld)", qualifier,
			base, (long long)t->offset);
	emit_line(h->out, 1, arena_printf(h->a, "%s%s *%s = (%s%s *)%s;",
		qualifier, type, tensor_name(&h->names, h->p, i), qualifier,
		type, base));
}

static bool asks_for_shared(const struct p_step *s)
{
	return s->kernel->shared_bytes > 48 * 1024;
}

static int calls(const struct p_step *s, int n)
{
	int calls = 0;

	for (int i = 0; i < n; i++)
		calls += s[i].kind == P_CLEAR ? 1 : s[i].kind == P_LAUNCH ?
			1 + asks_for_shared(&s[i]) : 0;
	return calls;
}

static void put_locals(struct host *h)
{
	bool launches = false, cluster = false;

	for (int i = 0; i < h->n_steps; i++) {
		launches |= h->steps[i].kind == P_LAUNCH;
		cluster |= h->steps[i].kind == P_LAUNCH &&
			h->steps[i].kernel->cluster > 1;
	}
	if (launches)
		str_puts(h->out, "\tcudaLaunchConfig_t config = {};\n");
	if (cluster)
		str_puts(h->out, "\tcudaLaunchAttribute cluster = {};\n");
	if (h->calls_left > 1)
		str_puts(h->out, "\tcudaError_t status;\n");
	for (int i = 0; i < h->p->tensors.n; i++)
		put_place(h, i);
	str_putc(h->out, '\n');
}

/* "text" is an expression of type cudaError_t; the last one is returned. */
static void put_call(struct host *h, const char *text)
{
	if (!--h->calls_left) {
		emit_line(h->out, 1, arena_printf(h->a, "return %s;", text));
		return;
	}
	emit_line(h->out, 1, arena_printf(h->a, "status = %s;", text));
	str_puts(h->out, "\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n");
}

static const char *dim3(struct arena *a, const int64_t *v)
{
	if (v[2] != 1)
		return arena_printf(a, "dim3(%lld, %lld, %lld)",
			(long long)v[0], (long long)v[1], (long long)v[2]);
	if (v[1] != 1)
		return arena_printf(a, "dim3(%lld, %lld)", (long long)v[0],
			(long long)v[1]);
	return arena_printf(a, "dim3(%lld)", (long long)v[0]);
}

static void put_cluster(struct host *h, int blocks)
{
	if (blocks <= 1) {
		str_puts(h->out, "\tconfig.numAttrs = 0;\n");
		return;
	}
	str_printf(h->out,
		"\tcluster.id = cudaLaunchAttributeClusterDimension;\n"
		"\tcluster.val.clusterDim.x = %d;\n"
		"\tcluster.val.clusterDim.y = 1;\n"
		"\tcluster.val.clusterDim.z = 1;\n"
		"\tconfig.attrs = &cluster;\n"
		"\tconfig.numAttrs = 1;\n", blocks);
}

static void put_config(struct host *h, const struct p_step *s,
	const struct p_step *before)
{
	const struct kernel *k = s->kernel;

	str_printf(h->out, "\tconfig.gridDim = %s;\n", dim3(h->a, s->grid));
	if (!before || before->kernel->threads != k->threads)
		str_printf(h->out, "\tconfig.blockDim = dim3(%d);\n",
			k->threads);
	if (before ? before->kernel->shared_bytes != k->shared_bytes :
	    k->shared_bytes != 0)
		str_printf(h->out, "\tconfig.dynamicSmemBytes = %lld;\n",
			(long long)k->shared_bytes);
	if (!before)
		str_puts(h->out, "\tconfig.stream = stream;\n");
	if (k->cluster > 1 || (before && before->kernel->cluster > 1))
		put_cluster(h, k->cluster);
}

static void put_launch(struct host *h, const struct p_step *s,
	const struct p_step *before)
{
	const char *name = emit_kernel_name(h->a, h->p, s);
	struct str call;

	put_config(h, s, before);
	if (asks_for_shared(s))
		put_call(h, arena_printf(h->a,
			"cudaFuncSetAttribute(%s, "
			"cudaFuncAttributeMaxDynamicSharedMemorySize, %lld)",
			name, (long long)s->kernel->shared_bytes));
	str_init(&call, h->a);
	str_printf(&call, "cudaLaunchKernelEx(&config, %s", name);
	for (int i = 0; i < s->n_args; i++)
		str_printf(&call, ", %s", tensor_name(&h->names, h->p,
			s->args[i]));
	for (int i = 0; i < s->n_scalars; i++) {
		str_puts(&call, ", ");
		emit_int(&call, s->scalar_args[i],
			s->kernel->scalars.v[i]->type);
	}
	str_putc(&call, ')');
	put_call(h, str_text(&call));
}

static void put_clear(struct host *h, const struct p_step *s)
{
	const struct p_tensor *t = &h->p->tensors.v[s->tensor];

	put_call(h, arena_printf(h->a, "cudaMemsetAsync(%s, 0, %lld, stream)",
		tensor_name(&h->names, h->p, s->tensor),
		(long long)t->elements * ((dtype_row(t->type)->bits + 7) / 8)));
}

static void put_steps(struct host *h)
{
	const struct p_step *before = NULL;

	for (int i = 0; i < h->n_steps; i++) {
		const struct p_step *s = &h->steps[i];

		if (s->kind == P_CLEAR)
			put_clear(h, s);
		if (s->kind == P_LAUNCH) {
			put_launch(h, s, before);
			before = s;
		}
	}
	str_puts(h->out, h->n_steps ? "}\n\n" :
		"\treturn cudaSuccess;\n}\n\n");
}

static void put_function(struct host *h, const char *prototype)
{
	h->calls_left = calls(h->steps, h->n_steps);
	emit_line(h->out, 0, arena_printf(h->a, "extern \"C\" %s",
		prototype));
	str_puts(h->out, "{\n");
	put_locals(h);
	check_null(h);
	check_alignment(h);
	if (h->preparing || h->p->prepared)
		check_space(h, "prepared", h->p->prepared);
	if (!h->preparing)
		check_space(h, "workspace", h->p->workspace);
	put_steps(h);
}

static void put_size(struct str *out, const char *name, const char *what,
	int64_t bytes)
{
	str_printf(out, "extern \"C\" size_t %s_%s(void)\n{\n"
		"\treturn %lld;\n}\n\n", name, what, (long long)bytes);
}

void emit_host(struct arena *a, const struct program *p, struct str *out)
{
	struct host h = { .a = a, .p = p, .names = host_names(a, p),
		.out = out, .steps = p->steps.v, .n_steps = p->steps.n };
	const char *name = cuda_symbol(a, p->name);
	struct str prototype;

	str_init(&prototype, a);
	put_size(out, name, "workspace", p->workspace);
	if (p->prepared) {
		put_size(out, name, "prepared", p->prepared);
		h.preparing = true;
		h.steps = p->prepare.v;
		h.n_steps = p->prepare.n;
		emit_prepare_prototype(p, &prototype);
		put_function(&h, str_text(&prototype));
		h.preparing = false;
		h.steps = p->steps.v;
		h.n_steps = p->steps.n;
		str_init(&prototype, a);
	}
	cuda_prototype(p, &prototype);
	put_function(&h, str_text(&prototype));
}
