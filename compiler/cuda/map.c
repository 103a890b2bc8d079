/* SPDX-License-Identifier: MIT */
/* Tensor maps in CUDA text. On the device they are 128 bytes, passed by value.
 * The host has a function for each, which knows all of it but the tensor's
 * address, and encodes it when it first sees an address; the driver's encoders
 * come from the runtime, so that nothing links to libcuda. What is known is
 * each thread's own: there is nothing to lock and nothing to free. */
#include "cuda/host.h"

/* ---- cuda.h's numbers ---- */

int cuda_map_type(const struct k_map *m)
{
	enum dtype t = m->of->type;

	switch (t) {
	case T_F16: return 6;
	case T_F32:
	case T_TF32: return 7;
	case T_F64: return 8;
	case T_BF16: return 9;
	case T_I32: return 3;
	case T_I64: return 5;
	default: return dtype_row(t)->bits / 16;	/* unsigned */
	}
}

static int code(int bytes, int least)
{
	return bytes ? 1 + __builtin_ctz((unsigned)(bytes / least)) : 0;
}

int cuda_map_swizzle(const struct k_map *m)
{
	return code(m->swizzle, 32);
}

int cuda_map_promotion(const struct k_map *m)
{
	return code(m->promotion, 64);
}

/* ---- what all maps share ---- */

void emit_map_type(struct str *out)
{
	str_puts(out, "/* A tensor to bulk copies, as the driver encodes it: "
		"cuda.h's CUtensorMap. */\n"
		"struct __align__(128) tensor_map {\n"
		"\tunsigned long long bits[16];\n};\n\n");
}

static bool has_kind(const struct p_step *s, int n, bool im2col)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; s[i].kind == P_LAUNCH &&
		     k < s[i].kernel->maps.n; k++)
			if ((s[i].kernel->maps.v[k]->pixels > 0) == im2col)
				return true;
	return false;
}

static bool needs(const struct cuda_unit *u, bool im2col)
{
	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++) {
			const struct program *p =
				u->operators[i].variants[k].program;

			if (has_kind(p->prepare.v, p->prepare.n, im2col) ||
			    has_kind(p->steps.v, p->steps.n, im2col))
				return true;
		}
	return false;
}

static void put_cache(struct str *out)
{
	str_puts(out,
		"/* Encodings of one map, of the addresses that a thread used "
		"last. */\n"
		"struct wpk_maps {\n"
		"\tconst void *address[4];\n"
		"\tstruct tensor_map map[4];\n"
		"\tint next;\n};\n\n"
		"static bool wpk_known(const struct wpk_maps *known, "
		"const void *address,\n"
		"\tstruct tensor_map *map)\n{\n"
		"\tfor (int i = 0; i < 4; i++)\n"
		"\t\tif (address && known->address[i] == address) {\n"
		"\t\t\t*map = known->map[i];\n"
		"\t\t\treturn true;\n"
		"\t\t}\n"
		"\treturn false;\n}\n\n"
		"/* \"code\" is the driver's; the runtime's errors have the "
		"same numbers. */\n"
		"static cudaError_t wpk_encoded(struct wpk_maps *known, "
		"const void *address,\n"
		"\tconst struct tensor_map *map, int code)\n{\n"
		"\tif (code)\n"
		"\t\treturn (cudaError_t)code;\n"
		"\tknown->address[known->next] = address;\n"
		"\tknown->map[known->next] = *map;\n"
		"\tknown->next = (known->next + 1) % 4;\n"
		"\treturn cudaSuccess;\n}\n\n"
		"/* The driver's function of that name, asked of the runtime: "
		"nothing links to\n * libcuda. */\n"
		"static cudaError_t wpk_driver(const char *name, "
		"void **function)\n{\n"
		"\tcudaDriverEntryPointQueryResult found;\n"
		"#if CUDART_VERSION >= 12050\n"
		"\tcudaError_t status = cudaGetDriverEntryPointByVersion(name, "
		"function,\n\t\t12000, 0, &found);\n"
		"#else\n"
		"\tcudaError_t status = cudaGetDriverEntryPoint(name, function, "
		"0, &found);\n"
		"#endif\n\n"
		"\tif (status == cudaSuccess && found != "
		"cudaDriverEntryPointSuccess)\n"
		"\t\treturn cudaErrorNotSupported;\n"
		"\treturn status;\n}\n\n");
}

/* The encoder "name" of "symbol"; parameters and arguments between strides and
 * steps are its own. */
