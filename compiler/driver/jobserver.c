/* SPDX-License-Identifier: MIT */
/* Tokens are bytes in a pipe that all of make's children share, so it must not
 * be made non-blocking; it is opened anew, through /proc, to be read so. */
#include "driver/jobserver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_pipe(int fd)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISFIFO(st.st_mode);
}

/* What follows --jobserver-auth= (or, before make 4.2, -fds=), or NULL. */
static const char *find_auth(void)
{
	static const char *const names[] = {
		"--jobserver-auth=", "--jobserver-fds="
	};
	const char *flags = getenv("MAKEFLAGS"), *found = NULL;

	for (size_t i = 0; i < 2 && flags && !found; i++)
		for (const char *p = flags; (p = strstr(p, names[i])); )
			found = p += strlen(names[i]);
	return found;
}

/* make -j1 has no job server, and says so only like this. */
static bool one_job(void)
{
	const char *flags = getenv("MAKEFLAGS");
	const char *p = flags ? strstr(flags, "-j1") : NULL;

	return p && (p == flags || p[-1] == ' ') && (!p[3] || p[3] == ' ');
}

/* The last --jobserver-auth counts; "fifo:PATH", or "R,W": descriptors. */
void jobserver_open(struct arena *a, struct jobserver *j)
{
	const char *auth = find_auth();
	int in, out;

	*j = (struct jobserver){ .a = a, .in = -1, .out = -1 };
	str_init(&j->tokens, a);
	j->alone = auth || one_job();
	if (!auth)
		return;
	if (!strncmp(auth, "fifo:", 5)) {
		char *path = arena_printf(a, "%.*s", (int)strcspn(auth + 5, " "),
			auth + 5);

		j->in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		j->out = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	} else if (sscanf(auth, "%d,%d", &in, &out) == 2 && is_pipe(in) &&
		   is_pipe(out)) {
		j->in = open(arena_printf(a, "/proc/self/fd/%d", in),
			O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		j->out = fcntl(out, F_DUPFD_CLOEXEC, 3);
	}
	j->alone = !is_pipe(j->in) || !is_pipe(j->out);
}

bool jobserver_take(struct jobserver *j, int running)
{
	char token;

	if (running == 0 || (size_t)running <= j->tokens.n)
		return true;
	if (j->alone)
		return false;
	if (j->in < 0)
		return true;
	if (read(j->in, &token, 1) != 1)
		return false;
	str_putc(&j->tokens, token);
	return true;
}

/* The same byte goes back that came. */
void jobserver_keep(struct jobserver *j, int running)
{
	size_t need = running > 1 ? (size_t)running - 1 : 0;

	while (j->tokens.n > need &&
	       write(j->out, &j->tokens.p[j->tokens.n - 1], 1) == 1)
		j->tokens.n--;
}

void jobserver_close(struct jobserver *j)
{
	jobserver_keep(j, 0);
	if (j->in >= 0)
		close(j->in);
	if (j->out >= 0)
		close(j->out);
}
