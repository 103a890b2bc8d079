/* SPDX-License-Identifier: MIT */
/* What a run leaves behind: the texts that --emit names, the header, the
 * depfile and the lock, written together or not at all. */
#include "driver/session.h"

#include <ctype.h>
#include <string.h>

#include "driver/modules.h"
#include "driver/output.h"
#include "driver/toolchain.h"
#include "driver/version.h"

enum { PTX_SECONDS = 120 };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "dir/conv.wpk" -> "conv", for outputs that go to the current folder. */
static const char *stem(struct session *s)
{
	const char *name = base_name(s->o->input);
	const char *dot = strrchr(name, '.');

	if (!strcmp(name, "-"))
		return "stdin";
	return dot && dot != name ? arena_strndup(s->a, name,
		(size_t)(dot - name)) : name;
}

/* "my conv.h" -> "WPK_MY_CONV_H"; a C name, whatever the file's is. */
static const char *guard_of(struct session *s, const char *file)
{
	struct str out;

	str_init(&out, s->a);
	str_puts(&out, "WPK_");
	for (; *file; file++) {
		bool lower = *file >= 'a' && *file <= 'z';
		bool kept = (*file >= 'A' && *file <= 'Z') ||
			(*file >= '0' && *file <= '9');

		str_putc(&out, lower ? (char)(*file - 'a' + 'A') :
			kept ? *file : '_');
	}
	return str_text(&out);
}

/* No GPU in it: the bytes depend on source, schedule and target alone. */
struct cuda_unit emit_program(const struct session *s, struct arena *a,
	const struct job *j, const struct program *p)
{
	return cuda_unit_of(a, base_name(s->o->input), WPK_VERSION,
		j->place->target, p);
}

static const char *launcher_of(const struct job *j)
{
	return j->program->launcher ? j->program->launcher : j->program->name;
}

/* What tells others of a plan apart are shares, the run's own share among them
 * no more: a launcher is for that alone. */
static struct cuda_variant variant_of(const struct job *j, bool other)
{
	return (struct cuda_variant){ j->place->target, j->program,
		j->place->gpu, !other ? 0 : j->share ? j->share : 100 };
}

/* Of the jobs that have "launcher", NULL: of all. */
static struct cuda_unit unit_of(const struct session *s, struct arena *a,
	const char *launcher)
{
	struct cuda_variant *v = ARENA_ARRAY(a, (size_t)s->n_jobs + 1,
		struct cuda_variant);
	int n = 0;

	for (int i = 0; i < s->n_jobs; i++) {
		const struct job *j = &s->jobs[i];

		if (launcher && strcmp(launcher_of(j), launcher))
			continue;
		v[n++] = variant_of(j, false);
	}
	return cuda_unit(a, base_name(s->o->input), WPK_VERSION, v, n);
}

/* Of all and the others, which come first: the last is an operator's face. */
static struct cuda_unit plan_unit(const struct session *s)
{
	struct cuda_variant *v = ARENA_ARRAY(s->a, (size_t)(s->n_jobs +
		s->n_others) + 1, struct cuda_variant);
	int n = 0;

	for (int i = 0; i < s->n_others; i++)
		v[n++] = variant_of(&s->others[i], true);
	for (int i = 0; i < s->n_jobs; i++)
		v[n++] = variant_of(&s->jobs[i], false);
	return cuda_unit(s->a, base_name(s->o->input), WPK_VERSION, v, n);
}

struct cuda_unit emit_launcher(const struct session *s, struct arena *a,
	const struct job *j)
{
	return unit_of(s, a, launcher_of(j));
}

static void put_ir(struct session *s, struct str *out)
{
	for (int i = 0; i < s->n_jobs; i++) {
		ir_print(s->jobs[i].op, out);
		ir_print_partition(s->jobs[i].op, s->jobs[i].partition, out);
	}
}

