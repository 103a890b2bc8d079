/* SPDX-License-Identifier: MIT */
/* Records of elsewhere, proved here. A record says that a point computes an
 * operator in some time; nobody has to believe either. This sees to the first:
 * wpkc makes the point from a source that the user trusts, writes it into a
 * lock of its own, and checks the kernels by emulation. Only a stanza with the
 * record's hash, group and sketch, of values that the record says and wpkc takes
 * for a point, proves it, so that a wrong hash, a source that was edited, or a
 * tunable left open prove nothing.
 * Then the record is marked as proved, or as refused where outputs were wrong
 * or no such kernel can be made; what could not be checked stays foreign. The
 * time remains the word of whoever measured it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/source.h"
#include "driver/child.h"
#include "driver/output.h"
#include "driver/paths.h"
#include "search/search.h"
#include "wpkdb/wpkdb.h"

enum { SECONDS = 600, NOT_RUN = 127 };

/* "a" is for one record; "known" holds the stanzas of all the source's
 * operators for "target". */
struct verify {
	struct wpkdb *w;
	struct arena *a;
	const char *folder, *lock, *wpkc;
	struct lock *known;
	const char *target;
	int share;			/* to make kernels for, 0: of no slice */
	int counts[N_DB_ORIGINS], absent;
};

/* ---- calls of wpkc ---- */

/* Beside this program, else in PATH. */
static const char *find_wpkc(struct arena *a)
{
	const char *beside = paths_find(a, PATHS_WPKC);

	return beside ? beside : "wpkc";
}

/* wpkc SOURCE OPTION..., for the record's target, and "more". */
static void call(struct verify *x, struct arena *a,
	const struct record_key *key, const string_list *more,
	struct child *out)
{
	string_list argv = {0};

	vec_push(a, &argv, x->wpkc);
	for (int i = 0; i < x->w->words.n; i++)
		vec_push(a, &argv, x->w->words.v[i]);
	vec_push(a, &argv, arena_printf(a, "--target=%s", key->target));
	vec_push(a, &argv, arena_printf(a, "--lock=%s", x->lock));
	if (x->share)
		vec_push(a, &argv, arena_printf(a, "--share=%d", x->share));
	for (int i = 0; i < more->n; i++)
		vec_push(a, &argv, more->v[i]);
	vec_push(a, &argv, NULL);
	child_run(a, argv.v, NULL, 0, SECONDS, out);
}

/* The lock that one candidate for each kernel leaves, pinned by "settings";
 * NULL with what wpkc said and its exit code. Nothing is measured: that would
 * need a GPU, and leave records. */
static struct lock *make_lock(struct verify *x, struct arena *a,
	const struct record_key *key, const string_list *settings,
	const char **why, int *status)
{
	string_list more = {0};
	struct source *text;
	struct child c;
	int line;

	unlink(x->lock);
	for (int i = 0; settings && i < settings->n; i++)
		vec_push(a, &more, settings->v[i]);
	vec_push(a, &more, "--tune=random");
	vec_push(a, &more, "--trials=1");
	vec_push(a, &more, "--measure=model");
	vec_push(a, &more, "--no-verify");
	vec_push(a, &more, "-q");
	vec_push(a, &more, arena_printf(a, "-o%s/made.cu", x->folder));
	call(x, a, key, &more, &c);
	*why = c.status == NOT_RUN && !c.err.n ? "there is no wpkc to run" :
		str_text(&c.err);
	*status = c.status;
	if (c.status)
		return NULL;
	text = source_read(a, x->lock, why);
	return text ? lock_parse(a, text->text, why, &line) : NULL;
}

/* ---- one record ---- */

static struct lock_entry *entry_of(struct lock *l, const struct record_key *key)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].hash == key->hash && l->v[i].group == key->group)
			return &l->v[i];
	return NULL;
}

/* The stanza of the operator, whatever its group. */
static const struct lock_entry *operator_of(const struct lock *l,
	uint64_t hash)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].hash == hash)
			return &l->v[i];
	return NULL;
}

static const char *value_of(const struct record *r, const char *name)
{
	for (int i = 0; i < r->n; i++)
		if (!strcmp(r->names[i], name))
			return r->values[i];
	return NULL;
}

