/* SPDX-License-Identifier: MIT */
/* Rank 0: hands out searches, keeps what comes back, notices who is gone. A
 * rank that is silent for --patience is taken for dead, and its search goes to
 * another; should it speak again, what it says counts. What a search found is
 * in the lock before the next message is read. */
#include "wpkfarm/wpkfarm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 3 };

/* "task": what it does, -1: nothing; also of one taken for dead, which may speak
 * again. "failures" in a row. "lacks" a GPU. "leaves": it has said that it is
 * ready to. */
struct peer {
	const char *who;	/* NULL: not heard of yet */
	bool works, lacks, dead, leaves;
	int task, failures;
	double heard;
};

struct hub {
	struct arena *a, *mail;		/* "mail" of the message at hand */
	struct post *post;
	const struct farm_options *f;
	struct tasks *t;
	struct results *results;
	struct inbox *inbox;
	struct rank *own;
	struct peer *peers;
	int first, n;		/* peers first..n-1 are ranks that may work */
	int done;
	double begin, beat, seconds;
	enum wish wish;
	bool multiplied;
	enum exit_code code;
};

static void say(const struct hub *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct hub *h, const char *fmt, ...)
{
	va_list ap;

	if (h->f->o.quiet)
		return;
	va_start(ap, fmt);
	fprintf(stderr, "wpkfarm: %s\n", arena_vprintf(h->a, fmt, ap));
	va_end(ap);
}

static void fail(struct hub *h, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct hub *h, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "wpkfarm: error: %s\n", arena_vprintf(h->a, fmt, ap));
	va_end(ap);
	if (h->code == EXIT_DONE)
		h->code = code > 0 && code <= EXIT_INTERNAL ?
			(enum exit_code)code : EXIT_INTERNAL;
}

static void tell(struct hub *h, int rank, enum post_kind kind)
{
	post_send(h->post, POST_DOWN, rank, kind, "", 0);
}

static const char *name_of(const struct hub *h, int rank)
{
	return h->peers[rank].who ? h->peers[rank].who : "never heard of";
}

/* ---- handing out ---- */

/* Is it as fit as any? One whose searches fail waits for the others. */
static bool is_fit(const struct hub *h, const struct peer *p)
{
	int least = p->failures;

	for (int i = h->first; i < h->n; i++)
		if (h->peers[i].works && !h->peers[i].dead &&
		    h->peers[i].failures < least)
			least = h->peers[i].failures;
	return p->failures < TRIES || p->failures == least;
}

static struct task *next_task(struct hub *h)
{
	for (int i = 0; i < h->t->n; i++)
		if (h->t->v[i].state == TASK_WAITS)
			return &h->t->v[i];
	return NULL;
}

static void give(struct hub *h, int rank, struct task *t)
{
	struct str out;

	t->state = TASK_RUNS;
	t->rank = rank;
	t->tries++;
	h->peers[rank].task = (int)(t - h->t->v);
	str_init(&out, h->a);
	str_printf(&out, "%d", h->peers[rank].task);
	str_putc(&out, '\0');
	tasks_words(h->f, t, h->seconds, &out);
	post_send(h->post, POST_DOWN, rank, POST_TASK, out.p, out.n);
}

static int count_working(const struct hub *h)
{
	int n = 0;

	for (int i = h->first; i < h->n; i++)
		n += h->peers[i].works && !h->peers[i].dead;
	return n;
}

/* Once it is known who works: --time is that of all searches together. */
static void multiply(struct hub *h)
{
	int ranks = count_working(h);

	if (h->multiplied || !ranks)
		return;
	h->multiplied = true;
	tasks_multiply(h->a, h->t, ranks);
	h->seconds = h->f->o.seconds / ceil((double)h->t->n / ranks);
	say(h, "%d operator%s, %d rank%s%s", h->t->operators,
		h->t->operators == 1 ? "" : "s", ranks, ranks == 1 ? "" : "s",
		h->t->n > h->t->operators ?
		": some are searched from several seeds" : "");
}

