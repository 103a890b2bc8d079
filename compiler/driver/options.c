/* SPDX-License-Identifier: MIT */
/* The command line: one table of options, response files, and what the pieces
 * must not say together. Comes in: argv. Goes out: struct options, or the text
 * to print. */
#include "driver/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "driver/check.h"
#include "driver/version.h"
#include "schedule/target.h"
#include "search/search.h"

struct reading {
	struct arena *a;
	struct options *o;
	struct str *text;
	enum asked asked;
	int depth;		/* of response files */
};

static bool fail(struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_puts(r->text, "wpkc: error: ");
	str_vprintf(r->text, fmt, ap);
	str_putc(r->text, '\n');
	va_end(ap);
	r->asked = ASKED_NOTHING;
	return false;
}

/* ---- values ---- */

static bool read_count(struct reading *r, const char *name, const char *v,
	long least, long most, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(v, &end, 10);
	if (!*v || *end || errno || *out < least || *out > most)
		return fail(r, "%s takes a whole number from %ld to %ld, not '%s'",
			name, least, most, v);
	return true;
}

/* "90", "90s", "20m", "1h" */
static bool read_seconds(struct reading *r, const char *v, double *out)
{
	char *end;

	*out = strtod(v, &end);
	if (end != v && *end && !end[1]) {
		*out *= *end == 'm' ? 60 : *end == 'h' ? 3600 :
			*end == 's' ? 1 : -1;
		end++;
	}
	if (end == v || *end || !(*out > 0) || *out > 1e9)
		return fail(r, "--time takes a duration such as 90s or 20m, not '%s'",
			v);
	return true;
}

static bool add_settings(struct reading *r, const char *name, const char *v,
	bool shapes)
{
	char *copy = arena_strdup(r->a, v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(p, '=');
		struct setting s = { p, eq ? eq + 1 : NULL };

		if (!eq || eq == p || !eq[1])
			return fail(r, "%s takes NAME=VALUE, not '%s'", name, p);
		*eq = '\0';
		if (shapes)
			vec_push(r->a, &r->o->shapes, s);
		else
			vec_push(r->a, &r->o->settings, s);
	}
	return true;
}

static bool set_output(struct reading *r, const char *v)
{
	r->o->output = v;
	return true;
}

static bool set_header(struct reading *r, const char *v)
{
	r->o->header = v;
	return true;
}

static const struct { const char *name; unsigned bit; } emits[] = {
	{ "ir", EMIT_IR }, { "space", EMIT_SPACE }, { "sched", EMIT_SCHED },
	{ "kernel", EMIT_KERNEL }, { "cu", EMIT_CU }, { "header", EMIT_HEADER },
	{ "ptx", EMIT_PTX }, { "manifest", EMIT_MANIFEST },
};

static bool set_emit(struct reading *r, const char *v)
{
	char *copy = arena_strdup(r->a, v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof emits / sizeof *emits; i++)
			if (!strcmp(p, emits[i].name))
				bit = emits[i].bit;
		if (!bit)
			return fail(r, "--emit knows ir, space, sched, kernel, "
				"cu, header, manifest and ptx, not '%s'",
				p);
		r->o->emit |= bit;
	}
	return r->o->emit || fail(r, "--emit wants a list: what to write");
}

static bool unknown_target(struct reading *r, const char *v)
{
	struct str list;

	str_init(&list, r->a);
	for (const struct target *t = target_list(); t->name; t++)
		str_printf(&list, " %s", t->name);
	return fail(r, "unknown target '%s'; there are%s", v, str_text(&list));
}

/* Each --target is a list of its own; the last one counts. */
static bool set_targets(struct reading *r, const char *v)
{
	char *copy = arena_strdup(r->a, v), *save = NULL;

	r->o->targets.n = 0;
	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		if (!target_named(p))
			return unknown_target(r, p);
		vec_push(r->a, &r->o->targets, p);
	}
	return r->o->targets.n || unknown_target(r, v);
}

static bool set_gpu(struct reading *r, const char *v)
{
	struct str list;

	r->o->gpu = v;
	if (gpu_named(v))
		return true;
	str_init(&list, r->a);
	for (const struct gpu *g = gpu_list(); g->name; g++)
		str_printf(&list, " %s", g->name);
	return fail(r, "unknown GPU '%s'; there are%s", v, str_text(&list));
}

