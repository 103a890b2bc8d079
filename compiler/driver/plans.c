/* SPDX-License-Identifier: MIT */
/* Plans: the ways to cut an operator into kernels, of which one is taken. In
 * comes a job whose operator is split, out go its distinct partitions, of which
 * plans_choose.c takes one. What the schedule says of partitions is judged here:
 * kernel(...) names the kernels, and cache and compute_at speak of values that a
 * partition keeps in memory or nowhere. All other directives are the sketches' to
 * honour or refuse. */
#include "driver/session.h"

#include <string.h>

/* ---- names in a partition ---- */

static int tensor_named(const struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (!strcmp(o->tensors[i].name, name))
			return i;
	return -1;
}

static bool computes(const struct plan *p, int group, const char *name)
{
	const struct ir_group *g = &p->partition->groups[group];
	int t = tensor_named(p->op, name);

	for (int i = 0; i < g->n_stmts; i++)
		if (p->op->stmts[g->stmts[i]].tensor == t)
			return true;
	return false;
}

/* The first group that computes "name", or -1. */
static int group_of(const struct plan *p, const char *name)
{
	for (int g = 0; g < p->partition->n_groups; g++)
		if (computes(p, g, name))
			return g;
	return -1;
}

const char *plan_kernel(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g, const char *between)
{
	const char *text = "", *last = "";

	for (int i = 0; i < g->n_stmts; i++) {
		const char *name = o->tensors[o->stmts[g->stmts[i]].tensor].name;

		if (strcmp(name, last))
			text = arena_printf(a, "%s%s%s", text,
				*text ? between : "", name);
		last = name;
	}
	return text;
}

const char *plan_kernels(struct arena *a, const struct plan *p)
{
	const char *text = "";

	for (int g = 0; g < p->partition->n_groups; g++)
		text = arena_printf(a, "%s%s%s", text, g ? "; " : "",
			plan_kernel(a, p->op, &p->partition->groups[g], ", "));
	return text;
}

/* ---- what the schedule says of partitions ---- */

static const char *bare(const struct sched_arg *arg)
{
	return !arg->key && arg->value.n == 1 &&
		arg->value.choices[0]->kind == SX_NAME ?
		arg->value.choices[0]->name : NULL;
}

static const char *keyed(const struct sched_directive *d, const char *key)
{
	for (int i = 0; i < d->n_args; i++)
		if (d->args[i].key && !strcmp(d->args[i].key, key) &&
		    d->args[i].value.n == 1 &&
		    d->args[i].value.choices[0]->kind == SX_NAME)
			return d->args[i].value.choices[0]->name;
	return NULL;
}

bool plan_is_head(const struct sched_directive *d)
{
	return !strcmp(d->name, "kernel");
}

const char *plan_sketch(const struct job *j, int group)
{
	int head = j->plans[j->plan].heads[group];

	return head < 0 ? NULL : keyed(&j->schedule->directives[head], "sketch");
}

static bool computes_named(const struct plan *p, int group,
	const struct sched_directive *d)
{
	int named = 0;

	for (int i = 0; i < d->n_args; i++) {
		if (d->args[i].key)
			continue;
		if (!bare(&d->args[i]) ||
		    !computes(p, group, bare(&d->args[i])))
			return false;
		named++;
	}
	return named > 0;
}

static bool names(const struct sched_directive *d, const char *tensor)
{
	for (int i = 0; i < d->n_args; i++)
		if (bare(&d->args[i]) && !strcmp(bare(&d->args[i]), tensor))
			return true;
	return false;
}

/* The group whose statements kernel(...) names, or -1: of several that compute
 * pieces of one output, the first without a head. "*all": it names them all. */
static int group_headed(const struct plan *p, const struct sched_directive *d,
	bool *all)
{
	for (int g = 0; g < p->partition->n_groups; g++) {
		const struct ir_group *x = &p->partition->groups[g];

		if (p->heads[g] >= 0 || !computes_named(p, g, d))
			continue;
		for (int i = 0; i < x->n_stmts; i++)
			*all &= names(d, p->op->tensors[p->op->stmts[
				x->stmts[i]].tensor].name);
		return g;
	}
	return -1;
}

enum fit { MISFIT, FITS, FITS_EXACTLY };

/* Does each kernel(...) name one kernel of the plan, and all of them one each? */
static enum fit fit_heads(const struct schedule *s, struct plan *p)
{
	int n = p->partition->n_groups, heads = 0;
	bool all = true;

	for (int g = 0; g < n; g++)
		p->heads[g] = -1;
	for (int i = 0; s && i < s->n_directives; i++) {
		int g;

		if (!plan_is_head(&s->directives[i]))
			continue;
		g = group_headed(p, &s->directives[i], &all);
		if (g < 0)
			return MISFIT;
		p->heads[g] = i;
		heads++;
	}
	if (!heads)
		return FITS;
	return heads < n ? MISFIT : all ? FITS_EXACTLY : FITS;
}

