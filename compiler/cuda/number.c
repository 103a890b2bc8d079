/* SPDX-License-Identifier: MIT */
/* Numbers of a program whose sizes are open, as C on the host: what a literal
 * is where the shape is known. Sizes are signed and of 64 bits. */
#include "cuda/host.h"

#include <assert.h>
#include <string.h>

/* No function of the device may be called. */
static const char *text_of(struct arena *a, const struct names *n,
	const struct kx *e, int least)
{
	struct emit m = { .a = a, .places = 1, .names = *n };
	struct str s;

	str_init(&s, a);
	emit_x(&m, &s, e, least);
	for (int i = 0; i < N_INTRINS; i++)
		assert(!m.used[i]);
	return str_text(&s);
}

const char *host_number(struct arena *a, const struct names *n,
	const struct kx *open, int64_t fixed)
{
	return open ? text_of(a, n, open, P_ADD) :
		arena_printf(a, "%lld", (long long)fixed);
}

const char *host_condition(struct arena *a, const struct names *n,
	const struct kx *e)
{
	return text_of(a, n, e, P_AND);
}

const char *cuda_variable(struct arena *a, const struct cuda_operator *o,
	const struct program *p, const struct k_var *size)
{
	struct names n = host_names(a, o, p);

	return names_of(&n, size);
}

const char *cuda_number(struct arena *a, const struct cuda_operator *o,
	const struct program *p, const struct kx *e)
{
	struct names n = host_names(a, o, p);

	return text_of(a, &n, e, P_ANY);
}

/* Does "name" stand in "text" as a word? */
static bool mentions(const char *text, const char *name)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	size_t n = strlen(name);

	for (const char *s = text; (s = strstr(s, name)); s += n)
		if (!(s[n] && strchr(word, s[n])) &&
		    (s == text || !strchr(word, s[-1])))
			return true;
	return false;
}

void host_lets(struct arena *a, const struct names *n,
	const struct program *p, const char *text, struct str *out)
{
	const char *lines = "";

	for (int i = p->lets.n - 1; i >= 0; i--) {
		const char *name = names_of(n, p->lets.v[i].var);
		struct str line;

		if (!mentions(text, name) && !mentions(lines, name))
			continue;
		str_init(&line, a);
		emit_line(&line, 1, arena_printf(a, "const long long %s = %s;",
			name, host_number(a, n, p->lets.v[i].value, 0)));
		lines = arena_printf(a, "%s%s", str_text(&line), lines);
	}
	str_puts(out, lines);
}
