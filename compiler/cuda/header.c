/* SPDX-License-Identifier: MIT */
/* The C header: prototypes, and in comments what their arguments must be. */
#include <string.h>

#include "cuda/emit.h"
#include "cuda/host.h"

static const char *element_type(struct arena *a, enum dtype t)
{
	const struct dtype_row *r = dtype_row(t);

	return arena_printf(a, "%s (%s)", r->name, r->c);
}

/* The input that tensor "i" may lie over, whichever variant serves, or NULL. */
static const char *over_of(const struct cuda_operator *o, int i)
{
	for (int k = 0; k < o->n; k++)
		if (!o->variants[k].program->tensors.v[i].over)
			return NULL;
	return o->face->tensors.v[i].over;
}

static void put_tensor(struct arena *a, struct str *out,
	const struct names *n, const struct p_tensor *t, const char *over)
{
	const char *name = names_of(n, t);

	str_printf(out, " *\t%s: %s %s%s%s, %d-byte aligned\n", name,
		t->role == P_IN ? "reads" : "writes", element_type(a, t->type),
		t->shape ? " " : "",
		t->shape ? emit_harmless(a, t->shape) : "", t->align);
	if (over)
		str_printf(out, " *\t\t(where %s lies, if you like: then both are "
			"the same pointer)\n", over);
	if (strcmp(name, t->name))
		str_printf(out, " *\t\t(%s in the source, a name that C, C++ "
			"or CUDA keeps)\n", t->name);
}

static void put_bytes(struct arena *a, const struct cuda_operator *o,
	const char *what, bool prepared, const char *rest, struct str *out)
{
	bool asked = host_has_bytes(o, prepared) && (o->face->sizes.n ||
		(!prepared && host_asks(o)));
	const char *bytes = asked ? arena_printf(a,
		"%s_%s()", cuda_symbol(a, o->name), what) :
		arena_printf(a, "%lld", (long long)host_most(o, prepared));

	if (!strcmp(bytes, "0"))
		rest = ", and may be null";
	str_printf(out, " *\t%s: %s bytes%s\n", what, bytes, rest);
}

static void put_sizes(const struct cuda_operator *o, const struct names *n,
	struct str *out)
{
	const struct program *p = o->face;
	const char *gap = " where ";

	for (int i = 0; i < p->sizes.n; i++)
		str_printf(out, "%s%s", i ? ", " : " *\t", names_of(n,
			p->sizes.v[i].var));
	if (p->sizes.n)
		str_puts(out, ": sizes");
	for (int i = 0; i < p->conditions.n && p->general; i++) {
		if (!p->conditions.v[i].text)
			continue;
		str_printf(out, "%s%s", gap,
			emit_harmless(out->a, p->conditions.v[i].text));
		gap = ", ";
	}
	str_puts(out, p->sizes.n ? "\n" : "");
}

static void put_description(struct arena *a, const struct cuda_operator *o,
	struct str *out)
{
	const struct program *p = o->face;
	struct names n = host_names(a, o, p);

	str_printf(out, "/* %s%s%s\n", cuda_symbol(a, o->name),
		p->summary ? ": " : "",
		p->summary ? emit_harmless(a, p->summary) : "");
	put_sizes(o, &n, out);
	for (int role = P_IN; role <= P_OUT; role++)
		for (int i = 0; i < p->tensors.n; i++)
			if ((int)p->tensors.v[i].role == role)
				put_tensor(a, out, &n, &p->tensors.v[i],
					over_of(o, i));
	if (cuda_has_prepared(o))
		put_bytes(a, o, "prepared", true, arena_printf(a, " that "
			"%s_prepare filled, 128-byte aligned",
			cuda_symbol(a, o->name)), out);
	put_bytes(a, o, "workspace", false, library_in_operator(o) ?
		", 256-byte aligned, of any content" :
		", 128-byte aligned, of any content", out);
	if (library_in_operator(o))
		str_puts(out, " *\tcalls a library by libwpk (pkg-config wpk): "
			"workspace is what the device\n *\tat hand takes\n");
	str_puts(out, " */\n");
}

static void put_prototypes(struct arena *a, const struct cuda_operator *o,
	struct str *out)
{
	const char *name = cuda_symbol(a, o->name);
	const char *sizes = host_size_parameters(a, o);
	struct str s;

	str_printf(out, "size_t %s_workspace(%s);\n", name, sizes);
	if (cuda_has_prepared(o)) {
		str_printf(out, "size_t %s_prepared(%s);\n", name, sizes);
		str_init(&s, a);
		host_prepare_prototype(o, &s);
		str_putc(&s, ';');
		emit_line(out, 0, str_text(&s));
	}
	str_init(&s, a);
	cuda_prototype(o, &s);
	str_putc(&s, ';');
	emit_line(out, 0, str_text(&s));
	str_putc(out, '\n');
}

static const char *targets(const struct cuda_unit *u, struct arena *a)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < u->n_targets; i++)
		str_printf(&s, "%s%s", i ? ", " : "", u->targets[i]->name);
	return str_text(&s);
}

void cuda_emit_header(const struct cuda_unit *u, const char *guard,
	struct str *out)
{
	struct arena *a = out->a;

	str_printf(out, "/* Made by wpkc %s from %s for %s.\n *\n"
		" * Launchers enqueue on \"stream\" and return at once; "
		"pointers are to device\n * memory, and no output may overlap "
		"an input. cudaErrorInvalidValue tells of\n * a null or "
		"misaligned pointer or too little workspace.\n",
		u->version, emit_harmless(a, u->source), targets(u, a));
	if (u->n_targets > 1)
		str_puts(out, " * cudaErrorNoKernelImageForDevice: the device "
			"runs none of these targets' code.\n");
	str_printf(out, " */\n#ifndef %s\n#define %s\n\n"
		"#include <stddef.h>\n\n"
		"#include <cuda_runtime_api.h>\n\n#ifdef __cplusplus\n"
		"extern \"C\" {\n#endif\n\n", guard, guard);
	for (int i = 0; i < u->n; i++) {
		put_description(a, &u->operators[i], out);
		put_prototypes(a, &u->operators[i], out);
	}
	str_puts(out, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
