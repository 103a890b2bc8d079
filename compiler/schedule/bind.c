/* SPDX-License-Identifier: MIT */
/* Binding. In: the tunables a sketch opens and a schedule's directives. Out: a
 * space in which every directive has pinned or narrowed what it names, or a
 * sentence that says which directive nothing here takes. Directives are
 * obligations: none is skipped but "fallback", a permission, "const", which
 * speaks of tensors, "kernel", which the partition honours, and "launch" and
 * "in_place", which are the program's. "fuse" is honoured by a tunable that uses
 * its name, "seed" by points (seed.c). */
#include <string.h>

#include "base/vec.h"
#include "schedule/private.h"

/* One directive taken apart: the subjects it names and its keyless value. */
struct parts {
	const struct sched_directive *d;
	VEC(const char *) subjects;
	const struct sched_value *value;
	int n_keys;
};

static bool same(const char *x, const char *y)
{
	return x == y || (x && y && !strcmp(x, y));
}

static bool has_subject(const struct tunable *t, const char *subject)
{
	if (!subject)
		return !t->subjects || !t->subjects[0];
	for (int i = 0; t->subjects && t->subjects[i]; i++)
		if (!strcmp(t->subjects[i], subject))
			return true;
	return false;
}

static const char *first_subject(const struct tunable *t)
{
	return t->subjects ? t->subjects[0] : NULL;
}

/* Some tunable of this directive and subject; with "key", of that key too. */
static int find(const struct space *sp, const char *directive,
	const char *subject, const char *const *key)
{
	for (int i = 0; i < sp->n_tunables; i++) {
		const struct tunable *t = &sp->tunables[i];

		if (same(t->directive, directive) && has_subject(t, subject) &&
		    (!key || same(t->key, *key)))
			return i;
	}
	return -1;
}

static bool listed(const char *const *v, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (same(v[i], name))
			return true;
	return false;
}

/* ---- what there is instead ---- */

/* The keys of directive and subject: "m, n, k". */
static void print_keys(const struct space *sp, const char *directive,
	const char *subject, struct str *out)
{
	const char *between = subject ? ": " : "";

	for (int i = 0; i < sp->n_tunables; i++) {
		const struct tunable *t = &sp->tunables[i];

		if (!same(t->directive, directive) ||
		    !same(first_subject(t), subject))
			continue;
		if (!t->key && subject)
			continue;
		str_printf(out, "%s%s", between, t->key ? t->key : "a value");
		between = ", ";
	}
}

/* "tile takes block: m, n, k; warp: m, n" */
static const char *takes(struct binding *b, const char *directive)
{
	VEC(const char *) seen = {0};
	struct str out;

	str_init(&out, b->a);
	str_printf(&out, "%s takes ", directive);
	for (int i = 0; i < b->sp->n_tunables; i++) {
		const struct tunable *t = &b->sp->tunables[i];
		const char *subject = first_subject(t);

		if (!same(t->directive, directive) ||
		    listed(seen.v, seen.n, subject))
			continue;
		str_printf(&out, "%s%s", seen.n ? "; " : "",
			subject ? subject : "");
		print_keys(b->sp, directive, subject, &out);
		vec_push(b->a, &seen, subject);
	}
	return str_text(&out);
}

/* "; did you mean m?" where one of the names is near. */
static const char *meant(struct binding *b, const char *name,
	const char *const *names)
{
	const char *near = str_nearest(name, names);

	return near ? arena_printf(b->a, "; did you mean %s?", near) : "";
}

static const char *const *all_keys(struct binding *b, const char *directive)
{
	VEC(const char *) v = {0};

	for (int i = 0; i < b->sp->n_tunables; i++) {
		const struct tunable *t = &b->sp->tunables[i];

		if (same(t->directive, directive) && t->key)
			vec_push(b->a, &v, t->key);
	}
	vec_push(b->a, &v, NULL);
	return v.v;
}

