/* SPDX-License-Identifier: MIT */
/* What stands behind the emitted text so that the emulator's main program, or
 * the GPU's, can call the launcher: tensors from an array, sizes as the checked
 * program has them, constant operands prepared once. */
#include "cuda/cuda.h"
#include "driver/check_parts.h"

struct entry {
	const struct cuda_operator *o;
	const struct program *p;
	struct str *out;
	const char *name, *stream;
};

/* "128, 64, " */
static void put_sizes(const struct entry *e, const char *end)
{
	for (int i = 0; i < e->p->sizes.n; i++)
		str_printf(e->out, "%lldLL%s", (long long)
			e->p->sizes.v[i].value, i + 1 < e->p->sizes.n ? ", " :
			end);
}

static void put_pointers(const struct entry *e, enum p_role role,
	bool preparing)
{
	int tensor = 0;

	for (int i = 0; i < e->p->tensors.n; i++) {
		const struct p_tensor *t = &e->p->tensors.v[i];

		if (t->role != P_IN && t->role != P_OUT)
			continue;
		if (t->role == role && (!preparing || cuda_prepares(e->o, i)))
			str_printf(e->out, "(%s *)tensor[%d], ",
				dtype_row(t->type)->c, tensor);
		tensor++;
	}
}

static void put_bytes(const struct entry *e, const char *what)
{
	str_printf(e->out, "\nextern \"C\" size_t wpk_emu_%s()\n{\n"
		"\treturn %s_%s(", what, e->name, what);
	put_sizes(e, "");
	str_puts(e->out, ");\n}\n");
}

static void put_prepare(const struct entry *e)
{
	put_bytes(e, "prepared");
	str_puts(e->out, "\nstatic void *wpk_prepared;\n"
		"static size_t wpk_prepared_bytes;\n\n"
		"extern \"C\" int wpk_emu_prepare(void *const *tensor, "
		"void *prepared, size_t bytes)\n{\n"
		"\twpk_prepared = prepared;\n"
		"\twpk_prepared_bytes = bytes;\n");
	str_printf(e->out, "\treturn (int)::%s_prepare(", e->name);
	put_sizes(e, ", ");
	put_pointers(e, P_IN, true);
	str_printf(e->out, "prepared, bytes, %s);\n}\n", e->stream);
}

static void put_nothing_prepared(const struct entry *e)
{
	str_puts(e->out, "\nextern \"C\" size_t wpk_emu_prepared()\n{\n"
		"\treturn 0;\n}\n\n"
		"extern \"C\" int wpk_emu_prepare(void *const *, void *, "
		"size_t)\n{\n\treturn 0;\n}\n");
}

void check_entry(const struct cuda_operator *o, const struct program *p,
	const char *stream, struct str *out)
{
	struct entry e = { o, p, out, cuda_symbol(out->a, o->name), stream };

	put_bytes(&e, "workspace");
	if (cuda_has_prepared(o))
		put_prepare(&e);
	else
		put_nothing_prepared(&e);
	str_puts(out, "\nextern \"C\" int wpk_emu_entry(void *const *tensor, "
		"void *workspace, size_t bytes)\n{\n"
		"\t(void)tensor, (void)workspace, (void)bytes;\n");
	str_printf(out, "\treturn (int)::%s(", e.name);
	put_sizes(&e, ", ");
	put_pointers(&e, P_IN, false);
	put_pointers(&e, P_OUT, false);
	if (cuda_has_prepared(o))
		str_puts(out, "wpk_prepared, wpk_prepared_bytes, ");
	str_printf(out, "workspace, bytes, %s);\n}\n", stream);
}
