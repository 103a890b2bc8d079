/* SPDX-License-Identifier: MIT */
/* Plans: the user's, or what wpkc, a child process, makes of a source. */
#include "runtime/wpkrun/wpkrun.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct library_set {
	enum against against;
	const char *name, *set;
} rivals[] = {
	{ AGAINST_CUDNN, "cudnn", "--set=sketch=library,library=cudnn" },
	{ AGAINST_CUBLASLT, "cublaslt", "--set=sketch=library,library=cublaslt" },
};

const char *plan_compiler(struct session *s)
{
	const char *own = getenv("WPKC");
	const char *found = own && *own ? own : device_beside(s, "wpkc",
		"wpkc");

	if (!found)
		session_fail(s, EXIT_USER, "wpkc is not beside wpkrun, and WPKC"
			" does not name it");
	return found;
}

/* ---- what file it is ---- */

/* A plan is a JSON object, as which no source begins. */
static bool is_plan(struct session *s, const char *path, bool *plan)
{
	FILE *f = fopen(path, "rb");
	int c = ' ', wrong;

	if (f) {
		errno = 0;
		while (isspace(c))
			c = getc(f);
		wrong = ferror(f) ? errno : 0;
		fclose(f);
		errno = wrong;
	}
	*plan = c == '{';
	return (f && !errno) || session_fail(s, EXIT_USER, "cannot read '%s': "
		"%s", path, strerror(errno));
}

/* The source's name stands in the plan, and it lies beside it. */
static const char *source_beside(struct session *s, const char *path)
{
	json_error_t e;
	json_t *v = json_load_file(path, 0, &e);
	const char *name = json_string_value(json_object_get(v, "source"));
	const char *slash = strrchr(path, '/'), *found = NULL;

	if (name)
		found = session_print(s, "%.*s%s", slash && *name != '/' ?
			(int)(slash + 1 - path) : 0, path, name);
	json_decref(v);
	return found && !access(found, R_OK) ? found : NULL;
}

/* ---- compiling ---- */

/* The best target for the GPU, where nothing says what to compile for. */
static const char *target_of(struct session *s, const char *wpkc)
{
	const char *const argv[] = { wpkc, "--list=targets", NULL };
	const int device = s->context->major * 10 + s->context->minor;
	char *list, *save = NULL;
	const char *best = NULL;
	int best_rank = 0, rank;

	if (folder_run(argv, &list)) {
		free(list);
		return NULL;
	}
	for (char *p = strtok_r(list, "\n", &save); p;
	     p = strtok_r(NULL, "\n", &save)) {
		char *end;
		long n = strncmp(p, "sm_", 3) ? 0 : strtol(p + 3, &end, 10);
		bool special = n && *end == 'a';

		p[strcspn(p, " \t")] = 0;
		rank = (int)(2 * n) + special;
		if (n && (special ? n == device : n <= device) &&
		    rank > best_rank) {
			best_rank = rank;
			best = session_print(s, "--target=%s", p);
		}
	}
	free(list);
	return best;
}

static bool says(const struct word_list *l, const char *option)
{
	for (int i = 0; i < l->n; i++)
		if (!strncmp(l->v[i], option, strlen(option)))
			return true;
	return false;
}

static bool is_told_target(struct session *s)
{
	const struct word_list *l = &s->o->compiler;

	return s->emulated || says(l, "--target") || says(l, "--gpu") ||
		says(l, "--lock") || !access(session_print(s, "%s.lock",
		s->o->file), R_OK);
}

