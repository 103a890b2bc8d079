/* SPDX-License-Identifier: MIT */
/* Values of directives. In: the choices a user wrote for one tunable. Out: a
 * gene of its own with those values, a param's gene that the tunable follows,
 * or an expression over params. Params become genes when
 * something first follows them, so that a sketch that needs none of a
 * schedule's params does not search over them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "schedule/private.h"

bool bind_fail(struct binding *b, struct span at, const char *fmt, ...)
{
	va_list ap;

	if (b->why)
		return false;
	va_start(ap, fmt);
	b->why = arena_vprintf(b->a, fmt, ap);
	va_end(ap);
	b->at = at;
	return false;
}

static struct bind_param *find_param(struct binding *b, const char *name)
{
	for (int i = 0; b->s && i < b->s->n_params; i++)
		if (b->params[i].param &&
		    !strcmp(b->params[i].param->name, name))
			return &b->params[i];
	return NULL;
}

static int find_tunable(const struct binding *b, const char *name)
{
	for (int i = 0; i < b->sp->n_tunables; i++)
		if (!strcmp(b->sp->tunables[i].name, name))
			return i;
	return -1;
}

static int find_word(const char *const *words, const char *name)
{
	for (int i = 0; words && words[i]; i++)
		if (!strcmp(words[i], name))
			return i;
	return -1;
}

static int new_gene(struct binding *b, struct gene g)
{
	b->sp->genes[b->sp->n_genes] = g;
	return b->sp->n_genes++;
}

/* Does "e" name a param or smem_max, which have no value yet? */
static bool is_open(struct binding *b, const struct sched_expr *e)
{
	if (e->kind == SX_NAME)
		return find_param(b, e->name) || !strcmp(e->name, "smem_max");
	for (int i = 0; e->kind == SX_OP && i < op_rows[e->op].n; i++)
		if (is_open(b, e->args[i]))
			return true;
	return false;
}

static bool size_lookup(void *ctx, const char *name, int64_t *v)
{
	return space_size_named(ctx, name, v);
}

static const char *text_of(struct binding *b, const struct sched_expr *e)
{
	struct str out;

	str_init(&out, b->a);
	sched_print_expr(e, &out);
	return str_text(&out);
}

/* Of words that are numbers the one nearest to "v", or NULL. */
static const char *nearest_number(const char *const *words, int64_t v)
{
	const char *best = NULL;
	long long least = 0;

	for (int i = 0; words[i]; i++) {
		char *end;
		long long is = strtoll(words[i], &end, 10);
		long long off = is > v ? is - v : v - is;

		if (*end || (best && off >= least))
			continue;
		best = words[i];
		least = off;
	}
	return best;
}

static bool not_a_word(struct binding *b, const struct sched_expr *e,
	const char *const *words, const char *what, struct span at)
{
	const char *text = text_of(b, e), *near;

	if (e->kind == SX_INT && nearest_number(words, e->i))
		return bind_fail(b, at, "%s cannot be %s, %s it can", what, text,
			nearest_number(words, e->i));
	near = e->kind == SX_NAME ? str_nearest(e->name, words) : NULL;
	if (near)
		return bind_fail(b, at, "%s cannot be %s; did you mean %s?",
			what, text, near);
	return bind_fail(b, at, "%s cannot be %s; it is one of %s", what, text,
		str_some(b->a, text, words));
}

bool bind_choice(struct binding *b, const struct sched_expr *e,
	const char *const *words, const char *what, struct span at, int *v)
{
	char digits[24];
	int64_t n;

	if (words && e->kind != SX_OP) {
		snprintf(digits, sizeof(digits), "%lld", (long long)e->i);
		*v = find_word(words, e->kind == SX_INT ? digits : e->name);
		return *v >= 0 || not_a_word(b, e, words, what, at);
	}
	if (words)
		return not_a_word(b, e, words, what, at);
	if (!sched_eval(e, size_lookup, b->sp, &n))
		return bind_fail(b, at, "%s cannot be %s, which has no value here",
			what, text_of(b, e));
	*v = (int)n;
	return *v == n || bind_fail(b, at, "%s cannot be %lld: too large", what,
		(long long)n);
}

static bool contains(const int *values, int n, int v)
{
	for (int i = 0; i < n; i++)
		if (values[i] == v)
			return true;
	return false;
}

/* The choices as values, each once. */
static bool choices(struct binding *b, const struct sched_value *v,
	const char *const *words, const char *what, struct gene *g)
{
	int *values = ARENA_ARRAY(b->a, v->n + 1, int), n = 0;

	for (int i = 0; i < v->n; i++) {
		const struct sched_expr *e = v->choices[i];

		if (!(words && e->kind == SX_NAME) && is_open(b, e))
			return bind_fail(b, v->at, "%s cannot choose among "
				"expressions of params; give it one", what);
		if (!bind_choice(b, e, words, what, v->at, &values[n]))
			return false;
		n += !contains(values, n, values[n]);
	}
	g->values = values;
	g->n = n;
	g->words = words;
	return n > 0 || bind_fail(b, v->at, "%s is given no value", what);
}

static bool same_words(const char *const *x, const char *const *y)
{
	if (!x || !y)
		return x == y;
	for (; *x && *y; x++, y++)
		if (strcmp(*x, *y))
			return false;
	return *x == *y;
}

/* The gene of param "p", made on first use; "words" are those of the tunable
 * that follows it. -1 after bind_fail. */
