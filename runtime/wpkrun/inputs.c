/* SPDX-License-Identifier: MIT */
/* What a subject is run on. With a source, "wpkc reference" makes the inputs, or
 * takes those of --in, and tells what must come of them; without one they come
 * from the seed, and nobody knows. */
#include "runtime/worker/worker.h"
#include "runtime/wpkrun/wpkrun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arrays of the user's ---- */

static bool fits(struct session *s, const struct subject_tensor *t,
	const char *path, const struct npy *x)
{
	const struct layout *l = &t->layout;
	bool same = x->rank == l->rank;

	if (!npy_fits(x, t->type))
		return session_fail(s, EXIT_USER, "--in %s=%s: its elements are"
			" '%c%d', and %s is %s, as '%s'", t->name, path,
			x->kind, x->bytes, t->name, npy_type_name(t->type),
			npy_descr(t->type));
	for (int d = 0; d < l->rank && same; d++)
		same = x->shape[d] == l->dims[d];
	if (same)
		return true;

	char is[WPK_RANK * 21 + 1] = "", want[WPK_RANK * 21 + 1] = "";

	for (int d = 0; d < x->rank; d++)
		sprintf(is + strlen(is), "%s%lld", d ? ", " : "",
			(long long)x->shape[d]);
	for (int d = 0; d < l->rank; d++)
		sprintf(want + strlen(want), "%s%lld", d ? ", " : "",
			(long long)l->dims[d]);
	return session_fail(s, EXIT_USER, "--in %s=%s: it is [%s], and %s is "
		"[%s]", t->name, path, is, t->name, want);
}

/* The file's elements as the tensor lies in memory, malloc'ed; NULL, reported. */
static void *array_of(struct session *s, const struct subject_tensor *t,
	const char *path)
{
	struct npy x;
	char why[200];
	void *memory = NULL;

	if (npy_read(path, true, &x, why)) {
		session_fail(s, EXIT_USER, "--in %s=%s: %s", t->name, path,
			why);
		return NULL;
	}
	if (fits(s, t, path, &x)) {
		memory = large_take(s, t->bytes);
		if (!layout_scatter(&t->layout, t->type.bits, x.fortran,
		    x.data, memory)) {
			session_fail(s, EXIT_INTERNAL, "no memory");
			free(memory);
			memory = NULL;
		}
	}
	npy_free(&x);
	return memory;
}

static const char *file_for(struct session *s, const struct subject_tensor *t)
{
	return t->output ? NULL : pair_value(&s->o->in, t->name);
}

/* ---- with a reference ---- */

static bool write_raw(struct session *s, const struct subject_tensor *t,
	const char *path)
{
	void *memory = array_of(s, t, file_for(s, t));
	FILE *f = memory ? fopen(path, "wb") : NULL;
	bool ok = f && fwrite(memory, 1, t->bytes, f) == t->bytes;

	ok &= f && !fclose(f);
	if (memory && !ok)
		session_fail(s, EXIT_USER, "cannot write '%s'", path);
	free(memory);
	return ok;
}

static const char *shape_option(struct session *s, const struct subject *x)
{
	return session_print(s, "--shape=%s", x->shape);
}

/* What a library computes is right by more than one of its algorithms. */
static int sets_of(const struct session *s)
{
	return s->o->fresh || (s->o->time && s->o->against &
		(AGAINST_CUDNN | AGAINST_CUBLASLT)) ? SETS : 1;
}

/* "wpkc reference ..." into "folder"; NULL, reported. */
static const char **command(struct session *s, const struct plan *p,
	const struct subject *x, const char *folder)
{
	const struct options *o = s->o;
	const char *wpkc = plan_compiler(s), **v = session_take(s,
		(size_t)(o->include.n + x->n + 16), sizeof *v);
	int n = 0;

	if (!wpkc)
		return NULL;
	v[n++] = wpkc;
	v[n++] = "reference";
	v[n++] = p->source;
	v[n++] = session_print(s, "--to=%s", folder);
	v[n++] = session_print(s, "--of=%s", p->path);
	v[n++] = session_print(s, "--op=%s", x->name);
	v[n++] = session_print(s, "--seed=%llu", (unsigned long long)o->seed);
	v[n++] = session_print(s, "--sets=%d", sets_of(s));
	if (o->samples)
		v[n++] = session_print(s, "--samples=%s", o->samples);
	if (x->n_sizes)
		v[n++] = shape_option(s, x);
	for (int i = 0; i < o->include.n; i++)
		v[n++] = o->include.v[i];
	for (int i = 0; i < x->n; i++) {
		const struct subject_tensor *t = &x->tensors[i];
		const char *raw = session_print(s, "%s/in.%s", s->folder,
			t->name);

		if (!file_for(s, t))
			continue;
		if (!write_raw(s, t, raw))
			return NULL;
		v[n++] = session_print(s, "--input=%s=%s", t->name, raw);
	}
	return v;
}