/* All have spoken, or had the time for it. */
static bool is_complete(const struct hub *h)
{
	for (int i = h->first; i < h->n; i++)
		if (!h->peers[i].who && !h->peers[i].dead)
			return false;
	return true;
}

/* Where some measure, nobody predicts. */
static void excuse(struct hub *h)
{
	bool measured = false;

	for (int i = h->first; i < h->n; i++)
		measured |= h->peers[i].works && !h->peers[i].lacks;
	for (int i = h->first; measured && i < h->n; i++) {
		struct peer *p = &h->peers[i];

		if (!p->works || !p->lacks)
			continue;
		p->works = false;
		say(h, "rank %d takes no work: %s, but others measure", i,
			p->who);
	}
}

static void hand_out(struct hub *h)
{
	if (!is_complete(h))
		return;
	excuse(h);
	multiply(h);
	for (int i = h->first; i < h->n; i++) {
		struct peer *p = &h->peers[i];
		struct task *t = next_task(h);

		if (t && p->works && !p->dead && p->task < 0 && is_fit(h, p))
			give(h, i, t);
	}
}

/* ---- what comes in ---- */

static void hear_hello(struct hub *h, int rank, const char *text)
{
	struct peer *p = &h->peers[rank];

	p->works = text[0] == '1';
	p->lacks = text[0] && text[1] == 'm';
	p->who = text[0] && text[1] ? arena_strdup(h->a, text + 2) : "";
	if (!p->works)
		say(h, "rank %d takes no work: %s", rank, p->who);
}

/* Back to the queue, or given up. */
static void take_back(struct hub *h, struct task *t)
{
	t->state = t->tries < TRIES ? TASK_WAITS : TASK_FAILED;
	h->done += t->state == TASK_FAILED;
}

/* A search that found nothing, or nothing right, would so anywhere; so would
 * one by the only rank there is. */
static bool is_hopeless(const struct hub *h, const struct task *t, int code)
{
	return code == EXIT_NO_CANDIDATE || code == EXIT_UNVERIFIED ||
		t->tries >= TRIES || count_working(h) < 2 ||
		h->wish != WISH_NOTHING;
}

static void hear_failure(struct hub *h, int rank, struct task *t, int code,
	const char *said)
{
	const char *op = t->op;

	h->peers[rank].failures++;
	fputs(said, stderr);
	if (t->state != TASK_RUNS || t->rank != rank)
		return;
	if (h->wish != WISH_NOTHING && code > 128) {
		t->state = TASK_FAILED;
		h->done++;
		say(h, "%s: stopped before anything was found", op);
	} else if (is_hopeless(h, t, code)) {
		t->state = TASK_FAILED;
		h->done++;
		fail(h, code, "the search for %s on rank %d (%s) ended with %d",
			op, rank, name_of(h, rank), code);
	} else {
		take_back(h, t);
		say(h, "the search for %s on rank %d (%s) ended with %d: "
			"another rank tries", op, rank, name_of(h, rank), code);
	}
}

static void hear_success(struct hub *h, int rank, struct task *t,
	const char *lock, const char *said)
{
	bool better;
	const char *why = results_add(h->results, t->file, arena_strdup(h->a,
		lock), &better);

	h->peers[rank].failures = 0;
	if (t->state != TASK_DONE) {
		h->done += t->state != TASK_FAILED;
		t->state = TASK_DONE;
	}
	if (!h->f->o.quiet)
		fputs(said, stderr);
	if (why)
		fail(h, EXIT_USER, "%s", why);
	else
		say(h, "[%d/%d] %s by rank %d (%s)%s", h->done, h->t->n, t->op,
			rank, name_of(h, rank), better ? "" :
			": no better than what there was");
}

