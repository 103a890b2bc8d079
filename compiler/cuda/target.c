/* SPDX-License-Identifier: MIT */
/* A file for several targets. nvcc compiles it once for each architecture it
 * is told; WPK_TARGET is there the newest of the file's targets that the
 * architecture runs, counted from 1, and a kernel has its body where its
 * target, or none better, is that. At run time the launcher asks what the code
 * on the device was compiled as, not what the device could run: so it is never
 * wrong about which bodies there are. The answer is the bound on the threads of
 * a kernel that nobody launches. */
#include <string.h>

#include "cuda/emit.h"
#include "cuda/host.h"

/* Does code for "t" run where "here" is the best of the targets? */
static bool runs(const struct target *t, const struct target *here)
{
	return t == here || (!t->suffix && t->cc <= here->cc);
}

/* Is "w" the last resort of its target, so that older ones are not asked? */
static bool serves_rest(const struct cuda_operator *o,
	const struct cuda_variant *w)
{
	const struct program *p = w->program;

	return (w + 1 == o->variants + o->n || w[1].target != w->target) &&
		(!p->sizes.n || p->general);
}

unsigned target_places(const struct cuda_unit *u,
	const struct cuda_operator *o, const struct cuda_variant *v)
{
	unsigned places = 0;

	for (int i = 0; i < u->n_targets; i++) {
		const struct cuda_variant *w = o->variants;
		const struct target *here = u->targets[i];

		while (w < v && !(w->target != v->target &&
		    runs(w->target, here) && serves_rest(o, w)))
			w++;
		if (w == v && runs(v->target, here))
			places |= 1u << i;
	}
	return places;
}

/* Without the bits below "from": are "places" all there are from there on? */
static bool is_rest(const struct cuda_unit *u, unsigned places, int from)
{
	return places == (1u << u->n_targets) - (1u << from);
}

const char *target_condition(struct arena *a, const struct cuda_unit *u,
	const char *name, unsigned places)
{
	int first = __builtin_ctz(places | 1u << u->n_targets);
	struct str s;

	if (is_rest(u, places, first) && first + 1 < u->n_targets)
		return arena_printf(a, "%s >= %d", name, first + 1);
	str_init(&s, a);
	for (int i = 0; places >> i; i++)
		if (places >> i & 1)
			str_printf(&s, "%s%s == %d", s.n ? " || " : "", name,
				i + 1);
	return str_text(&s);
}

/* "__CUDA_ARCH_FEAT_SM90_ALL" */
static const char *feature(struct arena *a, const struct target *t)
{
	return arena_printf(a, "__CUDA_ARCH_FEAT_SM%d_ALL", t->cc);
}

void cuda_device_macros(struct arena *a, const struct target *t,
	const char *out[2])
{
	out[0] = arena_printf(a, "-D__CUDA_ARCH__=%d0", t->cc);
	out[1] = t->suffix ? arena_printf(a, "-D%s", feature(a, t)) : NULL;
}

void target_macro(struct arena *a, const struct cuda_unit *u,
	struct str *out)
{
	str_puts(out, "/* The target that this code is compiled for: its "
		"number in\n *\t");
	for (int i = 0; i < u->n_targets; i++)
		str_printf(out, "%s%s", i ? ", " : "", u->targets[i]->name);
	str_puts(out, "\n * from 1, or 0: one older than all, or the host. "
		"*/\n");
	for (int i = u->n_targets - 1; i >= 0; i--) {
		const struct target *t = u->targets[i];

		str_puts(out, i == u->n_targets - 1 ? "#if " : "#elif ");
		if (t->suffix)
			str_printf(out, "defined %s\n", feature(a, t));
		else
			str_printf(out, "__CUDA_ARCH__ >= %d0\n", t->cc);
		str_printf(out, "#define WPK_TARGET %d\n", i + 1);
	}
	str_puts(out, "#else\n#define WPK_TARGET 0\n#endif\n\n");
}

void target_query(struct str *out)
{
	str_puts(out,
		"/* Never launched: its bound tells what is compiled. */\n"
		"static __global__ void "
		"__launch_bounds__(32 + 32 * WPK_TARGET)\n"
		"wpk_target_mark()\n{\n}\n\n"
		"/* The target whose code the current device runs; each "
		"thread asks once. */\n"
		"static cudaError_t wpk_target(int *target)\n{\n"
		"\tstatic thread_local int known[64];\n"
		"\tcudaFuncAttributes mark;\n"
		"\tint device;\n"
		"\tcudaError_t status = cudaGetDevice(&device);\n\n"
		"\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n"
		"\tif (device < 64 && known[device]) {\n"
		"\t\t*target = known[device];\n"
		"\t\treturn cudaSuccess;\n"
		"\t}\n"
		"\tstatus = cudaFuncGetAttributes(&mark, wpk_target_mark);\n"
		"\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n"
		"\t*target = mark.maxThreadsPerBlock / 32 - 1;\n"
		"\tif (*target == 0)\n"
		"\t\treturn cudaErrorNoKernelImageForDevice;\n"
		"\tif (device < 64)\n"
		"\t\tknown[device] = *target;\n"
		"\treturn cudaSuccess;\n}\n\n");
}
