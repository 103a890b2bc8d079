/* SPDX-License-Identifier: MIT */
/* Files: a path or a text comes in; it and everything it imports is read once,
 * parsed and checked, imports before importers. An import "a.b" is a/b.wpk
 * beside the importing file, in the folder where the importing module was
 * found, or in a folder of the options. Goes out with the list of files read. */
#include "front/front.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "front/table.h"

enum { CHAIN_LIMIT = 64 };

/* A file being loaded, or loaded: "unit" NULL while its imports are read
 * ("open") and after an error. "root" is the folder that its module name
 * starts from. */
struct file {
	const char *path, *root;
	struct ast_unit *unit;
	bool open;
	struct file *importer;
};

struct loader {
	struct arena *a;
	const struct front_options *o;
	struct diag *d;
	struct table files;
	VEC(const char *) read;
};

static const char *folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : "";
}

static const char *join(struct arena *a, const char *dir, const char *rel)
{
	size_t n = strlen(dir);

	if (!strcmp(dir, ".") || !strcmp(dir, "./"))
		return rel;
	if (n && dir[n - 1] != '/')
		return arena_printf(a, "%s/%s", dir, rel);
	return arena_printf(a, "%s%s", dir, rel);
}

/* "std/act.wpk" for "std.act". */
static const char *relative(struct arena *a, const char *module)
{
	char *path = arena_printf(a, "%s.wpk", module);
	size_t n = strlen(module);

	for (size_t i = 0; i < n; i++)
		if (path[i] == '.')
			path[i] = '/';
	return path;
}

static bool same_folder(struct arena *a, const char *x, const char *y)
{
	return !strcmp(join(a, x, ""), join(a, y, ""));
}

struct dir_list {
	const char **v;
	int n, cap;
};

static void add_dir(struct arena *a, struct dir_list *dirs, const char *dir)
{
	for (int i = 0; i < dirs->n; i++)
		if (same_folder(a, dirs->v[i], dir))
			return;
	vec_push(a, dirs, dir);
}

/* The folders to search, without repeats, NULL-ended. */
static const char **search_path(struct loader *l, const struct file *f)
{
	struct dir_list dirs = {0};

	add_dir(l->a, &dirs, folder(l->a, f->path));
	add_dir(l->a, &dirs, f->root);
	for (int i = 0; l->o && l->o->dirs && l->o->dirs[i]; i++)
		add_dir(l->a, &dirs, l->o->dirs[i]);
	vec_push(l->a, &dirs, NULL);
	return dirs.v;
}

static void report_missing(struct loader *l, const struct ast_import *m,
	const char *rel, const char **dirs)
{
	diag_error(l->d, E_IMPORT, m->at, "cannot find '%s' for import %s", rel, m->name);
	for (; *dirs; dirs++)
		diag_note(l->d, (struct span){0}, "not in %s",
			**dirs ? *dirs : "the current folder");
}

static void report_cycle(struct loader *l, const struct ast_import *m,
	const struct file *from, const struct file *to)
{
	const char *chain = to->path;

	for (const struct file *f = from; f != to; f = f->importer)
		chain = arena_printf(l->a, "%s -> %s", f->path, chain);
	diag_error(l->d, E_IMPORT_CYCLE, m->at, "import %s is a cycle", m->name);
	diag_note(l->d, (struct span){0}, "%s -> %s", to->path, chain);
}

static void load_imports(struct loader *l, struct file *f,
	struct ast_unit *u, int depth);

/* Parse and check a source whose file is "f". */
static void load_text(struct loader *l, struct file *f,
	const struct source *src, int depth)
{
	struct ast_unit *u = front_parse(l->a, src, l->d);
	int errors;

	f->open = true;
	if (u) {
		load_imports(l, f, u, depth);
		errors = diag_errors(l->d);
		front_check(l->a, u, l->d);
		if (diag_errors(l->d) == errors)
			f->unit = u;
	}
	f->open = false;
}

static struct file *new_file(struct loader *l, const char *path,
	const char *root, struct file *importer)
{
	struct file *f = ARENA_NEW(l->a, struct file);

	f->path = path;
	f->root = root;
	f->importer = importer;
	table_put(&l->files, path, f);
	return f;
}

static struct file *import_path(struct loader *l, const struct ast_import *m,
	struct file *from, const char *path, const char *root, int depth)
{
	struct file *f = table_get(&l->files, path);
	struct source *src;
	const char *why;

	if (f)
		return f;
	f = new_file(l, path, root, from);
	src = source_read(l->a, path, &why);
	if (!src) {
		diag_error(l->d, E_UNREADABLE, m->at, "cannot read %s: %s", path, why);
		return f;
	}
	vec_push(l->a, &l->read, path);
	load_text(l, f, src, depth + 1);
	return f;
}

static bool exists(const char *path)
{
	return !access(path, F_OK) || (errno != ENOENT && errno != ENOTDIR);
}

static void load_import(struct loader *l, struct ast_import *m,
	struct file *from, int depth)
{
	const char *rel = relative(l->a, m->name);
	const char **dirs = search_path(l, from);
	struct file *f;
	int i = 0;

	while (dirs[i] && !exists(join(l->a, dirs[i], rel)))
		i++;
	if (!dirs[i]) {
		report_missing(l, m, rel, dirs);
		return;
	}
	if (depth > CHAIN_LIMIT) {
		diag_error(l->d, E_LIMIT, m->at, "imports are nested more than %d deep",
			CHAIN_LIMIT);
		return;
	}
	f = import_path(l, m, from, join(l->a, dirs[i], rel), dirs[i], depth);
	if (f->open)
		report_cycle(l, m, from, f);
	m->unit = f->unit;
}

static void load_imports(struct loader *l, struct file *f,
	struct ast_unit *u, int depth)
{
	for (int i = 0; i < u->n_imports && !diag_full(l->d); i++)
		load_import(l, &u->imports[i], f, depth);
}

static struct ast_unit *finish(struct loader *l, const struct file *f,
	struct front_files *files)
{
	if (files) {
		files->v = l->read.v;
		files->n = l->read.n;
	}
	return f && !diag_errors(l->d) ? f->unit : NULL;
}

struct ast_unit *front_load_source(struct arena *a, struct source *src,
	const struct front_options *o, struct front_files *files,
	struct diag *d)
{
	struct loader l = { .a = a, .o = o, .d = d };
	struct file *f;

	table_init(&l.files, a);
	f = new_file(&l, src->path, folder(a, src->path), NULL);
	load_text(&l, f, src, 0);
	return finish(&l, f, files);
}

struct ast_unit *front_load(struct arena *a, const char *path,
	const struct front_options *o, struct front_files *files,
	struct diag *d)
{
	struct loader l = { .a = a, .o = o, .d = d };
	struct file *f;
	const char *why;
	struct source *src = source_read(a, path, &why);

	table_init(&l.files, a);
	if (!src) {
		diag_error(d, E_UNREADABLE, (struct span){0},
			"cannot read %s: %s", path, why);
		return finish(&l, NULL, files);
	}
	vec_push(a, &l.read, path);
	f = new_file(&l, path, folder(a, path), NULL);
	load_text(&l, f, src, 0);
	return finish(&l, f, files);
}
