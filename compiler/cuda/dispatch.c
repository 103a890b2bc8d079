/* SPDX-License-Identifier: MIT */
/* The functions that callers of an operator see. Where one variant is all
 * there is, they are its own; else they choose: by the target that the device's
 * code is for, where that has variants for several GPUs by which of them the
 * device is, then by the sizes, the first variant that serves. */
#include "cuda/host.h"

#include <string.h>

struct choice {
	struct arena *a;
	const struct cuda_unit *u;
	const struct cuda_operator *o;
	struct names names;
	struct str *out;
};

static const char *size_names(const struct choice *c)
{
	struct str s;

	str_init(&s, c->a);
	for (int i = 0; i < c->o->face->sizes.n; i++)
		str_printf(&s, "%s%s", i ? ", " : "", names_of(&c->names,
			c->o->face->sizes.v[i].var));
	return str_text(&s);
}

static const char *on_sizes(const struct choice *c,
	const struct cuda_variant *v, const char *role)
{
	return arena_printf(c->a, "%s(%s)", host_function(c->a, c->o, v, role),
		size_names(c));
}

/* When the variant serves, of those for its target; NULL: always. */
static const char *serves(const struct choice *c, const struct cuda_variant *v)
{
	const struct program *p = v->program, *face = c->o->face;
	struct str s;

	if (!p->sizes.n)
		return NULL;
	if (p->general)
		return p->conditions.n ? on_sizes(c, v, "launch_if") : NULL;
	str_init(&s, c->a);
	for (int i = 0; i < p->sizes.n; i++)
		str_printf(&s, "%s%s == %lld", i ? " && " : "",
			names_of(&c->names, face->sizes.v[i].var),
			(long long)p->sizes.v[i].value);
	return str_text(&s);
}

/* ---- what a general variant says of sizes ---- */

static void put_query(const struct choice *c, const struct cuda_variant *v,
	const char *type, const char *role, const char *value)
{
	struct names n = host_names(c->a, c->o, v->program);
	const struct program *p = v->program;
	struct str head, body;

	str_init(&head, c->a);
	str_init(&body, c->a);
	str_printf(&head, "static %s %s(", type,
		host_function(c->a, c->o, v, role));
	for (int i = 0; i < p->sizes.n; i++)
		str_printf(&head, "%slong long %s", i ? ", " : "",
			names_of(&n, p->sizes.v[i].var));
	str_putc(&head, ')');
	emit_line(c->out, 0, str_text(&head));
	str_puts(c->out, "{\n");
	host_lets(c->a, &n, p, value, &body);
	str_printf(c->out, "%s%s", str_text(&body), body.n ? "\n" : "");
	emit_line(c->out, 1, arena_printf(c->a, "return %s;", value));
	str_puts(c->out, "}\n\n");
}

static const char *all_conditions(const struct choice *c,
	const struct program *p)
{
	struct names n = host_names(c->a, c->o, p);
	struct str s;

	str_init(&s, c->a);
	for (int i = 0; i < p->conditions.n; i++)
		str_printf(&s, "%s%s", i ? " && " : "", host_condition(c->a,
			&n, p->conditions.v[i].holds));
	return str_text(&s);
}

static void put_queries(const struct choice *c, const struct cuda_variant *v)
{
	const struct program *p = v->program;
	struct names n = host_names(c->a, c->o, p);

	if (p->general && p->conditions.n)
		put_query(c, v, "bool", "launch_if", all_conditions(c, p));
	if (p->open_workspace)
		put_query(c, v, "size_t", "launch_needs", host_number(c->a, &n,
			p->open_workspace, 0));
	if (p->open_prepared)
		put_query(c, v, "size_t", "launch_keeps", host_number(c->a, &n,
			p->open_prepared, 0));
}

/* ---- bytes ---- */

int64_t host_most(const struct cuda_operator *o, bool prepared)
{
	int64_t most = 0;

	for (int i = 0; i < o->n; i++) {
		const struct program *p = o->variants[i].program;
		int64_t n = prepared ? p->prepared : p->workspace;

		most = n > most ? n : most;
	}
	return most;
}

