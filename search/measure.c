/* SPDX-License-Identifier: MIT */
/* The pipeline: candidates are made as compilers come free, compiled by several
 * workers at once, measured by one, which has the next before it is done. One
 * loop waits for whatever happens next, and goes on where it was when clients
 * have added more. measure_events.c says what that does. */
#include "search/measure_private.h"

#include <errno.h>
#include <math.h>
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
		if (u->hash == hash && u->n == n)
			return u;
	}
	u = ARENA_NEW(m->a, struct unit);
	*u = (struct unit){ .number = m->units.n, .hash = hash, .n = n };
	u->file = arena_printf(m->a, "%s/%d", m->o.folder, u->number);
	vec_push(m->a, &m->units, u);
	return u;
}

/* Programs of the emulator are large, and made anew where they are wanted
 * again; cubins are small. */
static void forget_file(struct measure *m, struct unit *u)
{
	if (u->users || u->state != UNIT_DONE || !m->by_command)
		return;
	unlink(u->file);
	u->state = UNIT_NEW;
}

void measure_compiled(struct measure *m, struct unit *u)
{
	u->state = UNIT_DONE;
	forget_file(m, u);
}

/* ---- items: candidates under way ---- */

/* One in each compiler, some more that wait for one or are compiled, and those
 * that the measuring worker has. The more there are, the less is known when one
 * is chosen. */
int measure_window(int compilers)
{
	return compilers + compilers / 4 + 2 * WORKER_QUEUE;
}

void measure_add(struct measure *m, const struct measure_client *c, int number)
{
	bool again = m->spare.n;
	struct item *x = again ? m->spare.v[--m->spare.n] :
		ARENA_NEW(m->a, struct item);
	struct arena *a = again ? x->a : arena_create();

	*x = (struct item){ .id = m->ids++, .number = number, .c = c, .a = a };
	vec_push(m->a, &m->items, x);
}

struct item *measure_item(struct measure *m, int id)
{
	int i = 0;

	while (m->items.v[i]->id != id)
		i++;
	return m->items.v[i];
}

static void release(struct measure *m, struct item *x)
{
	for (int k = 0; x->units && k < x->made.n_texts; k++) {
		x->units[k]->users--;
		forget_file(m, x->units[k]);
	}
	arena_reset(x->a);
	vec_push(m->a, &m->spare, x);
}

/* Those that are done leave; with "all" the others, too. */
static void sweep(struct measure *m, bool all)
{
	int kept = 0;

	for (int i = 0; i < m->items.n; i++)
		if (all || m->items.v[i]->state == ITEM_DONE)
			release(m, m->items.v[i]);
		else
			m->items.v[kept++] = m->items.v[i];
	m->items.n = kept;
	arena_reset(m->tmp);
}

void measure_end(struct measure *m, struct item *x,
	const struct measure_result *r)
{
	const struct measure_client *c = x->c;

	if (x->state == ITEM_DONE)
		return;
	x->state = ITEM_DONE;
	x->result = *r;
	m->told++;
	if (r->verdict == V_MEASURED && c->best && r->seconds < *c->best)
		*c->best = r->seconds;
	if (c->told)
		c->told(c->ctx, x->number, r);
}

void measure_fail(struct measure *m, struct item *x, enum verdict v,
	const char *why)
{
	struct measure_result r = x->result;

	r.verdict = v;
	r.message = why;
	r.seconds = INFINITY;
	measure_end(m, x, &r);
}

static void make(struct measure *m, struct item *x)
{
	x->c->make(x->c->ctx, x->number, x->a, &x->made);
	x->result.seconds = INFINITY;
	if (x->made.verdict != V_MEASURED) {
		measure_fail(m, x, x->made.verdict, x->made.message);
		return;
	}
	x->state = ITEM_COMPILES;
	x->units = ARENA_ARRAY(x->a, (size_t)x->made.n_texts + 1,
		struct unit *);
	for (int k = 0; k < x->made.n_texts; k++) {
		x->units[k] = unit_of(m, x->made.texts[k]);
		x->units[k]->users++;
	}
}