/* Is that the record's point, as far as the record says? What it says besides,
 * wpkc has taken by --set, so it is what the source pins. */
static bool is_point(const struct lock_entry *e, const struct record *r)
{
	if (!e || strcmp(e->sketch, r->key.sketch) ||
	    (e->kernel && *r->key.kernel && strcmp(e->kernel, r->key.kernel)))
		return false;
	for (int i = 0; i < e->n; i++) {
		const char *value = value_of(r, e->names[i]);

		if (value && strcmp(value, e->values[i]))
			return false;
	}
	return true;
}

/* Leave of the stanza what the record says too: whether that is enough, wpkc
 * knows, which reads locks from before a tunable existed. NULL, or why the lock
 * cannot be written. */
static const char *keep_said(struct verify *x, struct lock *l,
	struct lock_entry *e, const struct record *r)
{
	struct outputs o;
	struct str text;
	int n = 0;

	for (int i = 0; i < e->n; i++) {
		if (!value_of(r, e->names[i]))
			continue;
		e->names[n] = e->names[i];
		e->values[n++] = e->values[i];
	}
	e->n = n;
	str_init(&text, x->a);
	lock_print(l, &text);
	outputs_init(&o, x->a);
	outputs_add(&o, x->lock, &text);
	return outputs_commit(&o);
}

static const char *first_line(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strcspn(text, "\n"));
}

/* Among what wpkc --check says, the lines about "name": how many verify it, and
 * the first that does not, or NULL. */
static const char *complaint(struct arena *a, const char *text,
	const char *name, int *verified)
{
	const char *found = NULL;
	size_t n = strlen(name);

	*verified = 0;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *line = first_line(a, text);

		if (strncmp(line, name, n) || (line[n] != ':' &&
		    line[n] != ' '))
			continue;
		if (strstr(line, ": verified "))
			++*verified;
		else if (!found)
			found = line;
	}
	return found;
}

/* "it leaves 'tile.block.i' open", if that is what wpkc says of the lock; else
 * NULL. */
static const char *left_open(struct arena *a, const char *text)
{
	const char *found = strstr(text, "it leaves '");

	return found ? arena_strndup(a, found, strcspn(found, ":\n")) : NULL;
}

/* Does wpkc's check of the point in the lock prove it? "*why" where not. */
static enum db_origin checked(struct verify *x, const struct record_key *key,
	const char *name, const char **why)
{
	string_list more = {0};
	struct child c;
	int verified;

	vec_push(x->a, &more, "--frozen");
	vec_push(x->a, &more, "--check");
	call(x, x->a, key, &more, &c);
	*why = complaint(x->a, str_text(&c.out), name, &verified);
	if (*why)
		return strstr(*why, "not verified") ? DB_FOREIGN : DB_REFUSED;
	*why = left_open(x->a, str_text(&c.err));
	if (*why)
		return DB_REFUSED;
	*why = first_line(x->a, str_text(&c.err));
	return verified && (c.status == EXIT_DONE ||
		c.status == EXIT_UNVERIFIED) ? DB_PROVED : DB_FOREIGN;
}

/* The operators of the source for the record's target: its stanzas. */
static int know_source(struct verify *x, const struct record_key *key)
{
	const char *why;
	int status;

	if (x->known && !strcmp(x->target, key->target))
		return EXIT_DONE;
	x->target = key->target;
	x->share = 0;
	x->known = make_lock(x, x->w->a, key, NULL, &why, &status);
	return x->known ? EXIT_DONE : wpkdb_fail(x->w, EXIT_USER,
		"%s cannot be compiled for %s: %s", x->w->words.v[0],
		key->target, first_line(x->w->a, why));
}

/* A kernel is made for the slice that it was measured in; but several searches at
 * once measure in slices what is for more. */
static struct lock *make_point(struct verify *x, const struct record_key *key,
	const string_list *settings, const char **why, int *status)
{
	struct lock *l;

	x->share = key->share % 100;
	l = make_lock(x, x->a, key, settings, why, status);
	if (l || !x->share)
		return l;
	x->share = 0;
	return make_lock(x, x->a, key, settings, why, status);
}

