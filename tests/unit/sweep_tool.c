/* SPDX-License-Identifier: MIT */
/* sweep_tool OPTIONS FILE, with wpkc's options: random legal points of every
 * sketch for every operator of a file go out as verified kernels or as a
 * complaint. --trials=N points a sketch; each is printed as a schedule that must
 * read back to it, built and verified, emulated against the reference
 * (--check=address: with the sanitizers), and where NVCC is set assembled;
 * --no-verify leaves the emulation out. One line a point with the registers the
 * sketch predicts and ptxas gives, "FAIL" lines with the command that shows the
 * fault ("SLOW" where time ran out), and a last line of sums.
 *
 * Without --trials the points are the untuned defaults, and nothing is done with
 * them but to print a line for every kernel: its name, its sketch, its threads,
 * the blocks that __launch_bounds__ promises, the registers predicted, and the
 * seconds predicted for all kernels of its group. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/check.h"
#include "driver/paths.h"
#include "driver/toolchain.h"
#include "tool_session.h"

enum { TRIES = 20000, TRIES_OPEN = 300, POINTS = 4096, SECONDS = 120 };

/* One group of a job at a point of one sketch, the others at their default. */
struct point {
	int job, plan, group;
	const struct choice *choices;	/* one a group */
};

struct sweep {
	struct session s;
	struct point points[POINTS];
	int n;
};

bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("FAIL %s\n", arena_vprintf(s->a, fmt, ap));
	va_end(ap);
	s->code = code;
	return false;
}

void session_say(const struct session *s, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
}

/* ---- points ---- */

/* A random choice for group "g" with its "k"th sketch; the other groups take
 * their default. */
static void add_point(struct sweep *w, int job, int g, int k, struct rng *r)
{
	struct job *j = &w->s.jobs[job];
	struct candidate *c = &j->parts[g].candidates[k];
	struct problem p = problem_of(&w->s, c);
	int n = j->partition->n_groups;
	int *genes = ARENA_ARRAY(w->s.a, (size_t)c->space->n_genes + 1, int);
	struct choice *v = ARENA_ARRAY(w->s.a, (size_t)n, struct choice);

	if (w->n == POINTS || !tool_random_point(c, &p, c->general ?
	    TRIES_OPEN : TRIES, r, genes))
		return;
	for (int i = 0; i < n; i++)
		v[i] = j->parts[i].choice;
	v[g] = (struct choice){ c, genes, 0, "model", "none", NULL };
	w->points[w->n++] = (struct point){ job, j->plan, g, v };
}

static void add_plan(struct sweep *w, int job, struct rng *r)
{
	struct job *j = &w->s.jobs[job];

	for (int g = 0; g < j->partition->n_groups; g++)
		for (int k = 0; k < j->parts[g].n; k++)
			for (int i = 0; i < w->s.o->trials &&
			     j->parts[g].candidates[k].space; i++)
				add_point(w, job, g, k, r);
}

/* Points of the plan that would be taken, or where there are several points a
 * sketch, of every plan that serves. */
static bool add_job(struct sweep *w, int job, struct rng *r)
{
	struct job *j = &w->s.jobs[job];
	int taken;

	if (!plans_find(&w->s, j))
		return false;
	taken = j->plan;
	for (int i = 0; i < j->n_plans; i++) {
		if (isinf(j->plans[i].seconds) ||
		    (i != taken && w->s.o->trials < 2))
			continue;
		plan_use(j, i);
		add_plan(w, job, r);
	}
	return true;
}

/* ---- one point, in a child process ---- */

/* What to say to wpkc for this point. */
static void put_command(struct sweep *w, const struct point *p,
	const struct choice *c, struct str *out)
{
	const struct space *sp = c->candidate->space;

	str_printf(out, "wpkc %s --target=%s --op=%s --set=sketch=%s",
		w->s.o->input, w->s.places[0].target->name,
		w->s.jobs[p->job].item->name.text, c->candidate->sketch->name);
	for (int i = 0; i < w->s.o->shapes.n; i++)
		str_printf(out, " --shape=%s=%s", w->s.o->shapes.v[i].name,
			w->s.o->shapes.v[i].value);
	for (int i = 0; i < sp->n_genes; i++)
		if (sp->genes[i].n > 1)
			str_printf(out, " --set=%s=%s", sp->genes[i].name,
				space_text(out->a, &sp->genes[i], c->genes[i]));
	str_puts(out, w->s.o->check_how ? " --check=address,race,init" : " --check");
}

static int predicted_registers(struct arena *a, const struct choice *c)
{
	int values[c->candidate->space->n_tunables + 1];
	struct features f = {0};
	const char *why;

	if (!space_tunables(a, c->candidate->space, c->genes, values, &why))
		return 0;
	sketch_features(c->candidate->sketch, &c->candidate->task, values, &f);
	return f.regs;
}

