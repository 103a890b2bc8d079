/* SPDX-License-Identifier: MIT */
/* The command line: own options, and those that wpkc is handed. */
#include "runtime/wpkrun/wpkrun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/option.h"

struct reading {
	struct session *s;
	struct options *o;
	enum asked asked;
};

enum takes { NOTHING, MAYBE, VALUE };

/* "set" gets the value, NULL where there is none. Where it is NULL, "store" says
 * where the value goes, or else option and value are for wpkc. */
struct option {
	const char *name, *value;
	enum takes takes;
	const char *help;
	bool (*set)(struct reading *r, const char *v);
	struct option_store store;
};

static bool wrong(struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(struct reading *r, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->asked = ASKED_NOTHING;
	return session_fail(r->s, EXIT_USER, "%s", text);
}

/* ---- values ---- */

static void push_word(struct reading *r, struct word_list *l, const char *word)
{
	const char **more = session_take(r->s, (size_t)l->n + 2,
		sizeof *more);

	if (l->n)
		memcpy(more, l->v, (size_t)l->n * sizeof *more);
	more[l->n++] = word;
	l->v = more;
}

static bool push_pair(struct reading *r, struct pair_list *l,
	const char *option, const char *text)
{
	const char *eq = strchr(text, '=');
	struct pair *more = session_take(r->s, (size_t)l->n + 1,
		sizeof *more);

	if (!eq || eq == text || !eq[1])
		return wrong(r, "%s takes NAME=VALUE, not '%s'", option, text);
	if (l->n)
		memcpy(more, l->v, (size_t)l->n * sizeof *more);
	more[l->n].name = session_print(r->s, "%.*s", (int)(eq - text), text);
	more[l->n].value = eq + 1;
	for (int i = 0; i < l->n; i++)
		if (!strcmp(more[i].name, more[l->n].name))
			return wrong(r, "%s gives %s twice", option,
				more[i].name);
	l->n++;
	l->v = more;
	return true;
}

const char *pair_value(const struct pair_list *l, const char *name)
{
	for (int i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return l->v[i].value;
	return NULL;
}

static bool read_count(struct reading *r, const char *name, const char *v,
	unsigned long long least, unsigned long long most,
	unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(v, &end, 10);
	if (*v < '0' || *v > '9' || *end || errno || *out < least ||
	    *out > most)
		return wrong(r, "%s takes a whole number from %llu to %llu, not"
			" '%s'", name, least, most, v);
	return true;
}

static bool set_device(struct reading *r, const char *v)
{
	unsigned long long n = 0;

	r->o->where = WHERE_EMU;
	if (!strcmp(v, "emu"))
		return true;
	r->o->where = WHERE_GPU;
	if (strncmp(v, "gpu", 3) || (v[3] && v[3] != ':'))
		return wrong(r, "--device knows gpu, gpu:NUMBER and emu, not "
			"'%s'", v);
	if (v[3] && !read_count(r, "--device=gpu:", v + 4, 0, 999, &n))
		return false;
	r->o->device = (int)n;
	return true;
}

static bool set_samples(struct reading *r, const char *v)
{
	unsigned long long n;

	r->o->samples = v;
	return !strcmp(v, "all") || read_count(r, "--samples", v, 1,
		1000000000, &n);
}

static bool set_against(struct reading *r, const char *v)
{
	static const struct {
		const char *name;
		unsigned bit;
	} rows[] = {
		{ "ref", AGAINST_REF }, { "cudnn", AGAINST_CUDNN },
		{ "cublaslt", AGAINST_CUBLASLT }, { "none", AGAINST_NONE },
	};

	r->o->against = 0;
	while (*v) {
		size_t n = strcspn(v, ","), i = 0;

		while (i < 4 && (strlen(rows[i].name) != n ||
		    strncmp(rows[i].name, v, n)))
			i++;
		if (i == 4)
			return wrong(r, "--against knows ref, cudnn, cublaslt "
				"and none, not '%.*s'", (int)n, v);
		r->o->against |= rows[i].bit;
		v += n + (v[n] == ',');
	}
	if (!r->o->against)
		return wrong(r, "--against wants some of ref, cudnn, cublaslt "
			"and none");
	return !(r->o->against & AGAINST_NONE) ||
		r->o->against == AGAINST_NONE ||
		wrong(r, "--against=none goes with nothing else");
}

static bool add_in(struct reading *r, const char *v)
{
	return push_pair(r, &r->o->in, "--in", v);
}

static bool add_out(struct reading *r, const char *v)
{
	return push_pair(r, &r->o->out, "--out", v);
}

/* With and without what to time. */
static bool set_time(struct reading *r, const char *v)
{
	r->o->time = true;
	r->o->rivals = v && !strcmp(v, "rivals");
	return !v || r->o->rivals || !strcmp(v, "all") || wrong(r,
		"--time knows all and rivals, not '%s'", v);
}

static bool add_algorithm(struct reading *r, const char *v)
{
	const char *eq = strchr(v, '=');
	unsigned long long n;

	if (!push_pair(r, &r->o->algorithms, "--algorithm", v))
		return false;
	if (strncmp(v, "cudnn=", 6) && strncmp(v, "cublaslt=", 9))
		return wrong(r, "--algorithm knows cudnn and cublaslt, not "
			"'%.*s'", (int)(eq - v), v);
	return !strncmp(eq + 1, "legacy_", 7) ||
		read_count(r, "--algorithm", eq + 1, 0, 1000000, &n);
}

/* Sizes are wpkc's too. */
static bool add_shape(struct reading *r, const char *v)
{
	char *copy = session_print(r->s, "%s", v), *save = NULL;

	push_word(r, &r->o->compiler, session_print(r->s, "--shape=%s", v));
	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save))
		if (!push_pair(r, &r->o->shape, "--shape", p))
			return false;
	return true;
}

