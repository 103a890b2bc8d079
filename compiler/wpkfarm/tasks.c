/* SPDX-License-Identifier: MIT */
/* What there is to do: every exported operator of every source that --op does
 * not leave out. An operator with open sizes is one task with all its shapes. */
#include "wpkfarm/wpkfarm.h"

#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "driver/paths.h"
#include "front/front.h"
#include "ir/lower.h"

static const char *const *import_dirs(struct arena *a,
	const struct farm_options *f)
{
	const char *stdlib = paths_find(a, PATHS_STDLIB);
	string_list v = {0};

	for (int i = 0; i < f->o.dirs.n; i++)
		vec_push(a, &v, f->o.dirs.v[i]);
	if (stdlib)
		vec_push(a, &v, stdlib);
	vec_push(a, &v, NULL);
	return v.v;
}

static struct ast_unit *load(struct arena *a, const struct farm_options *f,
	const char *path)
{
	struct front_options fo = { import_dirs(a, f) };
	struct diag *d = diag_create(a);
	struct front_files files;
	struct ast_unit *u = front_load(a, path, &fo, &files, d);
	struct str text;

	str_init(&text, a);
	diag_print(d, &text, f->o.color == COLOR_ALWAYS);
	fputs(str_text(&text), stderr);
	return diag_errors(d) ? NULL : u;
}

static bool is_wanted(const struct farm_options *f, const char *name)
{
	for (int i = 0; i < f->o.ops.n; i++)
		if (!strcmp(f->o.ops.v[i], name))
			return true;
	return !f->o.ops.n;
}

static void push(struct arena *a, struct tasks *t, struct task new)
{
	struct task *v = ARENA_ARRAY(a, (size_t)t->n + 1, struct task);

	if (t->n)
		memcpy(v, t->v, (size_t)t->n * sizeof *v);
	v[t->n++] = new;
	t->v = v;
}

static bool add_file(struct arena *a, const struct farm_options *f, int file,
	struct tasks *t)
{
	struct ast_unit *u = load(a, f, f->files.v[file]);
	struct lower_item *items;
	int n;

	if (!u)
		return false;
	items = lower_items(a, u, true, &n);
	for (int i = 0; i < n; i++) {
		const char *name = items[i].item->name.text;

		if (is_wanted(f, name))
			push(a, t, (struct task){ .file = file, .op = name,
				.seed = (unsigned long)f->o.seed, .rank = -1 });
	}
	return true;
}

static bool is_known(const struct tasks *t, const char *op)
{
	for (int i = 0; i < t->n; i++)
		if (!strcmp(t->v[i].op, op))
			return true;
	return false;
}

static bool complain(const char *text, const char *name)
{
	fprintf(stderr, "wpkfarm: error: %s%s\n", text, name);
	return false;
}

bool tasks_find(struct arena *a, const struct farm_options *f, struct tasks *t)
{
	*t = (struct tasks){0};
	for (int i = 0; i < f->files.n; i++)
		if (!add_file(a, f, i, t))
			return false;
	for (int i = 0; i < f->o.ops.n; i++)
		if (!is_known(t, f->o.ops.v[i]))
			return complain("no source exports an operator ",
				f->o.ops.v[i]);
	t->operators = t->n;
	return t->n > 0 || complain("no source exports an operator", "");
}

void tasks_multiply(struct arena *a, struct tasks *t, int ranks)
{
	for (int i = t->n; i < ranks; i++) {
		struct task again = t->v[i % t->operators];

		again.seed += (unsigned long)(i / t->operators);
		push(a, t, again);
	}
}

static void put_word(struct str *out, const char *word)
{
	str_putn(out, word, strlen(word) + 1);
}

void tasks_words(const struct farm_options *f, const struct task *t,
	double seconds, struct str *out)
{
	put_word(out, f->files.v[t->file]);
	for (int i = 0; i < f->search.n; i++)
		put_word(out, f->search.v[i]);
	put_word(out, arena_printf(out->a, "--op=%s", t->op));
	put_word(out, arena_printf(out->a, "--seed=%lu", t->seed));
	if (seconds > 0)
		put_word(out, arena_printf(out->a, "--time=%.3f", seconds));
}
