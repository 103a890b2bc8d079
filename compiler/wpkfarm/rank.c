/* SPDX-License-Identifier: MIT */
/* A rank that works: it says who it is, runs a search when it is told to, sends
 * what came of it, and beats all the while. It ends by itself when rank 0 has
 * been silent too long. */
#include "wpkfarm/wpkfarm.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/source.h"
#include "driver/measuring_folder.h"

enum { MOST_SAID = 20000 };

/* "task" is rank 0's number of the search that runs, which "began" so many
 * searches ago. "outbox" is NULL where nothing is measured, or rank 0's database
 * has it already. "leaving": it says so once all is sent. */
struct rank {
	struct arena *a;
	struct post *post;
	const struct farm_options *f;
	struct run run;
	struct outbox *outbox;
	const char *wpkc, *folder, *lock, *device, *unfit;
	int fd, jobs, task, began;
	bool stopping, leaving;
	double heard, beat;
};

/* ---- what it works with ---- */

static int count_words(const char *list)
{
	int n = *list != '\0';

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* What the driver will show of this machine's GPUs, or -1 if nobody knows. */
static int count_gpus(void)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	DIR *d = visible ? NULL : opendir("/dev");
	struct dirent *e;
	int n = 0;

	if (visible)
		return count_words(visible);
	while (d && (e = readdir(d)))
		n += !strncmp(e->d_name, "nvidia", 6) &&
			isdigit((unsigned char)e->d_name[6]);
	if (d)
		closedir(d);
	return n ? n : -1;
}

/* Ranks that share a GPU disturb each other's times, unless they measure on
 * slices of it that exist side by side. */
static void take_device(struct rank *r)
{
	const char *measure = r->f->o.measure;
	int gpus = count_gpus(), share = r->f->o.share ? r->f->o.share : 100;
	int local = post_local(r->post);

	r->device = measure ? measure : gpus > 0 ? "gpu" : "model";
	if (strcmp(r->device, "gpu"))
		return;
	gpus = gpus > 0 ? gpus : 1;
	if (local >= gpus * (100 / share))
		r->unfit = arena_printf(r->a, "no GPU is left for it: %d %s "
			"taken", gpus, gpus == 1 ? "is" : "are");
	r->device = arena_printf(r->a, "gpu:%d", local % gpus);
}

static int own_jobs(const struct rank *r)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) / post_locals(r->post);

	return r->f->o.jobs ? r->f->o.jobs : n > 1 ? (int)n : 1;
}

static void introduce(struct rank *r)
{
	bool lacks = !r->f->o.measure && !strcmp(r->device, "model");
	const char *text = arena_printf(r->a, "%d%c%s, %s", !r->unfit, lacks ?
		'm' : '-', post_host(r->post), r->unfit ? r->unfit : r->device);

	post_send(r->post, POST_UP, 0, POST_HELLO, text, strlen(text));
}

struct rank *rank_open(struct arena *a, struct post *p,
	const struct farm_options *f)
{
	struct rank *r = ARENA_NEW(a, struct rank);

	*r = (struct rank){ .a = a, .post = p, .f = f, .fd = -1,
		.wpkc = run_wpkc(a), .heard = signals_now() };
	take_device(r);
	r->jobs = own_jobs(r);
	if (!r->wpkc)
		r->unfit = "wpkc is not beside wpkfarm";
	else if (!r->unfit && !(r->folder = measuring_folder(a, &r->fd)))
		r->unfit = arena_printf(a, "no folder for temporary files: %s",
			strerror(errno));
	if (r->folder && post_rank(p) && strcmp(r->device, "model") &&
	    !f->o.no_db)
		r->outbox = outbox_open(a, p, f, r->folder);
	introduce(r);
	return r;
}

/* ---- a search ---- */

/* The word after the one at "*p"; NULL at the end. */
static const char *next_word(const char **p, const char *end)
{
	const char *word = *p;

	if (word >= end)
		return NULL;
	*p += strlen(word) + 1;
	return word;
}

