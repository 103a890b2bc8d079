/* SPDX-License-Identifier: MIT */
/* One kernel: signature, shared and register arrays, body. */
#include "cuda/host.h"

static const char *parameters(struct emit *m, const struct kernel *k)
{
	struct str s;

	str_init(&s, m->a);
	for (int i = 0; i < k->globals.n; i++) {
		const struct k_buffer *b = k->globals.v[i];

		str_printf(&s, "%s%s%s *%s%s", i ? ", " : "",
			b->written ? "" : "const ", dtype_row(b->type)->c,
			kernel_alone(k, b) ? "__restrict__ " : "",
			names_of(&m->names, b));
	}
	for (int i = 0; i < k->scalars.n; i++)
		str_printf(&s, "%s%s %s", i || k->globals.n ? ", " : "",
			emit_c_type(k->scalars.v[i]->type),
			names_of(&m->names, k->scalars.v[i]));
	for (int i = 0; i < k->maps.n; i++)
		str_printf(&s, ", const __grid_constant__ struct tensor_map "
			"%s", names_of(&m->names, k->maps.v[i]));
	return str_text(&s);
}

static void put_signature(struct emit *m, const struct kernel *k,
	const char *name)
{
	const char *bounds = k->min_blocks ?
		arena_printf(m->a, "%d, %d", k->threads, k->min_blocks) :
		arena_printf(m->a, "%d", k->threads);

	str_printf(m->out, "extern \"C\" __global__ void "
		"__launch_bounds__(%s)\n", bounds);
	emit_line(m->out, 0, arena_printf(m->a, "%s(%s)", name,
		parameters(m, k)));
	str_puts(m->out, "{\n");
}

static const char *dims_from(struct arena *a, const struct k_buffer *b,
	int from)
{
	struct str s;

	str_init(&s, a);
	for (int i = from; i < b->rank; i++)
		str_printf(&s, "[%lld]", (long long)b->dims[i]);
	return str_text(&s);
}

static void put_shared(struct emit *m, const struct k_buffer *b)
{
	const char *type = dtype_row(b->type)->c;
	const char *dims = dims_from(m->a, b, 1), *name, *from;

	name = names_of(&m->names, b);
	from = b->offset ? arena_printf(m->a, "(shared_memory + %lld)",
		(long long)b->offset) : "shared_memory";
	if (b->comment)
		emit_comment(m->a, m->out, 1, b->comment);
	if (b->rank == 1)
		emit_line(m->out, 1, arena_printf(m->a,
			"%s *%s = (%s *)%s;", type, name, type, from));
	else
		emit_line(m->out, 1, arena_printf(m->a,
			"%s (*%s)%s = (%s (*)%s)%s;", type, name, dims,
			type, dims, from));
}

static void put_register(struct emit *m, const struct k_buffer *b)
{
	const char *align = b->align > dtype_row(b->type)->bits / 8 ?
		arena_printf(m->a, "__align__(%d) ", b->align) : "";

	if (b->comment)
		emit_comment(m->a, m->out, 1, b->comment);
	emit_line(m->out, 1, arena_printf(m->a, "%s%s %s%s;", align,
		dtype_row(b->type)->c, names_of(&m->names, b),
		dims_from(m->a, b, 0)));
}

static void put_arrays(struct emit *m, const struct kernel *k)
{
	if (k->shared.n)
		str_printf(m->out, "\textern __shared__ __align__(%d) "
			"unsigned char shared_memory[];\n", m->shared_align);
	for (int i = 0; i < k->shared.n; i++)
		put_shared(m, k->shared.v[i]);
	for (int i = 0; i < k->registers.n; i++)
		put_register(m, k->registers.v[i]);
	if (k->shared.n || k->registers.n)
		str_putc(m->out, '\n');
}

void emit_kernel(struct emit *m, const struct kernel *k, const char *name)
{
	bool guarded = m->unit->n_targets > 1;

	m->kernel = k;
	m->maps |= k->maps.n > 0;
	m->depth = 1;
	m->names = (struct names){ .a = m->a, .legal = cuda_name };
	names_of_kernel(&m->names, k);
	if (k->comment)
		emit_comment(m->a, m->out, 0, k->comment);
	put_signature(m, k, name);
	if (guarded)
		emit_line(m->out, 0, arena_printf(m->a, "#if %s",
			target_condition(m->a, m->unit, "WPK_TARGET",
			m->places)));
	put_arrays(m, k);
	emit_block(m, &k->body);
	str_puts(m->out, guarded ? "#else\n\t__trap();\n#endif\n}\n\n" :
		"}\n\n");
}
