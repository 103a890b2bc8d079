/* SPDX-License-Identifier: MIT */
/* The command line: words against the table, response files, and what options
 * must not say together. Comes in: argv. Goes out: struct options, or the text
 * to print. */
#include "driver/options_table.h"

#include <stdio.h>
#include <string.h>

#include "base/source.h"
#include "schedule/target.h"

bool options_fail(struct reading *r, const char *fmt, ...)
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

/* ---- lists ---- */

void options_list(struct str *out)
{
	int n;
	const struct option *table = options_table(&n);

	for (int i = 0; i < n; i++)
		str_printf(out, "%s\n", table[i].name);
}

void options_help(struct str *out)
{
	int n;
	const struct option *table = options_table(&n);

	str_puts(out,
		"usage: wpkc [options] FILE.wpk\n"
		"       wpkc fmt [--check] FILE.wpk...\n"
		"       wpkc merge BASE OURS THEIRS\n"
		"       wpkc explain [options] FILE.wpk\n"
		"       wpkc reference [options] FILE.wpk --to=DIR\n"
		"       wpkc report [-o FILE.html] [RECORDS]...\n"
		"       wpkc search --replay=FILE [options]\n\n"
		"  wpkc conv.wpk -o conv.cu                  compile\n"
		"  wpkc conv.wpk --tune=ga -o conv.cu        "
		"search schedules, prove the winners\n"
		"  wpkc conv.wpk --frozen -MD -o conv.cu     "
		"in a build: only what the lock has\n"
		"  wpkc conv.wpk --check=address             run the kernels on the CPU\n"
		"  wpkc mm.wpk --shape M=4096,N=4096,K=4096 --gpu=a100 --emit=sched\n"
		"  wpkc mm.wpk --set tile.block.i=128 --emit=kernel\n"
		"  wpkc fmt conv.wpk                         lay the source out\n"
		"  wpkc explain conv.wpk                     "
		"what its schedules' numbers bought\n"
		"  wpkc reference conv.wpk --to=right        "
		"inputs, and what must come of them\n"
		"  wpkc report -o tuning.html                "
		"what searches found, as a page\n"
		"  wpkc @args conv.wpk                       "
		"with the options in the file args\n\n");
	for (int i = 0; i < n; i++) {
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

const struct option *options_find(const char *arg, const char **value)
{
	int n_options;
	const struct option *table = options_table(&n_options);

	for (int i = 0; i < n_options; i++) {
		const char *name = table[i].name;
		bool joined = name[1] != '-' && strlen(name) == 2 &&
			table[i].takes == VALUE;

		if (option_is(arg, name, joined, value))
			return &table[i];
	}
	return NULL;
}

static const char *nearest_option(struct arena *a, const char *arg)
{
	int n_options;
	const struct option *table = options_table(&n_options);
	const char **names = ARENA_ARRAY(a, (size_t)n_options + 1, const char *);

	for (int i = 0; i < n_options; i++)
		names[i] = table[i].name;
	names[n_options] = NULL;
	return str_nearest(arena_strndup(a, arg, strcspn(arg, "=")), names);
}

static bool read_args(struct reading *r, int n, const char *const *v);

static bool read_option(struct reading *r, int n, const char *const *v, int *i)
{
	const char *arg = v[*i], *value, *near;
	char wants[100];
	const struct option *o = options_find(arg, &value);

	if (!o) {
		near = nearest_option(r->a, arg);
		return options_fail(r, "unknown option '%s'%s%s%s", arg,
			near ? "; did you mean '" : "", near ? near : "",
			near ? "'?" : "");
	}
	if (o->takes == NOTHING && value)
		return options_fail(r, "%s takes no value", o->name);
	if (o->takes == VALUE && !value) {
		if (*i + 1 >= n)
			return options_fail(r, "%s wants a value: %s", o->name, o->value);
		value = v[++*i];
	}
	if (o->set)
		return o->set(r, value);
	return option_store(&o->store, r->o, value, wants) ||
		options_fail(r, "%s takes %s, not '%s'", o->name, wants, value);
}

/* Words of a response file: separated by white space, quoted with ' or ". */
static bool read_response(struct reading *r, const char *path)
{
	const char *why;
	struct source *s = source_read(r->a, path, &why);
	string_list words = {0};
	struct str w;

	if (!s)
		return options_fail(r, "cannot read response file '%s': %s", path, why);
	if (r->depth > 8)
		return options_fail(r, "response file '%s' includes itself", path);
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
			return options_fail(r,
				"response file '%s' has an open quote", path);
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
			return options_fail(r, "one source at a time: '%s' and '%s'",
				r->o->input, v[i]);
		} else {
			r->o->input = v[i];
		}
	}
	return true;
}

