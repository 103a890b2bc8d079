/* SPDX-License-Identifier: MIT */
/* Options of wpkdb: one table, from which parsing, help and completion follow. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wpkdb/wpkdb.h"

struct option {
	const char *name, *value;	/* NULL: takes none */
	unsigned takes;			/* of which commands */
	bool (*set)(struct wpkdb *w, const char *v);
	const char *help;
};

static bool bad(struct wpkdb *w, const char *wanted, const char *v)
{
	wpkdb_fail(w, EXIT_USER, "%s, not '%s'", wanted, v);
	return false;
}

static bool read_number(const char *v, long least, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(v, &end, 10);
	return end != v && !*end && !errno && *out >= least &&
		*v >= '0' && *v <= '9';
}

static bool read_int(struct wpkdb *w, const char *v, int least, int *out,
	const char *what)
{
	int64_t n;

	if (!read_number(v, least, &n) || n > INT_MAX)
		return bad(w, what, v);
	*out = (int)n;
	return true;
}

static bool set_database(struct wpkdb *w, const char *v)
{
	w->path = v;
	return true;
}

static bool read_hash(struct wpkdb *w, const char *v, uint64_t *out,
	const char *what)
{
	if (strlen(v) != 16 || strspn(v, "0123456789abcdef") != 16)
		return bad(w, what, v);
	*out = strtoull(v, NULL, 16);
	return true;
}

static bool set_hash(struct wpkdb *w, const char *v)
{
	return read_hash(w, v, &w->query.hash,
		"--hash takes 16 hexadecimal digits");
}

static bool set_family(struct wpkdb *w, const char *v)
{
	return read_hash(w, v, &w->query.family,
		"--family takes 16 hexadecimal digits");
}

#define SETS_TEXT(field) \
	static bool set_##field(struct wpkdb *w, const char *v) \
	{ \
		w->query.field = v; \
		return true; \
	}

SETS_TEXT(op)
SETS_TEXT(shape)
SETS_TEXT(kernel)
SETS_TEXT(sketch)
SETS_TEXT(target)
SETS_TEXT(gpu)
SETS_TEXT(version)
SETS_TEXT(how)

static bool set_group(struct wpkdb *w, const char *v)
{
	w->query.grouped = true;
	return read_int(w, v, 0, &w->query.group, "--group takes a number");
}

static bool set_share(struct wpkdb *w, const char *v)
{
	return read_int(w, v, 1, &w->query.share, "--share takes a percentage");
}

static bool set_run(struct wpkdb *w, const char *v)
{
	return read_number(v, 1, &w->query.run) ||
		bad(w, "--run takes a number from 1", v);
}

static bool set_verdict(struct wpkdb *w, const char *v)
{
	char *copy = arena_strdup(w->a, v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		enum verdict found = db_verdict(p);

		if (found == N_VERDICTS)
			return bad(w, "--verdict takes some of pruned, "
				"compile, spill, launch, fault, timeout, "
				"wrong, slow and measured", p);
		w->query.verdicts |= 1u << found;
	}
	return w->query.verdicts || bad(w, "--verdict takes a verdict", v);
}

static bool set_origin(struct wpkdb *w, const char *v)
{
	for (int o = 0; o < N_DB_ORIGINS; o++)
		if (!strcmp(v, db_origin_name((enum db_origin)o))) {
			w->query.origins |= 1u << o;
			return true;
		}
	return bad(w, "--origin takes own, foreign, proved or refused", v);
}

/* As exports have dates. */
static bool set_after(struct wpkdb *w, const char *v)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	size_t i = 0;

	while (v[i] && form[i] && (form[i] == '0' ? v[i] >= '0' && v[i] <= '9' :
	       v[i] == form[i]))
		i++;
	w->query.after = v;
	return (!v[i] && !form[i]) || bad(w, "--after takes a moment like "
		"2026-11-30T12:00:00Z", v);
}

static bool set_json(struct wpkdb *w, const char *v)
{
	(void)v;
	return w->json = true;
}

static bool set_csv(struct wpkdb *w, const char *v)
{
	(void)v;
	return w->csv = true;
}

static bool set_own(struct wpkdb *w, const char *v)
{
	(void)v;
	return w->own = true;
}

static bool set_dry_run(struct wpkdb *w, const char *v)
{
	(void)v;
	return w->dry_run = true;
}

static bool set_output(struct wpkdb *w, const char *v)
{
	w->output = v;
	return true;
}

static bool set_days(struct wpkdb *w, const char *v)
{
	return read_int(w, v, 0, &w->days, "--older-than takes days");
}

static bool set_best(struct wpkdb *w, const char *v)
{
	return read_int(w, v, 1, &w->best, "a number from 1 is needed");
}