static bool add_op(struct reading *r, const char *v)
{
	char *copy = arena_strdup(r->a, v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save))
		vec_push(r->a, &r->o->ops, p);
	return true;
}

static bool add_shape(struct reading *r, const char *v)
{
	return add_settings(r, "--shape", v, true);
}

static bool add_setting(struct reading *r, const char *v)
{
	return add_settings(r, "--set", v, false);
}

static bool set_tune(struct reading *r, const char *v)
{
	struct str list;

	r->o->tune = v && *v ? v : "ga";
	if (strategy_named(r->o->tune))
		return true;
	str_init(&list, r->a);
	for (const struct strategy *const *s = strategy_list(); *s; s++)
		str_printf(&list, " %s", (*s)->name);
	return fail(r, "unknown strategy '%s'; there are%s", v, str_text(&list));
}

static bool set_measure(struct reading *r, const char *v)
{
	r->o->measure = v;
	if (!strcmp(v, "model"))
		return true;
	return fail(r, "--measure knows 'model', not '%s'; this version "
		"measures on no GPU",
		v);
}

static bool set_trials(struct reading *r, const char *v)
{
	long n;

	if (!read_count(r, "--trials", v, 1, 100000000, &n))
		return false;
	r->o->trials = (int)n;
	return true;
}

static bool set_effort(struct reading *r, const char *v)
{
	long n;

	if (!read_count(r, "--effort", v, 1, 10, &n))
		return false;
	r->o->effort = (int)n;
	return true;
}

static bool set_time(struct reading *r, const char *v)
{
	return read_seconds(r, v, &r->o->seconds);
}

static bool set_seed(struct reading *r, const char *v)
{
	long n;

	if (!read_count(r, "--seed", v, 0, LONG_MAX, &n))
		return false;
	r->o->seed = (uint64_t)n;
	return true;
}

static bool set_lock(struct reading *r, const char *v)
{
	r->o->lock = v;
	return true;
}

static bool set_no_lock(struct reading *r, const char *v)
{
	(void)v;
	return r->o->no_lock = true;
}

static bool set_frozen(struct reading *r, const char *v)
{
	(void)v;
	return r->o->frozen = true;
}

static const struct { const char *name; unsigned bit; } checks[] = {
	{ "address", CHECK_ADDRESS }, { "race", CHECK_RACE },
	{ "init", CHECK_INIT }, { "bytes", CHECK_BYTES },
};

static bool set_check(struct reading *r, const char *v)
{
	char *copy = arena_strdup(r->a, v ? v : ""), *save = NULL;

	r->o->check = true;
	if (v && !strcmp(v, "gpu"))
		return r->o->check_gpu = true;
	if (v && !*v)
		return fail(r, "--check= wants what to look for");
	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
			if (!strcmp(p, checks[i].name))
				bit = checks[i].bit;
		if (!bit)
			return fail(r, "--check takes address, race, init and "
				"bytes, or gpu alone, not '%s'", p);
		r->o->check_how |= bit;
	}
	return true;
}

static bool set_test(struct reading *r, const char *v)
{
	(void)v;
	return r->o->test = true;
}

static bool set_no_verify(struct reading *r, const char *v)
{
	(void)v;
	return r->o->no_verify = true;
}

static bool set_jobs(struct reading *r, const char *v)
{
	long n;

	if (!read_count(r, "-j", v, 1, 1024, &n))
		return false;
	r->o->jobs = (int)n;
	return true;
}

static bool set_dep(struct reading *r, const char *v)
{
	(void)v;
	return r->o->dep = true;
}

static bool set_dep_file(struct reading *r, const char *v)
{
	r->o->dep_file = v;
	return r->o->dep = true;
}

static bool set_dep_target(struct reading *r, const char *v)
{
	vec_push(r->a, &r->o->dep_targets, v);
	return true;
}

static bool add_dir(struct reading *r, const char *v)
{
	vec_push(r->a, &r->o->dirs, v);
	return true;
}

