/* SPDX-License-Identifier: MIT */
/* The table of options, with a function each that takes its value. */
#include "driver/options_table.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "driver/check.h"
#include "driver/version.h"
#include "schedule/target.h"
#include "search/search.h"

/* ---- values ---- */

static bool read_count(struct reading *r, const char *name, const char *v,
	long least, long most, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(v, &end, 10);
	if (!*v || *end || errno || *out < least || *out > most)
		return options_fail(r,
			"%s takes a whole number from %ld to %ld, not '%s'",
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
		return options_fail(r,
			"--time takes a duration such as 90s or 20m, not '%s'",
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
			return options_fail(r, "%s takes NAME=VALUE, not '%s'", name, p);
		*eq = '\0';
		if (shapes)
			vec_push(r->a, &r->o->shapes, s);
		else
			vec_push(r->a, &r->o->settings, s);
	}
	return true;
}

struct bit {
	const char *name;
	unsigned bit;
};

static const struct bit emits[] = {
	{ "ir", EMIT_IR }, { "space", EMIT_SPACE }, { "sched", EMIT_SCHED },
	{ "kernel", EMIT_KERNEL }, { "cu", EMIT_CU }, { "header", EMIT_HEADER },
	{ "ptx", EMIT_PTX }, { "manifest", EMIT_MANIFEST },
};

enum { N_EMITS = sizeof emits / sizeof *emits };

static bool is_row(const char *name, const struct bit *rows, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(name, rows[i].name))
			return true;
	return false;
}

/* Each word of the list "v" sets its bit. */
static bool add_bits(struct reading *r, const char *name, const char *v,
	const struct bit *rows, int n, unsigned *bits)
{
	char *copy = arena_strdup(r->a, v), *save = NULL;
	struct str known;

	str_init(&known, r->a);
	for (int i = 0; i < n; i++)
		str_printf(&known, "%s%s", i ? ", " : "", rows[i].name);
	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		unsigned before = *bits;

		for (int i = 0; i < n; i++)
			if (!strcmp(p, rows[i].name))
				*bits |= rows[i].bit;
		if (*bits == before && !is_row(p, rows, n))
			return options_fail(r, "%s knows %s, not '%s'", name,
				str_text(&known), p);
	}
	return *bits || options_fail(r, "%s wants some of %s", name,
		str_text(&known));
}

static bool set_emit(struct reading *r, const char *v)
{
	return add_bits(r, "--emit", v, emits, N_EMITS, &r->o->emit);
}

static bool set_modules(struct reading *r, const char *v)
{
	static const struct bit modules[] = { { "gpu", MODULES_GPU },
		{ "emu", MODULES_EMU } };

	r->o->modules = 0;
	return add_bits(r, "--modules", v, modules, 2, &r->o->modules);
}

void options_emits(struct str *out)
{
	for (int i = 0; i < N_EMITS; i++)
		str_printf(out, "%s\n", emits[i].name);
}

static bool unknown_target(struct reading *r, const char *v)
{
	struct str list;

	str_init(&list, r->a);
	for (const struct target *t = target_list(); t->name; t++)
		str_printf(&list, " %s", t->name);
	return options_fail(r, "unknown target '%s'; there are%s", v, str_text(&list));
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

static bool unknown_gpu(struct reading *r, const char *v)
{
	struct str list;

	str_init(&list, r->a);
	for (const struct gpu *g = gpu_list(); g->name; g++)
		str_printf(&list, " %s", g->name);
	return options_fail(r, "unknown GPU '%s'; there are%s", v, str_text(&list));
}

static bool set_gpu(struct reading *r, const char *v)
{
	char *copy = arena_strdup(r->a, v), *save = NULL;

	r->o->gpus = (string_list){0};
	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		if (!gpu_named(p))
			return unknown_gpu(r, p);
		vec_push(r->a, &r->o->gpus, p);
	}
	if (!r->o->gpus.n)
		return unknown_gpu(r, v);
	r->o->gpu = r->o->gpus.v[0];
	return true;
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

	r->o->tune = v ? v : "";
	if (!*r->o->tune || strategy_named(r->o->tune))
		return true;
	str_init(&list, r->a);
	for (const struct strategy *const *s = strategy_list(); *s; s++)
		str_printf(&list, " %s", (*s)->name);
	return options_fail(r, "unknown strategy '%s'; there are%s", v, str_text(&list));
}

