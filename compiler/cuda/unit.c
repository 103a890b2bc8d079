/* SPDX-License-Identifier: MIT */
/* One .cu file: what it is, the device functions it needs, each variant's
 * kernels, and the host part that NVRTC doesn't see. Kernels are printed
 * first, for they tell which device functions there must be. */
#include <string.h>

#include "cuda/host.h"

/* Of two of one compute capability the one with the specific features. */
static bool newer(const struct target *x, const struct target *y)
{
	return x->cc != y->cc ? x->cc > y->cc : x->suffix > y->suffix;
}

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

static void put_targets(const struct cuda_unit *u, struct str *out)
{
	for (int i = 0; i < u->n_targets; i++)
		str_printf(out, "%s%s", i ? ", " : "", u->targets[i]->name);
}

/* "c2", or of several "c2_M128 for sm_90a": what the schedule is of. */
static void put_subject(struct arena *a, const struct cuda_unit *u,
	const struct cuda_variant *v, struct str *out)
{
	const struct program *p = v->program;

	str_printf(out, " *\n * %s", p->name);
	if (u->n_targets > 1)
		str_printf(out, " for %s", v->target->name);
	if (v->gpu)
		str_printf(out, " on %s", v->gpu->name);
	if (v->share)
		str_printf(out, " on %d %% of a GPU", v->share);
	if (p->summary)
		str_printf(out, ": %s", emit_harmless(a, p->summary));
	str_putc(out, '\n');
	if (p->schedule && *p->schedule)
		put_schedule(a, out, p->schedule);
}

static void put_head(struct arena *a, const struct cuda_unit *u,
	struct str *out)
{
	str_printf(out, "/* Made by wpkc %s from %s for ", u->version,
		emit_harmless(a, u->source));
	put_targets(u, out);
	str_puts(out, ".\n");
	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++)
			put_subject(a, u, &u->operators[i].variants[k], out);
	str_puts(out, " */\n\n");
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

static void put_step(struct emit *m, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s)
{
	if (s->kind == P_LAUNCH)
		emit_kernel(m, s->kernel, cuda_kernel_name(m->a, o, v, s));
}

static void put_kernels(struct emit *m, const struct cuda_operator *o,
	const struct cuda_variant *v)
{
	const struct program *p = v->program;

	m->places = target_places(m->unit, o, v);
	for (int i = 0; i < p->prepare.n; i++)
		put_step(m, o, v, &p->prepare.v[i]);
	for (int i = 0; i < p->steps.n; i++)
		put_step(m, o, v, &p->steps.v[i]);
}

static void put_all_kernels(struct emit *m)
{
	const struct cuda_unit *u = m->unit;

	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++) {
			const struct cuda_variant *v =
				&u->operators[i].variants[k];
			int align = wanted_align(v->program);

			if (align > m->shared_align)
				m->shared_align = align;
		}
	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++)
			put_kernels(m, &u->operators[i],
				&u->operators[i].variants[k]);
}

void cuda_emit(const struct cuda_unit *u, struct str *out)
{
	struct str kernels;
	struct emit m = { .a = out->a, .out = &kernels, .unit = u,
		.shared_align = 128 };

	str_init(&kernels, out->a);
	put_all_kernels(&m);
	put_head(m.a, u, out);
	if (u->n_targets > 1)
		target_macro(m.a, u, out);
	emit_device(&m, out);
	if (m.maps)
		emit_map_type(out);
	str_puts(out, str_text(&kernels));
	str_puts(out, "#ifndef __CUDACC_RTC__\n\n");
	emit_files(m.a, u, out);
	if (library_in_unit(u))
		library_support(out);
	if (m.maps)
		map_encoders(u, out);
	if (u->n_targets > 1)
		target_query(out);
	if (u->n_gpus)
		gpu_query(u, out);
	for (int i = 0; i < u->n; i++)
		emit_operator(m.a, u, &u->operators[i], out);
	str_puts(out, "#endif\n");
}

/* ---- device text alone ---- */

static void put_group(struct emit *m, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s, int n, int group)
{
	for (int i = 0; i < n; i++)
		if (s[i].group == group)
			put_step(m, o, v, &s[i]);
}