static const char *const *all_subjects(struct binding *b, const char *directive)
{
	VEC(const char *) v = {0};

	for (int i = 0; i < b->sp->n_tunables; i++) {
		const struct tunable *t = &b->sp->tunables[i];

		for (int k = 0; same(t->directive, directive) && t->subjects &&
		     t->subjects[k]; k++)
			vec_push(b->a, &v, t->subjects[k]);
	}
	vec_push(b->a, &v, NULL);
	return v.v;
}

static bool no_directive(struct binding *b, const struct sched_directive *d)
{
	VEC(const char *) v = {0};
	struct str out;

	for (int i = 0; i < b->sp->n_tunables; i++)
		if (!listed(v.v, v.n, b->sp->tunables[i].directive))
			vec_push(b->a, &v, b->sp->tunables[i].directive);
	str_init(&out, b->a);
	for (int i = 0; i < v.n; i++)
		str_printf(&out, "%s%s", i ? ", " : "; there is ", v.v[i]);
	return bind_fail(b, d->at, "no tunable for %s(...)%s", d->name,
		str_text(&out));
}

/* "tile(warp, z = ...)" */
static const char *written(struct binding *b, const char *directive,
	const char *subject, const char *key)
{
	return arena_printf(b->a, "%s(%s%s%s%s)", directive,
		subject ? subject : "", subject && key ? ", " : "",
		key ? key : "", key ? " = ..." : "");
}

static bool not_taken(struct binding *b, const struct parts *p,
	const char *subject, const char *key, struct span at)
{
	const char *d = p->d->name;

	if (!subject && all_subjects(b, d)[0] && find(b->sp, d, NULL, NULL) < 0)
		return bind_fail(b, at, "%s names no subject; %s",
			written(b, d, NULL, key), takes(b, d));
	if (!key)
		return bind_fail(b, at, "no tunable for a value of %s; %s",
			written(b, d, subject, NULL), takes(b, d));
	return bind_fail(b, at, "no tunable for %s; %s%s",
		written(b, d, subject, key), takes(b, d),
		meant(b, key, all_keys(b, d)));
}

/* ---- taking a directive apart ---- */

static const char *bare_name(const struct sched_value *v)
{
	return v->n == 1 && v->choices[0]->kind == SX_NAME ?
		v->choices[0]->name : NULL;
}

/* May a bare name be the keyless value of directive "d"? */
static bool is_value_name(struct binding *b, const char *d, const char *name)
{
	for (int i = 0; b->s && i < b->s->n_params; i++)
		if (same(b->s->params[i].name, name))
			return true;
	for (int i = 0; i < b->sp->n_tunables; i++) {
		const struct tunable *t = &b->sp->tunables[i];
		int64_t v;

		if (!same(t->directive, d) || t->key)
			continue;
		for (int k = 0; t->words && t->words[k]; k++)
			if (same(t->words[k], name))
				return true;
		if (!t->words && space_size_named(b->sp, name, &v))
			return true;
	}
	return false;
}

static bool positional(struct binding *b, struct parts *p,
	const struct sched_arg *arg)
{
	const char *name = bare_name(&arg->value), *d = p->d->name;

	if (name && !p->value && find(b->sp, d, name, NULL) >= 0) {
		vec_push(b->a, &p->subjects, name);
		return true;
	}
	if (name && !is_value_name(b, d, name))
		return bind_fail(b, arg->at, "no tunable for %s(%s, ...); %s%s",
			d, name, takes(b, d), meant(b, name, all_subjects(b, d)));
	if (p->value)
		return bind_fail(b, arg->at, "%s(...) has two values", d);
	p->value = &arg->value;
	return true;
}

static bool take_apart(struct binding *b, struct parts *p)
{
	for (int i = 0; i < p->d->n_args; i++) {
		const struct sched_arg *arg = &p->d->args[i];

		if (arg->key)
			p->n_keys++;
		else if (!positional(b, p, arg))
			return false;
	}
	if (!p->subjects.n)
		vec_push(b->a, &p->subjects, NULL);
	return true;
}

/* ---- pinning ---- */