static bool set_color(struct reading *r, const char *v)
{
	r->o->color = !strcmp(v, "always") ? COLOR_ALWAYS :
		!strcmp(v, "never") ? COLOR_NEVER : COLOR_AUTO;
	return r->o->color != COLOR_AUTO || !strcmp(v, "auto") ||
		fail(r, "--color takes auto, always or never, not '%s'", v);
}

static bool set_quiet(struct reading *r, const char *v)
{
	(void)v;
	return r->o->quiet = true;
}

static bool set_verbose(struct reading *r, const char *v)
{
	(void)v;
	return r->o->verbose = true;
}

static bool set_verify_passes(struct reading *r, const char *v)
{
	(void)v;
	return r->o->verify_passes = true;
}

static bool ask(struct reading *r)
{
	r->asked = ASKED_TEXT;
	return true;
}

static bool ask_help(struct reading *r, const char *v)
{
	(void)v;
	options_help(r->text);
	return ask(r);
}

static bool ask_version(struct reading *r, const char *v)
{
	(void)v;
	str_printf(r->text, "wpkc %s\n", WPK_VERSION);
	return ask(r);
}

static bool ask_list(struct reading *r, const char *v)
{
	if (!strcmp(v, "options"))
		options_list(r->text);
	else if (!lists_print(v, r->text))
		return fail(r, "--list knows gpus, targets, sketches, "
			"strategies, directives, codes and options, not '%s'",
			v);
	return ask(r);
}

static bool ask_explain(struct reading *r, const char *v)
{
	return explain_code(v, r->text) ? ask(r) :
		fail(r, "there is no error code '%s'; --list=codes lists them", v);
}

/* ---- the table ---- */

enum takes { NOTHING, VALUE, MAYBE };

static const struct option {
	const char *name, *value;
	enum takes takes;
	bool (*set)(struct reading *r, const char *v);
	const char *help;
} table[] = {
	{ "-o", "FILE", VALUE, set_output,
		"write there; '-' is standard output (default: STEM.cu)" },
	{ "-H", "FILE", VALUE, set_header, "write a C header for the launchers" },
	{ "--emit", "LIST", VALUE, set_emit,
		"what to write: ir, space, sched, kernel, cu, header, ..." },
	{ "--target", "ARCHS", VALUE, set_targets,
		"compile for sm_75 .. sm_121a (default: the GPU's)" },
	{ "--gpu", "NAME", VALUE, set_gpu,
		"predict costs for it (default: h200, or the target's)" },
	{ "--op", "NAMES", VALUE, add_op,
		"only these exported operators, with commas between" },
	{ "--shape", "N=V", VALUE, add_shape, "sizes the source leaves open" },
	{ "--set", "T=V", VALUE, add_setting,
		"pin a tunable, as OP:T=V for one operator" },
	{ "--tune", "STRATEGY", MAYBE, set_tune, "search: ga, random, exhaustive, ..." },
	{ "--measure", "WITH", VALUE, set_measure,
		"model: predicted costs (the default)" },
	{ "--trials", "N", VALUE, set_trials,
		"candidates of each operator (default 2000)" },
	{ "--time", "DURATION", VALUE, set_time,
		"of all searches together: 90s, 20m (default 60s)" },
	{ "--seed", "N", VALUE, set_seed, "of the search; equal seeds, equal results" },
	{ "--effort", "1..10", VALUE, set_effort, "population of ga (default 5)" },
	{ "--lock", "FILE", VALUE, set_lock,
		"lock file (default: source's name + .lock)" },
	{ "--no-lock", NULL, NOTHING, set_no_lock, "neither read nor write a lock file" },
	{ "--frozen", NULL, NOTHING, set_frozen,
		"fail unless the lock has every schedule" },
	{ "--check", "HOW", MAYBE, set_check,
		"run the kernels on the CPU against the reference" },
	{ "--test", NULL, NOTHING, set_test,
		"run the file's test blocks on the CPU, as TAP" },
	{ "--no-verify", NULL, NOTHING, set_no_verify,
		"do not prove the winners of --tune" },
	{ "-j", "N", VALUE, set_jobs, "checks at once (default: processors)" },
	{ "-I", "DIR", VALUE, add_dir, "search imports there too" },
	{ "-MD", NULL, NOTHING, set_dep, "write a depfile beside the output" },
	{ "-MF", "FILE", VALUE, set_dep_file, "write the depfile there" },
	{ "-MT", "TARGET", VALUE, set_dep_target, "name the depfile's target" },
	{ "--color", "WHEN", VALUE, set_color, "auto, always, never" },
	{ "-q", NULL, NOTHING, set_quiet, "say nothing but errors" },
	{ "-v", NULL, NOTHING, set_verbose, "say which sketches apply and why not" },
	{ "--verify", NULL, NOTHING, set_verify_passes,
		"verify the program after every pass" },
	{ "--list", "WHAT", VALUE, ask_list,
		"gpus, targets, sketches, strategies, directives, codes, options" },
	{ "--explain", "CODE", VALUE, ask_explain, "what E0401 in a message means" },
	{ "--help", NULL, NOTHING, ask_help, "this text" },
	{ "--version", NULL, NOTHING, ask_version, "the version" },
};