/* A kernel for all sizes, at some of them. */
static const char *emulate_open(struct sweep *w, struct arena *a,
	const struct job *j, const struct program *p)
{
	for (int i = 0; i < prove_cases(j); i++) {
		struct proof r = prove_case(&w->s, a, j, p, i);

		if (r.verdict != V_MEASURED)
			return arena_printf(a, "%s %s", r.verdict ==
				V_TIMEOUT ? "SLOW" : "FAIL", r.text);
		if (!r.emulated)
			return arena_printf(a, "FAIL not emulated: %s", r.text);
	}
	return NULL;
}

static const char *emulate(struct sweep *w, struct arena *a,
	const struct job *j, const struct program *p, const struct str *cu)
{
	struct check_request r = { .program = p, .op = j->reference,
		.arithmetic = choices_arithmetic(a, j),
		.target = j->place->target, .cuda = str_text(cu), .n_cuda = cu->n,
		.how = w->s.o->check_how, .seed = w->s.o->seed };
	struct check_result c;

	check_program(a, &r, &c);
	if (c.verdict == CHECK_VERIFIED)
		return NULL;
	return arena_printf(a, "%s %s\n%s", c.verdict == CHECK_TIMEOUT ?
		"SLOW" : "FAIL", c.line, c.detail);
}

/* ---- a point as a schedule ---- */

/* Where the imports of a text end. */
static size_t imports_end(const char *text)
{
	size_t end = 0, line;

	for (size_t at = 0; text[at]; at += line + (text[at + line] != 0)) {
		line = strcspn(text + at, "\n");
		if (!strncmp(text + at, "import ", strlen("import ")))
			end = at + line;
	}
	return end;
}

/* The file's text with the point in it as a schedule, before the file's own: the
 * first of equals is taken. */
static struct source *with_schedule(struct sweep *w, struct arena *a,
	const struct job *j, const char *chosen)
{
	const struct source *src = w->s.unit->src;
	const char *all = arena_strndup(a, src->text, src->len);
	size_t end = imports_end(all);
	const char *text = arena_printf(a,
		"%.*s\nschedule sweep_point for %s target %s {\n%s}\n%s",
		(int)end, all, j->item->name.text, j->place->target->name,
		chosen, all + end);

	return source_from_text(a, src->path, text, strlen(text));
}

/* What the one job of "s" says of itself, bound and chosen anew. */
static const char *chosen_anew(struct session *s, struct arena *a)
{
	struct str text;

	if (s->unit && jobs_create(s) && s->n_jobs == 1 &&
	    plans_find(s, &s->jobs[0]))
		return choices_schedule(a, &s->jobs[0]);
	str_init(&text, a);
	diag_print(s->d, &text, false);
	return str_text(&text);
}

/* A point's schedule, read, is that point and prints to the same bytes. */
static const char *read_back(struct sweep *w, struct arena *a,
	const struct job *j)
{
	const char *chosen = choices_schedule(a, j), *again;
	string_list dirs = w->s.o->dirs;
	struct options o = *w->s.o;
	struct front_options fo = {0};
	struct session s = { .a = a, .o = &o, .d = diag_create(a),
		.stop = w->s.stop, .places = w->s.places, .n_places = 1 };

	vec_push(a, &dirs, NULL);
	fo.dirs = dirs.v;
	o.ops = (string_list){0};
	vec_push(a, &o.ops, j->item->name.text);
	s.unit = front_load_source(a, with_schedule(w, a, j, chosen), &fo,
		&s.files, s.d);
	again = chosen_anew(&s, a);
	return strcmp(again, chosen) ? arena_printf(a,
		"FAIL the schedule reads back as something else:\n%s\n%s",
		chosen, again) : NULL;
}

/* Why the point is wrong, or NULL; "t" is filled where there is an nvcc. */
static const char *try_point(struct sweep *w, struct arena *a,
	const struct job *j, struct toolchain_report *t)
{
	struct program *p = choices_program(&w->s, a, j);
	const char *why = NULL;
	struct cuda_unit u;
	struct str cu;

	if (!p)
		return "FAIL no program";
	why = read_back(w, a, j);
	if (why)
		return why;
	str_init(&cu, a);
	u = emit_program(&w->s, a, j, p);
	cuda_emit(&u, &cu);
	if (w->s.nvcc)
		why = toolchain_compile(a, w->s.nvcc, str_text(&cu), cu.n,
			j->place->target, SECONDS, t);
	if (why)
		return arena_printf(a, "FAIL %s", why);
	if (t->advisory)
		return arena_printf(a, "FAIL %s", t->advisory);
	if (w->s.o->no_verify)
		return NULL;
	return j->general ? emulate_open(w, a, j, p) : emulate(w, a, j, p, &cu);
}

static void work(void *ctx, int i, struct str *out)
{
	struct sweep *w = ctx;
	const struct point *p = &w->points[i];
	struct job *j = &w->s.jobs[p->job];
	const struct choice *c = &p->choices[p->group];
	struct arena *a = arena_create();
	struct toolchain_report t = {0};
	const char *why;

	plan_use(j, p->plan);
	for (int g = 0; g < j->partition->n_groups; g++)
		j->parts[g].choice = p->choices[g];
	why = try_point(w, a, j, &t);
	str_printf(out, "%s %s registers %d %d spilled %d stack %d: ",
		j->name, c->candidate->sketch->name, predicted_registers(a, c),
		t.registers, t.spill_bytes, t.stack_bytes);
	put_command(w, p, c, out);
	str_putc(out, '\n');
	if (why) {
		str_printf(out, "%s\n", why);
		put_command(w, p, c, out);
		str_putc(out, '\n');
	}
	arena_destroy(a);
}

