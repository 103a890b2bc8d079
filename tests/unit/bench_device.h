/* SPDX-License-Identifier: MIT */
/* A device that is made up, for what measures: its clock ticks only when work is
 * queued, its cache holds what the last launches touched, NVML tells what the test
 * wants, and a library has the algorithms that it is given. */
#ifndef WPK_TESTS_UNIT_BENCH_DEVICE_H
#define WPK_TESTS_UNIT_BENCH_DEVICE_H

#include "runtime/wpkrun/bench.h"
#include "runtime/wpkrun/call.h"

enum { CACHED = 3, MOST_SETS = 64, GRAPHS = 64, LOG = 4096 };

/* How one computes it. "x" comes first: a contender's subject is its way.
 * "fails": the launch that fails with "code", -1: none. */
struct way {
	struct subject x;
	double cold, hot;	/* seconds a launch */
	int fails, code;
	int launches;
};

/* Seconds below 0: it cannot be made. */
struct library_call {
	const double *seconds, *build;
	const size_t *workspace;
	int n, chosen;
};

struct made_graph {
	double seconds;
	int sets[MOST_SETS], launches;
	char who;
};

/* "order": whose graphs were replayed, by first letters. "mhz" is told question
 * by question, where it is 0: 1700. "library_s": of what is chosen; 0: not a
 * library's. */
struct made_device {
	double now, events[2];
	bool capturing;
	struct made_graph graphs[GRAPHS];
	int n_graphs, n_events, touched[MOST_SETS], launches;
	char order[LOG];
	int n_order;
	double mhz[LOG];
	int asked;
	int released, allocated;
	struct library_call call;
	double library_s;
};

extern struct made_device dev;

/* Everything new. */
void power_on(void);

#endif
