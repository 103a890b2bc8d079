/* SPDX-License-Identifier: MIT */
/* The host's side of one variant: what checks the caller's pointers, clears
 * and launches in order, and the same for preparing constant operands. Numbers
 * are literals where the shape is fixed, expressions over the sizes where it is
 * open. */
#include "cuda/host.h"

struct host {
	struct arena *a;
	const struct cuda_operator *o;
	const struct cuda_variant *v;
	const struct program *p;
	struct names names;
	struct str *out;
	const struct p_step *steps;
	int n_steps, calls_left;
	bool preparing;
};

static const char *tensor_name(const struct host *h, int i)
{
	return names_of(&h->names, &h->p->tensors.v[i]);
}

static bool in_steps(const struct host *h, int tensor)
{
	for (int i = 0; i < h->n_steps; i++) {
		if (h->steps[i].kind == P_CLEAR && h->steps[i].tensor == tensor)
			return true;
		for (int j = 0; h->steps[i].kind == P_LAUNCH &&
		     j < h->steps[i].n_args; j++)
			if (h->steps[i].args[j] == tensor)
				return true;
	}
	return false;
}

static const char *number(const struct host *h, const struct kx *open,
	int64_t fixed)
{
	return host_number(h->a, &h->names, open, fixed);
}

/* ---- checks ---- */

static bool is_parameter(const struct host *h, int i)
{
	enum p_role role = h->p->tensors.v[i].role;

	if (h->preparing)
		return host_prepares(h->p, i);
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
		const struct p_tensor *t = &h->p->tensors.v[i];

		if (!is_parameter(h, i) || (!t->elements && !t->open_elements))
			continue;
		str_printf(&s, "%s!%s", gap, tensor_name(h, i));
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
			tensor_name(h, i));
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

/* Sizes are compared as signed numbers: an expression is one. */
static void check_space(struct host *h, const char *name,
	const struct kx *open, int64_t bytes)
{
	put_refusal(h, arena_printf(h->a, "!%s || (size_t)%s %% 128 || "
		"%s%s_bytes < %s", name, name, open ? "(long long)" : "",
		name, number(h, open, bytes)));
}

/* ---- steps ---- */

static void put_place(struct host *h, int i)
{
	const struct p_tensor *t = &h->p->tensors.v[i];
	bool work = t->role == P_WORKSPACE;
	const char *type = dtype_row(t->type)->c;
	const char *qualifier = work || h->preparing ? "" : "const ";
	const char *base = work ? "workspace" : "prepared";

	if ((!work && t->role != P_PREPARED) || !in_steps(h, i))
		return;
	if (t->offset || t->open_offset)
		base = arena_printf(h->a, "((%schar *)%s + %s)", qualifier,
			base, number(h, t->open_offset, t->offset));
	emit_line(h->out, 1, arena_printf(h->a, "%s%s *%s = (%s%s *)%s;",
		qualifier, type, tensor_name(h, i), qualifier, type, base));
}

static bool asks_for_shared(const struct p_step *s)
{
	return s->kernel->shared_bytes > 48 * 1024;
}

static int calls(const struct p_step *s, int n)
{
	int calls = 0;

	for (int i = 0; i < n; i++)
		calls += s[i].kind != P_LAUNCH ? 1 : 1 + asks_for_shared(&s[i]) +
			s[i].kernel->maps.n;
	return calls;
}

/* "struct tensor_map x_map, y_map;" of a launch. */
static void put_maps(struct host *h, const struct p_step *s)
{
	struct str line;

	if (s->kind != P_LAUNCH || !s->kernel->maps.n)
		return;
	str_init(&line, h->a);
	for (int i = 0; i < s->kernel->maps.n; i++) {
		const struct k_map *m = s->kernel->maps.v[i];

		str_printf(&line, "%s%s", i ? ", " : "struct tensor_map ",
			names_bind(&h->names, m, m->name));
	}
	str_putc(&line, ';');
	emit_line(h->out, 1, str_text(&line));
}