static const char *bytes(const struct choice *c, const struct cuda_variant *v,
	bool prepared)
{
	const struct program *p = v->program;
	const struct p_step *file = host_file(p);

	if (!prepared && file)
		return arena_printf(c->a, "%s(%s)", file_function(c->a, file,
			"_workspace"), size_names(c));
	if (!prepared && host_calls_library(p))
		return arena_printf(c->a, "%s()", host_function(c->a, c->o, v,
			"launch_needs"));
	if (prepared ? p->open_prepared != NULL : p->open_workspace != NULL)
		return on_sizes(c, v, prepared ? "launch_keeps" :
			"launch_needs");
	return host_number(c->a, NULL, NULL, prepared ? p->prepared :
		p->workspace);
}

/* Are both for the same devices? */
static bool same_devices(const struct cuda_variant *v,
	const struct cuda_variant *w)
{
	return v->target == w->target && v->gpu == w->gpu;
}

/* "if .. bytes = ..; else if .." over the variants for the same devices, from
 * "i" on; the first of others. */
static int put_chain(const struct choice *c, int i, bool prepared)
{
	const struct cuda_variant *first = &c->o->variants[i], *v = first;
	const char *when = "";

	for (; i < c->o->n && same_devices(v, first) && when; v++, i++) {
		when = serves(c, v);
		if (when)
			emit_line(c->out, 1, arena_printf(c->a, "%sif (%s)",
				v == first ? "" : "else ", when));
		else if (v != first)
			str_puts(c->out, "\telse\n");
		emit_line(c->out, when || v != first ? 2 : 1,
			arena_printf(c->a, "bytes = %s;", bytes(c, v,
			prepared)));
	}
	if (when)
		str_puts(c->out, "\telse\n\t\tbytes = 0;\n");
	while (i < c->o->n && same_devices(&c->o->variants[i], first))
		i++;
	return i;
}

static void put_bytes_by_size(const struct choice *c, bool prepared)
{
	str_puts(c->out, "\tsize_t most = 0, bytes;\n\n");
	for (int i = 0; i < c->o->n; ) {
		i = put_chain(c, i, prepared);
		str_puts(c->out, "\tmost = bytes > most ? bytes : most;\n");
	}
	str_puts(c->out, "\treturn most;\n}\n\n");
}

bool host_has_bytes(const struct cuda_operator *o, bool prepared)
{
	for (int i = 0; i < o->n; i++)
		if (prepared ? host_has_prepared(o->variants[i].program) :
		    host_has_workspace(o->variants[i].program))
			return true;
	return false;
}

static void put_bytes(const struct choice *c, const char *what, bool prepared)
{
	const struct cuda_operator *o = c->o;
	emit_line(c->out, 0, arena_printf(c->a, "extern \"C\" size_t %s_%s(%s)",
		cuda_symbol(c->a, o->name), what, host_size_parameters(c->a, o)));
	str_puts(c->out, "{\n");
	if (o->n == 1 && !prepared && !o->face->sizes.n && host_asks(o))
		str_printf(c->out, "\treturn %s;\n}\n\n", bytes(c,
			o->variants, false));
	else if ((o->face->sizes.n || host_asks(o)) && host_has_bytes(o, prepared))
		put_bytes_by_size(c, prepared);
	else
		str_printf(c->out, "\treturn %lld;\n}\n\n",
			(long long)host_most(o, prepared));
}

/* ---- choosing ---- */

/* Both must hold; NULL always does. */
static const char *both(struct arena *a, const char *x, const char *y)
{
	bool several = x && strstr(x, "||") != NULL;

	if (!x || !y)
		return x ? x : y;
	return arena_printf(a, "%s%s%s && %s", several ? "(" : "", x,
		several ? ")" : "", y);
}

static const char *when(const struct choice *c, const struct cuda_variant *v)
{
	const char *target = c->u->n_targets < 2 ? NULL : target_condition(
		c->a, c->u, "target", target_places(c->u, c->o, v));

	return both(c->a, target, both(c->a, gpu_condition(c->a, c->u, v),
		serves(c, v)));
}