static const struct option options[] = {
	{ "--db", "PATH", TAKES_ALWAYS, set_database, "this database" },
	{ "--op", "NAME", TAKES_FILTERS, set_op, "of this operator" },
	{ "--hash", "HASH", TAKES_FILTERS, set_hash,
		"of the operator with this hash" },
	{ "--family", "HASH", TAKES_FILTERS, set_family,
		"of the operator at any sizes and dtypes" },
	{ "--shape", "SIZES", TAKES_FILTERS, set_shape,
		"at these sizes, as list shows them" },
	{ "--group", "N", TAKES_FILTERS, set_group, "of this kernel, from 0" },
	{ "--kernel", "NAMES", TAKES_FILTERS, set_kernel,
		"of the kernel with these statements" },
	{ "--sketch", "NAME", TAKES_FILTERS, set_sketch, "of this sketch" },
	{ "--target", "ARCH", TAKES_FILTERS, set_target, "for this target" },
	{ "--gpu", "NAME", TAKES_FILTERS, set_gpu, "on this GPU" },
	{ "--share", "PERCENT", TAKES_FILTERS, set_share,
		"on this share of it" },
	{ "--how", "WAY", TAKES_FILTERS, set_how,
		"measured so: gpu, emu or model" },
	{ "--verdict", "LIST", TAKES_FILTERS, set_verdict,
		"that ended so, e.g. spill,wrong" },
	{ "--origin", "ORIGIN", TAKES_FILTERS, set_origin,
		"own, foreign, proved or refused" },
	{ "--version", "VERSION", TAKES_FILTERS, set_version,
		"made by this version of wpkc" },
	{ "--run", "N", TAKES_FILTERS, set_run, "of this run" },
	{ "--after", "DATE", TAKES_FILTERS, set_after,
		"measured later than then" },
	{ "--json", NULL, TAKES_JSON, set_json, "print JSON" },
	{ "--csv", NULL, TAKES_OUTPUT, set_csv,
		"a table of one problem, for wpkc search --replay" },
	{ "-o", "FILE", TAKES_OUTPUT, set_output, "write FILE" },
	{ "--own", NULL, TAKES_OWN, set_own,
		"they were measured here: trust them" },
	{ "--older-than", "DAYS", TAKES_PRUNE, set_days, "older than this" },
	{ "--keep-best", "N", TAKES_PRUNE, set_best,
		"all but the best N of each problem" },
	{ "--dry-run", NULL, TAKES_PRUNE, set_dry_run,
		"only say what would be deleted" },
	{ "--best", "N", TAKES_BEST, set_best,
		"the best N of each problem (default 1)" },
};

enum { N_OPTIONS = sizeof options / sizeof *options };

/* The option that "word" is or begins with, and its value behind "=". */
static const struct option *option_of(const char *word, unsigned takes,
	const char **value)
{
	size_t n = strcspn(word, "=");

	*value = word[n] ? word + n + 1 : NULL;
	for (int i = 0; i < N_OPTIONS; i++)
		if (options[i].takes & takes && strlen(options[i].name) == n &&
		    !strncmp(options[i].name, word, n))
			return &options[i];
	return NULL;
}

static bool unknown(struct wpkdb *w, const char *command, const char *word)
{
	wpkdb_fail(w, EXIT_USER, "wpkdb %s takes no option '%s'; wpkdb %s "
		"--help tells", command, word, command);
	return false;
}

/* Verify passes what it does not know on to wpkc, behind the source. */
static bool passes_on(const struct wpkdb *w, unsigned takes)
{
	return takes & TAKES_BEST && w->words.n;
}

bool options_parse(struct wpkdb *w, const char *command, unsigned takes,
	int argc, char **argv)
{
	bool plain = false;

	for (int i = 0; i < argc; i++) {
		const char *v;
		const struct option *o = plain ? NULL : option_of(argv[i],
			takes | TAKES_ALWAYS, &v);

		if (!plain && !strcmp(argv[i], "--")) {
			plain = true;
		} else if (!o && (plain || argv[i][0] != '-' || !argv[i][1] ||
			   passes_on(w, takes))) {
			vec_push(w->a, &w->words, argv[i]);
		} else if (!o) {
			return unknown(w, command, argv[i]);
		} else if (!o->value && v) {
			wpkdb_fail(w, EXIT_USER, "%s takes no value", o->name);
			return false;
		} else {
			if (o->value && !v && ++i == argc) {
				wpkdb_fail(w, EXIT_USER, "%s wants a value",
					o->name);
				return false;
			}
			if (!o->set(w, o->value && !v ? argv[i] : v))
				return false;
		}
	}
	return true;
}

void options_show(struct str *out, unsigned takes, bool names)
{
	for (int i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];
		char left[40];

		if (!(o->takes & takes))
			continue;
		snprintf(left, sizeof left, "%s%s%s", o->name, !o->value ? "" :
			o->name[1] == '-' ? "=" : " ", o->value ? o->value : "");
		if (names)
			str_printf(out, "%s\n", o->name);
		else
			str_printf(out, "  %-22s %s\n", left, o->help);
	}
}