enum ruling { TO_SKETCHES, HOLDS, BROKEN };

/* cache(T, scope = none): T is computed where it is read; scope = global: T is
 * in memory between two kernels. */
static enum ruling judge_cache(const struct plan *p, const char *tensor,
	const char *scope)
{
	int t = tensor_named(p->op, tensor), g = group_of(p, tensor);

	if (t >= 0 && p->op->tensors[t].role != IR_LET)
		return TO_SKETCHES;
	if (scope && !strcmp(scope, "global"))
		return g >= 0 && ir_leaves_group(p->op, p->partition, g, t) ?
			HOLDS : BROKEN;
	if (g >= 0)
		return TO_SKETCHES;
	return scope && !strcmp(scope, "none") ? HOLDS : BROKEN;
}

static enum ruling judge(const struct plan *p, const struct sched_directive *d)
{
	bool cache = !strcmp(d->name, "cache"), holds = false;

	if (!cache && strcmp(d->name, "compute_at"))
		return TO_SKETCHES;
	for (int i = 0; i < (cache ? d->n_args : 1); i++) {
		const char *name = bare(&d->args[i]);
		enum ruling r = !name ? TO_SKETCHES :
			judge_cache(p, name, cache ? keyed(d, "scope") : "none");

		if (r == BROKEN)
			return BROKEN;
		holds |= r == HOLDS;
	}
	return holds ? HOLDS : TO_SKETCHES;
}

/* The schedule without what the plan itself honours; false if the plan breaks
 * it. */
static bool settle_schedule(struct arena *a, const struct schedule *s,
	struct plan *p)
{
	struct schedule *left = ARENA_NEW(a, struct schedule);

	p->schedule = s;
	if (!s)
		return true;
	*left = *s;
	left->directives = ARENA_ARRAY(a, (size_t)s->n_directives + 1,
		struct sched_directive);
	left->n_directives = 0;
	for (int i = 0; i < s->n_directives; i++) {
		enum ruling r = judge(p, &s->directives[i]);

		if (r == BROKEN)
			return false;
		if (r == TO_SKETCHES)
			left->directives[left->n_directives++] =
				s->directives[i];
	}
	p->schedule = left;
	return true;
}

/* ---- making plans ---- */

void plan_use(struct job *j, int plan)
{
	const struct plan *p = &j->plans[plan];

	j->plan = plan;
	j->file = p->file;
	j->hash = p->hash;
	j->op = p->op;
	j->partition = p->partition;
	j->schedule = p->schedule;
	j->parts = p->parts;
}

static const char *text_of(struct arena *a, const struct plan *p)
{
	struct str s;

	str_init(&s, a);
	ir_print(p->op, &s);
	ir_print_partition(p->op, p->partition, &s);
	return str_text(&s);
}

static bool is_new(const struct job *j, const char *text)
{
	for (int i = 0; i < j->n_plans; i++)
		if (!strcmp(j->plans[i].text, text))
			return false;
	return true;
}

static bool verify(struct session *s, const struct plan *p)
{
	const char *why = ir_verify(s->a, p->op);

	if (!why)
		why = ir_verify_partition(s->a, p->op, p->partition);
	return !why || session_fail(s, EXIT_INTERNAL, "partition of '%s': %s",
		p->op->name, why);
}

/* Where statistics of a product's rows could not join its kernel. */
#define STATISTICS_APART "a reduction joins the kernel of the product that it " \
	"reads where it goes over axes that one factor alone has, %d " \
	"elements at most and none of a size that stays open"

/* Is "p" the plan by which they join, and has it a product in one kernel and
 * rows reduced in another all the same? */
static bool reduces_apart(const struct plan *p)
{
	bool product = false, row = false;

	for (int g = 0; g < p->partition->n_groups; g++) {
		enum ir_anchor anchor = p->partition->groups[g].anchor;

		product |= anchor == IR_CONTRACTION || anchor == IR_CHAIN ||
			anchor == IR_TWINS;
		row |= anchor == IR_ROW;
	}
	return p->cut.rule == IR_STATISTICS && product && row;
}

/* Nothing fits what the schedule says: the kernels there could be. */
static bool report_misfit(struct session *s, const struct job *j,
	struct plan *const *all, int n)
{
	struct span at = j->schedule->at;
	const char *text, *last = "";
	bool headed = false;

