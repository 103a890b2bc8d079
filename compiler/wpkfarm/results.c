/* SPDX-License-Identifier: MIT */
/* What the ranks found, in the locks of the sources: each stanza is written as
 * soon as it is known, so that whatever ends the farm finds it there. Others may
 * write the same lock: who does has its folder locked, as in wpkc. */
#include "wpkfarm/wpkfarm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/source.h"
#include "driver/output.h"
#include "search/search.h"

/* Two sessions on two GPUs of one kind differ by about this much. */
static const double margin = 0.99;

/* "found" are the best of this run, by source. */
struct results {
	struct arena *a;
	const char **paths;
	struct lock *found;
};

struct results *results_open(struct arena *a, const struct farm_options *f)
{
	struct results *r = ARENA_NEW(a, struct results);
	size_t n = (size_t)f->files.n;

	*r = (struct results){ a, ARENA_ARRAY(a, n + 1, const char *),
		ARENA_ARRAY(a, n + 1, struct lock) };
	for (int i = 0; i < f->files.n; i++)
		r->paths[i] = f->o.lock ? f->o.lock :
			arena_printf(a, "%s.lock", f->files.v[i]);
	return r;
}

const char *results_path(const struct results *r, int file)
{
	return r->paths[file];
}

/* Of all kernels of the operator together; 0: the lock has none. */
static double seconds_of(const struct lock *l, const struct lock_entry *e)
{
	double sum = 0;

	for (int i = 0; i < l->n; i++)
		if (lock_same_place(&l->v[i], e))
			sum += l->v[i].seconds;
	return sum;
}

/* The operator of "e" as "from" has it. */
static void copy_operator(struct arena *a, struct lock *to,
	const struct lock *from, const struct lock_entry *e)
{
	lock_trim(to, e, 0);
	for (int i = 0; i < from->n; i++)
		if (lock_same_place(&from->v[i], e))
			lock_put(a, to, &from->v[i]);
}

/* Keeps others from writing until closed; -1: the file system cannot. */
static int take_turn(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = !slash ? "." : slash == path ? "/" :
		arena_strndup(a, path, (size_t)(slash - path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static struct lock *read_lock(struct arena *a, const char *path,
	const char **why)
{
	struct source *s;
	struct lock *l;
	int line;

	if (access(path, F_OK) && errno == ENOENT)
		return ARENA_NEW(a, struct lock);
	s = source_read(a, path, why);
	l = s ? lock_parse(a, s->text, why, &line) : NULL;
	if (!l)
		*why = s ? arena_printf(a, "%s:%d: %s", path, line, *why) :
			arena_printf(a, "cannot read '%s': %s", path, *why);
	return l;
}

static const char *write_lock(struct results *r, int file,
	const struct lock *part)
{
	const char *path = r->paths[file], *why = NULL;
	int turn = take_turn(r->a, path);
	struct lock *l = read_lock(r->a, path, &why);
	struct outputs o;
	struct str text;

	if (l) {
		for (int i = 0; i < part->n; i++)
			copy_operator(r->a, l, &r->found[file], &part->v[i]);
		str_init(&text, r->a);
		lock_print(l, &text);
		outputs_init(&o, r->a);
		outputs_add(&o, path, &text);
		why = outputs_commit(&o);
	}
	if (turn >= 0)
		close(turn);
	return why;
}

const char *results_add(struct results *r, int file, const char *lock,
	bool *better)
{
	const char *why = NULL;
	struct lock *l, *best = &r->found[file];
	int line;

	l = lock_parse(r->a, lock, &why, &line);
	*better = false;
	if (!l)
		return arena_printf(r->a, "a rank sent no lock: %s", why);
	for (int i = 0; i < l->n; i++) {
		double known = seconds_of(best, &l->v[i]);

		if (known > 0 && seconds_of(l, &l->v[i]) > margin * known)
			continue;
		copy_operator(r->a, best, l, &l->v[i]);
		*better = true;
	}
	return *better ? write_lock(r, file, l) : NULL;
}
