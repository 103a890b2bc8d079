/* SPDX-License-Identifier: MIT */
/* Writing results. A reader of the output never sees half a file: text is
 * written beside its place and renamed, and when one of several files cannot be
 * written none is renamed. Devices and pipes are written directly. */
#include "driver/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/child.h"

void outputs_init(struct outputs *o, struct arena *a)
{
	*o = (struct outputs){ .a = a };
}

void outputs_add(struct outputs *o, const char *path, const struct str *text)
{
	struct output_file f = { path, str_text(text), text->n, NULL };

	vec_push(o->a, &o->files, f);
}

static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

const char *output_refuses(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash ? slash == path ? "/" :
		arena_strndup(a, path, (size_t)(slash - path)) : ".";
	struct stat st;

	if (!strcmp(path, "-"))
		return NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return arena_printf(a, "cannot write '%s': it is a directory",
			path);
	if (is_special(path) ? access(path, W_OK) : access(dir, W_OK))
		return arena_printf(a, "cannot write '%s': %s", path,
			strerror(errno));
	return NULL;
}

static bool write_all(FILE *f, const struct output_file *o)
{
	bool ok = fwrite(o->text, 1, o->n, f) == o->n;

	return fflush(f) == 0 && ok;
}

static const char *failed(struct outputs *o, const char *path)
{
	bool out = !strcmp(path, "-");

	return arena_printf(o->a, "cannot write %s%s%s: %s", out ? "" : "'",
		out ? "standard output" : path, out ? "" : "'",
		strerror(errno));
}

/* The umask can only be read by setting it. */
static mode_t usual_mode(const char *path)
{
	mode_t mask;
	struct stat st;

	if (stat(path, &st) == 0)
		return st.st_mode & 07777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* A link keeps pointing where it does: its target is what is replaced. */
static const char *resolved(struct outputs *o, const char *path)
{
	char *real = realpath(path, NULL);
	const char *copy = real ? arena_strdup(o->a, real) : path;

	free(real);
	return copy;
}

static const char *write_beside(struct outputs *o, struct output_file *f)
{
	const char *why;
	char *name;
	FILE *file;
	mode_t mode;
	int fd;

	f->path = resolved(o, f->path);
	mode = usual_mode(f->path);
	name = arena_printf(o->a, "%s.XXXXXX", f->path);
	fd = mkstemp(name);
	if (fd < 0)
		return failed(o, f->path);
	f->beside = name;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return failed(o, f->path);
	}
	why = write_all(file, f) && !fchmod(fd, mode) ? NULL :
		failed(o, f->path);
	if (fclose(file) && !why)
		why = failed(o, f->path);
	return why;
}

static const char *write_directly(struct outputs *o, const struct output_file *f)
{
	bool out = !strcmp(f->path, "-"), ok;
	FILE *file = out ? stdout : fopen(f->path, "w");

	if (!file)
		return failed(o, f->path);
	ok = write_all(file, f);
	if (!out)
		ok &= fclose(file) == 0;
	return ok ? NULL : failed(o, f->path);
}

static void remove_temporaries(struct outputs *o)
{
	for (int i = 0; i < o->files.n; i++)
		if (o->files.v[i].beside)
			unlink(o->files.v[i].beside);
}

static bool direct(const struct output_file *f)
{
	return !strcmp(f->path, "-") || is_special(f->path);
}

static const char *commit(struct outputs *o)
{
	const char *why = NULL;

	for (int i = 0; i < o->files.n && !why; i++)
		if (!direct(&o->files.v[i]))
			why = write_beside(o, &o->files.v[i]);
	for (int i = 0; i < o->files.n && !why; i++)
		if (direct(&o->files.v[i]))
			why = write_directly(o, &o->files.v[i]);
	for (int i = 0; i < o->files.n && !why; i++) {
		struct output_file *f = &o->files.v[i];

		if (f->beside && rename(f->beside, f->path))
			why = failed(o, f->path);
		else
			f->beside = NULL;
	}
	if (why)
		remove_temporaries(o);
	return why;
}

/* A pipe may have no reader for ever: who waits for one may be stopped. */
const char *outputs_commit(struct outputs *o)
{
	bool waits = false;
	sigset_t before;
	const char *why;

	for (int i = 0; i < o->files.n; i++)
		waits |= direct(&o->files.v[i]);
	if (waits)
		return commit(o);
	child_hold(&before);
	why = commit(o);
	child_release(&before);
	return why;
}

bool output_same(const char *x, const char *y)
{
	struct stat s, t;

	if (!strcmp(x, "-") || is_special(x))
		return false;
	return !strcmp(x, y) || (!stat(x, &s) && !stat(y, &t) &&
		s.st_dev == t.st_dev && s.st_ino == t.st_ino);
}

static void put_escaped(struct str *out, const char *name)
{
	for (; *name; name++) {
		if (*name == ' ' || *name == '\t' || *name == '#')
			str_putc(out, '\\');
		else if (*name == '$')
			str_putc(out, '$');
		str_putc(out, *name);
	}
}

void output_depfile(struct str *out, const char *const *targets,
	const char *const *prerequisites)
{
	for (int i = 0; targets[i]; i++) {
		str_puts(out, i ? " " : "");
		put_escaped(out, targets[i]);
	}
	str_putc(out, ':');
	for (int i = 0; prerequisites[i]; i++) {
		str_puts(out, " \\\n  ");
		put_escaped(out, prerequisites[i]);
	}
	str_putc(out, '\n');
}