	for (int i = j->schedule->n_directives - 1; i >= 0; i--)
		if (plan_is_head(&j->schedule->directives[i])) {
			at = j->schedule->directives[i].at;
			headed = true;
		}
	diag_error(s->d, E_NO_SKETCH, at, "'%s' is not cut into kernels like this",
		j->name);
	for (int i = 0; i < n; i++, last = text) {
		text = plan_kernels(s->a, all[i]);
		if (strcmp(text, last))
			diag_note(s->d, (struct span){0}, "its kernels can be "
				"%s", text);
	}
	for (int i = 0; headed && i < n; i++)
		if (reduces_apart(all[i]))
			diag_note(s->d, (struct span){0}, STATISTICS_APART,
				IR_PRODUCT_ROW);
	diag_hint(s->d, headed ? "Name every kernel by a statement of its own, "
		"or give no kernel(...) at all." : "cache(..., scope = global) "
		"is for what one kernel writes and another reads, scope = none "
		"and compute_at for what is computed where it is read.");
	return false;
}

static struct plan *make_plan(struct session *s, const struct job *j,
	struct ir_cut cut, int which)
{
	struct plan *p = ARENA_NEW(s->a, struct plan);

	p->cut = cut;
	p->which = which;
	p->hash = j->hash;
	p->op = ir_copy(s->a, j->op);
	p->partition = ir_partition_by(s->a, p->op, cut);
	p->heads = ARENA_ARRAY(s->a, (size_t)p->partition->n_groups, int);
	p->text = text_of(s->a, p);
	return p;
}

/* A hand-written file is one kernel, as far as the compiler can see. */
static struct plan *make_whole(struct session *s, const struct job *j,
	const struct task_file *file)
{
	struct plan *p = ARENA_NEW(s->a, struct plan);
	struct ir_group *g = ARENA_NEW(s->a, struct ir_group);

	*p = (struct plan){ .op = ir_copy(s->a, j->op), .file = file,
		.hash = j->hash ^ file->hash, .schedule = j->schedule };
	g->anchor = IR_MAP;
	g->n_stmts = p->op->n_stmts;
	g->stmts = ARENA_ARRAY(s->a, (size_t)g->n_stmts + 1, int);
	for (int i = 0; i < g->n_stmts; i++)
		g->stmts[i] = i;
	p->partition = ARENA_NEW(s->a, struct ir_partition);
	*p->partition = (struct ir_partition){ g, 1 };
	p->heads = ARENA_ARRAY(s->a, 1, int);
	p->text = text_of(s->a, p);
	return p;
}

/* All that were made, whether they are as the schedule says or not; "apart": how
 * many are, but for in_place(). */
struct making {
	struct plan **all;
	int n, apart;
	enum fit best;
};

/* Did another cut before come to the same? */
static bool was_made(const struct making *m, const struct plan *p)
{
	for (int i = 0; i < m->n && m->all[i] != p; i++)
		if (!strcmp(m->all[i]->text, p->text))
			return true;
	return false;
}

/* Does the plan do what the schedule says of kernels, as well as the best? */
static void add_if_fit(struct session *s, struct job *j, struct plan *p,
	struct making *m)
{
	enum fit fit = settle_schedule(s->a, j->schedule, p) ?
		fit_heads(p->schedule, p) : MISFIT;

	m->all[m->n++] = p;
	p->misfit = fit == MISFIT;
	p->why = ir_in_place_refused(s->a, p->op, p->partition, &p->out);
	if (fit != MISFIT && p->why) {
		if (!was_made(m, p))
			plan_explain_in_place(s, p);
		m->apart++;
		return;
	}
	if (fit > m->best)
		j->n_plans = 0;
	m->best = fit > m->best ? fit : m->best;
	if (fit == m->best && is_new(j, p->text))
		j->plans[j->n_plans++] = *p;
}

/* A file is no kernel of several. */
static void add_file(struct session *s, struct job *j,
	const struct task_file *file, struct making *m)
{
	struct plan *p = make_whole(s, j, file);

	m->all[m->n++] = p;
	if (fit_heads(j->schedule, p) != MISFIT)
		j->plans[j->n_plans++] = *p;
}

bool plans_make(struct session *s, struct job *j)
{
	struct ir_cut cuts[CUTS_MOST];
	int n = cuts_find(s, j->schedule, cuts);
	size_t room = (size_t)(n + j->n_files);
	struct making m = { .all = ARENA_ARRAY(s->a, room, struct plan *),
		.best = FITS };

	j->plans = ARENA_ARRAY(s->a, room, struct plan);
	for (int i = 0; i < n && !j->file_pinned; i++) {
		struct plan *p = make_plan(s, j, cuts[i], i);

		if (s->o->verify_passes && !verify(s, p))
			return false;
		if (s->o->verbose && reduces_apart(p))
			session_say(s, "%s: " STATISTICS_APART, j->name,
				IR_PRODUCT_ROW);
		add_if_fit(s, j, p, &m);
	}
	if (m.apart && !j->n_plans)
		return plans_report_in_place(s, j, m.all, m.n);
	for (int i = 0; i < j->n_files; i++)
		add_file(s, j, &j->files[i], &m);
	if (!j->n_plans)
		return report_misfit(s, j, m.all, m.n);
	plan_use(j, 0);
	return true;
}