/* "gpu", "gpu:1", "emu", "model" */
static bool set_measure(struct reading *r, const char *v)
{
	size_t n = !strncmp(v, "gpu:", 4) ? strspn(v + 4, "0123456789") : 0;

	r->o->measure = v;
	if (!strcmp(v, "model") || !strcmp(v, "emu") || !strcmp(v, "gpu") ||
	    (n && n < 4 && !v[4 + n]))
		return true;
	return options_fail(r, "--measure knows model, gpu, gpu:NUMBER and emu, "
		"not '%s'", v);
}

/* "25", "25:mps" */
static bool set_share(struct reading *r, const char *v)
{
	size_t n = strspn(v, "0123456789");
	long share;

	r->o->share_mps = !strcmp(v + n, ":mps");
	if (v[n] && !r->o->share_mps)
		return options_fail(r, "--share takes PERCENT or PERCENT:mps, "
			"not '%s'", v);
	if (!read_count(r, "--share", arena_strndup(r->a, v, n), 1, 100,
		&share))
		return false;
	r->o->share = (int)share;
	return true;
}

/* "compile=30,run=5,memory=2": seconds but for memory, which is GiB */
static bool set_limits(struct reading *r, const char *v)
{
	struct limits *l = &r->o->limits;
	char *copy = arena_strdup(r->a, v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(p, '='), *end = NULL;
		double x = eq ? strtod(eq + 1, &end) : 0;
		double *to = !eq ? NULL : !strncmp(p, "compile=", 8) ?
			&l->compile : !strncmp(p, "run=", 4) ? &l->run :
			!strncmp(p, "start=", 6) ? &l->start :
			!strncmp(p, "memory=", 7) ? &l->memory : NULL;

		if (!to || *end || !(x > 0) || x > 1e6)
			return options_fail(r, "--limits takes compile=, "
				"run= and start=SECONDS and memory=GIB, not '%s'",
				p);
		*to = to == &l->memory ? x * 0x1p30 : x;
	}
	return true;
}

static bool set_time(struct reading *r, const char *v)
{
	return read_seconds(r, v, &r->o->seconds);
}

static const struct bit checks[] = {
	{ "address", CHECK_ADDRESS }, { "race", CHECK_RACE },
	{ "init", CHECK_INIT }, { "bytes", CHECK_BYTES },
};

static bool set_check(struct reading *r, const char *v)
{
	r->o->check = true;
	if (v && !strcmp(v, "gpu"))
		return r->o->check_gpu = true;
	return !v || add_bits(r, "--check", v, checks, sizeof checks /
		sizeof *checks, &r->o->check_how);
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
		options_fail(r, "--color takes auto, always or never, not '%s'", v);
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
		return options_fail(r, "--list knows gpus, targets, sketches, "
			"strategies, directives, codes, emits, words and "
			"options, not '%s'", v);
	return ask(r);
}

static bool ask_explain(struct reading *r, const char *v)
{
	return explain_code(v, r->text) ? ask(r) :
		options_fail(r,
			"there is no error code '%s'; --list=codes lists them", v);
}

/* ---- the table ---- */

/* How an option is taken. */
#define SET(function) function, { OPTION_ELSE, 0, 0, 0 }
#define STORE(kind, field, least, most) \
	NULL, { kind, offsetof(struct options, field), least, most }
#define TEXT(field) STORE(OPTION_TEXT, field, 0, 0)
#define TRUE(field) STORE(OPTION_TRUE, field, 0, 0)
#define INT(field, least, most) STORE(OPTION_INT, field, least, most)
#define UINT64(field, least, most) STORE(OPTION_UINT64, field, least, most)

