/* SPDX-License-Identifier: MIT */
/* CUDA written by hand, put into the output: as it is, in a namespace of its
 * own, its launcher and workspace query under other names, for the operator
 * has launchers of these names itself. */
#include "cuda/host.h"

#include <string.h>

/* "kernels/x.cu" -> "kernels_x_cu" */
static const char *scope(struct arena *a, const struct p_step *s)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	char *name = arena_printf(a, "by_hand_%s", s->file);

	for (char *p = name; *p; p++)
		if (!strchr(word, *p))
			*p = '_';
	return name;
}

const char *file_function(struct arena *a, const struct p_step *s,
	const char *what)
{
	return arena_printf(a, "%s::%s%s_by_hand", scope(a, s), s->function,
		what);
}

static void put_file(struct arena *a, const struct p_step *s, struct str *out)
{
	static const char *const parts[] = { "", "_workspace" };
	size_t n = strlen(s->text);

	str_printf(out, "/* %s, written by hand. */\n",
		emit_harmless(a, s->file));
	for (int i = 0; i < 2; i++)
		str_printf(out, "#define %s%s %s%s_by_hand\n", s->function,
			parts[i], s->function, parts[i]);
	str_printf(out, "namespace %s {\n#ifdef WPK_EMULATE\n"
		"extern \"C\" unsigned char shared_memory[];\n#endif\n\n"
		"%s%s\n}\n", scope(a, s), s->text,
		n && s->text[n - 1] == '\n' ? "" : "\n");
	for (int i = 0; i < 2; i++)
		str_printf(out, "#undef %s%s\n", s->function, parts[i]);
	str_putc(out, '\n');
}

static bool is_same(const struct p_step *x, const struct p_step *y)
{
	return !strcmp(x->file, y->file) && !strcmp(x->function, y->function);
}

void emit_files(struct arena *a, const struct cuda_unit *u, struct str *out)
{
	VEC(const struct p_step *) seen = {0};

	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++) {
			const struct p_step *s = host_file(
				u->operators[i].variants[k].program);
			int j = 0;

			while (s && j < seen.n && !is_same(seen.v[j], s))
				j++;
			if (!s || j < seen.n)
				continue;
			vec_push(a, &seen, s);
			put_file(a, s, out);
		}
}
