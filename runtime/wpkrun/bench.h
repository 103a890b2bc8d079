/* SPDX-License-Identifier: MIT */
/* Fair measuring. Contenders do the same work in different ways. All are timed
 * alike: a CUDA graph of many launches, replayed in blocks, A B A B, so that a
 * ratio is one of neighbours in time. Cold, launches go round sets of buffers
 * that together are far larger than the L2 cache; hot, they stay with one. Blocks
 * in which a clock left its usual place do not count. On the emulator all of it
 * runs, and the times are the CPU's. */
#ifndef WPK_RUNTIME_WPKRUN_BENCH_H
#define WPK_RUNTIME_WPKRUN_BENCH_H

#include <jansson.h>

#include "runtime/wpkrun/stats.h"
#include "runtime/wpkrun/wpkrun.h"

enum { BENCH_CONTENDERS = 16 };

/* ---- bench_graph.c: graphs of launches, timed ---- */

/* "turn": the set that was used last. "is_right" runs what a library's algorithm
 * computes, in "workspace" bytes, on "inputs" that it has not seen, and says what is
 * wrong; NULL: nobody knows. */
struct inputs;
struct bench {
	struct session *s;
	struct bench_options o;
	const struct inputs *inputs;
	enum wpk_status (*is_right)(struct bench *b, const struct contender *c,
		size_t workspace, const char **wrong, struct wpk_error *e);
	wpk_cu events[2];
	int n_sets, turn;
};

struct bench_graph {
	wpk_cu exec;
	int launches;
	double one;		/* seconds, roughly */
};

void bench_usual(struct bench_options *o, bool emulated, int device);
enum wpk_status bench_open(struct bench *b, struct session *s,
	const struct bench_options *o, struct wpk_error *e);
/* Seconds a launch, of "n" launches that go round the sets. */
enum wpk_status bench_few(struct bench *b, const struct contender *c, int n,
	double *seconds, struct wpk_error *e);
/* Launches over the first "sets" sets, each as often as any other, for at least
 * "seconds"; replayed once. */
enum wpk_status bench_graph_make(struct bench *b, const struct contender *c,
	int sets, double seconds, struct bench_graph *g, struct wpk_error *e);
void bench_graph_drop(struct bench_graph *g);
/* Seconds a launch, of "n" replays. */
enum wpk_status bench_replay(struct bench *b, const struct bench_graph *g,
	int n, double *seconds, struct wpk_error *e);
/* Bytes a second that a copy on the device reads and writes. */
enum wpk_status bench_copy(struct bench *b, double *bytes_s,
	struct wpk_error *e);

/* ---- bench_blocks.c: contenders taking turns ---- */

/* Of one contender, by block. "why" it was not timed, or "". Clocks (MHz) and
 * watts are means of before and after; 0 where nothing tells them. */
struct bench_series {
	const char *name;
	char why[500];
	int launches;
	double seconds[STATS_BLOCKS], clock[STATS_BLOCKS], watts[STATS_BLOCKS];
};

/* "steady" of "blocks" count: those that "use" says. */
struct bench_blocks {
	int n, blocks, steady, sets;
	bool throttled;
	bool use[STATS_BLOCKS];
	struct bench_series of[BENCH_CONTENDERS];
};

/* One entered the race, its graph made: for graphs that only its maker can
 * make. */
struct bench_entry {
	const char *name;
	struct bench_graph graph;
	struct wpk_error e;
};

/* Times "n" entries side by side, over "sets" sets. One that fails is told in its
 * series and takes no part. */
enum wpk_status bench_blocks(struct bench *b, struct bench_entry *v, int n,
	int sets, struct bench_blocks *out, struct wpk_error *e);

/* ---- bench_best.c: a library at its best ---- */

/* What came of its "n" algorithms, of which the first "tried" were; "wrong" would
 * have been taken but for what they compute. "chosen" is one's place in the
 * enumeration, -1: as the plan has it, or "named". "default_s" is the
 * first's that runs, which is what the library's own heuristic takes; both times
 * are of short graphs. */
struct bench_choice {
	int chosen, n, tried, timed, failed, passed_over, wrong;
	double default_s, chosen_s;
	const char *named;
	char text[200], default_text[200];
	json_t *pinned;
};

/* Takes algorithm "asked" of the enumeration, or of that name; NULL: times all
 * shortly and the best of them fully, and takes the fastest that computes what is
 * right. Where no library serves, nothing is done. */
enum wpk_status bench_choose(struct bench *b, struct contender *c,
	const char *asked, struct bench_choice *out, struct wpk_error *e);

/* ---- bench_report.c ---- */

/* What is told of the whole beside times. "against": the contender whose times
 * ratios are to, -1: none. "copy": bytes a second, 0: not known. */
struct bench_facts {
	int against;
	double bytes, copy;
	const struct bench_choice *choices;	/* by contender */
};

/* Contenders as an array of objects; "hot" may be NULL. */
json_t *bench_report(const struct bench *b, const struct bench_blocks *cold,
	const struct bench_blocks *hot, const struct bench_facts *f);

#endif
