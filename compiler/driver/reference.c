/* SPDX-License-Identifier: MIT */
/* wpkc reference: its own options, and those of wpkc that say what is compiled.
 * Of each operator at its sizes, inputs and samples of what must come of them go
 * into files, and what these are into reference.json. */
#include "driver/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/command.h"
#include "driver/json.h"
#include "driver/output.h"
#include "driver/samples.h"

enum { SETS_MOST = 16 };

static const char help[] =
	"usage: wpkc reference [options] FILE.wpk --to=DIR\n\n"
	"Writes into DIR, of each operator at its sizes, inputs by --seed and what\n"
	"must come of them: samples of every output with the bounds on their\n"
	"errors. DIR/reference.json says what lies where, in the form that\n"
	"wpkworker takes.\n\n"
	"  --to=DIR             where; it is made if need be\n"
	"  --input=NAME=FILE    an input of that name as it lies in memory, from a file\n"
	"  --samples=N          about so many of each output, or all (default: some\n"
	"                       thousands, fewer where they are dear)\n"
	"  --sets=N             sets of inputs, 1 to 16 (default 1)\n"
	"  --of=FILE.plan       bounds for the arithmetic of this plan's kernels\n"
	"                       (default: of those that wpkc would make)\n"
	"  --help               this text\n\n"
	"Options of wpkc that say what is compiled: --op, --shape, --gpu, --target,\n"
	"--set, --lock, --no-lock, --seed, -I, --color, -q, -v.\n";

/* What the command line says besides options of wpkc. */
struct asking {
	struct arena *a;
	struct options o;
	const char *to;
	json_t *plan;
	int64_t samples;
	long sets;
	VEC(struct setting) inputs;
	int n;
	char **args;
};

static bool refuse(const char *text)
{
	command_complain("reference", text);
	return false;
}

/* ---- options ---- */

static bool read_count(const char *v, long most, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(v, &end, 10);
	return *v && !*end && !errno && *out >= 1 && *out <= most;
}

/* JSON will name files in it. */
static bool set_to(struct asking *k, const char *v)
{
	json_t *name = json_string(v);

	k->to = v;
	json_decref(name);
	return (*v && name) || refuse("--to wants a folder whose name is "
		"UTF-8");
}

static bool set_samples(struct asking *k, const char *v)
{
	long n;

	k->samples = SAMPLES_ALL;
	if (!strcmp(v, "all"))
		return true;
	if (!read_count(v, 1000000000, &n))
		return refuse(arena_printf(k->a, "--samples takes a number "
			"from 1 on, or all, not '%s'", v));
	k->samples = n;
	return true;
}

static bool set_sets(struct asking *k, const char *v)
{
	return read_count(v, SETS_MOST, &k->sets) || refuse(arena_printf(k->a,
		"--sets takes a number from 1 to %d, not '%s'", SETS_MOST, v));
}

static bool set_of(struct asking *k, const char *v)
{
	const char *why = NULL;

	json_decref(k->plan);
	k->plan = reference_plan(k->a, v, &why);
	return k->plan || refuse(arena_printf(k->a, "--of=%s: %s", v, why));
}

static bool add_input(struct asking *k, const char *v)
{
	const char *eq = strchr(v, '=');
	struct setting x;

	if (!eq || eq == v || !eq[1])
		return refuse(arena_printf(k->a, "--input takes NAME=FILE, not "
			"'%s'", v));
	x.name = arena_strndup(k->a, v, (size_t)(eq - v));
	x.value = eq + 1;
	vec_push(k->a, &k->inputs, x);
	return true;
}

static const struct own_option {
	const char *name;
	bool (*set)(struct asking *k, const char *v);
} own[] = {
	{ "--to", set_to }, { "--input", add_input },
	{ "--samples", set_samples }, { "--sets", set_sets },
	{ "--of", set_of },
};

enum { N_OWN = sizeof own / sizeof *own };

/* The option that "arg" is, with "=" or nothing behind its name, or NULL. */
static const struct own_option *own_option(const char *arg)
{
	size_t n = strcspn(arg, "=");

	for (int i = 0; i < N_OWN; i++)
		if (strlen(own[i].name) == n && !strncmp(own[i].name, arg, n))
			return &own[i];
	return NULL;
}

/* Own options are taken out of the line. */
static bool own_options(struct asking *k, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const struct own_option *o = own_option(argv[i]);
		const char *eq = strchr(argv[i], '=');

		if (!o) {
			k->args[k->n++] = argv[i];
			continue;
		}
		if (!eq && i + 1 == argc)
			return refuse(arena_printf(k->a, "%s wants a value",
				o->name));
		if (!o->set(k, eq ? eq + 1 : argv[++i]))
			return false;
	}
	return k->to || refuse("--to=DIR says where to write");
}

/* What writes or runs something is another command's. */
static const char *unwanted(const struct options *o)
{
	return o->tune ? "--tune" : o->check ? "--check" : o->test ? "--test" :
		o->emit ? "--emit" : o->output ? "-o" : o->header ? "-H" :
		o->plan ? "--plan" : o->calls ? "--calls" :
		o->dep ? "-MD" : o->frozen ? "--frozen" :
		options_of_search(o);
}