static bool fits_a_target(const struct options *o, const char *gpu)
{
	for (int i = 0; i < o->targets.n; i++)
		if (target_named(o->targets.v[i])->cc == gpu_named(gpu)->cc)
			return true;
	return !o->targets.n;
}

static bool gpus_fit(struct reading *r)
{
	const struct options *o = r->o;

	for (int i = 0; i < o->gpus.n; i++)
		if (!fits_a_target(o, o->gpus.v[i]))
			return options_fail(r, "%s is an %s, not an %s",
				o->gpus.v[i], gpu_named(o->gpus.v[i])->arch,
				o->targets.v[0]);
	return true;
}

static bool consistent(struct reading *r)
{
	const struct options *o = r->o;
	bool to_file = o->output && strcmp(o->output, "-");

	if (!o->input)
		return options_fail(r,
			"no source file; wpkc --help shows how to call it");
	if (o->frozen && o->tune)
		return options_fail(r, "--frozen and --tune exclude each other: one "
			"forbids search, the other is one");
	if (o->frozen && o->no_lock)
		return options_fail(r,
			"--frozen needs a lock file, --no-lock forbids it");
	if (o->lock && o->no_lock)
		return options_fail(r, "--lock and --no-lock exclude each other");
	if (o->test && (o->check || o->tune || o->frozen))
		return options_fail(r,
			"--test goes without --check, --tune and --frozen");
	if ((o->check || o->test) && (o->output || o->header || o->dep || o->emit))
		return options_fail(r, "--check and --test write no output: leave out "
			"-o, -H, -MD and --emit");
	if (o->check && o->tune)
		return options_fail(r, "--check and --tune exclude each other: --tune "
			"proves its winners itself");
	if (o->tune && o->emit & ~(unsigned)(EMIT_CU | EMIT_HEADER | EMIT_PTX |
			EMIT_SCHED | EMIT_KERNEL | EMIT_MANIFEST))
		return options_fail(r, "--tune goes with --emit=cu, header, manifest, "
			"sched, kernel or ptx");
	if (o->dep_targets.n && !o->dep)
		return options_fail(r,
			"-MT names the target of a depfile: add -MD or -MF FILE");
	if (o->dep && !o->dep_file && !to_file && o->output)
		return options_fail(r, "-MD with -o - needs -MF FILE");
	if (o->emit & EMIT_PTX && o->targets.n > 1)
		return options_fail(r, "--emit=ptx is for one target at a time");
	return gpus_fit(r);
}

enum asked options_read(struct arena *a, int argc, char **argv,
	struct options *o, struct str *text)
{
	struct reading r = { .a = a, .o = o, .text = text };

	*o = (struct options){ .seed = 1 };
	if (read_args(&r, argc - 1, (const char *const *)argv + 1))
		consistent(&r);
	return r.asked;
}

static bool has_limits(const struct limits *l)
{
	return l->compile > 0 || l->run > 0 || l->start > 0 || l->memory > 0;
}

const char *options_of_search(const struct options *o)
{
	return o->trials ? "--trials" : o->seconds > 0 ? "--time" :
		o->effort ? "--effort" : o->measure ? "--measure" :
		o->share_mps ? "--share=PERCENT:mps" :
		has_limits(&o->limits) ? "--limits" :
		o->side ? "--jobs" : o->candidates ? "--candidates" :
		o->db ? "--db" : o->no_db ? "--no-db" :
		o->resume ? "--resume" : NULL;
}
