/* SPDX-License-Identifier: MIT */
/* The emitted text becomes a program: compiled as C++ with the emulator's
 * header before it and an entry behind it, linked with the emulator, and given
 * one job for each run. Reports come back as lines (runtime/emu/main.c). */
#include <errno.h>
#include <string.h>

#include "driver/check_parts.h"
#include "driver/child.h"
#include "driver/cxx.h"

enum { LINES_SHOWN = 6, NO_DEVICE = 4 };

static const double default_seconds = 120, turns_patience = 4;

enum check_verdict check_end(struct check *c, enum check_verdict v,
	const char *what)
{
	c->out->line = arena_printf(c->a, "%s: %s", c->name, what);
	return v;
}

/* ---- the compiler ---- */

/* Unset variables show as what lies on the stack, which the emulator poisons,
 * only where each is on the stack: unoptimised. */
static void push_flags(const struct check *c, struct cxx_command *k)
{
	static const char *const address[] = { "-g1",
		"-fsanitize=address,alignment", "-fno-sanitize-recover=all" };
	static const char *const levels[] = { "-O0", "-O1", "-O2" };
	static const char *const watch[] = { "-g", "-no-pie", "-fno-pie",
		"-fsanitize=thread", "-DWPK_EMU_WATCH", "-c" };

	cxx_push_text_flags(c->a, c->r->target, c->r->gpu, k);
	for (size_t i = 0; c->how & CHECK_ADDRESS &&
	     i < sizeof address / sizeof *address; i++)
		cxx_push(k, address[i]);
	for (size_t i = 0; c->how & CHECK_WATCH &&
	     i < sizeof watch / sizeof *watch; i++)
		cxx_push(k, watch[i]);
	if (!c->how)
		cxx_push(k, levels[c->level]);
	if (c->how & CHECK_ADDRESS)
		cxx_push(k, c->level < 2 ? "-O0" : "-O1");
	if (c->how & CHECK_WATCH)
		cxx_push(k, c->how & CHECK_INIT ? "-O0" : "-O1");
	if (!(c->how & CHECK_INIT))
		cxx_push(k, "-ftrivial-auto-var-init=pattern");
}

/* Where a kernel is compiled and linked. "object" stands between where that
 * takes two commands: accesses are watched in place of ThreadSanitizer, whose
 * library one command would link. */
struct build {
	const char *folder, *header, *library, *source, *object, *program;
};

/* Kernels by hand may, and calls of libraries do, want more of C++ than emitted
 * kernels. Which they are is not known of those to come. */
static bool wants_cxx(const struct check *c)
{
	if (!c->o)
		return true;
	for (int i = 0; i < c->o->n; i++) {
		const struct program *p = c->o->variants[i].program;

		for (int k = 0; k < p->steps.n; k++)
			if (p->steps.v[k].kind == P_FILE ||
			    p->steps.v[k].kind == P_LIBRARY)
				return true;
	}
	return false;
}

static void push_link(const struct check *c, const struct build *b,
	struct cxx_command *k)
{
	cxx_push_linker(c->a, k);
	cxx_push(k, b->library);
	if (c->how & CHECK_ADDRESS || wants_cxx(c))
		cxx_push(k, "-lm");
	else
		cxx_push_libraries(k);
	cxx_push(k, "-o");
	cxx_push(k, b->program);
}

static void compile_command(const struct check *c, const char *compiler,
	const struct build *b, struct cxx_command *k)
{
	cxx_begin(c->a, compiler, b->folder, k);
	push_flags(c, k);
	cxx_push(k, "-include");
	cxx_push(k, b->header);
	cxx_push(k, b->source);
	if (b->object) {
		cxx_push(k, "-o");
		cxx_push(k, b->object);
		return;
	}
	cxx_push(k, "-x");
	cxx_push(k, "none");
	push_link(c, b, k);
}

static void link_command(const struct check *c, const char *compiler,
	const struct build *b, struct cxx_command *k)
{
	cxx_begin(c->a, compiler, b->folder, k);
	cxx_push(k, "-no-pie");
	cxx_push(k, b->object);
	push_link(c, b, k);
}

/* Up to LINES_SHOWN lines of "text" from the first that holds one of "marks"
 * on, without the private folder's name. */
static void quote(struct check *c, const char *text, const char *folder,
	const char *const *marks)
{
	size_t skip = strlen(folder) + 1;
	int shown = 0;

	while (*text && shown < LINES_SHOWN) {
		size_t n = strcspn(text, "\n");
		const char *line = arena_strndup(c->a, text, n), *p;
		bool found = shown > 0;

		for (int i = 0; marks[i] && !found; i++)
			found = strstr(line, marks[i]) != NULL;
		if (found && n) {
			while ((p = strstr(line, folder))) {
				str_putn(&c->detail, line, (size_t)(p - line));
				line = p + (strlen(p) > skip ? skip : 0);
				if (line == p)
					break;
			}
			str_printf(&c->detail, "%s\n", line);
			shown++;
		}
		text += n + (text[n] == '\n');
	}
}