enum { N_OPTIONS = sizeof table / sizeof *table };

void options_list(struct str *out)
{
	for (int i = 0; i < N_OPTIONS; i++)
		str_printf(out, "%s\n", table[i].name);
}

void options_help(struct str *out)
{
	str_puts(out,
		"usage: wpkc [options] FILE.wpk\n\n"
		"  wpkc conv.wpk -o conv.cu                  compile\n"
		"  wpkc conv.wpk --tune=ga -o conv.cu        "
		"search schedules, prove the winners\n"
		"  wpkc conv.wpk --frozen -MD -o conv.cu     "
		"in a build: only what the lock has\n"
		"  wpkc conv.wpk --check=address             run the kernels on the CPU\n"
		"  wpkc mm.wpk --shape M=4096,N=4096,K=4096 --gpu=a100 --emit=sched\n"
		"  wpkc mm.wpk --set tile.block.i=128 --emit=kernel\n\n");
	for (int i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &table[i];
		bool is_long = o->name[1] == '-';
		char left[40];

		snprintf(left, sizeof left, "%s%s%s%s", o->name, !o->value ? "" :
			o->takes == MAYBE ? "[=" : is_long ? "=" : " ",
			o->value ? o->value : "",
			o->value && o->takes == MAYBE ? "]" : "");
		str_printf(out, "  %-20s %s\n", left, o->help);
	}
	str_puts(out, "\nExit: 0 done, 1 your mistake, 2 no legal candidate, 3 "
		"--frozen miss,\n"
		"4 verification failed, 5 internal error. man wpkc, man 7 wpk.\n");
}

/* ---- reading ---- */

static const struct option *find_option(const char *arg, const char **value)
{
	for (int i = 0; i < N_OPTIONS; i++) {
		size_t n = strlen(table[i].name);
		bool joined = table[i].name[1] != '-' && n == 2 &&
			table[i].takes == VALUE;

		*value = NULL;
		if (!strcmp(arg, table[i].name))
			return &table[i];
		if (strncmp(arg, table[i].name, n))
			continue;
		*value = arg + n + (arg[n] == '=');
		if (arg[n] == '=' || joined)
			return &table[i];
	}
	return NULL;
}

static const char *nearest_option(struct arena *a, const char *arg)
{
	const char *names[N_OPTIONS + 1];

	for (int i = 0; i < N_OPTIONS; i++)
		names[i] = table[i].name;
	names[N_OPTIONS] = NULL;
	return str_nearest(arena_strndup(a, arg, strcspn(arg, "=")), names);
}

static bool read_args(struct reading *r, int n, const char *const *v);

static bool read_option(struct reading *r, int n, const char *const *v, int *i)
{
	const char *arg = v[*i], *value, *near;
	const struct option *o = find_option(arg, &value);

	if (!o) {
		near = nearest_option(r->a, arg);
		return fail(r, "unknown option '%s'%s%s%s", arg,
			near ? "; did you mean '" : "", near ? near : "",
			near ? "'?" : "");
	}
	if (o->takes == NOTHING && value)
		return fail(r, "%s takes no value", o->name);
	if (o->takes == VALUE && !value) {
		if (*i + 1 >= n)
			return fail(r, "%s wants a value: %s", o->name, o->value);
		value = v[++*i];
	}
	return o->set(r, value);
}