/* What its units say together: not all are done, one failed, or it is ready. */
static void settle(struct measure *m, struct item *x)
{
	struct measure_result *r = &x->result;
	int stack = 0;

	r->registers = r->spill_bytes = 0;
	r->compile_seconds = 0;
	for (int k = 0; k < x->made.n_texts; k++) {
		const struct unit *u = x->units[k];

		if (u->state == UNIT_FAILED) {
			measure_fail(m, x, u->verdict, u->message);
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
		measure_fail(m, x, V_SPILL, arena_printf(x->a,
			"%d registers, %d bytes spilled, %d bytes of stack",
			r->registers, r->spill_bytes, stack));
	else
		x->state = ITEM_READY;
}

/* Items whose texts are all compiled become ready. */
static void settle_all(struct measure *m)
{
	for (int i = 0; i < m->items.n; i++)
		if (m->items.v[i]->state == ITEM_COMPILES)
			settle(m, m->items.v[i]);
}

/* The oldest in a state, or NULL. */
static struct item *oldest(const struct measure *m, enum item_state state)
{
	for (int i = 0; i < m->items.n; i++)
		if (m->items.v[i]->state == state)
			return m->items.v[i];
	return NULL;
}

/* ---- feeding ---- */

/* A text to compile, of an item that waits for it. */
struct work {
	struct item *x;
	int text;
};

static bool waiting_work(struct measure *m, struct work *w)
{
	for (int i = 0; i < m->items.n; i++) {
		struct item *x = m->items.v[i];

		for (int k = 0; x->state == ITEM_COMPILES &&
		     k < x->made.n_texts; k++)
			if (x->units[k]->state == UNIT_NEW) {
				*w = (struct work){ x, k };
				return true;
			}
	}
	return false;
}

/* The next to compile, made now if there is none. */
static bool next_work(struct measure *m, struct work *w)
{
	bool found = waiting_work(m, w);
	struct item *x;

	while (!found && (x = oldest(m, ITEM_NEW))) {
		make(m, x);
		settle_all(m);
		found = waiting_work(m, w);
	}
	return found;
}

static json_t *command_of(const char *const *command, const struct unit *u,
	const char *source)
{
	json_t *list = json_array();

	for (int i = 0; command[i]; i++) {
		const char *w = command[i];

		json_array_append_new(list, json_string(
			!strcmp(w, "@source") ? source :
			!strcmp(w, "@out") ? u->file : w));
	}
	return list;
}

static void send_work(struct measure *m, struct worker *w,
	const struct work *k)
{
	struct unit *u = k->x->units[k->text];
	const char *const *command = k->x->made.host ? m->o.host_command :
		m->by_command ? m->o.command : NULL;
	const char *source = arena_printf(m->tmp, "%s/%d.cu", m->o.folder,
		u->number);
	json_t *r = json_pack("{sI ss ss sf}", "id", (json_int_t)u->number,
		"text", k->x->made.texts[k->text], "out", u->file, "limit",
		m->o.compile_seconds);

	if (command) {
		json_object_set_new(r, "source", json_string(source));
		json_object_set_new(r, "argv", command_of(command, u, source));
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
	struct work k;

	for (int i = 0; i < m->o.compilers; i++) {
		struct worker *w = &m->compilers[i];

		if (w->n_items)
			continue;
		if (!next_work(m, &k))
			return;
		if (!is_ready(m, w))
			continue;
		if (m->o.take && !m->o.take(m->o.ctx, running(m)))
			return;
		send_work(m, w, &k);
	}
}

/* The plan with what the client adds. */
static json_t *request_of(const struct item *x, double limit)
{
	json_t *r = json_loads(x->made.plan, 0, NULL), *files = json_array();

	if (!r)
		r = json_object();
	for (int k = 0; k < x->made.n_texts; k++)
		json_array_append_new(files, json_string(x->units[k]->file));
	json_object_set_new(r, "do", json_string("measure"));
	json_object_set_new(r, "id", json_integer(x->id));
	json_object_set_new(r, "files", files);
	json_object_set_new(r, "limit", json_real(limit));
	if (x->c->best && isfinite(*x->c->best))
		json_object_set_new(r, "best", json_real(*x->c->best));
	return r;
}

static void feed_measurer(struct measure *m)
{
	struct worker *w = &m->measurer;
	struct item *x;

	if (!is_ready(m, w))
		return;
	while (w->n_items < WORKER_QUEUE && (x = oldest(m, ITEM_READY))) {
		x->state = ITEM_MEASURED;
		worker_send(w, x->id, request_of(x, m->o.seconds),
			m->o.seconds);
	}
}

/* All that is free gets something to do, and for the next compiler that comes
 * free there is a text already. */
static void feed(struct measure *m)
{
	struct work ahead;

	if (measure_stopped(m))
		return;
	feed_compilers(m);
	feed_measurer(m);
	next_work(m, &ahead);
}

/* Once all that can run are compiled. */
static void feed_finals(struct measure *m)
{
	struct finals *f = m->finals;
	json_t *list;
	double limit;
	int n = 0;

	if (f->asked || oldest(m, ITEM_NEW) || oldest(m, ITEM_COMPILES) ||
	    !is_ready(m, &m->measurer))
		return;
	list = json_array();
	for (int i = 0; i < m->items.n; i++)
		if (m->items.v[i]->state == ITEM_READY) {
			json_array_append_new(list, request_of(m->items.v[i],
				m->o.seconds));
			n++;
		}
	limit = m->o.seconds * (n + 1);
	f->asked = true;
	f->id = m->ids++;
	worker_send(&m->measurer, f->id, json_pack("{ss sI so si sf}",
		"do", "finals", "id", (json_int_t)f->id,
		"candidates", list, "blocks", f->blocks, "limit", limit),
		limit);
}

/* ---- waiting ---- */

static struct worker *worker_at(struct measure *m, int i)
{
	return i < m->o.compilers ? &m->compilers[i] : &m->measurer;
}

void measure_wait(struct measure *m)
{
	struct pollfd p[2 * (m->o.compilers + 1)];
	int n = 0;

	for (int i = 0; i <= m->o.compilers; i++)
		n += worker_poll(worker_at(m, i), p + n);
	poll(p, (nfds_t)n, WAIT_MS);
	for (int i = 0; i <= m->o.compilers; i++) {
		worker_serve(worker_at(m, i));
		measure_events(m, worker_at(m, i));
	}
	settle_all(m);
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

/* ---- rounds ---- */

static bool is_idle(const struct measure *m)
{
	for (int i = 0; i < m->items.n; i++)
		if (m->items.v[i]->state != ITEM_DONE)
			return false;
	return true;
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
	for (int i = 0; i < m->units.n; i++)
		if (m->units.v[i]->state == UNIT_BUSY)
			m->units.v[i]->state = UNIT_NEW;
	if (m->o.keep)
		m->o.keep(m->o.ctx, 0);
}

bool measure_next(struct measure *m)
{
	sweep(m, false);
	m->told = 0;
	feed(m);
	while (!m->told && m->items.n && !measure_stopped(m)) {
		measure_wait(m);
		feed(m);
	}
	if (is_idle(m) || !m->told)
		drop_work(m);
	if (!m->told)
		sweep(m, true);
	return m->told;
}

int measure_finals(struct measure *m, const struct measure_client *c, int n,
	int blocks, struct measure_result *out)
{
	struct finals f = { .blocks = blocks, .winner = -1 };

	sweep(m, true);
	m->finals = &f;
	for (int i = 0; i < n; i++)
		measure_add(m, c, i);
	while (!f.over && !measure_stopped(m)) {
		feed_compilers(m);
		feed_finals(m);
		measure_wait(m);
	}
	drop_work(m);
	for (int i = 0; i < n && f.winner >= 0; i++)
		if (m->items.v[i]->state == ITEM_DONE)
			out[i] = m->items.v[i]->result;
	for (int i = 0; i < n; i++)
		m->items.v[i]->state = ITEM_DONE;
	m->finals = NULL;
	return f.winner;
}