static bool add_operators(struct reading *r, const char *v)
{
	char *copy = session_print(r->s, "%s", v), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p;
	     p = strtok_r(NULL, ",", &save))
		push_word(r, &r->o->operators, p);
	return true;
}

static bool add_include(struct reading *r, const char *v)
{
	push_word(r, &r->o->include, session_print(r->s, "-I%s", v));
	return true;
}

static bool ask_help(struct reading *r, const char *v);
static bool ask_version(struct reading *r, const char *v);
static bool ask_list(struct reading *r, const char *v);

/* How an option is taken. */
#define SET(function) function, { OPTION_ELSE, 0, 0, 0 }
#define FOR_WPKC NULL, { OPTION_ELSE, 0, 0, 0 }
#define STORE(kind, field, least, most) \
	NULL, { kind, offsetof(struct options, field), least, most }
#define TEXT(field) STORE(OPTION_TEXT, field, 0, 0)
#define TRUE(field) STORE(OPTION_TRUE, field, 0, 0)
#define REAL(field) STORE(OPTION_REAL, field, 0, 0)
#define INT(field, least, most) STORE(OPTION_INT, field, least, most)
#define UINT64(field, least, most) STORE(OPTION_UINT64, field, least, most)

static const struct option table[] = {
	{ "--device", "WHERE", VALUE,
		"gpu, gpu:1, or emu: the CPU (default: gpu where there is one)",
		SET(set_device) },
	{ "--share", "PERCENT", VALUE,
		"run in a slice of the GPU", INT(share, 1, 100) },
	{ "--against", "LIST", VALUE,
		"ref, cudnn, cublaslt, none (default: ref with a source)",
		SET(set_against) },
	{ "--seed", "N", VALUE,
		"of the inputs (default 1)", UINT64(seed, 0, INT64_MAX) },
	{ "--fresh", NULL, NOTHING,
		"run once more on inputs of another seed", TRUE(fresh) },
	{ "--samples", "N", VALUE,
		"elements to compare of each output, or all",
		SET(set_samples) },
	{ "--in", "NAME=FILE", VALUE,
		"an input from a .npy file", SET(add_in) },
	{ "--out", "NAME=FILE", VALUE,
		"write an output as .npy", SET(add_out) },
	{ "--save", "DIR", VALUE,
		"write all tensors there, as .npy", TEXT(save) },
	{ "--source", "FILE", VALUE,
		"what the plan was made of (default: beside it)",
		TEXT(source) },
	{ "--time", "WHO", MAYBE,
		"time all side by side, or rivals alone", SET(set_time) },
	{ "--blocks", "N", VALUE,
		"blocks of turns that must count (default 9)",
		INT(bench.blocks, 1, 49) },
	{ "--algorithm", "LIB=N", VALUE,
		"time this one of a library's, or of that name", SET(add_algorithm) },
	{ "--library-time", "SECONDS", VALUE,
		"try no more of a library's after so long (default 20)",
		REAL(bench.library_s) },
	{ "--flops", "N", VALUE,
		"operations of a run, for the floor", REAL(bench.flops) },
	{ "--peak", "N", VALUE,
		"operations a second that the GPU is good for",
		REAL(bench.peak) },
	{ "--json", NULL, NOTHING, "a JSON object a line", TRUE(json) },
	{ "-q", NULL, NOTHING,
		"say nothing but results and errors", TRUE(quiet) },
	{ "-v", NULL, NOTHING,
		"say what is run, and by which kernels", TRUE(verbose) },
	{ "--shape", "N=V", VALUE,
		"sizes the source leaves open", SET(add_shape) },
	{ "--op", "NAMES", VALUE,
		"only these operators, as behind the file",
		SET(add_operators) },
	{ "-I", "DIR", VALUE, "search imports there too", SET(add_include) },
	{ "--set", "T=V", VALUE, "for wpkc: pin a tunable", FOR_WPKC },
	{ "--target", "ARCHS", VALUE,
		"for wpkc: compile for sm_75 .. sm_121a", FOR_WPKC },
	{ "--gpu", "NAMES", VALUE, "for wpkc: predict costs for it", FOR_WPKC },
	{ "--lock", "FILE", VALUE, "for wpkc: lock file", FOR_WPKC },
	{ "--no-lock", NULL, NOTHING, "for wpkc: no lock file", FOR_WPKC },
	{ "--frozen", NULL, NOTHING,
		"for wpkc: fail unless the lock has every schedule", FOR_WPKC },
	{ "--color", "WHEN", VALUE, "for wpkc: auto, always, never", FOR_WPKC },
	{ "--list", "WHAT", VALUE, "options", SET(ask_list) },
	{ "--help", NULL, NOTHING, "this text", SET(ask_help) },
	{ "--version", NULL, NOTHING, "the version", SET(ask_version) },
};

