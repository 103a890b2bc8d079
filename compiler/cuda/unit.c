/* SPDX-License-Identifier: MIT */
/* One .cu file: what it is, the device functions it needs, each program's
 * kernels, and the host part that NVRTC doesn't see. Kernels are printed
 * first, for they tell which device functions there must be. */
#include <string.h>

#include "cuda/emit.h"

/* "text" as lines of a comment, a tab in. */
static void put_schedule(struct arena *a, struct str *out, const char *text)
{
	const char *s = emit_harmless(a, text);

	while (*s) {
		size_t n = strcspn(s, "\n");

		str_puts(out, n ? " *\t" : " *");
		str_putn(out, s, n);
		str_putc(out, '\n');
		s += n + (s[n] == '\n');
	}
}

static void put_head(struct arena *a, const struct cuda_unit *u,
	struct program *const *programs, int n, struct str *out)
{
	str_printf(out, "/* Made by wpkc %s from %s for %s", u->version,
		emit_harmless(a, u->source), u->target->name);
	if (u->gpu)
		str_printf(out, " (%s)", u->gpu);
	str_puts(out, ".\n");
	for (int i = 0; i < n; i++) {
		const struct program *p = programs[i];

		str_printf(out, " *\n * %s%s%s\n", p->name,
			p->summary ? ": " : "", p->summary ?
			emit_harmless(a, p->summary) : "");
		if (p->schedule && *p->schedule)
			put_schedule(a, out, p->schedule);
	}
	str_puts(out, " */\n");
}

static int wanted_align(const struct program *p)
{
	int align = 128;

	for (int i = 0; i < p->steps.n + p->prepare.n; i++) {
		const struct p_step *s = i < p->steps.n ? &p->steps.v[i] :
			&p->prepare.v[i - p->steps.n];

		for (int j = 0; s->kind == P_LAUNCH &&
		     j < s->kernel->shared.n; j++)
			if (s->kernel->shared.v[j]->align > align)
				align = s->kernel->shared.v[j]->align;
	}
	return align;
}

static void put_kernels(struct emit *m, const struct program *p)
{
	for (int i = 0; i < p->prepare.n; i++)
		if (p->prepare.v[i].kind == P_LAUNCH)
			emit_kernel(m, p->prepare.v[i].kernel,
				emit_kernel_name(m->a, p, &p->prepare.v[i]));
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LAUNCH)
			emit_kernel(m, p->steps.v[i].kernel,
				emit_kernel_name(m->a, p, &p->steps.v[i]));
}

static void put_file(const struct cuda_unit *u,
	struct program *const *programs, int n, struct str *out)
{
	struct str kernels;
	struct emit m = { .a = out->a, .out = &kernels,
		.target = u->target, .shared_align = 128 };

	str_init(&kernels, out->a);
	for (int i = 0; i < n; i++) {
		int align = wanted_align(programs[i]);

		if (align > m.shared_align)
			m.shared_align = align;
	}
	for (int i = 0; i < n; i++)
		put_kernels(&m, programs[i]);
	put_head(m.a, u, programs, n, out);
	str_putc(out, '\n');
	emit_device(&m, out);
	str_puts(out, str_text(&kernels));
	str_puts(out, "#ifndef __CUDACC_RTC__\n\n");
	for (int i = 0; i < n; i++)
		emit_host(m.a, programs[i], out);
	str_puts(out, "#endif\n");
}

void cuda_emit(const struct cuda_unit *u, struct str *out)
{
	put_file(u, u->programs, u->n_programs, out);
}

void cuda_emit_program(const struct cuda_unit *u, const struct program *p,
	struct str *out)
{
	struct program *one = (struct program *)p;

	put_file(u, &one, 1, out);
}
