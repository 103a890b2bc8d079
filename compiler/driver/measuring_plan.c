/* SPDX-License-Identifier: MIT */
/* A program as what a worker is asked: the texts to compile, one for each group
 * that launches something, and the steps with their grids, arguments and places
 * in the workspace. The emulator runs the launcher itself, so it gets the whole
 * text, and steps only to know which launches are timed. */
#include "driver/measuring.h"

#include <stdlib.h>
#include <string.h>

#include "driver/check_parts.h"
#include "driver/json.h"
#include "driver/steps.h"
#include "driver/version.h"

struct plan_text {
	struct arena *a;
	const struct job *j;
	const struct program *p;
	const struct cuda_unit *u;
	const int64_t *sizes;		/* of a general program */
	int group;			/* timed; -1: all */
	int *modules;			/* by group, -1: none */
};

static int64_t number(const struct plan_text *t, const struct kx *open,
	int64_t fixed)
{
	int64_t v = fixed;

	if (open)
		program_number(t->p, t->sizes, open, fixed, &v);
	return v;
}

/* ---- steps ---- */

static json_t *number_json(const struct steps_writer *w,
	const struct kx *open, int64_t fixed)
{
	return json_integer((json_int_t)number(w->ctx, open, fixed));
}

static json_t *step(const struct plan_text *t, const struct p_step *s)
{
	const struct cuda_operator *o = &t->u->operators[0];
	const struct steps_writer w = { t->a, o, &o->variants[0], number_json,
		t };
	json_t *v = steps_json(&w, s);

	if (s->kind == P_LAUNCH)
		json_put(v, "module", json_integer(t->modules[s->group]));
	if (s->kind == P_FILE)
		json_put(v, "module", json_integer(0));
	return v;
}

static void put_steps(const struct plan_text *t, const struct p_step *s,
	int n, bool prepare, json_t *out)
{
	for (int i = 0; i < n; i++) {
		json_t *v = step(t, &s[i]);

		if (!v)
			continue;
		json_object_set_new(v, prepare ? "prepare" : "timed",
			json_boolean(prepare || t->group < 0 ||
			s[i].group == t->group));
		json_array_append_new(out, v);
	}
}

static const char *plan(const struct plan_text *t)
{
	json_t *steps = json_array(), *all;
	const char *text;
	char *dump;

	put_steps(t, t->p->prepare.v, t->p->prepare.n, true, steps);
	put_steps(t, t->p->steps.v, t->p->steps.n, false, steps);
	all = json_pack("{so sI sI si}", "steps", steps, "workspace",
		(json_int_t)number(t, t->p->open_workspace, t->p->workspace),
		"prepared", (json_int_t)number(t, t->p->open_prepared,
		t->p->prepared), "shared", t->j->place->target->smem_block);
	dump = json_dumps(all, JSON_COMPACT);
	text = arena_strdup(t->a, dump ? dump : "{}");
	free(dump);
	json_decref(all);
	return text;
}

/* ---- texts ---- */

static bool launches(const struct program *p, int group)
{
	for (int i = 0; i < p->steps.n + p->prepare.n; i++) {
		const struct p_step *s = i < p->steps.n ? &p->steps.v[i] :
			&p->prepare.v[i - p->steps.n];

		if (s->kind == P_LAUNCH && s->group == group)
			return true;
	}
	return false;
}

static void device_texts(struct plan_text *t, struct measure_made *out)
{
	int n = t->j->partition->n_groups;
	const char **texts = ARENA_ARRAY(t->a, (size_t)n + 1, const char *);

	for (int g = 0; g < n; g++) {
		struct str s;

		t->modules[g] = -1;
		if (!launches(t->p, g))
			continue;
		str_init(&s, t->a);
		cuda_emit_launched(t->u, g, &s);
		t->modules[g] = out->n_texts;
		texts[out->n_texts++] = str_text(&s);
	}
	out->texts = texts;
}

/* The file with what calls its launcher; on a GPU, on the worker's stream. */
static void whole_text(const struct plan_text *t, const struct program *frame,
	bool emulated, struct measure_made *out)
{
	const char **texts = ARENA_ARRAY(t->a, 1, const char *);
	struct str s;

	str_init(&s, t->a);
	cuda_emit(t->u, &s);
	if (!emulated)
		str_puts(&s, "\nextern \"C\" {\ncudaStream_t wpk_stream;\n}\n");
	check_entry(&t->u->operators[0], frame, emulated ? "0" : "wpk_stream",
		&s);
	texts[0] = str_text(&s);
	out->texts = texts;
	out->n_texts = 1;
	out->host = !emulated;
}

static bool has_host_code(const struct program *p)
{
	return p->steps.n && p->steps.v[0].kind == P_FILE;
}

static const char *not_launched(const struct measuring *g,
	const struct program *p, bool emulated)
{
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LIBRARY && emulated)
			return "libraries compute on a GPU alone";
	if (has_host_code(p) && !measuring_takes_files(g->s))
		return MEASURING_NO_NVCC;
	return p->steps.n || emulated ? NULL : "it launches nothing";
}

void measuring_plan(struct measuring *g, struct arena *a, const struct job *j,
	const struct program *p, int group, struct measure_made *out)
{
	struct cuda_unit u = cuda_unit_of(a, "", WPK_VERSION,
		j->place->target, p);
	struct plan_text t = { a, j, p, &u, g->data->sizes, group,
		ARENA_ARRAY(a, (size_t)j->partition->n_groups + 1, int) };
	bool emulated = !strcmp(g->how, "emu");
	const char *why = not_launched(g, p, emulated);

	*out = (struct measure_made){ .verdict = V_MEASURED,
		.stack = prove_stack(j->reference) };
	if (why) {
		out->verdict = V_LAUNCH;
		out->message = why;
		return;
	}
	if (emulated || has_host_code(p))
		whole_text(&t, j->general ? g->data->frame : p, emulated, out);
	else
		device_texts(&t, out);
	out->plan = plan(&t);
}