enum { N_OPTIONS = sizeof table / sizeof *table };

/* ---- texts ---- */

static bool ask_help(struct reading *r, const char *v)
{
	(void)v;
	fputs("usage: wpkrun [options] FILE.wpk|FILE.plan [OPERATOR...]"
		" [-- OPTIONS OF wpkc]\n\n"
		"  wpkrun conv.wpk                            "
		"compile, run, compare\n"
		"  wpkrun conv.wpk --device=emu               "
		"on the CPU, without a GPU\n"
		"  wpkrun mm.wpk --shape M=64,K=256,N=96      "
		"sizes the source leaves open\n"
		"  wpkrun conv.plan c2 c3                     "
		"two operators of a plan\n"
		"  wpkrun mm.wpk --in a=a.npy --in b=b.npy --out c=c.npy\n"
		"  wpkrun conv.wpk --time --against=cudnn     "
		"who is faster, and by how much\n"
		"  wpkrun conv.wpk --fresh --samples=all --json\n"
		"  wpkrun conv.wpk -- --set sketch=fma        "
		"options for wpkc\n\n", stdout);
	for (int i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &table[i];
		char left[40];

		snprintf(left, sizeof left, "%s%s%s%s", o->name, !o->value ?
			"" : o->takes == MAYBE ? "[=" : o->name[1] == '-' ?
			"=" : " ", o->value ? o->value : "", o->takes ==
			MAYBE ? "]" : "");
		printf("  %-20s %s\n", left, o->help);
	}
	fputs("\nExit: 0 done, 1 your mistake, 2 nothing serves, 3 --frozen "
		"miss, 4 verification\nfailed, 5 internal error. man wpkrun, "
		"wpkc.\n", stdout);
	r->asked = ASKED_TEXT;
	return false;
}