/* Words of a response file: separated by white space, quoted with ' or ". */
static bool read_response(struct reading *r, const char *path)
{
	const char *why;
	struct source *s = source_read(r->a, path, &why);
	string_list words = {0};
	struct str w;

	if (!s)
		return fail(r, "cannot read response file '%s': %s", path, why);
	if (r->depth > 8)
		return fail(r, "response file '%s' includes itself", path);
	for (size_t i = 0; i < s->len;) {
		char quote = 0;

		if (strchr(" \t\r\n", s->text[i])) {
			i++;
			continue;
		}
		str_init(&w, r->a);
		for (; i < s->len && (quote || !strchr(" \t\r\n", s->text[i])); i++) {
			char c = s->text[i];

			if (quote ? c == quote : c == '"' || c == '\'')
				quote = quote ? 0 : c;
			else
				str_putc(&w, c);
		}
		if (quote)
			return fail(r, "response file '%s' has an open quote", path);
		vec_push(r->a, &words, str_text(&w));
	}
	r->depth++;
	return read_args(r, words.n, words.v);
}

static bool read_args(struct reading *r, int n, const char *const *v)
{
	bool only_files = false;

	for (int i = 0; i < n; i++) {
		if (!only_files && !strcmp(v[i], "--")) {
			only_files = true;
		} else if (!only_files && v[i][0] == '@' && v[i][1]) {
			if (!read_response(r, v[i] + 1))
				return false;
		} else if (!only_files && v[i][0] == '-' && v[i][1]) {
			if (!read_option(r, n, v, &i) || r->asked == ASKED_TEXT)
				return false;
		} else if (r->o->input) {
			return fail(r, "one source at a time: '%s' and '%s'",
				r->o->input, v[i]);
		} else {
			r->o->input = v[i];
		}
	}
	return true;
}

static bool fits_a_target(const struct options *o)
{
	for (int i = 0; i < o->targets.n; i++)
		if (target_named(o->targets.v[i])->cc == gpu_named(o->gpu)->cc)
			return true;
	return !o->targets.n;
}

static bool consistent(struct reading *r)
{
	const struct options *o = r->o;
	bool to_file = o->output && strcmp(o->output, "-");

	if (!o->input)
		return fail(r, "no source file; wpkc --help shows how to call it");
	if (o->frozen && o->tune)
		return fail(r, "--frozen and --tune exclude each other: one "
			"forbids search, the other is one");
	if (o->frozen && o->no_lock)
		return fail(r, "--frozen needs a lock file, --no-lock forbids it");
	if (o->lock && o->no_lock)
		return fail(r, "--lock and --no-lock exclude each other");
	if (o->test && (o->check || o->tune || o->frozen))
		return fail(r, "--test goes without --check, --tune and --frozen");
	if ((o->check || o->test) && (o->output || o->header || o->dep || o->emit))
		return fail(r, "--check and --test write no output: leave out "
			"-o, -H, -MD and --emit");
	if (o->check && o->tune)
		return fail(r, "--check and --tune exclude each other: --tune "
			"proves its winners itself");
	if (o->tune && o->emit & ~(unsigned)(EMIT_CU | EMIT_HEADER | EMIT_PTX |
			EMIT_SCHED | EMIT_KERNEL | EMIT_MANIFEST))
		return fail(r, "--tune goes with --emit=cu, header, manifest, "
			"sched, kernel or ptx");
	if (o->dep_targets.n && !o->dep)
		return fail(r, "-MT names the target of a depfile: add -MD or -MF FILE");
	if (o->dep && !o->dep_file && !to_file && o->output)
		return fail(r, "-MD with -o - needs -MF FILE");
	if (o->gpu && !fits_a_target(o))
		return fail(r, "%s is an %s, not an %s", o->gpu,
			gpu_named(o->gpu)->arch, o->targets.v[0]);
	if (o->emit & EMIT_PTX && o->targets.n > 1)
		return fail(r, "--emit=ptx is for one target at a time");
	return true;
}

enum asked options_read(struct arena *a, int argc, char **argv,
	struct options *o, struct str *text)
{
	struct reading r = { .a = a, .o = o, .text = text };

	*o = (struct options){ .measure = "model", .effort = 5, .seed = 1 };
	if (read_args(&r, argc - 1, (const char *const *)argv + 1))
		consistent(&r);
	return r.asked;
}
