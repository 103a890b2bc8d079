/* SPDX-License-Identifier: MIT */
/* The pipeline: candidates are made as compilers come free, compiled by several
 * workers at once, measured by one, which has the next before it is done. One
 * loop waits for whatever happens next. measure_events.c says what that does. */
#include "search/measure_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 50, GIVE_UP = 6 };

/* ---- units: texts to compile ---- */

static struct unit *unit_of(struct measure *m, const char *text)
{
	size_t n = strlen(text);
	uint64_t hash = str_hash(text, n);
	struct unit *u;

	for (int i = 0; i < m->units.n; i++) {
		u = m->units.v[i];
		if (u->hash != hash || u->n != n)
			continue;
		if (u->state == UNIT_NEW)
			u->text = text;
		return u;
	}
	u = ARENA_NEW(m->a, struct unit);
	*u = (struct unit){ .number = m->units.n, .hash = hash, .n = n,
		.text = text };
	u->file = arena_printf(m->a, "%s/%d", m->o.folder, u->number);
	vec_push(m->a, &m->units, u);
	return u;
}

/* Programs of the emulator are large, and made anew where they are wanted
 * again; cubins are small. */
static void forget_files(struct measure *m)
{
	for (int i = 0; i < m->units.n; i++) {
		struct unit *u = m->units.v[i];

		u->text = NULL;
		if (u->state == UNIT_BUSY)
			u->state = UNIT_NEW;
		if (u->state != UNIT_DONE || !m->by_command)
			continue;
		unlink(u->file);
		u->state = UNIT_NEW;
	}
}

/* ---- items: candidates under way ---- */

void measure_end(struct measure *m, int i, const struct measure_result *r)
{
	struct item *x = &m->run->items[i];
	const struct measure_batch *b = m->run->b;

	if (x->state == ITEM_DONE)
		return;
	x->state = ITEM_DONE;
	x->result = *r;
	m->run->done++;
	if (r->verdict == V_MEASURED && b->best && r->seconds < *b->best)
		*b->best = r->seconds;
	if (!m->run->finals)
		b->told(b->ctx, i, r);
}

void measure_fail(struct measure *m, int i, enum verdict v, const char *why)
{
	struct measure_result r = m->run->items[i].result;

	r.verdict = v;
	r.message = why;
	r.seconds = INFINITY;
	measure_end(m, i, &r);
}

static void make_next(struct measure *m)
{
	struct run *run = m->run;
	int i = run->made++;
	struct item *x = &run->items[i];

	run->b->make(run->b->ctx, i, run->a, &x->made);
	x->result.seconds = INFINITY;
	if (x->made.verdict != V_MEASURED) {
		measure_fail(m, i, x->made.verdict, x->made.message);
		return;
	}
	x->state = ITEM_COMPILES;
	x->units = ARENA_ARRAY(run->a, (size_t)x->made.n_texts + 1,
		struct unit *);
	for (int k = 0; k < x->made.n_texts; k++)
		x->units[k] = unit_of(m, x->made.texts[k]);
}

/* What its units say together: not all are done, one failed, or it is ready. */
static void settle(struct measure *m, int i)
{
	struct item *x = &m->run->items[i];
	struct measure_result *r = &x->result;
	int stack = 0;

	r->registers = r->spill_bytes = 0;
	r->compile_seconds = 0;
	for (int k = 0; k < x->made.n_texts; k++) {
		const struct unit *u = x->units[k];

		if (u->state == UNIT_FAILED) {
			measure_fail(m, i, u->verdict, u->message);
			return;
		}
		if (u->state != UNIT_DONE)
			return;
		r->registers = u->registers > r->registers ? u->registers :
			r->registers;
		r->spill_bytes = u->spill > r->spill_bytes ? u->spill :
			r->spill_bytes;
		stack = u->stack > stack ? u->stack : stack;
		r->compile_seconds += u->seconds;
	}
	if (r->spill_bytes || stack > x->made.stack)
		measure_fail(m, i, V_SPILL, arena_printf(m->run->a,
			"%d registers, %d bytes spilled, %d bytes of stack",
			r->registers, r->spill_bytes, stack));
	else
		x->state = ITEM_READY;
}

