/* SPDX-License-Identifier: MIT */
/* What workers say, and what becomes of candidates when they say nothing more:
 * introductions, answers of compilers, of the measuring worker, failures. And
 * the session's beginning and end. */
#include "search/measure_private.h"

#include <math.h>
#include <string.h>

/* ---- fields ---- */

static double number(const json_t *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static const char *text(struct arena *a, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return arena_strdup(a, s ? s : "");
}

static enum verdict verdict_of(const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "verdict"));

	for (int v = 0; name && v < N_VERDICTS; v++)
		if (!strcmp(name, verdict_name((enum verdict)v)))
			return (enum verdict)v;
	return N_VERDICTS;
}

/* ---- failures ---- */

static void compiler_failed(struct measure *m, struct worker *w,
	const char *why)
{
	if (w->n_items) {
		struct unit *u = m->units.v[w->items[0]];

		u->state = UNIT_FAILED;
		u->verdict = w->late ? V_TIMEOUT : V_COMPILE;
		u->message = arena_printf(m->a, "compiling: %s", why);
	}
	w->n_items = 0;
	m->compiler_failures++;
}

/* The first is at fault if it had begun; others go to the next worker, though
 * not without end. */
static void measurer_failed(struct measure *m, struct worker *w,
	const char *why)
{
	enum { RETURNS = 2 };

	if (m->finals && w->n_items)
		m->finals->over = true;
	for (int i = 0; i < w->n_items && !m->finals; i++) {
		struct item *x = measure_item(m, w->items[i]);

		if ((i == 0 && w->begun) || x->returned++ == RETURNS)
			measure_fail(m, x, w->late ? V_TIMEOUT : V_FAULT,
				arena_strdup(x->a, why));
		else
			x->state = ITEM_READY;
	}
	w->n_items = 0;
}

/* One that does not begin in all that time will not the next time. */
static void worker_failed(struct measure *m, struct worker *w,
	const char *why)
{
	if (w->late && !w->n_items && !m->failed)
		m->failed = arena_strdup(m->a, why);
	if (w == &m->measurer)
		measurer_failed(m, w, why);
	else
		compiler_failed(m, w, why);
	worker_blame(w);
	measure_blame(m, w, why);
}

/* It answered with what cannot be an answer. */
static void mistrust(struct measure *m, struct worker *w, const char *why)
{
	worker_kill(w);
	worker_failed(m, w, why);
}

/* ---- introductions ---- */

static void take_device(struct measure *m, const json_t *v)
{
	m->device = (struct measure_device){ text(m->a, v, "how"),
		text(m->a, v, "device"), text(m->a, v, "arch"),
		text(m->a, v, "driver"), (int)number(v, "sms", 0),
		number(v, "l2_bytes", 0), text(m->a, v, "share_by") };
	m->introduced = true;
}

static void send_problem(struct measure *m)
{
	json_t *r = json_loads(m->problem, 0, NULL);

	m->measurer.ready = false;
	worker_send(&m->measurer, -1, r ? r : json_object(), 0);
}

static void introduce(struct measure *m, struct worker *w, const json_t *v)
{
	if (w == &m->measurer) {
		take_device(m, v);
		w->ready = true;
		if (m->problem)
			send_problem(m);
		return;
	}
	w->ready = true;
	m->by_command = !m->o.arch ||
		!json_is_string(json_object_get(v, "nvrtc"));
	if (m->by_command && !m->o.command)
		m->failed = "there is neither NVRTC (libnvrtc.so) nor nvcc to "
			"compile with";
}

/* ---- answers ---- */

static void answer_compiler(struct measure *m, struct worker *w,
	const json_t *v)
{
	struct unit *u = m->units.v[w->items[0]];
	enum verdict verdict = verdict_of(v);

	if (json_is_true(json_object_get(v, "ok"))) {
		measure_compiled(m, u);
		u->registers = (int)number(v, "registers", 0);
		u->spill = (int)number(v, "spill", 0);
		m->compiler_failures = 0;
		u->stack = (int)number(v, "stack", 0);
		u->seconds = number(v, "seconds", 0);
	} else if (verdict == V_COMPILE || verdict == V_TIMEOUT) {
		u->state = UNIT_FAILED;
		u->verdict = verdict;
		u->message = text(m->a, v, "message");
	} else {
		mistrust(m, w, "the worker gave an answer that is none");
		return;
	}
	worker_done(w);
}

static const char *pinned(struct arena *a, const json_t *v)
{
	char *text = json_is_object(v) ? json_dumps(v, JSON_COMPACT |
		JSON_SORT_KEYS) : NULL;
	const char *kept = text && !text[strcspn(text, " \t\n")] ?
		arena_strdup(a, text) : NULL;

	free(text);
	return kept;
}

/* False if it is no answer. */
static bool read_result(struct arena *a, const json_t *v,
	struct measure_result *r)
{
	const json_t *message = json_object_get(v, "message");

	r->verdict = verdict_of(v);
	r->seconds = number(v, "seconds", INFINITY);
	r->spread = number(v, "spread", 0);
	r->ratio = number(v, "ratio", 0);
	r->clock_mhz = number(v, "clock_mhz", 0);
	r->throttled = json_is_true(json_object_get(v, "throttled"));
	r->pinned = pinned(a, json_object_get(v, "pinned"));
	r->message = json_is_string(message) ? text(a, v, "message") : NULL;
	if (r->verdict == V_MEASURED || r->verdict == V_SLOW)
		return isfinite(r->seconds) && r->seconds >= 0;
	r->seconds = INFINITY;
	return r->verdict != N_VERDICTS;
}

