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

static void put_tensor(struct arena *a, struct str *out,
	const struct names *n, const struct p_tensor *t)
{
	const char *name = names_of(n, t);

	str_printf(out, " *\t%s: %s %s%s%s, %d-byte aligned\n", name,
		t->role == P_IN ? "reads" : "writes", element_type(a, t->type),
		t->shape ? " " : "",
		t->shape ? emit_harmless(a, t->shape) : "", t->align);
	if (strcmp(name, t->name))
		str_printf(out, " *\t\t(%s in the source, a name that C, C++ "
			"or CUDA keeps)\n", t->name);
}

static void put_description(struct arena *a, const struct program *p,
	struct str *out)
{
	struct names n = host_names(a, p);

	str_printf(out, "/* %s%s%s\n", cuda_symbol(a, p->name),
		p->summary ? ": " : "",
		p->summary ? emit_harmless(a, p->summary) : "");
	for (int role = P_IN; role <= P_OUT; role++)
		for (int i = 0; i < p->tensors.n; i++)
			if ((int)p->tensors.v[i].role == role)
				put_tensor(a, out, &n, &p->tensors.v[i]);
	if (p->prepared)
		str_printf(out, " *\tprepared: %lld bytes that %s_prepare "
			"filled, 128-byte aligned\n", (long long)p->prepared,
			cuda_symbol(a, p->name));
	if (p->workspace)
		str_printf(out, " *\tworkspace: %lld bytes, 128-byte "
			"aligned, of any content\n", (long long)p->workspace);
	str_puts(out, " */\n");
}

static void put_prototypes(struct arena *a, const struct program *p,
	struct str *out)
{
	const char *name = cuda_symbol(a, p->name);
	struct str s;

	str_printf(out, "size_t %s_workspace(void);\n", name);
	if (p->prepared) {
		str_printf(out, "size_t %s_prepared(void);\n", name);
		str_init(&s, a);
		emit_prepare_prototype(p, &s);
		str_putc(&s, ';');
		emit_line(out, 0, str_text(&s));
	}
	str_init(&s, a);
	cuda_prototype(p, &s);
	str_putc(&s, ';');
	emit_line(out, 0, str_text(&s));
	str_putc(out, '\n');
}

void cuda_emit_header(const struct cuda_unit *u, const char *guard,
	struct str *out)
{
	struct arena *a = out->a;

	str_printf(out, "/* Made by wpkc %s from %s for %s.\n *\n"
		" * Launchers enqueue on \"stream\" and return at once; "
		"pointers are to device\n * memory, and no output may overlap "
		"an input. cudaErrorInvalidValue tells of\n * a null or "
		"misaligned pointer or too little workspace.\n */\n",
		u->version, emit_harmless(a, u->source), u->target->name);
	str_printf(out, "#ifndef %s\n#define %s\n\n#include <stddef.h>\n\n"
		"#include <cuda_runtime_api.h>\n\n#ifdef __cplusplus\n"
		"extern \"C\" {\n#endif\n\n", guard, guard);
	for (int i = 0; i < u->n_programs; i++) {
		put_description(a, u->programs[i], out);
		put_prototypes(a, u->programs[i], out);
	}
	str_puts(out, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