/* The problem's tensors are the plan's. */
static bool is_same(const struct subject *x, const struct task *t)
{
	bool same = t->n == x->n;

	for (int i = 0; i < x->n && same; i++)
		same = !strcmp(t->tensors[i].name, x->tensors[i].name) &&
			t->tensors[i].bytes == x->tensors[i].bytes &&
			t->tensors[i].output == x->tensors[i].output;
	return same;
}

static bool read_task(struct session *s, const char *folder,
	struct inputs *in)
{
	const char *path = session_print(s, "%s/reference.json", folder);
	const char *why = "it cannot be read";
	json_error_t e;
	json_t *all = json_load_file(path, 0, &e);
	json_t *problem = json_object_get(json_array_get(json_object_get(all,
		"operators"), 0), "problem");

	if (problem)
		in->task = task_read(problem, &why);
	json_decref(all);
	if (!in->task)
		return session_fail(s, EXIT_INTERNAL, "what wpkc reference "
			"wrote: %s", why);
	if (!is_same(in->x, in->task) || in->task->n_sets > SETS)
		return session_fail(s, EXIT_USER, "%s: the source has other "
			"tensors than the plan", in->x->title);
	for (int k = 0; k < in->task->n_sets; k++)
		in->sets[in->n_sets++] = in->task->sets[k].p;
	return true;
}

/* What is read stays mapped, so its files may go. */
static bool refer(struct session *s, const struct plan *p, struct inputs *in)
{
	const char *folder = session_print(s, "%s/reference", s->folder);
	const char **argv = command(s, p, in->x, folder);
	int status;
	bool ok;

	if (!argv)
		return false;
	status = folder_run(argv, NULL);
	if (status > EXIT_INTERNAL)
		return session_fail(s, EXIT_INTERNAL, "%s cannot be run",
			argv[0]);
	s->code = s->code ? s->code : (enum exit_code)status;
	ok = !status && read_task(s, folder, in);
	folder_drop(folder);
	return ok;
}

/* ---- without ---- */

static bool make(struct session *s, struct inputs *in)
{
	const struct subject *x = in->x;

	in->own = true;
	for (; in->n_sets < sets_of(s); in->n_sets++) {
		const void **set = large_take(s, (size_t)x->n * sizeof *set);

		in->sets[in->n_sets] = set;
		for (int i = 0; i < x->n_inputs; i++) {
			const struct subject_tensor *t = &x->tensors[i];
			const char *path = file_for(s, t);
			void *memory = path ? array_of(s, t, path) :
				large_take(s, t->bytes);

			set[i] = memory;
			if (!memory) {
				in->n_sets++;
				return false;
			}
			if (!path)
				inputs_fill(t, s->o->seed + 1000003u *
					(uint64_t)in->n_sets + 64 *
					(uint64_t)i, memory);
		}
	}
	return true;
}

/* What is only timed needs no reference, unless it is asked for. */
static bool is_referred(const struct session *s)
{
	return !s->o->against || s->o->against & AGAINST_REF ||
		(!s->o->time && s->o->against != AGAINST_NONE);
}

bool inputs_open(struct session *s, const struct plan *p,
	const struct subject *x, struct inputs *in)
{
	bool ok;

	*in = (struct inputs){ .x = x };
	ok = p->source && is_referred(s) ? refer(s, p, in) : make(s, in);
	in->n_run = s->o->fresh ? in->n_sets : 1;
	if (!ok)
		inputs_close(in);
	return ok;
}

void inputs_close(struct inputs *in)
{
	task_free(in->task);
	in->task = NULL;
	for (int k = 0; k < in->n_sets && in->own; k++) {
		for (int i = 0; i < in->x->n_inputs; i++)
			free((void *)in->sets[k][i]);
		free(in->sets[k]);
	}
	in->n_sets = 0;
}