/* What wpkc said stands on standard error. */
static bool compile(struct session *s, const char *more, const char *out)
{
	const struct options *o = s->o;
	const char *wpkc = plan_compiler(s), **argv;
	const char *target;
	int n = 0, status;

	if (!wpkc)
		return false;
	argv = session_take(s, (size_t)(o->compiler.n + o->include.n +
		2 * o->operators.n + 12), sizeof *argv);
	target = is_told_target(s) ? NULL : target_of(s, wpkc);
	argv[n++] = wpkc;
	argv[n++] = o->file;
	argv[n++] = session_print(s, "--plan=%s.plan", out);
	argv[n++] = s->emulated ? "--modules=emu" : "--modules=gpu";
	argv[n++] = "-o";
	argv[n++] = session_print(s, "%s.cu", out);
	if (!o->verbose)
		argv[n++] = "-q";
	for (int i = 0; i < o->operators.n; i++)
		argv[n++] = session_print(s, "--op=%s", o->operators.v[i]);
	for (int i = 0; i < o->include.n; i++)
		argv[n++] = o->include.v[i];
	for (int i = 0; i < o->compiler.n; i++)
		argv[n++] = o->compiler.v[i];
	if (target)
		argv[n++] = target;
	if (more)
		argv[n++] = more;
	status = folder_run(argv, NULL);
	if (!status)
		return true;
	if (status > EXIT_INTERNAL)
		return session_fail(s, EXIT_INTERNAL, "%s %s", wpkc, status ==
			127 ? "cannot be run" : "was ended by a signal");
	s->code = s->code ? s->code : (enum exit_code)status;
	return false;
}

/* ---- opening ---- */

static bool load(struct session *s, struct plan *p)
{
	struct wpk_error e;

	return !wpk_plan_load(s->context, p->path, &p->plan, &e) ||
		session_fail_wpk(s, NULL, &e);
}

static bool make(struct session *s, const char *more, struct plan *p)
{
	const char *out = session_print(s, "%s/%s", s->folder, p->name);

	if (!compile(s, more, out))
		return false;
	p->path = session_print(s, "%s.plan", out);
	p->source = s->o->file;
	return load(s, p);
}

/* Options that say how to compile say nothing of what is compiled already. */
static bool takes_plan(struct session *s)
{
	const struct word_list *l = &s->o->compiler;

	for (int i = 0; i < l->n; i++)
		if (strncmp(l->v[i], "--shape=", 8) &&
		    strncmp(l->v[i], "--color", 7))
			return session_fail(s, EXIT_USER, "%s is for compiling,"
				" and %s is a plan already", l->v[i],
				s->o->file);
	return true;
}

static bool take(struct session *s, struct plan *p)
{
	const struct options *o = s->o;

	p->path = o->file;
	if (!takes_plan(s) || !load(s, p))
		return false;
	if (o->against == AGAINST_NONE)
		return true;
	p->source = o->source ? o->source : source_beside(s, p->path);
	if (p->source)
		return true;
	if (o->against & AGAINST_REF)
		return session_fail(s, EXIT_USER, "the source of %s is not "
			"beside it: name it with --source", p->path);
	session_say(s, "results are not checked: the source of %s is not "
		"beside it (--source)", p->path);
	return true;
}

bool plan_open(struct session *s, struct plan *p)
{
	bool plan;

	*p = (struct plan){ .name = "woodpecker" };
	if (!is_plan(s, s->o->file, &plan))
		return false;
	if (plan)
		return take(s, p);
	if (s->o->source)
		return session_fail(s, EXIT_USER, "--source is for plans, and "
			"%s is a source", s->o->file);
	return make(s, NULL, p);
}

/* ---- rivals ---- */

/* Does this wpkc know the sketch that calls libraries? */
static bool has_libraries(const char *wpkc)
{
	const char *const argv[] = { wpkc, "--list=sketches", NULL };
	char *list;
	bool found = !folder_run(argv, &list) && list &&
		(!strncmp(list, "library ", 8) || strstr(list, "\nlibrary "));

	free(list);
	return found;
}

bool plan_open_rival(struct session *s, enum against against, struct plan *p)
{
	const char *wpkc = plan_compiler(s);
	int i = against == AGAINST_CUBLASLT;
	bool plan;

	*p = (struct plan){ .name = rivals[i].name };
	if (!wpkc || !is_plan(s, s->o->file, &plan))
		return false;
	if (plan)
		return session_fail(s, EXIT_USER, "--against=%s wants a source:"
			" a plan has its kernels alone", p->name);
	if (!has_libraries(wpkc))
		return session_fail(s, EXIT_USER, "--against=%s: this wpkc "
			"writes no plans that call libraries", p->name);
	return make(s, rivals[i].set, p);
}

void plan_close(struct plan *p)
{
	wpk_plan_destroy(p->plan);
}
