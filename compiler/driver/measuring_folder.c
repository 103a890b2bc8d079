/* SPDX-License-Identifier: MIT */
/* A run's folder is locked while the run lives, by flock(2), which ends with
 * the process however that ends: an unlocked one is nobody's. Making, locking
 * and clearing away happen one run at a time, under a lock of the folder that
 * holds them all. */
#include "driver/measuring_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "driver/child.h"

#define PREFIX "wpkc-run-"

enum { LEAST_ROOM = 4 << 20 };

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static void clear_one(struct arena *a, const char *tmp, const char *name)
{
	const char *path = arena_printf(a, "%s/%s", tmp, name);
	int fd = open_folder(path);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_uid == geteuid() &&
	    !flock(fd, LOCK_EX | LOCK_NB))
		child_folder_remove(path);
	close(fd);
}

static void clear_all(struct arena *a, const char *tmp)
{
	DIR *d = opendir(tmp);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			clear_one(a, tmp, e->d_name);
	if (d)
		closedir(d);
}

/* Somebody else may hold this lock for reasons of his own: then nothing is
 * cleared away. */
static bool take_turn(int fd)
{
	for (int i = 0; fd >= 0 && i < 100; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return true;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	return false;
}

const char *measuring_folder(struct arena *a, int *fd)
{
	const char *tmp = getenv("TMPDIR"), *path;
	int all;

	tmp = tmp && *tmp ? tmp : "/tmp";
	all = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (take_turn(all))
		clear_all(a, tmp);
	path = mkdtemp(arena_printf(a, "%s/" PREFIX "XXXXXX", tmp));
	*fd = path ? open_folder(path) : -1;
	if (*fd >= 0)
		flock(*fd, LOCK_EX);
	if (all >= 0)
		close(all);
	return path;
}

void measuring_folder_remove(const char *path, int fd)
{
	child_folder_remove(path);
	if (fd >= 0)
		close(fd);
}

bool measuring_folder_is_full(const char *path)
{
	struct statvfs v;

	return !statvfs(path, &v) && (double)v.f_bavail * (double)v.f_frsize <
		LEAST_ROOM;
}
