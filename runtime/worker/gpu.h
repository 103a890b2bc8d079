/* SPDX-License-Identifier: MIT */
/* Between the files of a GPU as a device: gpu.c, which has the tensors,
 * gpu_launch.c and gpu_time.c. */
#ifndef WPK_RUNTIME_WORKER_GPU_H
#define WPK_RUNTIME_WORKER_GPU_H

#include "runtime/worker/cuda.h"
#include "runtime/worker/worker.h"

enum { SETS_LEAST = 4 };

/* What there is one of in this process. */
struct gpu {
	int number, share;
	bool mps;
	wpk_cu stream, events[2];
	size_t l2_bytes;
	const struct task *task;
	const struct data *inputs;	/* what set 0 holds */
	wpk_cu_pointer base;		/* the sets, one behind the other */
	int n_sets;
	size_t *offsets, set_bytes;	/* of each tensor in a set */
	int turn;			/* the set of the next launch */
	char message[400];
};

extern struct gpu gpu;

struct launcher;
struct library_call;

/* A loaded candidate: functions, calls and launchers by step, memory of its own,
 * which the graph knows, and that once it was timed. */
struct loaded {
	wpk_cu_pointer workspace, prepared, scratch;
	size_t scratch_bytes;
	struct library_call **calls;
	struct launcher **launchers;
	wpk_cu *modules, *functions, exec;
	int launches;
	double one;		/* seconds, from the few */
};

/* "fmt" with two texts. */
struct outcome gpu_fails(const char *verdict, const char *fmt,
	const char *what, const char *error);
/* What a status of the driver's means. */
struct outcome gpu_judge(int status, const char *what);
wpk_cu_pointer gpu_set(int i);

/* ---- gpu_launch.c ---- */

/* The steps of a kind, on the tensors of a set. */
enum which { PREPARING, ALL, TIMED };

struct outcome gpu_launch(const struct candidate *c, enum which which,
	wpk_cu_pointer set);
/* Until all is done. */
struct outcome gpu_wait(const struct candidate *c);

/* ---- gpu_time.c ---- */

struct outcome gpu_time(struct candidate *c, bool thorough, double *s);

#endif