static void hear_result(struct hub *h, int rank, const struct post_message *m)
{
	const char *field[4], *p = m->text, *end = m->text + m->n;
	struct task *t;
	int n = 0, code, task;

	for (; n < 4 && p < end; n++) {
		field[n] = p;
		p += strlen(p) + 1;
	}
	task = n == 4 ? atoi(field[0]) : -1;
	if (task < 0 || task >= h->t->n)
		return;
	t = &h->t->v[task];
	code = atoi(field[1]);
	if (h->peers[rank].task == task)
		h->peers[rank].task = -1;
	if (code == EXIT_DONE)
		hear_success(h, rank, t, field[2], field[3]);
	else
		hear_failure(h, rank, t, code, field[3]);
}

static void hear(struct hub *h, const struct post_message *m, double now)
{
	struct peer *p = &h->peers[m->from];

	p->heard = now;
	if (p->dead)
		say(h, "rank %d (%s) speaks again", m->from,
			name_of(h, m->from));
	p->dead = false;
	if (m->kind == POST_HELLO)
		hear_hello(h, m->from, m->text);
	else if (m->kind == POST_RESULT)
		hear_result(h, m->from, m);
	else if (m->kind == POST_RECORDS)
		inbox_put(h->inbox, m->text, m->n);
	p->leaves |= m->kind == POST_BYE;
}

/* ---- who is gone ---- */

static void bury(struct hub *h, int rank)
{
	struct peer *p = &h->peers[rank];
	struct task *t = p->task >= 0 ? &h->t->v[p->task] : NULL;

	p->dead = true;
	if (!t || t->state != TASK_RUNS || t->rank != rank) {
		say(h, "rank %d (%s) is silent and taken for dead", rank,
			name_of(h, rank));
		return;
	}
	take_back(h, t);
	if (t->state == TASK_FAILED)
		fail(h, EXIT_INTERNAL, "rank %d (%s) is silent, as %d before it "
			"that searched for %s", rank, name_of(h, rank),
			TRIES - 1, t->op);
	else
		say(h, "rank %d (%s) is silent and taken for dead: %s goes to "
			"another", rank, name_of(h, rank), t->op);
}

static void look_around(struct hub *h, double now)
{
	for (int i = h->first; i < h->n; i++)
		if (!h->peers[i].dead &&
		    now > h->peers[i].heard + h->f->patience)
			bury(h, i);
	if (now < h->beat)
		return;
	h->beat = now + h->f->patience / 8;
	for (int i = h->first; i < h->n; i++)
		if (!h->peers[i].dead)
			tell(h, i, POST_BEAT);
}

/* ---- the course of it ---- */

static void step(struct hub *h)
{
	double now = signals_now();
	struct post_message m;
	const char *why;
	bool together;

	if (h->own)
		rank_step(h->own, &together);
	why = inbox_step(h->inbox);
	if (why)
		say(h, "records of ranks are not kept here: %s", why);
	while (post_take(h->post, POST_UP, h->mail, &m)) {
		hear(h, &m, now);
		arena_reset(h->mail);
	}
	look_around(h, now);
	signals_pause();
}

static void heed_signals(struct hub *h)
{
	enum wish wish = signals_wish();

	if (h->wish == WISH_NOTHING && wish != WISH_NOTHING) {
		say(h, "interrupted: searches end with what they have");
		for (int i = h->first; i < h->n; i++)
			if (!h->peers[i].dead)
				tell(h, i, POST_STOP);
	}
	h->wish = wish;
}

static bool any_runs(const struct hub *h)
{
	for (int i = 0; i < h->t->n; i++)
		if (h->t->v[i].state == TASK_RUNS)
			return true;
	return false;
}

static bool is_over(struct hub *h)
{
	if (h->wish != WISH_NOTHING)
		return !any_runs(h);
	if (h->done == h->t->n)
		return true;
	if (!is_complete(h) || count_working(h))
		return false;
	fail(h, EXIT_INTERNAL, "no rank is left that works");
	return true;
}

