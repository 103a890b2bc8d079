/* SPDX-License-Identifier: MIT */
/* wpkc: the order of events. Options, sources, jobs, choices, programs,
 * outputs; each step says what went wrong and main turns it into an exit
 * code. The only place that prints. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/bought.h"
#include "driver/fmt.h"
#include "driver/merge.h"
#include "driver/paths.h"
#include "driver/reference.h"
#include "driver/reporting.h"
#include "driver/search.h"
#include "driver/session.h"
#include "driver/toolchain.h"

/* Set by SIGINT: searches end with what they have. A second one ends the
 * process. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "wpkc: error: %s\n", arena_vprintf(s->a, fmt, ap));
	va_end(ap);
	s->code = code;
	return false;
}

void session_say(const struct session *s, const char *fmt, ...)
{
	va_list ap;

	if (s->o->quiet)
		return;
	va_start(ap, fmt);
	fprintf(stderr, "wpkc: %s\n", arena_vprintf(s->a, fmt, ap));
	va_end(ap);
}

static bool use_color(const struct options *o)
{
	const char *no = getenv("NO_COLOR");

	if (o->color == COLOR_AUTO)
		return isatty(2) && !(no && *no);
	return o->color == COLOR_ALWAYS;
}

void session_diagnose(struct session *s)
{
	struct str out;

	str_init(&out, s->a);
	diag_print(s->d, &out, use_color(s->o));
	fputs(str_text(&out), stderr);
	if (diag_errors(s->d) && s->code == EXIT_DONE)
		s->code = EXIT_USER;
}

/* ---- sources ---- */

static void find_imports(struct session *s)
{
	string_list v = {0};
	const char *stdlib = paths_find(s->a, PATHS_STDLIB);

	for (int i = 0; i < s->o->dirs.n; i++)
		vec_push(s->a, &v, s->o->dirs.v[i]);
	if (stdlib)
		vec_push(s->a, &v, stdlib);
	vec_push(s->a, &v, NULL);
	s->import_dirs = v.v;
}

static struct source *standard_input(struct session *s)
{
	const char *why;
	struct source *src = source_read(s->a, "/dev/stdin", &why);

	if (!src) {
		session_fail(s, EXIT_USER, "cannot read standard input: %s", why);
		return NULL;
	}
	src->path = "<stdin>";
	return src;
}

static bool load(struct session *s)
{
	struct front_options fo = { s->import_dirs };

	if (strcmp(s->o->input, "-")) {
		s->unit = front_load(s->a, s->o->input, &fo, &s->files, s->d);
	} else {
		struct source *src = standard_input(s);

		if (src)
			s->unit = front_load_source(s->a, src, &fo, &s->files,
				s->d);
	}
	return s->unit != NULL;
}

static bool open_lock(struct session *s)
{
	s->lock = ARENA_NEW(s->a, struct lock);
	if (s->o->no_lock || (!s->o->lock && !strcmp(s->o->input, "-")))
		return !s->o->frozen || session_fail(s, EXIT_USER,
			"--frozen needs --lock FILE when the source is standard input");
	s->lock_path = s->o->lock ? s->o->lock :
		arena_printf(s->a, "%s.lock", s->o->input);
	return lockfile_read(s);
}

/* ---- choices ---- */

/* What else there was to choose from, for --emit=space; the choices stay. */
static bool find_others(struct session *s, struct job *j)
{
	const struct part *chosen = j->parts;

	if (!candidates_find(s, j))
		return candidates_report(s, j);
	for (int g = 0; g < j->partition->n_groups; g++)
		j->parts[g].choice = chosen[g].choice;
	return true;
}

/* What --frozen says of a job that the lock does not have as asked. */
static bool misses(struct session *s, const struct job *j, const char *why)
{
	const struct place *p = j->place;
	const char *known = why ? NULL : slice_known(s, j);
	const char *of = p->named || p->share ? arena_printf(s->a,
		" of %s%s", slice_text(s->a, p->share), p->named ?
		arena_printf(s->a, "GPU %s", p->named) : "the GPU") : "";

	if (known)
		why = arena_printf(s->a, "it has that for %s", known);
	return session_fail(s, EXIT_FROZEN, "%s has no %s schedule%s for "
		"'%s'%s%s: run wpkc --tune%s without --frozen", s->lock_path,
		p->target->name, of, j->name, why ? ": " : "", why ? why : "",
		p->share ? arena_printf(s->a, " --share=%d", p->share) : "");
}

/* The lock's schedule where it has one and --set says nothing; else the default,
 * except --frozen. */
static bool choose(struct session *s, struct job *j)
{
	const char *why = NULL;

	if (s->o->settings.n && !s->o->frozen)
		return plans_find(s, j);
	if (slice_choose(s, j, &why))
		return !s->o->emit || !(s->o->emit & EMIT_SPACE) ||
			find_others(s, j);
	if (s->o->frozen && (!j->optional || plans_prefer(s, j)))
		return misses(s, j, why);
	if (why)
		session_say(s, "%s: the lock's schedule is not used: %s", j->name,
			why);
	return plans_find(s, j);
}