static void put_space(struct session *s, struct str *out)
{
	for (int i = 0; i < s->n_jobs; i++) {
		for (int g = 0; g < s->jobs[i].partition->n_groups; g++)
			for (int k = 0; k < s->jobs[i].parts[g].n; k++) {
				const struct candidate *c =
					&s->jobs[i].parts[g].candidates[k];

				if (!c->space) {
					str_printf(out, "# %s.%d: %s: no: %s\n",
						s->jobs[i].name, g,
						c->sketch->name, c->why);
					continue;
				}
				str_printf(out, "# %s.%d: %s: %.4g points "
					"before the test of legality\n",
					s->jobs[i].name, g, c->sketch->name,
					space_size(c->space));
				space_print(c->space, out);
			}
		contenders_print_space(s, &s->jobs[i], out);
	}
}

static void put_indented(struct str *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		str_puts(out, "    ");
		str_putn(out, text, n);
		str_putc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

/* " when M == 128 && N == 64" */
static void put_when(const struct job *j, struct str *out)
{
	if (j->when)
		str_printf(out, " when %s", j->when);
	for (int i = 0; i < j->n_sizes; i++)
		str_printf(out, "%s%s == %lld", i ? " && " : " when ",
			j->sizes[i].name, (long long)j->sizes[i].value);
}


/* Schedules of one operator have names of their own. */
static void put_schedules(struct session *s, struct str *out)
{
	for (int i = 0; i < s->n_jobs; i++) {
		const struct job *j = &s->jobs[i];
		int nth = 1;

		for (int k = 0; k < i; k++)
			nth += s->jobs[k].item == j->item;
		str_puts(out, "schedule chosen");
		if (nth > 1)
			str_printf(out, "_%d", nth);
		str_printf(out, " for %s target %s", j->item->name.text,
			j->place->target->name);
		put_when(j, out);
		str_printf(out, " {%s%s\n", j->place->sister ? " // on " : "",
			j->place->sister ? j->place->gpu->name : "");
		put_indented(out, choices_schedule(s->a, j));
		str_puts(out, "}\n");
	}
}

static bool put_ptx(struct session *s, struct str *out)
{
	struct cuda_unit u = unit_of(s, s->a, NULL);
	struct str cu;
	const char *why;

	if (!s->nvcc)
		return session_fail(s, EXIT_USER,
			"--emit=ptx needs nvcc: none in NVCC, CUDA_HOME, PATH "
			"or /usr/local/cuda");
	str_init(&cu, s->a);
	cuda_emit(&u, &cu);
	why = toolchain_ptx(s->a, s->nvcc, str_text(&cu), cu.n, s->places[0].target,
		PTX_SECONDS, out);
	return !why || session_fail(s, EXIT_USER, "%s", why);
}

static bool put_texts(struct session *s, unsigned emit, struct str *out)
{
	struct cuda_unit u = {0};

	if (emit & (EMIT_CU | EMIT_HEADER | EMIT_MANIFEST))
		u = unit_of(s, s->a, NULL);
	if (emit & EMIT_IR)
		put_ir(s, out);
	if (emit & EMIT_SPACE)
		put_space(s, out);
	if (emit & EMIT_SCHED)
		put_schedules(s, out);
	for (int i = 0; i < s->n_jobs && emit & EMIT_KERNEL; i++)
		program_print(s->jobs[i].program, out);
	if (emit & EMIT_CU)
		cuda_emit(&u, out);
	if (emit & EMIT_HEADER)
		cuda_emit_header(&u, guard_of(s, arena_printf(s->a, "%s.h",
			stem(s))), out);
	if (emit & EMIT_MANIFEST)
		manifest_print(s, &u, NULL, out);
	return !(emit & EMIT_PTX) || put_ptx(s, out);
}

/* "out/conv.plan" -> "conv" */
static const char *stem_of(struct arena *a, const char *path)
{
	const char *name = base_name(path), *dot = strrchr(name, '.');

	return dot && dot != name ? arena_strndup(a, name,
		(size_t)(dot - name)) : name;
}

/* The plan's neighbour of that name. */
static const char *beside(struct session *s, const char *file)
{
	const char *plan = s->o->plan;

	return arena_printf(s->a, "%.*s%s", (int)(base_name(plan) - plan),
		plan, file);
}

/* Code with a letter behind its number runs on one kind of device alone. */
static void tell_of_devices(const struct session *s,
	const struct cuda_unit *u)
{
	for (int i = 0; i < u->n_targets; i++)
		if (!u->targets[i]->suffix)
			return;
	session_say(s, "the plan's code for %s runs on that alone; --target="
		"sm_80,%s adds what later devices run too",
		u->targets[0]->name, u->targets[0]->name);
}

/* A plan whose kernels are compiled in has no modules unless they are asked
 * for. */
static unsigned modules_wanted(const struct session *s)
{
	return s->o->modules ? s->o->modules : s->o->calls ? 0 : MODULES_GPU;
}

static bool add_plan(struct session *s, struct outputs *out)
{
	struct cuda_unit u = plan_unit(s);
	unsigned which = modules_wanted(s);
	struct str cuda, plan;
	module_list modules = { 0 };
	const char *why;

	str_init(&cuda, s->a);
	str_init(&plan, s->a);
	cuda_emit(&u, &cuda);
	why = which ? modules_make(s, &u, &cuda, stem_of(s->a, s->o->plan),
		which, &modules) : NULL;
	if (why)
		return session_fail(s, EXIT_USER, "--plan: %s", why);
	for (int i = 0; i < modules.n; i++)
		outputs_add(out, beside(s, modules.v[i].file),
			&modules.v[i].code);
	manifest_print(s, &u, &modules, &plan);
	if (which & MODULES_GPU)
		tell_of_devices(s, &u);
	outputs_add(out, s->o->plan, &plan);
	return true;
}

/* "out/my conv_calls.c" -> "my_conv_calls" */
static const char *table_of(struct session *s)
{
	char *name = arena_strdup(s->a, stem_of(s->a, s->o->calls));

	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return cuda_name(s->a, isdigit((unsigned char)*name) ?
		arena_printf(s->a, "_%s", name) : name);
}

static void add_calls(struct session *s, struct outputs *out)
{
	struct cuda_unit u = unit_of(s, s->a, NULL);
	struct str text;

	str_init(&text, s->a);
	cuda_emit_calls(&u, s->o->header ? base_name(s->o->header) :
		arena_printf(s->a, "%s.h", stem(s)), table_of(s), &text);
	outputs_add(out, s->o->calls, &text);
}

/* Where the main text goes: -o, or for CUDA a file named after the source;
 * everything else is for reading. */
static const char *output_path(struct session *s, unsigned emit)
{
	if (s->o->output)
		return s->o->output;
	return emit == EMIT_CU ? arena_printf(s->a, "%s.cu", stem(s)) : "-";
}

/* "conv.cu" -> "conv.d" */
static const char *dep_path(struct session *s, const char *output)
{
	const char *dot = strrchr(output, '.'), *slash = strrchr(output, '/');

	if (s->o->dep_file)
		return s->o->dep_file;
	return dot && dot > slash ? arena_printf(s->a, "%.*s.d",
		(int)(dot - output), output) : arena_printf(s->a, "%s.d",
		output);
}

/* make has no way to write a name of two lines. */
static bool is_one_line(struct session *s, const string_list *names)
{
	for (int i = 0; i < names->n - 1; i++)
		if (strpbrk(names->v[i], "\n\r"))
			return session_fail(s, EXIT_USER, "a depfile cannot "
				"name '%s': the name has a line break",
				names->v[i]);
	return true;
}

static bool put_depfile(struct session *s, const char *output, struct str *out)
{
	string_list targets = s->o->dep_targets, needs = {0};

	if (!targets.n) {
		vec_push(s->a, &targets, output);
		if (s->o->header)
			vec_push(s->a, &targets, s->o->header);
		if (s->o->plan)
			vec_push(s->a, &targets, s->o->plan);
		if (s->o->calls)
			vec_push(s->a, &targets, s->o->calls);
	}
	for (int i = 0; i < s->files.n; i++)
		vec_push(s->a, &needs, s->files.v[i]);
	if (s->lock_existed)
		vec_push(s->a, &needs, s->lock_path);
	vec_push(s->a, &targets, NULL);
	vec_push(s->a, &needs, NULL);
	if (!is_one_line(s, &targets) || !is_one_line(s, &needs))
		return false;
	output_depfile(out, targets.v, needs.v);
	return true;
}

static bool can_write(struct session *s, const char *path)
{
	const char *why = output_refuses(s->a, path);

	return !why || session_fail(s, EXIT_USER, "%s", why);
}

/* What would be written, in outputs' order, "n" of them. */
static const char **written(struct session *s, int *n)
{
	unsigned emit = s->o->emit ? s->o->emit : EMIT_CU;
	const char **v = ARENA_ARRAY(s->a, 7, const char *);

	*n = 0;
	v[(*n)++] = output_path(s, emit);
	if (s->o->header)
		v[(*n)++] = s->o->header;
	if (s->o->dep)
		v[(*n)++] = dep_path(s, v[0]);
	if (s->o->tune && s->lock_path)
		v[(*n)++] = s->lock_path;
	if (s->o->candidates)
		v[(*n)++] = s->o->candidates;
	if (s->o->plan)
		v[(*n)++] = s->o->plan;
	if (s->o->calls)
		v[(*n)++] = s->o->calls;
	return v;
}

/* No output may be what was read, but the lock; nor another output. */
static bool keeps(struct session *s, const char *path)
{
	int n;
	const char **v = written(s, &n);

	for (int i = 0; i < n; i++)
		if (output_same(v[i], path))
			return session_fail(s, EXIT_USER,
				"'%s' would be overwritten: it is read", path);
	return true;
}

static bool keeps_files(struct session *s)
{
	bool ok = true;

	for (int i = 0; i < s->files.n && ok; i++)
		ok = keeps(s, s->files.v[i]);
	return ok && (s->o->tune || !s->lock_existed ||
		keeps(s, s->lock_path)) && (!s->o->db || keeps(s, s->o->db));
}

static bool are_distinct(struct session *s)
{
	int n;
	const char **v = written(s, &n);

	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			if (output_same(v[i], v[k]))
				return session_fail(s, EXIT_USER,
					"two outputs go to '%s'", v[i]);
	return true;
}

/* The lock goes first: it is older than what depends on it. */
bool emit_outputs(struct session *s)
{
	unsigned emit = s->o->emit ? s->o->emit : EMIT_CU;
	const char *path = output_path(s, emit), *dep = dep_path(s, path), *why;
	struct str text, header, deps, lock;
	struct cuda_unit u;
	struct outputs out;
	int turn = -1;

	outputs_init(&out, s->a);
	str_init(&text, s->a);
	str_init(&header, s->a);
	str_init(&deps, s->a);
	str_init(&lock, s->a);
	if (!keeps_files(s) || !put_texts(s, emit, &text))
		return false;
	if (s->o->tune && s->lock_path) {
		turn = lockfile_wait(s);
		if (!lockfile_merge(s))
			return lockfile_release(turn);
		lock_print(s->lock, &lock);
		outputs_add(&out, s->lock_path, &lock);
	}
	outputs_add(&out, path, &text);
	if (s->o->header) {
		u = unit_of(s, s->a, NULL);
		cuda_emit_header(&u, guard_of(s, base_name(s->o->header)),
			&header);
		outputs_add(&out, s->o->header, &header);
	}
	if (s->o->plan && !add_plan(s, &out))
		return lockfile_release(turn);
	if (s->o->calls)
		add_calls(s, &out);
	if (s->o->dep) {
		if (!put_depfile(s, path, &deps))
			return lockfile_release(turn);
		outputs_add(&out, dep, &deps);
	}
	why = outputs_commit(&out);
	lockfile_release(turn);
	return !why || session_fail(s, EXIT_USER, "%s", why);
}

bool emit_possible(struct session *s)
{
	int n;
	const char **v = written(s, &n);

	if (s->o->check || s->o->test)
		return true;
	if (s->o->plan && !strcmp(s->o->plan, "-") && modules_wanted(s))
		return session_fail(s, EXIT_USER, "modules lie beside their "
			"plan: --plan takes a file's name, not '-'");
	for (int i = 0; i < n; i++)
		if (!can_write(s, v[i]))
			return false;
	return are_distinct(s) && keeps(s, s->o->input);
}

bool emit_keeps(struct session *s)
{
	return s->o->check || s->o->test || keeps_files(s);
}