/* Tells all to go, and waits until they are about to. Are they all there? */
static bool dismiss(struct hub *h)
{
	double until = signals_now() + h->f->patience;
	bool all = true, waits = true;

	for (int i = h->first; i < h->n; i++)
		tell(h, i, POST_END);
	while (waits && signals_now() < until && signals_wish() != WISH_END) {
		step(h);
		waits = false;
		for (int i = h->first; i < h->n; i++)
			waits |= !h->peers[i].dead && !h->peers[i].leaves;
	}
	for (int i = h->first; i < h->n; i++)
		all &= h->peers[i].leaves && !h->peers[i].dead;
	for (int i = 1; i < h->n; i++)
		post_send(h->post, POST_DOWN, i, POST_LEAVE, all ? "1" : "0", 1);
	return all;
}

/* What has come is stored, unless that takes too long. */
static void close_inbox(struct hub *h)
{
	double until = signals_now() + h->f->patience;
	int added;

	while (!inbox_stored(h->inbox) && signals_now() < until &&
	       signals_wish() != WISH_END)
		step(h);
	added = inbox_close(h->inbox);
	if (added)
		say(h, "%d records of other machines are in the database, as "
			"foreign ones", added);
}

/* ---- what wpkc makes of it ---- */

static const char *const *final_argv(struct hub *h, int file)
{
	string_list v = {0};

	vec_push(h->a, &v, run_wpkc(h->a));
	for (int i = 0; i < h->f->final.n; i++)
		vec_push(h->a, &v, h->f->final.v[i]);
	if (h->f->o.share)
		vec_push(h->a, &v, arena_printf(h->a, "--share=%d",
			h->f->o.share));
	if (h->wish == WISH_NOTHING)
		vec_push(h->a, &v, "--frozen");
	vec_push(h->a, &v, arena_printf(h->a, "--lock=%s",
		results_path(h->results, file)));
	vec_push(h->a, &v, "--");
	vec_push(h->a, &v, h->f->files.v[file]);
	vec_push(h->a, &v, NULL);
	return v.v;
}

static bool is_found(const struct hub *h, int file)
{
	for (int i = 0; i < h->t->n; i++)
		if (h->t->v[i].file == file && h->t->v[i].state != TASK_DONE &&
		    h->wish == WISH_NOTHING)
			return false;
	return true;
}

static void compile(struct hub *h, int file)
{
	struct run r = {0};
	int code = 127;

	if (run_start(&r, final_argv(h, file), NULL))
		while (!run_ended(&r, &code) && signals_wish() != WISH_END)
			signals_pause();
	if (r.pid)
		run_kill(&r);
	if (code != EXIT_DONE && h->code == EXIT_DONE)
		h->code = code <= EXIT_INTERNAL ? (enum exit_code)code :
			EXIT_INTERNAL;
}

int hub_run(struct arena *a, struct post *p, const struct farm_options *f,
	struct tasks *t, struct rank *own, bool *together)
{
	int n = post_size(p);
	struct hub h = { .a = a, .mail = arena_create(), .post = p, .f = f,
		.t = t, .own = own,
		.results = results_open(a, f), .inbox = inbox_open(a, f),
		.first = own ? 0 : 1, .n = n,
		.peers = ARENA_ARRAY(a, (size_t)n, struct peer) };

	for (int i = 0; i < n; i++)
		h.peers[i] = (struct peer){ .task = -1,
			.heard = signals_now() };
	while (!is_over(&h)) {
		heed_signals(&h);
		if (h.wish == WISH_NOTHING)
			hand_out(&h);
		step(&h);
	}
	*together = dismiss(&h);
	close_inbox(&h);
	for (int i = 0; i < f->files.n && h.wish != WISH_END; i++)
		if (is_found(&h, i))
			compile(&h, i);
	arena_destroy(h.mail);
	return h.wish == WISH_END && h.code == EXIT_DONE ? 130 : h.code;
}
