/* SPDX-License-Identifier: MIT */
/* The file that variant("x.cu") names: found beside the .wpk that names it, and
 * held to what a file must be to stand in the output and run on the emulator.
 * What is wrong with it is said at its own lines. */
#include "driver/session.h"

#include <string.h>

/* The source with blanks for comments and literals, so that what is looked for
 * is code. */
static const char *code_of(struct arena *a, const struct source *src)
{
	char *s = arena_strndup(a, src->text, src->len);
	enum { CODE, LINE, BLOCK, QUOTED } in = CODE;
	char quote = 0;

	for (char *p = s; *p; p++) {
		char c = *p;
		bool ends = in == LINE ? c == '\n' : in == BLOCK ?
			c == '*' && p[1] == '/' : in == QUOTED && c == quote;

		if (in == CODE && c == '/' && (p[1] == '/' || p[1] == '*'))
			in = p[1] == '/' ? LINE : BLOCK;
		else if (in == CODE && (c == '"' || c == '\'')) {
			in = QUOTED;
			quote = c;
			continue;
		}
		if (in == QUOTED && c == '\\' && p[1])
			*p++ = ' ';
		if (in != CODE && c != '\n')
			*p = ' ';
		if (ends && in == BLOCK)
			*++p = ' ';
		if (ends)
			in = CODE;
	}
	return s;
}

static bool is_word(char c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", c);
}

static const char *find_word(const char *code, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = code; (p = strstr(p, word)); p += n)
		if (!is_word(p[n]) && (p == code || !is_word(p[-1])))
			return p;
	return NULL;
}

/* "name" and a parenthesis, as in its definition. */
static bool has_function(const char *code, const char *name)
{
	for (const char *p = code; (p = find_word(p, name)); p++)
		if (p[strlen(name) + strspn(p + strlen(name), " \t\n")] == '(')
			return true;
	return false;
}

/* Shared memory of a size given at compile time: the emulator knows none. */
static const char *static_shared(const char *code)
{
	for (const char *p = code; (p = find_word(p, "__shared__")); p++) {
		const char *q = p;

		while (q > code && strchr(" \t\n", q[-1]))
			q--;
		if (q - code < 6 || strncmp(q - 6, "extern", 6))
			return p;
	}
	return NULL;
}

static const char *find_include(const char *code)
{
	for (const char *p = code; (p = strchr(p, '#')); p++)
		if (!strncmp(p + 1 + strspn(p + 1, " \t"), "include", 7))
			return p;
	return NULL;
}

static bool refuse(struct session *s, const struct source *src,
	const char *code, const char *at, size_t n, const char *what,
	const char *hint)
{
	struct span place = { src, (uint32_t)(at - code),
		(uint32_t)((size_t)(at - code) + n) };

	diag_error(s->d, E_HANDWRITTEN, place, "%s", what);
	diag_hint(s->d, "%s", hint);
	return false;
}

static bool is_clean(struct session *s, const struct source *src,
	const char *code)
{
	const char *at = find_include(code);

	if (at)
		return refuse(s, src, code, at, strcspn(at, "\n"), "a "
			"hand-written file "
			"includes nothing", "What launchers need of CUDA is "
			"declared; the output must stand alone.");
	at = strstr(code, "<<<");
	if (at)
		return refuse(s, src, code, at, 3, "a launch that is no C++",
			"Launch by cudaLaunchKernelEx(&config, kernel, ...), "
			"which the emulator runs too.");
	at = static_shared(code);
	if (at)
		return refuse(s, src, code, at, 10, "shared memory of a fixed "
			"size", "Write extern __shared__ unsigned char "
			"shared_memory[]; and give its bytes at launch.");
	return true;
}

static bool defines(struct session *s, const struct source *src,
	const char *code, const char *function, struct span at)
{
	const char *query = arena_printf(s->a, "%s_workspace", function);
	bool launcher = has_function(code, function);

	if (launcher && has_function(code, query))
		return true;
	diag_error(s->d, E_HANDWRITTEN, at, "'%s' does not define '%s'",
		src->path, launcher ? query : function);
	diag_hint(s->d, "It defines what the header shows of %s: the launcher, "
		"without prepared operands, and %s.", function, query);
	return false;
}

static const char *beside(struct arena *a, const struct source *src,
	const char *name)
{
	const char *slash = strrchr(src->path, '/');

	return *name == '/' || !slash ? name : arena_printf(a, "%.*s/%s",
		(int)(slash - src->path), src->path, name);
}

static void remember(struct session *s, const char *path)
{
	const char **v = ARENA_ARRAY(s->a, (size_t)s->files.n + 2,
		const char *);

	for (int i = 0; i < s->files.n; i++) {
		if (!strcmp(s->files.v[i], path))
			return;
		v[i] = s->files.v[i];
	}
	v[s->files.n++] = path;
	s->files.v = v;
}

static bool load(struct session *s, struct job *j, const struct sched_expr *e)
{
	struct task_file *f = ARENA_NEW(s->a, struct task_file);
	const char *path = beside(s->a, e->at.src, e->name), *why, *code;
	struct source *src = source_read(s->a, path, &why);

	if (!src) {
		diag_error(s->d, E_HANDWRITTEN, e->at, "cannot read '%s': %s",
			path, why);
		return false;
	}
	remember(s, path);
	code = code_of(s->a, src);
	*f = (struct task_file){ .name = e->name, .text = src->text,
		.function = cuda_symbol(s->a, j->item->name.text) };
	j->file = f;
	j->hash ^= str_hash(src->text, src->len);
	return is_clean(s, src, code) &&
		defines(s, src, code, f->function, e->at);
}

bool handwritten_load(struct session *s, struct job *j)
{
	for (int i = 0; j->schedule && i < j->schedule->n_directives; i++) {
		const struct sched_directive *d = &j->schedule->directives[i];

		if (!strcmp(d->name, "variant"))
			return load(s, j, d->args[0].value.choices[0]);
	}
	return true;
}