static int param_gene(struct binding *b, struct bind_param *p,
	const char *const *words, struct span at)
{
	struct gene g = { .name = p->param->name };

	if (p->gene >= 0) {
		if (same_words(b->sp->genes[p->gene].words, words))
			return p->gene;
		bind_fail(b, at, "param %s stands for different kinds of value",
			p->param->name);
		return -1;
	}
	if (!choices(b, &p->param->value, words, g.name, &g))
		return -1;
	p->gene = new_gene(b, g);
	return p->gene;
}

/* Nodes of "e" as a tree, counted up to "limit". */
static int weight(const struct sched_expr *e, int limit)
{
	int n = 1;

	for (int i = 0; e->kind == SX_OP && i < op_rows[e->op].n && n < limit; i++)
		n += weight(e->args[i], limit - n);
	return n;
}

/* Aliases of aliases can double at each step: they stay below this. */
enum { ALIAS_LIMIT = 1000 };

static bool bind_alias(struct binding *b, const struct sched_param *p,
	const struct sched_expr **alias)
{
	*alias = bind_expr(b, p->value.choices[0], false, p->value.at);
	if (!*alias)
		return false;
	return weight(*alias, ALIAS_LIMIT) < ALIAS_LIMIT ||
		bind_fail(b, p->value.at, "param %s is too long an expression",
			p->name);
}

bool bind_params(struct binding *b)
{
	int n = b->s ? b->s->n_params : 0;

	b->params = ARENA_ARRAY(b->a, n + 1, struct bind_param);
	for (int i = 0; i < n; i++) {
		const struct sched_param *p = &b->s->params[i];

		if (p->value.n == 1 && is_open(b, p->value.choices[0]) &&
		    !bind_alias(b, p, &b->params[i].alias))
			return false;
		b->params[i].gene = -1;
		b->params[i].param = p;
	}
	return true;
}

static const struct sched_expr *unknown_name(struct binding *b, const char *name,
	struct span at)
{
	struct space *sp = b->sp;
	VEC(const char *) all = {0};
	const char *near;

	for (int i = 0; b->s && i < b->s->n_params; i++)
		vec_push(b->a, &all, b->s->params[i].name);
	for (int i = 0; i < sp->n_tunables; i++)
		vec_push(b->a, &all, sp->tunables[i].name);
	for (int i = 0; i < sp->n_sizes; i++)
		vec_push(b->a, &all, sp->size_names[i]);
	vec_push(b->a, &all, NULL);
	near = str_nearest(name, all.v);
	if (near)
		bind_fail(b, at, "%s is no number here; did you mean %s?", name,
			near);
	else
		bind_fail(b, at, "%s is no number here; there is %s", name,
			str_some(b->a, name, all.v));
	return NULL;
}

static const struct sched_expr *bind_name(struct binding *b,
	const struct sched_expr *e, bool tunables, struct span at)
{
	struct bind_param *p = find_param(b, e->name);
	int t = find_tunable(b, e->name);
	int64_t v;

	if (p && p->alias)
		return p->alias;
	if (p)
		return p->gene >= 0 || param_gene(b, p, NULL, at) >= 0 ?
			e : NULL;
	if ((t >= 0 && tunables) || space_size_named(b->sp, e->name, &v))
		return e;
	return unknown_name(b, e->name, at);
}

const struct sched_expr *bind_expr(struct binding *b,
	const struct sched_expr *e, bool tunables, struct span at)
{
	struct sched_expr *copy;

	if (e->kind == SX_NAME)
		return bind_name(b, e, tunables, at);
	if (e->kind == SX_STRING) {
		bind_fail(b, at, "\"%s\" is no number", e->name);
		return NULL;
	}
	if (e->kind == SX_INT)
		return e;
	copy = ARENA_NEW(b->a, struct sched_expr);
	*copy = *e;
	for (int i = 0; i < op_rows[e->op].n; i++) {
		copy->args[i] = (struct sched_expr *)bind_expr(b, e->args[i],
			tunables, at);
		if (!copy->args[i])
			return NULL;
	}
	return copy;
}

static bool follow(struct binding *b, int t, const struct sched_expr *e,
	struct span at)
{
	const char *const *words = b->sp->tunables[t].words;
	struct bind_param *p;

	p = e->kind == SX_NAME ? find_param(b, e->name) : NULL;
	if (p && !p->alias) {
		b->sp->follows[t] = param_gene(b, p, words, at);
		return b->sp->follows[t] >= 0;
	}
	if (words)
		return not_a_word(b, e, words, b->sp->tunables[t].name, at);
	b->sp->follows[t] = -1;
	b->sp->exprs[t] = bind_expr(b, e, false, at);
	return b->sp->exprs[t];
}

bool bind_value(struct binding *b, int t, const struct sched_value *v)
{
	const struct tunable *tn = &b->sp->tunables[t];
	struct gene g = { .name = tn->name, .launch = tn->launch };
	bool word;

	word = v->n == 1 && v->choices[0]->kind == SX_NAME &&
		find_word(tn->words, v->choices[0]->name) >= 0;
	if (v->n == 1 && !word && is_open(b, v->choices[0]))
		return follow(b, t, v->choices[0], v->at);
	if (!choices(b, v, tn->words, tn->name, &g))
		return false;
	b->sp->follows[t] = new_gene(b, g);
	return true;
}

void bind_open(struct binding *b, int t)
{
	const struct tunable *tn = &b->sp->tunables[t];

	b->sp->follows[t] = new_gene(b, (struct gene){ tn->name, tn->values,
		tn->n, tn->words, tn->launch });
}