static bool mentions(const struct sched_directive *d, const char *subject)
{
	for (int i = 0; i < d->n_args; i++)
		if (!d->args[i].key && same(bare_name(&d->args[i].value),
		    subject))
			return true;
	return false;
}

static bool same_gene(const struct gene *x, const struct gene *y)
{
	return x->n == y->n && !memcmp(x->values, y->values, (size_t)x->n *
		sizeof *x->values);
}

/* What another directive has said of another subject, with which "subject" has
 * tunable "t" between them, may be said of this one too: a value, or NULL, that it
 * is on. */
static bool pin_again(struct binding *b, int t, const char *subject,
	const struct sched_value *v, struct span at)
{
	static const int on[] = { 1 };
	struct space *sp = b->sp;
	int was = sp->follows[t], n = sp->n_genes, is;
	struct gene g = { .values = on, .n = 1 };

	if (!subject || mentions(b->by[t], subject))
		return bind_fail(b, at, "%s is given twice",
			sp->tunables[t].name);
	if (v && !bind_value(b, t, v))
		return false;
	is = sp->follows[t];
	if (was >= 0 && is >= 0 && (v ? is == was ||
	    same_gene(&sp->genes[is], &sp->genes[was]) :
	    same_gene(&g, &sp->genes[was]))) {
		sp->follows[t] = was;
		sp->n_genes = n;
		return true;
	}
	return bind_fail(b, at, "%s is given twice, and not alike",
		sp->tunables[t].name);
}

/* Several subjects of one directive may have one tunable between them. */
static bool pin(struct binding *b, const struct parts *p, const char *subject,
	const char *key, const struct sched_value *v, struct span at)
{
	int t = find(b->sp, p->d->name, subject, &key);

	if (t < 0)
		return not_taken(b, p, subject, key, at);
	if (b->by[t] == p->d)
		return true;
	if (b->by[t])
		return pin_again(b, t, subject, v, at);
	b->by[t] = p->d;
	return bind_value(b, t, v);
}

static bool pin_on(struct binding *b, const struct parts *p,
	const char *subject)
{
	static const int on[] = { 1 };
	const char *key = NULL;
	int t = find(b->sp, p->d->name, subject, &key);
	const struct tunable *tn;

	if (t < 0)
		return not_taken(b, p, subject, NULL, p->d->at);
	tn = &b->sp->tunables[t];
	if (b->by[t] == p->d)
		return true;
	if (b->by[t])
		return pin_again(b, t, subject, NULL, p->d->at);
	b->by[t] = p->d;
	b->sp->follows[t] = b->sp->n_genes;
	b->sp->genes[b->sp->n_genes++] = (struct gene){ tn->name, on, 1,
		tn->words, tn->launch };
	return true;
}

static bool pin_subject(struct binding *b, const struct parts *p,
	const char *subject)
{
	if (p->value && !pin(b, p, subject, NULL, p->value, p->d->at))
		return false;
	if (!p->value && !p->n_keys)
		return pin_on(b, p, subject);
	for (int i = 0; i < p->d->n_args; i++) {
		const struct sched_arg *arg = &p->d->args[i];

		if (arg->key && !pin(b, p, subject, arg->key, &arg->value,
		    arg->at))
			return false;
	}
	return true;
}

static bool bind_directive(struct binding *b, const struct sched_directive *d)
{
	struct parts p = { .d = d };
	bool known = false;

	for (int i = 0; i < b->sp->n_tunables; i++)
		known |= same(b->sp->tunables[i].directive, d->name);
	if (!known)
		return no_directive(b, d);
	if (!take_apart(b, &p))
		return false;
	for (int i = 0; i < p.subjects.n; i++)
		if (!pin_subject(b, &p, p.subjects.v[i]))
			return false;
	return true;
}

/* ---- fuse ---- */

static bool uses(const struct tunable *t, const char *name)
{
	for (int i = 0; t->words && t->words[i]; i++)
		if (same(t->words[i], name))
			return true;
	return same(t->key, name) || (t->subjects && has_subject(t, name));
}