static bool ask_version(struct reading *r, const char *v)
{
	int n = wpk_version();

	(void)v;
	printf("wpkrun %d.%d.%d\n", n / 10000, n / 100 % 100, n % 100);
	r->asked = ASKED_TEXT;
	return false;
}

static bool ask_list(struct reading *r, const char *v)
{
	if (strcmp(v, "options"))
		return wrong(r, "--list knows options, not '%s'", v);
	for (int i = 0; i < N_OPTIONS; i++)
		puts(table[i].name);
	r->asked = ASKED_TEXT;
	return false;
}

/* ---- reading ---- */

/* The option that "arg" is, and its value in the same word, or NULL. */
static const struct option *find(const char *arg, const char **value)
{
	for (int i = 0; i < N_OPTIONS; i++)
		if (option_is(arg, table[i].name, table[i].name[1] != '-' &&
		    table[i].takes == VALUE, value))
			return &table[i];
	return NULL;
}

static bool read_option(struct reading *r, int n, char **v, int *i)
{
	const char *value;
	const struct option *o = find(v[*i], &value);
	char wants[100];

	if (!o)
		return wrong(r, "unknown option '%s'; wpkrun --help lists "
			"them, and options of wpkc stand behind --", v[*i]);
	if (o->takes == NOTHING && value)
		return wrong(r, "%s takes no value", o->name);
	if (o->takes == VALUE && !value) {
		if (*i + 1 >= n)
			return wrong(r, "%s wants a value: %s", o->name,
				o->value);
		value = v[++*i];
	}
	if (o->set)
		return o->set(r, value);
	if (o->store.kind)
		return option_store(&o->store, r->o, value, wants) || wrong(r,
			"%s takes %s, not '%s'", o->name, wants, value);
	push_word(r, &r->o->compiler, value ? session_print(r->s, "%s=%s",
		o->name, value) : o->name);
	return true;
}

/* What stands behind "--"; folders are the reference's too. */
static void read_compiler(struct reading *r, int n, char **v)
{
	for (int i = 0; i < n; i++)
		if (!strncmp(v[i], "-I", 2) && v[i][2])
			push_word(r, &r->o->include, v[i]);
		else if (!strcmp(v[i], "-I") && i + 1 < n)
			add_include(r, v[++i]);
		else
			push_word(r, &r->o->compiler, v[i]);
}

static bool read_words(struct reading *r, int n, char **v)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(v[i], "--")) {
			read_compiler(r, n - i - 1, v + i + 1);
			return true;
		}
		if (v[i][0] == '-' && v[i][1]) {
			if (!read_option(r, n, v, &i))
				return false;
		} else if (r->o->file) {
			push_word(r, &r->o->operators, v[i]);
		} else {
			r->o->file = v[i];
		}
	}
	return true;
}

static bool consistent(struct reading *r)
{
	const struct options *o = r->o;

	if (!o->file)
		return wrong(r, "no source and no plan; wpkrun --help shows how"
			" to call it");
	if (!strcmp(o->file, "-"))
		return wrong(r, "standard input cannot be read twice: name a "
			"file");
	if (o->rivals && !(o->against & (AGAINST_CUDNN | AGAINST_CUBLASLT)))
		return wrong(r, "--time=rivals wants some in --against");
	return o->where != WHERE_EMU || o->share == 100 ||
		wrong(r, "--share is for a GPU");
}

enum asked options_read(struct session *s, int argc, char **argv,
	struct options *o)
{
	struct reading r = { .s = s, .o = o, .asked = ASKED_RUN };

	*o = (struct options){ .seed = 1, .share = 100 };
	if (read_words(&r, argc - 1, argv + 1))
		consistent(&r);
	return r.asked;
}
