/* SPDX-License-Identifier: MIT */
/* What there is to choose from, as text: tables of other rooms come in, one
 * line a row goes out. wpk(7) shows the list of directives; a test compares. */
#include <string.h>

#include "driver/options.h"
#include "front/front.h"
#include "schedule/schedule.h"
#include "schedule/target.h"
#include "search/search.h"
#include "sketch/sketch.h"

static void list_gpus(struct str *out)
{
	for (const struct gpu *g = gpu_list(); g->name; g++)
		str_printf(out, "%-10s %-8s %d multiprocessors, %.0f GB/s\n",
			g->name, g->arch, g->sms, g->dram_bytes_s / 1e9);
}

static void list_targets(struct str *out)
{
	for (const struct target *t = target_list(); t->name; t++)
		str_printf(out, "%s\n", t->name);
}

static void list_sketches(struct str *out)
{
	for (const struct sketch *const *s = sketch_list(); *s; s++)
		str_printf(out, "%-12s %s\n", (*s)->name, (*s)->summary);
}

static void list_strategies(struct str *out)
{
	for (const struct strategy *const *s = strategy_list(); *s; s++)
		str_printf(out, "%-12s %s\n", (*s)->name, (*s)->summary);
}

/* A row for each directive of schedules, a column for each sketch. */
static void list_directives(struct str *out)
{
	const struct sketch *const *all = sketch_list();

	str_printf(out, "%-14s", "directive");
	for (int i = 0; all[i]; i++)
		str_printf(out, "%s%s", i ? "  " : "", all[i]->name);
	str_putc(out, '\n');
	for (const char *const *d = front_directives(); *d; d++) {
		if (!front_in_schedule(*d))
			continue;
		str_printf(out, "%-14s", *d);
		for (int i = 0; all[i]; i++)
			str_printf(out, "%s%-*s", i ? "  " : "",
				all[i + 1] ? (int)strlen(all[i]->name) : 0,
				sketch_honours(all[i], *d) ? "yes" : "-");
		str_putc(out, '\n');
	}
}

/* For editors: a word and what it is. */
static void list_words(struct str *out)
{
	static const struct {
		const char *kind;
		const char *const *(*list)(void);
	} kinds[] = {
		{ "keyword", front_keywords }, { "dtype", front_dtypes },
		{ "reducer", front_reducers }, { "function", front_builtins },
		{ "directive", front_directives },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (const char *const *w = kinds[i].list(); *w; w++)
			str_printf(out, "%-10s %s\n", kinds[i].kind, *w);
}

bool lists_print(const char *what, struct str *out)
{
	static const struct {
		const char *name;
		void (*print)(struct str *out);
	} lists[] = {
		{ "gpus", list_gpus }, { "targets", list_targets },
		{ "sketches", list_sketches },
		{ "strategies", list_strategies },
		{ "directives", list_directives }, { "codes", explain_list },
		{ "emits", options_emits }, { "words", list_words },
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (!strcmp(what, lists[i].name)) {
			lists[i].print(out);
			return true;
		}
	return false;
}
