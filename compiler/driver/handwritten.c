/* SPDX-License-Identifier: MIT */
/* Files that variant("x.cu") names: found beside the .wpk that names them, and
 * held to what a file must be to stand in the output, be called there, and run
 * on the emulator. What is wrong with one is said at its own lines. */
#include "driver/session.h"

#include <string.h>

#include "driver/directives.h"

static bool is_word(char c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", c);
}

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

		if (in == CODE && c == '/' && (p[1] == '/' || p[1] == '*')) {
			in = p[1] == '/' ? LINE : BLOCK;
			*p++ = ' ';
		} else if (in == CODE && (c == '"' || (c == '\'' &&
				(p == s || !is_word(p[-1]))))) {
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

static const char *find_word(const char *code, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = code; (p = strstr(p, word)); p += n)
		if (!is_word(p[n]) && (p == code || !is_word(p[-1])))
			return p;
	return NULL;
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* Behind the parenthesis that closes the one at "p"; NULL if none does. */
static const char *close_of(const char *p)
{
	int depth = 0;

	for (; *p; p++) {
		depth += (*p == '(') - (*p == ')');
		if (!depth)
			return p + 1;
	}
	return NULL;
}

/* Where the parameters of function "name" open in its definition, or NULL. */
static const char *definition(const char *code, const char *name)
{
	for (const char *p = code; (p = find_word(p, name)); p++) {
		const char *open = skip_space(p + strlen(name));
		const char *end = *open == '(' ? close_of(open) : NULL;

		if (end && !strncmp(skip_space(end), "noexcept", 8))
			end = skip_space(end) + 8;
		if (end && *skip_space(end) == '{')
			return open;
	}
	return NULL;
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
	bool launcher = definition(code, function);

	if (launcher && definition(code, query))
		return true;
	diag_error(s->d, E_HANDWRITTEN, at, "'%s' does not define '%s'",
		src->path, launcher ? query : function);
	diag_hint(s->d, "It defines what the header shows of %s: the launcher, "
		"without prepared operands, and %s.", function, query);
	return false;
}

/* ---- what its launcher takes ---- */

/* The type of one parameter, as far as it is told: a word that is none of the
 * usual ones is "strange", and left to the C++ compiler. */
struct parameter {
	const char *type;
	int stars;
	bool constant, strange;
};

static bool is_type(const char *word)
{
	static const char *const words[] = { "void", "bool", "char", "short",
		"int", "long", "unsigned", "signed", "float", "double",
		"size_t", "__half", "__nv_bfloat16", "cudaStream_t", NULL };

	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* One word of a parameter; "last" may be its name. */
static void read_word(struct arena *a, struct parameter *p, const char *word,
	bool last)
{
	if (!strcmp(word, "const"))
		p->constant |= !p->stars;
	else if (is_type(word))
		p->type = *p->type ? arena_printf(a, "%s %s", p->type, word) :
			word;
	else if (!last && strncmp(word, "__restrict", 10))
		p->strange = true;
}

static struct parameter read_parameter(struct arena *a, const char *text,
	const char *end)
{
	struct parameter p = { .type = "" };

	for (const char *q = text; q < end; q++) {
		const char *from = q;

		while (q < end && is_word(*q))
			q++;
		if (q > from)
			read_word(a, &p, arena_strndup(a, from,
				(size_t)(q - from)), skip_space(q) >= end);
		if (q < end && *q == '*')
			p.stars++;
		else if (q < end && !strchr(" \t\r\n", *q))
			p.strange = true;
	}
	p.strange |= !*p.type;
	return p;
}

/* Integers have many spellings: int, signed, unsigned short int. */
static bool is_integer(const char *type)
{
	return strstr(type, "signed") || strstr(type, "short") ||
		strstr(type, "long") || strstr(type, "char") ||
		!strcmp(type, "int");
}

/* May a value of type "x" be given for "p"? Which of the integers, the C++
 * compiler says. */
static bool takes(const struct parameter *p, const struct parameter *x)
{
	bool stream = !strcmp(x->type, "cudaStream_t");

	if (p->strange)
		return true;
	if (p->stars != x->stars || (p->stars && x->constant && !p->constant))
		return false;
	if (!p->stars)
		return !strcmp(p->type, "cudaStream_t") == stream;
	return !strcmp(p->type, x->type) || !strcmp(p->type, "void") ||
		(is_integer(p->type) && is_integer(x->type));
}

/* "const float *x, float *y, ..": what it is given, in order. */
static const char *given(struct arena *a, const struct job *j)
{
	struct str out;

	str_init(&out, a);
	for (int i = 0; i < j->n_sizes; i++)
		str_printf(&out, "long long %s, ", j->sizes[i].name);
	for (int i = 0; i < j->op->n_inputs + j->op->n_outputs; i++) {
		const struct ir_tensor *t = &j->op->tensors[i];

		str_printf(&out, "%s%s *%s, ", i < j->op->n_inputs ? "const " :
			"", dtype_row(t->type)->c, t->name);
	}
	str_puts(&out, "void *workspace, size_t workspace_bytes, "
		"cudaStream_t stream");
	return str_text(&out);
}

/* The end of the parameter at "p". */
static const char *parameter_end(const char *p)
{
	for (int depth = 0; *p; p++) {
		if (!depth && (*p == ',' || *p == ')'))
			break;
		depth += (*p == '(') - (*p == ')');
	}
	return p;
}

static bool fits_call(struct session *s, const struct source *src,
	const char *code, const char *function, const struct job *j)
{
	const char *call = given(s->a, j), *x = call;
	const char *at = skip_space(definition(code, function) + 1);
	const char *hint = arena_printf(s->a, "It is called as %s(%s).",
		function, call);

	for (int i = 1; ; i++) {
		const char *end = parameter_end(at), *x_end = parameter_end(x);
		struct parameter p = read_parameter(s->a, at, end);
		struct parameter q = read_parameter(s->a, x, x_end);
		bool stops = *end != ',', x_stops = !*x_end;

		if (!takes(&p, &q))
			return refuse(s, src, code, at, (size_t)(end - at),
				arena_printf(s->a, "parameter %d does not take "
				"what it is called with, %.*s", i,
				(int)(x_end - x), x), hint);
		if (stops != x_stops)
			return refuse(s, src, code, at, (size_t)(end - at),
				stops ? "more parameters are expected" :
				"fewer parameters are expected", hint);
		if (stops)
			return true;
		at = skip_space(end + 1);
		x = skip_space(x_end + 1);
	}
}

/* ---- finding it ---- */

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

static bool load(struct session *s, struct job *j,
	const struct directives_file *from, struct task_file *f)
{
	const char *path = beside(s->a, from->at.src, from->name), *why, *code;
	struct source *src = source_read(s->a, path, &why);

	if (!src) {
		diag_error(s->d, E_HANDWRITTEN, from->at, "cannot read '%s': %s",
			path, why);
		return false;
	}
	remember(s, path);
	code = code_of(s->a, src);
	*f = (struct task_file){ .name = from->name, .text = src->text,
		.function = cuda_symbol(s->a, j->item->name.text),
		.hash = str_hash(src->text, src->len) };
	return is_clean(s, src, code) &&
		defines(s, src, code, f->function, from->at) &&
		fits_call(s, src, code, f->function, j);
}

static bool load_all(struct session *s, struct job *j,
	const struct directives_file *from, int n)
{
	struct task_file *v = ARENA_ARRAY(s->a, (size_t)n + 1,
		struct task_file);
	bool ok = true;

	for (int i = 0; i < n; i++)
		ok &= load(s, j, &from[i], &v[i]);
	j->files = v;
	j->n_files = n;
	return ok;
}

bool handwritten_load(struct session *s, struct job *j,
	const struct directives_file *tuned, int n_tuned)
{
	for (int i = 0; j->schedule && i < j->schedule->n_directives; i++) {
		const struct sched_directive *d = &j->schedule->directives[i];
		const struct sched_expr *e;

		if (strcmp(d->name, "variant"))
			continue;
		e = d->args[0].value.choices[0];
		j->file_pinned = true;
		return load_all(s, j, &(struct directives_file){ e->name,
			e->at }, 1);
	}
	return load_all(s, j, tuned, n_tuned);
}
