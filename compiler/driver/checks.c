/* SPDX-License-Identifier: MIT */
/* --check and --test: programs against the reference, several at once, told
 * in the order of the file. */
#include "driver/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* First line: the verdict's letter; then what there is to say. */
static void check_one(void *ctx, int i, struct str *out)
{
	struct session *s = ctx;
	struct arena *a = arena_create();
	struct proof r = prove(s, a, &s->jobs[i], s->jobs[i].program);

	str_printf(out, "%c%s", r.verdict != V_MEASURED ? 'x' :
		r.emulated ? 'v' : 'u', r.text);
	arena_destroy(a);
}

static const char **check_all(struct session *s)
{
	const char **texts = ARENA_ARRAY(s->a, (size_t)s->n_jobs + 1,
		const char *);

	s->o->check = true;
	workers_run(s, s->n_jobs, check_one, s, texts);
	for (int i = 0; i < s->n_jobs; i++)
		if (!texts[i])
			texts[i] = arena_printf(s->a, *s->stop ?
				"x%s: not verified: stopped" :
				"x%s: the check itself failed", s->jobs[i].name);
	return texts;
}

bool checks_run(struct session *s)
{
	const char **texts;

	if (s->o->check_gpu && !s->nvcc)
		return session_fail(s, EXIT_USER, "--check=gpu needs nvcc");
	if (s->o->check_gpu)
		s->o->jobs = 1;
	texts = check_all(s);

	for (int i = 0; i < s->n_jobs; i++) {
		printf("%s\n", texts[i] + 1);
		if (texts[i][0] != 'v')
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
	const char **texts = check_all(s);

	printf("1..%d\n", s->n_jobs);
	for (int i = 0; i < s->n_jobs; i++) {
		bool ok = texts[i][0] == 'v', skip = texts[i][0] == 'u';
		int n = (int)strcspn(texts[i] + 1, "\n");

		printf("%s %d - %.*s%s\n", ok || skip ? "ok" : "not ok", i + 1,
			n, texts[i] + 1, skip ? " # SKIP" : "");
		if (!ok)
			print_detail(texts[i] + 1 + n);
		if (s->jobs[i].not_against)
			printf("# not compared with %s: this version calls no "
				"libraries\n", s->jobs[i].not_against);
		if (!ok && !skip)
			s->code = EXIT_UNVERIFIED;
	}
	return s->code == EXIT_DONE;
}