const char *const *check_command(struct arena *a, const struct target *t,
	const char *folder, const char **why)
{
	struct check_request r = { .target = t };
	struct check c = { .a = a, .r = &r, .level = 2 };
	struct build b = { folder, cxx_emulator_file(a, PATHS_EMU_HEADER),
		cxx_emulator_file(a, PATHS_EMU_LIBRARY), "@source", NULL, "@out" };
	const char *compiler = cxx_some(a);
	struct cxx_command *k = ARENA_NEW(a, struct cxx_command);

	if (!b.header || !b.library)
		*why = "the emulator's files were not found";
	else if (!compiler)
		*why = "no C++ compiler was found";
	else
		compile_command(&c, compiler, &b, k);
	return k->v;
}

double check_seconds(const struct check *c)
{
	return c->r->seconds > 0 ? c->r->seconds : default_seconds;
}

static void build_with(struct check *c, const char *compiler,
	const struct build *b, struct child *run)
{
	struct cxx_command k;

	compile_command(c, compiler, b, &k);
	child_run(c->a, k.v, NULL, 0, check_seconds(c), run);
	if (!b->object || run->status || run->timed_out || check_stopped())
		return;
	link_command(c, compiler, b, &k);
	child_run(c->a, k.v, NULL, 0, check_seconds(c), run);
}

/* Tries the compilers in turn; one that is not there exits with 127. */
static enum check_verdict compile(struct check *c, const struct build *b)
{
	static const char *const marks[] = { "error", NULL };
	const char *const *names = cxx_names(c->a);
	struct child run = { .status = 127 };

	for (; *names && run.status == 127; names++) {
		build_with(c, *names, b, &run);
		if (check_stopped())
			return CHECK_STOPPED;
	}
	if (run.timed_out)
		return check_end(c, CHECK_TIMEOUT, "the C++ compiler took too long "
			"over the emulated kernel");
	if (run.status == 127)
		return check_end(c, CHECK_UNAVAILABLE, "not verified: no C++ "
			"compiler was found");
	if (run.status == 0)
		return CHECK_VERIFIED;
	quote(c, str_text(&run.err), b->folder, marks);
	if (strstr(str_text(&run.err), arena_printf(c->a, "%s.cu:",
	    c->r->program->name)))
		return check_end(c, CHECK_FAULT, "the emitted text does not "
			"compile as C++ for the emulator");
	return check_end(c, CHECK_UNAVAILABLE, "not verified: the C++ compiler "
		"fails");
}

/* ---- the run ---- */

static int smaller(int least, enum dtype t)
{
	return dtype_row(t)->bits < 8 * least ? (dtype_row(t)->bits + 7) / 8 :
		least;
}

static int smallest(const struct program *p)
{
	int least = 8;

	for (int i = 0; i < p->tensors.n; i++)
		if (p->tensors.v[i].role != P_IN)
			least = smaller(least, p->tensors.v[i].type);
	for (int i = 0; i < p->steps.n; i++)
		for (int j = 0; p->steps.v[i].kernel &&
		     j < p->steps.v[i].kernel->shared.n; j++)
			least = smaller(least,
				p->steps.v[i].kernel->shared.v[j]->type);
	return least;
}

/* Bytes of the smallest element that threads share. What a general kernel's
 * request calls its program has tensors alone; the steps are the variants'. */
static int grain(const struct check_request *r)
{
	int least = smallest(r->program);

	for (int i = 0; r->operator && i < r->operator->n; i++) {
		int n = smallest(r->operator->variants[i].program);

		if (n < least)
			least = n;
	}
	return least;
}

static void put_watch(const struct check *c, struct str *s)
{
	if (c->how & CHECK_ADDRESS)
		str_puts(s, "address\n");
	if (c->how & CHECK_BYTES)
		str_puts(s, "watch bytes\n");
	if (c->how & CHECK_RACE)
		str_puts(s, "watch race\n");
	if (c->how & CHECK_INIT)
		str_puts(s, "watch init\n");
	if (c->how & CHECK_WATCH)
		str_printf(s, "grain %d\n", grain(c->r));
}

static void put_blocks(const struct check *c, struct str *s)
{
	str_printf(s, "launch %d", c->launch);
	if (c->tiles)
		str_printf(s, "/%lld", (long long)c->tiles);
	if (c->turns)
		str_printf(s, "/%lld", (long long)c->turns);
	for (int i = 0; i < c->n_x && !c->turns; i++)
		str_printf(s, " %lld", (long long)c->x[i]);
	for (int i = 0; i < c->n_runs; i++)
		str_printf(s, " %lld/%lld", (long long)c->runs[i].x,
			(long long)c->runs[i].y);
	str_putc(s, '\n');
}