void measure_settle(struct measure *m)
{
	for (int i = 0; m->run && i < m->run->made; i++)
		if (m->run->items[i].state == ITEM_COMPILES)
			settle(m, i);
}

/* ---- feeding ---- */

static struct unit *next_unit(struct measure *m)
{
	for (int i = 0; i < m->run->made; i++) {
		struct item *x = &m->run->items[i];

		for (int k = 0; x->state == ITEM_COMPILES &&
		     k < x->made.n_texts; k++)
			if (x->units[k]->state == UNIT_NEW)
				return x->units[k];
	}
	return NULL;
}

/* The next to compile, made now if there is none. */
static struct unit *some_unit(struct measure *m)
{
	struct unit *u = next_unit(m);

	while (!u && m->run->made < m->run->b->n) {
		make_next(m);
		measure_settle(m);
		u = next_unit(m);
	}
	return u;
}

static json_t *command_of(const struct measure *m, const struct unit *u,
	const char *source)
{
	json_t *list = json_array();

	for (int i = 0; m->o.command[i]; i++) {
		const char *w = m->o.command[i];

		json_array_append_new(list, json_string(
			!strcmp(w, "@source") ? source :
			!strcmp(w, "@out") ? u->file : w));
	}
	return list;
}

static void send_unit(struct measure *m, struct worker *w, struct unit *u)
{
	const char *source = arena_printf(m->run->a, "%s/%d.cu", m->o.folder,
		u->number);
	json_t *r = json_pack("{sI ss ss sf}", "id", (json_int_t)u->number,
		"text", u->text, "out", u->file, "limit",
		m->o.compile_seconds);

	if (m->by_command) {
		json_object_set_new(r, "source", json_string(source));
		json_object_set_new(r, "argv", command_of(m, u, source));
	} else {
		json_object_set_new(r, "arch", json_string(m->o.arch));
	}
	u->state = UNIT_BUSY;
	worker_send(w, u->number, r, m->o.compile_seconds);
}

static int running(const struct measure *m)
{
	int n = !strcmp(m->device.how, "emu") && m->measurer.n_items;

	for (int i = 0; i < m->o.compilers; i++)
		n += m->compilers[i].n_items > 0;
	return n;
}

/* A worker that is gone is started when it is wanted; false: not yet. */
static bool is_ready(struct measure *m, struct worker *w)
{
	if (w->pid)
		return w->ready && !w->ending;
	if (worker_now() < w->not_before || w->failures >= GIVE_UP)
		return false;
	if (!worker_start(w)) {
		worker_blame(w);
		measure_blame(m, w, strerror(errno));
	}
	return false;
}

static void feed_compilers(struct measure *m)
{
	for (int i = 0; i < m->o.compilers; i++) {
		struct worker *w = &m->compilers[i];
		struct unit *u;

		if (w->n_items)
			continue;
		u = some_unit(m);
		if (!u)
			return;
		if (!is_ready(m, w))
			continue;
		if (m->o.take && !m->o.take(m->o.ctx, running(m)))
			return;
		send_unit(m, w, u);
	}
}

/* The plan with what the client adds. */
static json_t *request_of(struct measure *m, int i)
{
	struct item *x = &m->run->items[i];
	json_t *r = json_loads(x->made.plan, 0, NULL), *files = json_array();

	if (!r)
		r = json_object();
	for (int k = 0; k < x->made.n_texts; k++)
		json_array_append_new(files, json_string(x->units[k]->file));
	json_object_set_new(r, "do", json_string("measure"));
	json_object_set_new(r, "id", json_integer(m->base + i));
	json_object_set_new(r, "files", files);
	json_object_set_new(r, "limit", json_real(m->o.seconds));
	if (m->run->b->best && isfinite(*m->run->b->best))
		json_object_set_new(r, "best", json_real(*m->run->b->best));
	return r;
}

static void feed_measurer(struct measure *m)
{
	struct worker *w = &m->measurer;

	if (!is_ready(m, w))
		return;
	for (int i = 0; i < m->run->made && w->n_items < WORKER_QUEUE; i++) {
		if (m->run->items[i].state != ITEM_READY)
			continue;
		m->run->items[i].state = ITEM_MEASURED;
		worker_send(w, i, request_of(m, i), m->o.seconds);
	}
}