/* ---- files ---- */

static bool failed(struct session *s, const char *path)
{
	return session_fail(s, EXIT_USER, "cannot write '%s': %s", path,
		strerror(errno));
}

static bool write_file(struct session *s, const char *path, const void *p,
	size_t n)
{
	FILE *f = fopen(path, "wb");
	bool ok;

	if (!f)
		return failed(s, path);
	ok = fwrite(p, 1, n, f) == n;
	ok &= !fclose(f);
	return ok || failed(s, path);
}

/* The user's own input, which has the size that it must. */
static bool read_input(struct session *s, const struct setting *x, void *p,
	size_t bytes)
{
	FILE *f = fopen(x->value, "rb");
	size_t n;
	char more;

	if (!f)
		return session_fail(s, EXIT_USER, "--input=%s=%s: %s", x->name,
			x->value, strerror(errno));
	n = fread(p, 1, bytes, f);
	n += fread(&more, 1, 1, f);
	fclose(f);
	return n == bytes || session_fail(s, EXIT_USER, "--input=%s=%s: the "
		"file has %s than the %zu bytes of %s", x->name, x->value,
		n < bytes ? "less" : "more", bytes, x->name);
}

/* ---- one operator ---- */

/* The operator of "j", and what else computes it: "others". */
struct making {
	struct session *s;
	const struct asking *k;
	struct job *j;
	const struct ir_operator **others;
	int n_others;
};

static const char *path_of(const struct making *m, long set,
	const struct ir_tensor *t)
{
	return arena_printf(m->s->a, "%s/%s.%ld.%s", m->k->to,
		m->j->item->name.text, set, t->name);
}

static const struct setting *given(const struct making *m, const char *name)
{
	for (int i = 0; i < m->k->inputs.n; i++)
		if (!strcmp(m->k->inputs.v[i].name, name))
			return &m->k->inputs.v[i];
	return NULL;
}

/* An input, in "*out" and in a file that "files" names. */
static bool put_input(const struct making *m, int i, long set,
	const void **out, json_t *files)
{
	struct session *s = m->s;
	const struct ir_tensor *t = &m->j->reference->tensors[i];
	const struct setting *own_file = given(m, t->name);
	size_t bytes = samples_bytes(t);
	char *p = ARENA_ARRAY(s->a, bytes + 1, char);
	const char *path = path_of(m, set, t);

	*out = p;
	if (own_file) {
		if (!read_input(s, own_file, p, bytes))
			return false;
	} else if (t->elements) {
		ir_eval_fill(m->j->reference, i, s->o->seed + 1000003u *
			(uint64_t)set, p);
	}
	json_append(files, json_string(path));
	return write_file(s, path, p, bytes);
}

static void put_samples(void *ctx, const struct sample *v, int n)
{
	fwrite(v, sizeof *v, (size_t)n, ctx);
}

static bool put_output(const struct making *m, int i, long set,
	struct ir_eval *reference, struct ir_eval **others, json_t *samples)
{
	const char *path = path_of(m, set, &m->j->reference->tensors[i]);
	FILE *f = fopen(path, "wb");
	const struct sampling x = { m->j->reference, i, reference, others,
		m->n_others, m->k->samples, put_samples, f };
	bool ok;

	if (!f)
		return failed(m->s, path);
	samples_take(&x);
	ok = !ferror(f);
	ok &= !fclose(f);
	json_append(samples, json_string(path));
	return ok || failed(m->s, path);
}

static bool put_outputs(const struct making *m, long set,
	const void *const *data, json_t *samples)
{
	const struct ir_operator *o = m->j->reference;
	struct ir_eval *reference = ir_eval_create(o, data);
	struct ir_eval *others[m->n_others + 1];
	bool ok = true;

	for (int k = 0; k < m->n_others; k++)
		others[k] = ir_eval_create(m->others[k], data);
	for (int i = o->n_inputs; i < o->n_inputs + o->n_outputs && ok; i++)
		ok = put_output(m, i, set, reference, others, samples);
	for (int k = 0; k < m->n_others; k++)
		ir_eval_destroy(others[k]);
	ir_eval_destroy(reference);
	return ok;
}

static json_t *put_set(const struct making *m, long set)
{
	const struct ir_operator *o = m->j->reference;
	const void **data = ARENA_ARRAY(m->s->a, (size_t)o->n_tensors + 1,
		const void *);
	json_t *files = json_array(), *samples = json_array();
	bool ok = true;

	for (int i = 0; i < o->n_inputs; i++)
		json_append(samples, json_null());
	for (int i = 0; i < o->n_inputs && ok; i++)
		ok = put_input(m, i, set, &data[i], files);
	ok = ok && put_outputs(m, set, data, samples);
	for (int i = 0; i < o->n_outputs; i++)
		json_append(files, json_null());
	return json_pack("{so so}", "files", files, "samples", samples);
}