static void put_job(const struct check *c, struct str *s, int run)
{
	str_printf(s, "mode %s\nshared %d\npoison %d\n", run ? "early" : "late",
		c->r->target->smem_block, check_poison(run));
	put_watch(c, s);
	if (c->r->turns)
		str_printf(s, "turns %d\n", c->r->turns);
	for (int i = 0; i < c->n_tensors; i++) {
		const struct check_tensor *t = &c->tensors[i];

		str_printf(s, "tensor %s %d %zu %zu %zu\n",
			t->output ? "out" : "in", t->fd[t->output ? run : 0],
			t->offset, t->bytes, t->align);
	}
	if (c->launch >= 0)
		put_blocks(c, s);
	str_puts(s, "run\n");
}

static int count_of(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* On a GPU there may be others before it. */
static double run_seconds(const struct check *c)
{
	return c->r->turns ? turns_patience * check_seconds(c) :
		check_seconds(c);
}

/* Was it its own kernels, or others, that took the time? Where both may have, a GPU is
 * shared. */
static enum check_verdict late(struct check *c, const char *text)
{
	const char *kernels = c->r->program->steps.n > 1 ? "kernels" : "kernel";
	double seconds = run_seconds(c);

	if (count_of(text, " waits\n") > count_of(text, " turn\n"))
		return check_end(c, CHECK_UNAVAILABLE, arena_printf(c->a,
			"not verified: other checks had the GPU for %.0f s: "
			"check with -j 1", seconds));
	if (c->r->turns)
		return check_end(c, CHECK_TIMEOUT, arena_printf(c->a, "the %s "
			"and checks before it took more than %.0f s: check at "
			"smaller sizes, or with -j 1", kernels, seconds));
	return check_end(c, CHECK_TIMEOUT, arena_printf(c->a, "the %s took more "
		"than %.0f s: check at smaller sizes", kernels, seconds));
}

static enum check_verdict judge(struct check *c, const struct child *run,
	const char *folder)
{
	static const char *const faults[] = { " fault ", " returned ", NULL };
	static const char *const sanitizers[] = {
		"ERROR: AddressSanitizer", "runtime error:", NULL
	};
	const char *text = str_text(&run->out);

	if (check_stopped())
		return CHECK_STOPPED;
	if (c->r->nvcc && run->status == NO_DEVICE)
		return check_end(c, CHECK_UNAVAILABLE, check_gpu_lacks(c, text));
	if (c->r->nvcc)
		check_gpu_read(c, text);
	if (run->timed_out)
		return late(c, text);
	if (strstr(text, " timeout: "))
		return check_end(c, CHECK_TIMEOUT, "a launch of the kernels does "
			"not end: check at smaller sizes");
	quote(c, text, folder, faults);
	quote(c, str_text(&run->err), folder, sanitizers);
	if (strstr(text, " fault "))
		return check_end(c, CHECK_FAULT, "the kernel faults");
	if (strstr(text, " returned "))
		return check_end(c, CHECK_FAULT, "the launcher refuses its "
			"arguments");
	if (run->status || count_of(text, " done\n") != CHECK_RUNS)
		return check_end(c, CHECK_FAULT, arena_printf(c->a, "the "
			"kernel ended with status %d", run->status));
	if (c->how & CHECK_BYTES)
		check_bytes_read(c, text);
	return CHECK_VERIFIED;
}

static const char *missing(struct arena *a, const char *header)
{
	return arena_printf(a, "not verified: the emulator's %s was not found",
		header ? "library" : "header");
}

enum check_verdict check_run(struct check *c, const char *folder)
{
	const char *header = cxx_emulator_file(c->a, PATHS_EMU_HEADER);
	const char *library = cxx_emulator_file(c->a, PATHS_EMU_LIBRARY);
	struct build b = { folder, header, library,
		.source = arena_printf(c->a, "%s/%s.cu", folder,
			c->r->program->name),
		.object = c->how & CHECK_WATCH ? arena_printf(c->a, "%s/kernel.o",
			folder) : NULL,
		.program = arena_printf(c->a, "%s/program", folder) };
	const char *const argv[] = { b.program, NULL };
	enum check_verdict v;
	struct child run;
	struct str s;

	if (!c->r->nvcc && (!header || !library))
		return check_end(c, CHECK_UNAVAILABLE, missing(c->a, header));
	str_init(&s, c->a);
	str_putn(&s, c->r->cuda, c->r->n_cuda);
	if (c->r->nvcc)
		str_puts(&s, "\nextern cudaStream_t wpk_gpu_stream;\n");
	check_entry(c->o, c->r->program, c->r->nvcc ? "wpk_gpu_stream" : "0",
		&s);
	if (!child_write_file(b.source, str_text(&s), s.n))
		return check_end(c, CHECK_UNAVAILABLE, arena_printf(c->a,
			"not verified: %s", strerror(errno)));
	v = c->r->nvcc ? check_gpu_compile(c, folder, b.source, b.program) :
		compile(c, &b);
	if (v != CHECK_VERIFIED)
		return v;
	str_init(&s, c->a);
	for (int i = 0; i < CHECK_RUNS; i++)
		put_job(c, &s, i);
	child_run(c->a, argv, str_text(&s), s.n, run_seconds(c), &run);
	v = judge(c, &run, folder);
	if (c->how & CHECK_WATCH && v == CHECK_FAULT)
		check_places(c, b.program);
	return v;
}
