/* SPDX-License-Identifier: MIT */
/* What ranks measure, in rank 0's database as well as in those of the machines
 * where it was measured. A rank exports what it has stored since it last did, now
 * and then and behind each search; rank 0 imports what comes, as records of
 * elsewhere. Both are done by wpkdb, a child at a time, for whom nobody waits.
 * What is sent twice, or lies in one database that both have, is stored once. */
#include "wpkfarm/wpkfarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/source.h"
#include "driver/measuring_folder.h"
#include "driver/paths.h"

/* Dates of records are whole seconds, and later than the moment asked for. */
enum { OVERLAP = 2 };

static const char *const *argv_of(struct arena *a, const struct farm_options *f,
	const char *command, const char *word, const char *file)
{
	const char **v = ARENA_ARRAY(a, 9, const char *);
	int n = 0;

	v[n++] = paths_find(a, PATHS_WPKDB);
	v[n++] = command;
	if (f->o.db)
		v[n++] = arena_printf(a, "--db=%s", f->o.db);
	if (word) {
		v[n++] = "--origin=own";
		v[n++] = word;
		v[n++] = "-o";
	}
	v[n++] = file;
	return v;
}

static const char *file_text(struct arena *a, const char *path)
{
	const char *why;
	struct source *s = access(path, R_OK) ? NULL :
		source_read(a, path, &why);

	return s ? s->text : "";
}

/* ---- of a rank ---- */

/* "since" is when the records begin that are still to be sent, and "again" what
 * that will be once "run" has exported them. "a" is of one export. */
struct outbox {
	struct arena *a;
	struct post *post;
	const struct farm_options *f;
	const char *file, *said;
	struct run run;
	time_t since, again;
	double due;
	bool full;
};

struct outbox *outbox_open(struct arena *a, struct post *p,
	const struct farm_options *f, const char *folder)
{
	struct outbox *o = ARENA_NEW(a, struct outbox);

	*o = (struct outbox){ .a = arena_create(), .post = p, .f = f,
		.file = arena_printf(a, "%s/records", folder),
		.said = arena_printf(a, "%s/exported", folder),
		.since = time(NULL) };
	return o;
}

/* As records have dates. */
static const char *after(struct arena *a, time_t t)
{
	char text[32];
	struct tm parts;

	gmtime_r(&t, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return arena_printf(a, "--after=%s", text);
}

/* Without wpkdb, or where it fails, records stay where they are. */
static void begin_export(struct outbox *o, double now)
{
	o->due = now + o->f->patience / 8;
	o->full = false;
	o->again = time(NULL);
	if (paths_find(o->a, PATHS_WPKDB))
		run_start(&o->run, argv_of(o->a, o->f, "export", after(o->a,
			o->since - OVERLAP), o->file), o->said);
}

static void end_export(struct outbox *o, int code)
{
	const char *text = code == EXIT_DONE ? file_text(o->a, o->file) : "";

	if (code == EXIT_DONE)
		o->since = o->again;
	if (*text)
		post_send(o->post, POST_UP, 0, POST_RECORDS, text,
			strlen(text));
	arena_reset(o->a);
}

void outbox_step(struct outbox *o, bool searching, double now)
{
	int code;

	if (o->run.pid && run_ended(&o->run, &code))
		end_export(o, code);
	if (!o->run.pid && (o->full || (searching && now > o->due)))
		begin_export(o, now);
}

void outbox_fill(struct outbox *o)
{
	o->full = true;
}

bool outbox_sent(const struct outbox *o)
{
	return !o->run.pid && !o->full;
}

void outbox_close(struct outbox *o)
{
	if (o->run.pid)
		run_kill(&o->run);
	arena_destroy(o->a);
}

/* ---- of rank 0 ---- */

/* Records that wait, while "run" imports those before them from "file". "added"
 * are new to the database. */
struct inbox {
	struct arena *a;
	const struct farm_options *f;
	const char *folder, *file, *said, *why;
	int fd, added;
	struct str waiting;
	struct run run;
};

struct inbox *inbox_open(struct arena *a, const struct farm_options *f)
{
	struct inbox *b = ARENA_NEW(a, struct inbox);

	*b = (struct inbox){ .a = a, .f = f, .fd = -1 };
	str_init(&b->waiting, a);
	b->folder = measuring_folder(a, &b->fd);
	if (!b->folder)
		b->why = arena_printf(a, "no folder for temporary files: %s",
			strerror(errno));
	else if (!paths_find(a, PATHS_WPKDB))
		b->why = "wpkdb is not beside wpkfarm";
	b->file = arena_printf(a, "%s/records", b->folder ? b->folder : ".");
	b->said = arena_printf(a, "%s/imported", b->folder ? b->folder : ".");
	return b;
}

void inbox_put(struct inbox *b, const char *text, size_t n)
{
	if (!b->why)
		str_putn(&b->waiting, text, n);
}

static bool write_file(const char *path, const struct str *s)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fwrite(s->p, 1, s->n, f) == s->n;

	return f && !fclose(f) && ok;
}

static void begin_import(struct inbox *b)
{
	if (!write_file(b->file, &b->waiting) || !run_start(&b->run, argv_of(
	    b->a, b->f, "import", NULL, b->file), b->said))
		b->why = strerror(errno);
	b->waiting.n = 0;
}

/* "12 records, 3 of them new", among whatever else it says */
static void end_import(struct inbox *b, int code)
{
	const char *said = file_text(b->a, b->said), *line = said;
	int all, new;

	while (code == EXIT_DONE && line) {
		if (sscanf(line, "%d records, %d", &all, &new) == 2)
			b->added += new;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (code != EXIT_DONE)
		b->why = arena_strndup(b->a, said, strcspn(said, "\n"));
}

const char *inbox_step(struct inbox *b)
{
	bool told = b->why != NULL;
	int code;

	if (b->run.pid && run_ended(&b->run, &code))
		end_import(b, code);
	if (!b->run.pid && b->waiting.n && !b->why)
		begin_import(b);
	return told ? NULL : b->why;
}

bool inbox_stored(const struct inbox *b)
{
	return !b->run.pid && (b->why || !b->waiting.n);
}

int inbox_close(struct inbox *b)
{
	if (b->run.pid)
		run_kill(&b->run);
	if (b->folder)
		measuring_folder_remove(b->folder, b->fd);
	return b->added;
}
