/* SPDX-License-Identifier: MIT */
/* wpkc explain: its own options, and those of wpkc that say what is compiled. */
#include <stdio.h>
#include <string.h>

#include "driver/bought.h"
#include "driver/command.h"

static const char help[] =
	"usage: wpkc explain [options] FILE.wpk\n\n"
	"Says of each operator what its schedule is made of and what each number\n"
	"of it bought, by taking it away; why the other sketches lost; and why it\n"
	"is cut into kernels as it is. The schedule is the lock's, or else the one\n"
	"that wpkc takes without a search.\n\n"
	"  --records=FILE       measured times: a tuning database, or JSON lines as\n"
	"                       wpkdb export writes them; '-': standard input\n"
	"  --json               the same for programs\n"
	"  --help               this text\n\n"
	"Options of wpkc that say what is compiled: --op, --shape, --gpu, --target,\n"
	"--set, --lock, --no-lock, -I, --seed, --color, -q, -v.\n"
	"What an error code means tells wpkc --explain=E0401.\n";

/* What the command line says besides options of wpkc. */
struct asking {
	struct arena *a;
	struct options o;
	struct record_lines records;
	bool has_records, json;
	int n;
	char **args;
};

static bool refuse(const char *text)
{
	command_complain("explain", text);
	return false;
}

static bool add_records(struct asking *k, const char *path)
{
	const char *why = record_lines_read(k->a, path, &k->records);

	k->has_records = true;
	return !why || refuse(why);
}

/* Own options are taken out of the line. */
static bool own_options(struct asking *k, int argc, char **argv)
{
	static const char records[] = "--records";
	size_t n = sizeof records - 1;

	for (int i = 0; i < argc; i++) {
		const char *path = NULL;

		if (!strcmp(argv[i], "--json")) {
			k->json = true;
			continue;
		}
		if (strncmp(argv[i], records, n) ||
		    (argv[i][n] && argv[i][n] != '=')) {
			k->args[k->n++] = argv[i];
			continue;
		}
		path = argv[i][n] ? argv[i] + n + 1 : ++i < argc ? argv[i] :
			NULL;
		if (!path)
			return refuse("--records wants a file");
		if (!add_records(k, path))
			return false;
	}
	return true;
}

/* What writes or runs something is another command's. */
static const char *unwanted(const struct options *o)
{
	return o->tune ? "--tune" : o->check ? "--check" : o->test ? "--test" :
		o->emit ? "--emit" : o->output ? "-o" : o->header ? "-H" :
		o->dep ? "-MD" : o->frozen ? "--frozen" :
		options_of_search(o);
}

static bool explain_all(struct session *s, const struct asking *k,
	struct bought *all)
{
	for (int i = 0; i < s->n_jobs; i++) {
		all[i].records = k->has_records ? &k->records : NULL;
		if (!bought_explain(s, &s->jobs[i], &all[i]))
			return false;
	}
	return true;
}

static void print_all(struct session *s, const struct asking *k,
	const struct bought *all)
{
	struct str out;

	str_init(&out, s->a);
	if (k->json)
		bought_json(all, s->n_jobs, &out);
	for (int i = 0; i < s->n_jobs && !k->json; i++) {
		if (i && !all[i].job->dropped)
			str_puts(&out, "\n\n");
		bought_print(&all[i], &out);
	}
	fputs(str_text(&out), stdout);
}

static int explain(struct asking *k)
{
	const volatile int never = 0;
	struct session s = { .a = k->a, .o = &k->o, .d = diag_create(k->a),
		.stop = &never };
	struct bought *all;

	if (session_open(&s, false) && jobs_create(&s) && !diag_errors(s.d)) {
		all = ARENA_ARRAY(k->a, (size_t)s.n_jobs + 1, struct bought);
		if (explain_all(&s, k, all))
			print_all(&s, k, all);
	}
	session_diagnose(&s);
	return session_end(&s);
}

int bought_main(struct arena *a, int argc, char **argv)
{
	struct asking k = { .a = a,
		.args = ARENA_ARRAY(a, (size_t)argc + 2, char *) };
	int code;

	if (command_helps(argc, argv, help, &code))
		return code;
	k.args[k.n++] = "wpkc";
	if (!own_options(&k, argc, argv))
		return EXIT_USER;
	if (!command_options(a, "explain", k.n, k.args, unwanted, &k.o, &code))
		return code;
	return explain(&k);
}