void cuda_emit_launched(const struct cuda_unit *u, int group, struct str *out)
{
	const struct cuda_operator *o = &u->operators[0];
	const struct cuda_variant *v = &o->variants[0];
	const struct program *p = v->program;
	struct str kernels;
	struct emit m = { .a = out->a, .out = &kernels, .unit = u,
		.shared_align = wanted_align(p),
		.places = target_places(u, o, v) };

	str_init(&kernels, out->a);
	put_group(&m, o, v, p->prepare.v, p->prepare.n, group);
	put_group(&m, o, v, p->steps.v, p->steps.n, group);
	emit_device(&m, out);
	if (m.maps)
		emit_map_type(out);
	str_puts(out, str_text(&kernels));
}

/* ---- units ---- */

static const char *launcher(const struct program *p)
{
	return p->launcher ? p->launcher : p->name;
}

static void add_target(struct cuda_unit *u, const struct target *t)
{
	int i = 0;

	while (i < u->n_targets && u->targets[i] != t)
		i++;
	if (i < u->n_targets)
		return;
	for (u->n_targets++; i > 0 && newer(u->targets[i - 1], t); i--)
		u->targets[i] = u->targets[i - 1];
	u->targets[i] = t;
}

static struct cuda_operator *operator_of(struct cuda_unit *u,
	const char *name)
{
	for (int i = 0; i < u->n; i++)
		if (!strcmp(u->operators[i].name, name))
			return &u->operators[i];
	u->operators[u->n].name = name;
	return &u->operators[u->n++];
}

static void add_variant(struct cuda_operator *o, const struct cuda_variant *v)
{
	int i = o->n++;

	for (; i > 0 && newer(v->target, o->variants[i - 1].target); i--)
		o->variants[i] = o->variants[i - 1];
	o->variants[i] = *v;
}

static void add_gpu(struct cuda_unit *u, const struct cuda_variant *v)
{
	for (int i = 0; i < u->n_gpus; i++)
		if (u->gpus[i].target == v->target && u->gpus[i].gpu == v->gpu)
			return;
	u->gpus[u->n_gpus++] = (struct cuda_gpu){ v->target, v->gpu };
}

static int gpus_of(const struct cuda_unit *u, const struct target *t)
{
	int n = 0;

	for (int i = 0; i < u->n_gpus; i++)
		n += u->gpus[i].target == t;
	return n;
}

/* Only GPUs of targets that have several tell variants apart. */
static void settle_gpus(struct arena *a, struct cuda_unit *u)
{
	struct cuda_gpu *kept = ARENA_ARRAY(a, (size_t)u->n_gpus + 1,
		struct cuda_gpu);
	int n = 0;

	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++) {
			struct cuda_variant *v = &u->operators[i].variants[k];

			if (gpus_of(u, v->target) < 2)
				v->gpu = NULL;
		}
	for (int i = 0; i < u->n_gpus; i++)
		if (gpus_of(u, u->gpus[i].target) > 1)
			kept[n++] = u->gpus[i];
	u->gpus = kept;
	u->n_gpus = n;
}

/* Variants for the share that launchers are for. */
static int launched_of(const struct cuda_operator *o)
{
	int n = 0;

	for (int i = 0; i < o->n; i++)
		n += !o->variants[i].share;
	return n;
}

struct cuda_unit cuda_unit(struct arena *a, const char *source,
	const char *version, const struct cuda_variant *v, int n)
{
	struct cuda_unit u = { .source = source, .version = version };

	u.operators = ARENA_ARRAY(a, (size_t)n + 1, struct cuda_operator);
	u.targets = ARENA_ARRAY(a, (size_t)n + 1, const struct target *);
	u.gpus = ARENA_ARRAY(a, (size_t)n + 1, struct cuda_gpu);
	for (int i = 0; i < n; i++) {
		struct cuda_operator *o = operator_of(&u,
			launcher(v[i].program));

		if (!o->n)
			o->variants = ARENA_ARRAY(a, (size_t)(n - i),
				struct cuda_variant);
		add_target(&u, v[i].target);
		add_variant(o, &v[i]);
		if (v[i].gpu)
			add_gpu(&u, &v[i]);
	}
	settle_gpus(a, &u);
	for (int i = 0; i < u.n; i++) {
		struct cuda_operator *o = &u.operators[i];

		o->face = o->variants[o->n - 1].program;
		o->chooses = launched_of(o) > 1 || u.n_targets > 1 || o->face->sizes.n;
	}
	return u;
}

struct cuda_unit cuda_unit_of(struct arena *a, const char *source,
	const char *version, const struct target *t, const struct program *p)
{
	struct cuda_variant v = { .target = t, .program = p };

	return cuda_unit(a, source, version, &v, 1);
}
