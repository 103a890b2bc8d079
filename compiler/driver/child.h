/* SPDX-License-Identifier: MIT */
/* Child processes (compilers, the emulator) and the folders they work in. */
#ifndef WPK_COMPILER_DRIVER_CHILD_H
#define WPK_COMPILER_DRIVER_CHILD_H

#include <signal.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct child {
	int status;		/* exit status, 128 + signal, or 127: not run */
	bool timed_out, stopped;
	double seconds;
	struct str out, err;	/* what it wrote */
};

/* Run argv (NULL-ended; argv[0] is searched in PATH) with "input" on its
 * standard input (NULL: nothing), in a process group of its own that is ended
 * after "seconds", by SIGTERM and two seconds later by SIGKILL. Stopping wpkc
 * (SIGINT, SIGTERM) does not reach it: a caller that blocks these signals has it
 * "stopped", in the same way, as soon as one is pending. */
void child_run(struct arena *a, const char *const *argv, const char *input,
	size_t n_input, double seconds, struct child *out);

/* Hold back the signals that end wpkc while a child works, so that it is stopped
 * and its folder removed first; and let them through. Has one come? */
void child_hold(sigset_t *before);
void child_release(const sigset_t *before);
bool child_stop_pending(void);

/* A fresh private folder under $TMPDIR; NULL with errno set. And its removal,
 * with all it holds. */
const char *child_folder(struct arena *a);
void child_folder_remove(const char *path);

/* Write "n" bytes to "path"; false with errno set. */
bool child_write_file(const char *path, const char *text, size_t n);

#endif