/* ---- defaults ---- */

static void print_kernel(struct arena *a, const struct cuda_unit *u,
	const struct choice *c, const struct p_step *s)
{
	const struct cuda_operator *o = &u->operators[0];

	if (s->kernel)
		printf("%s %s %d %d %d %.3g\n", cuda_kernel_name(a, o,
			&o->variants[0], s), c->candidate->sketch->name,
			s->kernel->threads, s->kernel->min_blocks,
			predicted_registers(a, c), c->seconds);
}

/* How many steps of each kind the groups up to one have. */
struct end {
	int prepare, steps;
};

static void print_group(struct arena *a, const struct cuda_unit *u,
	const struct program *p, const struct choice *c, const struct end *from,
	const struct end *to)
{
	for (int i = from->prepare; i < to->prepare; i++)
		print_kernel(a, u, c, &p->prepare.v[i]);
	for (int i = from->steps; i < to->steps; i++)
		print_kernel(a, u, c, &p->steps.v[i]);
}

/* The kernels of a job with all sizes given, group by group. */
static bool print_default(struct session *s, struct job *j)
{
	struct arena *a = arena_create();
	struct cuda_unit u;
	struct program *p;
	struct end *ends;
	int n, *map;

	if (!plans_find(s, j))
		return false;
	n = j->partition->n_groups;
	ends = ARENA_ARRAY(a, (size_t)n + 1, struct end);
	p = program_of(a, j->op, j->partition, &map);
	for (int g = 0; g < n; g++) {
		const struct choice *c = &j->parts[g].choice;
		int values[c->candidate->space->n_tunables + 1];

		choices_values(c, a, values);
		program_build(c->candidate->sketch, &c->candidate->task, a,
			values, p);
		ends[g + 1] = (struct end){ p->prepare.n, p->steps.n };
	}
	u = emit_program(s, a, j, p);
	for (int g = 0; g < n; g++)
		print_group(a, &u, p, &j->parts[g].choice, &ends[g],
			&ends[g + 1]);
	arena_destroy(a);
	return true;
}

static bool print_defaults(struct session *s)
{
	bool ok = true;

	for (int i = 0; i < s->n_jobs; i++)
		ok &= s->jobs[i].general || print_default(s, &s->jobs[i]);
	return ok;
}

/* ---- the whole ---- */

static int report(struct sweep *w, const char **texts)
{
	int failed = 0, slow = 0, spilled = 0, under = 0;

	for (int i = 0; i < w->n; i++) {
		const char *text = texts[i] ? texts[i] :
			"FAIL the process ended without a word\n";
		const char *numbers = strstr(text, " registers ");
		int guess = 0, real = 0, spill = 0;

		fputs(text, stdout);
		failed += strstr(text, "FAIL ") != NULL;
		slow += strstr(text, "SLOW ") != NULL;
		if (numbers)
			sscanf(numbers, " registers %d %d spilled %d", &guess,
				&real, &spill);
		spilled += spill > 0;
		under += real > guess;
	}
	printf("%d points, %d failed, %d too slow to check, %d spilled, "
		"%d with more registers than predicted\n", w->n, failed, slow,
		spilled, under);
	return failed || !w->n;
}

int main(int argc, char **argv)
{
	static volatile sig_atomic_t never;
	struct arena *a = arena_create();
	struct options o;
	struct sweep *w = ARENA_NEW(a, struct sweep);
	const char **texts, *nvcc = getenv("NVCC");
	struct place place = {0};
	struct str text;
	struct rng r;
	bool ok = true;

	str_init(&text, a);
	if (options_read(a, argc, argv, &o, &text) != ASKED_COMPILE) {
		fputs(str_text(&text), stdout);
		return 1;
	}
	o.test = true;
	w->s = (struct session){ .a = a, .o = &o, .d = diag_create(a),
		.stop = &never, .nvcc = nvcc && *nvcc ? nvcc : NULL };
	place.target = target_named(o.targets.n ? o.targets.v[0] : "sm_90");
	place.gpu = gpu_for_target(place.target);
	w->s.places = &place;
	w->s.n_places = 1;
	ok = tool_load(&w->s);
	if (ok && !o.trials)
		ok = print_defaults(&w->s);
	rng_seed(&r, o.seed);
	for (int i = 0; ok && o.trials && i < w->s.n_jobs; i++)
		ok = add_job(w, i, &r);
	str_init(&text, a);
	diag_print(w->s.d, &text, false);
	fputs(str_text(&text), stdout);
	if (!ok || !o.trials)
		return !ok;
	texts = ARENA_ARRAY(a, (size_t)w->n + 1, const char *);
	o.jobs = o.jobs ? o.jobs : 1;
	workers_run(&w->s, w->n, work, w, texts);
	ok = !report(w, texts);
	arena_destroy(a);
	return !ok;
}