/* Once all that can run are compiled. */
static void feed_finals(struct measure *m)
{
	struct run *run = m->run;
	json_t *list;
	double limit;
	int n = 0;

	if (run->made < run->b->n || run->asked || !is_ready(m, &m->measurer))
		return;
	for (int i = 0; i < run->made; i++)
		if (run->items[i].state == ITEM_COMPILES)
			return;
	list = json_array();
	for (int i = 0; i < run->made; i++)
		if (run->items[i].state == ITEM_READY) {
			json_array_append_new(list, request_of(m, i));
			n++;
		}
	limit = m->o.seconds * (n + 1);
	run->asked = true;
	worker_send(&m->measurer, run->b->n, json_pack("{ss sI so si sf}",
		"do", "finals", "id", (json_int_t)(m->base + run->b->n),
		"candidates", list, "blocks", run->blocks, "limit", limit),
		limit);
}

/* ---- waiting ---- */

static struct worker *worker_at(struct measure *m, int i)
{
	return i < m->o.compilers ? &m->compilers[i] : &m->measurer;
}

void measure_wait(struct measure *m, struct arena *a)
{
	struct pollfd p[2 * (m->o.compilers + 1)];
	int n = 0;

	for (int i = 0; i <= m->o.compilers; i++)
		n += worker_poll(worker_at(m, i), p + n);
	poll(p, (nfds_t)n, WAIT_MS);
	for (int i = 0; i <= m->o.compilers; i++) {
		worker_serve(worker_at(m, i));
		measure_events(m, worker_at(m, i), a);
	}
	if (m->o.keep)
		m->o.keep(m->o.ctx, running(m));
}

bool measure_stopped(struct measure *m)
{
	return m->failed || (m->o.stopped && m->o.stopped(m->o.ctx));
}

void measure_blame(struct measure *m, const struct worker *w, const char *why)
{
	if ((w->failures >= GIVE_UP || m->compiler_failures >= GIVE_UP) &&
	    !m->failed)
		m->failed = arena_printf(m->a, "%d workers failed one after "
			"the other, the last because %s", GIVE_UP, why);
}

/* ---- runs ---- */

static void begin(struct measure *m, struct run *run)
{
	run->items = ARENA_ARRAY(run->a, (size_t)run->b->n + 1, struct item);
	m->run = run;
}

static void end(struct measure *m)
{
	m->base += m->run->b->n + 1;
	m->run = NULL;
	if (m->o.keep)
		m->o.keep(m->o.ctx, 0);
	forget_files(m);
}

/* Whoever still works on something has no one to tell: all was stopped, or
 * another text of the candidate failed meanwhile. */
static void drop_work(struct measure *m)
{
	for (int i = 0; i <= m->o.compilers; i++)
		if (worker_at(m, i)->n_items)
			worker_kill(worker_at(m, i));
	for (int i = 0; i <= m->o.compilers; i++)
		worker_at(m, i)->n_items = 0;
}

bool measure_run(struct measure *m, struct arena *a,
	const struct measure_batch *b)
{
	struct run run = { .a = a, .b = b };
	bool stopped;

	begin(m, &run);
	while (run.done < b->n && !measure_stopped(m)) {
		feed_compilers(m);
		feed_measurer(m);
		if (run.done < b->n)
			measure_wait(m, a);
		measure_settle(m);
	}
	stopped = run.done < b->n;
	drop_work(m);
	end(m);
	return !stopped;
}

int measure_finals(struct measure *m, struct arena *a,
	const struct measure_batch *b, int blocks, struct measure_result *out)
{
	struct run run = { .a = a, .b = b, .finals = true, .blocks = blocks,
		.winner = -1 };

	begin(m, &run);
	while (!run.over && !measure_stopped(m)) {
		feed_compilers(m);
		feed_finals(m);
		measure_wait(m, a);
		measure_settle(m);
	}
	drop_work(m);
	for (int i = 0; i < b->n && run.winner >= 0; i++)
		if (run.items[i].state == ITEM_DONE)
			out[i] = run.items[i].result;
	end(m);
	return run.winner;
}