static enum db_origin prove(struct verify *x, const struct db_record *r,
	const char *name, const char **why)
{
	struct db_record here = *r;
	string_list settings = {0};
	struct lock_entry *e;
	struct lock *l;
	int status;

	here.r.key.op = name;
	command_settings(x->a, &here, &settings);
	l = make_point(x, &r->r.key, &settings, why, &status);
	if (!l) {
		*why = first_line(x->a, *why);
		return status == EXIT_NO_CANDIDATE ? DB_REFUSED : DB_FOREIGN;
	}
	e = entry_of(l, &r->r.key);
	if (!is_point(e, &r->r)) {
		*why = "the source makes another point of it";
		return DB_REFUSED;
	}
	*why = keep_said(x, l, e, &r->r);
	return *why ? DB_FOREIGN : checked(x, &r->r.key, name, why);
}

/* Records of lower layers are marked in a copy. */
static bool mark(struct verify *x, const struct db_record *r,
	enum db_origin origin)
{
	struct db_record copy = *r;
	int added;

	if (origin == DB_FOREIGN)
		return true;
	if (!r->layer)
		return db_mark(x->w->db, &r->id, 1, origin);
	copy.origin = origin;
	copy.run = 0;
	return db_take(x->w->db, NULL, 0, &copy, 1, &added);
}

static int verify_record(struct verify *x, const struct db_record *r)
{
	int code = know_source(x, &r->r.key);
	const struct lock_entry *e;
	enum db_origin origin;
	const char *why = "";

	if (code != EXIT_DONE)
		return code;
	e = operator_of(x->known, r->r.key.hash);
	if (!e) {
		x->absent++;
		return EXIT_DONE;
	}
	origin = prove(x, r, e->op, &why);
	if (child_stop_pending())
		return EXIT_DONE;
	x->counts[origin]++;
	printf("%s, %s by %s: %s%s%s\n", problem_title(x->a, &r->r.key),
		text_time(x->a, r->r.seconds), text_plain(x->a,
		r->r.key.sketch), origin == DB_FOREIGN ? "not proved" :
		db_origin_name(origin), origin == DB_PROVED ? "" : ": ",
		origin == DB_PROVED ? "" : text_plain(x->a, why));
	return mark(x, r, origin) ? EXIT_DONE : wpkdb_fail_db(x->w);
}

/* The best foreign records of a problem, those that a search would begin
 * with. */
static int verify_problem(struct verify *x, const struct record_key *key)
{
	int n, todo = x->w->best ? x->w->best : 1, code = EXIT_DONE;
	struct db_record *v = problems_records(x->w, x->w->a, key, &n);

	if (!v)
		return wpkdb_fail_db(x->w);
	n = db_count(v, n);
	for (int i = 0; i < n && todo && code == EXIT_DONE &&
	     !child_stop_pending(); i++) {
		if (v[i].origin != DB_FOREIGN ||
		    v[i].r.verdict != V_MEASURED)
			continue;
		todo--;
		x->a = arena_create();
		code = verify_record(x, &v[i]);
		arena_destroy(x->a);
	}
	return code;
}

static int verify_all(struct verify *x)
{
	int code = EXIT_DONE;
	key_list keys;

	if (!problems_find(x->w, &keys))
		return wpkdb_fail_db(x->w);
	for (int i = 0; i < keys.n && code == EXIT_DONE; i++)
		code = verify_problem(x, &keys.v[i]);
	if (code != EXIT_DONE)
		return code;
	printf("%d proved, %d refused, %d not proved, %d of operators that "
		"the source does not have\n", x->counts[DB_PROVED],
		x->counts[DB_REFUSED], x->counts[DB_FOREIGN], x->absent);
	return x->counts[DB_REFUSED] || x->counts[DB_FOREIGN] ?
		EXIT_UNVERIFIED : EXIT_DONE;
}

int wpkdb_verify(struct wpkdb *w)
{
	struct verify x = { .w = w, .wpkc = find_wpkc(w->a) };
	sigset_t before;
	int code;

	x.folder = child_folder(w->a);
	if (!x.folder)
		return wpkdb_fail(w, EXIT_USER, "no folder to work in: %s",
			strerror(errno));
	x.lock = arena_printf(w->a, "%s/made.lock", x.folder);
	child_hold(&before);
	code = verify_all(&x);
	child_folder_remove(x.folder);
	child_release(&before);
	return code;
}