static json_t *put_operator(const struct making *m, int number)
{
	const struct ir_operator *o = m->j->reference;
	json_t *tensors = json_array(), *sets = json_array();
	json_t *sizes = json_object();

	for (int i = 0; i < m->j->n_sizes; i++)
		json_put(sizes, m->j->sizes[i].name,
			json_integer(m->j->sizes[i].value));
	for (int i = 0; i < o->n_inputs + o->n_outputs; i++)
		json_append(tensors, samples_tensor(&o->tensors[i],
			i >= o->n_inputs));
	for (long set = 0; set < m->k->sets && m->s->code == EXIT_DONE; set++)
		json_append(sets, put_set(m, set));
	return json_pack("{ss so s{ss si so so}}", "name",
		m->j->item->name.text, "sizes", sizes, "problem", "do",
		"problem", "problem", number, "tensors", tensors, "sets",
		sets);
}

/* ---- all ---- */

/* As the plan computes it, or as a compilation would. */
static bool arithmetic_of(struct session *s, const struct asking *k,
	struct job *j, const struct ir_operator **out)
{
	const char *why;

	if (k->plan)
		return reference_arithmetic(s, k->plan, j, out);
	if (!slice_choose(s, j, &why) && !plans_find(s, j))
		return false;
	*out = choices_arithmetic(s->a, j);
	return true;
}

/* Jobs of one operator for several targets are one. */
static bool put_all(struct session *s, const struct asking *k, json_t *out)
{
	for (int i = 0, number = 1; i < s->n_jobs; i++, number++) {
		struct making m = { s, k, &s->jobs[i], ARENA_ARRAY(s->a,
			(size_t)s->n_places, const struct ir_operator *), 0 };

		for (; i < s->n_jobs && s->jobs[i].item == m.j->item; i++) {
			const struct ir_operator *other = NULL;

			if (!arithmetic_of(s, k, &s->jobs[i], &other))
				return false;
			if (other)
				m.others[m.n_others++] = other;
		}
		i--;
		json_append(out, put_operator(&m, number));
		if (s->code != EXIT_DONE)
			return false;
	}
	return true;
}

/* Was the plan made of this very source? */
static bool is_source(struct session *s, const struct asking *k)
{
	const struct source *src = s->unit->src;
	const char *is = arena_printf(s->a, "%016llx",
		(unsigned long long)str_hash(src->text, src->len));
	const char *was = json_string_value(json_object_get(k->plan,
		"source_hash"));

	return !k->plan || (was && !strcmp(is, was)) || session_fail(s,
		EXIT_USER, "'%s' is not what the plan was made of, or was "
		"changed since", src->path);
}

static bool inputs_known(struct session *s, const struct asking *k)
{
	for (int x = 0; x < k->inputs.n; x++) {
		bool found = false;

		for (int i = 0; i < s->n_jobs; i++)
			for (int t = 0; t < s->jobs[i].reference->n_inputs; t++)
				found |= !strcmp(k->inputs.v[x].name,
					s->jobs[i].reference->tensors[t].name);
		if (!found)
			return session_fail(s, EXIT_USER, "--input=%s: no "
				"operator here reads that", k->inputs.v[x].name);
	}
	return true;
}

static bool write_json(struct session *s, const struct asking *k, json_t *all)
{
	json_t *v = json_pack("{si sO}", "schema", 1, "operators", all);
	char *dump = json_dumps(v, JSON_INDENT(1));
	struct outputs out;
	struct str text;
	const char *why;

	str_init(&text, s->a);
	str_printf(&text, "%s\n", dump ? dump : "");
	free(dump);
	json_decref(v);
	outputs_init(&out, s->a);
	outputs_add(&out, arena_printf(s->a, "%s/reference.json", k->to),
		&text);
	why = outputs_commit(&out);
	return !why || session_fail(s, EXIT_USER, "%s", why);
}

static int reference(struct asking *k)
{
	const volatile int never = 0;
	struct session s = { .a = k->a, .o = &k->o, .d = diag_create(k->a),
		.stop = &never };
	json_t *all = json_array();

	if (session_open(&s, false) && is_source(&s, k) &&
	    jobs_create_at_sizes(&s) && !diag_errors(s.d) && inputs_known(&s, k)) {
		if (mkdir(k->to, 0777) && errno != EEXIST)
			failed(&s, k->to);
		else if (put_all(&s, k, all))
			write_json(&s, k, all);
	}
	json_decref(all);
	session_diagnose(&s);
	return session_end(&s);
}

int reference_main(struct arena *a, int argc, char **argv)
{
	struct asking k = { .a = a, .sets = 1,
		.args = ARENA_ARRAY(a, (size_t)argc + 2, char *) };
	int code;

	if (command_helps(argc, argv, help, &code))
		return code;
	k.args[k.n++] = "wpkc";
	if (!own_options(&k, argc, argv))
		return EXIT_USER;
	if (!command_options(a, "reference", k.n, k.args, unwanted, &k.o, &code))
		return code;
	if (k.plan && !reference_targets(a, k.plan, &k.o))
		return command_complain("reference", "--of: the plan is for "
			"targets that this wpkc does not know");
	code = reference(&k);
	json_decref(k.plan);
	return code;
}
