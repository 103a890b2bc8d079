/* SPDX-License-Identifier: MIT */
/* Modules of a plan, made by a worker that has NVRTC, or else by nvcc, each in a
 * folder of its own and read back, so that they are written with the plan or not
 * at all. */
#include "driver/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/child.h"
#include "driver/cxx.h"
#include "driver/json.h"
#include "driver/paths.h"
#include "driver/toolchain.h"

static const double seconds = 300;

struct making {
	struct session *s;
	const struct cuda_unit *u;
	const struct str *text;
	const char *stem, *folder, *worker;	/* NULL: none with NVRTC */
	module_list *out;
};

/* ---- NVRTC ---- */

/* The worker's answer to the request; NULL where it gave none. */
static json_t *answer(struct arena *a, const struct child *c)
{
	char *copy = arena_strdup(a, str_text(&c->out)), *save = NULL;
	json_t *v, *found = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		v = json_loads(line, 0, NULL);
		if (json_object_get(v, "ok") || json_object_get(v, "verdict"))
			json_decref(found);
		if (json_object_get(v, "ok") || json_object_get(v, "verdict"))
			found = json_incref(v);
		json_decref(v);
	}
	return found;
}

/* In the text only comments are of bytes that JSON has not. */
static const char *by_worker(struct making *m, const char *arch,
	const char *file)
{
	struct arena *a = m->s->a;
	json_t *request = json_pack("{si ss so ss sf}", "id", 1, "arch", arch,
		"text", json_text(a, str_text(m->text)), "out", file, "limit",
		seconds);
	json_t *told;
	const char *why = NULL, *message;
	struct child c = { .status = 127 };
	char *line = json_dumps(request, JSON_COMPACT);
	const char *input = arena_printf(a, "%s\n", line);

	free(line);
	json_decref(request);
	child_run(a, (const char *const[]){ m->worker, "--compile", NULL }, input,
		strlen(input), seconds, &c);
	told = answer(a, &c);
	message = json_string_value(json_object_get(told, "message"));
	if (!json_is_true(json_object_get(told, "ok")))
		why = message ? arena_strdup(a, message) :
			"the worker gave no answer";
	json_decref(told);
	return why;
}

/* Its first line says which NVRTC it has, or null. */
static bool has_nvrtc(struct arena *a, const char *worker)
{
	struct child c = { .status = 127 };
	json_t *v;
	bool has;

	if (!worker)
		return false;
	child_run(a, (const char *const[]){ worker, "--compile", NULL }, "", 0,
		10, &c);
	v = json_loads(str_text(&c.out), JSON_DISABLE_EOF_CHECK, NULL);
	has = json_is_string(json_object_get(v, "nvrtc"));
	json_decref(v);
	return has;
}

/* ---- one module ---- */

static const char *compile(struct making *m, const char *arch,
	const struct target *t, const char *file)
{
	struct arena *a = m->s->a;
	bool ptx = !strncmp(arch, "compute_", 8);

	if (m->worker)
		return by_worker(m, arch, file);
	if (!m->s->nvcc)
		return "modules are compiled by NVRTC or nvcc, and neither was "
			"found";
	return toolchain_module(a, m->s->nvcc, str_text(m->text), m->text->n,
		t, ptx, seconds, file);
}

static bool read_code(const char *file, struct str *out)
{
	FILE *f = fopen(file, "rb");
	char buf[1 << 16];
	size_t n;
	bool ok = f != NULL;

	while (f && (n = fread(buf, 1, sizeof buf, f)) > 0)
		str_putn(out, buf, n);
	ok = ok && !ferror(f);
	if (f)
		fclose(f);
	return ok && out->n;
}

