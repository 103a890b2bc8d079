/* SPDX-License-Identifier: MIT */
/* The lock as a file: read at the start, and again when what was found goes
 * into it. Several runs may tune operators of one file at once: who writes has
 * the file's folder locked, since the file itself is replaced. */
#include "driver/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

bool lockfile_read(struct session *s)
{
	const char *why;
	struct source *src;
	int line = 0;

	s->lock = ARENA_NEW(s->a, struct lock);
	if (access(s->lock_path, F_OK) && errno == ENOENT)
		return true;
	src = source_read(s->a, s->lock_path, &why);
	if (!src)
		return session_fail(s, EXIT_USER, "cannot read lock file '%s': %s",
			s->lock_path, why);
	s->lock = lock_parse(s->a, src->text, &why, &line);
	s->lock_existed = true;
	return s->lock || session_fail(s, EXIT_USER, "%s:%d: %s",
		s->lock_path, line, why);
}

int lockfile_wait(const struct session *s)
{
	const char *slash = strrchr(s->lock_path, '/');
	const char *folder = !slash ? "." : slash == s->lock_path ? "/" :
		arena_strndup(s->a, s->lock_path,
			(size_t)(slash - s->lock_path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool lockfile_release(int fd)
{
	if (fd >= 0)
		close(fd);
	return false;
}

bool lockfile_merge(struct session *s)
{
	struct lock *own = s->lock;

	if (!lockfile_read(s))
		return false;
	for (int i = 0; i < s->n_jobs; i++) {
		const struct job *j = &s->jobs[i];
		const struct lock_entry at = { .op = j->name,
			.target = j->place->target->name,
			.gpu = j->place->gpu->name,
			.share = j->place->share };

		lock_trim(s->lock, &at, 0);
		for (int k = 0; k < own->n; k++)
			if (lock_same_place(&own->v[k], &at))
				lock_put(s->a, s->lock, &own->v[k]);
	}
	return true;
}
