/* SPDX-License-Identifier: MIT */
/* --check and --test: programs against the reference, several at once, told
 * in the order of the file. */
#include "driver/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One thing to emulate: a job, at one of its sizes, or a contender. */
struct checked {
	const struct job *job;
	int which;
	bool competes;
	const char *text;	/* the verdict's letter, then what there is to say */
};

struct checking {
	struct session *s;
	struct checked *v;
	int n;
};

static void check_one(void *ctx, int i, struct str *out)
{
	struct checking *c = ctx;
	const struct checked *x = &c->v[i];
	struct arena *a = arena_create();
	struct proof r = x->competes ? prove_contender(c->s, a, x->job) :
		prove_case(c->s, a, x->job, x->job->program, x->which);

	str_printf(out, "%c%s", r.verdict != V_MEASURED ? 'x' :
		r.emulated ? 'v' : 'u', r.text);
	arena_destroy(a);
}

static struct checking check_list(struct session *s)
{
	struct checking c = { .s = s };
	job_list others = contenders_list(s);

	for (int i = 0; i < s->n_jobs; i++)
		c.n += prove_cases(&s->jobs[i]);
	c.v = ARENA_ARRAY(s->a, (size_t)(c.n + others.n) + 1, struct checked);
	c.n = 0;
	for (int i = 0; i < s->n_jobs; i++)
		for (int k = 0; k < prove_cases(&s->jobs[i]); k++)
			c.v[c.n++] = (struct checked){ .job = &s->jobs[i],
				.which = k };
	for (int i = 0; i < others.n; i++)
		c.v[c.n++] = (struct checked){ .job = &others.v[i],
			.competes = true };
	return c;
}

static struct checking check_all(struct session *s)
{
	struct checking c = check_list(s);
	const char **texts = ARENA_ARRAY(s->a, (size_t)c.n + 1, const char *);

	workers_run(s, c.n, check_one, &c, texts);
	for (int i = 0; i < c.n; i++)
		c.v[i].text = texts[i] ? texts[i] : arena_printf(s->a,
			*s->stop ? "x%s: not verified: stopped" :
			"x%s: the check itself failed", c.v[i].job->name);
	return c;
}

/* What is compiled and compared side by side takes turns on the GPU, by locks of a
 * file that has no name. Where there can be none, one check runs at a time. */
static void open_turns(struct session *s)
{
	int fd = memfd_create("turns", 0);

	if (fd > 0)
		s->turns = fd;
	else
		s->o->jobs = 1;
}

bool checks_run(struct session *s)
{
	struct checking c;

	if (s->o->check_gpu && !s->nvcc)
		return session_fail(s, EXIT_USER, "--check=gpu needs nvcc");
	if (s->o->check_gpu)
		open_turns(s);
	c = check_all(s);
	if (s->turns)
		close(s->turns);
	s->turns = 0;
	for (int i = 0; i < c.n; i++) {
		printf("%s\n", c.v[i].text + 1);
		if (c.v[i].text[0] != 'v')
			s->code = EXIT_UNVERIFIED;
	}
	return s->code == EXIT_DONE;
}

static void print_detail(const char *text)
{
	while (*text) {
		int n = (int)strcspn(text, "\n");

		printf("# %.*s\n", n, text);
		text += n + (text[n] == '\n');
	}
}

bool checks_test(struct session *s)
{
	struct checking c = check_all(s);

	printf("1..%d\n", c.n);
	for (int i = 0; i < c.n; i++) {
		const char *text = c.v[i].text, *judges = c.v[i].job->not_against;
		bool ok = *text == 'v', skip = *text == 'u';
		int n = (int)strcspn(text + 1, "\n");

		printf("%s %d - %.*s%s\n", ok || skip ? "ok" : "not ok", i + 1,
			n, text + 1, skip ? " # SKIP" : "");
		if (!ok)
			print_detail(text + 1 + n);
		if (judges)
			printf("# not compared with %s: this version calls no "
				"libraries\n", judges);
		if (!ok && !skip)
			s->code = EXIT_UNVERIFIED;
	}
	return s->code == EXIT_DONE;
}
