/* SPDX-License-Identifier: MIT */
/* The report: one page of HTML that shows what searches found. It needs nothing
 * but itself: no network, no scripts. Well-formed XML too, so that anything can
 * read it. */
#ifndef WPK_COMPILER_REPORT_REPORT_H
#define WPK_COMPILER_REPORT_REPORT_H

#include "base/vec.h"
#include "schedule/target.h"
#include "search/record_read.h"

/* One search: its records in the order of their candidates. "best" is the least
 * time, INFINITY if nothing was timed. */
struct report_run {
	const char *run, *strategy;
	const struct record_line **lines;
	int n;
	double best;
};

/* Records of one kind of cost for one kernel of one operator on one GPU: they
 * compare. "best" is the line of the least time, or NULL. "number" counts from
 * 1 in the page. */
struct report_problem {
	const struct record_key *key;
	const struct record_line **lines;
	int n;
	struct report_run *runs;
	int n_runs;
	const struct record_line *best;
	int counts[N_VERDICTS];
	int number;
};

struct report {
	struct arena *a;
	const struct record_lines *all;
	struct report_problem *problems;
	int n;
};

/* The page. The same records in the same order give the same bytes. */
void report_print(struct arena *a, const struct record_lines *lines,
	struct str *out);

/* ---- report_data.c ---- */

/* Sort records into problems and runs, in an order of their names. */
struct report report_gather(struct arena *a, const struct record_lines *lines);
/* "predicted by the model"; and a word, "predicted". */
const char *report_how(const struct record_key *k);
const char *report_how_word(const struct record_key *k);
/* The operator's name, with the kernel where it is one of several. */
const char *report_name(struct arena *a, const struct report_problem *p);
/* "fma: split_k=4, tile.block.i=64" */
const char *report_point(struct arena *a, const struct record_line *l);
/* What to type to get that kernel. */
const char *report_command(struct arena *a, const struct record_line *l);

/* ---- report_curves.c, report_bars.c, report_roofline.c ---- */

void report_curve(const struct report *r, const struct report_problem *p,
	struct str *out);
void report_bars(const struct report *r, const struct report_problem *p,
	struct str *out);
void report_rooflines(const struct report *r, struct str *out);

/* ---- report_tables.c ---- */

void report_summary(const struct report *r, struct str *out);
void report_verdicts(const struct report *r, struct str *out);
void report_points(const struct report *r, struct str *out);

#endif