/* What calls of libraries are given: all tensors, all memory. */
static void put_tensors(struct host *h)
{
	struct str s;
	bool calls = false;

	for (int i = 0; i < h->n_steps; i++)
		calls |= h->steps[i].kind == P_LIBRARY;
	if (!calls)
		return;
	str_init(&s, h->a);
	for (int i = 0; i < h->p->tensors.n; i++)
		if (h->p->tensors.v[i].role == P_IN ||
		    h->p->tensors.v[i].role == P_OUT)
			str_printf(&s, "%s(void *)%s", s.n ? ", " : "",
				tensor_name(h, i));
	emit_line(h->out, 1, arena_printf(h->a, "void *const tensors[] = { %s };",
		str_text(&s)));
	emit_line(h->out, 1, arena_printf(h->a, "const struct wpk_memory memory = "
		"{ workspace, workspace_bytes, %s };",
		host_has_prepared(h->p) ? "(void *)prepared, prepared_bytes" :
		"NULL, 0"));
}

static bool any_early(const struct host *h)
{
	for (int i = 0; i < h->n_steps; i++)
		if (h->steps[i].early)
			return true;
	return false;
}

/* A cluster's is apart from, and next to, that of launches that begin early. */
static void put_locals(struct host *h)
{
	bool launches = false, cluster = false, early = any_early(h);
	size_t before = h->out->n;

	for (int i = 0; i < h->n_steps; i++) {
		launches |= h->steps[i].kind == P_LAUNCH;
		cluster |= h->steps[i].kind == P_LAUNCH &&
			h->steps[i].kernel->cluster > 1;
	}
	if (launches)
		str_puts(h->out, "\tcudaLaunchConfig_t config = {};\n");
	if (early)
		str_puts(h->out, "\tcudaLaunchAttribute attributes[2] = {};\n"
			"\tcudaLaunchAttribute &early = attributes[0];\n");
	if (cluster)
		str_puts(h->out, early ? "\tcudaLaunchAttribute &cluster = "
			"attributes[1];\n" :
			"\tcudaLaunchAttribute cluster = {};\n");
	if (h->calls_left > 1)
		str_puts(h->out, "\tcudaError_t status;\n");
	for (int i = 0; i < h->n_steps; i++)
		put_maps(h, &h->steps[i]);
	for (int i = 0; i < h->p->tensors.n; i++)
		put_place(h, i);
	put_tensors(h);
	if (h->out->n > before)
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

/* Conditions of the program keep open extents within a grid's. */
static const char *extent(const struct host *h, const struct p_step *s, int i)
{
	const char *text = number(h, s->open_grid[i], s->grid[i]);

	return s->open_grid[i] ? arena_printf(h->a, "(unsigned)(%s)", text) :
		text;
}

static const char *grid(const struct host *h, const struct p_step *s)
{
	const char *x = extent(h, s, 0), *y = extent(h, s, 1);

	if (s->open_grid[2] || s->grid[2] != 1)
		return arena_printf(h->a, "dim3(%s, %s, %s)", x, y,
			extent(h, s, 2));
	if (s->open_grid[1] || s->grid[1] != 1)
		return arena_printf(h->a, "dim3(%s, %s)", x, y);
	return arena_printf(h->a, "dim3(%s)", x);
}

static void put_cluster(struct host *h, const struct kernel *k)
{
	str_printf(h->out,
		"\tcluster.id = cudaLaunchAttributeClusterDimension;\n"
		"\tcluster.val.clusterDim.x = %d;\n"
		"\tcluster.val.clusterDim.y = %d;\n"
		"\tcluster.val.clusterDim.z = 1;\n", k->cluster_y ? 1 :
		k->cluster, k->cluster_y ? k->cluster : 1);
}

static void put_early(struct host *h)
{
	if (any_early(h))
		str_puts(h->out, "\tearly.id = "
			"cudaLaunchAttributeProgrammaticStreamSerialization;\n"
			"\tearly.val.programmaticStreamSerializationAllowed = "
			"1;\n");
}

static void put_attributes(struct host *h, const struct p_step *s)
{
	const struct kernel *k = s->kernel;
	int n = (k->cluster > 1) + s->early;

	if (k->cluster > 1)
		put_cluster(h, k);
	if (n)
		str_printf(h->out, "\tconfig.attrs = &%s;\n", s->early ?
			"early" : "cluster");
	str_printf(h->out, "\tconfig.numAttrs = %d;\n", n);
}

static void put_config(struct host *h, const struct p_step *s,
	const struct p_step *before)
{
	const struct kernel *k = s->kernel;

	emit_line(h->out, 1, arena_printf(h->a, "config.gridDim = %s;",
		grid(h, s)));
	if (!before || before->kernel->threads != k->threads)
		str_printf(h->out, "\tconfig.blockDim = dim3(%d);\n",
			k->threads);
	if (before ? before->kernel->shared_bytes != k->shared_bytes :
	    k->shared_bytes != 0)
		str_printf(h->out, "\tconfig.dynamicSmemBytes = %lld;\n",
			(long long)k->shared_bytes);
	if (!before)
		str_puts(h->out, "\tconfig.stream = stream;\n");
	if (k->cluster > 1 || s->early || (before &&
	    (before->early || before->kernel->cluster > 1)))
		put_attributes(h, s);
}

static void put_scalar(struct host *h, const struct p_step *s, int i,
	struct str *call)
{
	enum dtype type = s->kernel->scalars.v[i]->type;

	str_puts(call, ", ");
	if (s->open_scalars && s->open_scalars[i])
		str_printf(call, "(%s)(%s)", emit_c_type(type),
			number(h, s->open_scalars[i], 0));
	else
		emit_int(call, s->scalar_args[i], type);
}

static void encode_maps(struct host *h, const struct p_step *s)
{
	for (int i = 0; i < s->kernel->maps.n; i++) {
		const struct k_map *m = s->kernel->maps.v[i];

		put_call(h, arena_printf(h->a, "%s(%s, &%s)",
			map_function_name(h->a, h->o, h->v, s, i),
			tensor_name(h, p_map_tensor(s, m)),
			names_of(&h->names, m)));
	}
}

static void put_launch(struct host *h, const struct p_step *s,
	const struct p_step *before)
{
	const char *name = cuda_kernel_name(h->a, h->o, h->v, s);
	struct str call;

	put_config(h, s, before);
	if (asks_for_shared(s))
		put_call(h, arena_printf(h->a,
			"cudaFuncSetAttribute(%s, "
			"cudaFuncAttributeMaxDynamicSharedMemorySize, %lld)",
			name, (long long)s->kernel->shared_bytes));
	encode_maps(h, s);
	str_init(&call, h->a);
	str_printf(&call, "cudaLaunchKernelEx(&config, %s", name);
	for (int i = 0; i < s->n_args; i++)
		str_printf(&call, ", %s", tensor_name(h, s->args[i]));
	for (int i = 0; i < s->n_scalars; i++)
		put_scalar(h, s, i, &call);
	for (int i = 0; i < s->kernel->maps.n; i++)
		str_printf(&call, ", %s", names_of(&h->names,
			s->kernel->maps.v[i]));
	str_putc(&call, ')');
	put_call(h, str_text(&call));
}

static void put_clear(struct host *h, const struct p_step *s)
{
	const struct p_tensor *t = &h->p->tensors.v[s->tensor];
	int64_t each = (dtype_row(t->type)->bits + 7) / 8;
	const char *bytes = t->open_elements ? arena_printf(h->a,
		"(%s) * %lld", number(h, t->open_elements, 0),
		(long long)each) : number(h, NULL, t->elements * each);

	put_call(h, arena_printf(h->a, "cudaMemsetAsync(%s, 0, %s, stream)",
		tensor_name(h, s->tensor), bytes));
}

/* Sizes, inputs, outputs, workspace: what any launcher takes. */
static void put_file(struct host *h, const struct p_step *s)
{
	const struct program *p = h->p;
	struct str call;

	str_init(&call, h->a);
	str_printf(&call, "%s(", file_function(h->a, s, ""));
	for (int i = 0; i < p->sizes.n; i++)
		str_printf(&call, "%s, ", p->general || !h->o->chooses ?
			names_of(&h->names, p->sizes.v[i].var) : number(h,
			NULL, p->sizes.v[i].value));
	for (int role = P_IN; role <= P_OUT; role++)
		for (int i = 0; i < p->tensors.n; i++)
			if ((int)p->tensors.v[i].role == role)
				str_printf(&call, "%s, ", tensor_name(h, i));
	str_puts(&call, "workspace, workspace_bytes, stream)");
	put_call(h, str_text(&call));
}

static void put_library(struct host *h, const struct p_step *s)
{
	int n = 0;

	for (int i = 0; i < h->p->tensors.n; i++)
		n += h->p->tensors.v[i].role == P_IN ||
			h->p->tensors.v[i].role == P_OUT;
	put_call(h, arena_printf(h->a, "library_run(&%s, tensors, %d, &memory, "
		"%lld, stream)", library_name(h->a, h->o, h->v, s), n,
		(long long)library_own(h->p)));
}

static void put_steps(struct host *h)
{
	const struct p_step *before = NULL;

	put_early(h);
	for (int i = 0; i < h->n_steps; i++) {
		const struct p_step *s = &h->steps[i];

		if (s->kind == P_CLEAR)
			put_clear(h, s);
		if (s->kind == P_FILE)
			put_file(h, s);
		if (s->kind == P_LIBRARY)
			put_library(h, s);
		if (s->kind == P_LAUNCH) {
			put_launch(h, s, before);
			before = s;
		}
	}
	str_puts(h->out, h->n_steps ? "}\n\n" :
		"\treturn cudaSuccess;\n}\n\n");
}

/* ---- functions ---- */

static void put_head(struct host *h)
{
	struct call c = { .o = h->o, .typed = true,
		.preparing = h->preparing };
	const char *role = h->preparing ? "launch_prepare" : "launch";
	struct str s;

	str_init(&s, h->a);
	if (h->o->chooses) {
		c.v = h->v;
		str_printf(&s, "static cudaError_t %s(",
			host_function(h->a, h->o, h->v, role));
		host_parameters(&c, &s);
		str_putc(&s, ')');
	} else {
		str_puts(&s, "extern \"C\" ");
		if (h->preparing)
			host_prepare_prototype(h->o, &s);
		else
			cuda_prototype(h->o, &s);
	}
	emit_line(h->out, 0, str_text(&s));
	str_puts(h->out, "{\n");
}

static void put_body(struct host *h)
{
	const struct program *p = h->p;

	put_locals(h);
	check_null(h);
	check_alignment(h);
	if (host_has_prepared(p))
		check_space(h, "prepared", p->open_prepared, p->prepared);
	if (!h->preparing && (p->workspace || p->open_workspace))
		check_space(h, "workspace", p->open_workspace, p->workspace);
	put_steps(h);
}

static void put_map_functions(struct host *h)
{
	for (int i = 0; i < h->n_steps; i++)
		for (int k = 0; h->steps[i].kind == P_LAUNCH &&
		     k < h->steps[i].kernel->maps.n; k++)
			map_function(h->a, h->o, h->v, &h->steps[i], k,
				h->out);
}

static void put_function(struct host *h)
{
	const struct program *p = h->p;
	struct str *out = h->out, body;

	h->steps = h->preparing ? p->prepare.v : p->steps.v;
	h->n_steps = h->preparing ? p->prepare.n : p->steps.n;
	h->calls_left = calls(h->steps, h->n_steps);
	put_map_functions(h);
	put_head(h);
	str_init(&body, h->a);
	h->out = &body;
	put_body(h);
	h->out = out;
	host_lets(h->a, &h->names, p, str_text(&body), out);
	str_puts(out, str_text(&body));
}

void emit_variant(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, struct str *out)
{
	struct host h = { .a = a, .o = o, .v = v, .p = v->program,
		.names = host_names(a, o, v->program), .out = out };

	if (o->chooses ? host_has_prepared(v->program) :
	    cuda_has_prepared(o)) {
		h.preparing = true;
		put_function(&h);
		h.preparing = false;
	}
	put_function(&h);
}
