/* SPDX-License-Identifier: MIT */
/* Variants for several GPUs of one target: all of them are in the same code,
 * and the launcher takes those of the GPU that the device says it is, by name.
 * A device that is none of them, a new product or a slice of one, gets the
 * variants of the GPU whose number of SMs is nearest: how a grid fills the SMs
 * is most of what tells GPUs of one architecture apart. The first wins where
 * two are as near, so equal devices choose equally. */
#include "cuda/host.h"

#include <string.h>

/* In code for which target is it asked about? Counted as in target.c; a file
 * for one target counts no further. */
static int target_number(const struct cuda_unit *u, const struct target *t)
{
	int i = 0;

	while (u->targets[i] != t)
		i++;
	return i + 1;
}

/* From 1, among the GPUs of the same target. */
static int gpu_number(const struct cuda_unit *u, const struct target *t,
	const struct gpu *g)
{
	int n = 1;

	for (int i = 0; u->gpus[i].target != t || u->gpus[i].gpu != g; i++)
		n += u->gpus[i].target == t;
	return n;
}

const char *gpu_condition(struct arena *a, const struct cuda_unit *u,
	const struct cuda_variant *v)
{
	return v->gpu ? arena_printf(a, "gpu == %d", gpu_number(u, v->target,
		v->gpu)) : NULL;
}

static void put_table(const struct cuda_unit *u, struct str *out)
{
	str_puts(out, "static const struct wpk_gpu_row {\n"
		"\tint target, gpu;\n\tconst char *name;\n\tint sms;\n"
		"} wpk_gpus[] = {\n");
	for (int i = 0; i < u->n_gpus; i++)
		str_printf(out, "\t{ %d, %d, \"%s\", %d },\n", target_number(u,
			u->gpus[i].target), gpu_number(u, u->gpus[i].target,
			u->gpus[i].gpu), u->gpus[i].gpu->name,
			u->gpus[i].gpu->sms);
	str_puts(out, "};\n\n");
}

/* What a device's name says. */
static void put_naming(struct str *out)
{
	str_puts(out,
		"static bool wpk_is_letter(char c)\n{\n"
		"\treturn (c >= '0' && c <= '9') || "
		"((c | 32) >= 'a' && (c | 32) <= 'z');\n}\n\n"
		"/* Do words of the device's name read \"name\", as those of "
		"\"GeForce RTX 4090\" do\n * \"rtx4090\"? */\n"
		"static bool wpk_is_named(const char *device, "
		"const char *name)\n{\n"
		"\tfor (const char *p = device; *p; p++) {\n"
		"\t\tconst char *d = p, *n = name;\n\n"
		"\t\tif (p > device && wpk_is_letter(p[-1]))\n"
		"\t\t\tcontinue;\n"
		"\t\twhile (*n && *d && (!wpk_is_letter(*d) || "
		"(*d | 32) == (*n | 32)))\n"
		"\t\t\tn += wpk_is_letter(*d++);\n"
		"\t\tif (!*n && !wpk_is_letter(*d))\n"
		"\t\t\treturn true;\n"
		"\t}\n"
		"\treturn false;\n}\n\n");
}

static void put_choice(struct str *out)
{
	str_puts(out,
		"/* Which of the GPUs of \"target\" the current device is, or "
		"is most like by the\n * number of its SMs; each thread asks "
		"once. */\n"
		"static cudaError_t wpk_gpu(int target, int *gpu)\n{\n"
		"\tstatic thread_local int known[64];\n"
		"\tconst struct wpk_gpu_row *best = nullptr;\n"
		"\tcudaDeviceProp is;\n"
		"\tint device, least = 0;\n"
		"\tcudaError_t status = cudaGetDevice(&device);\n\n"
		"\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n"
		"\tif (device < 64 && known[device]) {\n"
		"\t\t*gpu = known[device];\n"
		"\t\treturn cudaSuccess;\n"
		"\t}\n"
		"\tstatus = cudaGetDeviceProperties(&is, device);\n"
		"\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n"
		"\tfor (const wpk_gpu_row &row : wpk_gpus) {\n"
		"\t\tint apart = wpk_is_named(is.name, row.name) ? -1 :\n"
		"\t\t\tis.multiProcessorCount > row.sms ?\n"
		"\t\t\tis.multiProcessorCount - row.sms :\n"
		"\t\t\trow.sms - is.multiProcessorCount;\n\n"
		"\t\tif (row.target == target && (!best || apart < least)) {\n"
		"\t\t\tbest = &row;\n"
		"\t\t\tleast = apart;\n"
		"\t\t}\n"
		"\t}\n"
		"\t*gpu = best ? best->gpu : 0;\n"
		"\tif (device < 64)\n"
		"\t\tknown[device] = *gpu;\n"
		"\treturn cudaSuccess;\n}\n\n");
}

void gpu_query(const struct cuda_unit *u, struct str *out)
{
	str_puts(out, "/* The GPUs that kernels below were chosen for, by the "
		"target of their code. */\n");
	put_table(u, out);
	put_naming(out);
	put_choice(out);
}

void cuda_gpu_macros(struct arena *a, const struct gpu *g,
	const char *out[2])
{
	out[0] = arena_printf(a, "-DWPK_EMU_GPU=%s", g->name);
	out[1] = arena_printf(a, "-DWPK_EMU_SMS=%d", g->sms);
}