static const char *make_one(struct making *m, const char *arch,
	const struct target *t, const char *suffix)
{
	struct arena *a = m->s->a;
	struct module x = { arena_printf(a, "%s.%s.%s", m->stem, t->name,
		suffix), arch, { 0 } };
	const char *file = arena_printf(a, "%s/%s", m->folder, suffix), *why;

	str_init(&x.code, a);
	why = compile(m, arch, t, file);
	if (!why && !read_code(file, &x.code))
		why = "no code was written";
	if (why)
		return arena_printf(a, "the module for %s: %s", arch, why);
	vec_push(a, m->out, x);
	return NULL;
}

/* Code for a plain target also runs, as PTX, on what comes after it. */
static const char *make_target(struct making *m, const struct target *t)
{
	const char *why = make_one(m, t->name, t, "cubin");

	if (why || t->suffix)
		return why;
	return make_one(m, arena_printf(m->s->a, "compute_%s", t->name + 3),
		t, "ptx");
}

/* All kernels for the target, whichever GPU they are for. */
static const char *const *kernels_for(struct making *m, const struct target *t,
	int *n)
{
	struct arena *a = m->s->a;
	VEC(const char *) names = { 0 };

	for (int i = 0; i < m->u->n; i++)
		for (int k = 0; k < m->u->operators[i].n; k++) {
			const struct cuda_operator *o = &m->u->operators[i];
			const struct cuda_variant *v = &o->variants[k];
			const struct program *p = v->program;

			for (int x = 0; x < p->prepare.n + p->steps.n &&
			     v->target == t; x++) {
				const struct p_step *s = x < p->prepare.n ?
					&p->prepare.v[x] :
					&p->steps.v[x - p->prepare.n];

				if (s->kind == P_LAUNCH)
					vec_push(a, &names, cuda_kernel_name(a,
						o, v, s));
			}
		}
	*n = names.n;
	return names.v;
}

static const char *make_emulated(struct making *m, const struct target *t)
{
	struct arena *a = m->s->a;
	struct module x = { arena_printf(a, "%s.%s.emu", m->stem, t->name),
		arena_printf(a, "emu_%s", t->name + 3), { 0 } };
	const char *file = arena_printf(a, "%s/emu", m->folder), *why;
	int n;
	const char *const *kernels = kernels_for(m, t, &n);

	str_init(&x.code, a);
	if (!emu_module(a, t, NULL, str_text(m->text), kernels, n,
	    seconds, file, &why))
		return why;
	if (!read_code(file, &x.code))
		return "no module was written for the emulator";
	vec_push(a, m->out, x);
	return NULL;
}

static const char *make_all(struct making *m, unsigned which)
{
	const char *why = NULL;

	for (int i = 0; i < m->u->n_targets && which & MODULES_GPU && !why;
	     i++)
		why = make_target(m, m->u->targets[i]);
	for (int i = 0; i < m->u->n_targets && which & MODULES_EMU && !why; i++)
		why = make_emulated(m, m->u->targets[i]);
	return why;
}

/* Its launcher is host code, which no module holds. */
static const char *by_hand(const struct cuda_unit *u, struct arena *a)
{
	for (int i = 0; i < u->n; i++)
		for (int k = 0; k < u->operators[i].n; k++) {
			const struct program *p =
				u->operators[i].variants[k].program;

			if (p->steps.n && p->steps.v[0].kind == P_FILE)
				return arena_printf(a, "'%s' is launched by "
					"the file %s: compile it in, with "
					"--calls", u->operators[i].name,
					p->steps.v[0].file);
		}
	return NULL;
}

const char *modules_make(struct session *s, const struct cuda_unit *u,
	const struct str *text, const char *stem, unsigned which,
	module_list *out)
{
	struct making m = { s, u, text, stem, NULL, paths_worker(s->a), out };
	const char *why = by_hand(u, s->a);
	sigset_t before;

	if (why)
		return why;
	if (!(which & MODULES_GPU) || !has_nvrtc(s->a, m.worker))
		m.worker = NULL;
	child_hold(&before);
	m.folder = child_folder(s->a);
	why = m.folder ? make_all(&m, which) : "no temporary folder for modules";
	if (m.folder)
		child_folder_remove(m.folder);
	child_release(&before);
	return why;
}