static const char *const *argv_of(struct rank *r, const char *p,
	const char *end)
{
	const char *file = next_word(&p, end), *word;
	string_list v = {0};

	vec_push(r->a, &v, r->wpkc);
	while ((word = next_word(&p, end)))
		vec_push(r->a, &v, word);
	vec_push(r->a, &v, arena_printf(r->a, "--measure=%s", r->device));
	vec_push(r->a, &v, arena_printf(r->a, "-j%d", r->jobs));
	vec_push(r->a, &v, arena_printf(r->a, "--lock=%s", r->lock));
	vec_push(r->a, &v, "-o");
	vec_push(r->a, &v, "/dev/null");
	vec_push(r->a, &v, "--");
	vec_push(r->a, &v, file);
	vec_push(r->a, &v, NULL);
	return v.v;
}

/* wpkc locks the folder that its lock is in; ours is locked already. */
static bool start(struct rank *r, const struct post_message *m)
{
	const char *p = m->text, *end = m->text + m->n;
	const char *folder;

	r->task = atoi(next_word(&p, end));
	folder = arena_printf(r->a, "%s/%d", r->folder, r->began++);
	r->lock = arena_printf(r->a, "%s/lock", folder);
	return !mkdir(folder, 0700) && run_start(&r->run, argv_of(r, p, end),
		arena_printf(r->a, "%s/said", folder));
}

static const char *file_text(struct arena *a, const char *path)
{
	const char *why;
	struct source *s = access(path, R_OK) ? NULL :
		source_read(a, path, &why);

	return s ? s->text : "";
}

/* Of what it said the end, if that is much. */
static void report(struct rank *r, int code)
{
	const char *said = file_text(r->a, r->run.said);
	size_t n = strlen(said);
	struct str out;

	if (n > MOST_SAID)
		said = said + n - MOST_SAID;
	str_init(&out, r->a);
	str_printf(&out, "%d", r->task);
	str_putc(&out, '\0');
	str_printf(&out, "%d", code);
	str_putc(&out, '\0');
	str_puts(&out, file_text(r->a, r->lock));
	str_putc(&out, '\0');
	str_puts(&out, said);
	str_putc(&out, '\0');
	post_send(r->post, POST_UP, 0, POST_RESULT, out.p, out.n);
	if (r->outbox)
		outbox_fill(r->outbox);
}

/* ---- what comes in ---- */

static void stop(struct rank *r)
{
	if (!r->stopping)
		run_signal(&r->run, SIGINT);
	r->stopping = true;
}

/* False at the end. */
static bool obey(struct rank *r, const struct post_message *m, bool *together)
{
	switch (m->kind) {
	case POST_TASK:
		if (!start(r, m))
			report(r, 127);
		break;
	case POST_STOP:
		stop(r);
		break;
	case POST_END:
		r->leaving = true;
		break;
	case POST_LEAVE:
		*together = m->n && *m->text == '1';
		return false;
	default:
		break;
	}
	return true;
}

static void beat(struct rank *r, double now)
{
	if (now < r->beat)
		return;
	r->beat = now + r->f->patience / 8;
	post_send(r->post, POST_UP, 0, POST_BEAT, "", 0);
}

static void see_to_outbox(struct rank *r, double now)
{
	if (r->outbox)
		outbox_step(r->outbox, r->run.pid, now);
	if (!r->leaving || (r->outbox && !outbox_sent(r->outbox)))
		return;
	r->leaving = false;
	post_send(r->post, POST_UP, 0, POST_BYE, "", 0);
}

bool rank_step(struct rank *r, bool *together)
{
	double now = signals_now();
	struct post_message m;
	int code;

	*together = false;
	while (post_take(r->post, POST_DOWN, r->a, &m)) {
		r->heard = now;
		if (!obey(r, &m, together))
			return false;
	}
	if (now > r->heard + r->f->patience) {
		fprintf(stderr, "wpkfarm: %s, rank %d: rank 0 is silent: it "
			"ends\n", post_host(r->post), post_rank(r->post));
		return false;
	}
	if (signals_wish() != WISH_NOTHING)
		stop(r);
	if (r->run.pid && run_ended(&r->run, &code))
		report(r, code);
	see_to_outbox(r, now);
	beat(r, now);
	return true;
}

void rank_close(struct rank *r)
{
	if (r->run.pid)
		run_kill(&r->run);
	if (r->outbox)
		outbox_close(r->outbox);
	if (r->folder)
		measuring_folder_remove(r->folder, r->fd);
	r->folder = NULL;
}