static bool bind_fuse(struct binding *b, const struct sched_directive *d)
{
	for (int i = 0; i < d->n_args; i++) {
		const char *name = d->args[i].key;
		bool used = false;

		for (int t = 0; name && t < b->sp->n_tunables; t++)
			used |= uses(&b->sp->tunables[t], name);
		if (!used)
			return bind_fail(b, d->args[i].at,
				"no tunable uses the axis of fuse(%s)",
				name ? arena_printf(b->a, "%s = ...", name) :
				"...");
	}
	return true;
}

bool sched_binds_alone(const char *directive)
{
	return same(directive, "fallback") || same(directive, "const") ||
		same(directive, "seed") || same(directive, "kernel") ||
		same(directive, "launch") || same(directive, "in_place");
}

static bool bind_directives(struct binding *b)
{
	for (int i = 0; b->s && i < b->s->n_directives; i++) {
		const struct sched_directive *d = &b->s->directives[i];

		if (sched_binds_alone(d->name))
			continue;
		if (!(same(d->name, "fuse") ? bind_fuse : bind_directive)(b, d))
			return false;
	}
	return true;
}

/* ---- the rest of the space ---- */

static bool bind_requires(struct binding *b)
{
	int n = b->s ? b->s->n_requires : 0;
	struct sched_require *r = ARENA_ARRAY(b->a, n + 1, struct sched_require);

	for (int i = 0; i < n; i++) {
		r[i] = b->s->requires[i];
		r[i].expr = (struct sched_expr *)bind_expr(b, r[i].expr, true,
			r[i].at);
		if (!r[i].expr)
			return false;
	}
	b->sp->requires = r;
	b->sp->n_requires = n;
	return true;
}

/* A param is given at launch if all that follows it is. */
static void bind_launch(struct binding *b)
{
	struct space *sp = b->sp;
	bool computed = false;

	for (int t = 0; t < sp->n_tunables; t++)
		computed |= sp->follows[t] < 0 && !sp->tunables[t].launch;
	for (int i = 0; b->s && i < b->s->n_params; i++) {
		int g = b->params[i].gene, n = 0, launch = 0;

		for (int t = 0; t < sp->n_tunables; t++)
			if (g >= 0 && sp->follows[t] == g) {
				n++;
				launch += sp->tunables[t].launch;
			}
		if (g >= 0)
			sp->genes[g].launch = n && n == launch && !computed;
	}
}

static struct space *empty_space(struct arena *a, const struct schedule *s,
	const struct tunable *tunables, int n)
{
	struct space *sp = ARENA_NEW(a, struct space);

	sp->schedule = s;
	sp->tunables = tunables;
	sp->n_tunables = n;
	sp->genes = ARENA_ARRAY(a, n + (s ? s->n_params : 0) + 1, struct gene);
	sp->follows = ARENA_ARRAY(a, n + 1, int);
	sp->exprs = ARENA_ARRAY(a, n + 1, const struct sched_expr *);
	return sp;
}

static bool bind(struct binding *b)
{
	if (!bind_params(b) || !bind_directives(b))
		return false;
	for (int t = 0; t < b->sp->n_tunables; t++)
		if (!b->by[t])
			bind_open(b, t);
	if (!bind_requires(b))
		return false;
	bind_launch(b);
	return bind_seeds(b);
}

struct space *sched_bind(struct arena *a, const struct schedule *s,
	const struct tunable *tunables, int n, const char *const *size_names,
	const int64_t *size_values, int n_sizes, const char **why,
	struct span *at)
{
	struct binding b = { .a = a, .s = s };

	b.sp = empty_space(a, s, tunables, n);
	b.sp->size_names = size_names;
	b.sp->size_values = size_values;
	b.sp->n_sizes = n_sizes;
	b.by = ARENA_ARRAY(a, n + 1, const struct sched_directive *);
	if (bind(&b))
		return b.sp;
	*why = b.why;
	*at = b.at;
	return NULL;
}