/* What is returned where no variant serves. */
static void put_end(const struct choice *c)
{
	str_printf(c->out, "\treturn %s;\n}\n\n", c->o->face->sizes.n ?
		"cudaErrorInvalidValue" : "cudaErrorNoKernelImageForDevice");
}

static void put_variant(const struct choice *c, const struct cuda_variant *v,
	bool preparing, bool *open)
{
	struct call call = { .o = c->o, .v = v, .preparing = preparing };
	bool nothing = preparing && !host_has_prepared(v->program);
	const char *condition = when(c, v);
	struct str s;

	if (!*open || (c->u->n_targets > 1 &&
	    !target_places(c->u, c->o, v)))
		return;
	str_init(&s, c->a);
	str_printf(&s, "return %s(", host_function(c->a, c->o, v, preparing ?
		"launch_prepare" : "launch"));
	host_parameters(&call, &s);
	str_puts(&s, ");");
	if (condition)
		emit_line(c->out, 1, arena_printf(c->a, "if (%s)", condition));
	emit_line(c->out, condition ? 2 : 1, nothing ? "return cudaSuccess;" :
		str_text(&s));
	*open = condition != NULL;
}

static void put_questions(const struct choice *c)
{
	bool targets = c->u->n_targets > 1, gpus = false;

	for (int i = 0; i < c->o->n; i++)
		gpus |= c->o->variants[i].gpu != NULL;
	if (!targets && !gpus)
		return;
	emit_line(c->out, 1, arena_printf(c->a, "int %s%s%s;", targets ?
		"target" : "", targets && gpus ? ", " : "", gpus ? "gpu = 0" :
		""));
	emit_line(c->out, 1, arena_printf(c->a, "cudaError_t status = %s;",
		targets ? "wpk_target(&target)" : "wpk_gpu(1, &gpu)"));
	str_putc(c->out, '\n');
	if (targets && gpus)
		str_puts(c->out, "\tif (status == cudaSuccess)\n"
			"\t\tstatus = wpk_gpu(target, &gpu);\n");
	str_puts(c->out, "\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n");
}

static void put_chooser(const struct choice *c, bool preparing)
{
	bool open = true;
	struct str s;

	str_init(&s, c->a);
	str_puts(&s, "extern \"C\" ");
	if (preparing)
		host_prepare_prototype(c->o, &s);
	else
		cuda_prototype(c->o, &s);
	emit_line(c->out, 0, str_text(&s));
	str_puts(c->out, "{\n");
	put_questions(c);
	for (int i = 0; i < c->o->n; i++)
		put_variant(c, &c->o->variants[i], preparing, &open);
	if (open)
		put_end(c);
	else
		str_puts(c->out, "}\n\n");
}

/* ---- all ---- */

/* The operator without what no launcher takes. */
static struct cuda_operator launched(struct arena *a,
	const struct cuda_operator *all)
{
	struct cuda_operator o = *all;

	o.variants = ARENA_ARRAY(a, (size_t)all->n, struct cuda_variant);
	o.n = 0;
	for (int i = 0; i < all->n; i++)
		if (!all->variants[i].share)
			o.variants[o.n++] = all->variants[i];
	return o;
}

void emit_operator(struct arena *a, const struct cuda_unit *u,
	const struct cuda_operator *all, struct str *out)
{
	const struct cuda_operator own = launched(a, all), *o = &own;
	struct choice c = { .a = a, .u = u, .o = o,
		.names = host_names(a, o, o->face), .out = out };

	for (int i = 0; i < o->n; i++)
		if (host_calls_library(o->variants[i].program)) {
			library_calls(a, o, &o->variants[i], out);
			library_needs(a, o, &o->variants[i], out);
		}
	for (int i = 0; i < o->n && o->chooses; i++) {
		put_queries(&c, &o->variants[i]);
		emit_variant(a, o, &o->variants[i], out);
	}
	put_bytes(&c, "workspace", false);
	if (cuda_has_prepared(o))
		put_bytes(&c, "prepared", true);
	if (!o->chooses) {
		emit_variant(a, o, &o->variants[0], out);
		return;
	}
	if (cuda_has_prepared(o))
		put_chooser(&c, true);
	put_chooser(&c, false);
}