static void answer_measurer(struct measure *m, struct worker *w,
	const json_t *v)
{
	struct item *x = measure_item(m, w->items[0]);
	struct measure_result r = x->result;

	if (!read_result(x->a, v, &r)) {
		mistrust(m, w, "the worker gave an answer that is none");
		return;
	}
	worker_done(w);
	measure_end(m, x, &r);
}

static void answer_finals(struct measure *m, struct worker *w,
	const json_t *v)
{
	const json_t *list = json_object_get(v, "finals");
	int best = (int)number(v, "best", -1);
	size_t k = 0;

	worker_done(w);
	m->finals->over = true;
	for (int i = 0; i < m->items.n; i++) {
		struct item *x = m->items.v[i];

		if (x->state != ITEM_READY)
			continue;
		if (!read_result(x->a, json_array_get(list, k), &x->result))
			return;
		if ((int)k++ == best)
			m->finals->winner = x->number;
		x->state = ITEM_DONE;
	}
}

static void answer(struct measure *m, struct worker *w, const json_t *v)
{
	long id = (long)number(v, "id", -1);

	if (id < 0 || !w->n_items || id != w->items[0])
		mistrust(m, w, "the worker answered for a candidate that it "
			"does not have");
	else if (w != &m->measurer)
		answer_compiler(m, w, v);
	else if (m->finals)
		answer_finals(m, w, v);
	else
		answer_measurer(m, w, v);
}

static void take_line(struct measure *m, struct worker *w, const json_t *v)
{
	const char *error = json_string_value(json_object_get(v, "error"));

	w->ending |= json_is_true(json_object_get(v, "ending"));
	if (error && !m->failed)
		m->failed = arena_strdup(m->a, error);
	else if (json_object_get(v, "worker"))
		introduce(m, w, v);
	else if (json_object_get(v, "problem"))
		w->ready = true;
	else if (!error)
		answer(m, w, v);
}

/* It answered and said that it ends: nobody is to blame. */
static void give_back(struct measure *m, struct worker *w)
{
	for (int i = 0; i < w->n_items && w == &m->measurer && !m->finals; i++)
		measure_item(m, w->items[i])->state = ITEM_READY;
	w->n_items = 0;
}

void measure_events(struct measure *m, struct worker *w)
{
	enum worker_event e;
	const char *why;
	json_t *line;

	while ((e = worker_next(w, m->tmp, &line, &why)) == WORKER_LINE) {
		take_line(m, w, line);
		json_decref(line);
		if (w->ending && w->pid) {
			worker_kill(w);
			give_back(m, w);
		}
	}
	if (e == WORKER_FAILED)
		worker_failed(m, w, why);
}

/* ---- a session ---- */

static const char *const *measurer_argv(struct arena *a,
	const struct measure_options *o)
{
	const char **v = ARENA_ARRAY(a, 5, const char *);
	int n = 0;

	v[n++] = o->worker;
	v[n++] = arena_printf(a, "--device=%s", o->device);
	if (o->share && o->share < 100)
		v[n++] = arena_printf(a, "--share=%d", o->share);
	if (o->share && o->share < 100 && o->mps)
		v[n++] = "--mps";
	return v;
}

static const char *const *compiler_argv(struct arena *a,
	const struct measure_options *o)
{
	const char **v = ARENA_ARRAY(a, 4, const char *);

	v[0] = o->worker;
	v[1] = "--compile";
	if (o->memory > 0)
		v[2] = arena_printf(a, "--memory=%.0f", o->memory);
	return v;
}

/* Until the worker is ready; started again where it fails. */
static bool wait_for_measurer(struct measure *m)
{
	struct worker *w = &m->measurer;

	while (!w->ready && !measure_stopped(m)) {
		if (!w->pid && worker_now() >= w->not_before &&
		    !worker_start(w))
			worker_blame(w);
		measure_wait(m);
	}
	arena_reset(m->tmp);
	return w->ready;
}

struct measure *measure_open(struct arena *a, const struct measure_options *o,
	const char **why)
{
	struct measure *m = ARENA_NEW(a, struct measure);

	m->a = a;
	m->tmp = arena_create();
	m->o = *o;
	m->device.how = "";
	worker_init(a, &m->measurer, measurer_argv(a, o),
		o->start_seconds);
	m->compilers = ARENA_ARRAY(a, (size_t)o->compilers, struct worker);
	for (int i = 0; i < o->compilers; i++)
		worker_init(a, &m->compilers[i], compiler_argv(a, o),
			o->start_seconds);
	if (wait_for_measurer(m))
		return m;
	*why = m->failed ? m->failed : "all was stopped";
	measure_close(m);
	return NULL;
}

void measure_close(struct measure *m)
{
	worker_kill(&m->measurer);
	for (int i = 0; i < m->o.compilers; i++)
		worker_kill(&m->compilers[i]);
	for (int i = 0; i < m->items.n; i++)
		arena_destroy(m->items.v[i]->a);
	for (int i = 0; i < m->spare.n; i++)
		arena_destroy(m->spare.v[i]->a);
	arena_destroy(m->tmp);
}

const struct measure_device *measure_device(const struct measure *m)
{
	return &m->device;
}

bool measure_problem(struct measure *m, const char *json)
{
	m->problem = arena_strdup(m->a, json);
	if (m->measurer.pid)
		send_problem(m);
	m->measurer.deadline = worker_now() + m->o.start_seconds;
	return wait_for_measurer(m);
}

const char *measure_failed(const struct measure *m)
{
	return m->failed;
}