static const struct option table[] = {
	{ "-o", "FILE", VALUE,
		"write there; '-' is standard output (default: STEM.cu)",
		TEXT(output) },
	{ "-H", "FILE", VALUE,
		"write a C header for the launchers", TEXT(header) },
	{ "--plan", "FILE", VALUE,
		"write a plan for libwpk, and its modules beside it",
		TEXT(plan) },
	{ "--modules", "LIST", VALUE,
		"of the plan: gpu, emu (default: gpu, or none with --calls)",
		SET(set_modules) },
	{ "--calls", "FILE", VALUE,
		"write a table of the launchers, for plans without modules",
		TEXT(calls) },
	{ "--emit", "LIST", VALUE,
		"what to write: ir, space, sched, kernel, cu, header, ...",
		SET(set_emit) },
	{ "--target", "ARCHS", VALUE,
		"compile for sm_75 .. sm_121a (default: the GPU's)",
		SET(set_targets) },
	{ "--gpu", "NAMES", VALUE,
		"predict costs for it (default: h200, or the target's)",
		SET(set_gpu) },
	{ "--op", "NAMES", VALUE,
		"only these exported operators, with commas between",
		SET(add_op) },
	{ "--shape", "N=V", VALUE,
		"sizes the source leaves open", SET(add_shape) },
	{ "--set", "T=V", VALUE,
		"pin a tunable, as OP:T=V or OP.KERNEL:T=V for one",
		SET(add_setting) },
	{ "--tune", "STRATEGY", MAYBE,
		"search: auto, ga, bo, rl, random, ...", SET(set_tune) },
	{ "--measure", "WITH", VALUE,
		"gpu, gpu:1, emu, or model: predicted costs",
		SET(set_measure) },
	{ "--share", "PERCENT", VALUE,
		"schedules for a slice of the GPU", SET(set_share) },
	{ "--jobs", "N", VALUE,
		"searches side by side, each in a slice of the GPU",
		INT(side, 1, 16) },
	{ "--limits", "LIST", VALUE,
		"of a candidate: compile=SECONDS, run=SECONDS, memory=GIB",
		SET(set_limits) },
	{ "--candidates", "FILE", VALUE,
		"write a line for each one measured", TEXT(candidates) },
	{ "--db", "FILE", VALUE,
		"the tuning database (default: the user's, see wpkdb)",
		TEXT(db) },
	{ "--no-db", NULL, NOTHING,
		"neither read nor keep what is measured", TRUE(no_db) },
	{ "--resume", NULL, NOTHING,
		"go on with the search that was cut short", TRUE(resume) },
	{ "--trials", "N", VALUE,
		"candidates of each operator (default 2000)",
		INT(trials, 1, 100000000) },
	{ "--time", "DURATION", VALUE,
		"of all searches together: 90s, 20m (default 60s)",
		SET(set_time) },
	{ "--seed", "N", VALUE,
		"of the search; equal seeds, equal results",
		UINT64(seed, 0, LONG_MAX) },
	{ "--effort", "1..10", VALUE,
		"population of ga (default 5)", INT(effort, 1, 10) },
	{ "--lock", "FILE", VALUE,
		"lock file (default: source's name + .lock)", TEXT(lock) },
	{ "--no-lock", NULL, NOTHING,
		"neither read nor write a lock file", TRUE(no_lock) },
	{ "--frozen", NULL, NOTHING,
		"fail unless the lock has every schedule", TRUE(frozen) },
	{ "--check", "HOW", MAYBE,
		"run the kernels on the CPU against the reference",
		SET(set_check) },
	{ "--test", NULL, NOTHING,
		"run the file's test blocks on the CPU, as TAP", TRUE(test) },
	{ "--no-verify", NULL, NOTHING,
		"do not prove the winners of --tune", TRUE(no_verify) },
	{ "-j", "N", VALUE,
		"checks or compilers at once (default: processors)",
		INT(jobs, 1, 1024) },
	{ "-I", "DIR", VALUE, "search imports there too", SET(add_dir) },
	{ "-MD", NULL, NOTHING,
		"write a depfile beside the output", TRUE(dep) },
	{ "-MF", "FILE", VALUE, "write the depfile there", SET(set_dep_file) },
	{ "-MT", "TARGET", VALUE,
		"name the depfile's target", SET(set_dep_target) },
	{ "--color", "WHEN", VALUE, "auto, always, never", SET(set_color) },
	{ "-q", NULL, NOTHING, "say nothing but errors", TRUE(quiet) },
	{ "-v", NULL, NOTHING,
		"say which sketches apply and why not", TRUE(verbose) },
	{ "--verify", NULL, NOTHING,
		"verify the program after every pass", TRUE(verify_passes) },
	{ "--list", "WHAT", VALUE,
		"gpus, targets, sketches, strategies, directives, codes, emits,\n"
		"                       words, options", SET(ask_list) },
	{ "--explain", "CODE", VALUE,
		"what E0401 in a message means\n"
		"                       (of a schedule: wpkc explain)",
		SET(ask_explain) },
	{ "--help", NULL, NOTHING, "this text", SET(ask_help) },
	{ "--version", NULL, NOTHING, "the version", SET(ask_version) },
};

const struct option *options_table(int *n)
{
	*n = sizeof table / sizeof *table;
	return table;
}