static bool choose_all(struct session *s)
{
	bool ok = true;

	for (int i = 0; i < s->n_jobs; i++)
		ok &= choose(s, &s->jobs[i]);
	jobs_forget(s);
	return ok && s->code == EXIT_DONE;
}

static bool build_all(struct session *s)
{
	for (int i = 0; i < s->n_jobs; i++) {
		s->jobs[i].program = choices_program(s, s->a, &s->jobs[i]);
		if (!s->jobs[i].program)
			return false;
	}
	return true;
}

static bool only_ir(const struct options *o)
{
	return o->emit == EMIT_IR && !o->tune && !o->check && !o->header;
}

/* The partition that would be taken, where there are several. */
static void choose_plans(struct session *s)
{
	const char *why;

	for (int i = 0; i < s->n_jobs; i++)
		if (s->jobs[i].n_plans > 1 &&
		    !slice_choose(s, &s->jobs[i], &why))
			plans_prefer(s, &s->jobs[i]);
}

static bool compile(struct session *s)
{
	s->brief = !s->o->tune && !s->o->verbose && !(s->o->emit & EMIT_SPACE);
	if (s->o->test)
		return jobs_create_tests(s) && choose_all(s) && build_all(s) &&
			checks_test(s);
	if (!jobs_create(s) || diag_errors(s->d))
		return false;
	if (only_ir(s->o)) {
		choose_plans(s);
		return emit_outputs(s);
	}
	if (!(s->o->tune ? tune_jobs(s) : choose_all(s)) || !build_all(s))
		return false;
	if (s->o->check)
		return checks_run(s);
	return (!s->o->plan || s->o->calls || slice_others(s)) &&
		emit_outputs(s);
}

/* Options of a search say nothing without one. */
static bool searches(struct session *s)
{
	const struct options *o = s->o;
	const char *name = options_of_search(o);

	if (!o->tune && name)
		return session_fail(s, EXIT_USER, "%s is for a search: add "
			"--tune, or leave it out", name);
	return !o->no_db || (!o->db && !o->resume) || session_fail(s,
		EXIT_USER, "--no-db leaves nothing for %s",
		o->db ? "--db" : "--resume");
}

bool session_open(struct session *s, bool writes)
{
	s->how = "model";
	find_imports(s);
	s->nvcc = toolchain_nvcc(s->a);
	if (!open_lock(s))
		return false;
	places_choose(s);
	return (!writes || emit_possible(s)) && load(s) &&
		(!writes || emit_keeps(s));
}

static void run(struct session *s)
{
	if (!searches(s))
		return;
	if (session_open(s, true))
		compile(s);
	session_diagnose(s);
}

/* ---- commands ---- */

/* "wpkc NAME ...": other jobs than compiling; "run" returns the exit code. */
struct command {
	const char *name;
	int (*run)(struct arena *a, int argc, char **argv);
};

static const struct command *command_named(const char *name)
{
	static const struct command commands[] = {
		{ "explain", bought_main }, { "fmt", fmt_main },
		{ "merge", merge_main }, { "reference", reference_main },
		{ "report", report_main }, { "search", search_main },
	};

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Arenas come and go by the thousand: pages that one frees are for the next, and
 * the system need not clear them again. */
static void keep_pages(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 26);
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
}

/* Standard descriptors that whoever started wpkc closed: files and pipes opened
 * later must not take their place. */
static void hold_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR);
}

/* What could not be written does not count as done. */
int session_end(struct session *s)
{
	bool failed = ferror(stdout);

	if ((fflush(stdout) || failed) && s->code == EXIT_DONE)
		session_fail(s, EXIT_USER, "cannot write standard output: %s",
			strerror(errno));
	return s->code;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	struct options o;
	struct session s = { .a = a, .o = &o, .d = diag_create(a),
		.stop = &interrupted, .tty = isatty(2), .argc = argc,
		.argv = argv };
	struct sigaction on_interrupt = { .sa_handler = interrupt,
		.sa_flags = (int)SA_RESETHAND | SA_RESTART };
	const struct command *command;
	enum asked asked;
	struct str text;

	hold_descriptors();
	keep_pages();
	signal(SIGXFSZ, SIG_IGN);
	command = argc > 1 ? command_named(argv[1]) : NULL;
	if (command) {
		s.code = command->run(a, argc - 2, argv + 2);
		arena_destroy(a);
		return s.code;
	}
	str_init(&text, a);
	asked = options_read(a, argc, argv, &o, &text);
	if (asked == ASKED_TEXT) {
		fputs(str_text(&text), stdout);
	} else if (asked == ASKED_NOTHING) {
		fputs(str_text(&text), stderr);
		s.code = EXIT_USER;
	} else {
		sigaction(SIGINT, &on_interrupt, NULL);
		run(&s);
	}
	session_end(&s);
	arena_destroy(a);
	return s.code;
}
