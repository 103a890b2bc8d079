/* SPDX-License-Identifier: MIT */
/* Contenders: files written by hand that tune blocks name. In: the jobs, whose
 * plans have them beside the partitions. Out: each that was not taken told of,
 * and as a job of its own with a program, to be proved like any kernel. What
 * one costs nobody knows before it is measured, so the model chooses none. */
#include "driver/session.h"

#include <string.h>

static bool is_left(const struct job *j, int plan)
{
	return plan != j->plan && plan_competes(j, plan);
}

/* Did a job before this one of the same operator tell of it? */
static bool was_told(const struct session *s, const struct job *j,
	const struct task_file *f)
{
	for (const struct job *x = s->jobs; x < j; x++)
		for (int i = 0; x->item == j->item && i < x->n_files; i++)
			if (!strcmp(x->files[i].name, f->name))
				return true;
	return false;
}

void contenders_tell(struct session *s, const struct job *j)
{
	for (int i = 0; i < j->n_plans; i++) {
		const struct task_file *f = j->plans[i].file;

		if (!is_left(j, i) || was_told(s, j, f))
			continue;
		if (!j->plans[i].parts[0].choice.candidate)
			session_say(s, "%s: %s is not used: the schedule or "
				"--set asks for another way", j->name, f->name);
		else
			session_say(s, "%s: %s has no predicted cost, so "
				"nothing tells whether it is faster: --set "
				"variant=%s or a schedule takes it", j->name,
				f->name, f->name);
	}
}

/* NULL if the schedule or --set asks for what the file cannot do. */
static struct job *job_of(struct session *s, const struct job *j, int plan)
{
	struct job *c = ARENA_NEW(s->a, struct job);

	*c = *j;
	plan_use(c, plan);
	if (!c->parts && !plan_choose(s, c, plan))
		return NULL;
	if (!c->parts[0].choice.candidate)
		return NULL;
	c->program = choices_program(s, s->a, c);
	c->name = arena_printf(s->a, "%s by %s", j->name, c->file->name);
	return c->program ? c : NULL;
}

job_list contenders_list(struct session *s)
{
	job_list list = {0};

	for (int i = 0; i < s->n_jobs; i++)
		for (int k = 0; k < s->jobs[i].n_plans; k++) {
			const struct job *c = is_left(&s->jobs[i], k) ?
				job_of(s, &s->jobs[i], k) : NULL;

			if (c)
				vec_push(s->a, &list, *c);
		}
	return list;
}

void contenders_print_space(struct session *s, const struct job *j,
	struct str *out)
{
	for (int i = 0; i < j->n_plans; i++) {
		const struct job *c = is_left(j, i) ? job_of(s, j, i) : NULL;

		if (!is_left(j, i))
			continue;
		str_printf(out, c ? "# %s: %s: competes once it is measured\n" :
			"# %s: %s: no: the schedule or --set asks for another "
			"way\n", j->name, j->plans[i].file->name);
		if (c)
			space_print(c->parts[0].choice.candidate->space, out);
	}
}

struct proving {
	struct session *s;
	job_list list;
};

static void prove_one(void *ctx, int i, struct str *out)
{
	const struct proving *p = ctx;
	const struct job *j = &p->list.v[i];
	struct proof r = prove(p->s, p->s->a, j, j->program);

	if (strncmp(r.text, j->name, strlen(j->name)))
		str_printf(out, "%s: ", j->name);
	str_printf(out, "%.*s", (int)strcspn(r.text, "\n"), r.text);
}

void contenders_prove(struct session *s)
{
	struct proving p = { s, contenders_list(s) };
	const char **texts = ARENA_ARRAY(s->a, (size_t)p.list.n + 1,
		const char *);

	workers_run(s, p.list.n, prove_one, &p, texts);
	for (int i = 0; i < p.list.n; i++)
		if (texts[i] && !*s->stop)
			session_say(s, "%s", texts[i]);
}