static void put_encoder(struct str *out, const char *name, const char *symbol,
	const char *types, const char *parameters, const char *arguments)
{
	struct arena *a = out->a;

	emit_line(out, 0, arena_printf(a, "static cudaError_t %s("
		"struct wpk_maps *known, const void *address, "
		"struct tensor_map *map, int type, unsigned rank, "
		"const unsigned long long *dims, "
		"const unsigned long long *strides, %s, const unsigned *steps, "
		"int swizzle, int promotion)", name, parameters));
	str_puts(out, "{\n");
	emit_line(out, 1, arena_printf(a, "typedef int encoder("
		"struct tensor_map *, int, unsigned, void *, "
		"const unsigned long long *, const unsigned long long *, %s, "
		"const unsigned *, int, int, int, int);", types));
	str_printf(out, "\tvoid *function;\n\tcudaError_t status;\n\n"
		"\tif (wpk_known(known, address, map))\n"
		"\t\treturn cudaSuccess;\n"
		"\tstatus = wpk_driver(\"%s\", &function);\n"
		"\tif (status != cudaSuccess)\n"
		"\t\treturn status;\n", symbol);
	emit_line(out, 1, arena_printf(a, "return wpk_encoded(known, address, "
		"map, ((encoder *)function)(map, type, rank, (void *)address, "
		"dims, strides, %s, steps, 0, swizzle, promotion, 0));",
		arguments));
	str_puts(out, "}\n\n");
}

void map_encoders(const struct cuda_unit *u, struct str *out)
{
	put_cache(out);
	if (needs(u, false))
		put_encoder(out, "wpk_tiles", "cuTensorMapEncodeTiled",
			"const unsigned *", "const unsigned *box", "box");
	if (needs(u, true))
		put_encoder(out, "wpk_im2col", "cuTensorMapEncodeIm2col",
			"const int *, const int *, unsigned, unsigned",
			"const int *lower, const int *upper, "
			"unsigned channels, unsigned pixels",
			"lower, upper, channels, pixels");
}

/* ---- one map ---- */

const char *map_function_name(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s, int i)
{
	struct names n = { .a = a, .legal = cuda_name };

	names_of_kernel(&n, s->kernel);
	return arena_printf(a, "%s_%s", cuda_kernel_name(a, o, v, s),
		names_of(&n, s->kernel->maps.v[i]));
}

static void put_longs(struct str *out, const char *name, const int64_t *v,
	int n)
{
	str_printf(out, "\tstatic const unsigned long long %s[] = { ", name);
	for (int i = 0; i < n; i++)
		str_printf(out, "%s%lld", i ? ", " : "", (long long)v[i]);
	str_puts(out, " };\n");
}

static void put_ints(struct str *out, const char *type, const char *name,
	const int *v, int n)
{
	str_printf(out, "\tstatic const %s %s[] = { ", type, name);
	for (int i = 0; i < n; i++)
		str_printf(out, "%s%d", i ? ", " : "", v[i]);
	str_puts(out, " };\n");
}

static void put_tables(const struct k_map *m, struct str *out)
{
	put_longs(out, "dims", m->dims, m->rank);
	if (m->rank > 1)
		put_longs(out, "strides", m->strides + 1, m->rank - 1);
	if (m->pixels) {
		put_ints(out, "int", "lower", m->lower, m->rank - 2);
		put_ints(out, "int", "upper", m->upper, m->rank - 2);
	} else {
		put_ints(out, "unsigned", "box", m->box, m->rank);
	}
	put_ints(out, "unsigned", "steps", m->steps, m->rank);
}

/* Where it begins. */
static const char *address(struct arena *a, const struct k_map *m)
{
	return m->offset ? arena_printf(a, "(const char *)address + %lld",
		(long long)m->offset) : "address";
}

static const char *swizzled(struct arena *a, const struct k_map *m)
{
	return m->swizzle ? arena_printf(a, ", rows of %d bytes swizzled",
		m->swizzle) : "";
}

void map_function(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s, int i,
	struct str *out)
{
	const struct k_map *m = s->kernel->maps.v[i];

	emit_comment(a, out, 0, arena_printf(a, "The map of %s for %s: %s%s.",
		m->of->name, cuda_kernel_name(a, o, v, s), m->pixels ?
		"columns of pixels" : "tiles", swizzled(a, m)));
	emit_line(out, 0, arena_printf(a, "static cudaError_t %s("
		"const void *address, struct tensor_map *map)",
		map_function_name(a, o, v, s, i)));
	str_printf(out, "{\n\tconst int type = %d /* %s */, swizzle = %d, "
		"promotion = %d;\n", cuda_map_type(m),
		dtype_row(m->of->type)->name, cuda_map_swizzle(m),
		cuda_map_promotion(m));
	put_tables(m, out);
	str_puts(out, "\tstatic thread_local struct wpk_maps known;\n\n");
	emit_line(out, 1, arena_printf(a, "return %s(&known, %s, map, "
		"type, %d, dims, %s, %s, steps, swizzle, promotion);",
		m->pixels ? "wpk_im2col" : "wpk_tiles", address(a, m), m->rank,
		m->rank > 1 ? "strides" : "nullptr", m->pixels ? arena_printf(a,
		"lower, upper, %d, %d", m->channels, m->pixels) : "box"));
	str_puts(out, "}\n\n");
}
