/* SPDX-License-Identifier: MIT */
/* A table of launchers for libwpk, which calls kernels that are compiled into a
 * program: C that turns arrays of sizes and pointers into arguments. */
#include "cuda/host.h"

struct calls {
	const struct cuda_operator *o;
	const char *symbol;
	struct str *out;
};

static const char *sizes(const struct calls *c)
{
	struct str s;

	str_init(&s, c->out->a);
	for (int i = 0; i < c->o->face->sizes.n; i++)
		str_printf(&s, "%ssizes[%d]", i ? ", " : "", i);
	return str_text(&s);
}

/* Those that the launcher takes, or that preparing does. */
static const char *tensors(const struct calls *c, bool preparing)
{
	const struct program *p = c->o->face;
	struct str s;
	int n = 0;

	str_init(&s, c->out->a);
	for (int i = 0; i < p->tensors.n; i++) {
		enum p_role role = p->tensors.v[i].role;

		if (role != P_IN && role != P_OUT)
			continue;
		if (!preparing || (role == P_IN && cuda_prepares(c->o, i)))
			str_printf(&s, "tensors[%d], ", n);
		n++;
	}
	return str_text(&s);
}

static void put_function(const struct calls *c, const char *type,
	const char *role, const char *parameters, const char *body)
{
	emit_line(c->out, 0, arena_printf(c->out->a, "static %s call_%s%s(%s)",
		type, c->symbol, role, parameters));
	str_puts(c->out, "{\n");
	if (!c->o->face->sizes.n)
		emit_line(c->out, 1, "(void)sizes;");
	emit_line(c->out, 1, body);
	str_puts(c->out, "}\n\n");
}

static void put_functions(const struct calls *c)
{
	struct arena *a = c->out->a;
	bool prepared = cuda_has_prepared(c->o);
	const char *n = sizes(c), *comma = *n ? ", " : "";

	put_function(c, "size_t", "_workspace", "const long long *sizes",
		arena_printf(a, "return %s_workspace(%s);", c->symbol, n));
	if (prepared) {
		put_function(c, "size_t", "_prepared", "const long long "
			"*sizes", arena_printf(a, "return %s_prepared(%s);",
			c->symbol, n));
		put_function(c, "int", "_prepare", "const long long *sizes, "
			"void *const *tensors, void *prepared, size_t bytes, "
			"wpk_stream stream", arena_printf(a, "return "
			"%s_prepare(%s%s%sprepared, bytes, stream);", c->symbol,
			n, comma, tensors(c, true)));
	}
	put_function(c, "int", "", "const long long *sizes, void *const "
		"*tensors, const struct wpk_memory *m, wpk_stream stream",
		arena_printf(a, "return %s(%s%s%s%sm->workspace, "
		"m->workspace_bytes, stream);", c->symbol, n, comma,
		tensors(c, false), prepared ?
		"m->prepared, m->prepared_bytes, " : ""));
}

static void put_row(const struct calls *c)
{
	const char *s = c->symbol;

	emit_line(c->out, 1, cuda_has_prepared(c->o) ?
		arena_printf(c->out->a, "{ \"%s\", call_%s_workspace, "
		"call_%s_prepared, call_%s_prepare, call_%s },", s, s, s, s,
		s) : arena_printf(c->out->a, "{ \"%s\", call_%s_workspace, "
		"NULL, NULL, call_%s },", s, s, s));
}

void cuda_emit_calls(const struct cuda_unit *u, const char *header,
	const char *table, struct str *out)
{
	struct arena *a = out->a;

	str_printf(out, "/* Made by wpkc %s from %s: its launchers, for plans "
		"that wpk_plan_read()\n * reads. */\n#include <wpk.h>\n\n"
		"#include \"%s\"\n\n", u->version, emit_harmless(a, u->source),
		header);
	for (int i = 0; i < u->n; i++) {
		const struct calls c = { &u->operators[i],
			cuda_symbol(a, u->operators[i].name), out };

		put_functions(&c);
	}
	str_printf(out, "const struct wpk_compiled %s[] = {\n", table);
	for (int i = 0; i < u->n; i++) {
		const struct calls c = { &u->operators[i],
			cuda_symbol(a, u->operators[i].name), out };

		put_row(&c);
	}
	str_puts(out, "\t{ NULL, NULL, NULL, NULL, NULL }\n};\n");
}
